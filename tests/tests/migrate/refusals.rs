//! What migrate refuses: one line each, and nothing was changed.

use capconduit_tests::{ADMIN, SUPERUSER, TestCluster, TestDb, unique};

use super::{capconduit, capconduit_with};

/// Everything that a migrate could change, as text.
async fn state(db: &TestDb) -> Vec<String> {
    let client = db.connect_as(SUPERUSER).await;
    let rows = client
        .query(
            "select 'schema ' || nspname || coalesce(nspacl::text, '') from pg_namespace
              where nspname !~ '^pg_(toast_)?temp'
             union all select 'relation ' || oid::regclass || coalesce(relacl::text, '') || xmin from pg_class
              where relnamespace::regnamespace::text in ('capconduit', 'asterisk')
             union all select 'extension ' || extname || extversion from pg_extension
             union all select 'setting ' || setrole::regrole || setconfig::text from pg_db_role_setting s
               join pg_database d on d.oid = s.setdatabase where datname = current_database()
             union all select 'access ' || coalesce(datacl::text, '') from pg_database where datname = current_database()
             order by 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn refused(db: &TestDb, prepare: &str, words: &str) {
    let client = db.connect_as(SUPERUSER).await;
    client.batch_execute(prepare).await.unwrap();
    let before = state(db).await;
    capconduit(&db.url(SUPERUSER), &["migrate"]).await.refused(words);
    assert_eq!(state(db).await, before, "a refused migrate changes nothing");
}

#[tokio::test]
async fn a_newer_schema() {
    let db = TestDb::new().await;
    let prepare =
        "insert into capconduit.refinery_schema_history (version, name, checksum) values (999, 'later', '1')";
    refused(&db, prepare, "schema version 999, this command knows").await;
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_had_run() {
    let db = TestDb::new().await;
    let prepare = "update capconduit.refinery_schema_history set checksum = '1'";
    refused(&db, prepare, "V1__tables was changed after it had been applied").await;
}

#[tokio::test]
async fn a_newer_extension() {
    let db = TestDb::new().await;
    let prepare = "update pg_extension set extversion = '99.0.0' where extname = 'capconduit'";
    refused(&db, prepare, "extension capconduit 99.0.0").await;
}

#[tokio::test]
async fn a_schema_of_somebody_else_with_our_name() {
    let db = TestDb::bare_on(TestCluster::shared().await).await;
    refused(
        &db,
        "create schema capconduit",
        "schema capconduit exists and belongs to postgres",
    )
    .await;
}

#[tokio::test]
async fn another_encoding() {
    let db = TestDb::bare_on(TestCluster::shared().await).await;
    let name = format!("test_latin_{}", unique());
    let server = db.connect_as(SUPERUSER).await;
    let create = format!("create database {name} encoding 'LATIN1' locale 'C' template template0");
    server.batch_execute(&create).await.unwrap();
    let url = db.url(SUPERUSER).replace(db.name(), &name);
    capconduit(&url, &["migrate"])
        .await
        .refused("is encoded in LATIN1");
    server
        .batch_execute(&format!("drop database {name} with (force)"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_without_the_rights() {
    let db = TestDb::new().await;
    // The administrator acts as the owner, who may not change who connects.
    let client = db.connect_as(SUPERUSER).await;
    client
        .batch_execute(&format!("grant connect on database {} to public", db.name()))
        .await
        .unwrap();
    let before = state(&db).await;
    capconduit(&db.url(ADMIN), &["migrate"])
        .await
        .refused("only the database's owner or a superuser may do this");
    assert_eq!(state(&db).await, before);
}

#[tokio::test]
async fn unusable_settings() {
    let db = TestDb::new().await;
    let url = db.url(SUPERUSER);
    capconduit(&url, &["migrate", "--database-url", &url])
        .await
        .refused("process lists show");
    capconduit_with(&url, &["migrate"], &[("CAPCONDUIT_API_PASSWORD", "")])
        .await
        .refused("CAPCONDUIT_API_PASSWORD is empty");
    let run = capconduit("postgres://x:do-not-show@127.0.0.1:port/y", &["migrate"]).await;
    assert!(!run.err.contains("do-not-show"), "{run:?}");
    run.refused("DATABASE_URL is not a PostgreSQL address");
}
