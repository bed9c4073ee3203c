//! sample_data.sql: loaded by plain psql, once or twice, with the same result.

use capconduit_tests::{ADMIN, TestDb, assert_invariants, project};
use tokio_postgres::Client;

const TABLES: [&str; 20] = [
    "users",
    "clients",
    "pjsip_auths",
    "pjsip_endpoints",
    "pjsip_aors",
    "dids",
    "campaigns",
    "campaign_dids",
    "campaign_client_settings",
    "link_counters",
    "live_calls",
    "call_logs",
    "call_attempts",
    "caps",
    "meters",
    "meter_windows",
    "schedules",
    "caller_marks",
    "caller_calls",
    "audit_log",
];

/// Every row and every sequence.
async fn contents(db: &Client) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for table in TABLES {
        let sql = format!(
            "select coalesce(string_agg(t::text, e'\\n' order by t::text), '') from capconduit.{table} t"
        );
        all.push((table.into(), db.query_one(&sql, &[]).await.unwrap().get(0)));
    }
    let sequences = "select sequencename::text, coalesce(last_value, 0)::text from pg_sequences order by 1";
    let rows = db.query(sequences, &[]).await.unwrap();
    all.extend(rows.iter().map(|row| (row.get(0), row.get(1))));
    all
}

async fn load(db: &TestDb) -> std::process::Output {
    let file = project::root().join("sample_data.sql");
    let arguments = [
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--dbname",
        db.name(),
        "--file",
        file.to_str().unwrap(),
    ];
    let psql = project::script("platform", db.cluster().state_folder(), &arguments);
    tokio::process::Command::from(psql).output().await.unwrap()
}

#[tokio::test]
async fn loading_it_twice_changes_nothing() {
    let db = TestDb::sample().await;
    let admin = db.connect_as(ADMIN).await;
    let before = contents(&admin).await;
    assert!(
        before
            .iter()
            .any(|(name, value)| name == "call_logs_id_seq" && value == "6"),
        "{before:?}"
    );
    let output = load(&db).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(contents(&admin).await, before);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn counters_agree_and_new_rows_follow() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    let rows = admin
        .query("select link_id, total from link_counters order by link_id", &[])
        .await
        .unwrap();
    let totals: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(totals, [(1, 1), (2, 1), (3, 1), (4, 0), (5, 1), (6, 0), (7, 0)]);
    let sql = "select concat_ws(' ', subject_type, subject_id, counts, span, max_calls, set_by, time_zone, used, enforce)
                 from caps_view order by id";
    let rows = admin.query(sql, &[]).await.unwrap();
    let caps: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        caps,
        [
            "link 1 answered day 50 seller America/Chicago 0 t",
            "client 2 offered concurrent 10 platform America/New_York 0 t",
            "link 5 qualified hour 3 seller Europe/Berlin 0 t",
            "campaign 1 offered month 2000 seller America/New_York 0 f",
        ]
    );
    let marks = "select concat_ws(' ', scope, scope_name, caller, kind, until, screened)
                   from callers_view join users u on u.id = scope_id";
    let rows = admin.query(marks, &[]).await.unwrap();
    let marks: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(marks, ["seller seller_bob +15550000000 blocked t"]);
    let refused = "select reason from explain_call('+13105550103', caller => '15550000000')";
    let refused: Option<String> = admin.query_one(refused, &[]).await.unwrap().get(0);
    assert_eq!(refused.as_deref(), Some("caller_blocked"));
    let next = "insert into dids (user_id, number) values (3, '+18005550199') returning id";
    assert_eq!(admin.query_one(next, &[]).await.unwrap().get::<_, i64>(0), 5);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn it_is_refused_beside_other_data() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    capconduit_tests::seller(&admin).await;
    let before = contents(&admin).await;
    let output = load(&db).await;
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("sample data is for an empty one"),
        "{output:?}"
    );
    assert_eq!(contents(&admin).await, before);
}
