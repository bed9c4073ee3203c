//! Callers that call again: passed over, refused, given to who had them, by what the call of before has come to.

use capconduit_tests::{Calls, Link, Record, Scenario, Strategy, Target, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{refusal, run, value, values};

const CALLER: &str = "+4930123456";
const OTHER: &str = "+4930123457";

async fn links(admin: &Client, count: i32) -> Scenario {
    let links: Vec<Link> = (0..count).map(|place| Link::cap(9).priority(place)).collect();
    Scenario::new(admin, Strategy::Priority, &links).await
}

/// What a call of this caller gets; nothing of it stays.
async fn tried(switch: &Client, did: &str, caller: &str) -> String {
    run(switch, "begin").await;
    let answer = switch.route_on(did, "tried", caller, "pbx1").await.unwrap();
    run(switch, "rollback").await;
    told(&answer)
}

fn told(answer: &Target) -> String {
    match answer.link_id {
        Some(link) => link.to_string(),
        None => format!(
            "{} {}",
            answer.reject_reason(),
            answer.hangup_cause.unwrap_or_default()
        ),
    }
}

/// A row of its scope has these rules.
async fn set(admin: &Client, scenario: &Scenario, scope: &str, rules: Value) {
    let (table, id) = match scope {
        "link" => ("campaign_client_settings", scenario.link_ids[0]),
        "client" => ("clients", scenario.client_ids[0]),
        "campaign" => ("campaigns", scenario.campaign_id),
        _ => ("users", scenario.user_id),
    };
    let sql = format!("update {table} set caller_rules = '{rules}' where id = {id}");
    run(admin, &sql).await;
}

async fn clear(admin: &Client) {
    run(
        admin,
        "update campaign_client_settings set caller_rules = null; update clients set caller_rules = null;
         update campaigns set caller_rules = null; update users set caller_rules = null; delete from caller_marks",
    )
    .await;
}

/// A call that the database has answered, and that ended so many seconds later.
async fn end(switch: &Client, call: &str, did: &str, talked: Option<i32>) {
    let mut record = Record::new(call, did, if talked.is_some() { "ANSWERED" } else { "NOANSWER" });
    if let Some(talked) = talked {
        record.answered_at = Some(switch.database_time().await.unwrap());
        record.billsec_seconds = Some(talked);
    }
    switch.log_record(&record).await.unwrap();
}

/// Each scope, after each event, at each state of the call of before; then to the edge of a second.
#[tokio::test]
async fn a_caller_is_remembered_by_what_its_call_came_to() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    let (first, second) = (scenario.link_ids[0].to_string(), scenario.link_ids[1].to_string());
    let mut calls = 0;
    for scope in ["link", "client", "campaign", "seller"] {
        let (action, repeated) = match scope {
            "link" | "client" => ("skip", second.clone()),
            _ => ("reject", "duplicate_caller 21".to_owned()),
        };
        for (after, ringing, answered, failed, short, long) in [
            ("offered", true, true, true, true, true),
            ("answered", true, true, false, true, true),
            ("qualified", true, true, false, false, true),
        ] {
            set(
                &admin,
                &scenario,
                scope,
                json!([{"after": after, "seconds": 60, "action": action}]),
            )
            .await;
            for (talked, expected) in [(None, failed), (Some(29), short), (Some(30), long)] {
                let case = format!("{scope} after {after}, talked {talked:?}");
                calls += 1;
                let call = format!("call-{calls}");
                let answer = switch.route_on(did, &call, CALLER, "pbx1").await.unwrap();
                assert_eq!(told(&answer), first, "{case}");
                let asked = |is_repeated: bool| if is_repeated { &repeated } else { &first };
                assert_eq!(&tried(&switch, did, CALLER).await, asked(ringing), "{case}");
                // Another caller, and one without a number, are none of it.
                assert_eq!(tried(&switch, did, OTHER).await, first, "{case}");
                assert_eq!(tried(&switch, did, "anonymous").await, first, "{case}");
                assert_invariants(&db).await;
                switch.answered(&call).await.unwrap();
                assert_eq!(&tried(&switch, did, CALLER).await, asked(answered), "{case}");
                end(&switch, &call, did, talked).await;
                assert_eq!(&tried(&switch, did, CALLER).await, asked(expected), "{case}");
                assert_invariants(&db).await;
                if expected {
                    for (after, is_repeated) in [(59_999_999, true), (60_000_000, false)] {
                        let sql = format!(
                            "select coalesce(p.link_id::text, p.reason || ' ' || p.hangup_cause) from caller_marks,
                                    preview_call('{did}', '{CALLER}', at => at + {after} * interval '1 microsecond') p"
                        );
                        assert_eq!(&value::<String>(&admin, &sql).await, asked(is_repeated), "{case}");
                    }
                }
                run(&admin, "delete from caller_marks").await;
            }
        }
        clear(&admin).await;
    }
    // Nobody is remembered where nobody asks.
    let left: i64 = value(
        &admin,
        "select (select count(*) from caller_marks) + (select count(*) from caller_calls)",
    )
    .await;
    assert_eq!(left, 0);
}

