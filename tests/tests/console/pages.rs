//! What the pages show and do: forms by the API's rules, the bar of a cap, the reason of a link, what is typed shown as text.

use super::support::{World, hidden, page, post};

#[tokio::test]
async fn a_campaign_is_made_filled_and_its_reason_turns() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;

    // A number that is in no campaign yet; each line has its own answer.
    let lines = "numbers=%2B15550001111%2C+spring%0D%0A%2B15550001111%0D%0Anonsense%0D%0A";
    let added = post(&alice, "/console/numbers/new", lines)
        .await
        .expect_status(200)
        .text();
    assert!(added.contains("1 of 3 numbers added"), "{added}");
    assert!(
        added.contains("same number as in line 1") && added.contains("E.164 is expected"),
        "{added}"
    );

    let path = "/console/campaigns/new";
    let form = format!(
        "{}&name=Spring+Leads&routingStrategy=priority&dialTimeoutSeconds=25&status=active",
        hidden(&page(&alice, path).await)
    );
    let made = post(&alice, path, &form).await.expect_status(303);
    let campaign = made.header("location").to_owned();
    // The same form sent once more makes no second campaign.
    let again = post(&alice, path, &form).await.expect_status(303);
    assert_eq!(again.header("location"), campaign);
    // Without keys, forms have nothing to do with one another.
    let keyless =
        |name: &str| format!("name={name}&routingStrategy=priority&dialTimeoutSeconds=25&status=active");
    for name in ["One", "Two"] {
        post(&alice, path, &keyless(name)).await.expect_status(303);
    }
    let empty = page(&alice, &campaign).await;
    assert!(
        empty.contains("No link yet") && empty.contains("No active number leads here"),
        "{empty}"
    );

    let path = format!("{campaign}/links/new");
    let form = hidden(&page(&alice, &path).await);
    // A fault stands beside its field, and what was typed is still there.
    let wrong = "clientId=1&maxConcurrency=many&forwardingPriority=0&weight=7&status=active";
    let shown = post(&alice, &path, &format!("{form}&{wrong}"))
        .await
        .expect_status(400)
        .text();
    assert!(
        shown.contains("value=\"many\"") && shown.contains("aria-invalid") && shown.contains("value=\"7\""),
        "{shown}"
    );
    let right = "clientId=1&maxConcurrency=2&totalCallsAllowed=&minSecondsBetween=&forwardingPriority=0&weight=7&status=active";
    post(&alice, &path, &format!("{form}&{right}"))
        .await
        .expect_status(303);

    let numbers = page(&alice, "/console/numbers?q=%2B15550001111").await;
    let (_, rest) = numbers
        .split_once("/console/numbers/new")
        .expect("a way to add more");
    let (_, rest) = rest
        .split_once("<td><a href=\"/console/numbers/")
        .expect("the number");
    let did = rest.split('"').next().expect("its id");
    let id = campaign.rsplit('/').next().expect("an id");
    post(
        &alice,
        &format!("/console/numbers/{did}/assign"),
        &format!("campaignId={id}"),
    )
    .await
    .expect_status(303);

    let open = page(&alice, &campaign).await;
    assert!(
        open.contains("0 of 2 at one time") && open.contains("takes calls"),
        "{open}"
    );
    for (call, bar) in [
        ("pbx1-7.1", "1 of 2 at one time"),
        ("pbx1-7.2", "2 of 2 at one time"),
    ] {
        assert_eq!(world.route("+15550001111", call).await.0, "ok");
        let shown = page(&alice, &campaign).await;
        assert!(shown.contains(bar), "{shown}");
    }
    let full = page(&alice, &campaign).await;
    assert!(full.contains("full: as many calls at one time"), "{full}");
    assert_eq!(world.route("+15550001111", "pbx1-7.3").await.0, "reject");
    let tried = page(&alice, "/console/try?number=%2B15550001111").await;
    assert!(tried.contains("is refused now"), "{tried}");
    assert!(
        page(&alice, "/console")
            .await
            .contains("<dt>Calls now</dt><dd>2</dd>")
    );
}

#[tokio::test]
async fn a_change_made_for_an_older_version_shows_both() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let path = "/console/campaigns/1/links/1/edit";
    let (tab, other) = (
        hidden(&page(&alice, path).await),
        hidden(&page(&alice, path).await),
    );
    let with = |form: &str, most: i32| {
        format!(
            "{form}&maxConcurrency={most}&totalCallsAllowed=5000&forwardingPriority=0&weight=100&status=active"
        )
    };
    post(&alice, path, &with(&tab, 4)).await.expect_status(303);
    // A second click, and a form that is sent once more with other values.
    post(&alice, path, &with(&tab, 4)).await.expect_status(303);
    let reused = post(&alice, path, &with(&tab, 5)).await.expect_status(422).text();
    assert!(
        reused.contains("sent already") && reused.contains("value=\"5\""),
        "{reused}"
    );
    let shown = post(&alice, path, &with(&other, 6))
        .await
        .expect_status(412)
        .text();
    assert!(
        shown.contains("Saved now: 4.") && shown.contains("value=\"6\""),
        "{shown}"
    );
    let again = format!(
        "{}&maxConcurrency=6&totalCallsAllowed=5000&forwardingPriority=0&weight=100&status=active",
        hidden(&shown)
    );
    post(&alice, path, &again).await.expect_status(303);
    assert!(
        page(&alice, "/console/campaigns/1")
            .await
            .contains("0 of 6 at one time")
    );
}

