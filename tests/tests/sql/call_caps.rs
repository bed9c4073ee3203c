//! Caps of a number, a campaign and a seller: each call counts once, at its first reservation, whatever becomes of it and on however many
//! links it was tried.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// One seller with two campaigns of two links each, and a number of each.
struct Seller {
    db: TestDb,
    switch: Client,
    superuser: Client,
    user_id: i64,
    /// By campaign: its id, its number and that one's id.
    campaigns: Vec<(i64, String, i64)>,
}

const SUBJECTS: [(&str, &str); 3] = [
    ("did", "did_id"),
    ("campaign", "campaign_id"),
    ("seller", "user_id"),
];

impl Seller {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let admin = db.admin().await;
        let mut campaigns = Vec::new();
        let mut user_id = 0;
        for place in 0..2 {
            let links = [Link::cap(50), Link::cap(50).priority(1)];
            let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
            if place == 0 {
                user_id = scenario.user_id;
            } else {
                let sql = format!(
                    "update dids set user_id = {user_id} where user_id = {0};
                     update campaigns set user_id = {user_id} where user_id = {0}",
                    scenario.user_id
                );
                run(&superuser, &sql).await;
            }
            campaigns.push((scenario.campaign_id, scenario.did.clone(), scenario.did_id));
        }
        Seller {
            db,
            switch,
            superuser,
            user_id,
            campaigns,
        }
    }

    fn id_of(&self, subject: &str) -> i64 {
        match subject {
            "did" => self.campaigns[0].2,
            "campaign" => self.campaigns[0].0,
            _ => self.user_id,
        }
    }

    fn insert(&self, subject: &str, counts: &str, span: &str, max_calls: i64) -> String {
        let (_, column) = SUBJECTS.into_iter().find(|(name, _)| *name == subject).unwrap();
        format!(
            "insert into caps ({column}, counts, span, set_by, max_calls)
             values ({}, '{counts}', '{span}', 'seller', {max_calls})",
            self.id_of(subject)
        )
    }

    async fn cap(&self, subject: &str, counts: &str, span: &str, max_calls: i64) {
        run(&self.superuser, &self.insert(subject, counts, span, max_calls)).await;
    }

    /// Why a call to a campaign's number is rejected; empty: somebody takes it.
    async fn rejected(&self, campaign: usize, call: &str) -> String {
        let target = self
            .switch
            .route(&self.campaigns[campaign].1, call)
            .await
            .unwrap();
        if target.is_ok() {
            String::new()
        } else {
            target.reject_reason().to_owned()
        }
    }

    async fn takes(&self, campaign: usize, call: &str) {
        assert_eq!(self.rejected(campaign, call).await, "", "{call}");
    }

    async fn ends(&self, call: &str, status: &str, talk: i32) {
        let answered = if status == "ANSWERED" { "now()" } else { "null" };
        let sql = format!(
            "select log_call('{call}', '', '{status}', answered_at => {answered}, billsec_seconds => {talk})"
        );
        run(&self.switch, &sql).await;
    }

    /// What stops a call to the first campaign's number.
    async fn stopped_by(&self) -> Value {
        let sql = format!(
            "select coalesce(detail -> 'stopped_by', 'null') from explain_call('{}') limit 1",
            self.campaigns[0].1
        );
        value(&self.superuser, &sql).await
    }

    async fn shown(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', subject_type, counts, span, used, in_flight, remaining) from caps_view order by id";
        values(&self.superuser, sql).await
    }

    async fn meters(&self) -> Vec<String> {
        let sql =
            "select concat_ws(' ', subject_type, active, unsettled, offered, answered, qualified) from meters
                    order by subject_type, subject_id";
        values(&self.superuser, sql).await
    }

    /// As if the meters' windows had begun long before the first call, and their last instant were now.
    async fn end_windows(&self) {
        let sql = "begin;
             update meter_windows set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0,
                    unsettled = 0, offered = 0, answered = 0, qualified = 0;
             update meters m set windows_until = w.ends_at
               from (select meter_id, min(ends_at) as ends_at from meter_windows group by meter_id) w
              where w.meter_id = m.id;
             commit";
        run(&self.superuser, sql).await;
    }
}

