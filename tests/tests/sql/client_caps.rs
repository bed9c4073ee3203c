//! Caps of a client over all its links: what they let through, whatever sellers share it; what becomes of calls that it had before.

use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, Target, TestDb, assert_invariants, client, link};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// Two sellers, each with a link to a client that they share, and one to a client of their own behind it.
pub struct Platform {
    pub db: TestDb,
    pub switch: Client,
    pub admin: Client,
    pub superuser: Client,
    pub shared: i64,
    /// By seller: the number, the shared client's link, the other one.
    pub sellers: Vec<(String, i64, i64)>,
}

impl Platform {
    pub async fn new() -> Self {
        let db = TestDb::new().await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let admin = db.admin().await;
        let shared = client(&admin).await;
        let mut sellers = Vec::new();
        for _ in 0..2 {
            let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(50).priority(1)]).await;
            let first = link(&admin, scenario.campaign_id, shared, Link::cap(50)).await;
            sellers.push((scenario.did.clone(), first, scenario.link_ids[0]));
        }
        Platform {
            db,
            switch,
            admin,
            superuser,
            shared,
            sellers,
        }
    }

    fn insert(&self, counts: &str, span: &str, max_calls: i64) -> String {
        format!(
            "insert into caps (client_id, counts, span, set_by, max_calls)
             values ({}, '{counts}', '{span}', 'platform', {max_calls})",
            self.shared
        )
    }

    async fn cap(&self, counts: &str, span: &str, max_calls: i64) {
        run(&self.superuser, &self.insert(counts, span, max_calls)).await;
    }

    /// Whether the client that is shared takes a seller's call.
    pub async fn takes(&self, seller: usize, call: &str) -> bool {
        let (did, first, _) = &self.sellers[seller];
        let target = self.switch.route(did, call).await.unwrap();
        target.link() == *first
    }

    /// A call of the second seller that waits for somebody.
    async fn waits(&self, call: &'static str) -> JoinHandle<Target> {
        let (switch, did) = (self.db.asterisk().await, self.sellers[1].0.clone());
        let asked = tokio::spawn(async move { switch.route(&did, call).await.unwrap() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!asked.is_finished(), "it waits");
        asked
    }

    async fn ends(&self, call: &str, status: &str, talk: i32) {
        let answered = if status == "ANSWERED" { "now()" } else { "null" };
        let sql = format!(
            "select log_call('{call}', '', '{status}', answered_at => {answered}, billsec_seconds => {talk})"
        );
        run(&self.switch, &sql).await;
    }

    /// What stops the shared client's link of a seller.
    pub async fn stopped_by(&self, seller: usize) -> Value {
        let (did, first, _) = &self.sellers[seller];
        let sql = format!(
            "select coalesce(detail -> 'stopped_by', 'null') from explain_call('{did}') where link_id = {first}"
        );
        value(&self.superuser, &sql).await
    }

    async fn shown(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', subject_type, counts, span, used, in_flight, remaining) from caps_view order by id";
        values(&self.superuser, sql).await
    }

    async fn counters(&self) -> String {
        let sql = "select concat_ws(' ', active, unsettled, offered, answered, qualified) from meters";
        value(&self.superuser, sql).await
    }

    /// As if the windows had begun long before the first call, and their last instant were now.
    async fn end_windows(&self) {
        for (counters, key, windows, of) in [
            ("link_counters", "link_id", "link_windows", "link_id"),
            ("meters", "id", "meter_windows", "meter_id"),
        ] {
            let sql = format!(
                "begin;
                 update {windows} set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0,
                        unsettled = 0, offered = 0, answered = 0, qualified = 0;
                 update {counters} n set windows_until = w.ends_at
                   from (select {of}, min(ends_at) as ends_at from {windows} group by {of}) w
                  where w.{of} = n.{key};
                 commit"
            );
            run(&self.superuser, &sql).await;
        }
    }
}

