//! Input that nobody should send: every argument of every function with every ugly value of its type. The answer is
//! a row that the documentation knows or a clear refusal, never an internal error, and the books stay right.

use std::error::Error;

use bytes::BytesMut;
use capconduit_tests::{Calls, Random, SUPERUSER, TestDb, assert_invariants, rounds};
use tokio_postgres::Client;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::support::{run, value};

/// A function: a good value for each of its arguments (as SQL), and the statuses that it may answer with.
pub struct Function {
    pub name: &'static str,
    pub arguments: &'static [(&'static str, &'static str)],
    statuses: &'static [&'static str],
}

const TARGET: &[&str] = &["ok", "reject"];
const FORETOLD: &[(&str, &str)] = &[
    ("text", "'+18005550101'"),
    ("text", "'+15550001'"),
    ("timestamptz", "now()"),
    ("text", "'pbx1'"),
];

/// The call functions and the looks, whoever may call them. `{n}` is another number in every call.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "route_call",
        arguments: &[
            ("text", "'+18005550101'"),
            ("text", "'call-{n}'"),
            ("text", "'+15550001'"),
            ("text", "'Ann'"),
            ("text", "'linked-{n}'"),
            ("text", "'pbx1'"),
        ],
        statuses: TARGET,
    },
    Function {
        name: "next_target",
        arguments: &[
            ("text", "'call-1'"),
            ("integer", "1"),
            ("text", "'BUSY'"),
            ("integer", "17"),
        ],
        statuses: TARGET,
    },
    Function {
        name: "call_answered",
        arguments: &[("text", "'call-1'")],
        statuses: &["ok", "not_in_flight"],
    },
    Function {
        name: "log_call",
        arguments: &[
            ("text", "'logged-{n}'"),
            ("text", "'+18005550101'"),
            ("text", "'NOANSWER'"),
            ("text", "'pbx1'"),
            ("text", "'linked-{n}'"),
            ("text", "'+15550001'"),
            ("text", "'Ann'"),
            ("timestamptz", "now() - interval '1 minute'"),
            ("timestamptz", "null"),
            ("timestamptz", "now()"),
            ("integer", "60"),
            ("integer", "0"),
            ("integer", "19"),
            ("text", "'No Answer'"),
            ("text", "'system'"),
            ("text", "'abc@pbx'"),
            ("text", "'1=selected'"),
            ("bigint", "1"),
            ("bigint", "1"),
            ("bigint", "1"),
            ("bigint", "1"),
            ("bigint", "3"),
        ],
        statuses: &["logged", "corrected", "duplicate"],
    },
    Function {
        name: "node_started",
        arguments: &[
            ("text", "'pbx1'"),
            ("timestamptz", "now() - interval '1 day'"),
            ("text", "'i1'"),
        ],
        statuses: &["ok", "name_taken"],
    },
    Function {
        name: "node_heartbeat",
        arguments: &[
            ("text", "'pbx1'"),
            ("text", "'i1'"),
            ("timestamptz", "now()"),
            ("text[]", "array['call-1']"),
        ],
        statuses: &["ok", "name_taken", "stale"],
    },
    Function {
        name: "node_report",
        arguments: &[("text", "'pbx1'"), ("text", "'i1'"), ("text", "'down'")],
        statuses: &["ok", "name_taken"],
    },
    Function {
        name: "release_expired",
        arguments: &[("integer", "10")],
        statuses: &["ok"],
    },
    Function {
        name: "release_call",
        arguments: &[("text", "'nobody-{n}'"), ("text", "'test'")],
        statuses: &["released", "not_in_flight"],
    },
    Function {
        name: "release_node",
        arguments: &[("text", "'nowhere-{n}'"), ("text", "'test'")],
        statuses: &["released", "unknown_node"],
    },
    Function {
        name: "adjust_link_total",
        arguments: &[("bigint", "7"), ("bigint", "0"), ("text", "'test'")],
        statuses: &["ok", "unknown_link"],
    },
    Function {
        name: "adjust_cap",
        arguments: &[("bigint", "7"), ("bigint", "0"), ("text", "'test'")],
        statuses: &["ok", "unknown_cap"],
    },
    Function {
        name: "explain_route",
        arguments: &[("text", "'+18005550101'")],
        statuses: &[],
    },
    Function {
        name: "preview_route",
        arguments: &[("text", "'+18005550101'")],
        statuses: &["ok", "reject"],
    },
    Function {
        name: "explain_own_did",
        arguments: &[("text", "'+18005550101'")],
        statuses: &[],
    },
    Function {
        name: "explain_own_call",
        arguments: &[
            ("text", "'+18005550101'"),
            ("text", "'+4930123456'"),
            ("timestamptz", "now()"),
        ],
        statuses: &[],
    },
    Function {
        name: "explain_call",
        arguments: FORETOLD,
        statuses: &[],
    },
    Function {
        name: "preview_call",
        arguments: FORETOLD,
        statuses: TARGET,
    },
];

