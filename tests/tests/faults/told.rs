//! What the load was told: which calls are placed where, which records and numbers are saved, and what a database lacks of it.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Client;

/// What somebody was told, and relies on.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// The call is known at this attempt or a later one; at this one it has this link.
    pub(super) calls: HashMap<String, (i32, Option<i64>)>,
    pub(super) recorded: HashSet<String>,
    pub(super) numbers: HashSet<String>,
}

impl Told {
    pub fn len(&self) -> usize {
        self.calls.len() + self.recorded.len() + self.numbers.len()
    }

    /// What this database does not know of it.
    pub async fn lost(&self, superuser: &Client) -> Vec<String> {
        let sql = "select asterisk_uniqueid, attempts, link_id, true from capconduit.call_logs
                   union all select uniqueid, attempt, link_id, false from capconduit.live_calls";
        let rows = superuser.query(sql, &[]).await.expect("the calls");
        let known: HashMap<String, (i32, Option<i64>, bool)> = rows
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3))))
            .collect();
        let is_there = |id: &String, attempt: i32, link: Option<i64>| {
            known
                .get(id)
                .is_some_and(|&(at, on, _)| at > attempt || (at == attempt && on == link))
        };
        let calls = self
            .calls
            .iter()
            .filter(|(id, (attempt, link))| !is_there(id, *attempt, *link))
            .map(|(id, told)| format!("call {id}: told {told:?}, known {:?}", known.get(id)));
        let recorded = self
            .recorded
            .iter()
            .filter(|id| !known.get(*id).is_some_and(|known| known.2))
            .map(|id| format!("record of {id}"));
        let sql = "select number from capconduit.dids";
        let rows = superuser.query(sql, &[]).await.expect("the numbers");
        let there: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
        let numbers = self
            .numbers
            .iter()
            .filter(|number| !there.contains(*number))
            .map(|number| format!("number {number}"));
        calls.chain(recorded).chain(numbers).collect()
    }
}
