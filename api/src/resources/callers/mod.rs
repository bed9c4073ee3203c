//! Callers: who is blocked or allowed, in the lists of a seller (/api/seller/callers) and of the platform (/api/admin/callers), and whom
//! calls have seen. A caller's right to be forgotten.

pub mod export;
pub mod list;
pub mod objects;
pub mod operations;
pub mod rules;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use capconduit_core::SetBy;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::csv::StyleParams;
use crate::http::import::{Import, ImportParams, refused};
use crate::http::list::{FiltersOf, Listed, Request};
use crate::http::once::{Answer, Once, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::store::tx::Tx;
use list::{Marks, OwnMarks};
use objects::{Erased, Forgotten, ImportedMarks, Mark, NewMark};
use operations::Marker;
pub use operations::{SELLER_STATEMENTS, STAFF_STATEMENTS, STATEMENTS};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_callers, mark_own))
        .routes(routes!(import_own))
        .routes(routes!(export_own))
        .routes(routes!(show_own, delete_own))
        .routes(routes!(callers, mark_caller))
        .routes(routes!(import_callers))
        .routes(routes!(export_callers))
        .routes(routes!(erase_caller))
        .routes(routes!(show_mark, delete_mark))
}

const CSV: &str = "caller,kind,scope,scopeId,until,note\n+4930123456,blocked,,,,Threatened an agent\n\
    +4930123457,allowed,campaign,1,2030-01-01T00:00:00Z,\n";
const PLATFORMS_CSV: &str = "caller,note\n+4930123456,Robot\n+4930123457,\n";

/// The body of an import in JSON.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what an import reads")]
struct NewMarks {
    #[schema(max_items = 10_000, min_items = 1)]
    lines: Vec<NewMark>,
}

async fn page<L: Listed<Item = Mark>>(
    app: &AppState,
    user: &User,
    params: &Params,
) -> ApiResult<Json<Page<Mark>>> {
    let request = Request::<L>::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let marks = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(marks))
}

fn marker(user: &User, by: SetBy) -> Marker {
    Marker { by, user_id: user.id }
}

async fn made(app: &AppState, user: &User, by: SetBy, new: NewMark, once: Once) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::made(&operations::create(tx, marker(user, by), &new).await?);
    once.run(&app.store, &user.identity(), create).await
}

async fn shown(app: &AppState, user: &User, id: i64) -> ApiResult<Json<Mark>> {
    let tx = app.store.read(&user.identity()).await?;
    let mark = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Json(mark))
}

async fn deleted(app: &AppState, user: &User, id: i64) -> ApiResult<StatusCode> {
    let tx = app.store.write(&user.identity()).await?;
    operations::delete(&tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn imported(app: &AppState, user: &User, by: SetBy, import: Import<NewMark>) -> ApiResult<Answer> {
    let Import {
        all,
        dry_run,
        lines,
        once,
        working: _working,
    } = import;
    let marker = marker(user, by);
    if dry_run {
        let tx = app.store.write(&user.identity()).await?;
        let imported = operations::import(&tx, marker, lines, true).await?;
        tx.roll_back().await?;
        return Answer::done(&imported);
    }
    let work = async |tx: &Tx| {
        let imported = operations::import(tx, marker, lines, false).await?;
        if all && imported.faulty > 0 {
            let lines = imported.lines.into_iter();
            return Err(refused(lines.filter_map(|line| Some((line.line, line.errors?)))));
        }
        Answer::done(&imported)
    };
    once.run(&app.store, &user.identity(), work).await
}

/// The own lists of callers.
///
/// Who is blocked and allowed on the own links, in the own campaigns, or in all of them; and whom calls have seen there. What has ended
/// is not shown.
#[utoipa::path(get, path = "/api/seller/callers", tag = "callers", params(PageParams, OwnMarks),
    responses((status = 200, description = "Marks of one's own", body = Page<Mark>), Denied, BadFilter))]
async fn own_callers(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<Mark>>> {
    page::<OwnMarks>(&app, &seller, &params).await
}

/// Block or allow a caller.
///
/// In all own campaigns, in one, or on one link; until an instant, or for ever. One that is marked so already is 409 `mark_exists`.
#[utoipa::path(post, path = "/api/seller/callers", tag = "callers", params(OnceHeader), request_body = NewMark,
    responses((status = 201, description = "Holds for the next call", body = Mark), Denied, BadBody, NotFound, Repeated))]
async fn mark_own(
    State(app): State<AppState>,
    seller: Seller,
    Post(new, once): Post<NewMark>,
) -> ApiResult<Answer> {
    made(&app, &seller, SetBy::Seller, new, once).await
}

/// Import callers.
///
/// Up to 10,000 lines and 4 MiB, as JSON or CSV, in one transaction. A caller that is marked so already gets the line's end and note.
/// Takes what the export gives of `kind=blocked` and `kind=allowed`.
#[utoipa::path(post, path = "/api/seller/callers/import", tag = "callers", params(ImportParams, OnceHeader),
    request_body(content((NewMarks = "application/json"), (String = "text/csv", example = json!(CSV)))),
    responses((status = 200, description = "An answer for each line", body = ImportedMarks), Denied, BadBody, Repeated))]
