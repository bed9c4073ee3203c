//! A repeated question flushes up to the end of the WAL. At the start of a page, and of a segment, PostgreSQL names
//! a position behind a header that nobody has written: no answer may fail there, and nothing may complain.

use capconduit_tests::{Calls, ClusterOptions, Link, Scenario, Strategy, TestDb, rounds};
use tokio_postgres::Client;

const PAGE: i64 = 8192;
/// Sizes of the headers of a page and of a segment's first page.
const HEADERS: [i64; 2] = [24, 40];

async fn offset(client: &Client) -> i64 {
    let sql = "select (pg_current_wal_insert_lsn() - '0/0')::bigint";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Writes a record of that many bytes, which nobody flushes.
async fn write(client: &Client, bytes: i64) {
    let sql = "select pg_logical_emit_message(false, '', repeat('x', $1))";
    client.execute(sql, &[&(bytes as i32)]).await.unwrap();
}

#[tokio::test]
async fn a_duplicate_is_answered_at_every_position() {
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1)]).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    switch.route(&scenario.did, "live").await.unwrap().link();
    switch.log("ended", &scenario.did, "BUSY").await.unwrap();
    // What a record needs beside its text: measured in the middle of a page.
    write(&superuser, PAGE * 3 / 2 - offset(&superuser).await % PAGE).await;
    let before = offset(&superuser).await;
    write(&superuser, 1000).await;
    let overhead = offset(&superuser).await - before - 1000;
    let mut boundaries = 0;
    for round in 0..rounds(1000, 20_000) {
        // Two in three end exactly with the page; the others somewhere on it.
        let left = PAGE - offset(&superuser).await % PAGE;
        if round % 3 < 2 && left > overhead + 300 {
            write(&superuser, left - overhead).await;
        } else {
            write(&superuser, 300 + round as i64 % 1000).await;
        }
        boundaries += usize::from(HEADERS.contains(&(offset(&superuser).await % PAGE)));
        assert_eq!(
            switch.log("ended", &scenario.did, "BUSY").await.unwrap().status,
            "duplicate"
        );
        assert!(!switch.route(&scenario.did, "ended").await.unwrap().is_ok());
    }
    println!("{boundaries} duplicates at the start of a page");
    assert!(boundaries > 50, "{boundaries} duplicates met the start of a page");
    for _ in 0..3 {
        superuser.execute("select pg_switch_wal()", &[]).await.unwrap();
        assert_eq!(
            switch.log("ended", &scenario.did, "BUSY").await.unwrap().status,
            "duplicate"
        );
        write(&superuser, 300).await;
    }
    let log = db.cluster().log();
    for complaint in ["past end of generated WAL", "is not satisfied"] {
        assert!(!log.contains(complaint), "the server's log: {complaint}");
    }
}
