//! What the tests of this module share: sessions of the sample data, the service's memory, signals, and waiting.

use std::process::Command;

pub use capconduit_tests::eventually;
use capconduit_tests::{Answer, TestApi, TestDb};
use serde_json::json;

/// Of every user of the sample data.
pub const PASSWORD: &str = "password";

/// The id of seller_alice.
pub const ALICE: i64 = 3;

/// Call records of a seller, a second apart, the newest now.
pub async fn call_logs(db: &TestDb, user_id: i64, count: i32) {
    let sql = "\
        insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, incoming_did_number, caller_id_num,
                               timestamp_start, call_status, counted)
        select 'bulk-' || $1::bigint || '-' || n, $1, 1, 1, '+18005550101', '+1555' || n,
               now() - n * interval '1 second', 'BUSY', false
          from generate_series(1, $2::integer) n";
    let superuser = db.superuser().await;
    superuser
        .execute(sql, &[&user_id, &count])
        .await
        .expect("call records");
    superuser
        .batch_execute("vacuum analyze call_logs")
        .await
        .expect("statistics");
}

/// The `session=…` cookie of a new session.
pub async fn cookie(api: &TestApi, username: &str) -> String {
    let body = json!({"username": username, "password": PASSWORD});
    let answer: Answer = api.nobody().post("/api/auth/login", body).await;
    answer.expect_status(200).session_cookie()
}

pub fn signal(name: &str, pids: &[u32]) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .args(pids.iter().map(u32::to_string))
        .status()
        .expect("kill can be run");
    // A process that has just ended is as good as signalled.
    assert!(
        status.success() || name == "CONT" || name == "STOP",
        "kill -{name} {pids:?}"
    );
}

/// Ended, whether or not its parent has noticed.
pub fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('Z'))
}

/// The most memory that the process ever had, in MiB.
pub fn peak_mib(api: &TestApi) -> u64 {
    memory_mib(api, "VmHWM")
}

pub fn resident_mib(api: &TestApi) -> u64 {
    memory_mib(api, "VmRSS")
}

fn memory_mib(api: &TestApi, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", api.pid())).expect("the service lives");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect(field);
    let kib: u64 = line
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .expect("a number of kB");
    kib / 1024
}
