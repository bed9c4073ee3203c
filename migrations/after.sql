-- Views, row level security and grants: everything that can be stated whole and again. `capconduit migrate`
-- runs this after the numbered migrations, in one transaction, whenever it or they changed.

------------------------------------------------------------------------------------------------------------
-- What a switch may see: Asterisk's own names and value syntax, active clients only. `;` splits a realtime
-- value and `^` escapes, so both are written as Asterisk decodes them.
------------------------------------------------------------------------------------------------------------

-- A switch asks by one id, in a statement that is planned each time. Planning a join of two tables takes longer than all else: so a
-- client's status is asked in a subquery, which is planned by itself.

-- Each endpoint has two rows: one under its own id, one under its settings_id, for a switch whose cache holds older settings.
-- The second row is returned only to a statement that asks for one id. A list must not have it: Asterisk creates an object for
-- every endpoint of a list.
create or replace view asterisk.ps_endpoints as
select e.id, e.transport, e.aors, e.auth, e.context, e.disallow, e.allow, e.direct_media, e.outbound_auth,
       e.from_user, e.from_domain, replace(replace(e.callerid, '^', '^5E'), ';', '^3B') as callerid,
       -- An endpoint without `auth` would match any stranger who puts its name in From.
       case when e.auth is null then 'ip' else 'auth_username,username' end as identify_by,
       'no'::text as allow_transfer,
       'uri_core'::text as redirect_method,
       'yes'::text as rtp_symmetric,
       'yes'::text as force_rport,
       'yes'::text as rewrite_contact,
       -- A call center that vanishes without BYE ends the call within these bounds.
       30 as rtp_timeout,
       300 as rtp_timeout_hold,
       'yes'::text as timers,
       -- Where from_user takes the caller's place in From, P-Asserted-Identity has the number all the same; never a
       -- withheld one. No updates of it during the call: for them there is no reason, and not everybody takes them.
       'yes'::text as send_pai,
       'no'::text as send_connected_line,
       -- A variable of every channel to this endpoint: the settings with which Asterisk created the channel.
       'CC_SETTINGS_ID=' || e.settings_id as set_var
  from (select p.id, p.client_id, p.transport, p.aors, p.auth, p.context, p.disallow, p.allow, p.direct_media,
               p.outbound_auth, p.from_user, p.from_domain, p.callerid, p.settings_id
          from capconduit.pjsip_endpoints p
        union all
        select p.settings_id, p.client_id, p.transport, p.aors, p.auth, p.context, p.disallow, p.allow, p.direct_media,
               p.outbound_auth, p.from_user, p.from_domain, p.callerid, p.settings_id
          from capconduit.pjsip_endpoints p where current_query() ~* 'where id *=') e
 where (select c.status from capconduit.clients c where c.id = e.client_id) = 'active';

create or replace view asterisk.ps_aors as
select a.id, replace(replace(a.contact, '^', '^5E'), ';', '^3B') as contact, a.max_contacts, a.qualify_frequency,
       'yes'::text as remove_existing
  from capconduit.pjsip_aors a
 where (select c.status from capconduit.clients c where c.id = a.client_id) = 'active';

create or replace view asterisk.ps_auths as
select u.id, u.auth_type, replace(replace(u.username, '^', '^5E'), ';', '^3B') as username,
       replace(replace(u.password, '^', '^5E'), ';', '^3B') as password, u.md5_cred,
       replace(replace(u.realm, '^', '^5E'), ';', '^3B') as realm
  from capconduit.pjsip_auths u
 where (select c.status from capconduit.clients c where c.id = u.client_id) = 'active';

create or replace view asterisk.ps_contacts as
select id, uri, expiration_time, qualify_frequency, outbound_proxy, path, user_agent, qualify_timeout, reg_server,
       authenticate_qualify, via_addr, via_port, call_id, endpoint, prune_on_boot, qualify_2xx_only
  from capconduit.pjsip_contacts
 -- Asterisk reads the registrations of AOR a_b with `id LIKE 'a_b^3B@%'`, and `_` matches any character: without this filter
 -- call center a_b gets the calls of a-b, and its REGISTER removes that of a-b. The statement must contain the AOR's own name.
 where strpos(current_query(), '^3B@%''') = 0
    or strpos(current_query(), '''' || left(id, strpos(id, '^3B@') - 1) || '^3B@%''') > 0;

------------------------------------------------------------------------------------------------------------
-- Views for people. security_invoker: whoever asks sees the rows of their own policies.
------------------------------------------------------------------------------------------------------------

create or replace view live_calls_view with (security_invoker = true) as
select l.uniqueid, l.linkedid, l.node, l.user_id, l.campaign_id, c.name as campaign_name, l.did_id, l.did_number,
       l.link_id, l.client_id, k.client_identifier, k.name as client_name, l.holds_slot, l.attempt,
       l.caller_number, l.caller_name, l.routed_at, l.attempt_at, l.answered_at,
       case when l.end_reason is not null then 'ending' when l.answered_at is null then 'ringing' else 'talking' end
           as phase,
       l.lease_until, l.absent_since, l.decision
  from live_calls l
  left join campaigns c on c.id = l.campaign_id
  left join clients k on k.id = l.client_id;

create or replace view late_excess_view with (security_invoker = true) as
select g.id, g.asterisk_uniqueid, g.user_id, g.campaign_id, g.link_id, g.client_id, g.timestamp_start,
       g.timestamp_end, g.created_at, s.total_calls_allowed, n.total as counted
  from call_logs g
  left join campaign_client_settings s on s.id = g.link_id
  left join link_counters n on n.link_id = g.link_id
 where g.late_excess;

