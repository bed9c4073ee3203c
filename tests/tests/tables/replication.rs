//! Logical replication: whatever a table's replica identity, a subscriber's copy does not drift. Where PostgreSQL could not tell it
//! of a change, calls are refused as PostgreSQL refuses such a statement.

use std::time::Duration;

use capconduit_tests::{Calls, ClusterOptions, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{WRITTEN, scenario};
use crate::node::support::eventually;
use crate::sql::support::{refusal, run, value};

const IDENTITIES: [(&str, &str); 4] = [
    ("default", "default"),
    ("full", "full"),
    ("an index", "using index IDENTITY"),
    ("nothing", "nothing"),
];

async fn calls(switch: &Client, did: &str, name: &str) {
    for number in 0..3 {
        let uniqueid = format!("{name}-{number}");
        switch.route(did, &uniqueid).await.unwrap().link();
        switch.next(&uniqueid, 1, "BUSY").await.unwrap().link();
        switch.log(&uniqueid, did, "ANSWERED").await.unwrap();
        switch
            .route(did, &format!("{name}-up-{number}"))
            .await
            .unwrap()
            .link();
    }
}

#[tokio::test]
async fn a_subscriber_does_not_drift_whatever_the_replica_identity() {
    let settings = vec!["wal_level = logical".to_owned()];
    let options = ClusterOptions {
        settings,
        ..ClusterOptions::default()
    };
    let db = TestDb::on_own_server(options).await;
    let other = TestDb::on(db.cluster().clone()).await;
    let (switch, superuser, subscriber) =
        (db.asterisk().await, db.superuser().await, other.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    // The subscriber keeps the rows of calls alone: what they point to is not there.
    run(
        &subscriber,
        "alter table capconduit.link_counters drop constraint link_counters_link_id_fkey;
         truncate capconduit.link_counters",
    )
    .await;
    for (table, column) in [
        ("live_calls", "uniqueid"),
        ("link_counters", "link_id"),
        ("call_logs", "id"),
        ("call_attempts", "uniqueid, attempt"),
    ] {
        for database in [&superuser, &subscriber] {
            run(
                database,
                &format!("create unique index identity_{table} on capconduit.{table} ({column})"),
            )
            .await;
        }
    }
    run(
        &superuser,
        &format!(
            "create publication calls for table capconduit.{}",
            WRITTEN.join(", capconduit.")
        ),
    )
    .await;
    // Two databases of one server: the slot is made first, else each would wait for the other.
    run(
        &superuser,
        "select pg_create_logical_replication_slot('calls', 'pgoutput')",
    )
    .await;
    let address = db.url(capconduit_tests::SUPERUSER);
    run(
        &subscriber,
        &format!(
            "create subscription calls connection '{address}' publication calls
                 with (create_slot = false, slot_name = 'calls', copy_data = true)"
        ),
    )
    .await;
    // A change of a table would wait for its copy, and a copy's slot for whoever has begun to change something.
    eventually("the first copies are there", async || {
        let copied = "select bool_and(srsubstate = 'r') from pg_subscription_rel";
        value::<Option<bool>>(&subscriber, copied).await == Some(true)
    })
    .await;
    for (number, (name, identity)) in IDENTITIES.into_iter().enumerate() {
        for table in WRITTEN {
            for database in [&superuser, &subscriber] {
                let identity = identity.replace("IDENTITY", &format!("identity_{table}"));
                run(
                    database,
                    &format!("alter table capconduit.{table} replica identity {identity}"),
                )
                .await;
            }
        }
        if name == "nothing" {
            // As PostgreSQL's own UPDATE and DELETE.
            for (table, refused) in [
                ("link_counters", refusal(switch.route(did, "new").await)),
                ("live_calls", refusal(switch.log("0-up-0", did, "BUSY").await)),
            ] {
                assert_eq!(refused.0, "55000", "{}", refused.1);
                assert!(
                    refused.1.contains(table) && refused.1.contains("replica identity"),
                    "{}",
                    refused.1
                );
            }
        } else {
            calls(&switch, did, &number.to_string()).await;
        }
        assert_same(&superuser, &subscriber, name).await;
        assert_invariants(&db).await;
    }
    for table in WRITTEN {
        run(
            &superuser,
            &format!("alter table capconduit.{table} replica identity default"),
        )
        .await;
    }
    // A row filter beyond the identity is refused by PostgreSQL, too.
    run(
        &superuser,
        "create publication filtered for table capconduit.live_calls where (holds_slot)",
    )
    .await;
    let refused = refusal(switch.next("0-up-0", 1, "BUSY").await);
    assert_eq!(refused.0, "55000", "{}", refused.1);
    run(&superuser, "drop publication filtered").await;
    calls(&switch, did, "last").await;
    assert_same(&superuser, &subscriber, "default again").await;
    assert_invariants(&db).await;
    run(&subscriber, "drop subscription calls").await;
}

async fn assert_same(superuser: &Client, subscriber: &Client, name: &str) {
    for table in WRITTEN {
        let rows = format!(
            "select coalesce(md5(string_agg(t::text, ';' order by t::text collate \"C\")), '') || count(*) from capconduit.{table} t"
        );
        let here: String = value(superuser, &rows).await;
        eventually(
            &format!("the subscriber has the rows of {table} (identity {name})"),
            || async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                value::<String>(subscriber, &rows).await == here
            },
        )
        .await;
    }
}
