//! A client's PJSIP objects: endpoint, AOR and auth, in Asterisk's own key names, and which combinations are refused.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::app::settings::PjsipNames;
use crate::error::{ApiError, ApiResult};

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Endpoint {
    #[schema(example = "client_alpha_sales")]
    pub id: String,
    pub transport: Option<String>,
    pub aors: String,
    pub auth: Option<String>,
    pub context: String,
    pub disallow: String,
    pub allow: String,
    pub direct_media: String,
    pub outbound_auth: Option<String>,
    pub from_user: Option<String>,
    pub from_domain: Option<String>,
    pub callerid: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Aor {
    #[schema(example = "client_alpha_sales")]
    pub id: String,
    /// Null: the call center registers.
    #[schema(example = "sip:10.10.10.1:5060")]
    pub contact: Option<String>,
    pub max_contacts: i32,
    pub qualify_frequency: i32,
}

/// Without its secrets, which are write-only.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Auth {
    #[schema(example = "auth_to_gamma")]
    pub id: String,
    pub auth_type: String,
    pub username: Option<String>,
    pub realm: Option<String>,
}

impl Endpoint {
    /// From a row of clients, if there is one.
    pub fn of(row: &Row) -> Option<Self> {
        Some(Endpoint {
            id: row.get::<_, Option<String>>("endpoint_id")?,
            transport: row.get("transport"),
            aors: row.get("aors"),
            auth: row.get("auth"),
            context: row.get("context"),
            disallow: row.get("disallow"),
            allow: row.get("allow"),
            direct_media: row.get("direct_media"),
            outbound_auth: row.get("outbound_auth"),
            from_user: row.get("from_user"),
            from_domain: row.get("from_domain"),
            callerid: row.get("callerid"),
        })
    }
}

impl Aor {
    pub fn of(row: &Row) -> Option<Self> {
        Some(Aor {
            id: row.get::<_, Option<String>>("aor_id")?,
            contact: row.get("contact"),
            max_contacts: row.get("max_contacts"),
            qualify_frequency: row.get("qualify_frequency"),
        })
    }
}

impl Auth {
    pub fn of(row: &Row) -> Option<Self> {
        Some(Auth {
            id: row.get::<_, Option<String>>("auth_id")?,
            auth_type: row.get("auth_type"),
            username: row.get("username"),
            realm: row.get("realm"),
        })
    }
}

/// The rules between the parts, on what would be stored.
pub fn check(
    identifier: &str,
    endpoint: &Endpoint,
    aor: &Aor,
    auth: Option<&Auth>,
    names: &PjsipNames,
) -> ApiResult<()> {
    let fault = |part: &str, key: &str, text: String| Err(ApiError::field(&["pjsip", part, key], text));
    if endpoint.id != identifier {
        return fault(
            "endpoint",
            "id",
            "PJSIP endpoint ID must match the client_identifier.".into(),
        );
    }
    if aor.id != identifier {
        return fault(
            "aor",
            "id",
            "PJSIP AOR ID must match the client_identifier.".into(),
        );
    }
    if endpoint.aors != identifier {
        return fault("endpoint", "aors", "Must name this client's AOR.".into());
    }
    if !names.contexts.contains(&endpoint.context) {
        return fault(
            "endpoint",
            "context",
            format!("Must be one of: {}.", names.contexts.join(", ")),
        );
    }
    if endpoint
        .transport
        .as_ref()
        .is_some_and(|transport| !names.transports.contains(transport))
    {
        return fault(
            "endpoint",
            "transport",
            format!("Must be one of: {}.", names.transports.join(", ")),
        );
    }
    for (key, reference) in [
        ("auth", &endpoint.auth),
        ("outbound_auth", &endpoint.outbound_auth),
    ] {
        if reference.is_some() && reference.as_deref() != auth.map(|auth| auth.id.as_str()) {
            return fault("endpoint", key, "Must name this client's auth.".into());
        }
    }
    let registers = endpoint.auth.is_some() && auth.is_some_and(|auth| auth.username.is_some());
    if aor.contact.is_none() && !registers {
        let text =
            "Required, unless the endpoint has an auth with a username: then the call center registers.";
        return fault("aor", "contact", text.into());
    }
    Ok(())
}
