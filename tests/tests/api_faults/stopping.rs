//! SIGTERM: what has begun is finished, nothing new begins, and the process ends within its bound whatever callers do.

use capconduit_tests::{SWITCH_TOKEN, TestApi, TestDb, Visitor, assert_consistent};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::support::{ALICE, call_logs, cookie, eventually, has_ended, signal};
use super::wire::{self, bounded, request, send};

async fn ends(api: &TestApi) {
    let pid = api.pid();
    eventually("the service has ended", || async move { has_ended(pid) }).await;
    // Its own last line: it was not killed.
    assert!(api.log().trim_end().ends_with("stopped"), "{}", api.log());
}

fn log_call(uniqueid: &str) -> Vec<u8> {
    let body = json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-01-01T00:00:00Z",
                      "callStatus": "BUSY", "asteriskUniqueid": uniqueid, "campaignClientSettingId": 1});
    let headers = [
        ("content-type", "application/json"),
        ("x-internal-api-token", SWITCH_TOKEN),
    ];
    request(
        "POST",
        "/api/internal/log_call",
        &headers,
        body.to_string().as_bytes(),
    )
}

/// A window so small that the service has to wait for its reader.
async fn slow_export(api: &TestApi, session: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 * 1024).expect("a small window");
    let mut stream = socket
        .connect(api.address().parse().expect("an address"))
        .await
        .expect("a connection");
    let bytes = request("GET", "/api/seller/logs.csv", &[("cookie", session)], b"");
    stream.write_all(&bytes).await.expect("a request");
    stream
}

#[tokio::test]
async fn an_export_that_has_begun_is_complete() {
    const RECORDS: i32 = 80_000;
    let db = TestDb::sample().await;
    call_logs(&db, ALICE, RECORDS).await;
    let api = TestApi::start(&db).await;
    let mut stream = slow_export(&api, &cookie(&api, "seller_alice").await).await;
    let mut first = vec![0; 4096];
    bounded(stream.read_exact(&mut first))
        .await
        .expect("the export begins");
    signal("TERM", &[api.pid()]);
    eventually("nobody new is let in", || async {
        TcpStream::connect(api.address()).await.is_err()
    })
    .await;
    assert!(!has_ended(api.pid()), "it ended in the middle of an export");
    let mut whole = std::io::Cursor::new(first).chain(stream);
    let answer = bounded(wire::read(&mut whole)).await.expect("a complete answer");
    let lines = String::from_utf8(answer.body).expect("text").lines().count();
    // The header, and alice's four records of the sample data.
    assert_eq!(lines, RECORDS as usize + 1 + 4);
    ends(&api).await;
}

#[tokio::test]
async fn a_record_that_waits_for_a_lock_is_written() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let blocker = db.superuser().await;
    blocker
        .batch_execute("begin; lock table call_logs in exclusive mode")
        .await
        .expect("a lock");
    let (address, bytes) = (api.address().to_owned(), log_call("waits-1"));
    let logging = tokio::spawn(async move { send(&address, &bytes).await });
    let superuser = db.superuser().await;
    let waits = || async {
        let sql = "select count(*) from pg_locks where not granted and relation = 'call_logs'::regclass";
        superuser
            .query_one(sql, &[])
            .await
            .expect("locks")
            .get::<_, i64>(0)
            > 0
    };
    eventually("the record waits", waits).await;
    signal("TERM", &[api.pid()]);
    eventually("nobody new is let in", || async {
        TcpStream::connect(api.address()).await.is_err()
    })
    .await;
    blocker
        .batch_execute("rollback")
        .await
        .expect("the lock is given back");
    let answer = logging.await.expect("a task").expect("an answer");
    assert_eq!(answer.status, 201);
    ends(&api).await;
    let sql = "select count(*) from call_logs where asterisk_uniqueid = 'waits-1'";
    assert_eq!(
        superuser
            .query_one(sql, &[])
            .await
            .expect("a count")
            .get::<_, i64>(0),
        1
    );
}

/// Under load: whatever was confirmed is there, nobody gets a half answer, and no connection is left in the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_confirmed_record_is_lost() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let address = api.address().to_owned();
            tokio::spawn(async move {
                let mut confirmed = Vec::new();
                for number in 0.. {
                    let uniqueid = format!("load-{worker}-{number}");
                    match send(&address, &log_call(&uniqueid)).await {
                        Ok(answer) => {
                            assert_eq!(answer.status, 201, "{uniqueid}: {}", answer.code());
                            confirmed.push(uniqueid);
                        }
                        // It has stopped: nobody listens any more.
                        Err(_) => break,
                    }
                }
                confirmed
            })
        })
        .collect();
    let superuser = db.superuser().await;
    let count = "select count(*) from call_logs where asterisk_uniqueid like 'load-%'";
    let flowing = || async {
        superuser
            .query_one(count, &[])
            .await
            .expect("a count")
            .get::<_, i64>(0)
            > 200
    };
    eventually("records are written", flowing).await;
    signal("TERM", &[api.pid()]);
    let mut confirmed = Vec::new();
    for worker in workers {
        confirmed.extend(worker.await.expect("a worker"));
    }
    ends(&api).await;
    let missing: Vec<String> = superuser
        .query(
            "select uniqueid from unnest($1::text[]) as c (uniqueid)
              where not exists (select from call_logs l where l.asterisk_uniqueid = c.uniqueid)",
            &[&confirmed],
        )
        .await
        .expect("a comparison")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(missing.is_empty(), "confirmed and lost: {missing:?}");
    assert!(confirmed.len() > 200);
    assert_consistent(&db).await;
    let gone = || async {
        let sql = "select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = 'capconduit serve'";
        superuser
            .query_one(sql, &[])
            .await
            .expect("activity")
            .get::<_, i64>(0)
            == 0
    };
    eventually("the service's connections are closed", gone).await;
}

/// Kept-alive connections without a request, and callers who neither send nor read, do not hold it up for ever.
#[tokio::test]
async fn callers_who_do_nothing_do_not_keep_it() {
    let db = TestDb::sample().await;
    call_logs(&db, ALICE, 60_000).await;
    let api = TestApi::start(&db).await;
    let session = cookie(&api, "seller_alice").await;
    let mut never_reads = slow_export(&api, &session).await;
    let mut idle = TcpStream::connect(api.address()).await.expect("a connection");
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: service\r\n\r\n")
        .await
        .expect("a request");
    let mut half = TcpStream::connect(api.address()).await.expect("a connection");
    half.write_all(b"GET /health HTTP/1.1\r\nhost:")
        .await
        .expect("half a request");
    bounded(never_reads.read_u8()).await.expect("the export begins");
    bounded(idle.read_u8()).await.expect("an answer");
    signal("TERM", &[api.pid()]);
    ends(&api).await;
}

/// Sessions are the database's: a new process knows them.
#[tokio::test]
async fn sessions_outlive_the_process() {
    let db = TestDb::sample().await;
    let first = TestApi::start(&db).await;
    let session = cookie(&first, "seller_alice").await;
    signal("TERM", &[first.pid()]);
    ends(&first).await;
    let second = TestApi::start(&db).await;
    let alice: Visitor = second.nobody().with("cookie", &session);
    let status: Value = alice.get("/api/auth/status").await.ok();
    assert_eq!(status["user"]["username"], "seller_alice");
}