#[tokio::test]
async fn what_a_page_asks_first_is_done_when_it_is_sent() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let campaign = "/console/campaigns/1";
    for (part, gone) in [
        ("numbers/1/remove", "+18005550101"),
        ("links/2/delete", "Beta Industries"),
    ] {
        let path = format!("{campaign}/{part}");
        assert!(page(&alice, campaign).await.contains(gone), "{part}");
        let form = hidden(&page(&alice, &path).await);
        let done = post(&alice, &path, &form).await.expect_status(303);
        assert_eq!(done.header("location"), campaign);
        assert!(!page(&alice, campaign).await.contains(gone), "{part}");
    }
    let path = format!("{campaign}/delete");
    let old = hidden(&page(&alice, &path).await);
    let edit = format!("{campaign}/edit");
    let change = format!(
        "{}&name=Renamed&routingStrategy=priority&dialTimeoutSeconds=25&qualifySeconds=30&status=active",
        hidden(&page(&alice, &edit).await)
    );
    post(&alice, &edit, &change).await.expect_status(303);
    let asked = post(&alice, &path, &old).await.expect_status(412).text();
    let done = post(&alice, &path, &hidden(&asked)).await.expect_status(303);
    assert_eq!(done.header("location"), "/console");
    alice.get(campaign).await.expect_status(404);
}

#[tokio::test]
async fn a_campaign_and_a_link_are_paused_and_opened() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let campaign = "/console/campaigns/1";
    for what in [campaign, "/console/campaigns/1/links/1"] {
        let (path, lift) = (format!("{what}/pause"), format!("{what}/lift"));
        assert!(page(&alice, campaign).await.contains(&path));
        let form = hidden(&page(&alice, &path).await);
        let sent = async |fields: &str| post(&alice, &path, &format!("{form}&{fields}")).await;
        for (fields, fault) in [
            ("until=&reason=", "aria-invalid=\"true\""),
            ("until=tomorrow&reason=x", "Not a valid ISO 8601 time."),
            ("until=2020-01-01T00:00Z&reason=x", "Must be in the future."),
        ] {
            let shown = sent(fields).await.expect_status(400).text();
            assert!(shown.contains(fault), "{fields}: {shown}");
        }
        let right = "until=2100-01-01T01:00%2B01:00&reason=Holidays";
        assert_eq!(sent(right).await.expect_status(303).header("location"), campaign);
        let shown = page(&alice, campaign).await;
        assert!(
            shown.contains("paused until 2100-01-01 00:00:00 UTC: Holidays") && shown.contains(&lift),
            "{shown}"
        );
        assert_ne!(world.route("+18005550101", what).await.1, Some(1));
        let asked = hidden(&page(&alice, &lift).await);
        post(&alice, &lift, &asked).await.expect_status(303);
        assert!(!page(&alice, campaign).await.contains("Holidays"));
    }
    assert_eq!(world.route("+18005550101", "after").await.1, Some(1));
}

