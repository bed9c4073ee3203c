//! Files that are no records: never executed, set aside with the reason, and in nobody's way.

use capconduit_tests::{TestDb, TestNode, assert_invariants};

use super::support::{Folder, eventually, logged, record, record_with};

#[tokio::test]
async fn nothing_but_a_record_is_ever_executed() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let good = record("good", "BUSY");
    // log_call itself would take most of these; that they name a call nobody else has shows that none was executed.
    let evil = |value: &str| record("evil", "BUSY").replace("'BUSY'", value);
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("drop", b"DROP TABLE capconduit.call_logs;\n".to_vec()),
        ("release", b"SELECT * FROM release_expired(100);\n".to_vec()),
        (
            "second",
            format!("{}DROP TABLE call_logs;\n", record("evil", "BUSY")).into(),
        ),
        (
            "second-call",
            format!("{}{}", record("evil", "BUSY"), record("evil-2", "BUSY")).into(),
        ),
        ("injected", evil("'BUSY'); DROP TABLE call_logs; --").into()),
        ("function", evil("current_user").into()),
        ("subselect", evil("(select rolname from pg_roles limit 1)").into()),
        ("sleep", evil("pg_sleep(60)::text").into()),
        ("escapes", evil("E'BUSY\\' OR 1'").into()),
        ("dollar", evil("$x$BUSY$x$").into()),
        ("unicode", evil("U&'\\0042USY'").into()),
        ("joined", evil("'BU' 'SY'").into()),
        ("comment", evil("/* */ 'BUSY'").into()),
        ("line-comment", evil("'BUSY' --").into()),
        ("argument", record_with("evil", "BUSY", ", admin => 'yes'").into()),
        ("twice", record_with("evil", "BUSY", ", node => 'pbx2'").into()),
        ("copy", b"COPY call_logs TO PROGRAM 'touch /tmp/x';\n".to_vec()),
        ("psql", b"\\! touch /tmp/x\n".to_vec()),
        ("byte-order", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("large", vec![b'x'; 5 << 20]),
    ];
    let mut large = evil("'BUSY").into_bytes();
    large.extend(vec![b'x'; 5 << 20]);
    files.push(("large-literal", large));
    for (name, content) in &files {
        spool.put(&format!("{name}.sql"), content);
    }
    spool.put("good.sql", &good);
    // Records all the same: what is no text in them becomes text.
    spool.put("nul.sql", record("nul", "BUSY").replace("'BUSY'", "'BU\0SY'"));
    let mut text = record("not-utf-8", "BUSY").into_bytes();
    let at = text.windows(10).position(|w| w == b"not-utf-8'").expect("the id");
    text[at] = 0xff;
    spool.put("not-utf-8.sql", text);
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    let mut expected: Vec<String> = files.iter().map(|(name, _)| format!("{name}.sql")).collect();
    expected.sort();
    assert_eq!(spool.refused(), expected);
    for (name, content) in &files {
        let name = format!("{name}.sql");
        assert!(spool.reason(&name).len() > 10, "{name}: {}", spool.reason(&name));
        let kept = std::fs::read(spool.path().join("refused").join(&name)).expect("the file");
        assert!(kept == *content, "{name} is kept as it was");
    }
    assert_eq!(logged(&db, "good").await, ["good BUSY"]);
    assert_eq!(logged(&db, "nul").await, ["nul BU\u{fffd}SY"]);
    assert_eq!(logged(&db, "%ot-utf-8").await, ["\u{fffd}ot-utf-8 BUSY"]);
    assert_eq!(logged(&db, "evil%").await, [""; 0]);
    assert_eq!(
        node.metric("capconduit_node_refused_total").await,
        files.len() as f64
    );
    assert_eq!(
        node.metric("capconduit_node_refused_files").await,
        files.len() as f64
    );
    assert_invariants(&db).await;
}

/// Links, folders and pipes are moved as they are: never opened, never followed.
#[tokio::test]
async fn what_is_no_regular_file_is_not_opened() {
    let db = TestDb::sample().await;
    let (spool, elsewhere) = (Folder::new(), Folder::new());
    elsewhere.put("record", record("elsewhere", "BUSY"));
    let path = |name: &str| spool.path().join(name);
    std::os::unix::fs::symlink(elsewhere.path().join("record"), path("link.sql")).expect("a link");
    std::os::unix::fs::symlink("/nowhere", path("dangling.sql")).expect("a link");
    std::fs::create_dir(path("folder.sql")).expect("a folder");
    std::fs::write(path("folder.sql/inner.sql"), record("inner", "BUSY")).expect("a file in it");
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe.sql"))
        .status();
    assert!(made.expect("mkfifo can be run").success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.sql")).expect("a socket");
    spool.put("good.sql", record("good", "BUSY"));
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(
        spool.refused(),
        ["dangling.sql", "folder.sql", "link.sql", "pipe.sql", "socket.sql"]
    );
    assert_eq!(spool.reason("link.sql"), "it is no regular file\n");
    assert_eq!(logged(&db, "%").await.split_off(6), ["good BUSY"]);
    assert!(elsewhere.path().join("record").exists());
}

#[tokio::test]
async fn names_are_only_names() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let names = [
        "'; DROP TABLE call_logs; --.sql",
        "line\nbreak.sql",
        "$(touch x).sql",
        "-rf.sql",
        ".sql",
        "..sql",
        "ünï.sql",
    ];
    for (n, name) in names.iter().enumerate() {
        spool.put(name, record(&format!("name-{n}"), "BUSY"));
    }
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "name-%").await.len(), names.len());
    // The name of its reason would be too long: it stays, and somebody is told.
    let long = format!("{}.sql", "n".repeat(251));
    spool.put(&long, "no record\n");
    eventually("the agent says so", || async {
        node.problem("set_aside").await.is_some()
    })
    .await;
    assert_eq!(spool.waiting(), [long]);
}

/// Names of files stand in the log: none begins a line of its own.
#[tokio::test]
async fn a_name_writes_no_lines_into_the_log() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let forged = "x\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J";
    spool.put(&format!("{forged}.sql"), "no record\n");
    let long = format!("{forged}{}.sql", "n".repeat(251 - forged.len()));
    spool.put(&long, "no record\n");
    let node = TestNode::start(&db, spool.path()).await;
    eventually("one is set aside, the other cannot be", || async {
        spool.refused().len() == 1 && node.problem("set_aside").await.is_some()
    })
    .await;
    let log = node.log();
    assert!(log.contains("forged"), "{log}");
    for line in log.lines() {
        let begins = line.len() > 20 && line.starts_with("20") && line.as_bytes()[10] == b'T';
        assert!(begins && !line.contains('\u{1b}'), "{line:?} in\n{log}");
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{line}");
    }
}
