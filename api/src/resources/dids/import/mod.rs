//! POST /api/seller/dids/import: many numbers at once, each line with its own answer. All of it is one transaction: a
//! connection that breaks off leaves nothing.

pub mod lines;
pub mod objects;
pub mod operations;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::Claimant;
use crate::error::{ApiError, ApiResult};
use crate::http::body;
use crate::http::once::{Answer, Once, OnceHeader};
use crate::http::params::Params;
use crate::resources::answers::{BadBody, Denied, Repeated};
use crate::store::tx::Tx;
use lines::Line;
use objects::Imported;
pub use operations::SELLER_STATEMENTS;

const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many imports are worked on at once. Too many: their lines fill the memory, and they take the pool's connections. Too few: sellers wait for one another.
static WORKING: Semaphore = Semaphore::const_new(2);
const WAIT: Duration = Duration::from_secs(5);

const MODES: [&str; 2] = ["all", "valid"];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// What the address says of an import.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Import` reads")]
struct ImportParams {
    /// `all`: a faulty line lets the whole import fail. `valid`: faulty lines are left out.
    #[param(pattern = "^(all|valid)$", default = "all", required = false)]
    mode: Option<String>,
    /// `true`: every line is answered as with `mode=valid`, and nothing is stored.
    #[param(default = false, required = false)]
    dry_run: Option<bool>,
}

const CSV: &str =
    "number,description,campaign\n+18005550171,Berlin,Alice Priority Tech Leads\n+18005550172,,\n";

/// The body of an import in JSON.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `lines` reads")]
struct NewDids {
    #[schema(max_items = 10_000, min_items = 1)]
    lines: Vec<lines::NewLine>,
}

struct Import {
    all: bool,
    dry_run: bool,
    lines: Vec<Line>,
    once: Once,
    _working: SemaphorePermit<'static>,
}

impl<S: Send + Sync> FromRequest<S> for Import {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let is_csv = body::kind(&parts.headers) == "text/csv";
        if !is_csv && !body::is_json(&parts.headers) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the lines as application/json or as text/csv.",
            ));
        }
        // First, so that whoever sends slowly keeps nobody else waiting.
        let bytes = body::read_up_to(body, MAX_BYTES).await?;
        let working = tokio::time::timeout(WAIT, WORKING.acquire()).await;
        let Ok(Ok(working)) = working else {
            let text = "Other imports are being worked on. Repeat the request in a moment.";
            return Err(ApiError::unavailable(
                "busy",
                text,
                "imports wait for one another",
            ));
        };
        let params = Params::parse(parts.uri.query().unwrap_or(""));
        let lines = lines::read(&bytes, is_csv)?;
        Ok(Import {
            all: params.choice("mode", &MODES)?.is_none_or(|mode| mode == "all"),
            dry_run: params.flag("dry_run")?.unwrap_or(false),
            lines,
            once: Once::of(&parts, &bytes)?,
            _working: working,
        })
    }
}

/// Import numbers.
///
/// Up to 10,000 lines and 4 MiB, as JSON or CSV, in one transaction, each with a description and a campaign if wanted. Every line
/// is answered. 403 `claims_closed` where the platform gives numbers out.
#[utoipa::path(post, path = "/api/seller/dids/import", tag = "dids", params(ImportParams, OnceHeader),
    request_body(content((NewDids = "application/json"), (String = "text/csv", example = json!(CSV)))),
    responses((status = 200, description = "An answer for each line", body = Imported), Denied, BadBody, Repeated))]
async fn import(State(app): State<AppState>, seller: Claimant, import: Import) -> ApiResult<Answer> {
    let Import {
        all,
        dry_run,
        lines,
        once,
        _working,
    } = import;
    if dry_run {
        let tx = app.store.write(&seller.identity()).await?;
        let imported = operations::import(&tx, lines, true).await?;
        tx.roll_back().await?;
        return Answer::done(&imported);
    }
    let work = async |tx: &Tx| {
        let imported = operations::import(tx, lines, false).await?;
        if all && imported.faulty > 0 {
            return Err(operations::refused(imported));
        }
        Answer::done(&imported)
    };
    once.run(&app.store, &seller.identity(), work).await
}
