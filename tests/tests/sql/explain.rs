//! `explain_route`: what route_call would do, told beforehand, by a look that leaves no trace.

use capconduit_tests::{Calls, Explained, Link, Scenario, Strategy, TestDb, assert_invariants, client, link};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// No transaction id: the transaction wrote nothing, and a standby could have run it.
const TRACE: &str = "select pg_current_xact_id_if_assigned() is not null";

async fn reasons(db: &Client, did: &str) -> Vec<String> {
    let rows = db.explain(did).await.unwrap();
    rows.into_iter().map(|row| row.reason.unwrap()).collect()
}

fn first(rows: &[Explained]) -> Option<i64> {
    rows.iter()
        .find(|row| row.place == Some(1))
        .and_then(|row| row.link_id)
}

#[tokio::test]
async fn it_foretells_every_route_of_an_ordered_strategy() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    for did in ["+18005550101", "+12125550102"] {
        // Both links of both campaigns run full on the way.
        for n in 0..30 {
            let foretold = first(&admin.explain(did).await.unwrap());
            let target = switch.route(did, &format!("{did}-{n}")).await.unwrap();
            assert_eq!(target.link_id, foretold, "{did} call {n}");
        }
        assert_eq!(first(&admin.explain(did).await.unwrap()), None);
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn it_tells_every_number_behind_the_decision() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let admin = db.admin().await;
    run(
        &admin,
        "update campaign_client_settings set total_calls_allowed = null where id = 5",
    )
    .await;
    switch.route("+13105550103", "call-1").await.unwrap();
    let rows = admin.explain("13105550103").await.unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.link_id, row.eligible, row.reason.as_deref(), row.share))
        .collect();
    assert_eq!(
        told,
        [
            (Some(5), Some(true), Some("eligible"), Some(0.7)),
            (Some(6), Some(true), Some("eligible"), Some(0.3)),
            (Some(7), Some(false), Some("link_inactive"), None),
        ]
    );
    assert!(
        rows.iter().all(|row| row.place.is_none()),
        "weighted has no order"
    );
    let in_flight: i32 = rows.iter().map(|row| row.active.unwrap()).sum();
    assert_eq!(in_flight, 1);
    assert_eq!(rows[0].counted, Some(1));
    assert_eq!(rows[0].total_calls_allowed, None);
    assert_eq!(rows[1].total_calls_allowed, Some(2000));
    assert_eq!(rows[1].max_concurrency, Some(5));
}

#[tokio::test]
async fn every_reason_of_a_link_is_told() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links = [Link::cap(1).allowed(5); 7];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let id = |n: usize| scenario.link_ids[n];
    let client_of = |n: usize| scenario.client_ids[n];
    let switch = db.asterisk().await;
    // The first takes a call and is full by concurrency.
    assert_eq!(switch.route(&scenario.did, "call-1").await.unwrap().link(), id(0));
    run(
        &admin,
        &format!(
            "update campaign_client_settings set status = 'inactive' where id = {};
             update clients set status = 'inactive' where id = {};
             update pjsip_aors set contact = null where client_id in ({}, {});
             update campaign_client_settings set total_calls_allowed = 0 where id = {};
             insert into pjsip_contacts (id, endpoint, expiration_time)
                 select client_identifier || ';@1', client_identifier, extract(epoch from now()) + 60
                   from clients where id = {};
             insert into pjsip_contacts (id, endpoint, expiration_time)
                 select client_identifier || ';@1', client_identifier, extract(epoch from now()) - 1
                   from clients where id = {}",
            id(1),
            client_of(2),
            client_of(3),
            client_of(4),
            id(5),
            client_of(4),
            client_of(3)
        ),
    )
    .await;
    let expected = [
        "concurrency_cap",
        "link_inactive",
        "client_inactive",
        "no_contact",
        "eligible",
        "total_cap",
        "eligible",
    ];
    assert_eq!(reasons(&admin, &scenario.did).await, expected);
    // The registered one (5th) takes the next call; its decision says the same of all others.
    let target = switch.route(&scenario.did, "call-2").await.unwrap();
    assert_eq!(target.link(), id(4));
    let told: Vec<String> = (0..7)
        .filter(|n| *n != 4)
        .map(|n| format!("{}={}", id(n), expected[n]))
        .collect();
    assert_eq!(
        target.decision.unwrap(),
        format!("{}=selected|{}", id(4), told.join("|"))
    );
}

