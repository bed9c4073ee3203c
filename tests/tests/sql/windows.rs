//! What a link's calls use of its present hour, day, week and month: by reservation, in its client's zone.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

const SPANS: [&str; 4] = ["day", "hour", "month", "week"];

/// Of each window: offered, answered, qualified, in flight.
async fn used(client: &Client) -> Vec<String> {
    let sql = "select concat_ws(' ', w.span, n.offered - w.offered, n.answered - w.answered, n.qualified - w.qualified,
                                     n.active + n.unsettled - w.active - w.unsettled)
                 from capconduit.link_windows w join capconduit.link_counters n using (link_id) order by w.span";
    let used = values(client, sql).await;
    let wrong = "select concat_ws(' ', link_id, counter, stored, actual) from capconduit.verify_counters()";
    assert_eq!(values::<String>(client, wrong).await, [""; 0], "{used:?}");
    used
}

fn all(counts: &str) -> Vec<String> {
    SPANS.map(|span| format!("{span} {counts}")).to_vec()
}

fn but_the_hour(counts: &str, hour: &str) -> Vec<String> {
    SPANS
        .map(|span| format!("{span} {}", if span == "hour" { hour } else { counts }))
        .to_vec()
}

const UNTIL: &str = "update link_counters n set windows_until =
    (select min(ends_at) from link_windows w where w.link_id = n.link_id)";

/// As if the hour had begun long before the first call, and its last instant were now.
async fn end_hour(superuser: &Client) {
    let sql = format!(
        "update link_windows set starts_at = now() - interval '2 hours', ends_at = clock_timestamp(), active = 0,
                unsettled = 0, offered = 0, answered = 0, qualified = 0
          where span = 'hour'; {UNTIL}"
    );
    run(superuser, &sql).await;
}

async fn talked(switch: &Client, did: &str, call: &str, seconds: i32) -> String {
    let sql = format!(
        "select status from log_call('{call}', '{did}', 'ANSWERED', billsec_seconds => {seconds}, answered_at => now())"
    );
    value(switch, &sql).await
}

async fn one_link() -> (TestDb, Client, Client, Scenario) {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(50)]).await;
    (db, switch, superuser, scenario)
}

#[tokio::test]
async fn a_call_belongs_to_the_windows_that_its_slot_was_reserved_in() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    // Good are thirty seconds; what was set when the call was routed holds.
    for (call, seconds, used_now) in [("good", 30, "1 1 1 0"), ("short", 29, "2 2 1 0")] {
        switch.route(did, call).await.unwrap().link();
        run(&superuser, "update campaigns set qualify_seconds = 10").await;
        talked(&switch, did, call, seconds).await;
        run(&superuser, "update campaigns set qualify_seconds = 30").await;
        assert_eq!(used(&superuser).await, all(used_now), "{call}");
    }
    run(
        &superuser,
        "update campaign_client_settings set qualify_seconds = 10",
    )
    .await;
    switch.route(did, "own").await.unwrap().link();
    talked(&switch, did, "own", 10).await;
    switch.route(did, "busy").await.unwrap().link();
    switch.log("busy", did, "BUSY").await.unwrap();
    switch.route(did, "long").await.unwrap().link();
    assert_eq!(used(&superuser).await, all("5 3 2 1"));

    end_hour(&superuser).await;
    assert_eq!(used(&superuser).await, all("5 3 2 1"), "nobody has met it yet");
    switch.route(did, "next hour").await.unwrap().link();
    assert_eq!(used(&superuser).await, but_the_hour("6 3 2 2", "1 0 0 1"));
    talked(&switch, did, "long", 60).await;
    assert_eq!(used(&superuser).await, but_the_hour("6 4 3 1", "1 0 0 1"));
    talked(&switch, did, "next hour", 60).await;
    assert_eq!(used(&superuser).await, but_the_hour("6 5 4 0", "1 1 1 0"));
}

#[tokio::test]
async fn a_failover_is_offered_to_both_links() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let links = [Link::cap(5), Link::cap(5).priority(1)];
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &links).await;
    switch.route(&scenario.did, "call").await.unwrap().link();
    switch.next("call", 1, "BUSY").await.unwrap().link();
    talked(&switch, &scenario.did, "call", 60).await;
    let mut both = used(&superuser).await;
    both.retain(|used| used.starts_with("day"));
    both.sort();
    assert_eq!(both, ["day 1 0 0 0", "day 1 1 1 0"]);
}

