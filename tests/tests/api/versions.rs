//! Lost updates: every object that can be changed has a version, and a write that names an older one changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use capconduit_tests::{Answer, Calls, Visitor, assert_invariants};
use serde_json::{Value, json};

use super::support::{World, json_of, number_of, run};

/// An object, who sees it, where it is shown, where it is changed, and a change of it.
struct Case<'a> {
    who: &'a Visitor,
    one: &'static str,
    /// Its list, when it is in one.
    list: Option<&'static str>,
    write: &'static str,
    change: Value,
}

impl Case<'_> {
    /// Shown in its list alone.
    fn is_only_listed(&self) -> bool {
        self.write.starts_with(self.one) && self.write != self.one
    }
}

fn cases(world: &World) -> Vec<Case<'_>> {
    let case = |who, one, list, write, change| Case {
        who,
        one,
        list,
        write,
        change,
    };
    vec![
        case(
            &world.admin,
            "/api/admin/users/3",
            Some("/api/admin/users"),
            "/api/admin/users/3",
            json!({"fullName": "Changed"}),
        ),
        case(
            &world.alice,
            "/api/seller/account",
            None,
            "/api/seller/account",
            json!({"callerRules": [{"after": "offered", "action": "reject"}]}),
        ),
        case(
            &world.staff,
            "/api/admin/clients/1",
            Some("/api/admin/clients"),
            "/api/admin/clients/1",
            json!({"notes": "changed"}),
        ),
        case(
            &world.staff,
            "/api/admin/clients/2",
            None,
            "/api/admin/clients/2",
            json!({"pjsip": {"aor": {"max_contacts": 3}}}),
        ),
        case(
            &world.alice,
            "/api/seller/dids/1",
            Some("/api/seller/dids"),
            "/api/seller/dids/1",
            json!({"description": "changed"}),
        ),
        case(
            &world.alice,
            "/api/seller/campaigns/1",
            Some("/api/seller/campaigns"),
            "/api/seller/campaigns/1",
            json!({"dialTimeoutSeconds": 31}),
        ),
        case(
            &world.alice,
            "/api/seller/campaigns/1/clients/1",
            None,
            "/api/seller/campaigns/1/clients/1",
            json!({"maxConcurrency": 77}),
        ),
        case(
            &world.staff,
            "/api/admin/campaigns",
            None,
            "/api/admin/campaigns/2/status",
            json!({"status": "paused"}),
        ),
        case(
            &world.staff,
            "/api/admin/links",
            None,
            "/api/admin/links/2",
            json!({"totalCallsAllowed": 4000, "weight": 9}),
        ),
        case(
            &world.staff,
            "/api/admin/links",
            None,
            "/api/admin/links/3/status",
            json!({"status": "inactive"}),
        ),
    ]
}

/// The version of a single answer, which its ETag says as well.
fn version_of(answer: Answer) -> i64 {
    let tag = answer.header("etag").to_owned();
    let version = answer.ok()["version"].as_i64().expect("a version");
    assert_eq!(tag, format!("\"{version}\""));
    version
}

/// The version before a change, wherever the object is shown.
async fn present_version(case: &Case<'_>) -> i64 {
    let id = case
        .write
        .trim_end_matches("/status")
        .rsplit('/')
        .next()
        .expect("an id");
    // What is in no list need not have a number.
    let id = id.parse::<i64>().ok().map(Value::from);
    let from_list = |list: Value| {
        let items = list["items"].as_array().expect("items").clone();
        let item = items
            .into_iter()
            .find(|item| [item.get("id"), item.get("linkId")].contains(&id.as_ref()));
        item.expect("the object is listed")["version"]
            .as_i64()
            .expect("a version in the list")
    };
    if case.is_only_listed() {
        return from_list(case.who.get(case.one).await.ok());
    }
    let version = version_of(case.who.get(case.one).await);
    if let Some(list) = case.list {
        assert_eq!(from_list(case.who.get(list).await.ok()), version, "{list}");
    }
    version
}