/// Callers without a number are no caller that calls again, whatever is remembered.
#[tokio::test]
async fn callers_without_a_number_are_never_the_same() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 1).await;
    set(
        &admin,
        &scenario,
        "campaign",
        json!([{"after": "answered", "action": "reject"}, {"after": "offered", "action": "reject"}]),
    )
    .await;
    for (call, caller) in ["", "anonymous", "", " "].iter().enumerate() {
        let call = format!("call-{call}");
        switch
            .route_on(&scenario.did, &call, caller, "pbx1")
            .await
            .unwrap()
            .link();
        end(&switch, &call, &scenario.did, Some(60)).await;
    }
    assert_invariants(&db).await;
}

/// Two links; the caller's first call fails on the first one and is answered on the second.
async fn had_by_the_second(switch: &Client, scenario: &Scenario, call: &str) {
    let did = scenario.did.as_str();
    let first = switch.route_on(did, call, CALLER, "pbx1").await.unwrap();
    assert_eq!(first.link(), scenario.link_ids[0]);
    let second = switch.next(call, 1, "BUSY").await.unwrap();
    assert_eq!(second.link(), scenario.link_ids[1]);
    end(switch, call, did, Some(60)).await;
}

#[tokio::test]
async fn the_same_client_is_asked_first_or_alone() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    let [first, second] = [scenario.link_ids[0], scenario.link_ids[1]];
    for scope in ["campaign", "seller"] {
        let ruled = |action: &str| json!([{"after": "answered", "seconds": 3600, "action": action}]);
        set(&admin, &scenario, scope, ruled("same_client")).await;
        had_by_the_second(&switch, &scenario, &format!("{scope}-first")).await;
        assert_invariants(&db).await;
        assert_eq!(tried(&switch, did, CALLER).await, second.to_string());
        assert_eq!(tried(&switch, did, OTHER).await, first.to_string());
        let places = format!("select place from explain_call('{did}', '{CALLER}') order by link_id");
        let places: Vec<i32> = values(&admin, &places).await;
        assert_eq!(places, [2, 1]);
        // While it cannot take the call, another one does; and where it fails.
        let status = |status: &str| {
            format!("update campaign_client_settings set status = '{status}' where id = {second}")
        };
        run(&admin, &status("inactive")).await;
        assert_eq!(tried(&switch, did, CALLER).await, first.to_string());
        run(&admin, &status("active")).await;
        let call = format!("{scope}-fails");
        let again = switch.route_on(did, &call, CALLER, "pbx1").await.unwrap();
        assert_eq!(again.link(), second);
        assert_eq!(switch.next(&call, 1, "BUSY").await.unwrap().link(), first);
        assert_invariants(&db).await;
        // It is up there now, and that is where its caller would go.
        assert_eq!(tried(&switch, did, CALLER).await, first.to_string());
        end(&switch, &call, did, None).await;
        assert_eq!(tried(&switch, did, CALLER).await, second.to_string());
        // Alone: nobody else, neither at first nor later.
        set(&admin, &scenario, scope, ruled("same_client_only")).await;
        let call = format!("{scope}-only");
        let only = switch.route_on(did, &call, CALLER, "pbx1").await.unwrap();
        assert_eq!(only.link(), second);
        let nobody = switch.next(&call, 1, "BUSY").await.unwrap();
        assert_eq!(told(&nobody), "no_more_targets 17");
        assert!(nobody.decision.unwrap().contains("=same_client_only"));
        end(&switch, &call, did, None).await;
        run(&admin, &status("inactive")).await;
        assert_eq!(
            tried(&switch, did, CALLER).await,
            "no_active_clients_in_campaign 20"
        );
        run(&admin, &status("active")).await;
        run(&admin, "update caller_marks set taken_by = 999").await;
        assert_eq!(tried(&switch, did, CALLER).await, "duplicate_caller 21");
        // Whom the seller allows is nobody's.
        let allow = format!(
            "insert into caller_marks (user_id, caller, kind) values ({}, '{CALLER}', 'allowed')",
            scenario.user_id
        );
        run(&admin, &allow).await;
        assert_eq!(tried(&switch, did, CALLER).await, first.to_string());
        clear(&admin).await;
    }
    assert_invariants(&db).await;
}

