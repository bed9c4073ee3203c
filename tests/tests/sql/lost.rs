//! Calls whose end nobody told: closed as LOST by lists, restarts, leases, silence or hand; and mended by a record
//! that comes after all.

use capconduit_tests::{
    Calls, Heartbeat, Link, Scenario, Strategy, TestDb, assert_consistent, assert_invariants,
};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

const DID: &str = "+18005550101";

fn beat(status: &str, listed: i32, absent: i32, closed: i32) -> Heartbeat {
    Heartbeat {
        status: status.into(),
        listed: Some(listed),
        absent: Some(absent),
        closed: Some(closed),
    }
}

fn later(time: Timestamp, millis: i64) -> Timestamp {
    time + SignedDuration::from_millis(millis)
}

/// A switch's connection on which a call is gone after one second of absence instead of thirty.
async fn impatient(db: &TestDb) -> Client {
    let client = db.superuser().await;
    run(
        &client,
        "select capconduit.explain_route('+1'); set capconduit.absence_grace_seconds = 1",
    )
    .await;
    client
}

async fn record(db: &Client, uniqueid: &str) -> String {
    let sql = format!(
        "select concat_ws(' ', call_status, counted, hangup_by, hangup_cause_text)
           from capconduit.call_logs where asterisk_uniqueid = '{uniqueid}'"
    );
    value(db, &sql).await
}

#[tokio::test]
async fn a_call_missing_from_two_lists_after_the_grace_time_is_lost() {
    let db = TestDb::sample().await;
    let switch = impatient(&db).await;
    for uniqueid in ["stays", "goes", "returns", "elsewhere"] {
        let node = if uniqueid == "elsewhere" { "pbx2" } else { "pbx1" };
        switch.route_on(DID, uniqueid, "", node).await.unwrap().link();
    }
    switch.answered("goes").await.unwrap();
    let t = switch.database_time().await.unwrap();
    let all = ["stays", "goes", "returns"];
    let list = async |millis, ids: &[&str]| {
        switch
            .heartbeat("pbx1", "i1", later(t, millis), ids)
            .await
            .unwrap()
    };
    assert_eq!(list(0, &all).await, beat("ok", 3, 0, 0));
    assert_eq!(list(1_000, &["stays"]).await, beat("ok", 1, 2, 0));
    // Within the grace time nothing is closed; a call that is back is well again.
    assert_eq!(list(1_500, &["stays", "returns"]).await, beat("ok", 2, 1, 0));
    assert_eq!(list(2_000, &["stays", "returns"]).await, beat("ok", 2, 0, 1));
    assert_eq!(record(&switch, "goes").await, "LOST t system not on its node");
    let end: Timestamp = value(
        &switch,
        "select timestamp_end from call_logs where asterisk_uniqueid = 'goes'",
    )
    .await;
    assert_eq!(end, t, "the last list that had it");
    // Its second absence starts anew.
    assert_eq!(list(2_100, &["stays"]).await, beat("ok", 1, 1, 0));
    assert_eq!(list(2_900, &["stays"]).await, beat("ok", 1, 1, 0));
    assert_eq!(list(3_100, &["stays"]).await, beat("ok", 1, 0, 1));
    let left: Vec<String> = values(&switch, "select uniqueid from live_calls order by 1").await;
    assert_eq!(
        left,
        ["elsewhere", "stays"],
        "another node's calls are not its business"
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_call_younger_than_the_list_is_not_missed() {
    let db = TestDb::sample().await;
    let switch = impatient(&db).await;
    let before = switch.database_time().await.unwrap();
    switch.route_on(DID, "young", "", "pbx1").await.unwrap().link();
    assert_eq!(
        switch.heartbeat("pbx1", "i1", before, &[]).await.unwrap(),
        beat("ok", 0, 0, 0)
    );
    let after = switch.database_time().await.unwrap();
    assert_eq!(
        switch.heartbeat("pbx1", "i1", after, &[]).await.unwrap(),
        beat("ok", 0, 1, 0)
    );
}

#[tokio::test]
async fn the_default_grace_time_is_half_a_minute() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    switch.route_on(DID, "call-1", "", "pbx1").await.unwrap().link();
    let t = switch.database_time().await.unwrap();
    let list = async |millis| {
        switch
            .heartbeat("pbx1", "i1", later(t, millis), &[])
            .await
            .unwrap()
            .closed
    };
    assert_eq!(list(0).await, Some(0));
    let absent_for = async |seconds: f64| {
        run(
            &superuser,
            &format!(
                "update live_calls set absent_since = timestamptz '{t}' - {seconds} * interval '1 second'"
            ),
        )
        .await;
    };
    absent_for(28.9).await;
    assert_eq!(list(1_000).await, Some(0));
    absent_for(29.0).await;
    assert_eq!(list(1_000).await, Some(1));
}

#[tokio::test]
async fn a_name_has_one_instance_and_a_list_one_order() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    switch.route_on(DID, "call-1", "", "pbx1").await.unwrap().link();
    let t = switch.database_time().await.unwrap();
    let ids = ["call-1"];
    assert_eq!(
        switch.heartbeat("pbx1", "one", t, &ids).await.unwrap().status,
        "ok"
    );
    // The second machine under this name changes nothing.
    assert_eq!(
        switch.heartbeat("pbx1", "two", later(t, 1), &[]).await.unwrap(),
        beat("name_taken", 0, 0, 0)
    );
    let started = switch.node_started("pbx1", later(t, 1), "two").await.unwrap();
    assert_eq!((started.status.as_str(), started.closed), ("name_taken", Some(0)));
    // A list overtaken by a newer one says nothing; the same one again is the same.
    assert_eq!(
        switch
            .heartbeat("pbx1", "one", later(t, -1), &[])
            .await
            .unwrap()
            .status,
        "stale"
    );
    assert_eq!(
        switch.heartbeat("pbx1", "one", t, &ids).await.unwrap(),
        beat("ok", 1, 0, 0)
    );
    let untouched: bool = value(&superuser, "select absent_since is null from live_calls").await;
    assert!(untouched);
    // Whoever was silent long enough has given the name up.
    run(
        &superuser,
        "update nodes set heartbeat_at = heartbeat_at - interval '121 s';
         update hearing set since = since - interval '121 s'",
    )
    .await;
    assert_eq!(
        switch
            .heartbeat("pbx1", "two", later(t, 1), &ids)
            .await
            .unwrap()
            .status,
        "ok"
    );
    assert_eq!(
        switch
            .heartbeat("pbx1", "one", later(t, 2), &ids)
            .await
            .unwrap()
            .status,
        "name_taken"
    );
}

