//! Hours: made as lines, shown as a week, given to what takes calls, and kept to.

use super::support::{World, hidden, page, post};

#[tokio::test]
async fn hours_are_made_shown_given_and_kept_to() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let path = "/console/hours/new";
    let form = hidden(&page(&alice, path).await);
    let with = |weekly: &str, dates: &str| {
        format!("{form}&name=Never&timeZone=Europe%2FBerlin&weekly={weekly}&exceptions={dates}")
    };
    // A fault stands beside its field, whether the lines or the API's rules have it.
    for (weekly, dates, fault) in [
        ("monday+8", "", "Line 1: &#39;8&#39; is not like 08:00-17:00."),
        ("moonday+08:00-17:00", "", "day must be one of"),
        ("monday+08:00-17:00,+09:00-18:00", "", "overlap"),
        (
            "",
            "2026-12-25",
            "a date, its hours or closed, and a name are expected",
        ),
    ] {
        let shown = post(&alice, path, &with(weekly, dates))
            .await
            .expect_status(400)
            .text();
        assert!(
            shown.contains(fault) && shown.contains("value=\"Never\""),
            "{fault}: {shown}"
        );
    }
    let made = post(
        &alice,
        path,
        &with("monday+closed", "2040-12-25+closed+Christmas"),
    )
    .await;
    let hours = made.expect_status(303).header("location").to_owned();
    let shown = page(&alice, &hours).await;
    for part in [
        "<td>Monday</td><td>closed</td>",
        "Europe/Berlin",
        "<td>2040-12-25</td><td>closed</td><td>Christmas</td>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("○</span> closed"), "never open: {shown}");

    // Given to a campaign, a link and a number, each of which then takes no call.
    let (_, id) = hours.rsplit_once('/').expect("an id");
    let campaign = "name=Alice+Priority+Tech+Leads&routingStrategy=priority&dialTimeoutSeconds=25&qualifySeconds=30&status=active";
    let link = "maxConcurrency=9&forwardingPriority=0&weight=100&status=active";
    for (place, edit, fields) in [
        ("/console/campaigns/1", "/console/campaigns/1/edit", campaign),
        ("/console/campaigns/1", "/console/campaigns/1/links/1/edit", link),
        (
            "/console/numbers/1",
            "/console/numbers/1/edit",
            "status=active&description=",
        ),
    ] {
        let give = async |id: &str| {
            let form = hidden(&page(&alice, edit).await);
            let sent = post(&alice, edit, &format!("{form}&{fields}&scheduleId={id}")).await;
            assert_eq!(sent.expect_status(303).header("location"), place);
        };
        give(id).await;
        assert!(
            page(&alice, edit)
                .await
                .contains(&format!("<option value=\"{id}\" selected>")),
            "{edit}"
        );
        assert!(
            page(&alice, place).await.contains(&hours),
            "{place} shows its hours"
        );
        let tried = page(&alice, "/console/try?number=%2B18005550101").await;
        assert!(tried.contains("outside the hours"), "{edit}: {tried}");
        give("").await;
        assert!(!page(&alice, place).await.contains(&hours), "{place}");
    }
    assert_eq!(world.route("+18005550101", "pbx1-6.1").await.1, Some(1));

    // Two tabs: what the first one saved stands beside the fields of the second.
    let edit = format!("{hours}/edit");
    let (first, late) = (page(&alice, &edit).await, page(&alice, &edit).await);
    assert!(
        first.contains("monday closed\ntuesday closed\n") && first.contains("2040-12-25 closed Christmas"),
        "{first}"
    );
    let change =
        |form: &str, weekly: &str| format!("{form}&name=Never&timeZone=UTC&weekly={weekly}&exceptions=");
    let open = "monday+00:00-24:00%0D%0Atuesday+08:00-12:00,+13:00-17:00";
    post(&alice, &edit, &change(&hidden(&first), open))
        .await
        .expect_status(303);
    let both = post(&alice, &edit, &change(&hidden(&late), "sunday+1:00-2:00"))
        .await
        .expect_status(412)
        .text();
    assert!(
        both.contains("Saved now: monday 00:00-24:00; tuesday 08:00-12:00, 13:00-17:00; wednesday closed"),
        "{both}"
    );
    let delete = format!("{hours}/delete");
    let form = hidden(&page(&alice, &delete).await);
    post(&alice, &delete, &form).await.expect_status(303);
    alice.get(&hours).await.expect_status(404);
}

