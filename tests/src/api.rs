//! The REST service as it is deployed: `capconduit serve` as a process of its own on a free port, and visitors who send
//! it real requests. Owns: its start, its certain end, and how an answer is read.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cluster::free_port;
use crate::guarded::Guarded;
use crate::{API, TestDb, project};

/// The token of the internal API, unless a test sets others.
pub const SWITCH_TOKEN: &str = "test-switch-token-0001";

#[derive(Debug)]
pub struct TestApi {
    process: Guarded,
    address: String,
    metrics_address: String,
}

impl TestApi {
    pub async fn start(db: &TestDb) -> Self {
        Self::start_with(db, &[]).await
    }

    /// With environment variables of its own: the service's settings.
    pub async fn start_with(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let api = Self::start_unready(db, settings).await;
        api.nobody().get("/ready").await.expect_status(200);
        api
    }

    /// The same on a database that it cannot serve yet, or with another build of it (CAPCONDUIT_BIN).
    pub async fn start_unready(db: &TestDb, settings: &[(&str, &str)]) -> Self {
        let (address, metrics_address) = (loopback(), loopback());
        let url = db.url(API);
        let defaults = [
            ("DATABASE_URL", url.as_str()),
            ("CAPCONDUIT_LISTEN", address.as_str()),
            ("CAPCONDUIT_METRICS_LISTEN", metrics_address.as_str()),
            ("CAPCONDUIT_WITHOUT_TLS", "true"),
            ("CAPCONDUIT_POOL_SIZE", "4"),
            ("INTERNAL_API_TOKEN", SWITCH_TOKEN),
        ];
        let process = Guarded::start("serve", defaults.into_iter().chain(settings.iter().copied()));
        let api = Self {
            process,
            address,
            metrics_address,
        };
        api.listens().await;
        api
    }

    async fn listens(&self) {
        for _ in 0..600 {
            if TcpStream::connect(&self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the service does not listen; it said:\n{}", self.log());
    }

    /// Without any credential.
    pub fn nobody(&self) -> Visitor {
        Visitor::of(&self.address)
    }

    /// With the cookie of a new session.
    pub async fn login(&self, username: &str, password: &str) -> Visitor {
        let body = serde_json::json!({"username": username, "password": password});
        let answer = self.nobody().post("/api/auth/login", body).await;
        self.nobody()
            .with("cookie", &answer.expect_status(200).session_cookie())
    }

    pub fn bearer(&self, token: &str) -> Visitor {
        self.nobody().with("authorization", &format!("Bearer {token}"))
    }

    pub fn switch(&self) -> Visitor {
        self.nobody().with("x-internal-api-token", SWITCH_TOKEN)
    }

    pub async fn metrics(&self) -> String {
        Visitor::of(&self.metrics_address)
            .get("/metrics")
            .await
            .expect_status(200)
            .text()
    }

    /// Everything that the service has written to its log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn metrics_address(&self) -> &str {
        &self.metrics_address
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The processor time it has used, in clock ticks: unlike time on the clock, others' work does not add to it.
    pub fn processor_ticks(&self) -> u64 {
        project::processor_ticks(self.pid())
    }
}

pub(crate) fn loopback() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// Somebody who sends requests, with the headers that say who it is.
#[derive(Debug, Clone)]
pub struct Visitor {
    address: String,
    /// Where the address is, when it is not the machine's own.
    network: Option<String>,
    headers: Vec<(String, String)>,
}

impl Visitor {
    /// Without any credential.
    pub fn of(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            network: None,
            headers: Vec::new(),
        }
    }

    /// In a network namespace.
    pub fn inside(self, network: Option<&str>) -> Self {
        Self {
            network: network.map(str::to_owned),
            ..self
        }
    }

    pub(crate) async fn connect(&self) -> std::io::Result<TcpStream> {
        let Some(network) = &self.network else {
            return TcpStream::connect(&self.address).await;
        };
        let address = self.address.clone();
        let stream = project::inside(network, || std::net::TcpStream::connect(address))?;
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream)
    }

    /// The same with one more header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut visitor = self.clone();
        visitor.headers.push((name.into(), value.into()));
        visitor
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, None, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, None, Bytes::new()).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        match body {
            Some(body) => {
                self.raw(method, path, Some("application/json"), body.to_string().into())
                    .await
            }
            None => self.raw(method, path, None, Bytes::new()).await,
        }
    }

    /// Any bytes as the body, on a connection of its own.
    pub async fn raw(&self, method: &str, path: &str, content_type: Option<&str>, body: Bytes) -> Answer {
        let answer = self.exchange(method, path, content_type, body).await;
        answer.unwrap_or_else(|problem| panic!("{method} {path}: {problem}"))
    }

    /// To a service that may be gone, or die meanwhile.
    pub async fn try_send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let content_type = body.map(|_| "application/json");
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        self.exchange(method, path, content_type, body).await
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path)
            .header("host", &self.address);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).expect("a request");
        let what = format!("{method} {path}");
        // Far above any limit of the service's own: a hang is a failure, not a hung test.
        let answer = tokio::time::timeout(Duration::from_secs(60), self.ask(request, what));
        answer.await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn ask(&self, request: Request<Full<Bytes>>, what: String) -> Result<Answer, String> {
        let stream = self
            .connect()
            .await
            .map_err(|error| format!("the service does not listen: {error}"))?;
        let said = |error: hyper::Error| error.to_string();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(said)?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(said)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.map_err(said)?.to_bytes();
        connection.abort();
        Ok(Answer {
            what,
            status,
            headers,
            body,
        })
    }
}

#[derive(Debug, Clone)]
pub struct Answer {
    /// The request, for messages.
    pub what: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap_or_else(|_| panic!("{}: not UTF-8", self.what))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.what, self.text()))
    }

    /// The body of a success.
    pub fn ok(self) -> Value {
        assert!(
            matches!(self.status, 200 | 201),
            "{}: {} {}",
            self.what,
            self.status,
            self.text()
        );
        assert_eq!(self.content_type(), "application/json", "{}", self.what);
        self.json()
    }

    /// The body of an error, after its shape was checked.
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect_status(status);
        let body = answer.json();
        assert_eq!(
            answer.content_type(),
            "application/problem+json",
            "{}",
            answer.what
        );
        assert_eq!(body["status"], status, "{}: {body}", answer.what);
        assert_eq!(body["code"], code, "{}: {body}", answer.what);
        for key in ["type", "title", "message"] {
            let text = body[key].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{}: {key} in {body}",
                answer.what
            );
        }
        body
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type")
    }

    /// Empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("a textual header"))
    }

    /// `session=…` as a browser would send it back.
    pub fn session_cookie(&self) -> String {
        let cookie = self.header("set-cookie");
        let (pair, _) = cookie.split_once(';').expect("a cookie with attributes");
        pair.to_owned()
    }
}
