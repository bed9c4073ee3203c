//! Who sees which page: roles, foreign ids, sessions that end, forms of other sites, headers.

use super::support::{World, page, post};

pub const SELLERS: &[&str] = &[
    "/console/campaigns/new",
    "/console/campaigns/1",
    "/console/campaigns/1/edit",
    "/console/campaigns/1/delete",
    "/console/campaigns/1/pause",
    "/console/campaigns/1/lift",
    "/console/campaigns/1/links/1/pause",
    "/console/campaigns/1/links/1/lift",
    "/console/campaigns/1/numbers/1/remove",
    "/console/campaigns/1/links/new",
    "/console/campaigns/1/links/1/edit",
    "/console/campaigns/1/links/1/delete",
    "/console/campaigns/1/links/1/caps/new",
    "/console/campaigns/1/caps/new",
    "/console/campaigns/1/caps/1/edit",
    "/console/campaigns/1/caps/1/delete",
    "/console/numbers",
    "/console/numbers/new",
    "/console/numbers/1",
    "/console/numbers/1/edit",
    "/console/hours/1/edit",
    "/console/hours/1/delete",
    "/console/hours/1/import",
    "/console/numbers/1/caps/new",
    "/console/numbers/1/caps/101/edit",
    "/console/numbers/1/caps/101/delete",
    "/console/numbers/1/assign",
    "/console/callers/again",
];
pub const STAFFS: &[&str] = &[
    "/console/operations",
    "/console/release/pbx1-1.1",
    "/console/clients",
    "/console/clients/new",
    "/console/clients/1",
    "/console/audit",
    "/console/clients/1/edit",
    "/console/clients/1/caps/new",
    "/console/clients/1/caps/102/edit",
    "/console/clients/1/caps/102/delete",
    "/console/sellers",
    "/console/sellers/3",
    "/console/sellers/3/caps/new",
    "/console/sellers/3/caps/103/edit",
    "/console/sellers/3/caps/103/delete",
    "/console/users",
    "/console/users/4",
    "/console/callers/erase",
    "/console/callers/erased",
];
pub const ADMINS: &[&str] = &[
    "/console/users/new",
    "/console/users/4/edit",
    "/console/users/4/password",
    "/console/users/4/link",
    "/console/users/4/second_factor",
    "/console/users/4/delete",
];
pub const EVERYBODYS: &[&str] = &[
    "/console/hours",
    "/console/hours/new",
    "/console/hours/1",
    "/console/try",
    "/console/calls",
    "/console/calls.csv",
    "/console/calls/1",
    "/console/search",
    "/console/callers",
    "/console/callers.csv",
    "/console/callers/new",
    "/console/callers/import",
    "/console/callers/101/delete",
    "/console/reports",
    "/console/reports.csv",
];
/// The own account: of everybody, and of nobody who looks.
pub const OWN: &[&str] = &[
    "/console/account",
    "/console/account/password",
    "/console/account/second_factor",
    "/console/account/second_factor/new",
    "/console/account/second_factor/confirm",
    "/console/account/second_factor/codes",
    "/console/account/second_factor/remove",
    "/console/account/sessions/1/end",
    "/console/account/tokens/new",
    "/console/account/tokens/1/revoke",
];

/// Every route of the console that a browser gets is in one of the lists.
#[test]
fn every_route_has_its_roles() {
    let folder = capconduit_tests::project::root().join("api/src/console");
    let mut listed = 0;
    for entry in std::fs::read_dir(folder).expect("the console's sources") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for part in text.split(".route(").skip(1) {
            let route = part.split('"').nth(1).expect("a route");
            let has_role = ![
                "/console",
                "/console/",
                "/console/login",
                "/console/login/code",
                "/console/logout",
                "/console/new_password",
                "/console/{*rest}",
                // What is under it is asked by `console::looking`.
                "/console/as/{*rest}",
            ]
            .contains(&route);
            if !part.contains("get(") || !has_role || route.contains("/assets/") {
                continue;
            }
            let filled = [
                ("{uniqueid}", "pbx1-1.1"),
                ("sellers/{id}", "sellers/3"),
                ("users/{id}", "users/4"),
                ("numbers/{id}/caps/{cap}", "numbers/1/caps/101"),
                ("clients/{id}/caps/{cap}", "clients/1/caps/102"),
                ("sellers/3/caps/{cap}", "sellers/3/caps/103"),
                ("callers/{id}", "callers/101"),
                ("{id}", "1"),
                ("{link}", "1"),
                ("{did}", "1"),
                ("{cap}", "1"),
            ]
            .iter()
            .fold(route.to_owned(), |path, (name, value)| path.replace(name, value));
            let all = [SELLERS, STAFFS, ADMINS, EVERYBODYS, OWN].concat();
            assert!(all.contains(&filled.as_str()), "{route} has no role in this test");
            listed += 1;
        }
    }
    assert!(listed > 12, "{listed}");
}

