//! Guessing passwords: what it costs, how it is slowed down, and that no owner is locked out by it.

use std::time::Duration;

use capconduit_tests::{Answer, TestApi, TestDb};
use serde_json::json;

const BEHIND_A_PROXY: &[(&str, &str)] = &[("CAPCONDUIT_TRUSTED_PROXIES", "127.0.0.1/32")];

async fn attempt(api: &TestApi, from: &str, username: &str, password: &str) -> Answer {
    attempt_with(api, from, "", username, password).await
}

/// With the cookies that a browser keeps.
async fn attempt_with(api: &TestApi, from: &str, cookies: &str, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    api.nobody()
        .with("x-forwarded-for", from)
        .with("cookie", cookies)
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

/// Guesses until it is refused: a slow machine may let a wait run out between two guesses.
async fn guess_until_throttled(api: &TestApi, from: &str, name: &str) {
    for n in 0..20 {
        let answer = attempt(api, from, name, "wrong").await;
        if answer.status == 429 {
            assert!(n >= 5, "five guesses are free");
            throttled(answer);
            return;
        }
        answer.problem(401, "wrong_login");
    }
    panic!("twenty guesses, and no end");
}

/// The cookie by which a browser is known, out of a login's answer.
fn device(answer: &Answer) -> String {
    let set: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect();
    let cookie = set.iter().find(|cookie| cookie.starts_with("device_"));
    let cookie = cookie.unwrap_or_else(|| panic!("a device among {set:?}"));
    assert!(
        cookie.contains("; HttpOnly; SameSite=Lax; Path=/api/auth; Max-Age="),
        "{cookie}"
    );
    cookie.split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn an_account_is_slowed_down_and_never_locked() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    // Known or not: the throttle does not tell which names exist.
    guess_until_throttled(&api, "192.0.2.1", "nobody_at_all").await;
    guess_until_throttled(&api, "192.0.2.2", "seller_alice").await;
    // In another case it is the same account; the right password waits as well, there and for that account alone.
    throttled(attempt(&api, "192.0.2.2", "SELLER_alice", "password").await);
    let wait = throttled(attempt(&api, "192.0.2.2", "seller_alice", "password").await);
    for (from, name) in [("192.0.2.2", "seller_bob"), ("198.51.100.1", "seller_alice")] {
        attempt(&api, from, name, "password").await.expect_status(200);
    }
    tokio::time::sleep(Duration::from_secs(wait)).await;
    attempt(&api, "192.0.2.2", "seller_alice", "password")
        .await
        .expect_status(200);
    // A success clears: five more mistakes are free.
    for _ in 0..5 {
        attempt(&api, "192.0.2.2", "seller_alice", "wrong")
            .await
            .problem(401, "wrong_login");
    }
}

/// As the database compares names: what it takes for the same account has one throttle, whatever another rule says.
#[tokio::test]
async fn every_way_to_write_a_name_has_one_throttle() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let names = [
        "seller_alice",
        "SELLER_ALICE",
        "SELLER_AL\u{130}CE",
        " Seller_Alice\t",
    ];
    let superuser = db.superuser().await;
    let mut distinct = std::collections::HashSet::new();
    for name in names {
        let row = superuser
            .query_one("select lower(btrim($1, E' \\t'))", &[&name])
            .await
            .expect("a name");
        distinct.insert(row.get::<_, String>(0));
    }
    let mut looked_at = 0;
    for n in 0..20 {
        let answer = attempt(&api, "192.0.2.1", names[n % 4], "wrong").await;
        looked_at += usize::from(answer.status == 401);
    }
    // One more may fade away on a slow machine.
    assert!(
        looked_at <= 5 * distinct.len() + 1,
        "{looked_at} for {distinct:?}"
    );
}