#[tokio::test]
async fn a_write_for_an_older_version_changes_nothing() {
    let world = World::new().await;
    for case in cases(&world) {
        let before = present_version(&case).await;
        let with = |tag: &str| case.who.with("if-match", tag);
        let first = with(&format!("\"{before}\""))
            .put(case.write, case.change.clone())
            .await;
        let now = version_of(first.clone());
        assert!(now > before, "{}: {before} became {now}", case.write);
        // The same again: it was made for what is no more.
        for tag in [format!("\"{before}\""), "\"0\"".into(), "\"another\"".into()] {
            let refused = with(&tag).put(case.write, case.change.clone()).await;
            assert_eq!(refused.header("etag"), format!("\"{now}\""), "{}", case.write);
            let problem = refused.problem(412, "changed_meanwhile");
            assert_eq!(problem["present"], first.json(), "{}", case.write);
        }
        // Without If-Match, with a star and with the present version it goes through; each moves the version.
        let moved = version_of(case.who.put(case.write, case.change.clone()).await);
        assert!(moved > now, "{}", case.write);
        let starred = version_of(with("*").put(case.write, case.change.clone()).await);
        let tags = format!("\"0\", W/\"{starred}\"");
        assert!(version_of(with(&tags).put(case.write, case.change.clone()).await) > starred);
        for bad in ["", "\"1", "\"1\" \"2\""] {
            with(bad)
                .put(case.write, case.change.clone())
                .await
                .problem(400, "validation_failed");
        }
        let unknown = case.write.replace(['1', '2', '3'], "4000");
        // The own account has no other beside it.
        if unknown != case.write {
            with("*")
                .put(&unknown, case.change.clone())
                .await
                .problem(404, "not_found");
        }
    }
}

