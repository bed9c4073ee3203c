//! The second factor as its owner meets it: set up, logged out, in again by the code.

use capconduit_tests::authenticator::code;
use capconduit_tests::{Browser, Look};

use super::somebody;
use crate::console::support::World;

#[tokio::test]
async fn a_second_factor_is_set_up_and_asked_for_at_the_next_login() {
    let world = World::new().await;
    let alice = somebody(&world, "seller_alice").await;
    alice.open("/console/account").await;
    alice.follow("Second factor").await;
    alice.follow("Set it up").await;
    alice.fill("#currentPassword", "password").await;
    alice.send().await;
    alice.shows("Scan this code").await;
    let shape = "document.querySelector('svg.qr').getBoundingClientRect().width > 150
                 && getComputedStyle(document.querySelector('svg.qr path')).fill == 'rgb(0, 0, 0)'";
    assert!(
        alice.is_true(shape).await,
        "a QR code is there, in black and white"
    );
    looks_well(&alice).await;
    let secret = alice
        .value("document.querySelector('code.long').textContent")
        .await;
    let secret = secret.as_str().expect("a secret").replace(' ', "");
    alice.fill("#code", &code(&secret, 0)).await;
    alice.send().await;
    alice.shows("Your recovery codes").await;
    let codes = alice
        .value("[...document.querySelectorAll('ol.codes code')].map((one) => one.textContent)")
        .await;
    assert_eq!(codes.as_array().expect("codes").len(), 10);
    looks_well(&alice).await;
    alice.follow("I have kept them").await;
    alice.shows("Recovery codes left: 10").await;
    looks_well(&alice).await;
    alice.assert_clean().await;

    // Another browser, by the keyboard, and back to the page that was asked for.
    let other = Browser::start(world.api.address()).await;
    other.open("/console/numbers").await;
    other.fill("#username", "seller_alice").await;
    other.fill("#password", "password\u{e007}").await;
    other.shows("Now the code").await;
    looks_well(&other).await;
    other.fill("#code", "000000\u{e007}").await;
    other.shows("This code is not right").await;
    let recovery = codes[3].as_str().expect("a code");
    other.fill("#code", &format!("{recovery}\u{e007}")).await;
    other.expect_path("/console/numbers").await;
    other.assert_clean_but(&["401"]).await;
    alice.open("/console/account/second_factor").await;
    alice.shows("Recovery codes left: 9").await;
}

async fn looks_well(browser: &Browser) {
    browser.assert_accessible().await;
    browser.look(Look::NARROW.dark()).await;
    browser.assert_fits().await;
    browser.assert_accessible().await;
    browser.look(Look::WIDE).await;
}