#[tokio::test]
async fn a_lost_call_keeps_its_room_until_its_record_or_the_windows_end() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    for call in ["first", "second", "third"] {
        switch.route(did, call).await.unwrap().link();
    }
    switch.answered("second").await.unwrap();
    for call in ["first", "second", "third"] {
        superuser.release(call, "test").await.unwrap();
    }
    assert_eq!(used(&superuser).await, all("3 0 0 3"));
    assert_eq!(talked(&switch, did, "first", 45).await, "corrected");
    assert_eq!(used(&superuser).await, all("3 1 1 2"));
    assert_eq!(
        switch.log("second", did, "BUSY").await.unwrap().status,
        "corrected"
    );
    assert_eq!(used(&superuser).await, all("3 1 1 1"));
    end_hour(&superuser).await;
    switch.route(did, "next hour").await.unwrap().link();
    assert_eq!(used(&superuser).await, but_the_hour("4 1 1 2", "1 0 0 1"));
    assert_eq!(talked(&switch, did, "third", 45).await, "corrected");
    assert_eq!(used(&superuser).await, but_the_hour("4 2 2 1", "1 0 0 1"));
}

/// It was answered, and nobody is left: what is heard of it no more counts all the same.
#[tokio::test]
async fn a_lost_call_without_a_slot_counts_at_its_start() {
    let (_db, switch, superuser, scenario) = one_link().await;
    switch.route(&scenario.did, "before").await.unwrap().link();
    switch.route(&scenario.did, "call").await.unwrap().link();
    switch.answered("call").await.unwrap();
    assert!(!switch.next("call", 1, "BUSY").await.unwrap().is_ok());
    assert_eq!(used(&superuser).await, all("2 0 0 1"));
    superuser.release("call", "test").await.unwrap();
    assert_eq!(used(&superuser).await, all("2 1 0 1"));
    assert_eq!(talked(&switch, &scenario.did, "call", 60).await, "corrected");
    assert_eq!(used(&superuser).await, all("2 1 1 1"));
}

/// What a good call is says the link, or else the campaign, also where no slot was reserved.
#[tokio::test]
async fn a_good_call_talks_as_long_as_its_link_says() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    run(&superuser, "update campaigns set qualify_seconds = 90").await;
    switch.route(did, "short").await.unwrap().link();
    run(&superuser, "update campaigns set qualify_seconds = 10").await;
    assert_eq!(talked(&switch, did, "short", 60).await, "logged");
    assert_eq!(
        used(&superuser).await,
        all("1 1 0 0"),
        "as it was when it was routed"
    );
    run(
        &superuser,
        "update campaign_client_settings set qualify_seconds = 0",
    )
    .await;
    switch.route(did, "any").await.unwrap().link();
    assert_eq!(talked(&switch, did, "any", 0).await, "logged");
    assert_eq!(used(&superuser).await, all("2 2 1 0"));
    run(
        &superuser,
        "update campaign_client_settings set qualify_seconds = 61",
    )
    .await;
    for (call, seconds, expected) in [("spooled", 60, "2 3 1 0"), ("longer", 61, "2 4 2 0")] {
        let sql = format!(
            "select status from log_call('{call}', '{did}', 'ANSWERED', billsec_seconds => {seconds}, link_id => {})",
            scenario.link_ids[0]
        );
        value::<String>(&switch, &sql).await;
        assert_eq!(used(&superuser).await, all(expected));
    }
    let kept = "select string_agg(qualify_seconds::text, ' ' order by id) from call_logs";
    assert_eq!(value::<String>(&superuser, kept).await, "90 0 61 61");
}

