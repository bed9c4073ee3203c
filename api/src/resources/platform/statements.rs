//! What the database knows of a platform at work, and of what is wrong with it. `capconduit doctor` asks some of it, too, on a
//! path of its own: so names have their schema.

/// Switches with what they hold. Agents speak every thirty seconds at least, so two minutes are several lists that did not come.
/// Without an agent a switch is judged only while its calls hold room.
macro_rules! nodes {
    () => {
        "(select s.*, \
                 case when greatest(s.heartbeat_at, s.last_call_at) < now() - interval '2 minutes' \
                           and (s.heartbeat_at is not null or s.slots_held > 0) then 'silent' \
                      when s.heartbeat_at is null then 'unwatched' \
                      else 'heard' end as state \
            from (select k.name, k.booted_at, k.heartbeat_at, k.taken_at, k.live_calls, k.last_call_at, \
                         coalesce(c.calls_in_flight, 0) as calls_in_flight, coalesce(c.slots_held, 0) as slots_held \
                    from capconduit.nodes k \
                    left join (select l.node, count(*) as calls_in_flight, \
                                      count(*) filter (where l.holds_slot) as slots_held \
                                 from capconduit.live_calls l group by l.node) c on c.node = k.name) s) n"
    };
}
pub(super) use nodes;

pub const SILENT_NODES: &str = concat!(
    "select n.name, n.slots_held, greatest(n.heartbeat_at, n.last_call_at) as since from ",
    nodes!(),
    " where n.state = 'silent' order by n.slots_held desc, n.name limit 100"
);

/// Which tables calls do not reach directly, or not at all.
pub const TABLES_NOT_DIRECT: &str = "\
    select t.access, format('%s of %s: %s', t.operation, t.table_name, t.reason) as told
      from capconduit.table_access() t where t.access <> 'direct'";

/// The service looks for them every five seconds.
pub const EXPIRED_LEASES: &str = "\
    select count(*), min(l.lease_until) as since
      from capconduit.live_calls l where l.lease_until < now() - interval '30 seconds'";

/// Of the newest 20,000 records those of the last hour: as many are read however many there are.
pub const RECENT_RECORDS: &str = "\
    select count(*) filter (where g.call_status = 'LOST') as lost, count(*) filter (where g.late_excess) as late_excess
      from (select call_status, late_excess, created_at from call_logs order by id desc limit 20000) g
     where g.created_at > now() - interval '1 hour'";

/// Links beyond their total, by records that came late or by a cap that was lowered.
pub const EXCEEDED_TOTALS: &str = "\
    select u.link_id, u.campaign_name, u.client_name, u.counted, u.total_calls_allowed as allowed
      from link_usage_view u
     where u.status = 'active' and u.counted > u.total_calls_allowed
     order by u.link_id
     limit 100";

/// That a client can be reached: by a fixed address, or a registration that has not ended.
macro_rules! contact_of {
    ($client:literal) => {
        concat!(
            "exists (select from pjsip_aors a where a.client_id = ",
            $client,
            ".id and (a.contact is not null or exists (select from pjsip_contacts p where p.endpoint = a.id and p.",
            crate::resources::clients::statements::lasts!(),
            ")))"
        )
    };
}

/// Active clients with active links that can be reached nowhere.
pub const CLIENTS_WITHOUT_CONTACT: &str = concat!(
    "select k.id, k.name, k.client_identifier from clients k \
      where k.status = 'active' \
        and exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id \
                     where s.client_id = k.id and s.status = 'active' and c.status = 'active') \
        and not ",
    contact_of!("k"),
    " order by k.id limit 100"
);

pub const STALE_SEATS: &str = "\
    select k.id, k.name, k.client_identifier, m.seats_until, m.seats_close from meters m join clients k on k.id = m.subject_id
     where m.subject_type = 'client' and m.seats_until <= now() and k.status = 'active'
     order by k.id limit 100";

/// Active campaigns with active numbers of active sellers, none of whose links takes a call before somebody changes something:
/// what the end of a call frees is not looked at.
pub const CAMPAIGNS_WITHOUT_LINK: &str = concat!(
    "select c.id, c.name, u.username from campaigns c join users u on u.id = c.user_id \
      where c.status = 'active' and u.status = 'active' \
        and exists (select from campaign_dids m join dids d on d.id = m.did_id \
                     where m.campaign_id = c.id and d.status = 'active') \
        and not exists (select from campaign_client_settings s \
                          join clients k on k.id = s.client_id \
                          join link_counters n on n.link_id = s.id \
                         where s.campaign_id = c.id and s.status = 'active' and k.status = 'active' \
                           and (s.total_calls_allowed is null or n.total < s.total_calls_allowed) and ",
    contact_of!("k"),
    ") order by c.id limit 100"
);

/// $1 minutes and the one that runs, $2 reason, $3 number, $4 switch. `level` has a bit for each of reason, number and switch that
/// the row is not about; the hundred largest of each.
pub const REJECTS: &str = "\
    with sums as (
        select grouping(r.reason, r.did, r.node) as level, r.reason, r.did, r.node, coalesce(sum(r.calls), 0)::bigint as calls
          from reject_counts r
         where r.minute >= date_trunc('minute', now()) - $1::integer * interval '1 minute'
           and ($2::text is null or r.reason = $2) and ($3::text is null or r.did = $3)
           and ($4::text is null or r.node = $4)
         group by grouping sets ((), (r.reason), (r.did), (r.node))
    ), ranked as (
        select s.*, row_number() over (partition by s.level order by s.calls desc, s.reason, s.did, s.node) as place from sums s
    )
    select r.level, r.reason, r.did, r.node, r.calls, d.id as did_id, d.user_id, u.username
      from ranked r
      left join dids d on d.number = r.did
      left join users u on u.id = d.user_id
     where r.place <= 100
     order by r.level, r.place";

pub const OF_ALL: i32 = 0b111;
pub const BY_REASON: i32 = 0b011;
pub const BY_NUMBER: i32 = 0b101;
pub const BY_NODE: i32 = 0b110;

pub const STAFF_STATEMENTS: &[&str] = &[
    SILENT_NODES,
    TABLES_NOT_DIRECT,
    EXPIRED_LEASES,
    RECENT_RECORDS,
    EXCEEDED_TOTALS,
    CLIENTS_WITHOUT_CONTACT,
    STALE_SEATS,
    CAMPAIGNS_WITHOUT_LINK,
    REJECTS,
];