/// Each kind over each window, of each subject: three calls, of which one is not answered and one talks too short to be a good one.
#[tokio::test]
async fn each_kind_stops_and_says_so() {
    for (subject, _) in SUBJECTS {
        for span in ["hour", "day", "week", "month", "total"] {
            for (counts, max_calls) in [("offered", 3), ("answered", 2), ("qualified", 1)] {
                let seller = Seller::new().await;
                seller.cap(subject, counts, span, max_calls).await;
                for (call, status, talk) in [
                    ("short", "ANSWERED", 29),
                    ("busy", "BUSY", 0),
                    ("good", "ANSWERED", 30),
                ] {
                    seller.takes(0, call).await;
                    seller.ends(call, status, talk).await;
                }
                let reason = format!("{subject}_{span}_cap");
                assert_eq!(seller.rejected(0, "more").await, reason, "{counts}");
                // The other campaign is the same seller's.
                let other = if subject == "seller" { reason.as_str() } else { "" };
                assert_eq!(seller.rejected(1, "other").await, other, "{counts}");
                let stopped = seller.stopped_by().await;
                assert_eq!(stopped["gate"], reason);
                assert_eq!(
                    (&stopped["used"], &stopped["in_flight"], &stopped["limit"]),
                    (&json!(max_calls), &json!(0), &json!(max_calls))
                );
                assert_eq!(stopped["resets_at"].is_string(), span != "total", "{stopped}");
                let preview = format!(
                    "select jsonb_build_array(reason, detail -> 'retry_at') from preview_call('{}')",
                    seller.campaigns[0].1
                );
                let foretold = value::<Value>(&seller.superuser, &preview).await;
                let retry_at = stopped.get("resets_at").cloned().unwrap_or(Value::Null);
                assert_eq!(foretold, json!([reason, retry_at]));
                seller.end_windows().await;
                let next = seller.rejected(0, "next window").await;
                assert_eq!(next.is_empty(), span != "total", "{next}");
                assert_invariants(&seller.db).await;
            }
        }
    }
}

/// A call that fails over is one call, offered when it first got a slot, and up until it holds none.
#[tokio::test]
async fn a_call_that_fails_over_counts_once() {
    let seller = Seller::new().await;
    for (subject, _) in SUBJECTS {
        seller.cap(subject, "offered", "concurrent", 2).await;
        seller.cap(subject, "answered", "day", 10).await;
    }
    seller.takes(0, "one").await;
    let next = seller.switch.next("one", 1, "BUSY").await.unwrap();
    assert!(next.is_ok());
    let once = ["campaign 1 0 1 0 0", "did 1 0 1 0 0", "seller 1 0 1 0 0"];
    assert_eq!(seller.meters().await, once);
    assert_invariants(&seller.db).await;
    // Nobody is left: it is up no longer, and was offered still.
    let last = seller.switch.next("one", 2, "BUSY").await.unwrap();
    assert_eq!(last.reject_reason(), "no_more_targets");
    let ended = ["campaign 0 0 1 0 0", "did 0 0 1 0 0", "seller 0 0 1 0 0"];
    assert_eq!(seller.meters().await, ended);
    assert_invariants(&seller.db).await;
    seller.ends("one", "BUSY", 0).await;
    assert_eq!(seller.meters().await, ended);
    assert_invariants(&seller.db).await;
    // And one that is answered by the second.
    seller.takes(0, "two").await;
    assert!(seller.switch.next("two", 1, "NOANSWER").await.unwrap().is_ok());
    seller.ends("two", "ANSWERED", 60).await;
    let answered = ["campaign 0 0 2 1 1", "did 0 0 2 1 1", "seller 0 0 2 1 1"];
    assert_eq!(seller.meters().await, answered);
    assert_invariants(&seller.db).await;
}

