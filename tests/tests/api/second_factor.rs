//! A second factor: how it is set up, what a login needs then, that each code counts once, and how it goes.

use capconduit_tests::authenticator::{code, code_at, step};
use capconduit_tests::{ADMIN, API, Answer, TestApi, Visitor, eventually, project};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::repeats::wait_for_locks;
use super::support::{World, column, field_error, json_of, keys, number_of, run};

const PATH: &str = "/api/auth/second_factor";

async fn log_in(api: &TestApi, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({"username": "seller_alice", "password": password});
    if let Some(code) = code {
        body["code"] = code.into();
    }
    api.nobody().post("/api/auth/login", body).await
}

async fn send_code(visitor: &Visitor, path: &str, code: &str) -> Answer {
    visitor
        .post(&format!("{PATH}{path}"), json!({"code": code}))
        .await
}

/// Alice's, or whose session it is: the secret and the recovery codes.
async fn enrol(visitor: &Visitor) -> (String, Vec<String>) {
    let begun = visitor.post(PATH, json!({"currentPassword": "password"})).await;
    let begun = begun.expect_status(201).ok();
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let confirmed = send_code(visitor, "/confirm", &code(&secret, 0)).await.ok();
    let codes = confirmed["recoveryCodes"].as_array().expect("codes");
    let codes = codes.iter().map(|code| code.as_str().expect("a code").to_owned());
    (secret, codes.collect())
}

/// As if the last code had been used some time ago.
async fn rewind(world: &World) {
    let sql = "update second_factors set last_step = last_step - 100";
    run(&world.db.superuser().await, sql).await;
}

#[tokio::test]
async fn a_login_needs_a_code_once_one_has_confirmed_it() {
    let world = World::new().await;
    let other = world.api.login("seller_alice", "password").await;
    let off = world.alice.get(PATH).await.ok();
    let expected = json!({"enabled": false, "enabledAt": null, "recoveryCodesLeft": 0, "required": false});
    assert_eq!(off, expected);
    // A session alone sets none up, and what is begun changes no login.
    let wrong = world.alice.post(PATH, json!({"currentPassword": "wrong"})).await;
    wrong.problem(403, "wrong_password");
    send_code(&world.alice, "/confirm", "123456")
        .await
        .problem(409, "second_factor_off");
    let first = world
        .alice
        .post(PATH, json!({"currentPassword": "password"}))
        .await;
    let first = first.expect_status(201).ok();
    assert_eq!(keys(&first), ["secret", "uri"]);
    let begun = world
        .alice
        .post(PATH, json!({"currentPassword": "password"}))
        .await;
    let begun = begun.expect_status(201).ok();
    assert_ne!(begun["secret"], first["secret"]);
    let secret = begun["secret"].as_str().expect("a secret");
    assert_eq!(secret.len(), 32, "160 bits");
    assert_eq!(
        begun["uri"],
        format!("otpauth://totp/CapConduit:seller_alice?secret={secret}&issuer=CapConduit")
    );
    log_in(&world.api, "password", None).await.expect_status(200);
    log_in(&world.api, "password", Some("000000"))
        .await
        .expect_status(200);
    for path in ["/remove", "/recovery_codes"] {
        send_code(&world.alice, path, &code(secret, 0))
            .await
            .problem(409, "second_factor_off");
    }
    // By a code of the secret that was begun last.
    let old = code(first["secret"].as_str().expect("a secret"), 0);
    send_code(&world.alice, "/confirm", &old)
        .await
        .problem(403, "wrong_code");
    let confirmed = send_code(&world.alice, "/confirm", &code(secret, 0)).await.ok();
    let codes = confirmed["recoveryCodes"].as_array().expect("codes");
    assert_eq!(codes.len(), 10);
    // Every other session of alice has ended.
    other
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    world.bob.get("/api/auth/status").await.expect_status(200);
    let on = world.alice.get(PATH).await.ok();
    assert!(
        on["enabled"] == true && on["recoveryCodesLeft"] == 10 && on["enabledAt"].is_string(),
        "{on}"
    );
    let user = world.admin.get("/api/admin/users/3").await.ok();
    assert_eq!(user["secondFactor"], true);
    assert_eq!(
        world.admin.get("/api/admin/users/4").await.ok()["secondFactor"],
        false
    );
    for (path, body) in [
        ("", json!({"currentPassword": "password"})),
        ("/confirm", json!({"code": code(secret, 1)})),
    ] {
        let again = world.alice.post(&format!("{PATH}{path}"), body).await;
        again.problem(409, "second_factor_on");
    }
    // Whoever does not know the password is told nothing of it.
    for given in [None, Some(code(secret, 1))] {
        log_in(&world.api, "wrong", given.as_deref())
            .await
            .problem(401, "wrong_login");
    }
    let missing = log_in(&world.api, "password", None).await;
    assert_eq!(missing.header("set-cookie"), "");
    missing.problem(401, "code_required");
    for given in ["000000", "no-code"] {
        let wrong = log_in(&world.api, "password", Some(given)).await;
        assert_eq!(wrong.header("set-cookie"), "");
        wrong.problem(401, "wrong_code");
    }
    let empty = log_in(&world.api, "password", Some("")).await;
    field_error(&empty.problem(400, "validation_failed"), "code");
    // The code that has confirmed it was used; the next one opens a session, once.
    let next = code(secret, 1);
    log_in(&world.api, "password", Some(&next))
        .await
        .expect_status(200);
    log_in(&world.api, "password", Some(&next))
        .await
        .problem(401, "wrong_code");
    world.bob.get("/api/auth/status").await.expect_status(200);
    world.api.login("seller_bob", "password").await;
}