create or replace view link_usage_view with (security_invoker = true) as
select s.id as link_id, s.campaign_id, c.user_id, c.name as campaign_name, s.client_id, k.client_identifier,
       k.name as client_name, s.status, n.active, s.max_concurrency, n.total as counted, s.total_calls_allowed,
       case when s.total_calls_allowed is not null then greatest(s.total_calls_allowed - n.total - n.active, 0) end
           as remaining,
       s.version,
       -- Near: three quarters of either cap are used.
       case when n.active >= s.max_concurrency or n.total + n.active >= s.total_calls_allowed then 'full'
            when n.active * 4 >= s.max_concurrency * 3::bigint
                or (n.total + n.active)::numeric * 4 >= s.total_calls_allowed::numeric * 3 then 'near'
            else 'open' end as room,
       s.paused_until, s.pause_reason, s.platform_paused_until, s.platform_pause_reason,
       s.forwarding_priority, s.weight, s.min_seconds_between, s.qualify_seconds, s.schedule_id, s.caller_rules
  from campaign_client_settings s
  join campaigns c on c.id = s.campaign_id
  join clients k on k.id = s.client_id
  join link_counters n on n.link_id = s.id;

-- What the windows of links count, by row: what they are compared with. Of a call closed as LOST its outcome is open still, where
-- that would change what it counts.
create or replace view window_calls_view with (security_invoker = true) as
select 'call_attempts' as source, a.uniqueid, a.link_id, a.started_at as reserved_at, 0 as in_flight, 1 as offered, 0 as answered, 0 as qualified,
       a.client_id
  from call_attempts a
union all
select 'live_calls', l.uniqueid, l.link_id, l.attempt_at, 1, 1, 0, 0, l.client_id
  from live_calls l
 where l.holds_slot
union all
select 'call_logs', g.asterisk_uniqueid, g.link_id, coalesce(g.reserved_at, least(g.timestamp_start, g.created_at)),
       u.unsettled::integer, (g.reserved_at is not null)::integer,
       (g.counted and not u.unsettled)::integer, (g.qualified and not u.unsettled)::integer, g.client_id
  from call_logs g,
       lateral (select g.call_status = 'LOST' and g.reserved_at is not null
                       and not (g.counted and g.qualified)) u (unsettled)
 where g.reserved_at is not null or g.counted;

-- What meters of numbers, campaigns and sellers count, by row: each call once, at its first reservation, which is that of its first
-- attempt, if that one failed.
create or replace view metered_calls_view with (security_invoker = true) as
select 'live_calls' as source, l.uniqueid, l.user_id, l.campaign_id, l.did_id, coalesce(a.started_at, l.attempt_at) as reserved_at,
       l.holds_slot::integer as in_flight, 1 as offered, 0 as answered, 0 as qualified, l.overflowed_from, l.overflowed_at
  from live_calls l
  left join call_attempts a on (a.uniqueid, a.attempt) = (l.uniqueid, 1)
union all
select 'call_logs', g.asterisk_uniqueid, g.user_id, g.campaign_id, g.did_id,
       coalesce(a.started_at, g.reserved_at, least(g.timestamp_start, g.created_at)), u.unsettled::integer,
       (g.reserved_at is not null or a.uniqueid is not null)::integer,
       (g.counted and not u.unsettled)::integer, (g.qualified and not u.unsettled)::integer, g.overflowed_from, g.overflowed_at
  from call_logs g
  left join call_attempts a on (a.uniqueid, a.attempt) = (g.asterisk_uniqueid, 1),
       lateral (select g.call_status = 'LOST' and g.reserved_at is not null
                       and not (g.counted and g.qualified)) u (unsettled)
 where g.reserved_at is not null or g.counted or a.uniqueid is not null;

-- The same by what counts it. A call that went to another campaign counts in both: in the second one from its first slot there.
create or replace view subject_calls_view with (security_invoker = true) as
select c.source, c.uniqueid, c.user_id, s.subject_type, s.subject_id, s.reserved_at, c.in_flight, c.offered, c.answered, c.qualified
  from metered_calls_view c,
       lateral (values ('did', c.did_id, c.reserved_at),
                       ('campaign', c.campaign_id, coalesce(c.overflowed_at, c.reserved_at)),
                       ('campaign', c.overflowed_from, c.reserved_at),
                       ('seller', c.user_id, c.reserved_at)) s (subject_type, subject_id, reserved_at)
 where s.subject_id is not null;

-- Caps with what is used of them now. A window whose end is over has used nothing, whatever its row says.
create or replace view caps_view with (security_invoker = true) as
select c.id, c.link_id, c.campaign_id, c.campaign_name, c.user_id, c.client_id, c.client_identifier, c.client_name, c.counts, c.span,
       c.max_calls, c.set_by, c.enforce, u.used, u.in_flight, greatest(c.max_calls - u.used - u.in_flight, 0) as remaining,
       p.starts_at,
       -- None where somebody has set one that no calendar has.
       case when p.ends_at < '9999-01-01' then p.ends_at end as resets_at, c.time_zone, c.note, c.created_by, c.created_at, c.updated_at, c.version,
       c.subject_type, c.subject_id, c.subject_name, c.did_id
  from (select 'link' as subject_type, c.link_id as subject_id, concat_ws(' – ', m.name, k.name) as subject_name,
               c.id, c.link_id, s.campaign_id, m.name as campaign_name, m.user_id, s.client_id,
               k.client_identifier, k.name as client_name, null::bigint as did_id, k.time_zone, c.counts, c.span, c.max_calls, c.set_by,
               c.enforce, c.note, c.created_by, c.created_at, c.updated_at, c.version,
               n.active, n.unsettled, n.offered, n.answered, n.qualified,
               w.starts_at as was_from, w.ends_at as was_until, w.time_zone as was_zone, w.active as was_active,
               w.unsettled as was_unsettled, w.offered as was_offered, w.answered as was_answered, w.qualified as was_qualified
          from caps c
          join campaign_client_settings s on s.id = c.link_id
          join campaigns m on m.id = s.campaign_id
          join clients k on k.id = s.client_id
          join link_counters n on n.link_id = c.link_id
          left join link_windows w on w.link_id = c.link_id and w.span = c.span
        union all
        select t.subject_type, t.subject_id, coalesce(k.name, d.number, m.name, v.username),
               c.id, null, c.campaign_id, m.name, v.id, c.client_id,
               k.client_identifier, k.name, c.did_id, coalesce(k.time_zone, v.time_zone), c.counts, c.span, c.max_calls, c.set_by,
               c.enforce, c.note, c.created_by, c.created_at, c.updated_at, c.version,
               coalesce(n.active, 0), coalesce(n.unsettled, 0), coalesce(n.offered, 0), coalesce(n.answered, 0), coalesce(n.qualified, 0),
               w.starts_at, w.ends_at, w.time_zone, w.active, w.unsettled, w.offered, w.answered, w.qualified
          from caps c
          join lateral (values ('client', c.client_id), ('did', c.did_id), ('campaign', c.campaign_id), ('seller', c.user_id))
               t (subject_type, subject_id) on t.subject_id is not null
          left join clients k on k.id = c.client_id
          left join dids d on d.id = c.did_id
          left join campaigns m on m.id = c.campaign_id
          left join users v on v.id = coalesce(c.user_id, d.user_id, m.user_id)
          left join meters n on (n.subject_id, n.subject_type) = (t.subject_id, t.subject_type)
          left join meter_windows w on w.meter_id = n.id and w.span = c.span) c,
       lateral present_window(c.span, now(), c.time_zone, c.was_from, c.was_until, c.was_zone) p,
       -- What the counters for life have more than the window's mark, where it goes on.
       lateral (select c.span = 'total' or c.was_from = p.starts_at as goes_on) g,
       lateral (select case when c.span = 'concurrent' then c.active
                            when not coalesce(g.goes_on, false) then 0
                            when c.counts = 'offered' then c.offered - coalesce(c.was_offered, 0)
                            when c.counts = 'answered' then c.answered - coalesce(c.was_answered, 0)
                            else c.qualified - coalesce(c.was_qualified, 0) end as used,
                       case when c.span = 'concurrent' or c.counts = 'offered' or not coalesce(g.goes_on, false) then 0
                            else c.active + c.unsettled - coalesce(c.was_active + c.was_unsettled, 0) end as in_flight) u;

