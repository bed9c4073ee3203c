//! What a migrate sets on roles, what it leaves to the operator, and who may run it. Roles belong to a whole cluster, so
//! the tests that change them have one of their own.

use capconduit_tests::{ADMIN, API, ASTERISK, ClusterOptions, SUPERUSER, TestCluster, TestDb};
use tokio_postgres::{Client, NoTls};

use super::{capconduit, capconduit_with};

async fn show(client: &Client, setting: &str) -> String {
    client
        .query_one(&format!("show {setting}"), &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_setting_changed_by_hand_survives() {
    let db = TestDb::new().await;
    assert_eq!(show(&db.asterisk().await, "statement_timeout").await, "4s");
    let database = db.name();
    let operator = db.connect_as(SUPERUSER).await;
    operator
        .batch_execute(&format!(
            "alter role {ASTERISK} in database {database} set statement_timeout = '7s';
             alter role {ASTERISK} in database {database} reset lock_timeout"
        ))
        .await
        .unwrap();
    let run = capconduit(&db.url(SUPERUSER), &["migrate"]).await.ok();
    assert!(run.out.contains("roles       1 changes"), "{run:?}");
    assert_eq!(show(&db.asterisk().await, "statement_timeout").await, "7s");
    assert_eq!(
        show(&db.asterisk().await, "lock_timeout").await,
        "3s",
        "what is missing is filled in"
    );
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_says_so() {
    let db = TestDb::new().await;
    for login in [SUPERUSER, ADMIN] {
        let run = capconduit(&db.url(login), &["migrate"]).await.ok();
        assert_eq!(run.out.matches("up to date").count(), 4, "{run:?}");
    }
    let grant = "grant select on capconduit.users to capconduit_asterisk";
    db.superuser().await.batch_execute(grant).await.unwrap();
    capconduit(&db.url(ADMIN), &["migrate", "--force"]).await.ok();
    let refused = db
        .asterisk()
        .await
        .query("select from capconduit.users", &[])
        .await
        .unwrap_err();
    assert_eq!(
        refused.code().map(|state| state.code()),
        Some("42501"),
        "rights are stated whole"
    );
}

#[tokio::test]
async fn check_tells_and_changes_nothing() {
    let db = TestDb::bare_on(TestCluster::shared().await).await;
    let run = capconduit(&db.url(SUPERUSER), &["migrate", "--check"]).await;
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("would       apply V1__tables"), "{run:?}");
    let schemas = "select count(*) from pg_namespace where nspname in ('capconduit', 'asterisk')";
    let client = db.connect_as(SUPERUSER).await;
    assert_eq!(client.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn the_database_s_owner_needs_no_superuser_and_no_password_reaches_the_log() {
    let cluster = TestCluster::start_with(ClusterOptions {
        settings: vec!["log_statement = all".into()],
        ..ClusterOptions::default()
    })
    .await;
    let databases = [
        TestDb::bare_on(cluster.clone()).await,
        TestDb::bare_on(cluster.clone()).await,
    ];
    let server = databases[0].connect_as(SUPERUSER).await;
    let give = format!(
        "create role shop login createrole password 'shop-password';
         alter database {} owner to shop; alter database {} owner to shop",
        databases[0].name(),
        databases[1].name()
    );
    server.batch_execute(&give).await.unwrap();

    let passwords = [
        ("CAPCONDUIT_ADMIN_PASSWORD", "clear-admin-password"),
        ("CAPCONDUIT_API_PASSWORD", "clear-api-password"),
        ("CAPCONDUIT_ASTERISK_PASSWORD", "clear-asterisk-password"),
    ];
    for db in &databases {
        let url = format!(
            "postgres://shop:shop-password@127.0.0.1:{}/{}",
            cluster.port(),
            db.name()
        );
        let first = capconduit_with(&url, &["migrate"], &passwords).await.ok();
        assert!(!(first.out + &first.err).contains("clear-"));
        let second = capconduit(&url, &["migrate"]).await.ok();
        assert_eq!(second.out.matches("up to date").count(), 4, "{second:?}");
    }
    for (login, password) in [
        (ADMIN, "clear-admin-password"),
        (API, "clear-api-password"),
        (ASTERISK, "clear-asterisk-password"),
    ] {
        let mut config = databases[1].config(login);
        config.password(password);
        let connected = config.connect(NoTls).await;
        assert!(connected.is_ok(), "{login} has the password that was given");
    }
    let log = cluster.log();
    assert!(
        log.contains("alter role capconduit_api password"),
        "the log holds every statement"
    );
    assert!(
        !log.contains("clear-"),
        "a clear password reached the server's log"
    );
}
