//! The statements of /api/admin/clients. One list of columns: a client with its PJSIP objects, secrets left out.

macro_rules! columns {
    () => {
        "c.id, c.client_identifier, c.name, c.department, c.status, c.notes, c.time_zone, c.created_by, \
         c.created_at, c.updated_at, e.id as endpoint_id, e.transport, e.aors, e.auth, e.context, e.disallow, e.allow, e.direct_media, \
         e.outbound_auth, e.from_user, e.from_domain, e.callerid, a.id as aor_id, a.contact, a.max_contacts, \
         a.qualify_frequency, u.id as auth_id, u.auth_type, u.username, u.realm, c.version, c.schedule_id, c.min_seconds_between, c.caller_rules, c.platform_paused_until, \
         c.platform_pause_reason, now() as told_at"
    };
}
pub(super) use columns;

macro_rules! joins {
    () => {
        "left join pjsip_endpoints e on e.client_id = c.id \
         left join pjsip_aors a on a.client_id = c.id \
         left join pjsip_auths u on u.client_id = c.id"
    };
}
pub(super) use joins;

/// Whether a registration has not ended.
macro_rules! lasts {
    () => {
        "expiration_time > extract(epoch from now())"
    };
}
pub(crate) use lasts;

pub const ONE: &str = concat!(
    "select ",
    columns!(),
    " from clients c ",
    joins!(),
    " where c.id = $1"
);
/// Of all its links.
pub const TODAY: &str = "\
    select sum(t.offered)::bigint as today_offered, sum(t.answered)::bigint as today_answered,
           sum(t.qualified)::bigint as today_qualified
      from link_today_view t
      join campaign_client_settings s on s.id = t.link_id
     where s.client_id = $1";
pub const LOCK: &str = "select version from clients where id = $1 for no key update";
/// As the deletion itself locks it.
pub const LOCK_TO_DELETE: &str = "select version from clients where id = $1 for update";
pub const INSERT: &str = "\
    insert into clients (client_identifier, name, department, status, notes, created_by, time_zone, schedule_id,
        min_seconds_between, caller_rules)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id";
pub const UPDATE: &str = "\
    update clients
       set name = coalesce($2, name), status = coalesce($3, status),
           department = case when $5 then $4 else department end,
           notes = case when $7 then $6 else notes end,
           time_zone = coalesce($8, time_zone),
           schedule_id = case when $10 then $9 else schedule_id end,
           min_seconds_between = case when $12 then $11 else min_seconds_between end,
           caller_rules = coalesce($13, caller_rules)
     where id = $1";
pub const DELETE: &str = "delete from clients where id = $1";
pub const ACTIVE_LINKS: &str = "\
    select count(*)
      from campaign_client_settings s
      join campaigns c on c.id = s.campaign_id
     where s.client_id = $1 and s.status = 'active' and c.status = 'active'";
pub const PUT_ENDPOINT: &str = "\
    insert into pjsip_endpoints (client_id, id, transport, aors, auth, context, disallow, allow, direct_media,
        outbound_auth, from_user, from_domain, callerid)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    on conflict (client_id) do update
       set transport = excluded.transport, aors = excluded.aors, auth = excluded.auth, context = excluded.context,
           disallow = excluded.disallow, allow = excluded.allow, direct_media = excluded.direct_media,
           outbound_auth = excluded.outbound_auth, from_user = excluded.from_user,
           from_domain = excluded.from_domain, callerid = excluded.callerid";
pub const PUT_AOR: &str = "\
    insert into pjsip_aors (client_id, id, contact, max_contacts, qualify_frequency) values ($1, $2, $3, $4, $5)
    on conflict (client_id) do update
       set contact = excluded.contact, max_contacts = excluded.max_contacts,
           qualify_frequency = excluded.qualify_frequency";
pub const INSERT_AUTH: &str = "\
    insert into pjsip_auths (client_id, id, auth_type, username, password, md5_cred, realm)
    values ($1, $2, $3, $4, $5, $6, $7)";
pub const SET_SECRET: &str =
    "update pjsip_auths set auth_type = $2, username = $3, password = $4, md5_cred = $5 where client_id = $1";
pub const UPDATE_AUTH: &str = "update pjsip_auths set username = $2, realm = $3 where client_id = $1";
pub const DELETE_AUTH: &str = "delete from pjsip_auths where client_id = $1";

/// How many registrations each of these clients has now.
pub const REGISTRATIONS: &str = concat!(
    "select endpoint, count(*) from pjsip_contacts where endpoint = any ($1) and ",
    lasts!(),
    " group by endpoint"
);

pub const STAFF_STATEMENTS: &[&str] = &[
    REGISTRATIONS,
    ONE,
    TODAY,
    LOCK,
    LOCK_TO_DELETE,
    INSERT,
    UPDATE,
    DELETE,
    ACTIVE_LINKS,
    PUT_ENDPOINT,
    PUT_AOR,
    INSERT_AUTH,
    SET_SECRET,
    UPDATE_AUTH,
    DELETE_AUTH,
];
