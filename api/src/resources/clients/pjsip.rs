//! A client's PJSIP objects: endpoint, AOR and auth, in Asterisk's own key names; how they are read from a body, put onto
//! what is stored, and which combinations are refused.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::rules;
use crate::app::settings::PjsipNames;
use crate::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Text};

const ID: Text = Text::name(1, 40).check(rules::identifier);
const CODECS: Text = Text::name(1, 200).check(rules::codecs);
const NAME: Text = Text::name(1, 80).check(rules::identifier);
const FROM_USER: Text = Text::name(1, 80).check(rules::from_user);
const FROM_DOMAIN: Text = Text::name(1, 253).check(rules::host);
const CALLER_ID: Text = Text::title(1, 80).check(rules::caller_id);
const CONTACT: Text = Text::name(1, 1024).check(rules::contacts);
const USERNAME: Text = Text::exact(1, 80).check(rules::sip_login);
/// Its SIP digest can be guessed offline by whoever hears one call: as long as a user's password at least.
const PASSWORD: Text = Text::exact(8, 128).check(rules::no_blank_ends);
const MD5: Text = Text::exact(32, 32).check(rules::md5);
const REALM: Text = Text::name(1, 80).check(rules::sip_login);
const YES_NO: &[&str] = &["yes", "no"];
const AUTH_TYPES: &[&str] = &["userpass", "md5"];

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

/// What a body says about an endpoint; the outer option is whether it says anything.
#[derive(Debug, Default, ToSchema)]
pub struct EndpointInput {
    #[schema(example = "client_epsilon", required = false)]
    id: Option<String>,
    #[schema(value_type = Option<String>, example = "transport-udp")]
    transport: Option<Option<String>>,
    #[schema(example = "client_epsilon", required = false)]
    aors: Option<String>,
    #[schema(value_type = Option<String>)]
    auth: Option<Option<String>>,
    #[schema(example = "from-capconduit", required = false)]
    context: Option<String>,
    #[schema(default = "all", required = false)]
    disallow: Option<String>,
    #[schema(default = "ulaw,alaw,gsm", required = false)]
    allow: Option<String>,
    #[schema(default = "no", pattern = "^(yes|no)$", required = false)]
    direct_media: Option<String>,
    #[schema(value_type = Option<String>)]
    outbound_auth: Option<Option<String>>,
    #[schema(value_type = Option<String>)]
    from_user: Option<Option<String>>,
    #[schema(value_type = Option<String>)]
    from_domain: Option<Option<String>>,
    #[schema(value_type = Option<String>, example = "Leads <+18005551111>")]
    callerid: Option<Option<String>>,
}

#[derive(Debug, Default, ToSchema)]
pub struct AorInput {
    #[schema(example = "client_epsilon", required = false)]
    id: Option<String>,
    #[schema(value_type = Option<String>, example = "sip:10.10.10.5:5060")]
    contact: Option<Option<String>>,
    #[schema(minimum = 1, default = 1, required = false)]
    max_contacts: Option<i32>,
    #[schema(minimum = 0, default = 60, required = false)]
    qualify_frequency: Option<i32>,
}

#[derive(Default, ToSchema)]
pub struct AuthInput {
    #[schema(example = "auth_epsilon")]
    pub id: String,
    #[schema(default = "userpass", pattern = "^(userpass|md5)$", required = false)]
    pub auth_type: Option<String>,
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    #[schema(write_only, required = false)]
    pub password: Option<String>,
    #[schema(write_only, pattern = "^[0-9A-Fa-f]{32}$", required = false)]
    pub md5_cred: Option<String>,
    #[schema(value_type = Option<String>)]
    pub realm: Option<Option<String>>,
}

impl std::fmt::Debug for AuthInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthInput")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, ToSchema)]
pub struct PjsipInput {
    #[schema(required = false)]
    pub endpoint: Option<EndpointInput>,
    #[schema(required = false)]
    pub aor: Option<AorInput>,
    /// Absent: unchanged. Null: removed, and references to it cleared.
    #[schema(value_type = Option<AuthInput>)]
    pub auth: Option<Option<AuthInput>>,
}

impl PjsipInput {
    /// `whole`: a new client, so that what has no default must be there.
    pub fn read(f: &mut Fields, whole: bool) -> Self {
        if whole {
            PjsipInput {
                endpoint: Some(f.required_object("endpoint", |f| EndpointInput::read(f, true))),
                aor: Some(f.required_object("aor", |f| AorInput::read(f, true))),
                auth: f.nullable_object("auth", AuthInput::read),
            }
        } else {
            PjsipInput {
                endpoint: f.object("endpoint", |f| EndpointInput::read(f, false)),
                aor: f.object("aor", |f| AorInput::read(f, false)),
                auth: f.nullable_object("auth", AuthInput::read),
            }
        }
    }
}

fn text(f: &mut Fields, key: &'static str, rule: &Text, required: bool) -> Option<String> {
    if required {
        Some(f.required_text(key, rule))
    } else {
        f.text(key, rule)
    }
}

