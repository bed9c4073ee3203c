//! A call's record beside what SIPp saw. Owns: what "equal" means, and how long a record may take.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Client;

use super::trace::Seen;
use crate::TestDb;

#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    pub uniqueid: String,
    pub linkedid: Option<String>,
    pub link_id: Option<i64>,
    pub did: String,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub started_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    pub duration_seconds: i32,
    pub billsec_seconds: i32,
    pub status: String,
    pub cause: Option<i32>,
    pub cause_text: Option<String>,
    pub hangup_by: Option<String>,
    pub node: Option<String>,
    pub decision: Option<String>,
    /// Link, dial status and cause of the attempts before the last.
    pub failed_attempts: Vec<(i64, String, Option<i32>)>,
}

const RECORD: &str = "select asterisk_uniqueid, asterisk_linkedid, link_id, incoming_did_number, caller_id_num,
    caller_id_name, timestamp_start, timestamp_answered, timestamp_end, duration_seconds, billsec_seconds, call_status,
    hangup_cause_code, hangup_cause_text, hangup_by, node, decision
    from capconduit.call_logs where sip_call_id = $1";
const ATTEMPTS: &str = "select link_id, dial_status, hangup_cause from capconduit.call_attempts where uniqueid = $1 order by attempt";

/// How long a busy machine may keep a program waiting.
const BUSY: Duration = Duration::from_secs(3);

impl CallRecord {
    /// The one record of the call that SIPp saw. It is written before the switch says goodbye; a spooled one is later.
    pub async fn of(db: &TestDb, seen: &Seen) -> Self {
        Self::at(&db.admin().await, seen).await
    }

    /// The same, by an administrator of whichever server is the primary.
    pub async fn at(admin: &Client, seen: &Seen) -> Self {
        let call_id = seen.call_id();
        for _ in 0..200 {
            let rows = admin.query(RECORD, &[&call_id]).await.expect("records");
            assert!(rows.len() <= 1, "{} records of one call", rows.len());
            if let Some(row) = rows.first() {
                let uniqueid: String = row.get(0);
                let attempts = admin.query(ATTEMPTS, &[&uniqueid]).await.expect("attempts");
                return Self {
                    uniqueid,
                    linkedid: row.get(1),
                    link_id: row.get(2),
                    did: row.get(3),
                    caller_number: row.get(4),
                    caller_name: row.get(5),
                    started_at: row.get(6),
                    answered_at: row.get(7),
                    ended_at: row.get(8),
                    duration_seconds: row.get(9),
                    billsec_seconds: row.get(10),
                    status: row.get(11),
                    cause: row.get(12),
                    cause_text: row.get(13),
                    hangup_by: row.get(14),
                    node: row.get(15),
                    decision: row.get(16),
                    failed_attempts: attempts
                        .iter()
                        .map(|row| (row.get(0), row.get(1), row.get(2)))
                        .collect(),
                };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no record of call {call_id}: {seen:#?}");
    }

    /// How far start, answer and end are from those that SIPp saw: the farthest of them.
    pub fn apart(&self, seen: &Seen) -> Duration {
        let times = [
            Some((self.started_at, seen.invited_at())),
            Some((self.ended_at, seen.ended_at())),
            self.answered_at.zip(seen.answered_at()),
        ];
        let apart = |(ours, theirs): (Timestamp, Timestamp)| ours.duration_since(theirs).unsigned_abs();
        times.into_iter().flatten().map(apart).max().expect("times")
    }

    /// The record tells the same call: whoever was answered is ANSWERED, and the times are those that SIPp saw. On a busy
    /// machine programs stand still for a second and more; what the times are when it is quiet, a test of its own asks.
    pub fn assert_equals(&self, seen: &Seen) {
        self.assert_equals_but_late(seen, 0);
    }

    /// The same while the database does not answer: the caller's 200 waits for the answer to be stored; and Asterisk
    /// looks up the endpoint of a leg that ends, before our handler runs.
    pub fn assert_equals_but_late(&self, seen: &Seen, late_ms: u64) {
        let apart = self.apart(seen);
        assert!(
            apart <= BUSY + Duration::from_millis(late_ms),
            "{apart:?} between {self:#?} and {seen:#?}"
        );
        assert_eq!(
            self.answered_at.is_some(),
            seen.answered_at().is_some(),
            "{self:#?}"
        );
        assert_eq!(
            self.status == "ANSWERED",
            seen.answered_at().is_some(),
            "{self:#?}"
        );
        let whole_seconds = |from: Timestamp| (self.ended_at.as_millisecond() - from.as_millisecond()) / 1000;
        if let Some(answered) = self.answered_at {
            assert_eq!(
                i64::from(self.billsec_seconds),
                whole_seconds(answered),
                "{self:#?}"
            );
        } else {
            assert_eq!(self.billsec_seconds, 0, "{self:#?}");
        }
        assert_eq!(
            i64::from(self.duration_seconds),
            whole_seconds(self.started_at),
            "{self:#?}"
        );
    }
}
