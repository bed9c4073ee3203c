//! Counts per trunk what no record tells: calls that Asterisk refuses before they reach the dialplan, by status, and answered
//! calls that ended without the caller's ACK. Asterisk sends a copy of each SIP message here (HEP,
//! hep.conf) over loopback. Of a message nothing is kept but a digest of its Call-ID and CSeq: what is sent again is counted
//! once.
//!
//! A refusal of the dialplan carries a Reason with its cause; one of the SIP stack has none. Not counted: 401 and 407, which
//! ask for a password, 487, the answer to a CANCEL, and what is said to an INVITE within a call.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::asterisk::Asterisk;
use super::health::Health;
use crate::access::secret;
use crate::process::running;

/// How long the list of the trunks' addresses is used. Too low: work for nothing. Too high: a new trunk's refusals are not
/// counted for so long.
const TRUNKS_EVERY: Duration = Duration::from_secs(60);

/// What is sent again until it is acknowledged. So many requests of each kind are remembered, 16 bytes each.
const REMEMBERED: usize = 10_000;

/// After a failed read of the socket. Too low: a socket that keeps failing takes a core. Too high: copies are lost.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

pub struct Watcher {
    pub socket: UdpSocket,
    pub asterisk: Asterisk,
    pub health: Arc<Health>,
}

/// Addresses of one trunk: the first `length` bits of one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trunk {
    name: String,
    address: IpAddr,
    length: u32,
}

/// A digest of Call-ID and CSeq.
type Request = [u8; 16];

/// A digest of the Call-ID.
type Call = [u8; 16];

#[derive(Debug, PartialEq, Eq)]
enum Message {
    /// An INVITE within a call, whose answers are no refusals of a call. Asterisk's own have a Reason; those of its SIP library
    /// may have none.
    InDialog(Request),
    /// A final answer to an INVITE that refuses it.
    Refusal {
        to: IpAddr,
        status: u16,
        request: Request,
    },
    /// An INVITE was answered.
    Answer {
        to: IpAddr,
        call: Call,
    },
    /// The answer has arrived.
    Acknowledged(Call),
    Bye {
        to: IpAddr,
        call: Call,
    },
}

impl Watcher {
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut bytes = vec![0; 65_536];
        let mut trunks: (Vec<Trunk>, Option<Instant>) = (Vec::new(), None);
        let mut counted = Remembered::default();
        let mut ended = Remembered::default();
        // And to whom each answer went.
        let mut unacknowledged = Remembered::default();
        loop {
            let length = tokio::select! {
                received = self.socket.recv_from(&mut bytes) => match received {
                    Ok((length, from)) if is_own(from) => length,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::debug!(%error, "a copy of a SIP message was not received");
                        tokio::time::sleep(AFTER_FAILURE).await;
                        continue;
                    }
                },
                () = running::stopped(&mut stop) => return,
            };
            let Some(message) = read(&bytes[..length]) else {
                continue;
            };
            let to = match message {
                Message::InDialog(request) => {
                    counted.is_new(request, ());
                    continue;
                }
                Message::Acknowledged(call) => {
                    unacknowledged.forget(&call);
                    continue;
                }
                // Asterisk's own goes where the answer went. After the first an answer that is sent again means nothing.
                Message::Bye { to, call } => {
                    ended.is_new(call, ());
                    if unacknowledged.forget(&call) != Some(to) {
                        continue;
                    }
                    to
                }
                Message::Answer { call, .. } if ended.known.contains_key(&call) => continue,
                Message::Refusal { to, .. } | Message::Answer { to, .. } => to,
            };
            if trunks.1.is_none_or(|at| at.elapsed() > TRUNKS_EVERY) {
                if let Ok(text) = self.asterisk.identifies().await {
                    trunks.0 = read_trunks(&text);
                }
                trunks.1 = Some(Instant::now());
            }
            let Some(trunk) = trunk_of(&trunks.0, to) else {
                continue;
            };
            match message {
                Message::Refusal { status, request, .. } if counted.is_new(request, ()) => {
                    self.health.refused_before_the_dialplan(trunk, status);
                }
                Message::Answer { call, .. } => drop(unacknowledged.is_new(call, to)),
                Message::Bye { .. } => self.health.never_acknowledged(trunk),
                _ => {}
            }
        }
    }
}