/// Its first reservation says which window it belongs to, also where it is answered on a link that it got in the next.
#[tokio::test]
async fn a_call_belongs_to_the_window_of_its_first_reservation() {
    let seller = Seller::new().await;
    seller.cap("campaign", "answered", "hour", 1).await;
    seller.cap("seller", "offered", "hour", 1).await;
    seller.takes(0, "before").await;
    seller.end_windows().await;
    assert!(seller.switch.next("before", 1, "BUSY").await.unwrap().is_ok());
    // The next hour begins with another call.
    seller.takes(0, "next").await;
    assert_eq!(seller.rejected(0, "more").await, "seller_hour_cap");
    assert_invariants(&seller.db).await;
    seller.ends("before", "ANSWERED", 60).await;
    assert_eq!(
        seller.shown().await,
        ["campaign answered hour 0 1 0", "seller offered hour 1 0 0"]
    );
    seller.ends("next", "BUSY", 0).await;
    assert_eq!(
        seller.shown().await,
        ["campaign answered hour 0 0 1", "seller offered hour 1 0 0"]
    );
    assert_invariants(&seller.db).await;
}

/// A first cap, set while calls are up: what was is used, what is up is in flight, and ends where it began.
#[tokio::test]
async fn a_first_cap_counts_what_was_and_what_is_up() {
    for (subject, _) in SUBJECTS {
        let seller = Seller::new().await;
        for (call, status, talk) in [
            ("good", "ANSWERED", 60),
            ("short", "ANSWERED", 5),
            ("busy", "BUSY", 0),
        ] {
            seller.takes(0, call).await;
            if call == "short" {
                assert!(seller.switch.next(call, 1, "BUSY").await.unwrap().is_ok());
            }
            seller.ends(call, status, talk).await;
        }
        for call in ["up", "moved", "over", "lost"] {
            seller.takes(0, call).await;
        }
        assert!(seller.switch.next("moved", 1, "BUSY").await.unwrap().is_ok());
        for attempt in 1..=2 {
            seller.switch.next("over", attempt, "BUSY").await.unwrap();
        }
        seller.superuser.release("lost", "test").await.unwrap();
        seller.cap(subject, "answered", "day", 6).await;
        seller.cap(subject, "offered", "month", 100).await;
        assert_eq!(seller.meters().await, [format!("{subject} 2 1 7 2 1")]);
        assert_eq!(
            seller.shown().await,
            [
                format!("{subject} answered day 2 3 1"),
                format!("{subject} offered month 7 0 93")
            ]
        );
        assert_invariants(&seller.db).await;
        seller.takes(0, "last").await;
        assert_eq!(seller.rejected(0, "too many").await, format!("{subject}_day_cap"));
        seller.ends("up", "ANSWERED", 60).await;
        seller.ends("moved", "BUSY", 0).await;
        seller.ends("over", "BUSY", 0).await;
        seller.ends("lost", "BUSY", 0).await;
        assert_eq!(seller.meters().await, [format!("{subject} 1 0 8 3 2")]);
        assert_invariants(&seller.db).await;
        // Made again it has forgotten nothing.
        run(&seller.superuser, "delete from caps").await;
        seller.takes(0, "uncapped").await;
        seller.cap(subject, "answered", "day", 5).await;
        assert_eq!(seller.shown().await, [format!("{subject} answered day 3 2 0")]);
        assert_invariants(&seller.db).await;
    }
}

/// The other campaign's calls are none of a campaign's, and its seller's all the same.
#[tokio::test]
async fn caps_of_all_subjects_hold_together() {
    let seller = Seller::new().await;
    seller.cap("seller", "offered", "day", 3).await;
    seller.cap("campaign", "offered", "day", 2).await;
    seller.cap("did", "offered", "day", 1).await;
    seller.takes(0, "one").await;
    assert_eq!(seller.rejected(0, "two").await, "did_day_cap");
    run(
        &seller.superuser,
        "update caps set max_calls = 9 where did_id is not null",
    )
    .await;
    seller.takes(0, "three").await;
    assert_eq!(seller.rejected(0, "four").await, "campaign_day_cap");
    seller.takes(1, "five").await;
    assert_eq!(seller.rejected(1, "six").await, "seller_day_cap");
    // What holds longest, and is shared by more, is told first.
    assert_eq!(seller.rejected(0, "seven").await, "seller_day_cap");
    run(&seller.superuser, "update caps set enforce = false").await;
    seller.takes(0, "eight").await;
    let caps = format!(
        "select jsonb_agg(c ->> 'subject') from (
            select jsonb_array_elements(detail -> 'caps') c from explain_call('{}') where place = 1) c",
        seller.campaigns[0].1
    );
    assert_eq!(
        value::<Value>(&seller.superuser, &caps).await,
        json!(["seller", "campaign", "did"])
    );
    assert_invariants(&seller.db).await;
}

