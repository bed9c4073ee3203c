//! Calls that a campaign has nobody for: another campaign of its seller is asked, or a link that is kept back for it.

use std::rc::Rc;

use capconduit_tests::{
    Calls, Link, Record, Scenario, Strategy, Target, TestDb, assert_consistent, assert_invariants, client,
    link, seller as new_seller,
};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{refusal, run, value, values};

/// One seller with two campaigns: calls to the first one's number.
struct Seller {
    db: Rc<TestDb>,
    admin: Client,
    switch: Client,
    did: String,
    user_id: i64,
    first: Scenario,
    then: Scenario,
}

impl Seller {
    async fn new(strategies: [Strategy; 2], first: &[Link], then: &[Link]) -> Self {
        Self::within(&Rc::new(TestDb::new().await), strategies, first, then).await
    }

    async fn within(db: &Rc<TestDb>, strategies: [Strategy; 2], first: &[Link], then: &[Link]) -> Self {
        let (admin, switch, superuser) = (db.admin().await, db.asterisk().await, db.superuser().await);
        let first = Scenario::new(&admin, strategies[0], first).await;
        let then = Scenario::new(&admin, strategies[1], then).await;
        let sql = format!(
            "update dids set user_id = {0} where user_id = {1}; update campaigns set user_id = {0} where user_id = {1}",
            first.user_id, then.user_id
        );
        run(&superuser, &sql).await;
        Seller {
            did: first.did.clone(),
            user_id: first.user_id,
            db: db.clone(),
            admin,
            switch,
            first,
            then,
        }
    }

    /// Two clients in each campaign, tried in this order.
    async fn of_two() -> Self {
        let links = [Link::cap(2), Link::cap(2).priority(1)];
        Self::new([Strategy::Priority; 2], &links, &links).await
    }

    async fn overflow(&self, overflow: Value) {
        let sql = format!(
            "update campaigns set overflow = '{overflow}' where id = {}",
            self.first.campaign_id
        );
        run(&self.admin, &sql).await;
    }

    async fn overflow_to_campaign(&self, exits: &[&str]) {
        let to = |exit: &&str| json!({"exit": exit, "campaign": self.then.campaign_id});
        self.overflow(exits.iter().map(to).collect()).await;
    }

    async fn route(&self, call: &str) -> Target {
        self.switch.route(&self.did, call).await.unwrap()
    }

    async fn fails(&self, call: &str, attempt: i32) -> Target {
        self.switch.next(call, attempt, "NOANSWER").await.unwrap()
    }

    async fn ends(&self, call: &str, talk: i32) {
        let sql = format!(
            "select log_call('{call}', '{}', 'ANSWERED', answered_at => now(), billsec_seconds => {talk})",
            self.did
        );
        run(&self.switch, &sql).await;
    }

    /// Nothing of the first campaign's own takes a call any more.
    async fn shut(&self, exit: &str) {
        let (links, clients) = (ids(&self.first.link_ids), ids(&self.first.client_ids));
        let sql = match exit {
            "all_closed" => format!(
                "insert into schedules (user_id, name, weekly) values ({0}, 'never', '[]');
                 update campaign_client_settings set schedule_id = (select max(id) from schedules) where id in ({links})",
                self.user_id
            ),
            "all_capped" => format!("update campaign_client_settings set total_calls_allowed = 0 where id in ({links})"),
            "day_capped" => format!(
                "insert into caps (link_id, counts, span, set_by, max_calls)
                 select id, 'offered', 'day', 'seller', 0 from campaign_client_settings where id in ({links})"
            ),
            "inactive" => format!("update campaign_client_settings set status = 'inactive' where id in ({links})"),
            _ => format!("update pjsip_aors set contact = null where client_id in ({clients})"),
        };
        run(&self.admin, &sql).await;
    }

    /// Exit, campaign that was left and which it is in, of the call or its record.
    async fn kept(&self, call: &str) -> Vec<String> {
        let sql = format!(
            "select concat_ws(' ', overflow_exit, overflowed_from, campaign_id) from live_calls where uniqueid = '{call}'
              union all
             select concat_ws(' ', overflow_exit, overflowed_from, campaign_id) from call_logs where asterisk_uniqueid = '{call}'"
        );
        values(&self.admin, &sql).await
    }

    async fn cap(&self, column: &str, id: i64, counts: &str, span: &str, max_calls: i64) {
        let sql = format!(
            "insert into caps ({column}, counts, span, set_by, max_calls) values ({id}, '{counts}', '{span}', 'seller', {max_calls})"
        );
        run(&self.admin, &sql).await;
    }

    /// Of the two campaigns, the number and the seller.
    async fn cap_all(&self, counts: &str, span: &str) {
        for (column, id) in [
            ("campaign_id", self.first.campaign_id),
            ("campaign_id", self.then.campaign_id),
            ("did_id", self.first.did_id),
            ("user_id", self.user_id),
        ] {
            self.cap(column, id, counts, span, 100).await;
        }
    }

    async fn meters(&self) -> Vec<String> {
        let sql =
            "select concat_ws(' ', subject_type, active, unsettled, offered, answered, qualified) from meters
                    order by subject_type, subject_id";
        values(&self.admin, sql).await
    }

    async fn used(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', subject_type, used, in_flight) from caps_view order by subject_type, subject_id";
        values(&self.admin, sql).await
    }
}

