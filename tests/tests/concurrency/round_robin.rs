//! Round robin is strict: over all reservations of a campaign, across connections and restarts of the server.

use std::sync::Arc;
use std::time::Duration;

use capconduit_tests::{
    Calls, ClusterOptions, Link, Random, Scenario, StopMode, Strategy, TestDb, assert_invariants, rounds,
};
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, crowd, together};

const SPREAD: &str = "select max(calls) - min(calls) from (select (select count(*) from live_calls l \
    where l.link_id = n.link_id) as calls from link_counters n) per_link";

#[tokio::test]
async fn shares_differ_by_one_at_most_at_every_instant() {
    for callers in [16, 64] {
        let _crowd = crowd(callers).await;
        let db = TestDb::new().await;
        let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(100_000); 7]).await;
        let watching = tokio::spawn(watch_spread(db.superuser().await));
        let calls = rounds(1500, 20_000) / callers;
        let did = scenario.did.clone();
        together(crew(&db, callers).await, move |number, switch| {
            let did = did.clone();
            async move {
                for call in 0..calls {
                    switch
                        .route(&did, &format!("{number}-{call}"))
                        .await
                        .unwrap()
                        .link();
                }
            }
        })
        .await;
        watching.abort();
        let superuser = db.superuser().await;
        let spread: i64 = superuser.query_one(SPREAD, &[]).await.unwrap().get(0);
        assert!(spread <= 1, "{callers} callers: {spread} apart in the end");
        if let Err(broken) = watching.await {
            assert!(broken.is_cancelled(), "{broken}");
        }
        assert_no_deadlock(&db).await;
    }
}

/// A turn is visible before the next one is taken, so every snapshot shows whole turns.
async fn watch_spread(superuser: Client) {
    loop {
        let spread: i64 = superuser.query_one(SPREAD, &[]).await.unwrap().get(0);
        assert!(spread <= 1, "{spread} apart");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every reservation, failovers included, takes a turn of its own: none is given twice, none is lost.
#[tokio::test]
async fn each_reservation_takes_one_turn() {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let links = [Link::cap(1), Link::cap(2), Link::cap(4), Link::cap(100)];
    let scenario = Arc::new(Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await);
    let workers: Vec<_> = crew(&db, 16)
        .await
        .into_iter()
        .map(|switch| (switch, random.fork()))
        .collect();
    let calls = rounds(100, 2000);
    let reservations = together(workers, |number, (switch, mut random)| {
        let scenario = scenario.clone();
        async move {
            let mut reservations = 0;
            for call in 0..calls {
                let id = format!("{number}-{call}");
                switch.route(&scenario.did, &id).await.unwrap().link();
                reservations += 1;
                let mut attempt = 1;
                while random.chance(50) && switch.next(&id, attempt, "BUSY").await.unwrap().is_ok() {
                    attempt += 1;
                    reservations += 1;
                }
                switch.log(&id, &scenario.did, "ANSWERED").await.unwrap();
            }
            reservations
        }
    })
    .await;
    let last_turn: i64 = db
        .superuser()
        .await
        .query_one("select max(last_seq) from link_counters", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(last_turn, reservations.iter().sum::<i64>());
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}

/// What round robin is to do, written down a second time.
#[derive(Debug, Clone, Copy)]
struct Seat {
    link: i64,
    room: i32,
    last_turn: i64,
}

struct Round(Vec<Seat>);

impl Round {
    /// The seat whose last turn is oldest among those with room; it keeps its place while it is full.
    fn take(&mut self, tried: &[i64]) -> Option<i64> {
        let turn = self.0.iter().map(|seat| seat.last_turn).max()? + 1;
        let free = self
            .0
            .iter_mut()
            .filter(|seat| seat.room > 0 && !tried.contains(&seat.link));
        let seat = free.min_by_key(|seat| (seat.last_turn, seat.link))?;
        seat.room -= 1;
        seat.last_turn = turn;
        Some(seat.link)
    }

    fn give_back(&mut self, link: i64) {
        self.0
            .iter_mut()
            .find(|seat| seat.link == link)
            .expect("a link of the round")
            .room += 1;
    }
}

struct Live {
    id: String,
    tried: Vec<i64>,
    /// `None`: nobody was left, and the call waits for its record.
    link: Option<i64>,
}

#[tokio::test]
async fn places_are_kept_by_full_links_failovers_and_restarts() {
    let mut random = Random::seeded();
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let caps = [1, 3, 2, 1, 2];
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &caps.map(Link::cap)).await;
    let seat = |(&link, &room): (&i64, &i32)| Seat {
        link,
        room,
        last_turn: 0,
    };
    let mut round = Round(scenario.link_ids.iter().zip(&caps).map(seat).collect());
    let mut live: Vec<Live> = Vec::new();
    let mut switch = db.asterisk().await;
    for step in 0..rounds(300, 3000) {
        if step % 100 == 99 {
            db.cluster()
                .stop(if random.chance(50) {
                    StopMode::Kill
                } else {
                    StopMode::Fast
                })
                .await;
            db.cluster().start().await;
            switch = db.asterisk().await;
        }
        match random.below(5) {
            0 | 1 => {
                let id = format!("call-{step}");
                let expected = round.take(&[]);
                let target = switch.route(&scenario.did, &id).await.unwrap();
                assert_eq!(target.link_id, expected, "step {step}, route: {target:?}");
                if expected.is_some() {
                    live.push(Live {
                        id,
                        tried: Vec::new(),
                        link: expected,
                    });
                }
            }
            2 if !live.is_empty() => {
                let index = random.below(live.len());
                let call = &mut live[index];
                if let Some(link) = call.link {
                    call.tried.push(link);
                    let expected = round.take(&call.tried);
                    let target = switch
                        .next(&call.id, call.tried.len() as i32, "NOANSWER")
                        .await
                        .unwrap();
                    assert_eq!(target.link_id, expected, "step {step}, next: {target:?}");
                    round.give_back(link);
                    call.link = expected;
                }
            }
            _ if !live.is_empty() => {
                let call = live.swap_remove(random.below(live.len()));
                switch.log(&call.id, &scenario.did, "ANSWERED").await.unwrap();
                if let Some(link) = call.link {
                    round.give_back(link);
                }
            }
            _ => {}
        }
    }
    assert_invariants(&db).await;
}