#[tokio::test]
async fn the_owner_is_let_in_at_every_try_while_one_address_guesses() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let office = attempt(&api, "192.0.2.1", "seller_alice", "password")
        .await
        .expect_status(200);
    let browser = device(&office);
    for n in 0..60 {
        // Somebody in the same office, and in another network.
        for guesser in ["192.0.2.1", "198.51.100.1"] {
            attempt(&api, guesser, "seller_alice", "wrong").await;
        }
        // At home, as a stranger at first; and in the browser that was used before, even in the guesser's own network.
        let home = attempt(&api, "203.0.113.1", "seller_alice", "password").await;
        assert_eq!(home.status, 200, "try {n} at home");
        let same = attempt_with(&api, "192.0.2.1", &browser, "seller_alice", "password").await;
        assert_eq!(same.status, 200, "try {n} behind the guesser's address");
        assert!(
            same.headers.get_all("set-cookie").iter().count() == 1,
            "it stays the same browser"
        );
    }
    // The guesser was refused at last, and the browser's cookie opens nothing without the password.
    throttled(attempt(&api, "198.51.100.1", "seller_alice", "wrong").await);
    attempt_with(&api, "198.51.100.9", &browser, "seller_alice", "wrong")
        .await
        .problem(401, "wrong_login");
    attempt_with(&api, "192.0.2.1", &browser, "seller_bob", "wrong")
        .await
        .problem(401, "wrong_login");
}

/// A family's browser, or an accountant's: each account has a cookie of its own, and none ends another's.
#[tokio::test]
async fn one_browser_is_known_to_two_accounts() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let mut jar = std::collections::BTreeMap::new();
    for name in ["seller_alice", "seller_bob"] {
        let cookies: Vec<String> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let login = attempt_with(&api, "192.0.2.1", &cookies.join("; "), name, "password").await;
        let cookie = device(&login.expect_status(200));
        let (key, value) = cookie.split_once('=').expect("a pair");
        jar.insert(key.to_owned(), value.to_owned());
    }
    let browser: Vec<String> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let browser = browser.join("; ");
    for name in ["seller_alice", "seller_bob"] {
        guess_until_throttled(&api, "198.51.100.1", name).await;
        let own = attempt_with(&api, "198.51.100.1", &browser, name, "password").await;
        assert_eq!(
            own.expect_status(200)
                .headers
                .get_all("set-cookie")
                .iter()
                .count(),
            1,
            "{name} stays known"
        );
    }
}

/// A thousand addresses in a thousand parts of the internet, faster than ten a second.
#[tokio::test]
async fn the_owner_is_let_in_and_a_thousand_addresses_get_their_stated_guesses() {
    let db = TestDb::sample().await;
    let before = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let office = attempt(&before, "192.0.2.1", "seller_alice", "password")
        .await
        .expect_status(200);
    let browser = device(&office);
    // A restart forgets failures, and not from where the owner has logged in.
    drop(before);
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    let mut looked_at = 0;
    for n in 0..1000 {
        let guesser = format!("{}.{}.0.1", 11 + n / 250, n % 250);
        let answer = attempt(&api, &guesser, "seller_alice", "wrong").await;
        match answer.status {
            401 => looked_at += 1,
            _ => _ = throttled(answer),
        }
        if n % 20 == 0 {
            let own = attempt(&api, "192.0.2.1", "seller_alice", "password").await;
            assert_eq!(own.status, 200, "from the owner's address, after {n} guesses");
            let own = attempt_with(&api, "203.0.113.7", &browser, "seller_alice", "password").await;
            assert_eq!(own.status, 200, "from the owner's browser, after {n} guesses");
        }
    }
    // Ten, thirty from networks without failures, and what fades within the minutes that this may take.
    assert!((40..100).contains(&looked_at), "{looked_at}");
    // Others' accounts are as they were, also from the guessers' addresses.
    attempt(&api, "11.0.0.1", "seller_bob", "password")
        .await
        .expect_status(200);
}

#[tokio::test]
async fn an_address_is_slowed_down_whatever_the_names() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, BEHIND_A_PROXY).await;
    attempt(&api, "192.0.2.1", "seller_alice", "password")
        .await
        .expect_status(200);
    let guesses = async |from: &str| {
        for n in 0..60 {
            let answer = attempt(&api, from, &format!("guess-{n}"), "wrong").await;
            if answer.status == 429 {
                assert!(n >= 30, "thirty failures are free");
                throttled(answer);
                return;
            }
        }
        panic!("sixty failures, and no end");
    };
    guesses("192.0.2.1").await;
    throttled(attempt(&api, "192.0.2.1", "seller_bob", "password").await);
    // Who has logged in there before is judged by its own failures.
    attempt(&api, "192.0.2.1", "seller_alice", "password")
        .await
        .expect_status(200);
    // What the guesser writes in front of the proxy's own entry counts for nothing.
    throttled(attempt(&api, "203.0.113.9, 192.0.2.1:4711", "seller_bob", "password").await);
    attempt(&api, "192.0.2.2", "seller_bob", "password")
        .await
        .expect_status(200);
    guesses("[2001:db8::1]:4711").await;
    throttled(attempt(&api, "2001:db8::2", "seller_bob", "password").await);
    attempt(&api, "[2001:db8:0:1::1]", "seller_bob", "password")
        .await
        .expect_status(200);
}