fn ids(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// Each exit, met in each way, to a campaign and to a link, by each strategy: whoever foretells it says the same.
#[tokio::test]
async fn each_exit_leads_where_it_is_said() {
    let db = Rc::new(TestDb::new().await);
    let mut calls = 0;
    for strategy in Strategy::ALL {
        for (way, exit, reason) in [
            ("all_closed", "all_closed", "all_closed"),
            ("all_capped", "all_capped", "no_eligible_clients_available"),
            ("day_capped", "all_capped", "all_capped"),
            ("inactive", "no_more_targets", "no_active_clients_in_campaign"),
            ("no contact", "no_more_targets", "no_active_clients_in_campaign"),
        ] {
            for to_link in [false, true] {
                calls += 1;
                let call = format!("call-{calls}");
                let case = format!("{} {way} {to_link}", strategy.as_str());
                let seller = Seller::within(&db, [strategy; 2], &[Link::cap(2); 2], &[Link::cap(2)]).await;
                seller.shut(way).await;
                let refused = seller.route("refused").await;
                assert_eq!(refused.reject_reason(), reason, "{case}");
                let (left, campaign_id, link_id) = if to_link {
                    let client_id = client(&seller.admin).await;
                    let campaign_id = seller.first.campaign_id;
                    let link_id = link(&seller.admin, campaign_id, client_id, Link::cap(2)).await;
                    seller.overflow(json!([{"exit": exit, "link": link_id}])).await;
                    (String::new(), campaign_id, link_id)
                } else {
                    seller.overflow_to_campaign(&[exit]).await;
                    let (left, then) = (seller.first.campaign_id, &seller.then);
                    (format!("{left} "), then.campaign_id, then.link_ids[0])
                };
                let foretold: String = value(
                    &seller.admin,
                    &format!(
                        "select concat_ws(' ', p.status, p.campaign_id, p.link_id, p.detail -> 'overflow' ->> 'exit',
                                (select string_agg(e.link_id::text, ',') from explain_call('{0}') e where e.eligible),
                                (select string_agg(distinct e.detail ->> 'overflow', ',') from explain_call('{0}') e where e.eligible),
                                (select count(*) from explain_call('{0}') e where e.reject_reason is not null))
                           from preview_call('{0}') p",
                        seller.did
                    ),
                )
                .await;
                assert_eq!(
                    foretold,
                    format!("ok {campaign_id} {link_id} {exit} {link_id} {exit} 0"),
                    "{case}"
                );
                let answer = seller.route(&call).await;
                assert_eq!(
                    (answer.link_id, answer.campaign_id),
                    (Some(link_id), Some(campaign_id)),
                    "{case}"
                );
                let decision = answer.decision.unwrap();
                assert!(
                    decision.contains(&format!(">{exit}>{link_id}=selected")),
                    "{case}: {decision}"
                );
                // The lost reply is asked for again.
                assert_eq!(seller.route(&call).await.link_id, Some(link_id), "{case}");
                let kept = vec![format!("{exit} {left}{campaign_id}")];
                assert_eq!(seller.kept(&call).await, kept, "{case}");
                assert_invariants(&seller.db).await;
                seller.ends(&call, 9).await;
                assert_eq!(seller.kept(&call).await, kept, "{case}");
                assert_invariants(&seller.db).await;
            }
        }
    }
}

/// Who has somebody of its own leaves nobody; a link that is kept back is asked for nothing else.
#[tokio::test]
async fn nobody_goes_beyond_while_there_is_somebody() {
    for strategy in Strategy::ALL {
        let seller = Seller::new([strategy; 2], &[Link::cap(2); 3], &[Link::cap(9)]).await;
        let kept_back = seller.first.link_ids[0];
        seller
            .overflow(json!([
                {"exit": "all_closed", "campaign": seller.then.campaign_id},
                {"exit": "all_capped", "link": kept_back},
            ]))
            .await;
        let reason: String = value(
            &seller.admin,
            &format!(
                "select concat_ws(' ', reason, eligible, detail -> 'stopped_by' ->> 'gate') from explain_call('{}') where link_id = {kept_back}",
                seller.did
            ),
        )
        .await;
        assert_eq!(reason, "kept_back f kept_back");
        for call in 0..4 {
            let answer = seller.route(&format!("call-{call}")).await;
            assert_ne!(answer.link(), kept_back);
            assert_eq!(
                seller.kept(&format!("call-{call}")).await,
                [seller.first.campaign_id.to_string()]
            );
        }
        for call in 4..6 {
            assert_eq!(seller.route(&format!("call-{call}")).await.link(), kept_back);
        }
        let full = seller.route("call-6").await;
        assert_eq!(full.reject_reason(), "no_eligible_clients_available");
        assert_eq!(full.campaign_id, Some(seller.first.campaign_id));
        seller.ends("call-0", 1).await;
        assert_ne!(seller.route("call-7").await.link(), kept_back);
        assert_invariants(&seller.db).await;
        // A campaign of nothing else.
        run(&seller.admin, &format!("delete from call_logs; delete from live_calls; update link_counters set active = 0, offered = 0, answered = 0, qualified = 0, total = 0; delete from link_windows; delete from campaign_client_settings where campaign_id = {} and id <> {kept_back}", seller.first.campaign_id)).await;
        assert_eq!(
            seller.route("call-8").await.reject_reason(),
            "no_active_clients_in_campaign"
        );
    }
}