-- What is marked of callers, with what it is of.
create or replace view callers_view with (security_invoker = true) as
select m.id, t.scope, coalesce(m.link_id, m.client_id, m.campaign_id, m.user_id) as scope_id,
       case t.scope when 'link' then concat_ws(' – ', c.name, k.name) when 'client' then k.name
                    when 'campaign' then c.name when 'seller' then v.username end as scope_name,
       v.id as user_id, c.id as campaign_id, m.link_id, k.id as client_id,
       m.caller, m.kind, m.until, m.source, m.note, m.created_by, b.username as created_by_name, m.at,
       m.after, m.taken_by
  from caller_marks m
 cross join lateral (values (case when m.link_id is not null then 'link' when m.client_id is not null then 'client'
                                  when m.campaign_id is not null then 'campaign' when m.user_id is not null then 'seller'
                                  else 'platform' end)) t (scope)
  left join campaign_client_settings s on s.id = m.link_id
  left join clients k on k.id = coalesce(m.client_id, s.client_id)
  left join campaigns c on c.id = coalesce(m.campaign_id, s.campaign_id)
  left join users v on v.id = coalesce(m.user_id, c.user_id)
  left join users b on b.id = m.created_by
 where m.until is null or m.until > now();

-- What links have used of their client's day.
create or replace view link_today_view with (security_invoker = true) as
select n.link_id, n.offered - w.offered as offered, n.answered - w.answered as answered, n.qualified - w.qualified as qualified
  from link_counters n
  join campaign_client_settings s on s.id = n.link_id
  join clients k on k.id = s.client_id
  join link_windows w on w.link_id = n.link_id and w.span = 'day'
  join lateral present_window('day', now(), k.time_zone, w.starts_at, w.ends_at, w.time_zone) p on p.starts_at = w.starts_at;

create or replace view rejects_view with (security_invoker = true) as
select r.minute, r.reason, r.did, r.node, sum(r.calls)::bigint as calls
  from reject_counts r
 group by r.minute, r.reason, r.did, r.node;

-- Empty when nothing is on the tables but ours.
create or replace view table_access_view with (security_invoker = true) as
select table_name, operation, access, reason from table_access() where access <> 'direct' or reason is not null;

------------------------------------------------------------------------------------------------------------
-- Row level security. One policy per table, role and command: two permissive ones would be ORed, and lose the
-- index. The owner is not bound by it (the call functions run as the owner).
------------------------------------------------------------------------------------------------------------

alter table users enable row level security;
alter table sessions enable row level security;
alter table login_networks enable row level security;
alter table password_links enable row level security;
alter table second_factors enable row level security;
alter table idempotency_keys enable row level security;
alter table api_tokens enable row level security;
alter table clients enable row level security;
alter table pjsip_endpoints enable row level security;
alter table pjsip_aors enable row level security;
alter table pjsip_auths enable row level security;
alter table pjsip_contacts enable row level security;
alter table dids enable row level security;
alter table campaigns enable row level security;
alter table campaign_dids enable row level security;
alter table campaign_client_settings enable row level security;
alter table link_counters enable row level security;
alter table link_windows enable row level security;
alter table schedules enable row level security;
alter table caps enable row level security;
alter table caller_marks enable row level security;
alter table caller_calls enable row level security;
alter table cap_events enable row level security;
alter table link_adjustments enable row level security;
alter table meters enable row level security;
alter table meter_windows enable row level security;
alter table meter_adjustments enable row level security;
alter table gone_links enable row level security;
alter table live_calls enable row level security;
alter table call_logs enable row level security;
alter table call_attempts enable row level security;
alter table nodes enable row level security;
alter table hearing enable row level security;
alter table link_excess enable row level security;
alter table audit_log enable row level security;
alter table reject_counts enable row level security;

-- Sellers: their own rows. (select …) makes the identity one init plan, so the index condition stays.
drop policy if exists users_seller on users;
create policy users_seller on users for select to capconduit_seller
    using (id = (select session_user_id()));
-- Of its own row what is granted below.
drop policy if exists users_seller_update on users;
create policy users_seller_update on users for update to capconduit_seller
    using (id = (select session_user_id()));
