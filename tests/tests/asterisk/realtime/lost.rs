//! A promotion that lost a change: a standby that commits do not wait for. What a switch kept of the lost settings is used by
//! no call.

use capconduit_tests::{SUPERUSER, Site, StopMode, TestAsterisk};
use tokio_postgres::NoTls;

use super::Stage;
use crate::asterisk::support::becomes;

#[tokio::test]
async fn settings_that_a_promotion_lost_are_dialled_by_nobody() {
    let (site, db) = Stage::database().await;
    let switch = TestAsterisk::configured(&site, &db, "pbx1");
    let file = switch.site_folder().join("odbc.ini");
    let text = std::fs::read_to_string(&file).expect("odbc.ini");
    let text = text
        .replace(
            &format!("Servername = {}", Site::DATABASE),
            &format!("Servername = {},{}", Site::DATABASE, Site::STANDBY),
        )
        .replace("Pqopt = ", "Pqopt = target_session_attrs=read-write ");
    std::fs::write(file, text).expect("odbc.ini");
    let standby = site.standby(&db, "standby1").await;
    switch.boot().await;
    let stage = Stage::on(site, db, switch).await;
    let superuser = stage.traffic.db.superuser().await;
    let config = standby.config(&stage.traffic.db, SUPERUSER);
    let (there, connection) = config.connect(NoTls).await.expect("the standby");
    tokio::spawn(connection);
    becomes("the standby has all", true, async || {
        let at: String = superuser
            .query_one("select pg_current_wal_lsn()::text", &[])
            .await
            .expect("a position")
            .get(0);
        let sql = "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
        there.query_one(sql, &[&at]).await.expect("a position").get(0)
    })
    .await;
    assert_eq!(stage.call().await.final_status(), 200);
    becomes("the call is over there, too", 0_i64, async || {
        let sql = "select count(*) from capconduit.live_calls";
        there.query_one(sql, &[]).await.expect("calls").get(0)
    })
    .await;
    // From here on it hears nothing.
    for sql in [
        "alter system set primary_conninfo = ''",
        "select pg_reload_conf()",
    ] {
        there.batch_execute(sql).await.expect(sql);
    }
    becomes("nobody follows", 0_i64, async || {
        let sql = "select count(*) from pg_stat_replication";
        superuser.query_one(sql, &[]).await.expect("followers").get(0)
    })
    .await;
    stage
        .set_endpoint("from_user = 'lost', from_domain = 'us.example'")
        .await;
    assert_eq!(stage.call().await.final_status(), 200);
    assert_eq!(stage.offered().from, "sip:lost@us.example");

    stage.traffic.db.cluster().stop(StopMode::Immediate).await;
    standby.promote().await;
    let answered = async |from: &str| {
        for _ in 0..20 {
            if stage.call().await.final_status() == 200 {
                assert!(stage.offered().from.starts_with(from), "{:?}", stage.offered());
                return;
            }
        }
        panic!("no call is answered:\n{}", stage.traffic.switch.log());
    };
    answered("sip:+15550001111@").await;
    // The first change there is the second one that the switch hears of.
    let sql = "update capconduit.pjsip_endpoints set from_user = 'kept', from_domain = 'us.example'";
    there.execute(sql, &[]).await.expect("the endpoint");
    answered("sip:kept@us.example").await;
}
