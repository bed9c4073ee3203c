//! Callers: blocked from a call's page, listed, taken off again, imported and exported; and forgotten by staff.

use super::support::{World, form_urlencoded, hidden, page, post};

#[tokio::test]
async fn a_caller_is_blocked_from_a_call_and_taken_off_again() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let empty = page(&alice, "/console/callers").await;
    assert!(empty.contains("No caller is marked yet"), "{empty}");
    // From the page of a call that it made.
    let record = "select from capconduit.log_call('pbx1-1.1', '+18005550101', 'ANSWERED', caller_number => '+15551230001')";
    world.switch.batch_execute(record).await.expect("a record");
    let calls = page(&alice, "/console/calls?caller=%2B15551230001").await;
    let (_, rest) = calls
        .split_once("<td><a href=\"/console/calls/")
        .expect("the call");
    let call = page(
        &alice,
        &format!("/console/calls/{}", rest.split('"').next().expect("its id")),
    )
    .await;
    let path = "/console/callers/new?caller=%2B15551230001";
    assert!(call.contains(path), "{call}");

    let shown = page(&alice, path).await;
    for part in [
        "value=\"+15551230001\"",
        "<option value=\"seller\">all my campaigns",
        "<option value=\"campaign/1\">campaign Alice Priority Tech Leads",
        "<option value=\"link/1\">link Alice Priority Tech Leads: Alpha Corp",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("Bob"), "{shown}");
    let form = hidden(&shown);
    let with = |place: &str, caller: &str, until: &str| {
        format!("{form}&where={place}&caller={caller}&kind=blocked&until={until}&note=Robot+%3Cb%3E")
    };
    for (form, fault) in [
        (with("campaign%2F1", "abc", ""), "A number is expected"),
        (
            with("nowhere%2F1", "%2B15551230001", ""),
            "One of these is expected",
        ),
        (
            with("campaign%2Fone", "%2B15551230001", ""),
            "One of these is expected",
        ),
        (
            with("campaign%2F1", "%2B15551230001", "2001-01-01"),
            "Must be in the future",
        ),
        (
            with("client%2F1", "%2B15551230001", ""),
            "One of one&#39;s own is expected",
        ),
    ] {
        let shown = post(&alice, path, &form).await.expect_status(400).text();
        assert!(shown.contains(fault), "{fault}: {shown}");
    }
    let made = post(&alice, path, &with("campaign%2F1", "%2B15551230001", "")).await;
    let list = made.expect_status(303).header("location").to_owned();
    assert_eq!(list, "/console/callers?caller=%2B15551230001");
    let shown = page(&alice, &list).await;
    for part in [
        "■ blocked",
        "campaign Alice Priority Tech Leads",
        "for ever",
        "Robot &#60;b&#62;",
        "by seller_alice",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The engine keeps to it.
    let asked = "select status, reason from capconduit.route_call('+18005550101', 'pbx1-1.2', caller_number => '+15551230001')";
    let row = world.switch.query_one(asked, &[]).await.expect("an answer");
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, &str>(1)),
        ("reject", "caller_blocked")
    );
    // A second one is told, and another click on the first form makes none.
    post(&alice, path, &with("campaign%2F1", "%2B15551230001", ""))
        .await
        .expect_status(303);
    let other = hidden(&page(&alice, path).await);
    let again = format!("{other}&where=campaign%2F1&caller=%2B15551230001&kind=blocked&until=&note=");
    let told = post(&alice, path, &again).await.expect_status(409).text();
    assert!(told.contains("blocked there already"), "{told}");
    assert!(
        page(&alice, "/console/callers?campaign_id=1")
            .await
            .contains("+15551230001")
    );
    assert!(
        page(&alice, "/console/callers?kind=allowed")
            .await
            .contains("No caller is marked so")
    );
    alice.get("/console/callers?colour=red").await.expect_status(400);

    // Staff sees it, and leaves it; its seller takes it off.
    let staff = world.logged_in("ops_staff").await;
    let seen = page(&staff, "/console/callers").await;
    assert!(
        seen.contains("+15551230001") && !seen.contains("Take off"),
        "{seen}"
    );
    let (_, rest) = shown
        .split_once("<td class=\"do\"><a href=\"")
        .expect("a way to take it off");
    let delete = rest.split('"').next().expect("its address");
    let form = hidden(&page(&staff, delete).await);
    post(&staff, delete, &form).await.expect_status(403);
    let form = hidden(&page(&alice, delete).await);
    post(&alice, delete, &form).await.expect_status(303);
    assert!(
        page(&alice, "/console/callers")
            .await
            .contains("No caller is marked yet")
    );
}