/// A failed attempt goes on to the other campaign: by its strategy, within the ring budget of the first, to nobody who had it before.
#[tokio::test]
async fn a_call_that_nobody_answers_goes_on_within_its_ring_budget() {
    for strategy in Strategy::ALL {
        let seller = Seller::new(
            [Strategy::Priority, strategy],
            &[Link::cap(1)],
            &[Link::cap(1); 2],
        )
        .await;
        let (first, then) = (&seller.first, &seller.then);
        // One client is in both.
        let again = link(
            &seller.admin,
            then.campaign_id,
            first.client_ids[0],
            Link::cap(1).weight(1000),
        )
        .await;
        seller.overflow_to_campaign(&["no_more_targets"]).await;
        let own = format!(
            "update campaigns set dial_timeout_seconds = 7 where id = {}",
            then.campaign_id
        );
        run(&seller.admin, &own).await;
        assert_eq!(seller.route("call").await.link(), first.link_ids[0]);
        let second = seller.fails("call", 1).await;
        assert!(then.link_ids.contains(&second.link()));
        assert_eq!(second.campaign_id, Some(then.campaign_id));
        assert_eq!(second.dial_timeout_seconds, Some(7));
        assert!(
            second.decision.as_ref().unwrap().contains(&format!(
                ";2:{}=already_tried>no_more_targets>{}=selected",
                first.link_ids[0],
                second.link()
            )),
            "{second:?}"
        );
        // Told again: the same.
        assert_eq!(seller.fails("call", 1).await.link_id, second.link_id);
        assert_invariants(&seller.db).await;
        let third = seller.fails("call", 2).await;
        assert_ne!(third.link(), second.link());
        assert_ne!(third.link(), again);
        let last = seller.fails("call", 3).await;
        assert_eq!(last.reject_reason(), "no_more_targets");
        let kept = vec![format!(
            "no_more_targets {} {}",
            first.campaign_id, then.campaign_id
        )];
        assert_eq!(seller.kept("call").await, kept);
        assert_invariants(&seller.db).await;
        seller.switch.log("call", &seller.did, "NOANSWER").await.unwrap();
        assert_eq!(seller.kept("call").await, kept);
        // Nothing is left to ring with.
        assert_eq!(seller.route("late").await.link(), first.link_ids[0]);
        run(&seller.admin, "update live_calls set ring_deadline = now()").await;
        assert_eq!(seller.fails("late", 1).await.reject_reason(), "ring_budget_spent");
        run(
            &seller.admin,
            &format!(
                "update campaigns set max_ring_seconds = 10 where id = {}",
                first.campaign_id
            ),
        )
        .await;
        run(
            &seller.admin,
            "update campaign_client_settings set max_concurrency = 9",
        )
        .await;
        assert_eq!(seller.route("short").await.dial_timeout_seconds, Some(10));
        run(
            &seller.admin,
            "update live_calls set ring_deadline = now() + interval '9 seconds'",
        )
        .await;
        assert!(seller.fails("short", 1).await.dial_timeout_seconds.unwrap() <= 9);
        assert_invariants(&seller.db).await;
    }
}

/// One hop: what the second campaign names is not followed, nor anything else behind a link that was kept back.
#[tokio::test]
async fn a_call_goes_on_once() {
    let seller = Seller::of_two().await;
    let third = Scenario::new(&seller.admin, Strategy::Priority, &[Link::cap(9)]).await;
    let every_exit = |campaign: i64| -> Value {
        let to = |exit| json!({"exit": exit, "campaign": campaign});
        ["all_closed", "all_capped", "no_more_targets"]
            .map(to)
            .into_iter()
            .collect()
    };
    let (first, then) = (seller.first.campaign_id, seller.then.campaign_id);
    let sql = format!(
        "update campaigns set user_id = {} where id = {};
         update campaigns set overflow = '{}' where id = {then}",
        seller.user_id,
        third.campaign_id,
        every_exit(third.campaign_id)
    );
    run(&seller.db.superuser().await, &sql).await;
    seller.overflow(every_exit(then)).await;
    seller.shut("all_closed").await;
    assert_eq!(seller.route("failing").await.link(), seller.then.link_ids[0]);
    assert_eq!(seller.fails("failing", 1).await.link(), seller.then.link_ids[1]);
    assert_eq!(
        seller.fails("failing", 2).await.reject_reason(),
        "no_more_targets"
    );
    let full =
        format!("update campaign_client_settings set total_calls_allowed = 0 where campaign_id = {then}");
    run(&seller.admin, &full).await;
    assert_eq!(seller.route("full").await.reject_reason(), "all_closed");

    let new_client = client(&seller.admin).await;
    let kept_back = link(&seller.admin, first, new_client, Link::cap(9)).await;
    let exits = json!([{"exit": "all_closed", "link": kept_back}, {"exit": "no_more_targets", "campaign": third.campaign_id}]);
    seller.overflow(exits).await;
    assert_eq!(seller.route("kept back").await.link(), kept_back);
    assert_eq!(
        seller.fails("kept back", 1).await.reject_reason(),
        "no_more_targets"
    );
    assert_invariants(&seller.db).await;
}

/// The first campaign's ring budget holds where the call goes beyond at once, too; after a failure there, others of the second are asked.
#[tokio::test]
async fn a_call_that_went_beyond_at_once_fails_over_there() {
    let seller = Seller::of_two().await;
    seller.shut("all_closed").await;
    seller
        .overflow_to_campaign(&["all_closed", "no_more_targets"])
        .await;
    run(
        &seller.admin,
        &format!(
            "update campaigns set max_ring_seconds = 10 where id = {}",
            seller.first.campaign_id
        ),
    )
    .await;
    let answer = seller.route("call").await;
    assert_eq!(
        (answer.link(), answer.dial_timeout_seconds),
        (seller.then.link_ids[0], Some(10))
    );
    assert_eq!(seller.fails("call", 1).await.link(), seller.then.link_ids[1]);
    assert_eq!(seller.fails("call", 2).await.reject_reason(), "no_more_targets");
    assert_eq!(
        seller.kept("call").await,
        [format!(
            "all_closed {} {}",
            seller.first.campaign_id, seller.then.campaign_id
        )]
    );
    assert_invariants(&seller.db).await;
}

