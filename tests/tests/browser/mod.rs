//! The console in a real Chromium, as people use it. What pages and forms say is tested without one: `console`.

mod live;
mod pages;
mod second_factor;
mod work;

use capconduit_tests::Browser;

use crate::console::support::World;

/// Somebody of the sample data who has logged in, and whose pages ask anew every 2 seconds.
async fn somebody(world: &World, username: &str) -> Browser {
    let browser = Browser::start(world.api.address()).await;
    browser.log_in(username).await;
    browser.choose("#refresh select", "2").await;
    browser
}