#[tokio::test]
async fn the_database_and_the_audit_hold_no_code() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let (secret, codes) = enrol(&world.alice).await;
    let kept = json_of(&superuser, "select jsonb_agg(f)::text from second_factors f")
        .await
        .to_string();
    let plain: Vec<String> = codes.iter().map(|code| code.replace('-', "")).collect();
    let hidden = |text: &str| {
        let all = codes.iter().chain(&plain).chain([&secret]);
        all.into_iter()
            .all(|secret| !text.to_lowercase().contains(&secret.to_lowercase()))
    };
    assert!(hidden(&kept) && !hidden(&codes[3]), "{kept}");
    log_in(&world.api, "password", Some(&codes[0]))
        .await
        .expect_status(200);
    world
        .admin
        .delete("/api/admin/users/3/second_factor")
        .await
        .expect_status(204);
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=second_factors")
        .await
        .ok();
    assert_eq!(column(&audit["items"], "action"), ["delete", "update", "update"]);
    assert_eq!(column(&audit["items"], "userId"), [1, 3, 3]);
    assert_eq!(column(&audit["items"], "objectId"), ["3", "3", "3"]);
    assert_eq!(column(&audit["items"], "kind"), ["user", "user", "user"]);
    let told = &audit["items"][1]["after"];
    assert_eq!(told["secrets_changed"], json!(["recovery_hashes"]));
    assert_eq!(
        keys(told),
        ["confirmed_at", "created_at", "secrets_changed", "user_id"]
    );
    let all = json_of(&superuser, "select jsonb_agg(a)::text from audit_log a")
        .await
        .to_string();
    assert!(hidden(&all) && !all.contains("totp_secret\":"), "{all}");
    assert!(hidden(&world.api.log()), "and the log");
}

