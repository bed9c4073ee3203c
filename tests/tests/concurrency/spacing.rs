//! Spacing: two calls that a link gets are never closer than it allows, however many ask at once and whichever way the
//! calls come to it.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::held::waiting;
use super::{assert_no_deadlock, crew, crowd, drain, together};
use crate::sql::support::{run, values};

/// All reservations of a link, in order, in microseconds: attempts that failed, and calls in flight or recorded.
async fn reservations(db: &TestDb, link: i64) -> Vec<i64> {
    let sql = format!(
        "select (extract(epoch from at) * 1000000)::bigint
           from (select started_at as at, link_id from call_attempts
                 union all select attempt_at, link_id from live_calls where holds_slot) r
          where link_id = {link} order by 1"
    );
    values(&db.superuser().await, &sql).await
}

fn assert_spaced(at: &[i64], seconds: i64) {
    for pair in at.windows(2) {
        assert!(
            pair[1] - pair[0] >= seconds * 1_000_000,
            "{pair:?}: {} µs",
            pair[1] - pair[0]
        );
    }
}

async fn space(admin: &Client, links: &[i64], seconds: i64) {
    let sql =
        "update campaign_client_settings set min_seconds_between = $2::bigint::integer where id = any ($1)";
    admin.execute(sql, &[&links, &seconds]).await.expect("spacing");
}

/// Sixty-four connections ask all the time for four seconds; one link of two takes a call a second, the other none more often than
/// every two. Half of the calls fail at once, and go to the other link or nowhere.
#[tokio::test]
async fn calls_of_a_link_keep_their_distance() {
    let _crowd = crowd(64).await;
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(1000), Link::cap(1000).priority(1)]).await;
        space(&admin, &scenario.link_ids[..1], 1).await;
        space(&admin, &scenario.link_ids[1..], 2).await;
        let did = scenario.did.clone();
        let crew = crew(&db, 64).await;
        let until = Instant::now() + Duration::from_secs(4);
        let answers = together(crew, move |worker, switch| {
            let did = did.clone();
            async move {
                let (mut taken, mut refused) = (0, 0);
                for call in 0.. {
                    if Instant::now() > until {
                        break;
                    }
                    let id = format!("{worker}-{call}");
                    let answer = switch.route(&did, &id).await.expect("an answer");
                    if answer.status == "ok" {
                        taken += 1;
                        if worker % 2 == 0 {
                            switch.next(&id, 1, "BUSY").await.expect("an answer");
                        }
                    } else {
                        assert_eq!(answer.reason.as_deref(), Some("no_eligible_clients_available"));
                        refused += 1;
                    }
                }
                (taken, refused)
            }
        })
        .await;
        let (taken, refused) = answers
            .iter()
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(
            taken > 0 && refused > taken,
            "{strategy:?}: {taken} taken, {refused} refused"
        );
        // As often as allowed: somebody asked at every moment.
        for (link, seconds, fewest) in [(scenario.link_ids[0], 1, 3), (scenario.link_ids[1], 2, 2)] {
            let at = reservations(&db, link).await;
            assert_spaced(&at, seconds);
            assert!(at.len() >= fewest, "{strategy:?}: {at:?}");
        }
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// Whoever waits for a link's row is judged by what it finds afterwards, and by the clock of then.
#[tokio::test]
async fn a_call_that_waited_is_judged_by_what_it_finds_then() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let link = scenario.link_ids[0];
    space(&admin, &scenario.link_ids, 1).await;
    let first = db.asterisk().await;
    run(&first, "begin").await;
    assert_eq!(first.route(&scenario.did, "first").await.unwrap().link(), link);
    // Nobody but the first knows yet that the link has a call.
    let second = {
        let (did, switch) = (scenario.did.clone(), db.asterisk().await);
        tokio::spawn(async move { switch.route(&did, "second").await.unwrap() })
    };
    waiting(&db, 1).await;
    run(&first, "commit").await;
    assert_eq!(second.await.unwrap().status, "reject");
    // In a transaction of a user's own the clock goes on, too.
    run(&first, "begin").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(first.route(&scenario.did, "third").await.unwrap().link(), link);
    run(&first, "commit").await;
    assert_spaced(&reservations(&db, link).await, 1);
}