drop policy if exists sessions_seller on sessions;
create policy sessions_seller on sessions to capconduit_seller using (user_id = (select session_user_id()));
drop policy if exists second_factors_seller on second_factors;
create policy second_factors_seller on second_factors for select to capconduit_seller using (user_id = (select session_user_id()));
drop policy if exists api_tokens_seller on api_tokens;
create policy api_tokens_seller on api_tokens to capconduit_seller
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
drop policy if exists idempotency_keys_seller on idempotency_keys;
create policy idempotency_keys_seller on idempotency_keys to capconduit_seller
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
drop policy if exists clients_seller on clients;
create policy clients_seller on clients for select to capconduit_seller using (true);
drop policy if exists dids_seller on dids;
create policy dids_seller on dids to capconduit_seller
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
-- The platform's are seen, and changed by staff alone.
drop policy if exists schedules_seller on schedules;
create policy schedules_seller on schedules for select to capconduit_seller
    using (user_id is null or user_id = (select session_user_id()));
drop policy if exists schedules_seller_insert on schedules;
create policy schedules_seller_insert on schedules for insert to capconduit_seller
    with check (user_id = (select session_user_id()));
drop policy if exists schedules_seller_update on schedules;
create policy schedules_seller_update on schedules for update to capconduit_seller
    using (user_id = (select session_user_id()));
drop policy if exists schedules_seller_delete on schedules;
create policy schedules_seller_delete on schedules for delete to capconduit_seller
    using (user_id = (select session_user_id()));
drop policy if exists campaigns_seller on campaigns;
create policy campaigns_seller on campaigns to capconduit_seller
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
-- Both parents must be the seller's own: a foreign DID cannot be attached.
drop policy if exists campaign_dids_seller on campaign_dids;
create policy campaign_dids_seller on campaign_dids to capconduit_seller
    using (exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id())))
    with check (exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id()))
        and exists (select from dids d where d.id = did_id and d.user_id = (select session_user_id())));
drop policy if exists campaign_client_settings_seller on campaign_client_settings;
create policy campaign_client_settings_seller on campaign_client_settings to capconduit_seller
    using (exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id())))
    with check (exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id())));
drop policy if exists link_counters_seller on link_counters;
create policy link_counters_seller on link_counters for select to capconduit_seller
    using (exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                    where s.id = link_id and c.user_id = (select session_user_id())));
drop policy if exists link_windows_seller on link_windows;
create policy link_windows_seller on link_windows for select to capconduit_seller
    using (exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                    where s.id = link_id and c.user_id = (select session_user_id())));
-- What uses them of the own numbers, campaigns and of oneself. A client's tells of other sellers: no policy, so no row.
drop policy if exists meters_seller on meters;
create policy meters_seller on meters for select to capconduit_seller using (owner_id = (select session_user_id()));
drop policy if exists meter_windows_seller on meter_windows;
create policy meter_windows_seller on meter_windows for select to capconduit_seller
    using (exists (select from meters m where m.id = meter_id and m.owner_id = (select session_user_id())));
-- The platform's are seen, and changed by staff alone.
drop policy if exists caps_seller on caps;
create policy caps_seller on caps for select to capconduit_seller
    using (user_id = (select session_user_id())
           or exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                       where s.id = link_id and c.user_id = (select session_user_id()))
           or exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id()))
           or exists (select from dids d where d.id = did_id and d.user_id = (select session_user_id())));
drop policy if exists caps_seller_insert on caps;
create policy caps_seller_insert on caps for insert to capconduit_seller
    with check (set_by = 'seller'
           and (user_id = (select session_user_id())
                or exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                            where s.id = link_id and c.user_id = (select session_user_id()))
                or exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id()))
                or exists (select from dids d where d.id = did_id and d.user_id = (select session_user_id()))));
drop policy if exists caps_seller_update on caps;
create policy caps_seller_update on caps for update to capconduit_seller
    using (set_by = 'seller'
           and (user_id = (select session_user_id())
                or exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                            where s.id = link_id and c.user_id = (select session_user_id()))
                or exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id()))
                or exists (select from dids d where d.id = did_id and d.user_id = (select session_user_id()))));
drop policy if exists caps_seller_delete on caps;
create policy caps_seller_delete on caps for delete to capconduit_seller
    using (set_by = 'seller'
           and (user_id = (select session_user_id())
                or exists (select from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                            where s.id = link_id and c.user_id = (select session_user_id()))
                or exists (select from campaigns c where c.id = campaign_id and c.user_id = (select session_user_id()))
                or exists (select from dids d where d.id = did_id and d.user_id = (select session_user_id()))));
-- Its own scopes'; what its calls have left it may take away, and writes none.
drop policy if exists caller_marks_seller on caller_marks;
create policy caller_marks_seller on caller_marks to capconduit_seller
    using (user_id = (select session_user_id())
           or campaign_id in (select c.id from campaigns c where c.user_id = (select session_user_id()))
           or link_id in (select s.id from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                           where c.user_id = (select session_user_id())))
    with check (kind <> 'seen' and created_by is not distinct from (select session_user_id())
           and (user_id = (select session_user_id())
                or campaign_id in (select c.id from campaigns c where c.user_id = (select session_user_id()))
                or link_id in (select s.id from campaign_client_settings s join campaigns c on c.id = s.campaign_id
                                where c.user_id = (select session_user_id()))));
drop policy if exists cap_events_seller on cap_events;
create policy cap_events_seller on cap_events for select to capconduit_seller
    using (user_id = (select session_user_id()));
drop policy if exists live_calls_seller on live_calls;
create policy live_calls_seller on live_calls for select to capconduit_seller
    using (user_id = (select session_user_id()));
-- Not as an init plan: the planner could not look at its value, would take every seller for an average one, and read a
-- large seller's whole history in search of one campaign's calls. Written out, because only that is cheap per row.
drop policy if exists call_logs_seller on call_logs;
create policy call_logs_seller on call_logs for select to capconduit_seller
    using (user_id = nullif(current_setting('capconduit.user_id', true), '')::bigint);
