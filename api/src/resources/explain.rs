//! /api/seller/explain and /api/admin/explain: why a call to a number would go where it goes, link by link.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::params::Params;

const OWN: &str = "\
    select campaign_id, campaign_name, routing_strategy, link_id, client_id, client_identifier, eligible, reason, active,
           max_concurrency, counted, total_calls_allowed, forwarding_priority, weight, place, share
      from explain_own_did($1)";
const ANY: &str = "\
    select campaign_id, campaign_name, routing_strategy, link_id, client_id, client_identifier, eligible, reason, active,
           max_concurrency, counted, total_calls_allowed, forwarding_priority, weight, place, share
      from explain_route($1)";

pub const SELLER_STATEMENTS: &[&str] = &[OWN];
pub const STAFF_STATEMENTS: &[&str] = &[ANY];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .routes(routes!(explain_any))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExplainedCampaign {
    id: i64,
    name: Option<String>,
    routing_strategy: Option<String>,
}

impl ExplainedCampaign {
    fn from_row(row: &Row) -> Option<Self> {
        let id = row.get::<_, Option<i64>>(0)?;
        Some(ExplainedCampaign {
            id,
            name: row.get(1),
            routing_strategy: row.get(2),
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExplainedLink {
    link_id: i64,
    client_id: Option<i64>,
    client_identifier: Option<String>,
    eligible: bool,
    #[schema(example = "concurrency_cap")]
    reason: String,
    active: Option<i32>,
    max_concurrency: Option<i32>,
    counted: Option<i64>,
    total_calls_allowed: Option<i64>,
    forwarding_priority: Option<i32>,
    weight: Option<i32>,
    /// Place in the order of the next call; null for weighted campaigns.
    place: Option<i32>,
    /// Share of the offers; weighted campaigns only.
    share: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Explanation {
    #[schema(example = "+18005550101")]
    did: String,
    /// Why no link is looked at at all; null otherwise.
    #[schema(example = "did_not_found")]
    reason: Option<String>,
    campaign: Option<ExplainedCampaign>,
    links: Vec<ExplainedLink>,
    /// Further active campaigns of this DID: the one with the lowest id counts.
    shadowed: Vec<ExplainedCampaign>,
}

#[utoipa::path(get, path = "/api/seller/explain", tag = "reports",
    params(("did" = String, Query, description = "an own number")),
    responses((status = 200, description = "Every link with its verdict; a number of somebody else does not exist",
               body = Explanation), Denied, BadFilter))]
async fn explain(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Explanation>> {
    ask(&app, &seller, &params, OWN).await
}

#[utoipa::path(get, path = "/api/admin/explain", tag = "admin",
    params(("did" = String, Query, description = "any number")),
    responses((status = 200, description = "Every link with its verdict", body = Explanation), Denied, BadFilter))]
async fn explain_any(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Explanation>> {
    ask(&app, &staff, &params, ANY).await
}

async fn ask(
    app: &AppState,
    user: &User,
    params: &Params,
    sql: &'static str,
) -> ApiResult<Json<Explanation>> {
    let did = params
        .text("did", 255)?
        .ok_or_else(|| ApiError::bad_request("missing_did", "Missing 'did' query parameter"))?;
    let tx = app.store.read(&user.identity()).await?;
    let rows = tx.rows(sql, &[&did]).await?;
    tx.commit().await?;
    let mut explanation = Explanation {
        did,
        reason: None,
        campaign: None,
        links: Vec::new(),
        shadowed: Vec::new(),
    };
    rows.iter().for_each(|row| explanation.add(row));
    Ok(Json(explanation))
}

impl Explanation {
    fn add(&mut self, row: &Row) {
        let reason: String = row.get(7);
        let Some(link_id) = row.get::<_, Option<i64>>(3) else {
            if reason == "shadowed" {
                self.shadowed.extend(ExplainedCampaign::from_row(row));
            } else {
                self.campaign = ExplainedCampaign::from_row(row);
                self.reason = Some(reason);
            }
            return;
        };
        self.campaign = ExplainedCampaign::from_row(row);
        self.links.push(ExplainedLink {
            link_id,
            client_id: row.get(4),
            client_identifier: row.get(5),
            eligible: row.get(6),
            reason,
            active: row.get(8),
            max_concurrency: row.get(9),
            counted: row.get(10),
            total_calls_allowed: row.get(11),
            forwarding_priority: row.get(12),
            weight: row.get(13),
            place: row.get(14),
            share: row.get(15),
        });
    }
}