/// Whatever keeps the second campaign from taking the call, it is told why the first has nobody.
#[tokio::test]
async fn where_the_second_has_nobody_the_first_ones_reason_is_told() {
    let seller = Seller::of_two().await;
    seller.shut("all_closed").await;
    seller.overflow_to_campaign(&["all_closed"]).await;
    let then = seller.then.campaign_id;
    let superuser = seller.db.superuser().await;
    for (gate, set, unset) in [
        (
            "campaign_paused",
            format!("update campaigns set paused_until = 'infinity', pause_reason = 'x' where id = {then}"),
            format!("update campaigns set paused_until = null, pause_reason = null where id = {then}"),
        ),
        (
            "campaign_closed",
            format!("update campaigns set schedule_id = (select max(id) from schedules) where id = {then}"),
            format!("update campaigns set schedule_id = null where id = {then}"),
        ),
        (
            "campaign_day_cap",
            format!(
                "insert into caps (campaign_id, counts, span, set_by, max_calls) values ({then}, 'offered', 'day', 'seller', 0)"
            ),
            "delete from caps".to_owned(),
        ),
        (
            "caller_blocked",
            format!(
                "insert into caller_marks (campaign_id, caller, kind, source) values ({then}, '+491', 'blocked', 'hand')"
            ),
            "delete from caller_marks".to_owned(),
        ),
        (
            "anonymous_caller",
            format!("update campaigns set anonymous_callers = 'reject' where id = {then}"),
            format!("update campaigns set anonymous_callers = 'allow' where id = {then}"),
        ),
        (
            "=total_cap",
            format!("update campaign_client_settings set total_calls_allowed = 0 where campaign_id = {then}"),
            format!(
                "update campaign_client_settings set total_calls_allowed = null where campaign_id = {then}"
            ),
        ),
        (
            "",
            format!("update campaigns set status = 'inactive' where id = {then}"),
            format!("update campaigns set status = 'active' where id = {then}"),
        ),
        (
            "",
            format!(
                "alter table campaigns disable trigger user; update campaigns set user_id = (select id from users where role = 'user' and id <> {} limit 1) where id = {then}",
                seller.user_id
            ),
            format!(
                "update campaigns set user_id = {} where id = {then}; alter table campaigns enable trigger user",
                seller.user_id
            ),
        ),
    ] {
        let caller = if gate == "anonymous_caller" { "" } else { "+491" };
        run(&superuser, &set).await;
        let answer = seller
            .switch
            .route_on(&seller.did, "call", caller, "pbx1")
            .await
            .unwrap();
        assert_eq!(answer.reject_reason(), "all_closed", "{gate}");
        assert_eq!(answer.campaign_id, Some(seller.first.campaign_id), "{gate}");
        let decision = answer.decision.unwrap();
        assert!(decision.contains(gate), "{gate}: {decision}");
        let foretold: String = value(
            &seller.admin,
            &format!(
                "select concat_ws(' ', p.reason, (select string_agg(distinct e.reject_reason, ',') from explain_call('{0}', '{caller}') e))
                   from preview_call('{0}', '{caller}') p",
                seller.did
            ),
        )
        .await;
        assert_eq!(foretold, "all_closed all_closed", "{gate}");
        run(&superuser, &unset).await;
        run(&seller.switch, "begin").await;
        let taken = seller
            .switch
            .route_on(&seller.did, "call", caller, "pbx1")
            .await
            .unwrap();
        assert_eq!(taken.link(), seller.then.link_ids[0], "{gate}");
        run(&seller.switch, "rollback").await;
    }
    assert_invariants(&seller.db).await;
}

/// Counted in both campaigns, once for the number and the seller, whatever becomes of the call; and found by a cap that is made later.
#[tokio::test]
async fn a_call_that_overflows_counts_in_both_campaigns() {
    for span in ["hour", "total"] {
        for cap_first in [true, false] {
            let seller = Seller::of_two().await;
            seller
                .overflow_to_campaign(&["all_capped", "no_more_targets"])
                .await;
            if cap_first {
                seller.cap_all("answered", span).await;
            }
            // At once; after a failure; in flight; lost; and one that nobody of both takes any more.
            run(
                &seller.admin,
                &format!(
                    "update campaign_client_settings set max_concurrency = 1 where campaign_id = {}",
                    seller.first.campaign_id
                ),
            )
            .await;
            for call in ["own-1", "own-2"] {
                seller.route(call).await.link();
            }
            for call in ["good", "short", "lost", "up"] {
                assert_eq!(
                    seller.route(call).await.campaign_id,
                    Some(seller.then.campaign_id)
                );
            }
            seller.ends("good", 30).await;
            seller.ends("short", 3).await;
            let mut attempt = 1;
            while seller.fails("own-1", attempt).await.is_ok() {
                attempt += 1;
            }
            assert_invariants(&seller.db).await;
            seller.admin.release("lost", "gone").await.unwrap();
            if !cap_first {
                seller.cap_all("answered", span).await;
            }
            assert_eq!(
                seller.meters().await,
                [
                    "campaign 2 1 6 2 1",
                    "campaign 1 1 5 2 1",
                    "did 2 1 6 2 1",
                    "seller 2 1 6 2 1"
                ],
                "{span} {cap_first}"
            );
            assert_eq!(
                seller.used().await,
                ["campaign 2 3", "campaign 2 2", "did 2 3", "seller 2 3"]
            );
            assert_invariants(&seller.db).await;
            // What was lost was a good call.
            let mut record = Record::new("lost", &seller.did, "ANSWERED");
            record.answered_at = Some(seller.switch.database_time().await.unwrap());
            record.billsec_seconds = Some(31);
            seller.switch.log_record(&record).await.unwrap();
            assert_eq!(
                seller.kept("lost").await,
                [format!(
                    "all_capped {} {}",
                    seller.first.campaign_id, seller.then.campaign_id
                )]
            );
            assert_eq!(
                seller.meters().await,
                [
                    "campaign 2 0 6 3 2",
                    "campaign 1 0 5 3 2",
                    "did 2 0 6 3 2",
                    "seller 2 0 6 3 2"
                ]
            );
            for call in ["up", "own-1", "own-2"] {
                seller.switch.log(call, &seller.did, "NOANSWER").await.unwrap();
            }
            assert_invariants(&seller.db).await;
            // Purged records keep what they have used.
            let before = seller.used().await;
            run(
                &seller.admin,
                "update call_logs set timestamp_start = timestamp_start - interval '4 days';
                 select purge_call_logs(now() - interval '3 days')",
            )
            .await;
            assert_eq!(seller.used().await, before);
            assert_invariants(&seller.db).await;
        }
    }
}

