//! Tests of how Asterisk's answers are read.

use super::*;

#[test]
fn settings_are_read() {
    let text = "\nPBX Core settings\n  Startup time:                17:32:22\n  System:                      Linux/x\n  \
                System name:                 pbx1\n  PBX UUID:                    8627\n";
    let identity = read_identity(text).unwrap();
    assert_eq!(identity.system_name, "pbx1");
    assert_eq!(identity.started, "17:32:22");
    assert!(read_identity("No such command 'core show settings'").is_err());
    let unset = read_identity(&text.replace("pbx1", "")).unwrap();
    assert_eq!(unset.system_name, "");
}

#[test]
fn an_uptime_is_a_number_or_unknown() {
    assert_eq!(read_uptime("System uptime: 14\nLast reload: 2\n").unwrap(), 14);
    assert!(read_uptime("").is_err());
    assert!(read_uptime("Last reload: 2\n").is_err());
}

#[test]
fn a_list_is_read_whatever_the_console_says_before_it() {
    let text = "Local/2@in-1;2!in!2!2!Ring!Wait!600!12\"3!4,5!!!3!0!!pbx1-1795367876.3\n\
                PJSIP/trunk-1!in!1!1!Up!Dial!x!+1\n555!!!3!5!!pbx1-1795367876.1\n";
    let ids = read_channels(text);
    assert!(ids.contains(&"pbx1-1795367876.3".to_owned()) && ids.contains(&"pbx1-1795367876.1".to_owned()));
    let said = format!(
        "No ethernet interface found for seeding global EID. You will have to set it manually.\n{text}"
    );
    assert_eq!(read_channels(&said), ids);
    assert!(read_channels("").is_empty());
    assert!(read_channels("\n").is_empty());
}

#[tokio::test]
async fn words_are_no_empty_list() {
    // Both answers, whatever is asked.
    let ask = async |lines: &str| {
        let command = format!("printf {}", lines.replace(' ', "\\040"));
        Asterisk::new(&command).unwrap().channels().await
    };
    assert!(ask("No such command\\n").await.is_err());
    assert!(ask("Command cannot be run during shutdown\\n").await.is_err());
    assert!(ask("10 active channels\\n").await.is_err());
    // A caller's name with Asterisk's own words is no refusal.
    let named = "PJSIP/trunk-1!in!1!1!Up!Dial!x!cannot be run during shutdown!!!3!5!!pbx1-1.1\\n";
    assert_eq!(ask(named).await.unwrap(), ["pbx1-1.1"]);
    assert!(
        ask("No ethernet interface\\n0 active channels\\n")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_command_that_hangs_or_fails_is_no_answer() {
    let ask = async |command: &str| Asterisk::new(command).unwrap().channels().await.unwrap_err();
    let failed = ask("false").await;
    assert!(failed.text.contains("does not answer") && failed.process.is_none());
    let missing = ask("/no/such/asterisk").await;
    assert!(missing.text.contains("cannot run") && missing.process.is_none());
    assert!(Asterisk::new("  ").is_err());
}

/// A console that waits is a process of that name; a helper that hangs before it has none.
#[tokio::test]
async fn a_helper_that_hangs_says_nothing_about_asterisk() {
    let folder = std::env::temp_dir().join(format!("capconduit-console-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let console = script("asterisk", "sleep 60 & wait");
    let wrapped = script("wrapper", &format!("{console}; true"));
    let hanging = script("asterisk-in-docker", "sleep 60");
    let ask = async |command: &str| {
        let asterisk = Asterisk::new(command).unwrap();
        asterisk
            .ask_within("x", Duration::from_secs(1))
            .await
            .unwrap_err()
    };
    for command in [&console, &wrapped] {
        let waits = ask(command).await;
        assert_eq!(waits.process, Some(Process::Alive), "{command}");
        assert!(waits.text.contains("did not answer within"), "{}", waits.text);
    }
    let hangs = ask(&hanging).await;
    assert_eq!(hangs.process, None);
    assert!(hangs.text.contains("nothing is known"), "{}", hangs.text);
    std::fs::remove_dir_all(&folder).unwrap();
    let named = Running {
        pid: 17,
        parent: 1,
        name: "a) S 2 (b".into(),
    };
    assert_eq!(read_stat("17 (a) S 2 (b) S 1 17 17"), Some(named));
}

/// In a console's own words about a socket: one that is not there, one that nobody listens on, one that somebody does.
#[tokio::test]
async fn an_asterisk_is_down_when_nobody_listens_on_its_socket() {
    let socket = std::env::temp_dir().join(format!("capconduit-ctl-{}", std::process::id()));
    let said = format!(
        "Unable to connect to remote asterisk (does {} exist?)\n",
        socket.display()
    );
    assert!(nobody_listens(&said).await);
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(!nobody_listens(&said).await);
    drop(listener);
    assert!(nobody_listens(&said).await);
    std::fs::remove_file(&socket).unwrap();
    assert!(!nobody_listens("nsenter: cannot open /proc/1/ns/net").await);
}