/// PATCH is the same change as PUT, and refuses what PUT ignores.
#[tokio::test]
async fn patch_is_put_that_refuses_what_it_does_not_know() {
    let world = World::new().await;
    for case in cases(&world) {
        if case.write.ends_with("/status") {
            case.who
                .patch(case.write, case.change)
                .await
                .problem(405, "method_not_allowed");
            continue;
        }
        let before = present_version(&case).await;
        case.who
            .with("if-match", "\"0\"")
            .patch(case.write, case.change.clone())
            .await
            .problem(412, "changed_meanwhile");
        let mut known = case.change.clone();
        for (key, value) in [
            ("noSuchKey", json!(1)),
            ("id", json!(1)),
            ("version", json!(before)),
        ] {
            known[key] = value;
            let problem = case
                .who
                .patch(case.write, known.clone())
                .await
                .problem(400, "validation_failed");
            assert_eq!(
                problem["errors"][key],
                json!(["Unknown field."]),
                "{}",
                case.write
            );
            case.who
                .put(case.write, json!({key: 1}))
                .await
                .problem(400, "nothing_to_update");
            known.as_object_mut().expect("an object").remove(key);
        }
        let tag = format!("\"{before}\"");
        let merge = case.who.with("if-match", &tag);
        let body = bytes::Bytes::from(known.to_string());
        let patched = merge
            .raw("PATCH", case.write, Some("application/merge-patch+json"), body)
            .await;
        assert_eq!(version_of(patched.clone()), before + 1, "{}", case.write);
        if !case.is_only_listed() {
            assert_eq!(
                patched.json(),
                case.who.get(case.one).await.ok(),
                "{}",
                case.write
            );
        }
        case.who
            .patch(case.write, json!({}))
            .await
            .problem(400, "empty_body");
    }
    // Null clears what may be empty, and keys inside an object are as strict.
    let did = "/api/seller/dids/1";
    assert_eq!(
        world.alice.patch(did, json!({"description": null})).await.ok()["description"],
        Value::Null
    );
    let client = json!({"pjsip": {"aor": {"max_contacts": 2, "no_such_key": 1}}});
    let problem = world.staff.patch("/api/admin/clients/1", client).await;
    let problem = problem.problem(400, "validation_failed");
    assert_eq!(
        problem["errors"]["pjsip"]["aor"]["no_such_key"],
        json!(["Unknown field."])
    );
    world
        .bob
        .patch(did, json!({"description": "x"}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_delete_for_an_older_version_deletes_nothing() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update campaign_client_settings set status = 'inactive'",
    )
    .await;
    for (who, path, show) in [
        (
            &world.alice,
            "/api/seller/campaigns/1/clients/2",
            "/api/seller/campaigns/1/clients/2",
        ),
        (&world.alice, "/api/seller/dids/1", "/api/seller/dids/1"),
        (&world.alice, "/api/seller/campaigns/2", "/api/seller/campaigns/2"),
        (&world.staff, "/api/admin/clients/4", "/api/admin/clients/4"),
        (&world.admin, "/api/admin/users/4", "/api/admin/users/4"),
    ] {
        let version = version_of(who.get(show).await);
        let stale = who
            .with("if-match", &format!("\"{}\"", version + 1))
            .delete(path)
            .await;
        let present = stale.problem(412, "changed_meanwhile")["present"].clone();
        assert_eq!(present, who.get(show).await.ok(), "{path}");
        who.with("if-match", &format!("\"{version}\""))
            .delete(path)
            .await
            .expect_status(204);
        who.with("if-match", "*")
            .delete(path)
            .await
            .problem(404, "not_found");
    }
}

/// 404 before 412, 412 before 409.
#[tokio::test]
async fn what_is_gone_is_told_before_what_changed_and_that_before_conflicts() {
    let world = World::new().await;
    let stale = |who: &Visitor| who.with("if-match", "\"999\"");
    let taken = json!({"name": "Alice RoundRobin Support"});
    for (path, status, code) in [
        ("/api/seller/campaigns/3", 404, "not_found"),
        ("/api/seller/campaigns/1", 412, "changed_meanwhile"),
    ] {
        stale(&world.alice)
            .put(path, taken.clone())
            .await
            .problem(status, code);
    }
    let change = json!({"email": "bob@seller.xyz"});
    stale(&world.admin)
        .put("/api/admin/users/3", change)
        .await
        .problem(412, "changed_meanwhile");
    // The last admin, a client in use.
    stale(&world.admin)
        .put("/api/admin/users/1", json!({"role": "staff"}))
        .await
        .problem(412, "changed_meanwhile");
    stale(&world.staff)
        .delete("/api/admin/clients/1")
        .await
        .problem(412, "changed_meanwhile");
    world
        .staff
        .delete("/api/admin/clients/1")
        .await
        .problem(409, "client_in_use");
}

/// The set of a campaign's numbers is read, changed and put back like any other object.
#[tokio::test]
async fn a_set_of_numbers_is_not_overwritten() {
    let world = World::new().await;
    let path = "/api/seller/campaigns/1/dids";
    let first = world.alice.get(path).await.expect_status(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("\"set-"), "{tag}");
    let before = version_of(world.alice.get("/api/seller/campaigns/1").await);
    world
        .alice
        .with("if-match", &tag)
        .put(path, json!({"didIds": [1, 2]}))
        .await
        .expect_status(200);
    let stale = world
        .alice
        .with("if-match", &tag)
        .put(path, json!({"didIds": [1]}))
        .await;
    let problem = stale.problem(412, "changed_meanwhile");
    assert_eq!(problem["present"], world.alice.get(path).await.ok());
    assert_eq!(world.alice.get(path).await.ok().as_array().map(Vec::len), Some(2));
    // The campaign's version is that of its own settings.
    assert_eq!(
        version_of(world.alice.get("/api/seller/campaigns/1").await),
        before
    );
    // The campaign's own tag says nothing about the set: whoever sends it has not seen the set.
    let other = world
        .alice
        .with("if-match", &format!("\"{before}\""))
        .put(path, json!({"didIds": []}))
        .await
        .problem(412, "changed_meanwhile");
    let message = other["message"].as_str().expect("a text");
    assert!(message.contains("GET /api/seller/campaigns/1/dids"), "{message}");
    assert_eq!(world.alice.get(path).await.ok().as_array().map(Vec::len), Some(2));
    world
        .alice
        .with("if-match", "*")
        .put(path, json!({"didIds": [1]}))
        .await
        .expect_status(200);
}

/// The list of admins and the admin itself are locked in one order, whoever changes whom.
#[tokio::test]
async fn admins_who_are_demoted_at_once_do_not_wait_for_one_another() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "insert into users (id, username, email, password_hash, role) overriding system value
         select n, 'admin' || n, 'admin' || n || '@example.com', u.password_hash, 'admin'
           from users u, generate_series(901, 902) n where u.id = 1",
    )
    .await;
    let change = async |id: i64, role: &str| {
        let change = json!({"role": role});
        let path = format!("/api/admin/users/{id}");
        world.admin.with("if-match", "*").put(&path, change).await.status
    };
    for _ in 0..5 {
        // Both wait for their own row, and get it in one moment.
        run(
            &superuser,
            "begin; select from users where id in (901, 902) for update",
        )
        .await;
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            run(&superuser, "commit").await;
        };
        let statuses = tokio::join!(change(901, "staff"), change(902, "staff"), release);
        assert_eq!((statuses.0, statuses.1), (200, 200));
        assert_eq!(
            (change(901, "admin").await, change(902, "admin").await),
            (200, 200)
        );
    }
}

