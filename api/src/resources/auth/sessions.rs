//! The own sessions: where one is logged in, and the end of one of them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::secret::Hash;
use crate::access::sessions;
use crate::app::AppState;
use crate::app::caller::InSession;
use crate::error::{ApiError, ApiResult};
use crate::http::clock::Instant;
use crate::http::list::{List, Request, list, sorting};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::resources::answers::{BadFilter, Denied, NotFound};
use crate::store::tx::Tx;

const END: &str = "delete from sessions where id = $1 and user_id = session_user_id() and expires_at > now()";

pub const USER_STATEMENTS: &[&str] = &[END];

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: i64,
    /// The one that asks.
    pub current: bool,
    /// The login.
    pub created_at: Instant,
    /// Its last request, to the minute.
    pub last_seen_at: Instant,
    /// Moves on with use, but for `--session-days` from the login.
    pub expires_at: Instant,
    /// Where the login came from: an address, of IPv6 its /64. Null: a login of before this was kept.
    #[schema(example = "192.0.2.7")]
    pub network: Option<String>,
    /// What the browser called itself at the login.
    #[schema(example = "curl/8.5.0")]
    pub agent: Option<String>,
}

impl From<&Row> for Session {
    fn from(row: &Row) -> Self {
        Session {
            id: row.get("id"),
            current: false,
            created_at: row.get("created_at"),
            last_seen_at: row.get("last_seen_at"),
            expires_at: row.get("expires_at"),
            network: row.get("network"),
            agent: row.get("agent"),
        }
    }
}

list! {
    pub Sessions of Session = List {
        columns: "s.id, s.created_at, s.last_seen_at, s.expires_at, s.network, s.agent",
        from: "(select id, created_at, last_seen_at, expires_at, network, agent from sessions \
                 where user_id = session_user_id() and expires_at > now()) s",
        joins: "",
        filters: &[],
        days: None,
        sortings: &[
            sorting("last_seen_at", "s.last_seen_at", "s.id"),
            sorting("created_at", "s.created_at", "s.id"),
        ],
        default: "-last_seen_at",
    };
}

pub async fn list(tx: &Tx, request: &Request<Sessions>, own: &Hash) -> ApiResult<Page<Session>> {
    let mut page = request.page(tx).await?;
    for session in &mut page.items {
        session.current = session.id == sessions::id_of(own);
    }
    Ok(page)
}

pub async fn end(tx: &Tx, id: i64) -> ApiResult<()> {
    match tx.execute(END, &[&id]).await? {
        0 => Err(ApiError::not_found(format!("Session with ID {id} not found."))),
        _ => Ok(()),
    }
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_sessions))
        .routes(routes!(end_session))
}

/// The own sessions.
///
/// When and from where each was opened, by which browser, when it was last used, and which is the present one. Needs a session.
#[utoipa::path(get, path = "/api/auth/sessions", tag = "auth", params(PageParams, Sessions),
    responses((status = 200, description = "The own sessions, the last used first", body = Page<Session>),
              Denied, BadFilter))]
async fn own_sessions(
    State(app): State<AppState>,
    caller: InSession,
    params: Params,
) -> ApiResult<Json<Page<Session>>> {
    let own = caller.session.ok_or_else(ApiError::unauthenticated)?;
    let request = Request::read(&params)?;
    let tx = app.store.read(&caller.identity()).await?;
    let sessions = list(&tx, &request, &own).await?;
    tx.commit().await?;
    Ok(Json(sessions))
}

/// End one of the own sessions.
///
/// The present one, too. Needs a session.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}", tag = "auth", params(("id" = i64, Path)),
    responses((status = 204, description = "Ended; the own one, too"), Denied, NotFound))]
async fn end_session(State(app): State<AppState>, caller: InSession, Id(id): Id) -> ApiResult<StatusCode> {
    let tx = app.store.write(&caller.identity()).await?;
    end(&tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
