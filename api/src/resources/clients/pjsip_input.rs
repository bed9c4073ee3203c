//! How a client's PJSIP objects are read from a body, and put onto what is stored.

use utoipa::ToSchema;

use super::pjsip::{Aor, Auth, Endpoint};
use super::rules;
use crate::error::{ApiError, ApiResult};
use crate::http::fields::Fields;
use crate::http::text::Text;

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

/// What a body says about an endpoint; the outer option is whether it says anything.
#[derive(Debug, Default, ToSchema)]
pub struct EndpointInput {
    #[schema(example = "client_epsilon", required = false, nullable = false)]
    id: Option<String>,
    #[schema(value_type = Option<String>, example = "transport-udp")]
    transport: Option<Option<String>>,
    #[schema(example = "client_epsilon", required = false, nullable = false)]
    aors: Option<String>,
    #[schema(value_type = Option<String>)]
    auth: Option<Option<String>>,
    #[schema(example = "from-capconduit", required = false, nullable = false)]
    context: Option<String>,
    #[schema(default = "all", required = false, nullable = false)]
    disallow: Option<String>,
    #[schema(default = "ulaw,alaw,gsm", required = false, nullable = false)]
    allow: Option<String>,
    #[schema(default = "no", pattern = "^(yes|no)$", required = false, nullable = false)]
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
    #[schema(example = "client_epsilon", required = false, nullable = false)]
    id: Option<String>,
    #[schema(value_type = Option<String>, example = "sip:10.10.10.5:5060")]
    contact: Option<Option<String>>,
    #[schema(minimum = 1, default = 1, required = false, nullable = false)]
    max_contacts: Option<i32>,
    #[schema(minimum = 0, default = 60, required = false, nullable = false)]
    qualify_frequency: Option<i32>,
}

#[derive(Default, ToSchema)]
pub struct AuthInput {
    #[schema(example = "auth_epsilon")]
    pub id: String,
    #[schema(
        default = "userpass",
        pattern = "^(userpass|md5)$",
        required = false,
        nullable = false
    )]
    pub auth_type: Option<String>,
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    #[schema(write_only, required = false, nullable = false)]
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
    #[schema(required = false, nullable = false)]
    pub endpoint: Option<EndpointInput>,
    #[schema(required = false, nullable = false)]
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
