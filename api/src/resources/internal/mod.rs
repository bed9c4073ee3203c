//! /api/internal: the switch over HTTP. The same functions that Asterisk calls in SQL, behind a token.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Denied};
use crate::app::AppState;
use crate::app::caller::Switch;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::params::Params;
use crate::store::identity::Identity;

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
const ROUTE_CALL: &str = "\
    select status, reason, hangup_cause, attempt, link_id, client_identifier, dial, dial_timeout_seconds,
           max_call_seconds, caller_id, campaign_id, decision, settings_id
      from route_call($1, $2, $3, $4, $5, $6, $7)";
const NEXT_TARGET: &str = "\
    select status, reason, hangup_cause, attempt, link_id, client_identifier, dial, dial_timeout_seconds,
           max_call_seconds, caller_id, campaign_id, decision, settings_id
      from next_target($1, $2, $3, $4, null)";
const LOG_CALL: &str = "\
    select status, cdr_id
      from log_call($1, $2, $3, linkedid => $4, caller_number => $5, caller_name => $6, started_at => $7,
        answered_at => $8, ended_at => $9, duration_seconds => $10, billsec_seconds => $11, hangup_cause_code => $12,
        hangup_cause_text => $13, link_id => $14, campaign_id => $15, client_id => $16, did_id => $17, user_id => $18,
        hangup_by => $19, sip_call_id => $20)";

pub const INTERNAL_STATEMENTS: &[&str] = &[ROUTE_INFO, ROUTE_CALL, NEXT_TARGET, LOG_CALL];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(route_info))
        .routes(routes!(route_call))
        .routes(routes!(next_target))
        .routes(routes!(log_call))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Proceed {
    #[schema(example = "proceed")]
    status: &'static str,
    routing_info: RoutingInfo,
}

#[derive(Debug, Serialize, ToSchema)]
struct RoutingInfo {
    user_id: i64,
    campaign_id: i64,
    did_id: Option<i64>,
    #[schema(example = "priority")]
    routing_strategy: String,
    dial_timeout_seconds: i32,
    targets: Vec<Target>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Target {
    #[serde(rename = "campaignClientSettingId")]
    campaign_client_setting_id: i64,
    client_id: i64,
    client_identifier: String,
    client_name: Option<String>,
    /// Null: the call center has registered.
    sip_uri: Option<String>,
    max_concurrency: i32,
    weight: i32,
    priority: i32,
    outbound_auth: Option<String>,
    callerid_override: Option<String>,
    context: Option<String>,
    transport: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Reject {
    #[schema(example = "reject")]
    status: &'static str,
    #[schema(example = "did_not_found")]
    reject_reason: String,
}

#[utoipa::path(get, path = "/api/internal/route_info", tag = "internal", security(("switch" = [])),
    params(("did" = String, Query, description = "the dialled number")),
    responses((status = 200, description = "Where a call would go now", body = Proceed),
              (status = 400, description = "missing_did", body = super::answers::ProblemBody,
               content_type = "application/problem+json"),
              (status = 404, description = "Why a call would be rejected now", body = Reject), Denied))]
async fn route_info(State(app): State<AppState>, _: Switch, params: Params) -> ApiResult<Response> {
    let Some(did) = params.raw_text("did", 255)?.filter(|did| !did.is_empty()) else {
        return Err(ApiError::bad_request(
            "missing_did",
            "Missing 'did' query parameter",
        ));
    };
    let rows = app.store.call(&Identity::INTERNAL, ROUTE_INFO, &[&did]).await?;
    Ok(match proceed(&rows) {
        Some(proceed) => Json(proceed).into_response(),
        None => {
            let reject = Reject {
                status: "reject",
                reject_reason: reject_reason(&rows).to_owned(),
            };
            (StatusCode::NOT_FOUND, Json(reject)).into_response()
        }
    })
}

