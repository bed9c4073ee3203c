//! Records in the spool: replayed oldest first, once, and their files removed; files that are not whole wait.

use std::io::Write;

use capconduit_tests::{Calls, TestDb, TestNode, assert_invariants};

use super::support::{DID, Folder, eventually, logged, record};

#[tokio::test]
async fn records_are_replayed_oldest_first() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    for (n, age) in [30, 50, 10, 40, 20].into_iter().enumerate() {
        spool.put_aged(&format!("old-{n}"), "BUSY", age);
    }
    // What is not a record is nobody's business.
    spool.put("note.txt", "hands off");
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(
        logged(&db, "old-%").await,
        [
            "old-1 BUSY",
            "old-3 BUSY",
            "old-0 BUSY",
            "old-4 BUSY",
            "old-2 BUSY"
        ]
    );
    // And those that come while it runs.
    spool.put("later.sql", record("later", "CANCEL"));
    spool.is_empty().await;
    assert_eq!(logged(&db, "later").await, ["later CANCEL"]);
    assert_eq!(node.metric("capconduit_node_replayed_total").await, 6.0);
    assert_eq!(spool.refused(), [""; 0]);
    assert!(spool.path().join("note.txt").exists());
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_record_arrives_byte_for_byte() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    spool.put("call.sql", record("call", "BUSY"));
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    let row = db
        .superuser()
        .await
        .query_one(
            "select caller_id_name, timestamp_start = '2026-01-02 03:04:05.678+00', duration_seconds, hangup_cause_code,
                    sip_call_id, node from call_logs where asterisk_uniqueid = 'call'",
            &[],
        )
        .await
        .expect("the record");
    assert_eq!(row.get::<_, String>(0), "O'Neil \"x\" \\, 😀");
    assert!(row.get::<_, bool>(1));
    assert_eq!((row.get::<_, i32>(2), row.get::<_, i32>(3)), (12, 16));
    assert_eq!(row.get::<_, Option<String>>(4), None, "'' means NULL");
    assert_eq!(row.get::<_, String>(5), "pbx1");
}

/// The reply was lost, the record was not; or the dialplan wrote it twice; or the call was closed as lost meanwhile.
#[tokio::test]
async fn a_record_that_is_there_already_stays_one() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for uniqueid in ["answered", "lost"] {
        switch.route(DID, uniqueid).await.unwrap().link();
    }
    switch.log("answered", DID, "ANSWERED").await.unwrap();
    superuser.release("lost", "test").await.unwrap();
    let spool = Folder::new();
    spool.put("answered.sql", record("answered", "ANSWERED"));
    spool.put("lost.sql", record("lost", "ANSWERED"));
    spool.put("twice.sql", record("twice", "BUSY").repeat(2));
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(
        logged(&db, "%").await.split_off(6),
        ["answered ANSWERED", "lost ANSWERED", "twice BUSY"]
    );
    assert_eq!(node.metric("capconduit_node_replayed_total").await, 3.0);
    assert_invariants(&db).await;
}

/// As if Asterisk was in the middle of writing, at every byte.
#[tokio::test]
async fn a_file_cut_anywhere_waits_for_its_end() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let whole = |n: usize| record(&format!("cut-{n}"), "BUSY");
    let cuts = whole(1000).len();
    for n in 0..cuts {
        spool.put(&format!("{n}.sql"), &whole(1000 + n).as_bytes()[..n]);
    }
    let node = TestNode::start(&db, spool.path()).await;
    spool.put("witness.sql", record("witness", "BUSY"));
    for _ in 0..2 {
        eventually("a whole one is replayed", || async {
            spool.waiting().len() == cuts
        })
        .await;
        spool.put("witness.sql", record("witness", "BUSY"));
    }
    assert_eq!(logged(&db, "cut-%").await, [""; 0]);
    for n in 0..cuts {
        let mut file = std::fs::File::options()
            .append(true)
            .open(spool.path().join(format!("{n}.sql")))
            .expect("the file still waits");
        file.write_all(&whole(1000 + n).as_bytes()[n..]).expect("its end");
    }
    spool.is_empty().await;
    assert_eq!(logged(&db, "cut-%").await.len(), cuts);
    assert_eq!(spool.refused(), [""; 0], "{}", node.log());
    assert_invariants(&db).await;
}

#[tokio::test]
#[ignore = "waits for a minute: a cut file is set aside when it has not grown for so long"]
async fn a_file_that_grows_no_more_is_set_aside() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let whole = record("cut", "BUSY");
    spool.put("cut.sql", &whole[..whole.len() - 1]);
    spool.put("empty.sql", "");
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(spool.refused(), ["cut.sql", "empty.sql"]);
    assert!(spool.reason("cut.sql").starts_with("truncated"));
    assert_eq!(logged(&db, "cut").await, [""; 0]);
    // An operator ends it by hand and moves it back.
    std::fs::remove_file(spool.path().join("refused/cut.sql")).expect("the file");
    spool.put("cut.sql", whole);
    spool.is_empty().await;
    assert_eq!(logged(&db, "cut").await, ["cut BUSY"]);
}

/// Whoever may write into the folder may hand in records.
#[tokio::test]
async fn the_owner_of_a_file_does_not_matter() {
    if !super::support::is_root() {
        println!("not tried: only root can give a file away");
        return;
    }
    let db = TestDb::sample().await;
    let spool = Folder::new();
    spool.put("call.sql", record("call", "BUSY"));
    std::os::unix::fs::chown(spool.path().join("call.sql"), Some(60_999), Some(60_999)).expect("given away");
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "call").await, ["call BUSY"]);
}
