//! Many connections, slow ones, and heads that nobody should send: others are served meanwhile, and memory stays bounded.

use std::time::Duration;

use capconduit_tests::{TestApi, TestDb};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::support::{ALICE, call_logs, cookie, eventually, peak_mib};
use super::wire::{bounded, request, send};

/// More than the service has connections to the database.
const READERS: usize = 16;

/// Heads that come a byte at a time (slowloris) are given up after the header timeout.
#[tokio::test]
async fn slow_heads_lose_their_connection_and_hurt_nobody() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: service\r\nx-slow: ")
            .await
            .expect("half a head");
        slow.push(stream);
    }
    for _ in 0..5 {
        for stream in &mut slow {
            stream
                .write_all(b"a")
                .await
                .expect("the connection is still open");
        }
        api.nobody().get("/ready").await.expect_status(200);
    }
    for mut stream in slow {
        // 408 or nothing at all, then the end: the service does not wait for the rest.
        let mut rest = Vec::new();
        let _ = bounded(stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    api.nobody().get("/ready").await.expect_status(200);
}

#[tokio::test]
async fn hundreds_of_connections_cost_little_and_others_are_served() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let alice = api.nobody().with("cookie", &cookie(&api, "seller_alice").await);
    let before = peak_mib(&api);
    let mut open = Vec::new();
    for number in 0..800 {
        let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
        if number % 2 == 0 {
            // Kept alive after an answer, as browsers and proxies do.
            stream
                .write_all(b"GET /health HTTP/1.1\r\nhost: service\r\n\r\n")
                .await
                .expect("a request");
        }
        open.push(stream);
    }
    for _ in 0..10 {
        alice.get("/api/seller/dids").await.expect_status(200);
    }
    let grown = peak_mib(&api).saturating_sub(before);
    assert!(grown < 48, "800 connections cost {grown} MiB");
    drop(open);
    alice.get("/api/seller/dids").await.expect_status(200);
}

#[tokio::test]
async fn heads_that_are_too_large_or_nonsense_are_refused() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let huge = "x".repeat(200_000);
    let many: Vec<(String, &str)> = (0..2_000).map(|n| (format!("x-{n}"), "1")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let before = peak_mib(&api);
    for (what, bytes, statuses) in [
        (
            "a huge header",
            request("GET", "/health", &[("x-huge", &huge)], b""),
            [431, 431],
        ),
        (
            "a huge cookie",
            request("GET", "/api/auth/status", &[("cookie", &huge)], b""),
            [431, 431],
        ),
        ("2,000 headers", request("GET", "/health", &many, b""), [431, 431]),
        (
            "a huge address",
            request("GET", &format!("/{huge}"), &[], b""),
            [414, 431],
        ),
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            [400, 400],
        ),
        (
            "a bad header name",
            request("GET", "/health", &[("x y", "1")], b""),
            [400, 400],
        ),
        (
            "another version",
            b"GET /health HTTP/7.3\r\n\r\n".to_vec(),
            [400, 505],
        ),
    ] {
        let answer = send(api.address(), &bytes)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(statuses.contains(&answer.status), "{what}: {}", answer.status);
    }
    assert!(peak_mib(&api).saturating_sub(before) < 32);
    api.nobody().get("/ready").await.expect_status(200);
}

/// Two lengths, or a length beside chunks, are how requests are smuggled past a proxy.
#[tokio::test]
async fn ambiguous_lengths_are_refused_or_read_in_one_way() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let json = ("content-type", "application/json");
    let twice = [json, ("content-length", "2"), ("content-length", "40")];
    let answer = send(api.address(), &request("POST", "/api/auth/login", &twice, b"{}"))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 400);
    let both = [json, ("transfer-encoding", "chunked"), ("content-length", "5")];
    let smuggled = b"0\r\n\r\nGET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
    stream
        .write_all(&request("POST", "/api/auth/login", &both, smuggled))
        .await
        .expect("sent");
    let mut all = Vec::new();
    let _ = bounded(stream.read_to_end(&mut all)).await;
    let answers = all.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
    assert!(answers <= 1, "{}", String::from_utf8_lossy(&all));
}

/// Who asks for much and does not read holds neither a database connection nor much memory, and is given up in the end.
#[tokio::test]
#[ignore = "long: until they are given up"]
async fn readers_that_stop_reading_hold_nothing() {
    let db = TestDb::sample().await;
    call_logs(&db, ALICE, 60_000).await;
    let api = TestApi::start(&db).await;
    let session = cookie(&api, "seller_alice").await;
    let before = peak_mib(&api);
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small window");
        let address = api.address().parse().expect("an address");
        let mut stream = socket.connect(address).await.expect("a connection");
        let bytes = request("GET", "/api/seller/logs.csv", &[("cookie", &session)], b"");
        stream.write_all(&bytes).await.expect("a request");
        stalled.push(stream);
    }
    // They take what the network holds; then the service has nothing more to do for them.
    let stalled_all = || async {
        let before = api.processor_ticks();
        tokio::time::sleep(Duration::from_secs(1)).await;
        api.processor_ticks() <= before + 1
    };
    eventually("the exports have stalled", stalled_all).await;
    assert!(sockets(api.pid()) > READERS, "the readers are still there");
    let alice = api.nobody().with("cookie", &session);
    for _ in 0..20 {
        alice.get("/api/seller/dids").await.expect_status(200);
    }
    let grown = peak_mib(&api).saturating_sub(before);
    assert!(grown < 64, "{READERS} readers that do not read cost {grown} MiB");
    let pid = api.pid();
    eventually(
        "readers that stopped reading lost their connections",
        || async move { sockets(pid) < READERS },
    )
    .await;
    drop(stalled);
}

/// Open sockets of a process: its listeners and its pool among them.
fn sockets(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the service lives")
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
        })
        .count()
}
