//! What Asterisk accepts in its PJSIP objects. A value that it would choke on makes the whole object vanish there, without
//! a word to whoever set it, so it is refused here.

use std::net::{Ipv4Addr, Ipv6Addr};

use capconduit_core::names;

/// Asterisk's own limit for a contact is 256 bytes, its end included.
const MAX_URI: usize = 255;

/// Every codec name of Asterisk 20 to 22, as `core show codecs` spells it.
const CODECS: &[&str] = &[
    "adpcm", "alaw", "amr", "amrwb", "codec2", "evs", "g719", "g722", "g723", "g726", "g726aal2", "g729",
    "gsm", "h261", "h263", "h263p", "h264", "h265", "ilbc", "jpeg", "lpc10", "mpeg4", "opus", "png", "red",
    "silk", "silk12", "silk16", "silk24", "silk8", "siren14", "siren7", "slin", "slin12", "slin16",
    "slin192", "slin24", "slin32", "slin44", "slin48", "slin96", "speex", "speex16", "speex32", "t140",
    "testlaw", "ulaw", "vp8", "vp9",
];

/// `ulaw,alaw:20,!gsm` or `all`.
pub fn codecs(text: &str) -> Result<(), String> {
    for item in text.split(',').map(str::trim) {
        let name = item.strip_prefix('!').unwrap_or(item);
        let (name, framing) = name.split_once(':').unwrap_or((name, "20"));
        let frames = framing.parse::<u16>().is_ok_and(|ms| (1..=300).contains(&ms));
        if !(name == "all" || CODECS.contains(&name)) || !frames {
            return Err(format!("'{item}' is not a codec that Asterisk knows."));
        }
    }
    Ok(())
}

/// The id of an object, and names that stand in configuration files.
pub fn identifier(text: &str) -> Result<(), String> {
    let fits = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if fits {
        Ok(())
    } else {
        Err("Only letters, digits, '_', '-' and '.' are allowed.".into())
    }
}

/// One or more SIP or SIPS URIs, separated by commas.
pub fn contacts(text: &str) -> Result<(), String> {
    for uri in text.split(',').map(str::trim) {
        sip_uri(uri).map_err(|fault| format!("'{uri}' is not a SIP URI: {fault}."))?;
    }
    Ok(())
}

fn sip_uri(uri: &str) -> Result<(), &'static str> {
    if uri.len() > MAX_URI {
        return Err("it is too long");
    }
    let rest = uri
        .strip_prefix("sip:")
        .or_else(|| uri.strip_prefix("sips:"))
        .ok_or("it must begin with sip: or sips:")?;
    if !rest.is_ascii() || rest.contains(|c: char| c.is_ascii_whitespace() || "<>\"?^`{}|\\".contains(c)) {
        return Err("it holds a character that is not allowed");
    }
    let (address, parameters) = match rest.split_once(';') {
        Some((address, parameters)) => (address, Some(parameters)),
        None => (rest, None),
    };
    let host_port = match address.rsplit_once('@') {
        Some((user, host_port)) => {
            user_part(user)?;
            host_port
        }
        None => address,
    };
    self::host_port(host_port)?;
    parameters.map_or(Ok(()), |list| list.split(';').try_for_each(parameter))
}

fn user_part(user: &str) -> Result<(), &'static str> {
    let fits = !user.is_empty()
        && user
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$/:%#".contains(c));
    if fits {
        Ok(())
    } else {
        Err("its user part is not valid")
    }
}

fn host_port(text: &str) -> Result<(), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (v6, behind) = rest.split_once(']').ok_or("its IPv6 address has no end")?;
            v6.parse::<Ipv6Addr>()
                .map_err(|_| "its IPv6 address is not valid")?;
            (
                None,
                behind.strip_prefix(':').or((!behind.is_empty()).then_some("")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    if let Some(host) = host
        && self::host(host).is_err()
    {
        return Err("its host is not valid");
    }
    match port.map(str::parse::<u16>) {
        None => Ok(()),
        Some(Ok(port)) if port > 0 => Ok(()),
        Some(_) => Err("its port is not valid"),
    }
}

fn parameter(text: &str) -> Result<(), &'static str> {
    let (name, value) = text.split_once('=').unwrap_or((text, "-"));
    let token = |t: &str| {
        !t.is_empty()
            && t.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.!%*+~'[]:/&$".contains(c))
    };
    if !token(name) || !token(value) {
        return Err("a parameter is not valid");
    }
    let transports = ["udp", "tcp", "tls", "ws", "wss", "sctp"];
    if name.eq_ignore_ascii_case("transport") && !transports.contains(&value.to_ascii_lowercase().as_str()) {
        return Err("its transport is not known");
    }
    Ok(())
}

