//! The address a request comes from. A forwarding header counts only when the peer is a configured proxy, and then only up
//! to the first address, read from the right, that is no proxy itself. Which header is a setting: proxies write one of
//! them and pass the other on as the client wrote it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Forwarding {
    #[value(name = "x-forwarded-for")]
    XForwardedFor,
    /// RFC 7239.
    #[value(name = "forwarded")]
    Forwarded,
}

/// The proxies in front of the service.
#[derive(Debug)]
pub struct Proxies {
    pub networks: Vec<IpNet>,
    pub header: Forwarding,
}

impl Proxies {
    fn are_at(&self, address: &IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(address))
    }

    /// The address that a request comes from.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip().to_canonical();
        if !self.are_at(&client) {
            return client;
        }
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            Forwarding::XForwardedFor => ("x-forwarded-for", address),
            Forwarding::Forwarded => ("forwarded", forwarded_for),
        };
        // Bytes that are no text stand left of what a proxy wrote: they must not hide it.
        let lines: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let hops = lines
            .iter()
            .flat_map(|line| elements(line))
            .map(str::trim)
            .filter(|hop| !hop.is_empty());
        for hop in hops.collect::<Vec<_>>().into_iter().rev() {
            let Some(address) = read(hop) else { break };
            client = address.to_canonical();
            if !self.are_at(&client) {
                break;
            }
        }
        client
    }
}

/// Split at commas outside of quoted strings. A line with an open quote is split at every comma: what a client left open
/// hides nothing of what a proxy appended.
fn elements(line: &str) -> Vec<&str> {
    split(line, ',').unwrap_or_else(|| line.split(',').collect())
}

/// The parts between separators outside of quoted strings, in which a backslash takes the next character as it is. None when
/// a quote stays open.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text
        .split(|c| {
            let literal = escaped;
            escaped = quoted && !literal && c == '\\';
            if literal {
                return false;
            }
            quoted ^= c == '"';
            c == separator && !quoted
        })
        .collect();
    (!quoted).then_some(parts)
}

/// A token, or what a quoted string says.
fn unquoted(value: &str) -> String {
    let Some(inside) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    inside
        .chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; a zone behind `%` is left out.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']')?;
        return (behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port))
            .then(|| v6(inside))
            .flatten();
    }
    if let Some((v4, port)) = text.split_once(':')
        && let Ok(address) = v4.parse::<std::net::Ipv4Addr>()
    {
        return is_port(port).then_some(IpAddr::V4(address));
    }
    v6(text)
}

fn v6(text: &str) -> Option<IpAddr> {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || (text.starts_with('_') && text.len() > 1)
}

