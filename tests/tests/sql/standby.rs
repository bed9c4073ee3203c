//! On a hot standby: looking and rejecting work, writing is refused clearly.

use capconduit_tests::{ADMIN, Calls, ClusterOptions, Standby, TestDb};
use tokio_postgres::NoTls;

use super::support::{refusal, sqlstate, value};

#[tokio::test]
async fn a_hot_standby_explains_and_rejects_and_reserves_nothing() {
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let db = TestDb::sample_on(db.cluster().clone()).await;
    let primary = db.admin().await;
    primary.route("+18005550101", "call-1").await.unwrap().link();
    primary.log("ended", "+18005550101", "NOANSWER").await.unwrap();
    let copied = Standby::of(db.cluster(), "standby").await;
    let config = copied.config(&db, ADMIN);
    let (standby, connection) = config.connect(NoTls).await.expect("the standby answers");
    tokio::spawn(connection);
    assert!(value::<bool>(&standby, "select pg_is_in_recovery()").await);
    for did in [
        "+18005550101",
        "+12125550102",
        "+13105550103",
        "+442075550104",
        "x",
    ] {
        assert_eq!(
            standby.explain(did).await.unwrap(),
            primary.explain(did).await.unwrap(),
            "{did}"
        );
        // All but the weighted campaign, which draws.
        if did != "+13105550103" {
            assert_eq!(
                standby.preview(did).await.unwrap(),
                primary.preview(did).await.unwrap(),
                "{did}"
            );
        }
    }
    assert_eq!(
        standby.explain("+18005550101").await.unwrap()[0].active,
        Some(1),
        "the call in flight is seen"
    );
    let wrong: i64 = value(&standby, "select count(*) from capconduit.verify_counters()").await;
    assert_eq!(wrong, 0);
    // A reject writes nothing, so it can be told here too.
    let unknown = standby.route("+19990001", "call-2").await.unwrap();
    assert_eq!(unknown.reject_reason(), "did_not_found");
    let ended = standby.route("+18005550101", "ended").await.unwrap();
    assert_eq!(ended.reject_reason(), "call_ended");
    // Everything else belongs to the primary, and says so.
    assert_eq!(sqlstate(standby.route("+18005550101", "call-2").await), "25006");
    assert_eq!(sqlstate(standby.log("call-1", "", "BUSY").await), "25006");
    assert_eq!(sqlstate(standby.answered("call-1").await), "25006");
    // On a host that has not got this release's file, whoever connects is told which.
    let superuser = db.superuser().await;
    let folder: String = value(
        &superuser,
        "select setting from pg_config where name = 'PKGLIBDIR'",
    )
    .await;
    std::fs::remove_file(std::path::Path::new(&folder).join("capconduit-0.3.so")).expect("it can be removed");
    let (anew, connection) = config.connect(NoTls).await.expect("the standby answers");
    tokio::spawn(connection);
    let (_, said) = refusal(anew.explain("+18005550101").await);
    // PostgreSQL 18 leaves the folder out.
    assert!(
        said.replace("$libdir/", "")
            .starts_with("could not access file \"capconduit-0.3\""),
        "{said}"
    );
}
