//! What every handler shares.

pub mod caller;

use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;

use crate::access::password::Passwords;
use crate::http::params::KnownParams;
use crate::process::serve::arguments::Settings;
use crate::process::serve::metrics::Metrics;
use crate::resources;
use crate::store::pool::{self, Generation};
use crate::store::tx::Store;

#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub store: Store,
    pub generation: Generation,
    pub passwords: Passwords,
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
    pub fn new(settings: Settings) -> Result<Self> {
        let generation = Generation::default();
        let store = Store {
            pool: pool::build(&settings.database, settings.pool_size, generation.clone())?,
            tls: settings.database.tls.clone(),
            statement_timeout: settings.statement_timeout,
        };
        Ok(App {
            store,
            generation,
            passwords: Passwords::new(settings.statement_timeout),
            metrics: Metrics::new()?,
            known_params: KnownParams::of(&resources::router(true).into_openapi()),
            settings,
        })
    }
}
