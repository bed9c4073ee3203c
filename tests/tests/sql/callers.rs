//! Callers: lists of those that are blocked and allowed, those without a number, and those that call again too soon.

use capconduit_tests::{API, Calls, Link, Record, Scenario, Strategy, Target, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{refusal, run, sqlstate, value, values};
use super::tenancy::begin_as;

const CALLER: &str = "+4930123456";

async fn two_links(admin: &Client) -> Scenario {
    let links = [Link::cap(9), Link::cap(9).priority(1)];
    Scenario::new(admin, Strategy::Priority, &links).await
}

/// What a call of this caller gets; nothing of it stays.
async fn tried(switch: &Client, did: &str, caller: &str) -> Target {
    run(switch, "begin").await;
    let answer = switch.route_on(did, "tried", caller, "pbx1").await.unwrap();
    run(switch, "rollback").await;
    answer
}

/// A mark of the caller: in which column of whom, which kind, until when.
async fn mark(db: &Client, of: Option<(&str, i64)>, kind: &str, until: &str) {
    let (column, id) = of.map_or((String::new(), String::new()), |(column, id)| {
        (format!("{column}, "), format!("{id}, "))
    });
    run(
        db,
        &format!("insert into caller_marks ({column}caller, kind, until) values ({id}'{CALLER}', '{kind}', {until})"),
    )
    .await;
}

fn told(answer: &Target) -> String {
    match answer.link_id {
        Some(link) => link.to_string(),
        None => format!(
            "{} {}",
            answer.reject_reason(),
            answer.hangup_cause.unwrap_or_default()
        ),
    }
}

/// Each scope by itself, and what beats what. Where the caller's call goes: the first link, the second, nowhere.
#[tokio::test]
async fn blocked_callers_are_rejected_or_passed_over() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    let of = |scope: &'static str| match scope {
        "link" => Some(("link_id", scenario.link_ids[0])),
        "client" => Some(("client_id", scenario.client_ids[0])),
        "campaign" => Some(("campaign_id", scenario.campaign_id)),
        "seller" => Some(("user_id", scenario.user_id)),
        _ => None,
    };
    let (first, second) = (scenario.link_ids[0].to_string(), scenario.link_ids[1].to_string());
    let (ever, past) = ("null", "now() - interval '1 second'");
    let rejected = "caller_blocked 21";
    type Marks = &'static [(&'static str, &'static str, bool)];
    let table: [(Marks, &str); 17] = [
        (&[], &first),
        (&[("platform", "blocked", true)], rejected),
        (&[("seller", "blocked", true)], rejected),
        (&[("campaign", "blocked", true)], rejected),
        (&[("client", "blocked", true)], &second),
        (&[("link", "blocked", true)], &second),
        // What has ended says nothing.
        (&[("platform", "blocked", false)], &first),
        (&[("link", "blocked", false)], &first),
        (
            &[("seller", "blocked", true), ("seller", "allowed", false)],
            rejected,
        ),
        // The same side.
        (
            &[("platform", "blocked", true), ("platform", "allowed", true)],
            &first,
        ),
        (
            &[("seller", "blocked", true), ("campaign", "allowed", true)],
            &first,
        ),
        (
            &[("campaign", "blocked", true), ("seller", "allowed", true)],
            &first,
        ),
        (&[("link", "blocked", true), ("link", "allowed", true)], &first),
        // And not.
        (
            &[("platform", "blocked", true), ("seller", "allowed", true)],
            rejected,
        ),
        (
            &[("seller", "blocked", true), ("platform", "allowed", true)],
            rejected,
        ),
        (&[("client", "blocked", true), ("link", "allowed", true)], &second),
        (&[("link", "blocked", true), ("seller", "allowed", true)], &second),
    ];
    for (marks, expected) in table {
        for (scope, kind, lasts) in marks {
            mark(&admin, of(scope), kind, if *lasts { ever } else { past }).await;
        }
        assert_eq!(
            told(&tried(&switch, &scenario.did, CALLER).await),
            expected,
            "{marks:?}"
        );
        // Without its plus it is the same caller; another, and none, are not.
        assert_eq!(
            told(&tried(&switch, &scenario.did, &CALLER[1..]).await),
            expected,
            "{marks:?}"
        );
        for other in ["+4930123457", "anonymous", ""] {
            assert_eq!(
                told(&tried(&switch, &scenario.did, other).await),
                first,
                "{marks:?} {other:?}"
            );
        }
        let foretold: String = value(
            &admin,
            &format!("select coalesce(link_id::text, concat_ws(' ', reason, hangup_cause)) from preview_call('{}', '{CALLER}')", scenario.did),
        )
        .await;
        assert_eq!(foretold, expected, "{marks:?}");
        run(&admin, "delete from caller_marks").await;
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn every_link_blocks_the_caller() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    mark(&admin, Some(("link_id", scenario.link_ids[0])), "blocked", "null").await;
    mark(
        &admin,
        Some(("client_id", scenario.client_ids[1])),
        "blocked",
        "'2100-01-01 00:00:00Z'",
    )
    .await;
    let refused = switch
        .route_on(&scenario.did, "call", CALLER, "pbx1")
        .await
        .unwrap();
    assert_eq!(told(&refused), "caller_blocked 21");
    assert_eq!(
        refused.decision.as_deref(),
        Some(
            format!(
                "{}=link_blocks_caller|{}=client_blocks_caller",
                scenario.link_ids[0], scenario.link_ids[1]
            )
            .as_str()
        )
    );
    run(&admin, "set timezone = 'UTC'").await;
    let explained: Vec<Value> = values(
        &admin,
        &format!(
            "select detail -> 'stopped_by' from explain_call('{}', '{CALLER}') order by link_id",
            scenario.did
        ),
    )
    .await;
    assert_eq!(
        explained[1],
        json!({"gate": "client_blocks_caller", "scope": "client", "until": "2100-01-01T00:00:00+00:00", "freed_by": "time"})
    );
    let later: String = value(
        &admin,
        &format!(
            "select link_id::text from preview_call('{}', '{CALLER}', at => '2100-01-01 00:00:00Z')",
            scenario.did
        ),
    )
    .await;
    assert_eq!(later, scenario.link_ids[1].to_string());
    // Who asks without a caller is told of none.
    let open: i64 = value(
        &admin,
        &format!(
            "select count(*) from explain_call('{}') where eligible",
            scenario.did
        ),
    )
    .await;
    assert_eq!(open, 2);
}