/// Each kind over each window: three calls of two sellers, of which one is not answered and one talks too short to be a good one.
#[tokio::test]
async fn each_kind_counts_the_calls_of_all_sellers() {
    for span in ["hour", "day", "week", "month", "total"] {
        for (counts, max_calls) in [("offered", 3), ("answered", 2), ("qualified", 1)] {
            let platform = Platform::new().await;
            platform.cap(counts, span, max_calls).await;
            for (seller, call, status, talk) in [
                (0, "short", "ANSWERED", 29),
                (1, "busy", "BUSY", 0),
                (1, "good", "ANSWERED", 30),
            ] {
                assert!(platform.takes(seller, call).await, "{counts} {span}: {call}");
                platform.ends(call, status, talk).await;
            }
            for seller in 0..2 {
                assert!(
                    !platform.takes(seller, &format!("more-{seller}")).await,
                    "{counts} {span}"
                );
                let stopped = platform.stopped_by(seller).await;
                assert_eq!(stopped["gate"], format!("client_{span}_cap"));
                assert_eq!(
                    (&stopped["used"], &stopped["in_flight"], &stopped["limit"]),
                    (&json!(max_calls), &json!(0), &json!(max_calls))
                );
                assert_eq!(stopped["resets_at"].is_string(), span != "total", "{stopped}");
            }
            assert_eq!(
                platform.shown().await,
                [format!("client {counts} {span} {max_calls} 0 0")]
            );
            platform.end_windows().await;
            assert_eq!(platform.takes(0, "next window").await, span != "total");
            assert_invariants(&platform.db).await;
        }
    }
}

#[tokio::test]
async fn calls_at_one_time_are_those_of_all_links() {
    let platform = Platform::new().await;
    platform.cap("offered", "concurrent", 2).await;
    assert!(platform.takes(0, "one").await && platform.takes(1, "two").await);
    assert!(!platform.takes(0, "three").await && !platform.takes(1, "four").await);
    assert_eq!(platform.stopped_by(1).await["freed_by"], "call_end");
    platform.ends("one", "BUSY", 0).await;
    assert!(platform.takes(1, "five").await && !platform.takes(0, "six").await);
    // A call that fails over gives its place back, and stays offered.
    let next = platform.switch.next("five", 1, "BUSY").await.unwrap();
    assert_eq!(next.link(), platform.sellers[1].2);
    assert_eq!(platform.counters().await, "1 0 3 0 0");
    assert!(platform.takes(0, "seven").await);
    assert_invariants(&platform.db).await;
}

/// A failover finds the client full that another seller's call has filled.
#[tokio::test]
async fn a_call_does_not_fail_over_to_a_full_client() {
    let platform = Platform::new().await;
    let admin = platform.db.admin().await;
    // Behind the first one.
    let sql = format!(
        "update campaign_client_settings set forwarding_priority = 2 where id = {}",
        platform.sellers[0].1
    );
    run(&admin, &sql).await;
    platform.cap("offered", "day", 1).await;
    let first = platform
        .switch
        .route(&platform.sellers[0].0, "call")
        .await
        .unwrap();
    assert_eq!(first.link(), platform.sellers[0].2);
    assert!(platform.takes(1, "another").await);
    let next = platform.switch.next("call", 1, "BUSY").await.unwrap();
    assert_eq!(next.reject_reason(), "no_more_targets");
    let decision: String = value(
        &platform.superuser,
        "select decision from live_calls where uniqueid = 'call'",
    )
    .await;
    assert!(decision.contains("=client_day_cap"), "{decision}");
    assert_invariants(&platform.db).await;
}

/// A first cap, set while calls are up: what each link had in its windows is used, what is up is in flight, and ends where it began.
#[tokio::test]
async fn a_first_cap_counts_what_links_have_had() {
    let platform = Platform::new().await;
    for (seller, call, status, talk) in [
        (0, "good", "ANSWERED", 60),
        (1, "short", "ANSWERED", 5),
        (1, "busy", "BUSY", 0),
    ] {
        assert!(platform.takes(seller, call).await);
        platform.ends(call, status, talk).await;
    }
    for (seller, call) in [(0, "up"), (1, "also up"), (1, "lost")] {
        assert!(platform.takes(seller, call).await);
    }
    platform.superuser.release("lost", "test").await.unwrap();
    platform.cap("answered", "day", 6).await;
    platform.cap("offered", "month", 100).await;
    assert_eq!(platform.counters().await, "2 1 6 2 1");
    assert_eq!(
        platform.shown().await,
        ["client answered day 2 3 1", "client offered month 6 0 94"]
    );
    assert_invariants(&platform.db).await;
    assert!(platform.takes(0, "last").await && !platform.takes(1, "one too many").await);
    platform.ends("up", "ANSWERED", 60).await;
    platform.ends("also up", "BUSY", 0).await;
    platform.ends("lost", "BUSY", 0).await;
    assert_eq!(platform.counters().await, "1 0 7 3 2");
    assert!(platform.takes(0, "again").await && platform.takes(1, "and again").await);
    assert!(!platform.takes(1, "full").await);
    assert_invariants(&platform.db).await;
    // Made again it has forgotten nothing, and without one calls are counted still.
    run(&platform.superuser, "delete from caps").await;
    assert!(platform.takes(1, "uncapped").await);
    platform.cap("answered", "day", 7).await;
    assert_eq!(platform.shown().await, ["client answered day 3 4 0"]);
    assert_invariants(&platform.db).await;
}

