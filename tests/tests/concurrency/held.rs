//! Counters that another transaction holds, for as long as somebody forgets to end it. A call that another link could take
//! waits a bounded moment and goes there; one that nobody else could take waits, since a held row is not a full one.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, drain, together};
use crate::node::support::eventually;
use crate::sql::support::{refusal, run, value};

/// Far above what a call waits for a held row (300 ms), far below what a switch's login may wait for a lock (3 s).
const BOUNDED: Duration = Duration::from_millis(1500);

/// How somebody may hold a link's counters.
const HOLDS: [&str; 4] = [
    "select adjust_link_total(LINK, 1, 'forgotten')",
    "select from link_counters where link_id = LINK for update",
    "select from link_counters where link_id = LINK for no key update",
    "select from link_counters where link_id = LINK for share",
];

/// A transaction on a connection of its own, which holds a link's counters until `let_go`.
struct Forgotten(Client);

impl Forgotten {
    async fn new(db: &TestDb, hold: &str, link: i64) -> Self {
        let client = db.superuser().await;
        run(
            &client,
            &format!("begin; {}", hold.replace("LINK", &link.to_string())),
        )
        .await;
        Forgotten(client)
    }

    async fn let_go(self) {
        run(&self.0, "rollback").await;
    }
}

/// What the call answers, and that it took no longer than a bounded wait.
async fn soon<T>(call: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = call.await;
    assert!(began.elapsed() < BOUNDED, "it took {:?}", began.elapsed());
    answer
}

/// How many sessions wait for a lock.
pub async fn waiting(db: &TestDb, at_least: i64) {
    let superuser = db.superuser().await;
    let sql = "select count(*) >= LEAST from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'";
    let sql = sql.replace("LEAST", &at_least.to_string());
    eventually("sessions wait", async || value::<bool>(&superuser, &sql).await).await;
}

#[tokio::test]
async fn a_forgotten_transaction_sends_calls_to_another_link() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(
            &db.admin().await,
            strategy,
            &[Link::cap(50), Link::cap(50).priority(1)],
        )
        .await;
        let [held, free] = scenario.link_ids[..] else {
            unreachable!()
        };
        for (turn, hold) in HOLDS.into_iter().enumerate() {
            let forgotten = Forgotten::new(&db, hold, held).await;
            let switch = db.asterisk().await;
            let mut sent_on = 0;
            // By weight six calls in a row may draw the free link first: then some more are asked.
            for call in 0..24 {
                if call >= 6 && sent_on > 0 {
                    break;
                }
                let answer = soon(switch.route(&scenario.did, &format!("{turn}-{call}")))
                    .await
                    .unwrap();
                assert_eq!(answer.link(), free, "{strategy:?}, {hold}: {answer:?}");
                let decision = answer.decision.unwrap();
                sent_on += usize::from(decision.contains(&format!("{held}=held")));
            }
            assert!(sent_on > 0, "{strategy:?}: no decision tells why");
            forgotten.let_go().await;
        }
        // The order is as ever afterwards.
        let switch = db.asterisk().await;
        if strategy != Strategy::Weighted {
            assert_eq!(switch.route(&scenario.did, "after").await.unwrap().link(), held);
        }
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

#[tokio::test]
async fn a_failed_attempt_moves_past_a_held_link() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let links = [
            Link::cap(9).priority(1),
            Link::cap(9).priority(2),
            Link::cap(9).priority(3),
        ];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let switch = db.asterisk().await;
        for call in 0..6 {
            let id = format!("call-{call}");
            let first = switch.route(&scenario.did, &id).await.unwrap().link();
            let mut others: Vec<i64> = scenario
                .link_ids
                .iter()
                .copied()
                .filter(|link| *link != first)
                .collect();
            // Each of the two others in turn: above and below the link that the call leaves.
            let held = others.remove(call % 2);
            let forgotten = Forgotten::new(&db, HOLDS[0], held).await;
            let answer = soon(switch.next(&id, 1, "BUSY")).await.unwrap();
            assert_eq!(answer.link(), others[0], "{strategy:?}: {answer:?}");
            forgotten.let_go().await;
        }
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// One bound for the call, however many rows are held and by however many transactions.
#[tokio::test]
async fn many_held_links_are_waited_for_no_longer_than_one() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let mut links = [Link::cap(9); 8];
        links[7] = links[7].priority(1);
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let mut forgotten = Vec::new();
        for link in &scenario.link_ids[..7] {
            forgotten.push(Forgotten::new(&db, HOLDS[0], *link).await);
        }
        let answer = soon(db.asterisk().await.route(&scenario.did, "one"))
            .await
            .unwrap();
        assert_eq!(answer.link(), scenario.link_ids[7], "{strategy:?}");
        for one in forgotten {
            one.let_go().await;
        }
        assert_invariants(&db).await;
    }
}

