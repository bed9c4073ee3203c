//! SIP by hand, byte by byte: what no SIPp scenario can send. Owns: how a request is written and its answer waited for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::site::{Place, Site};
use super::switch::TestAsterisk;
use crate::{project, unique};

#[derive(Debug)]
enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

/// One end of a call at a trunk's address, or a stranger's.
#[derive(Debug)]
pub struct RawCaller {
    wire: Wire,
    at: String,
    dialog: Dialog,
}

/// Its type and itself.
type Body = (String, Vec<u8>);

/// Whatever a request may say, each part as bytes.
#[derive(Debug, Clone)]
pub struct Raw {
    pub uri: Vec<u8>,
    pub from: Vec<u8>,
    pub to: Option<Vec<u8>>,
    pub call_id: Vec<u8>,
    /// Further header lines, each with its end.
    pub headers: Vec<u8>,
    pub body: Option<Body>,
}

#[derive(Debug, Clone, Default)]
struct Dialog {
    request: Option<Raw>,
    from_tag: u64,
    to_tag: String,
    contact: String,
    /// The proxy that wants to see what follows.
    route: String,
    cseq: u32,
}

impl Raw {
    /// A call to this user part.
    pub fn call(switch: &TestAsterisk, user: impl AsRef<[u8]>) -> Self {
        let uri = [b"sip:", user.as_ref(), b"@", switch.address().as_bytes()].concat();
        Self {
            uri,
            from: b"\"Jane Doe\" <sip:+15550001111@carrier.example>".to_vec(),
            to: None,
            call_id: format!("raw-{}-{}", std::process::id(), unique()).into_bytes(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn with_header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers
            .extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        self
    }
}

#[derive(Debug, Clone)]
pub struct Reply(pub Vec<u8>);

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    pub fn status(&self) -> Option<u16> {
        let text = self.text();
        text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    pub fn header(&self, name: &str) -> String {
        let text = self.text();
        let line = text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        line.unwrap_or_default()
    }

    /// Where its SDP wants the media.
    pub fn media(&self) -> Option<SocketAddr> {
        let text = self.text();
        let line = |start| text.lines().find_map(|line| line.strip_prefix(start));
        let address = line("c=IN IP4 ")?.trim().parse().ok()?;
        let port = line("m=audio ")?.split(' ').next()?.parse().ok()?;
        Some(SocketAddr::new(address, port))
    }

    fn tag(&self, name: &str) -> String {
        self.header(name)
            .split_once(";tag=")
            .map_or(String::new(), |(_, tag)| tag.to_owned())
    }
}

impl RawCaller {
    pub async fn udp(site: &Arc<Site>, switch: &TestAsterisk, place: Place) -> Self {
        Self::udp_to(site, switch.address(), place).await
    }

    /// To a proxy in front of the switch.
    pub async fn udp_to(site: &Arc<Site>, target: &str, place: Place) -> Self {
        let address = site.address(place);
        let socket = UdpSocket::from_std(site.socket(&address, 5060)).expect("a socket");
        socket.connect((target, 5060)).await.expect("an address");
        Self::on(Wire::Udp(socket), format!("{address}:5060"))
    }

    pub async fn tcp(site: &Arc<Site>, switch: &TestAsterisk, place: Place) -> Self {
        let address = site.address(place);
        let socket = project::inside(site.name(), TcpSocket::new_v4).expect("a socket");
        socket
            .bind(format!("{address}:0").parse().expect("an address"))
            .expect("it is free");
        let target = format!("{}:5060", switch.address());
        let stream = socket
            .connect(target.parse().expect("an address"))
            .await
            .expect("the switch listens");
        let at = stream.local_addr().expect("an address").to_string();
        Self::on(Wire::Tcp(stream, Vec::new()), at)
    }

    fn on(wire: Wire, at: String) -> Self {
        Self {
            wire,
            at,
            dialog: Dialog::default(),
        }
    }

    /// An INVITE with media, and what comes of it: its final reply, acknowledged; none when the switch says nothing.
    pub async fn invite(&mut self, request: &Raw) -> Option<Reply> {
        let reply = self.invite_unacknowledged(request).await?;
        self.acknowledge().await;
        Some(reply)
    }

    /// The same without the ACK.
    pub async fn invite_unacknowledged(&mut self, request: &Raw) -> Option<Reply> {
        let host = self.address();
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
        );
        let mut request = request.clone();
        request
            .body
            .get_or_insert_with(|| ("application/sdp".to_owned(), offer.into_bytes()));
        self.dialog = Dialog {
            from_tag: unique(),
            cseq: 1,
            ..Dialog::default()
        };
        self.dialog.request = Some(request);
        self.send("INVITE", None).await;
        // The switch says 100 at once, or never anything.
        let first = self.receive(Instant::now() + Duration::from_secs(5)).await?;
        let reply = if first.status() == Some(100) {
            self.reply("INVITE", Duration::from_secs(20)).await?
        } else {
            first
        };
        self.dialog.to_tag = reply.tag("To");
        self.dialog.route = reply.header("Record-Route");
        self.dialog.contact = reply.header("Contact").trim_matches(['<', '>']).to_owned();
        Some(reply)
    }

    pub async fn acknowledge(&mut self) {
        self.send("ACK", None).await;
    }

    /// A request inside the dialog, and its final reply; none when there is none within the time.
    pub async fn ask(&mut self, method: &str, headers: &str, body: Option<(&str, &str)>) -> Option<Reply> {
        self.dialog.cseq += 1;
        let body = body.map(|(kind, text)| (kind.to_owned(), text.as_bytes().to_vec()));
        self.send(method, Some((headers, body))).await;
        self.reply(method, Duration::from_secs(5)).await
    }

    pub async fn bye(&mut self) {
        let reply = self.ask("BYE", "", None).await.expect("an answer to BYE");
        assert_eq!(reply.status(), Some(200), "{}", reply.text());
    }

    /// One request outside any dialog.
    pub async fn ask_outside(&mut self, method: &str, request: &Raw) -> Option<Reply> {
        self.dialog = Dialog {
            request: Some(request.clone()),
            from_tag: unique(),
            cseq: 1,
            ..Dialog::default()
        };
        self.send(method, None).await;
        self.reply(method, Duration::from_secs(5)).await
    }

    /// Whatever comes next.
    pub async fn next(&mut self, patience: Duration) -> Option<Reply> {
        self.receive(Instant::now() + patience).await
    }

    /// These bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Udp(socket) => drop(socket.send(bytes).await.expect("sent")),
            Wire::Tcp(stream, _) => stream.write_all(bytes).await.expect("sent"),
        }
    }

    async fn send(&mut self, method: &str, inside: Option<(&str, Option<Body>)>) {
        let Dialog {
            request,
            from_tag,
            to_tag,
            contact,
            route,
            cseq,
        } = self.dialog.clone();
        let request = request.expect("a request");
        let first = inside.is_none() && method != "ACK";
        let uri = if first || contact.is_empty() {
            request.uri.clone()
        } else {
            contact.into_bytes()
        };
        let to = request
            .to
            .clone()
            .unwrap_or_else(|| [b"<", request.uri.as_slice(), b">"].concat());
        let to_tag = if first || to_tag.is_empty() {
            String::new()
        } else {
            format!(";tag={to_tag}")
        };
        let transport = if matches!(self.wire, Wire::Udp(_)) {
            "UDP"
        } else {
            "TCP"
        };
        let at = &self.at;
        let mut bytes = [method.as_bytes(), b" ", &uri, b" SIP/2.0\r\n"].concat();
        bytes.extend(
            format!(
                "Via: SIP/2.0/{transport} {at};rport;branch=z9hG4bK{}\r\n",
                unique()
            )
            .into_bytes(),
        );
        bytes.extend(
            [
                b"From: ",
                request.from.as_slice(),
                format!(";tag={from_tag}\r\n").as_bytes(),
            ]
            .concat(),
        );
        bytes.extend([b"To: ", to.as_slice(), to_tag.as_bytes(), b"\r\n"].concat());
        bytes.extend([b"Call-ID: ", request.call_id.as_slice(), b"\r\n"].concat());
        bytes.extend(
            format!("CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:raw@{at}>\r\n").into_bytes(),
        );
        let (headers, body) = match inside {
            Some((headers, body)) => (headers.as_bytes().to_vec(), body),
            None if first => (request.headers.clone(), request.body.clone()),
            None => (Vec::new(), None),
        };
        bytes.extend(headers);
        if !first && !route.is_empty() {
            bytes.extend(format!("Route: {route}\r\n").into_bytes());
        }
        let (kind, body) = body.unwrap_or_default();
        if !body.is_empty() {
            bytes.extend(format!("Content-Type: {kind}\r\n").into_bytes());
        }
        bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
        bytes.extend(body);
        self.send_bytes(&bytes).await;
    }

    async fn reply(&mut self, method: &str, patience: Duration) -> Option<Reply> {
        let until = Instant::now() + patience;
        let cseq = format!("{} {method}", self.dialog.cseq);
        loop {
            let reply = self.receive(until).await?;
            if reply.status().is_some_and(|status| status >= 200) && reply.header("CSeq") == cseq {
                return Some(reply);
            }
        }
    }

    async fn receive(&mut self, until: Instant) -> Option<Reply> {
        let mut bytes = vec![0; 65_536];
        match &mut self.wire {
            Wire::Udp(socket) => {
                let length = timeout_at(until, socket.recv(&mut bytes)).await.ok()?.ok()?;
                bytes.truncate(length);
                Some(Reply(bytes))
            }
            Wire::Tcp(stream, left) => loop {
                if let Some(length) = whole_message(left) {
                    return Some(Reply(left.drain(..length).collect()));
                }
                match timeout_at(until, stream.read(&mut bytes)).await.ok()?.ok()? {
                    0 => return None,
                    length => left.extend_from_slice(&bytes[..length]),
                }
            },
        }
    }

    /// Where it wants its media.
    pub fn address(&self) -> &str {
        self.at.split(':').next().expect("a host")
    }

    /// Our tag of the dialog, and the switch's.
    pub fn tags(&self) -> (String, String) {
        (self.dialog.from_tag.to_string(), self.dialog.to_tag.clone())
    }
}

/// The length of the first message that is there whole.
fn whole_message(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = Reply(bytes[..head].to_vec())
        .header("Content-Length")
        .parse()
        .unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}
