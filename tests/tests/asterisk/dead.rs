//! An Asterisk that dies and stays dead: nobody restarts it, nobody tells its calls' ends. Its slots return all the same.

use std::process::Command;
use std::time::Duration;

use capconduit_tests::{
    Caller, Calls, Center, Link, Record, Running, Scenario, TestAsterisk, assert_invariants,
};
use tokio::time::sleep;

use super::support::becomes;
use super::traffic::Traffic;

struct Dying {
    traffic: Traffic,
    talk: Scenario,
    ring: Scenario,
    _people: (Center, Center, Running, Running),
}

impl Dying {
    /// Three calls that talk and fill their link, two that ring; the database has heard of all of them.
    async fn start(traffic: Traffic) -> Self {
        let answering = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
        let ringing = Center::start(&traffic.site, "rings", &[]).await;
        let talk = traffic.number(&[Link::cap(3)], &[answering.contact()]).await;
        let ring = traffic.number(&[Link::cap(3)], &[ringing.contact()]).await;
        let caller = |did: &str| Caller::new(&traffic.site, &traffic.switch, did).talks_for(600_000);
        let talking = caller(&talk.did).start_with(&["-m", "3"]);
        let waiting = caller(&ring.did).start_with(&["-m", "2"]);
        let dying = Self {
            traffic,
            talk,
            ring,
            _people: (answering, ringing, talking, waiting),
        };
        becomes("live calls", (5, 3), async || dying.live().await).await;
        becomes("a list of ten channels", Some(10), async || {
            let sql = "select live_calls from nodes where name = 'pbx1'";
            let row = dying.traffic.admin.query_opt(sql, &[]).await.expect("the node");
            row.and_then(|row| row.get::<_, Option<i32>>(0))
        })
        .await;
        dying
    }

    /// Calls that hold a slot, and the answered ones among them.
    async fn live(&self) -> (i64, i64) {
        let sql = "select count(*), count(answered_at) from live_calls where holds_slot";
        let row = self.traffic.admin.query_one(sql, &[]).await.expect("calls");
        (row.get(0), row.get(1))
    }

    /// Calls in flight and counted calls of a link.
    async fn counters(&self, of: &Scenario) -> (i32, i64) {
        let sql = "select active, total from link_counters where link_id = $1";
        let row = self.traffic.admin.query_one(sql, &[&of.link_ids[0]]).await;
        let row = row.expect("the counter");
        (row.get(0), row.get(1))
    }

    /// All five are LOST, not before the silence was over and soon afterwards, and end where their node was heard last.
    async fn are_lost_after(&self, silence: f64) {
        assert_eq!(self.live().await, (5, 3), "they hold their slots until then");
        sleep(Duration::from_secs_f64(silence)).await;
        becomes("live calls", (0, 0), async || self.live().await).await;
        let sql = "select call_status, hangup_cause_text, counted, count(*),
                          min(extract(epoch from g.created_at - greatest(n.heartbeat_at, n.last_call_at)))::float8,
                          max(extract(epoch from g.created_at - greatest(n.heartbeat_at, n.last_call_at)))::float8,
                          bool_and(g.timestamp_end <= greatest(n.heartbeat_at, n.last_call_at, g.timestamp_answered)),
                          bool_and(g.sip_call_id is not null)
                     from call_logs g join nodes n on n.name = g.node
                    where g.node = 'pbx1' group by 1, 2, 3 order by 3";
        let rows = self.traffic.admin.query(sql, &[]).await.expect("records");
        let text = |row: &tokio_postgres::Row, n: usize| row.get::<_, String>(n);
        let groups: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    text(row, 0),
                    text(row, 1),
                    row.get::<_, bool>(2),
                    row.get::<_, i64>(3),
                )
            })
            .collect();
        let group = |counted, n| ("LOST".to_owned(), "node silent".to_owned(), counted, n);
        assert_eq!(groups, [group(false, 2), group(true, 3)]);
        for row in &rows {
            let (first, last): (f64, f64) = (row.get(4), row.get(5));
            println!("closed {first:.1} to {last:.1} s after the last sign of the node");
            assert!(first >= silence && last < silence + 30.0, "{first} to {last} s");
            assert!(
                row.get::<_, bool>(6),
                "a call ends with the last sign of its node, or with its answer after that"
            );
            assert!(row.get::<_, bool>(7), "the carrier knows it by its Call-ID");
        }
        assert_eq!(self.counters(&self.talk).await, (0, 3));
        assert_eq!(self.counters(&self.ring).await, (0, 0));
        assert_invariants(&self.traffic.db).await;
    }

    /// A record comes late after all, twice: each call counts once.
    async fn late_records_count_once(&self) {
        let sql = "select asterisk_uniqueid, incoming_did_number from call_logs where call_status = 'LOST' order by counted";
        let rows = self.traffic.admin.query(sql, &[]).await.expect("records");
        let switch = self.traffic.db.asterisk().await;
        for (n, row) in rows.iter().enumerate() {
            let (uniqueid, did): (String, String) = (row.get(0), row.get(1));
            // The first two rang; one of them was answered in the last moment.
            let status = if n == 1 { "CANCEL" } else { "ANSWERED" };
            let late = Record::new(&uniqueid, &did, status);
            for answer in ["corrected", "duplicate"] {
                let logged = switch.log_record(&late).await.expect("log_call");
                assert_eq!(logged.status, answer);
            }
        }
        assert_eq!(self.counters(&self.talk).await, (0, 3));
        assert_eq!(self.counters(&self.ring).await, (0, 1));
        assert_invariants(&self.traffic.db).await;
    }
}

