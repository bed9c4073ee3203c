//! The project's scripts, where nothing else that the tests do would show a mistake in them.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use capconduit_tests::{Site, project};

/// A folder of a test, deleted with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = project::fresh_state_folder();
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Commands in bash, after these scripts were sourced.
fn bash(sourced: &[&str], commands: &str) -> Command {
    let mut text = "set -euo pipefail\n".to_owned();
    for name in sourced {
        text += &format!(". scripts/lib/{name}\n");
    }
    let mut command = Command::new("bash");
    command
        .current_dir(project::root())
        .args(["-c", &format!("{text}{commands}")])
        .env_remove("PGRX_PG_CONFIG_PATH")
        .env_remove("PG_CONFIG");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_suite_that_dies_has_failed_and_the_others_run() {
    let commands = "suite 'checks' die 'it broke'; suite 'tests: more' die 'broke, too'; suite 'last' true; finish_suites";
    let output = bash(&["common.sh", "suites.sh"], commands)
        .output()
        .expect("bash");
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("it broke"), "{text}");
    assert!(text.contains("\n1 passed, 2 failed\n"), "{text}");
}

/// Its own first lines; and they are what is said to a word that it does not know.
#[test]
fn each_script_tells_what_it_does() {
    let run = |script: &Path, word: &str| Command::new(script).arg(word).output().expect("it can be run");
    let mut told = 0;
    for entry in std::fs::read_dir(project::root().join("scripts")).expect("scripts") {
        let script = entry.expect("an entry").path();
        let name = script.file_name().expect("a name").to_string_lossy().into_owned();
        if script.is_dir() {
            continue;
        }
        let help = run(&script, "--help");
        let text = String::from_utf8(help.stdout).expect("text");
        assert!(help.status.success() && text.contains(&name), "{name}: {text}");
        // These two speak for the program behind them.
        if !["bench", "capconduit"].contains(&name.as_str()) {
            let wrong = run(&script, "no-such-word");
            assert!(!wrong.status.success(), "{name}");
            assert_eq!(String::from_utf8_lossy(&wrong.stderr), text, "{name}");
        }
        told += 1;
    }
    assert!(told >= 10, "{told} scripts");
}

#[test]
fn header_files_that_are_missing_are_told() {
    // No release of Debian has them, and nobody unpacks them.
    let output = Command::new(project::root().join("scripts/build"))
        .args(["check", "99"])
        .output();
    let output = output.expect("it can be run");
    assert!(!output.status.success());
    assert!(
        said(&output).contains("no header files of PostgreSQL 99"),
        "{}",
        said(&output)
    );
}

#[test]
fn pg_config_says_for_which_postgresql_it_is_built() {
    let any = bash(&["common.sh"], "pg_config_path").output().expect("bash");
    let path = String::from_utf8(any.stdout).expect("a path");
    let folder = Folder::new();
    let own = folder.0.join("pg_config");
    std::os::unix::fs::symlink(path.trim(), &own).expect("a link");
    let output = bash(&["common.sh"], "use_pg_config; echo \"$PGRX_PG_CONFIG_PATH\"")
        .env("PG_CONFIG", &own)
        .output();
    assert_eq!(said(&output.expect("bash")).trim(), own.display().to_string());
    let output = bash(&["common.sh"], "use_pg_config")
        .env("PG_CONFIG", "/no/such/file")
        .output();
    let output = output.expect("bash");
    assert!(!output.status.success() && said(&output).contains("/no/such/file"));
}

/// Everything that docs/INSTALL.md names, below DESTDIR, and nothing else there.
#[test]
fn make_install_puts_everything_below_destdir() {
    let folder = Folder::new();
    let output = Command::new(project::root().join("scripts/build"))
        .arg("install")
        .env("DESTDIR", &folder.0)
        .env("PREFIX", "/opt/calls")
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "{}", said(&output));
    let mut files = Vec::new();
    walk(&folder.0, &mut files);
    let own = files.iter().filter_map(|(path, mode)| {
        let path = path
            .strip_prefix(&folder.0)
            .expect("below")
            .to_str()
            .expect("text");
        path.strip_prefix("opt/calls/").map(|path| (path, *mode))
    });
    let mut own: Vec<(&str, u32)> = own.collect();
    own.sort_unstable();
    assert_eq!(
        own,
        [
            ("bin/capconduit", 0o755),
            ("lib/systemd/system/capconduit-doctor.service", 0o644),
            ("lib/systemd/system/capconduit-doctor.timer", 0o644),
            ("lib/systemd/system/capconduit-node.service", 0o644),
            ("lib/systemd/system/capconduit-purge.service", 0o644),
            ("lib/systemd/system/capconduit-purge.timer", 0o644),
            ("lib/systemd/system/capconduit.service", 0o644),
            ("share/capconduit/capconduit.env", 0o644),
            ("share/capconduit/nginx.conf", 0o644),
            ("share/capconduit/node.env", 0o644),
            ("share/capconduit/purge.env", 0o644),
            ("share/capconduit/sample_data.sql", 0o644),
            ("share/man/man1/capconduit-doctor.1", 0o644),
            ("share/man/man1/capconduit-migrate.1", 0o644),
            ("share/man/man1/capconduit-node.1", 0o644),
            ("share/man/man1/capconduit-openapi.1", 0o644),
            ("share/man/man1/capconduit-purge.1", 0o644),
            ("share/man/man1/capconduit-serve.1", 0o644),
            ("share/man/man1/capconduit-user-create-admin.1", 0o644),
            ("share/man/man1/capconduit-user-remove-second-factor.1", 0o644),
            ("share/man/man1/capconduit-user.1", 0o644),
            ("share/man/man1/capconduit-wipe.1", 0o644),
            ("share/man/man1/capconduit.1", 0o644),
        ]
    );
    let has = |end: &str| {
        files
            .iter()
            .any(|(path, _)| path.to_string_lossy().ends_with(end))
    };
    assert!(
        has("/capconduit-0.3.so")
            && has("/capconduit.so")
            && has("/extension/capconduit.control")
            && has(&format!(
                "/extension/capconduit--{}.sql",
                env!("CARGO_PKG_VERSION")
            ))
            && has("/extension/capconduit--0.1.0.sql")
    );
    let unit = folder
        .0
        .join("opt/calls/lib/systemd/system/capconduit-doctor.service");
    let unit = std::fs::read_to_string(unit).expect("a unit");
    assert!(
        unit.contains("\nExecStart=/opt/calls/bin/capconduit doctor\n"),
        "{unit}"
    );
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, u32)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let of = std::fs::metadata(&path).expect("it is there");
        if of.is_dir() {
            walk(&path, files);
        } else {
            files.push((path, of.permissions().mode() & 0o7777));
        }
    }
}