#[tokio::test]
async fn every_reason_of_a_number_is_told_in_one_row() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    let only = async |did: &str, reason: &str| {
        let rows = admin.explain(did).await.unwrap();
        assert_eq!(rows.len(), 1, "{did}: {rows:?}");
        assert_eq!(rows[0].reason.as_deref(), Some(reason));
        assert_eq!((rows[0].eligible, rows[0].link_id), (Some(false), None));
    };
    only("hello", "invalid_did_input").await;
    only("+19995550000", "did_not_found").await;
    only("+442075550104", "did_inactive").await;
    run(&admin, "update users set status = 'suspended' where id = 4").await;
    only("+13105550103", "owner_inactive").await;
    run(
        &admin,
        "update campaigns set status = 'paused' where id = 1;
         delete from campaign_client_settings where campaign_id = 2",
    )
    .await;
    only("+18005550101", "no_active_campaign_for_did").await;
    only("+12125550102", "no_active_clients_in_campaign").await;
}

#[tokio::test]
async fn later_campaigns_of_a_number_are_shown_as_shadowed() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    run(
        &admin,
        "insert into campaign_dids (campaign_id, did_id) values (2, 1)",
    )
    .await;
    let rows = admin.explain("+18005550101").await.unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.campaign_id, row.reason.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (Some(1), "eligible"),
            (Some(1), "eligible"),
            (Some(2), "shadowed")
        ]
    );
    assert_eq!(
        switch.route("+18005550101", "call-1").await.unwrap().campaign_id,
        Some(1)
    );
    // When the first one pauses, the second one takes over, and nothing is shadowed.
    run(&admin, "update campaigns set status = 'paused' where id = 1").await;
    assert_eq!(reasons(&admin, "+18005550101").await, ["eligible", "eligible"]);
    assert_eq!(
        switch.route("+18005550101", "call-2").await.unwrap().campaign_id,
        Some(2)
    );
}

#[tokio::test]
async fn looking_and_rejecting_take_no_transaction_id() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    run(&admin, "begin read only").await;
    assert_eq!(reasons(&admin, "+18005550101").await, ["eligible", "eligible"]);
    let wrong: Vec<_> = admin.query("select * from verify_counters()", &[]).await.unwrap();
    assert!(wrong.is_empty());
    assert!(!value::<bool>(&admin, TRACE).await);
    run(&admin, "rollback; begin").await;
    for did in ["+442075550104", "+19995550000", "nonsense"] {
        admin.route(did, "call-1").await.unwrap().reject_reason();
    }
    assert!(!value::<bool>(&admin, TRACE).await, "a reject writes nothing");
    admin.route("+18005550101", "call-1").await.unwrap().link();
    assert!(value::<bool>(&admin, TRACE).await, "a reservation does");
    run(&admin, "rollback; begin read only").await;
    assert_eq!(sqlstate(admin.route("+18005550101", "call-1").await), "25006");
    run(&admin, "rollback").await;
    assert_invariants(&db).await;
}

#[tokio::test]
async fn it_sees_what_its_own_transaction_did() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    run(&admin, "begin").await;
    admin.route("+18005550101", "call-1").await.unwrap().link();
    assert_eq!(admin.explain("+18005550101").await.unwrap()[0].active, Some(1));
    run(&admin, "rollback").await;
    assert_eq!(admin.explain("+18005550101").await.unwrap()[0].active, Some(0));
}

/// Χ² of the offers against the shares; both have the same order.
fn chi_square(offers: &[i64], shares: &[f64]) -> f64 {
    let total: i64 = offers.iter().sum();
    offers
        .iter()
        .zip(shares)
        .map(|(&seen, share)| {
            let expected = share * total as f64;
            (seen as f64 - expected).powi(2) / expected
        })
        .sum()
}