const TEXTS: &[&str] = &[
    "null",
    "''",
    "' '",
    "'''; drop table users; --'",
    "'\"'",
    "'\\'",
    "'$$ $1 %s %n ${CALLERID} {}'",
    "E'\\x01\\t\\r\\n\\x7f'",
    "repeat('x', 5000)",
    "repeat('é', 5000)",
    "repeat('☎', 150)",
    "'😀👩‍👩‍👧‍👦'",
    "'\u{202e}+18005550101'",
    "chr(1114111)",
    "'+18005550101'",
    "'18005550101'",
    "'١٨٠٠٥٥٥٠١٠١'",
    "'+0'",
    "'00000000000000000000000000'",
    "'call-1'",
    "'NaN'",
    "'null'",
    "'../../etc/passwd'",
    "'LOST'",
    "'ANSWERED'",
];
const INTEGERS: &[&str] = &["null", "0", "-1", "1", "2", "2147483647", "-2147483648"];
const BIGINTS: &[&str] = &[
    "null",
    "0",
    "-1",
    "2",
    "9223372036854775807",
    "-9223372036854775808",
];
const INSTANTS: &[&str] = &[
    "null",
    "'infinity'",
    "'-infinity'",
    "'epoch'",
    "'4714-11-24 00:00:00+00 BC'",
    "'294276-12-31 23:59:59.999999+00'",
    "now()",
    "now() + interval '1 day'",
];
const ARRAYS: &[&str] = &[
    "null",
    "'{}'",
    "'{null}'",
    "array['', null, 'call-1', 'call-1']",
    "'{{a,b},{c,null}}'",
    "'[5:6]={a,b}'",
    "array[repeat('x', 5000), '''', '\"', '😀']",
    "array(select 'call-' || n from generate_series(1, 100000) n)",
];

pub fn ugly(kind: &str) -> &'static [&'static str] {
    match kind {
        "text" => TEXTS,
        "integer" => INTEGERS,
        "bigint" => BIGINTS,
        "timestamptz" => INSTANTS,
        "text[]" => ARRAYS,
        other => panic!("no ugly values of type {other}"),
    }
}

/// Refusals that the documentation names: invalid argument, unknown id. Everything else is a fault.
const REFUSALS: &[&str] = &["22023", "P0002"];

/// One call; the number of rows and the answer must be documented ones.
pub async fn ask(db: &Client, function: &Function, values: &[String]) -> Result<(), String> {
    let arguments: Vec<String> = values
        .iter()
        .zip(function.arguments)
        .map(|(value, (kind, _))| format!("({value})::{kind}"))
        .collect();
    let sql = format!(
        "select f::text, to_jsonb(f) ->> 'status' from capconduit.{}({}) f",
        function.name,
        arguments.join(", ")
    );
    // These give a value, which is its own status.
    let sql = match function.name {
        "call_answered" | "node_report" => sql.replace("to_jsonb(f) ->> 'status'", "f::text"),
        _ => sql,
    };
    match db.query(&sql, &[]).await {
        Ok(rows) if function.statuses.is_empty() => {
            (!rows.is_empty()).then_some(()).ok_or(format!("no row: {sql}"))
        }
        Ok(rows) => {
            let status: Option<String> = rows.first().and_then(|row| row.get(1));
            let known = status
                .as_deref()
                .is_some_and(|status| function.statuses.contains(&status));
            if rows.len() == 1 && known {
                Ok(())
            } else {
                Err(format!("{} rows, status {status:?}: {sql}", rows.len()))
            }
        }
        Err(error) => {
            let Some(refusal) = error.as_db_error() else {
                return Err(format!("the connection broke: {error:?}: {sql}"));
            };
            let told = format!(
                "{} {} {}",
                refusal.message(),
                refusal.detail().unwrap_or_default(),
                refusal.hint().unwrap_or_default()
            );
            let leaks = ["capconduit.", ".rs", "panic", "assert", "unwrap", "SPI"]
                .iter()
                .any(|word| told.contains(word));
            let code = refusal.code().code();
            if REFUSALS.contains(&code) && !leaks {
                Ok(())
            } else {
                Err(format!("{} {told}: {sql}", refusal.code().code()))
            }
        }
    }
}