drop policy if exists call_attempts_seller on call_attempts;
create policy call_attempts_seller on call_attempts for select to capconduit_seller
    using (user_id = (select session_user_id()));

-- Staff and admins: every row of what their role is granted below; only an admin changes users.
drop policy if exists users_staff on users;
create policy users_staff on users for select to capconduit_staff using (true);
drop policy if exists users_admin_insert on users;
create policy users_admin_insert on users for insert to capconduit_staff
    with check ((select current_setting('capconduit.user_role', true)) = 'admin');
drop policy if exists users_admin_update on users;
create policy users_admin_update on users for update to capconduit_staff
    using ((select current_setting('capconduit.user_role', true)) = 'admin');
drop policy if exists users_admin_delete on users;
create policy users_admin_delete on users for delete to capconduit_staff
    using ((select current_setting('capconduit.user_role', true)) = 'admin');
drop policy if exists sessions_staff on sessions;
create policy sessions_staff on sessions to capconduit_staff using (user_id = (select session_user_id()));
drop policy if exists password_links_admin on password_links;
create policy password_links_admin on password_links to capconduit_staff
    using ((select current_setting('capconduit.user_role', true)) = 'admin');
drop policy if exists second_factors_staff on second_factors;
create policy second_factors_staff on second_factors for select to capconduit_staff using (true);
-- Of a user who has lost it. One's own goes with a code.
drop policy if exists second_factors_admin_delete on second_factors;
create policy second_factors_admin_delete on second_factors for delete to capconduit_staff
    using ((select current_setting('capconduit.user_role', true)) = 'admin' and user_id <> (select session_user_id()));
drop policy if exists api_tokens_staff on api_tokens;
create policy api_tokens_staff on api_tokens to capconduit_staff
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
drop policy if exists idempotency_keys_staff on idempotency_keys;
create policy idempotency_keys_staff on idempotency_keys to capconduit_staff
    using (user_id = (select session_user_id())) with check (user_id = (select session_user_id()));
drop policy if exists clients_staff on clients;
create policy clients_staff on clients to capconduit_staff using (true) with check (true);
drop policy if exists pjsip_endpoints_staff on pjsip_endpoints;
create policy pjsip_endpoints_staff on pjsip_endpoints to capconduit_staff using (true) with check (true);
drop policy if exists pjsip_aors_staff on pjsip_aors;
create policy pjsip_aors_staff on pjsip_aors to capconduit_staff using (true) with check (true);
drop policy if exists pjsip_auths_staff on pjsip_auths;
create policy pjsip_auths_staff on pjsip_auths to capconduit_staff using (true) with check (true);
drop policy if exists pjsip_contacts_staff on pjsip_contacts;
create policy pjsip_contacts_staff on pjsip_contacts for select to capconduit_staff using (true);
drop policy if exists dids_staff on dids;
create policy dids_staff on dids to capconduit_staff using (true) with check (true);
drop policy if exists schedules_staff on schedules;
create policy schedules_staff on schedules for select to capconduit_staff using (true);
drop policy if exists schedules_staff_insert on schedules;
create policy schedules_staff_insert on schedules for insert to capconduit_staff with check (user_id is null);
drop policy if exists schedules_staff_update on schedules;
create policy schedules_staff_update on schedules for update to capconduit_staff using (user_id is null);
drop policy if exists schedules_staff_delete on schedules;
create policy schedules_staff_delete on schedules for delete to capconduit_staff using (user_id is null);
drop policy if exists campaigns_staff on campaigns;
create policy campaigns_staff on campaigns to capconduit_staff using (true) with check (true);
drop policy if exists campaign_dids_staff on campaign_dids;
create policy campaign_dids_staff on campaign_dids to capconduit_staff using (true) with check (true);
drop policy if exists campaign_client_settings_staff on campaign_client_settings;
create policy campaign_client_settings_staff on campaign_client_settings to capconduit_staff
    using (true) with check (true);
drop policy if exists link_counters_staff on link_counters;
create policy link_counters_staff on link_counters for select to capconduit_staff using (true);
drop policy if exists caps_staff on caps;
create policy caps_staff on caps for select to capconduit_staff using (true);
drop policy if exists caps_staff_insert on caps;
create policy caps_staff_insert on caps for insert to capconduit_staff with check (set_by = 'platform');
drop policy if exists caps_staff_update on caps;
create policy caps_staff_update on caps for update to capconduit_staff using (set_by = 'platform');
drop policy if exists caps_staff_delete on caps;
create policy caps_staff_delete on caps for delete to capconduit_staff using (set_by = 'platform');
-- All are seen; the platform's own and those of clients are changed.
drop policy if exists caller_marks_staff on caller_marks;
create policy caller_marks_staff on caller_marks for select to capconduit_staff using (true);
drop policy if exists caller_marks_staff_insert on caller_marks;
create policy caller_marks_staff_insert on caller_marks for insert to capconduit_staff
    with check (num_nonnulls(user_id, campaign_id, link_id) = 0 and kind <> 'seen');
drop policy if exists caller_marks_staff_update on caller_marks;
create policy caller_marks_staff_update on caller_marks for update to capconduit_staff
    using (num_nonnulls(user_id, campaign_id, link_id) = 0 and kind <> 'seen');
drop policy if exists caller_marks_staff_delete on caller_marks;
create policy caller_marks_staff_delete on caller_marks for delete to capconduit_staff
    using (num_nonnulls(user_id, campaign_id, link_id) = 0);
