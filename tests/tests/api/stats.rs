//! Reports: every figure equals a plain recount in SQL, over days of 23 and 25 hours too.

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{World, column, field_error, json_of, keys, run};

/// A call every ten minutes around both changes of the clock, in Berlin and in New York; some tried two or three links.
const CALLS: &str = "
    insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, incoming_did_number,
        timestamp_start, timestamp_answered, billsec_seconds, duration_seconds, call_status, attempts, counted, qualified)
    select 'stat-' || at::text, case when n % 11 = 0 then 4 else 3 end, 1 + n % 2, 1 + n % 3, client, client, '+18005550101', at,
           case when status = 'ANSWERED' then at end, case when status in ('ANSWERED', 'LOST') then n % 90 else 0 end,
           n % 100, status, case when client is null then 0 else 1 + n % 3 end, false, status in ('ANSWERED', 'LOST') and n % 90 >= 20 + n % 2
      from (select at, n, status, case when status like 'REJECTED%' then null else 1 + n % 4 end as client
              from (select at, n, (array['ANSWERED', 'BUSY', 'ANSWERED', 'NOANSWER', 'LOST', 'CANCEL', 'CONGESTION',
                                         'REJECTED_TOTAL', 'ANSWERED', 'REJECTED_DID_INACTIVE', 'FAILED_DATABASE'])[1 + n % 11]
                               as status
                      from (select at, (row_number() over (order by at))::integer as n
                              from (select generate_series(day - interval '30 hours', day + interval '54 hours', '10 min') as at
                                      from unnest(array['2026-03-08 00:00Z', '2026-03-29 00:00Z', '2026-10-25 00:00Z',
                                                        '2026-11-01 00:00Z']::timestamptz[]) day) t) u) v) w;
    insert into call_attempts (uniqueid, attempt, user_id, link_id, client_id, dial_status, started_at, ended_at)
    select g.asterisk_uniqueid, a, g.user_id, 1 + (g.client_id + a) % 4, 1 + (g.client_id + a) % 4,
           (array['BUSY', 'NOANSWER', 'CHANUNAVAIL'])[1 + (g.id + a) % 3], g.timestamp_start, g.timestamp_start
      from call_logs g, generate_series(1, g.attempts - 1) a where g.asterisk_uniqueid like 'stat-%'";

/// The figures of some records, as plainly as SQL can say it.
const FIGURES: &str = "jsonb_build_object(
    'calls', count(*) filter (where call_status <> 'LOST'),
    'answered', count(*) filter (where call_status = 'ANSWERED'),
    'converted', count(*) filter (where call_status = 'ANSWERED' and billsec_seconds >= 45),
    'qualified', count(*) filter (where qualified),
    'talkSeconds', coalesce(sum(billsec_seconds) filter (where call_status = 'ANSWERED'), 0),
    'rejected', count(*) filter (where call_status like 'REJECTED%'),
    'lost', count(*) filter (where call_status = 'LOST'))";

const FIGURE_KEYS: &[&str] = &[
    "answered",
    "calls",
    "converted",
    "lost",
    "qualified",
    "rejected",
    "talkSeconds",
];

async fn recount(client: &Client, condition: &str, group: &str) -> Value {
    let sql = format!(
        "select coalesce(jsonb_object_agg(coalesce(key::text, 'none'), figures), '{{}}') from
         (select {group} as key, {FIGURES} as figures from call_logs where {condition} group by 1) t"
    );
    json_of(client, &sql).await
}

/// A list of the report as an object by key, with the figures alone.
fn by_key(list: &Value, key: &str) -> Value {
    let entries = list.as_array().expect("a list").iter().map(|entry| {
        let name = match &entry[key] {
            Value::String(text) => text.clone(),
            Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        let figures: Value = FIGURE_KEYS
            .iter()
            .map(|key| ((*key).to_owned(), entry[*key].clone()))
            .collect();
        (name, figures)
    });
    entries.collect()
}

#[tokio::test]
async fn every_figure_equals_a_recount() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(&superuser, CALLS).await;
    let days = [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("UTC", "2026-03-29", 24),
        ("Asia/Kolkata", "2026-10-25", 24),
    ];
    for (zone, day, hours) in days {
        // The day alone, and three days around it.
        for reach in [0, 1] {
            let local = format!(
                "(timestamp_start at time zone '{zone}')::date between date '{day}' - {reach} and date '{day}' + {reach}"
            );
            let dates = json_of(
                &superuser,
                &format!("select jsonb_build_array(date '{day}' - {reach}, date '{day}' + {reach})"),
            )
            .await;
            let query = format!(
                "start_date={}&end_date={}&tz={zone}&min_talk_seconds=45",
                dates[0].as_str().unwrap(),
                dates[1].as_str().unwrap()
            );
            let asked = [
                (&world.alice, "/api/seller/stats", "", "user_id = 3"),
                (&world.bob, "/api/seller/stats", "", "user_id = 4"),
                (
                    &world.alice,
                    "/api/seller/stats",
                    "&campaign_id=2",
                    "user_id = 3 and campaign_id = 2",
                ),
                (
                    &world.alice,
                    "/api/seller/stats",
                    "&did_id=1",
                    "user_id = 3 and did_id = 1",
                ),
                (&world.staff, "/api/admin/stats", "", "true"),
                (&world.staff, "/api/admin/stats", "&user_id=4", "user_id = 4"),
            ];
            for (who, path, more, whose) in asked {
                let report = who.get(&format!("{path}?{query}{more}")).await.ok();
                let condition = format!("{local} and {whose}");
                let what = format!("{zone} {day} ±{reach} {path} {more}");
                let totals = recount(&superuser, &condition, "'all'").await;
                assert_eq!(report["totals"], totals["all"], "{what}");
                let records =
                    report["totals"]["calls"].as_i64().unwrap() + report["totals"]["lost"].as_i64().unwrap();
                if reach == 0 && whose == "true" {
                    assert_eq!(records, hours * 6, "{what}: a call every ten minutes");
                }
                for (list, key, group) in [
                    (
                        "byDay",
                        "day",
                        format!("(timestamp_start at time zone '{zone}')::date"),
                    ),
                    (
                        "byHour",
                        "hour",
                        format!("extract(hour from timestamp_start at time zone '{zone}')::integer"),
                    ),
                    ("byCampaign", "campaignId", "campaign_id".to_owned()),
                    ("byDid", "didId", "did_id".to_owned()),
                    ("byLink", "linkId", "link_id".to_owned()),
                ] {
                    assert_eq!(
                        by_key(&report[list], key),
                        recount(&superuser, &condition, &group).await,
                        "{what} {list}"
                    );
                }
                assert_eq!(
                    rejects(&report),
                    rejects_recounted(&superuser, &condition).await,
                    "{what}"
                );
                assert_clients(&report, &superuser, &condition, &what).await;
            }
        }
    }
}

