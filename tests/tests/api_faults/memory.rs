//! How little memory the service needs when nobody asks it for anything.

use capconduit_tests::{TestApi, TestDb};

use super::support::{cookie, eventually, resident_mib};

/// With the pool of a deployment, and after it has worked: sessions, lists, an export, a report, its own description.
#[tokio::test]
async fn it_idles_below_30_mib() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, &[("CAPCONDUIT_POOL_SIZE", "16")]).await;
    println!("{} MiB when it is ready", resident_mib(&api));
    let alice = api.nobody().with("cookie", &cookie(&api, "seller_alice").await);
    for path in [
        "/api/seller/dids",
        "/api/seller/campaigns",
        "/api/seller/logs?after=",
        "/api/seller/logs.csv",
        "/api/seller/stats",
        "/openapi.json",
        "/docs",
    ] {
        futures_util::future::join_all((0..16).map(|_| alice.get(path)))
            .await
            .into_iter()
            .for_each(|answer| {
                answer.expect_status(200);
            });
    }
    println!("{} MiB after some work", resident_mib(&api));
    // What was freed goes back to the system a while later.
    eventually("it idles below 30 MiB", || async { resident_mib(&api) < 30 }).await;
    println!("{} MiB idle", resident_mib(&api));
}
