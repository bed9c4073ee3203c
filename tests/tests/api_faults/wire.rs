//! HTTP by hand: requests that no well-behaved client sends, cut off, held back or broken. Owns: how their answers are
//! read, and that nobody waits for ever.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far above any limit of the service's own: whatever takes longer hangs.
const HANG: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub struct Wired {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Wired {
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request as text. `Connection: close`, so that the end of the connection is the end of the answer.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: service\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-length") {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

pub async fn send(address: &str, bytes: &[u8]) -> io::Result<Wired> {
    bounded(async {
        let (mut reading, mut writing) = TcpStream::connect(address).await?.into_split();
        // Written beside the reading: the service may answer before it has taken everything.
        let bytes = bytes.to_vec();
        let writer = tokio::spawn(async move {
            let _ = writing.write_all(&bytes).await;
            writing
        });
        let answer = read(&mut reading).await;
        writer.abort();
        answer
    })
    .await
}

/// Sends all before it reads anything, and keeps its side of the connection open, as most clients do.
pub async fn send_then_read(address: &str, bytes: &[u8]) -> io::Result<Wired> {
    bounded(async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(bytes).await?;
        read(&mut stream).await
    })
    .await
}

/// Sends, then ends its side of the connection: the service learns that nothing more will come.
pub async fn send_and_close(address: &str, bytes: &[u8]) -> io::Result<Wired> {
    bounded(async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(bytes).await?;
        stream.shutdown().await?;
        read(&mut stream).await
    })
    .await
}

pub async fn bounded<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(HANG, work)
        .await
        .unwrap_or_else(|_| panic!("no answer within {} seconds", HANG.as_secs()))
}

/// Reads one answer to the end of the connection; an answer that ends too early is an error.
pub async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Wired> {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    match parse(&bytes) {
        Some(answer) => Ok(answer),
        None => Err(end.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())),
    }
}

fn parse(bytes: &[u8]) -> Option<Wired> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let rest = &bytes[head_end + 4..];
    let body = if headers
        .get("transfer-encoding")
        .is_some_and(|coding| coding == "chunked")
    {
        unchunked(rest)?
    } else {
        let length = headers
            .get("content-length")
            .map_or(Some(rest.len()), |text| text.parse().ok())?;
        (rest.len() == length).then(|| rest.to_vec())?
    };
    Some(Wired { status, body })
}

/// None when the closing chunk is missing.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line_end]).ok()?, 16).ok()?;
        rest = rest.get(line_end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
