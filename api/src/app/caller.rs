//! The caller of a route, as an extractor that stands first in a handler's arguments: no session 401, wrong role 403.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::secret::{self, Hash};
use crate::access::sessions::{self, Credential, Renewed};
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::once;
use crate::store::identity::{DbRole, Identity};

/// Which roles a route admits.
pub trait Admits: Send + Sync {
    const ROLES: &'static [&'static str];
    /// Whether a bearer token will do.
    const TOKENS: bool = true;
    /// Whether admins who lack the second factor that they need are let in: to set it up.
    const UNPROTECTED: bool = false;
}

#[derive(Debug)]
pub struct SellerOnly;
#[derive(Debug)]
pub struct AdminOnly;
#[derive(Debug)]
pub struct AdminOrStaff;
#[derive(Debug)]
pub struct Everybody;
/// Any role, with the session that its password opened.
#[derive(Debug)]
pub struct EverybodyInSession;
/// The same, of admins.
#[derive(Debug)]
pub struct AdminOnlyInSession;
/// Any role, in a session, and an admin who is to set up a second factor.
#[derive(Debug)]
pub struct EverybodyEnrolling;

impl Admits for SellerOnly {
    const ROLES: &'static [&'static str] = &["user"];
}
impl Admits for AdminOnly {
    const ROLES: &'static [&'static str] = &["admin"];
}
impl Admits for AdminOrStaff {
    const ROLES: &'static [&'static str] = &["admin", "staff"];
}
impl Admits for Everybody {
    const ROLES: &'static [&'static str] = &["admin", "staff", "user"];
}
impl Admits for EverybodyInSession {
    const ROLES: &'static [&'static str] = Everybody::ROLES;
    const TOKENS: bool = false;
}
impl Admits for AdminOnlyInSession {
    const ROLES: &'static [&'static str] = AdminOnly::ROLES;
    const TOKENS: bool = false;
}

impl Admits for EverybodyEnrolling {
    const ROLES: &'static [&'static str] = Everybody::ROLES;
    const TOKENS: bool = false;
    const UNPROTECTED: bool = true;
}

#[derive(Debug)]
pub struct Caller<A> {
    pub user: User,
    admits: PhantomData<A>,
}

pub type Seller = Caller<SellerOnly>;
pub type Admin = Caller<AdminOnly>;
pub type Staff = Caller<AdminOrStaff>;
pub type Anyone = Caller<Everybody>;
pub type InSession = Caller<EverybodyInSession>;
pub type AdminInSession = Caller<AdminOnlyInSession>;
pub type Enrolling = Caller<EverybodyEnrolling>;

#[derive(Debug)]
pub struct User {
    pub id: i64,
    pub role: String,
    /// The own session; None when a bearer token was used.
    pub session: Option<Hash>,
    /// Not the one who asks: staff looks at this seller's console.
    pub is_looked_at: bool,
}

impl<A> Deref for Caller<A> {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

impl User {
    pub fn identity(&self) -> Identity {
        Identity {
            role: if self.role == "user" {
                DbRole::Seller
            } else {
                DbRole::Staff
            },
            user_id: Some(self.id),
            admin: self.role == "admin",
            keep_session: self.session,
            read_only: self.is_looked_at,
        }
    }
}

impl<A: Admits> Caller<A> {
    /// Whoever the request's credential says, if this route admits the role.
    pub async fn admitted(parts: &Parts, app: &AppState) -> ApiResult<Self> {
        let credential = sessions::credential(&parts.headers).ok_or_else(ApiError::unauthenticated)?;
        let found = app
            .sessions
            .find(&credential)
            .await?
            .ok_or_else(ApiError::unauthenticated)?;
        let (id, role) = (found.user_id, found.role);
        if let (Some(cookie), Some(renewed)) = (found.renewed, parts.extensions.get::<Renewed>()) {
            // The first one: a request has one session.
            let _ = renewed.0.set(cookie);
        }
        if !A::ROLES.contains(&role.as_str()) {
            let roles: Vec<String> = A::ROLES.iter().map(|role| format!("'{role}'")).collect();
            return Err(ApiError::forbidden(
                "wrong_role",
                format!("Required role(s) [{}] not met", roles.join(", ")),
            ));
        }
        let session = match credential {
            Credential::Session(hash, _) => Some(hash),
            Credential::Token(_) if A::TOKENS => None,
            Credential::Token(_) => {
                return Err(ApiError::forbidden(
                    "session_required",
                    "A token cannot do this. Log in with the password.",
                ));
            }
        };
        if !A::UNPROTECTED
            && role == "admin"
            && app.settings.admins_need_second_factor
            && !app.sessions.has_second_factor(id).await?
        {
            return Err(ApiError::forbidden(
                "second_factor_missing",
                "Admins need a second factor here. Set yours up first: POST /api/auth/second_factor, or /console/account/second_factor.",
            ));
        }
        tracing::Span::current().record("user_id", id);
        Ok(Caller {
            user: User {
                id,
                role,
                session,
                is_looked_at: false,
            },
            admits: PhantomData,
        })
    }
}

impl<A: Admits> FromRequestParts<AppState> for Caller<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        let caller = Self::admitted(parts, app).await?;
        app.known_params.check(parts)?;
        once::check(parts)?;
        Ok(caller)
    }
}

/// A seller who may claim numbers here.
#[derive(Debug)]
pub struct Claimant(Seller);

impl Deref for Claimant {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

impl FromRequestParts<AppState> for Claimant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        let seller = Seller::from_request_parts(parts, app).await?;
        app.settings.claims.admit()?;
        Ok(Claimant(seller))
    }
}

/// Somebody who is not logged in yet.
#[derive(Debug)]
pub struct Stranger;

impl FromRequestParts<AppState> for Stranger {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        app.known_params.check(parts)?;
        once::check(parts).map(|()| Stranger)
    }
}

/// The switch, over HTTP: one of the configured tokens.
#[derive(Debug)]
pub struct Switch;

impl FromRequestParts<AppState> for Switch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        let token = parts
            .headers
            .get("x-internal-api-token")
            .and_then(|value| value.to_str().ok());
        match token {
            Some(token) if secret::is_one_of(token, &app.settings.internal_tokens) => {
                once::check(parts).map(|()| Switch)
            }
            _ => Err(ApiError::new(
                axum::http::StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "The header X-Internal-API-Token is missing or wrong.",
            )),
        }
    }
}
