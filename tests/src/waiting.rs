//! Waiting for what must happen soon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Waits for the next hour where this one ends within so many seconds: windows of hours would begin anew in a test's midst.
pub async fn clear_of_the_hour(seconds: u64) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let left = 3600 - since % 3600;
    if left < seconds {
        tokio::time::sleep(Duration::from_secs(left + 1)).await;
    }
}