#[tokio::test]
async fn times_from_the_future_are_refused() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let t = switch.database_time().await.unwrap();
    assert_eq!(
        switch
            .heartbeat("pbx1", "i1", later(t, 4_000), &[])
            .await
            .unwrap()
            .status,
        "ok"
    );
    let far = later(t, 600_000);
    assert_eq!(sqlstate(switch.heartbeat("pbx1", "i1", far, &[]).await), "22023");
    assert_eq!(sqlstate(switch.node_started("pbx1", far, "i1").await), "22023");
}

#[tokio::test]
async fn a_restart_ends_the_calls_of_before() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for (uniqueid, node) in [("old-1", "pbx1"), ("old-2", "pbx1"), ("other", "pbx2")] {
        switch.route_on(DID, uniqueid, "", node).await.unwrap().link();
    }
    switch.next("old-2", 1, "BUSY").await.unwrap().link();
    let booted = switch.database_time().await.unwrap();
    switch.route_on(DID, "new", "", "pbx1").await.unwrap().link();
    let started = switch.node_started("pbx1", booted, "i1").await.unwrap();
    assert_eq!((started.status.as_str(), started.closed), ("ok", Some(2)));
    let again = switch.node_started("pbx1", booted, "i1").await.unwrap();
    assert_eq!(again.closed, Some(0));
    let left: Vec<String> = values(&superuser, "select uniqueid from live_calls order by 1").await;
    assert_eq!(left, ["new", "other"]);
    assert_eq!(record(&superuser, "old-1").await, "LOST f system node restarted");
    assert_invariants(&db).await;
}

