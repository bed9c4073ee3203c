//! The agent beside Asterisk as it is deployed: `capconduit node` as a process of its own, on a spool of its own.

use std::path::Path;
use std::time::Duration;

use crate::api::{Answer, Visitor, loopback};
use crate::guarded::Guarded;
use crate::{ASTERISK, TestDb};

#[derive(Debug)]
pub struct TestNode {
    process: Guarded,
    address: String,
    visitor: Visitor,
}

impl TestNode {
    /// On a machine whose Asterisk is down.
    pub async fn start(db: &TestDb, spool: &Path) -> Self {
        Self::start_with(db, spool, &[]).await
    }

    /// With environment variables of its own: the agent's settings.
    pub async fn start_with(db: &TestDb, spool: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_inside(None, &db.url(ASTERISK), spool, settings).await
    }

    /// In a network namespace, from which the database has this address.
    pub async fn start_inside(
        network: Option<&str>,
        url: &str,
        spool: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let address = loopback();
        let spool = spool.display().to_string();
        let defaults = [
            ("DATABASE_URL", url),
            ("CAPCONDUIT_NODE", "pbx1"),
            ("CAPCONDUIT_SPOOL", spool.as_str()),
            ("CAPCONDUIT_NODE_LISTEN", address.as_str()),
            ("CAPCONDUIT_HEARTBEAT_SECONDS", "1"),
            ("CAPCONDUIT_ASTERISK_COMMAND", "false"),
        ];
        let settings = defaults.into_iter().chain(settings.iter().copied());
        let process = Guarded::start_inside(network, "node", settings);
        let visitor = Visitor::of(&address).inside(network);
        let node = Self {
            process,
            address,
            visitor,
        };
        node.listens().await;
        node
    }

    async fn listens(&self) {
        for _ in 0..600 {
            if self.visitor.connect().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the agent does not listen; it said:\n{}", self.log());
    }

    pub async fn health(&self) -> Answer {
        self.visitor.get("/health").await
    }

    /// What is wrong under this name, if anything is.
    pub async fn problem(&self, name: &str) -> Option<String> {
        let health = self.health().await.json();
        health["problems"][name].as_str().map(str::to_owned)
    }

    /// The sum of a metric over its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.visitor.get("/metrics").await.expect_status(200).text();
        let of_it = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let values = text
            .lines()
            .filter(of_it)
            .filter_map(|line| line.rsplit_once(' '));
        values
            .map(|(_, value)| value.parse::<f64>().expect("a number"))
            .sum()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn log(&self) -> String {
        self.process.log()
    }
}
