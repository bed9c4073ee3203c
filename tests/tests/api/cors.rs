//! Pages of other origins that the setting allows: with a bearer token, and with nothing else.

use capconduit_tests::{Answer, Visitor};
use serde_json::json;

use super::support::World;

const PAGE: &str = "https://reports.example.com";

fn at(who: &Visitor, origin: &str) -> Visitor {
    who.with("origin", origin).with("sec-fetch-site", "cross-site")
}

/// A browser lets the page read it.
fn readable(answer: &Answer) -> bool {
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        "",
        "{}",
        answer.what
    );
    answer.header("access-control-allow-origin") == PAGE && answer.header("vary").contains("origin")
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_has_a_token_and_nothing_else() {
    let world = World::with(&[(
        "CAPCONDUIT_CORS_ORIGINS",
        "https://other.example,https://Reports.example.com/",
    )])
    .await;
    let made = world
        .alice
        .post("/api/auth/tokens", json!({"name": "page"}))
        .await
        .ok();
    let script = world.api.bearer(made["token"].as_str().expect("a token"));
    let page = at(&script, PAGE);
    let number = |n: u32| json!({"number": format!("+49301234{n:02}")});
    let read = page.get("/api/seller/dids").await.expect_status(200);
    assert!(readable(&read));
    let written = page.post("/api/seller/dids", number(1)).await.expect_status(201);
    assert!(readable(&written) && !written.header("etag").is_empty());
    assert!(written.header("access-control-expose-headers").contains("etag"));
    // Errors can be read as well.
    let none = page.get("/api/seller/dids/999999").await;
    assert!(readable(&none));
    none.problem(404, "not_found");

    // The visitor's own session is no use to the page, whether or not it has a token.
    let visitor = at(&world.alice, PAGE);
    visitor
        .get("/api/seller/dids")
        .await
        .problem(401, "unauthenticated");
    for (method, path) in [
        ("POST", "/api/seller/dids"),
        ("DELETE", "/api/seller/dids/1"),
        ("POST", "/api/auth/logout"),
    ] {
        visitor
            .send(method, path, Some(&number(2)))
            .await
            .problem(403, "cross_site");
    }
    let wrong = visitor.with("authorization", "Bearer cct_AAAA");
    wrong
        .delete("/api/seller/dids/1")
        .await
        .problem(401, "unauthenticated");
    page.get("/api/auth/sessions")
        .await
        .problem(403, "session_required");
    // Nor does it log anybody in.
    let login = json!({"username": "seller_alice", "password": "password"});
    for who in [&at(&world.api.nobody(), PAGE), &page] {
        let refused = who.post("/api/auth/login", login.clone()).await;
        assert_eq!(refused.header("set-cookie"), "");
        refused.problem(403, "cross_site");
    }
    world.alice.get("/api/seller/dids/1").await.expect_status(200);
}

#[tokio::test]
async fn a_browser_is_told_what_a_page_may_send() {
    let world = World::with(&[("CAPCONDUIT_CORS_ORIGINS", PAGE)]).await;
    let ask = async |origin: &str, path: &str| {
        let browser = at(&world.api.nobody(), origin)
            .with("access-control-request-method", "PATCH")
            .with("access-control-request-headers", "authorization,content-type");
        browser.send("OPTIONS", path, None).await
    };
    let told = ask(PAGE, "/api/seller/dids/1").await.expect_status(204);
    assert!(readable(&told) && told.body.is_empty());
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(
            told.header("access-control-allow-methods").contains(method),
            "{method}"
        );
    }
    for header in ["authorization", "content-type", "if-match", "idempotency-key"] {
        assert!(
            told.header("access-control-allow-headers").contains(header),
            "{header}"
        );
    }
    // No other page, and nothing but the API of people.
    for (origin, path) in [
        ("https://evil.example", "/api/seller/dids/1"),
        ("http://reports.example.com", "/api/seller/dids/1"),
        ("https://reports.example.com.evil.example", "/api/seller/dids/1"),
        ("null", "/api/seller/dids/1"),
        (PAGE, "/api/internal/route_call"),
        (PAGE, "/console/login"),
    ] {
        let told = ask(origin, path).await;
        assert!(
            told.status >= 400 && told.header("access-control-allow-origin").is_empty(),
            "{origin} {path}"
        );
        assert_eq!(told.header("access-control-allow-methods"), "", "{origin} {path}");
    }
    // A form of the console is none of that page's.
    let form = Some("application/x-www-form-urlencoded");
    let sent = at(&world.alice, PAGE)
        .raw("POST", "/console/logout", form, "".into())
        .await;
    assert_eq!(sent.status, 403);
}