/// A failed call does not move on to a link that blocks its caller, marked while it rang.
#[tokio::test]
async fn a_call_that_fails_over_passes_a_link_that_blocks_its_caller() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let links = [Link::cap(9), Link::cap(9).priority(1), Link::cap(9).priority(2)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    switch
        .route_on(&scenario.did, "call", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    mark(
        &admin,
        Some(("client_id", scenario.client_ids[1])),
        "blocked",
        "null",
    )
    .await;
    assert_eq!(
        switch.next("call", 1, "BUSY").await.unwrap().link(),
        scenario.link_ids[2]
    );
    switch.log("call", &scenario.did, "NOANSWER").await.unwrap();
    assert_invariants(&db).await;
}

#[tokio::test]
async fn callers_without_a_number_are_rejected_where_the_campaign_says_so() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    let set = async |value: &str| {
        let sql = format!(
            "update campaigns set anonymous_callers = '{value}', min_redial_seconds = 60 where id = {}",
            scenario.campaign_id
        );
        run(&admin, &sql).await;
    };
    set("allow").await;
    // Nor are they one caller that calls again.
    for (call, caller) in ["", "anonymous", "Restricted", ""].iter().enumerate() {
        switch
            .route_on(&scenario.did, &format!("anonymous-{call}"), caller, "pbx1")
            .await
            .unwrap()
            .link();
    }
    set("reject").await;
    for caller in ["", "anonymous", " "] {
        assert_eq!(
            told(&tried(&switch, &scenario.did, caller).await),
            "anonymous_caller 21",
            "{caller:?}"
        );
    }
    // Whoever asks for nobody in particular is told of nobody.
    for (asked, expected) in [
        ("", None),
        (", ''", Some("anonymous_caller")),
        (", 'anonymous'", Some("anonymous_caller")),
    ] {
        let sql = format!("select reason from preview_call('{}'{asked})", scenario.did);
        assert_eq!(
            value::<Option<String>>(&admin, &sql).await.as_deref(),
            expected,
            "{asked}"
        );
    }
    assert!(tried(&switch, &scenario.did, CALLER).await.is_ok());
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 0);
}

