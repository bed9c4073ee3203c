//! The database goes away, comes back, freezes, or has no connection free: 503 with Retry-After in bounded time, and
//! everything as before afterwards, in the same process and with the same sessions.

use capconduit_tests::{Answer, ClusterOptions, StopMode, TestApi, TestCluster, TestDb, Visitor};
use serde_json::json;

use super::support::{cookie, eventually, has_ended, signal};

/// Shorter than by default, so that the tests are.
const SETTINGS: &[(&str, &str)] = &[("CAPCONDUIT_REQUEST_SECONDS", "4")];

struct Visitors {
    alice: Visitor,
    switch: Visitor,
    nobody: Visitor,
}

impl Visitors {
    async fn new(api: &TestApi) -> Self {
        Visitors {
            alice: api.nobody().with("cookie", &cookie(api, "seller_alice").await),
            switch: api.switch(),
            nobody: api.nobody(),
        }
    }

    /// One request of every kind that needs the database.
    async fn ask_all(&self) -> Vec<Answer> {
        let login = json!({"username": "seller_bob", "password": "password"});
        let log = json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-01-01T00:00:00Z",
                         "callStatus": "BUSY", "asteriskUniqueid": format!("fault-{}", capconduit_tests::unique())});
        let number = json!({"number": format!("+4930{:07}", capconduit_tests::unique())});
        let (a, b, c, d, e, f, g) = tokio::join!(
            self.nobody.get("/ready"),
            self.nobody.post("/api/auth/login", login),
            self.alice.get("/api/auth/status"),
            self.alice.get("/api/seller/logs.csv"),
            self.alice.post("/api/seller/dids", number),
            self.switch.get("/api/internal/route_info?did=%2B18005550101"),
            self.switch.post("/api/internal/log_call", log),
        );
        vec![a, b, c, d, e, f, g]
    }

    async fn all_fail(&self, when: &str) {
        for answer in self.ask_all().await {
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            assert_eq!(answer.status, 503, "{when}: {} {}", answer.what, answer.text());
            assert!(
                !answer.header("retry-after").is_empty(),
                "{when}: {}",
                answer.what
            );
            assert!(
                ["database_unavailable", "busy", "too_slow"].contains(&code.as_str()),
                "{when}: {} {code}",
                answer.what
            );
        }
        self.nobody.get("/health").await.expect_status(200);
    }

    async fn all_succeed(&self, when: &str) {
        eventually("the service is ready again", || async {
            self.nobody.get("/ready").await.status == 200
        })
        .await;
        for answer in self.ask_all().await {
            assert!(
                matches!(answer.status, 200 | 201),
                "{when}: {} {}",
                answer.what,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_stopped_or_killed_database_is_503_until_it_is_back() {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let api = TestApi::start_with(&db, SETTINGS).await;
    let visitors = Visitors::new(&api).await;
    for mode in [StopMode::Fast, StopMode::Immediate, StopMode::Kill] {
        let when = format!("{mode:?}");
        visitors.all_succeed(&when).await;
        // Requests are under way when it happens: each gets an answer, a good one or the documented one.
        let (_, answers) = tokio::join!(db.cluster().stop(mode), async {
            let mut answers = Vec::new();
            for _ in 0..10 {
                answers.extend(visitors.ask_all().await);
            }
            answers
        });
        for answer in answers {
            assert!(
                matches!(answer.status, 200 | 201 | 503),
                "{when}: {} {}",
                answer.what,
                answer.text()
            );
        }
        visitors.all_fail(&when).await;
        let metrics = api.metrics().await;
        assert!(metrics.contains("capconduit_database_up 0"), "{when}");
        db.cluster().start().await;
        visitors.all_succeed(&when).await;
    }
    assert!(!has_ended(api.pid()));
}

/// A fast restart or a failover ends every connection of the pool at once.
#[tokio::test]
async fn connections_that_the_server_ends_are_replaced() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, SETTINGS).await;
    let visitors = Visitors::new(&api).await;
    let superuser = db.superuser().await;
    for _ in 0..10 {
        superuser
            .execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and application_name = 'capconduit serve'",
                &[],
            )
            .await
            .expect("backends can be ended");
        for answer in visitors.ask_all().await {
            assert!(
                matches!(answer.status, 200 | 201 | 503),
                "{} {}",
                answer.what,
                answer.text()
            );
        }
        visitors.all_succeed("terminated").await;
    }
}

/// Thaws in every case: a frozen server could not be stopped.
struct Frozen(Vec<u32>);