/// The link whose turn it is would take any other call: looking no further than there is not enough.
#[tokio::test]
async fn whose_turn_it_is_keeps_no_caller_from_who_had_it() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(9); 3]).await;
    let did = scenario.did.as_str();
    let only = json!([{"after": "answered", "seconds": 3600, "action": "same_client_only"}]);
    set(&admin, &scenario, "campaign", only).await;
    let had = switch.route_on(did, "had", CALLER, "pbx1").await.unwrap().link();
    end(&switch, "had", did, Some(60)).await;
    assert_ne!(tried(&switch, did, OTHER).await, had.to_string());
    assert_eq!(tried(&switch, did, CALLER).await, had.to_string());
    run(
        &admin,
        &format!("update campaign_client_settings set status = 'inactive' where id = {had}"),
    )
    .await;
    assert_eq!(
        tried(&switch, did, CALLER).await,
        "no_active_clients_in_campaign 20"
    );
    assert_invariants(&db).await;
}

/// A link and a client that a call has left did not have it; the link that it goes on to does.
#[tokio::test]
async fn a_call_that_fails_over_is_remembered_where_it_went() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 3).await;
    let did = scenario.did.as_str();
    let skip = json!([{"after": "answered", "seconds": 60, "action": "skip"}]);
    run(
        &admin,
        &format!("update clients set caller_rules = '{skip}'; update campaign_client_settings set caller_rules = '{skip}'"),
    )
    .await;
    had_by_the_second(&switch, &scenario, "call").await;
    assert_invariants(&db).await;
    let left: Vec<String> = values(&admin, "select key from caller_marks order by key").await;
    assert_eq!(
        left,
        [
            format!("client:{} {CALLER}", scenario.client_ids[1]),
            format!("link:{} {CALLER}", scenario.link_ids[1])
        ]
    );
    // A call of the same caller that fails over passes the second one: it had the caller.
    switch
        .route_on(did, "again", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    let next = switch.next("again", 1, "BUSY").await.unwrap();
    assert_eq!(next.link(), scenario.link_ids[2]);
    assert!(
        next.decision
            .unwrap()
            .contains(&format!("{}=client_duplicate_caller", scenario.link_ids[1]))
    );
    switch.next("again", 2, "BUSY").await.unwrap();
    switch.log("again", did, "BUSY").await.unwrap();
    let awaited: i64 = value(&admin, "select count(*) from caller_calls").await;
    assert_eq!(awaited, 0);
    // All have had it: of the reasons that which time undoes.
    for (call, link) in [("third", 0), ("fourth", 2)] {
        let answer = switch.route_on(did, call, CALLER, "pbx1").await.unwrap();
        assert_eq!(answer.link(), scenario.link_ids[link]);
        end(&switch, call, did, Some(1)).await;
    }
    assert_eq!(tried(&switch, did, CALLER).await, "duplicate_caller 21");
    assert_invariants(&db).await;
}

