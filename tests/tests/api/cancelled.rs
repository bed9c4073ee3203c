//! A request that is broken off or refused leaves nothing on a connection that others get: no identity, no open change.

use serde_json::json;

use super::support::{World, column, json_of};

/// Requests that are broken off leave no identity on a connection that others get.
#[tokio::test]
async fn a_cancelled_request_leaves_no_identity() {
    let world = World::with(&[("CAPCONDUIT_POOL_SIZE", "2")]).await;
    let address = world.api.address().to_owned();
    let cookie = world
        .api
        .nobody()
        .post(
            "/api/auth/login",
            json!({"username": "seller_alice", "password": "password"}),
        )
        .await;
    let cookie = cookie.session_cookie();
    for n in 0..1000_u64 {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(&address)
            .await
            .expect("the service listens");
        let path = ["/api/seller/logs", "/api/seller/dids", "/api/seller/stats"][n as usize % 3];
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        // Broken off at another moment each time.
        tokio::time::sleep(std::time::Duration::from_micros(n * 37 % 5000)).await;
        drop(stream);
    }
    let bobs = "/api/seller/dids";
    for _ in 0..50 {
        let (alices, found) = tokio::join!(world.alice.get("/api/seller/dids"), world.bob.get(bobs));
        assert_eq!(column(&alices.ok()["items"], "id"), [2, 1, 4]);
        assert_eq!(column(&found.ok()["items"], "id"), [3]);
    }
    let open = "select coalesce(jsonb_agg(a.query), '[]') from pg_stat_activity a
                 where a.datname = current_database() and a.usename = 'capconduit_api' and a.state like 'idle in%'";
    assert_eq!(json_of(&world.db.superuser().await, open).await, json!([]));
}

/// The name was written already when the auth was refused: the next request on the same connection must not commit it.
#[tokio::test]
async fn a_refused_change_is_not_finished_by_the_next_request() {
    let world = World::with(&[("CAPCONDUIT_POOL_SIZE", "1")]).await;
    let superuser = world.db.superuser().await;
    let auth = json!({"id": "another_auth", "username": "u", "password": "long-enough"});
    let change = json!({"name": "Half changed", "pjsip": {"auth": auth}});
    for description in ["one", "two", "three"] {
        let refused = world.staff.put("/api/admin/clients/3", change.clone()).await;
        refused.problem(409, "auth_exists");
        let own = json!({"description": description});
        world.alice.put("/api/seller/dids/1", own).await.ok();
        let name = json_of(&superuser, "select name from clients where id = 3").await;
        assert_eq!(name, "Gamma Services");
    }
}
