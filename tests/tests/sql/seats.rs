//! Seats: a client gets no more calls at one time than it has told last, on all its links, as long as that holds.

use capconduit_tests::{Calls, assert_invariants};
use serde_json::Value;

use super::client_caps::Platform;
use super::support::{refusal, run, value};

impl Platform {
    /// As staff.
    async fn tell(&self, rest: &str) -> String {
        let sql = format!("select status from set_seats({}, {rest})", self.shared);
        value(&self.admin, &sql).await
    }

    async fn pass(&self) {
        let sql = "update meters set seats_until = now() - interval '1 ms' where seats is not null";
        run(&self.superuser, sql).await;
    }
}

#[tokio::test]
async fn each_call_takes_a_seat_whichever_seller_s() {
    let platform = Platform::new().await;
    assert_eq!(platform.tell("2, 60").await, "ok");
    assert!(platform.takes(0, "a").await && platform.takes(1, "b").await);
    let stopped = platform.stopped_by(0).await;
    assert_eq!(
        (
            &stopped["gate"],
            &stopped["seats"],
            &stopped["used"],
            &stopped["freed_by"]
        ),
        (&"client_seats".into(), &2.into(), &2.into(), &"call_end".into())
    );
    assert!(!platform.takes(0, "c").await && !platform.takes(1, "d").await);
    let decision: String = value(
        &platform.superuser,
        "select decision from live_calls where uniqueid = 'c'",
    )
    .await;
    assert!(decision.contains("client_seats"), "{decision}");
    platform.switch.log("a", "", "CANCEL").await.unwrap();
    assert!(platform.takes(1, "e").await);
    // Those in flight stay; nobody new comes.
    assert_eq!(platform.tell("0, 60").await, "ok");
    assert!(!platform.takes(0, "f").await);
    let held: i64 = value(
        &platform.superuser,
        "select count(*) from live_calls where holds_slot",
    )
    .await;
    assert_eq!(held, 5);
    assert_invariants(&platform.db).await;
}

/// The lesser of the two counts.
#[tokio::test]
async fn a_cap_stands_beside_seats() {
    let platform = Platform::new().await;
    platform.tell("1, 60").await;
    let cap = |most: i64| {
        format!(
            "insert into caps (client_id, counts, span, set_by, max_calls) values ({}, 'offered', 'concurrent', 'platform', {most})
             on conflict (client_id, counts, span, set_by) do update set max_calls = {most}",
            platform.shared
        )
    };
    run(&platform.superuser, &cap(5)).await;
    assert!(platform.takes(0, "a").await);
    assert_eq!(platform.stopped_by(0).await["gate"], "client_seats");
    platform.tell("5, 60").await;
    run(&platform.superuser, &cap(1)).await;
    assert_eq!(platform.stopped_by(0).await["gate"], "client_concurrent_cap");
    assert!(!platform.takes(1, "b").await);
}

#[tokio::test]
async fn what_is_stale_leaves_the_caps_or_closes() {
    let platform = Platform::new().await;
    platform.tell("0, 60").await;
    assert!(!platform.takes(0, "a").await);
    platform.pass().await;
    assert!(platform.takes(0, "b").await);
    assert_eq!(platform.stopped_by(0).await, Value::Null);
    platform.tell("9, 60, 'close'").await;
    assert!(platform.takes(0, "c").await);
    platform.pass().await;
    assert!(!platform.takes(0, "d").await);
    let stopped = platform.stopped_by(0).await;
    assert_eq!(
        (&stopped["gate"], &stopped["freed_by"]),
        (&"client_seats_stale".into(), &"change".into())
    );
    let reason: String = value(
        &platform.admin,
        &format!(
            "select reason from explain_call('{}') where not eligible",
            platform.sellers[0].0
        ),
    )
    .await;
    assert_eq!(reason, "client_seats_stale");
    assert_eq!(
        value::<String>(
            &platform.admin,
            &format!("select status from forget_seats({})", platform.shared)
        )
        .await,
        "ok"
    );
    assert!(platform.takes(0, "e").await);
}

/// By its own clock, which the call is judged by.
#[tokio::test]
async fn it_holds_for_as_long_as_was_said() {
    let platform = Platform::new().await;
    platform.tell("0, 5").await;
    let told: f64 = value(
        &platform.superuser,
        "select extract(epoch from seats_until - clock_timestamp())::float8 from meters where seats is not null",
    )
    .await;
    assert!((3.0..=5.0).contains(&told), "{told} s");
    let reason_at = async |seconds: f64| {
        let (did, first, _) = &platform.sellers[0];
        let sql = format!(
            "select e.reason
               from meters m, explain_call('{did}', at => m.seats_until + interval '1 s' * {seconds}) e
              where m.seats is not null and e.link_id = {first}"
        );
        value::<String>(&platform.superuser, &sql).await
    };
    assert_eq!(reason_at(-0.000_001).await, "client_seats");
    assert_eq!(reason_at(0.0).await, "eligible");
}