/// Yesterday's calls are not today's, whatever counted them.
#[tokio::test]
async fn a_first_cap_counts_nothing_of_windows_that_are_over() {
    let platform = Platform::new().await;
    assert!(platform.takes(0, "over").await && platform.takes(0, "goes on").await);
    platform.ends("over", "ANSWERED", 60).await;
    platform.end_windows().await;
    platform.cap("answered", "day", 1).await;
    assert_eq!(platform.shown().await, ["client answered day 0 0 1"]);
    assert!(platform.takes(1, "today").await && !platform.takes(0, "another").await);
    platform.ends("goes on", "ANSWERED", 60).await;
    assert_eq!(platform.shown().await, ["client answered day 0 1 0"]);
    assert_invariants(&platform.db).await;
}

/// A link that is made later belongs to it; one that goes takes nothing away from what was used.
#[tokio::test]
async fn links_come_and_go() {
    let platform = Platform::new().await;
    platform.cap("answered", "day", 2).await;
    let admin = platform.db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[]).await;
    let late = link(&admin, scenario.campaign_id, platform.shared, Link::cap(5)).await;
    let target = platform.switch.route(&scenario.did, "late").await.unwrap();
    assert_eq!(target.link(), late);
    assert_eq!(platform.counters().await, "1 0 1 0 0");
    platform.superuser.release("late", "test").await.unwrap();
    run(
        &admin,
        &format!("delete from campaign_client_settings where id = {late}"),
    )
    .await;
    assert_eq!(platform.counters().await, "0 1 1 0 0");
    assert!(platform.takes(0, "one").await && !platform.takes(0, "two").await);
    assert_invariants(&platform.db).await;
    // Its record comes when its link is gone.
    platform.ends("late", "BUSY", 0).await;
    assert_eq!(platform.counters().await, "1 0 2 0 0");
    assert!(platform.takes(1, "three").await);
    assert_invariants(&platform.db).await;
}

/// What a link has used is used when it is gone, too, whatever comes of it later.
#[tokio::test]
async fn a_first_cap_counts_what_links_had_that_are_gone() {
    let platform = Platform::new().await;
    for (seller, call, talk) in [(0, "gone", 60), (1, "there", 60), (0, "lost", 0)] {
        assert!(platform.takes(seller, call).await);
        if call == "lost" {
            platform.superuser.release(call, "test").await.unwrap();
        } else {
            platform.ends(call, "ANSWERED", talk).await;
        }
    }
    // The record of one that is still there is purged before.
    run(
        &platform.superuser,
        &format!(
            "update call_logs set timestamp_start = timestamp_start - interval '4 days' where asterisk_uniqueid = 'there';
             select purge_call_logs(now() - interval '3 days');
             delete from campaign_client_settings where id = {}",
            platform.sellers[0].1
        ),
    )
    .await;
    platform.cap("answered", "day", 4).await;
    platform.cap("answered", "total", 100).await;
    assert_eq!(
        platform.shown().await,
        ["client answered day 2 1 1", "client answered total 2 1 97"]
    );
    assert_eq!(platform.counters().await, "0 1 3 2 2");
    assert_invariants(&platform.db).await;
    assert!(platform.takes(1, "last").await && !platform.takes(1, "too many").await);
    platform.ends("lost", "BUSY", 0).await;
    assert_eq!(platform.counters().await, "1 0 4 2 2");
    assert!(platform.takes(1, "again").await);
    assert_invariants(&platform.db).await;
}