/// The mark of the caller's last call: so many microseconds ago as the gate's clock will have it.
async fn explained_at(admin: &Client, did: &str, after_micros: i64) -> String {
    let sql = format!(
        "select coalesce(p.link_id::text, p.reason) from caller_marks, preview_call('{did}', '{CALLER}', at => at + {after_micros} * interval '1 microsecond') p"
    );
    value(admin, &sql).await
}

#[tokio::test]
async fn a_caller_calls_again_no_sooner_than_allowed() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let (scenario, other) = (two_links(&admin).await, two_links(&admin).await);
    let did = scenario.did.as_str();
    run(&admin, "update campaigns set min_redial_seconds = 2").await;
    let first = switch.route_on(did, "first", CALLER, "pbx1").await.unwrap();
    // The switch lost the answer: the same call is not its own redial.
    assert_eq!(
        switch.route_on(did, "first", CALLER, "pbx1").await.unwrap(),
        first
    );
    let marked: Value = value(
        &admin,
        "select jsonb_build_object('caller', caller, 'kind', kind, 'source', source, 'by', created_by,
                    'lasts', until - at = interval '2 seconds', 'fits', at between l.attempt_at - interval '1 second' and l.attempt_at)
           from caller_marks, live_calls l",
    )
    .await;
    assert_eq!(
        marked,
        json!({"caller": CALLER, "kind": "seen", "source": "call", "by": null, "lasts": true, "fits": true})
    );
    let sooner = switch.route_on(did, "second", CALLER, "pbx1").await.unwrap();
    assert_eq!(told(&sooner), "redial_too_soon 21");
    for (after, expected) in [
        (0, "redial_too_soon".to_owned()),
        (1_999_999, "redial_too_soon".to_owned()),
        (2_000_000, scenario.link_ids[0].to_string()),
        // A clock that was set back by more than that.
        (-1_999_999, "redial_too_soon".to_owned()),
        (-2_000_000, scenario.link_ids[0].to_string()),
    ] {
        assert_eq!(explained_at(&admin, did, after).await, expected, "{after}");
    }
    run(&admin, "set timezone = 'UTC'; update caller_marks set at = '2100-01-01 00:00:00Z', until = '2100-01-01 00:00:02Z'").await;
    let stopped: Value = value(
        &admin,
        &format!("select detail -> 'stopped_by' from preview_call('{did}', '{CALLER}', at => '2100-01-01 00:00:01Z')"),
    )
    .await;
    assert_eq!(
        stopped,
        json!({"gate": "redial_too_soon", "min_redial_seconds": 2, "last_call_at": "2100-01-01T00:00:00+00:00",
            "opens_at": "2100-01-01T00:00:02+00:00", "freed_by": "time"})
    );
    // Another campaign, another caller.
    run(
        &admin,
        "update caller_marks set at = clock_timestamp(), until = clock_timestamp() + interval '2 seconds'",
    )
    .await;
    switch
        .route_on(&other.did, "elsewhere", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    switch
        .route_on(did, "another", "+4930123457", "pbx1")
        .await
        .unwrap()
        .link();
    // Whom the seller allows.
    assert_eq!(told(&tried(&switch, did, CALLER).await), "redial_too_soon 21");
    mark(&admin, Some(("user_id", scenario.user_id)), "allowed", "null").await;
    assert!(tried(&switch, did, CALLER).await.is_ok());
    run(&admin, "delete from caller_marks where kind = 'allowed'").await;
    // The platform's word is another side's.
    mark(&admin, None, "allowed", "null").await;
    assert_eq!(told(&tried(&switch, did, CALLER).await), "redial_too_soon 21");
    assert_invariants(&db).await;
}

