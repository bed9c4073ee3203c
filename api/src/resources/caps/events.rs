//! When caps filled: a seller's own (/api/seller/cap_events) and over all sellers (/api/admin/cap_events); and the two statements that
//! note it and forget it.

use axum::Json;
use axum::extract::State;
use capconduit_core::cap::Over;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::objects::Subject;
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::http::list::{Filter, Kind, List, Listed, Request, filter, list, sorting};
use crate::http::page::{Page, PageParams};
use crate::http::params::Params;
use crate::resources::answers::{BadFilter, Denied};

/// What each cap has come to and was not noted for. The lock leaves it to one service at a time, so events are seen in the order of their
/// ids; who comes a moment later finds nothing new. A closed cap (0) and calls at one time, which come and go, are no events.
pub const NOTE: &str = "\
    insert into cap_events (cap_id, user_id, campaign_id, link_id, client_id, did_id, subject_type, subject_id, subject_name, counts,
                            span, set_by, enforce, max_calls, threshold, used, in_flight, starts_at, ends_at)
    select c.id, c.user_id, c.campaign_id, c.link_id, c.client_id, c.did_id, c.subject_type, c.subject_id, c.subject_name, c.counts,
           c.span, c.set_by, c.enforce, c.max_calls, t.threshold, c.used, c.in_flight, c.starts_at, c.resets_at
      from caps_view c
      join unnest(array[75, 90, 100]) t (threshold) on (c.used + c.in_flight)::numeric * 100 >= c.max_calls::numeric * t.threshold
     where (select pg_try_advisory_xact_lock(x'0CAF'::integer, 0))
       and c.max_calls > 0 and c.span <> 'concurrent' and (c.starts_at is null or isfinite(c.starts_at))
       and not exists (select from cap_events e
                        where e.cap_id = c.id and e.threshold = t.threshold and e.starts_at = c.starts_at)
       and not exists (select from cap_events e
                        where e.cap_id = c.id and e.threshold = t.threshold and e.starts_at is null and c.starts_at is null
                          and e.max_calls = c.max_calls)
     order by c.id, t.threshold
        on conflict do nothing";

/// Longer than any window. That a total came to its limit is known as long as it has that limit: else it would be noted again.
pub const FORGET: &str = "\
    delete from cap_events e
     where e.at < now() - interval '90 days'
       and (e.starts_at is not null or not exists (select from caps c where c.id = e.cap_id and c.max_calls = e.max_calls))";

pub const INTERNAL_STATEMENTS: &[&str] = &[NOTE, FORGET];

/// A cap that came to a part of its limit, as it was then.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapEvent {
    #[schema(example = 1)]
    pub id: i64,
    /// When it was noticed.
    pub at: Instant,
    /// It may be gone.
    #[schema(example = 1)]
    pub cap_id: i64,
    pub subject: Subject,
    #[schema(pattern = "^(offered|answered|qualified)$", example = "answered")]
    pub counts: String,
    #[schema(pattern = "^(total|month|week|day|hour)$", example = "day")]
    pub window: String,
    /// When the window began. Null: a total.
    pub starts_at: Option<Instant>,
    /// When it ends. Null: a total.
    pub resets_at: Option<Instant>,
    /// So many percent of the limit: 75, 90 or 100.
    #[schema(example = 90)]
    pub threshold: i16,
    #[schema(example = 50)]
    pub limit: i64,
    #[schema(example = 44)]
    pub used: i64,
    #[schema(example = 1)]
    pub in_flight: i64,
    #[schema(pattern = "^(platform|seller)$", example = "seller")]
    pub set_by: String,
    /// False: it stopped no call.
    #[schema(example = true)]
    pub enforce: bool,
}

impl From<&Row> for CapEvent {
    fn from(row: &Row) -> Self {
        CapEvent {
            id: row.get("id"),
            at: row.get("at"),
            cap_id: row.get("cap_id"),
            subject: Subject {
                kind: row.get("subject_type"),
                id: row.get("subject_id"),
                name: row.get("subject_name"),
            },
            counts: row.get("counts"),
            window: row.get("span"),
            starts_at: row.get("starts_at"),
            resets_at: row.get("ends_at"),
            threshold: row.get("threshold"),
            limit: row.get("max_calls"),
            used: row.get("used"),
            in_flight: row.get("in_flight"),
            set_by: row.get("set_by"),
            enforce: row.get("enforce"),
        }
    }
}

const OF_AN_EVENT: &[Filter] = &[
    filter("cap_id", Kind::Id, "cap_id = $v", "of one cap"),
    filter("link_id", Kind::Id, "link_id = $v", "of one link"),
    filter(
        "campaign_id",
        Kind::Id,
        "campaign_id = $v",
        "of one campaign and its links",
    ),
    filter(
        "client_id",
        Kind::Id,
        "client_id = $v",
        "of one client and its links",
    ),
    filter("did_id", Kind::Id, "did_id = $v", "of one number"),
    filter(
        "window",
        Kind::Choice(&Over::NAMES),
        "span = $v",
        "over this window",
    ),
    filter(
        "threshold",
        Kind::Choice(&["75", "90", "100"]),
        "threshold::text = $v",
        "so many percent",
    ),
    filter("before", Kind::Id, "id < $v", "older than the event of this id"),
    filter("after", Kind::Id, "id > $v", "newer than the event of this id"),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: "id, at, cap_id, subject_type, subject_id, subject_name, counts, span, starts_at, ends_at, threshold, max_calls, used, in_flight, \
              set_by, enforce",
    from: "cap_events",
    joins: "",
    filters: &[OF_AN_EVENT],
    days: Some("at"),
    sortings: &[sorting("id", "id", "")],
    default: "-id",
};

list! { pub OwnCapEvents of CapEvent = OWN; }

list! {
    /// Over all sellers.
    pub CapEvents of CapEvent = List { filters: &[WHOSE, OF_AN_EVENT], ..OWN };
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_cap_events))
        .routes(routes!(cap_events))
}

async fn page<L: Listed<Item = CapEvent>>(
    app: &AppState,
    user: &User,
    params: &Params,
) -> ApiResult<Json<Page<CapEvent>>> {
    let request = Request::<L>::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let events = request.page(&tx).await?;
    tx.commit().await?;
    Ok(Json(events))
}

/// When caps of the own links filled.
///
/// When one came to 75, 90 and 100 percent of its limit, kept for 90 days. To read each once, ask with `sort=id&after=` the last
/// one.
#[utoipa::path(get, path = "/api/seller/cap_events", tag = "caps", params(PageParams, OwnCapEvents),
    responses((status = 200, description = "When caps of one's own filled", body = Page<CapEvent>), Denied, BadFilter))]
async fn own_cap_events(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<CapEvent>>> {
    page::<OwnCapEvents>(&app, &seller, &params).await
}

/// When caps filled.
///
/// When a cap of any link or client came to 75, 90 and 100 percent of its limit, kept for 90 days. To read each once, ask with
/// `sort=id&after=` the last one.
#[utoipa::path(get, path = "/api/admin/cap_events", tag = "admin", params(PageParams, CapEvents),
    responses((status = 200, description = "When caps filled", body = Page<CapEvent>), Denied, BadFilter))]
async fn cap_events(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<CapEvent>>> {
    page::<CapEvents>(&app, &staff, &params).await
}