#[tokio::test]
async fn each_role_sees_its_pages() {
    let world = World::new().await;
    world.more_caps().await;
    world.marks().await;
    let (alice, bob) = (
        world.logged_in("seller_alice").await,
        world.logged_in("seller_bob").await,
    );
    let (staff, admin) = (
        world.logged_in("ops_staff").await,
        world.logged_in("platform_admin").await,
    );
    for path in SELLERS {
        alice.get(path).await.expect_status(200);
        staff.get(path).await.expect_status(403);
        admin.get(path).await.expect_status(403);
        if path.contains('1') {
            let foreign = bob.get(path).await.expect_status(404);
            assert!(!foreign.text().contains("Alice"), "{path}");
            let absent = path.replacen('1', "999999", 1);
            alice.get(&absent).await.expect_status(404);
        }
    }
    for path in STAFFS {
        alice.get(path).await.expect_status(403);
        staff.get(path).await.expect_status(200);
        admin.get(path).await.expect_status(200);
    }
    for path in ADMINS {
        alice.get(path).await.expect_status(403);
        staff.get(path).await.expect_status(403);
        admin.get(path).await.expect_status(200);
    }
    bob.get("/console/callers/101/delete").await.expect_status(404);
    for path in [EVERYBODYS, OWN].concat() {
        for who in [&alice, &staff, &admin] {
            who.get(path).await.expect_status(200);
        }
    }
    for path in [SELLERS, STAFFS, ADMINS, EVERYBODYS, OWN].concat() {
        let answer = world.stranger().get(path).await.expect_status(303);
        assert!(
            answer
                .header("location")
                .starts_with("/console/login?next=%2Fconsole"),
            "{path}"
        );
    }
    alice.get("/console/nowhere").await.expect_status(404);
}

#[tokio::test]
async fn what_is_another_seller_s_cannot_be_changed_by_a_form() {
    let world = World::new().await;
    world.more_caps().await;
    world.marks().await;
    let bob = world.logged_in("seller_bob").await;
    let cap = "_version=1&counts=offered&window=day&limit=9&enforce=true&note=";
    let link = "_key=k1&_version=1&maxConcurrency=99&forwardingPriority=0&weight=1&status=active&clientId=1";
    for (path, form) in [
        (
            "/console/campaigns/1/edit",
            "_version=1&name=Mine&routingStrategy=priority&dialTimeoutSeconds=9&status=paused",
        ),
        ("/console/campaigns/1/delete", "_version=1"),
        ("/console/campaigns/1/pause", "_version=1&reason=x"),
        ("/console/campaigns/1/lift", "_version=1"),
        ("/console/campaigns/1/links/1/pause", "_version=1&reason=x"),
        ("/console/campaigns/1/links/1/lift", "_version=1"),
        ("/console/campaigns/1/links/new", link),
        ("/console/campaigns/1/links/1/edit", link),
        ("/console/campaigns/1/links/1/delete", "_version=1"),
        ("/console/campaigns/1/links/1/caps/new", cap),
        ("/console/campaigns/1/caps/new", cap),
        ("/console/campaigns/1/caps/1/edit", cap),
        ("/console/campaigns/1/caps/1/delete", "_version=1"),
        ("/console/campaigns/1/numbers/1/remove", ""),
        ("/console/numbers/1/edit", "_version=1&status=inactive"),
        ("/console/numbers/1/caps/new", cap),
        ("/console/numbers/1/caps/101/edit", cap),
        ("/console/numbers/1/caps/101/delete", "_version=1"),
        ("/console/numbers/1/assign", "campaignId=3"),
        (
            "/console/hours/1/edit",
            "_version=1&name=Mine&timeZone=UTC&weekly=&exceptions=",
        ),
        ("/console/hours/1/delete", "_version=1"),
        (
            "/console/hours/1/import",
            "lines=date%2Cname%0A2040-12-25%2CChristmas",
        ),
        (
            "/console/callers/new",
            "where=campaign%2F1&caller=%2B4930123459&kind=allowed&until=&note=",
        ),
        ("/console/callers/101/delete", ""),
    ] {
        post(&bob, path, form).await.expect_status(404);
    }
    // An own number does not get into another's campaign.
    post(&bob, "/console/numbers/3/assign", "campaignId=1")
        .await
        .expect_status(404);
    for (path, form) in [
        ("/console/release/pbx1-1.1", "reason=x"),
        ("/console/clients/1/edit", "_version=1&name=Mine"),
        (
            "/console/hours/2/edit",
            "_version=1&name=Mine&timeZone=UTC&weekly=&exceptions=",
        ),
        ("/console/hours/2/delete", "_version=1"),
        ("/console/clients/1/caps/new", cap),
        ("/console/clients/1/caps/102/edit", cap),
        ("/console/clients/1/caps/102/delete", "_version=1"),
        ("/console/sellers/4/caps/new", cap),
        ("/console/sellers/3/caps/103/edit", cap),
        ("/console/sellers/3/caps/103/delete", "_version=1"),
        ("/console/clients/new", "clientIdentifier=mine&name=Mine"),
        ("/console/callers/erase", "caller=%2B4930123456"),
        ("/console/users/new", "username=mine&role=admin"),
        ("/console/users/4/edit", "_version=1&role=admin&status=active"),
        ("/console/users/4/password", "_version=1&password=correct+horse"),
        ("/console/users/4/link", ""),
        ("/console/users/3/delete", "_version=1"),
    ] {
        post(&bob, path, form).await.expect_status(403);
    }
}

