//! Calls in flight: /api/seller/live with the own links' use, /api/admin/live the same over all sellers; in pages
//! /api/seller/live_calls, /api/seller/links and /api/admin/live_calls; and the release of a call by hand.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Conflict, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::Params;
use crate::http::version::Versioned;
use crate::store::tx::Tx;

macro_rules! calls {
    ($rest:literal) => {
        concat!(
            "select uniqueid, node, user_id, campaign_id, campaign_name, did_id, did_number, link_id, client_id, \
             client_identifier, client_name, holds_slot, attempt, caller_number, caller_name, routed_at, attempt_at, \
             answered_at, phase, lease_until from live_calls_view ",
            $rest
        )
    };
}

/// What `LinkUsage` is made of.
macro_rules! link_usage {
    ($rest:literal) => {
        concat!(
            "select link_id, campaign_id, user_id, campaign_name, client_id, client_identifier, client_name, status, \
             active, max_concurrency, counted, total_calls_allowed, remaining, room, version from link_usage_view ",
            $rest
        )
    };
}
pub(super) use link_usage;

/// The arguments of `Filter::args`.
macro_rules! filter {
    () => {
        "where ($1::bigint is null or user_id = $1) and ($2::bigint is null or client_id = $2) \
         and ($3::text is null or node = $3) and ($4::text is null or caller_number = $4) \
         and ($5::text is null or did_number = $5) and ($6::text is null or phase = $6)"
    };
}

const CALLS: &str = concat!(
    calls!(""),
    filter!(),
    " order by routed_at desc, uniqueid limit $7 offset $8"
);
const COUNT: &str = concat!("select count(*) from live_calls_view ", filter!());
const USAGE: &str = link_usage!("order by campaign_id, link_id limit $1");
/// One seller's links, or over all sellers those in use: a platform has too many for one answer.
const USAGE_OF_ALL: &str = link_usage!(
    "where user_id = $1 or ($1::bigint is null and active > 0) order by campaign_id, link_id limit $2"
);
const RELEASE: &str = "select status, cdr_id from release_call($1, $2)";

pub const SELLER_STATEMENTS: &[&str] = &[CALLS, COUNT, USAGE];
pub const STAFF_STATEMENTS: &[&str] = &[CALLS, COUNT, USAGE_OF_ALL, RELEASE];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(own_live_calls))
        .routes(routes!(live_of_all))
        .routes(routes!(live_calls))
        .routes(routes!(release))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LiveCall {
    #[schema(example = "pbx1-1700000000.1")]
    uniqueid: String,
    node: Option<String>,
    user_id: Option<i64>,
    campaign_id: i64,
    campaign_name: Option<String>,
    did_id: i64,
    #[schema(example = "+18005550101")]
    did_number: String,
    link_id: i64,
    client_id: i64,
    client_identifier: Option<String>,
    client_name: Option<String>,
    /// False once nobody was left to dial: the call ends without a slot.
    holds_slot: bool,
    attempt: i32,
    caller_number: Option<String>,
    caller_name: Option<String>,
    routed_at: Instant,
    attempt_at: Instant,
    answered_at: Option<Instant>,
    #[schema(pattern = "^(ringing|talking|ending)$")]
    phase: String,
    /// When the slot is given back if nobody reports the call any more.
    lease_until: Instant,
}

impl From<&Row> for LiveCall {
    fn from(row: &Row) -> Self {
        LiveCall {
            uniqueid: row.get(0),
            node: row.get(1),
            user_id: row.get(2),
            campaign_id: row.get(3),
            campaign_name: row.get(4),
            did_id: row.get(5),
            did_number: row.get(6),
            link_id: row.get(7),
            client_id: row.get(8),
            client_identifier: row.get(9),
            client_name: row.get(10),
            holds_slot: row.get(11),
            attempt: row.get(12),
            caller_number: row.get(13),
            caller_name: row.get(14),
            routed_at: row.get(15),
            attempt_at: row.get(16),
            answered_at: row.get(17),
            phase: row.get(18),
            lease_until: row.get(19),
        }
    }
}

/// What a link has used of its caps. `remaining` is allowed − counted − active, null without a limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkUsage {
    link_id: i64,
    campaign_id: i64,
    user_id: i64,
    campaign_name: String,
    client_id: i64,
    client_identifier: String,
    client_name: String,
    status: String,
    active: i32,
    max_concurrency: i32,
    counted: i64,
    total_calls_allowed: Option<i64>,
    remaining: Option<i64>,
    /// full, near (three quarters of a cap are used) or open.
    #[schema(pattern = "^(full|near|open)$", example = "open")]
    room: String,
    /// Of the link's settings: calls do not move it.
    #[schema(example = 1)]
    version: i64,
}