pub fn good(function: &Function, n: usize) -> Vec<String> {
    function
        .arguments
        .iter()
        .map(|(_, good)| good.replace("{n}", &n.to_string()))
        .collect()
}

/// A sample database with a call in flight to aim at.
pub async fn target() -> TestDb {
    let db = TestDb::sample().await;
    db.asterisk()
        .await
        .route_on("+18005550101", "call-1", "+15550001", "pbx1")
        .await
        .unwrap()
        .link();
    db
}

pub async fn still_well(db: &TestDb) {
    let superuser = db.superuser().await;
    let users: i64 = value(&superuser, "select count(*) from users").await;
    assert_eq!(users, 5);
    // What a hand added may lie beyond what is allowed, and is no call that a cap should have stopped.
    let by_hand = "update campaign_client_settings s set total_calls_allowed = total_calls_allowed + a.added
           from (select object_id, sum((after ->> 'delta')::bigint) as added from audit_log
                  where action = 'adjust' and (after ->> 'delta')::bigint > 0 group by object_id) a
          where a.object_id = s.id::text";
    run(&superuser, by_hand).await;
    assert_invariants(db).await;
    let target = db
        .asterisk()
        .await
        .route("+12125550102", "a-good-call")
        .await
        .unwrap();
    assert!(target.is_ok(), "{target:?}");
    let log = db.cluster().log();
    for word in ["panicked", "TRAP", "terminated by signal"] {
        assert!(!log.contains(word), "the server's log says {word}");
    }
}

#[tokio::test]
async fn every_argument_with_every_ugly_value() {
    let db = target().await;
    let client = db.superuser().await;
    let mut faults = Vec::new();
    let mut asked = 0;
    for function in FUNCTIONS {
        // The good values are good.
        let mut tries = vec![good(function, 0)];
        for (place, (kind, _)) in function.arguments.iter().enumerate() {
            for value in ugly(kind) {
                let mut values = good(function, asked + tries.len());
                values[place] = (*value).to_owned();
                tries.push(values);
            }
        }
        for values in tries {
            asked += 1;
            faults.extend(ask(&client, function, &values).await.err());
        }
    }
    assert!(faults.is_empty(), "{} of {asked}: {faults:#?}", faults.len());
    still_well(&db).await;
}

#[tokio::test]
async fn any_mixture_of_ugly_values() {
    let db = target().await;
    let client = db.superuser().await;
    let mut random = Random::seeded();
    let mut faults = Vec::new();
    for round in 0..rounds(1_500, 100_000) {
        let function = &FUNCTIONS[random.below(FUNCTIONS.len())];
        let mut values = good(function, round);
        for (place, (kind, _)) in function.arguments.iter().enumerate() {
            if random.chance(50) {
                // The longest array is asked for once above.
                let choices = &ugly(kind)[..ugly(kind).len() - usize::from(*kind == "text[]")];
                values[place] = choices[random.below(choices.len())].to_owned();
            }
        }
        faults.extend(ask(&client, function, &values).await.err());
    }
    assert!(faults.is_empty(), "{faults:#?}");
    still_well(&db).await;
}

