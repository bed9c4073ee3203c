//! Who is asking: sessions, bearer tokens, passwords, throttling, and the roles that a route asks for.

pub mod address;
pub mod desk;
pub mod device;
pub mod fading;
pub mod failures;
pub mod login_step;
pub mod password;
pub mod second_factor;
pub mod secret;
pub mod sessions;
pub mod throttle;
