//! A service that was there before its schema, or whose schema changes under it: no connection remembers what is no more.

use capconduit_tests::{Answer, SUPERUSER, TestApi, TestCluster, TestDb, project};
use serde_json::json;

use super::support::cookie;

async fn migrate(db: &TestDb) {
    let migrate = tokio::process::Command::from(project::capconduit())
        .arg("migrate")
        .env("DATABASE_URL", db.url(SUPERUSER))
        .output();
    let output = migrate.await.expect("the command runs");
    assert!(output.status.success(), "{output:?}");
}

/// Of each of many at once: as many connections as the pool has.
async fn at_once(api: &TestApi, method: &'static str, path: &'static str) -> Vec<Answer> {
    let asked: Vec<_> = (0..12)
        .map(|_| {
            let nobody = api.nobody();
            let body = json!({"username": "nobody_here", "password": "no password"});
            tokio::spawn(async move {
                let body = (method == "POST").then_some(&body);
                nobody.send(method, path, body).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asked {
        answers.push(one.await.expect("an answer"));
    }
    answers
}

#[tokio::test]
async fn no_connection_remembers_a_schema_that_was_not_finished() {
    let db = TestDb::bare_on(TestCluster::shared().await).await;
    let api = TestApi::start_unready(&db, &[]).await;
    let unready = async || {
        for answer in at_once(&api, "GET", "/ready").await {
            let problem = answer.problem(503, "not_ready");
            let message = problem["message"].as_str().unwrap_or_default();
            assert!(message.contains("capconduit migrate"), "{message}");
        }
        for answer in at_once(&api, "POST", "/api/auth/login").await {
            answer.problem(503, "not_ready");
        }
    };
    let ready = async || {
        for answer in at_once(&api, "GET", "/ready").await {
            answer.expect_status(200);
        }
        for answer in at_once(&api, "POST", "/api/auth/login").await {
            assert!(matches!(answer.status, 401 | 429), "{}", answer.text());
        }
    };
    unready().await;
    // Connections that come while it works, too.
    let (mut answers, ()) = tokio::join!(
        async {
            let mut answers = Vec::new();
            for _ in 0..20 {
                answers.extend(at_once(&api, "GET", "/ready").await);
            }
            answers
        },
        migrate(&db)
    );
    answers.retain(|answer| answer.status != 200);
    for answer in answers {
        answer.problem(503, "not_ready");
    }
    ready().await;
    // A schema dropped and made anew.
    let superuser = db.superuser().await;
    let drop =
        "drop extension capconduit cascade; drop schema capconduit cascade; drop schema asterisk cascade";
    superuser.batch_execute(drop).await.expect("dropped");
    for answer in at_once(&api, "GET", "/ready").await {
        answer.problem(503, "not_ready");
    }
    migrate(&db).await;
    ready().await;
}

/// At most one request meets the change, and hears that it may try again.
#[tokio::test]
async fn a_prepared_statement_whose_result_type_changed_is_prepared_anew() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let alice = api.nobody().with("cookie", &cookie(&api, "seller_alice").await);
    let logs = "/api/seller/logs?per_page=1";
    for _ in 0..8 {
        alice.get(logs).await.expect_status(200);
    }
    let superuser = db.superuser().await;
    let change = "alter table call_logs alter column hangup_cause_text type varchar(50)";
    superuser.batch_execute(change).await.expect("another type");
    let mut again = 0;
    for _ in 0..8 {
        let answer = alice.get(logs).await;
        if answer.status == 503 {
            answer.problem(503, "try_again");
            again += 1;
        } else {
            answer.expect_status(200);
        }
    }
    assert!(again <= 1, "{again} requests met the old type");
}