#[tokio::test]
async fn a_correction_of_the_start_moves_what_nothing_was_reserved_for() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    switch.route(did, "first").await.unwrap().link();
    end_hour(&superuser).await;
    switch.route(did, "second").await.unwrap().link();
    let record = |status: &str, start: &str| {
        format!(
            "select status from log_call('call', '{did}', '{status}', started_at => {start}, answered_at => now(),
                    billsec_seconds => 60, link_id => {})",
            scenario.link_ids[0]
        )
    };
    value::<String>(&switch, &record("LOST", "clock_timestamp()")).await;
    assert_eq!(used(&superuser).await, but_the_hour("2 1 1 2", "1 1 1 1"));
    let earlier = "now() - interval '90 minutes'";
    assert_eq!(
        value::<String>(&switch, &record("ANSWERED", earlier)).await,
        "corrected"
    );
    assert_eq!(used(&superuser).await, but_the_hour("2 0 0 2", "1 0 0 1"));
}

#[tokio::test]
async fn only_zones_that_are_known_are_taken() {
    let (_db, _switch, superuser, _scenario) = one_link().await;
    for zone in ["CET", "Europe/Nowhere", "", "utc", "+02", "Etc/Unknown"] {
        let change = superuser
            .execute(&format!("update clients set time_zone = '{zone}'"), &[])
            .await;
        assert_eq!(sqlstate(change), "23514", "{zone}");
    }
    run(&superuser, "update clients set time_zone = 'Australia/Lord_Howe'").await;
}

#[tokio::test]
async fn a_record_of_a_call_that_nothing_was_reserved_for_counts_at_its_start() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    let record = |call: &str, start: &str| {
        format!(
            "select status from log_call('{call}', '{did}', 'ANSWERED', started_at => {start}, billsec_seconds => 60,
                    answered_at => now(), link_id => {})",
            scenario.link_ids[0]
        )
    };
    value::<String>(&switch, &record("before all", "now()")).await;
    assert_eq!(used(&superuser).await, all("0 0 0 0"), "windows begin with it");
    value::<String>(&switch, &record("now", "clock_timestamp()")).await;
    end_hour(&superuser).await;
    let later = "clock_timestamp() + interval '1 day'";
    value::<String>(&switch, &record("no later than now", later)).await;
    assert_eq!(used(&superuser).await, but_the_hour("0 2 2 0", "0 1 1 0"));
    value::<String>(&switch, &record("late", "now() - interval '40 days'")).await;
    assert_eq!(used(&superuser).await, but_the_hour("0 2 2 0", "0 1 1 0"));
}

#[tokio::test]
async fn a_change_of_zone_keeps_what_was_used() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    switch.route(did, "before").await.unwrap().link();
    let starts = "select string_agg(starts_at::text, ' ' order by span) from link_windows";
    let before: String = value(&superuser, starts).await;
    run(&superuser, "update clients set time_zone = 'Asia/Kolkata'").await;
    // At the end of the day of UTC the one of Kolkata is under way: it goes on until that one ends.
    let end = format!("update link_windows set ends_at = clock_timestamp(); {UNTIL}");
    run(&superuser, &end).await;
    switch.route(did, "after").await.unwrap().link();
    assert_eq!(value::<String>(&superuser, starts).await, before);
    let ends = "select bool_and(time_zone = 'Asia/Kolkata' and extract(minute from ends_at at time zone 'Asia/Kolkata') = 0
                                and ends_at > now()) from link_windows";
    assert!(value::<bool>(&superuser, ends).await);
    assert_eq!(used(&superuser).await, all("2 0 0 2"));
}

#[tokio::test]
async fn a_purge_takes_nothing_out_of_an_open_window() {
    let (_db, switch, superuser, scenario) = one_link().await;
    let did = scenario.did.as_str();
    for call in ["talked", "lost"] {
        switch.route(did, call).await.unwrap().link();
    }
    talked(&switch, did, "talked", 60).await;
    superuser.release("lost", "test").await.unwrap();
    assert_eq!(used(&superuser).await, all("2 1 1 1"));
    run(
        &superuser,
        "update call_logs set timestamp_start = now() - interval '20 days'",
    )
    .await;
    let purged = "select records from purge_call_logs(now() - interval '10 days')";
    assert_eq!(value::<i32>(&superuser, purged).await, 2);
    // Of a call that was lost so long ago nothing more is heard.
    assert_eq!(used(&superuser).await, all("2 1 1 0"));
    let kept = "select concat_ws(' ', span, offered, answered, qualified, reason) from link_adjustments order by span";
    let expected = SPANS.map(|span| format!("{span} 2 1 1 purged"));
    assert_eq!(values::<String>(&superuser, kept).await, expected);
}
