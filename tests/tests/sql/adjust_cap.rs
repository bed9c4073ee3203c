//! What caps count that no call took: what is moved by hand (`adjust_cap`), of which `verify_counters` knows, and records that come late,
//! which are flagged.

use capconduit_tests::{
    Calls, Link, Scenario, Strategy, TestDb, assert_consistent, assert_invariants, clear_of_the_hour,
};
use tokio_postgres::Client;

use super::support::{refusal, run, value, values};
use crate::concurrency::{crew, together};

const SPANS: [&str; 5] = ["hour", "day", "week", "month", "total"];
const SUBJECTS: [&str; 5] = ["link_id", "client_id", "did_id", "campaign_id", "user_id"];

struct Capped {
    db: TestDb,
    switch: Client,
    admin: Client,
    scenario: Scenario,
}

impl Capped {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let (switch, admin) = (db.asterisk().await, db.admin().await);
        let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(500)]).await;
        Capped {
            db,
            switch,
            admin,
            scenario,
        }
    }

    async fn cap(&self, subject: &str, counts: &str, span: &str, max_calls: i64) -> i64 {
        let id = match subject {
            "link_id" => self.scenario.link_ids[0],
            "client_id" => self.scenario.client_ids[0],
            "did_id" => self.scenario.did_id,
            "campaign_id" => self.scenario.campaign_id,
            _ => self.scenario.user_id,
        };
        let sql = format!(
            "insert into caps ({subject}, counts, span, set_by, max_calls)
             values ({id}, '{counts}', '{span}', 'platform', {max_calls}) returning id"
        );
        value(&self.admin, &sql).await
    }

    async fn call(&self, call: &str) {
        let did = &self.scenario.did;
        assert_eq!(self.switch.route(did, call).await.unwrap().status, "ok", "{call}");
        self.switch.log(call, did, "ANSWERED").await.unwrap();
    }

    async fn adjust(&self, cap: i64, delta: i64) -> String {
        let sql = format!("select concat_ws(' ', status, used) from adjust_cap({cap}, {delta}, 'a credit')");
        value(&self.admin, &sql).await
    }

    /// By cap, in the order in which they were made.
    async fn used(&self) -> Vec<i64> {
        values(&self.admin, "select used from caps_view order by id").await
    }

    async fn stopped_by(&self) -> Option<String> {
        let sql = format!(
            "select coalesce(nullif(reason, 'eligible'), reject_reason) from explain_route('{}')",
            self.scenario.did
        );
        value(&self.admin, &sql).await
    }
}

/// Over each window of each subject: the one that is adjusted moves, and no other.
#[tokio::test]
async fn one_window_of_one_cap_moves() {
    clear_of_the_hour(20).await;
    let capped = Capped::new().await;
    let mut caps = Vec::new();
    for subject in SUBJECTS {
        for span in SPANS {
            caps.push(capped.cap(subject, "answered", span, 3).await);
        }
    }
    for call in ["first", "second", "third"] {
        capped.call(call).await;
    }
    let mut used = vec![3; caps.len()];
    assert_eq!(capped.used().await, used);
    for (place, cap) in caps.iter().enumerate() {
        assert!(capped.stopped_by().await.is_some(), "{place} of {}", caps.len());
        assert_eq!(capped.adjust(*cap, -1).await, "ok 2");
        used[place] = 2;
        assert_eq!(capped.used().await, used, "{place}");
        assert_consistent(&capped.db).await;
    }
    assert_eq!(capped.stopped_by().await, None);
    // Each takes one call more.
    capped.call("fourth").await;
    assert_eq!(capped.used().await, vec![3; caps.len()]);
    assert_consistent(&capped.db).await;
    let audited: Vec<String> = values(
        &capped.admin,
        "select concat_ws(' ', object_type, before ->> 'used', after ->> 'used', after ->> 'delta', after ->> 'reason')
           from audit_log where action = 'adjust' group by 1",
    )
    .await;
    assert_eq!(audited, ["caps 3 2 -1 a credit"]);
}

/// Whichever calls come first, or none: windows begin with the adjustment, and what is set counts on.
#[tokio::test]
async fn what_has_had_no_call_or_none_in_this_window_is_adjusted() {
    for subject in SUBJECTS {
        let capped = Capped::new().await;
        let cap = capped.cap(subject, "offered", "day", 5).await;
        assert_eq!(capped.adjust(cap, 3).await, "ok 3", "{subject}");
        capped.call("first").await;
        assert_consistent(&capped.db).await;
        // The day ends: what was adjusted ends with it.
        let (windows, counters, id) = if subject == "link_id" {
            ("link_windows", "link_counters", "link_id")
        } else {
            ("meter_windows", "meters", "id")
        };
        let key = if subject == "link_id" {
            "link_id"
        } else {
            "meter_id"
        };
        let sql = format!(
            "begin;
             update {windows} w set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0, unsettled = 0,
                    offered = n.offered - 4, answered = n.answered - 1, qualified = n.qualified
               from {counters} n where n.{id} = w.{key};
             update {counters} n set windows_until = w.ends_at
               from (select {key}, min(ends_at) as ends_at from {windows} group by 1) w where w.{key} = n.{id};
             commit"
        );
        run(&capped.db.superuser().await, &sql).await;
        assert_eq!(capped.used().await, [0], "{subject}");
        assert_eq!(capped.adjust(cap, 4).await, "ok 4", "{subject}");
        assert_consistent(&capped.db).await;
        capped.call("second").await;
        assert!(capped.stopped_by().await.is_some(), "{subject}");
        assert_eq!(capped.used().await, [5], "{subject}");
        assert_consistent(&capped.db).await;
    }
}

