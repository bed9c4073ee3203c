//! Nonsense in every setting: of the extension, of the service, of the agent. It is refused with a text that names the
//! setting. The settings are asked of the programs themselves, so a new one is tried, too.

use std::process::{Command, Output};

use capconduit_tests::{API, ASTERISK, SUPERUSER, TestDb, project};

use crate::node::support::Folder;
use crate::sql::support::{run, sqlstate, value};

#[tokio::test]
async fn the_extension_s_settings_take_no_nonsense() {
    let db = TestDb::sample().await;
    let superuser = db.connect_as(SUPERUSER).await;
    run(&superuser, "select capconduit.explain_route('+1')").await;
    let settings = superuser
        .query(
            "select name, setting, min_val, max_val from pg_settings where name like 'capconduit.%' order by name",
            &[],
        )
        .await
        .expect("the settings");
    assert!(settings.len() >= 5, "{} settings", settings.len());
    for row in &settings {
        let (name, before): (&str, String) = (row.get(0), row.get(1));
        let mut nonsense: Vec<String> = [
            "", " ", "x", "1x", "1;2", "--1", "0x", "1e999", "NaN", "Infinity", "é", "'", "$1",
        ]
        .map(str::to_owned)
        .to_vec();
        nonsense.extend([i128::from(i64::MAX) + 1, i128::from(i64::MIN)].map(|number| number.to_string()));
        nonsense.push("9".repeat(5_000));
        if let (Some(least), Some(most)) = (row.get::<_, Option<&str>>(2), row.get::<_, Option<&str>>(3)) {
            let number = |text: &str| text.parse::<i64>().expect("a bound");
            nonsense.push((number(least) - 1).to_string());
            nonsense.push((number(most) + 1).to_string());
            for good in [least, most] {
                run(&superuser, &format!("set {name} = {good}; reset {name}")).await;
            }
        }
        for text in nonsense {
            let refused = superuser
                .query("select set_config($1, $2, false)", &[&name, &text])
                .await;
            assert_eq!(sqlstate(refused), "22023", "{name} = {text:.30}");
        }
        let after: String = value(
            &superuser,
            &format!("select setting from pg_settings where name = '{name}'"),
        )
        .await;
        assert_eq!(after, before, "{name}");
    }
}

/// `[env: NAME=…]` in the help of a command.
fn variables(command: &str) -> Vec<String> {
    let output = project::capconduit()
        .args([command, "--help"])
        .output()
        .expect("it can be run");
    let help = String::from_utf8(output.stdout).expect("text");
    help.split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split('=').next())
        .map(str::to_owned)
        .collect()
}

/// Nonsense for a variable: all of it is refused. None: whatever it says is taken for yes, or is a name of theirs.
fn nonsense(variable: &str) -> Option<&'static [&'static str]> {
    const NUMBERS: &[&str] = &["", "0", "-1", "1.5", "x", "1 2", "99999999999999999999", "∞"];
    const ADDRESSES: &[&str] = &[
        "",
        "nowhere",
        "127.0.0.1",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        ":::",
        "a b:1",
    ];
    Some(match variable {
        "CAPCONDUIT_LISTEN"
        | "CAPCONDUIT_METRICS_LISTEN"
        | "CAPCONDUIT_NODE_LISTEN"
        | "CAPCONDUIT_SIP_LISTEN" => ADDRESSES,
        "CAPCONDUIT_SESSION_MINUTES"
        | "CAPCONDUIT_SESSION_DAYS"
        | "CAPCONDUIT_POOL_SIZE"
        | "CAPCONDUIT_REQUEST_SECONDS"
        | "CAPCONDUIT_HEARTBEAT_SECONDS" => NUMBERS,
        "CAPCONDUIT_PUBLIC_ORIGINS" => &["x", "ftp://h", "https://", "https://h/path", "https://a b"],
        "CAPCONDUIT_CORS_ORIGINS" => &["x", "*", "null", "https://h/path", "https://a,https://*/"],
        "CAPCONDUIT_TRUSTED_PROXIES" => &["x", "10.0.0.0/99", "10.0.0.256", "10.0.0.1,,x"],
        "CAPCONDUIT_CLAIMS" => &["", "x", "Open", "open,staff"],
        "CAPCONDUIT_FORWARDED_HEADER" => &["", "x", "x-real-ip", "forwarded, x-forwarded-for"],
        "CAPCONDUIT_INTERNAL_TOKEN_FILE" => &["/no/such/file", "/"],
        "CAPCONDUIT_SECOND_FACTOR_KEY_FILE" => &["", "/no/such/file", "/", "/dev/null", "/proc/self/comm"],
        "CAPCONDUIT_NODE" => &[
            "",
            " ",
            "pbx 1",
            "a/b",
            "pbx1;",
            "é",
            "a-name-longer-than-24-letters",
        ],
        "CAPCONDUIT_SPOOL" => &["", "/no/such/folder", "/dev/null"],
        "CAPCONDUIT_ASTERISK_COMMAND" => &["", " "],
        "CAPCONDUIT_CONTEXTS" | "CAPCONDUIT_TRANSPORTS" => return None,
        "CAPCONDUIT_WITHOUT_TLS"
        | "CAPCONDUIT_WITHOUT_INTERNAL_API"
        | "CAPCONDUIT_ADMINS_NEED_SECOND_FACTOR"
        | "CAPCONDUIT_LOG_JSON" => return None,
        new => panic!("{new} is a new setting: which nonsense must it refuse?"),
    })
}

fn start(command: &str, url: &str, spool: &Folder, (variable, text): (&str, &str)) -> Output {
    // A setting that is not refused would run for ever.
    Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(project::capconduit().get_program())
        .arg(command)
        .envs([
            ("DATABASE_URL", url),
            ("CAPCONDUIT_NODE", "pbx1"),
            ("CAPCONDUIT_NODE_LISTEN", "127.0.0.1:0"),
            ("CAPCONDUIT_LISTEN", "127.0.0.1:0"),
            ("CAPCONDUIT_METRICS_LISTEN", "127.0.0.1:0"),
            ("INTERNAL_API_TOKEN", "a-good-token-0123456789"),
        ])
        .env("CAPCONDUIT_SPOOL", spool.path())
        .env(variable, text)
        .output()
        .expect("it can be run")
}

#[tokio::test]
async fn the_commands_settings_take_no_nonsense() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let mut tried = 0;
    let mut faults = Vec::new();
    for (command, login) in [("serve", API), ("node", ASTERISK)] {
        let variables = variables(command);
        assert!(variables.len() > 4, "{command}: {variables:?}");
        for variable in &variables {
            for text in nonsense(variable).unwrap_or_default() {
                tried += 1;
                let output = start(command, &db.url(login), &spool, (variable, text));
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let flag = variable
                    .trim_start_matches("CAPCONDUIT_")
                    .to_lowercase()
                    .replace('_', "-");
                let flag = flag.strip_prefix("node-").unwrap_or(&flag);
                // Refused: not killed for running, not by a panic, and with a text that says what it is about.
                let refused = matches!(output.status.code(), Some(1 | 2));
                let named = said.contains(variable.as_str()) || said.contains(flag);
                if !refused || !named || said.contains("panicked") {
                    faults.push(format!(
                        "{command} {variable}={text:?}: {:?} {said}",
                        output.status.code()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} of {tried}: {faults:#?}", faults.len());
}
