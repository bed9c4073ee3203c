//! Whoever takes several rows takes them in one order. Here everything that takes several meets: calls that move
//! from link to link in both directions, nodes and leases that close many calls on many links, repairs by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Random, Scenario, Strategy, TestDb, Watch, assert_invariants, rounds};
use jiff::SignedDuration;
use tokio_postgres::Client;

use super::{assert_no_deadlock, close_quickly, crew, drain, together};

const NODES: usize = 3;

/// Turns of whoever works beside the calls, until these are over.
struct Turns {
    over: Arc<AtomicBool>,
    taken: usize,
}

impl Turns {
    fn until(over: Arc<AtomicBool>) -> Self {
        Self { over, taken: 0 }
    }

    async fn next(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.taken += 1;
        !self.over.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn moves_in_both_directions_meet_closings_of_many_links() {
    for strategy in [Strategy::RoundRobin, Strategy::Weighted] {
        let mut random = Random::seeded();
        let db = TestDb::new().await;
        close_quickly(&db).await;
        let links: Vec<Link> = (1..=10).map(|weight| Link::cap(50).weight(weight)).collect();
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let over = Arc::new(AtomicBool::new(false));
        let mut others = Vec::new();
        for node in 0..NODES {
            others.push(tokio::spawn(close_by_node(
                Turns::until(over.clone()),
                db.asterisk().await,
                node,
            )));
        }
        others.push(tokio::spawn(close_by_lease(
            Turns::until(over.clone()),
            db.superuser().await,
        )));
        others.push(tokio::spawn(repair(
            Turns::until(over.clone()),
            db.superuser().await,
            scenario.link_ids.clone(),
        )));
        let watch = Watch::start(&db, Duration::from_millis(100)).await;
        let workers = crew(&db, 12)
            .await
            .into_iter()
            .map(|switch| (switch, random.fork()))
            .collect();
        let (did, calls) = (scenario.did.clone(), rounds(120, 3000));
        together(workers, move |number, (switch, random)| {
            move_calls(did.clone(), number, switch, random, calls)
        })
        .await;
        over.store(true, Ordering::Relaxed);
        for other in others {
            assert!(other.await.expect("closings and repairs cause no error") > 0);
        }
        watch.finish().await;
        drain(&db).await;
        assert_invariants(&db).await;
        let lost: i64 = db
            .superuser()
            .await
            .query_one("select count(*) from call_logs where call_status = 'LOST'", &[])
            .await
            .unwrap()
            .get(0);
        assert!(lost > 0, "the closings met no call");
        assert_no_deadlock(&db).await;
    }
}

/// Calls that go from link to link and then, mostly, are never heard of again.
async fn move_calls(did: String, number: usize, switch: Client, mut random: Random, calls: usize) {
    for call in 0..calls {
        let id = format!("{number}-{call}");
        let node = format!("pbx-{}", random.below(NODES));
        let target = switch.route_on(&did, &id, "+15550001111", &node).await.unwrap();
        assert!(target.is_ok(), "room for every call: {target:?}");
        let mut attempt = 1;
        while attempt < 6 && switch.next(&id, attempt, "NOANSWER").await.unwrap().is_ok() {
            attempt += 1;
        }
        if random.chance(30) {
            switch.log(&id, &did, "ANSWERED").await.unwrap();
        }
    }
}

/// In turns: the node restarted, and two lists without any call.
async fn close_by_node(mut turns: Turns, agent: Client, number: usize) -> usize {
    let node = format!("pbx-{number}");
    let mut latest = agent.database_time().await.unwrap();
    while turns.next().await {
        let now = agent.database_time().await.unwrap();
        if turns.taken.is_multiple_of(2) {
            agent.node_started(&node, now, "one").await.unwrap();
            continue;
        }
        for ahead in [0, 1500] {
            latest = latest.max(now + SignedDuration::from_millis(ahead));
            let beat = agent.heartbeat(&node, "one", latest, &[]).await.unwrap();
            assert_eq!(beat.status, "ok");
        }
    }
    turns.taken
}

async fn close_by_lease(mut turns: Turns, superuser: Client) -> usize {
    // A lease lasts for hours: here somebody moves the hand of the clock.
    let expire = "update live_calls set lease_until = now() - interval '1 second' \
                   where uniqueid in (select uniqueid from live_calls order by random() limit 20 \
                                         for update skip locked)";
    while turns.next().await {
        superuser.execute(expire, &[]).await.unwrap();
        superuser.release_expired(100).await.unwrap();
    }
    turns.taken
}

/// An administrator counts again, adjusts a total back and forth and closes a call by hand.
async fn repair(mut turns: Turns, superuser: Client, links: Vec<i64>) -> usize {
    let adjust = "select status from adjust_link_total($1, $2, 'a test')";
    while turns.next().await {
        let link = links[(turns.taken - 1) / 2 % links.len()];
        let delta: i64 = if turns.taken.is_multiple_of(2) { -1 } else { 1 };
        superuser.execute(adjust, &[&link, &delta]).await.unwrap();
        // It shuts out every call for a moment: a tool for after hand edits, not for every second.
        if turns.taken % 100 == 1 {
            let wrong = superuser
                .query("select * from reconcile_counters()", &[])
                .await
                .unwrap();
            assert!(wrong.is_empty(), "nothing was ever wrong: {wrong:?}");
        }
        let any = "select uniqueid from live_calls limit 1";
        if let Some(row) = superuser.query_opt(any, &[]).await.unwrap() {
            superuser.release(row.get(0), "by hand").await.unwrap();
        }
    }
    turns.taken
}

/// Every link is full of expired leases, and every route takes one over, beside others that close the same ones.
#[tokio::test]
async fn takeovers_of_expired_leases_meet_each_other() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(&db.admin().await, strategy, &[Link::cap(2); 6]).await;
        // Inserted as expired, so that each route finds what the one before it left.
        db.superuser()
            .await
            .batch_execute(
                "create function expire() returns trigger language plpgsql as \
                     $$ begin new.lease_until := now() - interval '1 second'; return new; end $$; \
                 create trigger expire before insert on live_calls for each row execute function expire()",
            )
            .await
            .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let sweeping = tokio::spawn(sweep(Turns::until(over.clone()), db.asterisk().await));
        let watch = Watch::start(&db, Duration::from_millis(100)).await;
        let (did, calls) = (scenario.did.clone(), rounds(60, 2000));
        let routed = together(crew(&db, 16).await, move |number, switch| {
            let did = did.clone();
            async move {
                let mut routed = 0;
                for call in 0..calls {
                    let id = format!("{number}-{call}");
                    let target = switch.route(&did, &id).await.unwrap();
                    routed += usize::from(target.is_ok());
                    if call % 2 == 0 && target.is_ok() {
                        switch.next(&id, 1, "BUSY").await.unwrap();
                    }
                }
                routed
            }
        })
        .await;
        over.store(true, Ordering::Relaxed);
        sweeping.await.expect("sweeping causes no error");
        watch.finish().await;
        // Six links of two: the rest of the routes took what was expired.
        assert!(routed.iter().sum::<usize>() > 12 + 16, "{strategy:?}: {routed:?}");
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

async fn sweep(mut turns: Turns, agent: Client) -> usize {
    while turns.next().await {
        agent.release_expired(3).await.unwrap();
    }
    turns.taken
}
