//! Settings that cannot work are refused at start, with a text that says how to mend it; and what is refused of a spool.

use std::process::{Command, Output};

use capconduit_tests::{ASTERISK, TestDb, TestNode, project};

use super::support::{Folder, eventually, is_root, logged, record};

fn start(url: &str, spool: &Folder, settings: &[(&str, &str)]) -> Output {
    // A setting that is not refused would run for ever.
    Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(project::capconduit().get_program())
        .arg("node")
        .env("DATABASE_URL", url)
        .env("CAPCONDUIT_NODE", "pbx1")
        .env("CAPCONDUIT_SPOOL", spool.path())
        .env("CAPCONDUIT_NODE_LISTEN", "127.0.0.1:0")
        .envs(settings.iter().copied())
        .output()
        .expect("the agent can be run")
}

#[tokio::test]
async fn unusable_settings_are_refused() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    spool.put("file", "");
    let file = spool.path().join("file").display().to_string();
    let (good, admin) = (db.url(ASTERISK), db.url(capconduit_tests::ADMIN));
    for (url, setting, expected) in [
        (&good, ("CAPCONDUIT_NODE", "pbx 1"), "no name of a node"),
        (
            &good,
            ("CAPCONDUIT_NODE", "a-name-longer-than-24-letters"),
            "no name of a node",
        ),
        (&good, ("CAPCONDUIT_SPOOL", "/no/such/spool"), "install -d"),
        (&good, ("CAPCONDUIT_SPOOL", &file), "no folder"),
        (&good, ("CAPCONDUIT_ASTERISK_COMMAND", " "), "is empty"),
        (&good, ("CAPCONDUIT_NODE_LISTEN", "nowhere"), "ADDRESS:PORT"),
        (
            &good,
            ("CAPCONDUIT_SIP_LISTEN", "0.0.0.0:9466"),
            "not a loopback address",
        ),
        (
            &good,
            ("CAPCONDUIT_SIP_LISTEN", "[2001:db8::1]:9466"),
            "not a loopback address",
        ),
        (&good, ("CAPCONDUIT_HEARTBEAT_SECONDS", "0"), "0 is not in 1..=30"),
        (
            &admin,
            ("CAPCONDUIT_NODE", "pbx1"),
            "logs in as capconduit_asterisk",
        ),
        (
            &"postgres://h/d?sslmode=verify-full".into(),
            ("CAPCONDUIT_NODE", "pbx1"),
            "sslrootcert",
        ),
    ] {
        let output = start(url, &spool, &[setting]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(expected),
            "{setting:?}: {said}"
        );
        assert!(!said.contains(url.as_str()), "no address is shown: {said}");
    }
}

#[tokio::test]
async fn a_spool_has_one_agent() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    let second = start(&db.url(ASTERISK), &spool, &[]);
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another agent works on the spool"), "{said}");
    drop(node);
    let _next = TestNode::start(&db, spool.path()).await;
}

/// As it runs in production: not as root, and in a folder that belongs to Asterisk.
#[tokio::test]
async fn a_file_that_may_not_be_read_stays_and_is_told() {
    if !is_root() {
        println!("not tried: only root can run the agent as somebody else");
        return;
    }
    let db = TestDb::sample().await;
    let spool = Folder::new();
    spool.open_to_all();
    let path = spool.path().join("closed.sql");
    spool.put("closed.sql", record("closed", "BUSY"));
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&path, mode(0o600)).expect("its mode can be set");
    spool.put("open.sql", record("open", "BUSY"));
    // A copy that the other user can reach, wherever the project lies.
    let folder = Folder::new();
    folder.open_to_all();
    let first = TestNode::start(&db, Folder::new().path()).await;
    std::fs::copy(
        format!("/proc/{}/exe", first.pid()),
        folder.path().join("capconduit"),
    )
    .expect("a copy");
    let program = folder.path().join("as-nobody");
    let text = "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"${0%/*}/capconduit\" \"$@\"\n";
    std::fs::write(&program, text).expect("a script");
    std::fs::set_permissions(&program, mode(0o755)).expect("its mode can be set");
    let program = program.display().to_string();
    let node = TestNode::start_with(&db, spool.path(), &[("CAPCONDUIT_BIN", &program)]).await;
    eventually("the agent says so", || async {
        node.problem("spool").await.is_some()
    })
    .await;
    eventually("the other one is replayed", || async {
        spool.waiting() == ["closed.sql"]
    })
    .await;
    std::fs::set_permissions(&path, mode(0o644)).expect("its mode can be set");
    spool.is_empty().await;
    assert_eq!(logged(&db, "closed").await, ["closed BUSY"]);
    eventually("it is over", || async { node.problem("spool").await.is_none() }).await;
}
