//! The service behind nginx, with the file that `deploy/` has: TLS ends there, and what a visitor claims ends there too.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use capconduit_tests::{Authority, Guarded, TestApi, TestDb, free_port, project};
use serde_json::{Value, json};

/// The shipped file with this machine's ports, certificate and folders in it, and nothing else changed.
fn configure(folder: &Path, authority: &Authority, service: &str, plain: u16, tls: u16) {
    let shipped = project::root().join("deploy/nginx/capconduit.conf");
    let mut site = std::fs::read_to_string(shipped).expect("deploy/nginx/capconduit.conf");
    for (theirs, ours) in [
        ("server 127.0.0.1:8080;", format!("server {service};")),
        ("listen 80;", format!("listen 127.0.0.1:{plain};")),
        ("listen [::]:80;", String::new()),
        (
            "listen 443 ssl http2;",
            format!("listen 127.0.0.1:{tls} ssl http2;"),
        ),
        ("listen [::]:443 ssl http2;", String::new()),
        ("calls.example.com;", "127.0.0.1;".to_owned()),
        ("/etc/ssl/capconduit/fullchain.pem", authority.file("server.pem")),
        ("/etc/ssl/capconduit/privkey.pem", authority.file("server.key")),
        (
            "/var/log/nginx/capconduit.access.log",
            text(&folder.join("access.log")),
        ),
    ] {
        assert!(site.contains(theirs), "the shipped file has {theirs}");
        site = site.replace(theirs, &ours);
    }
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", text(&folder.join(kind))))
        .concat();
    // As whoever runs the test: the folder and the key are theirs.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let main = format!(
        "{user} daemon off; worker_processes 1; pid {}; events {{}} http {{ access_log off; {folders} {site} }}",
        text(&folder.join("pid"))
    );
    std::fs::write(folder.join("nginx.conf"), main).expect("nginx.conf");
}

fn text(path: &Path) -> String {
    path.to_str().expect("a textual path").to_owned()
}

/// The system's, or the one that `scripts/setup lint` has unpacked.
fn nginx() -> String {
    let unpacked = project::root().join(".tools/nginx/usr/sbin/nginx");
    let places = ["/usr/sbin/nginx".to_owned(), text(&unpacked)];
    let found = places.into_iter().find(|place| Path::new(place).exists());
    found.expect("nginx: run `scripts/setup lint`")
}

struct Site {
    authority: Authority,
    origin: String,
    plain: String,
    folder: std::path::PathBuf,
    _nginx: Guarded,
}

struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Site {
    async fn start(db: &TestDb) -> (Site, TestApi) {
        let authority = Authority::new();
        let (plain, tls) = (free_port(), free_port());
        let origin = format!("https://127.0.0.1:{tls}");
        let settings = [
            ("CAPCONDUIT_WITHOUT_TLS", "false"),
            ("CAPCONDUIT_PUBLIC_ORIGINS", origin.as_str()),
            ("CAPCONDUIT_TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let api = TestApi::start_with(db, &settings).await;
        let folder = project::fresh_state_folder().with_extension("nginx");
        std::fs::create_dir(&folder).expect("a folder in the temporary folder");
        configure(&folder, &authority, api.address(), plain, tls);
        let mut command = Command::new(nginx());
        command.args([
            "-e",
            "stderr",
            "-p",
            &text(&folder),
            "-c",
            &text(&folder.join("nginx.conf")),
        ]);
        let nginx = Guarded::run("nginx", &command);
        for _ in 0..600 {
            if tokio::net::TcpStream::connect(("127.0.0.1", tls)).await.is_ok() {
                let plain = format!("http://127.0.0.1:{plain}");
                let site = Site {
                    authority,
                    origin,
                    plain,
                    folder,
                    _nginx: nginx,
                };
                return (site, api);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nginx does not listen; it said:\n{}", nginx.log());
    }

    /// By curl, from an address of this machine.
    async fn ask(&self, from: &str, url: &str, more: &[&str]) -> Reply {
        let mut curl = tokio::process::Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--include",
            "--http1.1",
            "--max-time",
            "60",
            "--interface",
            from,
        ])
        .args(["--cacert", &self.authority.file("ours.pem")])
        .args(more)
        .arg(url);
        let output = curl.output().await.expect("curl can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{url}: {said}");
        let answer = String::from_utf8(output.stdout).expect("a textual answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Reply {
            status: status.expect("a status"),
            head: head.to_lowercase(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    async fn login(&self, from: &str, username: &str, password: &str, more: &[&str]) -> Reply {
        let body = json!({"username": username, "password": password}).to_string();
        let mut options = vec!["--header", "content-type: application/json", "--data", &body];
        options.extend(more);
        self.ask(from, &format!("{}/api/auth/login", self.origin), &options)
            .await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a client that knows nothing newer is told. The client may be as old as it likes: only the site refuses it.
#[tokio::test]
async fn an_old_protocol_is_refused() {
    let db = TestDb::sample().await;
    let (site, _api) = Site::start(&db).await;
    let url = format!("{}/api/auth/status", site.origin);
    for (newest, served) in [("1.0", false), ("1.1", false), ("1.2", true), ("1.3", true)] {
        let mut curl = tokio::process::Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--tlsv1.0",
            "--tls-max",
            newest,
        ])
        .args([
            "--ciphers",
            "DEFAULT@SECLEVEL=0",
            "--cacert",
            &site.authority.file("ours.pem"),
        ])
        .arg(&url);
        let output = curl.output().await.expect("curl can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), served, "{newest}: {said}");
        assert!(
            served || said.contains("alert protocol version"),
            "{newest}: {said}"
        );
    }
}

/// Exports, and nothing that holds secrets.
#[tokio::test]
async fn an_export_is_compressed_for_whoever_accepts_it() {
    let db = TestDb::sample().await;
    let (site, _api) = Site::start(&db).await;
    let jar = text(&site.folder.join("jar"));
    site.login(VISITOR, "seller_alice", "password", &["--cookie-jar", &jar])
        .await;
    for (path, accepts, compressed) in [
        ("/api/seller/logs.csv", "gzip", true),
        ("/api/seller/logs.csv", "identity", false),
        ("/api/seller/logs", "gzip", false),
    ] {
        let accepted = format!("accept-encoding: {accepts}");
        // curl unpacks it, so that what is here is text.
        let more = ["--cookie", &jar, "--compressed", "--header", &accepted];
        let answer = site.ask(VISITOR, &format!("{}{path}", site.origin), &more).await;
        assert_eq!(answer.status, 200, "{path}");
        let is_compressed = answer.head.contains("content-encoding: gzip");
        assert_eq!(is_compressed, compressed, "{path} for {accepts}: {}", answer.head);
    }
}

const VISITOR: &str = "127.0.0.2";

#[tokio::test]
async fn a_browser_is_encrypted_and_its_claims_are_not_believed() {
    let db = TestDb::sample().await;
    let (site, api) = Site::start(&db).await;
    // Without TLS there is nothing but the way to it.
    let plain = site
        .ask(VISITOR, &format!("{}/api/auth/status", site.plain), &[])
        .await;
    assert_eq!(plain.status, 301);
    assert!(
        plain.head.contains("location: https://127.0.0.1"),
        "{}",
        plain.head
    );

    let login = site.login(VISITOR, "seller_alice", "password", &[]).await;
    assert_eq!(login.status, 200, "{}", login.body);
    assert!(
        login.head.contains("strict-transport-security: max-age="),
        "{}",
        login.head
    );
    let cookie = login
        .head
        .lines()
        .find(|line| line.starts_with("set-cookie: "))
        .expect("a cookie");
    assert!(
        cookie.contains("; secure") && cookie.contains("; httponly"),
        "{cookie}"
    );

    // A page of somebody else's, in a browser that has a session, writes nothing; ours does.
    let evil = site
        .login(
            VISITOR,
            "seller_alice",
            "password",
            &["--header", "origin: https://evil.example"],
        )
        .await;
    assert_eq!(evil.status, 403, "{}", evil.body);
    let ours = format!("origin: {}", site.origin);
    assert_eq!(
        site.login(VISITOR, "seller_alice", "password", &["--header", &ours])
            .await
            .status,
        200
    );

    // What nginx refuses by itself has the form of the service's errors.
    let file = site.folder.join("large");
    std::fs::write(&file, "x".repeat(300_000)).expect("a file");
    let data = format!("@{}", text(&file));
    let large = site
        .ask(
            VISITOR,
            &format!("{}/api/auth/login", site.origin),
            &["--data-binary", &data],
        )
        .await;
    assert_eq!(
        (large.status, large.body["code"].as_str()),
        (413, Some("body_too_large"))
    );

    // The switch's part is for addresses that are listed.
    let internal = format!("{}/api/internal/route_info?did=%2B15550001111", site.origin);
    assert_eq!(site.ask(VISITOR, &internal, &[]).await.status, 403);
    assert_eq!(site.ask("127.0.0.1", &internal, &[]).await.status, 401);

    // Callers' numbers are in queries, and not in nginx's log.
    let logged = std::fs::read_to_string(site.folder.join("access.log")).expect("the access log");
    assert!(logged.contains("/api/internal/route_info 403"), "{logged}");
    assert!(!logged.contains("15550001111"), "{logged}");

    // Guesses from one address are one address's, whatever they claim; another address is not held up.
    let mut last = 401;
    for n in 0..40 {
        let claim = format!("x-forwarded-for: 192.0.2.{n}");
        last = site
            .login(VISITOR, &format!("guess-{n}"), "wrong", &["--header", &claim])
            .await
            .status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    assert_eq!(
        site.login("127.0.0.3", "seller_bob", "password", &[])
            .await
            .status,
        200
    );

    drop(api);
    let down = site
        .ask(VISITOR, &format!("{}/api/auth/status", site.origin), &[])
        .await;
    assert_eq!(
        (down.status, down.body["code"].as_str()),
        (503, Some("service_down"))
    );
    assert!(down.head.contains("retry-after: 5"), "{}", down.head);
}