fn proceed(rows: &[Row]) -> Option<Proceed> {
    let eligible: Vec<&Row> = rows.iter().filter(|row| row.get(0)).collect();
    let first = eligible.first()?;
    Some(Proceed {
        status: "proceed",
        routing_info: RoutingInfo {
            user_id: first.get(3),
            campaign_id: first.get(4),
            did_id: first.get(5),
            routing_strategy: first.get(6),
            dial_timeout_seconds: first.get(7),
            targets: eligible.iter().map(|row| target(row)).collect(),
        },
    })
}

fn target(row: &Row) -> Target {
    Target {
        campaign_client_setting_id: row.get(2),
        client_id: row.get(8),
        client_identifier: row.get(9),
        client_name: row.get(10),
        sip_uri: row.get(11),
        max_concurrency: row.get(12),
        weight: row.get(13),
        priority: row.get(14),
        outbound_auth: row.get(15),
        callerid_override: row.get(16),
        context: row.get(17),
        transport: row.get(18),
    }
}

/// What a call would be told now: the same word in every row.
fn reject_reason(rows: &[Row]) -> &str {
    match rows.first().and_then(|row| row.get(1)) {
        // The contract knows no other word for a number that cannot exist.
        None | Some("invalid_did_input") => "did_not_found",
        Some(reason) => reason,
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct RouteCall {
    #[schema(example = "+18005550101")]
    did: String,
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    uniqueid: String,
    caller_number: Option<String>,
    caller_name: Option<String>,
    linkedid: Option<String>,
    #[schema(pattern = "^[A-Za-z0-9_-]{1,24}$")]
    node: Option<String>,
    /// Of the caller's leg: for the record of a call whose end nobody tells.
    sip_call_id: Option<String>,
}

/// The functions judge: descriptive text is cut to its column, and a record is never refused for it.
const LOOSE: Text = Text::anything();
const UNIQUEID: Text = Text::anything()
    .of_length(1, 150)
    .check(|text| match text.contains('\0') {
        true => Err("The character NUL is not allowed.".into()),
        false => Ok(()),
    });

impl Input for RouteCall {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        RouteCall {
            did: f.required_text("did", &LOOSE),
            uniqueid: f.required_text("uniqueid", &UNIQUEID),
            caller_number: f.nullable_text("callerNumber", &LOOSE).flatten(),
            caller_name: f.nullable_text("callerName", &LOOSE).flatten(),
            linkedid: f.nullable_text("linkedid", &LOOSE).flatten(),
            node: f.nullable_text("node", &Text::exact(0, 24)).flatten(),
            sip_call_id: f.nullable_text("sipCallId", &LOOSE).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct NextTarget {
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    uniqueid: String,
    #[schema(minimum = 1, example = 1)]
    failed_attempt: i32,
    #[schema(example = "BUSY")]
    dial_status: String,
    #[schema(example = 17)]
    hangup_cause: Option<i32>,
}

impl Input for NextTarget {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NextTarget {
            uniqueid: f.required_text("uniqueid", &UNIQUEID),
            failed_attempt: f.required_small_int("failedAttempt", 1..=i32::MAX),
            dial_status: f.required_text("dialStatus", &LOOSE),
            hangup_cause: f.nullable_small_int("hangupCause", 0..=i32::MAX).flatten(),
        }
    }
}

/// The row of route_call and next_target.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallTarget {
    #[schema(example = "ok")]
    status: String,
    reason: Option<String>,
    hangup_cause: Option<i32>,
    attempt: Option<i32>,
    link_id: Option<i64>,
    client_identifier: Option<String>,
    #[schema(example = "PJSIP/client_alpha_sales")]
    dial: Option<String>,
    dial_timeout_seconds: Option<i32>,
    max_call_seconds: Option<i32>,
    caller_id: Option<String>,
    campaign_id: Option<i64>,
    decision: Option<String>,
    /// The name of the endpoint's settings as they were when it was decided, for a switch that keeps endpoints in memory
    #[schema(example = "client_alpha_sales~0f9c3ad17be24d55")]
    settings_id: Option<String>,
}

impl From<Row> for CallTarget {
    fn from(row: Row) -> Self {
        CallTarget {
            status: row.get(0),
            reason: row.get(1),
            hangup_cause: row.get(2),
            attempt: row.get(3),
            link_id: row.get(4),
            client_identifier: row.get(5),
            dial: row.get(6),
            dial_timeout_seconds: row.get(7),
            max_call_seconds: row.get(8),
            caller_id: row.get(9),
            campaign_id: row.get(10),
            decision: row.get(11),
            settings_id: row.get(12),
        }
    }
}

#[utoipa::path(post, path = "/api/internal/route_call", tag = "internal", security(("switch" = [])),
    request_body = RouteCall,
    responses((status = 200, description = "The target, its slot reserved; or a reject with its reason",
               body = CallTarget), Denied, BadBody))]
