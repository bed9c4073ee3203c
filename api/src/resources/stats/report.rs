//! The report as it is answered, filled from the rows of the statements.

use capconduit_core::outcome::{ANSWERED, LOST};
use capconduit_core::reason;
use jiff::civil::Date;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::statements;
use crate::http::clock::Instant;
use crate::store::row::row;

row! {
    /// `calls` are the recorded calls but LOST ones, which stand apart: nobody knows how they ended.
    #[derive(Debug, Default, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Figures {
        pub calls: i64,
        pub answered: i64,
        /// Answered, and talked for at least `minTalkSeconds`.
        pub converted: i64,
        /// Of answered calls.
        pub talk_seconds: i64,
        pub rejected: i64,
        pub lost: i64,
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
pub struct Rejects {
    #[schema(example = "total_cap")]
    pub reason: String,
    pub calls: i64,
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
            ANSWERED => &mut self.answered,
            "BUSY" => &mut self.busy,
            "NOANSWER" => &mut self.no_answer,
            "CANCEL" => &mut self.cancelled,
            LOST => &mut self.lost,
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
    pub totals: Figures,
    pub rejects: Vec<Rejects>,
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

    /// One row of `statements::FIGURES`.
    pub fn add_figures(&mut self, row: &Row) {
        let figures = Figures::from(row);
        match row.get::<_, i32>("level") {
            statements::TOTAL => self.totals = figures,
            statements::BY_DAY => self.by_day.push(DayFigures {
                day: row.get("day"),
                figures,
            }),
            statements::BY_HOUR => self.by_hour.push(HourFigures {
                hour: row.get("hour"),
                figures,
            }),
            statements::BY_CAMPAIGN => {
                self.by_campaign.push(CampaignFigures {
                    campaign_id: row.get("campaign_id"),
                    name: row.get("campaign_name"),
                    figures,
                });
            }
            statements::BY_DID => self.by_did.push(DidFigures {
                did_id: row.get("did_id"),
                number: row.get("number"),
                figures,
            }),
            statements::BY_STATUS => {
                if let Some(reason) = reason::of_status(row.get("call_status")) {
                    self.rejects.push(Rejects {
                        reason,
                        calls: figures.calls,
                    });
                }
            }
            statements::BY_CLIENT_AND_STATUS => {
                if let Some(client) = self.client(row) {
                    client.add(row.get("call_status"), figures.calls + figures.lost);
                    client.talk_seconds += figures.talk_seconds;
                }
            }
            _ => {}
        }
    }

    /// One row of `statements::FAILED_ATTEMPTS`.
    pub fn add_failed_attempts(&mut self, row: &Row) {
        if let Some(client) = self.client(row) {
            client.add(row.get("dial_status"), row.get("count"));
        }
    }

    /// The entry of the row's client.
    fn client(&mut self, row: &Row) -> Option<&mut ClientFigures> {
        let id: i64 = row.get::<_, Option<i64>>("client_id")?;
        let index = self
            .by_client
            .iter()
            .position(|client| client.client_id == id)
            .unwrap_or_else(|| {
                let (name, client_identifier) = (row.get("client_name"), row.get("client_identifier"));
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