#[tokio::test]
async fn a_link_s_caps_are_made_changed_and_removed() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let campaign = "/console/campaigns/1";
    let path = "/console/campaigns/1/links/1/caps/new";
    assert!(page(&alice, campaign).await.contains(path));
    let form = hidden(&page(&alice, path).await);
    // A fault stands beside its field, and what was chosen and typed is still there.
    let sent = async |fields: &str| post(&alice, path, &format!("{form}&{fields}")).await;
    for (fields, kept, fault) in [
        (
            "counts=qualified&window=week&limit=many&enforce=false&note=",
            "<option value=\"week\" selected>",
            "aria-invalid=\"true\"",
        ),
        (
            "counts=answered&window=day&limit=-1&enforce=true&note=",
            "value=\"-1\"",
            "aria-invalid=\"true\"",
        ),
        (
            "counts=answered&window=day&limit=&enforce=true&note=",
            "value=\"\"",
            "aria-invalid=\"true\"",
        ),
        (
            "counts=answered&window=concurrent&limit=5&enforce=true&note=",
            "<option value=\"concurrent\" selected>",
            "Calls at one time are counted as offered.",
        ),
    ] {
        let shown = sent(fields).await.expect_status(400).text();
        assert!(shown.contains(kept) && shown.contains(fault), "{fields}: {shown}");
    }
    let right = "counts=answered&window=day&limit=2&enforce=true&note=by+mail";
    for _ in ["sent", "sent once more"] {
        assert_eq!(sent(right).await.expect_status(303).header("location"), campaign);
    }
    let other = hidden(&page(&alice, path).await);
    let second = post(&alice, path, &format!("{other}&{right}")).await;
    assert!(second.expect_status(409).text().contains("change that one"));
    let shown = page(&alice, campaign).await;
    assert!(
        shown.contains("answered calls a day")
            && shown.contains("0 used + 0 in flight of 2, 2 left, resets at"),
        "{shown}"
    );

    for call in ["a", "b"] {
        assert_eq!(world.route("+18005550101", call).await.1, Some(1));
    }
    let full = page(&alice, campaign).await;
    assert!(
        full.contains("0 used + 2 in flight of 2, 0 left")
            && full.contains("full: all calls that it may have today"),
        "{full}"
    );

    // Two tabs: what the first one saved stands beside the field of the second.
    let (_, rest) = full
        .split_once("/console/campaigns/1/caps/")
        .expect("a way to change it");
    let id = rest.split('/').next().expect("its id");
    let edit = format!("/console/campaigns/1/caps/{id}/edit");
    let (first, late) = (page(&alice, &edit).await, page(&alice, &edit).await);
    assert!(
        first.contains("Now: 0 used + 2 in flight of 2") && first.contains("value=\"by mail\""),
        "{first}"
    );
    let closed = format!("{}&limit=0&enforce=false&note=", hidden(&first));
    post(&alice, &edit, &closed).await.expect_status(303);
    let shown = page(&alice, campaign).await;
    assert!(shown.contains("closed (0), warns only"), "{shown}");
    let late = format!("{}&limit=9&enforce=true&note=", hidden(&late));
    let both = post(&alice, &edit, &late).await.expect_status(412).text();
    for part in [
        "Saved now: closed (0).",
        "Saved now: a warning alone.",
        "Saved now: empty.",
        "value=\"9\"",
    ] {
        assert!(both.contains(part), "{part}: {both}");
    }
    let again = format!("{}&limit=9&enforce=true&note=", hidden(&both));
    post(&alice, &edit, &again).await.expect_status(303);
    assert!(
        page(&alice, campaign)
            .await
            .contains("0 used + 2 in flight of 9, 7 left")
    );

    // Of another campaign it is not; the platform's is seen, and no more.
    for path in [
        edit.replacen('1', "2", 1),
        format!("/console/campaigns/2/caps/{id}/delete"),
    ] {
        alice.get(&path).await.expect_status(404);
    }
    let owner = world.db.connect_as(capconduit_tests::ADMIN).await;
    let sql = "insert into capconduit.caps (link_id, counts, span, set_by, max_calls)
               values (1, 'offered', 'hour', 'platform', 7) returning id";
    let theirs: i64 = owner.query_one(sql, &[]).await.expect("a cap").get(0);
    let shown = page(&alice, campaign).await;
    assert!(
        shown.contains("offered calls an hour, set by the platform")
            && !shown.contains(&format!("/caps/{theirs}/")),
        "{shown}"
    );
    for what in ["edit", "delete"] {
        let path = format!("/console/campaigns/1/caps/{theirs}/{what}");
        alice.get(&path).await.expect_status(403);
        post(&alice, &path, "_version=1&limit=1").await.expect_status(403);
    }

    let delete = format!("/console/campaigns/1/caps/{id}/delete");
    let asked = page(&alice, &delete).await;
    assert!(
        asked.contains("The cap of answered calls a day (0 used + 2 in flight of 9"),
        "{asked}"
    );
    post(&alice, &delete, &hidden(&asked)).await.expect_status(303);
    assert!(!page(&alice, campaign).await.contains("answered calls a day"));
}

#[tokio::test]
async fn markup_in_a_caller_s_name_is_text_and_a_call_tells_its_story() {
    let world = World::new().await;
    let owner = world.db.connect_as(capconduit_tests::ADMIN).await;
    let name = "<img src=x onerror=alert(1)>\"'";
    let sql = "update capconduit.call_logs set caller_id_name = $1";
    owner.execute(sql, &[&name]).await.expect("a name");
    let alice = world.logged_in("seller_alice").await;
    let calls = page(&alice, "/console/calls").await;
    assert!(
        !calls.contains("<img") && calls.contains("&#60;img src=x"),
        "{calls}"
    );
    let (_, rest) = calls.split_once("<td><a href=\"/console/calls/").expect("a call");
    let id = rest.split('"').next().expect("its id");
    let call = page(&alice, &format!("/console/calls/{id}")).await;
    assert!(
        !call.contains("<img") && call.contains("Came in") && call.contains("Uniqueid"),
        "{call}"
    );
    let csv = alice
        .get("/console/calls.csv?call_status=ANSWERED")
        .await
        .expect_status(200);
    assert!(csv.content_type().starts_with("text/csv"));
    assert!(!csv.text().contains("BUSY"));
    // Fields that were left empty are no filters, and one of them narrows.
    let filtered = page(&alice, "/console/calls?caller=&call_status=answered&start_date=").await;
    assert!(
        filtered.contains("<td>answered</td>") && !filtered.contains("<td>busy</td>"),
        "{filtered}"
    );
}

