//! The agent beside a real Asterisk that lives: what it does not know is closed, what it knows never is, whether the agent
//! restarts, Asterisk freezes or has another name. crash.rs is about one that dies.

use std::process::Command;
use std::time::Duration;

pub(super) use capconduit_tests::eventually;
use capconduit_tests::{
    CallRecord, Caller, Calls, Center, Link, Running, Scenario, Seen, TestNode, assert_invariants,
};
use tokio::time::sleep;

use super::traffic::Traffic;

/// Long enough for the agent's next lists; it lists every second here.
const SEVERAL_LISTS: Duration = Duration::from_secs(6);

/// SIPp sends no media: after thirty seconds the switch would end the call itself (rtp_timeout).
const TALK_SECONDS: u32 = 27;

/// A switch with a call that was answered and goes on.
pub(super) struct OneCall {
    pub(super) traffic: Traffic,
    line: Scenario,
    uniqueid: String,
    caller: Running,
    _center: Center,
}

impl OneCall {
    pub(super) async fn start() -> Self {
        let traffic = Traffic::new().await;
        let superuser = traffic.db.superuser().await;
        // A short one, so that the test is: the call would be closed soon if its node did not list it.
        let name = traffic.db.name();
        let sql = format!("alter database {name} set capconduit.absence_grace_seconds = 2");
        superuser.batch_execute(&sql).await.expect("a shorter grace time");
        let center = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
        let line = traffic.number(&[Link::cap(5)], &[center.contact()]).await;
        let caller = Caller::new(&traffic.site, &traffic.switch, &line.did).talks_for(TALK_SECONDS * 1000);
        let caller = caller.start();
        let answered = "select uniqueid from live_calls where answered_at is not null";
        eventually("the call is answered", || async {
            !superuser.query(answered, &[]).await.expect("calls").is_empty()
        })
        .await;
        let uniqueid = superuser.query_one(answered, &[]).await.expect("one call").get(0);
        Self {
            traffic,
            line,
            uniqueid,
            caller,
            _center: center,
        }
    }

    pub(super) fn uniqueid(&self) -> &str {
        &self.uniqueid
    }

    async fn live(&self) -> Vec<String> {
        let superuser = self.traffic.db.superuser().await;
        let rows = superuser
            .query("select uniqueid from live_calls order by 1", &[])
            .await;
        rows.expect("calls").iter().map(|row| row.get(0)).collect()
    }

    /// It is in flight, and nothing else is.
    pub(super) async fn goes_on(&self) {
        assert_eq!(self.live().await, [self.uniqueid.as_str()]);
    }

    /// Status, whether it counts, and by whose word it ended; none when there is no record.
    pub(super) async fn record(&self, uniqueid: &str) -> Option<String> {
        let sql = "select concat_ws(' ', call_status, counted, hangup_cause_text) from call_logs
                    where asterisk_uniqueid = $1";
        let superuser = self.traffic.db.superuser().await;
        let row = superuser.query_opt(sql, &[&uniqueid]).await.expect("records");
        row.map(|row| row.get(0))
    }

