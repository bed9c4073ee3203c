//! /api/internal: the switch over HTTP. The same functions that Asterisk calls in SQL, behind a token.

mod objects;
mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Denied};
use crate::app::AppState;
use crate::app::caller::Switch;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::params::Params;
use objects::{CallTarget, LogCall, LogCallError, Logged, NextTarget, Proceed, Reject, RouteCall};
pub use operations::INTERNAL_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(route_info))
        .routes(routes!(route_call))
        .routes(routes!(next_target))
        .routes(routes!(log_call))
}

/// Where a call would go now.
///
/// The targets in the order in which a call would try them. It reserves nothing.
#[utoipa::path(get, path = "/api/internal/route_info", tag = "internal", security(("switch" = [])),
    params(("did" = String, Query, description = "the dialled number")),
    responses((status = 200, description = "Where a call would go now", body = Proceed),
              (status = 400, description = "missing_did", body = super::answers::ProblemBody,
               content_type = "application/problem+json"),
              (status = 404, description = "Why a call would be rejected now", body = Reject,
               example = json!({"status": "reject", "rejectReason": "did_not_found"})), Denied))]
async fn route_info(State(app): State<AppState>, _: Switch, params: Params) -> ApiResult<Response> {
    let Some(did) = params.raw_text("did", 255)?.filter(|did| !did.is_empty()) else {
        return Err(ApiError::bad_request(
            "missing_did",
            "Missing 'did' query parameter",
        ));
    };
    Ok(match operations::route_info(&app.store, &did).await? {
        Ok(proceed) => Json(proceed).into_response(),
        Err(reject_reason) => {
            let reject = Reject {
                status: "reject",
                reject_reason,
            };
            (StatusCode::NOT_FOUND, Json(reject)).into_response()
        }
    })
}

/// Route a call.
///
/// Decides which client takes the call, and reserves its slot. Asked again, it gives the same answer.
#[utoipa::path(post, path = "/api/internal/route_call", tag = "internal", security(("switch" = [])),
    request_body = RouteCall,
    responses((status = 200, description = "The target, its slot reserved; or a reject with its reason",
               body = CallTarget), Denied, BadBody))]
async fn route_call(
    State(app): State<AppState>,
    _: Switch,
    Valid(call): Valid<RouteCall>,
) -> ApiResult<Json<CallTarget>> {
    Ok(Json(operations::route_call(&app.store, call).await?))
}

/// The next target of a call.
///
/// Records the failed attempt, and moves the slot to a link that was not tried yet.
#[utoipa::path(post, path = "/api/internal/next_target", tag = "internal", security(("switch" = [])),
    request_body = NextTarget,
    responses((status = 200, description = "The next target, or a reject with its reason", body = CallTarget),
              Denied, BadBody))]
async fn next_target(
    State(app): State<AppState>,
    _: Switch,
    Valid(failed): Valid<NextTarget>,
) -> ApiResult<Json<CallTarget>> {
    Ok(Json(operations::next_target(&app.store, failed).await?))
}

/// Record a call.
///
/// Writes the one record of a call, moves the counters and gives the slot back, in one transaction. A known uniqueid is 409, and
/// counts nothing twice.
#[utoipa::path(post, path = "/api/internal/log_call", tag = "internal", security(("switch" = [])),
    request_body = LogCall,
    responses((status = 201, description = "Recorded; any slot that the call held is free", body = Logged),
              (status = 400, description = "validation_failed: not valid", body = LogCallError),
              (status = 401, description = "unauthenticated: no token", body = super::answers::ProblemBody,
               content_type = "application/problem+json"),
              (status = 404, description = "not_found: an id is unknown", body = LogCallError),
              (status = 408, description = "body_too_slow", body = LogCallError),
              (status = 409, description = "already_logged: nothing is counted twice", body = LogCallError),
              (status = 413, description = "body_too_large", body = LogCallError),
              (status = 415, description = "unsupported_media_type", body = LogCallError),
              (status = 500, description = "internal_error", body = LogCallError),
              (status = 503, description = "try_again: see Retry-After", body = LogCallError)))]
async fn log_call(
    State(app): State<AppState>,
    _: Switch,
    body: Result<Valid<LogCall>, ApiError>,
) -> ApiResult<(StatusCode, Json<Logged>)> {
    let logged = async { operations::log_call(&app.store, body?.0).await }.await;
    logged
        .map(|logged| (StatusCode::CREATED, Json(logged)))
        .map_err(|mut error| {
            error.0.plain = true;
            error
        })
}
