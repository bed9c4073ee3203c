//! The way from the switch to the database is encrypted, and leads to our server or nowhere.

use capconduit_tests::{Authority, CallRecord, Caller, Center, Site, TestAsterisk};

use super::support::becomes;
use super::traffic::Traffic;

/// What docs/ASTERISK.md says about odbc.ini.
fn wants_our_server(switch: &TestAsterisk) {
    let file = switch.site_folder().join("odbc.ini");
    let text = std::fs::read_to_string(&file).expect("odbc.ini");
    let text = text
        .replace("SSLmode = prefer", "SSLmode = verify-full")
        .replace("Pqopt = ", "Pqopt = sslrootcert=/etc/asterisk/site/ca.pem ");
    assert!(
        text.contains("SSLmode = verify-full") && text.contains("Pqopt = sslrootcert="),
        "{text}"
    );
    std::fs::write(file, text).expect("odbc.ini");
}

fn trusts(switch: &TestAsterisk, authority: &str) {
    std::fs::copy(authority, switch.site_folder().join("ca.pem")).expect("ca.pem");
}

#[tokio::test]
async fn a_switch_that_wants_our_certificate_reaches_our_server_and_no_other() {
    let authority = Authority::new();
    let site = Site::start().await;
    let db = site.database_with("hostssl", authority.settings()).await;
    let switch = TestAsterisk::configured(&site, &db, "pbx1");
    wants_our_server(&switch);
    trusts(&switch, &authority.file("ours.pem"));
    switch.boot().await;
    let traffic = Traffic::on(site, db, switch).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic
        .number(&[capconduit_tests::Link::cap(5)], &[center.contact()])
        .await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did);

    let seen = caller.call().await;
    assert_eq!(seen.final_status(), 200, "{}", traffic.switch.log());
    CallRecord::of(&traffic.db, &seen).await.assert_equals(&seen);
    let superuser = traffic.db.superuser().await;
    let sql = "select count(*) filter (where s.ssl), count(*) from pg_stat_activity a join pg_stat_ssl s using (pid)
                where a.usename = 'capconduit_asterisk'";
    let row = superuser.query_one(sql, &[]).await.expect("connections");
    let (encrypted, all): (i64, i64) = (row.get(0), row.get(1));
    assert!(encrypted > 0 && encrypted == all, "{encrypted} of {all}");

    // Another authority signed what the switch trusts now: this server could be anybody's.
    traffic.switch.kill();
    trusts(&traffic.switch, &authority.file("theirs.pem"));
    traffic.switch.boot().await;
    let seen = caller.call().await;
    assert_eq!(seen.final_status(), 503);
    let spooled = traffic.switch.spooled();
    assert_eq!(spooled.len(), 1);
    assert!(spooled[0].1.contains("'FAILED_DATABASE'"), "{}", spooled[0].1);
    // Nobody logged in; those of before have been noticed to be gone.
    becomes("the switch's connections", 0, async || {
        let row = superuser.query_one(sql, &[]).await.expect("connections");
        row.get::<_, i64>(1)
    })
    .await;
    // And the record reaches the right one.
    let _agent = traffic.agent(&traffic.switch).await;
    let record = CallRecord::of(&traffic.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(
        (record.status.as_str(), record.cause),
        ("FAILED_DATABASE", Some(34))
    );
}
