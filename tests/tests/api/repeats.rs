//! Repeats: a POST with an Idempotency-Key has its effect once, whatever becomes of its answer.

use std::process::Command;
use std::time::Duration;

use capconduit_tests::{API, Calls, Network, Proxy, TestApi, TestDb, Visitor};
use serde_json::{Value, json};

use super::contract::{ROUTES, Who, fill, good_body};
use super::support::{World, field_error, number_of, run};

fn once(who: &Visitor, key: &str) -> Visitor {
    who.with("idempotency-key", key)
}

fn number(n: usize) -> Value {
    json!({"number": format!("+493012345{n:03}")})
}

/// Every POST that the description offers the header for: the second one is the first one's answer, byte for byte, and nothing
/// happens again.
#[tokio::test]
async fn every_described_post_happens_once() {
    let world = World::uncapped().await;
    let superuser = world.db.superuser().await;
    let switch = world.db.asterisk().await;
    switch.route("+18005550101", "1").await.expect("a route").link();
    // A campaign that this client is not linked to yet.
    run(
        &superuser,
        "delete from campaign_client_settings where campaign_id = 1 and client_id = 1 and not exists
             (select from live_calls l where l.link_id = campaign_client_settings.id);
         update clients set status = 'active'",
    )
    .await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    let audited = "select count(*) from audit_log";
    let mut honoured = 0;
    for &(method, path, who) in ROUTES.iter().filter(|route| route.0 == "POST") {
        let parameters = description["paths"][path]["post"]["parameters"].as_array();
        let described = parameters
            .into_iter()
            .flatten()
            .any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["in"] == "header");
        let closed = path.starts_with("/api/auth/") || path.starts_with("/api/internal/");
        assert_eq!(described, !closed, "{path}");
        if closed {
            continue;
        }
        let person = match who {
            Who::Seller => &world.alice,
            _ => &world.admin,
        };
        let mut body = good_body(method, path).expect("a body");
        if path.ends_with("/clients") && path.starts_with("/api/seller") {
            body["clientId"] = json!(4);
        }
        // The platform's schedule comes first.
        let (id, other_id) = match path.starts_with("/api/seller/schedules") {
            true => ("2", "1"),
            false => ("1", "2"),
        };
        let address = fill(path, id);
        let first = once(person, path).post(&address, body.clone()).await;
        assert!(matches!(first.status, 200 | 201), "{}", first.text());
        let before = number_of(&superuser, audited).await;
        let second = once(person, path).post(&address, body.clone()).await;
        assert_eq!(
            (second.status, &second.body),
            (first.status, &first.body),
            "{path}"
        );
        assert_eq!(second.header("etag"), first.header("etag"), "{path}");
        assert_eq!(second.content_type(), "application/json", "{path}");
        assert_eq!(
            number_of(&superuser, audited).await,
            before,
            "{path} happened again"
        );
        // Another body, the same object at another address, another method's twin: another request.
        let mut other = body.clone();
        for (_, value) in other.as_object_mut().expect("an object") {
            if value.is_string() {
                *value = json!(
                    value
                        .as_str()
                        .expect("a text")
                        .replace("a", "b")
                        .replace('1', "2")
                );
            }
        }
        if other != body {
            let answer = once(person, path).post(&address, other).await;
            if answer.status != 400 {
                answer.problem(422, "key_reused");
            }
        }
        if address != path {
            once(person, path)
                .post(&fill(path, other_id), body)
                .await
                .problem(422, "key_reused");
        }
        honoured += 1;
    }
    assert_eq!(honoured, 22);
}

