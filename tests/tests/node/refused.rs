//! Records that the database refuses, and a spool that cannot be written: a file is set aside with its reason or stays
//! where it is. It is never lost.

use std::process::Command;

use capconduit_tests::{Calls, TestDb, TestNode, assert_invariants};

use super::support::{DID, Folder, eventually, is_root, logged, record, record_with};

#[tokio::test]
async fn what_the_database_refuses_is_set_aside_with_its_reason() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    db.asterisk()
        .await
        .route(DID, "contradicts")
        .await
        .unwrap()
        .link();
    let files = [
        (
            "unknown-link",
            record_with("a", "BUSY", ", user_id => 1, client_id => 999999"),
            "P0002",
        ),
        (
            "no-time",
            record("b", "BUSY").replace("2026-01-02", "2026-13-99"),
            "22008",
        ),
        (
            "no-number",
            record("c", "BUSY").replace("=> 12", "=> 'twelve'"),
            "22P02",
        ),
        (
            "negative",
            record("d", "BUSY").replace("=> 12", "=> -12"),
            "22023",
        ),
        ("too-long", record(&"e".repeat(151), "BUSY"), "22023"),
        (
            "contradicts",
            record_with("contradicts", "BUSY", ", campaign_id => 2"),
            "22023",
        ),
        (
            "too-large",
            record("f", "BUSY").replace("=> 12", "=> 99999999999"),
            "22003",
        ),
        ("no-id", record("", "BUSY"), "22023"),
    ];
    for (name, content, _) in &files {
        spool.put(&format!("{name}.sql"), content);
    }
    spool.put("good.sql", record("good", "BUSY"));
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    for (name, content, state) in &files {
        let name = format!("{name}.sql");
        assert!(
            spool.reason(&name).starts_with(state),
            "{name}: {}",
            spool.reason(&name)
        );
        let kept = std::fs::read_to_string(spool.path().join("refused").join(&name)).expect("the file");
        assert_eq!(kept, *content);
    }
    assert_eq!(spool.refused().len(), files.len());
    assert_eq!(logged(&db, "%").await.split_off(6), ["good BUSY"]);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_second_refusal_under_one_name_keeps_the_first() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let _node = TestNode::start(&db, spool.path()).await;
    for content in ["first\n", "second\n", "third\n"] {
        spool.put("call.sql", content);
        spool.is_empty().await;
    }
    assert_eq!(spool.refused(), ["call.sql", "call.sql.2", "call.sql.3"]);
    for (name, content) in [
        ("call.sql", "first\n"),
        ("call.sql.2", "second\n"),
        ("call.sql.3", "third\n"),
    ] {
        let kept = std::fs::read_to_string(spool.path().join("refused").join(name)).expect("the file");
        assert_eq!(kept, content);
        assert!(spool.reason(name).starts_with("not a record"));
    }
}

#[tokio::test]
async fn what_cannot_be_set_aside_stays_and_is_told() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    // In the place of the folder, so that not even root can write into it.
    spool.put("refused", "in the way");
    spool.put("bad.sql", "no record\n");
    spool.put("good.sql", record("good", "BUSY"));
    let node = TestNode::start(&db, spool.path()).await;
    eventually("the agent says so", || async {
        node.problem("set_aside").await.is_some()
    })
    .await;
    node.health().await.expect_status(503);
    assert_eq!(
        node.metric("capconduit_node_alarm{reason=\"set_aside\"}").await,
        1.0
    );
    eventually("the good one is replayed", || async {
        spool.waiting() == ["bad.sql"]
    })
    .await;
    std::fs::remove_file(spool.path().join("refused")).expect("out of the way");
    spool.is_empty().await;
    assert_eq!(spool.refused(), ["bad.sql"]);
    eventually("it is over", || async {
        node.problem("set_aside").await.is_none()
    })
    .await;
    assert_eq!(logged(&db, "good").await, ["good BUSY"]);
}

/// A file system of a few kilobytes on the spool.
struct Disk<'a>(&'a Folder);

impl<'a> Disk<'a> {
    fn mount(spool: &'a Folder) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k,mode=777", "tmpfs"])
            .arg(spool.path())
            .status();
        assert!(
            mounted.expect("mount can be run").success(),
            "root can mount a tmpfs"
        );
        Self(spool)
    }

    /// Until nothing more fits.
    fn fill(&self) {
        let full = std::fs::write(self.0.path().join("ballast"), vec![0; 1 << 20]).expect_err("it is small");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// A full disk stops nothing that makes room, and loses nothing.
#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    if !is_root() {
        println!("not tried: only root can mount a small disk");
        return;
    }
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let disk = Disk::mount(&spool);
    spool.put("bad.sql", "no record\n");
    for n in 0..3 {
        spool.put(&format!("good-{n}.sql"), record(&format!("good-{n}"), "BUSY"));
    }
    disk.fill();
    let node = TestNode::start(&db, spool.path()).await;
    eventually("the agent says so", || async {
        node.problem("disk").await.is_some()
    })
    .await;
    eventually("the good ones are replayed", || async {
        logged(&db, "good-%").await.len() == 3
    })
    .await;
    // What the replay freed is taken at once by others.
    disk.fill();
    spool.put("late.sql", "");
    assert!(node.metric("capconduit_node_spool_free_bytes").await < 131_072.0);
    std::fs::remove_file(spool.path().join("ballast")).expect("room again");
    spool.put("late.sql", record("late", "BUSY"));
    spool.is_empty().await;
    assert_eq!(spool.refused(), ["bad.sql"]);
    assert_eq!(logged(&db, "late").await, ["late BUSY"]);
}