/// Of those who send one code at once, to two services, one gets in.
#[tokio::test]
async fn a_code_counts_once_of_many_at_once() {
    let world = World::new().await;
    let second = TestApi::start(&world.db).await;
    let (secret, recovery) = enrol(&world.alice).await;
    let codes = [code(&secret, 1), recovery[0].clone()];
    for code in &codes {
        let all = (0..6).map(|n| {
            let api = if n % 2 == 0 { &world.api } else { &second };
            log_in(api, "password", Some(code))
        });
        let mut opened = 0;
        for answer in join_all(all).await {
            match answer.status {
                200 => opened += 1,
                _ => drop(answer.problem(401, "wrong_code")),
            }
        }
        assert_eq!(opened, 1, "{code}");
    }
    let left = world.alice.get(PATH).await.ok();
    assert_eq!(left["recoveryCodesLeft"], 9);
    // With two different ones both do.
    rewind(&world).await;
    let answers = join_all(
        recovery[1..3]
            .iter()
            .map(|code| log_in(&second, "password", Some(code))),
    )
    .await;
    assert_eq!(
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
        [200, 200]
    );
    // One code that changes two things at once changes one.
    let path = "/recovery_codes";
    let code = code(&secret, 0);
    let answers = join_all((0..2).map(|_| send_code(&world.alice, path, &code))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}

#[tokio::test]
async fn a_clock_may_be_off_by_one_step() {
    let world = World::new().await;
    let (secret, _) = enrol(&world.alice).await;
    for (off, status) in [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)] {
        rewind(&world).await;
        // Anew where the time moved on meanwhile.
        loop {
            let now = step();
            let answer = log_in(&world.api, "password", Some(&code_at(&secret, now + off))).await;
            if step() == now {
                assert_eq!(answer.status, status, "{off}");
                break;
            }
            rewind(&world).await;
        }
    }
    // After a later one no earlier one.
    rewind(&world).await;
    log_in(&world.api, "password", Some(&code(&secret, 1)))
        .await
        .expect_status(200);
    log_in(&world.api, "password", Some(&code(&secret, 0)))
        .await
        .problem(401, "wrong_code");
}

/// Codes that are certainly wrong now.
fn wrong_codes(secret: &str) -> impl Iterator<Item = String> {
    let right: Vec<String> = (-3..=3).map(|off| code(secret, off)).collect();
    (0..1000)
        .map(|n| format!("{n:06}"))
        .filter(move |code| !right.contains(code))
}

/// By the throttle of passwords: whoever knows the password has no more guesses at the code, whatever comes between them.
#[tokio::test]
async fn guesses_at_codes_are_slowed_down() {
    let world = World::new().await;
    let (secret, _) = enrol(&world.alice).await;
    let mut guessed = 0;
    for wrong in wrong_codes(&secret).take(20) {
        let missing = log_in(&world.api, "password", None).await;
        let answer = log_in(&world.api, "password", Some(&wrong)).await;
        if answer.status == 429 {
            assert_eq!(missing.status, 429, "all of this address waits");
            break;
        }
        answer.problem(401, "wrong_code");
        guessed += 1;
    }
    assert!((5..=7).contains(&guessed), "{guessed}");
    let refused = log_in(&world.api, "password", Some(&code(&secret, 1))).await;
    refused.problem(429, "throttled");
    // Of many at once no more are looked at, and the audit tells of them.
    let second = TestApi::start(&world.db).await;
    let codes: Vec<String> = wrong_codes(&secret).take(30).collect();
    let answers = join_all(codes.iter().map(|code| log_in(&second, "password", Some(code)))).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((5..=7).contains(&looked_at), "{looked_at}");
    let failed = "select count(*) from audit_log where action = 'login_failed' and object_id = '3'";
    let superuser = world.db.superuser().await;
    eventually("the audit tells of it", async || {
        number_of(&superuser, failed).await > 0
    })
    .await;
    // In a session, too, whose password is known.
    let bob = enrol(&world.bob).await.0;
    let mut guessed = 0;
    for wrong in wrong_codes(&bob).take(20) {
        let answer = send_code(&world.bob, "/remove", &wrong).await;
        if answer.status == 429 {
            break;
        }
        answer.problem(403, "wrong_code");
        guessed += 1;
        let right = world.bob.post(PATH, json!({"currentPassword": "password"})).await;
        right.problem(409, "second_factor_on");
    }
    assert!((5..=7).contains(&guessed), "{guessed}");
}

