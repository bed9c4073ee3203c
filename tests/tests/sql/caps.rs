//! Caps of links over an hour, a day and longer: what each lets through, what it tells, and who sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capconduit_tests::{API, Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{refusal, run, sqlstate, value, values};

const SPANS: [&str; 5] = ["hour", "day", "week", "month", "total"];

struct Platform {
    db: TestDb,
    switch: Client,
    superuser: Client,
    scenario: Scenario,
}

impl Platform {
    /// Two links, the first one first.
    async fn new() -> Self {
        let db = TestDb::new().await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let links = [Link::cap(50), Link::cap(50).priority(1)];
        let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &links).await;
        Platform {
            db,
            switch,
            superuser,
            scenario,
        }
    }

    fn first(&self) -> i64 {
        self.scenario.link_ids[0]
    }

    async fn cap(&self, counts: &str, span: &str, max_calls: i64) -> i64 {
        let sql = format!(
            "insert into caps (link_id, counts, span, set_by, max_calls)
             values ({}, '{counts}', '{span}', 'seller', {max_calls}) returning id",
            self.first()
        );
        value(&self.superuser, &sql).await
    }

    /// Whether the first link takes the call.
    async fn takes(&self, call: &str) -> bool {
        let target = self.switch.route(&self.scenario.did, call).await.unwrap();
        target.link() == self.first()
    }

    async fn ends(&self, call: &str, status: &str, talk: i32) {
        let did = &self.scenario.did;
        let answered = if status == "ANSWERED" { "now()" } else { "null" };
        let sql = format!(
            "select log_call('{call}', '{did}', '{status}', answered_at => {answered}, billsec_seconds => {talk})"
        );
        run(&self.switch, &sql).await;
    }

    /// What stops the first link.
    async fn stopped_by(&self, more: &str) -> Value {
        let sql = format!(
            "select coalesce(detail -> 'stopped_by', 'null') from explain_call('{}'{more}) where link_id = {}",
            self.scenario.did,
            self.first()
        );
        value(&self.superuser, &sql).await
    }

    async fn shown(&self) -> Vec<String> {
        let sql =
            "select concat_ws(' ', counts, span, used, in_flight, remaining) from caps_view order by id";
        values(&self.superuser, sql).await
    }

    /// As if the windows had begun long before the first call, and their last instant were now.
    async fn end_windows(&self) {
        run(
            &self.superuser,
            "begin;
             update link_windows set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0,
                    unsettled = 0, offered = 0, answered = 0, qualified = 0;
             update link_counters n set windows_until = w.ends_at
               from (select link_id, min(ends_at) as ends_at from link_windows group by link_id) w where w.link_id = n.link_id;
             commit",
        )
        .await;
    }
}

/// Each kind over each window: three calls, of which one is not answered and one talks too short to be a good one.
#[tokio::test]
async fn each_kind_counts_its_calls_in_each_window() {
    for span in SPANS {
        for (counts, max_calls) in [("offered", 3), ("answered", 2), ("qualified", 1)] {
            let platform = Platform::new().await;
            let cap = platform.cap(counts, span, max_calls).await;
            for (call, status, talk) in [
                ("short", "ANSWERED", 29),
                ("busy", "BUSY", 0),
                ("good", "ANSWERED", 30),
            ] {
                assert!(platform.takes(call).await, "{counts} {span}: {call}");
                platform.ends(call, status, talk).await;
            }
            assert!(!platform.takes("one more").await, "{counts} {span}");
            let stopped = platform.stopped_by("").await;
            assert_eq!(stopped["gate"], format!("link_{span}_cap"));
            assert_eq!(
                (
                    &stopped["cap_id"],
                    &stopped["used"],
                    &stopped["in_flight"],
                    &stopped["limit"]
                ),
                (&json!(cap), &json!(max_calls), &json!(0), &json!(max_calls))
            );
            assert_eq!(stopped["resets_at"].is_string(), span != "total", "{stopped}");
            assert_eq!(
                platform.shown().await,
                [format!("{counts} {span} {max_calls} 0 0")]
            );
            platform.end_windows().await;
            assert_eq!(platform.takes("next window").await, span != "total");
            assert_invariants(&platform.db).await;
        }
    }
}

