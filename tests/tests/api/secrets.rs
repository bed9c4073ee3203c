//! No password, hash, token or SIP secret in any answer, log line, audit row or metric: everything is used, by
//! everybody, wrongly too, with every log switched on; then all of what came out is looked through.

use capconduit_tests::{Answer, ClusterOptions, SWITCH_TOKEN, TestApi, TestCluster, TestDb, Visitor};
use serde_json::{Value, json};

use super::contract::{ROUTES, Who, fill, needed_query};
use super::support::{json_of, run};

const PASSWORDS: [&str; 6] = [
    "Kxq7-first-password",
    "Kxq7-second-password",
    "Kxq7-third-password",
    "Kxq7-wrong-password",
    "Kxq7-sip-password",
    "Kxq7-sip-password-two",
];
const MD5: &str = "0123456789abcdef0123456789abcdef";

/// What came out, and what must not be in it.
struct Search {
    found: Vec<(String, String)>,
    secrets: Vec<String>,
}

impl Search {
    fn keep(&mut self, answer: Answer) -> Answer {
        self.found.push((
            answer.what.clone(),
            format!("{:?} {}", answer.headers, answer.text()),
        ));
        answer
    }

    /// An answer that shows a secret once, by contract: the rest of it is looked through.
    fn keep_without(&mut self, answer: Answer, secret: &str) -> Answer {
        let text = format!("{:?} {}", answer.headers, answer.text());
        assert!(text.contains(secret), "{}", answer.what);
        self.found
            .push((answer.what.clone(), text.replacen(secret, "", 1)));
        self.secrets.push(secret.to_owned());
        answer
    }

    async fn login(&mut self, api: &TestApi, username: &str, password: &str) -> Visitor {
        let body = json!({"username": username, "password": password});
        let answer = api
            .nobody()
            .post("/api/auth/login", body)
            .await
            .expect_status(200);
        let cookie = answer.session_cookie();
        self.keep_without(answer, cookie.trim_start_matches("session="));
        api.nobody().with("cookie", &cookie)
    }

    async fn token(&mut self, who: &Visitor, name: &str) -> String {
        let answer = who
            .post("/api/auth/tokens", json!({"name": name}))
            .await
            .expect_status(201);
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        self.keep_without(answer, &token);
        token
    }
}

fn client(password: &str) -> Value {
    json!({"clientIdentifier": "secretive", "name": "Secretive", "pjsip": {
        "endpoint": {"id": "secretive", "aors": "secretive", "context": "from-capconduit", "auth": "auth_s"},
        "aor": {"id": "secretive", "contact": null},
        "auth": {"id": "auth_s", "username": "secretive", "password": password}}})
}

