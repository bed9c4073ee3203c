//! The database fails in mid-traffic: calls go on, records wait in the spool, callers do not wait long.

use std::future::Future;
use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, Scenario, StopMode};
use tokio::time::sleep;

use super::traffic::{Traffic, waited};

/// Calls come, the fault happens among them and passes, they end; then every call has its record. Nobody has waited
/// longer than the bound for a sign, and no conversation was cut.
async fn calls_survive<F>(calls: u32, bound: f64, fault: impl FnOnce(Traffic, Scenario) -> F)
where
    F: Future<Output = Traffic>,
{
    let traffic = Traffic::new().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
    let line = traffic.number(&[Link::cap(500)], &[center.contact()]).await;
    let agent = traffic.agent(&traffic.switch).await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did).talks_for(3000);
    let callers = caller.start_with(&["-m", &calls.to_string(), "-r", "10"]);
    sleep(Duration::from_secs(2)).await;
    let traffic = fault(traffic, line).await;
    let seen = callers.finish().await;
    let replayed = traffic.replayed(&traffic.switch, &agent).await;
    let records = traffic.assert_accounted(std::slice::from_ref(&seen), 5000).await;
    let with = |status: &str| records.iter().filter(|record| record.status == status).count();
    let longest = seen.calls().iter().map(waited).max().expect("calls");
    println!(
        "{calls} calls: {} answered, {} refused, {replayed} records replayed; the longest wait was {longest:?}",
        with("ANSWERED"),
        with("FAILED_DATABASE"),
    );
    assert_eq!(records.len(), calls as usize);
    assert!(with("ANSWERED") > 0);
    let others: Vec<_> = records
        .iter()
        .filter(|record| !["ANSWERED", "FAILED_DATABASE"].contains(&record.status.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:#?}\n{}", traffic.switch.log());
    for call in seen.calls() {
        assert!([200, 503].contains(&call.final_status()), "{call:#?}");
        // Whoever talked hung up by themselves.
        assert!(
            call.answered_at().is_none() || call.requests("BYE")[0].sent,
            "{call:#?}"
        );
    }
    assert!(longest.as_secs_f64() <= bound, "a caller waited {longest:?}");
}

#[tokio::test]
async fn the_database_is_killed() {
    calls_survive(80, 4.0, |traffic, _| async {
        traffic.db.cluster().stop(StopMode::Kill).await;
        sleep(Duration::from_secs(2)).await;
        traffic.db.cluster().start().await;
        traffic
    })
    .await;
}

#[tokio::test]
async fn the_database_is_stopped_for_five_seconds() {
    calls_survive(100, 4.0, |traffic, _| async {
        traffic.db.cluster().stop(StopMode::Fast).await;
        sleep(Duration::from_secs(5)).await;
        traffic.db.cluster().start().await;
        traffic
    })
    .await;
}

#[tokio::test]
async fn the_database_is_frozen_for_three_seconds() {
    calls_survive(80, 3.0 + 2.0, |traffic, _| async {
        traffic.db.cluster().freeze(true);
        sleep(Duration::from_secs(3)).await;
        traffic.db.cluster().freeze(false);
        traffic
    })
    .await;
}

/// tcp_user_timeout is 2 s in site/odbc.ini: once for the thread that is to take the call, once for the call's own question.
#[tokio::test]
async fn packets_to_the_database_are_lost_for_thirty_seconds() {
    calls_survive(350, 2.0 + 2.0 + 1.0, |traffic, _| async {
        traffic.site.drop_packets(true);
        sleep(Duration::from_secs(30)).await;
        traffic.site.drop_packets(false);
        traffic
    })
    .await;
}

/// Somebody holds a counter's row: each question waits for it until its time is up, and there are more calls than
/// connections. No call waits for longer than three seconds, in the queue and for the row together.
#[tokio::test]
async fn the_pool_is_exhausted() {
    calls_survive(120, 3.0, |traffic, line| async move {
        let superuser = traffic.db.superuser().await;
        let hold = format!(
            "begin; select from link_counters where link_id = {} for update",
            line.link_ids[0]
        );
        superuser.batch_execute(&hold).await.expect("the row");
        sleep(Duration::from_secs(7)).await;
        superuser.batch_execute("commit").await.expect("the row is free");
        traffic
    })
    .await;
}
