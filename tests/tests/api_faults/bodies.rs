//! Bodies that are too large, too deep, cut off, slow or no text: the documented error, and no memory spent on them.

use capconduit_tests::{SWITCH_TOKEN, TestApi, TestDb};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::support::{cookie, peak_mib};
use super::wire::{self, bounded, request, send, send_and_close, send_then_read};

const JSON: (&str, &str) = ("content-type", "application/json");

/// One write for every way to be let in: without a session, as a seller, as the switch.
async fn writes(api: &TestApi) -> Vec<(&'static str, (&'static str, String))> {
    vec![
        ("/api/auth/login", ("accept", "*/*".to_owned())),
        ("/api/seller/dids", ("cookie", cookie(api, "seller_alice").await)),
        (
            "/api/internal/log_call",
            ("x-internal-api-token", SWITCH_TOKEN.to_owned()),
        ),
        (
            "/api/internal/route_call",
            ("x-internal-api-token", SWITCH_TOKEN.to_owned()),
        ),
    ]
}

#[tokio::test]
async fn bad_bodies_get_their_documented_error() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let deep_list = "[".repeat(100_000).into_bytes();
    let deep_object = "{\"a\":".repeat(100_000).into_bytes();
    let deep_and_closed = [deep_list.clone(), "]".repeat(100_000).into_bytes()].concat();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("a list nested 100,000 levels", deep_list, 400, "malformed_json"),
        // 500 kB: too large before it is too deep.
        (
            "an object nested 100,000 levels",
            deep_object,
            413,
            "body_too_large",
        ),
        (
            "a complete list nested 100,000 levels",
            deep_and_closed,
            400,
            "malformed_json",
        ),
        (
            "an object nested 20,000 levels",
            "{\"a\":".repeat(20_000).into_bytes(),
            400,
            "malformed_json",
        ),
        (
            "not UTF-8",
            b"{\"username\": \"\xff\xfe\"}".to_vec(),
            400,
            "malformed_json",
        ),
        (
            "half a surrogate pair",
            br#"{"username": "\ud800"}"#.to_vec(),
            400,
            "malformed_json",
        ),
        (
            "a raw control character",
            b"{\"username\": \"a\x00b\"}".to_vec(),
            400,
            "malformed_json",
        ),
        (
            "a number out of range",
            br#"{"username": 1e999}"#.to_vec(),
            400,
            "malformed_json",
        ),
        (
            "text after the end",
            br#"{"username": "a"} x"#.to_vec(),
            400,
            "malformed_json",
        ),
        ("only a brace", b"{".to_vec(), 400, "malformed_json"),
        ("a list", b"[1]".to_vec(), 400, "not_an_object"),
        ("blanks", b" \r\n\t ".to_vec(), 400, "empty_body"),
        ("a BOM", b"\xef\xbb\xbf{}".to_vec(), 400, "malformed_json"),
        (
            "one byte too many",
            [b"\"", vec![b'x'; 256 * 1024].as_slice()].concat(),
            413,
            "body_too_large",
        ),
        ("8 MiB", vec![b' '; 8 * 1024 * 1024], 413, "body_too_large"),
    ];
    let before = peak_mib(&api);
    for (path, (name, value)) in writes(&api).await {
        for (what, body, status, code) in &cases {
            let bytes = request("POST", path, &[JSON, (name, &value)], body);
            let answer = send(api.address(), &bytes)
                .await
                .unwrap_or_else(|error| panic!("{path}, {what}: {error}"));
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (*status, *code),
                "{path}, {what}"
            );
        }
    }
    let grown = peak_mib(&api).saturating_sub(before);
    assert!(grown < 48, "bad bodies cost {grown} MiB");
    api.nobody().get("/ready").await.expect_status(200);
}

/// A client that reads nothing before it has sent all, as most do, learns why its body was refused.
#[tokio::test]
async fn who_sends_all_before_reading_gets_the_answer() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let body = vec![b' '; 5 * 1024 * 1024];
    for (path, (name, value)) in writes(&api).await {
        let bytes = request("POST", path, &[JSON, (name, &value)], &body);
        let answer = send_then_read(api.address(), &bytes)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    }
}

/// With a length that promises too much, it is refused from the head: nobody sends or keeps a gigabyte.
#[tokio::test]
async fn a_promised_gigabyte_is_refused_after_the_first_bytes() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    for (path, (name, value)) in writes(&api).await {
        let headers = [JSON, (name, value.as_str()), ("content-length", "1073741824")];
        let answer = send(api.address(), &request("POST", path, &headers, b"{"))
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_counted_as_it_comes() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let chunk = [b"4000\r\n", vec![b' '; 0x4000].as_slice(), b"\r\n"].concat();
    let endless = chunk.repeat(64);
    for (path, (name, value)) in writes(&api).await {
        let headers = [
            JSON,
            (name, value.as_str()),
            ("transfer-encoding", "chunked"),
            ("content-length", ""),
        ];
        let head = request("POST", path, &headers[..3], b"");
        let answer = send(api.address(), &[head.as_slice(), &endless].concat())
            .await
            .expect(path);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large"),
            "{path}"
        );

        let answer = send(api.address(), &[head.as_slice(), b"not a length\r\n"].concat())
            .await
            .expect(path);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_incomplete() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    for (path, (name, value)) in writes(&api).await {
        let headers = [JSON, (name, value.as_str()), ("content-length", "100")];
        let bytes = request("POST", path, &headers, br#"{"username": "seller"#);
        match send_and_close(api.address(), &bytes).await {
            Ok(answer) => {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (400, "incomplete_body"),
                    "{path}"
                );
            }
            // Who has closed both ways gets no answer, and needs none.
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{path}"),
        }
    }
    api.nobody().get("/ready").await.expect_status(200);
}

/// The rest never comes: 408, while other requests go on.
#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let mut stalled = Vec::new();
    for (path, (name, value)) in writes(&api).await {
        let headers = [JSON, (name, value.as_str()), ("content-length", "100")];
        let mut stream = TcpStream::connect(api.address()).await.expect("a connection");
        stream
            .write_all(&request("POST", path, &headers, b"{\"a\":"))
            .await
            .expect("half a request");
        stalled.push((path, stream));
    }
    for _ in 0..20 {
        api.switch()
            .get("/api/internal/route_info?did=%2B18005550101")
            .await
            .expect_status(200);
    }
    for (path, stream) in &mut stalled {
        let answer = bounded(wire::read(stream))
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "body_too_slow"),
            "{path}"
        );
    }
}