drop policy if exists cap_events_staff on cap_events;
create policy cap_events_staff on cap_events for select to capconduit_staff using (true);
drop policy if exists link_windows_staff on link_windows;
create policy link_windows_staff on link_windows for select to capconduit_staff using (true);
drop policy if exists link_adjustments_staff on link_adjustments;
create policy link_adjustments_staff on link_adjustments for select to capconduit_staff using (true);
drop policy if exists meters_staff on meters;
create policy meters_staff on meters for select to capconduit_staff using (true);
drop policy if exists meter_windows_staff on meter_windows;
create policy meter_windows_staff on meter_windows for select to capconduit_staff using (true);
drop policy if exists meter_adjustments_staff on meter_adjustments;
create policy meter_adjustments_staff on meter_adjustments for select to capconduit_staff using (true);
drop policy if exists live_calls_staff on live_calls;
create policy live_calls_staff on live_calls for select to capconduit_staff using (true);
drop policy if exists call_logs_staff on call_logs;
create policy call_logs_staff on call_logs for select to capconduit_staff using (true);
drop policy if exists call_attempts_staff on call_attempts;
create policy call_attempts_staff on call_attempts for select to capconduit_staff using (true);
drop policy if exists nodes_staff on nodes;
create policy nodes_staff on nodes for select to capconduit_staff using (true);
drop policy if exists hearing_staff on hearing;
create policy hearing_staff on hearing for select to capconduit_staff using (true);
drop policy if exists reject_counts_staff on reject_counts;
create policy reject_counts_staff on reject_counts for select to capconduit_staff using (true);
drop policy if exists link_excess_staff on link_excess;
create policy link_excess_staff on link_excess for select to capconduit_staff using (true);
drop policy if exists audit_log_staff on audit_log;
create policy audit_log_staff on audit_log for select to capconduit_staff using (true);
-- Whoever has logged in says so, of nobody else and nothing else.
drop policy if exists audit_log_login on audit_log;
create policy audit_log_login on audit_log for insert to capconduit_staff
    with check (action = 'login' and user_id = (select session_user_id()) and object_type = 'users' and db_role = session_user
        and (object_id = (select session_user_id())::text
             -- Whoever looks at a seller's console says so: who, at whose.
             or after ? 'looks_as' and exists (select from users u where u.id::text = object_id and u.role = 'user')));

-- The internal API: a dry run reads the routing configuration; everything else goes through the call functions.
drop policy if exists idempotency_keys_internal on idempotency_keys;
create policy idempotency_keys_internal on idempotency_keys to capconduit_internal using (true);
-- Nobody has logged in where a login failed.
drop policy if exists audit_log_internal on audit_log;
create policy audit_log_internal on audit_log for insert to capconduit_internal
    with check (action = 'login_failed' and user_id is null and object_type = 'users' and db_role = session_user);
-- Whoever presents a link is nobody yet.
drop policy if exists password_links_internal on password_links;
create policy password_links_internal on password_links for select to capconduit_internal using (expires_at > now());
drop policy if exists dids_internal on dids;
create policy dids_internal on dids for select to capconduit_internal using (true);
drop policy if exists campaigns_internal on campaigns;
create policy campaigns_internal on campaigns for select to capconduit_internal using (true);
drop policy if exists campaign_client_settings_internal on campaign_client_settings;
create policy campaign_client_settings_internal on campaign_client_settings for select to capconduit_internal
    using (true);
drop policy if exists clients_internal on clients;
create policy clients_internal on clients for select to capconduit_internal using (true);
drop policy if exists pjsip_endpoints_internal on pjsip_endpoints;
create policy pjsip_endpoints_internal on pjsip_endpoints for select to capconduit_internal using (true);
drop policy if exists pjsip_aors_internal on pjsip_aors;
create policy pjsip_aors_internal on pjsip_aors for select to capconduit_internal using (true);
-- The service itself notes which caps fill.
drop policy if exists users_internal on users;
create policy users_internal on users for select to capconduit_internal using (true);
drop policy if exists caps_internal on caps;
create policy caps_internal on caps for select to capconduit_internal using (true);
drop policy if exists link_counters_internal on link_counters;
create policy link_counters_internal on link_counters for select to capconduit_internal using (true);
drop policy if exists link_windows_internal on link_windows;
create policy link_windows_internal on link_windows for select to capconduit_internal using (true);
drop policy if exists meters_internal on meters;
create policy meters_internal on meters for select to capconduit_internal using (true);
drop policy if exists meter_windows_internal on meter_windows;
create policy meter_windows_internal on meter_windows for select to capconduit_internal using (true);
drop policy if exists cap_events_internal on cap_events;
create policy cap_events_internal on cap_events to capconduit_internal using (true) with check (true);
drop policy if exists live_calls_internal on live_calls;
create policy live_calls_internal on live_calls for select to capconduit_internal using (true);
drop policy if exists call_logs_internal on call_logs;
create policy call_logs_internal on call_logs for select to capconduit_internal using (true);
drop policy if exists nodes_internal on nodes;
create policy nodes_internal on nodes for select to capconduit_internal using (true);
drop policy if exists hearing_internal on hearing;
create policy hearing_internal on hearing for select to capconduit_internal using (true);
drop policy if exists reject_counts_internal on reject_counts;
create policy reject_counts_internal on reject_counts for select to capconduit_internal using (true);