/// A refused call leaves the mark as it is; one that comes in time moves it.
#[tokio::test]
async fn a_refused_repeat_does_not_prolong_it() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    run(&admin, "update campaigns set min_redial_seconds = 1").await;
    let seen = "select (extract(epoch from at) * 1000000)::bigint from caller_marks";
    switch
        .route_on(&scenario.did, "first", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    let at: i64 = value(&admin, seen).await;
    let mut refused = 0;
    loop {
        let answer = switch
            .route_on(&scenario.did, "again", CALLER, "pbx1")
            .await
            .unwrap();
        if answer.is_ok() {
            break;
        }
        assert_eq!(told(&answer), "redial_too_soon 21");
        assert_eq!(value::<i64>(&admin, seen).await, at);
        refused += 1;
    }
    let again: i64 = value(&admin, seen).await;
    assert!(
        refused > 0 && (1_000_000..3_000_000).contains(&(again - at)),
        "{refused}, {}",
        again - at
    );
    // A call that no link takes leaves none.
    run(
        &admin,
        "delete from caller_marks; update campaign_client_settings set status = 'inactive'",
    )
    .await;
    assert_eq!(
        told(
            &switch
                .route_on(&scenario.did, "nobody", CALLER, "pbx1")
                .await
                .unwrap()
        ),
        "no_active_clients_in_campaign 20"
    );
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 0);
    assert_invariants(&db).await;
}

/// Which rows say that they are screened.
async fn screened(db: &Client) -> Vec<String> {
    values(
        db,
        "select t || ' ' || id from (select 'user' as t, id, screened from users
             union all select 'client', id, screened from clients union all select 'campaign', id, screened from campaigns
             union all select 'link', id, screened from campaign_client_settings) s where screened order by 1",
    )
    .await
}

#[tokio::test]
async fn what_callers_are_marked_of_says_so_as_long_as_they_are() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    let versions = "select jsonb_agg(jsonb_build_array(version, updated_at) order by t, id)
        from (select 1 as t, id, version, updated_at from users union all select 2, id, version, updated_at from clients
              union all select 3, id, version, updated_at from campaigns
              union all select 4, id, version, updated_at from campaign_client_settings) v";
    let before: Value = value(&admin, versions).await;
    for (column, id, name) in [
        ("link_id", scenario.link_ids[0], "link"),
        ("client_id", scenario.client_ids[0], "client"),
        ("campaign_id", scenario.campaign_id, "campaign"),
        ("user_id", scenario.user_id, "user"),
    ] {
        mark(&admin, Some((column, id)), "blocked", "null").await;
        mark(&admin, Some((column, id)), "allowed", "null").await;
        let expected = [format!("{name} {id}")];
        assert_eq!(screened(&admin).await, expected);
        run(&admin, "delete from caller_marks where kind = 'blocked'").await;
        assert_eq!(screened(&admin).await, expected);
        run(&admin, "delete from caller_marks").await;
        assert!(screened(&admin).await.is_empty(), "{name}");
    }
    // A seller, for its own and for the platform's; one that comes later, too.
    mark(&admin, Some(("user_id", scenario.user_id)), "blocked", "null").await;
    mark(&admin, None, "blocked", "null").await;
    let later = two_links(&admin).await;
    let users: Vec<String> = values(&admin, "select 'user ' || id from users order by 1").await;
    assert_eq!(screened(&admin).await, users);
    assert_eq!(
        told(
            &switch
                .route_on(&later.did, "later", CALLER, "pbx1")
                .await
                .unwrap()
        ),
        "caller_blocked 21"
    );
    run(&admin, "delete from caller_marks where user_id is null").await;
    assert_eq!(screened(&admin).await, [format!("user {}", scenario.user_id)]);
    run(&admin, "delete from caller_marks").await;
    assert!(screened(&admin).await.is_empty());
    // No version moved, and what calls leave screens nobody.
    run(&admin, &format!("delete from users where id = {}", later.user_id)).await;
    run(
        &admin,
        &format!(
            "delete from clients where id = any ('{{{},{}}}')",
            later.client_ids[0], later.client_ids[1]
        ),
    )
    .await;
    assert_eq!(value::<Value>(&admin, versions).await, before);
    run(&admin, "update campaigns set min_redial_seconds = 9").await;
    switch
        .route_on(&scenario.did, "call", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 1);
    assert!(screened(&admin).await.is_empty());
}

