//! A switch's list of its calls is compared with the database's as a whole. Ten times as many calls cost some ten times
//! as much; compared each with each, they would cost a hundred times as much, and a large switch's list seconds.

use capconduit_tests::Calls;
use tokio_postgres::Client;

use super::{Account, hold_the_full_campaign, platform};

const FEW: i32 = 300;
const MANY: i32 = 10 * FEW;

#[tokio::test]
async fn a_list_costs_as_much_as_it_is_long() {
    let db = platform().await;
    // Statistics that say: hardly any calls, and none of this switch.
    hold_the_full_campaign(&db).await;
    let client = db.superuser().await;
    client.batch_execute("vacuum analyze live_calls").await.unwrap();
    let account = Account::of(&client).await;
    let few = list(&client, &account, "few", FEW).await;
    let many = list(&client, &account, "many", MANY).await;
    println!("{FEW} calls: {few} ns, {MANY} calls: {many} ns");
    assert!(many < 40 * few, "{FEW} calls: {few} ns, {MANY} calls: {many} ns");
}

/// Processor time of the cheapest of three lists of that many live calls.
async fn list(client: &Client, account: &Account, node: &str, calls: i32) -> u64 {
    // In portions: each call is a lock until the end of its transaction.
    for first in (1..=calls).step_by(300) {
        let sql = "select count(*) from generate_series($1::int, $1 + 299) n,
                          route_call('+1777' || lpad((n % 1000 + 1)::text, 7, '0'), $2 || '-1.' || n, node => $2)
                    where status = 'ok'";
        let routed: i64 = client.query_one(sql, &[&first, &node]).await.unwrap().get(0);
        assert_eq!(routed, 300);
    }
    let rows = client
        .query("select uniqueid from live_calls where node = $1", &[&node])
        .await
        .unwrap();
    let live: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let live: Vec<&str> = live.iter().map(String::as_str).collect();
    let mut cheapest = u64::MAX;
    for _ in 0..3 {
        let before = account.used();
        let beat = client
            .heartbeat(node, "one", jiff::Timestamp::now(), &live)
            .await
            .unwrap();
        cheapest = cheapest.min(account.used() - before);
        assert_eq!((beat.listed, beat.absent), (Some(calls), Some(0)));
    }
    cheapest
}
