//! The order in which a write is checked, and bodies that are no proper JSON.

use serde_json::{Value, json};

use super::support::World;

const PATH: &str = "/api/seller/dids/1";

/// One request that is wrong in every way; then each fault is mended in turn, and the next one shows.
#[tokio::test]
async fn faults_show_in_the_documented_order() {
    let world = World::new().await;
    let (foreign, form, json) = ("/api/seller/dids/3", Some("text/plain"), Some("application/json"));
    let nobody = world.api.nobody();
    nobody
        .with("origin", "https://evil.example")
        .raw("PUT", foreign, form, "{".into())
        .await
        .problem(403, "cross_site");
    nobody
        .raw("PUT", foreign, form, "{".into())
        .await
        .problem(401, "unauthenticated");
    world
        .staff
        .raw("PUT", foreign, form, "{".into())
        .await
        .problem(403, "wrong_role");
    let alice = &world.alice;
    alice
        .raw("PUT", foreign, form, "{".into())
        .await
        .problem(415, "unsupported_media_type");
    alice
        .raw("PUT", foreign, None, "{".into())
        .await
        .problem(415, "unsupported_media_type");
    alice
        .raw("PUT", foreign, json, "{".into())
        .await
        .problem(400, "malformed_json");
    alice
        .raw("PUT", foreign, json, "".into())
        .await
        .problem(400, "empty_body");
    alice.put(foreign, json!({})).await.problem(400, "empty_body");
    alice
        .put(foreign, json!({"status": "x"}))
        .await
        .problem(400, "validation_failed");
    alice
        .put(foreign, json!({"number": "+1"}))
        .await
        .problem(400, "nothing_to_update");
    alice
        .put(foreign, json!({"status": "inactive"}))
        .await
        .problem(404, "not_found");
    // Existence before conflict, the conflict last.
    let campaigns = "/api/seller/campaigns";
    let linked = json!({"clientId": 1, "maxConcurrency": 1, "forwardingPriority": 0, "weight": 1});
    alice
        .post(&format!("{campaigns}/3/clients"), linked.clone())
        .await
        .problem(404, "not_found");
    alice
        .post(&format!("{campaigns}/1/clients"), linked)
        .await
        .problem(409, "already_linked");
    alice
        .put(
            &format!("{campaigns}/3"),
            json!({"name": "Alice Priority Tech Leads"}),
        )
        .await
        .problem(404, "not_found");
    // An id that is none is an unknown one, in the same place of the order.
    for id in ["0", "-1", "1.0", "x", "99999999999999999999", "%31%00"] {
        let path = format!("/api/seller/dids/{id}");
        alice
            .raw("PUT", &path, form, "{".into())
            .await
            .problem(415, "unsupported_media_type");
        alice
            .put(&path, json!({"status": "inactive"}))
            .await
            .problem(404, "not_found");
    }
    assert_eq!(world.bob.get(foreign).await.ok()["status"], "active");
}

#[tokio::test]
async fn bodies_that_are_none() {
    let world = World::new().await;
    let send = async |body: Vec<u8>| {
        world
            .alice
            .raw("PUT", PATH, Some("application/json"), body.into())
            .await
    };
    for text in ["\"text\"", "7", "true", "[]", "[{\"status\": \"inactive\"}]"] {
        send(text.into()).await.problem(400, "not_an_object");
    }
    send(b"null".to_vec()).await.problem(400, "empty_body");
    for text in [
        "{\"status\": \"inactive\"",
        "{\"status\": \"inactive\"}{}",
        "{'status': 'inactive'}",
        "{\"status\": NaN}",
        "\u{feff}{}",
    ] {
        send(text.into()).await.problem(400, "malformed_json");
    }
    send(b"{\"description\": \"\xff\xfe\"}".to_vec())
        .await
        .problem(400, "malformed_json");
    send(b"{\"description\": \"\\ud800\"}".to_vec())
        .await
        .problem(400, "malformed_json");
    let deep = format!(
        "{{\"description\": {}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    send(deep.into()).await.problem(400, "malformed_json");
    let large = format!("{{\"description\": \"{}\"}}", "x".repeat(300_000));
    send(large.into()).await.problem(413, "body_too_large");
    // NUL is a character that the database cannot hold.
    let nul = world.alice.put(PATH, json!({"description": "a\u{0}b"})).await;
    nul.problem(400, "validation_failed");
    let untouched = world.alice.get(PATH).await.ok();
    assert_eq!(untouched["status"], "active");
}

#[tokio::test]
async fn the_kind_of_a_body_is_told_by_its_header() {
    let world = World::new().await;
    let body = json!({"description": "ü"}).to_string();
    for kind in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
    ] {
        world
            .alice
            .raw("PUT", PATH, Some(kind), body.clone().into())
            .await
            .expect_status(200);
    }
    for kind in [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/json",
        "json",
        "",
    ] {
        world
            .alice
            .raw("PUT", PATH, Some(kind), body.clone().into())
            .await
            .problem(415, "unsupported_media_type");
    }
}

/// What every answer carries, errors included.
#[tokio::test]
async fn answers_cannot_be_misread_by_a_browser() {
    let world = World::new().await;
    for answer in [
        world.alice.get("/api/seller/dids").await,
        world.alice.get("/nowhere").await,
        world.api.nobody().get("/api/seller/dids").await,
        world.alice.get("/api/seller/logs.csv").await,
        world.api.nobody().get("/docs").await,
    ] {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), value, "{}", answer.what);
        }
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{}",
            answer.what
        );
        assert_eq!(answer.header("x-request-id").len(), 16, "{}", answer.what);
    }
}

/// A fault of the service itself: nothing of its cause goes out, the log has it once.
#[tokio::test]
async fn a_500_tells_its_id_and_nothing_else() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    super::support::run(
        &superuser,
        "alter table dids rename column description to described",
    )
    .await;
    let answer = world.alice.get("/api/seller/dids").await;
    let id = answer.header("x-request-id").to_owned();
    let body = answer.problem(500, "internal_error");
    assert_eq!(body["requestId"], id.as_str());
    let text = body.to_string();
    for word in ["description", "column", "dids", "select", "42703"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let log = world.api.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&id) && line.contains("description"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert_eq!(
        Value::from(200),
        world.alice.get("/api/seller/campaigns").await.status
    );
}
