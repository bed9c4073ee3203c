//! The harness that every test is built on: real servers, real databases, real connections.
//!
//! `TestDb::new().await` gives a database of its own to a test; `db.connect_as(…)` real connections to it;
//! `TestApi` the REST service on it, `Browser` a Chromium in front of it, `TestNode` the agent beside a switch; `Calls` the call functions, typed; `Seller`,
//! `Scenario` and friends the rows a test needs;
//! `assert_invariants` and `Watch` the promise that must hold whatever happened.

mod api;
mod asterisk;
pub mod authenticator;
mod authority;
mod browser;
mod calls;
mod cluster;
mod db;
mod fixtures;
mod guarded;
mod instructions;
mod invariants;
mod node;
pub mod project;
mod proxy;
mod random;
mod standby;
mod waiting;

pub use api::{Answer, SWITCH_TOKEN, TestApi, Visitor};
pub use asterisk::{
    CallRecord, Caller, Center, Kamailio, Machine, Message, Place, Raw, RawCaller, Reply, Running, Seen,
    Site, TestAsterisk,
};
pub use authority::Authority;
pub use browser::{Browser, Look};
pub use calls::{Calls, Ended, Explained, Heartbeat, Logged, Preview, Record, Released, Target};
pub use cluster::{ClusterOptions, StopMode, TestCluster, free_port};
pub use db::{ADMIN, API, ASTERISK, SUPERUSER, TestDb};
pub use fixtures::{Link, Scenario, Strategy, campaign, client, did, link, seller, unique};
pub use guarded::Guarded;
pub use instructions::{Cost, Counted};
pub use invariants::{Watch, assert_consistent, assert_invariants, assert_invariants_at};
pub use node::TestNode;
pub use proxy::{Network, Proxy};
pub use random::{Random, rounds};
pub use standby::Standby;
pub use waiting::{clear_of_the_hour, eventually};
