//! A flood of logins: each costs a hash by design, and must cost nobody else anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use capconduit_tests::{TestApi, TestDb};
use serde_json::json;

use super::support::{cookie, eventually, peak_mib};

const LOGINS: usize = 64;

/// Other requests complete while the logins are queued: at least one for each login, and in fact many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_served_while_logins_are_queued() {
    let db = TestDb::sample().await;
    // Every login from an address and for a name of its own: the throttle lets all of them through to the hash. And one
    // connection to the database for all: a login that kept it while it waits or hashes would keep the others out.
    let settings = [
        ("CAPCONDUIT_TRUSTED_PROXIES", "127.0.0.0/8"),
        ("CAPCONDUIT_POOL_SIZE", "1"),
    ];
    let api = TestApi::start_with(&db, &settings).await;
    let alice = api.nobody().with("cookie", &cookie(&api, "seller_alice").await);
    let before = peak_mib(&api);
    let ended = Arc::new(AtomicUsize::new(0));
    let logins: Vec<_> = (0..LOGINS)
        .map(|n| {
            let visitor = api.nobody().with("x-forwarded-for", &format!("203.0.113.{n}"));
            let ended = ended.clone();
            tokio::spawn(async move {
                let body = json!({"username": format!("nobody_{n}"), "password": "wrong password"});
                let answer = visitor.post("/api/auth/login", body).await;
                ended.fetch_add(1, Ordering::Relaxed);
                answer
            })
        })
        .collect();
    let mut served = 0;
    while ended.load(Ordering::Relaxed) < LOGINS {
        alice.get("/api/seller/dids?per_page=1").await.expect_status(200);
        served += 1;
    }
    for login in logins {
        let answer = login.await.expect("an answer");
        // Whoever waited longer than a request may is told so.
        match answer.status {
            401 => answer.problem(401, "wrong_login"),
            _ => answer.problem(503, "busy"),
        };
    }
    assert!(
        served >= LOGINS,
        "only {served} requests were served while {LOGINS} logins were queued"
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let grown = peak_mib(&api).saturating_sub(before);
    assert!(
        grown < 24 * cores + 24,
        "{LOGINS} logins at once cost {grown} MiB"
    );
}

/// The visitor goes away, the hash goes on: its turn is given back only then, and nothing is lost for the next.
#[tokio::test]
async fn logins_that_are_given_up_free_their_turn() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, &[("CAPCONDUIT_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    for n in 0..LOGINS {
        let visitor = api.nobody().with("x-forwarded-for", &format!("203.0.113.{n}"));
        let body = json!({"username": format!("nobody_{n}"), "password": "wrong password"});
        let login = tokio::spawn(async move { visitor.post("/api/auth/login", body).await });
        tokio::task::yield_now().await;
        login.abort();
    }
    eventually("a login succeeds again", || async {
        let body = json!({"username": "seller_alice", "password": "password"});
        api.nobody().post("/api/auth/login", body).await.status == 200
    })
    .await;
}
