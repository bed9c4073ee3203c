//! A seller's work from the first login on, and the same by keyboard alone.

use capconduit_tests::eventually;

use super::somebody;
use crate::console::support::World;

const NUMBER: &str = "+15550001111";

#[tokio::test]
async fn a_campaign_is_made_its_bar_fills_and_its_reason_turns() {
    let world = World::uncapped().await;
    let alice = somebody(&world, "seller_alice").await;
    alice.follow("New campaign").await;
    alice.fill("#name", "Spring Leads").await;
    alice.send().await;
    alice.shows("No link yet").await;
    let campaign = alice.path().await;

    alice.follow("Add a link").await;
    alice.choose("#clientId", "1").await;
    alice.fill("#maxConcurrency", "9").await;
    alice.send().await;
    alice.expect_path(&campaign).await;
    alice.follow("Add a cap").await;
    alice.choose("#counts", "answered").await;
    alice.choose("#window", "day").await;
    alice.fill("#limit", "2").await;
    alice.send().await;
    alice.expect_path(&campaign).await;

    alice.follow("Numbers").await;
    alice.follow("Add numbers").await;
    alice.fill("#numbers", &format!("{NUMBER}, spring")).await;
    alice.send().await;
    alice.shows("1 of 1 numbers added").await;
    alice.open("/console/numbers?q=%2B15550001111").await;
    alice.follow("Assign").await;
    let (_, id) = campaign.rsplit_once('/').expect("an id");
    alice.choose("#campaignId", id).await;
    alice.send().await;
    alice.expect_path(&campaign).await;
    alice.shows("0 used + 0 in flight of 2, 2 left").await;
    alice.shows("takes calls").await;

    // From here on the page is not touched: it follows what the switch asks.
    let flying = "document.querySelector('#links td.caps .cap .flying').getAttribute('width')";
    for (call, left, bar) in [("pbx1-7.1", 1, "500"), ("pbx1-7.2", 0, "1000")] {
        assert_eq!(world.route(NUMBER, call).await.0, "ok");
        let text = format!("0 used + {} in flight of 2, {left} left", 2 - left);
        alice.shows(&text).await;
        assert_eq!(alice.value(flying).await, bar);
    }
    alice.shows("full: all calls that it may have today").await;
    alice.shows(&format!("A call to {NUMBER} is refused now")).await;
    assert_eq!(world.route(NUMBER, "pbx1-7.3").await.0, "reject");
    for (call, outcome) in [("pbx1-7.1", "ANSWERED"), ("pbx1-7.2", "BUSY")] {
        let sql = "select from capconduit.log_call($1, $2, $3)";
        let ended = world.switch.execute(sql, &[&call, &NUMBER, &outcome]).await;
        ended.expect("a record");
    }
    alice.shows("1 used + 0 in flight of 2, 1 left").await;
    alice.shows("takes calls").await;
    alice.assert_clean().await;

    // Back, over forms that were sent: each page is asked for, and none is sent again.
    alice.follow("Overview").await;
    alice.expect_path("/console").await;
    alice.back().await;
    alice.expect_path(&campaign).await;
    alice.back().await;
    alice.shows(&format!("Assign {NUMBER}")).await;
    alice.open("/console").await;
    let made = "[...document.querySelectorAll('#campaigns h3 a')].filter((one) => one.textContent == 'Spring Leads').length";
    assert_eq!(alice.value(made).await, 1);
    alice.assert_clean().await;
}

/// Tab, Enter and letters: the key of the search box, a link, a form, and out again.
#[tokio::test]
async fn everything_can_be_done_by_keyboard() {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    let world = World::new().await;
    let alice = somebody(&world, "seller_alice").await;
    let focus = "document.activeElement.textContent || document.activeElement.name";
    let to = async |what: &str| {
        for _ in 0..40 {
            if alice.value(focus).await == what {
                return;
            }
            alice.press(TAB).await;
        }
        panic!("{what} is not reached: {}", alice.text().await);
    };
    // The first stop of a page leads over its menu.
    alice.open("/console").await;
    alice.press(TAB).await;
    assert_eq!(alice.value(focus).await, "To the content");
    assert!(
        alice
            .is_true("document.activeElement.getBoundingClientRect().left > 0")
            .await
    );
    alice.press(ENTER).await;
    to("New campaign").await;
    assert!(
        alice
            .is_true("getComputedStyle(document.activeElement).outlineStyle == 'solid'")
            .await,
        "where the focus is can be seen"
    );
    alice.press(ENTER).await;
    alice.shows("Which link gets a call").await;
    to("name").await;
    alice.press("By keyboard").await;
    // Enter in a field sends the form.
    alice.press(ENTER).await;
    alice.shows("No link yet").await;
    assert!(alice.text().await.contains("By keyboard"));

    alice.press("/").await;
    assert_eq!(alice.value(focus).await, "q");
    alice.press("18005550101").await;
    alice.press(ENTER).await;
    alice.expect_path("/console/try?number=%2B18005550101").await;
    to("Log out").await;
    alice.press(ENTER).await;
    alice.expect_path("/console/login").await;
    alice.assert_clean().await;
}

/// The script puts the file's text into the field, so that what is sent is what is seen.
#[tokio::test]
async fn a_list_of_callers_is_imported_from_a_file() {
    let world = World::uncapped().await;
    let alice = somebody(&world, "seller_alice").await;
    alice.open("/console/callers/import").await;
    let chosen = alice
        .is_true(
            "(() => { const list = new DataTransfer(); list.items.add(new File(['+4930123456\\nnobody\\n'], 'list.csv')); \
             const field = document.querySelector('input[type=file]'); field.files = list.files; \
             field.dispatchEvent(new Event('change')); return field.offsetParent !== null; })()",
        )
        .await;
    assert!(chosen, "the field is not shown");
    eventually("the file's text is in the field", async || {
        alice.value("document.getElementById('lines').value").await == "+4930123456\nnobody\n"
    })
    .await;
    alice.send().await;
    alice.shows("1 new, 0 changed, 1 faulty").await;
    alice.assert_clean().await;
}