/// Calls whose switch is dead hold a place no longer than their lease, whoever finds it.
#[tokio::test]
async fn a_call_whose_lease_is_over_makes_room() {
    for (subject, _) in SUBJECTS {
        let seller = Seller::new().await;
        seller.cap(subject, "offered", "concurrent", 1).await;
        seller.takes(0, "dead").await;
        assert_eq!(
            seller.rejected(0, "full").await,
            format!("{subject}_concurrent_cap")
        );
        run(
            &seller.superuser,
            "update live_calls set lease_until = now() - interval '1 second'",
        )
        .await;
        seller.takes(0, "next").await;
        assert_eq!(
            seller.rejected(0, "full again").await,
            format!("{subject}_concurrent_cap")
        );
        let status: String = value(
            &seller.superuser,
            "select call_status from call_logs where asterisk_uniqueid = 'dead'",
        )
        .await;
        assert_eq!(status, "LOST");
        assert_invariants(&seller.db).await;
    }
}

/// A number that is sold begins anew; calls of the owner before end as theirs.
#[tokio::test]
async fn a_number_that_changes_hands_begins_anew() {
    let seller = Seller::new().await;
    seller.cap("did", "offered", "day", 2).await;
    seller.cap("seller", "offered", "concurrent", 5).await;
    seller.takes(0, "up").await;
    let admin = seller.db.admin().await;
    let other = Scenario::new(&admin, Strategy::Priority, &[Link::cap(5)]).await;
    let did_id = seller.campaigns[0].2;
    let sell = format!(
        "delete from campaign_dids where did_id = {did_id};
         update dids set user_id = {0} where id = {did_id};
         insert into campaign_dids (campaign_id, did_id) values ({1}, {did_id});
         insert into caps (did_id, counts, span, set_by, max_calls) values ({did_id}, 'offered', 'day', 'platform', 1)",
        other.user_id, other.campaign_id
    );
    run(&seller.superuser, &sell).await;
    assert_eq!(
        seller.shown().await,
        ["seller offered concurrent 1 0 4", "did offered day 0 0 1"]
    );
    seller.ends("up", "ANSWERED", 60).await;
    assert_eq!(seller.meters().await, ["did 0 0 0 0 0", "seller 0 0 1 1 1"]);
    seller.takes(0, "first").await;
    assert_eq!(seller.rejected(0, "second").await, "did_day_cap");
    assert_invariants(&seller.db).await;
}

/// What is deleted takes its meter with it; the seller's stays.
#[tokio::test]
async fn what_goes_takes_its_meter_along() {
    let seller = Seller::new().await;
    for (subject, _) in SUBJECTS {
        seller.cap(subject, "offered", "day", 9).await;
    }
    seller.takes(0, "call").await;
    seller.ends("call", "BUSY", 0).await;
    run(
        &seller.superuser,
        &format!("delete from dids where id = {}", seller.campaigns[0].2),
    )
    .await;
    assert_eq!(seller.meters().await, ["campaign 0 0 1 0 0", "seller 0 0 1 0 0"]);
    run(
        &seller.superuser,
        &format!("delete from campaigns where id = {}", seller.campaigns[0].0),
    )
    .await;
    assert_eq!(seller.meters().await, ["seller 0 0 1 0 0"]);
    assert_invariants(&seller.db).await;
    run(
        &seller.superuser,
        &format!("delete from users where id = {}", seller.user_id),
    )
    .await;
    assert_eq!(seller.meters().await, Vec::<String>::new());
    let left: i64 = value(
        &seller.superuser,
        "select (select count(*) from meter_windows) + (select count(*) from caps)",
    )
    .await;
    assert_eq!(left, 0);
}

