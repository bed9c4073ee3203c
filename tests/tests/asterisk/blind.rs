//! An agent that sees no calls, or is not there, while its Asterisk talks on and another switch is heard: nobody's slot is sold.

use std::process::{Child, Command};
use std::time::Duration;

use capconduit_tests::{
    Calls, Center, Link, Place, Raw, RawCaller, TestAsterisk, TestDb, TestNode, assert_invariants,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::agent::{OneCall, eventually, lists};
use super::early_media::packet;
use super::support::becomes;
use super::traffic::Traffic;

/// What a switch may be silent here.
const SILENCE: u64 = 6;

/// An agent whose questions are not answered speaks every six seconds.
const SILENCE_OF_WAITING: u64 = 10;

/// Another switch, which is heard all the time: so the database hears.
struct Other(JoinHandle<()>);

impl Other {
    async fn start(db: &TestDb, silence: u64) -> Self {
        let superuser = db.superuser().await;
        let name = db.name();
        let set = format!("alter database {name} set capconduit.node_silence_seconds = {silence}");
        superuser.batch_execute(&set).await.expect("a setting");
        Self::start_as_set(db).await
    }

    /// With the platform's own settings.
    async fn start_as_set(db: &TestDb) -> Self {
        let switch = db.asterisk().await;
        Self(tokio::spawn(async move {
            loop {
                let now = switch.database_time().await.expect("the time");
                let heard = switch.heartbeat("other", "agent", now, &[]).await;
                assert_eq!(heard.expect("an answer").status, "ok");
                switch.release_expired(500).await.expect("an answer");
                sleep(Duration::from_millis(300)).await;
            }
        }))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.expect("kill can be run").success());
}

/// For longer than a switch may be silent.
async fn talks_on(call: &OneCall, silence: u64) {
    // By the clock: on a busy machine the looks take their time, too.
    let until = Instant::now() + Duration::from_secs(silence + 3);
    while Instant::now() < until {
        assert_eq!(call.record(call.uniqueid()).await, None);
        call.goes_on().await;
        sleep(Duration::from_secs(1)).await;
    }
}

async fn agent_says(node: &TestNode, word: &str) {
    eventually("the agent says so", || async {
        let text = node.problem("asterisk").await;
        text.is_some_and(|text| text.contains(word))
    })
    .await;
}

/// Its console waits until the last call is over.
struct Stopping(Child);

impl Stopping {
    fn gracefully(switch: &TestAsterisk) -> Self {
        let command = format!("exec {} -rx 'core stop gracefully'", switch.command());
        let console = Command::new("sh").args(["-c", &command]).spawn();
        Self(console.expect("a console"))
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_call_talks_on_while_its_asterisk_stops_gracefully() {
    let call = OneCall::start().await;
    let other = Other::start(&call.traffic.db, SILENCE).await;
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    let _stopping = Stopping::gracefully(&call.traffic.switch);
    agent_says(&node, "is stopping").await;
    talks_on(&call, SILENCE).await;
    drop(other);
    call.ends_well().await;
}

/// With the platform's own settings, and words on both sides: silence would end the call.
#[tokio::test]
#[ignore = "long: the agent is blind for ten minutes"]
async fn a_call_talks_for_ten_minutes_while_its_asterisk_stops_gracefully() {
    let traffic = Traffic::new().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(1)], &[center.contact()]).await;
    let node = traffic.agent(&traffic.switch).await;
    lists(&node).await;
    let _other = Other::start_as_set(&traffic.db).await;
    let counters = async || {
        let sql = "select active, total from link_counters where link_id = $1";
        let row = traffic.admin.query_one(sql, &[&line.link_ids[0]]).await;
        let row = row.expect("the counters");
        (row.get::<_, i32>(0), row.get::<_, i64>(1))
    };
    let mut caller = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkA).await;
    let reply = caller.invite(&Raw::call(&traffic.switch, &line.did)).await;
    let reply = reply.expect("an answer");
    assert_eq!(reply.status(), Some(200), "{}", reply.text());
    let mouths = [
        (
            traffic.site.socket(caller.address(), 40_000),
            reply.media().expect("SDP"),
        ),
        (
            traffic.site.socket(&center.address, 40_000),
            center.seen().requests("INVITE")[0].media().expect("SDP"),
        ),
    ];
    let _stopping = Stopping::gracefully(&traffic.switch);
    agent_says(&node, "is stopping").await;
    let until = Instant::now() + Duration::from_secs(600);
    let mut number = 0;
    while Instant::now() < until {
        for (mouth, ear) in &mouths {
            mouth.send_to(&packet(number), ear).expect("it is sent");
        }
        number += 1;
        if number.is_multiple_of(50) {
            assert_eq!(counters().await, (1, 0), "after {number} of 6,000 words");
        }
        sleep(Duration::from_millis(100)).await;
    }
    caller.bye().await;
    becomes("the call is counted", (0, 1), counters).await;
    assert_invariants(&traffic.db).await;
}

#[tokio::test]
async fn a_call_talks_on_while_its_asterisk_is_asked_in_vain() {
    let call = OneCall::start().await;
    let other = Other::start(&call.traffic.db, SILENCE_OF_WAITING).await;
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    signal("-STOP", call.traffic.switch.pid());
    agent_says(&node, "did not answer").await;
    talks_on(&call, SILENCE_OF_WAITING).await;
    signal("-CONT", call.traffic.switch.pid());
    drop(other);
    call.ends_well().await;
}

#[tokio::test]
async fn a_call_talks_on_while_the_agent_is_stopped_in_order() {
    let call = OneCall::start().await;
    let other = Other::start(&call.traffic.db, SILENCE).await;
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    // Its agent ends as systemd ends it.
    drop(node);
    talks_on(&call, SILENCE).await;
    drop(other);
    call.ends_well().await;
}

/// The database stands still for longer than a switch may be silent, with the real agent and the service.
#[tokio::test]
#[ignore = "long: an outage of most of a minute; outage:: has shorter ones"]
async fn a_call_talks_on_through_an_outage() {
    let call = OneCall::start().await;
    let db = &call.traffic.db;
    let other = Other::start(db, SILENCE).await;
    let node = call.traffic.agent(&call.traffic.switch).await;
    lists(&node).await;
    db.cluster().freeze(true);
    sleep(Duration::from_secs(SILENCE + 1)).await;
    db.cluster().freeze(false);
    talks_on(&call, SILENCE).await;
    drop(other);
    call.ends_well().await;
}
