//! An agent that was there before the schema of its database.

use capconduit_tests::{SUPERUSER, TestCluster, TestDb, TestNode, project};

use super::support::{Folder, eventually, logged, record};

/// Its connection was made without the path on which its names are: it makes another one.
#[tokio::test]
async fn an_agent_that_came_before_the_schema_finds_it_when_it_is_there() {
    let db = TestDb::bare_on(TestCluster::shared().await).await;
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    spool.put("early.sql", record("early", "BUSY"));
    eventually("the agent says that it cannot hand the record over", || async {
        node.problem("database").await.is_some()
    })
    .await;
    let output = tokio::process::Command::from(project::capconduit())
        .arg("migrate")
        .env("DATABASE_URL", db.url(SUPERUSER))
        .output()
        .await
        .expect("the command runs");
    assert!(output.status.success(), "{output:?}");
    spool.is_empty().await;
    assert_eq!(logged(&db, "early").await, ["early BUSY"]);
    assert_eq!(spool.refused(), [""; 0]);
}
