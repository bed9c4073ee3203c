//! Whose silence proves a switch dead: its own, while others are heard; and nobody's after an outage. Time passes here by
//! moving what is stored, so that minutes take no minutes; outages of real servers are in `outage`.

use capconduit_tests::{Calls, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

const DID: &str = "+18005550101";

/// `capconduit.node_silence_seconds` as it is shipped.
const SILENCE: u32 = 120;

struct Platform {
    db: TestDb,
    switch: Client,
    superuser: Client,
}

impl Platform {
    /// Two switches with agents; a call talks on the first one.
    async fn with_a_call() -> Self {
        let platform = Self::alone().await;
        platform.lists("b", &[]).await;
        platform
    }

    /// One switch with an agent, and a call that talks on it.
    async fn alone() -> Self {
        let db = TestDb::sample_uncapped().await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let platform = Self {
            db,
            switch,
            superuser,
        };
        platform.lists("a", &[]).await;
        platform
            .switch
            .route_on(DID, "talks", "", "a")
            .await
            .unwrap()
            .link();
        platform.switch.answered("talks").await.unwrap();
        platform
    }

    async fn lists(&self, node: &str, calls: &[&str]) -> String {
        self.lists_as(node, "agent", calls).await
    }

    async fn lists_as(&self, node: &str, instance: &str, calls: &[&str]) -> String {
        let taken_at = self.switch.database_time().await.unwrap();
        let heard = self.switch.heartbeat(node, instance, taken_at, calls).await;
        heard.unwrap().status
    }

    /// As if whatever is stored were so much older; a negative number sets the clock back.
    async fn pass(&self, seconds: i64) {
        let by = format!("interval '{seconds} seconds'");
        let earlier = |columns: &[&str]| {
            let set: Vec<String> = columns
                .iter()
                .map(|name| format!("{name} = {name} - {by}"))
                .collect();
            set.join(", ")
        };
        let sql = format!(
            "update hearing set {}; update nodes set {}; update live_calls set {}; update call_attempts set {};
             update call_logs set {}; update link_counters set {}; update link_windows set {}",
            earlier(&["since", "last"]),
            earlier(&["booted_at", "heartbeat_at", "taken_at", "last_call_at"]),
            earlier(&[
                "routed_at",
                "attempt_at",
                "answered_at",
                "ring_deadline",
                "lease_until",
                "absent_since",
                "last_listed_at"
            ]),
            earlier(&["started_at"]),
            earlier(&["created_at", "reserved_at"]),
            earlier(&["reserved_at", "windows_from", "windows_until"]),
            earlier(&["starts_at", "ends_at"]),
        );
        run(&self.superuser, &sql).await;
    }

    /// Time passes while these switches list their calls every ten seconds, and somebody looks for expired slots as often.
    /// How many calls were closed.
    async fn pass_hearing(&self, seconds: u32, nodes: &[&str]) -> i32 {
        let mut closed = 0;
        for _ in 0..seconds / 10 {
            self.pass(10).await;
            for node in nodes {
                let calls: &[&str] = if *node == "a" { &["talks"] } else { &[] };
                assert_eq!(self.lists(node, calls).await, "ok");
            }
            closed += self.released().await;
        }
        closed
    }

    async fn released(&self) -> i32 {
        self.switch.release_expired(100).await.unwrap().released.unwrap()
    }

    /// Status and cause of the call's record; none while it is in flight.
    async fn record(&self) -> Option<String> {
        let sql =
            "select call_status || ' ' || hangup_cause_text from call_logs where asterisk_uniqueid = 'talks'";
        values(&self.superuser, sql).await.pop()
    }

    async fn is_found_dead(&self) {
        assert_eq!(self.record().await.as_deref(), Some("LOST node silent"));
        assert_invariants(&self.db).await;
    }
}

#[tokio::test]
async fn an_outage_however_long_is_no_reason_to_think_a_call_dead() {
    for seconds in [61, 126, 3_600, 3 * 3_600] {
        let platform = Platform::with_a_call().await;
        platform.pass(seconds).await;
        assert_eq!(platform.released().await, 0, "before anybody is heard");
        assert_eq!(platform.lists("b", &[]).await, "ok");
        assert_eq!(
            platform.released().await,
            0,
            "another switch was quicker to come back"
        );
        // For as long as a switch may be silent, the first one may still come back.
        assert_eq!(platform.pass_hearing(SILENCE - 10, &["b"]).await, 0);
        assert_eq!(platform.lists("a", &["talks"]).await, "ok");
        assert_eq!(platform.pass_hearing(2 * SILENCE, &["a", "b"]).await, 0);
        assert_eq!(platform.record().await, None);
    }
}

#[tokio::test]
async fn a_node_that_died_before_an_outage_is_found_dead_afterwards() {
    let platform = Platform::with_a_call().await;
    assert_eq!(platform.pass_hearing(SILENCE / 2, &["b"]).await, 0);
    platform.pass(300).await;
    assert_eq!(platform.pass_hearing(SILENCE + 10, &["b"]).await, 1);
    platform.is_found_dead().await;
}

#[tokio::test]
async fn a_node_that_falls_silent_while_others_are_heard_is_dead_in_its_time() {
    let platform = Platform::with_a_call().await;
    assert_eq!(platform.pass_hearing(SILENCE - 10, &["b"]).await, 0);
    assert_eq!(platform.pass_hearing(10, &["b"]).await, 1);
    platform.is_found_dead().await;
}

#[tokio::test]
async fn outages_one_after_the_other_add_up_to_no_silence() {
    let platform = Platform::with_a_call().await;
    for _ in 0..5 {
        platform.pass(70).await;
        assert_eq!(platform.lists("b", &[]).await, "ok");
        assert_eq!(platform.released().await, 0);
    }
    assert_eq!(platform.record().await, None);
}

#[tokio::test]
async fn a_node_alone_is_not_judged_by_its_silence() {
    let platform = Platform::alone().await;
    for _ in 0..20 {
        platform.pass(30).await;
        assert_eq!(platform.released().await, 0);
    }
    // Its own word ends its calls: here its start.
    let now = platform.switch.database_time().await.unwrap();
    let started = platform.switch.node_started("a", now, "agent").await.unwrap();
    assert_eq!((started.status.as_str(), started.closed), ("ok", Some(1)));
    assert_eq!(platform.record().await.as_deref(), Some("LOST node restarted"));
}

#[tokio::test]
async fn a_node_alone_is_found_dead_that_long_after_another_one_speaks() {
    let platform = Platform::alone().await;
    platform.pass(1_000).await;
    assert_eq!(platform.pass_hearing(SILENCE, &["new"]).await, 0);
    assert_eq!(platform.pass_hearing(20, &["new"]).await, 1);
    platform.is_found_dead().await;
}

/// All of them at once: every agent has lost its sight, or the network to the database is down.
#[tokio::test]
async fn when_nobody_is_heard_nobody_is_dead() {
    let platform = Platform::with_a_call().await;
    for _ in 0..100 {
        platform.pass(10).await;
        assert_eq!(platform.released().await, 0, "whoever looks is no switch");
    }
    assert_eq!(platform.record().await, None);
}

#[tokio::test]
async fn a_quiet_night_with_agents_is_no_outage_and_one_without_proves_nothing() {
    // Agents that speak as seldom as they may.
    let platform = Platform::with_a_call().await;
    for _ in 0..3 {
        platform.pass(30).await;
        assert_eq!(platform.lists("b", &[]).await, "ok");
        assert_eq!(platform.released().await, 0);
    }
    platform.pass(30).await;
    assert_eq!(platform.lists("b", &[]).await, "ok");
    assert_eq!(platform.released().await, 1);
    platform.is_found_dead().await;

    // A switch without an agent has a call every two minutes: that is too seldom to say that others would have been heard.
    let platform = Platform::alone().await;
    for n in 0..10 {
        platform.pass(120).await;
        let other = platform.db.asterisk().await;
        let target = other
            .route_on("+12125550102", &format!("night-{n}"), "", "c")
            .await;
        target.unwrap().link();
        assert_eq!(platform.released().await, 0);
    }
    assert_eq!(platform.record().await, None);
}

#[tokio::test]
async fn calls_alone_keep_the_hearing_and_their_switch_alive() {
    let platform = Platform::with_a_call().await;
    for n in 0..20 {
        platform.pass(40).await;
        // A backend notes a switch every fifteen seconds at most: others note it now.
        let (a, b) = (platform.db.asterisk().await, platform.db.asterisk().await);
        for (switch, node, did) in [(&a, "a", DID), (&b, "b", "+12125550102")] {
            let uniqueid = format!("{node}-{n}");
            switch.route_on(did, &uniqueid, "", node).await.unwrap().link();
            switch.log(&uniqueid, did, "BUSY").await.unwrap();
        }
        assert_eq!(platform.released().await, 0);
    }
    for n in 0..4 {
        platform.pass(40).await;
        let b = platform.db.asterisk().await;
        b.route_on("+12125550102", &format!("last-{n}"), "", "b")
            .await
            .unwrap()
            .link();
        platform.released().await;
    }
    platform.is_found_dead().await;
}

/// The call moves on, and is answered: signs of its switch, too.
#[tokio::test]
async fn every_call_function_is_a_sign_of_its_switch() {
    let platform = Platform::with_a_call().await;
    let functions = [
        "select capconduit.next_target('rings', 1, 'BUSY')",
        "select capconduit.call_answered('rings')",
        "select capconduit.log_call('rings', '+18005550101', 'BUSY', node => 'a')",
    ];
    platform
        .switch
        .route_on(DID, "rings", "", "a")
        .await
        .unwrap()
        .link();
    for function in functions {
        platform.pass(3_600).await;
        run(&platform.db.asterisk().await, function).await;
        let fresh = "last_call_at > now() - interval '1 minute'";
        let heard: bool = value(
            &platform.superuser,
            &format!("select {fresh} from nodes where name = 'a'"),
        )
        .await;
        assert!(heard, "{function}");
        let hearing: bool = value(
            &platform.superuser,
            "select since = last and last > now() - interval '1 minute' from hearing",
        )
        .await;
        assert!(hearing, "{function}: after a gap the hearing begins anew");
    }
}

#[tokio::test]
async fn of_a_switch_whose_agent_stopped_in_order_only_leases_end() {
    let platform = Platform::with_a_call().await;
    assert_eq!(
        platform.switch.report("a", "agent", "stopped").await.unwrap(),
        "ok"
    );
    assert_eq!(platform.pass_hearing(3 * SILENCE, &["b"]).await, 0);
    platform.pass(4 * 3_600).await;
    assert_eq!(platform.pass_hearing(10, &["b"]).await, 1);
    assert_eq!(platform.record().await.as_deref(), Some("LOST lease expired"));
    // Once it speaks again, its silence counts again.
    let platform = Platform::with_a_call().await;
    platform.switch.report("a", "agent", "stopped").await.unwrap();
    assert_eq!(platform.pass_hearing(SILENCE, &["b"]).await, 0);
    assert_eq!(platform.lists("a", &["talks"]).await, "ok");
    assert_eq!(platform.pass_hearing(SILENCE, &["b"]).await, 1);
    platform.is_found_dead().await;
}

#[tokio::test]
async fn an_agent_that_sees_no_calls_but_knows_its_asterisk_lives_keeps_them() {
    let platform = Platform::with_a_call().await;
    for _ in 0..60 {
        platform.pass(10).await;
        assert_eq!(platform.switch.report("a", "agent", "alive").await.unwrap(), "ok");
        assert_eq!(platform.lists("b", &[]).await, "ok");
        assert_eq!(platform.released().await, 0);
    }
    assert_eq!(platform.record().await, None);
    assert_eq!(platform.pass_hearing(SILENCE, &["b"]).await, 1);
    platform.is_found_dead().await;
}

/// Its agent speaks, so the database hears: its silence is its own, also on a platform with one switch.
#[tokio::test]
async fn an_asterisk_whose_agent_says_that_it_is_down_is_dead_in_its_time() {
    let platform = Platform::alone().await;
    for seconds in (0..SILENCE).step_by(10) {
        assert_eq!(platform.switch.report("a", "agent", "down").await.unwrap(), "ok");
        assert_eq!(platform.released().await, 0, "after {seconds} seconds");
        platform.pass(10).await;
    }
    platform.switch.report("a", "agent", "down").await.unwrap();
    assert_eq!(platform.released().await, 1);
    platform.is_found_dead().await;
}

#[tokio::test]
async fn a_report_says_one_of_three_words() {
    let platform = Platform::alone().await;
    for (node, instance, state) in [
        ("a", "agent", ""),
        ("a", "agent", "dead"),
        ("a", "", "alive"),
        ("", "agent", "alive"),
        ("a b", "agent", "alive"),
    ] {
        let refused = platform.switch.report(node, instance, state).await;
        assert_eq!(sqlstate(refused), "22023", "{node:?} {instance:?} {state:?}");
    }
    // Another agent's word changes nothing.
    for state in ["alive", "down", "stopped"] {
        let status = platform.switch.report("a", "stranger", state).await.unwrap();
        assert_eq!(status, "name_taken");
    }
    let unchanged = "select instance = 'agent' and heartbeat_at is not null from nodes where name = 'a'";
    assert!(value::<bool>(&platform.superuser, unchanged).await);
}

#[tokio::test]
async fn a_name_is_free_when_its_owner_is_dead_by_the_same_rule() {
    let platform = Platform::with_a_call().await;
    assert_eq!(platform.lists_as("a", "new", &[]).await, "name_taken");
    // After an outage the owner has its time to come back.
    platform.pass(300).await;
    assert_eq!(platform.lists_as("a", "new", &[]).await, "name_taken");
    let now = platform.switch.database_time().await.unwrap();
    assert_eq!(
        platform
            .switch
            .node_started("a", now, "new")
            .await
            .unwrap()
            .status,
        "name_taken"
    );
    assert_eq!(
        platform.record().await,
        None,
        "nothing is closed by whoever was refused"
    );
    // Whoever asks for it speaks, so the owner's silence is its own.
    for _ in 0..11 {
        platform.pass(10).await;
        assert_eq!(platform.lists_as("a", "new", &[]).await, "name_taken");
    }
    platform.pass(10).await;
    assert_eq!(platform.lists_as("a", "new", &[]).await, "ok");
    assert_eq!(platform.lists_as("a", "agent", &["talks"]).await, "name_taken");
    // And an agent that stopped in order has given it up.
    platform.switch.report("a", "new", "stopped").await.unwrap();
    assert_eq!(platform.lists_as("a", "agent", &["talks"]).await, "ok");
}

#[tokio::test]
async fn a_switch_is_released_by_hand() {
    let platform = Platform::with_a_call().await;
    platform
        .switch
        .route_on(DID, "other", "", "b")
        .await
        .unwrap()
        .link();
    let admin = platform.db.admin().await;
    assert_eq!(sqlstate(admin.release_node("a", "").await), "22023");
    assert_eq!(sqlstate(platform.switch.release_node("a", "gone").await), "42501");
    let unknown = admin.release_node("nobody", "gone").await.unwrap();
    assert_eq!(
        (unknown.status.as_str(), unknown.released),
        ("unknown_node", Some(0))
    );
    let released = admin.release_node("a", "burnt down").await.unwrap();
    assert_eq!(
        (released.status.as_str(), released.released),
        ("released", Some(1))
    );
    assert_eq!(platform.record().await.as_deref(), Some("LOST burnt down"));
    let left: Vec<String> = values(&admin, "select uniqueid from live_calls").await;
    assert_eq!(left, ["other"]);
    let audit: Vec<String> = values(
        &admin,
        "select concat_ws(' ', db_role, object_type, object_id, after ->> 'reason', after ->> 'released')
           from audit_log where action = 'release'",
    )
    .await;
    assert_eq!(audit, ["capconduit_admin nodes a burnt down 1"]);
    // Its name is free for the machine that takes its place.
    assert_eq!(platform.lists_as("a", "replacement", &[]).await, "ok");
    assert_invariants(&platform.db).await;
}

#[tokio::test]
async fn with_a_silence_of_zero_nobody_is_dead_by_it() {
    let platform = Platform::with_a_call().await;
    let looks = platform.db.superuser().await;
    run(
        &looks,
        "select capconduit.explain_route('+1'); set capconduit.node_silence_seconds = 0",
    )
    .await;
    for _ in 0..30 {
        platform.pass(10).await;
        assert_eq!(platform.lists("b", &[]).await, "ok");
        assert_eq!(looks.release_expired(100).await.unwrap().released, Some(0));
        let taken_at = looks.database_time().await.unwrap();
        let claimed = looks.heartbeat("a", "new", taken_at, &[]).await.unwrap();
        assert_eq!(claimed.status, "name_taken");
    }
    let free = looks.release_node("a", "replaced").await.unwrap();
    assert_eq!(free.released, Some(1));
    assert_eq!(platform.lists_as("a", "new", &[]).await, "ok");
}

#[tokio::test]
async fn a_clock_that_is_set_proves_nobody_dead() {
    // Forward: an outage to all who look.
    let platform = Platform::with_a_call().await;
    platform.pass(3_600).await;
    assert_eq!(platform.pass_hearing(SILENCE - 10, &["b"]).await, 0);
    // Back: lists are taken, and an outage of that hour is seen as one.
    let platform = Platform::with_a_call().await;
    assert_eq!(platform.pass_hearing(20, &["a", "b"]).await, 0);
    platform.pass(-3_600).await;
    assert_eq!(platform.lists("a", &["talks"]).await, "ok");
    assert_eq!(platform.lists("b", &[]).await, "ok");
    platform.pass(300).await;
    assert_eq!(platform.lists("b", &[]).await, "ok");
    assert_eq!(platform.released().await, 0);
    assert_eq!(platform.pass_hearing(SILENCE - 10, &["b"]).await, 0);
    assert_eq!(platform.pass_hearing(20, &["b"]).await, 1);
    platform.is_found_dead().await;
}

/// What a library of before does: it writes `nodes`, and does not know the hearing.
#[tokio::test]
async fn signs_that_only_nodes_tell_of_are_heard_by_whoever_looks() {
    let platform = Platform::with_a_call().await;
    let sign = "update nodes set heartbeat_at = now() where name = 'b'";
    platform.pass(300).await;
    run(&platform.superuser, sign).await;
    assert_eq!(platform.released().await, 0, "the gap is seen");
    for _ in 0..11 {
        platform.pass(10).await;
        run(&platform.superuser, sign).await;
        assert_eq!(platform.released().await, 0);
    }
    platform.pass(10).await;
    run(&platform.superuser, sign).await;
    assert_eq!(platform.released().await, 1);
    platform.is_found_dead().await;
}

/// The library may be there before the tables are: silence proves nothing then, and all else goes on.
#[tokio::test]
async fn without_the_hearing_s_row_or_table_nobody_is_dead_by_silence() {
    let platform = Platform::with_a_call().await;
    run(&platform.superuser, "delete from hearing").await;
    assert_eq!(platform.pass_hearing(SILENCE, &["b"]).await, 0);
    assert_eq!(platform.pass_hearing(SILENCE, &["b"]).await, 1, "it is made anew");
    let platform = Platform::with_a_call().await;
    run(&platform.superuser, "alter table hearing rename to not_yet").await;
    for n in 0..3 {
        let switch = platform.db.asterisk().await;
        let (b, other) = (format!("b-{n}"), "+12125550102");
        switch.route_on(other, &b, "", "b").await.unwrap().link();
        assert_eq!(platform.lists("b", &[&b]).await, "ok");
        assert_eq!(platform.lists_as("a", "new", &[]).await, "name_taken");
        assert_eq!(switch.report("b", "agent", "alive").await.unwrap(), "ok");
        assert_eq!(switch.release_expired(100).await.unwrap().released, Some(0));
        switch.log(&b, other, "ANSWERED").await.unwrap();
    }
}

#[tokio::test]
async fn nobody_waits_for_the_hearing_s_row() {
    let platform = Platform::with_a_call().await;
    let holder = platform.db.superuser().await;
    run(&holder, "begin; select from hearing for update").await;
    let switch = platform.db.asterisk().await;
    run(&switch, "set lock_timeout = '50ms'").await;
    switch.route_on(DID, "call-1", "", "b").await.unwrap().link();
    let now = switch.database_time().await.unwrap();
    assert_eq!(
        switch
            .heartbeat("b", "agent", now, &["call-1"])
            .await
            .unwrap()
            .status,
        "ok"
    );
    assert_eq!(switch.node_started("c", now, "agent").await.unwrap().status, "ok");
    assert_eq!(switch.report("b", "agent", "alive").await.unwrap(), "ok");
    assert_eq!(switch.release_expired(100).await.unwrap().released, Some(0));
    switch.log("call-1", DID, "BUSY").await.unwrap();
    run(&holder, "rollback").await;
}