/// Who waits for longer than the pause, while another call comes: it asks again, by the clock of then, and does not take the newer call for
/// one of a clock that was set back.
#[tokio::test]
async fn a_call_that_waited_for_longer_than_the_pause_asks_again() {
    for spaced in ["a link", "a client", "a client by links of three sellers"] {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
        let client = scenario.client_ids[0];
        let mut dids = vec![scenario.did.clone(); 3];
        let mut links = vec![scenario.link_ids[0]];
        if spaced == "a link" {
            space(&admin, &scenario.link_ids, 1).await;
        } else {
            let sql = format!("update clients set min_seconds_between = 1 where id = {client}");
            run(&admin, &sql).await;
        }
        if spaced.ends_with("sellers") {
            // They wait for the client's meter, then, and for nobody's link.
            for did in &mut dids[1..] {
                let other = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
                let link = other.link_ids[0];
                run(
                    &db.superuser().await,
                    &format!(
                        "delete from campaign_client_settings where id = {link};
                         insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
                         values ({}, {client}, 9)",
                        other.campaign_id
                    ),
                )
                .await;
                *did = other.did;
            }
            let sql = format!("select id from campaign_client_settings where client_id = {client}");
            links = values(&admin, &sql).await;
        }
        let first = db.asterisk().await;
        run(&first, "begin").await;
        assert_eq!(first.route(&dids[0], "first").await.unwrap().status, "ok");
        let mut others = Vec::new();
        for (call, did, after) in [("second", &dids[1], 100), ("third", &dids[2], 1400)] {
            let (did, switch) = (did.clone(), db.asterisk().await);
            others.push(tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                switch.route(&did, call).await.unwrap().status
            }));
        }
        tokio::time::sleep(Duration::from_millis(2600)).await;
        run(&first, "commit").await;
        let mut answers = Vec::new();
        for other in others {
            answers.push(other.await.unwrap());
        }
        answers.sort();
        assert_eq!(answers, ["ok", "reject"], "{spaced}");
        let mut at = Vec::new();
        for link in links {
            at.extend(reservations(&db, link).await);
        }
        at.sort_unstable();
        assert_spaced(&at, 1);
        assert_invariants(&db).await;
    }
}

/// A clock that was set back, by much: the link does not wait until then. By little: it waits its time at most twice.
#[tokio::test]
async fn a_clock_that_is_set_back_closes_no_link_for_long() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    space(&admin, &scenario.link_ids, 60).await;
    let switch = db.asterisk().await;
    let superuser = db.superuser().await;
    for (call, (last, expected)) in [
        ("now() + interval '1 day'", "ok"),
        ("now() + interval '61 seconds'", "ok"),
        ("now() + interval '50 seconds'", "reject"),
        ("now() - interval '59 seconds'", "reject"),
        ("now() - interval '61 seconds'", "ok"),
        ("null", "ok"),
    ]
    .into_iter()
    .enumerate()
    {
        run(
            &superuser,
            &format!("update link_counters set reserved_at = {last}"),
        )
        .await;
        let answer = switch
            .route(&scenario.did, &format!("call-{call}"))
            .await
            .unwrap();
        assert_eq!(answer.status, expected, "{last}: {answer:?}");
    }
}

/// Two sellers' links of one client: the client's calls keep their distance, whichever link they come by, and whether they are first
/// or come from a link that was busy.
#[tokio::test]
async fn calls_of_a_client_keep_their_distance_over_all_its_links() {
    let _crowd = crowd(64).await;
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let mut sellers = Vec::new();
    for _ in 0..2 {
        let links = [Link::cap(1000), Link::cap(1000).priority(1)];
        sellers.push(Scenario::new(&admin, Strategy::Priority, &links).await);
    }
    let (shared, own) = (sellers[0].client_ids[1], sellers[1].client_ids[1]);
    // Both campaigns fall back on the first one's second client.
    let sql = format!(
        "delete from campaign_client_settings where client_id = {own};
         insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
         values ({}, {shared}, 1000, 1);
         update clients set min_seconds_between = 1 where id = {shared};
         update clients set min_seconds_between = 2 where id = {}",
        sellers[1].campaign_id, sellers[0].client_ids[0]
    );
    run(&db.superuser().await, &sql).await;
    let dids = [sellers[0].did.clone(), sellers[1].did.clone()];
    let until = Instant::now() + Duration::from_secs(4);
    together(crew(&db, 64).await, move |worker, switch| {
        let did = dids[worker % 2].clone();
        async move {
            for call in 0.. {
                if Instant::now() > until {
                    break;
                }
                let id = format!("{worker}-{call}");
                let answer = switch.route(&did, &id).await.expect("an answer");
                if answer.status == "ok" && worker % 3 != 0 {
                    switch.next(&id, 1, "BUSY").await.expect("an answer");
                }
            }
        }
    })
    .await;
    let of_client = |client: i64| {
        let db = &db;
        async move {
            let sql = format!(
                "select (extract(epoch from at) * 1000000)::bigint
                   from (select started_at as at, client_id from call_attempts
                         union all select attempt_at, client_id from live_calls where holds_slot) r
                  where client_id = {client} order by 1"
            );
            values::<i64>(&db.superuser().await, &sql).await
        }
    };
    for (client, seconds, fewest) in [(shared, 1, 3), (sellers[0].client_ids[0], 2, 2)] {
        let at = of_client(client).await;
        assert_spaced(&at, seconds);
        assert!(at.len() >= fewest, "{at:?}");
    }
    drain(&db).await;
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}
