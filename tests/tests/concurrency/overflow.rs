//! Calls that overflow from campaign to campaign, all at once: as many pass as both have room for, and no campaign waits for the other.

use std::time::Duration;

use capconduit_tests::{
    Calls, Link, Random, Scenario, Strategy, Target, TestDb, assert_invariants, eventually,
};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::held::waiting;
use super::{assert_no_deadlock, crew, crowd, drain, together};
use crate::sql::support::{run, value};

/// Two campaigns of one seller with a number each, whose calls overflow to the other one.
async fn mutual(db: &TestDb, strategies: [Strategy; 2], first: &[Link], then: &[Link]) -> [Scenario; 2] {
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let first = Scenario::new(&admin, strategies[0], first).await;
    let then = Scenario::new(&admin, strategies[1], then).await;
    let exits = |campaign: i64| {
        format!(
            r#"[{{"exit": "all_capped", "campaign": {campaign}}}, {{"exit": "all_closed", "campaign": {campaign}}},
                {{"exit": "no_more_targets", "campaign": {campaign}}}]"#
        )
    };
    let sql = format!(
        "update dids set user_id = {0} where user_id = {5}; update campaigns set user_id = {0} where user_id = {5};
         update campaigns set overflow = '{1}' where id = {2}; update campaigns set overflow = '{3}' where id = {4}",
        first.user_id,
        exits(then.campaign_id),
        first.campaign_id,
        exits(first.campaign_id),
        then.campaign_id,
        then.user_id,
    );
    run(&superuser, &sql).await;
    [first, then]
}

/// Sixty-four connections at both numbers: nobody is refused while one of the two has room, and both are full in the end. Then all of them
/// fail over, to whoever has room.
#[tokio::test]
async fn as_many_pass_as_both_have_room_for() {
    let _crowd = crowd(64).await;
    for first in Strategy::ALL {
        for then in Strategy::ALL {
            let db = TestDb::new().await;
            let room = 5 + 6 + 7 + 3;
            let campaigns = mutual(
                &db,
                [first, then],
                &[Link::cap(5), Link::cap(6)],
                &[Link::cap(7), Link::cap(3)],
            )
            .await;
            // Meters of what both share, and of each.
            for (column, id) in [
                ("campaign_id", campaigns[0].campaign_id),
                ("campaign_id", campaigns[1].campaign_id),
                ("user_id", campaigns[0].user_id),
            ] {
                let sql = format!(
                    "insert into caps ({column}, counts, span, set_by, max_calls) values ({id}, 'offered', 'day', 'seller', 1000)"
                );
                run(&db.superuser().await, &sql).await;
            }
            let dids = campaigns.map(|campaign| campaign.did);
            let passed = together(crew(&db, 64).await, move |worker, switch| {
                let did = dids[worker % 2].clone();
                async move {
                    let answer = switch.route(&did, &format!("{worker}")).await.expect("an answer");
                    if !answer.is_ok() {
                        assert_eq!(answer.reject_reason(), "no_eligible_clients_available");
                        return 0;
                    }
                    1
                }
            })
            .await;
            assert_eq!(passed.iter().sum::<i32>(), room, "{first:?} {then:?}");
            assert_invariants(&db).await;
            let left: i64 = value(
                &db.superuser().await,
                "select count(*) from live_calls where overflowed_from is not null",
            )
            .await;
            let ended: Vec<i32> = together(crew(&db, 64).await, move |worker, switch| async move {
                let call = worker.to_string();
                let mut random = Random::seeded();
                let mut attempt = 1;
                loop {
                    match switch.next(&call, attempt, "BUSY").await.expect("an answer") {
                        next if next.is_ok() => attempt += 1,
                        _ => break,
                    }
                    if random.chance(30) {
                        break;
                    }
                }
                attempt
            })
            .await;
            println!(
                "{first:?} {then:?}: {left} left at once, {} attempts",
                ended.iter().sum::<i32>()
            );
            assert_invariants(&db).await;
            drain(&db).await;
            assert_invariants(&db).await;
            assert_no_deadlock(&db).await;
        }
    }
}