/// A call counts in the window of its own first slot in each campaign.
#[tokio::test]
async fn each_campaign_counts_by_its_own_first_slot() {
    let seller = Seller::of_two().await;
    seller.overflow_to_campaign(&["no_more_targets"]).await;
    seller.cap_all("answered", "hour").await;
    seller.route("call").await.link();
    seller.fails("call", 1).await.link();
    // The present hour begins anew for all of them; the call came into the first campaign before, into the second in it.
    let sql = "begin;
         update meter_windows set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0,
                unsettled = 0, offered = 0, answered = 0, qualified = 0;
         update meters m set windows_until = w.ends_at
           from (select meter_id, min(ends_at) as ends_at from meter_windows group by meter_id) w
          where w.meter_id = m.id;
         commit";
    run(&seller.db.superuser().await, sql).await;
    assert_eq!(
        seller.fails("call", 2).await.campaign_id,
        Some(seller.then.campaign_id)
    );
    assert_eq!(
        seller.used().await,
        ["campaign 0 0", "campaign 0 1", "did 0 0", "seller 0 0"]
    );
    assert_invariants(&seller.db).await;
    seller.ends("call", 40).await;
    assert_eq!(
        seller.used().await,
        ["campaign 0 0", "campaign 1 0", "did 0 0", "seller 0 0"]
    );
    assert_invariants(&seller.db).await;
}

/// Caps of both campaigns hold, and of number and seller: at the first slot in each.
#[tokio::test]
async fn caps_of_both_campaigns_hold() {
    let seller = Seller::of_two().await;
    seller
        .overflow_to_campaign(&["all_closed", "no_more_targets"])
        .await;
    seller
        .cap("campaign_id", seller.then.campaign_id, "offered", "concurrent", 1)
        .await;
    assert_eq!(
        seller.route("call-1").await.campaign_id,
        Some(seller.first.campaign_id)
    );
    assert_eq!(
        seller.route("call-2").await.campaign_id,
        Some(seller.first.campaign_id)
    );
    for (call, attempt) in [("call-1", 1), ("call-2", 1), ("call-1", 2)] {
        seller.fails(call, attempt).await.link();
    }
    assert_eq!(
        seller.kept("call-1").await,
        [format!(
            "no_more_targets {} {}",
            seller.first.campaign_id, seller.then.campaign_id
        )]
    );
    // Another one does not get in, until that one has ended.
    let refused = seller.fails("call-2", 2).await;
    assert_eq!(refused.reject_reason(), "no_more_targets");
    assert!(
        refused
            .decision
            .unwrap()
            .ends_with(">no_more_targets>campaign_concurrent_cap")
    );
    seller.shut("all_closed").await;
    assert_eq!(seller.route("call-3").await.reject_reason(), "all_closed");
    // Nor one whose end nobody told.
    run(
        &seller.admin,
        "update live_calls set lease_until = now() - interval '1 second' where uniqueid = 'call-1'",
    )
    .await;
    assert_eq!(
        seller.route("call-3").await.campaign_id,
        Some(seller.then.campaign_id)
    );
    assert_invariants(&seller.db).await;
    // The first campaign is full of calls that have left it.
    seller
        .cap(
            "campaign_id",
            seller.first.campaign_id,
            "offered",
            "concurrent",
            1,
        )
        .await;
    assert_eq!(
        seller.route("call-4").await.reject_reason(),
        "campaign_concurrent_cap"
    );
    run(
        &seller.admin,
        "delete from caps where campaign_id = (select max(campaign_id) from caps)",
    )
    .await;
    run(
        &seller.admin,
        "update live_calls set lease_until = now() - interval '1 second' where uniqueid = 'call-3'",
    )
    .await;
    assert_eq!(
        seller.route("call-4").await.campaign_id,
        Some(seller.then.campaign_id)
    );
    assert_consistent(&seller.db).await;
}

