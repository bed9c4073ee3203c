//! POST /api/seller/dids/import: many numbers at once, each line with its own answer.

pub mod lines;
pub mod objects;
pub mod operations;

use axum::extract::State;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::Claimant;
use crate::error::ApiResult;
use crate::http::import::{Import, ImportParams, refused};
use crate::http::once::{Answer, OnceHeader};
use crate::resources::answers::{BadBody, Denied, Repeated};
use crate::store::tx::Tx;
use lines::NewLine;
use objects::Imported;
pub use operations::SELLER_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

const CSV: &str =
    "number,description,campaign\n+18005550171,Berlin,Alice Priority Tech Leads\n+18005550172,,\n";

/// The body of an import in JSON.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `lines` reads")]
struct NewDids {
    #[schema(max_items = 10_000, min_items = 1)]
    lines: Vec<NewLine>,
}

/// Import numbers.
///
/// Up to 10,000 lines and 4 MiB, as JSON or CSV, in one transaction, each with a description and a campaign if wanted. Every line
/// is answered. 403 `claims_closed` where the platform gives numbers out.
#[utoipa::path(post, path = "/api/seller/dids/import", tag = "dids", params(ImportParams, OnceHeader),
    request_body(content((NewDids = "application/json"), (String = "text/csv", example = json!(CSV)))),
    responses((status = 200, description = "An answer for each line", body = Imported), Denied, BadBody, Repeated))]
async fn import(State(app): State<AppState>, seller: Claimant, import: Import<NewLine>) -> ApiResult<Answer> {
    let Import {
        all,
        dry_run,
        lines,
        once,
        working: _working,
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
            return Err(refused(imported.faults()));
        }
        Answer::done(&imported)
    };
    once.run(&app.store, &seller.identity(), work).await
}