#[tokio::test]
async fn a_key_is_a_short_plain_text_where_it_is_honoured() {
    let world = World::new().await;
    let path = "/api/seller/dids";
    let longest = "k".repeat(255);
    for (n, key) in ["a", "with blanks inside", "\"quoted\"", &longest]
        .into_iter()
        .enumerate()
    {
        once(&world.alice, key)
            .post(path, number(n))
            .await
            .expect_status(201);
    }
    for key in ["", "t\tab", &"k".repeat(256)] {
        let problem = once(&world.alice, key).post(path, number(9)).await;
        field_error(&problem.problem(400, "validation_failed"), "Idempotency-Key");
    }
    let twice = once(&once(&world.alice, "a"), "b").post(path, number(9)).await;
    field_error(&twice.problem(400, "validation_failed"), "Idempotency-Key");
    // Who asks comes first; where answers hold secrets and where calls have a uniqueid it is refused.
    once(&world.api.nobody(), "")
        .post(path, number(9))
        .await
        .problem(401, "unauthenticated");
    once(&world.staff, "")
        .post(path, number(9))
        .await
        .problem(403, "wrong_role");
    for &(method, path, who) in ROUTES {
        let closed = path.starts_with("/api/auth/") || path.starts_with("/api/internal/");
        if method == "GET" || !closed || path.ends_with("/logout") {
            continue;
        }
        let person = match who {
            Who::Everybody => world.api.nobody(),
            Who::Switch => world.api.switch(),
            Who::Admin => world.admin.clone(),
            _ => world.alice.clone(),
        };
        let body = good_body(method, path);
        let problem = once(&person, "a")
            .send(method, &fill(path, "1"), body.as_ref())
            .await;
        field_error(&problem.problem(400, "validation_failed"), "Idempotency-Key");
    }
    // What may be repeated without it takes no notice of it.
    for description in ["first", "second"] {
        let changed = once(&world.alice, "same")
            .put("/api/seller/dids/1", json!({"description": description}))
            .await;
        assert_eq!(changed.ok()["description"], description);
    }
}

/// Only successes are kept, for a day, and everybody has keys of their own.
#[tokio::test]
async fn what_failed_may_be_tried_again_and_nobody_sees_anothers_answer() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let path = "/api/seller/dids";
    let taken = json!({"number": "+13105550103"});
    let first = once(&world.alice, "a").post(path, taken.clone()).await;
    first.problem(409, "number_taken");
    world.bob.delete("/api/seller/dids/3").await.expect_status(204);
    let second = once(&world.alice, "a")
        .post(path, taken.clone())
        .await
        .expect_status(201);
    // Another's key of the same name is another key.
    once(&world.bob, "a")
        .post(path, taken.clone())
        .await
        .problem(409, "number_taken");
    let own = once(&world.bob, "a")
        .post(path, number(1))
        .await
        .expect_status(201);
    assert_ne!(own.body, second.body);
    let kept = "select count(*) from idempotency_keys";
    assert_eq!(number_of(&superuser, kept).await, 2);
    // What is kept is the answer of then, whatever became of the object; after a day the key is new.
    let id = second.json()["id"].clone();
    world
        .alice
        .delete(&format!("{path}/{id}"))
        .await
        .expect_status(204);
    let again = once(&world.alice, "a").post(path, taken.clone()).await;
    assert_eq!((again.status, &again.body), (201, &second.body));
    run(
        &superuser,
        "update idempotency_keys set created_at = now() - interval '24 hours'",
    )
    .await;
    let anew = once(&world.alice, "a").post(path, taken).await.expect_status(201);
    assert_ne!(anew.json()["id"], id);
    // The service sweeps old ones when it starts, and once an hour.
    assert_eq!(number_of(&superuser, kept).await, 2);
    let _other = TestApi::start(&world.db).await;
    let mut left = 2;
    for _ in 0..100 {
        left = number_of(&superuser, kept).await;
        if left == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(left, 1, "bob's old key is swept, alice's new one is not");
}

/// A user who is deleted while their POST is under way: neither of the two waits for the other in a circle.
#[tokio::test]
async fn a_post_and_the_deletion_of_its_user_do_not_deadlock() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update campaign_client_settings set status = 'inactive'",
    )
    .await;
    // The POST has locked its campaign, and waits before its key is kept.
    run(&superuser, "begin; lock table idempotency_keys in share mode").await;
    let alice = once(&world.alice, "a");
    let post = tokio::spawn(async move {
        let body = good_body("POST", "/api/seller/campaigns/{id}/clients");
        let mut body = body.expect("a body");
        body["clientId"] = json!(3);
        alice.post("/api/seller/campaigns/1/clients", body).await
    });
    wait_for_locks(&world.db, 1).await;
    let admin = world.admin.clone();
    let delete = tokio::spawn(async move { admin.delete("/api/admin/users/3").await });
    wait_for_locks(&world.db, 2).await;
    run(&superuser, "commit").await;
    post.await.expect("an answer").expect_status(201);
    delete.await.expect("an answer").expect_status(204);
}