impl Frozen {
    fn freeze(cluster: &TestCluster) -> Self {
        let file = cluster.state_folder().join("server/data/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("the postmaster's file");
        let postmaster: u32 = text
            .lines()
            .next()
            .and_then(|line| line.parse().ok())
            .expect("a process id");
        signal("STOP", &[postmaster]);
        // It makes no more children now.
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.expect("the kernel lists children");
        let mut pids = vec![postmaster];
        pids.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
        signal("STOP", &pids);
        Frozen(pids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

#[tokio::test]
async fn a_frozen_database_never_hangs_a_request() {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let api = TestApi::start_with(&db, SETTINGS).await;
    let visitors = Visitors::new(&api).await;
    visitors.all_succeed("before").await;
    for _ in 0..2 {
        let frozen = Frozen::freeze(db.cluster());
        // Twice: the first finds open connections that do not answer, the second makes new ones that nobody accepts.
        visitors.all_fail("frozen").await;
        visitors.all_fail("still frozen").await;
        assert!(api.metrics().await.contains("capconduit_database_up 0"));
        drop(frozen);
        visitors.all_succeed("thawed").await;
    }
}

/// All connections wait behind a lock: whoever comes next is told that the service is busy, and later all is well.
#[tokio::test]
async fn an_exhausted_pool_is_busy_and_recovers() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, &[("CAPCONDUIT_POOL_SIZE", "2")]).await;
    let visitors = Visitors::new(&api).await;
    let blocker = db.superuser().await;
    blocker
        .batch_execute("begin; lock table dids in access exclusive mode")
        .await
        .expect("a lock");
    let waiting: Vec<_> = (0..12)
        .map(|_| {
            let alice = visitors.alice.clone();
            tokio::spawn(async move { alice.get("/api/seller/dids").await })
        })
        .collect();
    let mut codes = Vec::new();
    for answer in waiting {
        let answer = answer.await.expect("an answer").expect_status(503);
        assert!(!answer.header("retry-after").is_empty());
        codes.push(answer.json()["code"].as_str().unwrap_or_default().to_owned());
    }
    assert!(
        codes
            .iter()
            .all(|code| ["busy", "try_again", "too_slow"].contains(&code.as_str())),
        "{codes:?}"
    );
    assert!(codes.contains(&"busy".to_owned()), "{codes:?}");
    visitors.nobody.get("/health").await.expect_status(200);
    blocker
        .batch_execute("rollback")
        .await
        .expect("the lock is given back");
    visitors.all_succeed("the lock is gone").await;
    let settled = || async {
        let held: i64 = blocker
            .query_one(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and application_name = 'capconduit serve' and state <> 'idle'",
                &[],
            )
            .await
            .expect("activity")
            .get(0);
        held == 0
    };
    eventually("no connection is left in a transaction", settled).await;
}

/// PostgreSQL ends the statement before the request's own limit does, and the answer says what helps.
#[tokio::test]
async fn a_slow_statement_is_ended_by_the_database() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, SETTINGS).await;
    let alice = api.nobody().with("cookie", &cookie(&api, "seller_alice").await);
    let slow = "alter policy dids_seller on dids using (pg_sleep(20) is not null)";
    db.superuser()
        .await
        .batch_execute(slow)
        .await
        .expect("a slow table");
    let problem = alice.get("/api/seller/dids").await.problem(503, "too_slow");
    let message = problem["message"].as_str().unwrap_or_default();
    assert!(message.contains("Ask for less"), "{message}");
    // Its connection is as good as before.
    alice.get("/api/seller/campaigns").await.expect_status(200);
}

/// What an administrator's own trigger raises says nothing about the other connections.
#[tokio::test]
async fn a_triggers_missing_column_ends_no_other_connection() {
    let db = TestDb::sample().await;
    let api = TestApi::start_with(&db, SETTINGS).await;
    let visitors = Visitors::new(&api).await;
    let superuser = db.superuser().await;
    let pids = async || -> std::collections::BTreeSet<i32> {
        let rows = superuser
            .query(
                "select pid from pg_stat_activity
                  where datname = current_database() and application_name = 'capconduit serve'",
                &[],
            )
            .await
            .expect("activity");
        rows.iter().map(|row| row.get(0)).collect()
    };
    // All four connections, each older than what is taken for a fresh one.
    visitors.all_succeed("at first").await;
    eventually("the pool is full", || async {
        visitors.ask_all().await;
        pids().await.len() == 4
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    superuser
        .batch_execute(
            "create function own_rule() returns trigger language plpgsql as
                $$ begin execute 'select no_such_column'; return new; end $$;
             create trigger own_rule before insert on dids for each row execute function own_rule()",
        )
        .await
        .expect("a trigger");
    let before = pids().await;
    let number = json!({"number": format!("+4930{:07}", capconduit_tests::unique())});
    visitors
        .alice
        .post("/api/seller/dids", number)
        .await
        .problem(500, "internal_error");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let left = pids().await.intersection(&before).count();
    assert!(left >= 3, "{left} of {} connections are left", before.len());
}