impl Versioned for LinkUsage {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

impl From<&Row> for LinkUsage {
    fn from(row: &Row) -> Self {
        LinkUsage {
            link_id: row.get(0),
            campaign_id: row.get(1),
            user_id: row.get(2),
            campaign_name: row.get(3),
            client_id: row.get(4),
            client_identifier: row.get(5),
            client_name: row.get(6),
            status: row.get(7),
            active: row.get(8),
            max_concurrency: row.get(9),
            counted: row.get(10),
            total_calls_allowed: row.get(11),
            remaining: row.get(12),
            room: row.get(13),
            version: row.get(14),
        }
    }
}

/// Described for the API; read by `Filter::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that Filter::read reads")]
struct FilterParams {
    client_id: Option<i64>,
    /// One Asterisk.
    node: Option<String>,
    /// The caller's number, exactly.
    caller: Option<String>,
    /// The dialled number.
    #[param(example = "+18005550101")]
    did: Option<String>,
    /// ringing, talking or ending.
    phase: Option<String>,
}

struct Filter {
    user_id: Option<i64>,
    client_id: Option<i64>,
    node: Option<String>,
    caller: Option<String>,
    did: Option<String>,
    phase: Option<String>,
}

impl Filter {
    fn read(params: &Params) -> ApiResult<Self> {
        Ok(Filter {
            user_id: params.id("user_id")?,
            client_id: params.id("client_id")?,
            node: params.text("node", 24)?,
            caller: params.text("caller", 50)?,
            did: params.number("did")?,
            phase: params.choice("phase", &["ringing", "talking", "ending"])?,
        })
    }

    fn args(&self) -> [&(dyn ToSql + Sync); 6] {
        [
            &self.user_id,
            &self.client_id,
            &self.node,
            &self.caller,
            &self.did,
            &self.phase,
        ]
    }

    /// The newest calls, so many at most.
    async fn newest(&self, tx: &Tx, most: i64) -> ApiResult<Vec<LiveCall>> {
        let args = [self.args().as_slice(), &[&most, &0_i64]].concat();
        Ok(tx.rows(CALLS, &args).await?.iter().map(LiveCall::from).collect())
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Live {
    calls: Vec<LiveCall>,
    links: Vec<LinkUsage>,
}

#[utoipa::path(get, path = "/api/seller/live", tag = "reports", params(FilterParams),
    responses((status = 200, description = "The newest 1,000 own calls in flight, and the use of 1,000 own links", body = Live),
              Denied, BadFilter))]
async fn live(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Live>> {
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let calls = filter.newest(&tx, MOST).await?;
    let links = tx.rows(USAGE, &[&MOST]).await?;
    tx.commit().await?;
    Ok(Json(Live {
        calls,
        links: links.iter().map(LinkUsage::from).collect(),
    }))
}

#[utoipa::path(get, path = "/api/seller/live_calls", tag = "reports", params(PageParams, FilterParams),
    responses((status = 200, description = "The own calls in flight, newest first", body = Page<LiveCall>), Denied, BadFilter))]
async fn own_live_calls(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<LiveCall>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    page.of(tx, COUNT, CALLS, &filter.args()).await
}

/// Dashboards ask for these overviews every few seconds: an answer stays small. The lists with pages have all.
const MOST: i64 = 1000;

#[utoipa::path(get, path = "/api/admin/live", tag = "admin",
    params(("user_id" = Option<i64>, Query, description = "one seller, with all links; else the links in use"), FilterParams),
    responses((status = 200, description = "The newest 1,000 calls in flight, and 1,000 links", body = Live),
              Denied, BadFilter))]
async fn live_of_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Live>> {
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let calls = filter.newest(&tx, MOST).await?;
    let links = tx.rows(USAGE_OF_ALL, &[&filter.user_id, &MOST]).await?;
    tx.commit().await?;
    Ok(Json(Live {
        calls,
        links: links.iter().map(LinkUsage::from).collect(),
    }))
}

#[utoipa::path(get, path = "/api/admin/live_calls", tag = "admin",
    params(PageParams, ("user_id" = Option<i64>, Query, description = "one seller"), FilterParams),
    responses((status = 200, description = "Calls in flight, newest first", body = Page<LiveCall>), Denied, BadFilter))]
async fn live_calls(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<LiveCall>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    page.of(tx, COUNT, CALLS, &filter.args()).await
}

#[derive(Debug, ToSchema)]
struct Release {
    #[schema(min_length = 1, max_length = 200, example = "caller reports the line is dead")]
    reason: String,
}

impl Input for Release {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        Release {
            reason: f.required_text("reason", &Text::title(1, 200)),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Released {
    #[schema(example = "released")]
    status: String,
    cdr_id: Option<i64>,
}

#[utoipa::path(post, path = "/api/admin/live_calls/{uniqueid}/release", tag = "admin",
    params(("uniqueid" = String, Path)), request_body = Release,
    responses((status = 200, description = "Recorded as LOST, its slot is free; audited", body = Released),
              Denied, BadBody, NotFound, Conflict))]
async fn release(
    State(app): State<AppState>,
    staff: Staff,
    Path(uniqueid): Path<String>,
    Valid(release): Valid<Release>,
) -> ApiResult<Json<Released>> {
    let unknown = || ApiError::not_found("No call with this uniqueid is in flight.");
    if uniqueid.is_empty() || uniqueid.chars().count() > 150 || uniqueid.chars().any(char::is_control) {
        return Err(unknown());
    }
    let tx = app.store.write(&staff.identity()).await?;
    let row = tx.row(RELEASE, &[&uniqueid, &release.reason]).await?;
    let released = Released {
        status: row.get(0),
        cdr_id: row.get(1),
    };
    tx.commit().await?;
    if released.status != "released" {
        return Err(unknown());
    }
    Ok(Json(released))
}
