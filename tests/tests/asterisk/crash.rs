//! Asterisk itself dies, or two machines have one name: what the agent beside it tells the database.

use std::time::Duration;

use capconduit_tests::{Caller, Calls, Center, Link, Record, TestAsterisk, TestNode, assert_invariants};

use super::support::becomes;
use super::traffic::Traffic;

#[tokio::test]
async fn a_killed_asterisk_leaves_lost_calls_and_no_slot() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    let answering = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let ringing = Center::start(&traffic.site, "rings", &[]).await;
    let talk = traffic.number(&[Link::cap(10)], &[answering.contact()]).await;
    let ring = traffic.number(&[Link::cap(10)], &[ringing.contact()]).await;
    let caller = |did: &str| Caller::new(&traffic.site, &traffic.switch, did).talks_for(60_000);
    let _talking = caller(&talk.did).start_with(&["-m", "3"]);
    let _waiting = caller(&ring.did).start_with(&["-m", "2"]);
    let live = async || {
        let sql = "select count(*) filter (where answered_at is not null), count(*) from live_calls where holds_slot";
        let row = traffic.admin.query_one(sql, &[]).await.expect("calls");
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    };
    becomes("answered and live calls", (3, 5), live).await;
    // A list has been heard: both legs of each.
    becomes("a list of ten channels", Some(10), async || {
        let sql = "select live_calls from nodes where name = 'pbx1'";
        let row = traffic.admin.query_one(sql, &[]).await.expect("the node");
        row.get::<_, Option<i32>>(0)
    })
    .await;

    traffic.switch.kill();
    traffic.switch.boot().await;
    becomes("answered and live calls", (0, 0), live).await;
    let sql = "select count(*), count(*) filter (where counted) from call_logs where call_status = 'LOST'";
    let row = traffic.admin.query_one(sql, &[]).await.expect("records");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (5, 3));
    assert_invariants(&traffic.db).await;

    // A record comes late after all: the call counts once.
    let sql = "select asterisk_uniqueid from call_logs where counted limit 1";
    let uniqueid: String = traffic.admin.query_one(sql, &[]).await.expect("a record").get(0);
    let switch = traffic.db.asterisk().await;
    let late = Record::new(&uniqueid, &talk.did, "ANSWERED");
    assert_eq!(
        switch.log_record(&late).await.expect("log_call").status,
        "corrected"
    );
    assert_eq!(
        switch.log_record(&late).await.expect("log_call").status,
        "duplicate"
    );
    let sql = "select total from link_counters where link_id = $1";
    let total: i64 = traffic
        .admin
        .query_one(sql, &[&talk.link_ids[0]])
        .await
        .expect("the counter")
        .get(0);
    assert_eq!(total, 3);
    assert_invariants(&traffic.db).await;
    // And the switch takes calls again.
    let seen = caller(&talk.did).talks_for(200).call().await;
    assert_eq!(seen.final_status(), 200);
    assert_eq!(agent.health().await.status, 200);
}

#[tokio::test]
async fn a_second_switch_of_the_same_name_is_told_and_closes_nothing() {
    let traffic = Traffic::new().await;
    let first = traffic.agent(&traffic.switch).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(10)], &[center.contact()]).await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did)
        .talks_for(12_000)
        .start();
    becomes("the first agent's problems", None, async || {
        first.problem("name_taken").await
    })
    .await;
    let live = async || {
        let sql = "select count(*) from live_calls where holds_slot and answered_at is not null";
        traffic
            .admin
            .query_one(sql, &[])
            .await
            .expect("calls")
            .get::<_, i64>(0)
    };
    becomes("live calls", 1, live).await;

    let twin = TestAsterisk::start(&traffic.site, &traffic.db, "pbx1").await;
    let second = traffic.agent(&twin).await;
    becomes("the second is told", true, async || {
        second.problem("name_taken").await.is_some()
    })
    .await;
    assert_eq!(first.problem("name_taken").await, None);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(live().await, 1);
    let seen = caller.finish().await;
    traffic.assert_accounted(&[seen], 0).await;
}

/// The records of a real outage, and an agent that dies while it sends them.
#[tokio::test]
async fn an_agent_killed_in_mid_replay_loses_and_doubles_nothing() {
    let traffic = Traffic::new().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(100)], &[center.contact()]).await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did).talks_for(2000);
    let callers = caller.start_with(&["-m", "60", "-r", "20"]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    traffic.site.drop_packets(true);
    let seen = callers.finish().await;
    traffic.site.drop_packets(false);
    let waiting = traffic.switch.spooled().len();
    assert!(waiting > 20, "{waiting} records wait");
    let agent: TestNode = traffic.agent(&traffic.switch).await;
    while traffic.switch.spooled().len() == waiting {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let status = std::process::Command::new("kill")
        .args(["-9", &agent.pid().to_string()])
        .status();
    assert!(status.expect("kill").success());
    let left = traffic.switch.spooled().len();
    let _again = traffic.agent(&traffic.switch).await;
    becomes("the spool", 0, async || traffic.switch.spooled().len()).await;
    println!("{waiting} records waited, {left} were left when the agent was killed");
    traffic.assert_accounted(&[seen], 5000).await;
}