/// `sudo make call` beside somebody's `make up`: their server is asked as theirs, and not taken for stopped.
#[test]
fn root_asks_a_server_as_its_owner() {
    if std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) != 0) {
        println!("nobody but root can become another user");
        return;
    }
    let folder = Folder::new();
    let server = folder.0.join("server");
    std::fs::create_dir(&server).expect("a folder");
    let asked = |owner: u32| {
        chown(&server, Some(owner), Some(owner)).expect("root's right");
        let output = bash(&["common.sh"], "as_server id -u; server_user")
            .env("CAPCONDUIT_STATE", &folder.0)
            .output();
        said(&output.expect("bash"))
    };
    // Debian's user daemon.
    assert_eq!(asked(1), "1\ndaemon\n");
}

/// Scripts and tests mean the same user.
#[test]
fn asterisk_s_user_has_one_number() {
    let output = bash(&["common.sh"], "echo \"$ASTERISK_UID\"").output();
    assert_eq!(said(&output.expect("bash")).trim(), Site::USER.to_string());
}

/// `make call` builds nothing: root, who has no Rust of their own under sudo, needs none.
#[test]
fn a_call_needs_no_rust() {
    let output = Command::new(project::root().join("scripts/setup"))
        .arg("call")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env_remove("CARGO_HOME")
        .output();
    let output = output.expect("it can be run");
    assert!(output.status.success(), "{}", said(&output));
}

/// PGXN's own validator looks at the rest, in `make test-full`.
#[test]
fn pgxn_is_told_this_version_and_files_that_are_there() {
    let text = std::fs::read_to_string(project::root().join("META.json")).expect("META.json");
    let meta: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let provided = &meta["provides"]["capconduit"];
    for version in [&meta["version"], &provided["version"]] {
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
    let script = format!("pg_ext/sql/capconduit--{}.sql", env!("CARGO_PKG_VERSION"));
    assert_eq!(provided["file"], script.as_str());
    for file in [&provided["file"], &provided["docfile"]] {
        let file = file.as_str().expect("a name");
        assert!(project::root().join(file).is_file(), "{file}");
    }
}

/// The check of modules, on sources to which a file's last line was added.
fn modules_with(added: Option<(&str, &str)>) -> Output {
    let folder = Folder::new();
    for name in ["pg_ext", "api"] {
        let copied = Command::new("cp")
            .args(["--recursive", "--dereference"])
            .args([project::root().join(name), folder.0.join(name)])
            .status();
        assert!(copied.expect("cp").success(), "{name}");
    }
    if let Some((file, line)) = added {
        let file = folder.0.join(file);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(&file, format!("{text}\n{line}\n")).expect("sources");
    }
    Command::new(project::root().join("scripts/lint"))
        .arg("modules")
        .arg(&folder.0)
        .output()
        .expect("Python")
}

#[test]
fn circles_of_modules_names_upward_and_files_left_out_are_found() {
    let clean = modules_with(None);
    assert!(clean.status.success(), "{}", said(&clean));
    for (file, line, told) in [
        (
            "pg_ext/src/calls/facts.rs",
            "use crate::calls::links::read_links as _;",
            "pg_ext: circle: calls::facts → calls::links → calls::facts",
        ),
        (
            "pg_ext/core/src/reason.rs",
            "fn named() { crate::select::next_turn(&[]); }",
            "pg_ext/core: circle: gate → reason → select → gate",
        ),
        (
            "pg_ext/src/postgres/error.rs",
            "use super::super::{calls::{settle::settle}};",
            "postgres::error names calls::settle, which is in a layer above it",
        ),
        (
            "pg_ext/src/calls/settle.rs",
            "fn named() { crate::functions::arguments::reason(\"\", None); }",
            "calls::settle names functions::arguments, which is in a layer above it",
        ),
        (
            "api/src/resources/campaigns/presence.rs",
            "fn named() { super::operations::find; }",
            "api: circle: resources::campaigns::operations → resources::campaigns::presence → resources::campaigns::operations",
        ),
        (
            "api/src/store/tx.rs",
            "use crate::app::AppState as _;",
            "store::tx names app, which is in a layer above it",
        ),
        (
            "pg_ext/src/calls/left_out.rs",
            "fn never_compiled() {}",
            "pg_ext/src/calls/left_out.rs is in no module",
        ),
    ] {
        let output = modules_with(Some((file, line)));
        let text = said(&output);
        assert!(!output.status.success() && text.contains(told), "{line}: {text}");
    }
}