/// Short, and with a gap (half of it) that an agent on a busy machine keeps.
const SHORT: u32 = 30;

/// A shorter one than the platform's, for whoever connects from now on.
async fn set_silence(traffic: &Traffic, seconds: u32) {
    let name = traffic.db.name();
    let sql = format!("alter database {name} set capconduit.node_silence_seconds = {seconds}");
    let superuser = traffic.db.superuser().await;
    superuser.batch_execute(&sql).await.expect("the setting");
}

/// Its agent lives, and knows no more than that nobody answers.
async fn asterisk_dies_alone(silence: Option<u32>) {
    let traffic = Traffic::new().await;
    if let Some(seconds) = silence {
        set_silence(&traffic, seconds).await;
    }
    let agent = traffic.agent(&traffic.switch).await;
    let dying = Dying::start(traffic).await;
    dying.traffic.switch.kill();
    dying.are_lost_after(silence.unwrap_or(120).into()).await;
    assert!(agent.problem("asterisk").await.is_some(), "somebody is told");
    dying.late_records_count_once().await;
}

/// The whole machine is gone. Another node's agent gives its slots back, and calls come to them over the other switch.
async fn the_machine_dies(silence: Option<u32>) {
    let traffic = Traffic::new().await;
    if let Some(seconds) = silence {
        set_silence(&traffic, seconds).await;
    }
    let other = TestAsterisk::start(&traffic.site, &traffic.db, "pbx2").await;
    let own = traffic.agent(&traffic.switch).await;
    let _others = traffic.agent(&other).await;
    let dying = Dying::start(traffic).await;
    dying.traffic.switch.kill();
    let killed = Command::new("kill").args(["-9", &own.pid().to_string()]).status();
    assert!(killed.expect("kill can be run").success());

    let caller = Caller::new(&dying.traffic.site, &other, &dying.talk.did);
    let refused = caller.call().await;
    assert_eq!(refused.final_status(), 486, "every slot is held by a dead call");
    dying.are_lost_after(silence.unwrap_or(120).into()).await;
    let taken = caller.from_address(&dying.traffic.site.address(capconduit_tests::Place::TrunkA));
    assert_eq!(taken.call().await.final_status(), 200, "and is free again");
    becomes("counted calls", (0, 4), async || {
        dying.counters(&dying.talk).await
    })
    .await;
}

#[tokio::test]
async fn an_asterisk_that_stays_dead_loses_its_calls_and_no_slot() {
    asterisk_dies_alone(Some(SHORT)).await;
}

#[tokio::test]
async fn a_machine_that_stays_dead_loses_its_calls_and_no_slot() {
    the_machine_dies(Some(SHORT)).await;
}

#[tokio::test]
#[ignore = "waits for the two minutes after which a silent node counts as dead"]
async fn the_same_with_the_platform_s_own_silence() {
    tokio::join!(asterisk_dies_alone(None), the_machine_dies(None));
}
