//! `capconduit statements`: every statement of the service, by who runs it. A test prepares each against a real database as
//! that role, which checks its names, types and rights, and looks that none is missing here (`api::statements`).

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::access::sessions;
use crate::http::list::{Listed, Statements};
use crate::http::once;
use crate::process::serve::{metrics, upkeep};
use crate::resources::{
    auth, callers, campaigns, capacity, caps, clients, dids, explain, health, internal, links, live, logs,
    numbers, oversight, pauses, platform, schedules, stats, tokens, users,
};
use crate::store::identity::DbRole;

pub fn run() -> Result<ExitCode> {
    let list: Vec<_> = all()
        .into_iter()
        .map(|(role, sql)| json!({"role": role.map(DbRole::name), "sql": sql}))
        .collect();
    println!("{}", serde_json::to_string_pretty(&list)?);
    Ok(ExitCode::SUCCESS)
}

/// None: the service's own login, before it takes on a role.
fn all() -> Vec<(Option<DbRole>, &'static str)> {
    let own = [sessions::STATEMENTS, health::STATEMENTS, upkeep::OWN_STATEMENTS];
    let internal = [
        internal::INTERNAL_STATEMENTS,
        auth::INTERNAL_STATEMENTS,
        auth::password_link::INTERNAL_STATEMENTS,
        upkeep::INTERNAL_STATEMENTS,
        metrics::STATEMENTS,
        once::INTERNAL_STATEMENTS,
        caps::events::INTERNAL_STATEMENTS,
    ];
    let both = [
        auth::USER_STATEMENTS,
        auth::sessions::USER_STATEMENTS,
        auth::second_factor::USER_STATEMENTS,
        tokens::USER_STATEMENTS,
        once::USER_STATEMENTS,
        logs::SELLER_STATEMENTS,
        stats::SELLER_STATEMENTS,
        caps::STATEMENTS,
        callers::STATEMENTS,
        schedules::STATEMENTS,
    ];
    let seller = [
        users::SELLER_STATEMENTS,
        dids::SELLER_STATEMENTS,
        dids::import::SELLER_STATEMENTS,
        links::SELLER_STATEMENTS,
        callers::SELLER_STATEMENTS,
        pauses::operations::SELLER_STATEMENTS,
        explain::SELLER_STATEMENTS,
    ];
    let staff = [
        auth::STAFF_STATEMENTS,
        auth::password_link::STAFF_STATEMENTS,
        auth::second_factor::ADMIN_STATEMENTS,
        users::ADMIN_STATEMENTS,
        clients::STAFF_STATEMENTS,
        capacity::operations::STAFF_STATEMENTS,
        caps::STAFF_STATEMENTS,
        callers::STAFF_STATEMENTS,
        logs::STAFF_STATEMENTS,
        live::STAFF_STATEMENTS,
        explain::STAFF_STATEMENTS,
        numbers::STAFF_STATEMENTS,
        oversight::STAFF_STATEMENTS,
        oversight::look::STAFF_STATEMENTS,
        platform::statements::STAFF_STATEMENTS,
        links::STAFF_STATEMENTS,
        pauses::operations::STAFF_STATEMENTS,
    ];
    let as_role = |role: Option<DbRole>, lists: &[&[&'static str]]| -> Vec<(Option<DbRole>, &'static str)> {
        lists
            .iter()
            .flat_map(|list| list.iter())
            .map(|sql| (role, *sql))
            .collect()
    };
    let listed = |role: DbRole, lists: &[&'static Statements]| -> Vec<(Option<DbRole>, &'static str)> {
        let all = lists.iter().flat_map(|list| list.all());
        all.map(|sql| (Some(role), sql)).collect()
    };
    let seller_lists = [
        dids::list::Dids::statements(),
        campaigns::list::Campaigns::statements(),
        links::list::OwnLinks::statements(),
        caps::list::OwnCaps::statements(),
        callers::list::OwnMarks::statements(),
        schedules::list::OwnSchedules::statements(),
        caps::events::OwnCapEvents::statements(),
        live::list::OwnCalls::statements(),
        auth::sessions::Sessions::statements(),
    ];
    let staff_lists = [
        auth::sessions::Sessions::statements(),
        users::list::Users::statements(),
        clients::list::Clients::statements(),
        links::list::Links::statements(),
        caps::list::Caps::statements(),
        callers::list::Marks::statements(),
        schedules::list::Schedules::statements(),
        caps::events::CapEvents::statements(),
        live::list::Calls::statements(),
        numbers::list::Dids::statements(),
        oversight::list::Campaigns::statements(),
        oversight::audit::Audit::statements(),
        platform::list::Nodes::statements(),
        platform::list::Registrations::statements(),
    ];
    [
        as_role(None, &own),
        as_role(Some(DbRole::Internal), &internal),
        as_role(Some(DbRole::Seller), &both),
        as_role(Some(DbRole::Staff), &both),
        as_role(Some(DbRole::Seller), &seller),
        as_role(Some(DbRole::Seller), campaigns::SELLER_STATEMENTS),
        as_role(Some(DbRole::Staff), &staff),
        listed(DbRole::Seller, &seller_lists),
        listed(DbRole::Staff, &staff_lists),
    ]
    .concat()
}