fn rejects(report: &Value) -> Value {
    let list = report["rejects"].as_array().expect("a list").iter();
    list.map(|entry| {
        (
            entry["reason"].as_str().expect("a reason").to_owned(),
            entry["calls"].clone(),
        )
    })
    .collect()
}

async fn rejects_recounted(client: &Client, condition: &str) -> Value {
    let sql = format!(
        "select coalesce(jsonb_object_agg(lower(substr(call_status, 10)), n), '{{}}') from
         (select call_status, count(*) as n from call_logs where {condition} and call_status like 'REJECTED%' group by 1) t"
    );
    json_of(client, &sql).await
}

/// Every dialled target is an offer: the failed attempts, and the one in the record.
async fn assert_clients(report: &Value, client: &Client, condition: &str, what: &str) {
    let sql = format!(
        "with offers as (
             select client_id, call_status as outcome, billsec_seconds from call_logs where {condition} and client_id is not null
             union all
             select a.client_id, a.dial_status, 0 from call_attempts a
              where a.uniqueid in (select asterisk_uniqueid from call_logs where {condition}))
         select coalesce(jsonb_object_agg(client_id, figures), '{{}}') from (
             select client_id, jsonb_build_object('offered', count(*),
                 'answered', count(*) filter (where outcome = 'ANSWERED'), 'busy', count(*) filter (where outcome = 'BUSY'),
                 'noAnswer', count(*) filter (where outcome = 'NOANSWER'),
                 'cancelled', count(*) filter (where outcome = 'CANCEL'), 'lost', count(*) filter (where outcome = 'LOST'),
                 'failed', count(*) filter (where outcome not in ('ANSWERED', 'BUSY', 'NOANSWER', 'CANCEL', 'LOST')),
                 'talkSeconds', coalesce(sum(billsec_seconds) filter (where outcome = 'ANSWERED'), 0)) as figures
               from offers group by client_id) t"
    );
    let entries = report["byClient"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            let mut figures = entry.as_object().expect("an object").clone();
            for key in ["clientId", "name", "clientIdentifier"] {
                figures.remove(key);
            }
            (entry["clientId"].to_string(), Value::Object(figures))
        });
    let found: Value = entries.collect();
    assert_eq!(found, json_of(client, &sql).await, "{what}");
}

#[tokio::test]
async fn a_report_says_what_it_covers() {
    let world = World::new().await;
    let report = world
        .alice
        .get("/api/seller/stats?start_date=2026-03-29&end_date=2026-03-29&tz=Europe/Berlin")
        .await
        .ok();
    assert_eq!(
        keys(&report),
        [
            "byCampaign",
            "byClient",
            "byDay",
            "byDid",
            "byHour",
            "byLink",
            "from",
            "minTalkSeconds",
            "rejects",
            "timeZone",
            "totals",
            "until"
        ]
    );
    assert_eq!(
        (&report["from"], &report["until"]),
        (
            &json!("2026-03-28T23:00:00+00:00"),
            &json!("2026-03-29T22:00:00+00:00")
        )
    );
    assert_eq!(
        (&report["timeZone"], &report["minTalkSeconds"]),
        (&json!("Europe/Berlin"), &json!(30))
    );
    assert_eq!(report["totals"]["calls"], 0);
    // Without dates: the last thirty days, today included.
    let report = world.alice.get("/api/seller/stats").await.ok();
    assert_eq!(report["totals"]["calls"], 4);
    assert_eq!(
        column(&report["byCampaign"], "name"),
        ["Alice Priority Tech Leads", "Alice RoundRobin Support"]
    );
    let days = "select extract(epoch from ($1::timestamptz - $2::timestamptz))::bigint / 86400";
    let instant = |key: &str| {
        report[key]
            .as_str()
            .expect("text")
            .parse::<jiff::Timestamp>()
            .expect("an instant")
    };
    let row = world
        .db
        .superuser()
        .await
        .query_one(days, &[&instant("until"), &instant("from")])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 30);
    for (query, key) in [
        ("tz=Nowhere", "tz"),
        ("start_date=x", "start_date"),
        ("min_talk_seconds=-1", "min_talk_seconds"),
        ("min_talk_seconds=x", "min_talk_seconds"),
        ("campaign_id=x", "campaign_id"),
    ] {
        let problem = world
            .alice
            .get(&format!("/api/seller/stats?{query}"))
            .await
            .problem(400, "validation_failed");
        field_error(&problem, key);
    }
}
