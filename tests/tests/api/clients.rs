//! /api/admin/clients: call centers with their PJSIP objects, in Asterisk's own key names.

use serde_json::{Value, json};

use super::contract::client;
use super::support::{World, column, field_error, json_of, keys, run};

const CLIENTS: &str = "/api/admin/clients";

fn with_auth(identifier: &str) -> Value {
    let mut body = client(identifier);
    body["pjsip"]["endpoint"]["outbound_auth"] = json!("auth_e");
    body["pjsip"]["auth"] = json!({"id": "auth_e", "username": "epsilon", "password": "sip-secret"});
    body
}

#[tokio::test]
async fn a_client_comes_with_its_pjsip_objects() {
    let world = World::new().await;
    let made = world
        .staff
        .post(CLIENTS, with_auth("epsilon"))
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        keys(&made),
        [
            "callerRules",
            "capacity",
            "caps",
            "clientIdentifier",
            "createdAt",
            "createdBy",
            "department",
            "id",
            "minSecondsBetween",
            "name",
            "notes",
            "pause",
            "pjsipAor",
            "pjsipAuth",
            "pjsipEndpoint",
            "scheduleId",
            "status",
            "timeZone",
            "today",
            "updatedAt",
            "version"
        ]
    );
    assert_eq!(
        made["pjsipEndpoint"],
        json!({"id": "epsilon", "transport": null, "aors": "epsilon", "auth": null, "context": "from-capconduit",
               "disallow": "all", "allow": "ulaw,alaw,gsm", "direct_media": "no", "outbound_auth": "auth_e",
               "from_user": null, "from_domain": null, "callerid": null})
    );
    assert_eq!(
        made["pjsipAor"],
        json!({"id": "epsilon", "contact": "sip:127.0.0.1:5060", "max_contacts": 1, "qualify_frequency": 60})
    );
    assert_eq!(
        made["pjsipAuth"],
        json!({"id": "auth_e", "auth_type": "userpass", "username": "epsilon", "realm": null})
    );
    assert_eq!(
        (&made["createdBy"], &made["status"]),
        (&json!(2), &json!("active"))
    );
    assert_eq!(
        world.admin.get(&format!("{CLIENTS}/{}", made["id"])).await.ok(),
        made
    );
    let taken = world
        .admin
        .post(CLIENTS, client("epsilon"))
        .await
        .problem(409, "identifier_taken");
    assert_eq!(taken["message"], "Client identifier 'epsilon' already exists");
    world
        .admin
        .post(CLIENTS, with_auth("zeta"))
        .await
        .problem(409, "auth_taken");
    let zeta = "select count(*) from clients where client_identifier = 'zeta'";
    assert_eq!(
        json_of(&world.db.superuser().await, zeta).await,
        0,
        "nothing of it stays"
    );
    let list = world.admin.get(&format!("{CLIENTS}?status=active")).await.ok();
    assert_eq!(
        column(&list["items"], "name"),
        ["Alpha Corp", "Beta Industries", "Gamma Services", "The epsilon"]
    );
    let list = world.admin.get(&format!("{CLIENTS}?status=inactive")).await.ok();
    assert_eq!(
        column(&list["items"], "clientIdentifier"),
        ["client_delta_partners"]
    );
    world
        .admin
        .get(&format!("{CLIENTS}?status=other"))
        .await
        .problem(400, "validation_failed");
}

