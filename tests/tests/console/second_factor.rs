//! The second factor on the pages: a login's second page, and what the account's owner and an admin do with it.

use capconduit_tests::authenticator::code;
use capconduit_tests::{Answer, TestApi, Visitor, eventually};

use super::support::{World, hidden, page, post};

const PATH: &str = "/console/account/second_factor";
const LOGIN: &str = "username=seller_alice&password=password";

async fn send(who: &Visitor, path: &str, fields: &str) -> Answer {
    let form = hidden(&page(who, path).await);
    post(who, path, &format!("{form}&{fields}")).await
}

/// All cookies that an answer has set, and how the browser sends them.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter();
    let pairs = set.map(|cookie| cookie.to_str().expect("text").split(';').next().expect("a pair"));
    pairs.collect::<Vec<_>>().join("; ")
}

/// The secret, and the recovery codes as the page shows them.
async fn set_up(who: &Visitor) -> (String, Vec<String>) {
    let made = send(who, &format!("{PATH}/new"), "currentPassword=password").await;
    let shown = made.expect_status(200).text();
    let (_, rest) = shown.split_once("<code class=\"long\">").expect("the secret");
    let secret = rest.split('<').next().expect("its end").replace(' ', "");
    let form = format!("code={}", code(&secret, 0));
    let confirmed = post(who, &format!("{PATH}/confirm"), &form)
        .await
        .expect_status(200)
        .text();
    let codes = confirmed.split("<li><code>").skip(1);
    let codes = codes.map(|rest| rest.split('<').next().expect("a code").to_owned());
    (secret, codes.collect())
}

/// The first page, and a browser that has come to the second.
async fn first_step(stranger: &Visitor, path: &str) -> (String, Visitor) {
    let answer = post(stranger, path, LOGIN).await.expect_status(303);
    (
        answer.header("location").to_owned(),
        stranger.with("cookie", &cookies(&answer)),
    )
}

#[tokio::test]
async fn a_login_asks_for_the_code_on_a_page_of_its_own() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let (secret, recovery) = set_up(&alice).await;
    assert_eq!(recovery.len(), 10);
    let login = "/console/login?next=%2Fconsole%2Fcalls%3Fcaller%3D1";
    let (to, browser) = first_step(&world.stranger(), login).await;
    assert_eq!(to, "/console/login/code?next=%2Fconsole%2Fcalls%3Fcaller%3D1");
    // Nothing is open yet.
    browser.get("/console/account").await.expect_status(303);
    let form = page(&browser, &to).await;
    assert!(form.contains("autocomplete=\"one-time-code\"") && !form.contains("value=\"password\""));
    let wrong = post(&browser, &to, "code=000000").await.expect_status(401).text();
    assert!(wrong.contains("This code is not right"), "{wrong}");
    post(&browser, &to, "code=").await.expect_status(400);
    let right = format!("code={}", code(&secret, 1));
    let done = post(&browser, &to, &right).await.expect_status(303);
    assert_eq!(done.header("location"), "/console/calls?caller=1");
    let inside = world.stranger().with("cookie", &done.session_cookie());
    inside.get("/console/account").await.expect_status(200);
    // Used, it opens nothing more; the browser has been told to forget the step.
    let over = done.headers.get_all("set-cookie").iter();
    assert!(
        over.filter_map(|cookie| cookie.to_str().ok())
            .any(|cookie| cookie.starts_with("login_step=;"))
    );
    post(&browser, &to, &right).await.expect_status(401);
    post(&browser, &to, &format!("code={}", recovery[0]))
        .await
        .expect_status(303);
}

/// Without the password's own page, or too late, the login begins anew.
#[tokio::test]
async fn the_second_page_opens_nothing_without_the_first() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let (_, recovery) = set_up(&alice).await;
    let second = "/console/login/code";
    let code = format!("code={}", recovery[0]);
    let begins_anew = async |browser: &Visitor| {
        let answer = post(browser, second, &code).await.expect_status(303);
        assert_eq!(answer.header("location"), "/console/login?next=%2Fconsole");
        assert_eq!(answer.header("set-cookie"), "");
    };
    begins_anew(&world.stranger()).await;
    for step in ["", "AAAA", &"A".repeat(90)] {
        begins_anew(&world.stranger().with("cookie", &format!("login_step={step}"))).await;
    }
    // Of another process, and of a password that is not the account's any more.
    let other = TestApi::start(&world.db).await;
    let stranger = other.nobody().with("sec-fetch-site", "same-origin");
    let (_, browser) = first_step(&stranger, "/console/login").await;
    let cookie = post(&stranger, "/console/login", LOGIN).await;
    begins_anew(&world.stranger().with("cookie", &cookies(&cookie))).await;
    let changed = "update capconduit.users set password_hash = '$argon2id$another' where id = 3";
    world
        .db
        .superuser()
        .await
        .execute(changed, &[])
        .await
        .expect("changed");
    let answer = post(&browser, second, &code).await.expect_status(303);
    assert_eq!(answer.header("location"), "/console/login?next=%2Fconsole");
}