async fn import_own(
    State(app): State<AppState>,
    seller: Seller,
    import: Import<NewMark>,
) -> ApiResult<Answer> {
    imported(&app, &seller, SetBy::Seller, import).await
}

/// The own lists of callers, as CSV.
///
/// By the same filters, streamed however many there are. When it cannot be completed, the connection breaks.
#[utoipa::path(get, path = "/api/seller/callers.csv", tag = "callers", params(FiltersOf<OwnMarks>, StyleParams),
    responses((status = 200, description = "Marks of one's own, newest first", content_type = "text/csv", body = String),
              Denied, BadFilter))]
async fn export_own(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Response> {
    export::export::<OwnMarks>(app, &seller, params).await
}

/// A mark of one's own.
///
/// One that has ended is 404, as one that does not exist.
#[utoipa::path(get, path = "/api/seller/callers/{id}", tag = "callers", params(("id" = i64, Path)),
    responses((status = 200, description = "The mark", body = Mark), Denied, NotFound))]
async fn show_own(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<Mark>> {
    shown(&app, &seller, id).await
}

/// Take a mark away.
///
/// One that a call has left, too: the caller has not called then.
#[utoipa::path(delete, path = "/api/seller/callers/{id}", tag = "callers", params(("id" = i64, Path)),
    responses((status = 204, description = "Taken away"), Denied, NotFound))]
async fn delete_own(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<StatusCode> {
    deleted(&app, &seller, id).await
}

/// All lists of callers.
///
/// The platform's, those of clients and of all sellers. What has ended is not shown.
#[utoipa::path(get, path = "/api/admin/callers", tag = "admin", params(PageParams, Marks),
    responses((status = 200, description = "All marks", body = Page<Mark>), Denied, BadFilter))]
async fn callers(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<Mark>>> {
    page::<Marks>(&app, &staff, &params).await
}

/// Block or allow a caller for all sellers, or for a client.
///
/// Until an instant, or for ever. No seller can lift it. One that is marked so already is 409 `mark_exists`.
#[utoipa::path(post, path = "/api/admin/callers", tag = "admin", params(OnceHeader), request_body = NewMark,
    responses((status = 201, description = "Holds for the next call", body = Mark), Denied, BadBody, NotFound, Repeated))]
async fn mark_caller(
    State(app): State<AppState>,
    staff: Staff,
    Post(new, once): Post<NewMark>,
) -> ApiResult<Answer> {
    made(&app, &staff, SetBy::Platform, new, once).await
}

/// Import callers into the platform's lists.
///
/// Up to 10,000 lines and 4 MiB, as JSON or CSV, in one transaction. A caller that is marked so already gets the line's end and note.
#[utoipa::path(post, path = "/api/admin/callers/import", tag = "admin", params(ImportParams, OnceHeader),
    request_body(content((NewMarks = "application/json"), (String = "text/csv", example = json!(PLATFORMS_CSV)))),
    responses((status = 200, description = "An answer for each line", body = ImportedMarks), Denied, BadBody, Repeated))]
async fn import_callers(
    State(app): State<AppState>,
    staff: Staff,
    import: Import<NewMark>,
) -> ApiResult<Answer> {
    imported(&app, &staff, SetBy::Platform, import).await
}

/// All lists of callers, as CSV.
///
/// By the same filters, streamed however many there are. When it cannot be completed, the connection breaks.
#[utoipa::path(get, path = "/api/admin/callers.csv", tag = "admin", params(FiltersOf<Marks>, StyleParams),
    responses((status = 200, description = "All marks, newest first", content_type = "text/csv", body = String),
              Denied, BadFilter))]
async fn export_callers(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Response> {
    export::export::<Marks>(app, &staff, params).await
}

/// Forget a caller.
///
/// Its marks go, and its number and name in calls and records of all sellers; the records stay, and count. All records are read: of very many
/// it is 503 `too_slow`, and SQL's `erase_caller` is what has the time.
#[utoipa::path(post, path = "/api/admin/callers/erase", tag = "admin", params(OnceHeader), request_body = Forgotten,
    responses((status = 200, description = "How much was forgotten; audited, without the number", body = Erased),
              Denied, BadBody, Repeated))]
async fn erase_caller(
    State(app): State<AppState>,
    staff: Staff,
    Post(forgotten, once): Post<Forgotten>,
) -> ApiResult<Answer> {
    let erase = async |tx: &Tx| Answer::done(&operations::erase(tx, &forgotten.caller).await?);
    once.run(&app.store, &staff.identity(), erase).await
}

/// A mark.
///
/// Of the platform, a client or a seller. One that has ended is 404, as one that does not exist.
#[utoipa::path(get, path = "/api/admin/callers/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The mark", body = Mark), Denied, NotFound))]
async fn show_mark(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Json<Mark>> {
    shown(&app, &staff, id).await
}

/// Take a mark of the platform or of a client away.
///
/// One of a seller is 403 `set_by_another`.
#[utoipa::path(delete, path = "/api/admin/callers/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 204, description = "Taken away"), Denied, NotFound))]
async fn delete_mark(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<StatusCode> {
    deleted(&app, &staff, id).await
}
