//! Calls of one caller at one instant: where it may not call again, one of them passes, whichever way they come.

use std::collections::BTreeMap;

use capconduit_tests::{Calls, Link, Random, Record, Scenario, Strategy, Target, TestDb, assert_invariants};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, crowd, drain, together};
use crate::sql::support::{run, value, values};

/// A call that waits for somebody.
fn calls(switch: Client, scenario: &Scenario, id: &'static str, caller: &'static str) -> JoinHandle<Target> {
    let did = scenario.did.clone();
    tokio::spawn(async move { switch.route_on(&did, id, caller, "pbx1").await.unwrap() })
}

/// What lets a caller pass so many times, on two links, and why not again.
const REPEATS: [(&str, &str, i32); 4] = [
    (
        "update campaigns set min_redial_seconds = 86400",
        "redial_too_soon",
        1,
    ),
    (
        r#"update campaigns set caller_rules = '[{"after": "answered", "action": "reject"}]'"#,
        "duplicate_caller",
        1,
    ),
    (
        r#"update users set caller_rules = '[{"after": "offered", "seconds": 3600, "action": "reject"}]'"#,
        "duplicate_caller",
        1,
    ),
    (
        r#"update campaign_client_settings set caller_rules = '[{"after": "qualified", "seconds": 3600, "action": "skip"}]'"#,
        "duplicate_caller",
        2,
    ),
];

/// Sixty-four connections, of eight callers, to a campaign that lets each call once, or once on each link.
#[tokio::test]
async fn of_calls_of_one_caller_at_one_instant_as_many_pass_as_may() {
    let _crowd = crowd(64).await;
    for (place, (set, reason, passes)) in REPEATS.into_iter().enumerate() {
        let strategy = Strategy::ALL[place % Strategy::ALL.len()];
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(1000), Link::cap(1000)]).await;
        run(&admin, set).await;
        // Caps of the client and the seller hold more rows at once.
        run(
            &admin,
            &format!(
                "insert into caps (client_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'platform', 1000);
                 insert into caps (user_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'seller', 1000)",
                scenario.client_ids[0], scenario.user_id
            ),
        )
        .await;
        let did = scenario.did.clone();
        let passed = together(crew(&db, 64).await, move |worker, switch| {
            let did = did.clone();
            async move {
                let mut passed = 0;
                for call in 0..4 {
                    let id = format!("{worker}-{call}");
                    let caller = format!("+4930{}", worker % 8);
                    let answer = switch
                        .route_on(&did, &id, &caller, "pbx1")
                        .await
                        .expect("an answer");
                    if answer.is_ok() {
                        passed += 1;
                    } else {
                        assert_eq!(answer.reject_reason(), reason);
                    }
                }
                passed
            }
        })
        .await;
        assert_eq!(passed.iter().sum::<i32>(), 8 * passes, "{set}");
        assert_invariants(&db).await;
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

const CALLERS: usize = 6;

/// One switch: calls that are answered or not, fail over, are lost and heard of again.
async fn work(worker: usize, switch: Client, owner: Client, did: String, mut random: Random) {
    for call in 0..25 {
        let id = format!("{worker}-{call}");
        let caller = format!("+4930{}", random.below(CALLERS));
        let answer = switch
            .route_on(&did, &id, &caller, "pbx1")
            .await
            .expect("an answer");
        if !answer.is_ok() {
            continue;
        }
        let failed = random.chance(40) && !switch.next(&id, 1, "BUSY").await.expect("an answer").is_ok();
        if random.chance(30) {
            owner
                .release(&id, "its switch burnt")
                .await
                .expect("it is released");
        }
        let is_answered = !failed && random.chance(50);
        let mut record = Record::new(&id, &did, if is_answered { "ANSWERED" } else { "NOANSWER" });
        if is_answered {
            record.answered_at = Some(switch.database_time().await.expect("a clock"));
            record.billsec_seconds = Some(if random.chance(50) { 60 } else { 1 });
        }
        switch.log_record(&record).await.expect("it is recorded");
    }
}

