//! Calls that reach a number through a Local channel: an own dialplan, a queue, `channel originate`. Each is one call with
//! its true status, and keeps its slot as long as its parties talk.

use std::sync::Arc;
use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, Scenario, Site, TestAsterisk, TestDb, assert_invariants_at};
use tokio::time::sleep;

use super::early_media::packet;
use super::support::becomes;
use super::traffic::Traffic;

const PORT: u16 = 7000;

/// In front of the platform: what the operator of a switch may have. `NUMBER` is dialled on.
const DIALPLAN: &str = "
[in-front]
exten => direct,1,Dial(Local/NUMBER@from-trunk-a,30)
 same => n,Hangup()
exten => kept,1,Dial(Local/NUMBER@from-trunk-a/n,30)
 same => n,Hangup()
exten => group,1,Dial(Local/NUMBER@from-trunk-a&Local/NUMBER@from-trunk-a,30)
 same => n,Hangup()
exten => menu,1,Answer()
 same => n,Dial(Local/NUMBER@from-trunk-a,30)
 same => n,Hangup()
exten => queue,1,Answer()
 same => n,Queue(front,,,,20)
 same => n,Hangup()
";

const QUEUE: &str =
    "[general]\n[front]\nstrategy = ringall\ntimeout = 15\nmember => Local/NUMBER@from-trunk-a\n";

struct Front {
    traffic: Traffic,
    number: Scenario,
    center: Center,
}

impl Front {
    async fn new(scenario: &str, values: &[(&str, &str)]) -> Self {
        let site = Site::start().await;
        let db: TestDb = site.database().await;
        let center = Center::start(&site, scenario, values).await;
        let contact = center.contact();
        Self::with(site, db, center, &[Link::cap(5)], &[contact]).await
    }

    async fn with(site: Arc<Site>, db: TestDb, center: Center, links: &[Link], contacts: &[String]) -> Self {
        let switch = TestAsterisk::configured(&site, &db, "pbx1");
        let traffic = Traffic::on(site, db, switch).await;
        let number = traffic.number(links, contacts).await;
        let etc = traffic.switch.site_folder();
        let contexts = etc.join("trunks.extensions.conf");
        let mut text = std::fs::read_to_string(&contexts).expect("the contexts");
        text += &DIALPLAN.replace("NUMBER", &number.did);
        std::fs::write(&contexts, text).expect("the contexts");
        let trunks = etc.join("trunks.conf");
        let text = std::fs::read_to_string(&trunks).expect("the trunks");
        std::fs::write(
            &trunks,
            text.replace("context = from-trunk-b", "context = in-front"),
        )
        .expect("the trunks");
        std::fs::write(etc.join("../queues.conf"), QUEUE.replace("NUMBER", &number.did)).expect("the queue");
        traffic.switch.boot().await;
        let loaded = traffic.switch.cli("module load app_queue.so");
        assert!(loaded.contains("Loaded"), "{loaded}");
        Self {
            traffic,
            number,
            center,
        }
    }

    fn caller(&self, way: &str) -> Caller {
        Caller::new(&self.traffic.site, &self.traffic.switch, way).at(capconduit_tests::Place::TrunkB)
    }

    /// Calls in flight and counted ones.
    async fn counters(&self) -> (i32, i64) {
        let sql = "select active, total from link_counters where link_id = $1";
        let row = self
            .traffic
            .admin
            .query_one(sql, &[&self.number.link_ids[0]])
            .await;
        let row = row.expect("the counter");
        (row.get(0), row.get(1))
    }

    /// Status, who ended it, whole seconds of talk and whether it counts, of every record, in order.
    async fn records(&self) -> Vec<(String, Option<String>, i32, bool)> {
        let sql = "select call_status, hangup_by, billsec_seconds, counted from call_logs order by id";
        let rows = self.traffic.admin.query(sql, &[]).await.expect("records");
        rows.iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect()
    }

