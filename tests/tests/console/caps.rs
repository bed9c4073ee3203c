//! Caps of what has a page of its own: a campaign and a number by their seller, a client and a seller by staff. Those of links are in
//! `pages`.

use capconduit_tests::Visitor;

use super::support::{World, hidden, page, post};

#[tokio::test]
async fn caps_of_campaigns_numbers_clients_and_sellers_are_made_changed_and_removed() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let staff = world.logged_in("ops_staff").await;
    for (who, place, name) in [
        (&alice, "/console/campaigns/1", "Alice Priority Tech Leads"),
        (&alice, "/console/numbers/1", "+18005550101"),
        (&staff, "/console/clients/1", "Alpha Corp"),
        (&staff, "/console/sellers/3", "seller_alice"),
    ] {
        walk(who, place, name).await;
    }
    // What each call counts on: once on every level.
    for place in ["campaigns/1", "numbers/1"] {
        add(&alice, &format!("/console/{place}"), 3).await;
    }
    for place in ["clients/1", "sellers/3"] {
        add(&staff, &format!("/console/{place}"), 3).await;
    }
    assert_eq!(world.route("+18005550101", "pbx1-5.1").await.0, "ok");
    for (who, place) in [
        (&alice, "/console/campaigns/1"),
        (&alice, "/console/numbers/1"),
        (&staff, "/console/clients/1"),
        (&staff, "/console/sellers/3"),
    ] {
        let shown = page(who, place).await;
        assert!(shown.contains("+ 1 in flight of 3, "), "{place}: {shown}");
    }
}

/// A cap of its own, from the form to its end.
async fn walk(who: &Visitor, place: &str, name: &str) {
    let empty = page(who, place).await;
    assert!(empty.contains(&format!("{place}/caps/new")), "{empty}");
    assert!(
        page(who, &format!("{place}/caps/new"))
            .await
            .contains(&format!("Add a cap for {name}"))
    );
    add(who, place, 5).await;
    let shown = page(who, place).await;
    assert!(
        shown.contains("answered calls a day") && shown.contains("in flight of 5, "),
        "{shown}"
    );
    let (_, rest) = shown
        .split_once(&format!("{place}/caps/"))
        .expect("a way to change it");
    let (_, rest) = rest
        .split_once(&format!("{place}/caps/"))
        .expect("beside the one to add");
    let id = rest.split('/').next().expect("its id");
    let edit = format!("{place}/caps/{id}/edit");
    let form = format!("{}&limit=0&enforce=true&note=", hidden(&page(who, &edit).await));
    post(who, &edit, &form).await.expect_status(303);
    assert!(page(who, place).await.contains("closed (0)"), "{place}");
    let delete = format!("{place}/caps/{id}/delete");
    let form = hidden(&page(who, &delete).await);
    let done = post(who, &delete, &form).await.expect_status(303);
    assert_eq!(done.header("location"), place);
    assert!(!page(who, place).await.contains("closed (0)"), "{place}");
}

async fn add(who: &Visitor, place: &str, limit: i32) {
    let path = format!("{place}/caps/new");
    let form = hidden(&page(who, &path).await);
    let fields = format!("{form}&counts=answered&window=day&limit={limit}&enforce=true&note=");
    let made = post(who, &path, &fields).await.expect_status(303);
    assert_eq!(made.header("location"), place);
}

/// A cap opens from the page of what it is of, and from no other.
#[tokio::test]
async fn a_cap_is_not_of_another_page() {
    let world = World::new().await;
    world.more_caps().await;
    let alice = world.logged_in("seller_alice").await;
    let staff = world.logged_in("ops_staff").await;
    for (who, path) in [
        (&alice, "/console/numbers/2/caps/101/edit"),
        (&alice, "/console/campaigns/1/caps/101/edit"),
        (&alice, "/console/numbers/1/caps/4/edit"),
        (&staff, "/console/clients/2/caps/102/edit"),
        (&staff, "/console/sellers/4/caps/103/edit"),
        (&staff, "/console/sellers/1"),
    ] {
        who.get(path).await.expect_status(404);
        if path.contains("/caps/") {
            post(who, path, "_version=1&limit=1").await.expect_status(404);
        }
    }
    // The platform's cap is seen, and changed by staff alone.
    alice
        .get("/console/numbers/1/caps/103/edit")
        .await
        .expect_status(403);
}