/// Of every strategy but by chance: whoever is named is who gets the call, whichever link was made first.
#[tokio::test]
async fn who_is_named_for_a_number_gets_the_next_call() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let owner = world.db.connect_as(capconduit_tests::ADMIN).await;
    let did = "+18005550101";
    for (number, strategy) in ["priority", "round_robin", "priority", "round_robin"]
        .iter()
        .enumerate()
    {
        let sql = format!(
            "update capconduit.campaigns set routing_strategy = '{strategy}', status = 'active';
             update capconduit.campaign_client_settings set forwarding_priority = 1000 - id, max_concurrency = 9"
        );
        owner.batch_execute(&sql).await.expect("settings");
        let tried = page(&alice, "/console/try?number=%2B18005550101").await;
        let (status, link) = world.route(did, &format!("call-{number}")).await;
        assert_eq!(status, "ok");
        let sql = "select k.client_identifier from capconduit.clients k
                     join capconduit.campaign_client_settings s on s.client_id = k.id where s.id = $1";
        let client: String = owner.query_one(sql, &[&link]).await.expect("a client").get(0);
        assert!(
            tried.contains(&format!("goes to {client}.")),
            "{strategy}: {client}: {tried}"
        );
    }
    let log = "select id from capconduit.call_logs where asterisk_uniqueid = 'call-0'";
    let sql = "select from capconduit.log_call('call-0', $1, 'ANSWERED')";
    world.switch.execute(sql, &[&did]).await.expect("a record");
    let id: i64 = owner.query_one(log, &[]).await.expect("its id").get(0);
    let story = page(&alice, &format!("/console/calls/{id}")).await;
    assert!(
        story.contains("Decision 1") && story.contains("● picked"),
        "{story}"
    );
    // A filter that does not exist must not show everything.
    alice.get("/console/calls?campain_id=3").await.expect_status(400);
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    for path in ["/console", "/console/campaigns/1", "/console/calls"] {
        let tag = alice.get(path).await.expect_status(200).header("etag").to_owned();
        let asking = alice.with("if-none-match", &tag);
        assert_eq!(asking.get(path).await.expect_status(304).text(), "", "{path}");
    }
    assert_eq!(world.route("+18005550101", "pbx1-8.1").await.0, "ok");
    let page = alice.get("/console/campaigns/1").await;
    assert!(page.expect_status(200).text().contains("1 of 10 at one time"));
}

#[tokio::test]
async fn the_audit_tells_who_changed_what() {
    let world = World::new().await;
    let staff = world.logged_in("ops_staff").await;
    let path = "/console/clients/2/caps/2/edit";
    let change = format!(
        "{}&limit=12&enforce=true&note=More+seats",
        hidden(&page(&staff, path).await)
    );
    post(&staff, path, &change).await.expect_status(303);
    let told = page(&staff, "/console/audit?object_type=cap&object_id=2&action=update").await;
    for part in [
        ">ops_staff</a>",
        ">cap 2</a>",
        "<small>max calls</small> 10 → 12",
        "→ More seats",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let none = page(&staff, "/console/audit?object_type=cap&object_id=2&action=delete").await;
    assert!(none.contains("Nothing was changed that fits"), "{none}");
    assert!(page(&staff, "/console/audit").await.contains("<td>login</td>"));
    staff.get("/console/audit?objekt=cap").await.expect_status(400);
}

#[tokio::test]
async fn search_leads_to_a_number_a_call_a_campaign_or_a_client() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let staff = world.logged_in("ops_staff").await;
    for (who, query, target) in [
        (&alice, "18005550101", "/console/try?number=%2B18005550101"),
        (&alice, "alice+priority", "/console/campaigns/1"),
        (&staff, "alpha", "/console/clients/1"),
        (&staff, "%2B13105550103", "/console/try?number=%2B13105550103"),
    ] {
        let found = who.get(&format!("/console/search?q={query}")).await;
        assert_eq!(found.expect_status(303).header("location"), target, "{query}");
    }
    // Another seller's number and campaign are not there.
    for query in ["13105550103", "bob+weighted"] {
        let found = page(&alice, &format!("/console/search?q={query}")).await;
        assert!(found.contains("Nothing begins with this"), "{query}: {found}");
    }
}