/// Until somebody is through with the client nobody knows whether it has room.
#[tokio::test]
async fn a_call_that_waited_for_the_client_is_judged_by_what_it_finds_then() {
    let platform = Platform::new().await;
    let alone = format!(
        "update campaign_client_settings set status = 'inactive' where id in ({}, {})",
        platform.sellers[0].2, platform.sellers[1].2
    );
    run(&platform.superuser, &alone).await;
    platform.cap("offered", "day", 2).await;
    let (holder, did) = (platform.db.asterisk().await, platform.sellers[0].0.clone());
    // There is room for one of them.
    run(&holder, "begin").await;
    for call in ["first", "second"] {
        assert!(holder.route(&did, call).await.unwrap().is_ok());
    }
    let asked = platform.waits("third").await;
    run(&holder, "commit").await;
    assert_eq!(asked.await.unwrap().reject_reason(), "all_capped");
    // There is, until somebody closes the client meanwhile.
    run(&platform.superuser, "update caps set max_calls = 9").await;
    run(&holder, "begin").await;
    assert!(holder.route(&did, "fourth").await.unwrap().is_ok());
    let asked = platform.waits("fifth").await;
    platform.cap("offered", "week", 0).await;
    run(&holder, "rollback").await;
    assert_eq!(asked.await.unwrap().reject_reason(), "all_capped");
    assert_eq!(platform.counters().await, "2 0 2 0 0");
    run(&platform.superuser, "delete from caps where span = 'week'").await;
    assert_invariants(&platform.db).await;
}

