//! Where there is room for a call it is taken, and the strategies share out calls among those that have room.

use std::sync::Arc;

use capconduit_tests::{
    Calls, Link, Scenario, Strategy, TestDb, assert_invariants, clear_of_the_hour, client, link, rounds,
};

use super::{assert_no_deadlock, crew, crowd, together};

const CALLERS: usize = 64;

/// As many calls come to each number as all lets through that counts them, over every window, and all come at once: not one is refused. Then
/// one more comes to each, and each is.
#[tokio::test]
async fn no_call_is_refused_that_there_is_room_for() {
    // Four sellers with four numbers each; each of four clients takes the calls of one number of each of them.
    const NUMBERS: usize = 16;
    let _crowd = crowd(CALLERS).await;
    let each = rounds(4, 24) * CALLERS / NUMBERS;
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(client(&admin).await);
    }
    let mut dids = Vec::new();
    let mut caps = Vec::new();
    let mut sellers = Vec::new();
    for place in 0..NUMBERS {
        let scenario = Scenario::new(&admin, Strategy::ALL[place % 3], &[]).await;
        let of_link = Link::cap(each as i32).allowed(each as i64);
        let link_id = link(&admin, scenario.campaign_id, clients[place / 4], of_link).await;
        if place < 4 {
            sellers.push(scenario.user_id);
            caps.push(("user_id", scenario.user_id, each * NUMBERS / 4));
        }
        let owner = sellers[place % 4];
        let moved = format!(
            "update dids set user_id = {owner} where id = {}; update campaigns set user_id = {owner} where id = {}",
            scenario.did_id, scenario.campaign_id
        );
        superuser.batch_execute(&moved).await.unwrap();
        caps.push(("did_id", scenario.did_id, each));
        caps.push(("campaign_id", scenario.campaign_id, each));
        caps.push(("link_id", link_id, each));
        dids.push(scenario.did);
    }
    caps.extend(
        clients
            .iter()
            .map(|client| ("client_id", *client, each * NUMBERS / 4)),
    );
    for (column, id, most) in caps {
        let sql = format!(
            "insert into caps ({column}, counts, span, set_by, max_calls)
             select {id}, counts, span, 'platform', {most}
               from unnest(array['offered', 'answered', 'qualified']) counts,
                    unnest(array['hour', 'day', 'week', 'month', 'total', 'concurrent']) span
              where span <> 'concurrent' or counts = 'offered'"
        );
        superuser.batch_execute(&sql).await.unwrap();
    }
    let numbers = Arc::new(dids.clone());
    let calls = each * NUMBERS / CALLERS;
    together(crew(&db, CALLERS).await, move |caller, switch| {
        let numbers = numbers.clone();
        async move {
            for call in 0..calls {
                let did = &numbers[(caller * calls + call) % NUMBERS];
                let id = format!("{caller}-{call}");
                switch.route(did, &id).await.unwrap().link();
                // Some go on, some were good ones, some may still be.
                if call % 3 == 1 {
                    let sql = format!(
                        "select log_call('{id}', '{did}', 'ANSWERED', answered_at => now(), billsec_seconds => 60)"
                    );
                    switch.batch_execute(&sql).await.unwrap();
                } else if call % 3 == 2 {
                    switch.log(&id, did, "LOST").await.unwrap();
                }
            }
        }
    })
    .await;
    let switch = db.asterisk().await;
    for (number, did) in dids.iter().enumerate() {
        let more = switch.route(did, &format!("more-{number}")).await.unwrap();
        assert!(more.reject_reason().ends_with("_total_cap"), "{more:?}");
    }
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}

/// One of three clients has a cap of ten: it gets ten, and the others share the rest as their campaign's strategy says.
#[tokio::test]
async fn what_a_full_client_does_not_take_the_others_share() {
    let _crowd = crowd(CALLERS).await;
    for strategy in [Strategy::RoundRobin, Strategy::Priority, Strategy::Weighted] {
        // A day may end with it.
        clear_of_the_hour(60).await;
        let calls = rounds(8, 80);
        let db = TestDb::new().await;
        let links = [
            Link::cap(10_000).weight(1),
            Link::cap(10_000).priority(1).weight(1),
            Link::cap(10_000).priority(2).weight(3),
        ];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let superuser = db.superuser().await;
        let sql = format!(
            "insert into caps (client_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'platform', 10)",
            scenario.client_ids[0]
        );
        superuser.batch_execute(&sql).await.unwrap();
        let did = scenario.did.clone();
        together(crew(&db, CALLERS).await, move |caller, switch| {
            let did = did.clone();
            async move {
                for call in 0..calls {
                    let id = format!("{caller}-{call}");
                    switch.route(&did, &id).await.unwrap().link();
                }
            }
        })
        .await;
        let taken = "select array_agg(offered order by link_id) from link_counters";
        let taken: Vec<i64> = superuser.query_one(taken, &[]).await.unwrap().get(0);
        let all = (CALLERS * calls) as i64;
        assert_eq!(
            (taken[0], taken.iter().sum::<i64>()),
            (10, all),
            "{strategy:?} {taken:?}"
        );
        match strategy {
            Strategy::RoundRobin => assert!((taken[1] - taken[2]).abs() <= 1, "{taken:?}"),
            Strategy::Priority => assert_eq!(taken[2], 0, "{taken:?}"),
            Strategy::Weighted => {
                // Three in four; a link that somebody is at is passed over, so not to a hair.
                let share = taken[2] as f64 / (all - 10) as f64;
                assert!((0.6..0.9).contains(&share), "{taken:?}");
            }
        }
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}
