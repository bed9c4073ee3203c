//! Links with what is used of their caps, a seller's own and over all sellers; their status, and an audited adjustment of a
//! total.

use axum::Json;
use axum::extract::State;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::resources::answers::{BadBody, BadFilter, Changed, Denied, NotFound};
use crate::resources::live::{LinkUsage, link_usage};
use crate::store::tx::Tx;

macro_rules! filter {
    () => {
        "($1::bigint is null or client_id = $1) and ($2::bigint is null or campaign_id = $2) \
         and ($3::bigint is null or user_id = $3) and ($4::text is null or status = $4) \
         and ($5::text is null or room = $5)"
    };
}

const LINKS: &str = concat!(
    link_usage!("where "),
    filter!(),
    " order by link_id limit $6 offset $7"
);
const COUNT_LINKS: &str = concat!("select count(*) from link_usage_view where ", filter!());
const LINK: &str = link_usage!("where link_id = $1");
const LOCK_LINK: &str = "select version from campaign_client_settings where id = $1 for no key update";
const SET_LINK_STATUS: &str = "update campaign_client_settings set status = $2 where id = $1";
const ADJUST: &str = "select status from adjust_link_total($1, $2, $3)";

pub const SELLER_STATEMENTS: &[&str] = &[LINKS, COUNT_LINKS];
pub const STAFF_STATEMENTS: &[&str] = &[LINKS, COUNT_LINKS, LINK, LOCK_LINK, SET_LINK_STATUS, ADJUST];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_links))
        .routes(routes!(links))
        .routes(routes!(set_link_status))
        .routes(routes!(adjust))
}

#[utoipa::path(get, path = "/api/admin/links", tag = "admin",
    params(PageParams, ("client_id" = Option<i64>, Query, description = "one client"),
           ("campaign_id" = Option<i64>, Query, description = "one campaign"),
           ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("room" = Option<String>, Query, description = "full, near (three quarters of a cap are used) or open")),
    responses((status = 200, description = "Links with what is used of their caps", body = Page<LinkUsage>),
              Denied, BadFilter))]
async fn links(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    page(&app, &staff, &params).await
}

/// Row level security shows a seller the own links alone.
async fn page(app: &AppState, user: &User, params: &Params) -> ApiResult<Json<Page<LinkUsage>>> {
    let page = PageRequest::read(params, DEFAULT_PER_PAGE);
    let (client, campaign) = (params.id("client_id")?, params.id("campaign_id")?);
    let owner = params.id("user_id")?;
    let status = params.choice("status", &["active", "inactive"])?;
    let room = params.choice("room", &["full", "near", "open"])?;
    let tx = app.store.read(&user.identity()).await?;
    page.of(
        tx,
        COUNT_LINKS,
        LINKS,
        &[&client, &campaign, &owner, &status, &room],
    )
    .await
}

#[utoipa::path(get, path = "/api/seller/links", tag = "reports",
    params(PageParams, ("client_id" = Option<i64>, Query, description = "one client"),
           ("campaign_id" = Option<i64>, Query, description = "one campaign"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("room" = Option<String>, Query, description = "full, near (three quarters of a cap are used) or open")),
    responses((status = 200, description = "The own links with what is used of their caps", body = Page<LinkUsage>),
              Denied, BadFilter))]
async fn own_links(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    page(&app, &seller, &params).await
}

async fn find(tx: &Tx, id: i64) -> ApiResult<LinkUsage> {
    let row = tx.optional_row(LINK, &[&id]).await?;
    row.as_ref()
        .map(LinkUsage::from)
        .ok_or_else(|| ApiError::not_found(format!("Link with ID {id} not found.")))
}

/// The link as it is now, which ends the change.
async fn changed(tx: Tx, id: i64) -> ApiResult<Tagged<LinkUsage>> {
    let link = find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

#[derive(Debug, ToSchema)]
struct LinkStatus {
    #[schema(pattern = "^(active|inactive)$", example = "inactive")]
    status: String,
}

impl Input for LinkStatus {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        LinkStatus {
            status: f.required_choice("status", &["active", "inactive"]),
        }
    }
}

#[utoipa::path(put, path = "/api/admin/links/{id}/status", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = LinkStatus,
    responses((status = 200, description = "The link as changed", body = LinkUsage),
              Denied, BadBody, NotFound, Changed))]
async fn set_link_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<LinkStatus>,
) -> ApiResult<Tagged<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    if_match
        .check(&tx, LOCK_LINK, &[&id], async |tx| find(tx, id).await)
        .await?;
    tx.execute(SET_LINK_STATUS, &[&id, &change.status]).await?;
    changed(tx, id).await
}

#[derive(Debug, ToSchema)]
struct Adjustment {
    /// What is added to the link's total; negative takes away.
    #[schema(example = -1)]
    delta: i64,
    #[schema(min_length = 1, max_length = 255, example = "call 42 was a test")]
    reason: String,
}

impl Input for Adjustment {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let delta = f.required_int("delta", -1_000_000_000..=1_000_000_000);
        if delta == 0 && f.has("delta") {
            f.error("delta", "Must not be 0.");
        }
        Adjustment {
            delta,
            reason: f.required_text("reason", &Text::title(1, 255)),
        }
    }
}

#[utoipa::path(post, path = "/api/admin/links/{id}/adjust", tag = "admin", params(("id" = i64, Path)),
    request_body = Adjustment,
    responses((status = 200, description = "The link with its new total; audited", body = LinkUsage),
              Denied, BadBody, NotFound))]
async fn adjust(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Valid(adjustment): Valid<Adjustment>,
) -> ApiResult<Tagged<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    tx.row(ADJUST, &[&id, &adjustment.delta, &adjustment.reason])
        .await?;
    changed(tx, id).await
}