/// However calls end, and in whatever order that is heard: no link has a caller twice that it answered, no campaign one that was a good call; and
/// whom nothing remembers may call.
#[tokio::test]
async fn no_caller_is_had_twice_however_its_calls_end() {
    let _crowd = crowd(64).await;
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links: Vec<Link> = (0..4).map(|_| Link::cap(1000)).collect();
    let scenario = Scenario::new(&admin, Strategy::Weighted, &links).await;
    run(
        &admin,
        r#"update campaigns set caller_rules = '[{"after": "qualified", "seconds": 86400, "action": "reject"}]';
           update campaign_client_settings set caller_rules = '[{"after": "answered", "action": "skip"}]'"#,
    )
    .await;
    let mut crew_of_two = Vec::new();
    for switch in crew(&db, 32).await {
        crew_of_two.push((switch, db.superuser().await, random.fork()));
    }
    let did = scenario.did.clone();
    together(crew_of_two, move |worker, (switch, owner, random)| {
        work(worker, switch, owner, did.clone(), random)
    })
    .await;
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
    let twice: Vec<String> = values(
        &admin,
        "select format('link %s answered %s %s times', link_id, caller_id_num, count(*)) from call_logs where counted
          group by link_id, caller_id_num having count(*) > 1
         union all
         select format('%s was a good call %s times', caller_id_num, count(*)) from call_logs where qualified
          group by caller_id_num having count(*) > 1",
    )
    .await;
    assert!(twice.is_empty(), "{twice:#?}");
    let had: Vec<String> = values(&admin, "select caller_id_num from call_logs where qualified").await;
    let by_links: Vec<String> = values(
        &admin,
        "select caller_id_num || ' ' || link_id from call_logs where counted",
    )
    .await;
    assert!(!had.is_empty() && !by_links.is_empty());
    let switch = db.asterisk().await;
    let mut expected: BTreeMap<String, bool> = BTreeMap::new();
    for caller in 0..CALLERS {
        let caller = format!("+4930{caller}");
        let has_link = scenario
            .link_ids
            .iter()
            .any(|link| !by_links.contains(&format!("{caller} {link}")));
        expected.insert(caller.clone(), !had.contains(&caller) && has_link);
    }
    for (caller, may_call) in expected {
        let answer = switch
            .route_on(&scenario.did, &format!("last {caller}"), &caller, "pbx1")
            .await
            .unwrap();
        assert_eq!(answer.is_ok(), may_call, "{caller}: {answer:?}");
    }
    drain(&db).await;
    assert_invariants(&db).await;
    let left: i64 = value(&admin, "select count(*) from caller_calls").await;
    assert_eq!(left, 0);
}