-- Reporting: everything but secrets (columns are granted below).
drop policy if exists users_read on users;
create policy users_read on users for select to capconduit_read using (true);
drop policy if exists clients_read on clients;
create policy clients_read on clients for select to capconduit_read using (true);
drop policy if exists pjsip_endpoints_read on pjsip_endpoints;
create policy pjsip_endpoints_read on pjsip_endpoints for select to capconduit_read using (true);
drop policy if exists pjsip_aors_read on pjsip_aors;
create policy pjsip_aors_read on pjsip_aors for select to capconduit_read using (true);
drop policy if exists pjsip_contacts_read on pjsip_contacts;
create policy pjsip_contacts_read on pjsip_contacts for select to capconduit_read using (true);
drop policy if exists dids_read on dids;
create policy dids_read on dids for select to capconduit_read using (true);
drop policy if exists schedules_read on schedules;
create policy schedules_read on schedules for select to capconduit_read using (true);
drop policy if exists campaigns_read on campaigns;
create policy campaigns_read on campaigns for select to capconduit_read using (true);
drop policy if exists campaign_dids_read on campaign_dids;
create policy campaign_dids_read on campaign_dids for select to capconduit_read using (true);
drop policy if exists campaign_client_settings_read on campaign_client_settings;
create policy campaign_client_settings_read on campaign_client_settings for select to capconduit_read using (true);
drop policy if exists link_counters_read on link_counters;
create policy link_counters_read on link_counters for select to capconduit_read using (true);
drop policy if exists caps_read on caps;
create policy caps_read on caps for select to capconduit_read using (true);
drop policy if exists caller_marks_read on caller_marks;
create policy caller_marks_read on caller_marks for select to capconduit_read using (true);
drop policy if exists caller_calls_read on caller_calls;
create policy caller_calls_read on caller_calls for select to capconduit_read using (true);
drop policy if exists cap_events_read on cap_events;
create policy cap_events_read on cap_events for select to capconduit_read using (true);
drop policy if exists link_windows_read on link_windows;
create policy link_windows_read on link_windows for select to capconduit_read using (true);
drop policy if exists link_adjustments_read on link_adjustments;
create policy link_adjustments_read on link_adjustments for select to capconduit_read using (true);
drop policy if exists meters_read on meters;
create policy meters_read on meters for select to capconduit_read using (true);
drop policy if exists meter_windows_read on meter_windows;
create policy meter_windows_read on meter_windows for select to capconduit_read using (true);
drop policy if exists meter_adjustments_read on meter_adjustments;
create policy meter_adjustments_read on meter_adjustments for select to capconduit_read using (true);
drop policy if exists live_calls_read on live_calls;
create policy live_calls_read on live_calls for select to capconduit_read using (true);
drop policy if exists call_logs_read on call_logs;
create policy call_logs_read on call_logs for select to capconduit_read using (true);
drop policy if exists call_attempts_read on call_attempts;
create policy call_attempts_read on call_attempts for select to capconduit_read using (true);
drop policy if exists nodes_read on nodes;
create policy nodes_read on nodes for select to capconduit_read using (true);
drop policy if exists hearing_read on hearing;
create policy hearing_read on hearing for select to capconduit_read using (true);
drop policy if exists reject_counts_read on reject_counts;
create policy reject_counts_read on reject_counts for select to capconduit_read using (true);
drop policy if exists link_excess_read on link_excess;
create policy link_excess_read on link_excess for select to capconduit_read using (true);
drop policy if exists audit_log_read on audit_log;
create policy audit_log_read on audit_log for select to capconduit_read using (true);

------------------------------------------------------------------------------------------------------------
-- Grants. First nothing, then exactly this.
------------------------------------------------------------------------------------------------------------

revoke all on schema capconduit, asterisk from public;
revoke all on all tables in schema capconduit
    from public, capconduit_seller, capconduit_staff, capconduit_internal, capconduit_read, capconduit_asterisk,
         capconduit_api;
revoke all on all tables in schema asterisk from public, capconduit_asterisk;
revoke all on all functions in schema capconduit
    from public, capconduit_seller, capconduit_staff, capconduit_internal, capconduit_read, capconduit_asterisk,
         capconduit_api;

grant usage on schema capconduit
    to capconduit_seller, capconduit_staff, capconduit_internal, capconduit_read, capconduit_asterisk, capconduit_api;
grant usage on schema asterisk to capconduit_asterisk;

-- The switch: the call functions and the realtime rows, nothing else.
grant execute on function
    route_call(text, text, text, text, text, text), route_call(text, text, text, text, text, text, text),
    next_target(text, integer, text, integer), next_target(text, integer, text, integer, text), call_answered(text),
    log_call(text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, integer, integer,
        integer, text, text, text, text, bigint, bigint, bigint, bigint, bigint),
    node_started(text, timestamptz, text), node_heartbeat(text, text, timestamptz, text[]), node_report(text, text, text),
    release_expired(integer)
    to capconduit_asterisk, capconduit_internal;
grant select on asterisk.ps_endpoints, asterisk.ps_aors, asterisk.ps_auths to capconduit_asterisk;
grant select, insert, update, delete on asterisk.ps_contacts to capconduit_asterisk;

grant execute on function present_window(text, timestamptz, text, timestamptz, timestamptz, text)
    to capconduit_seller, capconduit_staff, capconduit_internal, capconduit_read;
grant execute on function flush_seen() to capconduit_seller, capconduit_staff;
grant execute on function session_user_id() to capconduit_seller, capconduit_staff, capconduit_internal;
grant execute on function explain_own_did(text), explain_own_call(text, text, timestamptz) to capconduit_seller;
grant execute on function explain_route(text), explain_call(text, text, timestamptz, text),
    preview_call(text, text, timestamptz, text) to capconduit_staff, capconduit_internal, capconduit_read;
grant execute on function preview_route(text) to capconduit_asterisk, capconduit_staff, capconduit_internal, capconduit_read;
grant execute on function verify_counters(), table_access() to capconduit_staff, capconduit_internal, capconduit_read;
grant execute on function release_call(text, text), release_node(text, text), adjust_link_total(bigint, bigint, text),
    adjust_cap(bigint, bigint, text), set_seats(bigint, integer, integer, text, bigint), forget_seats(bigint), erase_caller(text)
    to capconduit_staff;

-- The API's own login, before it takes on a role: sessions and look-ups.
grant execute on function find_login(text), open_session(bigint, text, bytea, integer), find_session(bytea, integer),
    find_login(text, text), open_session(bigint, text, bytea, integer, text, bigint, bytea), find_session(bytea, integer, integer),
    close_session(bytea), find_api_token(bytea), delete_expired_sessions(), forget_login_networks(), forget_caller_marks(integer, boolean),
    has_second_factor(bigint), schema_version()
    to capconduit_api;
grant execute on function change_password(text, text), find_second_factor(), begin_second_factor(text, bytea, text),
    confirm_second_factor(bytea, bigint, bytea[]), replace_recovery_codes(bigint, bytea, bytea[]), remove_second_factor(bigint, bytea)
    to capconduit_seller, capconduit_staff;

grant select (id, username, email, role, status, full_name, company_name, time_zone, caller_rules, created_at, updated_at, version) on users
    to capconduit_seller, capconduit_staff, capconduit_read;