#[tokio::test]
async fn weighted_shares_agree_with_four_thousand_routes() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    // One link is full: its share goes to the others in proportion.
    let full = Link::cap(100_000).weight(500).allowed(0);
    let links = [
        Link::cap(100_000).weight(70),
        Link::cap(100_000).weight(25),
        full,
        Link::cap(100_000).weight(5).priority(9),
    ];
    let scenario = Scenario::new(&admin, Strategy::Weighted, &links).await;
    let explained = admin.explain(&scenario.did).await.unwrap();
    let shares: Vec<f64> = explained.iter().filter_map(|row| row.share).collect();
    assert_eq!(shares, [0.70, 0.25, 0.05]);
    assert_eq!(explained[2].share, None);
    // 0.1 %, two degrees of freedom. A fair draw fails once in a thousand runs: two in a row are no accident.
    let limit = 13.816;
    let mut seen = Vec::new();
    for run in 0..2 {
        let offers = offers(&db, &scenario, run).await;
        let found = chi_square(&offers, &shares);
        seen.push((offers, found));
        if found < limit {
            break;
        }
    }
    assert!(
        seen.last().unwrap().1 < limit,
        "shares {shares:?}, offers and chi-square {seen:?}"
    );
    assert_invariants(&db).await;
}

/// Offers per eligible link in 4,000 routes, in batches: one transaction each.
async fn offers(db: &TestDb, scenario: &Scenario, run: i32) -> Vec<i64> {
    let switch = db.asterisk().await;
    for batch in 0..40 {
        let sql =
            "select count((capconduit.route_call($1, format('call-%s-%s-%s', $2::int, $3::int, n))).link_id)
                     from generate_series(1, 100) n";
        let routed: i64 = switch
            .query_one(sql, &[&scenario.did, &run, &batch])
            .await
            .unwrap()
            .get(0);
        assert_eq!(routed, 100);
    }
    let superuser = db.superuser().await;
    let mut offers = Vec::new();
    for link_id in [scenario.link_ids[0], scenario.link_ids[1], scenario.link_ids[3]] {
        let sql = format!(
            "select count(*) from live_calls where link_id = {link_id} and uniqueid like 'call-{run}-%'"
        );
        offers.push(value::<i64>(&superuser, &sql).await);
    }
    offers
}

#[tokio::test]
async fn a_campaign_with_hundreds_of_links_is_explained_whole_and_decided_briefly() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[]).await;
    for _ in 0..150 {
        let client_id = client(&admin).await;
        link(&admin, scenario.campaign_id, client_id, Link::cap(1)).await;
    }
    let rows = admin.explain(&scenario.did).await.unwrap();
    assert_eq!(rows.len(), 150);
    let mut places: Vec<i32> = rows.iter().filter_map(|row| row.place).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=150).collect::<Vec<i32>>());
    let target = db.asterisk().await.route(&scenario.did, "call-1").await.unwrap();
    let decision = target.decision.unwrap();
    assert!(decision.len() <= 1024, "{} bytes", decision.len());
    assert!(
        decision.contains("|+"),
        "it says how many are left out: {decision}"
    );
}

/// The planner hears that a look is dear, gives a handful of rows, and may run in several workers.
#[tokio::test]
async fn looks_may_run_in_parallel_and_tell_what_they_cost() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    let labels: Vec<String> = values(
        &admin,
        "select format('%s %s %s %s', proname, proparallel, procost > 100, prorows) from pg_proc
          where pronamespace = 'capconduit'::regnamespace
            and proname in ('explain_route', 'explain_own_did', 'explain_own_call', 'preview_route', 'explain_call', 'preview_call') order by 1",
    )
    .await;
    assert_eq!(
        labels,
        [
            "explain_call s t 5",
            "explain_own_call s t 5",
            "explain_own_did s t 5",
            "explain_route s t 5",
            "preview_call s t 0",
            "preview_route s t 0"
        ]
    );
    let look = "select d.number, p.status, p.client_identifier, e.link_id, e.reason, e.place, c.detail -> 'gates', v.status
                  from (select number from dids union all select '+1555' || n from generate_series(1, 50) n) d (number),
                       preview_route(d.number) p, explain_route(d.number) e,
                       preview_call(d.number) v, explain_call(d.number) c
                 where exists (select from campaigns) and c.link_id is not distinct from e.link_id order by 1, 4, 5";
    let look = format!("select coalesce(string_agg(r::text, '|'), '') from ({look}) r");
    let alone: String = value(&admin, &look).await;
    let forced: String = value(&admin, "show server_version_num").await;
    let forced = if forced.as_str() < "160000" {
        "force_parallel_mode"
    } else {
        "debug_parallel_query"
    };
    run(
        &admin,
        &format!("set {forced} = on; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0"),
    )
    .await;
    let plan: Vec<String> = values(&admin, &format!("explain {look}")).await;
    assert!(plan.iter().any(|line| line.contains("Gather")), "{plan:#?}");
    assert_eq!(value::<String>(&admin, &look).await, alone);
}
