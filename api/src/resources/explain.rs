//! /api/seller/explain and /api/admin/explain: why a call to a number would go where it goes, link by link.

use axum::Json;
use axum::extract::State;
use capconduit_core::text::NUMBER;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::clock::{Instant, parse_instant};
use crate::http::params::Params;
use crate::store::row::row;
use crate::store::tx::Tx;

macro_rules! explained {
    ($opens_at:literal, $by:literal) => {
        concat!(
            "select ",
            $opens_at,
            " as opens_at, campaign_id, campaign_name, routing_strategy, link_id, client_id, client_identifier, eligible, reason, \
             active,
           max_concurrency, counted, total_calls_allowed, forwarding_priority, weight, place, share
      from ",
            $by
        )
    };
}

const OWN: &str = explained!("opens_at", "explain_own_call($1, $2, $3)");
const ANY: &str = explained!("(detail ->> 'opens_at')::timestamptz", "explain_call($1, $2, $3)");
pub const SELLER_STATEMENTS: &[&str] = &[OWN];
pub const STAFF_STATEMENTS: &[&str] = &[ANY];

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedCampaign {
    pub id: i64,
    pub name: Option<String>,
    pub routing_strategy: Option<String>,
}

impl ExplainedCampaign {
    /// None: no campaign has the number.
    fn of(row: &Row) -> Option<Self> {
        let id = row.get::<_, Option<i64>>("campaign_id")?;
        Some(ExplainedCampaign {
            id,
            name: row.get("campaign_name"),
            routing_strategy: row.get("routing_strategy"),
        })
    }
}

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct ExplainedLink {
        pub link_id: i64,
        pub client_id: Option<i64>,
        pub client_identifier: Option<String>,
        pub eligible: bool,
        #[schema(example = "concurrency_cap")]
        pub reason: String,
        pub active: Option<i32>,
        pub max_concurrency: Option<i32>,
        pub counted: Option<i64>,
        pub total_calls_allowed: Option<i64>,
        pub forwarding_priority: Option<i32>,
        pub weight: Option<i32>,
        /// Place in the order of the next call; null for weighted campaigns.
        pub place: Option<i32>,
        /// Share of the offers; weighted campaigns only.
        pub share: Option<f64>,
        /// When time alone opens all that stops it. Null: it takes the call, or something else has to happen.
        #[schema(example = json!(null))]
        pub opens_at: Option<Instant>,
    }
}

/// Which call is explained.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub did: String,
    /// As a switch gives it; what has no digit is no number. None: nobody in particular.
    pub caller: Option<String>,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl Question {
    /// The next call to a number, nobody's in particular.
    pub fn of(did: String) -> Self {
        Question {
            did,
            ..Question::default()
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    #[schema(example = "+18005550101")]
    pub did: String,
    /// Whose call. Null: nobody's in particular.
    #[schema(example = json!(null))]
    pub caller: Option<String>,
    /// When. Null: now.
    #[schema(example = json!(null))]
    pub at: Option<Instant>,
    /// Why no link is looked at at all; null otherwise.
    #[schema(example = "did_not_found")]
    pub reason: Option<String>,
    /// When time alone opens all that stops it there.
    #[schema(example = json!(null))]
    pub opens_at: Option<Instant>,
    pub campaign: Option<ExplainedCampaign>,
    pub links: Vec<ExplainedLink>,
    /// Who is asked now since nobody of these takes the call. Null: somebody does, or its calls go nowhere else then.
    pub overflow: Option<ExplainedOverflow>,
    /// Further active campaigns of this DID: the one with the lowest id counts.
    pub shadowed: Vec<ExplainedCampaign>,
}

/// The campaign that calls overflow to now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedOverflow {
    pub campaign: ExplainedCampaign,
    /// Why none of its links is looked at at all; null otherwise.
    #[schema(example = json!(null))]
    pub reason: Option<String>,
    /// When time alone opens all that stops it there.
    #[schema(example = json!(null))]
    pub opens_at: Option<Instant>,
    pub links: Vec<ExplainedLink>,
}

impl Explanation {
    fn overflow_to(&mut self, campaign: ExplainedCampaign) -> &mut ExplainedOverflow {
        self.overflow.get_or_insert(ExplainedOverflow {
            campaign,
            reason: None,
            opens_at: None,
            links: Vec::new(),
        })
    }

    fn add(&mut self, row: &Row) {
        let reason: String = row.get("reason");
        let campaign = ExplainedCampaign::of(row).filter(|_| reason != "shadowed");
        if let (Some(first), Some(campaign)) = (&self.campaign, campaign)
            && first.id != campaign.id
        {
            self.overflow_to(campaign).add(row, reason);
            return;
        }
        if row.get::<_, Option<i64>>("link_id").is_some() {
            self.campaign = ExplainedCampaign::of(row);
            self.links.push(ExplainedLink::from(row));
            return;
        }
        if reason == "shadowed" {
            self.shadowed.extend(ExplainedCampaign::of(row));
        } else {
            self.campaign = ExplainedCampaign::of(row);
            self.reason = Some(reason);
            self.opens_at = row.get("opens_at");
        }
    }
}

impl ExplainedOverflow {
    fn add(&mut self, row: &Row, reason: String) {
        if row.get::<_, Option<i64>>("link_id").is_some() {
            self.links.push(ExplainedLink::from(row));
        } else {
            self.reason = Some(reason);
            self.opens_at = row.get("opens_at");
        }
    }
}

/// Whose numbers are explained; any other does not exist.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Own,
    Any,
}

