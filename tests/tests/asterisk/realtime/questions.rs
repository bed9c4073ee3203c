//! How often a call asks the database, and for what.

use capconduit_tests::{CallRecord, TestAsterisk};

use super::Stage;
use crate::asterisk::older_switch::Files;

/// The function or view of each question.
fn names(asked: &[String]) -> Vec<&str> {
    asked
        .iter()
        .map(|question| question.split(['(', ' ']).next().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn a_call_asks_the_database_five_times_and_once_more_for_an_endpoint_that_is_not_kept() {
    let stage = Stage::new().await;
    let mut all = Vec::new();
    for _ in 0..3 {
        let before = stage.traffic.db.cluster().log().len();
        let seen = stage.call().await;
        assert_eq!(seen.final_status(), 200);
        CallRecord::of(&stage.traffic.db, &seen).await;
        all.push(stage.asked_since(before));
    }
    let kept = [
        "route_call",
        "ps_aors",
        "ps_contacts",
        "call_answered",
        "log_call",
    ];
    let first = [
        "route_call",
        "ps_endpoints",
        "ps_aors",
        "ps_contacts",
        "call_answered",
        "log_call",
    ];
    assert_eq!(names(&all[0]), first);
    assert_eq!(names(&all[1]), kept);
    assert_eq!(names(&all[2]), kept);
}

/// The configuration of 0.2.0 keeps nothing: a change counts for its next call, too.
#[tokio::test]
async fn a_switch_of_0_2_0_asks_as_before_and_uses_what_is_set() {
    let files = Files::get();
    let (site, db) = Stage::database().await;
    let switch = TestAsterisk::of_before(&site, &db, "pbx-old", &files.asterisk());
    switch.boot().await;
    let stage = Stage::on(site, db, switch).await;
    for formats in ["0 8 3 101", "0 3 101", "0 101"] {
        match formats {
            "0 3 101" => stage.set_endpoint("allow = 'ulaw,gsm'").await,
            "0 101" => stage.set_endpoint("allow = 'ulaw'").await,
            _ => {}
        }
        let before = stage.traffic.db.cluster().log().len();
        let seen = stage.call().await;
        assert_eq!(seen.final_status(), 200);
        assert_eq!(stage.offered().formats, formats);
        CallRecord::of(&stage.traffic.db, &seen).await;
        let asked = stage.asked_since(before);
        let endpoints = names(&asked)
            .iter()
            .filter(|name| **name == "ps_endpoints")
            .count();
        // The last one comes a moment after the record.
        assert!(
            (10..=11).contains(&asked.len()) && (3..=4).contains(&endpoints),
            "{asked:#?}"
        );
    }
}

/// By the name of its settings an endpoint is found by who asks for it, and is on no list.
#[tokio::test]
async fn a_list_of_endpoints_has_each_of_them_once() {
    let stage = Stage::new().await;
    let switch = stage.traffic.db.asterisk().await;
    let identifier = stage.identifier().await;
    for condition in ["like '%'", "like 'client%'", "is not null"] {
        let sql = format!("SELECT id FROM ps_endpoints WHERE id {condition} ORDER BY id");
        let rows = switch.query(&sql, &[]).await.expect("a list");
        let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(ids, std::slice::from_ref(&identifier), "{condition}");
    }
    let named = "select settings_id from pjsip_endpoints where client_id = $1";
    let named: String = stage
        .traffic
        .admin
        .query_one(named, &[&stage.client()])
        .await
        .expect("the endpoint")
        .get(0);
    // Also where the driver prepares its statements.
    let rows = switch
        .query("SELECT * FROM ps_endpoints WHERE id = $1", &[&named])
        .await
        .expect("the endpoint");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, String>("id"), named);
    assert_eq!(rows[0].get::<_, String>("aors"), identifier);
    let listed = stage.traffic.switch.cli("pjsip show endpoints");
    assert!(
        listed.contains(&identifier) && !listed.contains(&named),
        "{listed}"
    );
}
