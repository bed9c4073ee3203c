//! `capconduit serve`: from settings to a running service and back to a clean stop.

pub mod arguments;
mod foreign;
mod memory;
pub mod metrics;
pub mod router;
pub mod surround;
pub mod upkeep;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::app::{App, AppState};
use crate::http::params::KnownParams;
use crate::process::{listener, running};
use crate::resources;
pub use arguments::Args;

pub async fn run(args: Args) -> Result<ExitCode> {
    running::start_logging(args.log_json);
    let settings = args.settings()?;
    let known_params = KnownParams::of(&resources::router(true).into_openapi());
    let app = AppState(Arc::new(App::new(settings, known_params)?));
    let listener = running::bind(&app.settings.listen).await?;
    let metrics = running::bind(&app.settings.metrics_listen).await?;
    let stop = running::stop_signal()?;
    tracing::info!(address = %listener.local_addr()?, metrics = %metrics.local_addr()?, "serving");
    let upkeep = tokio::spawn(upkeep::run(app.clone(), stop.clone()));
    let observe = tokio::spawn(listener::serve(
        metrics,
        metrics::router(app.clone())?,
        stop.clone(),
    ));
    let router = router::build(app.clone());
    // Its description took much more than it left: of this thread, which only waits from here on.
    memory::give_back();
    listener::serve(listener, router, stop).await;
    upkeep.await.context("the upkeep task failed")?;
    observe.await.context("the metrics listener failed")?;
    app.store.pool.close();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