/// A call that is lost may have been answered: its caller counts as remembered for as long as the rule says, or until its record says what it
/// came to.
#[tokio::test]
async fn a_lost_call_is_remembered_until_its_record_comes() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    let (first, refused) = (scenario.link_ids[0].to_string(), "duplicate_caller 21");
    let rules = json!([{"after": "answered", "seconds": 60, "action": "reject"},
                       {"after": "qualified", "action": "same_client"}]);
    set(&admin, &scenario, "campaign", rules).await;
    for (call, talked, expected, marks) in [
        ("failed", None, first.as_str(), 0),
        ("short", Some(1), refused, 1),
        ("long", Some(60), refused, 2),
    ] {
        switch.route_on(did, call, CALLER, "pbx1").await.unwrap().link();
        admin.release(call, "its switch burnt").await.unwrap();
        assert_eq!(tried(&switch, did, CALLER).await, refused, "{call}");
        // The one rule for its minute, whatever the other one remembers.
        for (after, expected) in [(59_999_999, refused), (60_000_000, first.as_str())] {
            let sql = format!(
                "select coalesce(p.link_id::text, p.reason || ' ' || p.hangup_cause)
                   from caller_calls, preview_call('{did}', '{CALLER}', at => lost_at + {after} * interval '1 microsecond') p"
            );
            assert_eq!(value::<String>(&admin, &sql).await, expected, "{call}");
        }
        assert!(value::<bool>(&admin, "select until = 'infinity' from caller_calls").await);
        end(&switch, call, did, talked).await;
        assert_eq!(tried(&switch, did, CALLER).await, expected, "{call}");
        let left: i64 = value(&admin, "select count(*) from caller_calls").await;
        let marked: i64 = value(&admin, "select count(*) from caller_marks").await;
        assert_eq!((left, marked), (0, marks), "{call}");
        assert_invariants(&db).await;
        run(&admin, "delete from caller_marks").await;
    }
    // Nobody can have answered one that nobody was left for, whether its record comes or not.
    switch.route_on(did, "rung", CALLER, "pbx1").await.unwrap().link();
    switch.next("rung", 1, "BUSY").await.unwrap().link();
    assert_eq!(
        told(&switch.next("rung", 2, "BUSY").await.unwrap()),
        "no_more_targets 17"
    );
    assert_eq!(tried(&switch, did, CALLER).await, first);
    admin.release("rung", "its switch burnt").await.unwrap();
    assert_eq!(tried(&switch, did, CALLER).await, first);
    // What may have been is over some day, or its record is purged, and swept away.
    let superuser = db.superuser().await;
    for (call, over) in [
        ("lost", "update caller_calls set until = now()"),
        (
            "purged",
            "delete from call_logs where asterisk_uniqueid = 'purged'",
        ),
    ] {
        switch.route_on(did, call, CALLER, "pbx1").await.unwrap().link();
        admin.release(call, "its switch burnt").await.unwrap();
        let sweep = "select forget_caller_marks(1000, true)";
        run(&superuser, sweep).await;
        assert_eq!(tried(&switch, did, CALLER).await, refused, "{call}");
        run(&superuser, over).await;
        run(&superuser, sweep).await;
        assert_eq!(tried(&switch, did, CALLER).await, first, "{call}");
        let left: i64 = value(&admin, "select count(*) from caller_calls").await;
        assert_eq!(left, 0, "{call}");
    }
    run(&superuser, "select reconcile_counters()").await;
    assert_invariants(&db).await;
}

/// Whoever lost the caller's call may have had it; who had the one after that had it last.
#[tokio::test]
async fn who_had_a_call_behind_one_that_was_lost_had_the_caller_last() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    let [first, second] = [scenario.link_ids[0], scenario.link_ids[1]];
    let rules = json!([{"after": "answered", "action": "same_client"}]);
    set(&admin, &scenario, "campaign", rules).await;
    let lost = switch.route_on(did, "lost", CALLER, "pbx1").await.unwrap();
    assert_eq!(lost.link(), first);
    admin.release("lost", "its switch burnt").await.unwrap();
    had_by_the_second(&switch, &scenario, "after").await;
    assert_eq!(tried(&switch, did, CALLER).await, second.to_string());
    assert_invariants(&db).await;
}

