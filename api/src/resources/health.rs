//! /health (the process is up) and /ready (it can serve: the database answers, in the versions compiled in).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::error::{ApiError, ApiResult};
use crate::release::{VERSION, schema_version};
use crate::resources::answers::ProblemBody;

const VERSIONS: &str = "\
    select schema_version(), (select extversion from pg_catalog.pg_extension where extname = 'capconduit'),
           pg_catalog.pg_is_in_recovery()";

pub const STATEMENTS: &[&str] = &[VERSIONS];

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "The service is up.")]
    message: &'static str,
    #[schema(example = "0.3.0")]
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
    schema_version: i32,
    extension_version: String,
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
}

/// Whether the service is up.
///
/// The process answers; it asks nobody else.
#[utoipa::path(get, path = "/health", tag = "operations", security(()),
    responses((status = 200, description = "The process is up", body = Health)))]
async fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        message: "The service is up.",
        version: VERSION,
    })
}

/// Whether the service is ready.
///
/// The database answers, and has the versions that this service is made for. Otherwise 503 says what is wrong.
#[utoipa::path(get, path = "/ready", tag = "operations", security(()),
    responses((status = 200, description = "The database answers, in the versions compiled in", body = Ready),
              (status = 503, description = "not_ready: what is wrong, and how to mend it", body = ProblemBody,
               content_type = "application/problem+json")))]
async fn ready(State(app): State<AppState>) -> ApiResult<Json<Ready>> {
    let (schema_version, extension_version) = versions(&app).await?;
    Ok(Json(Ready {
        status: "ready",
        schema_version,
        extension_version,
    }))
}

/// The versions found, or what is wrong with them and how to mend it.
pub async fn versions(app: &App) -> ApiResult<(i32, String)> {
    let not_ready = |message: String| ApiError::unavailable("not_ready", message.clone(), message);
    let row = app.store.own(VERSIONS, &[]).await.map_err(|error| {
        if error.0.status.as_u16() == 503 {
            return error;
        }
        not_ready(format!(
            "The database is not prepared for this service: run `capconduit migrate` ({}).",
            error.0.cause.as_deref().unwrap_or("no cause known")
        ))
    })?;
    let schema: i32 = row.get::<_, Option<i32>>("schema_version").unwrap_or(0);
    let extension: String = row.get::<_, Option<String>>("extversion").unwrap_or_default();
    if row.get("pg_is_in_recovery") {
        return Err(not_ready(
            "The database is a standby and cannot be written: connect to the primary.".into(),
        ));
    }
    if schema != schema_version() || extension != VERSION {
        return Err(not_ready(format!(
            "The database has schema {schema} and extension {extension:?}, this service needs schema {} and extension \
             {VERSION:?}: run the `capconduit migrate` of this version.",
            schema_version()
        )));
    }
    Ok((schema, extension))
}