/// Nobody waits behind the wait of another: not for the campaign's turns, not for a link's counters.
#[tokio::test]
async fn a_campaign_s_calls_go_on_together_beside_a_held_link() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let links = [
            Link::cap(500),
            Link::cap(500).priority(1),
            Link::cap(500).priority(2),
        ];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let held = scenario.link_ids[0];
        let forgotten = Forgotten::new(&db, HOLDS[0], held).await;
        let did = scenario.did.clone();
        together(crew(&db, 12).await, move |number, switch| {
            let did = did.clone();
            async move {
                for call in 0..5 {
                    let id = format!("{number}-{call}");
                    assert_ne!(switch.route(&did, &id).await.unwrap().link(), held);
                    let next = switch.next(&id, 1, "BUSY").await.unwrap();
                    assert_ne!(next.link(), held);
                    assert_eq!(switch.log(&id, &did, "ANSWERED").await.unwrap().status, "logged");
                }
            }
        })
        .await;
        forgotten.let_go().await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

#[tokio::test]
async fn a_held_row_is_not_a_full_one() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(
            &db.admin().await,
            strategy,
            &[Link::cap(1), Link::cap(1).priority(1)],
        )
        .await;
        let switch = db.asterisk().await;
        // The other link is full: this one is waited for.
        let first = switch.route(&scenario.did, "first").await.unwrap().link();
        let held = scenario
            .link_ids
            .iter()
            .copied()
            .find(|link| *link != first)
            .unwrap();
        let route = |switch: Client, id: &'static str| {
            let did = scenario.did.clone();
            tokio::spawn(async move { switch.route(&did, id).await })
        };
        let forgotten = Forgotten::new(&db, HOLDS[0], held).await;
        let second = route(db.asterisk().await, "second");
        waiting(&db, 1).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!second.is_finished(), "{strategy:?}");
        forgotten.let_go().await;
        assert_eq!(second.await.unwrap().unwrap().link(), held, "{strategy:?}");
        switch.log("second", &scenario.did, "BUSY").await.unwrap();
        // And room that comes elsewhere meanwhile is taken.
        let forgotten = Forgotten::new(&db, HOLDS[0], held).await;
        let third = route(db.asterisk().await, "third");
        waiting(&db, 1).await;
        switch.log("first", &scenario.did, "BUSY").await.unwrap();
        assert_eq!(third.await.unwrap().unwrap().link(), first, "{strategy:?}");
        // In the end the switch's own limit holds, as for any lock.
        let (code, message) = refusal(route(db.asterisk().await, "fourth").await.unwrap());
        assert_eq!(code, "55P03", "{message}");
        forgotten.let_go().await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// To give a slot back, a call needs the row of its own link, whichever it moves to; while it waits for that, nobody waits for it.
#[tokio::test]
async fn a_call_s_own_link_is_waited_for_with_nothing_in_hand() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(&db.admin().await, strategy, &[Link::cap(9), Link::cap(9)]).await;
        let switch = db.asterisk().await;
        for call in ["one", "two"] {
            let own = switch.route(&scenario.did, call).await.unwrap().link();
            let other = scenario
                .link_ids
                .iter()
                .copied()
                .find(|link| *link != own)
                .unwrap();
            let forgotten = Forgotten::new(&db, HOLDS[1], own).await;
            let mover = db.asterisk().await;
            let moving = tokio::spawn(async move { mover.next(call, 1, "BUSY").await });
            waiting(&db, 1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let beside = soon(switch.route(&scenario.did, &format!("beside {call}")))
                .await
                .unwrap();
            assert_eq!(beside.link(), other, "{strategy:?}");
            assert!(!moving.is_finished(), "{strategy:?}");
            forgotten.let_go().await;
            assert_eq!(moving.await.unwrap().unwrap().link(), other, "{strategy:?}");
        }
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// A link whose key alone is locked can be changed: nobody waits.
#[tokio::test]
async fn a_lock_that_allows_the_change_is_not_waited_for() {
    let db = TestDb::new().await;
    let links = [Link::cap(9), Link::cap(9).priority(1)];
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &links).await;
    let key_share = "select from link_counters where link_id = LINK for key share";
    let one = Forgotten::new(&db, key_share, scenario.link_ids[0]).await;
    let two = Forgotten::new(&db, key_share, scenario.link_ids[0]).await;
    let switch = db.asterisk().await;
    for call in ["one", "two"] {
        assert_eq!(
            switch.route(&scenario.did, call).await.unwrap().link(),
            scenario.link_ids[0]
        );
    }
    one.let_go().await;
    two.let_go().await;
    // Several that do not: the last of them counts.
    let one = Forgotten::new(&db, HOLDS[3], scenario.link_ids[0]).await;
    let two = Forgotten::new(&db, HOLDS[3], scenario.link_ids[0]).await;
    one.let_go().await;
    let answer = soon(switch.route(&scenario.did, "three")).await.unwrap();
    assert_eq!(answer.link(), scenario.link_ids[1]);
    two.let_go().await;
    assert_eq!(
        switch.route(&scenario.did, "four").await.unwrap().link(),
        scenario.link_ids[0]
    );
    assert_invariants(&db).await;
}