/// A call in flight may still count, so it takes room; near the limit it keeps another out, and never lets one too many through.
#[tokio::test]
async fn calls_in_flight_take_room() {
    for counts in ["answered", "qualified"] {
        let platform = Platform::new().await;
        platform.cap(counts, "day", 2).await;
        assert!(platform.takes("one").await && platform.takes("two").await && !platform.takes("three").await);
        let stopped = platform.stopped_by("").await;
        assert_eq!((&stopped["used"], &stopped["in_flight"]), (&json!(0), &json!(2)));
        assert_eq!(stopped["freed_by"], "outcome");
        platform.ends("one", "NOANSWER", 0).await;
        assert!(platform.takes("four").await);
        // One that nobody heard the end of keeps its room until its record comes.
        platform.superuser.release("two", "test").await.unwrap();
        assert!(!platform.takes("five").await);
        platform.ends("two", "BUSY", 0).await;
        assert!(platform.takes("six").await);
        assert_invariants(&platform.db).await;
    }
}

/// A failed attempt is an offer, and no answer.
#[tokio::test]
async fn an_attempt_that_failed_was_offered() {
    let platform = Platform::new().await;
    platform.cap("offered", "hour", 1).await;
    platform.cap("answered", "hour", 1).await;
    assert!(platform.takes("call").await);
    let next = platform.switch.next("call", 1, "BUSY").await.unwrap();
    assert_eq!(next.link(), platform.scenario.link_ids[1]);
    assert_eq!(
        platform.shown().await,
        ["offered hour 1 0 0", "answered hour 0 0 1"]
    );
    assert!(!platform.takes("another").await);
    assert_invariants(&platform.db).await;
}

/// A failover that finds the other link full is told so, and takes nothing there.
#[tokio::test]
async fn a_call_does_not_fail_over_to_a_full_link() {
    let platform = Platform::new().await;
    run(
        &platform.superuser,
        &format!(
            "insert into caps (link_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'platform', 0)",
            platform.scenario.link_ids[1]
        ),
    )
    .await;
    assert!(platform.takes("call").await);
    let next = platform.switch.next("call", 1, "BUSY").await.unwrap();
    assert_eq!(next.reject_reason(), "no_more_targets");
    let decision: String = value(&platform.superuser, "select decision from live_calls").await;
    assert!(decision.contains("=link_day_cap"), "{decision}");
    assert_invariants(&platform.db).await;
}

/// Fifty a day, set at noon after thirty, leaves twenty; made again it goes on; a lower one ends no call.
#[tokio::test]
async fn a_cap_counts_what_its_window_has_had() {
    let platform = Platform::new().await;
    for call in ["one", "two"] {
        assert!(platform.takes(call).await);
    }
    let cap = platform.cap("offered", "day", 3).await;
    assert_eq!(platform.shown().await, ["offered day 2 0 1"]);
    assert!(platform.takes("three").await && !platform.takes("four").await);
    let change = async |to: &str| {
        run(
            &platform.superuser,
            &format!("update caps set {to} where id = {cap}"),
        )
        .await
    };
    change("max_calls = 4").await;
    assert!(platform.takes("five").await);
    change("max_calls = 1").await;
    assert!(!platform.takes("six").await);
    assert_eq!(platform.shown().await, ["offered day 4 0 0"]);
    let active: i32 = value(
        &platform.superuser,
        "select active from link_counters order by link_id limit 1",
    )
    .await;
    assert_eq!(active, 4, "nobody was cut off");
    change("enforce = false").await;
    assert!(platform.takes("seven").await);
    run(&platform.superuser, "delete from caps").await;
    assert!(platform.takes("eight").await);
    platform.cap("offered", "day", 6).await;
    assert!(!platform.takes("nine").await);
}

#[tokio::test]
async fn all_caps_count_and_what_holds_longest_is_told() {
    let platform = Platform::new().await;
    for span in ["hour", "day", "concurrent"] {
        platform.cap("offered", span, 1).await;
    }
    run(
        &platform.superuser,
        &format!(
            "insert into caps (link_id, counts, span, set_by, max_calls, enforce)
             values ({0}, 'offered', 'day', 'platform', 1, true), ({0}, 'answered', 'month', 'platform', 0, false)",
            platform.first()
        ),
    )
    .await;
    assert!(platform.takes("one").await && !platform.takes("two").await);
    let told: Vec<String> = values(
        &platform.superuser,
        &format!(
            "select concat_ws(' ', c ->> 'counts', c ->> 'window', c ->> 'used', c ->> 'limit', c ->> 'stops')
               from explain_call('{}') e, jsonb_array_elements(e.detail -> 'caps') c where e.link_id = {}",
            platform.scenario.did,
            platform.first()
        ),
    )
    .await;
    assert_eq!(
        told,
        [
            "offered day 1 1 true",
            "offered day 1 1 true",
            "offered hour 1 1 true",
            "offered concurrent 1 1 true",
            "answered month 0 0 false"
        ]
    );
    assert_eq!(platform.stopped_by("").await["gate"], "link_day_cap");
    // Tomorrow the call in flight is there still, as far as anybody knows.
    let tomorrow = ", at => now() + interval '25 hours'";
    assert_eq!(platform.stopped_by(tomorrow).await["gate"], "link_concurrent_cap");
    platform.ends("one", "BUSY", 0).await;
    assert_eq!(platform.stopped_by(tomorrow).await, Value::Null);
    assert_eq!(platform.stopped_by("").await["gate"], "link_day_cap");
}