/// What people have marked of a caller for all of the seller's campaigns holds in the second one.
#[tokio::test]
async fn what_the_seller_allows_and_blocks_holds_in_the_second_campaign() {
    let seller = Seller::of_two().await;
    seller
        .overflow_to_campaign(&["all_closed", "no_more_targets"])
        .await;
    let (first, then) = (seller.first.campaign_id, seller.then.campaign_id);
    let mark = async |column: &str, id: i64, kind: &str| {
        let sql =
            format!("insert into caller_marks ({column}, caller, kind) values ({id}, '+491', '{kind}')");
        run(&seller.admin, &sql).await;
    };
    let goes = async |call: &str, expected: &str| {
        let told = |answer: Target| match answer.campaign_id.filter(|_| answer.is_ok()) {
            Some(id) if id == then => "then".to_owned(),
            Some(_) => "first".to_owned(),
            None => answer.reject_reason().to_owned(),
        };
        let closed = async |closed: bool| {
            let schedule = if closed {
                "(select max(id) from schedules)"
            } else {
                "null"
            };
            let links = ids(&seller.first.link_ids);
            run(
                &seller.admin,
                &format!(
                    "update campaign_client_settings set schedule_id = {schedule} where id in ({links})"
                ),
            )
            .await;
        };
        closed(true).await;
        let foretold: Option<i64> = value(
            &seller.admin,
            &format!("select link_id from preview_call('{}', '+491')", seller.did),
        )
        .await;
        assert_eq!(foretold.is_some(), expected == "then");
        let answer = seller
            .switch
            .route_on(&seller.did, call, "+491", "pbx1")
            .await
            .unwrap();
        let reason = if expected == "then" { "then" } else { "all_closed" };
        assert_eq!(told(answer), reason, "{call}");
        closed(false).await;
        let failed = format!("{call} failed");
        let answer = seller
            .switch
            .route_on(&seller.did, &failed, "+491", "pbx1")
            .await
            .unwrap();
        assert_eq!(told(answer), "first");
        seller.fails(&failed, 1).await.link();
        let reason = if expected == "then" {
            "then"
        } else {
            "no_more_targets"
        };
        assert_eq!(told(seller.fails(&failed, 2).await), reason, "{failed}");
        for call in [call, &failed] {
            seller.switch.log(call, &seller.did, "NOANSWER").await.unwrap();
        }
    };
    seller.shut("all_closed").await;
    mark("campaign_id", then, "blocked").await;
    goes("blocked by the second", "nobody").await;
    mark("user_id", seller.user_id, "allowed").await;
    goes("allowed by the seller", "then").await;
    run(&seller.admin, "delete from caller_marks").await;
    mark("user_id", seller.user_id, "blocked").await;
    mark("campaign_id", first, "allowed").await;
    goes("allowed by the first alone", "nobody").await;
    assert_invariants(&seller.db).await;
}

/// Which rows of an explanation say that they are asked by an exit; what is told of a second campaign that takes no call.
#[tokio::test]
async fn an_explanation_says_who_is_asked_by_which_exit() {
    let seller = Seller::of_two().await;
    let explained = async || -> Vec<String> {
        let sql = format!(
            "select concat_ws(' ', campaign_id, link_id, reason, detail ->> 'overflow') from explain_call('{}')",
            seller.did
        );
        values(&seller.admin, &sql).await
    };
    let (first, then) = (&seller.first, &seller.then);
    let row = |campaign: i64, link: i64, more: &str| format!("{campaign} {link} {more}");
    seller.shut("inactive").await;
    let inactive: Vec<String> = first
        .link_ids
        .iter()
        .map(|link| row(first.campaign_id, *link, "link_inactive"))
        .collect();
    seller.overflow_to_campaign(&["no_more_targets"]).await;
    let of_then = |more: &str| {
        then.link_ids
            .iter()
            .map(|link| row(then.campaign_id, *link, more))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        explained().await,
        [inactive.clone(), of_then("eligible no_more_targets")].concat()
    );
    run(
        &seller.admin,
        &format!(
            "update campaigns set paused_until = now() + interval '1 hour', pause_reason = 'x' where id = {}",
            then.campaign_id
        ),
    )
    .await;
    let stopped = format!("{} campaign_paused no_more_targets", then.campaign_id);
    assert_eq!(explained().await, [inactive.clone(), vec![stopped]].concat());
    let retry: bool = value(
        &seller.admin,
        &format!(
            "select (p.detail ->> 'retry_at')::timestamptz = c.paused_until from preview_call('{}') p, campaigns c where c.id = {}",
            seller.did, then.campaign_id
        ),
    )
    .await;
    assert!(retry);
    run(
        &seller.admin,
        &format!(
            "update campaigns set status = 'inactive' where id = {}",
            then.campaign_id
        ),
    )
    .await;
    assert_eq!(explained().await, inactive);
    let kept_back = first.link_ids[1];
    run(
        &seller.admin,
        &format!("update campaign_client_settings set status = 'active' where id = {kept_back}"),
    )
    .await;
    seller
        .overflow(json!([{"exit": "no_more_targets", "link": kept_back}]))
        .await;
    assert_eq!(
        explained().await,
        [
            inactive[0].clone(),
            row(first.campaign_id, kept_back, "eligible no_more_targets")
        ]
    );
    let asked: Vec<i64> = values(
        &seller.admin,
        &format!("select (l ->> 'link_id')::bigint from preview_call('{}') p, jsonb_array_elements(p.detail -> 'links') l", seller.did),
    )
    .await;
    assert_eq!(asked, [first.link_ids[0], kept_back]);
}

