//! What is judged on a link's newest counters is judged by what is set at that moment: a change that was committed while a call
//! waited for the counters counts for that call.

use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_consistent, assert_invariants};
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, together};
use crate::node::support::eventually;
use crate::sql::support::{run, value};

/// What an administrator may change meanwhile, and what a call then hears.
const CHANGES: [(&str, &str); 17] = [
    (
        "update campaign_client_settings set status = 'inactive' where id = LINK",
        "no_active_clients_in_campaign",
    ),
    (
        "update campaign_client_settings set total_calls_allowed = 0 where id = LINK",
        "no_eligible_clients_available",
    ),
    (
        "update clients set status = 'inactive' where id = CLIENT",
        "no_active_clients_in_campaign",
    ),
    (
        "update pjsip_aors set contact = null where client_id = CLIENT",
        "no_active_clients_in_campaign",
    ),
    (
        "update campaigns set status = 'inactive' where id = CAMPAIGN",
        "no_active_campaign_for_did",
    ),
    (
        "update campaigns set paused_until = 'infinity', pause_reason = 'x' where id = CAMPAIGN",
        "campaign_paused",
    ),
    (
        "update campaign_client_settings set platform_paused_until = 'infinity', platform_pause_reason = 'x' where id = LINK",
        "no_active_clients_in_campaign",
    ),
    (
        "update clients set platform_paused_until = now() + interval '1 hour', platform_pause_reason = 'x' where id = CLIENT",
        "no_active_clients_in_campaign",
    ),
    (
        "insert into schedules (name) values ('of the number DID');
         update dids set schedule_id = (select max(id) from schedules) where id = DID",
        "closed",
    ),
    (
        "insert into schedules (name) values ('of the campaign CAMPAIGN');
         update campaigns set schedule_id = (select max(id) from schedules) where id = CAMPAIGN",
        "closed",
    ),
    (
        "insert into schedules (name) values ('of the link LINK');
         update campaign_client_settings set schedule_id = (select max(id) from schedules) where id = LINK",
        "all_closed",
    ),
    (
        "insert into schedules (name) values ('of the client CLIENT');
         update clients set schedule_id = (select max(id) from schedules) where id = CLIENT",
        "all_closed",
    ),
    (
        "update campaigns set anonymous_callers = 'reject' where id = CAMPAIGN",
        "anonymous_caller",
    ),
    (
        "delete from campaign_dids where did_id = DID",
        "no_active_campaign_for_did",
    ),
    (
        "update dids set status = 'inactive' where id = DID",
        "did_inactive",
    ),
    (
        "update users set status = 'suspended' where id = USER",
        "owner_inactive",
    ),
    (
        "insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
             values (USER, 'elsewhere', 'priority', 20);
         update campaign_client_settings set campaign_id = (select max(id) from campaigns) where id = LINK",
        "no_active_clients_in_campaign",
    ),
];

/// How somebody holds the counters meanwhile, and ends: with a change of them, undone, or with a lock alone.
const HOLDS: [(&str, &str); 3] = [
    ("select adjust_link_total(LINK, 1, 'a correction')", "commit"),
    ("select adjust_link_total(LINK, 1, 'a correction')", "rollback"),
    (
        "select from link_counters where link_id = LINK for update",
        "commit",
    ),
];

fn about(sql: &str, scenario: &Scenario, link: usize) -> String {
    sql.replace("LINK", &scenario.link_ids[link].to_string())
        .replace("CLIENT", &scenario.client_ids[link].to_string())
        .replace("CAMPAIGN", &scenario.campaign_id.to_string())
        .replace("DID", &scenario.did_id.to_string())
        .replace("USER", &scenario.user_id.to_string())
}

async fn hold(db: &TestDb, sql: &str, scenario: &Scenario, link: usize) -> Client {
    let holder = db.superuser().await;
    run(&holder, &format!("begin; {}", about(sql, scenario, link))).await;
    holder
}

/// Until that many sessions wait for the counters' holder, or for those who wait for it.
async fn waiting(db: &TestDb, callers: i64) {
    let superuser = db.superuser().await;
    let sql = format!(
        "select count(*) >= {callers} from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'"
    );
    eventually("sessions wait", async || value::<bool>(&superuser, &sql).await).await;
}

