//! What `explain_call` and `preview_call` say beside their columns: the gates that were asked, the one that stopped, and what
//! each goes by. As JSON, so that no later gate changes what the functions give.

use capconduit_core::cap::{Cap, Use};
use capconduit_core::facts::Dialled;
use capconduit_core::gate::Figure;
use capconduit_core::gates::opening::{Pass, opens_at};
use capconduit_core::gates::{Step, caps, walk_call, walk_link};
use capconduit_core::{Asked, Link};

use crate::calls::explanation::{About, Part};
use crate::calls::links::FirstTaker;
use crate::calls::preview::{Considered, Overflowed};
use crate::postgres::json::{Json, Jsonb, Object};

/// The gates that are asked for one row of an explanation.
fn steps_of(about: About<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if let (Some(dialled), Part::Call | Part::Link(_)) = (about.dialled, about.part) {
        steps.extend(walk_call(dialled, about.asked));
    }
    if let Part::Link(link) = about.part {
        steps.extend(walk_link(link, about.asked));
    }
    steps
}

/// When time alone lets a call through to what this row is about, and nothing else of it.
pub fn opens_at_of_row(about: About<'_>) -> Option<i64> {
    let dialled = about.dialled?;
    pgrx::check_for_interrupts!();
    // Of a campaign that calls overflow to: the number's own lets them through before.
    let first = about.counted.filter(|first| !std::ptr::eq(*first, dialled));
    let mut passes = Vec::from_iter(first.map(Pass::Call));
    passes.push(Pass::Call(dialled));
    match about.part {
        Part::Call => {}
        Part::Link(link) => passes.push(Pass::Link(link)),
        Part::Behind(_) => return None,
    }
    opens_at(about.asked, &passes)
}

/// Of one row of an explanation.
pub fn of_row(about: About<'_>) -> Jsonb {
    let steps = steps_of(about);
    let mut told = vec![asked(about.asked)];
    told.extend(walked(&steps));
    told.extend(opens_at_of_row(about).map(|at| ("opens_at", Json::Instant(at))));
    let caps = match about.part {
        Part::Call => all_caps(about.counted, None, about.asked),
        Part::Link(link) => all_caps(about.counted, Some(link), about.asked),
        Part::Behind(_) => Vec::new(),
    };
    if !caps.is_empty() {
        told.push(("caps", Json::List(caps)));
    }
    if let Some(exit) = about.exit {
        told.push(("overflow", exit.name().into()));
    }
    if let Part::Behind(campaign) = about.part {
        told.push(("shadowed_by", campaign.id.into()));
    }
    told.into()
}

/// Of a preview: the call's own gates, and the links that were asked, in the strategy's order.
pub fn of_preview(considered: Considered<'_>) -> Jsonb {
    let steps = considered
        .dialled
        .map(|dialled| walk_call(dialled, considered.asked))
        .unwrap_or_default();
    let mut told = vec![asked(considered.asked)];
    told.extend(walked(&steps));
    let steps_beyond = considered
        .overflow
        .and_then(|overflow| overflow.beyond())
        .map(|(dialled, question, _)| walk_call(dialled, question));
    let links_of = |found: &'_ FirstTaker, question: &Asked<'_>| {
        let asked = found.asked.iter().map(|(index, _)| &found.links[*index]);
        let links = asked.map(|link| {
            let steps = walk_link(link, question);
            let mut told = vec![
                ("link_id", link.id.into()),
                ("client_id", link.client_id.into()),
                ("client_identifier", link.client_identifier.clone().into()),
            ];
            told.extend(walked(&steps));
            Json::Object(told)
        });
        Json::List(links.collect())
    };
    let links = considered.links.map(|found| links_of(found, considered.asked));
    told.push(("links", links.unwrap_or(Json::List(Vec::new()))));
    if let Some(overflow) = considered.overflow {
        let mut beyond = vec![("exit", overflow.exit().name().into())];
        if let Some((dialled, question, found)) = overflow.beyond() {
            beyond.push((
                "campaign_id",
                dialled
                    .campaign
                    .as_ref()
                    .map_or(Json::Null, |campaign| campaign.id.into()),
            ));
            beyond.extend(steps_beyond.iter().flat_map(|steps| walked(steps)));
            beyond.extend(found.map(|found| ("links", links_of(found, question))));
        }
        told.push(("overflow", Json::Object(beyond)));
    }
    if considered.is_rejected {
        let retry_at = retry_at(&considered);
        told.push(("retry_at", retry_at.map_or(Json::Null, Json::Instant)));
    }
    told.into()
}

