//! Requests whose callers go away in the middle. Nothing of them may stay on a pooled connection: no identity, no
//! transaction, no statement that still runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{Random, SWITCH_TOKEN, TestApi, TestDb, assert_invariants};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{cookie, eventually};
use super::wire::request;

/// The service's /ready asks for the schema's version as nobody: from now on that also notes as whom it really asks.
const WATCH_IDENTITY: &str = "
    create schema seen;
    grant usage on schema seen to public;
    create table seen.identities (pid integer, name text, role text, user_id text, user_role text, keep text);
    grant insert on seen.identities to public;
    create or replace function capconduit.schema_version() returns integer language plpgsql volatile as $$
    begin
        insert into seen.identities
        values (pg_backend_pid(), current_user, current_setting('role'), current_setting('capconduit.user_id', true),
                current_setting('capconduit.user_role', true), current_setting('capconduit.keep_session', true));
        return (select 1);
    end $$";

#[tokio::test]
async fn a_thousand_cancelled_requests_leave_no_identity_behind_and_cancel_nobody_else() {
    cancelled(1_000).await;
}

#[tokio::test]
#[ignore = "some minutes; make test-full runs it"]
async fn ten_thousand_cancelled_requests_leave_no_identity_behind_and_cancel_nobody_else() {
    cancelled(10_000).await;
}

/// A statement that waits for a row is cancelled with its request, and its connection is closed; what others write
/// meanwhile is written.
#[tokio::test]
async fn a_statement_that_is_cancelled_takes_its_connection_along() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let alice = cookie(&api, "seller_alice").await;
    let bob = api.nobody().with("cookie", &cookie(&api, "seller_bob").await);
    let mut blocker = db.superuser().await;
    let held = blocker.transaction().await.expect("a transaction");
    held.execute("select from dids where id = 1 for update", &[])
        .await
        .expect("a lock");
    let superuser = db.superuser().await;
    let pids = async |condition: &str| -> HashSet<i32> {
        let sql = format!(
            "select pid from pg_stat_activity where datname = current_database()
                and application_name = 'capconduit serve' and {condition}"
        );
        let rows = superuser.query(&sql, &[]).await.expect("activity");
        rows.iter().map(|row| row.get(0)).collect()
    };
    let json = ("content-type", "application/json");
    let waits = request(
        "PUT",
        "/api/seller/dids/1",
        &[("cookie", &alice), json],
        b"{\"description\": \"x\"}",
    );
    for round in 0..5 {
        let mut stream = TcpStream::connect(api.address())
            .await
            .expect("the service listens");
        stream.write_all(&waits).await.expect("sent");
        let waiting = async || pids("wait_event_type = 'Lock'").await;
        eventually("it waits for the row", async || !waiting().await.is_empty()).await;
        let cancelled = waiting().await;
        stream.set_zero_linger().expect("a socket");
        drop(stream);
        for n in 0..20 {
            let body = serde_json::json!({"description": format!("{round} {n}")});
            bob.put("/api/seller/dids/3", body).await.expect_status(200);
        }
        eventually("its connection has ended", async || {
            pids("true").await.is_disjoint(&cancelled)
        })
        .await;
    }
}