/// LOST, answered or not, then the true record: −1, 0 or +1.
#[tokio::test]
async fn a_true_record_corrects_a_lost_one_exactly_once() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let total = async || value::<i64>(&superuser, "select total from link_counters where link_id = 1").await;
    for (n, answered, truth, when_lost, at_last) in [
        (1, true, "ANSWERED", 1, 1),
        (2, true, "NOANSWER", 1, 0),
        (3, false, "ANSWERED", 0, 1),
        (4, false, "CANCEL", 0, 0),
    ] {
        let uniqueid = format!("call-{n}");
        let before = total().await;
        switch.route(DID, &uniqueid).await.unwrap().link();
        if answered {
            switch.answered(&uniqueid).await.unwrap();
        }
        let lost = superuser.release(&uniqueid, "cleaning up").await.unwrap();
        assert_eq!(lost.status, "released");
        assert_eq!(total().await, before + when_lost, "{uniqueid}");
        let corrected = switch.log(&uniqueid, DID, truth).await.unwrap();
        assert_eq!(
            (corrected.status.as_str(), corrected.cdr_id),
            ("corrected", lost.cdr_id)
        );
        for again in [truth, "LOST", "ANSWERED"] {
            assert_eq!(
                switch.log(&uniqueid, DID, again).await.unwrap().status,
                "duplicate"
            );
        }
        assert_eq!(total().await, before + at_last, "{uniqueid}");
        let kept = format!("{truth} {}", if at_last == 1 { "t" } else { "f" });
        assert_eq!(record(&superuser, &uniqueid).await, kept);
        assert_invariants(&db).await;
    }
}

#[tokio::test]
async fn a_correction_beyond_the_limit_is_flagged_and_one_that_takes_back_is_not() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(5).allowed(1)]).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let did = scenario.did.as_str();
    let excess = async || {
        values::<String>(
            &superuser,
            "select asterisk_uniqueid from late_excess_view order by 1",
        )
        .await
    };
    // Lost before it was answered: its room is given to the next one, and then its true record comes.
    switch.route(did, "first").await.unwrap().link();
    superuser.release("first", "test").await.unwrap();
    switch.route(did, "second").await.unwrap().link();
    switch.log("second", did, "ANSWERED").await.unwrap();
    switch.log("first", did, "ANSWERED").await.unwrap();
    assert_eq!(excess().await, ["first"]);
    assert_invariants(&db).await;
    // Two in flight, the limit lowered, one lost though answered: too much, until the record takes it back.
    run(
        &admin,
        "update campaign_client_settings set total_calls_allowed = 9",
    )
    .await;
    switch.route(did, "third").await.unwrap().link();
    switch.answered("third").await.unwrap();
    run(
        &admin,
        "update campaign_client_settings set total_calls_allowed = 2",
    )
    .await;
    superuser.release("third", "test").await.unwrap();
    assert_eq!(excess().await, ["first", "third"]);
    switch.log("third", did, "NOANSWER").await.unwrap();
    assert_eq!(excess().await, ["first"], "it does not count any more");
    assert_consistent(&db).await;
}

/// The room of a call that was closed too early was given to another call, which had it from its beginning.
#[tokio::test]
async fn of_a_late_record_and_a_call_in_flight_the_late_record_is_the_excess() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for late_first in [true, false] {
        let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(5).allowed(3)]).await;
        let did = scenario.did.as_str();
        let name = |call: &str| format!("{call}-{late_first}");
        for call in ["first", "second"] {
            switch.route(did, &name(call)).await.unwrap().link();
            switch.log(&name(call), did, "ANSWERED").await.unwrap();
        }
        switch.route(did, &name("a")).await.unwrap().link();
        superuser.release(&name("a"), "test").await.unwrap();
        switch.route(did, &name("d")).await.unwrap().link();
        let order = if late_first { ["a", "d"] } else { ["d", "a"] };
        for call in order {
            switch.log(&name(call), did, "ANSWERED").await.unwrap();
        }
        let excess: Vec<String> = values(
            &superuser,
            &format!(
                "select asterisk_uniqueid from late_excess_view where asterisk_uniqueid like '%-{late_first}'"
            ),
        )
        .await;
        assert_eq!(excess, [name("a")]);
        // The next one that comes late is an excess of its own.
        let more = capconduit_tests::Record {
            link_id: Some(scenario.link_ids[0]),
            ..capconduit_tests::Record::new(&name("unrouted"), did, "ANSWERED")
        };
        switch.log_record(&more).await.unwrap();
        let count: i64 = value(
            &superuser,
            &format!("select count(*) from late_excess_view where asterisk_uniqueid like '%-{late_first}'"),
        )
        .await;
        assert_eq!(count, 2);
        let owed: i64 = value(
            &superuser,
            "select coalesce(sum(owed), 0)::bigint from link_excess",
        )
        .await;
        assert_eq!(owed, 0);
    }
    assert_consistent(&db).await;
}

