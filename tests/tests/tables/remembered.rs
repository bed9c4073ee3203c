//! A backend remembers where it found a row. Whatever becomes of that place, it finds the row of its key, or none.

use capconduit_tests::{Calls, TestDb};

use crate::sql::support::{run, value};

const DID: &str = "+18005550101";

/// The place of a client that is gone is another client's then: nobody is sent there.
#[tokio::test]
async fn a_place_that_another_row_took_is_not_taken_for_the_row() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let first = switch.preview(DID).await.unwrap();
    let id = first.client_id.expect("somebody takes the call");
    assert_eq!(switch.preview(DID).await.unwrap(), first);
    let was: String = value(
        &superuser,
        &format!("select ctid::text from clients where id = {id}"),
    )
    .await;
    // By a hand that foreign keys do not hold.
    run(&superuser, "set session_replication_role = replica").await;
    run(&superuser, &format!("delete from clients where id = {id}")).await;
    run(&superuser, "vacuum (index_cleanup on) clients").await;
    // Whichever places are free on the page.
    run(
        &superuser,
        "insert into clients (client_identifier, name) select 'another_' || n, 'another' from generate_series(1, 40) n",
    )
    .await;
    let taken: i64 = value(
        &superuser,
        &format!("select count(*) from clients where ctid = '{was}' and name = 'another'"),
    )
    .await;
    assert_eq!(taken, 1, "a new row took the old one's place");
    let then = switch.preview(DID).await.unwrap();
    assert_ne!(then.link_id, first.link_id, "{then:?}");
    let told = then.client_identifier.unwrap_or_default();
    assert!(!told.starts_with("another"), "{told}");
}

/// Rows that move within their page, to another page, and with their table; pages that are given back.
#[tokio::test]
async fn a_row_is_found_wherever_it_went() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let id = switch.preview(DID).await.unwrap().client_id.expect("a taker");
    let mut moves = 0;
    let mut place = String::new();
    for round in 0..4 {
        for done in [
            "select 1",
            "vacuum clients",
            "update clients set notes = repeat(md5(id::text), 60)",
            "update clients set notes = null; vacuum (index_cleanup on, truncate on) clients",
            "vacuum full clients",
            "cluster clients using clients_pkey",
            "alter table clients add column extra float8 default random(); alter table clients drop column extra",
        ] {
            for status in ["inactive", "active"] {
                for statement in done.split("; ") {
                    run(&superuser, statement).await;
                }
                let sql = format!("update clients set status = '{status}' where id = {id}");
                run(&superuser, &sql).await;
                for _ in 0..2 {
                    let offered = switch.preview(DID).await.unwrap().client_id;
                    assert_eq!(offered == Some(id), status == "active", "round {round}: {done}");
                }
                let now: String = value(
                    &superuser,
                    &format!("select ctid::text from clients where id = {id}"),
                )
                .await;
                moves += usize::from(std::mem::replace(&mut place, now.clone()) != now);
            }
        }
    }
    assert!(moves > 30, "the row was at {moves} places");
}