/// Only this machine's own word is taken: whoever else could send here would make counts, and push out what is remembered.
pub fn is_own(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The last requests of a kind, or calls, and something about each.
struct Remembered<T> {
    known: HashMap<Request, T>,
    order: VecDeque<Request>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<T> Remembered<T> {
    fn is_new(&mut self, request: Request, about: T) -> bool {
        if self.known.insert(request, about).is_some() {
            return false;
        }
        self.order.push_back(request);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    fn forget(&mut self, request: &Request) -> Option<T> {
        self.known.remove(request)
    }
}

/// The destination, IPv4 or IPv6, and the message stand in HEP's chunks: vendor, kind, length, value.
fn read(packet: &[u8]) -> Option<Message> {
    const TO_IPV4: u16 = 4;
    const TO_IPV6: u16 = 6;
    const MESSAGE: u16 = 15;
    let mut rest = packet.strip_prefix(b"HEP3")?.get(2..)?;
    let (mut to, mut message) = (None, None);
    while let Some(head) = rest.get(..6) {
        let number = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let value = rest.get(6..number(4).into())?;
        match number(2) {
            TO_IPV4 => to = <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
            TO_IPV6 => to = <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
            MESSAGE => message = Some(value),
            _ => {}
        }
        rest = &rest[number(4).into()..];
    }
    let message = message?;
    if message.starts_with(b"INVITE ") {
        let is_in_dialog = header(message, "To", "t")?
            .to_ascii_lowercase()
            .windows(5)
            .any(|part| part == b";tag=");
        return is_in_dialog
            .then(|| request(message))
            .flatten()
            .map(Message::InDialog);
    }
    if message.starts_with(b"ACK ") {
        return call(message).map(Message::Acknowledged);
    }
    if message.starts_with(b"BYE ") {
        let call = call(message)?;
        return Some(Message::Bye { to: to?, call });
    }
    let status: u16 = std::str::from_utf8(message.strip_prefix(b"SIP/2.0 ")?.get(..3)?)
        .ok()?
        .parse()
        .ok()?;
    if !header(message, "CSeq", "CSeq")?.ends_with(b"INVITE") {
        return None;
    }
    if (200..=299).contains(&status) {
        let call = call(message)?;
        return Some(Message::Answer { to: to?, call });
    }
    let refuses = (400..=699).contains(&status)
        && ![401, 407, 487].contains(&status)
        && header(message, "Reason", "Reason").is_none();
    refuses.then_some(())?;
    Some(Message::Refusal {
        to: to?,
        status,
        request: request(message)?,
    })
}

fn call(message: &[u8]) -> Option<Call> {
    let call_id = header(message, "Call-ID", "i")?;
    secret::hash_parts(&[call_id]).first_chunk().copied()
}

fn request(message: &[u8]) -> Option<Request> {
    let call_id = header(message, "Call-ID", "i")?;
    let sequence = header(message, "CSeq", "CSeq")?;
    secret::hash_parts(&[call_id, sequence]).first_chunk().copied()
}

/// A header's value, by its name or its short form: carriers send either, and Asterisk does with `compact_headers`.
fn header<'a>(message: &'a [u8], name: &str, short: &str) -> Option<&'a [u8]> {
    message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .find_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let key = line[..colon].trim_ascii();
            let found =
                key.eq_ignore_ascii_case(name.as_bytes()) || key.eq_ignore_ascii_case(short.as_bytes());
            found.then(|| line[colon + 1..].trim_ascii())
        })
}

/// `Identify:  trunk-a-address/trunk-a`, and a line `Match: 192.0.2.0/28` for each of its addresses.
fn read_trunks(text: &str) -> Vec<Trunk> {
    let mut trunks = Vec::new();
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if let Some(identify) = line.strip_prefix("Identify:") {
            name = identify
                .trim()
                .rsplit_once('/')
                .map(|(_, endpoint)| endpoint.to_owned());
        } else if let Some(addresses) = line.strip_prefix("Match:")
            && let Some(name) = &name
        {
            trunks.extend(read_trunk(name, addresses.trim()));
        }
    }
    trunks
}

fn read_trunk(name: &str, addresses: &str) -> Option<Trunk> {
    let (address, length) = addresses
        .split_once('/')
        .map_or((addresses, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.parse().ok().filter(|length| *length <= whole)?,
        None => whole,
    };
    Some(Trunk {
        name: name.to_owned(),
        address,
        length,
    })
}

/// The narrowest that has the address.
fn trunk_of(trunks: &[Trunk], address: IpAddr) -> Option<&str> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let same = |trunk: &&Trunk| {
        let differ = bits(trunk.address) ^ bits(address);
        trunk.address.is_ipv4() == address.is_ipv4() && differ.leading_zeros() >= trunk.length
    };
    let found = trunks.iter().filter(same).max_by_key(|trunk| trunk.length);
    found.map(|trunk| trunk.name.as_str())
}

#[cfg(test)]
mod tests;
