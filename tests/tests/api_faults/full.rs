//! Ten million call records, two million of them one seller's (`make test-full`): a page costs the same at any depth, an
//! export needs no memory, a month's report answers within a second. CAPCONDUIT_TEST_RECORDS makes it smaller.

use std::time::{Duration, Instant};

use capconduit_tests::{API, TestApi, TestDb, Visitor};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::Client;

use super::support::{PASSWORD, cookie, peak_mib, resident_mib};
use super::wire::request;

const BATCHES: i64 = 100;

fn records() -> i64 {
    std::env::var("CAPCONDUIT_TEST_RECORDS")
        .map_or(10_000_000, |text| text.parse().expect("a number of records"))
}

/// A campaign of alice that ended long ago: it has the oldest tenth of her records, and none since.
const ENDED_CAMPAIGN: i64 = 900;

/// Every fifth record is alice's; over a year, the newest now.
async fn fill(db: &Client, records: i64) {
    let batch = records / BATCHES;
    for number in 0..BATCHES {
        let sql = "\
            insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, node,
                incoming_did_number, caller_id_num, timestamp_start, timestamp_answered, timestamp_end,
                duration_seconds, billsec_seconds, call_status, hangup_cause_code, counted)
            select 'pbx1-' || n, case when alices then 3 else 1000 + n % 500 end,
                   case when not alices then 2000 + n % 1000 when n <= $3 / 10 then $4::bigint else 1 + n / 5 % 2 end, 1 + n % 2, 1 + n % 3, 1 + n % 4, 'pbx1',
                   '+18005550101', '+1555' || lpad((n % 10000000)::text, 7, '0'), started,
                   case when answered then started + interval '5 seconds' end, started + interval '65 seconds',
                   65, case when answered then 60 else 0 end, case when answered then 'ANSWERED' else 'NOANSWER' end,
                   case when answered then 16 else 19 end, false
              from (select n, n % 5 = 0 as alices, n % 3 <> 0 as answered,
                           now() - ($3::bigint - n) * (interval '365 days' / $3::double precision) as started
                      from generate_series($1::bigint, $2::bigint) n) as calls";
        let (first, last) = (number * batch + 1, (number + 1) * batch);
        db.execute(sql, &[&first, &last, &records, &ENDED_CAMPAIGN])
            .await
            .expect("call records");
        if number % 10 == 9 {
            println!("{} of {records} records", (number + 1) * batch);
        }
    }
    db.batch_execute("vacuum analyze call_logs")
        .await
        .expect("statistics");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten million records take many minutes"]
async fn ten_million_records() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    // The service's own limit in time is for callers, not for whoever fills the table.
    superuser
        .batch_execute("set statement_timeout = 0")
        .await
        .expect("a setting");
    let records = records();
    fill(&superuser, records).await;
    let api = TestApi::start(&db).await;
    let session = cookie(&api, "seller_alice").await;
    let alice = api.nobody().with("cookie", &session);
    let staff = api.login("ops_staff", PASSWORD).await;
    page_times(&lists(&alice, &staff).await).await;
    export(&api, &session, (records / 5) as usize).await;
    report(&alice).await;
    log_plans(&db, &superuser).await;
    let api = TestApi::start(&db).await;
    let alice = api.login("seller_alice", PASSWORD).await;
    let staff = api.login("ops_staff", PASSWORD).await;
    page_plans(&db, &lists(&alice, &staff).await).await;
}

/// A list whose depth costs nothing: the caller, the first page, a page far down, and the index that gives the order.
struct List<'a> {
    visitor: &'a Visitor,
    first: String,
    deep: String,
    index: &'static str,
}

async fn lists<'a>(alice: &'a Visitor, staff: &'a Visitor) -> Vec<List<'a>> {
    const BY_SELLER: &str = "call_logs_user_id_timestamp_start_id_idx";
    const BY_CAMPAIGN: &str = "call_logs_campaign_id_timestamp_start_id_idx";
    let oldest = deep_cursor(alice, 350).await;
    // Before that, the other campaigns have none.
    let old = deep_cursor(alice, 320).await;
    let ended = format!("&campaign_id={ENDED_CAMPAIGN}");
    let since = format!("&start_date={}", days_ago(360));
    let list = |visitor, path: &str, filter: &str, deep: &str, index| {
        let first = format!("{path}?per_page=50{filter}&after=");
        let deep = format!("{first}{deep}");
        List {
            visitor,
            first,
            deep,
            index,
        }
    };
    vec![
        list(alice, "/api/seller/logs", "", &oldest, BY_SELLER),
        list(alice, "/api/seller/logs", &since, &oldest, BY_SELLER),
        list(alice, "/api/seller/logs", "&campaign_id=1", &old, BY_CAMPAIGN),
        list(alice, "/api/seller/logs", &ended, &oldest, BY_CAMPAIGN),
        list(staff, "/api/admin/logs", "", &oldest, "call_logs_pkey"),
        list(staff, "/api/admin/logs", "&user_id=3", &oldest, BY_SELLER),
    ]
}

/// A cursor from far down, found through the older days.
async fn deep_cursor(alice: &Visitor, days: i64) -> String {
    let end = days_ago(days);
    let path = format!("/api/seller/logs?per_page=500&after=&end_date={end}");
    let page = alice.get(&path).await.ok();
    page["nextCursor"].as_str().expect("more than a page").to_owned()
}