    async fn ends(self, records: usize) -> Vec<(String, Option<String>, i32, bool)> {
        becomes("records", records, async || self.records().await.len()).await;
        becomes("channels", 0, async || self.traffic.switch.channels().len()).await;
        assert_eq!(self.counters().await.0, 0);
        assert_invariants_at(&self.traffic.db.superuser().await).await;
        self.records().await
    }
}

#[tokio::test]
async fn a_call_through_a_local_channel_is_counted_once_and_keeps_its_slot() {
    let front = Front::new("answers", &[("RING", "100")]).await;
    for (n, way) in ["direct", "kept", "menu", "queue"].into_iter().enumerate() {
        let caller = front.caller(way).talks_for(3500).hears_at(PORT);
        let mouth = front.traffic.site.socket(caller.address(), PORT);
        let caller = caller.start();
        becomes(way, true, async || caller.seen().answered_at().is_some()).await;
        let ear = caller
            .seen()
            .response(200)
            .and_then(|answer| answer.media())
            .expect("SDP");
        // With the first words Asterisk would take the Local channel out, and end our call in the middle of this one.
        for number in 0..100 {
            mouth.send_to(&packet(number), ear).expect("it is sent");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(front.counters().await, (1, n as i64), "{way}: they talk on");
        caller.finish().await;
        becomes(way, (0, n as i64 + 1), async || front.counters().await).await;
    }
    for (status, by, talk, counted) in front.ends(4).await {
        assert_eq!((status.as_str(), counted), ("ANSWERED", true));
        assert_eq!(by.as_deref(), Some("caller"));
        assert!(talk >= 2, "{talk} s of talk");
    }
}

/// Two calls for one caller, of which one is answered: each goes to another call center, and one of these is slow. (Of two that
/// answer in one moment both count: both had somebody who took the call.)
#[tokio::test]
async fn of_a_ring_group_the_call_that_was_answered_counts() {
    let site = Site::start().await;
    let db = site.database().await;
    let quick = Center::start(&site, "answers", &[("RING", "300")]).await;
    let slow = Center::start(&site, "answers", &[("RING", "20000")]).await;
    let contacts = [quick.contact(), slow.contact()];
    let links = [Link::cap(1), Link::cap(1).priority(1)];
    let front = Front::with(site, db, quick, &links, &contacts).await;
    front.caller("group").talks_for(1500).call().await;
    becomes("counted", (0, 1), async || front.counters().await).await;
    let mut statuses: Vec<(String, bool)> = front.ends(2).await.into_iter().map(|r| (r.0, r.3)).collect();
    statuses.sort();
    assert_eq!(
        statuses,
        [("ANSWERED".to_owned(), true), ("CANCEL".to_owned(), false)]
    );
}

#[tokio::test]
async fn an_originated_call_is_counted_and_one_that_nobody_takes_is_not() {
    let front = Front::new("answers-and-ends", &[("RING", "100"), ("TALK", "1200")]).await;
    let originate = format!(
        "channel originate Local/{}@from-trunk-a application Wait 30",
        front.number.did
    );
    front.traffic.switch.cli(&originate);
    becomes("the call is counted", (0, 1), async || front.counters().await).await;
    // Nobody there any more.
    let sql = "update pjsip_aors set contact = 'sip:10.77.127.9:5060' where client_id = $1";
    let moved = front
        .traffic
        .admin
        .execute(sql, &[&front.number.client_ids[0]])
        .await;
    assert_eq!(moved.expect("the contact"), 1);
    front.traffic.switch.cli(&originate);
    let records = {
        assert_eq!(front.center.seen().requests("INVITE").len(), 1);
        front.ends(2).await
    };
    assert_eq!((records[0].0.as_str(), records[0].3), ("ANSWERED", true));
    assert_eq!(records[0].1.as_deref(), Some("client"));
    assert_eq!((records[1].0.as_str(), records[1].3), ("CHANUNAVAIL", false));
}
