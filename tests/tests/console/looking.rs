//! Staff looks at a seller's console: the same pages, read-only, with a banner, audited.

use super::rights::{ADMINS, EVERYBODYS, OWN, SELLERS, STAFFS};
use super::support::{World, page, post};

/// What a look could change.
async fn counted(world: &World) -> Vec<i64> {
    let sql = "select array[(select count(*) from capconduit.audit_log where action <> 'login'),
                            (select count(*) from capconduit.caller_marks), (select count(*) from capconduit.caps),
                            (select count(*) from capconduit.sessions), (select sum(version)::bigint from capconduit.campaigns),
                            (select count(*) from capconduit.idempotency_keys)]";
    let row = world.db.superuser().await.query_one(sql, &[]).await;
    row.expect("counts").get(0)
}

#[tokio::test]
async fn every_page_of_a_seller_is_seen_and_nothing_is_changed() {
    let world = World::new().await;
    world.more_caps().await;
    world.marks().await;
    let staff = world.logged_in("ops_staff").await;
    let before = counted(&world).await;
    for path in [&["/console"], SELLERS, EVERYBODYS].concat() {
        let under = path.replacen("/console", "/console/as/3", 1);
        let shown = staff.get(&under).await.expect_status(200);
        if !path.ends_with(".csv") {
            let text = shown.text();
            assert!(
                text.contains("<b>You see the console as seller_alice does.</b>")
                    && text.contains("<a href=\"/console/sellers/3\">Stop looking</a>"),
                "{under} has no banner"
            );
            // Every link but the way out leads on.
            for link in text
                .split("href=\"/console")
                .skip(1)
                .chain(text.split("action=\"/console").skip(1))
            {
                let link = link.split('"').next().expect("a link");
                assert!(
                    link.starts_with("/as/3") || link.starts_with("/assets/") || link == "/sellers/3",
                    "{under} leads to {link}"
                );
            }
            assert!(
                !text.contains("<p class=\"actions\"><button"),
                "{under} offers to send"
            );
        }
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let kind = "application/x-www-form-urlencoded";
            let sent = "_version=1&reason=x&name=Mine&status=paused&caller=%2B4930123459&where=seller&kind=blocked&lines=%2B4930123459";
            let answer = staff.raw(method, &under, Some(kind), sent.into()).await;
            answer.expect_status(403);
        }
    }
    assert_eq!(counted(&world).await, before);
    // What is not a seller's is not seen, and an account is its owner's alone.
    for path in [STAFFS, ADMINS, OWN].concat() {
        let under = path.replacen("/console", "/console/as/3", 1);
        let refused = staff.get(&under).await.expect_status(403).text();
        assert!(refused.contains("Stop looking"), "{under}: {refused}");
    }
    for path in [
        "/console/as/3/as/4",
        "/console/as/3/logout",
        "/console/as/3/nowhere",
        "/console/as/3/campaigns/3",
    ] {
        staff.get(path).await.expect_status(404);
    }
    // Whatever its handler does: a seller's own form, posted under the other address.
    post(&staff, "/console/as/3/campaigns/1/delete", "_version=1")
        .await
        .expect_status(403);
    // A page's tag is that of the page as it is shown.
    let tag = staff.get("/console/as/3/numbers").await.header("etag").to_owned();
    staff
        .with("if-none-match", &tag)
        .get("/console/as/3/numbers")
        .await
        .expect_status(304);
    let found = staff.get("/console/as/3/search?q=%2B18005550101").await;
    assert!(
        found
            .expect_status(303)
            .header("location")
            .starts_with("/console/as/3/")
    );
}

#[tokio::test]
async fn who_looks_is_staff_and_the_audit_says_so() {
    let world = World::new().await;
    let staff = world.logged_in("ops_staff").await;
    let alice = world.logged_in("seller_alice").await;
    for path in ["/console/as/3", "/console/as/4", "/console/as/4/numbers"] {
        alice.get(path).await.expect_status(403);
        let login = world.stranger().get(path).await.expect_status(303);
        assert!(
            login.header("location").starts_with("/console/login?next="),
            "{path}"
        );
    }
    // Of sellers alone.
    for nobody in ["1", "2", "999", "0", "x"] {
        staff
            .get(&format!("/console/as/{nobody}"))
            .await
            .expect_status(404);
    }
    assert!(page(&staff, "/console/sellers/3").await.contains("/console/as/3"));
    for path in ["/console/as/3", "/console/as/3/numbers", "/console/as/4/calls"] {
        page(&staff, path).await;
    }
    let lines = async |seller: i64| {
        let sql = "select count(*) from capconduit.audit_log a join capconduit.users u on u.id = a.user_id
                    where a.action = 'login' and a.object_type = 'users' and a.object_id = $1::bigint::text and u.username = 'ops_staff'
                      and a.after ->> 'looks_as' = (select username from capconduit.users where id = $1)";
        let row = world.db.superuser().await.query_one(sql, &[&seller]).await;
        row.expect("a count").get::<_, i64>(0)
    };
    // One line an hour for each of them, however many pages.
    assert_eq!((lines(3).await, lines(4).await), (1, 1));
    let audit = page(&staff, "/console/audit?object_type=user&object_id=3&action=login").await;
    assert!(
        audit.contains("ops_staff") && audit.contains("looks as"),
        "{audit}"
    );
    // It hides no login of the seller's own.
    world.logged_in("seller_alice").await;
    let audit = page(&staff, "/console/audit?object_type=user&object_id=3&action=login").await;
    assert!(audit.contains("seller_alice</a>"), "{audit}");
    // Whoever is staff no more looks no more.
    let sql = "update capconduit.users set status = 'suspended' where username = 'ops_staff'";
    world
        .db
        .superuser()
        .await
        .execute(sql, &[])
        .await
        .expect("suspended");
    staff.get("/console/as/3").await.expect_status(303);
}
