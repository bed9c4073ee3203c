//! The settings of the service, checked and ready to use. Where each comes from is the command's business.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{ApiError, ApiResult};

use crate::access::address::Proxies;
use crate::access::second_factor::Keys;
use crate::access::secret;
use crate::access::sessions::Lifetime;
use crate::database::Address;

#[derive(Debug)]
pub struct Settings {
    pub database: Address,
    pub listen: String,
    pub metrics_listen: String,
    pub public_origins: Vec<String>,
    /// Of pages that may use the API with a bearer token. None of the public ones.
    pub cors_origins: Vec<String>,
    pub proxies: Proxies,
    /// Empty: the internal API is off.
    pub internal_tokens: Vec<secret::Hash>,
    pub sessions: Lifetime,
    pub secure_cookies: bool,
    pub pool_size: usize,
    pub request_timeout: Duration,
    /// A second less than the request's own limit: the database gives up first, and says why.
    pub statement_timeout: Duration,
    pub pjsip: PjsipNames,
    pub claims: Claims,
    /// With which the secrets of second factors are made.
    pub second_factor_keys: Arc<Keys>,
    /// An admin without a second factor may only set one up.
    pub admins_need_second_factor: bool,
}

/// Who may claim a number that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Claims {
    /// Every seller, for the own account.
    Open,
    /// Admins and staff, for a seller.
    Staff,
}

impl Claims {
    /// Of a seller.
    pub fn admit(self) -> ApiResult<()> {
        match self {
            Claims::Open => Ok(()),
            Claims::Staff => Err(ApiError::forbidden(
                "claims_closed",
                "Numbers are given out by the platform here: ask its operator for this one.",
            )),
        }
    }
}

/// What stands in Asterisk's configuration files, and an endpoint may name.
#[derive(Debug)]
pub struct PjsipNames {
    pub contexts: Vec<String>,
    pub transports: Vec<String>,
}