/// A switch's clock is believed between the reservation and the record: one that is behind would have the caller forgotten at once.
#[tokio::test]
async fn a_wrong_clock_of_a_switch_forgets_no_caller() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 1).await;
    let did = scenario.did.as_str();
    let rules = json!([{"after": "qualified", "seconds": 60, "action": "reject"}]);
    set(&admin, &scenario, "campaign", rules).await;
    for (call, answered_at) in [("behind", "2001-01-01 00:00Z"), ("ahead", "294276-12-31 00:00Z")] {
        switch.route_on(did, call, CALLER, "pbx1").await.unwrap().link();
        let sql = format!(
            "select log_call('{call}', '{did}', 'ANSWERED', answered_at => '{answered_at}', billsec_seconds => 60)"
        );
        run(&switch, &sql).await;
        assert_eq!(tried(&switch, did, CALLER).await, "duplicate_caller 21", "{call}");
        let kept: bool = value(
            &admin,
            "select until - at = interval '60 s' and at between now() - interval '1 min' and now() from caller_marks",
        )
        .await;
        assert!(kept, "{call}");
        run(&admin, "delete from caller_marks").await;
    }
    assert_invariants(&db).await;
}

/// A campaign takes what calls in flight will be remembered by to no other seller.
#[tokio::test]
async fn what_is_remembered_does_not_change_hands_with_a_campaign() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let (scenario, other) = (links(&admin, 1).await, links(&admin, 1).await);
    let rules = json!([{"after": "answered", "action": "reject"}]);
    set(&admin, &scenario, "campaign", rules).await;
    run(
        &admin,
        r#"update campaign_client_settings set caller_rules = '[{"after": "answered", "action": "skip"}]'"#,
    )
    .await;
    switch
        .route_on(&scenario.did, "call", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    let given = format!(
        "delete from campaign_dids where campaign_id = {0}; update campaigns set user_id = {1} where id = {0}",
        scenario.campaign_id, other.user_id
    );
    run(&db.superuser().await, &given).await;
    end(&switch, "call", &scenario.did, Some(60)).await;
    let left: i64 = value(
        &admin,
        "select (select count(*) from caller_marks) + (select count(*) from caller_calls)",
    )
    .await;
    assert_eq!(left, 0);
}

/// Whoever forgets a caller waits for its calls, and they for it: with one of several marks in hand each would wait for the other.
#[tokio::test]
async fn forgetting_a_caller_and_its_calls_come_one_after_the_other() {
    let db = TestDb::new().await;
    let (admin, switch, superuser) = (db.admin().await, db.asterisk().await, db.superuser().await);
    let scenario = links(&admin, 1).await;
    let rules = json!([{"after": "offered", "action": "reject"}]);
    set(&admin, &scenario, "campaign", rules).await;
    run(&switch, "begin").await;
    switch
        .route_on(&scenario.did, "call", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    let same: bool = value(
        &superuser,
        &format!(
            "select objid = (hashtextextended('{CALLER}', 0) & 4294967295)::oid from pg_locks
              where locktype = 'advisory' and classid = 3242 and granted"
        ),
    )
    .await;
    assert!(same, "the lock of the caller");
    run(&superuser, "set lock_timeout = '200ms'").await;
    let waits = superuser
        .execute(&format!("select erase_caller('{CALLER}')"), &[])
        .await;
    assert_eq!(refusal(waits).0, "55P03");
    run(&switch, "commit").await;
    run(&superuser, &format!("select erase_caller('{CALLER}')")).await;
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 0);
    assert_invariants(&db).await;
}