grant update (caller_rules) on users to capconduit_seller;
grant insert (username, email, password_hash, role, status, full_name, company_name, time_zone, caller_rules),
      update (email, password_hash, role, status, full_name, company_name, time_zone, caller_rules), delete on users to capconduit_staff;
grant select (id, user_id, created_at, last_seen_at, expires_at, network, agent), delete on sessions
    to capconduit_seller, capconduit_staff;
grant update (network, agent) on sessions to capconduit_staff;
grant select (id, user_id, user_version, created_at, expires_at), insert (user_id, user_version, token_hash, expires_at), delete
    on password_links to capconduit_staff;
grant select (id, user_id, token_hash, expires_at) on password_links to capconduit_internal;
grant select (user_id, created_at, confirmed_at) on second_factors to capconduit_seller, capconduit_staff;
grant delete on second_factors to capconduit_staff;
grant select (id, user_id, name, created_at, expires_at, last_used_at), insert (user_id, name, token_hash, expires_at),
      delete on api_tokens to capconduit_seller, capconduit_staff;

grant select, insert (user_id, key_hash, fingerprint, status, etag, body),
      update (fingerprint, status, etag, body, created_at) on idempotency_keys to capconduit_seller, capconduit_staff;
grant select (created_at), delete on idempotency_keys to capconduit_internal;

-- Why the platform pauses a client is no seller's affair.
grant select (id, client_identifier, name, department, status, time_zone, platform_paused_until, schedule_id) on clients to capconduit_seller;
grant select, insert, update, delete on clients, pjsip_endpoints, pjsip_aors to capconduit_staff;
-- Write-only secrets: staff can set a password and never read it back.
grant select (client_id, id, auth_type, username, realm), insert, update, delete on pjsip_auths to capconduit_staff;
grant select on clients, pjsip_endpoints, pjsip_aors to capconduit_internal, capconduit_read;
grant select on pjsip_contacts to capconduit_staff, capconduit_read;

-- What never changes after it was made (owners, numbers, the two ends of a link) has no update right.
grant select, insert (user_id, number, status, description, schedule_id), update (status, description, schedule_id), delete on dids
    to capconduit_seller;
grant select,
    insert (user_id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, qualify_seconds, description,
        schedule_id, anonymous_callers, min_redial_seconds, caller_rules, overflow),
    update (name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, qualify_seconds, description,
        schedule_id, anonymous_callers, min_redial_seconds, caller_rules, overflow, paused_until, pause_reason),
    delete
    on campaigns
    to capconduit_seller;
grant select, insert, delete on campaign_dids to capconduit_seller;
grant select,
    insert (campaign_id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight,
        min_seconds_between, qualify_seconds, schedule_id, caller_rules),
    update (status, max_concurrency, total_calls_allowed, forwarding_priority, weight, min_seconds_between, qualify_seconds,
        schedule_id, caller_rules, paused_until, pause_reason),
    delete
    on campaign_client_settings to capconduit_seller;
grant select,
    insert (link_id, did_id, campaign_id, user_id, counts, span, set_by, max_calls, enforce, note), update (max_calls, enforce, note), delete
    on caps to capconduit_seller, capconduit_staff;
grant select, insert (user_id, name, time_zone, weekly, exceptions), update (name, time_zone, weekly, exceptions), delete
    on schedules to capconduit_seller, capconduit_staff;
grant select on schedules to capconduit_read;
grant insert (client_id) on caps to capconduit_staff;
grant select on caps to capconduit_read;
grant select, insert (link_id, campaign_id, user_id, caller, kind, until, source, note),
      update (until, source, note, created_by, at), delete on caller_marks to capconduit_seller, capconduit_staff;
grant insert (client_id) on caller_marks to capconduit_staff;
grant select on caller_marks, caller_calls, callers_view to capconduit_read;
grant select on callers_view to capconduit_seller, capconduit_staff;
grant select on meters, meter_windows to capconduit_seller;
grant select on cap_events to capconduit_seller, capconduit_staff, capconduit_read;
grant select (id, username, time_zone) on users to capconduit_internal;
grant select on caps, link_counters, link_windows, meters, meter_windows, caps_view to capconduit_internal;
grant select,
    insert (cap_id, user_id, campaign_id, link_id, client_id, did_id, subject_type, subject_id, subject_name, counts, span, set_by,
        enforce, max_calls, threshold, used, in_flight, starts_at, ends_at),
    delete
    on cap_events to capconduit_internal;
grant select on link_counters, link_windows, live_calls, call_logs, call_attempts to capconduit_seller;
grant select on live_calls_view, late_excess_view, link_usage_view, link_today_view, caps_view to capconduit_seller;

grant select on dids, campaigns, campaign_dids, campaign_client_settings, link_counters, link_windows, link_adjustments, meters,
    meter_windows, meter_adjustments, live_calls, call_logs,
    call_attempts, nodes, hearing, link_excess, audit_log, reject_counts, live_calls_view, late_excess_view, link_usage_view,
    link_today_view, caps_view, window_calls_view, metered_calls_view, subject_calls_view, rejects_view, table_access_view
    to capconduit_staff, capconduit_read;
grant insert (user_id, db_role, action, object_type, object_id, after) on audit_log to capconduit_staff, capconduit_internal;
grant insert (user_id, number, status, description), update (user_id, status, description), delete on dids to capconduit_staff;
-- Where a number gets another owner.
grant delete on campaign_dids to capconduit_staff;
-- Each its own pause: what the platform has paused a seller cannot lift.
grant update (status, platform_paused_until, platform_pause_reason) on campaigns to capconduit_staff;
grant update (status, max_concurrency, total_calls_allowed, forwarding_priority, weight, min_seconds_between, qualify_seconds,
    schedule_id, caller_rules, platform_paused_until, platform_pause_reason)
    on campaign_client_settings
    to capconduit_staff;

grant select on dids, campaigns, campaign_client_settings, live_calls, call_logs, nodes, hearing, reject_counts
    to capconduit_internal;