/// One takes the last mark away while another makes one: of one scope, and of the seller and the platform.
#[tokio::test]
async fn a_mark_that_comes_while_the_last_one_goes_is_not_overlooked() {
    let db = TestDb::new().await;
    let (admin, other, switch) = (db.admin().await, db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    let mut marks: Vec<String> = [
        ("user_id", scenario.user_id),
        ("campaign_id", scenario.campaign_id),
        ("link_id", scenario.link_ids[0]),
    ]
    .iter()
    .map(|(column, id)| {
        format!("insert into caller_marks ({column}, caller, kind) values ({id}, $1, 'blocked')")
    })
    .collect();
    marks.push("insert into caller_marks (caller, kind) values ($1, 'blocked')".to_owned());
    for (goes, comes) in [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1), (2, 2)] {
        admin.execute(&marks[goes], &[&"+15551"]).await.unwrap();
        run(&admin, "begin; delete from caller_marks").await;
        let made = async { other.execute(&marks[comes], &[&CALLER]).await.unwrap() };
        let committed = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            run(&admin, "commit").await;
        };
        tokio::join!(made, committed);
        let answer = tried(&switch, &scenario.did, CALLER).await;
        let expected = if comes == 2 {
            scenario.link_ids[1].to_string()
        } else {
            "caller_blocked 21".to_owned()
        };
        assert_eq!(told(&answer), expected, "{goes} {comes}");
        run(&admin, "delete from caller_marks").await;
        assert!(screened(&admin).await.is_empty(), "{goes} {comes}");
    }
}