impl EndpointInput {
    fn read(f: &mut Fields, whole: bool) -> Self {
        EndpointInput {
            id: text(f, "id", &ID, whole),
            transport: f.nullable_text("transport", &NAME),
            aors: text(f, "aors", &ID, whole),
            auth: f.nullable_text("auth", &ID),
            context: text(f, "context", &NAME, whole),
            disallow: f.text("disallow", &CODECS),
            allow: f.text("allow", &CODECS),
            direct_media: f.choice("direct_media", YES_NO),
            outbound_auth: f.nullable_text("outbound_auth", &ID),
            from_user: f.nullable_text("from_user", &FROM_USER),
            from_domain: f.nullable_text("from_domain", &FROM_DOMAIN),
            callerid: f.nullable_text("callerid", &CALLER_ID),
        }
    }

    pub fn onto(self, was: Option<Endpoint>) -> Endpoint {
        let was = was.unwrap_or(Endpoint {
            id: String::new(),
            transport: None,
            aors: String::new(),
            auth: None,
            context: String::new(),
            disallow: "all".into(),
            allow: "ulaw,alaw,gsm".into(),
            direct_media: "no".into(),
            outbound_auth: None,
            from_user: None,
            from_domain: None,
            callerid: None,
        });
        Endpoint {
            id: self.id.unwrap_or(was.id),
            transport: self.transport.unwrap_or(was.transport),
            aors: self.aors.unwrap_or(was.aors),
            auth: self.auth.unwrap_or(was.auth),
            context: self.context.unwrap_or(was.context),
            disallow: self.disallow.unwrap_or(was.disallow),
            allow: self.allow.unwrap_or(was.allow),
            direct_media: self.direct_media.unwrap_or(was.direct_media),
            outbound_auth: self.outbound_auth.unwrap_or(was.outbound_auth),
            from_user: self.from_user.unwrap_or(was.from_user),
            from_domain: self.from_domain.unwrap_or(was.from_domain),
            callerid: self.callerid.unwrap_or(was.callerid),
        }
    }
}

impl AorInput {
    fn read(f: &mut Fields, whole: bool) -> Self {
        let id = text(f, "id", &ID, whole);
        if whole && !f.has("contact") {
            f.error(
                "contact",
                "This field is required; null if the call center registers.",
            );
        }
        AorInput {
            id,
            contact: f.nullable_text("contact", &CONTACT),
            max_contacts: f.small_int("max_contacts", 1..=1000),
            qualify_frequency: f.small_int("qualify_frequency", 0..=86_400),
        }
    }

    pub fn onto(self, was: Option<Aor>) -> Aor {
        let was = was.unwrap_or(Aor {
            id: String::new(),
            contact: None,
            max_contacts: 1,
            qualify_frequency: 60,
        });
        Aor {
            id: self.id.unwrap_or(was.id),
            contact: self.contact.unwrap_or(was.contact),
            max_contacts: self.max_contacts.unwrap_or(was.max_contacts),
            qualify_frequency: self.qualify_frequency.unwrap_or(was.qualify_frequency),
        }
    }
}

impl AuthInput {
    fn read(f: &mut Fields) -> Self {
        AuthInput {
            id: f.required_text("id", &ID),
            auth_type: f.choice("auth_type", AUTH_TYPES),
            username: f.nullable_text("username", &USERNAME),
            password: f.text("password", &PASSWORD),
            md5_cred: f.text("md5_cred", &MD5),
            realm: f.nullable_text("realm", &REALM),
        }
    }

    pub fn onto(&self, was: Option<&Auth>) -> Auth {
        let stored = |value: fn(&Auth) -> Option<String>| was.and_then(value);
        Auth {
            id: self.id.clone(),
            auth_type: self
                .auth_type
                .clone()
                .or_else(|| stored(|auth| Some(auth.auth_type.clone())))
                .unwrap_or_else(|| "userpass".into()),
            username: self
                .username
                .clone()
                .unwrap_or_else(|| stored(|auth| auth.username.clone())),
            realm: self
                .realm
                .clone()
                .unwrap_or_else(|| stored(|auth| auth.realm.clone())),
        }
    }

    /// The secret that the auth's type needs, when it has to come with this body.
    pub fn check_secret(&self, now: &Auth, was: Option<&Auth>) -> ApiResult<()> {
        let path = |key: &'static str| ["pjsip", "auth", key];
        let kept = was.is_some_and(|was| was.auth_type == now.auth_type);
        if now.auth_type == "userpass" {
            if now.username.is_none() {
                return Err(ApiError::field(
                    &path("username"),
                    "Required for auth_type userpass.",
                ));
            }
            if self.password.is_none() && !kept {
                return Err(ApiError::field(
                    &path("password"),
                    "Required for auth_type userpass.",
                ));
            }
            if self.md5_cred.is_some() {
                return Err(ApiError::field(&path("md5_cred"), "Only for auth_type md5."));
            }
        } else {
            if self.md5_cred.is_none() && !kept {
                return Err(ApiError::field(&path("md5_cred"), "Required for auth_type md5."));
            }
            if self.password.is_some() {
                return Err(ApiError::field(&path("password"), "Only for auth_type userpass."));
            }
        }
        Ok(())
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
