//! Caps of a client that two sellers share, met over two switches: what is heard on the wire is what the database says.

use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, Scenario, Strategy, TestAsterisk, link};

use super::load::excess;
use super::traffic::Traffic;

const A_DAY: usize = 5;
const AT_ONCE: usize = 2;
/// Of each seller over each switch, one a second.
const CALLS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_takes_no_more_than_its_caps_over_two_switches_and_two_sellers() {
    let traffic = Traffic::new().await;
    let second = TestAsterisk::start(&traffic.site, &traffic.db, "pbx2").await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
    let one = traffic.number(&[Link::cap(50)], &[center.contact()]).await;
    let other = Scenario::new(&traffic.admin, Strategy::Priority, &[]).await;
    let client = one.client_ids[0];
    link(&traffic.admin, other.campaign_id, client, Link::cap(50)).await;
    let sql = format!(
        "insert into caps (client_id, counts, span, set_by, max_calls)
         values ({client}, 'answered', 'day', 'platform', {A_DAY}),
                ({client}, 'offered', 'concurrent', 'platform', {AT_ONCE})"
    );
    traffic.admin.batch_execute(&sql).await.expect("the caps");

    let mut callers = Vec::new();
    for switch in [&traffic.switch, &second] {
        for did in [&one.did, &other.did] {
            let caller = Caller::new(&traffic.site, switch, did).talks_for(1000);
            callers.push(caller.start_with(&["-m", &CALLS.to_string(), "-r", "1"]));
        }
    }
    let mut seen = Vec::new();
    for caller in callers {
        seen.push(caller.finish().await);
    }

    let records = traffic.assert_accounted(&seen, 0).await;
    let calls: Vec<_> = seen.iter().flat_map(|seen| seen.calls()).collect();
    let with = |status: u16| calls.iter().filter(|call| call.final_status() == status).count();
    assert_eq!((with(200), with(486)), (A_DAY, calls.len() - A_DAY));
    assert_eq!(center.seen().calls().len(), A_DAY, "nobody else was rung");
    let (_, longest) = excess(&center.seen(), AT_ONCE);
    assert!(
        longest <= Duration::from_millis(200),
        "above the cap for {longest:?}"
    );

    // Each refusal says which of the two it was.
    let refused = |reason: &str| {
        let said = format!("={reason}");
        let says = |decision: &Option<String>| {
            decision
                .as_ref()
                .is_some_and(|decision| decision.ends_with(&said))
        };
        records.iter().filter(|record| says(&record.decision)).count()
    };
    let (day, at_once) = (refused("client_day_cap"), refused("client_concurrent_cap"));
    println!("{A_DAY} calls answered, {day} refused for the day and {at_once} for calls at one time");
    assert!(
        day > 0 && at_once > 0 && day + at_once == with(486),
        "{records:#?}"
    );
    for node in ["pbx1", "pbx2"] {
        let through = records
            .iter()
            .filter(|record| record.node.as_deref() == Some(node));
        assert_eq!(through.count(), 2 * CALLS, "{node}");
    }
    let sql = "select string_agg(concat_ws(' ', span, used, in_flight, remaining), ', ' order by span) from caps_view";
    let left: String = traffic.admin.query_one(sql, &[]).await.expect("the caps").get(0);
    assert_eq!(left, format!("concurrent 0 0 {AT_ONCE}, day {A_DAY} 0 0"));
}