fn route(switch: Client, did: &str, id: &'static str) -> JoinHandle<Target> {
    let did = did.to_owned();
    tokio::spawn(async move { switch.route(&did, id).await.unwrap() })
}

fn next(switch: Client, id: &'static str) -> JoinHandle<Target> {
    tokio::spawn(async move { switch.next(id, 1, "BUSY").await.unwrap() })
}

/// Whoever waits for the turns of the second campaign holds none of the first: calls there go on.
#[tokio::test]
async fn the_first_campaigns_turns_go_back_before_the_seconds_are_asked() {
    for at_route in [true, false] {
        let db = TestDb::new().await;
        let (admin, holder) = (db.admin().await, db.superuser().await);
        let [first, then] = mutual(
            &db,
            [Strategy::RoundRobin; 2],
            &[Link::cap(1), Link::cap(1)],
            &[Link::cap(9)],
        )
        .await;
        let switch = db.asterisk().await;
        let link = switch.route(&first.did, "goes on").await.unwrap();
        let waits = if at_route {
            // It sees room, waits for the turns, and has them when the room is gone.
            let filler = db.superuser().await;
            hold_turns(&filler, first.campaign_id, "fills").await;
            hold_turns(&holder, then.campaign_id, "holder").await;
            let waits = route(db.asterisk().await, &first.did, "waits");
            waiting(&db, 1).await;
            run(&filler, "commit").await;
            waits
        } else {
            let sql = format!(
                "update campaign_client_settings set status = 'inactive' where campaign_id = {} and id <> {}",
                first.campaign_id,
                link.link()
            );
            run(&admin, &sql).await;
            hold_turns(&holder, then.campaign_id, "holder").await;
            next(db.asterisk().await, "goes on")
        };
        let locks = format!(
            "select string_agg(case objid when {} then 'first ' else 'then ' end || granted, ', ' order by granted)
               from pg_locks where locktype = 'advisory' and objid in ({0}, {1}) and objsubid = 2
                and database = (select oid from pg_database where datname = current_database())",
            first.campaign_id, then.campaign_id
        );
        let what = "it waits for the second campaign's turns, and holds none of the first";
        eventually(what, async || {
            let locks: Option<String> = value(&admin, &locks).await;
            locks.as_deref() == Some("then false, then true")
        })
        .await;
        if at_route {
            switch.log("fills", &first.did, "NOANSWER").await.unwrap();
            switch.route(&first.did, "meanwhile").await.unwrap().link();
        }
        run(&holder, "rollback").await;
        assert_eq!(waits.await.unwrap().campaign_id, Some(then.campaign_id));
        assert_invariants(&db).await;
        drain(&db).await;
    }
}

/// As a call that is at work there.
async fn hold_turns(holder: &Client, campaign_id: i64, call: &str) {
    run(
        holder,
        &format!(
            "begin; select * from route_call((select d.number from dids d join campaign_dids c on c.did_id = d.id where c.campaign_id = {campaign_id}), '{call}')"
        ),
    )
    .await;
}

