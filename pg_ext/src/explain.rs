//! `explain_route`: what a call to this number would get now, link by link, by the same reads and the same rules as
//! `route_call`. It writes nothing and takes no transaction id, so it also works on a standby.

use capconduit_core::{Link, Reject, Verdict, did, select};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::INT8OID;
use pgrx::{name, pg_extern};

use crate::links::{Dialled, read_dialled};
use crate::spi::{Statement, View, arg, connected};

type ExplainRows = TableIterator<
    'static,
    (
        name!(campaign_id, Option<i64>),
        name!(campaign_name, Option<String>),
        name!(routing_strategy, Option<String>),
        name!(link_id, Option<i64>),
        name!(client_id, Option<i64>),
        name!(client_identifier, Option<String>),
        name!(eligible, bool),
        name!(reason, String),
        name!(active, Option<i32>),
        name!(max_concurrency, Option<i32>),
        name!(counted, Option<i64>),
        name!(total_calls_allowed, Option<i64>),
        name!(forwarding_priority, Option<i32>),
        name!(weight, Option<i32>),
        name!(place, Option<i32>),
        name!(share, Option<f64>),
    ),
>;

#[pg_extern(sql = false)]
fn explain_route(did: Option<&str>) -> ExplainRows {
    connected(|| explain(did.unwrap_or_default(), Whose::Anyone)).into_rows()
}

#[pg_extern(sql = false)]
fn explain_own_did(did: Option<&str>) -> ExplainRows {
    connected(|| {
        let rows = SESSION_USER.run_with(View::Calling, &[]);
        let user_id = rows.first().and_then(|columns| columns.get());
        explain(did.unwrap_or_default(), Whose::Only(user_id))
    })
    .into_rows()
}

static SESSION_USER: Statement = Statement::new("select capconduit.session_user_id()", &[]);

/// Who may see the DID; to everybody else it does not exist.
enum Whose {
    Anyone,
    Only(Option<i64>),
}

#[derive(Default)]
struct Explained {
    /// Set where no link was looked at.
    stop: Option<Reject>,
    campaign_name: Option<String>,
    strategy: Option<select::Strategy>,
    campaign_id: Option<i64>,
    links: Vec<Link>,
    /// Later active campaigns of the DID: id, name, strategy.
    shadowed: Vec<(i64, String, String)>,
}

/// All active campaigns of the DID, the one that counts first.
static CAMPAIGNS: Statement = Statement::new(
    "select c.id, c.name, c.routing_strategy \
       from capconduit.campaign_dids cd \
       join capconduit.campaigns c on c.id = cd.campaign_id \
       join capconduit.dids d on d.id = cd.did_id and d.user_id = c.user_id \
      where cd.did_id = $1 and c.status = 'active' \
      order by c.id",
    &[INT8OID],
);

fn explain(did: &str, whose: Whose) -> Explained {
    let Some(number) = did::normalize(did) else {
        return Explained {
            stop: Some(Reject::InvalidDidInput),
            ..Explained::default()
        };
    };
    let (_, dialled, links) = read_dialled(View::Calling, &number, None);
    let visible = |dialled: &Dialled| match whose {
        Whose::Anyone => true,
        Whose::Only(user_id) => user_id == Some(dialled.user_id),
    };
    let Some(dialled) = dialled.filter(visible) else {
        return Explained {
            stop: Some(Reject::DidNotFound),
            ..Explained::default()
        };
    };
    let (Some(campaign), None) = (&dialled.campaign, dialled.stop) else {
        return Explained {
            stop: dialled.stop,
            ..Explained::default()
        };
    };
    let rows = CAMPAIGNS.run_with(View::Calling, &[arg(dialled.did_id)]);
    let mut campaigns = rows
        .iter()
        .map(|columns| (columns.need(), columns.need(), columns.need()));
    let campaign_name = campaigns.next().map(|(_, name, _): (i64, String, String)| name);
    let stop = links.is_empty().then_some(Reject::NoActiveClientsInCampaign);
    Explained {
        stop,
        campaign_name,
        strategy: Some(campaign.strategy),
        campaign_id: Some(campaign.id),
        links,
        shadowed: campaigns.collect(),
    }
}

impl Explained {
    fn into_rows(self) -> ExplainRows {
        let mut rows = Vec::new();
        let strategy = self.strategy.map(|strategy| strategy.name().to_owned());
        if let Some(stop) = self.stop {
            rows.push((
                self.campaign_id,
                self.campaign_name.clone(),
                strategy.clone(),
                None,
                None,
                None,
                false,
                stop.token().to_owned(),
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
            ));
        }
        let verdicts = select::judge_all(&self.links);
        let places = self.strategy.map_or_else(Vec::new, |strategy| {
            select::places(strategy, &self.links, &verdicts)
        });
        for ((link, verdict), (place, share)) in self.links.into_iter().zip(verdicts).zip(places) {
            rows.push((
                self.campaign_id,
                self.campaign_name.clone(),
                strategy.clone(),
                Some(link.id),
                Some(link.client_id),
                Some(link.client_identifier),
                verdict == Verdict::Eligible,
                verdict.token().to_owned(),
                Some(link.active),
                Some(link.max_concurrency),
                Some(link.counted),
                link.total_calls_allowed,
                Some(link.forwarding_priority),
                Some(link.weight),
                place,
                share,
            ));
        }
        for (id, name, strategy) in self.shadowed {
            rows.push((
                Some(id),
                Some(name),
                Some(strategy),
                None,
                None,
                None,
                false,
                "shadowed".to_owned(),
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
            ));
        }
        TableIterator::new(rows)
    }
}