/// Nothing was reserved for it, and its first record says LOST: the true one is remembered.
#[tokio::test]
async fn a_call_that_was_not_routed_is_remembered_when_its_true_record_comes() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    set(
        &admin,
        &scenario,
        "link",
        json!([{"after": "answered", "action": "skip"}]),
    )
    .await;
    let told = async |status: &str| {
        let mut record = Record::new("elsewhere", did, status);
        record.caller_number = Some(CALLER.to_owned());
        record.link_id = Some(scenario.link_ids[0]);
        if status == "ANSWERED" {
            record.answered_at = Some(switch.database_time().await.unwrap());
        }
        switch.log_record(&record).await.unwrap().status
    };
    assert_eq!(told("LOST").await, "logged");
    assert_eq!(
        tried(&switch, did, CALLER).await,
        scenario.link_ids[0].to_string()
    );
    assert_eq!(told("ANSWERED").await, "corrected");
    assert_eq!(
        tried(&switch, did, CALLER).await,
        scenario.link_ids[1].to_string()
    );
    assert_invariants(&db).await;
}

/// What somebody wrote past the trigger is told, as of every table: no call is judged by half a rule.
#[tokio::test]
async fn what_a_hand_made_of_a_rule_refuses_its_calls() {
    let db = TestDb::new().await;
    let (admin, switch, superuser) = (db.admin().await, db.asterisk().await, db.superuser().await);
    let scenario = links(&admin, 1).await;
    for table in ["campaigns", "users", "clients", "campaign_client_settings"] {
        let hand = format!(
            "alter table {table} disable trigger {table}_check_caller_rules; update {table} set caller_rules = '[7]'"
        );
        run(&superuser, &hand).await;
        let (state, message) = refusal(switch.route_on(&scenario.did, "call", CALLER, "pbx1").await);
        let told = format!("table capconduit.{table}: caller_rules: 1: an object is expected");
        assert!(state == "55000" && message.contains(&told), "{state} {message}");
        run(&superuser, &format!("update {table} set caller_rules = null")).await;
    }
    assert_invariants(&db).await;
}

/// With marks in hand a sweep waits for nothing: what somebody is at it leaves for the next time.
#[tokio::test]
async fn a_sweep_waits_for_no_call_that_somebody_is_at() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let (holder, sweep) = (db.superuser().await, db.superuser().await);
    let scenario = links(&admin, 1).await;
    let did = scenario.did.as_str();
    let rules = json!([{"after": "answered", "seconds": 60, "action": "reject"}]);
    set(&admin, &scenario, "campaign", rules).await;
    switch.route_on(did, "lost", CALLER, "pbx1").await.unwrap().link();
    admin.release("lost", "its switch burnt").await.unwrap();
    run(&admin, "update caller_calls set until = now()").await;
    run(&holder, "begin; select from caller_calls for update").await;
    run(
        &sweep,
        "set lock_timeout = '200ms'; select forget_caller_marks(1000, true)",
    )
    .await;
    let left = "select count(*) from caller_calls";
    assert_eq!(value::<i64>(&admin, left).await, 1);
    run(&holder, "commit").await;
    run(&sweep, "select forget_caller_marks(1000, true)").await;
    assert_eq!(value::<i64>(&admin, left).await, 0);
}

/// What somebody takes out of the live calls by hand has no end: its caller is free with the next sweep.
#[tokio::test]
async fn a_call_that_a_hand_took_out_is_swept_away() {
    let db = TestDb::new().await;
    let (admin, switch, superuser) = (db.admin().await, db.asterisk().await, db.superuser().await);
    let scenario = links(&admin, 1).await;
    let did = scenario.did.as_str();
    set(
        &admin,
        &scenario,
        "campaign",
        json!([{"after": "answered", "action": "reject"}]),
    )
    .await;
    for call in ["goes", "stays"] {
        let caller = if call == "goes" { CALLER } else { OTHER };
        switch.route_on(did, call, caller, "pbx1").await.unwrap().link();
    }
    run(
        &superuser,
        "delete from live_calls where uniqueid = 'goes'; select reconcile_counters()",
    )
    .await;
    run(&superuser, "select forget_caller_marks(1000, true)").await;
    assert_eq!(
        tried(&switch, did, CALLER).await,
        scenario.link_ids[0].to_string()
    );
    assert_eq!(tried(&switch, did, OTHER).await, "duplicate_caller 21");
    assert_invariants(&db).await;
}