    /// The caller ends as it wished, and the record is its own.
    pub(super) async fn ends_well(self) -> Seen {
        let seen = self.caller.finish().await;
        let record = CallRecord::of(&self.traffic.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(record.uniqueid, self.uniqueid);
        assert_invariants(&self.traffic.db).await;
        seen
    }
}

pub(super) async fn lists(node: &TestNode) {
    eventually("its lists are accepted", || async {
        node.health().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_call_that_the_switch_does_not_know_is_closed_and_a_real_one_is_not() {
    let call = OneCall::start().await;
    let switch = call.traffic.db.asterisk().await;
    // Routed, and then never heard of again.
    switch
        .route_on(&call.line.did, "pbx1-ghost", "", "pbx1")
        .await
        .unwrap()
        .link();
    let node = call.traffic.agent(&call.traffic.switch).await;
    eventually("the ghost is closed", || async {
        call.record("pbx1-ghost").await.is_some()
    })
    .await;
    assert_eq!(call.record("pbx1-ghost").await.unwrap(), "LOST f not on its node");
    call.goes_on().await;
    assert!(
        node.metric("capconduit_node_channels").await >= 2.0,
        "both legs are listed"
    );
    lists(&node).await;
    call.ends_well().await;
}

#[tokio::test]
async fn an_agent_that_restarts_closes_no_live_call() {
    let call = OneCall::start().await;
    for _ in 0..3 {
        let node = call.traffic.agent(&call.traffic.switch).await;
        lists(&node).await;
        let killed = Command::new("kill")
            .args(["-KILL", &node.pid().to_string()])
            .status();
        assert!(killed.expect("kill can be run").success());
    }
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    sleep(SEVERAL_LISTS).await;
    call.goes_on().await;
    assert_eq!(node.problem("name_taken").await, None);
    call.ends_well().await;
}

#[tokio::test]
#[ignore = "long: a switch that is silent is given minutes"]
async fn a_frozen_asterisk_is_told_and_loses_no_call() {
    let call = OneCall::start().await;
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    let signal = |name: &str| {
        let pid = call.traffic.switch.pid().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill can be run").success());
    };
    signal("-STOP");
    eventually("the agent says so", || async {
        node.problem("asterisk").await.is_some()
    })
    .await;
    assert!(
        node.problem("asterisk")
            .await
            .is_some_and(|text| text.contains("did not answer"))
    );
    call.goes_on().await;
    signal("-CONT");
    eventually("it is over", || async {
        node.problem("asterisk").await.is_none()
    })
    .await;
    sleep(SEVERAL_LISTS).await;
    call.goes_on().await;
    call.ends_well().await;
}

#[tokio::test]
#[ignore = "long: three quarters of a minute of lists"]
async fn nothing_is_announced_under_another_name_than_asterisks() {
    let call = OneCall::start().await;
    let (db, switch) = (&call.traffic.db, &call.traffic.switch);
    let command = switch.command();
    let settings = [
        ("CAPCONDUIT_NODE", "pbx9"),
        ("CAPCONDUIT_ASTERISK_COMMAND", command.as_str()),
    ];
    let node = TestNode::start_with(db, &switch.spool_folder(), &settings).await;
    eventually("it is told", || async {
        node.problem("system_name").await.is_some()
    })
    .await;
    sleep(SEVERAL_LISTS).await;
    let superuser = db.superuser().await;
    let named: i64 = superuser
        .query_one("select count(*) from nodes where name = 'pbx9'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(named, 0);
    call.ends_well().await;
}

/// There the console warns before each answer; it asks through its socket, so only the agent's side is without IPv4 here.
#[tokio::test]
async fn a_machine_without_ipv4_sends_its_lists() {
    let traffic = Traffic::new().await;
    let command = format!(
        "unshare --net nsenter --target {} --mount --root --wd=/ /usr/sbin/asterisk",
        traffic.switch.pid()
    );
    let settings = [("CAPCONDUIT_ASTERISK_COMMAND", command.as_str())];
    let node = TestNode::start_with(&traffic.db, &traffic.switch.spool_folder(), &settings).await;
    lists(&node).await;
}

/// Asterisk tells the time of its start without the day.
#[tokio::test]
async fn a_start_at_the_same_second_of_another_day_is_announced() {
    let traffic = Traffic::new().await;
    let booted = async || {
        let superuser = traffic.db.superuser().await;
        let row = superuser
            .query_opt("select booted_at from nodes where name = 'pbx1'", &[])
            .await;
        row.expect("the node")
            .and_then(|row| row.get::<_, Option<jiff::Timestamp>>(0))
    };
    lists(&traffic.agent(&traffic.switch).await).await;
    let first = booted().await.expect("it was announced");
    // What the agent would remember of yesterday's.
    let file = traffic.switch.spool_folder().join(".agent.json");
    let kept = std::fs::read_to_string(&file).expect("the agent's own file");
    let mut kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    let yesterday = first - jiff::SignedDuration::from_hours(24);
    kept["announced"]["booted_at"] = yesterday.to_string().into();
    std::fs::write(&file, kept.to_string()).expect("the agent's own file");
    let superuser = traffic.db.superuser().await;
    let forget = "update nodes set booted_at = booted_at - interval '1 day' where name = 'pbx1'";
    assert_eq!(superuser.execute(forget, &[]).await.expect("the node"), 1);
    lists(&traffic.agent(&traffic.switch).await).await;
    let again = booted().await.expect("it was announced");
    assert!(
        again.duration_since(first).abs() < jiff::SignedDuration::from_secs(5),
        "{first}, then {again}"
    );
}