#[tokio::test]
async fn leases_end_and_the_oldest_first_asked_go_first() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for n in 1..=5 {
        switch.route(DID, &format!("call-{n}")).await.unwrap().link();
    }
    assert_eq!(switch.release_expired(100).await.unwrap().released, Some(0));
    run(
        &superuser,
        "update live_calls set lease_until = now() - interval '1 s' where uniqueid <> 'call-5'",
    )
    .await;
    assert_eq!(switch.release_expired(3).await.unwrap().released, Some(3));
    assert_eq!(switch.release_expired(3).await.unwrap().released, Some(1));
    assert_eq!(switch.release_expired(3).await.unwrap().released, Some(0));
    let left: Vec<String> = values(&superuser, "select uniqueid from live_calls").await;
    assert_eq!(left, ["call-5"]);
    for max in [0, -1, 10_001, i32::MAX, i32::MIN] {
        assert_eq!(sqlstate(switch.release_expired(max).await), "22023");
    }
    assert_eq!(record(&superuser, "call-1").await, "LOST f system lease expired");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_node_is_dead_when_lists_and_calls_are_both_silent() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let t = switch.database_time().await.unwrap();
    for (node, uniqueid) in [
        ("dead", "d"),
        ("calling", "c"),
        ("listing", "l"),
        ("unknown", "u"),
    ] {
        if node != "unknown" {
            switch.heartbeat(node, "i1", t, &[]).await.unwrap();
        }
        switch.route_on(DID, uniqueid, "", node).await.unwrap().link();
    }
    run(
        &superuser,
        "update nodes set heartbeat_at = now() - interval '2 days', last_call_at = now() - interval '2 days';
         update nodes set last_call_at = now() where name = 'calling';
         update nodes set heartbeat_at = now() where name = 'listing'",
    )
    .await;
    // Silence counts from the moment at the earliest since which others are heard.
    assert_eq!(superuser.release_expired(100).await.unwrap().released, Some(0));
    run(&superuser, "update hearing set since = now() - interval '1 day'").await;
    assert_eq!(superuser.release_expired(100).await.unwrap().released, Some(1));
    assert_eq!(record(&superuser, "d").await, "LOST f system node silent");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn routing_and_logging_are_signs_of_life() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    let switch = db.asterisk().await;
    let t = switch.database_time().await.unwrap();
    switch.heartbeat("pbx1", "i1", t, &[]).await.unwrap();
    let heard = "select last_call_at is not null from nodes";
    assert!(!value::<bool>(&superuser, heard).await);
    switch.route_on(DID, "call-1", "", "pbx1").await.unwrap().link();
    assert!(value::<bool>(&superuser, heard).await);
    run(&superuser, "update nodes set last_call_at = null").await;
    // A backend notes a node at most every 15 seconds: another one notes it now.
    let record = capconduit_tests::Record {
        node: Some("pbx1".into()),
        ..capconduit_tests::Record::new("call-1", DID, "BUSY")
    };
    db.asterisk().await.log_record(&record).await.unwrap();
    assert!(value::<bool>(&superuser, heard).await);
}

#[tokio::test]
async fn a_route_takes_an_expired_slot_ahead_of_its_choice() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let expire = async |condition: &str| {
        let sql = format!("update live_calls set lease_until = now() - interval '1 s' where {condition}");
        run(&superuser, &sql).await;
    };
    // Priority: ten on alpha, one of them over; beta has room, but alpha is first.
    for n in 1..=10 {
        switch.route(DID, &format!("p-{n}")).await.unwrap().link();
    }
    expire("uniqueid = 'p-4'").await;
    assert_eq!(switch.route(DID, "p-11").await.unwrap().link(), 1);
    assert_eq!(record(&superuser, "p-4").await, "LOST f system lease expired");
    // Weighted: only a call that would be rejected looks.
    let weighted = "+13105550103";
    for n in 1..=5 {
        assert_eq!(switch.route(weighted, &format!("w-{n}")).await.unwrap().link(), 6);
    }
    expire("link_id = 6").await;
    assert_eq!(switch.route(weighted, "w-6").await.unwrap().link(), 6);
    let left: i64 = value(&superuser, "select count(*) from live_calls where link_id = 6").await;
    assert_eq!(left, 1, "all five were over");
    assert_invariants(&db).await;
}

