//! The address a request comes from. `X-Forwarded-For` counts only when the peer is a configured proxy, and then only up
//! to the first address, read from the right, that is no proxy itself.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

pub fn of_client(peer: SocketAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
    let mut client = peer.ip().to_canonical();
    if !is_proxy(&client) {
        return client;
    }
    let chain: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for hop in chain.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_proxy(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = ["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        of_client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        assert_eq!(client("192.0.2.7:1", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(client("127.0.0.1:1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("127.0.0.1:1", &["203.0.113.9, 198.51.100.1, 10.1.1.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("127.0.0.1:1", &["203.0.113.9", "198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(client("127.0.0.1:1", &["rubbish"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1:1", &[]), "127.0.0.1");
        assert_eq!(client("[::ffff:127.0.0.1]:1", &["198.51.100.1"]), "198.51.100.1");
    }
}
