//! `capconduit user create-admin` on an empty database: the password from a prompt, from standard input or generated,
//! never from an argument.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use capconduit_tests::{ADMIN, TestApi, TestDb, project};
use serde_json::json;

fn create_admin(db: &TestDb, name: &str, more: &[&str]) -> Command {
    let mut command = project::capconduit();
    command
        .args(["user", "create-admin", "--username", name, "--email"])
        .arg(format!("{name}@example.com"))
        .args(more)
        .env("DATABASE_URL", db.url(ADMIN));
    command
}

/// With this standard input, and a limit in time: a prompt that nobody answers must not hang a script.
fn run(command: &mut Command, input: &str) -> (bool, String) {
    let mut bounded = Command::new("timeout");
    bounded
        .args(["--kill-after=5", "60"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        bounded.env(name, value.expect("a value"));
    }
    let mut child = bounded
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be run");
    // It may end without having read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    assert_ne!(status.code(), Some(124), "it hangs");
    (
        status.success(),
        String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned(),
    )
}

async fn can_log_in(api: &TestApi, name: &str, password: &str) -> bool {
    let body = json!({"username": name, "password": password});
    let answer = api.nobody().post("/api/auth/login", body).await;
    answer.status == 200 && answer.json()["user"]["role"] == "admin"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admin_is_let_in() {
    let db = TestDb::new().await;
    let api = TestApi::start(&db).await;

    let (created, said) = run(&mut create_admin(&db, "generated", &["--generate-password"]), "");
    assert!(created, "{said}");
    let password = said
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .expect("the password, once");
    assert!(password.len() >= 24, "{password}");
    assert!(can_log_in(&api, "generated", password).await);

    let input = "correct horse battery\nand a second line\n";
    let (created, said) = run(&mut create_admin(&db, "piped", &["--password-stdin"]), input);
    assert!(created && !said.contains("horse"), "{said}");
    assert!(can_log_in(&api, "piped", "correct horse battery").await);
    assert!(!can_log_in(&api, "piped", "correct horse battery\nand a second line\n").await);

    // A second run does not touch the account that is there.
    let (created, said) = run(
        &mut create_admin(&db, "PIPED", &["--password-stdin"]),
        "another password\n",
    );
    assert!(!created && said.contains("exists already"), "{said}");
    assert!(can_log_in(&api, "piped", "correct horse battery").await);
    assert!(!can_log_in(&api, "piped", "another password").await);
    let superuser = db.superuser().await;
    let users: i64 = superuser
        .query_one("select count(*) from users", &[])
        .await
        .expect("users")
        .get(0);
    assert_eq!(users, 2);
    let audited: String = superuser
        .query_one(
            "select coalesce(string_agg(a::text, ' '), '') from audit_log a",
            &[],
        )
        .await
        .expect("the audit")
        .get(0);
    assert!(
        !audited.contains("argon2") && !audited.contains("horse"),
        "{audited}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prompt_asks_twice() {
    let db = TestDb::new().await;
    let api = TestApi::start(&db).await;
    // `script` gives it a terminal of its own.
    let at_a_terminal = |command: Command, input: &str| {
        let words: Vec<String> = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        for (name, value) in command.get_envs() {
            script.env(name, value.expect("a value"));
        }
        run(&mut script, input)
    };
    let (created, said) = at_a_terminal(
        create_admin(&db, "typed", &[]),
        "typed password\ntyped password\n",
    );
    assert!(created && said.contains("admin typed created"), "{said}");
    assert!(said.contains("password: ") && said.contains("again: "), "{said}");
    assert!(can_log_in(&api, "typed", "typed password").await);

    let (created, said) = at_a_terminal(
        create_admin(&db, "mistyped", &[]),
        "typed password\ntyped passwort\n",
    );
    assert!(!created && said.contains("differ"), "{said}");
    assert!(!can_log_in(&api, "mistyped", "typed password").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_an_admin_is_refused() {
    let db = TestDb::new().await;
    for (what, more, input, text) in [
        (
            "an argument",
            &["--password", "secret password"][..],
            "",
            "unexpected argument",
        ),
        ("no terminal", &[], "typed password\n", "--password-stdin"),
        (
            "two ways",
            &["--password-stdin", "--generate-password"],
            "",
            "cannot be used with",
        ),
        (
            "a short password",
            &["--password-stdin"],
            "short\n",
            "8 to 128 characters",
        ),
        ("no password", &["--password-stdin"], "", "8 to 128 characters"),
        (
            "a long password",
            &["--password-stdin"],
            &"x".repeat(200),
            "8 to 128 characters",
        ),
    ] {
        let (created, said) = run(&mut create_admin(&db, "somebody", more), input);
        assert!(!created && said.contains(text), "{what}: {said}");
    }
    for (name, text) in [("ab", "3 to 80 characters"), ("no body", "--email")] {
        let (created, said) = run(&mut create_admin(&db, name, &["--generate-password"]), "");
        assert!(!created && said.contains(text), "{name}: {said}");
    }
    // An address with its password in the argument list would show it to everybody, too.
    let mut command = project::capconduit();
    command
        .args([
            "user",
            "create-admin",
            "--username",
            "somebody",
            "--email",
            "a@example.com",
            "--generate-password",
        ])
        .args(["--database-url", "postgres://u:hidden-here@127.0.0.1/x"]);
    let (created, said) = run(&mut command, "");
    assert!(
        !created && said.contains("process lists") && !said.contains("hidden-here"),
        "{said}"
    );
    // The service's own login may not make admins.
    let mut command = create_admin(&db, "somebody", &["--generate-password"]);
    command.env("DATABASE_URL", db.url(capconduit_tests::API));
    let (created, said) = run(&mut command, "");
    assert!(
        !created && said.contains("administrator's login") && !said.contains("password:"),
        "{said}"
    );
    let superuser = db.superuser().await;
    let users: i64 = superuser
        .query_one("select count(*) from users", &[])
        .await
        .expect("users")
        .get(0);
    assert_eq!(users, 0);
}
