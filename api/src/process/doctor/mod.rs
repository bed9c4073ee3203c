//! `capconduit doctor`: checks what a deployment of the service needs, with the service's own settings, and says how to
//! mend what is wrong. It changes nothing.

mod deployment;
mod operation;
mod report;
mod sql;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client};

use crate::app::settings::Settings;
use crate::database::{self, Address};
use crate::process::serve;
use report::{Finding, Fine, Report, Warning, Wrong};

pub async fn run(args: serve::Args) -> Result<ExitCode> {
    let mut report = Report::default();
    let settings = match args.settings() {
        Ok(settings) => {
            report.add("settings", Fine("complete".into()));
            report.add("tls", cookies(&settings));
            Some(settings)
        }
        Err(error) => {
            report.add("settings", Wrong(format!("{error:#}")));
            None
        }
    };
    match args.database.config() {
        Ok(address) => check_database(&mut report, &address, settings.as_ref()).await,
        Err(error) => report.add("database", Wrong(format!("{error:#}"))),
    }
    println!("{} wrong, {} to look at", report.wrong, report.warnings);
    Ok(if report.wrong > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn cookies(settings: &Settings) -> Finding {
    let loopback = settings.listen.starts_with("127.") || settings.listen.starts_with("[::1]");
    match (settings.secure_cookies, loopback) {
        (false, _) => {
            Warning("--without-tls: session cookies travel in clear text; for trying it out only".into())
        }
        (true, false) => Warning(format!(
            "{} is no loopback address: is a proxy with TLS in front?",
            settings.listen
        )),
        (true, true) => Fine("cookies are Secure, the service listens on loopback".into()),
    }
}

async fn check_database(report: &mut Report, address: &Address, settings: Option<&Settings>) {
    let (client, warnings) = match tokio::time::timeout(Duration::from_secs(10), connect(address)).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return report.add("database", Wrong(format!("{error:#}"))),
        Err(_) => return report.add("database", Wrong("does not answer within 10 seconds".into())),
    };
    report.add("database", Fine(database::describe(address)));
    report.add_result("encryption", deployment::encryption(&client, address).await);
    report.add_result("server", deployment::server(&client).await);
    report.add_result("durability", deployment::durability(&client).await);
    report.add_result("versions", deployment::versions(&client).await);
    report.add_result("login", deployment::login(&client).await);
    report.add_result("limits", deployment::limits(&client).await);
    report.add_result("functions", deployment::functions(&client).await);
    report.add_result("large objects", deployment::large_objects(&client).await);
    report.add_result("connections", deployment::connections(&client, settings).await);
    report.add_result("clock", operation::clock(&client).await);
    report.add_result(
        "windows",
        as_role(&client, "capconduit_internal", operation::windows(&client)).await,
    );
    report.add_result("old snapshots", operation::old_snapshots(&client).await);
    report.add_result(
        "admins",
        as_role(&client, "capconduit_staff", operation::admins(&client)).await,
    );
    report.add_result(
        "counters",
        as_role(&client, "capconduit_internal", operation::counters(&client)).await,
    );
    report.add_result(
        "tables",
        as_role(&client, "capconduit_internal", operation::tables(&client)).await,
    );
    report.add_result(
        "leases",
        as_role(&client, "capconduit_internal", operation::leases(&client)).await,
    );
    report.add_result(
        "nodes",
        as_role(&client, "capconduit_internal", operation::nodes(&client)).await,
    );
    // Last: by now the session has loaded the extension's library, which takes away what it does not know.
    report.add_result(
        "extension",
        operation::extension_settings(&client, &warnings).await,
    );
}

/// A connection, and what the server warns of on it.
async fn connect(address: &Address) -> Result<(Client, mpsc::Receiver<DbError>)> {
    let (client, mut connection) = address
        .open()
        .await
        .with_context(|| database::cannot_connect(address))?;
    let (told, warnings) = mpsc::channel();
    tokio::spawn(async move {
        let mut messages = futures_util::stream::poll_fn(|context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(warning) = message {
                // Nobody listens when the checks are over.
                let _ = told.send(warning);
            }
        }
    });
    Ok((client, warnings))
}

/// A check as one of the roles that the service takes on, in a transaction that is rolled back.
async fn as_role(
    client: &Client,
    role: &'static str,
    check: impl Future<Output = Result<Finding, tokio_postgres::Error>>,
) -> Result<Finding, tokio_postgres::Error> {
    client
        .batch_execute(&format!("begin read only; set local role {role}"))
        .await?;
    let result = check.await;
    client.batch_execute("rollback").await?;
    result
}