/// The same, and whether that is so within a second.
async fn wait_at_once(db: &TestDb, callers: i64) -> bool {
    let superuser = db.superuser().await;
    let sql = format!(
        "select count(*) >= {callers} from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'"
    );
    for _ in 0..100 {
        if value::<bool>(&superuser, &sql).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_cap_lowered_while_calls_wait_counts_for_them() {
    for strategy in Strategy::ALL {
        for (sql, end) in HOLDS {
            let db = TestDb::new().await;
            let admin = db.admin().await;
            let scenario = Scenario::new(&admin, strategy, &[Link::cap(50)]).await;
            let holder = hold(&db, sql, &scenario, 0).await;
            let did = scenario.did.clone();
            let routing = tokio::spawn(together(crew(&db, 8).await, move |number, switch| {
                let did = did.clone();
                async move {
                    switch
                        .route(&did, &format!("call-{number}"))
                        .await
                        .unwrap()
                        .is_ok()
                }
            }));
            waiting(&db, 8).await;
            run(
                &admin,
                &about(
                    "update campaign_client_settings set max_concurrency = 1 where id = LINK",
                    &scenario,
                    0,
                ),
            )
            .await;
            run(&holder, end).await;
            let routed = routing.await.unwrap().into_iter().filter(|ok| *ok).count();
            assert_eq!(routed, 1, "{strategy:?}, {sql}, {end}");
            assert_invariants(&db).await;
        }
    }
}

#[tokio::test]
async fn whatever_is_switched_off_while_a_call_waits_stops_it() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        for (turn, (change, reason)) in CHANGES.into_iter().enumerate() {
            let (sql, end) = HOLDS[turn % HOLDS.len()];
            let scenario = Scenario::new(&admin, strategy, &[Link::cap(50)]).await;
            let holder = hold(&db, sql, &scenario, 0).await;
            let (did, switch) = (scenario.did.clone(), db.asterisk().await);
            let routing =
                tokio::spawn(async move { switch.route(&did, &format!("call-{turn}")).await.unwrap() });
            waiting(&db, 1).await;
            run(&admin, &about(change, &scenario, 0)).await;
            run(&holder, end).await;
            let answer = routing.await.unwrap();
            assert_eq!(
                answer.reject_reason(),
                reason,
                "{strategy:?}: {change}: {answer:?}"
            );
        }
        assert_invariants(&db).await;
    }
}

/// Beside another link: what changed is judged anew with all links, so the call goes where it would go now.
#[tokio::test]
async fn a_choice_is_made_again_when_its_settings_changed() {
    for change in [
        "update campaign_client_settings set forwarding_priority = 9 where id = LINK",
        "update campaign_client_settings set status = 'inactive' where id = LINK",
        "update campaign_client_settings set max_concurrency = 1 where id = LINK",
        "update campaign_client_settings set total_calls_allowed = 1 where id = LINK",
        "update clients set status = 'inactive' where id = CLIENT",
        "update campaign_client_settings set paused_until = 'infinity', pause_reason = 'x' where id = LINK",
        "update clients set platform_paused_until = now() + interval '1 hour', platform_pause_reason = 'x' where id = CLIENT",
    ] {
        for (sql, end) in HOLDS {
            let mut tries = 0;
            while !is_judged_anew(change, sql, end).await {
                tries += 1;
                assert!(tries < 10, "{change}: two calls wait at one time");
            }
        }
    }
}

/// `false`: on a busy machine one call had waited for as long as it does before the other began.
async fn is_judged_anew(change: &str, sql: &str, end: &str) -> bool {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links = [Link::cap(9), Link::cap(9).priority(1), Link::cap(9).priority(2)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let switch = db.asterisk().await;
    // One call holds a slot of the first link, one waits for another, and one moves there from the second.
    switch.route(&scenario.did, "first").await.unwrap();
    run(
        &admin,
        &about(
            "update campaign_client_settings set status = 'inactive' where id = LINK",
            &scenario,
            0,
        ),
    )
    .await;
    assert_eq!(
        switch.route(&scenario.did, "moves").await.unwrap().link(),
        scenario.link_ids[1]
    );
    run(
        &admin,
        &about(
            "update campaign_client_settings set status = 'active' where id = LINK",
            &scenario,
            0,
        ),
    )
    .await;
    let holder = hold(&db, sql, &scenario, 0).await;
    let (did, router) = (scenario.did.clone(), db.asterisk().await);
    let routing = tokio::spawn(async move { router.route(&did, "routes").await.unwrap() });
    let mover = db.asterisk().await;
    let moving = tokio::spawn(async move { mover.next("moves", 1, "BUSY").await.unwrap() });
    // Less than what a call waits while another link could take it.
    let both_wait = wait_at_once(&db, 2).await;
    run(&admin, &about(change, &scenario, 0)).await;
    run(&holder, end).await;
    let routed = routing.await.unwrap();
    if !both_wait {
        moving.await.unwrap();
        return false;
    }
    assert_eq!(routed.link(), scenario.link_ids[1], "{change}: {routed:?}");
    let moved = moving.await.unwrap();
    assert_eq!(moved.link(), scenario.link_ids[2], "{change}: {moved:?}");
    assert_consistent(&db).await;
    assert_no_deadlock(&db).await;
    true
}
