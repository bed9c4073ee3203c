//! `capconduit wipe`: drops all of it, only when told the name, and never beside calls in flight.

use capconduit_tests::{ADMIN, Calls, ClusterOptions, SUPERUSER, TestCluster, TestDb};

use super::capconduit;

async fn traces(db: &TestDb) -> i64 {
    let client = db.connect_as(SUPERUSER).await;
    let sql = "select (select count(*) from pg_namespace where nspname in ('capconduit', 'asterisk'))
                    + (select count(*) from pg_extension where extname = 'capconduit')
                    + (select count(*) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
                        where d.datname = current_database())
                    + (select count(*) from pg_database d, aclexplode(d.datacl) a join pg_roles r on r.oid = a.grantee
                        where d.datname = current_database() and r.rolname like 'capconduit%')";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn only_after_the_name_is_given() {
    let db = TestDb::sample().await;
    let before = traces(&db).await;
    assert!(before > 0);
    let url = db.url(SUPERUSER);
    let run = capconduit(&url, &["wipe"]).await;
    assert!(
        run.out.contains("5 users") && run.out.contains("6 call logs"),
        "it says what goes: {run:?}"
    );
    run.refused("nothing was dropped");
    capconduit(&url, &["wipe", "--database-name", "other"])
        .await
        .refused("nothing was dropped");
    capconduit(&db.url(ADMIN), &["wipe", "--database-name", db.name()])
        .await
        .refused("nothing was dropped");
    assert_eq!(traces(&db).await, before);

    capconduit(&url, &["wipe", "--database-name", db.name()])
        .await
        .ok();
    assert_eq!(traces(&db).await, 0);
    let again = capconduit(&url, &["wipe"]).await.ok();
    assert!(again.out.contains("nothing to wipe"), "{again:?}");
    capconduit(&url, &["migrate"]).await.ok();
}

#[tokio::test]
async fn not_beside_calls_in_flight() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    assert!(switch.route("+18005550101", "call-1").await.unwrap().is_ok());
    let wipe = ["wipe", "--database-name", db.name()];
    capconduit(&db.url(SUPERUSER), &wipe)
        .await
        .refused("1 calls are in flight");
    let admin = db.admin().await;
    assert_eq!(admin.query("select from live_calls", &[]).await.unwrap().len(), 1);
    capconduit(&db.url(SUPERUSER), &[&wipe[..], &["--force"]].concat())
        .await
        .ok();
    assert_eq!(traces(&db).await, 0);
}

/// In a cluster of its own: roles are everybody's.
#[tokio::test]
async fn roles_go_with_the_last_database_that_uses_them() {
    let cluster = TestCluster::start_with(ClusterOptions::default()).await;
    let databases = [
        TestDb::bare_on(cluster.clone()).await,
        TestDb::bare_on(cluster.clone()).await,
    ];
    for db in &databases {
        capconduit(&db.url(SUPERUSER), &["migrate"]).await.ok();
    }
    let wipe = async |db: &TestDb| {
        capconduit(
            &db.url(SUPERUSER),
            &["wipe", "--roles", "--database-name", db.name()],
        )
        .await
        .ok()
    };
    let first = wipe(&databases[0]).await;
    assert!(first.out.contains("kept"), "{first:?}");
    let still = capconduit(&databases[1].url(SUPERUSER), &["migrate", "--check"]).await;
    assert_eq!(still.code, 0, "the other database is as it was: {still:?}");
    let last = wipe(&databases[1]).await;
    assert!(last.out.contains("dropped     the platform's roles"), "{last:?}");
    let roles = "select count(*) from pg_roles where rolname like 'capconduit%'";
    let server = databases[1].connect_as(SUPERUSER).await;
    assert_eq!(server.query_one(roles, &[]).await.unwrap().get::<_, i64>(0), 0);
}