/// A client's first cap begins with what its links have used, adjustments included.
#[tokio::test]
async fn a_first_cap_knows_what_was_adjusted_before() {
    let capped = Capped::new().await;
    let link = capped.cap("link_id", "answered", "day", 9).await;
    capped.call("first").await;
    assert_eq!(capped.adjust(link, 4).await, "ok 5");
    capped.cap("client_id", "answered", "day", 9).await;
    assert_eq!(capped.used().await, [5, 5]);
    assert_consistent(&capped.db).await;
}

#[tokio::test]
async fn what_is_no_adjustment_is_refused() {
    let capped = Capped::new().await;
    let day = capped.cap("link_id", "answered", "day", 9).await;
    let concurrent = capped.cap("client_id", "offered", "concurrent", 9).await;
    capped.call("first").await;
    assert_eq!(capped.adjust(day + concurrent, 1).await, "unknown_cap");
    for (arguments, told) in [
        (
            format!("{day}, -2, 'x'"),
            format!("what is used of cap {day} would fall below 0"),
        ),
        (
            format!("{day}, null, 'x'"),
            "adjust_cap needs a delta and a reason".to_owned(),
        ),
        (
            format!("{day}, 1, ' '"),
            "adjust_cap needs a delta and a reason".to_owned(),
        ),
        (
            format!("{day}, 1, 'purged'"),
            "the reason 'purged' is the platform's own".to_owned(),
        ),
        (
            format!("{day}, 1000000000001, 'x'"),
            "delta must be between -1000000000000 and 1000000000000".to_owned(),
        ),
        (
            format!("{concurrent}, 1, 'x'"),
            format!("cap {concurrent} counts the calls that are up, which cannot be adjusted"),
        ),
    ] {
        let refused = capped
            .admin
            .query(&format!("select * from adjust_cap({arguments})"), &[])
            .await;
        assert_eq!(refusal(refused), ("22023".to_owned(), told), "{arguments}");
    }
    assert_eq!(capped.used().await, [1, 0]);
    assert_consistent(&capped.db).await;
}

/// Calls and adjustments at once, on all levels: none is lost.
#[tokio::test]
async fn adjustments_beside_calls_are_all_counted() {
    let capped = Capped::new().await;
    let mut caps = Vec::new();
    for subject in SUBJECTS {
        caps.push(capped.cap(subject, "answered", "week", 100_000).await);
    }
    let adjusting = {
        let (admin, caps) = (capped.db.admin().await, caps.clone());
        async move {
            for _ in 0..20 {
                for cap in &caps {
                    let sql = format!("select status from adjust_cap({cap}, 2, 'a credit')");
                    assert_eq!(value::<String>(&admin, &sql).await, "ok");
                }
            }
        }
    };
    let did = capped.scenario.did.clone();
    let calling = together(crew(&capped.db, 8).await, move |worker, switch| {
        let did = did.clone();
        async move {
            for call in 0..12 {
                let id = format!("{worker}-{call}");
                assert_eq!(switch.route(&did, &id).await.expect("an answer").status, "ok");
                switch.log(&id, &did, "ANSWERED").await.expect("a record");
            }
        }
    });
    tokio::join!(adjusting, calling);
    assert_eq!(capped.used().await, vec![8 * 12 + 40; caps.len()]);
    assert_consistent(&capped.db).await;
    assert_invariants(&capped.db).await;
}

/// Windows end all the time, so calls end that belong to windows before, whose marks they move; calls and adjustments begin new windows. An
/// adjustment and a call never work on one subject's marks at once, and none writes what it has read before the other.
#[tokio::test]
async fn adjustments_where_windows_turn_are_all_counted() {
    let capped = Capped::new().await;
    let mut caps = Vec::new();
    for subject in SUBJECTS {
        caps.push(capped.cap(subject, "answered", "hour", 100_000).await);
    }
    let superuser = capped.db.superuser().await;
    let mut crew = crew(&capped.db, 8).await;
    let adjusters = [capped.db.admin().await, capped.db.admin().await];
    for round in 0..ROUNDS {
        run(&superuser, END_HOURS).await;
        let did = capped.scenario.did.clone();
        let calling = together(crew, move |worker, switch| {
            let did = did.clone();
            async move {
                let id = |round: usize| format!("{worker}-{round}");
                if worker % 2 == 0 {
                    assert_eq!(
                        switch.route(&did, &id(round)).await.expect("an answer").status,
                        "ok"
                    );
                }
                if round > 0 {
                    switch
                        .log(&id(round - 1), &did, "ANSWERED")
                        .await
                        .expect("a record");
                }
                if worker % 2 == 1 {
                    assert_eq!(
                        switch.route(&did, &id(round)).await.expect("an answer").status,
                        "ok"
                    );
                }
                switch
            }
        });
        let adjusting = async |admin: &Client| {
            for cap in &caps {
                let sql = format!("select status from adjust_cap({cap}, 2, 'a credit')");
                assert_eq!(value::<String>(admin, &sql).await, "ok");
            }
        };
        let (one, other) = (adjusting(&adjusters[0]), adjusting(&adjusters[1]));
        (crew, _, _) = tokio::join!(calling, one, other);
        assert_consistent(&capped.db).await;
        let adjusted: Vec<i64> = values(
            &superuser,
            "select sum(answered)::bigint from link_adjustments union all select sum(answered)::bigint from meter_adjustments",
        )
        .await;
        let each = 4 * (round as i64 + 1);
        assert_eq!(adjusted, [each, 4 * each], "round {round}");
    }
    assert_invariants(&capped.db).await;
}