/// A record of a call that nothing was reserved for is remembered as well.
#[tokio::test]
async fn a_call_that_the_database_did_not_route_is_remembered_by_its_record() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 2).await;
    let did = scenario.did.as_str();
    set(
        &admin,
        &scenario,
        "link",
        json!([{"after": "qualified", "action": "skip"}]),
    )
    .await;
    set(
        &admin,
        &scenario,
        "seller",
        json!([{"after": "answered", "action": "reject", "seconds": 5}]),
    )
    .await;
    let mut record = Record::new("elsewhere", did, "ANSWERED");
    record.caller_number = Some(CALLER.to_owned());
    record.link_id = Some(scenario.link_ids[0]);
    record.answered_at = Some(switch.database_time().await.unwrap());
    record.billsec_seconds = Some(60);
    switch.log_record(&record).await.unwrap();
    let marks: Vec<Value> = values(
        &admin,
        "select jsonb_build_array(link_id, user_id, after, until is null, taken_by) from caller_marks order by link_id",
    )
    .await;
    assert_eq!(
        marks,
        [
            json!([
                scenario.link_ids[0],
                null,
                "qualified",
                true,
                scenario.client_ids[0]
            ]),
            json!([null, scenario.user_id, "answered", false, scenario.client_ids[0]])
        ]
    );
    assert_eq!(tried(&switch, did, CALLER).await, "duplicate_caller 21");
    set(&admin, &scenario, "seller", json!([])).await;
    assert_eq!(
        tried(&switch, did, CALLER).await,
        scenario.link_ids[1].to_string()
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn what_is_no_rule_is_refused() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = links(&admin, 1).await;
    for (table, rules, fault) in [
        ("campaigns", json!({}), "caller_rules: a list is expected"),
        (
            "campaigns",
            json!([{"after": "offered", "action": "skip"}]),
            "caller_rules: 1: action must be one of: reject, same_client, same_client_only",
        ),
        (
            "users",
            json!([{"after": "offered", "action": "same_client_only"}]),
            "caller_rules: 1: same_client_only needs after answered or qualified",
        ),
        (
            "clients",
            json!([{"after": "answered", "action": "reject"}]),
            "caller_rules: 1: action must be one of: skip",
        ),
        (
            "campaign_client_settings",
            json!([{"after": "answered", "action": "skip", "seconds": 0}]),
            "caller_rules: 1: seconds must be from 1 to 315360000, or null: for ever",
        ),
    ] {
        let update = format!("update {table} set caller_rules = '{rules}'");
        let (state, text) = refusal(admin.batch_execute(&update).await);
        assert_eq!((state.as_str(), text.as_str()), ("23514", fault), "{table}");
    }
    let told: Vec<Option<String>> = values(
        &admin,
        "select caller_rules_fault(o, r) from (values ('call', null::jsonb), ('call', '[]'), ('target', '[1]')) v (o, r)",
    )
    .await;
    assert_eq!(told, [None, None, Some("1: an object is expected".to_owned())]);
    assert!(scenario.did.starts_with('+'));
}

/// A caller is forgotten everywhere: calls that are up leave nothing behind either.
#[tokio::test]
async fn an_erased_caller_is_remembered_by_none_of_its_calls() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = links(&admin, 1).await;
    let did = scenario.did.as_str();
    let rules = json!([{"after": "answered", "action": "reject"}, {"after": "offered", "action": "reject"}]);
    set(&admin, &scenario, "campaign", rules).await;
    switch.route_on(did, "call", CALLER, "pbx1").await.unwrap().link();
    run(&admin, &format!("select erase_caller('{CALLER}')")).await;
    let left = "select (select count(*) from caller_calls) + (select count(*) from caller_marks)";
    assert_eq!(value::<i64>(&admin, left).await, 0);
    end(&switch, "call", did, Some(60)).await;
    assert_eq!(value::<i64>(&admin, left).await, 0);
    assert_invariants(&db).await;
}
