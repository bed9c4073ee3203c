//! What is done with pauses, in SQL. The roles' rights to columns hold each to its own.

use capconduit_core::SetBy;
use tokio_postgres::Row;

use super::objects::NewPause;
use crate::error::{ApiError, ApiResult};
use crate::http::version::{IfMatch, Versioned, changed};
use crate::resources::campaigns::objects::CampaignDetail;
use crate::resources::campaigns::parts::objects::Link;
use crate::resources::clients::objects::ClientDetail;
use crate::resources::links::objects::LinkUsage;
use crate::resources::oversight::objects::OwnedCampaign;
use crate::resources::{campaigns, clients, links, oversight};
use crate::store::tx::Tx;

/// Whose pause of what.
pub trait Paused: Sync {
    type Shown: Versioned + Send;

    const WHAT: &'static str;
    const BY: SetBy;
    /// Of $1: `version`, whether there is a pause of one's `own`, and whether `others` have paused it now.
    const LOCK: &'static str;
    const SET: &'static str;
    const LIFT: &'static str;

    fn id(&self) -> i64;

    /// What is paused, as it is now; or the error that it does not exist.
    fn shown(&self, tx: &Tx) -> impl Future<Output = ApiResult<Self::Shown>> + Send;
}

#[derive(Debug)]
pub struct OwnCampaign(pub i64);
#[derive(Debug)]
pub struct OwnLink(pub i64, pub i64);
#[derive(Debug)]
pub struct AnyCampaign(pub i64);
#[derive(Debug)]
pub struct AnyLink(pub i64);
#[derive(Debug)]
pub struct AnyClient(pub i64);

/// `$until` and `$reason` are one's own; `$others` is the end of the other's.
macro_rules! statements {
    ($table:literal, $until:literal, $reason:literal, $others:literal) => {
        const LOCK: &'static str = concat!(
            "select version, ",
            $until,
            " is not null as own, coalesce(",
            $others,
            " > now(), false) as others from ",
            $table,
            " where id = $1 for no key update"
        );
        const SET: &'static str = concat!(
            "update ",
            $table,
            " set ",
            $until,
            " = coalesce($2::timestamptz, 'infinity'), ",
            $reason,
            " = $3 where id = $1"
        );
        const LIFT: &'static str = concat!(
            "update ",
            $table,
            " set ",
            $until,
            " = null, ",
            $reason,
            " = null where id = $1"
        );
    };
    (Seller, $table:literal) => {
        const BY: SetBy = SetBy::Seller;
        statements!(
            $table,
            "paused_until",
            "pause_reason",
            "platform_paused_until"
        );
    };
    (Platform, $table:literal) => {
        const BY: SetBy = SetBy::Platform;
        statements!(
            $table,
            "platform_paused_until",
            "platform_pause_reason",
            "paused_until"
        );
    };
}

impl Paused for OwnCampaign {
    type Shown = CampaignDetail;
    const WHAT: &'static str = "campaign";
    statements!(Seller, "campaigns");

    fn id(&self) -> i64 {
        self.0
    }

    async fn shown(&self, tx: &Tx) -> ApiResult<CampaignDetail> {
        campaigns::operations::find(tx, self.0).await
    }
}

impl Paused for OwnLink {
    type Shown = Link;
    const WHAT: &'static str = "link";
    statements!(Seller, "campaign_client_settings");

    fn id(&self) -> i64 {
        self.1
    }

    async fn shown(&self, tx: &Tx) -> ApiResult<Link> {
        campaigns::parts::operations::find_link(tx, self.0, self.1).await
    }
}

impl Paused for AnyCampaign {
    type Shown = OwnedCampaign;
    const WHAT: &'static str = "campaign";
    statements!(Platform, "campaigns");

    fn id(&self) -> i64 {
        self.0
    }

    async fn shown(&self, tx: &Tx) -> ApiResult<OwnedCampaign> {
        oversight::operations::find_campaign(tx, self.0).await
    }
}

impl Paused for AnyLink {
    type Shown = LinkUsage;
    const WHAT: &'static str = "link";
    statements!(Platform, "campaign_client_settings");

    fn id(&self) -> i64 {
        self.0
    }

    async fn shown(&self, tx: &Tx) -> ApiResult<LinkUsage> {
        links::operations::find(tx, self.0).await
    }
}

/// Nobody else pauses a client.
impl Paused for AnyClient {
    type Shown = ClientDetail;
    const WHAT: &'static str = "client";
    const BY: SetBy = SetBy::Platform;
    statements!(
        "clients",
        "platform_paused_until",
        "platform_pause_reason",
        "null::timestamptz"
    );

    fn id(&self) -> i64 {
        self.0
    }

    async fn shown(&self, tx: &Tx) -> ApiResult<ClientDetail> {
        clients::operations::find(tx, self.0).await
    }
}

pub const SELLER_STATEMENTS: &[&str] = &[
    OwnCampaign::LOCK,
    OwnCampaign::SET,
    OwnCampaign::LIFT,
    OwnLink::LOCK,
    OwnLink::SET,
    OwnLink::LIFT,
];
pub const STAFF_STATEMENTS: &[&str] = &[
    AnyCampaign::LOCK,
    AnyCampaign::SET,
    AnyCampaign::LIFT,
    AnyLink::LOCK,
    AnyLink::SET,
    AnyLink::LIFT,
    AnyClient::LOCK,
    AnyClient::SET,
    AnyClient::LIFT,
];

/// Locked, if it is there, and not changed since.
async fn lock<P: Paused>(tx: &Tx, paused: &P, if_match: &IfMatch) -> ApiResult<Row> {
    paused.shown(tx).await?;
    match tx.optional_row(P::LOCK, &[&paused.id()]).await? {
        Some(row) if if_match.admits(&[&row.get::<_, i64>("version").to_string()]) => Ok(row),
        // Changed, or gone meanwhile.
        _ => Err(changed(&paused.shown(tx).await?)),
    }
}

/// It takes the place of one's own of before.
pub async fn set<P: Paused>(
    tx: &Tx,
    paused: &P,
    if_match: &IfMatch,
    pause: &NewPause,
) -> ApiResult<P::Shown> {
    lock(tx, paused, if_match).await?;
    tx.execute(P::SET, &[&paused.id(), &pause.until, &pause.reason])
        .await?;
    paused.shown(tx).await
}

pub async fn lift<P: Paused>(tx: &Tx, paused: &P, if_match: &IfMatch) -> ApiResult<()> {
    let locked = lock(tx, paused, if_match).await?;
    if locked.get("own") {
        tx.execute(P::LIFT, &[&paused.id()]).await?;
        return Ok(());
    }
    let what = P::WHAT;
    if !locked.get::<_, bool>("others") {
        return Err(ApiError::not_found(format!("The {what} is not paused.")));
    }
    let whose = P::BY.other().in_words();
    let text = format!("The {what} was paused by {whose}, which alone can lift that.");
    Err(ApiError::forbidden("set_by_another", text))
}