/// What was typed is the old one: no code follows it.
#[tokio::test]
async fn a_password_that_is_replaced_while_it_is_looked_at_leads_nowhere() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let (_, recovery) = set_up(&alice).await;
    let (first, second) = (world.db.superuser().await, world.db.superuser().await);
    let watch = world.db.superuser().await;
    let waiting = async |wanted: i64| {
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        eventually("they wait", async || {
            watch.query_one(sql, &[]).await.expect("a row").get::<_, i64>(0) == wanted
        })
        .await;
    };
    let lock = "begin; lock table capconduit.users in access exclusive mode;";
    first.batch_execute(lock).await.expect("locked");
    let stranger = world.stranger();
    let typed = tokio::spawn(async move { first_step(&stranger, "/console/login").await });
    waiting(1).await;
    // Behind the login's first look, and before any other one.
    let change = format!(
        "{lock} update capconduit.users set password_hash = '$argon2id$another' where id = 3; commit"
    );
    let changed = tokio::spawn(async move { second.batch_execute(&change).await });
    waiting(2).await;
    first.batch_execute("commit").await.expect("unlocked");
    changed.await.expect("an end").expect("changed");
    let (to, browser) = typed.await.expect("an answer");
    assert!(to.starts_with("/console/login/code"), "{to}");
    let code = format!("code={}", recovery[0]);
    let answer = post(&browser, &to, &code).await.expect_status(303);
    assert_eq!(answer.header("location"), "/console/login?next=%2Fconsole");
}

#[tokio::test]
async fn its_owner_sets_it_up_and_takes_it_away_and_an_admin_can() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    assert!(
        page(&alice, "/console/account")
            .await
            .contains("second factor off")
    );
    let off = page(&alice, PATH).await;
    assert!(
        off.contains("Off:") && off.contains(&format!("{PATH}/new")),
        "{off}"
    );
    let told = send(&alice, &format!("{PATH}/new"), "currentPassword=wrong").await;
    let told = told.expect_status(403).text();
    assert!(
        told.contains("The current password is wrong") && !told.contains("otpauth"),
        "{told}"
    );
    // The QR code's text is the secret that is shown.
    let made = send(&alice, &format!("{PATH}/new"), "currentPassword=password").await;
    let shown = made.expect_status(200).text();
    for part in [
        "<svg class=\"qr\" role=\"img\"",
        "href=\"otpauth://totp/CapConduit:seller_alice?secret=",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("style="), "{shown}");
    let told = post(&alice, &format!("{PATH}/confirm"), "code=000000").await;
    assert!(told.expect_status(403).text().contains("This code is not right"));
    let (secret, first) = set_up(&alice).await;
    let on = page(&alice, PATH).await;
    assert!(
        on.contains("Recovery codes left: 10") && !on.contains(&first[0]),
        "{on}"
    );
    let new = send(&alice, &format!("{PATH}/codes"), &format!("code={}", first[0])).await;
    let new = new.expect_status(200).text();
    assert!(
        new.contains("<ol class=\"codes\">") && !new.contains(&first[1]),
        "{new}"
    );
    let gone = send(&alice, &format!("{PATH}/remove"), &format!("code={}", first[1])).await;
    gone.expect_status(403);
    let gone = send(
        &alice,
        &format!("{PATH}/remove"),
        &format!("code={}", code(&secret, 1)),
    )
    .await;
    assert_eq!(gone.expect_status(303).header("location"), PATH);
    set_up(&alice).await;
    // An admin takes it from whoever has lost it.
    let admin = world.logged_in("platform_admin").await;
    let shown = page(&admin, "/console/users/3").await;
    let take = "/console/users/3/second_factor";
    assert!(shown.contains(take) && !page(&admin, "/console/users/4").await.contains("/second_factor"));
    let asked = page(&admin, take).await;
    assert!(
        asked.contains("the password alone lets in. All sessions"),
        "{asked}"
    );
    send(&admin, take, "").await.expect_status(303);
    alice.get(PATH).await.expect_status(303);
    world.logged_in("seller_alice").await;
}

#[tokio::test]
async fn an_admin_who_needs_one_is_led_to_it() {
    let world = World::new().await;
    let strict = TestApi::start_with(&world.db, &[("CAPCONDUIT_ADMINS_NEED_SECOND_FACTOR", "true")]).await;
    let stranger = strict.nobody().with("sec-fetch-site", "same-origin");
    let answer = post(
        &stranger,
        "/console/login",
        "username=platform_admin&password=password",
    )
    .await;
    let admin = stranger.with("cookie", &answer.expect_status(303).session_cookie());
    for path in [
        "/console",
        "/console/users",
        "/console/account",
        &format!("{PATH}/remove"),
    ] {
        let led = admin.get(path).await.expect_status(303);
        assert_eq!(led.header("location"), PATH, "{path}");
    }
    assert!(
        page(&admin, PATH)
            .await
            .contains("Admins need a second factor here")
    );
    set_up(&admin).await;
    admin.get("/console/users").await.expect_status(200);
}
