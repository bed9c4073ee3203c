//! The way from an empty platform to the first call: each step with where it is done, shown until all are, or until a call has come.

use super::show;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::list::{Listed, Request};
use crate::http::page::PageRequest;
use crate::http::params::Params;
use crate::resources::explain::{Explanation, Question, Whose};
use crate::resources::logs::filter::Filter;
use crate::resources::{campaigns, clients, dids, links, logs, numbers, oversight, users};
use crate::store::tx::Tx;

pub struct Step {
    pub is_done: bool,
    pub text: &'static str,
    /// Why the last one is not done, in words of the engine.
    pub why: String,
    /// Where it is done, and what that is called.
    pub target: String,
    pub label: &'static str,
}

fn step(is_done: bool, text: &'static str, target: impl Into<String>, label: &'static str) -> Step {
    Step {
        is_done,
        text,
        why: String::new(),
        target: target.into(),
        label,
    }
}

async fn first<L: Listed>(tx: &Tx, query: &str) -> ApiResult<Option<L::Item>> {
    let found = Request::<L>::read(&Params::parse(query))?.first(tx, 1).await?;
    Ok(found.into_iter().next())
}

async fn there_are<L: Listed>(tx: &Tx, query: &str) -> ApiResult<bool> {
    Ok(first::<L>(tx, query).await?.is_some())
}

/// Whoever has had a call needs no steps.
async fn has_had_calls(tx: &Tx, viewer: &User) -> ApiResult<bool> {
    let one = PageRequest { page: 1, per_page: 1 };
    let filter = Filter::read(&Params::default())?;
    let found = logs::operations::page(tx, viewer, &filter, Some(None), one).await?;
    Ok(!found.items.is_empty())
}

/// Green, once a call to the number would be taken.
async fn try_it(tx: &Tx, whose: Whose, number: Option<String>) -> ApiResult<Step> {
    let mut last = step(
        false,
        "Try the number: what would a call get?",
        "/console/try",
        "Try a number",
    );
    if let Some(number) = number {
        let query: String = form_urlencoded::byte_serialize(number.as_bytes()).collect();
        last.target = format!("/console/try?number={query}");
        let found = show::next_call(tx, whose, Question::of(number)).await?;
        last.is_done = found.links.iter().any(|link| link.eligible);
        last.why = why(&found);
    }
    Ok(last)
}

fn why(found: &Explanation) -> String {
    let of_links = found.links.first().map(|link| link.reason.as_str());
    let reason = found
        .reason
        .as_deref()
        .or(of_links)
        .filter(|reason| *reason != "eligible");
    reason.map(show::reason).unwrap_or_default()
}

fn unless_done(steps: Vec<Step>) -> Vec<Step> {
    if steps.iter().all(|step| step.is_done) {
        return Vec::new();
    }
    steps
}

/// The place of the first one that is not done.
pub fn next(steps: &[Step]) -> usize {
    let next = steps.iter().position(|step| !step.is_done);
    next.unwrap_or(steps.len())
}

/// Of the whole platform. What is a seller's to do is done in the seller's own console.
pub async fn of_platform(tx: &Tx, viewer: &User) -> ApiResult<Vec<Step>> {
    if has_had_calls(tx, viewer).await? {
        return Ok(Vec::new());
    }
    let seller = first::<users::list::Users>(tx, "role=user").await?;
    let (make, label) = match viewer.role.as_str() {
        "admin" => ("/console/users/new?role=user", "New seller"),
        _ => ("/console/sellers", "Sellers: an admin makes one"),
    };
    let look = match &seller {
        Some(seller) => format!("/console/as/{}", seller.id),
        None => "/console/sellers".to_owned(),
    };
    let number = first::<numbers::list::Dids>(tx, "unassigned=false").await?;
    let steps = vec![
        step(
            there_are::<clients::list::Clients>(tx, "").await?,
            "Make a client: a call center that takes calls.",
            "/console/clients/new",
            "New client",
        ),
        step(
            seller.is_some(),
            "Make a seller: whose numbers are called.",
            make,
            label,
        ),
        step(
            there_are::<numbers::list::Dids>(tx, "").await?,
            "The seller logs in, and adds a number.",
            look.clone(),
            "Look at its console",
        ),
        step(
            there_are::<oversight::list::Campaigns>(tx, "").await?,
            "The seller makes a campaign: which clients get the calls.",
            look.clone(),
            "Look at its console",
        ),
        step(
            there_are::<links::list::Links>(tx, "").await?,
            "The seller adds the client to the campaign, with its caps.",
            look.clone(),
            "Look at its console",
        ),
        step(
            number.is_some(),
            "The seller assigns the number to the campaign.",
            look,
            "Look at its console",
        ),
        try_it(tx, Whose::Any, number.map(|did| did.number)).await?,
    ];
    Ok(unless_done(steps))
}

/// Of a seller.
pub async fn of_seller(tx: &Tx, viewer: &User, may_claim: bool) -> ApiResult<Vec<Step>> {
    if has_had_calls(tx, viewer).await? {
        return Ok(Vec::new());
    }
    let campaign = first::<campaigns::list::Campaigns>(tx, "").await?;
    let page = match &campaign {
        Some(campaign) => format!("/console/campaigns/{}", campaign.id),
        None => "/console/campaigns/new".to_owned(),
    };
    let any = first::<dids::list::Dids>(tx, "").await?;
    let assigned = first::<dids::list::Dids>(tx, "unassigned=false").await?;
    let assign = match &any {
        Some(did) => format!("/console/numbers/{}/assign", did.id),
        None => "/console/numbers".to_owned(),
    };
    let add = if may_claim {
        step(
            any.is_some(),
            "Add a number that your carrier has given you.",
            "/console/numbers/new",
            "Add numbers",
        )
    } else {
        step(
            any.is_some(),
            "The platform's operator gives you a number.",
            "/console/numbers",
            "Your numbers",
        )
    };
    let steps = vec![
        add,
        step(
            campaign.is_some(),
            "Make a campaign: it says which clients get the calls.",
            "/console/campaigns/new",
            "New campaign",
        ),
        step(
            there_are::<links::list::OwnLinks>(tx, "").await?,
            "Add a client to it: how many calls it takes.",
            if campaign.is_some() {
                format!("{page}/links/new")
            } else {
                page
            },
            "Add a link",
        ),
        step(
            assigned.is_some(),
            "Assign the number to the campaign.",
            assign,
            "Assign it",
        ),
        try_it(tx, Whose::Own, assigned.map(|did| did.number)).await?,
    ];
    Ok(unless_done(steps))
}
