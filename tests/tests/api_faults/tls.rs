//! Encryption towards the database, against a private CA that is made here: every sslmode is honoured, or refused loudly.

use capconduit_tests::{
    ADMIN, API, ASTERISK, Authority, ClusterOptions, SUPERUSER, TestApi, TestCluster, TestDb, TestNode,
    project,
};

use crate::migrate::capconduit;
use crate::node::support::{Folder, eventually, logged, record};

/// pg_hba.conf: the rule for connections over TCP.
fn write_access(authority: &Authority, rule: &str) {
    let rules = format!("local all all scram-sha-256\n{rule}\n");
    std::fs::write(authority.file("hba.conf"), rules).expect("hba.conf");
}

async fn server(authority: &Authority) -> TestDb {
    write_access(authority, "host all all 127.0.0.1/32 scram-sha-256");
    let mut settings = authority.settings();
    settings.push(format!("hba_file = '{}'", authority.file("hba.conf")));
    let options = ClusterOptions {
        settings,
        ..ClusterOptions::default()
    };
    TestDb::sample_on(TestCluster::start_with(options).await).await
}

/// What `capconduit doctor` says about this address, which is how `serve` would connect as well.
async fn doctor(url: String) -> String {
    let mut command = tokio::process::Command::from(project::capconduit());
    command
        .arg("doctor")
        .env("DATABASE_URL", url)
        .env("INTERNAL_API_TOKEN", "0123456789abcdef");
    let output = command.output().await.expect("doctor can be run");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

enum Expected {
    Encrypted,
    Plain,
    /// Refused, with a text that says why.
    Refused(&'static str),
}

use Expected::{Encrypted, Plain, Refused};

async fn check(url: &str, query: &str, expected: Expected) {
    let said = doctor(format!("{url}?{query}")).await;
    let line = |name: &str| {
        said.lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned()
    };
    match expected {
        Encrypted => assert!(line("encryption").contains("TLSv1.3"), "{query}:\n{said}"),
        Plain => assert!(line("encryption").contains("none"), "{query}:\n{said}"),
        Refused(text) => {
            assert!(
                line("database").starts_with("FAIL") && line("database").contains(text),
                "{query}:\n{said}"
            );
        }
    }
}

#[tokio::test]
async fn every_sslmode_is_honoured_or_refused() {
    let authority = Authority::new();
    let db = server(&authority).await;
    let (ours, theirs) = (authority.file("ours.pem"), authority.file("theirs.pem"));
    let url = db.url(API);
    check(&url, "sslmode=disable", Plain).await;
    check(&url, "", Encrypted).await;
    check(&url, "sslmode=prefer", Encrypted).await;
    check(&url, "sslmode=require", Encrypted).await;
    for mode in ["require", "verify-ca", "verify-full"] {
        check(&url, &format!("sslmode={mode}&sslrootcert={ours}"), Encrypted).await;
        check(
            &url,
            &format!("sslmode={mode}&sslrootcert={theirs}"),
            Refused("UnknownIssuer"),
        )
        .await;
        // The machine's own authorities have never heard of ours.
        check(&url, &format!("sslmode={mode}&sslrootcert=system"), Refused("")).await;
        check(
            &url,
            &format!("sslmode={mode}&sslrootcert=/nonexistent"),
            Refused("/nonexistent"),
        )
        .await;
    }
    // The certificate is for 127.0.0.1.
    let elsewhere = url.replace("@127.0.0.1:", "@localhost:");
    check(
        &elsewhere,
        &format!("sslmode=verify-ca&sslrootcert={ours}"),
        Encrypted,
    )
    .await;
    check(
        &elsewhere,
        &format!("sslmode=verify-full&sslrootcert={ours}"),
        Refused("not valid for name"),
    )
    .await;
    for (query, text) in [
        ("sslmode=verify-full", "needs sslrootcert"),
        ("sslmode=allow", "not supported"),
        ("sslmode=verify-everything", "not known"),
        ("sslmode=require&sslcert=/nonexistent", "without sslkey"),
        ("sslmode=require&sslcrl=/nonexistent", "sslcrl"),
    ] {
        check(&url, query, Refused(text)).await;
    }
}

/// A server without TLS: `require` does not fall back to clear text.
#[tokio::test]
async fn encryption_that_cannot_be_had_is_missed() {
    let authority = Authority::new();
    let db = TestDb::sample().await;
    let ours = authority.file("ours.pem");
    check(&db.url(API), "sslmode=prefer", Plain).await;
    check(&db.url(API), "sslmode=require", Refused("TLS")).await;
    check(
        &db.url(API),
        &format!("sslmode=verify-full&sslrootcert={ours}"),
        Refused("TLS"),
    )
    .await;
}

/// The other two commands that stay or change something: each checks whom it talks to, and the server asks for TLS.
#[tokio::test]
async fn migrate_and_the_agent_check_the_server() {
    let authority = Authority::new();
    let db = server(&authority).await;
    write_access(
        &authority,
        "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256",
    );
    let superuser = db.cluster().connect(SUPERUSER, db.name()).await;
    superuser
        .execute("select pg_reload_conf()", &[])
        .await
        .expect("the rules are read");
    let full = |url: &str, authorities: &str| {
        format!(
            "{url}?sslmode=verify-full&sslrootcert={}",
            authority.file(authorities)
        )
    };
    let elsewhere = |url: &str| url.replace("@127.0.0.1:", "@localhost:");

    let admin = db.url(ADMIN);
    capconduit(&full(&admin, "ours.pem"), &["migrate", "--force"])
        .await
        .ok();
    for (url, words) in [
        (format!("{admin}?sslmode=disable"), "no encryption"),
        (full(&admin, "theirs.pem"), "UnknownIssuer"),
        (full(&elsewhere(&admin), "ours.pem"), "not valid for name"),
    ] {
        capconduit(&url, &["migrate"]).await.refused(words);
    }

    let switch = db.url(ASTERISK);
    let spool = Folder::new();
    spool.put("one.sql", record("one", "BUSY"));
    for (url, words) in [
        (format!("{switch}?sslmode=disable"), "no encryption"),
        (full(&switch, "theirs.pem"), "UnknownIssuer"),
        (full(&elsewhere(&switch), "ours.pem"), "not valid for name"),
    ] {
        let node = TestNode::start_inside(None, &url, spool.path(), &[]).await;
        eventually("the agent says why", || async { node.log().contains(words) }).await;
        assert_eq!(spool.waiting().len(), 1, "{words}");
    }
    let _node = TestNode::start_inside(None, &full(&switch, "ours.pem"), spool.path(), &[]).await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "one").await, ["one BUSY"]);
}

