//! What a switch pays for each statement before anything of it runs. Its driver sends statements as text, so each is analysed and
//! planned anew, which takes longer than the work itself. A join of two tables is the dearest part of it.

use tokio_postgres::Client;

use super::platform;

async fn plan(client: &Client, sql: &str) -> String {
    let rows = client.query(&format!("explain verbose {sql}"), &[]).await;
    let lines = rows.expect("a plan").into_iter();
    lines
        .map(|row| row.get::<_, String>(0))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn what_a_switch_asks_by_one_id_is_planned_without_a_join() {
    let db = platform().await;
    let switch = db.asterisk().await;
    for view in ["ps_endpoints", "ps_aors", "ps_auths"] {
        let plan = plan(&switch, &format!("SELECT * FROM {view} WHERE id = 'bench_7'")).await;
        let is_joined = ["Join", "Nested Loop"].iter().any(|join| plan.contains(join));
        assert!(!is_joined && plan.contains("SubPlan"), "{plan}");
    }
}
