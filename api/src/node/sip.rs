//! What Asterisk refuses before a call reaches the dialplan has no record. Asterisk sends a copy of each SIP message here
//! (HEP, hep.conf), and what it says to a trunk is counted, per trunk and status. Nothing is kept of a message.
//!
//! A refusal of the dialplan carries a Reason with its cause; one of the SIP stack has none.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::asterisk::Asterisk;
use super::health::Health;
use crate::serve::listener;

/// How long the trunks' addresses are taken for what they were. Too low: work for nothing. Too high: a new trunk's refusals
/// are not counted so long.
const TRUNKS_EVERY: Duration = Duration::from_secs(60);

/// A refusal is sent again until it is acknowledged: so many are remembered, to be counted once.
const REMEMBERED: usize = 10_000;

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

/// A response of ours to an INVITE.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    to: IpAddr,
    status: u16,
    /// Call-ID and CSeq.
    request: (Vec<u8>, Vec<u8>),
}

impl Watcher {
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut bytes = vec![0; 65_536];
        let mut trunks: (Vec<Trunk>, Option<Instant>) = (Vec::new(), None);
        let mut counted = Counted::default();
        loop {
            let length = tokio::select! {
                received = self.socket.recv(&mut bytes) => match received {
                    Ok(length) => length,
                    Err(error) => {
                        tracing::debug!(%error, "a copy of a SIP message was not received");
                        continue;
                    }
                },
                () = listener::stopped(&mut stop) => return,
            };
            let Some(refusal) = read(&bytes[..length]) else {
                continue;
            };
            if trunks.1.is_none_or(|at| at.elapsed() > TRUNKS_EVERY) {
                if let Ok(text) = self.asterisk.identifies().await {
                    trunks.0 = read_trunks(&text);
                }
                trunks.1 = Some(Instant::now());
            }
            if let Some(trunk) = trunk_of(&trunks.0, refusal.to)
                && counted.is_new(refusal.request)
            {
                self.health.refused_before_the_dialplan(trunk, refusal.status);
            }
        }
    }
}

#[derive(Default)]
struct Counted {
    known: HashSet<(Vec<u8>, Vec<u8>)>,
    order: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl Counted {
    fn is_new(&mut self, request: (Vec<u8>, Vec<u8>)) -> bool {
        if !self.known.insert(request.clone()) {
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
}

/// Destination, IPv4 or IPv6, and the message, in HEP's chunks: vendor, kind, length, value.
fn read(packet: &[u8]) -> Option<Refusal> {
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
    let status: u16 = std::str::from_utf8(message.strip_prefix(b"SIP/2.0 ")?.get(..3)?)
        .ok()?
        .parse()
        .ok()?;
    let sequence = header(message, "CSeq")?;
    // 487 is the answer to a CANCEL.
    let refuses = status >= 400
        && status != 487
        && sequence.ends_with(b"INVITE")
        && header(message, "Reason").is_none();
    refuses.then_some(())?;
    Some(Refusal {
        to: to?,
        status,
        request: (header(message, "Call-ID")?.to_vec(), sequence.to_vec()),
    })
}

/// As Asterisk writes it, never in the short form.
fn header<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .find_map(|line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            key.eq_ignore_ascii_case(name.as_bytes())
                .then(|| value.trim_ascii())
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
mod tests {
    use super::*;

    fn packet(to: [u8; 4], message: &str) -> Vec<u8> {
        let mut chunks = Vec::new();
        for (kind, value) in [(4_u16, &to[..]), (15, message.as_bytes())] {
            chunks.extend(
                [0_u16, kind, 6 + value.len() as u16]
                    .into_iter()
                    .flat_map(u16::to_be_bytes),
            );
            chunks.extend(value);
        }
        [b"HEP3", &(6 + chunks.len() as u16).to_be_bytes()[..], &chunks].concat()
    }

    #[test]
    fn a_refusal_without_a_cause_is_one_of_the_sip_stack() {
        let message = "SIP/2.0 488 Not Acceptable Here\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n";
        let refusal = read(&packet([192, 0, 2, 1], message)).unwrap();
        assert_eq!((refusal.to, refusal.status), ("192.0.2.1".parse().unwrap(), 488));
        for other in [
            message.replace("\r\n\r\n", "\r\nReason: Q.850;cause=34\r\n\r\n"),
            message.replace("INVITE", "OPTIONS"),
            message.replace("488", "180"),
            message.replace("488", "487"),
            message.replace("SIP/2.0 488 Not Acceptable Here", "INVITE sip:x SIP/2.0"),
            String::new(),
        ] {
            assert_eq!(read(&packet([192, 0, 2, 1], &other)), None, "{other}");
        }
        let whole = packet([192, 0, 2, 1], message);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None);
        }
    }

    #[test]
    fn a_trunk_is_known_by_its_narrowest_address() {
        let text = "\n Identify:  <Identify/Endpoint....>\n      Match:  <criteria....>\n====\n\n Identify:  a-address/trunk-a\n      \
                    Match: 192.0.2.0/28\n      Match: 2001:db8::/32\n Identify:  b/trunk-b\n      Match: 192.0.2.5/32\n \
                    Identify:  c/trunk-c\n      Match: Replaces: /./\n      Match: 198.51.100.7\n";
        let trunks = read_trunks(text);
        let find = |address: &str| trunk_of(&trunks, address.parse().unwrap());
        assert_eq!(find("192.0.2.1"), Some("trunk-a"));
        assert_eq!(find("2001:db8::7"), Some("trunk-a"));
        assert_eq!(find("192.0.2.5"), Some("trunk-b"));
        assert_eq!(find("198.51.100.7"), Some("trunk-c"));
        assert_eq!(find("198.51.100.8"), None);
        assert_eq!(find("::"), None);
    }

    #[test]
    fn what_is_sent_again_is_counted_once() {
        let mut counted = Counted::default();
        let request = |n: usize| (n.to_string().into_bytes(), b"1 INVITE".to_vec());
        assert!(counted.is_new(request(0)) && !counted.is_new(request(0)));
        assert!((1..=REMEMBERED).all(|n| counted.is_new(request(n))));
        assert_eq!(counted.known.len(), REMEMBERED);
    }
}
