//! The first steps: from a platform on which there is an admin and nothing else to a number that takes calls, page by page.

use capconduit_tests::Visitor;

use super::support::{World, hidden, page, post};

/// What the next step is, and where it leads.
async fn next(who: &Visitor, home: &str) -> (String, String) {
    let shown = page(who, home).await;
    let (_, step) = shown.split_once("<li aria-current=\"step\">").expect("a step");
    let (step, _) = step.split_once("</li>").expect("its end");
    let (_, link) = step.split_once("href=\"").expect("a link");
    (
        step.to_owned(),
        link.split('"').next().expect("an address").replace("&#38;", "&"),
    )
}

async fn send(who: &Visitor, path: &str, fields: &str) -> String {
    let form = format!("{}&{fields}", hidden(&page(who, path).await));
    let done = post(who, path, &form).await;
    done.expect_status(303).header("location").to_owned()
}

#[tokio::test]
async fn each_step_of_an_empty_platform_leads_to_the_next() {
    let world = World::empty().await;
    let admin = world.logged_in("admin").await;
    let home = "/console/operations";

    let (step, path) = next(&admin, home).await;
    assert!(
        step.contains("Make a client") && path == "/console/clients/new",
        "{step}"
    );
    // What is wrong with it is told beside the fields, whether it is SIP's or not.
    let form = hidden(&page(&admin, &path).await);
    let client = "&clientIdentifier=alpha&name=Alpha&username=&password=&transport=transport-udp&context=from-capconduit&timeZone=UTC";
    for (fields, fault) in [
        ("&clientIdentifier=&name=&timeZone=UTC", "required"),
        (
            "&clientIdentifier=alpha&name=Alpha&timeZone=UTC&contact=nowhere&context=from-capconduit",
            "SIP",
        ),
        (
            "&clientIdentifier=alpha&name=Alpha&timeZone=UTC&contact=&context=from-capconduit",
            "contact",
        ),
        (
            "&clientIdentifier=alpha&name=Alpha&timeZone=UTC&contact=&username=alpha&password=short&context=from-capconduit",
            "8",
        ),
    ] {
        let told = post(&admin, &path, &format!("{form}{fields}"))
            .await
            .expect_status(400)
            .text();
        assert!(
            told.contains("is-wrong") && told.contains(fault),
            "{fields}: {told}"
        );
    }
    // One that registers, and one with an address.
    let registers = client.replace("alpha", "beta").replace("Alpha", "Beta") + "&contact=";
    let registers = registers.replace("username=&password=", "username=beta&password=correct+horse");
    send(&admin, &path, &registers).await;
    let made = send(
        &admin,
        &path,
        &format!("{client}&contact=sip%3A203.0.113.5%3A5060"),
    )
    .await;
    assert!(page(&admin, &made).await.contains("sip:203.0.113.5:5060"));

    let (step, path) = next(&admin, home).await;
    assert!(
        step.contains("Make a seller") && path == "/console/users/new?role=user",
        "{step}"
    );
    let seller = "username=carol&email=carol%40example.com&password=password&role=user&status=active&fullName=&companyName=&timeZone=UTC";
    send(&admin, &path, seller).await;
    let (step, look) = next(&admin, home).await;
    assert!(
        step.contains("adds a number") && look.starts_with("/console/as/"),
        "{step}"
    );
    assert!(page(&admin, &look).await.contains("First steps"));

    let carol = world.logged_in("carol").await;
    let (step, path) = next(&carol, "/console").await;
    assert!(
        step.contains("Add a number") && path == "/console/numbers/new",
        "{step}"
    );
    post(&carol, &path, "numbers=%2B18005550101")
        .await
        .expect_status(200);
    let (step, path) = next(&carol, "/console").await;
    assert!(step.contains("Make a campaign"), "{step}");
    send(
        &carol,
        &path,
        "name=Leads&routingStrategy=priority&dialTimeoutSeconds=25&qualifySeconds=30&status=active",
    )
    .await;
    let (step, path) = next(&carol, "/console").await;
    assert!(step.contains("Add a client"), "{step}");
    send(
        &carol,
        &path,
        "clientId=2&maxConcurrency=2&forwardingPriority=0&weight=100&status=inactive",
    )
    .await;
    let (step, path) = next(&carol, "/console").await;
    assert!(step.contains("Assign the number"), "{step}");
    let campaign = send(&carol, &path, "campaignId=1").await;
    // All is there, and a call would be refused: why stands beside the last step.
    let (step, path) = next(&carol, "/console").await;
    assert!(
        step.contains("Try the number") && step.contains("Not yet:"),
        "{step}"
    );
    assert!(page(&carol, &path).await.contains("is refused now"));
    assert!(next(&admin, home).await.0.contains("Try the number"));
    let edit = format!("{campaign}/links/1/edit");
    send(
        &carol,
        &edit,
        "maxConcurrency=2&forwardingPriority=0&weight=100&status=active",
    )
    .await;
    assert!(page(&carol, &path).await.contains("goes to alpha"));
    // Green: nothing is left to do.
    for (who, home) in [(&carol, "/console"), (&admin, home)] {
        assert!(!page(who, home).await.contains("First steps"), "{home}");
    }
    // A platform that has had calls is not told how to begin, whatever is closed.
    assert_eq!(world.route("+18005550101", "pbx1-1.1").await.0, "ok");
    let sql = "select from capconduit.log_call('pbx1-1.1', '+18005550101', 'ANSWERED')";
    world.switch.batch_execute(sql).await.expect("a record");
    send(
        &carol,
        &edit,
        "maxConcurrency=2&forwardingPriority=0&weight=100&status=inactive",
    )
    .await;
    assert!(!page(&carol, "/console").await.contains("First steps"));
}
