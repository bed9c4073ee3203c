//! What a page does by itself: it follows the calls, leaves what somebody types alone, rests while it is hidden, and leads to the login
//! and back when the session has ended.

use std::time::Duration;

use capconduit_tests::eventually;

use super::somebody;
use crate::console::support::World;

const NUMBER: &str = "+18005550101";
/// How often the page has asked since it was loaded.
const ASKED: &str =
    "performance.getEntriesByType('resource').filter((one) => one.initiatorType == 'fetch').length";

#[tokio::test]
async fn typed_text_and_the_focus_survive_a_refresh() {
    let world = World::new().await;
    let alice = somebody(&world, "seller_alice").await;
    alice.open("/console").await;
    alice.fill("input[type=search]", "half a na").await;
    assert_eq!(world.route(NUMBER, "pbx1-9.1").await.0, "ok");
    alice.shows("1 of 10 at one time").await;
    let kept = "document.activeElement.name == 'q' && document.activeElement.value == 'half a na'";
    assert!(alice.is_true(kept).await);
    // What is selected in a part that changes stays, too, and comes later.
    let select = "getSelection().selectAllChildren(document.querySelector('#figures dl'))";
    alice.value(select).await;
    let selected = alice.value("String(getSelection())").await;
    assert_eq!(world.route(NUMBER, "pbx1-9.2").await.0, "ok");
    alice.shows("2 of 10 at one time").await;
    assert_eq!(alice.value("String(getSelection())").await, selected);
    alice.value("getSelection().removeAllRanges()").await;
    eventually("the part that was held back is there", async || {
        alice
            .value("document.querySelector('#figures dd').textContent")
            .await
            == "2"
    })
    .await;
    alice.assert_clean().await;
}

/// Minimized by WebDriver, which hides the tab as a person does.
#[tokio::test]
async fn a_hidden_tab_asks_nothing() {
    let world = World::new().await;
    let alice = somebody(&world, "seller_alice").await;
    alice.open("/console").await;
    eventually("the page has asked", async || alice.value(ASKED).await != 0).await;
    alice.minimize().await;
    eventually("the tab is hidden", async || {
        alice.is_true("document.hidden").await
    })
    .await;
    let before = alice.value(ASKED).await;
    // Three times as long as the page waits.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(alice.value(ASKED).await, before);
    assert_eq!(world.route(NUMBER, "pbx1-9.1").await.0, "ok");
    alice.restore().await;
    alice.shows("1 of 10 at one time").await;
    alice.assert_clean().await;
}

#[tokio::test]
async fn a_session_that_ends_leads_to_the_login_and_back_to_the_page() {
    let world = World::new().await;
    let alice = somebody(&world, "seller_alice").await;
    let page = "/console/calls?call_status=answered";
    alice.open(page).await;
    let ended = "delete from capconduit.sessions";
    world
        .db
        .superuser()
        .await
        .execute(ended, &[])
        .await
        .expect("ended");
    // The page finds out by itself.
    alice.shows("User name").await;
    alice.fill("#username", "seller_alice").await;
    alice.fill("#password", "password").await;
    alice.send().await;
    alice.expect_path(page).await;
    alice.assert_clean().await;
}

#[tokio::test]
async fn markup_of_a_caller_is_text_and_a_foreign_campaign_is_not_there() {
    let world = World::new().await;
    let name = "<img src=/x onerror=window.hacked=1><script>window.hacked=1</script>";
    let sql = "update capconduit.call_logs set caller_id_name = $1";
    let owner = world.db.superuser().await;
    owner.execute(sql, &[&name]).await.expect("a name");
    let alice = somebody(&world, "seller_alice").await;
    alice.open("/console/calls").await;
    alice.shows(name).await;
    alice.click("#calls td a").await;
    alice.shows("Came in").await;
    alice.shows(name).await;
    assert!(
        alice
            .is_true("window.hacked === undefined && !document.querySelector('main img')")
            .await
    );
    alice.assert_clean().await;

    alice.open("/console/campaigns/3").await;
    alice.shows("Not found").await;
    assert!(!alice.text().await.contains("Bob"));
    alice.assert_clean_but(&["404"]).await;
}
