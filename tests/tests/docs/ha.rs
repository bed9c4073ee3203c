//! What docs/HA.md tells an operator to write into a file is what is shipped, and the one thing more that two hosts need.

use super::read;

/// The value of the file's only line of this name.
fn setting<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("{name} = ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = lines.next().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(lines.next(), None, "{name} stands there once");
    value
}

/// Its numbers belong together with those of extensions.conf: a text with others would make other waits.
#[test]
fn two_hosts_keep_the_shipped_options_of_odbc() {
    let (told, shipped) = (read("docs/HA.md"), read("asterisk/site/odbc.ini"));
    let shipped = format!("target_session_attrs=read-write {}", setting(&shipped, "Pqopt"));
    assert_eq!(setting(&told, "Pqopt"), shipped);
}
