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
        /// Good calls, as caps count them: they talked as long as their link or campaign asks. A LOST one may be among them.
        pub qualified: i64,
        /// Of answered calls.
        pub talk_seconds: i64,
        pub rejected: i64,
        pub lost: i64,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DayFigures {
    #[schema(value_type = String, example = "2026-03-01")]
    pub day: Date,
    #[serde(flatten)]
    pub figures: Figures,
}

/// All calls that began in this hour of any of the days.
#[derive(Debug, Serialize, ToSchema)]
pub struct HourFigures {
    #[schema(minimum = 0, maximum = 23)]
    pub hour: i32,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignFigures {
    pub campaign_id: Option<i64>,
    /// Null when it is gone.
    pub name: Option<String>,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DidFigures {
    pub did_id: Option<i64>,
    /// Null when it is gone.
    pub number: Option<String>,
    #[serde(flatten)]
    pub figures: Figures,
}

/// The calls that this link had last: those that it took, and those that no other took after it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkFigures {
    /// Null: no link was dialled.
    pub link_id: Option<i64>,
    /// Null when it is gone.
    pub campaign_name: Option<String>,
    /// Null when it is gone.
    pub client_name: Option<String>,
    #[serde(flatten)]
    pub figures: Figures,
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
pub struct ClientFigures {
    pub client_id: i64,
    pub name: Option<String>,
    pub client_identifier: Option<String>,
    pub offered: i64,
    pub answered: i64,
    pub busy: i64,
    pub no_answer: i64,
    /// The caller hung up while it rang.
    pub cancelled: i64,
    pub failed: i64,
    pub lost: i64,
    pub talk_seconds: i64,
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
    pub from: Instant,
    /// Not included.
    pub until: Instant,
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    pub min_talk_seconds: i32,
    pub totals: Figures,
    pub rejects: Vec<Rejects>,
    pub by_day: Vec<DayFigures>,
    pub by_hour: Vec<HourFigures>,
    pub by_campaign: Vec<CampaignFigures>,
    pub by_did: Vec<DidFigures>,
    pub by_link: Vec<LinkFigures>,
    pub by_client: Vec<ClientFigures>,
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
            by_link: Vec::new(),
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
            statements::BY_LINK => {
                self.by_link.push(LinkFigures {
                    link_id: row.get("link_id"),
                    campaign_name: row.get("link_campaign_name"),
                    client_name: row.get("link_client_name"),
                    figures,
                });
            }
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