#[tokio::test]
async fn a_session_that_ends_leads_to_the_login_and_back() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    post(&alice, "/console/logout", "").await.expect_status(303);
    let asked = alice.get("/console/calls?caller=%2B1").await.expect_status(303);
    let login = asked.header("location").to_owned();
    assert_eq!(login, "/console/login?next=%2Fconsole%2Fcalls%3Fcaller%3D%252B1");
    let wrong = post(&world.stranger(), &login, "username=seller_alice&password=wrong").await;
    let shown = wrong.expect_status(401).text();
    assert!(
        shown.contains("Invalid username or password.") && !shown.contains("value=\"wrong\""),
        "{shown}"
    );
    let back = post(
        &world.stranger(),
        &login,
        "username=seller_alice&password=password",
    )
    .await;
    assert_eq!(
        back.expect_status(303).header("location"),
        "/console/calls?caller=%2B1"
    );
}

#[tokio::test]
async fn a_form_must_say_that_it_is_the_console_s_own() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    let cookie = world.api.login("seller_alice", "password").await;
    // Neither Origin nor Sec-Fetch-Site: no browser sends a form so.
    post(&cookie, "/console/numbers/new", "numbers=%2B15550002222")
        .await
        .expect_status(403);
    post(
        &cookie.with("sec-fetch-site", "cross-site"),
        "/console/numbers/new",
        "numbers=%2B15550002222",
    )
    .await
    .expect_status(403);
    post(
        &cookie.with("origin", "null"),
        "/console/numbers/new",
        "numbers=%2B15550002222",
    )
    .await
    .expect_status(403);
    assert!(!page(&alice, "/console/numbers").await.contains("+15550002222"));
}

#[tokio::test]
async fn pages_load_nothing_but_the_console_s_own() {
    let world = World::new().await;
    let alice = world.logged_in("seller_alice").await;
    for path in ["/console", "/console/numbers/new", "/console/campaigns/999"] {
        let answer = alice.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = answer.text();
        assert!(
            text.contains("rel=\"icon\""),
            "{path}: a browser would ask for /favicon.ico"
        );
        for no in ["style=", "onclick", "http://", "https://", "<style"] {
            assert!(!text.contains(no), "{path} has {no}");
        }
    }
    let text = page(&alice, "/console").await;
    for part in text.split("/console/assets/").skip(1) {
        let name = part.split('"').next().expect("a name");
        let answer = alice
            .get(&format!("/console/assets/{name}"))
            .await
            .expect_status(200);
        assert!(answer.header("cache-control").contains("immutable"), "{name}");
    }
    alice.get("/console/assets/0000.css").await.expect_status(404);
}