/// As a failed login, unless the code comes soon.
#[tokio::test]
async fn a_right_password_without_its_code_is_told() {
    let world = World::new().await;
    let (_, codes) = enrol(&world.alice).await;
    enrol(&world.bob).await;
    enrol(&world.staff).await;
    log_in(&world.api, "password", None)
        .await
        .problem(401, "code_required");
    log_in(&world.api, "password", Some(&codes[0]))
        .await
        .expect_status(200);
    let bob = json!({"username": "seller_bob", "password": "password"});
    let bob = world.api.nobody().post("/api/auth/login", bob).await;
    bob.problem(401, "code_required");
    // On the pages, too.
    let browser = world.api.nobody().with("sec-fetch-site", "same-origin");
    let kind = "application/x-www-form-urlencoded";
    let form = "username=ops_staff&password=password".to_owned().into();
    let staff = browser.raw("POST", "/console/login", Some(kind), form).await;
    assert!(
        staff
            .expect_status(303)
            .header("location")
            .starts_with("/console/login/code")
    );
    // A service that is told to stop waits for no code.
    let stopped = std::process::Command::new("kill")
        .arg(world.api.pid().to_string())
        .status()
        .expect("kill runs");
    assert!(stopped.success());
    let superuser = world.db.superuser().await;
    let told = "select jsonb_object_agg(object_id, after -> 'failures') from audit_log where action = 'login_failed'";
    eventually("they are told", async || {
        !json_of(&superuser, told).await.is_null()
    })
    .await;
    assert_eq!(json_of(&superuser, told).await, json!({"2": 1, "4": 1}));
}