/// A window ends with its day in the client's zone; its bounds are told by the same rule as calls go by.
#[tokio::test]
async fn a_day_is_the_client_s() {
    let platform = Platform::new().await;
    run(
        &platform.superuser,
        "update clients set time_zone = 'Asia/Kathmandu'",
    )
    .await;
    platform.cap("offered", "day", 1).await;
    let until = "select (resets_at at time zone 'Asia/Kathmandu')::time::text from caps_view";
    assert_eq!(value::<String>(&platform.superuser, until).await, "00:00:00");
    assert!(platform.takes("one").await);
    assert_eq!(value::<String>(&platform.superuser, until).await, "00:00:00");
    let told = platform.stopped_by("").await["resets_at"]
        .as_str()
        .unwrap()
        .to_owned();
    let same = format!("select resets_at = '{told}'::timestamptz from caps_view");
    assert!(value::<bool>(&platform.superuser, &same).await, "{told}");
    let today = "select concat_ws(' ', offered, answered, qualified) from link_today_view";
    assert_eq!(values::<String>(&platform.superuser, today).await, ["1 0 0"]);
    // From here on another day begins; until somebody calls, the row tells of the old one.
    platform.end_windows().await;
    assert_eq!(platform.shown().await, ["offered day 0 0 1"]);
    assert_eq!(values::<String>(&platform.superuser, today).await, [""; 0]);
}

/// Whatever else is committed meanwhile, a link with room takes each call at its first try: a call's row is written once.
#[tokio::test]
async fn others_commits_keep_no_call_from_a_capped_link() {
    let platform = Platform::new().await;
    platform.cap("answered", "day", 1_000_000).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut bystanders = Vec::new();
    for _ in 0..4 {
        let (client, over) = (platform.db.superuser().await, over.clone());
        bystanders.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                run(&client, "select pg_current_xact_id()").await;
            }
        }));
    }
    for call in 0..200 {
        assert!(platform.takes(&format!("call-{call}")).await);
        platform.ends(&format!("call-{call}"), "BUSY", 0).await;
    }
    over.store(true, Ordering::Relaxed);
    for bystander in bystanders {
        bystander.await.unwrap();
    }
    run(&platform.switch, "select pg_stat_force_next_flush()").await;
    let written = "select n_tup_ins from pg_stat_user_tables where relid = 'capconduit.live_calls'::regclass";
    assert_eq!(value::<i64>(&platform.superuser, written).await, 200);
    assert_invariants(&platform.db).await;
}