/// Both remember the caller, and each refuses whom it does not want.
#[tokio::test]
async fn callers_are_remembered_by_both_campaigns() {
    let seller = Seller::of_two().await;
    seller
        .overflow_to_campaign(&["all_closed", "no_more_targets"])
        .await;
    let (first, then) = (seller.first.campaign_id, seller.then.campaign_id);
    let rules = |campaign: i64| {
        format!(
            "update campaigns set caller_rules = '[{{\"after\": \"answered\", \"seconds\": 60, \"action\": \"reject\"}}]' where id = {campaign}"
        )
    };
    run(&seller.admin, &rules(then)).await;
    seller.shut("all_closed").await;
    let route = |call: &'static str| seller.switch.route_on(&seller.did, call, "+491", "pbx1");
    assert_eq!(route("call-1").await.unwrap().campaign_id, Some(then));
    assert_invariants(&seller.db).await;
    // It is still up: the second campaign has had it.
    assert_eq!(route("call-2").await.unwrap().reject_reason(), "all_closed");
    run(&seller.admin, &rules(first)).await;
    seller.ends("call-1", 1).await;
    let by: Vec<i64> = values(&seller.admin, "select campaign_id from caller_marks order by 1").await;
    assert_eq!(by, [then], "the first one's rule is newer than the call");
    run(&seller.admin, "delete from caller_marks").await;
    assert_eq!(route("call-3").await.unwrap().campaign_id, Some(then));
    assert_eq!(route("call-4").await.unwrap().reject_reason(), "duplicate_caller");
    seller.ends("call-3", 1).await;
    let by: Vec<i64> = values(&seller.admin, "select campaign_id from caller_marks order by 1").await;
    assert_eq!(by, [first, then]);
    assert_invariants(&seller.db).await;
    // And where an attempt has failed before.
    run(
        &seller.admin,
        "delete from caller_marks; update campaign_client_settings set schedule_id = null",
    )
    .await;
    assert_eq!(route("call-5").await.unwrap().campaign_id, Some(first));
    seller.fails("call-5", 1).await.link();
    assert_eq!(seller.fails("call-5", 2).await.campaign_id, Some(then));
    assert_invariants(&seller.db).await;
    seller.ends("call-5", 1).await;
    let by: Vec<i64> = values(&seller.admin, "select campaign_id from caller_marks order by 1").await;
    assert_eq!(by, [first, then]);
    // The second one alone does not want it any more: where the first has failed.
    run(
        &seller.admin,
        &format!("delete from caller_marks where campaign_id = {first}"),
    )
    .await;
    assert_eq!(route("call-6").await.unwrap().campaign_id, Some(first));
    seller.fails("call-6", 1).await.link();
    let refused = seller.fails("call-6", 2).await;
    assert_eq!(refused.reject_reason(), "no_more_targets");
    assert!(refused.decision.unwrap().ends_with(">duplicate_caller"));
    assert_invariants(&seller.db).await;
}

/// Who had the caller is asked there, too, alone if a rule says so.
/// That a link passes over the caller says nothing of the others: with those closed the call leaves as if it were not there.
#[tokio::test]
async fn a_link_that_passes_over_the_caller_keeps_no_call_from_leaving() {
    const CALLER: &str = "+4930123456";
    let links = [Link::cap(9), Link::cap(9).priority(1), Link::cap(9).priority(2)];
    let seller = Seller::new([Strategy::Priority; 2], &links, &[Link::cap(9)]).await;
    let [closed, open, kept] = seller.first.link_ids[..] else {
        panic!("three links");
    };
    let route = async |call: &str| {
        let sql = format!(
            "select concat_ws(' ', link_id, reason, decision) from route_call('{}', '{call}', '{CALLER}')",
            seller.did
        );
        value::<String>(&seller.switch, &sql).await
    };
    run(
        &seller.admin,
        &format!(
            "insert into schedules (name, weekly) values ('never', '[]');
             update campaign_client_settings set schedule_id = (select max(id) from schedules) where id = {closed};
             update campaign_client_settings set caller_rules = '[{{\"after\": \"answered\", \"action\": \"skip\"}}]' where id = {open}"
        ),
    )
    .await;
    let to_kept = |exit: &str| json!([{"exit": exit, "link": kept}]);
    seller.overflow(to_kept("all_closed")).await;
    assert_eq!(
        route("first").await,
        format!("{open} {open}=selected|{closed}=link_closed|{kept}=kept_back")
    );
    seller.ends("first", 60).await;
    let passed_over = format!("{closed}=link_closed|{open}=link_duplicate_caller");
    assert_eq!(
        route("again").await,
        format!("{kept} {passed_over}|{kept}=kept_back>all_closed>{kept}=selected|{passed_over}")
    );
    let previewed: Vec<i64> = values(
        &seller.admin,
        &format!(
            "select p.link_id from preview_call('{0}', '{CALLER}') p
              union all
             select e.link_id from explain_call('{0}', '{CALLER}') e where e.eligible",
            seller.did
        ),
    )
    .await;
    assert_eq!(previewed, [kept, kept]);
    // Where all pass over it nobody is left to be asked; and where nobody is asked then, the caller is told why.
    let sql = format!("update campaign_client_settings set status = 'inactive' where id = {closed}");
    run(&seller.admin, &sql).await;
    let reason = async |call: &str| route(call).await.split(' ').next().unwrap_or_default().to_owned();
    assert_eq!(reason("refused").await, "duplicate_caller");
    seller.overflow(to_kept("no_more_targets")).await;
    assert_eq!(reason("left").await, kept.to_string());
    assert_invariants(&seller.db).await;
}