/// `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    // An open quote is a client's own: nothing of such an element is believed but what stands before it.
    split(element, ';')
        .unwrap_or_else(|| {
            element
                .split('"')
                .take(1)
                .flat_map(|text| text.split(';'))
                .collect()
        })
        .into_iter()
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .and_then(|(_, value)| address(&unquoted(value.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn found(header: Forwarding, peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        let (own, other) = match header {
            Forwarding::XForwardedFor => ("x-forwarded-for", "forwarded"),
            Forwarding::Forwarded => ("forwarded", "x-forwarded-for"),
        };
        // What a client writes into the header that its proxy does not write.
        headers.append(other, HeaderValue::from_static("for=203.0.113.66, 203.0.113.66"));
        for line in lines {
            headers.append(own, HeaderValue::from_bytes(line).unwrap());
        }
        let networks = ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:ffff::/48"].map(|net| net.parse().unwrap());
        let proxies = Proxies {
            networks: networks.into(),
            header,
        };
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    fn x_forwarded_for(peer: &str, lines: &[&[u8]]) -> String {
        found(Forwarding::XForwardedFor, peer, lines)
    }

    #[test]
    fn only_proxies_are_believed() {
        assert_eq!(x_forwarded_for("192.0.2.7:1", &[b"198.51.100.1"]), "192.0.2.7");
        for (lines, expected) in [
            (&[&b"198.51.100.1"[..]][..], "198.51.100.1"),
            (&[b"203.0.113.9, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
            (&[b"203.0.113.9", b"198.51.100.1"], "198.51.100.1"),
            (&[b"rubbish"], "127.0.0.1"),
            (&[b"198.51.100.1, rubbish, 10.1.1.1"], "10.1.1.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(x_forwarded_for("127.0.0.1:1", lines), expected, "{lines:?}");
        }
        assert_eq!(
            x_forwarded_for("[::ffff:127.0.0.1]:1", &[b"::ffff:198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            found(Forwarding::Forwarded, "192.0.2.7:1", &[b"for=198.51.100.1"]),
            "192.0.2.7"
        );
    }

    #[test]
    fn every_way_to_write_an_address_is_understood() {
        for (hop, expected) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[fe80::1%eth0]:4711", "fe80::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
        ] {
            let plain = x_forwarded_for("127.0.0.1:1", &[hop.as_bytes()]);
            assert_eq!(plain, expected, "{hop}");
            let quoted = format!("for=\"{hop}\"");
            let element = found(Forwarding::Forwarded, "127.0.0.1:1", &[quoted.as_bytes()]);
            assert_eq!(element, expected, "{quoted}");
        }
        for hop in [
            "198.51.100.1:",
            "198.51.100.1:x",
            "[2001:db8::1",
            "[2001:db8::1]4711",
            "unknown",
            "_hidden",
        ] {
            assert_eq!(
                x_forwarded_for("127.0.0.1:1", &[hop.as_bytes()]),
                "127.0.0.1",
                "{hop}"
            );
        }
    }

    #[test]
    fn empty_elements_several_lines_and_bytes_that_are_no_text_hide_nothing() {
        for lines in [
            &[&b"203.0.113.9,, 198.51.100.1 , ,"[..]][..],
            &[b"203.0.113.9", b"", b"198.51.100.1,"],
            &[b"\xff\xfe, 198.51.100.1"],
            &[b"\"203.0.113.9, 198.51.100.1, 10.0.0.1"],
            &[b"203.0.113.9\t,\t198.51.100.1\t,\t10.0.0.1:99"],
        ] {
            assert_eq!(x_forwarded_for("127.0.0.1:1", lines), "198.51.100.1", "{lines:?}");
        }
    }

    #[test]
    fn a_forwarded_header_is_read_by_its_own_rules() {
        for lines in [
            &[&b"for=198.51.100.1"[..]][..],
            &[b"For=203.0.113.9, by=10.0.0.1 ; FOR=198.51.100.1;proto=https, for=10.0.0.2"],
            &[b"for=\"203.0.113.9, 203.0.113.10\", for=\"198.51.100.1:4711\""],
            &[b"for=\"203.0.113.9, for=198.51.100.1"],
            &[b"for=203.0.113.9", b"for=198.51.100.1,"],
            &[b"by=\"a;for=203.0.113.9;b\";for=198.51.100.1"],
            &[b"by=\"a\\\";for=203.0.113.9\";for=198.51.100.1"],
            &[b"by=\"a, for=203.0.113.9\\\\\" ; for=\"198.51.100.1\""],
            &[b"for=\"198.51.\\100.1\""],
            // What a client leaves open, or escapes, hides nothing of what the proxy appends.
            &[b"for=\"203.0.113.9\\, for=\"198.51.100.1:4711\""],
            &[b"for=\"203.0.113.9\\\", for=\"198.51.100.1\""],
            &[b"for=\"203.0.113.9\\\", for=198.51.100.1"],
        ] {
            let client = found(Forwarding::Forwarded, "127.0.0.1:1", lines);
            assert_eq!(client, "198.51.100.1", "{lines:?}");
        }
        for line in [
            &b"for=unknown"[..],
            b"for=_hidden",
            b"proto=https",
            b"for=198.51.100.1, by=10.0.0.1",
            b"by=\"for=198.51.100.1\"",
            b"by=\"x;for=198.51.100.1\"",
            b"by=\"x;for=198.51.100.1",
        ] {
            assert_eq!(
                found(Forwarding::Forwarded, "127.0.0.1:1", &[line]),
                "127.0.0.1",
                "{line:?}"
            );
        }
    }
}