/// A host name or an IP address.
pub fn host(text: &str) -> Result<(), String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let fits = if numeric {
        text.parse::<Ipv4Addr>().is_ok()
    } else {
        text.len() <= 253 && text.split('.').all(label)
    };
    let v6 = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text)
        .parse::<Ipv6Addr>()
        .is_ok();
    if fits || v6 {
        Ok(())
    } else {
        Err("Not a valid host name or address.".into())
    }
}

/// The user part of the From header.
pub fn from_user(text: &str) -> Result<(), String> {
    user_part(text).map_err(|_| "Not a valid SIP user name.".into())
}

/// `Name <number>`, `<number>` or a bare number.
pub fn caller_id(text: &str) -> Result<(), String> {
    let number = |n: &str| {
        !n.is_empty()
            && n.chars()
                .all(|c| c.is_ascii_alphanumeric() || "+*#-_.".contains(c))
    };
    let fits = match text.split_once('<') {
        Some((name, rest)) => {
            let quotes = name.matches('"').count();
            rest.strip_suffix('>').is_some_and(number) && (quotes == 0 || quotes == 2) && !name.contains('>')
        }
        None => number(text),
    };
    if fits {
        Ok(())
    } else {
        Err("Must read 'Name <number>', '<number>' or a number.".into())
    }
}

/// Asterisk strips every value that it reads from the database: it would compare another one.
pub fn no_blank_ends(text: &str) -> Result<(), String> {
    let blank = |c: char| c.is_whitespace();
    if text.starts_with(blank) || text.ends_with(blank) {
        return Err("Must not begin or end with a blank: Asterisk would leave it out.".into());
    }
    Ok(())
}

/// A user name or realm of SIP. Its bytes count, so it is not stored composed; but it can be seen.
pub fn sip_login(text: &str) -> Result<(), String> {
    no_blank_ends(text)?;
    names::check(text, false)
}

/// 32 hexadecimal digits.
pub fn md5(text: &str) -> Result<(), String> {
    let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        Ok(())
    } else {
        Err("Must be 32 hexadecimal digits.".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_that_asterisk_takes_are_taken() {
        for good in [
            "sip:10.10.10.1:5060",
            "sip:sip.betasupport.com;transport=udp",
            "sip:intake@gamma.internal:5064",
            "sips:agent%20one@[2001:db8::1]:5061;transport=tls;lr",
            "sip:a@h.example, sip:b@h.example:5070",
            "sip:localhost",
        ] {
            assert_eq!(contacts(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn contacts_that_asterisk_refuses_are_refused() {
        for bad in [
            "",
            "sip:",
            "10.1.1.1",
            "http://x",
            "tel:+1800",
            "sip:@host",
            "sip:a@",
            "sip:host:0",
            "sip:host:99999",
            "sip:host:",
            "sip:ho st",
            "<sip:host>",
            "sip:a@host;transport=carrier-pigeon",
            "sip:a@host;",
            "sip:a@h^ost",
            "sip:a@[2001:db8::1",
            "sip:1.2.3.4.5",
            "sip:-host.example",
            "sip:a@host,",
            "sip:a@host?x=y",
            "sip:\"a\"@host",
        ] {
            assert!(contacts(bad).is_err(), "{bad}");
        }
        assert!(contacts(&format!("sip:{}@host", "a".repeat(300))).is_err());
    }

    #[test]
    fn codecs_hosts_and_caller_ids() {
        for good in ["ulaw,alaw,gsm", "all", "!all,g722:20", "opus"] {
            assert_eq!(codecs(good), Ok(()), "{good}");
        }
        for bad in ["", "ulaw,", "mp3", "ulaw alaw", "ulaw:0", "ULAW"] {
            assert!(codecs(bad).is_err(), "{bad}");
        }
        for good in [
            "Alice Leads <+18005551111>",
            "\"A, B\" <100>",
            "<100>",
            "+18005551111",
        ] {
            assert_eq!(caller_id(good), Ok(()), "{good}");
        }
        for bad in ["", "A <>", "A <1", "\"A <1>", "A <1> B", "A B"] {
            assert!(caller_id(bad).is_err(), "{bad}");
        }
        assert!(host("capconduit.local").is_ok() && host("1.2.3").is_err() && host("a b").is_err());
    }
}