#[tokio::test]
async fn what_is_older_does_not_overtake() {
    let platform = Platform::new().await;
    let seats = async || {
        value::<i32>(
            &platform.superuser,
            "select seats from meters where seats is not null",
        )
        .await
    };
    for (rest, status, left) in [
        ("3, 60, sequence => 7", "ok", 3),
        ("9, 60, sequence => 6", "outdated", 3),
        // Its answer was lost.
        ("3, 60, sequence => 7", "ok", 3),
        ("4, 60, 'close', 8", "ok", 4),
        ("5, 60", "ok", 5),
        // By hand, in between: what is still under way is older.
        ("6, 60, sequence => 7", "outdated", 5),
        ("6, 60, sequence => 9", "ok", 6),
    ] {
        assert_eq!(
            (platform.tell(rest).await.as_str(), seats().await),
            (status, left),
            "{rest}"
        );
    }
    // Not even when it is stale: a sequence begins anew once it was taken back.
    platform.pass().await;
    assert_eq!(platform.tell("1, 60, sequence => 0").await, "outdated");
    run(
        &platform.admin,
        &format!("select forget_seats({})", platform.shared),
    )
    .await;
    assert_eq!(platform.tell("1, 60, sequence => 0").await, "ok");
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let platform = Platform::new().await;
    for (rest, text) in [
        ("-1, 60", "seats must be between 0 and 100000"),
        ("100001, 60", "seats must be between 0 and 100000"),
        ("null, 60", "seats must be between 0 and 100000"),
        ("1, 4", "ttl_seconds must be between 5 and 86400"),
        ("1, 86401", "ttl_seconds must be between 5 and 86400"),
        ("1, null", "ttl_seconds must be between 5 and 86400"),
        ("1, 60, 'open'", "on_stale must be rules or close"),
        ("1, 60, null", "on_stale must be rules or close"),
    ] {
        let sql = format!("select set_seats({}, {rest})", platform.shared);
        let refused = refusal(platform.admin.query_one(&sql, &[]).await);
        assert_eq!(refused, ("22023".to_owned(), text.to_owned()), "{rest}");
    }
    for client in ["0", "-3", "987654321", "null"] {
        for call in [
            format!("set_seats({client}, 1, 60)"),
            format!("forget_seats({client})"),
        ] {
            let status: String = value(&platform.admin, &format!("select status from {call}")).await;
            assert_eq!(status, "unknown_client", "{call}");
        }
    }
    assert!(platform.takes(0, "a").await);
    let meters: i64 = value(&platform.superuser, "select count(*) from meters").await;
    assert_eq!(meters, 0);
    let sql = format!("select set_seats({}, 1, 60)", platform.shared);
    assert_eq!(refusal(platform.switch.query_one(&sql, &[]).await).0, "42501");
}

/// A call whose end nobody heard gives its seat back, on whichever link it is.
#[tokio::test]
async fn a_full_client_s_expired_leases_are_taken_back() {
    let platform = Platform::new().await;
    platform.tell("1, 60").await;
    assert!(platform.takes(1, "forgotten").await);
    assert!(!platform.takes(0, "a").await);
    run(
        &platform.superuser,
        "update live_calls set lease_until = now() - interval '1 s' where uniqueid = 'forgotten'",
    )
    .await;
    assert!(platform.takes(0, "b").await);
    assert_invariants(&platform.db).await;
}

/// Who waits for a call, and who waits for what is told meanwhile, goes by what is true then.
#[tokio::test]
async fn a_call_that_waited_is_judged_by_the_newest_seats() {
    for seats in [1, 0] {
        let platform = Platform::new().await;
        platform.tell("2, 60").await;
        run(&platform.admin, "begin").await;
        assert_eq!(platform.tell(&format!("{seats}, 60")).await, "ok");
        let (did, first, other) = platform.sellers[0].clone();
        let mut asked = Vec::new();
        for call in ["a", "b"] {
            let (switch, did) = (platform.db.asterisk().await, did.clone());
            asked.push(tokio::spawn(async move {
                switch.route(&did, call).await.unwrap().link()
            }));
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert!(asked.iter().all(|call| !call.is_finished()), "they wait");
        run(&platform.admin, "commit").await;
        let mut taken = Vec::new();
        for call in asked {
            taken.push(call.await.unwrap());
        }
        taken.sort_unstable();
        let mut expected = [if seats == 1 { first } else { other }, other];
        expected.sort_unstable();
        assert_eq!(taken, expected, "{seats} seats");
    }
}
