//! The name of an endpoint's settings: what it is made of, and that each decision tells the present one.

use capconduit_tests::{Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::support::{refusal, run, value, values};

async fn named(db: &Client, client: i64) -> String {
    let sql = format!("select settings_id from capconduit.pjsip_endpoints where client_id = {client}");
    value(db, &sql).await
}

/// A column that is set and not in the name could be changed without a switch noticing.
#[tokio::test]
async fn each_column_that_is_set_is_in_the_name() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(1)]).await;
    let client = scenario.client_ids[0];
    run(
        &admin,
        &format!(
            "insert into pjsip_auths (client_id, id, username, password) values ({client}, 'auth', 'us', 'password')"
        ),
    )
    .await;
    let columns: Vec<String> = values(
        &db.superuser().await,
        "select attname::text from pg_attribute where attrelid = 'capconduit.pjsip_endpoints'::regclass and attnum > 0
            and not attisdropped and attname not in ('client_id', 'id', 'aors', 'settings_id')",
    )
    .await;
    assert!(columns.len() >= 10, "{columns:?}");
    let mut names = vec![named(&admin, client).await];
    for column in columns {
        let to = match column.as_str() {
            "auth" | "outbound_auth" => "auth",
            "direct_media" => "yes",
            _ => "another",
        };
        run(
            &admin,
            &format!("update pjsip_endpoints set {column} = '{to}' where client_id = {client}"),
        )
        .await;
        let name = named(&admin, client).await;
        assert!(!names.contains(&name), "{column} is not in the name");
        names.push(name);
    }
    // It is no setting itself: whoever looks through the audit log finds what was set.
    let told: i64 = value(
        &db.superuser().await,
        "select count(*) from audit_log where coalesce(before, after)::text like '%settings_id%'",
    )
    .await;
    assert_eq!(told, 0);
}

const ROUTE: &str =
    "select status, reason, settings_id from route_call($1, 'call-1', null, null, null, 'pbx1', null)";
const NEXT: &str = "select status, reason, settings_id from next_target('call-1', $1, 'BUSY', 17, $2)";

#[tokio::test]
async fn a_decision_tells_the_present_settings_of_its_target() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let links = [Link::cap(1).priority(1), Link::cap(1).priority(2)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let [first, second] = scenario.client_ids[..] else {
        unreachable!("two links")
    };
    let route = async || {
        let row = switch.query_one(ROUTE, &[&scenario.did]).await.expect("a row");
        assert_eq!(row.get::<_, String>(0), "ok");
        row.get::<_, String>(2)
    };
    assert_eq!(route().await, named(&admin, first).await);
    run(&admin, "update pjsip_endpoints set allow = 'alaw'").await;
    assert_eq!(
        route().await,
        named(&admin, first).await,
        "asked again, it tells the present"
    );

    // Another switch's call: nothing is moved.
    let (code, message) = refusal(switch.query_one(NEXT, &[&1, &Some("pbx2")]).await);
    assert_eq!(code, "22023");
    assert!(message.contains("systemname"), "{message}");
    for node in [Some("pbx1"), None] {
        let row = switch.query_one(NEXT, &[&1, &node]).await.expect("a row");
        assert_eq!(row.get::<_, String>(2), named(&admin, second).await);
    }
    assert_eq!(route().await, named(&admin, second).await);
    let row = switch.query_one(NEXT, &[&2, &Some("pbx1")]).await.expect("a row");
    assert_eq!(row.get::<_, String>(1), "no_more_targets");
    assert_eq!(row.get::<_, Option<String>>(2), None);
    assert_invariants(&db).await;
}
