//! Guessing passwords: what it costs, how it is slowed down, and that nobody else notices.

use std::time::Duration;

use capconduit_tests::{Answer, TestApi, TestDb};
use serde_json::json;

const BEHIND_A_PROXY: &[(&str, &str)] = &[("CAPCONDUIT_TRUSTED_PROXIES", "127.0.0.1/32")];

async fn attempt(api: &TestApi, from: &str, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    api.nobody()
        .with("x-forwarded-for", from)
        .post("/api/auth/login", body)
        .await
}

/// The seconds to wait, after the refusal was checked.
fn throttled(answer: Answer) -> u64 {
    let seconds = answer
        .header("retry-after")
        .parse()
        .expect("Retry-After in seconds");
    answer.problem(429, "throttled");
    assert!((1..=30).contains(&seconds), "{seconds}");
    seconds
}

/// Guesses until it is refused: a slow machine may let a short wait run out between two guesses.
async fn guess_until_throttled(api: &TestApi, name: &str) -> u64 {
    for n in 0..20 {
        let answer = attempt(api, &format!("192.0.2.{n}"), name, "wrong").await;
        if answer.status == 429 {
            assert!(n >= 5, "five guesses are free");
            return throttled(answer);
        }
        answer.problem(401, "wrong_login");
    }
    panic!("twenty guesses, and no end");
}

#[tokio::test]
async fn an_account_is_slowed_down_and_never_locked() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    // Known or not: the throttle does not tell which names exist.
    guess_until_throttled(&api, "nobody_at_all").await;
    let mut wait = guess_until_throttled(&api, "seller_alice").await;
    // Guessing on makes it longer, each time about twice as long.
    for n in 0..10 {
        if wait >= 7 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(wait)).await;
        attempt(&api, &format!("203.0.113.{n}"), "seller_alice", "wrong")
            .await
            .problem(401, "wrong_login");
        wait = throttled(attempt(&api, "198.51.100.1", "seller_alice", "wrong").await);
    }
    // In another case it is the same account; the right password waits as well; others do not.
    throttled(attempt(&api, "198.51.100.1", "SELLER_alice", "password").await);
    wait = throttled(attempt(&api, "198.51.100.1", "seller_alice", "password").await);
    attempt(&api, "198.51.100.1", "seller_bob", "password")
        .await
        .expect_status(200);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    attempt(&api, "198.51.100.1", "seller_alice", "password")
        .await
        .expect_status(200);
    // A success clears: five more mistakes are free.
    for _ in 0..5 {
        attempt(&api, "198.51.100.1", "seller_alice", "wrong")
            .await
            .problem(401, "wrong_login");
    }
}

#[tokio::test]
async fn an_address_is_slowed_down_whatever_the_names() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    for n in 0..30 {
        attempt(&api, "192.0.2.1", &format!("guess-{n}"), "wrong")
            .await
            .problem(401, "wrong_login");
    }
    throttled(attempt(&api, "192.0.2.1", "seller_bob", "password").await);
    // What the guesser writes in front of the proxy's own entry counts for nothing.
    throttled(attempt(&api, "203.0.113.9, 192.0.2.1", "seller_bob", "password").await);
    attempt(&api, "192.0.2.2", "seller_bob", "password")
        .await
        .expect_status(200);
}

#[tokio::test]
async fn only_a_configured_proxy_names_the_address() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    for n in 0..30 {
        attempt(&api, &format!("192.0.2.{n}"), &format!("guess-{n}"), "wrong")
            .await
            .problem(401, "wrong_login");
    }
    throttled(attempt(&api, "198.51.100.1", "seller_bob", "password").await);
}

/// The current password is a password to guess, too.
#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let thief = api.login("seller_alice", "password").await;
    let guess = || json!({"currentPassword": "wrong", "newPassword": "new-password"});
    for n in 0..20 {
        let answer = thief.put("/api/auth/password", guess()).await;
        if answer.status == 429 {
            assert!(n >= 5, "five guesses are free");
            throttled(answer);
            return;
        }
        answer.problem(403, "wrong_password");
    }
    panic!("twenty guesses, and no end");
}

/// Counted in the service's processor time, to which other programs on the machine add nothing: a name without a hash
/// to compare with would cost next to none.
#[tokio::test]
async fn an_unknown_name_costs_the_same_hash() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let cost = async |names: [&str; 2], network: &str| {
        let before = api.processor_ticks();
        for n in 0..10 {
            attempt(&api, &format!("{network}.{n}"), names[n % 2], "wrong")
                .await
                .problem(401, "wrong_login");
        }
        api.processor_ticks() - before
    };
    let known = cost(["seller_alice", "seller_bob"], "192.0.2").await;
    let unknown = cost(["nobody_one", "nobody_two"], "198.51.100").await;
    assert!(known >= 5, "ten hashes in {known} ticks of the clock");
    assert!(
        unknown * 2 >= known && unknown <= known * 2,
        "ten known names cost {known} ticks, ten unknown ones {unknown}"
    );
}

/// A flood of logins leaves the service answering others: hashes take their turn, and what waits too long is told so.
#[tokio::test]
async fn a_flood_of_logins_does_not_stop_others() {
    let db = TestDb::sample().await;
    let api = std::sync::Arc::new(TestApi::start_with(&db, BEHIND_A_PROXY).await);
    let alice = api.login("seller_alice", "password").await;
    let flood: Vec<_> = (0..60)
        .map(|n| {
            let api = api.clone();
            tokio::spawn(async move {
                attempt(&api, &format!("10.0.{n}.1"), &format!("flood-{n}"), "wrong")
                    .await
                    .status
            })
        })
        .collect();
    for _ in 0..20 {
        alice.get("/api/seller/dids").await.expect_status(200);
    }
    for answer in flood {
        let status = answer.await.expect("an answer");
        assert!(status == 401 || status == 503, "{status}");
    }
    api.login("seller_bob", "password").await;
}