async fn cancelled(requests: usize) {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let ended = Arc::new(AtomicBool::new(false));
    let writer = {
        let bob = api.nobody().with("cookie", &cookie(&api, "seller_bob").await);
        let ended = ended.clone();
        tokio::spawn(async move {
            let mut refused = Vec::new();
            let mut written = 0;
            while !ended.load(Ordering::Relaxed) {
                let body = serde_json::json!({"description": format!("write {written}")});
                let answer = bob.put("/api/seller/dids/3", body).await;
                written += 1;
                if answer.status != 200 {
                    refused.push(answer.text());
                }
            }
            assert!(
                refused.is_empty(),
                "{} of {written} writes: {refused:?}",
                refused.len()
            );
            written
        })
    };
    let cookies = [
        cookie(&api, "platform_admin").await,
        cookie(&api, "seller_alice").await,
        cookie(&api, "seller_bob").await,
    ];
    let mut random = Random::seeded();
    for round in 0..requests / 20 {
        let together: Vec<_> = (0..20)
            .map(|n| {
                let bytes = any_request(&mut random, &cookies, round * 20 + n);
                let pause = Duration::from_micros(random.below(6_000) as u64);
                let address = api.address().to_owned();
                tokio::spawn(async move { cut_off(&address, &bytes, pause).await })
            })
            .collect();
        for one in together {
            one.await.expect("a cut off request");
        }
    }
    ended.store(true, Ordering::Relaxed);
    assert!(
        writer.await.expect("the writer") > requests / 50,
        "writes went on meanwhile"
    );
    let superuser = db.superuser().await;
    let own = "datname = current_database() and application_name = 'capconduit serve'";
    let idle = || async {
        let sql = format!("select count(*) from pg_stat_activity where {own} and state <> 'idle'");
        superuser
            .query_one(&sql, &[])
            .await
            .expect("activity")
            .get::<_, i64>(0)
            == 0
    };
    eventually("every pooled connection is idle, outside of a transaction", idle).await;
    let version: i32 = superuser
        .query_one("select schema_version()", &[])
        .await
        .expect("a version")
        .get(0);
    let watch = WATCH_IDENTITY.replace("(select 1)", &version.to_string());
    superuser.batch_execute(&watch).await.expect("the watch");
    // Several at once, until every pooled connection was seen.
    let all_seen = || async {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let nobody = api.nobody();
                tokio::spawn(async move { nobody.get("/ready").await.expect_status(200) })
            })
            .collect();
        for one in asked {
            one.await.expect("an answer");
        }
        let pids = |sql: String| async {
            let sql = sql;
            let rows = superuser.query(&sql, &[]).await.expect("process ids");
            rows.iter().map(|row| row.get(0)).collect::<HashSet<i32>>()
        };
        let open = pids(format!("select pid from pg_stat_activity where {own}")).await;
        let seen = pids("select pid from seen.identities".to_owned()).await;
        !open.is_empty() && open.is_subset(&seen)
    };
    eventually("each pooled connection answered once", all_seen).await;
    let leaked: Vec<String> = superuser
        .query(
            "select i::text from seen.identities i
              where name <> 'capconduit_api' or role <> 'none' or coalesce(user_id, '') <> ''
                 or coalesce(user_role, '') <> '' or coalesce(keep, '') <> ''",
            &[],
        )
        .await
        .expect("what was seen")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_invariants(&db).await;
}

/// Reads and writes of all roles, those that take a while among them.
fn any_request(random: &mut Random, cookies: &[String; 3], number: usize) -> Vec<u8> {
    let [admin, alice, bob] = cookies.each_ref().map(|cookie| ("cookie", cookie.as_str()));
    let switch = ("x-internal-api-token", SWITCH_TOKEN);
    let json = ("content-type", "application/json");
    match random.below(9) {
        0 => request("GET", "/api/admin/users", &[admin], b""),
        1 => request("GET", "/api/seller/stats", &[alice], b""),
        2 => request("GET", "/api/seller/logs.csv", &[bob], b""),
        3 => {
            let body = format!("{{\"notes\": \"note {number}\"}}");
            request("PUT", "/api/admin/clients/1", &[admin, json], body.as_bytes())
        }
        4 => {
            let body = format!("{{\"description\": \"text {number}\"}}");
            request("PUT", "/api/seller/dids/1", &[alice, json], body.as_bytes())
        }
        5 => request(
            "GET",
            "/api/internal/route_info?did=%2B12125550102",
            &[switch],
            b"",
        ),
        6 => {
            let body = format!("{{\"did\": \"+12125550102\", \"uniqueid\": \"cut-{number}\"}}");
            request(
                "POST",
                "/api/internal/route_call",
                &[switch, json],
                body.as_bytes(),
            )
        }
        7 => {
            let body = format!(
                "{{\"incomingDidNumber\": \"+12125550102\", \"timestampStart\": \"2026-01-01T00:00:00Z\",
                   \"callStatus\": \"ANSWERED\", \"asteriskUniqueid\": \"cut-{}\"}}",
                random.below(number + 1)
            );
            request("POST", "/api/internal/log_call", &[switch, json], body.as_bytes())
        }
        _ => request(
            "PUT",
            "/api/auth/password",
            &[bob, json],
            br#"{"currentPassword": "x", "newPassword": "yyyyyyyy"}"#,
        ),
    }
}

async fn cut_off(address: &str, bytes: &[u8], pause: Duration) {
    let mut stream = TcpStream::connect(address).await.expect("the service listens");
    let _ = stream.write_all(bytes).await;
    let _ = tokio::time::timeout(pause, stream.read_u8()).await;
    // A reset: the service learns at once that nobody listens any more.
    let _ = stream.set_zero_linger();
}
