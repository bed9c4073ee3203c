//! The state that every handler shares. Who calls a handler stands in `caller`.

pub mod caller;
pub mod metrics;
pub mod settings;

use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;

use crate::access::failures::Failures;
use crate::access::login_step::LoginSteps;
use crate::access::password::Passwords;
use crate::access::sessions::Sessions;
use crate::http::params::KnownParams;
use crate::store::pool::{self, Generation};
use crate::store::tx::Store;
use metrics::Metrics;
use settings::Settings;

#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub store: Store,
    pub generation: Generation,
    pub sessions: Sessions,
    pub passwords: Passwords,
    pub failures: Failures,
    pub login_steps: LoginSteps,
    pub metrics: Metrics,
    pub known_params: KnownParams,
}

#[derive(Debug, Clone)]
pub struct AppState(pub Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl App {
    /// Connects to nothing yet: a service that starts before its database becomes ready by itself.
    pub fn new(settings: Settings, known_params: KnownParams) -> Result<Self> {
        let generation = Generation::default();
        let store = Store {
            pool: pool::build(&settings.database, settings.pool_size, generation.clone())?,
            tls: settings.database.tls.clone(),
            statement_timeout: settings.statement_timeout,
        };
        Ok(App {
            sessions: Sessions::new(store.clone(), settings.sessions, settings.secure_cookies),
            store,
            generation,
            passwords: Passwords::new(settings.statement_timeout),
            failures: Failures::default(),
            login_steps: LoginSteps::new()?,
            metrics: Metrics::new()?,
            known_params,
            settings,
        })
    }
}