/// The service itself, with a client certificate where the server asks for one.
#[tokio::test]
async fn the_service_shows_its_certificate() {
    let authority = Authority::new();
    let db = server(&authority).await;
    write_access(
        &authority,
        "host all postgres 127.0.0.1/32 scram-sha-256\n\
         hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca",
    );
    let superuser = db.cluster().connect(SUPERUSER, db.name()).await;
    superuser
        .execute("select pg_reload_conf()", &[])
        .await
        .expect("the rules are read");
    let secure = format!("sslmode=verify-full&sslrootcert={}", authority.file("ours.pem"));
    let with = |name: &str| {
        let (cert, key) = (
            authority.file(&format!("{name}.pem")),
            authority.file(&format!("{name}.key")),
        );
        format!("{secure}&sslcert={cert}&sslkey={key}")
    };
    let url = db.url(API);
    check(&url, "sslmode=disable", Refused("")).await;
    check(&url, &secure, Refused("certificate")).await;
    check(&url, &with("stranger"), Refused("")).await;
    check(&url, &with("client"), Encrypted).await;

    let address = format!("{url}?{}", with("client"));
    let api = TestApi::start_with(&db, &[("DATABASE_URL", &address)]).await;
    api.login("seller_alice", "password").await;
    let plain: i64 = superuser
        .query_one(
            "select count(*) from pg_stat_activity a join pg_stat_ssl s using (pid)
              where a.application_name = 'capconduit serve' and not s.ssl",
            &[],
        )
        .await
        .expect("connections")
        .get(0);
    assert_eq!(plain, 0);
}