/// Whatever is not the object's own settings leaves its version alone; whoever changes those moves it.
#[tokio::test]
async fn what_hangs_on_an_object_and_its_counters_do_not_move_a_version() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let versions = "select jsonb_build_object('users', (select jsonb_object_agg(id, version) from users),
        'clients', (select jsonb_object_agg(id, version) from clients),
        'dids', (select jsonb_object_agg(id, version) from dids),
        'campaigns', (select jsonb_object_agg(id, version) from campaigns),
        'links', (select jsonb_object_agg(id, version) from campaign_client_settings))";
    for (change, moved) in [
        (
            "update users set status = 'suspended' where id = 3",
            ("users", "3"),
        ),
        (
            "update clients set status = 'inactive' where id = 1",
            ("clients", "1"),
        ),
        (
            "update campaigns set status = 'paused' where id = 1",
            ("campaigns", "1"),
        ),
        ("update dids set status = 'inactive' where id = 1", ("dids", "1")),
        (
            "update campaign_client_settings set weight = 5 where id = 1",
            ("links", "1"),
        ),
        (
            "update pjsip_aors set contact = 'sip:10.0.0.9' where client_id = 2",
            ("clients", "2"),
        ),
        (
            "update pjsip_endpoints set allow = 'alaw' where client_id = 2",
            ("clients", "2"),
        ),
        ("delete from pjsip_aors where client_id = 2", ("clients", "2")),
        // Nobody sets it.
        (
            "update dids set version = 1000, description = 'x' where id = 2",
            ("dids", "2"),
        ),
        ("select adjust_link_total(1, 5, 'a test')", ("", "")),
        ("select route_call('+12125550102', 'version-call')", ("", "")),
    ] {
        let before = json_of(&superuser, versions).await;
        run(&superuser, change).await;
        let after = json_of(&superuser, versions).await;
        for (table, rows) in before.as_object().expect("tables") {
            for (id, version) in rows.as_object().expect("rows") {
                let by = i64::from((table.as_str(), id.as_str()) == moved);
                assert_eq!(
                    after[table][id].as_i64(),
                    version.as_i64().map(|version| version + by),
                    "{change}: {table} {id}"
                );
            }
        }
    }
    // The audit tells of settings.
    let told = "select count(*) from audit_log where before ? 'version' or after ? 'version'";
    assert_eq!(number_of(&superuser, told).await, 0);
    // A change of a client's parts moves its version once.
    let before = version_of(world.staff.get("/api/admin/clients/3").await);
    let parts =
        json!({"name": "Other", "pjsip": {"endpoint": {"allow": "ulaw"}, "aor": {"qualify_frequency": 7}}});
    let after = version_of(world.staff.put("/api/admin/clients/3", parts).await);
    assert_eq!(after, before + 1);
}

async fn increment(alice: &Visitor, path: &str) {
    for _ in 0..10_000 {
        let link = alice.get(path).await.ok();
        let answer = alice
            .with("if-match", &format!("\"{}\"", link["version"]))
            .put(
                path,
                json!({"maxConcurrency": link["maxConcurrency"].as_i64().expect("a cap") + 1}),
            )
            .await;
        if answer.status == 412 {
            continue;
        }
        answer.expect_status(200);
        return;
    }
    panic!("never was first");
}

#[tokio::test]
async fn fifty_increments_at_once_are_fifty() {
    let world = World::new().await;
    let path = "/api/seller/campaigns/1/clients/1";
    let before = world.alice.get(path).await.ok()["maxConcurrency"]
        .as_i64()
        .expect("a cap");
    // Calls come and go on that link meanwhile.
    let stop = Arc::new(AtomicBool::new(false));
    let switch = world.db.asterisk().await;
    let calls = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut made = 0;
            while !stop.load(Ordering::Relaxed) {
                let uniqueid = format!("increment-{made}");
                switch
                    .route("+18005550101", &uniqueid)
                    .await
                    .expect("a route")
                    .link();
                switch
                    .log(&uniqueid, "+18005550101", "ANSWERED")
                    .await
                    .expect("a record");
                made += 1;
            }
            made
        }
    });
    let all = (0..50).map(|_| increment(&world.alice, path));
    futures_util::future::join_all(all).await;
    stop.store(true, Ordering::Relaxed);
    assert!(calls.await.expect("the calls") > 0);
    let after = world.alice.get(path).await.ok()["maxConcurrency"]
        .as_i64()
        .expect("a cap");
    assert_eq!(after, before + 50);
    assert_invariants(&world.db).await;
}
