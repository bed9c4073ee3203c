//! Ten million call records, two million of them one seller's (`make test-full`): a page costs the same at any depth, an
//! export needs no memory, a month's report answers within a second. CAPCONDUIT_TEST_RECORDS makes it smaller.

use std::time::{Duration, Instant};

use capconduit_tests::{TestApi, TestDb, Visitor};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::Client;

use super::support::{cookie, peak_mib, resident_mib};
use super::wire::request;

const BATCHES: i64 = 100;

fn records() -> i64 {
    std::env::var("CAPCONDUIT_TEST_RECORDS")
        .map_or(10_000_000, |text| text.parse().expect("a number of records"))
}

/// Every fifth record is alice's; over a year, the newest now.
async fn fill(db: &Client, records: i64) {
    let batch = records / BATCHES;
    for number in 0..BATCHES {
        let sql = "\
            insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, node,
                incoming_did_number, caller_id_num, timestamp_start, timestamp_answered, timestamp_end,
                duration_seconds, billsec_seconds, call_status, hangup_cause_code, counted)
            select 'pbx1-' || n, case when alices then 3 else 1000 + n % 500 end,
                   case when alices then 1 + n / 5 % 2 else 2000 + n % 1000 end, 1 + n % 2, 1 + n % 3, 1 + n % 4, 'pbx1',
                   '+18005550101', '+1555' || lpad((n % 10000000)::text, 7, '0'), started,
                   case when answered then started + interval '5 seconds' end, started + interval '65 seconds',
                   65, case when answered then 60 else 0 end, case when answered then 'ANSWERED' else 'NOANSWER' end,
                   case when answered then 16 else 19 end, false
              from (select n, n % 5 = 0 as alices, n % 3 <> 0 as answered,
                           now() - ($3::bigint - n) * (interval '365 days' / $3::double precision) as started
                      from generate_series($1::bigint, $2::bigint) n) as calls";
        db.execute(sql, &[&(number * batch + 1), &((number + 1) * batch), &records])
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
    pages(&alice, &superuser).await;
    export(&api, &session, records / 5).await;
    report(&alice).await;
}

/// A page deep down reads as much as the first one, and takes as long: medians of measurements in turn.
async fn pages(alice: &Visitor, superuser: &Client) {
    // A cursor from far down, found through the oldest days.
    let oldest = alice
        .get(&format!(
            "/api/seller/logs?per_page=500&after=&end_date={}",
            days_ago(350)
        ))
        .await
        .ok();
    let deep = oldest["nextCursor"].as_str().expect("more than a page");
    for filter in ["", "&campaign_id=1"] {
        let first = format!("/api/seller/logs?per_page=50{filter}&after=");
        let far = format!("{first}{deep}");
        let (mut near_times, mut far_times) = (Vec::new(), Vec::new());
        for _ in 0..51 {
            near_times.push(timed(alice, &first).await.0);
            let (time, page) = timed(alice, &far).await;
            assert_eq!(page["items"].as_array().map(Vec::len), Some(50));
            far_times.push(time);
        }
        let (near, far) = (median(&mut near_times), median(&mut far_times));
        println!("a page{filter}: first {near:?}, deep {far:?}");
        assert!(
            far.as_secs_f64() < near.as_secs_f64() * 1.5,
            "first {near:?}, deep {far:?}"
        );
    }
    // The same in pages of the table and its index, which no noise changes.
    let newest = buffers(superuser, "now()").await;
    let oldest = buffers(superuser, "now() - interval '350 days'").await;
    println!("buffers of a page: newest {newest}, oldest {oldest}");
    assert!(oldest <= newest * 3 / 2 + 20, "newest {newest}, oldest {oldest}");
}

/// What one keyset page of the index order touches, as the service's role sees it.
async fn buffers(superuser: &Client, until: &str) -> i64 {
    superuser
        .batch_execute("begin; set local role capconduit_seller; set local capconduit.user_id = '3'")
        .await
        .expect("a seller");
    let sql = format!(
        "explain (analyze, buffers, format json) select * from call_logs
          where (timestamp_start, id) < ({until}, 9223372036854775807)
          order by timestamp_start desc, id desc limit 51"
    );
    let plan: Value = superuser.query_one(&sql, &[]).await.expect("a plan").get(0);
    superuser.batch_execute("rollback").await.expect("the end");
    let text = plan.to_string();
    assert!(
        text.contains("call_logs_user_id_timestamp_start_id_idx"),
        "{text}"
    );
    assert!(!text.contains("\"Sort\""), "{text}");
    let plan = &plan[0]["Plan"];
    plan["Shared Hit Blocks"].as_i64().unwrap_or(0) + plan["Shared Read Blocks"].as_i64().unwrap_or(0)
}

async fn export(api: &TestApi, session: &str, expected: i64) {
    let idle = resident_mib(api);
    let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
    let bytes = request("GET", "/api/seller/logs.csv", &[("cookie", session)], b"");
    stream.write_all(&bytes).await.expect("a request");
    let (mut lines, mut total, started) = (0, 0, Instant::now());
    let mut buffer = vec![0; 256 * 1024];
    let mut end = Vec::new();
    loop {
        let length = stream.read(&mut buffer).await.expect("the export goes on");
        if length == 0 {
            break;
        }
        lines += buffer[..length]
            .windows(5)
            .filter(|window| window == b"pbx1-")
            .count() as i64;
        total += length;
        end.extend_from_slice(&buffer[..length]);
        end.drain(..end.len().saturating_sub(5));
    }
    let peak = peak_mib(api);
    println!(
        "{total} bytes of CSV in {:?}; idle {idle} MiB, peak {peak} MiB",
        started.elapsed()
    );
    // A uniqueid that lies across two reads is not seen: there are few of them.
    assert!(
        lines >= expected - expected / 100,
        "{lines} of {expected} records"
    );
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