/// With several links full and owed a slot, the one that comes first in the campaign's order takes the call, whichever lease
/// ended first.
#[tokio::test]
async fn of_expired_slots_the_first_link_s_is_taken() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let links = [
        Link::cap(1).priority(3),
        Link::cap(1).priority(1),
        Link::cap(1).priority(2),
    ];
    let scenario = Scenario::new(&superuser, Strategy::Priority, &links).await;
    for (call, link) in [("call-1", 1), ("call-2", 2), ("call-3", 0)] {
        assert_eq!(
            switch.route(&scenario.did, call).await.unwrap().link(),
            scenario.link_ids[link]
        );
    }
    run(
        &superuser,
        "update live_calls set lease_until = now() - right(uniqueid, 1)::integer * interval '1 s'",
    )
    .await;
    for (call, link, gone) in [
        ("call-4", 1, "call-1"),
        ("call-5", 2, "call-2"),
        ("call-6", 0, "call-3"),
    ] {
        assert_eq!(
            switch.route(&scenario.did, call).await.unwrap().link(),
            scenario.link_ids[link]
        );
        assert_eq!(record(&superuser, gone).await, "LOST f system lease expired");
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_call_released_by_hand_is_audited() {
    let db = TestDb::sample().await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    switch.route(DID, "call-1").await.unwrap().link();
    assert_eq!(sqlstate(admin.release("call-1", "").await), "22023");
    let released = admin.release("call-1", "channel stuck").await.unwrap();
    assert_eq!(released.status, "released");
    assert!(released.cdr_id.is_some());
    assert_eq!(record(&admin, "call-1").await, "LOST f system channel stuck");
    let again = admin.release("call-1", "channel stuck").await.unwrap();
    assert_eq!((again.status.as_str(), again.cdr_id), ("not_in_flight", None));
    let audit: Vec<String> = values(
        &admin,
        "select concat_ws(' ', db_role, object_type, object_id, after ->> 'reason')
           from audit_log where action = 'release'",
    )
    .await;
    assert_eq!(audit, ["capconduit_admin live_calls call-1 channel stuck"]);
    assert_invariants(&db).await;
}

/// What the carrier knows a call by is in its record whatever becomes of the call.
#[tokio::test]
async fn a_lost_call_keeps_the_call_id_of_its_caller() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let superuser = db.superuser().await;
    let call_id = async |uniqueid: &str| {
        let sql = "select sip_call_id from call_logs where asterisk_uniqueid = $1";
        superuser
            .query_one(sql, &[&uniqueid])
            .await
            .unwrap()
            .get::<_, Option<String>>(0)
    };
    let long = "é".repeat(300);
    let cut = "é".repeat(255);
    for (uniqueid, given, kept) in [
        ("plain", Some("abc@10.0.0.1"), Some("abc@10.0.0.1")),
        ("long", Some(long.as_str()), Some(cut.as_str())),
        ("empty", Some(""), None),
        ("none", None, None),
    ] {
        let sql = "select (route_call($1, $2, null, null, null, 'pbx1', $3)).status";
        let row = switch.query_one(sql, &[&DID, &uniqueid, &given]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "ok");
        db.admin().await.release(uniqueid, "it is gone").await.unwrap();
        assert_eq!(call_id(uniqueid).await.as_deref(), kept, "{uniqueid}");
    }
    // A record that comes after all, from a switch that does not tell it; and from one that does.
    switch.log("plain", DID, "ANSWERED").await.unwrap();
    assert_eq!(call_id("plain").await.as_deref(), Some("abc@10.0.0.1"));
    let sql = "select (log_call('none', $1, 'ANSWERED', sip_call_id => 'late')).status";
    let row = switch.query_one(sql, &[&DID]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "corrected");
    assert_eq!(call_id("none").await.as_deref(), Some("late"));
    assert_invariants(&db).await;
}
