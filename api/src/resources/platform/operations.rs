//! What is read of switches, registrations and rejected calls.

use super::list::{Nodes, Registrations};
use super::objects::{Node, Registration, RejectedCalls, RejectsByNode, RejectsByNumber, RejectsByReason};
use super::statements::{BY_NODE, BY_NUMBER, BY_REASON, OF_ALL, REJECTS};
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};

/// Which rejected calls.
#[derive(Debug)]
pub struct Wanted {
    pub minutes: i32,
    pub reason: Option<String>,
    pub did: Option<String>,
    pub node: Option<String>,
}

pub async fn nodes(tx: &Tx, request: &Request<Nodes>) -> ApiResult<Page<Node>> {
    request.page(tx).await
}

pub async fn registrations(tx: &Tx, request: &Request<Registrations>) -> ApiResult<Page<Registration>> {
    request.page(tx).await
}

pub async fn rejects(tx: &Tx, wanted: Wanted) -> ApiResult<RejectedCalls> {
    tx.set(PLAN_FOR_VALUES).await?;
    let args: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&wanted.minutes, &wanted.reason, &wanted.did, &wanted.node];
    let mut rejects = RejectedCalls {
        minutes: wanted.minutes,
        ..RejectedCalls::default()
    };
    for row in tx.rows(REJECTS, &args).await? {
        let calls = row.get("calls");
        match row.get("level") {
            OF_ALL => rejects.calls = calls,
            BY_REASON => rejects.by_reason.push(RejectsByReason {
                reason: row.get("reason"),
                calls,
            }),
            BY_NUMBER => rejects.by_number.push(RejectsByNumber {
                did: row.get("did"),
                calls,
                did_id: row.get("did_id"),
                user_id: row.get("user_id"),
                username: row.get("username"),
            }),
            BY_NODE => rejects.by_node.push(RejectsByNode {
                node: row.get("node"),
                calls,
            }),
            _ => {}
        }
    }
    Ok(rejects)
}