#[tokio::test]
async fn who_had_the_caller_is_asked_in_the_second_campaign() {
    let seller = Seller::of_two().await;
    seller.overflow_to_campaign(&["all_closed"]).await;
    let then = seller.then.campaign_id;
    let rules = "[{\"after\": \"answered\", \"action\": \"same_client_only\"}]";
    run(
        &seller.admin,
        &format!("update campaigns set caller_rules = '{rules}' where id = {then}"),
    )
    .await;
    seller.shut("all_closed").await;
    let route = |call: &'static str| seller.switch.route_on(&seller.did, call, "+491", "pbx1");
    let second = seller.then.link_ids[1];
    route("call-1").await.unwrap().link();
    assert_eq!(seller.fails("call-1", 1).await.link(), second);
    seller.ends("call-1", 1).await;
    assert_eq!(route("call-2").await.unwrap().link(), second);
    // Nobody else.
    assert_eq!(seller.fails("call-2", 1).await.reject_reason(), "no_more_targets");
    run(
        &seller.admin,
        &format!("update campaign_client_settings set status = 'inactive' where id = {second}"),
    )
    .await;
    assert_eq!(route("call-3").await.unwrap().reject_reason(), "all_closed");
    assert_invariants(&seller.db).await;
}

#[tokio::test]
async fn what_leads_nowhere_is_refused() {
    let seller = Seller::of_two().await;
    let (first, then) = (&seller.first, &seller.then);
    let stranger = Scenario::new(&seller.admin, Strategy::Priority, &[Link::cap(1)]).await;
    for (overflow, fault) in [
        (json!({}), "a list is expected".to_owned()),
        (
            json!([{"exit": "closed", "link": 1}]),
            "1: exit must be one of: all_closed, all_capped, no_more_targets".to_owned(),
        ),
        (
            json!([{"exit": "all_closed", "campaign": first.campaign_id}]),
            format!(
                "1: campaign {} is no other campaign of this seller",
                first.campaign_id
            ),
        ),
        (
            json!([{"exit": "all_closed", "campaign": then.campaign_id}, {"exit": "all_capped", "campaign": stranger.campaign_id}]),
            format!(
                "2: campaign {} is no other campaign of this seller",
                stranger.campaign_id
            ),
        ),
        (
            json!([{"exit": "all_closed", "link": then.link_ids[0]}]),
            format!("1: link {} is no link of this campaign", then.link_ids[0]),
        ),
        (
            json!([{"exit": "all_closed", "link": 999_999_999_999_i64}]),
            "1: link 999999999999 is no link of this campaign".to_owned(),
        ),
    ] {
        let sql = format!(
            "update campaigns set overflow = '{overflow}' where id = {}",
            first.campaign_id
        );
        let refused = refusal(seller.admin.execute(&sql, &[]).await);
        assert_eq!(
            refused,
            ("23514".to_owned(), format!("overflow: {fault}")),
            "{overflow}"
        );
    }
    let faults: Vec<Option<String>> = seller
        .admin
        .query(
            "select overflow_fault(o) from (values (null::jsonb), ('[]'), ('[1]')) v (o)",
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(faults, [None, None, Some("1: an object is expected".to_owned())]);
    // A hand's rubbish refuses the campaign's calls, as in every table.
    let superuser = seller.db.superuser().await;
    run(&superuser, &format!("alter table campaigns disable trigger user; update campaigns set overflow = '[1]' where id = {}; alter table campaigns enable trigger user", first.campaign_id)).await;
    let (_, said) = refusal(seller.switch.route(&seller.did, "call").await);
    assert!(said.contains("overflow: 1: an object is expected"), "{said}");
}

/// What is gone, or another seller's, is named by nobody any more.
#[tokio::test]
async fn what_is_gone_is_named_no_more() {
    let seller = Seller::of_two().await;
    let (first, then) = (&seller.first, &seller.then);
    let superuser = seller.db.superuser().await;
    let shown = async || -> Option<Value> {
        let sql = format!("select overflow from campaigns where id = {}", first.campaign_id);
        seller.admin.query_one(&sql, &[]).await.unwrap().get(0)
    };
    let hand = async |campaign: i64, user: i64| {
        run(
            &superuser,
            &format!("update campaigns set user_id = {user} where id = {campaign}"),
        )
        .await;
    };
    let both = json!([
        {"exit": "all_closed", "campaign": then.campaign_id},
        {"exit": "all_capped", "link": first.link_ids[0]},
        {"exit": "no_more_targets", "campaign": then.campaign_id},
    ]);
    let link_alone = json!([{"exit": "all_capped", "link": first.link_ids[0]}]);
    let stranger = new_seller(&seller.admin).await;
    seller.overflow(both.clone()).await;
    hand(then.campaign_id, stranger).await;
    assert_eq!(shown().await, Some(link_alone.clone()));
    hand(then.campaign_id, seller.user_id).await;
    seller.overflow(both.clone()).await;
    hand(first.campaign_id, stranger).await;
    assert_eq!(shown().await, Some(link_alone.clone()));
    hand(first.campaign_id, seller.user_id).await;
    seller.overflow(both).await;
    run(
        &seller.admin,
        &format!("delete from campaigns where id = {}", then.campaign_id),
    )
    .await;
    assert_eq!(shown().await, Some(link_alone));
    run(
        &seller.admin,
        &format!(
            "delete from campaign_client_settings where id = {}",
            first.link_ids[0]
        ),
    )
    .await;
    assert_eq!(shown().await, None);
    // A seller with all that is its own.
    seller
        .overflow(json!([{"exit": "all_capped", "link": first.link_ids[1]}]))
        .await;
    run(
        &seller.admin,
        &format!("delete from users where id = {}", seller.user_id),
    )
    .await;
}