#[tokio::test]
async fn only_a_configured_proxy_names_the_address() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    for n in 0..40 {
        let answer = attempt(&api, &format!("192.0.2.{n}"), &format!("guess-{n}"), "wrong").await;
        if answer.status == 429 {
            break;
        }
    }
    throttled(attempt(&api, "198.51.100.1", "seller_bob", "password").await);
    // Proxies write one header and pass the other on: only the configured one is read.
    let settings = [BEHIND_A_PROXY[0], ("CAPCONDUIT_FORWARDED_HEADER", "forwarded")];
    let api = TestApi::start_with(&db, &settings).await;
    guess_until_throttled(&api, "192.0.2.1", "seller_bob").await;
    let body = json!({"username": "seller_bob", "password": "password"});
    let other = api.nobody().with("x-forwarded-for", "192.0.2.1");
    other
        .with("forwarded", "for=203.0.113.9, for=\"198.51.100.1:4711\"")
        .post("/api/auth/login", body.clone())
        .await
        .expect_status(200);
    throttled(other.post("/api/auth/login", body).await);
}

/// The current password is a password to guess, too. And others' guesses keep nobody from changing it.
#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let thief = api.login("seller_alice", "password").await;
    let guess = || json!({"currentPassword": "wrong", "newPassword": "new-password"});
    let mut looked_at = 0;
    while looked_at < 20 {
        let answer = thief.put("/api/auth/password", guess()).await;
        if answer.status == 429 {
            throttled(answer);
            break;
        }
        answer.problem(403, "wrong_password");
        looked_at += 1;
    }
    assert!((5..20).contains(&looked_at), "{looked_at}");
    let owner = api.login("seller_alice", "password").await;
    guess_until_throttled(&api, "127.0.0.1", "seller_alice").await;
    let change = json!({"currentPassword": "password", "newPassword": "new-password"});
    owner.put("/api/auth/password", change).await.ok();
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

/// A flood of logins leaves the service answering others: hashes take their turn, and nobody is refused for being many.
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
        // Whoever waited longer than a request may is told so.
        let status = answer.await.expect("an answer");
        assert!(status == 401 || status == 503, "{status}");
    }
    api.login("seller_bob", "password").await;
}

/// From one address, for one account and for several; from many addresses that the account has never seen.
#[tokio::test]
async fn twelve_and_a_hundred_right_logins_at_once_are_all_served() {
    let db = TestDb::sample().await;
    let api = std::sync::Arc::new(TestApi::start_with(&db, BEHIND_A_PROXY).await);
    let users = ["seller_alice", "seller_bob", "ops_staff", "platform_admin"];
    let at_once = async |count: usize, users: &'static [&'static str], from: fn(usize) -> String| {
        let logins: Vec<_> = (0..count)
            .map(|n| {
                let api = api.clone();
                tokio::spawn(async move { attempt(&api, &from(n), users[n % users.len()], "password").await })
            })
            .collect();
        for (n, login) in logins.into_iter().enumerate() {
            let answer = login.await.expect("an answer");
            assert_eq!(answer.status, 200, "login {n} of {count}: {}", answer.text());
        }
    };
    at_once(12, &["seller_alice"], |_| "192.0.2.1".into()).await;
    at_once(100, &["seller_alice"], |_| "192.0.2.2".into()).await;
    at_once(
        100,
        &["seller_alice", "seller_bob", "ops_staff", "platform_admin"],
        |_| "192.0.2.3".into(),
    )
    .await;
    at_once(100, &["seller_alice"], |n| format!("198.51.100.{n}")).await;
    // With a mistake among them, each is judged by itself.
    attempt(&api, "192.0.2.2", users[0], "wrong")
        .await
        .problem(401, "wrong_login");
}