#[tokio::test]
async fn marks_go_with_what_they_are_of() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = two_links(&admin).await;
    let heir = two_links(&admin).await;
    let left = async || -> Vec<String> {
        values(
            &admin,
            "select split_part(key, ':', 1) from caller_marks order by 1",
        )
        .await
    };
    mark(&admin, Some(("link_id", scenario.link_ids[0])), "blocked", "null").await;
    mark(&admin, Some(("link_id", scenario.link_ids[1])), "blocked", "null").await;
    mark(
        &admin,
        Some(("client_id", scenario.client_ids[0])),
        "blocked",
        "null",
    )
    .await;
    mark(
        &admin,
        Some(("campaign_id", scenario.campaign_id)),
        "blocked",
        "null",
    )
    .await;
    mark(&admin, Some(("user_id", scenario.user_id)), "blocked", "null").await;
    run(
        &admin,
        &format!(
            "delete from campaign_client_settings where id = {}",
            scenario.link_ids[0]
        ),
    )
    .await;
    assert_eq!(left().await, ["campaign", "client", "link", "seller"]);
    run(
        &admin,
        &format!("delete from clients where id = {}", scenario.client_ids[0]),
    )
    .await;
    assert_eq!(left().await, ["campaign", "link", "seller"]);
    // A campaign that is given away has none of the seller before, nor have its links.
    run(
        &db.superuser().await,
        &format!(
            "update campaigns set user_id = {} where id = {}",
            heir.user_id, scenario.campaign_id
        ),
    )
    .await;
    assert_eq!(left().await, ["seller"]);
    mark(
        &admin,
        Some(("campaign_id", scenario.campaign_id)),
        "blocked",
        "null",
    )
    .await;
    run(
        &admin,
        &format!("delete from campaigns where id = {}", scenario.campaign_id),
    )
    .await;
    run(
        &admin,
        &format!("delete from users where id = {}", scenario.user_id),
    )
    .await;
    assert!(left().await.is_empty());
    for (column, id) in [
        ("link_id", scenario.link_ids[0]),
        ("campaign_id", 999_999),
        ("user_id", scenario.user_id),
    ] {
        let sql =
            format!("insert into caller_marks ({column}, caller, kind) values ({id}, '{CALLER}', 'blocked')");
        assert_eq!(sqlstate(admin.execute(&sql, &[]).await), "23503", "{sql}");
    }
}

#[tokio::test]
async fn what_can_be_no_caller_is_not_marked() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    for caller in [
        "4930123456",
        "anonymous",
        "",
        " +4930123456",
        "+4930123456 ",
        "1",
        &"1".repeat(51),
    ] {
        let sql = "insert into caller_marks (caller, kind) values ($1, 'blocked')";
        let refused = admin.execute(sql, &[&caller]).await;
        if caller == "1" {
            // Too short to be E.164.
            refused.unwrap();
        } else {
            assert!(sqlstate(refused).starts_with("23"), "{caller:?}");
        }
    }
    let twice = format!(
        "insert into caller_marks (caller, kind) values ('{CALLER}', 'blocked'), ('{CALLER}', 'blocked')"
    );
    assert_eq!(sqlstate(admin.execute(&twice, &[]).await), "23505");
    let two = format!(
        "insert into caller_marks (user_id, campaign_id, caller, kind) values (1, 1, '{CALLER}', 'blocked')"
    );
    assert_eq!(sqlstate(admin.execute(&two, &[]).await), "23514");
}

#[tokio::test]
async fn what_has_ended_is_swept_in_batches() {
    let db = TestDb::new().await;
    let admin = db.superuser().await;
    let scenario = two_links(&admin).await;
    run(
        &admin,
        &format!(
            "insert into caller_marks (campaign_id, caller, kind, until)
             select {}, '+49' || 1000 + n, 'blocked', now() - interval '1 second' from generate_series(1, 25) n;
             insert into caller_marks (caller, kind, until) values ('+4915', 'blocked', null), ('+4916', 'allowed', now() + interval '1 hour')",
            scenario.campaign_id
        ),
    )
    .await;
    let audited = "select count(*) from audit_log where object_type = 'caller_marks' and action = 'delete'";
    // One that a call is at is left.
    let call = db.superuser().await;
    run(
        &call,
        "begin; select from caller_marks where caller = '+491001' for update",
    )
    .await;
    for expected in [10_i64, 10, 4, 0] {
        assert_eq!(
            value::<i64>(&admin, "select forget_caller_marks(10, false)").await,
            expected
        );
    }
    run(&call, "rollback").await;
    assert_eq!(
        value::<i64>(&admin, "select forget_caller_marks(10, false)").await,
        1
    );
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 2);
    assert_eq!(value::<i64>(&admin, audited).await, 0);
    assert!(
        !screened(&admin)
            .await
            .iter()
            .any(|row| row.starts_with("campaign"))
    );
}