/// The earliest instant at which a link lets the call through, and all that it passes before.
fn retry_at(considered: &Considered<'_>) -> Option<i64> {
    let to_any = |asked: &Asked<'_>, before: &[&Dialled], found: Option<&FirstTaker>| {
        let to_come;
        let links = match (found, before.last()) {
            (Some(found), _) => &found.links,
            (None, of) => {
                to_come = of.map(|of| (considered.links_of)(of)).unwrap_or_default();
                &to_come
            }
        };
        let to = |link| {
            pgrx::check_for_interrupts!();
            let before = before.iter().map(|dialled| Pass::Call(dialled));
            opens_at(asked, &before.chain([Pass::Link(link)]).collect::<Vec<_>>())
        };
        links.iter().filter_map(to).min()
    };
    let dialled = considered.dialled?;
    let own = to_any(considered.asked, &[dialled], considered.links);
    let beyond = considered.overflow.and_then(Overflowed::beyond);
    let beyond = beyond.and_then(|(beyond, asked, found)| to_any(asked, &[dialled, beyond], found));
    own.into_iter().chain(beyond).min()
}

/// Every cap of a call and a link that it may go to, those that stop first; behind them what holds longest.
fn all_caps(dialled: Option<&Dialled>, link: Option<&Link>, asked: &Asked<'_>) -> Vec<Json<'static>> {
    let mut known: Vec<(&str, (Cap, Use))> = Vec::new();
    // What more calls share comes first, but for the client: as reasons are told.
    for (subject, capped) in dialled.into_iter().flat_map(|dialled| {
        let mut subjects: Vec<_> = dialled.subjects().collect();
        subjects.reverse();
        subjects
    }) {
        known.extend(caps::of(capped).all(asked).map(|cap| (subject.kind(), cap)));
    }
    if let Some(link) = link {
        known.extend(caps::of_client(link).all(asked).map(|cap| ("client", cap)));
        known.extend(caps::of_link(link).all(asked).map(|cap| ("link", cap)));
    }
    known.sort_by_key(|(_, (cap, used))| (!cap.stops(*used), cap.over as usize));
    let told = known.into_iter().map(|(subject, (cap, used))| {
        // In JSON's own order of names.
        let mut told = vec![
            ("id", cap.id.into()),
            ("used", used.used.into()),
            ("limit", cap.max_calls.into()),
            ("stops", cap.stops(used).into()),
            ("counts", cap.counts.name().into()),
            ("window", cap.over.name().into()),
            ("subject", subject.into()),
            ("enforced", cap.is_enforced.into()),
            ("in_flight", used.in_flight.into()),
        ];
        told.extend(used.resets_at.map(|at| ("resets_at", Json::Instant(at))));
        Json::Object(told)
    });
    told.collect()
}

/// How the question was understood.
fn asked<'a>(asked: &Asked<'a>) -> (&'static str, Json<'a>) {
    let question = vec![
        ("at", Json::Instant(asked.at)),
        ("caller", asked.caller.into()),
        ("node", asked.node.into()),
    ];
    ("asked", Json::Object(question))
}

fn walked(steps: &[Step]) -> Object<'static> {
    let stopped_by = steps.iter().find(|step| step.stops).map(|step| {
        let mut told = tell(step);
        told.push(("freed_by", step.gate.freed_by.name().into()));
        Json::Object(told)
    });
    let gates = steps.iter().map(|step| Json::Object(tell(step))).collect();
    vec![
        ("gates", Json::List(gates)),
        ("stopped_by", stopped_by.unwrap_or(Json::Null)),
    ]
}

fn tell(step: &Step) -> Object<'static> {
    let mut told = vec![("gate", step.gate.name.into())];
    told.extend(step.figures.iter().map(|(name, figure)| {
        let value = match figure {
            Figure::Count(count) => (*count).into(),
            Figure::Instant(micros) => Json::Instant(*micros),
            Figure::Text(text) => text.clone().into(),
        };
        (*name, value)
    }));
    told
}
