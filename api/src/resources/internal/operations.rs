//! What a switch asks of the platform: the same functions that Asterisk calls in SQL, one round trip each.

use tokio_postgres::Row;

use super::objects::{CallTarget, LogCall, Logged, NextTarget, Proceed, RouteCall, RoutingInfo, Target};
use crate::error::{ApiError, ApiResult};
use crate::store::identity::Identity;
use crate::store::tx::Store;

/// The links as explain_route judges them, with what a dialplan needs to dial them. A weighted campaign is drawn by its
/// shares, so each dry run gives one possible order.
const ROUTE_INFO: &str = "\
    select e.eligible, e.reject_reason, e.link_id, c.user_id, c.id, e.did_id, c.routing_strategy, c.dial_timeout_seconds,
           e.client_id, e.client_identifier, k.name, a.contact, e.max_concurrency, e.weight, e.forwarding_priority,
           p.outbound_auth, p.callerid, p.context, p.transport
      from explain_route($1) e
      left join campaigns c on c.id = e.campaign_id
      left join clients k on k.id = e.client_id
      left join pjsip_endpoints p on p.client_id = e.client_id
      left join pjsip_aors a on a.client_id = e.client_id
     where e.reason <> 'shadowed'
     order by e.place, -ln(1 - random()) / e.share";

/// What `CallTarget` is made of.
macro_rules! target {
    ($function:literal) => {
        concat!(
            "select status, reason, hangup_cause, attempt, link_id, client_identifier, dial, dial_timeout_seconds,
           max_call_seconds, caller_id, campaign_id, decision, settings_id
      from ",
            $function
        )
    };
}

const ROUTE_CALL: &str = target!("route_call($1, $2, $3, $4, $5, $6, $7)");
const NEXT_TARGET: &str = target!("next_target($1, $2, $3, $4, null)");
const LOG_CALL: &str = "\
    select status, cdr_id
      from log_call($1, $2, $3, linkedid => $4, caller_number => $5, caller_name => $6, started_at => $7,
        answered_at => $8, ended_at => $9, duration_seconds => $10, billsec_seconds => $11, hangup_cause_code => $12,
        hangup_cause_text => $13, link_id => $14, campaign_id => $15, client_id => $16, did_id => $17, user_id => $18,
        hangup_by => $19, sip_call_id => $20)";

pub const INTERNAL_STATEMENTS: &[&str] = &[ROUTE_INFO, ROUTE_CALL, NEXT_TARGET, LOG_CALL];

/// Where a call would go now, or why it would be rejected.
pub async fn route_info(store: &Store, did: &str) -> ApiResult<Result<Proceed, String>> {
    let rows = store.call(&Identity::INTERNAL, ROUTE_INFO, &[&did]).await?;
    Ok(proceed(&rows).ok_or_else(|| reject_reason(&rows).to_owned()))
}

fn proceed(rows: &[Row]) -> Option<Proceed> {
    let eligible: Vec<&Row> = rows.iter().filter(|row| row.get("eligible")).collect();
    let first = eligible.first()?;
    Some(Proceed {
        status: "proceed",
        routing_info: RoutingInfo {
            user_id: first.get("user_id"),
            campaign_id: first.get("id"),
            did_id: first.get("did_id"),
            routing_strategy: first.get("routing_strategy"),
            dial_timeout_seconds: first.get("dial_timeout_seconds"),
            targets: eligible.into_iter().map(Target::from).collect(),
        },
    })
}

/// What a call would be told now: the same word in every row.
fn reject_reason(rows: &[Row]) -> &str {
    match rows.first().and_then(|row| row.get("reject_reason")) {
        // The contract knows no other word for a number that cannot exist.
        None | Some("invalid_did_input") => "did_not_found",
        Some(reason) => reason,
    }
}

/// The target, its slot reserved; or a reject with its reason.
pub async fn route_call(store: &Store, call: RouteCall) -> ApiResult<CallTarget> {
    let row = store
        .call_row(
            &Identity::INTERNAL,
            ROUTE_CALL,
            &[
                &call.did,
                &call.uniqueid,
                &call.caller_number,
                &call.caller_name,
                &call.linkedid,
                &call.node,
                &call.sip_call_id,
            ],
        )
        .await
        .map_err(ApiError::or_try_again)?;
    Ok(CallTarget::from(&row))
}

/// The next target, or a reject with its reason.
pub async fn next_target(store: &Store, failed: NextTarget) -> ApiResult<CallTarget> {
    let row = store
        .call_row(
            &Identity::INTERNAL,
            NEXT_TARGET,
            &[
                &failed.uniqueid,
                &failed.failed_attempt,
                &failed.dial_status,
                &failed.hangup_cause,
            ],
        )
        .await
        .map_err(ApiError::or_try_again)?;
    Ok(CallTarget::from(&row))
}

/// Any slot that the call held is free.
pub async fn log_call(store: &Store, call: LogCall) -> ApiResult<Logged> {
    let row = store
        .call_row(
            &Identity::INTERNAL,
            LOG_CALL,
            &[
                &call.asterisk_uniqueid,
                &call.incoming_did_number,
                &call.call_status,
                &call.asterisk_linkedid,
                &call.caller_id_num,
                &call.caller_id_name,
                &call.timestamp_start,
                &call.timestamp_answered,
                &call.timestamp_end,
                &call.duration_seconds,
                &call.billsec_seconds,
                &call.hangup_cause_code,
                &call.hangup_cause_text,
                &call.campaign_client_setting_id,
                &call.campaign_id,
                &call.client_id,
                &call.did_id,
                &call.user_id,
                &call.hangup_by,
                &call.sip_call_id,
            ],
        )
        .await
        .map_err(ApiError::or_try_again)?;
    if row.get::<_, &str>("status") == "duplicate" {
        let text = format!("Duplicate Asterisk Unique ID: {}", call.asterisk_uniqueid);
        return Err(ApiError::conflict("already_logged", text));
    }
    Ok(Logged {
        status: "success",
        message: "Call logged successfully.",
        cdr_id: row.get("cdr_id"),
    })
}
