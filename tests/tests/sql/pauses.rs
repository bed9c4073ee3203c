//! Pauses of clients, links and campaigns: until an instant, exactly, or for good; the platform's and the seller's beside each other.

use capconduit_tests::{API, Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// Every row of `explain_call` then: which link, why, and what that gate goes by.
async fn explained(db: &Client, did: &str, at: &str) -> Vec<Value> {
    values(
        db,
        &format!(
            "select jsonb_build_array(link_id, reason, detail -> 'stopped_by') from explain_call('{did}', at => '{at}') order by link_id"
        ),
    )
    .await
}

#[tokio::test]
async fn a_pause_ends_exactly_then() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(
        &admin,
        Strategy::Priority,
        &[Link::cap(1), Link::cap(1).priority(1)],
    )
    .await;
    let (did, links) = (scenario.did.as_str(), &scenario.link_ids);
    run(
        &admin,
        &format!(
            "set timezone = 'UTC';
             update campaign_client_settings set paused_until = '2100-01-01 00:00:00Z', pause_reason = 'no staff' where id = {};
             update clients set platform_paused_until = '2100-01-01 00:00:10Z', platform_pause_reason = 'unpaid' where id = {}",
            links[0], scenario.client_ids[1]
        ),
    )
    .await;
    let link = json!([links[0], "link_paused", { "gate": "link_paused", "until": "2100-01-01T00:00:00+00:00",
        "reason": "no staff", "by": "seller", "freed_by": "time" }]);
    let client = json!([links[1], "client_paused", { "gate": "client_paused", "until": "2100-01-01T00:00:10+00:00",
        "reason": "unpaid", "by": "platform", "freed_by": "time" }]);
    let (open, open_1) = (
        json!([links[0], "eligible", null]),
        json!([links[1], "eligible", null]),
    );
    for (at, expected) in [
        ("2099-12-31 23:59:59.999999Z", [&link, &client]),
        ("2100-01-01 00:00:00Z", [&open, &client]),
        ("2100-01-01 00:00:09.999999Z", [&open, &client]),
        ("2100-01-01 00:00:10Z", [&open, &open_1]),
    ] {
        assert_eq!(
            explained(&admin, did, at).await.iter().collect::<Vec<_>>(),
            expected,
            "{at}"
        );
    }
    let switch = db.asterisk().await;
    let refused = switch.route(did, "early").await.unwrap();
    assert_eq!(
        (refused.reject_reason(), refused.hangup_cause),
        ("no_active_clients_in_campaign", Some(20))
    );
    assert_eq!(
        refused.decision.as_deref(),
        Some(format!("{}=link_paused|{}=client_paused", links[0], links[1]).as_str())
    );
    // On the database's own clock.
    run(
        &admin,
        &format!(
            "update campaign_client_settings set paused_until = clock_timestamp() + interval '300 milliseconds' where id = {}",
            links[0]
        ),
    )
    .await;
    let routed = loop {
        let answer = switch.route(did, "late").await.unwrap();
        if answer.is_ok() {
            break answer;
        }
    };
    assert_eq!(routed.link(), links[0]);
    let after: bool = value(
        &admin,
        "select l.attempt_at >= s.paused_until and l.attempt_at < s.paused_until + interval '2 seconds'
           from live_calls l join campaign_client_settings s on s.id = l.link_id",
    )
    .await;
    assert!(after);
    // The other is paused, and this one full: full is told, since a call's end frees it.
    let full = switch.route(did, "full").await.unwrap();
    assert_eq!(
        (full.reject_reason(), full.hangup_cause),
        ("no_eligible_clients_available", Some(17))
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_paused_campaign_rejects_its_calls_and_ends_none() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    // The number is in another campaign, too: while a campaign is paused, its calls go nowhere else.
    run(
        &admin,
        "insert into campaign_dids (campaign_id, did_id) values (2, 1)",
    )
    .await;
    let did = "+18005550101";
    assert_eq!(switch.route(did, "before").await.unwrap().link(), 1);
    run(
        &admin,
        "set timezone = 'UTC';
         update campaigns set platform_paused_until = 'infinity', platform_pause_reason = 'fraud',
                              paused_until = '2100-01-01 00:00:00Z', pause_reason = 'holidays' where id = 1",
    )
    .await;
    let refused = switch.route(did, "after").await.unwrap();
    assert_eq!(
        (refused.reject_reason(), refused.hangup_cause, refused.campaign_id),
        ("campaign_paused", Some(20), Some(1))
    );
    // The one that ends last is told.
    let stopped = |until: &str, reason: &str, by: &str| json!([null, "campaign_paused", { "gate": "campaign_paused", "until": until, "reason": reason, "by": by, "freed_by": "time" }]);
    assert_eq!(
        explained(&admin, did, "now").await,
        [stopped("infinity", "fraud", "platform")]
    );
    let previewed: Value = value(
        &admin,
        &format!(
            "select jsonb_build_array(reason, detail -> 'stopped_by' ->> 'reason') from preview_call('{did}')"
        ),
    )
    .await;
    assert_eq!(previewed, json!(["campaign_paused", "fraud"]));
    run(
        &admin,
        "update campaigns set platform_paused_until = null, platform_pause_reason = null where id = 1",
    )
    .await;
    assert_eq!(
        explained(&admin, did, "now").await,
        [stopped("2100-01-01T00:00:00+00:00", "holidays", "seller")]
    );
    // A call in flight goes on, also to another link; its record counts.
    assert_ne!(switch.next("before", 1, "BUSY").await.unwrap().link(), 1);
    assert_eq!(
        switch.log("before", did, "ANSWERED").await.unwrap().status,
        "logged"
    );
    run(
        &admin,
        "update campaigns set paused_until = null, pause_reason = null where id = 1",
    )
    .await;
    assert_eq!(switch.route(did, "after").await.unwrap().link(), 1);
    // The status `paused` means what it meant: the number's next campaign takes the call.
    run(&admin, "update campaigns set status = 'paused' where id = 1").await;
    assert_eq!(switch.route(did, "elsewhere").await.unwrap().campaign_id, Some(2));
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_failed_call_passes_over_whoever_was_paused_meanwhile() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let links = [Link::cap(9), Link::cap(9).priority(1), Link::cap(9).priority(2)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    switch.route(&scenario.did, "call").await.unwrap();
    run(
        &admin,
        &format!(
            "update clients set platform_paused_until = 'infinity', platform_pause_reason = 'x' where id = {}",
            scenario.client_ids[1]
        ),
    )
    .await;
    assert_eq!(
        switch.next("call", 1, "BUSY").await.unwrap().link(),
        scenario.link_ids[2]
    );
    assert_invariants(&db).await;
}

/// As a seller's session does it in SQL.
#[tokio::test]
async fn a_seller_lifts_its_own_pause_and_not_the_platform_s() {
    let db = TestDb::sample().await;
    let (admin, api, switch) = (db.admin().await, db.connect_as(API).await, db.asterisk().await);
    let as_seller = "begin; set local role capconduit_seller;
        select set_config('capconduit.user_id', '3', true), set_config('capconduit.user_role', 'user', true)";
    run(
        &admin,
        "update campaigns set platform_paused_until = 'infinity', platform_pause_reason = 'fraud' where id = 1;
         update campaign_client_settings set platform_paused_until = 'infinity', platform_pause_reason = 'fraud' where id = 1;
         update clients set platform_paused_until = 'infinity', platform_pause_reason = 'unpaid' where id = 2",
    )
    .await;
    for (sql, code) in [
        ("update campaigns set platform_paused_until = null, platform_pause_reason = null where id = 1", "42501"),
        ("update campaigns set platform_paused_until = now() where id = 1", "42501"),
        ("update campaign_client_settings set platform_paused_until = null, platform_pause_reason = null where id = 1", "42501"),
        ("insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds, platform_paused_until)
              values (3, 'x', 'priority', 20, now())", "42501"),
        ("update clients set platform_paused_until = null", "42501"),
        ("select platform_pause_reason from clients", "42501"),
        // Made again, they would not be paused.
        ("delete from campaign_client_settings where id = 1", "23001"),
        ("delete from campaigns where id = 1", "23001"),
        ("update campaigns set paused_until = 'infinity' where id = 1", "23514"),
        ("update campaigns set pause_reason = 'x' where id = 1", "23514"),
        ("update campaigns set paused_until = 'infinity', pause_reason = '' where id = 1", "23514"),
    ] {
        run(&api, as_seller).await;
        assert_eq!(sqlstate(api.batch_execute(sql).await), code, "{sql}");
        run(&api, "rollback").await;
    }
    run(&api, as_seller).await;
    run(
        &api,
        "update campaigns set paused_until = 'infinity', pause_reason = 'holidays' where id = 1;
         update campaigns set paused_until = null, pause_reason = null where id = 1",
    )
    .await;
    // That a client is paused, and until when, is told; why is not.
    let until: bool = value(
        &api,
        "select platform_paused_until = 'infinity' from clients where id = 2",
    )
    .await;
    assert!(until);
    run(&api, "commit").await;
    assert_eq!(
        switch
            .route("+18005550101", "call")
            .await
            .unwrap()
            .reject_reason(),
        "campaign_paused"
    );
    // Nor does staff lift a seller's.
    let as_staff =
        "begin; set local role capconduit_staff; select set_config('capconduit.user_id', '2', true)";
    run(&api, as_staff).await;
    let lift = "update campaigns set paused_until = null where id = 1";
    assert_eq!(sqlstate(api.batch_execute(lift).await), "42501");
    run(&api, "rollback").await;
    // A pause that has ended keeps nothing from going.
    run(
        &admin,
        "update campaigns set platform_paused_until = now() where id = 1;
         update campaign_client_settings set platform_paused_until = now() where id = 1",
    )
    .await;
    run(&api, as_seller).await;
    run(&api, "delete from campaigns where id = 1; rollback").await;
    // Who paused what is told.
    let told: i64 = value(
        &admin,
        "select count(*) from audit_log where after ->> 'platform_pause_reason' in ('fraud', 'unpaid')",
    )
    .await;
    assert!(told >= 3, "{told}");
}