/// A call that has chosen its link before the client's first cap is there is counted when it has waited for that.
#[tokio::test]
async fn a_call_that_waited_for_a_first_cap_is_counted_by_it() {
    let platform = Platform::new().await;
    let alone = format!(
        "update campaign_client_settings set status = 'inactive' where id in ({}, {})",
        platform.sellers[0].2, platform.sellers[1].2
    );
    run(&platform.superuser, &alone).await;
    let capper = platform.db.superuser().await;
    run(
        &capper,
        &format!("begin; {}", platform.insert("offered", "day", 1)),
    )
    .await;
    let mut asked = Vec::new();
    for (did, _, _) in platform.sellers.clone() {
        let switch = platform.db.asterisk().await;
        asked.push(tokio::spawn(async move {
            switch.route(&did, &format!("call to {did}")).await.unwrap()
        }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    run(&capper, "commit").await;
    let mut taken = 0;
    for asked in asked {
        taken += usize::from(asked.await.unwrap().is_ok());
    }
    assert_eq!(taken, 1);
    assert_eq!(platform.counters().await, "1 0 1 0 0");
    assert_invariants(&platform.db).await;
    // The counters are there also where the cap has gone again meanwhile.
    let platform = Platform::new().await;
    let capper = platform.db.superuser().await;
    run(
        &capper,
        &format!(
            "begin; {}; delete from caps",
            platform.insert("offered", "day", 1)
        ),
    )
    .await;
    let (switch, did) = (platform.db.asterisk().await, platform.sellers[0].0.clone());
    run(
        &platform.superuser,
        &format!(
            "update campaign_client_settings set status = 'inactive' where id = {}",
            platform.sellers[0].2
        ),
    )
    .await;
    let asked = tokio::spawn(async move { switch.route(&did, "waits").await.unwrap() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    run(&capper, "commit").await;
    assert!(asked.await.unwrap().is_ok());
    assert_eq!(platform.counters().await, "1 0 1 0 0");
    assert_invariants(&platform.db).await;
}

/// A clock that was set back keeps no call away, with caps and without.
#[tokio::test]
async fn windows_that_begin_later_than_now_take_calls() {
    let platform = Platform::new().await;
    platform.cap("offered", "day", 10).await;
    assert!(platform.takes(0, "before").await);
    run(
        &platform.superuser,
        "update meter_windows set starts_at = now() + interval '1 hour', ends_at = now() + interval '40 days';
         update meters set windows_from = now() + interval '1 hour', windows_until = now() + interval '40 days'",
    )
    .await;
    assert!(platform.takes(1, "capped").await);
    run(&platform.superuser, "delete from caps").await;
    // By a link whose own windows have not come so far.
    assert!(platform.takes(0, "uncapped").await);
    assert_eq!(platform.counters().await, "3 0 3 0 0");
    let next = platform.switch.next("uncapped", 1, "BUSY").await.unwrap();
    assert!(next.is_ok());
    for call in ["before", "capped", "uncapped"] {
        platform.ends(call, "BUSY", 0).await;
    }
    assert_eq!(platform.counters().await, "0 0 3 0 0");
}

/// A call that finds the client full takes back what calls of its other links owe to it.
#[tokio::test]
async fn expired_leases_of_other_links_make_room() {
    let platform = Platform::new().await;
    platform.cap("offered", "concurrent", 1).await;
    assert!(platform.takes(0, "forgotten").await && !platform.takes(1, "too early").await);
    let expire =
        "update live_calls set lease_until = now() - interval '1 second' where uniqueid = 'forgotten'";
    run(&platform.superuser, expire).await;
    assert!(platform.takes(1, "in time").await);
    let closed: i64 = value(
        &platform.superuser,
        "select count(*) from call_logs where asterisk_uniqueid = 'forgotten' and call_status = 'LOST'",
    )
    .await;
    assert_eq!(closed, 1);
    assert_invariants(&platform.db).await;
}

/// Calls of several links are closed: all links come before their client, so a record that holds one of them cannot wait for what waits for it.
#[tokio::test]
async fn links_come_before_their_client() {
    let platform = Platform::new().await;
    platform.cap("offered", "day", 10).await;
    for (seller, call) in [(0, "closed"), (1, "also closed")] {
        let (did, first, _) = &platform.sellers[seller];
        let target = platform
            .switch
            .route_on(did, call, "+15550001111", "pbx-1")
            .await
            .unwrap();
        assert_eq!(target.link(), *first);
    }
    assert!(platform.takes(1, "ends").await);
    let holder = platform.db.superuser().await;
    run(&holder, "begin; select from meters for update").await;
    let (closer, ender) = (platform.db.superuser().await, platform.db.asterisk().await);
    let closed = tokio::spawn(async move {
        run(&closer, "select release_node('pbx-1', 'test')").await;
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let ended = tokio::spawn(async move { ender.log("ends", "", "BUSY").await.unwrap().status });
    tokio::time::sleep(Duration::from_millis(300)).await;
    run(&holder, "rollback").await;
    closed.await.unwrap();
    assert_eq!(ended.await.unwrap(), "logged");
    assert_invariants(&platform.db).await;
}

/// A client's row that somebody holds is not a full one: the call goes to another client; and where there is none it waits.
#[tokio::test]
async fn a_held_client_is_not_a_full_one() {
    let platform = Platform::new().await;
    platform.cap("offered", "day", 10).await;
    let holder = platform.db.superuser().await;
    run(&holder, "begin; select from meters for update").await;
    assert!(!platform.takes(0, "elsewhere").await);
    let alone = format!(
        "update campaign_client_settings set status = 'inactive' where id = {}",
        platform.sellers[1].2
    );
    run(&platform.superuser, &alone).await;
    let (taken, ()) = tokio::join!(platform.takes(1, "waits"), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        run(&holder, "commit").await;
    });
    assert!(taken);
    // And nothing of the call that went elsewhere was left behind.
    assert_eq!(platform.counters().await, "1 0 1 0 0");
    assert_invariants(&platform.db).await;
}

/// Several first caps of one client, links that are made for it, and calls, all at once.
#[tokio::test]
async fn first_caps_and_new_links_at_once_count_each_call_once() {
    for _ in 0..5 {
        let platform = Platform::new().await;
        let admin = platform.db.admin().await;
        let mut late = Vec::new();
        for _ in 0..4 {
            late.push(Scenario::new(&admin, Strategy::Priority, &[]).await);
        }
        let shared = platform.shared;
        let mut tasks = Vec::new();
        for (span, scenario) in ["hour", "day", "week", "month"].into_iter().zip(late) {
            let (capper, maker, switch) = (
                platform.db.superuser().await,
                platform.db.admin().await,
                platform.db.asterisk().await,
            );
            let cap = platform.insert("answered", span, 1000);
            let did = platform.sellers[0].0.clone();
            tasks.push(tokio::spawn(async move {
                let make = async {
                    link(&maker, scenario.campaign_id, shared, Link::cap(5)).await;
                };
                let call = async {
                    for call in 0..5 {
                        switch
                            .route(&did, &format!("{span}-{call}"))
                            .await
                            .unwrap()
                            .link();
                        switch
                            .log(&format!("{span}-{call}"), &did, "ANSWERED")
                            .await
                            .unwrap();
                    }
                    switch.route(&scenario.did, span).await.unwrap();
                };
                tokio::join!(make, call, async { run(&capper, &cap).await });
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_invariants(&platform.db).await;
        let metered: i64 = value(
            &platform.superuser,
            "select count(*) from link_counters where client_metered",
        )
        .await;
        assert_eq!(metered, 6);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let platform = Platform::new().await;
    let refused = async |sql: &str| sqlstate(platform.superuser.batch_execute(sql).await);
    let shared = platform.shared;
    for (values, state) in [
        ("null, null, 'offered', 'day', 'platform', 1".to_owned(), "23514"),
        (
            format!(
                "{}, {shared}, 'offered', 'day', 'platform', 1",
                platform.sellers[0].1
            ),
            "23514",
        ),
        (format!("null, {shared}, 'offered', 'day', 'seller', 1"), "23514"),
        ("null, 0, 'offered', 'day', 'platform', 1".to_owned(), "23503"),
    ] {
        let sql = format!(
            "insert into caps (link_id, client_id, counts, span, set_by, max_calls) values ({values})"
        );
        assert_eq!(refused(&sql).await, state, "{values}");
    }
    let older = format!(
        "begin isolation level repeatable read; {}",
        platform.insert("offered", "day", 1)
    );
    assert_eq!(refused(&older).await, "0A000");
    run(&platform.superuser, "rollback").await;
    platform.cap("offered", "day", 1).await;
    // From then on it is as with any row.
    run(
        &platform.superuser,
        &format!(
            "begin isolation level repeatable read; {}; commit",
            platform.insert("offered", "week", 1)
        ),
    )
    .await;
    assert_eq!(refused(&platform.insert("offered", "day", 2)).await, "23505");
    // Its own change of the client is no change that people see.
    let untold: i64 = value(
        &platform.superuser,
        &format!("select count(*) from audit_log where object_type = 'clients' and object_id = '{shared}' and action = 'update'"),
    )
    .await;
    assert_eq!(untold, 0);
    let version: i64 = value(
        &platform.superuser,
        &format!("select version from clients where id = {shared}"),
    )
    .await;
    assert_eq!(version, 1);
}

#[tokio::test]
async fn repair_knows_clients() {
    let platform = Platform::new().await;
    platform.cap("offered", "day", 10).await;
    assert!(platform.takes(0, "one").await && platform.takes(1, "two").await);
    run(
        &platform.superuser,
        "update meters set active = 7; update meter_windows set offered = offered - 3 where span = 'day';
         update link_counters set client_metered = false",
    )
    .await;
    let told: Vec<String> = values(
        &platform.superuser,
        "select concat_ws(' ', coalesce(link_id::text, 'none'), regexp_replace(counter, '_[0-9]+', ''), stored, actual)
           from verify_counters() order by 1",
    )
    .await;
    assert!(told.contains(&"none client_active 7 2".to_owned()), "{told:?}");
    assert!(
        told.contains(&"none client_day_offered 5 2".to_owned()),
        "{told:?}"
    );
    let repaired: i64 = value(&platform.superuser, "select count(*) from reconcile_counters()").await;
    assert_eq!(repaired, 2);
    assert_eq!(platform.counters().await, "2 0 2 0 0");
    assert!(platform.takes(1, "three").await);
    assert_eq!(platform.counters().await, "3 0 3 0 0");
    assert_invariants(&platform.db).await;
    // Without its counters a client's caps stop its calls, until they are made anew.
    run(&platform.superuser, "delete from meters").await;
    assert!(!platform.takes(0, "refused").await);
    let repaired: i64 = value(&platform.superuser, "select count(*) from reconcile_counters()").await;
    assert_eq!(repaired, 0);
    assert_eq!(platform.counters().await, "3 0 3 0 0");
    assert_invariants(&platform.db).await;
    // A client that goes takes all of it along.
    for call in ["one", "two", "three"] {
        platform.ends(call, "BUSY", 0).await;
    }
    run(
        &platform.superuser,
        &format!("delete from clients where id = {}", platform.shared),
    )
    .await;
    for table in ["meters", "meter_windows", "caps"] {
        let rows: i64 = value(&platform.superuser, &format!("select count(*) from {table}")).await;
        assert_eq!(rows, 0, "{table}");
    }
}

/// A purge takes records away, and nothing of what was used of an open window.
#[tokio::test]
async fn a_purge_takes_nothing_out_of_an_open_window() {
    let platform = Platform::new().await;
    platform.cap("answered", "month", 100).await;
    for (call, status) in [("one", "ANSWERED"), ("two", "BUSY"), ("three", "ANSWERED")] {
        assert!(platform.takes(0, call).await);
        platform.ends(call, status, 60).await;
    }
    assert!(platform.takes(1, "lost").await);
    platform.superuser.release("lost", "test").await.unwrap();
    let shown = platform.shown().await;
    assert_eq!(shown, ["client answered month 2 1 97"]);
    run(
        &platform.superuser,
        "update call_logs set timestamp_start = timestamp_start - interval '4 days';
         select purge_call_logs(now() - interval '3 days')",
    )
    .await;
    // Of a call whose record is gone no more is heard.
    assert_eq!(platform.shown().await, ["client answered month 2 0 98"]);
    assert_invariants(&platform.db).await;
}