#[tokio::test]
async fn a_recovery_code_does_what_a_code_does_once() {
    let world = World::new().await;
    let (secret, codes) = enrol(&world.alice).await;
    // Whatever it is typed like.
    let typed = codes[0].to_uppercase().replace('-', " ");
    log_in(&world.api, "password", Some(&typed))
        .await
        .expect_status(200);
    log_in(&world.api, "password", Some(&codes[0]))
        .await
        .problem(401, "wrong_code");
    // Somebody else's is none.
    let (_, of_bob) = enrol(&world.bob).await;
    log_in(&world.api, "password", Some(&of_bob[0]))
        .await
        .problem(401, "wrong_code");
    let new = send_code(&world.alice, "/recovery_codes", &codes[1]).await.ok();
    let new: Vec<&str> = new["recoveryCodes"]
        .as_array()
        .expect("codes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(new.len() == 10 && !codes.iter().any(|code| new.contains(&code.as_str())));
    log_in(&world.api, "password", Some(&codes[2]))
        .await
        .problem(401, "wrong_code");
    log_in(&world.api, "password", Some(new[0]))
        .await
        .expect_status(200);
    assert_eq!(world.alice.get(PATH).await.ok()["recoveryCodesLeft"], 9);
    let other = log_in(&world.api, "password", Some(&code(&secret, 1))).await;
    let other = world.api.nobody().with("cookie", &other.session_cookie());
    // It goes with one, and the other sessions with it.
    send_code(&world.alice, "/remove", new[1]).await.ok();
    other
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    assert_eq!(world.alice.get(PATH).await.ok()["enabled"], false);
    log_in(&world.api, "password", None).await.expect_status(200);
    // Set up once more it is another.
    let (again, _) = enrol(&world.alice).await;
    assert_ne!(again, secret);
}

#[tokio::test]
async fn a_new_password_leaves_it_and_an_admin_takes_it_away() {
    let world = World::new().await;
    let (secret, _) = enrol(&world.alice).await;
    let password = json!({"password": "another-password"});
    world
        .admin
        .put("/api/admin/users/3/password", password)
        .await
        .ok();
    log_in(&world.api, "another-password", None)
        .await
        .problem(401, "code_required");
    let link = json!({"userId": 3});
    let link = world
        .admin
        .post("/api/auth/password_links", link)
        .await
        .expect_status(201)
        .ok();
    let used = json!({"token": link["token"], "newPassword": "a-third-password"});
    world.api.nobody().post("/api/auth/new_password", used).await.ok();
    log_in(&world.api, "a-third-password", None)
        .await
        .problem(401, "code_required");
    let alice = log_in(&world.api, "a-third-password", Some(&code(&secret, 1))).await;
    let alice = world.api.nobody().with("cookie", &alice.session_cookie());
    let of_alice = "/api/admin/users/3/second_factor";
    for (other, code) in [(&world.staff, 403), (&world.bob, 403), (&alice, 403)] {
        other.delete(of_alice).await.expect_status(code);
    }
    // Not one's own so: whoever has an admin's session for a while could.
    enrol(&world.admin).await;
    world
        .admin
        .delete("/api/admin/users/1/second_factor")
        .await
        .problem(403, "own_account");
    // Nor by a token.
    let token = world
        .admin
        .post("/api/auth/tokens", json!({"name": "script"}))
        .await;
    let token = token.expect_status(201).ok();
    let script = world.api.bearer(token["token"].as_str().expect("a token"));
    script.get("/api/admin/users/3").await.expect_status(200);
    script.delete(of_alice).await.problem(403, "session_required");
    world.admin.delete(of_alice).await.expect_status(204);
    world.admin.delete(of_alice).await.problem(404, "not_found");
    alice
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    log_in(&world.api, "a-third-password", None)
        .await
        .expect_status(200);
    // What is begun alone is none to take away.
    world
        .bob
        .post(PATH, json!({"currentPassword": "password"}))
        .await
        .expect_status(201);
    world
        .admin
        .delete("/api/admin/users/4/second_factor")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn where_admins_need_one_an_admin_without_it_sets_it_up_and_does_nothing_else() {
    let world = World::new().await;
    let token = world
        .admin
        .post("/api/auth/tokens", json!({"name": "script"}))
        .await;
    let token = token.expect_status(201).ok()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let strict = TestApi::start_with(&world.db, &[("CAPCONDUIT_ADMINS_NEED_SECOND_FACTOR", "true")]).await;
    let admin = strict.login("platform_admin", "password").await;
    let script = strict.bearer(&token);
    let missing = async |who: &Visitor, path: &str| who.get(path).await.problem(403, "second_factor_missing");
    for path in [
        "/api/admin/users",
        "/api/admin/clients",
        "/api/auth/status",
        "/api/auth/tokens",
    ] {
        let problem = missing(&admin, path).await;
        assert!(problem["message"].as_str().expect("a text").contains(PATH));
        missing(&script, path).await;
    }
    for path in ["/recovery_codes", "/remove"] {
        let answer = send_code(&admin, path, "123456").await;
        answer.problem(403, "second_factor_missing");
    }
    let page = admin.get("/console/users").await.expect_status(303);
    assert_eq!(page.header("location"), "/console/account/second_factor");
    // Nobody else needs one.
    for name in ["ops_staff", "seller_alice"] {
        let other = strict.login(name, "password").await;
        other.get("/api/auth/status").await.expect_status(200);
        assert_eq!(other.get(PATH).await.ok()["required"], false);
    }
    let state = admin.get(PATH).await.ok();
    assert!(state["required"] == true && state["enabled"] == false, "{state}");
    let (secret, _) = enrol(&admin).await;
    admin.get("/api/admin/users").await.expect_status(200);
    script.get("/api/admin/users").await.expect_status(200);
    // Taken away, it is needed again.
    send_code(&admin, "/remove", &code(&secret, 1)).await.ok();
    missing(&admin, "/api/admin/users").await;
    admin
        .send("POST", "/api/auth/logout", None)
        .await
        .expect_status(200);
}

/// A service of before does not know of it: the database lets nobody in by its functions.
#[tokio::test]
async fn without_the_code_no_session_begins_by_whatever_way() {
    let world = World::new().await;
    enrol(&world.alice).await;
    enrol(&world.bob).await;
    let mut api = world.db.connect_as(API).await;
    let open = |name: &str, session: &str, more: &str| {
        format!(
            "select open_session(user_id, password_hash, sha256('{session}'), 3600{more})
               from find_login('{name}', '192.0.2.1')"
        )
    };
    for (name, more, opened) in [
        ("seller_alice", "", false),
        ("seller_alice", ", '192.0.2.1', null, null", false),
        ("seller_alice", ", '192.0.2.1', 1, null", false),
        ("seller_alice", ", '192.0.2.1', null, sha256('x')", false),
        ("ops_staff", "", true),
    ] {
        assert_eq!(
            json_of(&api, &open(name, name, more)).await,
            opened,
            "{name} {more}"
        );
    }
    // Nor by what the code of somebody else leaves behind.
    let with_code = format!(", '192.0.2.1', {}, null", step() + 1);
    let tx = api.transaction().await.unwrap();
    for (name, more, opened) in [
        ("seller_bob", "", false),
        ("seller_alice", with_code.as_str(), true),
        ("seller_bob", "", false),
    ] {
        let row = tx.query_one(&open(name, name, more), &[]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), opened, "{name} {more}");
    }
    tx.commit().await.unwrap();
    assert_eq!(json_of(&api, &open("seller_alice", "again", "")).await, false);
}

/// Both lock the user first: neither ends in a deadlock.
#[tokio::test]
async fn a_login_with_a_code_waits_for_whoever_deletes_the_user() {
    let world = World::new().await;
    enrol(&world.bob).await;
    let superuser = world.db.superuser().await;
    run(&superuser, "begin; select from users where id = 4 for update").await;
    let api = world.db.connect_as(API).await;
    let open = format!(
        "select open_session(user_id, password_hash, sha256('x'), 3600, '192.0.2.1', {}, null)
           from find_login('seller_bob', '192.0.2.1')",
        step() + 1
    );
    let opened = tokio::spawn(async move { json_of(&api, &open).await });
    wait_for_locks(&world.db, 1).await;
    run(&superuser, "delete from users where id = 4; commit").await;
    assert_eq!(opened.await.expect("an answer"), false);
}

#[tokio::test]
async fn with_a_key_the_service_s_configuration_is_needed_too() {
    let world = World::new().await;
    let folder = std::env::temp_dir().join(format!("capconduit-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str, lines: &str| {
        let path = folder.join(name);
        std::fs::write(&path, lines).expect("written");
        path.to_str().expect("a path").to_owned()
    };
    let (old, new) = (
        "an-old-key-of-32-characters-01234",
        "a-new-key-of-32-characters-012345",
    );
    let with = async |keys: &str| {
        TestApi::start_with(&world.db, &[("CAPCONDUIT_SECOND_FACTOR_KEY_FILE", keys)]).await
    };
    let first = with(&file("old", &format!("{old}\n"))).await;
    let (secret, codes) = enrol(&first.login("seller_alice", "password").await).await;
    // The key goes on counting behind a newer one; what was set up without a key, too.
    let (of_bob, _) = enrol(&world.bob).await;
    let both = with(&file("both", &format!("{new}\n\n{old}\n"))).await;
    log_in(&both, "password", Some(&code(&secret, 1)))
        .await
        .expect_status(200);
    let bob = json!({"username": "seller_bob", "password": "password", "code": code(&of_bob, 1)});
    both.nobody()
        .post("/api/auth/login", bob)
        .await
        .expect_status(200);
    // Without the key no code can be judged, and a recovery code can.
    rewind(&world).await;
    log_in(&world.api, "password", Some(&code(&secret, 0)))
        .await
        .problem(500, "internal_error");
    assert!(world.api.log().contains("--second-factor-key-file"));
    log_in(&world.api, "password", Some(&codes[0]))
        .await
        .expect_status(200);
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// The way in for an only admin who has lost everything: by the database.
#[tokio::test]
async fn the_operator_takes_the_only_admin_s_away() {
    let world = World::new().await;
    enrol(&world.admin).await;
    let remove = |name: &str, login: &str| {
        let output = project::capconduit()
            .args(["user", "remove-second-factor", "--username", name])
            .env("DATABASE_URL", world.db.url(login))
            .output()
            .expect("it can be run");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (done, said) = remove("Platform_Admin", API);
    assert!(!done && said.contains("administrator's login"), "{said}");
    let (done, said) = remove("seller_alice", ADMIN);
    assert!(!done && said.contains("has a second factor"), "{said}");
    world.admin.get("/api/auth/status").await.expect_status(200);
    let (done, said) = remove("Platform_Admin", ADMIN);
    assert!(done && said.contains("the password alone"), "{said}");
    world
        .admin
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    world.api.login("platform_admin", "password").await;
    let told = "select count(*) from audit_log where object_type = 'second_factors' and action = 'delete' and user_id is null";
    assert_eq!(number_of(&world.db.superuser().await, told).await, 1);
}