pub async fn explain_did(tx: &Tx, whose: Whose, asked: Question) -> ApiResult<Explanation> {
    let sql = match whose {
        Whose::Own => OWN,
        Whose::Any => ANY,
    };
    let rows = tx.rows(sql, &[&asked.did, &asked.caller, &asked.at]).await?;
    let mut explanation = Explanation {
        did: asked.did,
        caller: asked.caller,
        at: asked.at.map(Instant),
        reason: None,
        opens_at: None,
        campaign: None,
        links: Vec::new(),
        overflow: None,
        shadowed: Vec::new(),
    };
    rows.iter().for_each(|row| explanation.add(row));
    Ok(explanation)
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `ask` reads")]
struct AskedFor {
    /// The caller's number; anonymous: without one. Absent: nobody in particular.
    #[param(max_length = 50, required = false)]
    caller: Option<String>,
    /// ISO 8601; without a zone, UTC. Absent: now.
    #[param(required = false, format = DateTime)]
    at: Option<String>,
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .routes(routes!(explain_any))
}

/// Why a call would go where it goes.
///
/// Link by link, with the reason of each that would not take it, and when time alone opens that. For one caller, or nobody in
/// particular; at any instant, by what is known now. It writes nothing.
#[utoipa::path(get, path = "/api/seller/explain", tag = "reports",
    params(("did" = String, Query, description = "an own number"), AskedFor),
    responses((status = 200, description = "Every link with its verdict; a number of somebody else does not exist",
               body = Explanation), Denied, BadFilter))]
async fn explain(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Explanation>> {
    ask(&app, &seller, &params, Whose::Own).await
}

/// Why a call to any number would go where it goes.
///
/// Link by link, with the reason of each that would not take it, and when time alone opens that. For one caller, or nobody in
/// particular; at any instant, by what is known now. It writes nothing.
#[utoipa::path(get, path = "/api/admin/explain", tag = "admin",
    params(("did" = String, Query, description = "any number"), AskedFor),
    responses((status = 200, description = "Every link with its verdict", body = Explanation), Denied, BadFilter))]
async fn explain_any(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Explanation>> {
    ask(&app, &staff, &params, Whose::Any).await
}

async fn ask(app: &AppState, user: &User, params: &Params, by: Whose) -> ApiResult<Json<Explanation>> {
    let did = params
        .text("did", 255)?
        .ok_or_else(|| ApiError::bad_request("missing_did", "Missing 'did' query parameter"))?;
    // A plus that was not escaped arrives as a blank.
    let caller = params.text("caller", NUMBER)?;
    let caller = caller.map(|text| match text.strip_prefix(' ') {
        Some(digits) => format!("+{}", digits.trim()),
        None => text,
    });
    let at = match params.text("at", 50)? {
        None => None,
        Some(text) => {
            let expected = "An instant is expected, as 2026-12-24T15:00:00Z.";
            Some(parse_instant(&text).ok_or_else(|| ApiError::field(&["at"], expected))?)
        }
    };
    let asked = Question { did, caller, at };
    let tx = app.store.read(&user.identity()).await?;
    let explanation = explain_did(&tx, by, asked).await?;
    tx.commit().await?;
    Ok(Json(explanation))
}