const ROUNDS: usize = 25;

/// Whatever they have used belongs to hours that were over long ago.
const END_HOURS: &str = "begin;
    select from link_counters for no key update;
    select from meters for no key update;
    update link_windows set starts_at = now() - interval '3 hours', ends_at = clock_timestamp() where span = 'hour';
    update meter_windows set starts_at = now() - interval '3 hours', ends_at = clock_timestamp() where span = 'hour';
    update link_counters n set windows_until = w.ends_at from link_windows w where w.link_id = n.link_id and w.span = 'hour';
    update meters m set windows_until = w.ends_at from meter_windows w where w.meter_id = m.id and w.span = 'hour';
    commit";

/// A record of a call that nothing was reserved for counts, and is flagged where a cap has no room for it.
#[tokio::test]
async fn a_record_beyond_a_cap_is_flagged() {
    for subject in SUBJECTS {
        for (counts, span, talk, is_flagged) in [
            ("answered", "day", 5, true),
            ("answered", "total", 5, true),
            ("qualified", "week", 60, true),
            ("qualified", "week", 5, false),
            ("offered", "day", 60, false),
        ] {
            let capped = Capped::new().await;
            let cap = capped.cap(subject, counts, span, 2).await;
            let did = &capped.scenario.did;
            let ghost = async |call: &str| {
                let sql = format!(
                    "select log_call('{call}', '{did}', 'ANSWERED', link_id => {}, started_at => now(), answered_at => now(),
                                     billsec_seconds => {talk})",
                    capped.scenario.link_ids[0]
                );
                run(&capped.switch, &sql).await;
            };
            let flagged = async || -> Vec<String> {
                values(
                    &capped.admin,
                    "select asterisk_uniqueid from late_excess_view order by id",
                )
                .await
            };
            let told = format!("{subject} {counts} {span} {talk}");
            // A call in flight keeps its room: of two places one is left.
            assert_eq!(capped.switch.route(did, "up").await.unwrap().status, "ok");
            ghost("first").await;
            assert_eq!(flagged().await, [""; 0], "{told}");
            ghost("second").await;
            let expected: &[&str] = if is_flagged { &["second"] } else { &[] };
            assert_eq!(flagged().await, expected, "{told}");
            capped.switch.log("up", did, "ANSWERED").await.unwrap();
            assert_eq!(flagged().await, expected, "{told}");
            // A cap that is only shown is none to exceed.
            run(
                &capped.admin,
                &format!("update caps set enforce = false where id = {cap}"),
            )
            .await;
            ghost("third").await;
            assert_eq!(flagged().await, expected, "{told}");
            assert_consistent(&capped.db).await;
        }
    }
}

/// What was closed as LOST keeps its room in the windows that go on, so its record is beyond no cap.
#[tokio::test]
async fn a_lost_call_s_record_has_had_its_room() {
    let capped = Capped::new().await;
    capped.cap("link_id", "answered", "day", 1).await;
    let did = &capped.scenario.did;
    assert_eq!(capped.switch.route(did, "lost").await.unwrap().status, "ok");
    run(&capped.admin, "select release_call('lost', 'a test')").await;
    assert_eq!(capped.stopped_by().await.as_deref(), Some("link_day_cap"));
    capped.switch.log("lost", did, "ANSWERED").await.unwrap();
    let flagged: i64 = value(&capped.admin, "select count(*) from late_excess_view").await;
    assert_eq!(flagged, 0);
    assert_consistent(&capped.db).await;
}

/// What the platform and the seller set over one window goes by one count.
#[tokio::test]
async fn caps_that_count_the_same_move_together() {
    let capped = Capped::new().await;
    let cap = capped.cap("link_id", "answered", "day", 9).await;
    let of_seller = format!(
        "insert into caps (link_id, counts, span, set_by, max_calls) values ({0}, 'answered', 'day', 'seller', 9),
                                                                         ({0}, 'answered', 'month', 'seller', 9)",
        capped.scenario.link_ids[0]
    );
    run(&capped.admin, &of_seller).await;
    assert_eq!(capped.adjust(cap, 4).await, "ok 4");
    assert_eq!(capped.used().await, [4, 4, 0]);
}
