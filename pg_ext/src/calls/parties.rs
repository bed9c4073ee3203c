//! Whose call it was: the seller, campaign, DID, client and link that a record names. Ids must exist and agree.

use capconduit_core::did;
use pgrx::pg_sys::INT8OID;

use crate::calls::facts::read_dialled;
use crate::postgres::argument::arg;
use crate::postgres::error;
use crate::postgres::look::View;
use crate::postgres::rows::selected;
use crate::postgres::spi::{Query, Statement};

/// Which parties a call belongs to.
#[derive(Clone, Copy, Default)]
pub struct Parties {
    pub user_id: Option<i64>,
    pub campaign_id: Option<i64>,
    pub did_id: Option<i64>,
    pub client_id: Option<i64>,
    pub link_id: Option<i64>,
}

selected! {
    struct LinkRow {
        user_id: i64 = "c.user_id",
        campaign_id: i64 = "s.campaign_id",
        client_id: i64 = "s.client_id",
    }
}

static READ_LINK: Query<LinkRow> = Query::new(
    "select",
    "from capconduit.campaign_client_settings s join capconduit.campaigns c on c.id = s.campaign_id where s.id = $1",
    &[INT8OID],
);

selected! {
    struct CampaignRow {
        user_id: i64 = "user_id",
    }
}

static READ_CAMPAIGN: Query<CampaignRow> =
    Query::new("select", "from capconduit.campaigns where id = $1", &[INT8OID]);

selected! {
    struct DidRow {
        user_id: i64 = "user_id",
        number: String = "number",
    }
}

static READ_DID: Query<DidRow> = Query::new("select", "from capconduit.dids where id = $1", &[INT8OID]);

static READ_CLIENT: Statement = Statement::new("select from capconduit.clients where id = $1", &[INT8OID]);
static READ_USER: Statement = Statement::new("select from capconduit.users where id = $1", &[INT8OID]);

/// Ids given explicitly must exist and agree; what is not given comes from the number, as for a route.
pub fn resolve(did: &str, given: Parties) -> Parties {
    fill_from_number(did::normalize(did).as_deref(), check(did, given))
}

pub fn check(did: &str, given: Parties) -> Parties {
    let mut parties = given;
    if let Some(link_id) = parties.link_id {
        let Some(link) = READ_LINK.first(&[arg(link_id)]) else {
            error::unknown(format!("link {link_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, Some(link.user_id));
        agree("campaign_id", &mut parties.campaign_id, Some(link.campaign_id));
        agree("client_id", &mut parties.client_id, Some(link.client_id));
    } else if let Some(campaign_id) = parties.campaign_id {
        let Some(campaign) = READ_CAMPAIGN.first(&[arg(campaign_id)]) else {
            error::unknown(format!("campaign {campaign_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, Some(campaign.user_id));
    }
    let number = did::normalize(did);
    if let Some(did_id) = parties.did_id {
        let Some(found) = READ_DID.first(&[arg(did_id)]) else {
            error::unknown(format!("DID {did_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, Some(found.user_id));
        if number.is_some_and(|number| number != found.number) {
            error::invalid(format!("did_id {did_id} contradicts the number of the call"));
        }
    }
    if let Some(client_id) = parties.client_id
        && READ_CLIENT.run(&[arg(client_id)]) == 0
    {
        error::unknown(format!("client {client_id} is unknown"));
    }
    if let Some(user_id) = parties.user_id
        && READ_USER.run(&[arg(user_id)]) == 0
    {
        error::unknown(format!("user {user_id} is unknown"));
    }
    parties
}

/// The number's owner, DID and campaign, unless the ids given name another seller.
pub fn fill_from_number(number: Option<&str>, mut parties: Parties) -> Parties {
    let dialled = number.and_then(|number| View::Fresh.look(|at| read_dialled(at, number, None)));
    if let Some(dialled) = dialled
        && parties.user_id.is_none_or(|user_id| user_id == dialled.user_id)
    {
        parties.user_id = Some(dialled.user_id);
        parties.did_id = parties.did_id.or(Some(dialled.did_id));
        parties.campaign_id = parties
            .campaign_id
            .or(dialled.campaign.as_ref().map(|campaign| campaign.id));
    }
    parties
}

/// Two sources for one id must not contradict each other; the first that knows it gives it.
pub fn agree(name: &str, given: &mut Option<i64>, known: Option<i64>) {
    if let (Some(given), Some(known)) = (*given, known)
        && given != known
    {
        error::invalid(format!(
            "{name} {given} contradicts {known}, which the call's other ids name"
        ));
    }
    *given = given.or(known);
}

/// The reservation's parties stay; ids given beside it must agree with them.
pub fn merge(given: Parties, known: Parties) -> Parties {
    let mut merged = given;
    agree("link_id", &mut merged.link_id, known.link_id);
    agree("client_id", &mut merged.client_id, known.client_id);
    agree("campaign_id", &mut merged.campaign_id, known.campaign_id);
    agree("did_id", &mut merged.did_id, known.did_id);
    agree("user_id", &mut merged.user_id, known.user_id);
    merged
}