/// A call that comes back to its mark has counters in hand: it waits for no sweep that waits for somebody else.
#[tokio::test]
async fn what_calls_have_seen_is_swept_without_waiting_for_what_marks_are_of() {
    let db = TestDb::new().await;
    let (admin, holder, sweep) = (db.superuser().await, db.superuser().await, db.superuser().await);
    let campaign = two_links(&admin).await.campaign_id;
    let ended = format!(
        "insert into caller_marks (campaign_id, caller, kind, after, until)
         select {campaign}, '{CALLER}', kind, after, now() - interval '1 s'
           from (values ('seen', 'offered'), ('blocked', null)) v (kind, after)"
    );
    run(&admin, &ended).await;
    run(&holder, "begin; select from campaigns for update").await;
    run(&sweep, "set lock_timeout = '200ms'").await;
    assert_eq!(
        value::<i64>(&sweep, "select forget_caller_marks(10, true)").await,
        1
    );
    let waited = sweep
        .query_one("select forget_caller_marks(10, false)", &[])
        .await;
    assert_eq!(sqlstate(waited), "55P03");
    run(&holder, "commit").await;
    assert_eq!(
        value::<i64>(&sweep, "select forget_caller_marks(10, false)").await,
        1
    );
    assert!(screened(&admin).await.is_empty());
}

/// Two at once take the same marks, of sellers and of the platform, in whichever order they have ended.
#[tokio::test]
async fn sweeps_do_not_deadlock() {
    let db = TestDb::new().await;
    let admin = db.superuser().await;
    let user = two_links(&admin).await.user_id;
    let ended = format!(
        "insert into caller_marks (user_id, caller, kind, until)
         select case when n % 2 = 0 then {user} end, '+4930' || n, 'blocked', now() - interval '1 s' * n from generate_series(100, 400) n"
    );
    for _ in 0..5 {
        run(&admin, &ended).await;
        let mut sweeps = Vec::new();
        for _ in 0..4 {
            let sweep = db.superuser().await;
            sweeps.push(tokio::spawn(async move {
                while value::<i64>(&sweep, "select forget_caller_marks(7, false)").await > 0 {}
            }));
        }
        for sweep in sweeps {
            sweep.await.expect("no deadlock");
        }
    }
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 0);
    assert!(screened(&admin).await.is_empty());
}