/// A full link's expired leases are not taken back while its counters are held, where another link has room.
#[tokio::test]
async fn an_expired_lease_on_a_held_link_holds_nobody_up() {
    for strategy in [Strategy::Priority, Strategy::RoundRobin] {
        let db = TestDb::new().await;
        let scenario = Scenario::new(
            &db.admin().await,
            strategy,
            &[Link::cap(1), Link::cap(9).priority(1)],
        )
        .await;
        let switch = db.asterisk().await;
        assert_eq!(
            switch.route(&scenario.did, "old").await.unwrap().link(),
            scenario.link_ids[0]
        );
        if strategy == Strategy::RoundRobin {
            switch.route(&scenario.did, "turn").await.unwrap();
        }
        run(
            &db.superuser().await,
            "update live_calls set lease_until = now() - interval '1 second' where uniqueid = 'old'",
        )
        .await;
        let forgotten = Forgotten::new(&db, HOLDS[0], scenario.link_ids[0]).await;
        let answer = soon(switch.route(&scenario.did, "new")).await.unwrap();
        assert_eq!(answer.link(), scenario.link_ids[1], "{strategy:?}");
        forgotten.let_go().await;
        let answer = switch.route(&scenario.did, "newer").await.unwrap();
        assert_eq!(answer.link(), scenario.link_ids[0], "{strategy:?}: {answer:?}");
        assert_invariants(&db).await;
    }
}

/// A node is heard whatever somebody holds: the calls that it lost on a held link are closed by a later list, or by the look for
/// silent nodes. Else its silence, which is none, would close all the others while they talk.
#[tokio::test]
async fn a_held_link_keeps_no_node_from_being_heard() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(
        &db.admin().await,
        Strategy::RoundRobin,
        &[Link::cap(9), Link::cap(9)],
    )
    .await;
    let switch = db.asterisk().await;
    let mut on_held = Vec::new();
    let mut on_free = Vec::new();
    for call in 0..6 {
        let id = format!("pbx1-{call}");
        let link = switch
            .route_on(&scenario.did, &id, "+15550001111", "pbx1")
            .await
            .unwrap()
            .link();
        if link == scenario.link_ids[0] {
            on_held.push(id)
        } else {
            on_free.push(id)
        }
    }
    let ids = |calls: &[String]| calls.to_vec();
    let listed = |calls: Vec<String>| {
        let (switch, db) = (&switch, &db);
        async move {
            let now = db.superuser().await.database_time().await.unwrap();
            let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
            soon(switch.heartbeat("pbx1", "one", now, &calls)).await.unwrap()
        }
    };
    let live = async |calls: &[String]| {
        let superuser = db.superuser().await;
        let sql = "select count(*) from live_calls where uniqueid = any ($1)";
        superuser
            .query_one(sql, &[&calls])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    // Both links lose a call, the held one first in the order of links.
    let still = [ids(&on_held[1..]), ids(&on_free[1..])].concat();
    assert_eq!(listed(still.clone()).await.absent, Some(2));
    let superuser = db.superuser().await;
    run(
        &superuser,
        "update live_calls set absent_since = absent_since - interval '5 minutes'",
    )
    .await;
    let forgotten = Forgotten::new(&db, HOLDS[0], scenario.link_ids[0]).await;
    let heard = listed(still.clone()).await;
    assert_eq!((heard.status.as_str(), heard.closed), ("ok", Some(1)));
    assert_eq!((live(&on_held).await, live(&on_free).await), (3, 2));
    // The same where leases end.
    run(
        &superuser,
        "update live_calls set lease_until = now() - interval '1 second' where uniqueid <> all (array(
            select uniqueid from live_calls order by uniqueid desc limit 2))",
    )
    .await;
    let free_before = live(&on_free).await;
    let released = soon(switch.release_expired(100)).await.unwrap();
    assert_eq!(
        released.released.map(i64::from),
        Some(free_before - live(&on_free).await)
    );
    assert_eq!(live(&on_held).await, 3);
    // And where a node has started anew.
    let booted = db.superuser().await.database_time().await.unwrap();
    let started = soon(switch.node_started("pbx1", booted, "one")).await.unwrap();
    assert_eq!(started.status, "ok");
    assert_eq!((live(&on_held).await, live(&on_free).await), (3, 0));
    forgotten.let_go().await;
    assert_eq!(
        switch.node_started("pbx1", booted, "one").await.unwrap().closed,
        Some(3)
    );
    assert_eq!(live(&on_held).await, 0);
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}
