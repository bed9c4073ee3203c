//! What PostgreSQL lets every login do, whatever the platform grants: what of it is taken away, and what remains, which
//! docs/SECURITY.md says.

use std::time::{Duration, Instant};

use capconduit_tests::{API, Calls, ClusterOptions, SUPERUSER, TestCluster, TestDb};
use tokio_postgres::Client;

use super::support::{refusal, run, sqlstate, value, values};
use crate::migrate::capconduit;

/// All that make large objects or write them; a large object needs no table and no schema.
const MAKERS: [&str; 10] = [
    "lo_creat(-1)",
    "lo_create(0)",
    "lo_from_bytea(0, 'x')",
    "lo_import('/etc/hostname')",
    "lo_import('/etc/hostname', 0)",
    "lo_put(1, 0, 'x')",
    "lo_truncate(0, 0)",
    "lo_truncate64(0, 0)",
    "lo_unlink(1)",
    "lowrite(0, 'x')",
];

/// What somebody who may do nothing else could try.
async fn makes_no_large_object(client: &Client, who: &str) {
    for maker in MAKERS {
        let (state, message) = refusal(client.batch_execute(&format!("select {maker}")).await);
        assert_eq!(state, "42501", "{who}: {maker}: {message}");
        assert!(message.contains("for function"), "{who}: {maker}: {message}");
    }
}

#[tokio::test]
async fn nobody_makes_large_objects() {
    let db = TestDb::sample().await;
    makes_no_large_object(&db.asterisk().await, "the switch").await;
    makes_no_large_object(&db.connect_as(API).await, "the service").await;
    makes_no_large_object(&db.admin().await, "an administrator").await;
    for role in ["seller", "staff", "internal", "read"] {
        makes_no_large_object(&db.as_role(&format!("capconduit_{role}")).await, role).await;
    }
    // Whatever else of its kind the server has: reading is all that is left, and there is nothing to read.
    let open: Vec<String> = values(
        &db.superuser().await,
        "select distinct proname::text from pg_proc
          where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^lo(_|write|read)'
            and has_function_privilege('capconduit_asterisk', oid, 'execute') order by 1",
    )
    .await;
    let reading = [
        "lo_close",
        "lo_get",
        "lo_lseek",
        "lo_lseek64",
        "lo_open",
        "lo_tell",
        "lo_tell64",
        "loread",
    ];
    assert_eq!(open, reading);
}

/// What was opened by hand is closed by the next run; who lacks the power is told, and holds up nothing.
#[tokio::test]
async fn migrate_takes_large_objects_away_where_it_may() {
    let cluster = TestCluster::start_with(ClusterOptions::default()).await;
    let db = TestDb::sample_on(cluster.clone()).await;
    let superuser = db.superuser().await;
    let open = "grant execute on function lo_create(oid) to public";
    run(&superuser, open).await;
    let (as_superuser, check) = (db.url(SUPERUSER), ["migrate", "--check"]);
    let told = capconduit(&as_superuser, &check).await;
    let statement = "revoke execute on function lo_create(oid) from public";
    assert!(told.code == 3 && told.out.contains(statement), "{told:?}");
    capconduit(&as_superuser, &["migrate"]).await.ok();
    makes_no_large_object(&db.asterisk().await, "the switch").await;
    assert_eq!(capconduit(&as_superuser, &check).await.code, 0);

    // A database's owner who is no superuser has not the power: no change of theirs, and no failure.
    run(
        &superuser,
        &format!(
            "{open}; create role shop login createrole password 'shop'; grant capconduit_owner to shop;
             alter database {} owner to shop",
            db.name()
        ),
    )
    .await;
    let shop = format!("postgres://shop:shop@127.0.0.1:{}/{}", cluster.port(), db.name());
    capconduit(&shop, &["migrate"]).await.ok();
    assert_eq!(capconduit(&shop, &check).await.code, 0);
    let switch = db.asterisk().await;
    run(&switch, "begin; select lo_create(0); rollback").await;
    // The statement that doctor prints is the one that helps.
    let said = capconduit(&db.url(API), &["doctor"]).await.out;
    assert!(said.contains(&format!("run `{statement}`")), "{said}");
    run(&superuser, statement).await;
    makes_no_large_object(&switch, "the switch").await;
    let said = capconduit(&db.url(API), &["doctor"]).await.out;
    assert!(said.contains("PUBLIC may make none"), "{said}");
}

/// PostgreSQL has no right that could be taken away for these. Who holds a switch's password can disturb calls, and
/// still neither reads nor changes more than before.
#[tokio::test]
async fn a_switch_s_password_can_disturb_and_no_more() {
    let db = TestDb::sample().await;
    let (thief, superuser) = (db.asterisk().await, db.superuser().await);
    // Limits of time are the login's own to lift.
    run(
        &thief,
        "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0",
    )
    .await;
    let begun = Instant::now();
    run(&thief, "select pg_sleep(4.2)").await;
    assert!(
        begun.elapsed() > Duration::from_secs(4),
        "longer than the login's limit of 4 s"
    );

    // Sessions of the same login can be ended; those of others cannot.
    let pid = "select pg_backend_pid()";
    let (switch, service) = (db.asterisk().await, db.connect_as(API).await);
    for (client, sqlstate_expected) in [
        (&service, Some("42501")),
        (&superuser, Some("42501")),
        (&switch, None),
    ] {
        let pid: i32 = value(client, pid).await;
        for end in ["pg_cancel_backend", "pg_terminate_backend"] {
            let ended = thief.batch_execute(&format!("select {end}({pid})")).await;
            match sqlstate_expected {
                Some(state) => assert_eq!(sqlstate(ended), state),
                None => ended.expect("a switch may end a switch's session"),
            }
        }
    }

    // The engine's locks have keys that can be computed: one call waits, for as long as its login's limit.
    let switch = db.asterisk().await;
    run(
        &thief,
        "begin; select pg_advisory_xact_lock(hashtextextended('call-1', 0))",
    )
    .await;
    let refused = switch.route("+18005550101", "call-1").await;
    assert_eq!(sqlstate(refused), "55P03");
    switch.route("+18005550101", "call-2").await.unwrap().link();
    run(&thief, "rollback").await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    // So has the one of migrate: it waits, and says for what.
    run(&thief, "select pg_advisory_lock(x'0CA9C0D00001'::bigint)").await;
    let url = db.url(SUPERUSER);
    capconduit(&url, &["migrate", "--wait", "1"])
        .await
        .refused("find it in pg_stat_activity");
    run(&thief, "select pg_advisory_unlock_all()").await;
    capconduit(&url, &["migrate"]).await.ok();
}