/// The first call is not committed yet, and has another link's row: the second one waits for it all the same.
#[tokio::test]
async fn a_call_of_the_same_caller_on_another_link_is_waited_for() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let (admin, first, switch) = (db.admin().await, db.asterisk().await, db.asterisk().await);
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(9), Link::cap(9)]).await;
        run(&admin, "update campaigns set min_redial_seconds = 60").await;
        run(&first, "begin").await;
        let taken = first
            .route_on(&scenario.did, "first", "+4930123456", "pbx1")
            .await;
        let taken = taken.unwrap().link();
        // Nothing is left to wait for but the caller.
        let full = format!("update campaign_client_settings set status = 'inactive' where id = {taken}");
        run(&admin, &full).await;
        let second = calls(switch, &scenario, "second", "4930123456");
        super::held::waiting(&db, 1).await;
        run(&first, "commit").await;
        let second = second.await.unwrap();
        assert_eq!(second.status, "reject", "{strategy:?}");
        assert_eq!(second.reject_reason(), "redial_too_soon", "{strategy:?}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}

/// A call that fails over to a client has its caller there, over all links of that client: another call of the caller waits to hear of it.
#[tokio::test]
async fn a_failed_attempt_that_moves_to_a_client_is_waited_for() {
    let db = TestDb::new().await;
    let (admin, first, switch) = (db.admin().await, db.asterisk().await, db.asterisk().await);
    let links = [Link::cap(9), Link::cap(9).priority(1)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let other = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    run(
        &admin,
        &format!(
            r#"update clients set caller_rules = '[{{"after": "answered", "action": "skip"}}]';
               update campaign_client_settings set status = 'inactive' where id = {};
               insert into campaign_client_settings (campaign_id, client_id, max_concurrency) values ({}, {}, 9)"#,
            other.link_ids[0], other.campaign_id, scenario.client_ids[1]
        ),
    )
    .await;
    first
        .route_on(&scenario.did, "first", "+4930123456", "pbx1")
        .await
        .unwrap()
        .link();
    run(&first, "begin").await;
    let moved = first.next("first", 1, "BUSY").await.unwrap();
    assert_eq!(moved.link(), scenario.link_ids[1]);
    let second = calls(switch, &other, "second", "+4930123456");
    super::held::waiting(&db, 1).await;
    run(&first, "commit").await;
    assert_eq!(second.await.unwrap().reject_reason(), "duplicate_caller");
    drain(&db).await;
    assert_invariants(&db).await;
}

/// A call is ending, and nobody knows yet what it came to: the caller's next call waits to hear of it, and no good call is refused.
#[tokio::test]
async fn what_a_call_comes_to_is_waited_for() {
    let db = TestDb::new().await;
    let (admin, first) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let rule =
        r#"update campaign_client_settings set caller_rules = '[{"after": "answered", "action": "skip"}]'"#;
    run(&admin, rule).await;
    for (call, status, expected) in [("fails", "NOANSWER", true), ("is answered", "ANSWERED", false)] {
        first
            .route_on(&scenario.did, call, "+4930123456", "pbx1")
            .await
            .unwrap()
            .link();
        run(&first, "begin").await;
        first.log(call, &scenario.did, status).await.unwrap();
        let again = if expected { "passes" } else { "is refused" };
        let next = calls(db.asterisk().await, &scenario, again, "+4930123456");
        super::held::waiting(&db, 1).await;
        run(&first, "commit").await;
        let next = next.await.unwrap();
        assert_eq!(next.is_ok(), expected, "{next:?}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}

/// What is set of callers while a call waits for its link counts for it.
#[tokio::test]
async fn what_is_said_of_callers_while_a_call_waits_counts_for_it() {
    for (said, expected, marks) in [
        (
            "insert into caller_marks (campaign_id, caller, kind) values (CAMPAIGN, '+4930123456', 'blocked')",
            "caller_blocked",
            1,
        ),
        (
            "insert into caller_marks (link_id, caller, kind) values (LINK, '+4930123456', 'blocked')",
            "caller_blocked",
            1,
        ),
        ("update campaigns set min_redial_seconds = 60", "ok", 1),
        (
            r#"update campaigns set caller_rules = '[{"after": "offered", "action": "reject"}]' where id = CAMPAIGN"#,
            "ok",
            1,
        ),
        (
            r#"update campaign_client_settings set caller_rules = '[{"after": "offered", "action": "skip"}]' where id = LINK"#,
            "ok",
            1,
        ),
    ] {
        let db = TestDb::new().await;
        let (admin, holder, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
        let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
        run(&holder, "begin; select from link_counters for update").await;
        let waits = calls(switch, &scenario, "waits", "+4930123456");
        super::held::waiting(&db, 1).await;
        let said = said
            .replace("CAMPAIGN", &scenario.campaign_id.to_string())
            .replace("LINK", &scenario.link_ids[0].to_string());
        run(&admin, &said).await;
        run(&holder, "commit").await;
        let answer = waits.await.unwrap();
        assert_eq!(answer.reason.as_deref().unwrap_or("ok"), expected, "{said}");
        let found: i64 = value(&admin, "select count(*) from caller_marks").await;
        assert_eq!(found, marks, "{said}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}

/// A call that is undone has not called: killed between its reservation and its commit, it leaves neither a slot nor a mark.
#[tokio::test]
async fn a_call_that_dies_before_its_commit_leaves_no_mark() {
    for (set, _, passes) in REPEATS {
        if passes > 1 {
            continue;
        }
        let db = TestDb::new().await;
        let (admin, superuser, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
        let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(9)]).await;
        run(&admin, set).await;
        let dies = db.asterisk().await;
        let pid: i32 = value(&dies, "select pg_backend_pid()").await;
        run(&dies, "begin").await;
        dies.route_on(&scenario.did, "dies", "+4930123456", "pbx1")
            .await
            .unwrap()
            .link();
        let waits = calls(switch, &scenario, "waits", "+4930123456");
        super::held::waiting(&db, 1).await;
        run(&superuser, &format!("select pg_terminate_backend({pid})")).await;
        assert!(waits.await.unwrap().is_ok(), "the first never called: {set}");
        let marks: i64 = value(
            &admin,
            "select (select count(*) from caller_marks) + (select count(*) from caller_calls)",
        )
        .await;
        assert_eq!(marks, 1, "{set}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}