/// What is set while a call waits for the other campaign's link counts for it: of both.
#[tokio::test]
async fn what_is_set_while_a_call_waits_counts_for_it() {
    for (set, at_route, at_failure) in [
        (
            "update campaigns set overflow = null where id = FIRST",
            "no_eligible_clients_available",
            "no_more_targets",
        ),
        (
            "update campaigns set paused_until = 'infinity', pause_reason = 'x' where id = THEN",
            "no_eligible_clients_available",
            "no_more_targets",
        ),
        (
            "update campaigns set status = 'inactive' where id = THEN",
            "no_eligible_clients_available",
            "no_more_targets",
        ),
        (
            "update campaign_client_settings set status = 'inactive' where campaign_id = THEN",
            "no_eligible_clients_available",
            "no_more_targets",
        ),
        (
            "update campaign_client_settings set max_concurrency = 9 where campaign_id = FIRST",
            "FIRST",
            "THEN",
        ),
        (
            "update campaign_client_settings set forwarding_priority = 9 where campaign_id = FIRST",
            "THEN",
            "THEN",
        ),
        (
            "insert into caps (campaign_id, counts, span, set_by, max_calls) values (THEN, 'offered', 'day', 'seller', 0)",
            "no_eligible_clients_available",
            "no_more_targets",
        ),
    ] {
        for is_route in [true, false] {
            let db = TestDb::new().await;
            let (admin, holder, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
            let [first, then] = mutual(&db, [Strategy::Priority; 2], &[Link::cap(1)], &[Link::cap(9)]).await;
            let named = |text: &str| {
                let ids = [("FIRST", first.campaign_id), ("THEN", then.campaign_id)];
                ids.iter().fold(text.to_owned(), |text, (name, id)| {
                    text.replace(name, &id.to_string())
                })
            };
            // The row of a meter's subject must be free for its first cap.
            run(&holder, &format!("insert into caps (user_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'seller', 99)", first.user_id)).await;
            run(&holder, &named("insert into caps (campaign_id, counts, span, set_by, max_calls) values (THEN, 'answered', 'day', 'seller', 99)")).await;
            switch.route(&first.did, "call").await.unwrap().link();
            run(
                &holder,
                &format!(
                    "begin; select from link_counters where link_id = {} for update",
                    then.link_ids[0]
                ),
            )
            .await;
            let waits = if is_route {
                route(db.asterisk().await, &first.did, "waits")
            } else {
                next(db.asterisk().await, "call")
            };
            waiting(&db, 1).await;
            run(&admin, &named(set)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            run(&holder, "commit").await;
            let answer = waits.await.unwrap();
            let found = if answer.is_ok() {
                answer.campaign_id.unwrap().to_string()
            } else {
                answer.reject_reason().to_owned()
            };
            assert_eq!(
                found,
                named(if is_route { at_route } else { at_failure }),
                "{set}, at a route: {is_route}"
            );
            assert_invariants(&db).await;
            drain(&db).await;
            assert_invariants(&db).await;
        }
    }
}

/// Whoever waits for the meter of the campaign that it has left holds nothing of the other one: calls there go on.
#[tokio::test]
async fn a_meter_of_the_first_campaign_keeps_no_call_of_the_second() {
    let db = TestDb::new().await;
    let (holder, switch) = (db.superuser().await, db.asterisk().await);
    let [first, then] = mutual(&db, [Strategy::Priority; 2], &[Link::cap(1)], &[Link::cap(9)]).await;
    let cap = format!(
        "insert into caps (campaign_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'seller', 99)",
        first.campaign_id
    );
    run(&holder, &cap).await;
    switch.route(&first.did, "own").await.unwrap().link();
    run(&holder, "begin; select from meters for update").await;
    let waits = route(db.asterisk().await, &first.did, "waits");
    waiting(&db, 1).await;
    for call in 0..20 {
        let answer = route(db.asterisk().await, &then.did, ["a", "b"][call % 2]);
        let answer = tokio::time::timeout(Duration::from_secs(2), answer).await;
        let answer = answer.expect("nobody waits for it").unwrap();
        assert_eq!(answer.campaign_id, Some(then.campaign_id));
    }
    run(&holder, "commit").await;
    assert_eq!(waits.await.unwrap().campaign_id, Some(then.campaign_id));
    assert_invariants(&db).await;
    drain(&db).await;
    assert_invariants(&db).await;
}

/// A cap of the second campaign that is set in the moments for which a failed attempt waits for a link there holds for it.
#[tokio::test]
async fn a_cap_that_is_set_while_an_attempt_moves_holds_for_it() {
    let db = TestDb::new().await;
    let (admin, holder) = (db.admin().await, db.superuser().await);
    let [first, then] = mutual(
        &db,
        [Strategy::Priority; 2],
        &[Link::cap(1000)],
        &[Link::cap(1000)],
    )
    .await;
    let cap = |counts: &str, max_calls: i32| {
        format!(
            "insert into caps (campaign_id, counts, span, set_by, max_calls) values ({}, '{counts}', 'day', 'seller', {max_calls})",
            then.campaign_id
        )
    };
    run(&holder, &cap("answered", 1000)).await;
    let (switch, mover) = (db.asterisk().await, std::sync::Arc::new(db.asterisk().await));
    let mut met = 0;
    for attempt in 0..100 {
        let call = format!("call-{attempt}");
        switch.route(&first.did, &call).await.unwrap().link();
        let lock = format!(
            "begin; select from link_counters where link_id = {} for update",
            then.link_ids[0]
        );
        run(&holder, &lock).await;
        let moves = tokio::spawn({
            let (mover, call) = (mover.clone(), call.clone());
            async move {
                let sql = "select n.campaign_id, clock_timestamp() from capconduit.next_target($1, 1, 'BUSY') n where n.status = 'ok'";
                mover.query_opt(sql, &[&call]).await.unwrap()
            }
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
        run(&holder, &cap("offered", 0)).await;
        let set_at: std::time::SystemTime = value(&holder, "select clock_timestamp()").await;
        run(&holder, "commit").await;
        if let Some(moved) = moves.await.unwrap() {
            // It came before whoever held the link.
            let moved_at: std::time::SystemTime = moved.get(1);
            assert!(moved_at < set_at, "{call} went beyond a cap of 0");
        } else {
            met += 1;
        }
        run(&admin, "delete from caps where counts = 'offered'").await;
        drain(&db).await;
    }
    assert!(met > 50, "{met}");
    assert_invariants(&db).await;
}

/// Whoever deletes a link or a campaign that another one names waits for none that somebody else is changing.
#[tokio::test]
async fn what_is_named_goes_without_a_deadlock() {
    for (held, first_sql, then_held, then_sql) in [
        (
            "select from campaigns where id = FIRST for update",
            "delete from campaigns where id = FIRST",
            "select",
            "delete from campaign_client_settings where id = LINK",
        ),
        (
            "select from campaigns where id = FIRST for update",
            "delete from campaigns where id = FIRST",
            "select from campaigns where id = THEN for update",
            "delete from campaigns where id = THEN",
        ),
        (
            "select from campaigns where id = FIRST for update",
            "delete from campaigns where id = FIRST",
            "select from campaigns where id = THEN for update",
            "update campaigns set user_id = (select min(id) from users) where id = THEN",
        ),
    ] {
        let db = TestDb::new().await;
        let [first, then] = mutual(&db, [Strategy::Priority; 2], &[Link::cap(1)], &[Link::cap(9)]).await;
        let named = |sql: &str| {
            sql.replace("FIRST", &first.campaign_id.to_string())
                .replace("THEN", &then.campaign_id.to_string())
                .replace("LINK", &first.link_ids[0].to_string())
        };
        let link = format!(
            r#"update campaigns set overflow = overflow - 1 || '[{{"exit": "all_closed", "link": {}}}]' where id = {}"#,
            first.link_ids[0], first.campaign_id
        );
        let (one, other) = (db.superuser().await, db.superuser().await);
        run(&one, &link).await;
        run(&one, &format!("begin; {}", named(held))).await;
        run(&other, &format!("begin; {}", named(then_held))).await;
        let sql = named(then_sql);
        let goes = tokio::spawn(async move {
            run(&other, &sql).await;
            run(&other, "commit").await;
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        run(&one, &named(first_sql)).await;
        run(&one, "commit").await;
        goes.await.unwrap();
        assert_no_deadlock(&db).await;
        let left = format!(
            "select count(*) from campaigns where id = {} and overflow is not null",
            first.campaign_id
        );
        assert_eq!(value::<i64>(&one, &left).await, 0);
    }
}