#[tokio::test]
async fn a_client_has_hours_of_the_platform_alone() {
    let world = World::new().await;
    let staff = world.logged_in("ops_staff").await;
    let edit = "/console/clients/1/edit";
    let shown = page(&staff, edit).await;
    assert!(
        shown.contains("Nights (UTC") && !shown.contains("Office hours"),
        "{shown}"
    );
    let fields = "name=Alpha+Corp&status=active&scheduleId=2&timeZone=America%2FChicago&minSecondsBetween=&department=&notes=By+night";
    let sent = post(&staff, edit, &format!("{}&{fields}", hidden(&shown))).await;
    assert_eq!(sent.expect_status(303).header("location"), "/console/clients/1");
    let client = page(&staff, "/console/clients/1").await;
    assert!(
        client.contains("/console/hours/2") && client.contains("By night"),
        "{client}"
    );
    // However many others come before it in the list: of sellers, then of the platform.
    let db = world.db.superuser().await;
    for owner in ["3", "null"] {
        let others = format!(
            "insert into capconduit.schedules (user_id, name) select {owner}, 'A ' || coalesce({owner}::text, '') || n from generate_series(1, 600) n"
        );
        db.batch_execute(&others).await.expect("schedules");
        let offered = page(&staff, edit).await;
        assert!(offered.contains("Nights (UTC"), "{owner}");
    }
    db.batch_execute("delete from capconduit.schedules where name like 'A %'")
        .await
        .expect("they go");
    // While something has them, they stay.
    let form = hidden(&page(&staff, "/console/hours/2/delete").await);
    post(&staff, "/console/hours/2/delete", &form)
        .await
        .expect_status(409);
    // A seller attaches the platform's, and does not change them.
    let alice = world.logged_in("seller_alice").await;
    assert!(
        page(&alice, "/console/numbers/1/edit")
            .await
            .contains("the platform")
    );
    assert!(!page(&alice, "/console/hours/2").await.contains("/edit"));
    alice.get("/console/hours/2/edit").await.expect_status(403);
}

#[tokio::test]
async fn dates_are_imported_from_a_calendar_and_from_csv() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let path = "/console/hours/1/import";
    let form = hidden(&page(&alice, path).await);
    let calendar = "BEGIN%3AVCALENDAR%0D%0AVERSION%3A2.0%0D%0ABEGIN%3AVEVENT%0D%0ADTSTART%3BVALUE%3DDATE%3A20401225%0D%0A\
                    SUMMARY%3AChristmas%0D%0AEND%3AVEVENT%0D%0AEND%3AVCALENDAR%0D%0A";
    let csv = "date%2Cname%2Copens%2Ccloses%0D%0A2040-12-24%2CChristmas+Eve%2C09%3A00%2C13%3A00%0D%0A";
    for lines in [calendar, csv] {
        let form = hidden(&page(&alice, path).await);
        let sent = post(&alice, path, &format!("{form}&lines={lines}")).await;
        assert_eq!(sent.expect_status(303).header("location"), "/console/hours/1");
    }
    let shown = page(&alice, "/console/hours/1").await;
    for part in [
        "<td>2040-12-25</td><td>closed</td><td>Christmas</td>",
        "<td>2040-12-24</td><td>09:00-13:00</td><td>Christmas Eve</td>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Each faulty line is told, beside the lines.
    for (lines, fault) in [
        (
            "date%2Cname%0D%0Asoon%2CChristmas%0D%0A2040-13-01%2Cx",
            "Line 2: date:",
        ),
        ("nothing", "is-wrong"),
        ("", "required"),
    ] {
        let told = post(&alice, path, &format!("{form}&lines={lines}"))
            .await
            .expect_status(400)
            .text();
        assert!(
            told.contains(fault) && told.contains("is-wrong"),
            "{fault}: {told}"
        );
    }
}
