//! The report as it is answered, filled from the rows of the statements.

use jiff::civil::Date;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::sql;
use crate::http::clock::Instant;

/// `calls` are the recorded calls but LOST ones, which stand apart: nobody knows how they ended.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    calls: i64,
    answered: i64,
    /// Answered, and talked for at least `minTalkSeconds`.
    converted: i64,
    /// Of answered calls.
    talk_seconds: i64,
    rejected: i64,
    lost: i64,
}

impl From<&Row> for Figures {
    fn from(row: &Row) -> Self {
        Figures {
            calls: row.get(1),
            answered: row.get(2),
            converted: row.get(3),
            talk_seconds: row.get(4),
            rejected: row.get(5),
            lost: row.get(6),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct DayFigures {
    #[schema(value_type = String, example = "2026-03-01")]
    day: Date,
    #[serde(flatten)]
    figures: Figures,
}

/// All calls that began in this hour of any of the days.
#[derive(Debug, Serialize, ToSchema)]
struct HourFigures {
    #[schema(minimum = 0, maximum = 23)]
    hour: i32,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CampaignFigures {
    campaign_id: Option<i64>,
    /// Null when it is gone.
    name: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DidFigures {
    did_id: Option<i64>,
    /// Null when it is gone.
    number: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
struct Rejects {
    #[schema(example = "total_cap")]
    reason: String,
    calls: i64,
}

/// Each dialled attempt is an offer; the other figures say how the offers ended.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClientFigures {
    client_id: i64,
    name: Option<String>,
    client_identifier: Option<String>,
    offered: i64,
    answered: i64,
    busy: i64,
    no_answer: i64,
    /// The caller hung up while it rang.
    cancelled: i64,
    failed: i64,
    lost: i64,
    talk_seconds: i64,
}

impl ClientFigures {
    fn add(&mut self, status: &str, offers: i64) {
        self.offered += offers;
        *match status {
            "ANSWERED" => &mut self.answered,
            "BUSY" => &mut self.busy,
            "NOANSWER" => &mut self.no_answer,
            "CANCEL" => &mut self.cancelled,
            "LOST" => &mut self.lost,
            _ => &mut self.failed,
        } += offers;
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    from: Instant,
    /// Not included.
    until: Instant,
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    min_talk_seconds: i32,
    totals: Figures,
    rejects: Vec<Rejects>,
    by_day: Vec<DayFigures>,
    by_hour: Vec<HourFigures>,
    by_campaign: Vec<CampaignFigures>,
    by_did: Vec<DidFigures>,
    by_client: Vec<ClientFigures>,
}

impl Report {
    pub fn new(from: Instant, until: Instant, time_zone: String, min_talk_seconds: i32) -> Self {
        Report {
            from,
            until,
            time_zone,
            min_talk_seconds,
            totals: Figures::default(),
            rejects: Vec::new(),
            by_day: Vec::new(),
            by_hour: Vec::new(),
            by_campaign: Vec::new(),
            by_did: Vec::new(),
            by_client: Vec::new(),
        }
    }

    /// One row of `sql::FIGURES`.
    pub fn add_figures(&mut self, row: &Row) {
        let figures = Figures::from(row);
        match row.get::<_, i32>(0) {
            sql::TOTAL => self.totals = figures,
            sql::BY_DAY => self.by_day.push(DayFigures {
                day: row.get(7),
                figures,
            }),
            sql::BY_HOUR => self.by_hour.push(HourFigures {
                hour: row.get(8),
                figures,
            }),
            sql::BY_CAMPAIGN => {
                self.by_campaign.push(CampaignFigures {
                    campaign_id: row.get(9),
                    name: row.get(10),
                    figures,
                });
            }
            sql::BY_DID => self.by_did.push(DidFigures {
                did_id: row.get(11),
                number: row.get(12),
                figures,
            }),
            sql::BY_STATUS => {
                if let Some(reason) = row.get::<_, &str>(16).strip_prefix("REJECTED_") {
                    self.rejects.push(Rejects {
                        reason: reason.to_lowercase(),
                        calls: figures.calls,
                    });
                }
            }
            sql::BY_CLIENT_AND_STATUS => {
                if let Some(client) = self.client(row, 13) {
                    client.add(row.get(16), figures.calls + figures.lost);
                    client.talk_seconds += figures.talk_seconds;
                }
            }
            _ => {}
        }
    }

    /// One row of `sql::FAILED_ATTEMPTS`.
    pub fn add_failed_attempts(&mut self, row: &Row) {
        if let Some(client) = self.client(row, 0) {
            client.add(row.get(3), row.get(4));
        }
    }

    /// The entry of the client whose id, name and identifier begin at column `at`.
    fn client(&mut self, row: &Row, at: usize) -> Option<&mut ClientFigures> {
        let id: i64 = row.get::<_, Option<i64>>(at)?;
        let index = self
            .by_client
            .iter()
            .position(|client| client.client_id == id)
            .unwrap_or_else(|| {
                let (name, client_identifier) = (row.get(at + 1), row.get(at + 2));
                self.by_client.push(ClientFigures {
                    client_id: id,
                    name,
                    client_identifier,
                    ..ClientFigures::default()
                });
                self.by_client.len() - 1
            });
        self.by_client.get_mut(index)
    }
}