/// All its records are read, which takes long: meanwhile its calls go on, and what they leave is forgotten, too.
#[tokio::test]
async fn calls_go_on_while_their_caller_is_forgotten() {
    let db = TestDb::new().await;
    let (admin, holder, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    run(&admin, "update campaigns set min_redial_seconds = 1").await;
    let record = |call: &str| Record {
        caller_number: Some(CALLER.to_owned()),
        ..Record::new(call, &scenario.did, "ANSWERED")
    };
    for call in ["ended", "ends", "up"] {
        run(&admin, "delete from caller_marks").await;
        let answer = switch.route_on(&scenario.did, call, CALLER, "pbx1").await;
        answer.unwrap().link();
    }
    switch.log_record(&record("ended")).await.unwrap();
    run(&holder, "begin; select from call_logs for update").await;
    let erased = tokio::spawn(async move {
        value::<Value>(
            &admin,
            &format!("select to_jsonb(e) from erase_caller('{CALLER}') e"),
        )
        .await
    });
    crate::concurrency::held::waiting(&db, 1).await;
    run(&switch, "set lock_timeout = '500ms'").await;
    switch.next("up", 1, "BUSY").await.unwrap().link();
    switch.log_record(&record("ends")).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let again = switch.route_on(&scenario.did, "again", CALLER, "pbx1").await;
    again.unwrap().link();
    run(&holder, "commit").await;
    assert_eq!(
        erased.await.unwrap(),
        json!({"marks": 1, "calls": 2, "records": 2})
    );
    let left = "select count(*) from (select caller_number from live_calls union all select caller_id_num from call_logs) c (number)
                 where number is not null";
    assert_eq!(value::<i64>(&holder, left).await, 0);
}

/// As the service has it: the role and the identity inside a transaction.
#[tokio::test]
async fn a_seller_marks_in_its_own_name() {
    let db = TestDb::new().await;
    let (api, admin) = (db.connect_as(API).await, db.admin().await);
    let user = two_links(&admin).await.user_id;
    for (by, accepted) in [
        (user.to_string(), true),
        ((user + 1).to_string(), false),
        ("null".to_owned(), false),
    ] {
        begin_as(&api, "capconduit_seller", user).await;
        run(
            &api,
            &format!(
                "insert into caller_marks (user_id, caller, kind) values ({user}, '{CALLER}', 'blocked')"
            ),
        )
        .await;
        let changed = api
            .execute(&format!("update caller_marks set created_by = {by}"), &[])
            .await;
        assert_eq!(changed.is_ok(), accepted, "{by}");
        run(&api, "rollback").await;
    }
}

#[tokio::test]
async fn a_caller_is_forgotten_everywhere() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = two_links(&admin).await;
    let did = scenario.did.as_str();
    run(&admin, "update campaigns set min_redial_seconds = 1").await;
    for (call, caller) in [
        ("up", "4930123456"),
        ("other", "+4930123457"),
        ("ended", CALLER),
        ("without", "004930123456"),
    ] {
        run(&admin, "delete from caller_marks").await;
        switch.route_on(did, call, caller, "pbx1").await.unwrap().link();
    }
    for (call, caller) in [("ended", CALLER), ("without", "004930123456")] {
        let record = Record {
            caller_number: Some(caller.to_owned()),
            caller_name: Some("Jane".to_owned()),
            ..Record::new(call, did, "ANSWERED")
        };
        switch.log_record(&record).await.unwrap();
    }
    mark(&admin, Some(("user_id", scenario.user_id)), "blocked", "null").await;
    run(
        &admin,
        "update caller_marks set note = 'Jane, who threatened us' where kind = 'blocked'",
    )
    .await;
    let changed: String = value(
        &admin,
        "select changed_xid::text from call_logs where asterisk_uniqueid = 'ended'",
    )
    .await;
    let erased: Value = value(&admin, "select to_jsonb(e) from erase_caller('4930123456') e").await;
    assert_eq!(erased, json!({"marks": 1, "calls": 1, "records": 1}));
    let left: Vec<String> = values(
        &admin,
        "select coalesce(caller_number, '-') from live_calls union all select coalesce(caller_id_num, '-') || coalesce(caller_id_name, '-') from call_logs
         order by 1",
    )
    .await;
    assert_eq!(left, ["+4930123457", "-", "--", "004930123456Jane"]);
    // Whoever copies records hears of it.
    assert_ne!(
        value::<String>(
            &admin,
            "select changed_xid::text from call_logs where asterisk_uniqueid = 'ended'"
        )
        .await,
        changed
    );
    let traces: i64 = value(
        &admin,
        "select count(*) from audit_log where before::text || after::text ~ '30123456|Jane' or before::text ~ '30123456|Jane' or after::text ~ '30123456|Jane'",
    )
    .await;
    assert_eq!(traces, 0);
    let audited: Value = value(
        &admin,
        "select before from audit_log where object_type = 'caller_marks' and object_id is null",
    )
    .await;
    assert_eq!(audited, json!({"marks": 1, "calls": 1, "records": 1}));
    // The call goes on, and is recorded without.
    switch.log("up", did, "ANSWERED").await.unwrap();
    let recorded: Option<String> = admin
        .query_one(
            "select caller_id_num from call_logs where asterisk_uniqueid = 'up'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(recorded, None);
    for nobody in ["", "anonymous", " "] {
        let refused = admin.query_one("select erase_caller($1)", &[&nobody]).await;
        assert_eq!(refusal(refused).0, "22023", "{nobody:?}");
    }
    switch.log("other", did, "ANSWERED").await.unwrap();
    assert_invariants(&db).await;
}