async fn route_call(
    State(app): State<AppState>,
    _: Switch,
    Valid(call): Valid<RouteCall>,
) -> ApiResult<Json<CallTarget>> {
    let row = app
        .store
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
    Ok(Json(row.into()))
}

#[utoipa::path(post, path = "/api/internal/next_target", tag = "internal", security(("switch" = [])),
    request_body = NextTarget,
    responses((status = 200, description = "The next target, or a reject with its reason", body = CallTarget),
              Denied, BadBody))]
async fn next_target(
    State(app): State<AppState>,
    _: Switch,
    Valid(failed): Valid<NextTarget>,
) -> ApiResult<Json<CallTarget>> {
    let row = app
        .store
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
    Ok(Json(row.into()))
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct LogCall {
    #[schema(example = "+18005550101")]
    incoming_did_number: String,
    /// ISO 8601; without an offset it is UTC.
    #[schema(value_type = String, example = "2026-03-01T09:30:00Z")]
    timestamp_start: Timestamp,
    #[schema(example = "ANSWERED", min_length = 1)]
    call_status: String,
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    asterisk_uniqueid: String,
    user_id: Option<i64>,
    campaign_id: Option<i64>,
    did_id: Option<i64>,
    client_id: Option<i64>,
    campaign_client_setting_id: Option<i64>,
    /// Descriptive texts are cut to what is stored: 50 characters here, 100 of the name.
    caller_id_num: Option<String>,
    caller_id_name: Option<String>,
    #[schema(value_type = Option<String>)]
    timestamp_answered: Option<Timestamp>,
    /// Without it: as the durations say; now for a call that is in flight; else the last instant that is known.
    #[schema(value_type = Option<String>)]
    timestamp_end: Option<Timestamp>,
    #[schema(minimum = 0)]
    duration_seconds: Option<i32>,
    #[schema(minimum = 0)]
    billsec_seconds: Option<i32>,
    #[schema(minimum = 0)]
    hangup_cause_code: Option<i32>,
    hangup_cause_text: Option<String>,
    asterisk_linkedid: Option<String>,
    #[schema(pattern = "^(caller|client|system)$")]
    hangup_by: Option<String>,
    sip_call_id: Option<String>,
}

/// Blanks around it do not count, as to the function.
const STATUS: Text = Text::anything().check(|text| match text.trim().is_empty() {
    true => Err("Must not be empty.".into()),
    false => Ok(()),
});
const INSTANT: Text = Text::name(1, 60).check(|text| match clock::parse_instant(text) {
    Some(_) => Ok(()),
    None => Err("Not a valid ISO 8601 time.".into()),
});

impl Input for LogCall {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        let instant = |text: String| clock::parse_instant(&text);
        let id = |f: &mut Fields, key| f.nullable_int(key, 1..=i64::MAX).flatten();
        LogCall {
            incoming_did_number: f.required_text("incomingDidNumber", &LOOSE),
            timestamp_start: instant(f.required_text("timestampStart", &INSTANT)).unwrap_or_default(),
            call_status: f.required_text("callStatus", &STATUS),
            asterisk_uniqueid: f.required_text("asteriskUniqueid", &UNIQUEID),
            user_id: id(f, "userId"),
            campaign_id: id(f, "campaignId"),
            did_id: id(f, "didId"),
            client_id: id(f, "clientId"),
            campaign_client_setting_id: id(f, "campaignClientSettingId"),
            caller_id_num: f.nullable_text("callerIdNum", &LOOSE).flatten(),
            caller_id_name: f.nullable_text("callerIdName", &LOOSE).flatten(),
            timestamp_answered: f
                .nullable_text("timestampAnswered", &INSTANT)
                .flatten()
                .and_then(instant),
            timestamp_end: f
                .nullable_text("timestampEnd", &INSTANT)
                .flatten()
                .and_then(instant),
            duration_seconds: f.nullable_small_int("durationSeconds", 0..=i32::MAX).flatten(),
            billsec_seconds: f.nullable_small_int("billsecSeconds", 0..=i32::MAX).flatten(),
            hangup_cause_code: f.nullable_small_int("hangupCauseCode", 0..=i32::MAX).flatten(),
            hangup_cause_text: f.nullable_text("hangupCauseText", &LOOSE).flatten(),
            asterisk_linkedid: f.nullable_text("asteriskLinkedid", &LOOSE).flatten(),
            hangup_by: f.nullable_text("hangupBy", &LOOSE).flatten(),
            sip_call_id: f.nullable_text("sipCallId", &LOOSE).flatten(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Logged {
    #[schema(example = "success")]
    status: &'static str,
    message: &'static str,
    cdr_id: i64,
}

/// log_call's errors after the token check: plain JSON with a textual status.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what http::error renders")]
struct LogCallError {
    #[schema(example = "error")]
    status: String,
    #[schema(example = "already_logged")]
    code: String,
    #[schema(example = "Duplicate Asterisk Unique ID: pbx1-1700000000.1")]
    message: String,
    #[schema(value_type = Object, required = false)]
    errors: Option<serde_json::Value>,
}

#[utoipa::path(post, path = "/api/internal/log_call", tag = "internal", security(("switch" = [])),
    request_body = LogCall,
    responses((status = 201, description = "Recorded; any slot that the call held is free", body = Logged),
              (status = 400, description = "not valid", body = LogCallError),
              (status = 401, description = "no token", body = super::answers::ProblemBody,
               content_type = "application/problem+json"),
              (status = 404, description = "an id is unknown", body = LogCallError),
              (status = 408, description = "the body did not arrive in time", body = LogCallError),
              (status = 409, description = "already recorded: nothing is counted twice", body = LogCallError),
              (status = 413, description = "body too large", body = LogCallError),
              (status = 415, description = "not JSON", body = LogCallError),
              (status = 500, description = "internal_error", body = LogCallError),
              (status = 503, description = "see Retry-After", body = LogCallError)))]
async fn log_call(
    State(app): State<AppState>,
    _: Switch,
    body: Result<Valid<LogCall>, ApiError>,
) -> ApiResult<(StatusCode, Json<Logged>)> {
    let logged = async { write_record(&app, body?.0).await }.await;
    logged
        .map(|logged| (StatusCode::CREATED, Json(logged)))
        .map_err(|mut error| {
            error.0.plain = true;
            error
        })
}

async fn write_record(app: &AppState, call: LogCall) -> ApiResult<Logged> {
    let row = app
        .store
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
    if row.get::<_, &str>(0) == "duplicate" {
        let text = format!("Duplicate Asterisk Unique ID: {}", call.asterisk_uniqueid);
        return Err(ApiError::conflict("already_logged", text));
    }
    Ok(Logged {
        status: "success",
        message: "Call logged successfully.",
        cdr_id: row.get(1),
    })
}