/// Each change to a good body, and the field that is refused for it.
#[tokio::test]
async fn what_asterisk_would_choke_on_is_refused() {
    let world = World::new().await;
    let refused = async |body: Value, path: &str| {
        let problem = world
            .admin
            .post(CLIENTS, body)
            .await
            .problem(400, "validation_failed");
        field_error(&problem, path)
    };
    let changed = |part: &str, key: &str, value: Value| {
        let mut body = client("epsilon");
        body["pjsip"][part][key] = value;
        body
    };
    assert_eq!(
        refused(changed("endpoint", "id", json!("other")), "pjsip.endpoint.id").await,
        "PJSIP endpoint ID must match the client_identifier."
    );
    assert_eq!(
        refused(changed("aor", "id", json!("other")), "pjsip.aor.id").await,
        "PJSIP AOR ID must match the client_identifier."
    );
    for (part, key, value) in [
        ("aor", "contact", json!("")),
        ("aor", "contact", Value::Null),
        ("aor", "contact", json!("http://example.com")),
        ("aor", "contact", json!("sip:")),
        ("aor", "contact", json!("sip:a b@host")),
        ("aor", "contact", json!("sip:host:0")),
        ("aor", "contact", json!("sip:host;transport=pigeon")),
        ("aor", "contact", json!("sip:host\r\nX: y")),
        ("aor", "max_contacts", json!(0)),
        ("aor", "qualify_frequency", json!(-1)),
        ("aor", "unknown", json!(1)),
        ("endpoint", "aors", json!("other")),
        ("endpoint", "auth", json!("auth_to_gamma")),
        ("endpoint", "outbound_auth", json!("auth_to_gamma")),
        ("endpoint", "context", json!("internal")),
        ("endpoint", "transport", json!("transport-pigeon")),
        ("endpoint", "allow", json!("ulaw,pigeon")),
        ("endpoint", "allow", json!("")),
        ("endpoint", "direct_media", json!("maybe")),
        ("endpoint", "callerid", json!("Name <bad number>")),
        ("endpoint", "from_domain", json!("bad domain")),
    ] {
        refused(changed(part, key, value), &format!("pjsip.{part}.{key}")).await;
    }
    for (key, value) in [
        ("clientIdentifier", json!("has blank")),
        ("clientIdentifier", json!("x".repeat(41))),
        ("name", json!("")),
        ("status", json!("suspended")),
        ("pjsip", json!([])),
    ] {
        let mut body = client("epsilon");
        body[key] = value;
        refused(body, key).await;
    }
    let auth = |auth: Value| {
        let mut body = client("epsilon");
        body["pjsip"]["auth"] = auth;
        body
    };
    refused(auth(json!({"id": "a", "username": "u"})), "pjsip.auth.password").await;
    refused(
        auth(json!({"id": "a", "password": "long-enough"})),
        "pjsip.auth.username",
    )
    .await;
    refused(
        auth(json!({"id": "a", "auth_type": "md5"})),
        "pjsip.auth.md5_cred",
    )
    .await;
    refused(
        auth(json!({"id": "a", "auth_type": "md5", "md5_cred": "zz"})),
        "pjsip.auth.md5_cred",
    )
    .await;
    for contact in [
        "sip:127.0.0.1:5060;transport=tcp",
        "sips:u@[::1]:5061",
        "sip:a.example,sip:b.example",
    ] {
        let identifier = format!("ok-{}", contact.len());
        let mut body = client(&identifier);
        body["pjsip"]["aor"]["contact"] = json!(contact);
        world.admin.post(CLIENTS, body).await.expect_status(201);
    }
}

#[tokio::test]
async fn parts_change_by_themselves() {
    let world = World::new().await;
    let made = world.admin.post(CLIENTS, with_auth("epsilon")).await.ok();
    let one = format!("{CLIENTS}/{}", made["id"]);
    let put = async |body: Value| world.admin.put(&one, body).await;
    let changed = put(json!({"pjsip": {"aor": {"qualify_frequency": 0}}}))
        .await
        .ok();
    assert_eq!(changed["pjsipAor"]["qualify_frequency"], 0);
    assert_eq!(changed["pjsipAor"]["contact"], made["pjsipAor"]["contact"]);
    assert_eq!(
        (&changed["pjsipEndpoint"], &changed["pjsipAuth"]),
        (&made["pjsipEndpoint"], &made["pjsipAuth"])
    );
    // The auth: the same id is changed, another is in the way, null removes it with what refers to it.
    let changed = put(json!({"pjsip": {"auth": {"id": "auth_e", "realm": "r"}}}))
        .await
        .ok();
    assert_eq!(
        (&changed["pjsipAuth"]["realm"], &changed["pjsipAuth"]["username"]),
        (&json!("r"), &json!("epsilon"))
    );
    put(json!({"pjsip": {"auth": {"id": "auth_x", "username": "u", "password": "long-enough"}}}))
        .await
        .problem(409, "auth_exists");
    let changed = put(json!({"pjsip": {"auth": null}})).await.ok();
    assert!(changed["pjsipAuth"].is_null() && changed["pjsipEndpoint"]["outbound_auth"].is_null());
    // Where there is none it is made, whole.
    put(json!({"pjsip": {"auth": {"id": "auth_x", "username": "u"}}}))
        .await
        .problem(400, "validation_failed");
    put(json!({"pjsip": {"auth": {"id": "auth_to_gamma", "username": "u", "password": "long-enough"}}}))
        .await
        .problem(409, "auth_taken");
    let body = json!({"pjsip": {"endpoint": {"auth": "auth_x"}, "aor": {"contact": null},
                                "auth": {"id": "auth_x", "username": "u", "password": "long-enough"}}});
    let changed = put(body).await.ok();
    assert!(
        changed["pjsipAor"]["contact"].is_null(),
        "the call center registers"
    );
    // Then the auth cannot go: nobody could be reached.
    field_error(
        &put(json!({"pjsip": {"auth": null}}))
            .await
            .problem(400, "validation_failed"),
        "pjsip.aor.contact",
    );
    // From a password to a digest: the old secret is not left behind.
    let body = json!({"pjsip": {"auth": {"id": "auth_x", "auth_type": "md5", "md5_cred": "0".repeat(32)}}});
    put(body).await.ok();
    let secrets = "select to_jsonb(a) - 'client_id' from pjsip_auths a where id = 'auth_x'";
    let stored = json_of(&world.db.superuser().await, secrets).await;
    assert!(
        stored["password"].is_null() && stored["md5_cred"] == "0".repeat(32),
        "{stored}"
    );
    for zone in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"] {
        assert_eq!(put(json!({"timeZone": zone})).await.ok()["timeZone"], zone);
    }
    for zone in [json!("CET"), json!("berlin"), json!(""), json!(null), json!(2)] {
        let problem = put(json!({"timeZone": zone}))
            .await
            .problem(400, "validation_failed");
        field_error(&problem, "timeZone");
    }
    put(json!({"clientIdentifier": "renamed"}))
        .await
        .problem(400, "nothing_to_update");
    assert_eq!(
        put(json!({"clientIdentifier": "renamed", "notes": "n"}))
            .await
            .ok()["clientIdentifier"],
        "epsilon"
    );
    world
        .admin
        .put(&format!("{CLIENTS}/999999"), json!({"notes": "n"}))
        .await
        .problem(404, "not_found");
}

