//! A switch's connection: made again whenever it is lost, and no question without an end.

use std::time::Duration;

use capconduit_tests::{Calls, Target};
use jiff::Timestamp;
use tokio_postgres::{Client, Config, Error, NoTls};

/// Somewhat longer than the dialplan's own patience, and than the login's lock_timeout.
const PATIENCE: Duration = Duration::from_secs(5);

/// For a host that accepts and stays silent.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

pub struct Line {
    /// The hosts, of which one is the primary.
    hosts: Vec<Config>,
    client: Option<Client>,
}

/// What a switch and the agent beside it say to the database.
#[derive(Debug, Clone)]
pub enum Question {
    Route { did: String, id: String },
    Next { id: String, failed_attempt: i32 },
    Answered { id: String },
    Log { id: String, did: String, status: String },
    Time,
    Heartbeat { taken_at: Timestamp, calls: Vec<String> },
}

#[derive(Debug)]
pub enum Answer {
    Target(Target),
    Logged,
    Time(Timestamp),
    Status(String),
}

/// The switch that all these calls are on.
pub const NODE: &str = "pbx2";

impl Line {
    pub fn new(hosts: Vec<Config>) -> Self {
        Self { hosts, client: None }
    }

    /// One try. What went wrong is told as SQLSTATE or in a word.
    pub async fn ask(&mut self, question: &Question) -> Result<Answer, String> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await?,
        };
        match tokio::time::timeout(PATIENCE, say(&client, question)).await {
            Ok(Ok(answer)) => {
                self.client = Some(client);
                Ok(answer)
            }
            Ok(Err(error)) => match error.code() {
                Some(code) => {
                    // A switch keeps a connection that answers, unless the server behind it cannot be written.
                    if code.code() != "25006" {
                        self.client = Some(client);
                    }
                    Err(code.code().to_owned())
                }
                None => Err("connection lost".to_owned()),
            },
            Err(_) => Err("no answer".to_owned()),
        }
    }

    /// Each host has its own time, login included: what libpq's connect_timeout means.
    async fn connect(&self) -> Result<Client, String> {
        let mut problem = String::new();
        for host in &self.hosts {
            problem = match tokio::time::timeout(CONNECT_PATIENCE, host.connect(NoTls)).await {
                Ok(Ok((client, connection))) => {
                    tokio::spawn(connection);
                    return Ok(client);
                }
                Ok(Err(error)) => match error.code() {
                    Some(code) => format!("no login: {}", code.code()),
                    None => "no connection".to_owned(),
                },
                Err(_) => "no connection in time".to_owned(),
            };
        }
        Err(problem)
    }
}

async fn say(client: &Client, question: &Question) -> Result<Answer, Error> {
    match question {
        Question::Route { did, id } => {
            let target = client.route_on(did, id, "+15550001", NODE).await?;
            Ok(Answer::Target(target))
        }
        Question::Next { id, failed_attempt } => {
            Ok(Answer::Target(client.next(id, *failed_attempt, "BUSY").await?))
        }
        Question::Answered { id } => Ok(Answer::Status(client.answered(id).await?)),
        Question::Log { id, did, status } => {
            client.log(id, did, status).await?;
            Ok(Answer::Logged)
        }
        Question::Time => Ok(Answer::Time(client.database_time().await?)),
        Question::Heartbeat { taken_at, calls } => {
            let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
            let heard = client.heartbeat(NODE, "load", *taken_at, &calls).await?;
            Ok(Answer::Status(heard.status))
        }
    }
}