/// Purged records are used still, as long as their windows are open.
#[tokio::test]
async fn what_is_purged_is_used_still() {
    let seller = Seller::new().await;
    for (subject, _) in SUBJECTS {
        seller.cap(subject, "offered", "month", 9).await;
    }
    for call in ["one", "two", "lost"] {
        seller.takes(0, call).await;
        if call == "lost" {
            seller.superuser.release(call, "test").await.unwrap();
        } else {
            assert!(seller.switch.next(call, 1, "BUSY").await.unwrap().is_ok());
            seller.ends(call, "ANSWERED", 60).await;
        }
    }
    run(
        &seller.superuser,
        "update call_logs set timestamp_start = timestamp_start - interval '4 days' where asterisk_uniqueid <> 'two';
         select purge_call_logs(now() - interval '3 days')",
    )
    .await;
    let month = ["did", "campaign", "seller"].map(|subject| format!("{subject} offered month 3 0 6"));
    assert_eq!(seller.shown().await, month);
    assert_eq!(
        seller.meters().await,
        ["campaign 0 0 3 2 2", "did 0 0 3 2 2", "seller 0 0 3 2 2"]
    );
    assert_invariants(&seller.db).await;
}

/// A purge waits for a first cap that counts what it deletes.
#[tokio::test]
async fn a_first_cap_and_a_purge_at_once_count_the_same() {
    let seller = Seller::new().await;
    seller.takes(0, "one").await;
    seller.ends("one", "ANSWERED", 60).await;
    run(
        &seller.superuser,
        "update call_logs set timestamp_start = timestamp_start - interval '4 days';
         update link_windows set starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '2 hours';
         update link_counters set windows_from = windows_from + interval '1 hour', windows_until = windows_until + interval '1 hour'
          where windows_from > '-infinity'",
    )
    .await;
    let (capping, purging) = (seller.db.superuser().await, seller.db.superuser().await);
    run(
        &capping,
        &format!("begin; {}", seller.insert("seller", "offered", "month", 9)),
    )
    .await;
    let purged = tokio::spawn(async move {
        run(&purging, "select purge_call_logs(now() - interval '3 days')").await;
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    run(&capping, "commit").await;
    purged.await.unwrap();
    let left: i64 = value(&seller.superuser, "select count(*) from call_logs").await;
    assert_eq!(left, 0);
    assert_eq!(seller.shown().await, ["seller offered month 1 0 8"]);
    let wrong: Vec<String> = values(
        &seller.superuser,
        "select counter from verify_counters() where link_id is null",
    )
    .await;
    assert_eq!(wrong, Vec::<String>::new());
}

/// Counters that a hand has moved are told and mended, meters that it took away made anew.
#[tokio::test]
async fn what_a_hand_moved_is_told_and_mended() {
    let seller = Seller::new().await;
    for (subject, _) in SUBJECTS {
        seller.cap(subject, "answered", "day", 9).await;
    }
    seller.takes(0, "up").await;
    seller.takes(0, "ended").await;
    seller.ends("ended", "ANSWERED", 60).await;
    run(
        &seller.superuser,
        "update meters set active = 7; update meter_windows set answered = answered - 3 where span = 'day';
         update link_counters set seller_metered = false; update users set metered = false",
    )
    .await;
    let told: Vec<String> = values(&seller.superuser, "select counter from verify_counters()").await;
    for (subject, _) in SUBJECTS {
        let of_subject = format!("{subject}_{}_", seller.id_of(subject));
        for counter in ["active", "day_answered"] {
            assert!(told.contains(&format!("{of_subject}{counter}")), "{told:?}");
        }
    }
    run(&seller.superuser, "select from reconcile_counters()").await;
    assert_invariants(&seller.db).await;
    // Without a meter a cap is closed, until it is repaired.
    run(
        &seller.superuser,
        "delete from meters where subject_type = 'campaign'",
    )
    .await;
    assert_eq!(seller.rejected(0, "closed").await, "campaign_day_cap");
    run(&seller.superuser, "select from reconcile_counters()").await;
    seller.takes(0, "open").await;
    assert_invariants(&seller.db).await;
    let rows: i64 = value(&seller.superuser, "select count(*) from verify_counters()").await;
    assert_eq!(rows, 0);
}

/// Repair works on the tables of before, which have no meters.
#[tokio::test]
async fn counters_are_mended_where_there_are_no_meters() {
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    Scenario::new(&admin, Strategy::Priority, &[Link::cap(5)]).await;
    run(
        &superuser,
        "update link_counters set active = 3; alter table meters rename to of_later",
    )
    .await;
    let mended: Vec<String> = values(&admin, "select counter from reconcile_counters()").await;
    assert_eq!(mended, ["active"]);
}

/// A seller sets caps of what is its own, sees what the platform has set of it, and takes nothing away that the platform has capped.
#[tokio::test]
async fn sellers_cap_their_own() {
    let seller = Seller::new().await;
    let (campaign, _, did) = &seller.campaigns[0];
    let stranger = Scenario::new(&seller.db.admin().await, Strategy::Priority, &[]).await;
    let api = seller.db.connect_as("capconduit_api").await;
    let as_seller = format!(
        "set local role capconduit_seller; set local capconduit.user_id = '{}'; set local capconduit.user_role = 'user';",
        seller.user_id
    );
    let insert = |column: &str, id: i64, by: &str| {
        format!(
            "insert into caps ({column}, counts, span, set_by, max_calls) values ({id}, 'offered', 'day', '{by}', 5)"
        )
    };
    for (column, own, foreign) in [
        ("did_id", *did, stranger.did_id),
        ("campaign_id", *campaign, stranger.campaign_id),
        ("user_id", seller.user_id, stranger.user_id),
    ] {
        run(
            &api,
            &format!("begin; {as_seller} {}; commit", insert(column, own, "seller")),
        )
        .await;
        for refused in [insert(column, foreign, "seller"), insert(column, own, "platform")] {
            let error = api.batch_execute(&format!("begin; {as_seller} {refused}")).await;
            assert_eq!(sqlstate(error), "42501", "{refused}");
            run(&api, "rollback").await;
        }
        run(&seller.superuser, &insert(column, own, "platform")).await;
        run(&api, &format!("begin; {as_seller}")).await;
        let seen: i64 = value(
            &api,
            &format!("select count(*) from caps_view where {column} = {own}"),
        )
        .await;
        assert!(seen >= 2, "{column}: {seen}");
        let changed = api
            .execute(
                &format!("update caps set max_calls = 1 where {column} = {own}"),
                &[],
            )
            .await;
        assert_eq!(changed.unwrap(), 1, "{column}");
        run(&api, "rollback").await;
    }
    for own in [
        format!("delete from dids where id = {did}"),
        format!("delete from campaigns where id = {campaign}"),
    ] {
        let error = api.batch_execute(&format!("begin; {as_seller} {own}")).await;
        assert_eq!(sqlstate(error), "23001", "{own}");
        run(&api, "rollback").await;
    }
}

/// A call that takes the last place of its number waits for its seller's meter, and is not stopped by the place that it has taken itself.
#[tokio::test]
async fn a_call_that_takes_the_last_place_is_not_stopped_by_it() {
    let seller = Seller::new().await;
    seller.cap("did", "offered", "concurrent", 1).await;
    seller.cap("seller", "offered", "concurrent", 1000).await;
    let holder = seller.db.superuser().await;
    run(
        &holder,
        "begin; select from meters where subject_type = 'seller' for update",
    )
    .await;
    let (switch, did) = (seller.db.asterisk().await, seller.campaigns[0].1.clone());
    let asked = tokio::spawn(async move {
        run(&switch, "begin").await;
        assert!(switch.route(&did, "last").await.unwrap().is_ok());
        let rows = "select n_tup_ins from pg_stat_xact_user_tables where relname = 'live_calls'";
        let tried: i64 = value(&switch, rows).await;
        run(&switch, "commit").await;
        tried
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!asked.is_finished(), "it waits");
    run(&holder, "commit").await;
    assert_eq!(asked.await.unwrap(), 1, "it is taken at once");
    assert_eq!(seller.rejected(0, "full").await, "did_concurrent_cap");
    assert_invariants(&seller.db).await;
}

/// A first cap that comes while a call waits for the link that it chose: it is that call's, too.
#[tokio::test]
async fn a_cap_that_came_while_a_call_waited_counts_for_it() {
    for (subject, _) in SUBJECTS {
        let seller = Seller::new().await;
        // The seller has a meter already, so the link says the same before and after.
        seller.cap("seller", "offered", "month", 1000).await;
        let holder = seller.db.superuser().await;
        let closed = seller.insert(subject, "offered", "day", 0);
        run(
            &holder,
            &format!("begin; select from link_counters for update; {closed}"),
        )
        .await;
        let (switch, did) = (seller.db.asterisk().await, seller.campaigns[0].1.clone());
        let asked = tokio::spawn(async move { switch.route(&did, "waits").await.unwrap() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!asked.is_finished(), "it waits");
        run(&holder, "commit").await;
        let target = asked.await.unwrap();
        assert_eq!(target.reject_reason(), format!("{subject}_day_cap"));
        assert_invariants(&seller.db).await;
    }
}

/// Somebody who holds a number's meter keeps that number's calls waiting, and no others.
#[tokio::test]
async fn a_number_that_is_held_keeps_no_other_waiting() {
    let seller = Seller::new().await;
    seller.cap("did", "offered", "concurrent", 9).await;
    let campaign = seller.campaigns[0].0;
    // Both numbers are in one campaign, of one link.
    run(
        &seller.superuser,
        &format!(
            "update campaign_client_settings set status = 'inactive' where campaign_id = {campaign} and forwarding_priority > 0;
             update campaign_dids set campaign_id = {campaign} where did_id = {}",
            seller.campaigns[1].2
        ),
    )
    .await;
    let holder = seller.db.superuser().await;
    run(&holder, "begin; select from meters for update").await;
    let (switch, did) = (seller.db.asterisk().await, seller.campaigns[0].1.clone());
    let asked = tokio::spawn(async move { switch.route(&did, "held").await.unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    for call in 0..5 {
        let began = Instant::now();
        seller.takes(1, &format!("other-{call}")).await;
        assert!(
            began.elapsed() < Duration::from_millis(90),
            "{:?}",
            began.elapsed()
        );
    }
    assert!(!asked.is_finished(), "it waits");
    run(&holder, "commit").await;
    assert!(asked.await.unwrap().is_ok());
    assert_invariants(&seller.db).await;
}

/// A link is made while its seller is deleted: one waits for the other, and neither dies of it.
#[tokio::test]
async fn a_new_link_and_the_end_of_its_seller_do_not_deadlock() {
    let seller = Seller::new().await;
    let admin = seller.db.admin().await;
    let other = Scenario::new(&admin, Strategy::Priority, &[Link::cap(1)]).await;
    let client = other.client_ids[0];
    let (holder, maker, deleter) = (
        seller.db.superuser().await,
        seller.db.superuser().await,
        seller.db.superuser().await,
    );
    run(
        &holder,
        &format!("begin; select from clients where id = {client} for update"),
    )
    .await;
    let campaign = seller.campaigns[0].0;
    let made = tokio::spawn(async move {
        let sql = format!(
            "insert into campaign_client_settings (campaign_id, client_id, max_concurrency) values ({campaign}, {client}, 1)"
        );
        maker.batch_execute(&sql).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let user_id = seller.user_id;
    let deleted = tokio::spawn(async move {
        let sql = format!("delete from users where id = {user_id}");
        deleter.batch_execute(&sql).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    run(&holder, "commit").await;
    made.await.unwrap().unwrap();
    deleted.await.unwrap().unwrap();
}

/// A campaign that was given away while a call was up: the call ends as its old owner's, whose first cap came later.
#[tokio::test]
async fn a_call_of_a_campaign_that_was_given_away_ends_as_its_owner_s() {
    let seller = Seller::new().await;
    let other = Scenario::new(&seller.db.admin().await, Strategy::Priority, &[]).await;
    seller.takes(0, "up").await;
    run(
        &seller.superuser,
        &format!(
            "update campaigns set user_id = {} where id = {}",
            other.user_id, seller.campaigns[0].0
        ),
    )
    .await;
    seller.cap("seller", "offered", "concurrent", 1).await;
    assert_eq!(seller.rejected(1, "full").await, "seller_concurrent_cap");
    seller.ends("up", "ANSWERED", 60).await;
    assert_eq!(seller.meters().await, ["seller 0 0 1 1 1"]);
    seller.takes(1, "open").await;
    assert_invariants(&seller.db).await;
}