#[tokio::test]
async fn fifty_equal_keys_at_once_make_one_object() {
    let world = World::new().await;
    let path = "/api/seller/campaigns";
    let body = json!({"name": "Once", "routingStrategy": "priority", "dialTimeoutSeconds": 20});
    let all = (0..50).map(|_| {
        let visitor = once(&world.alice, "fifty");
        let body = body.clone();
        async move { visitor.post(path, body).await }
    });
    let answers = futures_util::future::join_all(all).await;
    let (made, told): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    let first = made.first().expect("one at least was answered").body.clone();
    for answer in &made {
        assert_eq!(answer.body, first);
    }
    for answer in told {
        assert_eq!(answer.header("retry-after"), "1");
        answer.problem(409, "in_progress");
    }
    let again = once(&world.alice, "fifty")
        .post(path, body)
        .await
        .expect_status(201);
    assert_eq!(again.body, first);
    let count = "select count(*) from campaigns where name = 'Once'";
    assert_eq!(number_of(&world.db.superuser().await, count).await, 1);
}

/// While one works, one waits and gets the same answer; the third is told at once.
#[tokio::test]
async fn one_waits_and_the_others_are_told() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let path = "/api/seller/dids";
    // Whoever makes a number waits here.
    run(&superuser, "begin; lock table dids in share mode").await;
    let send = |visitor: Visitor| tokio::spawn(async move { visitor.post(path, number(1)).await });
    let works = send(once(&world.alice, "a"));
    wait_for_locks(&world.db, 1).await;
    let waits = send(once(&world.alice, "a"));
    wait_for_locks(&world.db, 2).await;
    for _ in 0..3 {
        let told = once(&world.alice, "a").post(path, number(1)).await;
        told.problem(409, "in_progress");
    }
    run(&superuser, "commit").await;
    let (works, waits) = (works.await.expect("an answer"), waits.await.expect("an answer"));
    assert_eq!((works.status, &works.body), (201, &waits.body));
}

/// So many of the database's connections wait for a lock.
pub async fn wait_for_locks(db: &TestDb, wanted: i64) {
    let client = db.superuser().await;
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let mut found = -1;
    for _ in 0..100 {
        found = number_of(&client, sql).await;
        if found == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{found} wait for locks");
}

/// The commit is done, its answer has not come back, and the service is killed: whoever repeats the request learns what was made.
#[tokio::test]
async fn a_service_that_is_killed_between_commit_and_answer_made_one_object() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    let proxy = Proxy::before(db.cluster().port()).await;
    let server = format!(":{}/", db.cluster().port());
    let through = db
        .url_at(API, "127.0.0.1")
        .replace(&server, &format!(":{}/", proxy.port()));
    let api = TestApi::start_with(&db, &[("DATABASE_URL", &through)]).await;
    let alice = api.login("seller_alice", "password").await;
    proxy.set(Network::HoldsCommits);
    let body = number(1);
    let lost = tokio::spawn({
        let (alice, body) = (once(&alice, "a"), body.clone());
        async move { alice.try_send("POST", "/api/seller/dids", Some(&body)).await }
    });
    let kept = "select count(*) from idempotency_keys";
    for _ in 0..200 {
        if number_of(&superuser, kept).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(number_of(&superuser, kept).await, 1, "it is committed");
    assert!(!lost.is_finished(), "its answer is on its way");
    let killed = Command::new("kill")
        .args(["-KILL", &api.pid().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    lost.await.expect("the request ends").expect_err("nobody answers");

    let other = TestApi::start(&db).await;
    let alice = other.login("seller_alice", "password").await;
    let again = once(&alice, "a")
        .post("/api/seller/dids", body.clone())
        .await
        .expect_status(201);
    let id = again.json()["id"].as_i64().expect("an id");
    assert_eq!(again.header("etag"), "\"1\"");
    let made = "select count(*) from dids where number = '+493012345001'";
    assert_eq!(number_of(&superuser, made).await, 1);
    assert_eq!(
        alice.get(&format!("/api/seller/dids/{id}")).await.ok(),
        again.json()
    );
    // Without the key the same repeat is a conflict.
    alice
        .post("/api/seller/dids", body)
        .await
        .problem(409, "number_taken");
}