#[tokio::test]
async fn secrets_stay_inside() {
    // A server of its own: its log holds what this test caused, and nothing else.
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let api = TestApi::start_with(&db, &[("RUST_LOG", "trace"), ("CAPCONDUIT_LOG_JSON", "true")]).await;
    let superuser = db.superuser().await;
    let mut search = Search {
        found: Vec::new(),
        secrets: PASSWORDS.iter().map(|p| (*p).to_owned()).collect(),
    };
    search.secrets.extend([
        MD5.to_owned(),
        SWITCH_TOKEN.to_owned(),
        "sample-password-for-gamma".to_owned(),
    ]);
    let database = db.config(capconduit_tests::API);
    search
        .secrets
        .push(String::from_utf8_lossy(database.get_password().expect("a password")).into_owned());

    let admin = search.login(&api, "platform_admin", "password").await;
    let new = |username: &str| {
        json!({"username": username, "email": format!("{username}@example.com"),
                                      "password": PASSWORDS[0], "role": "user"})
    };
    search.keep(
        admin
            .post("/api/admin/users", new("secretive"))
            .await
            .expect_status(201),
    );
    // Wrong in every way, with the secret in hand: conflicts, faults of fields, unknown keys, broken JSON.
    search.keep(
        admin
            .post("/api/admin/users", new("secretive"))
            .await
            .expect_status(409),
    );
    for (key, value) in [
        ("role", json!("x")),
        ("secret", json!(PASSWORDS[0])),
        ("password", json!([PASSWORDS[0]])),
        ("password", json!(PASSWORDS[0].repeat(9))),
    ] {
        let mut body = new("other");
        body[key] = value;
        search.keep(admin.post("/api/admin/users", body).await.expect_status(400));
    }
    let broken = format!("{{\"password\": \"{}\", ", PASSWORDS[0]);
    search.keep(
        admin
            .raw(
                "POST",
                "/api/admin/users",
                Some("application/json"),
                broken.into(),
            )
            .await
            .expect_status(400),
    );
    let user = search.login(&api, "secretive", PASSWORDS[0]).await;
    search.keep(
        api.nobody()
            .post(
                "/api/auth/login",
                json!({"username": "secretive", "password": PASSWORDS[3]}),
            )
            .await
            .expect_status(401),
    );
    // Typed into the wrong box: it happens.
    search.keep(
        api.nobody()
            .post(
                "/api/auth/login",
                json!({"username": PASSWORDS[3], "password": "x"}),
            )
            .await
            .expect_status(401),
    );
    search.keep(
        user.put(
            "/api/auth/password",
            json!({"currentPassword": PASSWORDS[3], "newPassword": PASSWORDS[1]}),
        )
        .await
        .expect_status(403),
    );
    search.keep(
        user.put(
            "/api/auth/password",
            json!({"currentPassword": PASSWORDS[0], "newPassword": PASSWORDS[1]}),
        )
        .await
        .expect_status(200),
    );
    let token = search.token(&user, "a script").await;
    let admins_token = search.token(&admin, "a script").await;
    let script = api.bearer(&token);
    search.keep(
        script
            .get(&format!("/api/seller/logs?caller={token}"))
            .await
            .expect_status(200),
    );

    let clients = "/api/admin/clients";
    let made = search
        .keep(admin.post(clients, client(PASSWORDS[4])).await.expect_status(201))
        .json();
    let one = format!("{clients}/{}", made["id"]);
    search.keep(admin.post(clients, client(PASSWORDS[4])).await.expect_status(409));
    search.keep(
        admin
            .put(
                &one,
                json!({"pjsip": {"auth": {"id": "auth_s", "password": PASSWORDS[5]}}}),
            )
            .await
            .expect_status(200),
    );
    search.keep(
        admin
            .put(
                &one,
                json!({"pjsip": {"auth": {"id": "auth_s", "password": PASSWORDS[5], "md5_cred": MD5}}}),
            )
            .await
            .expect_status(400),
    );
    search.keep(
        admin
            .put(
                &one,
                json!({"pjsip": {"auth": {"id": "auth_s", "auth_type": "md5", "md5_cred": MD5}}}),
            )
            .await
            .expect_status(200),
    );
    // Constraints that would quote the row: the database's own DETAIL goes nowhere.
    run(&superuser, "alter table users add constraint users_test_check check (full_name <> 'forbidden');
                     alter table pjsip_auths add constraint pjsip_auths_test_check check (realm <> 'forbidden')").await;
    let mut forbidden = new("forbidden");
    forbidden["fullName"] = json!("forbidden");
    search.keep(admin.post("/api/admin/users", forbidden).await.expect_status(400));
    let realm = json!({"pjsip": {"auth": {"id": "auth_s", "md5_cred": MD5, "realm": "forbidden"}}});
    search.keep(admin.put(&one, realm).await.expect_status(400));
    // A fault of the service in the middle of a write with secrets.
    run(
        &superuser,
        "alter table users rename column company_name to company",
    )
    .await;
    search.keep(
        admin
            .post("/api/admin/users", new("never"))
            .await
            .expect_status(500),
    );
    run(
        &superuser,
        "alter table users rename column company to company_name",
    )
    .await;

    for (method, path, who) in ROUTES {
        if *method != "GET" {
            continue;
        }
        let callers = match who {
            Who::Switch => vec![
                api.switch(),
                api.nobody().with("x-internal-api-token", "Kxq7-wrong-password"),
            ],
            _ => vec![
                admin.clone(),
                user.clone(),
                script.clone(),
                api.bearer(&admins_token),
            ],
        };
        for id in ["1", "3", "6", &made["id"].to_string()] {
            for caller in &callers {
                search.keep(caller.get(&(fill(path, id) + needed_query(path))).await);
            }
        }
    }
    search.keep(
        admin
            .put("/api/admin/users/6/password", json!({"password": PASSWORDS[2]}))
            .await
            .expect_status(200),
    );
    search.keep(
        admin
            .get("/api/admin/audit?per_page=500")
            .await
            .expect_status(200),
    );

    // The hashes, and the secrets as the database stores them: bytes in hexadecimal digits.
    let stored = "select jsonb_agg(secret) from (
        select password_hash as secret from users union all select encode(token_hash, 'hex') from sessions
        union all select encode(token_hash, 'hex') from api_tokens) s";
    let stored = json_of(&superuser, stored).await;
    search.secrets.extend(
        stored
            .as_array()
            .expect("a list")
            .iter()
            .map(|text| text.as_str().expect("text").to_owned()),
    );
    search.found.push(("the metrics".into(), api.metrics().await));
    let audit = json_of(&superuser, "select jsonb_agg(a)::text from audit_log a").await;
    search.found.push(("the audit".into(), audit.to_string()));
    search.found.push(("the service's log".into(), api.log()));
    search
        .found
        .push(("the database's log".into(), db.cluster().log()));
    assert!(search.found.len() > 100 && search.secrets.len() > 15);
    for (what, text) in &search.found {
        // Any argon2 hash at all, and any bearer token.
        for mark in ["$argon2", "cct_"] {
            let place = text.find(mark);
            assert!(
                place.is_none(),
                "{mark} in {what}: {}",
                around(text, place.unwrap_or(0))
            );
        }
        for secret in &search.secrets {
            if let Some(place) = text.find(secret.as_str()) {
                // A filter that the caller typed comes back to that caller alone; here none does.
                panic!("a secret in {what}: {}", around(text, place));
            }
        }
    }
    let log = api.log();
    assert!(
        log.contains("logged in") && log.contains("\"status\":409"),
        "the log was looked at"
    );
}

fn around(text: &str, place: usize) -> &str {
    let start = (0..=place.saturating_sub(120))
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0);
    let end = (place + 120..=text.len())
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(text.len());
    &text[start..end]
}

/// At the ordinary level callers' numbers and addresses stay out of the log as well.
#[tokio::test]
async fn the_log_names_no_caller() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let call = json!({"did": "+18005550101", "uniqueid": "log-1", "callerNumber": "+4915199887766", "callerName": "Erika"});
    api.switch().post("/api/internal/route_call", call).await.ok();
    let record = json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-03-01T09:30:00Z", "callStatus": "ANSWERED",
                        "asteriskUniqueid": "log-1", "callerIdNum": "+4915199887766", "callerIdName": "Erika"});
    api.switch().post("/api/internal/log_call", record).await.ok();
    let alice = api.login("seller_alice", "password").await;
    alice.get("/api/seller/logs?caller=%2B4915199887766").await.ok();
    let log = api.log();
    assert!(log.lines().count() >= 4, "{log}");
    for personal in ["15199887766", "Erika"] {
        assert!(!log.contains(personal), "{personal} in {log}");
    }
    assert!(
        log.lines()
            .all(|line| line.contains("request_id=") || !line.contains("answered")),
        "{log}"
    );
}
