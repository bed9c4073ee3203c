//! What SIPp saw on the wire. Owns: how its message log is read.

use std::net::SocketAddr;

use jiff::Timestamp;

#[derive(Debug, Clone)]
pub struct Message {
    pub at: Timestamp,
    /// By SIPp; else to it.
    pub sent: bool,
    pub text: String,
}

impl Message {
    pub fn start_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Of a response.
    pub fn status(&self) -> Option<u16> {
        self.start_line()
            .strip_prefix("SIP/2.0 ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    }

    /// Of a request: INVITE, BYE …
    pub fn method(&self) -> Option<&str> {
        let (method, rest) = self.start_line().split_once(' ')?;
        rest.ends_with("SIP/2.0").then_some(method)
    }

    /// The first one of this name; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let find = |line: &str| {
            let (key, _) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(key.len() + 1)
        };
        self.text
            .lines()
            .find_map(|line| find(line).map(|at| line[at..].trim()))
            .unwrap_or_default()
    }

    /// Where its SDP wants the media.
    pub fn media(&self) -> Option<SocketAddr> {
        let line = |start| self.text.lines().find_map(|line| line.strip_prefix(start));
        let address = line("c=IN IP4 ")?.trim().parse().ok()?;
        let port = line("m=audio ")?.split(' ').next()?.parse().ok()?;
        Some(SocketAddr::new(address, port))
    }

    fn answers(&self, method: &str) -> bool {
        self.header("CSeq").ends_with(method)
    }
}

/// The messages of one or more calls, in order.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub messages: Vec<Message>,
}

impl Seen {
    pub fn read(log: &[u8]) -> Self {
        let log = String::from_utf8_lossy(log);
        let messages = log
            .split("----------------------------------------------- ")
            .skip(1)
            .filter_map(message)
            .collect();
        Self { messages }
    }

    /// The messages of each call by itself, in the order in which the calls began.
    pub fn calls(&self) -> Vec<Seen> {
        let mut calls: Vec<(String, Seen)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for message in &self.messages {
            let id = message.header("Call-ID").to_owned();
            let place = *places.entry(id.clone()).or_insert_with(|| {
                calls.push((id, Seen::default()));
                calls.len() - 1
            });
            calls[place].1.messages.push(message.clone());
        }
        calls.into_iter().map(|(_, seen)| seen).collect()
    }

    pub fn call_id(&self) -> &str {
        self.messages.first().expect("a message").header("Call-ID")
    }

    /// Responses to the INVITE, in order.
    pub fn responses(&self) -> Vec<u16> {
        let of_invite = self.messages.iter().filter(|message| message.answers("INVITE"));
        of_invite.filter_map(Message::status).collect()
    }

    pub fn final_status(&self) -> u16 {
        let of_all = self.responses();
        *of_all
            .iter()
            .find(|&&status| status >= 200)
            .unwrap_or_else(|| panic!("no final response: {of_all:?}"))
    }

    pub fn requests(&self, method: &str) -> Vec<&Message> {
        self.messages
            .iter()
            .filter(|message| message.method() == Some(method))
            .collect()
    }

    pub fn response(&self, status: u16) -> Option<&Message> {
        self.messages
            .iter()
            .find(|message| message.status() == Some(status) && message.answers("INVITE"))
    }

    pub fn invited_at(&self) -> Timestamp {
        self.requests("INVITE").first().expect("an INVITE").at
    }

    pub fn answered_at(&self) -> Option<Timestamp> {
        self.response(200).map(|message| message.at)
    }

    /// The BYE or CANCEL, or the refusal.
    pub fn ended_at(&self) -> Timestamp {
        let ends = |message: &&Message| {
            matches!(message.method(), Some("BYE" | "CANCEL"))
                || message.status().is_some_and(|status| status >= 300)
        };
        self.messages.iter().find(ends).expect("the call's end").at
    }
}

/// `2026-… Z\nUDP message sent [468] bytes:\n\n` and the message.
fn message(part: &str) -> Option<Message> {
    let (at, rest) = part.split_once('\n')?;
    let (what, text) = rest.split_once("\n\n")?;
    Some(Message {
        at: at.trim().parse().expect("SIPp's time"),
        sent: what.contains("message sent"),
        text: text.trim_end().to_owned(),
    })
}
