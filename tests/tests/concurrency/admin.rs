//! Administrators change everything while calls run: caps, statuses, strategies, owners, the schema's rights. A call
//! keeps what it was routed with; the next one sees the change; nobody gets an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{
    Calls, Link, Random, Scenario, Strategy, TestDb, Watch, assert_consistent, client, link, project, rounds,
};
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, drain, together};

/// Reasons that a change of settings may give.
const REASONS: [&str; 8] = [
    "did_not_found",
    "did_inactive",
    "owner_inactive",
    "no_active_campaign_for_did",
    "campaign_paused",
    "no_active_clients_in_campaign",
    "no_eligible_clients_available",
    "no_more_targets",
];

/// A caller's whole way; every answer is one that some state of the settings gives.
pub async fn one_call(switch: &Client, random: &mut Random, did: &str, id: &str) -> bool {
    let target = switch.route(did, id).await.unwrap();
    if !target.is_ok() {
        assert!(REASONS.contains(&target.reject_reason()), "{target:?}");
        return false;
    }
    let mut attempt = 1;
    while random.chance(40) {
        let moved = switch.next(id, attempt, "BUSY").await.unwrap();
        if !moved.is_ok() {
            assert_eq!(moved.reject_reason(), "no_more_targets");
            break;
        }
        attempt += 1;
    }
    let logged = switch
        .log(id, did, if random.chance(70) { "ANSWERED" } else { "BUSY" })
        .await
        .unwrap();
    assert_eq!(logged.status, "logged");
    true
}

#[tokio::test]
async fn settings_change_under_calls() {
    for strategy in Strategy::ALL {
        let mut random = Random::seeded();
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let links = [Link::cap(2), Link::cap(3).priority(1), Link::cap(9).priority(2)];
        let scenario = Scenario::new(&admin, strategy, &links).await;
        let over = Arc::new(AtomicBool::new(false));
        let changing = tokio::spawn(change(over.clone(), admin, scenario.clone(), random.fork()));
        let watch = Watch::start_consistent(&db, Duration::from_millis(100)).await;
        let workers = crew(&db, 16)
            .await
            .into_iter()
            .map(|switch| (switch, random.fork()))
            .collect();
        let calls = rounds(100, 3000);
        let did = scenario.did.clone();
        let routed = together(workers, move |number, (switch, mut random)| {
            let did = did.clone();
            async move {
                let mut routed = 0;
                for call in 0..calls {
                    let id = format!("{number}-{call}");
                    routed += usize::from(one_call(&switch, &mut random, &did, &id).await);
                }
                routed
            }
        })
        .await;
        over.store(true, Ordering::Relaxed);
        let changes = changing.await.expect("changes cause no error");
        let routed: usize = routed.iter().sum();
        println!("{strategy:?}: {changes} changes, {routed} routed");
        assert!(changes > 10 && routed > 16, "{changes} changes, {routed} routed");
        watch.finish().await;
        drain(&db).await;
        assert_consistent(&db).await;
        assert_no_deadlock(&db).await;
    }
}

async fn change(over: Arc<AtomicBool>, admin: Client, scenario: Scenario, mut random: Random) -> usize {
    let mut made = 0;
    while !over.load(Ordering::Relaxed) {
        let number = random.below(scenario.link_ids.len());
        let (link_id, client_id) = (scenario.link_ids[number], scenario.client_ids[number]);
        match random.below(9) {
            0 => {
                let sql = "update capconduit.campaign_client_settings set max_concurrency = $2 where id = $1";
                let cap = 1 + random.below(9) as i32;
                admin.execute(sql, &[&link_id, &cap]).await.unwrap();
            }
            1 => switch_off(&admin, "campaign_client_settings", link_id, "inactive").await,
            2 => switch_off(&admin, "clients", client_id, "inactive").await,
            3 => switch_off(&admin, "campaigns", scenario.campaign_id, "paused").await,
            4 => switch_off(&admin, "users", scenario.user_id, "suspended").await,
            5 => {
                let strategy = Strategy::ALL[random.below(3)].as_str();
                let sql = "update capconduit.campaigns set routing_strategy = $2 where id = $1";
                admin
                    .execute(sql, &[&scenario.campaign_id, &strategy])
                    .await
                    .unwrap();
            }
            6 => {
                let sql = "update capconduit.campaign_client_settings \
                              set total_calls_allowed = $2, weight = $3, forwarding_priority = $4 where id = $1";
                let allowed = random.chance(30).then(|| random.below(2000) as i64);
                let weight = 1 + random.below(100) as i32;
                admin
                    .execute(sql, &[&link_id, &allowed, &weight, &(random.below(3) as i32)])
                    .await
                    .unwrap();
            }
            7 => {
                for (table, id) in [
                    ("campaign_client_settings", link_id),
                    ("clients", client_id),
                    ("campaigns", scenario.campaign_id),
                ] {
                    // It ends by itself.
                    let sql = format!(
                        "update capconduit.{table} set platform_pause_reason = 'x', \
                            platform_paused_until = clock_timestamp() + interval '5 milliseconds' where id = $1"
                    );
                    admin.execute(&sql, &[&id]).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            _ => {
                // A link comes, takes calls, and goes when it can.
                let new = link(&admin, scenario.campaign_id, client(&admin).await, Link::cap(2)).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
                super::deletes::delete_when_idle(&admin, "campaign_client_settings", new).await;
            }
        }
        made += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    made
}

/// For a moment only: else most calls would meet a closed campaign.
async fn switch_off(admin: &Client, table: &str, id: i64, off: &str) {
    let sql = format!("update capconduit.{table} set status = $2 where id = $1");
    for status in [off, "active"] {
        admin.execute(&sql, &[&id, &status]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// `capconduit migrate` with everything to state anew, again and again: it waits for calls, calls never fail for it.
#[tokio::test]
async fn migrations_run_under_calls() {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(20); 3]).await;
    let over = Arc::new(AtomicBool::new(false));
    let workers = crew(&db, 8)
        .await
        .into_iter()
        .map(|switch| (switch, random.fork()))
        .collect();
    let (did, ending) = (scenario.did.clone(), over.clone());
    let calling = tokio::spawn(together(workers, move |number, (switch, mut random)| {
        let (did, over) = (did.clone(), ending.clone());
        async move {
            let mut calls = 0;
            while !over.load(Ordering::Relaxed) {
                one_call(&switch, &mut random, &did, &format!("{number}-{calls}")).await;
                calls += 1;
            }
            calls
        }
    }));
    for _ in 0..rounds(3, 30) {
        let forget = "delete from applied_rights";
        db.superuser().await.execute(forget, &[]).await.unwrap();
        let script = project::script(
            "server",
            db.cluster().state_folder(),
            &["database", "migrate", db.name()],
        );
        let output = tokio::process::Command::from(script).output().await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    over.store(true, Ordering::Relaxed);
    let calls: usize = calling.await.unwrap().iter().sum();
    assert!(calls > 8, "{calls} calls");
    drain(&db).await;
    assert_consistent(&db).await;
    assert_no_deadlock(&db).await;
}
