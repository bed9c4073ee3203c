//! Tests of how an address is read.

use super::*;

#[test]
fn encryption_is_taken_out_of_the_address() {
    let (rest, options) = take_encryption(
        "postgres://u:p@h/d?sslmode=verify-full&application_name=x&sslrootcert=%2Fetc%2Fca.pem",
    );
    assert_eq!(rest, "postgres://u:p@h/d?application_name=x");
    assert_eq!(options.mode.as_deref(), Some("verify-full"));
    assert_eq!(options.root_cert.as_deref(), Some("/etc/ca.pem"));
}

#[test]
fn what_is_not_known_is_refused() {
    for url in [
        "postgres://h/d?sslmode=verify-full",
        "postgres://h/d?sslcrl=/x",
        "postgres://h/d?sslmode=x",
        "postgres://a:1,b:2,c/d?target_session_attrs=primary",
        "host=a,b port=1,2,3",
        "postgres://a,b/d?load_balance_hosts=random",
    ] {
        assert!(parse(url, "test").is_err(), "{url}");
    }
    assert_eq!(
        parse("host=h sslmode=require", "test").unwrap().get_ssl_mode(),
        SslMode::Require
    );
}

#[test]
fn of_several_hosts_the_primary_is_meant() {
    for text in [
        "postgres://u:secret@db1:5433,db2:5434/d?application_name=x&sslmode=disable",
        "host=db1,db2 port=5433,5434 user=u password=secret dbname=d application_name=x",
    ] {
        let address = parse(text, "test").unwrap();
        assert_eq!(address.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(describe(&address), "u@db1:5433,db2:5434/d");
        let second = only_host(&address, 1);
        assert_eq!(describe(&second), "u@db2:5434/d");
        assert_eq!(second.get_password(), Some(&b"secret"[..]));
        assert_eq!(second.get_application_name(), Some("x"));
        assert_eq!(second.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(second.get_connect_timeout(), Some(&Duration::from_secs(5)));
    }
    // As libpq reads it: in a URL a port belongs to its host alone.
    let ports = parse("postgres://u@db1,db2:5433/d", "test").unwrap();
    assert_eq!(describe(&ports), "u@db1:5432,db2:5433/d");
    let ports = parse("host=db1,db2 port=5433 user=u dbname=d", "test").unwrap();
    assert_eq!(describe(&ports), "u@db1:5433,db2:5433/d");
    let one = parse("postgres://u@db1/d", "test").unwrap();
    assert_eq!(one.get_target_session_attrs(), TargetSessionAttrs::Any);
}