/// A page deep down takes as long as the first one: medians of measurements in turn.
async fn page_times(lists: &[List<'_>]) {
    for list in lists {
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for _ in 0..51 {
            near.push(timed(list.visitor, &list.first).await.0);
            let (time, page) = timed(list.visitor, &list.deep).await;
            assert_eq!(page["items"].as_array().map(Vec::len), Some(50));
            far.push(time);
        }
        let (near, far) = (median(&mut near), median(&mut far));
        println!("{}: first {near:?}, deep {far:?}", list.first);
        assert!(far.as_secs_f64() < near.as_secs_f64() * 1.5, "{}", list.first);
    }
}

/// The same in pages of tables and indexes, which no noise changes: of the service's own statements, as PostgreSQL ran
/// them.
async fn page_plans(db: &TestDb, lists: &[List<'_>]) {
    for list in lists {
        let mut blocks = Vec::new();
        for path in [&list.first, &list.deep] {
            let before = db.cluster().log().len();
            list.visitor.get(path).await.ok();
            let plan = logged_plan(db, before).await;
            // Names are joined to the page's records: what counts is how those are found.
            let records = limit_of(&plan["Plan"]).expect("a page has a limit").to_string();
            assert!(records.contains(list.index), "{path}: {records}");
            assert!(!records.contains("Sort"), "{path} sorts: {records}");
            let count = |key: &str| plan["Plan"][key].as_i64().expect("a number of blocks");
            blocks.push(count("Shared Hit Blocks") + count("Shared Read Blocks"));
        }
        println!("{}: {} blocks first, {} deep", list.first, blocks[0], blocks[1]);
        assert!(blocks[1] * 2 <= blocks[0] * 3, "{}: {blocks:?}", list.first);
        // A page of 50: each record on a page of its own at the worst, the way through the index, the names.
        assert!(blocks[0] <= 100, "{}: {blocks:?}", list.first);
    }
}

/// The part of a plan that ends after so many rows.
fn limit_of(plan: &Value) -> Option<&Value> {
    if plan["Node Type"] == "Limit" {
        return Some(plan);
    }
    plan["Plans"].as_array()?.iter().find_map(limit_of)
}

/// From now on each new connection of the service writes the plans of its statements to the server's log.
async fn log_plans(db: &TestDb, superuser: &Client) {
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_buffers = on",
        "auto_explain.log_format = 'json'",
    ] {
        let sql = format!("alter role {API} in database {} set {setting}", db.name());
        superuser.batch_execute(&sql).await.expect("a setting");
    }
}

/// The plan of the page that was logged behind this length of the log.
async fn logged_plan(db: &TestDb, before: usize) -> Value {
    for _ in 0..100 {
        let log = db.cluster().log();
        // An entry begins with who caused it; its further lines begin with a tab.
        let entries = log[before..].split("\n2").filter(|entry| {
            entry.contains(&format!("{API}@{} ", db.name())) && entry.contains("order by g.")
        });
        let plan = entries
            .filter_map(|entry| entry.split_once("plan:\n"))
            .find_map(|(_, plan)| serde_json::from_str(plan).ok());
        if let Some(plan) = plan {
            return plan;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no plan in the server's log: {}", &db.cluster().log()[before..]);
}

async fn export(api: &TestApi, session: &str, expected: usize) {
    const NAME: &[u8] = b"pbx1-";
    let idle = resident_mib(api);
    let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
    let bytes = request("GET", "/api/seller/logs.csv", &[("cookie", session)], b"");
    stream.write_all(&bytes).await.expect("a request");
    let (mut lines, mut total, started) = (0, 0, Instant::now());
    let mut buffer = vec![0; 256 * 1024];
    // What the last read ended with: a name may lie across two reads.
    let mut end = Vec::new();
    loop {
        let length = stream.read(&mut buffer).await.expect("the export goes on");
        if length == 0 {
            break;
        }
        total += length;
        end.drain(..end.len().saturating_sub(NAME.len() - 1));
        end.extend_from_slice(&buffer[..length]);
        lines += end.windows(NAME.len()).filter(|window| *window == NAME).count();
    }
    let peak = peak_mib(api);
    println!(
        "{total} bytes of CSV in {:?}; idle {idle} MiB, peak {peak} MiB",
        started.elapsed()
    );
    assert_eq!(lines, expected, "records of the export");
    assert!(end.ends_with(b"0\r\n\r\n"), "the export broke off");
    assert!(peak < idle + 64, "idle {idle} MiB, peak {peak} MiB");
}

async fn report(alice: &Visitor) {
    let path = format!(
        "/api/seller/stats?start_date={}&end_date={}&tz=Europe/Berlin",
        days_ago(60),
        days_ago(30)
    );
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(timed(alice, &path).await.0);
    }
    let time = median(&mut times);
    println!("a month's report: {time:?}");
    assert!(time < Duration::from_secs(1), "{time:?}");
}

fn days_ago(days: i64) -> String {
    let day = jiff::Zoned::now()
        .date()
        .checked_sub(jiff::Span::new().days(days))
        .expect("a date");
    day.to_string()
}

async fn timed(visitor: &Visitor, path: &str) -> (Duration, Value) {
    let started = Instant::now();
    let answer = visitor.get(path).await;
    (started.elapsed(), answer.ok())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
