//! What is changed over REST counts for the next real call, without a reload of anything.

use std::process::{Command, Stdio};

use capconduit_tests::{ADMIN, CallRecord, Link, Strategy, TestApi, TestDb, Visitor, project, unique};
use serde_json::json;

use super::support::Line;

/// The first administrator of this database, made by the command and logged in.
async fn administrator(db: &TestDb, api: &TestApi) -> Visitor {
    let name = format!("admin-{}", unique());
    let output = Command::new(project::capconduit().get_program())
        .args(["user", "create-admin", "--generate-password", "--username", &name])
        .args(["--email", &format!("{name}@example.com")])
        .env("DATABASE_URL", db.url(ADMIN))
        .stdin(Stdio::null())
        .output()
        .expect("the command can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let password = said
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .expect("the password, once");
    api.login(&name, password).await
}

#[tokio::test]
async fn a_client_changed_over_rest_gets_its_next_call_there() {
    let line = Line::new(Strategy::Priority, &[Link::cap(2)]).await;
    let api = TestApi::start(line.db).await;
    let admin = administrator(line.db, &api).await;
    let client = format!("/api/admin/clients/{}", line.scenario.client_ids[0]);

    let first = line.center(0, "answers", &[("RING", "100")]).await;
    assert_eq!(line.caller().call().await.final_status(), 200);
    assert_eq!(first.seen().requests("INVITE").len(), 1);

    // Another address, fewer codecs.
    let second = capconduit_tests::Center::start(line.site, "answers", &[("RING", "100")]).await;
    let change = json!({"pjsip": {"endpoint": {"allow": "ulaw"}, "aor": {"contact": second.contact()}}});
    admin.put(&client, change).await.expect_status(200);
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200);
    CallRecord::of(line.db, &seen).await.assert_equals(&seen);
    assert_eq!(first.seen().requests("INVITE").len(), 1);
    let invites = second.seen();
    let invites = invites.requests("INVITE");
    assert_eq!(invites.len(), 1);
    assert!(first.seen().requests("INVITE")[0].text.contains("PCMA"));
    assert!(!invites[0].text.contains("PCMA"), "{}", invites[0].text);

    // Nobody, and somebody again.
    for (status, answer) in [("inactive", 480), ("active", 200)] {
        admin
            .put(&client, json!({"status": status}))
            .await
            .expect_status(200);
        let seen = line.caller().call().await;
        let record = CallRecord::of(line.db, &seen).await;
        assert_eq!(seen.final_status(), answer, "{status}: {record:#?}");
    }
    assert_eq!(line.counters(0).await, (0, 3));
}
