//! What the API description says beside the handlers' own words: title, tags, ways to log in, the names of operations.

mod examples;
mod schemas;

use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, RefOr};
use utoipa::{Modify, OpenApi as _};

use crate::access::sessions;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "CapConduit",
        description = "Routes inbound calls to call centers under exact caps. Errors are application/problem+json with \
                       a stable `code` and a `message`. Success is 200, 201 for creations, 204 for deletions.",
    ),
    tags(
        (name = "auth", description = "Sessions, the own password, bearer tokens"),
        (name = "account", description = "What sellers set for all their campaigns; role user"),
        (name = "users", description = "Accounts; role admin"),
        (name = "clients", description = "Call centers and their PJSIP objects; roles admin and staff"),
        (name = "dids", description = "The own numbers; role user"),
        (name = "campaigns", description = "The own campaigns, their DIDs and links to clients; role user"),
        (name = "caps", description = "Caps of the own links over an hour, a day and longer; role user"),
        (name = "callers", description = "Callers that are blocked or allowed, and that have called; role user"),
        (name = "schedules", description = "The own hours and holidays; role user"),
        (name = "logs", description = "The own call records; role user"),
        (name = "reports", description = "What happened, what happens, and why; role user"),
        (name = "admin", description = "Over all sellers; roles admin and staff"),
        (name = "internal", description = "The switch over HTTP; header X-Internal-API-Token"),
        (name = "operations", description = "Whether the service is up and ready"),
    ),
    security(("session" = []), ("token" = [])),
    modifiers(&Schemes)
)]
struct Base;

/// JSON merge patch (RFC 7396): what the body names is changed, null clears.
const MERGE_PATCH: &str = "application/merge-patch+json";

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_with(Components::new);
        let cookie = ApiKeyValue::with_description(sessions::COOKIE, "Set by POST /api/auth/login");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("From POST /api/auth/tokens"));
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
        let switch =
            ApiKeyValue::with_description("X-Internal-API-Token", "One of the service's configured tokens");
        components.add_security_scheme("switch", SecurityScheme::ApiKey(ApiKey::Header(switch)));
    }
}

/// What every route is added to.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// The description as it is published.
pub fn finished(mut description: OpenApi) -> serde_json::Result<Value> {
    name_operations(&mut description);
    let mut document = serde_json::to_value(description)?;
    schemas::tidy(&mut document);
    examples::add(&mut document);
    Ok(document)
}

/// Handlers have short names; an operation's id is unique with its tag in front. PATCH is described as the PUT whose handler it has.
fn name_operations(description: &mut OpenApi) {
    for item in description.paths.paths.values_mut() {
        let operations = [
            ("", &mut item.get),
            ("", &mut item.put),
            ("", &mut item.post),
            ("patch_", &mut item.patch),
            ("", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let tag = operation.tags.as_ref().and_then(|tags| tags.first());
            let tag = tag.cloned().unwrap_or_default();
            let name = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(format!("{tag}_{method}{name}"));
        }
        let patched = item.patch.as_mut().and_then(|patch| patch.request_body.as_mut());
        if let Some(RefOr::T(body)) = patched
            && let Some(content) = body.content.get("application/json").cloned()
        {
            body.content.insert(MERGE_PATCH.to_owned(), content);
        }
    }
}