/// Short ones can be guessed by whoever hears one call. Those of before go on, and so does their client.
#[tokio::test]
async fn a_sip_password_has_eight_characters_that_asterisk_carries() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update pjsip_auths set password = 'x' where client_id = 3",
    )
    .await;
    let gamma = format!("{CLIENTS}/3");
    let put = async |auth: Value| world.admin.put(&gamma, json!({"pjsip": {"auth": auth}})).await;
    let stored = "select password from pjsip_auths where client_id = 3";
    let id = json_of(&superuser, "select id from pjsip_auths where client_id = 3").await;
    // Whatever else is changed, the short one of before stays.
    put(json!({"id": id, "realm": "other.example"})).await.ok();
    world
        .admin
        .put(&gamma, json!({"name": "Gamma, still"}))
        .await
        .ok();
    assert_eq!(json_of(&superuser, stored).await, "x");
    for bad in [
        "",
        "p",
        "1234567",
        " 12345678",
        "12345678 ",
        "\u{a0}12345678",
        "1234\t5678",
        "12345678\n",
    ] {
        let problem = put(json!({"id": id, "password": bad}))
            .await
            .problem(400, "validation_failed");
        field_error(&problem, "pjsip.auth.password");
        let mut made = client("short_one");
        made["pjsip"]["auth"] = json!({"id": "auth_short", "username": "u", "password": bad});
        let problem = world
            .admin
            .post(CLIENTS, made)
            .await
            .problem(400, "validation_failed");
        field_error(&problem, "pjsip.auth.password");
    }
    assert_eq!(json_of(&superuser, stored).await, "x");
    let problem = put(json!({"id": id, "username": " blank"}))
        .await
        .problem(400, "validation_failed");
    field_error(&problem, "pjsip.auth.username");
    for good in ["12345678", "with a blank", "semi;co^lon\"quote'", "Pässwörter"] {
        put(json!({"id": id, "password": good})).await.ok();
        assert_eq!(json_of(&superuser, stored).await, good);
    }
}

#[tokio::test]
async fn a_linked_client_stays() {
    let world = World::new().await;
    let problem = world
        .admin
        .delete(&format!("{CLIENTS}/2"))
        .await
        .problem(409, "client_in_use");
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .starts_with("Cannot delete client 2. It is actively linked")
    );
    // Linked to an active campaign, but not active there: it may go.
    world
        .staff
        .delete(&format!("{CLIENTS}/4"))
        .await
        .expect_status(204);
    world
        .staff
        .get(&format!("{CLIENTS}/4"))
        .await
        .problem(404, "not_found");
}
