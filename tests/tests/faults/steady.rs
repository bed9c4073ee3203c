//! A service and an agent that are never killed, at work through all faults: writes, logins, files, records.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use capconduit_tests::{API, ASTERISK, Answer, TestApi, TestNode, unique};
use serde_json::json;
use tokio_postgres::Client;

use super::stage::{Stage, through};
use crate::api_faults::support::PASSWORD;
use crate::node::support::{Folder, record};

/// A service and an agent that are never killed, on the same network: their memory shows what all the faults do to them.
pub struct Steady {
    pub api: TestApi,
    pub agent: TestNode,
    spool: Folder,
    /// Records that were given to the agent.
    spooled: AtomicUsize,
}

impl Steady {
    pub async fn start(stage: &Stage) -> Self {
        let url = through(&stage.proxy, &stage.db, API);
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("CAPCONDUIT_REQUEST_SECONDS", "4"),
        ];
        let api = TestApi::start_with(&stage.db, &settings).await;
        let spool = Folder::new();
        let url = through(&stage.proxy, &stage.db, ASTERISK);
        let settings = [("DATABASE_URL", url.as_str()), ("CAPCONDUIT_NODE", "pbx3")];
        let agent = TestNode::start_with(&stage.db, spool.path(), &settings).await;
        Self {
            api,
            agent,
            spool,
            spooled: AtomicUsize::new(0),
        }
    }

    /// A switch that cannot reach the database leaves a record for the agent.
    pub fn spool_one(&self) {
        let number = self.spooled.fetch_add(1, Ordering::Relaxed);
        let id = format!("steady-{number}");
        let half = self.spool.path().join(format!("{id}.half"));
        std::fs::write(&half, record(&id, "NOANSWER")).expect("a spooled file");
        std::fs::rename(half, self.spool.path().join(format!("{id}.sql"))).expect("a spooled file");
    }

    /// What the agent was given is in the database, once each.
    pub async fn has_replayed_all(&self, superuser: &Client) {
        self.spool.is_empty().await;
        let sql = "select count(*) from capconduit.call_logs where asterisk_uniqueid like 'steady-%'";
        let there: i64 = superuser.query_one(sql, &[]).await.expect("records").get(0);
        assert_eq!(there, self.spooled.load(Ordering::Relaxed) as i64);
    }
}

/// May a request be answered so while something breaks?
pub fn is_expected(answer: &Answer, good: &[u16]) {
    assert!(
        good.contains(&answer.status) || answer.status == 503,
        "{}: {} {}",
        answer.what,
        answer.status,
        answer.text()
    );
}

/// Logs in and out, writes and deletes a number, reads the records as CSV: nothing of it stays.
pub async fn visits(steady: &Steady) {
    let nobody = steady.api.nobody();
    let body = json!({"username": "seller_alice", "password": PASSWORD});
    let Ok(answer) = nobody.try_send("POST", "/api/auth/login", Some(&body)).await else {
        return;
    };
    is_expected(&answer, &[200, 429]);
    if answer.status != 200 {
        return;
    }
    let alice = nobody.with("cookie", &answer.session_cookie());
    let body = json!({"number": format!("+4931{:07}", unique())});
    if let Ok(answer) = alice.try_send("POST", "/api/seller/dids", Some(&body)).await {
        is_expected(&answer, &[201]);
        if answer.status == 201 {
            let path = format!("/api/seller/dids/{}", answer.json()["id"]);
            for _ in 0..20 {
                match alice.try_send("DELETE", &path, None).await {
                    Ok(answer) if answer.status != 503 => {
                        is_expected(&answer, &[204, 404]);
                        break;
                    }
                    _ => tokio::time::sleep(Duration::from_millis(300)).await,
                }
            }
        }
    }
    // Its connection may be cut in the middle of the file: then there is no answer.
    if let Ok(answer) = alice.try_send("GET", "/api/seller/logs.csv", None).await {
        is_expected(&answer, &[200]);
    }
    if let Ok(answer) = alice.try_send("POST", "/api/auth/logout", None).await {
        is_expected(&answer, &[200, 204]);
    }
}
