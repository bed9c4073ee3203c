//! Waiting for what must happen soon.

use std::time::Duration;

/// Asks until it is true, with a limit that no slow machine reaches.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..1800 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("within three minutes it never came true that {what}");
}
