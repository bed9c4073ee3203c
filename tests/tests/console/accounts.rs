//! Accounts: made and changed by admins, seen by staff; and everybody's own: sessions, tokens, a new password.

use super::support::{World, hidden, page, post};

const NEW: &str = "username=seller_carol&email=carol%40seller.xyz&password=correct+horse&role=user&status=pending_approval\
                   &fullName=Carol&companyName=&timeZone=Europe%2FBerlin";

#[tokio::test]
async fn an_admin_makes_a_seller_approves_it_and_lets_it_set_its_password() {
    let world = World::uncapped().await;
    let admin = world.logged_in("platform_admin").await;
    let path = "/console/users/new";
    let form = hidden(&page(&admin, path).await);
    for (fields, fault) in [
        (
            NEW.replace("carol%40seller.xyz", "carol"),
            "Not a valid email address",
        ),
        (NEW.replace("correct+horse", "short"), "at least 8 characters"),
        (NEW.replace("Europe%2FBerlin", "CET"), "is not accepted"),
    ] {
        let told = post(&admin, path, &format!("{form}&{fields}"))
            .await
            .expect_status(400)
            .text();
        assert!(
            told.contains(fault) && !told.contains("correct horse"),
            "{fault}: {told}"
        );
    }
    let taken = NEW.replace("seller_carol", "Seller_Alice");
    let told = post(&admin, path, &format!("{form}&{taken}"))
        .await
        .expect_status(409)
        .text();
    assert!(told.contains("already exists"), "{told}");
    let made = post(&admin, path, &format!("{form}&{NEW}"))
        .await
        .expect_status(303);
    let carol = made.header("location").to_owned();
    post(&admin, path, &format!("{form}&{NEW}"))
        .await
        .expect_status(303);
    let shown = page(&admin, &carol).await;
    for part in ["waits for approval", "Carol", "carol@seller.xyz", "Europe/Berlin"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(
        page(&admin, "/console/users?status=pending_approval")
            .await
            .contains("seller_carol")
    );

    // Approved in place; two tabs.
    let edit = format!("{carol}/edit");
    let (first, late) = (
        hidden(&page(&admin, &edit).await),
        hidden(&page(&admin, &edit).await),
    );
    let change = "email=carol%40seller.xyz&role=user&status=active&fullName=Carol&companyName=&timeZone=UTC\
                  &callerRules=reject+after+answered+within+1+day";
    post(&admin, &edit, &format!("{first}&{change}"))
        .await
        .expect_status(303);
    assert!(
        page(&admin, &carol)
            .await
            .contains("<dd>reject after answered within 1 day</dd>")
    );
    let both = post(
        &admin,
        &edit,
        &format!("{late}&{}", change.replace("active", "suspended")),
    )
    .await
    .expect_status(412)
    .text();
    assert!(both.contains("Saved now: active."), "{both}");

    // A link for a password that nobody else knows.
    let link = format!("{carol}/link");
    let shown = post(&admin, &link, &hidden(&page(&admin, &link).await))
        .await
        .expect_status(200)
        .text();
    let (_, rest) = shown
        .split_once("href=\"/console/new_password?token=")
        .expect("the link");
    let token = rest.split('"').next().expect("a token");
    let set = format!("token={token}&newPassword=nobody+else+knows");
    post(&world.stranger(), "/console/new_password", &set)
        .await
        .expect_status(303);
    let login = "username=seller_carol&password=nobody+else+knows";
    post(&world.stranger(), "/console/login", login)
        .await
        .expect_status(303);
    // Or one that the admin sets.
    let password = format!("{carol}/password");
    let form = hidden(&page(&admin, &password).await);
    post(&admin, &password, &format!("{form}&password=short"))
        .await
        .expect_status(400);
    post(&admin, &password, &format!("{form}&password=known+to+admin"))
        .await
        .expect_status(303);
    post(&world.stranger(), "/console/login", login)
        .await
        .expect_status(401);
    let login = "username=seller_carol&password=known+to+admin";
    post(&world.stranger(), "/console/login", login)
        .await
        .expect_status(303);

    let delete = format!("{carol}/delete");
    let form = hidden(&page(&admin, &delete).await);
    post(&admin, &delete, &form).await.expect_status(303);
    admin.get(&carol).await.expect_status(404);
    // Nobody locks everybody out.
    let form = hidden(&page(&admin, "/console/users/1/delete").await);
    post(&admin, "/console/users/1/delete", &form)
        .await
        .expect_status(403);
    let form = hidden(&page(&admin, "/console/users/1/edit").await);
    let demoted =
        "email=admin%40capconduit.local&role=staff&status=active&fullName=&companyName=&timeZone=UTC";
    let told = post(&admin, "/console/users/1/edit", &format!("{form}&{demoted}"))
        .await
        .expect_status(409)
        .text();
    assert!(told.contains("last active admin"), "{told}");
    let staff = world.logged_in("ops_staff").await;
    let seen = page(&staff, "/console/users/3").await;
    assert!(
        seen.contains("alice@seller.xyz") && !seen.contains("/edit"),
        "{seen}"
    );
}

#[tokio::test]
async fn everybody_has_the_own_account() {
    let world = World::uncapped().await;
    let (here, there) = (
        world.logged_in("seller_alice").await,
        world.logged_in("seller_alice").await,
    );
    let shown = page(&here, "/console/account").await;
    assert_eq!(shown.matches("/end\">").count(), 2, "{shown}");
    assert_eq!(shown.matches("this one").count(), 1, "{shown}");
    // The one that is not this one.
    let (_, row) = shown
        .split("<tr>")
        .map(|row| (row.contains("this one"), row))
        .find(|(is_this, row)| !is_this && row.contains("/end\">"))
        .expect("another session");
    let (_, rest) = row.split_once("href=\"").expect("a link");
    let end = rest.split('"').next().expect("its address");
    let form = hidden(&page(&here, end).await);
    // Another seller's form does not reach it.
    let bob = world.logged_in("seller_bob").await;
    post(&bob, end, &hidden(&page(&bob, end).await))
        .await
        .expect_status(404);
    post(&here, end, &form).await.expect_status(303);
    there.get("/console/account").await.expect_status(303);
    here.get("/console/account").await.expect_status(200);

    let path = "/console/account/tokens/new";
    let form = hidden(&page(&here, path).await);
    let shown = post(&here, path, &format!("{form}&name=nightly&expiresInDays=9"))
        .await
        .expect_status(200)
        .text();
    let (_, rest) = shown.split_once("<code class=\"long\">").expect("the token");
    let token = rest.split('<').next().expect("a token");
    let script = world.api.bearer(token);
    script.get("/api/seller/campaigns").await.expect_status(200);
    let twice = post(&here, path, &format!("{form}&name=nightly&expiresInDays=9"))
        .await
        .expect_status(409)
        .text();
    assert!(twice.contains("already exists"), "{twice}");
    let shown = page(&here, "/console/account").await;
    assert!(shown.contains("nightly") && !shown.contains(token), "{shown}");
    let (_, rest) = shown
        .split_once("href=\"/console/account/tokens/")
        .expect("a token");
    let (_, rest) = rest
        .split_once("href=\"/console/account/tokens/")
        .expect("beside the one to make");
    let revoke = format!(
        "/console/account/tokens/{}",
        rest.split('"').next().expect("its id")
    );
    post(&here, &revoke, &hidden(&page(&here, &revoke).await))
        .await
        .expect_status(303);
    script.get("/api/seller/campaigns").await.expect_status(401);

    let path = "/console/account/password";
    let form = hidden(&page(&here, path).await);
    let wrong = format!("{form}&currentPassword=wrong&newPassword=correct+horse");
    let told = post(&here, path, &wrong).await.expect_status(403).text();
    assert!(told.contains("current password is wrong"), "{told}");
    let right = format!("{form}&currentPassword=password&newPassword=correct+horse");
    post(&here, path, &right).await.expect_status(303);
    here.get("/console/account").await.expect_status(200);
    let login = "username=seller_alice&password=correct+horse";
    post(&world.stranger(), "/console/login", login)
        .await
        .expect_status(303);
}