/// Bytes sent as they are, whatever the type.
#[derive(Debug)]
struct Bytes(&'static [u8]);

impl ToSql for Bytes {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

#[tokio::test]
async fn bytes_that_are_no_text_no_number_and_no_time() {
    let db = target().await;
    let client = db.asterisk().await;
    let mut faults = Vec::new();
    for function in FUNCTIONS.iter().take(8) {
        for (place, (kind, _)) in function.arguments.iter().enumerate() {
            // What the server itself refuses: not UTF-8, NUL, a wrong length, a broken array.
            let (bytes, code): (&[&[u8]], &str) = match *kind {
                "text" => (
                    &[
                        b"\xff\xfe",
                        b"a\0b",
                        b"\xc3",
                        b"\xed\xa0\x80",
                        b"\0",
                        b"\xf8\x88\x80\x80\x80",
                    ],
                    "22021",
                ),
                "text[]" => (&[b"", b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x19"], ""),
                _ => (&[b"", b"1", b"\0\0\0"], ""),
            };
            for bytes in bytes {
                let mut values = good(function, 0);
                values[place] = "$1".to_owned();
                let arguments: Vec<String> = values
                    .iter()
                    .zip(function.arguments)
                    .map(|(value, (kind, _))| format!("({value})::{kind}"))
                    .collect();
                let sql = format!("select capconduit.{}({})", function.name, arguments.join(", "));
                let refused = client.query(&sql, &[&Bytes(bytes)]).await;
                let found = match &refused {
                    Err(error) => error.code().map_or("no SQLSTATE", |code| code.code()).to_owned(),
                    Ok(_) => "an answer".to_owned(),
                };
                let expected = match code {
                    "" => ["08P01", "22P03"].contains(&found.as_str()),
                    code => found == code,
                };
                if !expected {
                    faults.push(format!("{found} for {bytes:?}: {sql}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    still_well(&db).await;
}

#[tokio::test]
async fn wrong_types_and_wrong_numbers_of_arguments_name_no_function() {
    let db = target().await;
    let client = db.asterisk().await;
    let mut faults = Vec::new();
    for function in FUNCTIONS.iter().take(8) {
        let required = match function.name {
            "log_call" => 3,
            "route_call" | "node_started" => 2,
            "next_target" => 3,
            "release_expired" => 0,
            _ => function.arguments.len(),
        };
        let mut calls = Vec::new();
        for place in 0..function.arguments.len() {
            let mut values = good(function, 0);
            values[place] = "point(1, 2)".to_owned();
            calls.push(values);
        }
        if required > 0 {
            calls.push(good(function, 0)[..required - 1].to_vec());
        }
        let mut many = good(function, 0);
        many.push("1".to_owned());
        calls.push(many);
        for values in calls {
            let sql = format!("select capconduit.{}({})", function.name, values.join(", "));
            match client.batch_execute(&sql).await {
                Err(error) if error.code().is_some_and(|code| code.code() == "42883") => {}
                other => faults.push(format!("{other:?}: {sql}")),
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    still_well(&db).await;
}

#[tokio::test]
async fn odd_settings_of_a_session_change_no_answer() {
    let db = TestDb::sample().await;
    let plain = db.asterisk().await;
    let first = plain.route("+18005550101", "call-1").await.unwrap();
    let mut odd = db.asterisk().await;
    for setting in [
        // Before the library is loaded anybody may set any name: what is not theirs to set must not stay.
        "capconduit.max_call_seconds = '5'",
        "capconduit.max_ring_seconds = '5'",
        "capconduit.early_lock_release = 'off'",
        "search_path = ''",
        "search_path = 'pg_catalog, asterisk'",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Pacific/Kiritimati'",
        "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "array_nulls = off",
        "transform_null_equals = on",
        "plan_cache_mode = 'force_custom_plan'",
        "enable_indexscan = off",
        "client_min_messages = 'error'",
        "row_security = off",
        "default_transaction_deferrable = on",
        "jit = on",
        "work_mem = '64kB'",
    ] {
        run(&odd, &format!("set {setting}")).await;
        let uniqueid = format!("odd {setting}");
        let mut target = odd.route("+18005550101", &uniqueid).await.unwrap();
        assert_eq!(target.decision, first.decision, "{setting}");
        target.decision.clone_from(&first.decision);
        assert_eq!(target, first, "{setting}");
        assert_eq!(odd.answered(&uniqueid).await.unwrap(), "ok", "{setting}");
        let logged = odd.log(&uniqueid, "+18005550101", "NOANSWER").await.unwrap();
        assert_eq!(logged.status, "logged", "{setting}");
        odd = db.asterisk().await;
    }
    assert_eq!(odd.route("+18005550101", "last").await.unwrap(), first);
    let refused = odd.batch_execute("set capconduit.max_call_seconds = 5").await;
    assert_eq!(super::support::sqlstate(refused), "42501");
    assert_invariants(&db).await;
    // And as a superuser, whose settings count, the bounds of a setting hold.
    let superuser = db.connect_as(SUPERUSER).await;
    run(&superuser, "select capconduit.explain_route('+1')").await;
    for setting in [
        "capconduit.max_call_seconds = 0",
        "capconduit.max_ring_seconds = 601",
        "capconduit.absence_grace_seconds = -1",
        "capconduit.node_silence_seconds = -1",
        "capconduit.node_silence_seconds = 'x'",
    ] {
        let refused = superuser.batch_execute(&format!("set {setting}")).await;
        assert_eq!(super::support::sqlstate(refused), "22023", "{setting}");
    }
}