/// One transaction takes the last cap away, another one adds one: the link stays capped.
#[tokio::test]
async fn a_link_with_a_cap_is_always_looked_at() {
    let platform = Platform::new().await;
    let capped = "select capped from campaign_client_settings order by id limit 1";
    platform.cap("offered", "day", 9).await;
    let version = "select version from campaign_client_settings order by id limit 1";
    let before: i64 = value(&platform.superuser, version).await;
    let other = platform.db.superuser().await;
    run(&other, "begin; delete from caps").await;
    let adds = {
        let sql = format!(
            "insert into caps (link_id, counts, span, set_by, max_calls) values ({}, 'offered', 'hour', 'seller', 0)",
            platform.first()
        );
        let client = platform.db.superuser().await;
        tokio::spawn(async move { run(&client, &sql).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    run(&other, "commit").await;
    adds.await.unwrap();
    assert!(value::<bool>(&platform.superuser, capped).await);
    assert!(!platform.takes("one").await);
    run(&platform.superuser, "delete from caps").await;
    assert!(!value::<bool>(&platform.superuser, capped).await);
    assert_eq!(
        value::<i64>(&platform.superuser, version).await,
        before,
        "no setting changed"
    );
    let told =
        "select count(*) from audit_log where object_type = 'campaign_client_settings' and action = 'update'";
    assert_eq!(value::<i64>(&platform.superuser, told).await, 0);
}

/// A transaction that sees the caps of its beginning alone cannot tell that it takes the last one away: the mark stays.
#[tokio::test]
async fn an_older_snapshot_clears_no_mark() {
    let platform = Platform::new().await;
    let cap = platform.cap("offered", "day", 9).await;
    let other = platform.db.superuser().await;
    run(&other, "begin isolation level repeatable read; select from caps").await;
    platform.cap("offered", "hour", 0).await;
    run(&other, &format!("delete from caps where id = {cap}; commit")).await;
    assert!(!platform.takes("one").await);
    assert_invariants(&platform.db).await;
}

#[tokio::test]
async fn a_cap_that_is_moved_to_another_link_is_asked_there() {
    let platform = Platform::new().await;
    let cap = platform.cap("offered", "day", 0).await;
    run(
        &platform.superuser,
        &format!(
            "update caps set link_id = {} where id = {cap}",
            platform.scenario.link_ids[1]
        ),
    )
    .await;
    assert!(platform.takes("one").await);
    let next = platform.switch.next("one", 1, "BUSY").await.unwrap();
    assert_eq!(next.reject_reason(), "no_more_targets");
    assert_invariants(&platform.db).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let platform = Platform::new().await;
    for (counts, span, max_calls, code) in [
        ("answered", "concurrent", 1, "23514"),
        ("called", "day", 1, "23514"),
        ("offered", "minute", 1, "23514"),
        ("offered", "day", -1, "23514"),
        ("offered", "day", 1_000_000_000_001_i64, "23514"),
    ] {
        let sql = format!(
            "insert into caps (link_id, counts, span, set_by, max_calls) values ({}, '{counts}', '{span}', 'seller', {max_calls})",
            platform.first()
        );
        assert_eq!(
            sqlstate(platform.superuser.execute(&sql, &[]).await),
            code,
            "{sql}"
        );
    }
    platform.cap("offered", "day", 1).await;
    let again = format!(
        "insert into caps (link_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'seller', 2)",
        platform.first()
    );
    assert_eq!(sqlstate(platform.superuser.execute(&again, &[]).await), "23505");
}

/// Each changes what it has set; a seller sees the platform's caps of the own links, and takes no link away that has some.
#[tokio::test]
async fn a_seller_does_not_lift_what_the_platform_has_set() {
    let db = TestDb::sample_uncapped().await;
    let (superuser, api) = (db.superuser().await, db.connect_as(API).await);
    run(
        &superuser,
        "insert into caps (link_id, counts, span, set_by, max_calls)
         select id, 'answered', 'day', 'platform', 9 from campaign_client_settings;
         insert into caps (link_id, counts, span, set_by, max_calls)
         select id, 'answered', 'week', 'seller', 9 from campaign_client_settings",
    )
    .await;
    let begin = async |role: &str, user: i64| {
        run(
            &api,
            &format!(
                "rollback; begin; set local role {role}; select set_config('capconduit.user_id', '{user}', true);
                 savepoint here"
            ),
        )
        .await;
    };
    run(&api, "begin").await;
    let changed = async |sql: &str| {
        let changed = api.execute(sql, &[]).await;
        run(&api, "rollback to here").await;
        changed
    };
    let own: i64 = value(
        &superuser,
        "select count(*) from campaign_client_settings s join campaigns c on c.id = s.campaign_id where c.user_id = 3",
    )
    .await;
    begin("capconduit_seller", 3).await;
    assert_eq!(
        value::<i64>(&api, "select count(*) from caps_view").await,
        2 * own
    );
    assert_eq!(
        changed("update caps set max_calls = 10").await.unwrap() as i64,
        own
    );
    assert_eq!(changed("delete from caps").await.unwrap() as i64, own);
    let add = "insert into caps (link_id, counts, span, set_by, max_calls)
               select id, 'offered', 'day', 'SET_BY', 1 from campaign_client_settings";
    assert_eq!(
        sqlstate(changed(&add.replace("SET_BY", "platform")).await),
        "42501"
    );
    assert_eq!(
        changed(&add.replace("SET_BY", "seller")).await.unwrap() as i64,
        own
    );
    let (state, said) = refusal(
        api.execute("delete from campaign_client_settings where id = 1", &[])
            .await,
    );
    assert_eq!(
        (state.as_str(), said.as_str()),
        ("23001", "link 1 has caps of the platform")
    );
    // Nothing of another seller's is there.
    begin("capconduit_seller", 4).await;
    let foreign = "insert into caps (link_id, counts, span, set_by, max_calls) values (1, 'offered', 'day', 'seller', 1)";
    assert_eq!(sqlstate(changed(foreign).await), "42501");
    let all: i64 = value(&superuser, "select count(*) from campaign_client_settings").await;
    begin("capconduit_staff", 2).await;
    assert_eq!(
        value::<i64>(&api, "select count(*) from caps_view").await,
        2 * all
    );
    assert_eq!(
        changed("update caps set max_calls = 10").await.unwrap() as i64,
        all
    );
    assert_eq!(sqlstate(changed(&add.replace("SET_BY", "seller")).await), "42501");
    run(&api, "rollback").await;
}