#[tokio::test]
async fn lists_are_imported_and_exported() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let path = "/console/callers/import";
    let form = hidden(&page(&alice, path).await);
    let sent = async |lines: &str| {
        let lines: String = form_urlencoded(lines);
        post(&alice, path, &format!("{form}&lines={lines}")).await
    };
    // As they are pasted, with a note on some.
    let taken = sent("+4930123456\r\n+4930123457, Robot\r\nnobody\r\n")
        .await
        .expect_status(200)
        .text();
    for part in [
        "2 new, 0 changed, 1 faulty",
        "<td class=\"number\" data-label=\"Line\">3</td><td>nobody</td>",
    ] {
        assert!(taken.contains(part), "{part}: {taken}");
    }
    let csv = "caller,kind,scope,scopeId,until,note\r\n+4930123456,blocked,,,,Again\r\n+4930123458,allowed,campaign,1,2040-01-01T00:00:00Z,\r\n\
               +4930123459,blocked,campaign,3,,\r\n";
    let taken = sent(csv).await.expect_status(200).text();
    for part in ["1 new, 1 changed, 1 faulty", "There is no campaign with ID 3."] {
        assert!(taken.contains(part), "{part}: {taken}");
    }
    for (lines, fault) in [
        ("", "required"),
        ("caller,colour\r\n", "The first line must name the columns"),
        ("caller\r\n", "no line"),
    ] {
        let told = sent(lines).await.expect_status(400).text();
        assert!(
            told.contains(fault) && told.contains("is-wrong"),
            "{fault}: {told}"
        );
    }
    // What comes out goes in again.
    let export = alice
        .get("/console/callers.csv?style=plain")
        .await
        .expect_status(200);
    assert_eq!(export.content_type(), "text/csv; charset=utf-8");
    let text = export.text();
    for part in [
        "+4930123456,blocked,seller,",
        ",Again,import,seller_alice,",
        "+4930123458,allowed,campaign,1,2040-01-01T00:00:00",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let taken = sent(&text).await.expect_status(200).text();
    assert!(taken.contains("0 new, 3 changed, 0 faulty"), "{taken}");
}

#[tokio::test]
async fn staff_forgets_a_caller_everywhere() {
    let world = World::uncapped().await;
    world.marks().await;
    let staff = world.logged_in("ops_staff").await;
    let record = "select from capconduit.log_call('pbx1-1.1', '+18005550101', 'ANSWERED', caller_number => '+4930123456')";
    world.switch.batch_execute(record).await.expect("a record");
    let path = "/console/callers/erase";
    let form = hidden(&page(&staff, path).await);
    post(&staff, path, &format!("{form}&caller="))
        .await
        .expect_status(400);
    let done = post(&staff, path, &format!("{form}&caller=%2B4930123456")).await;
    let told = done.expect_status(303).header("location").to_owned();
    let told = page(&staff, &told).await;
    assert!(told.contains("1 marks are gone. 1 records stay"), "{told}");
    let calls = page(&staff, "/console/calls").await;
    assert!(
        calls.contains("+18005550101") && !calls.contains("+4930123456"),
        "{calls}"
    );
    let left = page(&staff, "/console/callers").await;
    assert!(
        !left.contains("+4930123456") && left.contains("+4930123457"),
        "{left}"
    );
    // Nobody reads the number in the audit.
    assert!(
        !page(&staff, "/console/audit?object_type=caller")
            .await
            .contains("+4930123456")
    );
}

/// What becomes of callers that call again, written as lines; and Try a number for one of them.
#[tokio::test]
async fn rules_for_callers_that_call_again_are_written_as_lines() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let campaign = "name=Alice+Priority+Tech+Leads&routingStrategy=priority&dialTimeoutSeconds=25&qualifySeconds=30&status=active&anonymousCallers=reject&minRedialSeconds=2";
    let link = "maxConcurrency=9&forwardingPriority=0&weight=100&status=active";
    for (edit, fields, faulty, fault, rules) in [
        (
            "/console/campaigns/1/edit",
            campaign,
            "skip after answered",
            "action must be one of: reject, same_client, same_client_only",
            "reject after answered within 30 days\nsame client only after qualified",
        ),
        (
            "/console/campaigns/1/links/1/edit",
            link,
            "skip sometimes",
            "Line 1: &#39;skip sometimes&#39; is not like: reject after answered within 30 days.",
            "skip after offered within 90 seconds",
        ),
        (
            "/console/callers/again",
            "",
            "skip after answered",
            "action must be one of: reject, same_client, same_client_only",
            "reject after qualified within 1 hour",
        ),
    ] {
        let send = async |rules: &str| {
            let form = hidden(&page(&alice, edit).await);
            let rules = form_urlencoded(rules);
            post(&alice, edit, &format!("{form}&{fields}&callerRules={rules}")).await
        };
        let refused = send(faulty).await.expect_status(400).text();
        assert!(refused.contains(fault), "{refused}");
        assert!(refused.contains(faulty), "what was typed stays: {refused}");
        send(rules).await.expect_status(303);
        assert!(page(&alice, edit).await.contains(rules), "{edit}");
    }
    let asked = "select status from capconduit.route_call('+18005550101', 'pbx1-1.1', caller_number => '+15551230001')";
    world.switch.query_one(asked, &[]).await.expect("an answer");
    let tried = "/console/try?number=%2B18005550101";
    for (more, part) in [
        ("", "goes to"),
        (
            "&caller=%2B15551230001",
            "refused now:</b> the caller has called before",
        ),
        (
            "&caller=anonymous",
            "refused now:</b> the campaign takes no calls without",
        ),
        ("&caller=%2B15551230002", "goes to"),
        ("&at=2100-01-01+10%3A00", "goes to"),
        ("&at=soon", "“soon” is no instant"),
    ] {
        let shown = page(&alice, &format!("{tried}{more}")).await;
        assert!(shown.contains(part), "{more}: {shown}");
    }
}
