//! The model's caps: what each lets through. All that apply must have room.

use super::meters::{SPANS, Subject};
use super::rows::{Micros, Record};
use super::world::World;

/// What a cap is of, what it counts, over what, and who has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capped {
    pub subject: Subject,
    pub counts: &'static str,
    pub over: &'static str,
    pub by: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cap {
    pub most: i64,
    /// Else it only warns.
    pub enforce: bool,
}

pub const COUNTS: [&str; 3] = ["offered", "answered", "qualified"];
/// What holds longest is told first.
pub const OVER: [&str; 6] = ["total", "month", "week", "day", "hour", "concurrent"];

/// The reasons, in the order of `OVER`.
const REASONS: [(&str, [&str; 6]); 5] = [
    (
        "link",
        [
            "link_total_cap",
            "link_month_cap",
            "link_week_cap",
            "link_day_cap",
            "link_hour_cap",
            "link_concurrent_cap",
        ],
    ),
    (
        "client",
        [
            "client_total_cap",
            "client_month_cap",
            "client_week_cap",
            "client_day_cap",
            "client_hour_cap",
            "client_concurrent_cap",
        ],
    ),
    (
        "did",
        [
            "did_total_cap",
            "did_month_cap",
            "did_week_cap",
            "did_day_cap",
            "did_hour_cap",
            "did_concurrent_cap",
        ],
    ),
    (
        "campaign",
        [
            "campaign_total_cap",
            "campaign_month_cap",
            "campaign_week_cap",
            "campaign_day_cap",
            "campaign_hour_cap",
            "campaign_concurrent_cap",
        ],
    ),
    (
        "seller",
        [
            "seller_total_cap",
            "seller_month_cap",
            "seller_week_cap",
            "seller_day_cap",
            "seller_hour_cap",
            "seller_concurrent_cap",
        ],
    ),
];

/// What is used of a cap, with the calls that may still count, and since when.
fn taken(world: &World, capped: &Capped, at: Micros) -> (i64, Option<Micros>) {
    let Some(meter) = world.rows.meters.get(&capped.subject) else {
        return (0, None);
    };
    if capped.over == "concurrent" {
        return (meter.life.active, None);
    }
    let span = SPANS.into_iter().find(|span| *span == capped.over);
    let window = span.map(|span| world.present_window(capped.subject, span, at));
    let used = window.as_ref().map_or(meter.life, |window| window.used);
    let in_flight = used.active + used.unsettled;
    let taken = match capped.counts {
        "offered" => used.offered,
        "answered" => used.answered + in_flight,
        _ => used.qualified + in_flight,
    };
    (taken, window.map(|window| window.start))
}

/// Why a subject takes no call: by the caps of one world, and what is used in another.
fn reason(caps: &World, used: &World, subject: Subject, over: &str, at: Micros) -> Option<&'static str> {
    let is_full = caps.caps.iter().any(|(capped, cap)| {
        (capped.subject, capped.over) == (subject, over)
            && cap.enforce
            && taken(used, capped, at).0 >= cap.most
    });
    let reasons = REASONS.iter().find(|(kind, _)| *kind == subject.kind());
    let place = OVER.iter().position(|other| *other == over);
    is_full.then(|| reasons.expect("a kind").1[place.expect("a window")])
}

/// The first reason over one window, of these in their order.
pub fn stops(world: &World, subjects: &[Subject], over: &str, at: Micros) -> Option<&'static str> {
    let reasons = subjects
        .iter()
        .map(|subject| reason(world, world, *subject, over, at));
    reasons.flatten().next()
}

/// Whether all that apply let a call through.
pub fn let_through(caps: &World, used: &World, subjects: &[Subject], at: Micros) -> bool {
    let full = |subject: &Subject| {
        OVER.iter()
            .any(|over| reason(caps, used, *subject, over, at).is_some())
    };
    !subjects.iter().any(full)
}

/// Whether a record that nothing was reserved for lies beyond a cap.
pub fn is_beyond(world: &World, record: &Record, at: Micros) -> bool {
    let subjects = [
        record.parties.link.map(Subject::Link),
        record.parties.client.map(Subject::Client),
        record.parties.did.map(Subject::Did),
        record.parties.campaign.map(Subject::Campaign),
        record.overflow.from.map(Subject::Campaign),
        record.parties.user.map(Subject::Seller),
    ];
    world.caps.iter().any(|(capped, cap)| {
        let (taken, since) = taken(world, capped, at);
        subjects.contains(&Some(capped.subject))
            && cap.enforce
            && capped.counts != "offered"
            && taken > cap.most
            && (capped.counts == "answered" || record.qualified)
            && since.is_none_or(|since| since <= record.started_at)
    })
}
