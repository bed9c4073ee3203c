\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.3.0.sql alone: whatever changes here changes there, too. A test compares them.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- Connections that go on take the library of this release at their next statement: what its functions move, one of before would not.
------------------------------------------------------------------------------------------------------------

do $$
declare
    definition text;
begin
    for definition in
        select replace(pg_get_functiondef(p.oid), '''' || p.probin || '''', '''MODULE_PATHNAME''')
          from pg_proc p
          join pg_language l on l.oid = p.prolang and l.lanname = 'c'
          join pg_depend d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
          join pg_extension e on e.oid = d.refobjid and e.extname = 'capconduit'
         where p.pronamespace = 'capconduit'::regnamespace
    loop
        execute definition;
    end loop;
end
$$;

------------------------------------------------------------------------------------------------------------
-- What a switch's agent says without a list, and the end of a switch by hand.
------------------------------------------------------------------------------------------------------------

create function node_report(node text, instance text, state text, out status text)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'node_report_wrapper';

create function release_node(node text, reason text, out status text, out released integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_node_wrapper';

-- A call_target, and the name of the settings that the decision knows: a switch that keeps others must not use them.
create type call_decision as (
    status text, reason text, hangup_cause integer, attempt integer, link_id bigint, client_identifier text,
    dial text, dial_timeout_seconds integer, max_call_seconds integer, caller_id text, campaign_id bigint,
    decision text, settings_id text);

-- All seven are given, or it is the other one.
create function route_call(
    did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text, sip_call_id text)
returns call_decision
language c volatile parallel unsafe security definer
as 'MODULE_PATHNAME', 'route_sip_call_wrapper';

-- All five, likewise.
create function next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer, node text)
returns call_decision
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'next_target_of_node_wrapper';

alter type call_decision owner to capconduit_owner;
alter function route_call(text, text, text, text, text, text, text) owner to capconduit_owner;
alter function next_target(text, integer, text, integer, text) owner to capconduit_owner;
revoke all on function route_call(text, text, text, text, text, text, text) from public;
revoke all on function next_target(text, integer, text, integer, text) from public;
comment on type call_decision is 'A call_target, and the name of the endpoint''s settings as they were when it was decided';
comment on function route_call(text, text, text, text, text, text, text) is
    'The same with the endpoint''s settings; keeps the SIP Call-ID of the caller''s leg for the record of a call whose end nobody tells';
comment on function next_target(text, integer, text, integer, text) is
    'The same with the endpoint''s settings; a call of another switch is refused';

alter function node_report(text, text, text) owner to capconduit_owner;
alter function release_node(text, text) owner to capconduit_owner;
revoke all on function node_report(text, text, text) from public;
revoke all on function release_node(text, text) from public;

comment on function node_report is 'Takes what an agent says without a list: its switch lives, is down, or is no longer watched';
comment on function release_node is 'Closes every call of a switch by hand as LOST and frees its name; audited';
comment on function release_expired is 'Gives back slots whose lease has ended, and those of switches that are dead';

------------------------------------------------------------------------------------------------------------
-- Versions of objects: whoever changes one can say which state was read.
------------------------------------------------------------------------------------------------------------

-- A version moves with every change of a row, as updated_at does. Nobody sets it by hand.
create function move_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

-- A row that this transaction has written already has a version that nobody else has seen.
create function move_client_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update capconduit.clients k
       set version = k.version
     where k.id in (old.client_id, new.client_id)
       and k.xmin <> pg_current_xact_id()::xid;
    return null;
end
$$;

-- As before, and neither a version nor the name of settings is a setting: both are told by the row's other columns.
create or replace function audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    secrets constant text[] := array['password_hash', 'password', 'md5_cred', 'token_hash', 'totp_secret', 'recovery_hashes'];
    untold constant text[] := array['version', 'settings_id', 'capped', 'metered', 'screened', 'key', 'totp_key', 'last_step'];
    was constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - untold end;
    is_now constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - untold end;
    changed text[];
begin
    if tg_op = 'UPDATE' then
        select array_agg(n.key) into changed
          from jsonb_each(is_now) n
         where n.key <> 'updated_at' and n.value is distinct from was -> n.key;
        if changed is null then
            return null;
        end if;
    end if;
    -- That a secret changed is told, its value never: only its name stays.
    perform capconduit.write_audit(lower(tg_op), tg_table_name, coalesce(is_now, was) ->> tg_argv[0],
        was - secrets,
        (is_now - secrets)
            || case when changed && secrets
                    then jsonb_build_object('secrets_changed',
                            (select jsonb_agg(c order by c) from unnest(changed) c where c = any (secrets)))
                    else '{}'::jsonb end);
    return null;
end
$$;

alter function move_version() owner to capconduit_owner;
alter function move_client_version() owner to capconduit_owner;
revoke all on function move_version() from public;
revoke all on function move_client_version() from public;

comment on function move_version is 'Trigger: moves an object''s version with each change of it';
comment on function move_client_version is 'Trigger: a change of its PJSIP objects moves a client''s version';

------------------------------------------------------------------------------------------------------------
-- Copies of what people set go: these functions belong to the tables' triggers from here on, and are dropped with them
-- (migrations/V0014__no_copies.sql).
------------------------------------------------------------------------------------------------------------

alter extension capconduit drop function copy_for_decisions();
alter extension capconduit drop function note_contact();
alter extension capconduit drop function lock_links_in_order();
alter extension capconduit drop function copied_columns();

create or replace function set_updated_at() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

------------------------------------------------------------------------------------------------------------
-- A link without its counters takes no call: it is told of, and repaired.
------------------------------------------------------------------------------------------------------------

-- What the present windows say against their calls: by reservation, as far as each belongs to the window. Before the migration that makes
-- windows there are none.
create function verify_windows(
    out subject text, out subject_id bigint, out counter text, out stored bigint, out actual bigint,
    out starts_at timestamptz)
returns setof record
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if to_regclass('capconduit.window_calls_view') is null then
        return;
    end if;
    return query
    with used as (
        select w.link_id, w.span, sum(c.in_flight) as in_flight, sum(c.offered) as offered,
               sum(c.answered) as answered, sum(c.qualified) as qualified
          from capconduit.link_windows w
          join capconduit.window_calls_view c on c.link_id = w.link_id and c.reserved_at >= w.starts_at
         group by w.link_id, w.span
    ), adjusted as (
        select a.link_id, a.span, a.starts_at, sum(a.offered) as offered, sum(a.answered) as answered,
               sum(a.qualified) as qualified
          from capconduit.link_adjustments a
         group by a.link_id, a.span, a.starts_at
    ), held as (
        -- What active should be: where it is wrong that is told by itself.
        select l.link_id, count(*) as calls
          from capconduit.live_calls l
         where l.holds_slot
         group by l.link_id
    )
    select 'link', w.link_id, w.span || '_' || c.counter, c.stored, c.actual::bigint, w.starts_at
      from capconduit.link_windows w
      join capconduit.link_counters n on n.link_id = w.link_id
      left join used u on (u.link_id, u.span) = (w.link_id, w.span)
      left join adjusted a on (a.link_id, a.span, a.starts_at) = (w.link_id, w.span, w.starts_at)
      left join held h on h.link_id = w.link_id,
           lateral (values
               ('in_flight', coalesce(h.calls, 0) + n.unsettled - w.active - w.unsettled, coalesce(u.in_flight, 0)),
               ('offered', n.offered - w.offered, coalesce(u.offered, 0) + coalesce(a.offered, 0)),
               ('answered', n.answered - w.answered, coalesce(u.answered, 0) + coalesce(a.answered, 0)),
               ('qualified', n.qualified - w.qualified, coalesce(u.qualified, 0) + coalesce(a.qualified, 0))
           ) c (counter, stored, actual)
     where c.stored <> c.actual
    union all
    -- No window ends as late, began before all time, or begins where its counters know of none: somebody has set that. What a clock that ran
    -- ahead has begun the counters know, and mend_future_windows mends.
    select 'link', w.link_id, w.span || '_bounds', 0, 1, w.starts_at
      from capconduit.link_windows w
      left join capconduit.link_counters n on n.link_id = w.link_id
     where (not isfinite(w.starts_at) or w.ends_at > greatest(w.starts_at, now())
           + case w.span when 'hour' then interval '3 hours' when 'day' then interval '3 days' when 'week' then interval '9 days'
                         else interval '33 days' end
           or w.starts_at > greatest(n.windows_from, now() + interval '1 hour'))
    union all
    select 'link', n.link_id, 'windows_bounds', 0, 1, null
      from capconduit.link_counters n
      left join (select w.link_id, min(w.ends_at) as windows_until from capconduit.link_windows w group by w.link_id) w using (link_id)
     -- Until then none would turn, nor the first ones begin.
     where 'infinity' in (n.windows_from, n.windows_until) or n.windows_until > coalesce(w.windows_until, '-infinity');
    if to_regclass('capconduit.meters') is null then
        return;
    end if;
    return query
    with since as materialized (
        select min(w.starts_at) as starts_at from capconduit.meter_windows w
    ), calls as materialized (
        select 'client' as subject_type, c.client_id as subject_id, null::bigint as owner_id, c.reserved_at, c.in_flight, c.offered,
               c.answered, c.qualified
          from capconduit.window_calls_view c
         where (select starts_at is not null from since) and c.reserved_at >= (select starts_at from since)
         union all
        select c.subject_type, c.subject_id, c.user_id, c.reserved_at, c.in_flight, c.offered, c.answered, c.qualified
          from capconduit.subject_calls_view c
         where (select starts_at is not null from since) and c.reserved_at >= (select starts_at from since)
    ), used as (
        select w.meter_id, w.span, sum(c.in_flight) as in_flight, sum(c.offered) as offered, sum(c.answered) as answered,
               sum(c.qualified) as qualified
          from capconduit.meter_windows w
          join capconduit.meters m on m.id = w.meter_id
          join calls c on (c.subject_type, c.subject_id) = (m.subject_type, m.subject_id) and c.owner_id is not distinct from m.owner_id
                      and c.reserved_at >= w.starts_at
         group by w.meter_id, w.span
    ), adjusted as (
        select a.meter_id, a.span, a.starts_at, sum(a.offered) as offered, sum(a.answered) as answered,
               sum(a.qualified) as qualified
          from capconduit.meter_adjustments a
         group by a.meter_id, a.span, a.starts_at
    ), held as (
        select m.id as meter_id, sum(c.in_flight) as calls
          from (select 'client' as subject_type, c.client_id as subject_id, null::bigint as owner_id, c.in_flight
                  from capconduit.window_calls_view c
                 where c.source = 'live_calls'
                 union all
                select c.subject_type, c.subject_id, c.user_id, c.in_flight
                  from capconduit.subject_calls_view c
                 where c.source = 'live_calls') c
          join capconduit.meters m on (m.subject_type, m.subject_id) = (c.subject_type, c.subject_id)
                                  and m.owner_id is not distinct from c.owner_id
         group by m.id
    ), capped as (
        select distinct s.subject_type, s.subject_id
          from capconduit.caps c,
               lateral (values ('client', c.client_id), ('did', c.did_id), ('campaign', c.campaign_id), ('seller', c.user_id))
                   s (subject_type, subject_id)
         where s.subject_id is not null
         union
        -- By its name: the table may be of a release before.
        select 'client', k.id from capconduit.clients k where k.metered or to_jsonb(k) ->> 'min_seconds_between' is not null
    )
    -- Which of them are counted: each that has, or had, a cap.
    select c.subject_type, c.subject_id, 'metered', 0::bigint, 1::bigint, null::timestamptz
      from capped c
     where not exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = (c.subject_type, c.subject_id))
    union all
    select 'client', m.subject_id, 'marked', 0, 1, null
      from capconduit.meters m
      join capconduit.clients k on k.id = m.subject_id
     where m.subject_type = 'client' and not k.metered
    union all
    select 'seller', u.id, 'marked', 0, 1, null
      from capconduit.users u
     where not u.metered and exists (select from capconduit.meters m where m.owner_id = u.id)
    union all
    select 'client', s.client_id, 'marked_at_link_' || n.link_id, n.client_metered::integer, e.metered::integer, null
      from capconduit.link_counters n
      join capconduit.campaign_client_settings s on s.id = n.link_id,
           lateral (select exists (select from capconduit.meters m
                                    where (m.subject_type, m.subject_id) = ('client', s.client_id)) as metered) e
     where n.client_metered <> e.metered
    union all
    select 'seller', u.id, 'marked_at_link_' || n.link_id, 0, 1, null
      from capconduit.link_counters n
      join capconduit.campaign_client_settings s on s.id = n.link_id
      join capconduit.campaigns c on c.id = s.campaign_id
      join capconduit.users u on u.id = c.user_id
     where u.metered and not n.seller_metered
    union all
    select m.subject_type, m.subject_id, 'active', m.active, coalesce(h.calls, 0), null
      from capconduit.meters m
      left join held h on h.meter_id = m.id
     where m.active <> coalesce(h.calls, 0)
    union all
    select m.subject_type, m.subject_id, w.span || '_bounds', 0, 1, w.starts_at
      from capconduit.meter_windows w
      join capconduit.meters m on m.id = w.meter_id
     where (not isfinite(w.starts_at) or w.ends_at > greatest(w.starts_at, now())
           + case w.span when 'hour' then interval '3 hours' when 'day' then interval '3 days' when 'week' then interval '9 days'
                         else interval '33 days' end
           or w.starts_at > greatest(m.windows_from, now() + interval '1 hour'))
    union all
    select m.subject_type, m.subject_id, 'windows_bounds', 0, 1, null
      from capconduit.meters m
      left join (select w.meter_id, min(w.ends_at) as windows_until from capconduit.meter_windows w group by w.meter_id) w on w.meter_id = m.id
     where 'infinity' in (m.windows_from, m.windows_until) or m.windows_until > coalesce(w.windows_until, '-infinity')
    union all
    select m.subject_type, m.subject_id, w.span || '_' || c.counter, c.stored, c.actual::bigint, w.starts_at
      from capconduit.meter_windows w
      join capconduit.meters m on m.id = w.meter_id
      left join used u on (u.meter_id, u.span) = (w.meter_id, w.span)
      left join adjusted a on (a.meter_id, a.span, a.starts_at) = (w.meter_id, w.span, w.starts_at)
      left join held h on h.meter_id = w.meter_id,
           lateral (values
               ('in_flight', coalesce(h.calls, 0) + m.unsettled - w.active - w.unsettled, coalesce(u.in_flight, 0)),
               ('offered', m.offered - w.offered, coalesce(u.offered, 0) + coalesce(a.offered, 0)),
               ('answered', m.answered - w.answered, coalesce(u.answered, 0) + coalesce(a.answered, 0)),
               ('qualified', m.qualified - w.qualified, coalesce(u.qualified, 0) + coalesce(a.qualified, 0))
           ) c (counter, stored, actual)
     where c.stored <> c.actual;
end
$$;

create or replace function verify_counters(out link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
    with held as (
        select l.link_id, count(*) as calls from capconduit.live_calls l where l.holds_slot group by l.link_id
    ), logged as (
        select l.link_id, count(*) as calls from capconduit.call_logs l where l.counted group by l.link_id
    ), links as (
        select s.id as link_id from capconduit.campaign_client_settings s
        union
        select n.link_id from capconduit.link_counters n
    )
    select k.link_id, c.counter, c.stored, c.actual
      from links k
      left join capconduit.link_counters n using (link_id)
      left join held h using (link_id)
      left join logged g using (link_id),
           lateral (values ('active', n.active::bigint, coalesce(h.calls, 0)),
                           ('total', n.total, coalesce(n.base, 0) + coalesce(g.calls, 0))) c (counter, stored, actual)
     where c.stored is distinct from c.actual
    union all
    select case v.subject when 'link' then v.subject_id end,
           case v.subject when 'link' then v.counter else format('%s_%s_%s', v.subject, v.subject_id, v.counter) end,
           v.stored, v.actual
      from capconduit.verify_windows() v
     order by link_id, counter
$$;

-- With nothing counted: what the rows say comes next.
create function create_missing_counters() returns void
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    insert into capconduit.link_counters (link_id)
    select s.id
      from capconduit.campaign_client_settings s
     where not exists (select from capconduit.link_counters n where n.link_id = s.id)
     order by s.id
    on conflict (link_id) do nothing
$$;

alter function create_missing_counters() owner to capconduit_owner;
revoke all on function create_missing_counters() from public;

comment on function create_missing_counters is 'Gives links that have none a counter row; reconcile_counters calls it';

------------------------------------------------------------------------------------------------------------
-- Repair without holding calls up.
------------------------------------------------------------------------------------------------------------

-- The meters, and the counters of their links, are locked. `subjects`: as client_3.
create function reconcile_meters(subjects text[], out counter text, out stored bigint, out actual bigint)
returns setof record
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    type text;
    subject bigint;
    starts timestamptz;
    excess bigint;
begin
    -- Missing meters are made anew and links marked first: the comparison below relies on both.
    for type, subject in
        select w.subject, w.subject_id from capconduit.verify_windows() w
         where w.counter = 'metered' and format('%s_%s', w.subject, w.subject_id) = any (subjects)
         order by array_position(array['did', 'campaign', 'seller', 'client'], w.subject), w.subject_id
    loop
        perform capconduit.make_meter(type, subject);
    end loop;
    update capconduit.clients c set metered = true
     where format('client_%s', c.id) = any (subjects) and not c.metered
       and exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = ('client', c.id));
    update capconduit.users u set metered = true
     where format('seller_%s', u.id) = any (subjects) and not u.metered
       and exists (select from capconduit.meters m where m.owner_id = u.id);
    update capconduit.link_counters n
       set client_metered = true
      from capconduit.campaign_client_settings s
     where s.id = n.link_id and format('client_%s', s.client_id) = any (subjects) and not n.client_metered
       and exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = ('client', s.client_id));
    update capconduit.link_counters n
       set seller_metered = true
      from capconduit.campaign_client_settings s
      join capconduit.campaigns c on c.id = s.campaign_id
      join capconduit.users u on u.id = c.user_id
     where s.id = n.link_id and format('seller_%s', u.id) = any (subjects) and u.metered and not n.seller_metered;
    -- Impossible windows become the present ones; what they have used is compared below.
    for type, subject, counter, stored, actual in
        select w.subject, w.subject_id, w.counter, w.stored, w.actual
          from capconduit.verify_windows() w
         where format('%s_%s', w.subject, w.subject_id) = any (subjects) and w.counter like '%\_bounds'
    loop
        update capconduit.meter_windows w
           set starts_at = case when w.starts_at between p.starts_at and clock_timestamp() then w.starts_at else p.starts_at end,
               ends_at = p.ends_at, time_zone = z.time_zone
          from capconduit.meters m
          left join capconduit.users u on u.id = m.owner_id
          left join capconduit.clients c on c.id = m.subject_id and m.subject_type = 'client',
               lateral (select coalesce(u.time_zone, c.time_zone, 'UTC') as time_zone) z,
               unnest(array['hour', 'day', 'week', 'month']) v (span),
               lateral capconduit.present_window(v.span, clock_timestamp(), z.time_zone, null, null, null) p
         where (m.subject_type, m.subject_id) = (type, subject) and w.meter_id = m.id and w.span = v.span
           and counter = w.span || '_bounds';
        update capconduit.meters m
           set windows_from = b.windows_from, windows_until = b.windows_until
          from (select coalesce(max(w.starts_at), '-infinity') as windows_from, coalesce(min(w.ends_at), '-infinity') as windows_until
                  from capconduit.meters o
                  left join capconduit.meter_windows w on w.meter_id = o.id
                 where (o.subject_type, o.subject_id) = (type, subject)) b
         where (m.subject_type, m.subject_id) = (type, subject);
        perform capconduit.write_audit('reconcile', 'meters', format('%s_%s', type, subject),
            jsonb_build_object(counter, stored), jsonb_build_object(counter, actual));
        counter := format('%s_%s_%s', type, subject, counter);
        return next;
    end loop;
    for type, subject, counter, stored, actual, starts in
        select w.subject, w.subject_id, w.counter, w.stored, w.actual, w.starts_at
          from capconduit.verify_windows() w
         where format('%s_%s', w.subject, w.subject_id) = any (subjects)
         order by w.subject, w.subject_id, w.counter
    loop
        excess := stored - actual;
        update capconduit.meters m
           set active = m.active - case counter when 'active' then excess else 0 end
         where (m.subject_type, m.subject_id) = (type, subject);
        update capconduit.meter_windows w
           set active = w.active + case counter when w.span || '_in_flight' then excess else 0 end,
               offered = w.offered + case counter when w.span || '_offered' then excess else 0 end,
               answered = w.answered + case counter when w.span || '_answered' then excess else 0 end,
               qualified = w.qualified + case counter when w.span || '_qualified' then excess else 0 end
          from capconduit.meters m
         where (m.subject_type, m.subject_id) = (type, subject) and w.meter_id = m.id
           and w.span = split_part(counter, '_', 1) and w.starts_at = starts;
        perform capconduit.write_audit('reconcile', 'meters', format('%s_%s', type, subject),
            jsonb_build_object(counter, stored), jsonb_build_object(counter, actual));
        counter := format('%s_%s_%s', type, subject, counter);
        return next;
    end loop;
end
$$;

-- A call's transaction changes a counter and the rows behind it together. So the difference that one statement sees stays the
-- same whatever calls do afterwards, and is taken away as a difference: no table is locked, and a counter's row only for as
-- long as the correction takes. Null: all links.
create function reconcile_counters(
    inout link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    only_link constant bigint := reconcile_counters.link_id;
    give_up_at constant timestamptz := clock_timestamp() + interval '15 seconds';
    caller_s_timeout constant text := current_setting('lock_timeout');
    links bigint[];
    counters text[];
    excesses bigint[];
    excess bigint;
    starts timestamptz;
    subjects text[];
    said boolean := false;
begin
    if only_link is not null and not exists (select from capconduit.campaign_client_settings s where s.id = only_link) then
        raise exception 'there is no link %', only_link using errcode = 'no_data_found';
    end if;
    loop
        begin
            perform set_config('lock_timeout', '100ms', true);
            -- First, as everything that works on calls does.
            lock table capconduit.live_calls in access share mode;
            lock table capconduit.link_counters, capconduit.audit_log in row exclusive mode;
            -- Two repairs at once would both take the same difference away. Campaigns are locked by the number before.
            perform pg_advisory_xact_lock(x'0CAA'::integer, 0);
            perform capconduit.create_missing_counters();
            select array_agg(v.link_id) filter (where v.link_id is not null),
                   array_agg(v.counter) filter (where v.link_id is not null),
                   array_agg(v.stored - v.actual) filter (where v.link_id is not null),
                   array_agg(distinct split_part(v.counter, '_', 1) || '_' || split_part(v.counter, '_', 2))
                       filter (where v.link_id is null)
              into links, counters, excesses, subjects
              from capconduit.verify_counters() v
             where only_link is null or v.link_id = only_link;
            -- Ascending, as everywhere. Of what has a meter all links, so that no call of it is under way.
            if subjects is null then
                perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for no key update;
            else
                perform from capconduit.link_counters n
                  where n.link_id = any (links)
                     or n.link_id in (select s.id from capconduit.campaign_client_settings s
                                        join capconduit.campaigns c on c.id = s.campaign_id
                                       where format('client_%s', s.client_id) = any (subjects)
                                          or c.user_id in (select m.owner_id from capconduit.meters m
                                                            where format('%s_%s', m.subject_type, m.subject_id) = any (subjects))
                                          or c.user_id in (select d.user_id from capconduit.dids d
                                                            where format('did_%s', d.id) = any (subjects))
                                          or format('campaign_%s', c.id) = any (subjects)
                                          or format('seller_%s', c.user_id) = any (subjects))
                  order by n.link_id
                    for no key update;
                perform capconduit.lock_meters(array(
                    select m.id from capconduit.meters m where format('%s_%s', m.subject_type, m.subject_id) = any (subjects)));
            end if;
            perform set_config('lock_timeout', caller_s_timeout, true);
            exit;
        exception when lock_not_available then
            if clock_timestamp() > give_up_at then
                raise;
            end if;
            if not said then
                raise notice 'somebody holds what a repair locks (pg_locks, pg_blocking_pids): it is tried again for 15 seconds';
                said := true;
            end if;
        end;
        -- Nothing is locked here: calls go on while somebody else holds what is needed.
        perform pg_sleep(0.2);
    end loop;
    for link_id, counter, excess in
        select * from unnest(links, counters, excesses) v (link_id, counter, excess) where v.counter in ('active', 'total')
    loop
        update capconduit.link_counters n
           set active = n.active - case counter when 'active' then excess else 0 end,
               total = n.total - case counter when 'total' then excess else 0 end
         where n.link_id = reconcile_counters.link_id
        returning case counter when 'active' then n.active else n.total end into actual;
        -- A link that was deleted meanwhile has none.
        continue when not found;
        stored := actual + excess;
        perform capconduit.write_audit('reconcile', 'link_counters', link_id::text,
            jsonb_build_object(counter, stored), jsonb_build_object(counter, actual));
        return next;
    end loop;
    -- Impossible windows become the present ones; what they have used is compared below.
    for link_id, counter, stored, actual in
        select w.subject_id, w.counter, w.stored, w.actual
          from capconduit.verify_windows() w
         where w.subject = 'link' and w.subject_id = any (links) and w.counter like '%\_bounds'
    loop
        update capconduit.link_windows w
           set starts_at = case when w.starts_at between p.starts_at and clock_timestamp() then w.starts_at else p.starts_at end,
               ends_at = p.ends_at, time_zone = c.time_zone
          from capconduit.campaign_client_settings s
          join capconduit.clients c on c.id = s.client_id,
               unnest(array['hour', 'day', 'week', 'month']) v (span),
               lateral capconduit.present_window(v.span, clock_timestamp(), c.time_zone, null, null, null) p
         where s.id = reconcile_counters.link_id and w.link_id = s.id and w.span = v.span and counter = w.span || '_bounds';
        update capconduit.link_counters n
           set windows_from = b.windows_from, windows_until = b.windows_until
          from (select coalesce(max(w.starts_at), '-infinity') as windows_from, coalesce(min(w.ends_at), '-infinity') as windows_until
                  from capconduit.link_windows w where w.link_id = reconcile_counters.link_id) b
         where n.link_id = reconcile_counters.link_id;
        perform capconduit.write_audit('reconcile', 'link_windows', link_id::text,
            jsonb_build_object(counter, stored), jsonb_build_object(counter, actual));
        return next;
    end loop;
    -- Windows are compared anew: their links are locked now, and one that began meanwhile began with the wrong counter.
    for link_id, counter, stored, actual, starts in
        select w.subject_id, w.counter, w.stored, w.actual, w.starts_at
          from capconduit.verify_windows() w
         where w.subject = 'link' and w.subject_id = any (links)
    loop
        -- The counts for life stay: the window's mark moves. The counters are written, too: a call that has read the mark
        -- before sees by them that it is another.
        excess := stored - actual;
        update capconduit.link_counters n set active = n.active where n.link_id = reconcile_counters.link_id;
        update capconduit.link_windows w
           set active = w.active + case counter when w.span || '_in_flight' then excess else 0 end,
               offered = w.offered + case counter when w.span || '_offered' then excess else 0 end,
               answered = w.answered + case counter when w.span || '_answered' then excess else 0 end,
               qualified = w.qualified + case counter when w.span || '_qualified' then excess else 0 end
         where w.link_id = reconcile_counters.link_id and w.span = split_part(counter, '_', 1) and w.starts_at = starts;
        perform capconduit.write_audit('reconcile', 'link_windows', link_id::text,
            jsonb_build_object(counter, stored), jsonb_build_object(counter, actual));
        return next;
    end loop;
    if subjects is not null then
        link_id := null;
        for counter, stored, actual in select c.counter, c.stored, c.actual from capconduit.reconcile_meters(subjects) c
        loop
            return next;
        end loop;
    end if;
end
$$;

create or replace function reconcile_counters(out link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$ select * from capconduit.reconcile_counters(null::bigint) $$;

alter function reconcile_counters(bigint) owner to capconduit_owner;
revoke all on function reconcile_counters(bigint) from public;

comment on function reconcile_counters(bigint) is 'reconcile_counters for one link; audited';

-- What the windows that are open have used of these calls' records and attempts, which are about to be deleted, becomes rows of its own. Of
-- a call closed as LOST no more is heard, so it stays in flight no longer. Locks the counters of the links concerned.
create function keep_window_use(calls text[]) returns void
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    uses jsonb;
    links bigint[];
begin
    -- Most calls that are purged are older than any open window: these cost no link a wait.
    select jsonb_agg(to_jsonb(c)), array_agg(distinct c.link_id) into uses, links
      from capconduit.window_calls_view c
     where c.uniqueid = any (calls) and c.source <> 'live_calls'
       and (c.in_flight > 0
            or exists (select from capconduit.link_windows w where w.link_id = c.link_id and w.starts_at <= c.reserved_at));
    if uses is null then
        return;
    end if;
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for no key update;
    -- The rows themselves: whoever has read windows before must see that they are others.
    update capconduit.link_counters n
       set unsettled = n.unsettled - c.calls
      from (select u.link_id, sum(u.in_flight) as calls
              from jsonb_to_recordset(uses) u (link_id bigint, in_flight integer)
             group by u.link_id) c
     where n.link_id = c.link_id;
    insert into capconduit.link_adjustments as a (link_id, span, starts_at, offered, answered, qualified, reason)
    select w.link_id, w.span, w.starts_at, sum(c.offered), sum(c.answered), sum(c.qualified), 'purged'
      from capconduit.link_windows w
      join jsonb_to_recordset(uses)
           c (link_id bigint, reserved_at timestamptz, offered integer, answered integer, qualified integer)
        on c.link_id = w.link_id and c.reserved_at >= w.starts_at
     group by w.link_id, w.span
    having sum(c.offered + c.answered + c.qualified) > 0
    on conflict (link_id, span, starts_at) where reason = 'purged' do update
       set offered = a.offered + excluded.offered, answered = a.answered + excluded.answered,
           qualified = a.qualified + excluded.qualified;
    update capconduit.link_windows w
       set unsettled = w.unsettled - c.calls
      from (select o.link_id, o.span, sum(u.in_flight) as calls
              from capconduit.link_windows o
              join jsonb_to_recordset(uses) u (link_id bigint, reserved_at timestamptz, in_flight integer)
                on u.link_id = o.link_id and u.reserved_at < o.starts_at and u.in_flight > 0
             group by o.link_id, o.span) c
     where (w.link_id, w.span) = (c.link_id, c.span);
    delete from capconduit.link_adjustments a
     using capconduit.link_windows w
     where a.link_id = any (links) and (w.link_id, w.span) = (a.link_id, a.span) and a.starts_at < w.starts_at
       and a.reason = 'purged';
end
$$;

-- What a clock that ran ahead has left: windows that begin in the future, and would hold every call until then. They become the present ones,
-- their calls are reserved now, and what they have used is counted anew. No call is worked on meanwhile.
create function mend_future_windows(out subject text, out subject_id bigint, out was_from timestamptz, out is_from timestamptz)
returns setof record
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    give_up_at constant timestamptz := clock_timestamp() + interval '15 seconds';
    caller_s_timeout constant text := current_setting('lock_timeout');
    links bigint[];
    meters bigint[];
    instant timestamptz := clock_timestamp();
    records bigint[];
    attempts text[];
    last bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'windows are to be mended in a transaction that is read committed' using errcode = 'feature_not_supported';
    end if;
    -- No index leads to what lies in the future: it is looked for before anything is locked.
    select coalesce(max(g.id), 0), array_agg(g.id) filter (where g.reserved_at > instant) into last, records from capconduit.call_logs g;
    select array_agg(a.uniqueid) into attempts from capconduit.call_attempts a where a.started_at > instant;
    loop
        begin
            perform set_config('lock_timeout', '100ms', true);
            lock table capconduit.live_calls, capconduit.link_counters, capconduit.meters in exclusive mode;
            perform set_config('lock_timeout', caller_s_timeout, true);
            exit;
        exception when lock_not_available then
            if clock_timestamp() > give_up_at then
                raise;
            end if;
        end;
        -- Nothing is locked here: calls go on while somebody else holds what is needed.
        perform pg_sleep(0.2);
    end loop;
    instant := clock_timestamp();
    select array_agg(n.link_id) into links from capconduit.link_counters n where n.windows_from > instant;
    select array_agg(m.id) into meters from capconduit.meters m where m.windows_from > instant;
    if links is null and meters is null then
        return;
    end if;
    -- With what came since, and what was under way then under a lower number.
    last := last - 10000;
    update capconduit.call_attempts a
       set started_at = instant, ended_at = greatest(a.ended_at, instant)
     where a.started_at > instant
       and a.uniqueid in (select unnest(attempts) union all select l.uniqueid from capconduit.live_calls l
                          union all select g.asterisk_uniqueid from capconduit.call_logs g where g.id > last);
    update capconduit.live_calls l set attempt_at = instant where l.attempt_at > instant;
    update capconduit.call_logs g set reserved_at = instant where (g.id = any (records) or g.id > last) and g.reserved_at > instant;
    for subject, subject_id, was_from in
        select 'link', n.link_id, n.windows_from from capconduit.link_counters n where n.link_id = any (links)
         union all
        select m.subject_type, m.subject_id, m.windows_from from capconduit.meters m where m.id = any (meters)
         order by 1, 2
    loop
        -- Adjustments are of a window by its start: those of what becomes the present one go with it. Purged ones have one row for a window.
        if subject = 'link' then
            update capconduit.link_adjustments a
               set starts_at = p.starts_at, reason = case a.reason when 'purged' then 'purged before' else a.reason end
              from capconduit.link_windows w
              join capconduit.campaign_client_settings s on s.id = w.link_id
              join capconduit.clients c on c.id = s.client_id,
                   lateral capconduit.present_window(w.span, instant, c.time_zone, null, null, null) p
             where w.link_id = subject_id and w.starts_at > instant and (a.link_id, a.span) = (w.link_id, w.span)
               and a.starts_at >= p.starts_at;
            update capconduit.link_windows w
               set starts_at = p.starts_at, ends_at = p.ends_at, time_zone = c.time_zone
              from capconduit.campaign_client_settings s
              join capconduit.clients c on c.id = s.client_id,
                   unnest(array['hour', 'day', 'week', 'month']) v (span),
                   lateral capconduit.present_window(v.span, instant, c.time_zone, null, null, null) p
             where s.id = subject_id and w.link_id = s.id and w.span = v.span and w.starts_at > instant;
            update capconduit.link_counters n
               set windows_from = w.windows_from, windows_until = w.windows_until
              from (select coalesce(max(w.starts_at), '-infinity') as windows_from, coalesce(min(w.ends_at), '-infinity') as windows_until
                      from capconduit.link_windows w where w.link_id = subject_id) w
             where n.link_id = subject_id
            returning n.windows_from into is_from;
        else
            update capconduit.meter_adjustments a
               set starts_at = p.starts_at, reason = case a.reason when 'purged' then 'purged before' else a.reason end
              from capconduit.meters m
              left join capconduit.users u on u.id = m.owner_id
              left join capconduit.clients c on c.id = m.subject_id and m.subject_type = 'client'
              join capconduit.meter_windows w on w.meter_id = m.id,
                   lateral capconduit.present_window(w.span, instant, coalesce(u.time_zone, c.time_zone), null, null, null) p
             where (m.subject_type, m.subject_id) = (subject, mend_future_windows.subject_id) and w.starts_at > instant
               and (a.meter_id, a.span) = (w.meter_id, w.span) and a.starts_at >= p.starts_at;
            update capconduit.meter_windows w
               set starts_at = p.starts_at, ends_at = p.ends_at, time_zone = z.time_zone
              from capconduit.meters m
              left join capconduit.users u on u.id = m.owner_id
              left join capconduit.clients c on c.id = m.subject_id and m.subject_type = 'client',
                   lateral (select coalesce(u.time_zone, c.time_zone) as time_zone) z,
                   unnest(array['hour', 'day', 'week', 'month']) v (span),
                   lateral capconduit.present_window(v.span, instant, z.time_zone, null, null, null) p
             where (m.subject_type, m.subject_id) = (subject, mend_future_windows.subject_id) and w.meter_id = m.id
               and w.span = v.span and w.starts_at > instant;
            update capconduit.meters m
               set windows_from = b.windows_from, windows_until = b.windows_until
              from (select coalesce(max(w.starts_at), '-infinity') as windows_from, coalesce(min(w.ends_at), '-infinity') as windows_until
                      from capconduit.meters o
                      left join capconduit.meter_windows w on w.meter_id = o.id
                     where (o.subject_type, o.subject_id) = (subject, mend_future_windows.subject_id)) b
             where (m.subject_type, m.subject_id) = (subject, mend_future_windows.subject_id)
            returning m.windows_from into is_from;
        end if;
        perform capconduit.write_audit('reconcile', 'windows', format('%s_%s', subject, subject_id),
            jsonb_build_object('windows_from', was_from), jsonb_build_object('windows_from', is_from));
        return next;
    end loop;
    perform capconduit.reconcile_counters();
end
$$;

-- What a cap has used, moved by hand: in its present window, or for life where it has none. Of a window the mark moves, so no other window
-- and no total changes.
create function adjust_cap(cap_id bigint, delta bigint, reason text, out status text, out used bigint)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    cap record;
    subject bigint;
    zone text;
    counters text;
    key text;
    windows text;
    adjustments text;
    whose text;
    windows_from timestamptz;
    instant timestamptz;
begin
    if delta is null or coalesce(btrim(reason), '') = '' then
        raise exception 'adjust_cap needs a delta and a reason' using errcode = 'invalid_parameter_value';
    end if;
    if btrim(reason) in ('purged', 'purged before', 'links') then
        raise exception 'the reason % is the platform''s own', quote_literal(btrim(reason)) using errcode = 'invalid_parameter_value';
    end if;
    if delta not between -1000000000000 and 1000000000000 then
        raise exception 'delta must be between -1000000000000 and 1000000000000'
            using errcode = 'invalid_parameter_value';
    end if;
    select c.* into cap from capconduit.caps c where c.id = adjust_cap.cap_id;
    if not found then
        status := 'unknown_cap';
        return;
    end if;
    if cap.span = 'concurrent' then
        raise exception 'cap % counts the calls that are up, which cannot be adjusted', cap.id
            using errcode = 'invalid_parameter_value';
    end if;
    if cap.link_id is not null then
        counters := 'link_counters'; key := 'link_id';
        windows := 'link_windows'; adjustments := 'link_adjustments'; whose := 'link_id';
        select s.id, c.time_zone into subject, zone
          from capconduit.campaign_client_settings s
          join capconduit.clients c on c.id = s.client_id
         where s.id = cap.link_id;
    else
        counters := 'meters'; key := 'id';
        windows := 'meter_windows'; adjustments := 'meter_adjustments'; whose := 'meter_id';
        select m.id, coalesce(u.time_zone, c.time_zone) into subject, zone
          from capconduit.meters m
          left join capconduit.users u on u.id = m.owner_id
          left join capconduit.clients c on c.id = m.subject_id and m.subject_type = 'client'
         where (m.subject_type, m.subject_id)
             = (case when cap.client_id is not null then 'client' when cap.did_id is not null then 'did'
                     when cap.campaign_id is not null then 'campaign' else 'seller' end,
                coalesce(cap.client_id, cap.did_id, cap.campaign_id, cap.user_id));
    end if;
    execute format('select n.windows_from from capconduit.%I n where n.%I = $1 for no key update', counters, key)
       into windows_from using subject;
    if windows_from is null then
        raise exception 'what cap % goes by is missing: reconcile_counters() makes it', cap.id
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- As a call that comes now: windows that are over are begun anew.
    instant := greatest(clock_timestamp(), windows_from);
    execute format($turn$
        insert into capconduit.%1$I as old
            (%2$I, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified)
        select $1, v.span, case when w.span is null then $2 else p.starts_at end, p.ends_at, $3,
               n.active, n.unsettled, n.offered, n.answered, n.qualified
          from capconduit.%3$I n
         cross join unnest(array['hour', 'day', 'week', 'month']) v (span)
          left join capconduit.%1$I w on w.%2$I = $1 and w.span = v.span,
               lateral capconduit.present_window(v.span, $2, $3, w.starts_at, w.ends_at, w.time_zone) p
         where n.%4$I = $1 and (w.span is null or w.ends_at <= $2)
        on conflict (%2$I, span) do update
           set starts_at = excluded.starts_at, ends_at = excluded.ends_at, time_zone = excluded.time_zone,
               active = case when old.starts_at = excluded.starts_at then old.active else excluded.active end,
               unsettled = case when old.starts_at = excluded.starts_at then old.unsettled else excluded.unsettled end,
               offered = case when old.starts_at = excluded.starts_at then old.offered else excluded.offered end,
               answered = case when old.starts_at = excluded.starts_at then old.answered else excluded.answered end,
               qualified = case when old.starts_at = excluded.starts_at then old.qualified else excluded.qualified end
        $turn$, windows, whose, counters, key)
      using subject, instant, zone;
    -- The counters are written also where they stay as they are: a call that has read the mark before sees by them that it is another.
    execute format($move$
        with moved as (
            select case $2 when 'offered' then $3 else 0 end as offered, case $2 when 'answered' then $3 else 0 end as answered,
                   case $2 when 'qualified' then $3 else 0 end as qualified
        ), life as (
            update capconduit.%1$I n
               set offered = n.offered + case $4 when 'total' then m.offered else 0 end,
                   answered = n.answered + case $4 when 'total' then m.answered else 0 end,
                   qualified = n.qualified + case $4 when 'total' then m.qualified else 0 end,
                   windows_from = b.windows_from, windows_until = b.windows_until
              from moved m,
                   (select max(w.starts_at) as windows_from, min(w.ends_at) as windows_until
                      from capconduit.%3$I w where w.%4$I = $1) b
             where n.%2$I = $1
            returning n.offered, n.answered, n.qualified
        ), marks as (
            update capconduit.%3$I w
               set offered = w.offered + case $4 when 'total' then m.offered when w.span then - m.offered else 0 end,
                   answered = w.answered + case $4 when 'total' then m.answered when w.span then - m.answered else 0 end,
                   qualified = w.qualified + case $4 when 'total' then m.qualified when w.span then - m.qualified else 0 end
              from moved m
             where w.%4$I = $1
            returning w.span, w.starts_at, w.offered, w.answered, w.qualified
        ), noted as (
            insert into capconduit.%5$I (%4$I, span, starts_at, offered, answered, qualified, reason, user_id)
            select $1, w.span, w.starts_at, m.offered, m.answered, m.qualified, $5, capconduit.session_user_id()
              from marks w, moved m
             where w.span = $4
        )
        select case $2 when 'offered' then n.offered - coalesce(w.offered, 0) when 'answered' then n.answered - coalesce(w.answered, 0)
                       else n.qualified - coalesce(w.qualified, 0) end
          from life n
          left join marks w on w.span = $4
        $move$, counters, key, windows, whose, adjustments)
      into used
      using subject, cap.counts, delta, cap.span, left(btrim(reason), 255);
    if used < 0 then
        raise exception 'what is used of cap % would fall below 0', cap.id using errcode = 'invalid_parameter_value';
    end if;
    if used > 1000000000000000 then
        raise exception 'what is used of cap % would exceed 1000000000000000', cap.id using errcode = 'invalid_parameter_value';
    end if;
    perform capconduit.write_audit('adjust', 'caps', cap.id::text, jsonb_build_object('used', used - delta),
        jsonb_build_object('used', used, 'delta', delta, 'reason', left(btrim(reason), 255)));
    status := 'ok';
end
$$;

-- The same of meters, in two steps, since these come behind all links: what the calls are, before they are deleted.
create function meter_use(calls text[]) returns jsonb
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass('capconduit.meters') is null then
        return null;
    end if;
    return (
        with uses as (
            select m.id as meter_id, c.reserved_at, c.in_flight, c.offered, c.answered, c.qualified
              from capconduit.window_calls_view c
              join capconduit.meters m on (m.subject_type, m.subject_id) = ('client', c.client_id)
             where c.uniqueid = any (calls) and c.source <> 'live_calls'
             union all
            select m.id, c.reserved_at, c.in_flight, c.offered, c.answered, c.qualified
              from capconduit.subject_calls_view c
              join capconduit.meters m on (m.subject_type, m.subject_id, m.owner_id) = (c.subject_type, c.subject_id, c.user_id)
             where c.uniqueid = any (calls) and c.source <> 'live_calls'
        )
        select jsonb_agg(to_jsonb(u))
          from uses u
         where u.in_flight > 0
            or exists (select from capconduit.meter_windows w where w.meter_id = u.meter_id and w.starts_at <= u.reserved_at));
end
$$;

create function keep_meter_use(uses jsonb) returns void
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    meters bigint[];
begin
    if uses is null then
        return;
    end if;
    select array_agg(distinct u.meter_id) into meters from jsonb_to_recordset(uses) u (meter_id bigint);
    perform capconduit.lock_meters(meters);
    update capconduit.meters m
       set unsettled = m.unsettled - c.calls
      from (select u.meter_id, sum(u.in_flight) as calls
              from jsonb_to_recordset(uses) u (meter_id bigint, in_flight integer)
             group by u.meter_id) c
     where m.id = c.meter_id;
    insert into capconduit.meter_adjustments as a (meter_id, span, starts_at, offered, answered, qualified, reason)
    select w.meter_id, w.span, w.starts_at, sum(c.offered), sum(c.answered), sum(c.qualified), 'purged'
      from capconduit.meter_windows w
      join jsonb_to_recordset(uses)
           c (meter_id bigint, reserved_at timestamptz, offered integer, answered integer, qualified integer)
        on c.meter_id = w.meter_id and c.reserved_at >= w.starts_at
     group by w.meter_id, w.span
    having sum(c.offered + c.answered + c.qualified) > 0
    on conflict (meter_id, span, starts_at) where reason = 'purged' do update
       set offered = a.offered + excluded.offered, answered = a.answered + excluded.answered,
           qualified = a.qualified + excluded.qualified;
    update capconduit.meter_windows w
       set unsettled = w.unsettled - c.calls
      from (select o.meter_id, o.span, sum(u.in_flight) as calls
              from capconduit.meter_windows o
              join jsonb_to_recordset(uses) u (meter_id bigint, reserved_at timestamptz, in_flight integer)
                on u.meter_id = o.meter_id and u.reserved_at < o.starts_at and u.in_flight > 0
             group by o.meter_id, o.span) c
     where (w.meter_id, w.span) = (c.meter_id, c.span);
    delete from capconduit.meter_adjustments a
     using capconduit.meter_windows w
     where a.meter_id = any (meters) and (w.meter_id, w.span) = (a.meter_id, a.span) and a.starts_at < w.starts_at
       and a.reason = 'purged';
end
$$;

-- In the order in which calls lock them, one after the other: a plan that sorts them may lock them as they lie.
create function lock_meters(meters bigint[]) returns void
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    meter bigint;
begin
    for meter in
        select m.id from capconduit.meters m
         where m.id = any (meters)
         order by array_position(array['did', 'campaign', 'seller', 'client'], m.subject_type), m.subject_id
    loop
        perform from capconduit.meters m where m.id = meter for no key update;
    end loop;
end
$$;

create or replace function purge_call_logs(
    before timestamptz, after_id bigint default 0, max integer default 1000,
    out status text, out records integer, out attempts integer, out last_id bigint)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    calls text[];
    links bigint[];
    uses jsonb;
begin
    if before is null or before > now() - interval '3 days' then
        raise exception 'before must be at least three days ago' using errcode = 'invalid_parameter_value';
    end if;
    if after_id is null or max is null or max not between 1 and 100000 then
        raise exception 'after_id must be a number, max between 1 and 100000'
            using errcode = 'invalid_parameter_value';
    end if;
    records := 0;
    attempts := 0;
    -- A stretch of ids rather than of rows: it is found by the primary key, whatever the planner knows of the table.
    select g.id + max - 1 into last_id from capconduit.call_logs g where g.id > after_id order by g.id limit 1;
    if not found then
        status := 'done';
        return;
    end if;
    status := 'ok';
    -- Before any other table, as everywhere: what windows have used is told by calls in flight, too.
    lock table capconduit.live_calls in access share mode;
    -- What is deleted is locked first, so that no correction comes between.
    select array_agg(g.asterisk_uniqueid), array_agg(g.link_id) filter (where g.counted and g.link_id is not null)
      into calls, links
      from (select l.asterisk_uniqueid, l.link_id, l.counted
              from capconduit.call_logs l
             where l.id > after_id and l.id <= last_id and l.timestamp_start < before
               for update) g;
    if to_regclass('capconduit.window_calls_view') is not null then
        perform capconduit.keep_window_use(calls);
        -- A first cap that counts these calls meanwhile has locked their links: its meter is there before it is asked for.
        perform from capconduit.link_counters n
          where n.link_id in (select g.link_id from capconduit.call_logs g
                               where g.asterisk_uniqueid = any (calls)
                                 and coalesce(g.reserved_at, g.timestamp_start) > now() - interval '33 days')
          order by n.link_id
            for no key update;
        uses := capconduit.meter_use(calls);
    end if;
    delete from capconduit.call_attempts a where a.uniqueid = any (calls);
    get diagnostics attempts = row_count;
    delete from capconduit.call_logs g where g.asterisk_uniqueid = any (calls);
    get diagnostics records = row_count;
    -- The counters last, by ascending id, as everywhere.
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for no key update;
    -- total = base + counted records: what leaves the records goes into the base.
    update capconduit.link_counters n
       set base = n.base + g.calls
      from (select link_id, count(*) as calls from unnest(links) l (link_id) group by link_id) g
     where n.link_id = g.link_id;
    perform capconduit.keep_meter_use(uses);
end
$$;

alter function verify_windows() owner to capconduit_owner;
alter function keep_window_use(text[]) owner to capconduit_owner;
alter function meter_use(text[]) owner to capconduit_owner;
alter function keep_meter_use(jsonb) owner to capconduit_owner;
revoke all on function verify_windows() from public;
revoke all on function keep_window_use(text[]) from public;
revoke all on function meter_use(text[]) from public;
revoke all on function keep_meter_use(jsonb) from public;
comment on function verify_windows is 'Gives a row for each figure of a present window that differs from the rows behind it; verify_counters has them, too';
comment on function keep_window_use is 'Keeps what records that are about to be deleted have used of open windows';
comment on function meter_use is 'What calls that are about to be deleted have used of open windows of meters';
comment on function keep_meter_use is 'Keeps that';
comment on function lock_meters is 'Locks meters in the order of calls';
comment on function adjust_cap is 'Moves what a cap has used by hand, with a reason; audited';
comment on function mend_future_windows is 'Begins windows now that a wrong clock has begun in the future; audited';

------------------------------------------------------------------------------------------------------------
-- For the planner: what a look costs beside a comparison, how many rows it gives (a campaign's links), and that it may run in
-- a parallel query: it reads at the query's own snapshot and changes nothing.
------------------------------------------------------------------------------------------------------------

alter function preview_route(text) cost 200 parallel safe;
alter function explain_route(text) cost 1000 rows 5 parallel safe;
alter function explain_own_did(text) cost 2000 rows 5 parallel safe;

------------------------------------------------------------------------------------------------------------
-- Looking for one caller at one instant.
------------------------------------------------------------------------------------------------------------

-- The same for one caller at one instant. Whatever a later rule has to tell is in `detail`, so no function changes its columns.
create function preview_call(
    did text, caller text default null, at timestamptz default null, node text default null,
    out status text, out reason text, out hangup_cause integer, out did_id bigint, out campaign_id bigint,
    out link_id bigint, out client_id bigint, out client_identifier text, out detail jsonb)
language c stable parallel safe cost 500
as 'MODULE_PATHNAME', 'preview_call_wrapper';

create function explain_call(
    did text, caller text default null, at timestamptz default null, node text default null,
    out campaign_id bigint, out campaign_name text, out routing_strategy text, out link_id bigint,
    out client_id bigint, out client_identifier text, out eligible boolean, out reason text,
    out active integer, out max_concurrency integer, out counted bigint, out total_calls_allowed bigint,
    out forwarding_priority integer, out weight integer, out place integer, out share double precision, out did_id bigint,
    out reject_reason text, out detail jsonb)
returns setof record
language c stable parallel safe cost 2000 rows 5
as 'MODULE_PATHNAME', 'explain_call_wrapper';

-- The same for a seller: of what gates go by no more than when one opens.
create function explain_own_call(
    did text, caller text default null, at timestamptz default null,
    out campaign_id bigint, out campaign_name text, out routing_strategy text, out link_id bigint,
    out client_id bigint, out client_identifier text, out eligible boolean, out reason text,
    out active integer, out max_concurrency integer, out counted bigint, out total_calls_allowed bigint,
    out forwarding_priority integer, out weight integer, out place integer, out share double precision, out did_id bigint,
    out reject_reason text, out opens_at timestamptz)
returns setof record
language c stable parallel safe cost 2000 rows 5 security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'explain_own_call_wrapper';

alter function preview_call(text, text, timestamptz, text) owner to capconduit_owner;
alter function explain_call(text, text, timestamptz, text) owner to capconduit_owner;
alter function explain_own_call(text, text, timestamptz) owner to capconduit_owner;
revoke execute on function preview_call(text, text, timestamptz, text), explain_call(text, text, timestamptz, text) from public;
comment on function preview_call is 'preview_route for one caller at one instant, with the gates and links that it passes';
comment on function explain_call is 'explain_route for one caller at one instant, with the gates of each link and what they go by';
comment on function explain_own_call is 'explain_call for the seller who asks: when a gate opens, and no figures; another''s number looks like an unknown one';

------------------------------------------------------------------------------------------------------------
-- How calls reach each table.
------------------------------------------------------------------------------------------------------------

create function table_access(out table_name text, out operation text, out access text, out reason text)
returns setof record
language c stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'table_access_wrapper';
alter function table_access() owner to capconduit_owner;
revoke execute on function table_access() from public;
comment on function table_access is 'How calls reach each table: directly, as SQL statements, or not at all, and why';

------------------------------------------------------------------------------------------------------------
-- Logins: the networks from which an account has logged in, and sessions that end however much they are used. The
-- service of 0.2.0 goes on with the functions of the same names that take less.
------------------------------------------------------------------------------------------------------------

-- account: the name as accounts are compared, whether or not there is one. What it has set up as its second factor: null, nothing.
create function find_login(
    username text, network text,
    out user_id bigint, out password_hash text, out status text, out known boolean, out account text,
    out totp_secret bytea, out totp_key text, out last_step bigint, out recovery_hashes bytea[])
language sql stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    select u.id, u.password_hash, u.status,
           exists (select from capconduit.login_networks n
                    where n.user_id = u.id and n.network = find_login.network::cidr),
           one.account, f.totp_secret, f.totp_key, f.last_step, f.recovery_hashes
      from (select lower(find_login.username) as account) one
      left join capconduit.users u on lower(u.username) = one.account
      left join capconduit.second_factors f on f.user_id = u.id and f.confirmed_at is not null
$$;

-- step, or recovery_hash: the code of the second factor, of a user who has one. False, too, when it was used meanwhile. The user's row is
-- locked first, as whoever deletes the user does.
create function open_session(
    user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer, network text, step bigint, recovery_hash bytea)
returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from capconduit.users u where u.id = open_session.user_id for share;
    if (step is not null or recovery_hash is not null)
        and not capconduit.use_second_factor(user_id, step, recovery_hash) then
        return false;
    end if;
    insert into capconduit.sessions (token_hash, user_id, expires_at, by_code)
    select open_session.token_hash, u.id, now() + make_interval(secs => lifetime_seconds),
           step is not null or recovery_hash is not null
      from capconduit.users u
     where u.id = open_session.user_id and u.password_hash = verified_hash and u.status = 'active'
       for share;
    if not found then
        return false;
    end if;
    insert into capconduit.login_networks as n (user_id, network)
    values (open_session.user_id, open_session.network::cidr)
        on conflict on constraint login_networks_pkey do update set last_login_at = now()
     where n.last_login_at < now() - interval '1 hour';
    return true;
end
$$;

-- cookie_seconds: how long its cookie is good for from now, when the session has just moved on; else null.
create function find_session(
    token_hash bytea, lifetime_seconds integer, longest_seconds integer,
    out user_id bigint, out role text, out cookie_seconds integer)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    seen timestamptz;
    longest interval := make_interval(secs => longest_seconds);
begin
    select u.id, u.role, s.last_seen_at into user_id, role, seen
      from capconduit.sessions s
      join capconduit.users u on u.id = s.user_id
     where s.token_hash = find_session.token_hash and s.expires_at > now() and s.created_at + longest > now()
       and u.status = 'active';
    if seen < now() - interval '1 minute' then
        update capconduit.sessions s
           set last_seen_at = now(),
               expires_at = least(now() + make_interval(secs => lifetime_seconds), s.created_at + longest)
         where s.token_hash = find_session.token_hash
        returning ceil(extract(epoch from s.expires_at - now()))::integer into cookie_seconds;
    end if;
end
$$;

-- An account keeps the hundred networks that it used last, each for ninety days after its last login there.
create function forget_login_networks() returns bigint
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with gone as (
        delete from capconduit.login_networks n
         where n.last_login_at < now() - interval '90 days'
            or (n.user_id, n.network) in (
                   select r.user_id, r.network
                     from (select a.user_id, a.network,
                                  row_number() over (partition by a.user_id order by a.last_login_at desc, a.network) as place
                             from capconduit.login_networks a) r
                    where r.place > 100)
        returning 1)
    select count(*) from gone
$$;

alter function find_login(text, text) owner to capconduit_owner;
alter function open_session(bigint, text, bytea, integer, text, bigint, bytea) owner to capconduit_owner;
alter function find_session(bytea, integer, integer) owner to capconduit_owner;
alter function forget_login_networks() owner to capconduit_owner;
revoke all on function
    find_login(text, text), open_session(bigint, text, bytea, integer, text, bigint, bytea), find_session(bytea, integer, integer),
    forget_login_networks()
    from public;

comment on function find_login(text, text) is 'Account of one login name, whether it has logged in from this network, and its second factor';
comment on function open_session(bigint, text, bytea, integer, text, bigint, bytea) is
    'Opens a session for a password, and a code if the user needs one, that were just verified, and notes the network it came from';
comment on function find_session(bytea, integer, integer) is
    'User of one session, by the hash of its token; the session moves on with use, up to its longest life';
comment on function forget_login_networks is 'Sweeps networks that accounts have not logged in from for long';

------------------------------------------------------------------------------------------------------------
-- The second factor of a login. Its row is locked by whoever uses a code, so of two who send the same one the second finds it used.
------------------------------------------------------------------------------------------------------------

-- A step of time once, and none before it; a recovery code once.
create function use_second_factor(user_id bigint, step bigint, recovery_hash bytea) returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Who uses it stands in the audit.
    perform set_config('capconduit.user_id', user_id::text, true);
    if step is not null then
        update capconduit.second_factors f set last_step = step
         where f.user_id = use_second_factor.user_id and f.confirmed_at is not null and (f.last_step is null or f.last_step < step);
    else
        update capconduit.second_factors f set recovery_hashes = array_remove(f.recovery_hashes, recovery_hash)
         where f.user_id = use_second_factor.user_id and f.confirmed_at is not null and recovery_hash = any (f.recovery_hashes);
    end if;
    return found;
end
$$;

-- Without the second factor that a user has, no session begins: the row is left out.
create function need_second_factor() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not new.by_code
        and exists (select from capconduit.second_factors f where f.user_id = new.user_id and f.confirmed_at is not null) then
        return null;
    end if;
    return new;
end
$$;

create function end_other_sessions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capconduit.sessions s
     where s.user_id = old.user_id
       and encode(s.token_hash, 'hex') is distinct from current_setting('capconduit.keep_session', true);
    return null;
end
$$;

create function has_second_factor(user_id bigint) returns boolean
language sql stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    select exists (select from capconduit.second_factors f
                    where f.user_id = has_second_factor.user_id and f.confirmed_at is not null)
$$;

-- The own one, also before it is confirmed.
create function find_second_factor(
    out totp_secret bytea, out totp_key text, out confirmed_at timestamptz, out last_step bigint, out recovery_hashes bytea[])
returns setof record
language sql stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    select f.totp_secret, f.totp_key, f.confirmed_at, f.last_step, f.recovery_hashes
      from capconduit.second_factors f where f.user_id = capconduit.session_user_id()
$$;

-- Anew until it is confirmed. By the password that was verified: a session alone gives its user no second factor.
create function begin_second_factor(verified_hash text, totp_secret bytea, totp_key text) returns boolean
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with begun as (
        insert into capconduit.second_factors as f (user_id, totp_secret, totp_key)
        select u.id, begin_second_factor.totp_secret, begin_second_factor.totp_key
          from capconduit.users u
         where u.id = capconduit.session_user_id() and u.password_hash = verified_hash and u.status = 'active'
            on conflict on constraint second_factors_pkey do update
           set totp_secret = excluded.totp_secret, totp_key = excluded.totp_key, created_at = now(), last_step = null
         where f.confirmed_at is null
        returning 1)
    select exists (select from begun)
$$;

-- By a first code. The user's row is locked first: a login that has not seen it has its session, which ends, or none.
create function confirm_second_factor(totp_secret bytea, step bigint, recovery_hashes bytea[]) returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from capconduit.users u where u.id = capconduit.session_user_id() for no key update;
    update capconduit.second_factors f
       set confirmed_at = now(), last_step = step, recovery_hashes = confirm_second_factor.recovery_hashes
     where f.user_id = capconduit.session_user_id() and f.confirmed_at is null
       and f.totp_secret = confirm_second_factor.totp_secret;
    return found;
end
$$;

create function replace_recovery_codes(step bigint, recovery_hash bytea, new_hashes bytea[]) returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not capconduit.use_second_factor(capconduit.session_user_id(), step, recovery_hash) then
        return false;
    end if;
    update capconduit.second_factors f set recovery_hashes = new_hashes where f.user_id = capconduit.session_user_id();
    return found;
end
$$;

create function remove_second_factor(step bigint, recovery_hash bytea) returns boolean
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not capconduit.use_second_factor(capconduit.session_user_id(), step, recovery_hash) then
        return false;
    end if;
    delete from capconduit.second_factors f where f.user_id = capconduit.session_user_id();
    return found;
end
$$;

alter function use_second_factor(bigint, bigint, bytea) owner to capconduit_owner;
alter function need_second_factor() owner to capconduit_owner;
alter function end_other_sessions() owner to capconduit_owner;
alter function has_second_factor(bigint) owner to capconduit_owner;
alter function find_second_factor() owner to capconduit_owner;
alter function begin_second_factor(text, bytea, text) owner to capconduit_owner;
alter function confirm_second_factor(bytea, bigint, bytea[]) owner to capconduit_owner;
alter function replace_recovery_codes(bigint, bytea, bytea[]) owner to capconduit_owner;
alter function remove_second_factor(bigint, bytea) owner to capconduit_owner;
revoke all on function use_second_factor(bigint, bigint, bytea) from public;
revoke all on function need_second_factor() from public;
revoke all on function end_other_sessions() from public;
revoke all on function has_second_factor(bigint) from public;
revoke all on function find_second_factor() from public;
revoke all on function begin_second_factor(text, bytea, text) from public;
revoke all on function confirm_second_factor(bytea, bigint, bytea[]) from public;
revoke all on function replace_recovery_codes(bigint, bytea, bytea[]) from public;
revoke all on function remove_second_factor(bigint, bytea) from public;

comment on function use_second_factor is 'Uses up a code of a user''s second factor: a step of time, or a recovery code';
comment on function need_second_factor is 'Trigger: no session of a user begins without the second factor that it has';
comment on function end_other_sessions is 'Trigger: sessions end when a second factor is set up or taken away';
comment on function has_second_factor is 'Whether a user''s logins need a code';
comment on function find_second_factor is 'The own second factor, to verify a code';
comment on function begin_second_factor is 'Begins to set up one''s own second factor, given the verified hash of the password';
comment on function confirm_second_factor is 'Ends setting it up, by the step of a code that was just verified';
comment on function replace_recovery_codes is 'Replaces one''s own recovery codes, by a code that was just verified';
comment on function remove_second_factor is 'Takes one''s own second factor away, by a code that was just verified';

------------------------------------------------------------------------------------------------------------
-- Texts that people give to things. Existing rows stay as they are, and can be changed: only a text that is written anew is
-- looked at, so this is a trigger and no constraint.
------------------------------------------------------------------------------------------------------------

-- The rule of pg_ext/core/src/names.rs: no control characters (line breaks and tabs in prose), no marks of direction or
-- other invisible characters, and something that can be seen.
create function is_plain_text(value text, lines boolean default false) returns boolean
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select value !~ case when lines then '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]'
                         else '[\u0001-\u001F\u007F-\u009F]' end
       and value !~ ('[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164'
                     || '\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A'
                     || '\U000E0000-\U000E00FF\U000E01F0-\U000E0FFF]')
       and (value = ''
            or value ~ ('[^\u0001-\u0020\u007F-\u00A0\u1680\u180B-\u180D\u180F\u2000-\u200A\u200C\u200D\u202F\u205F\u2800'
                        || '\u3000\uFE00-\uFE0F\U000E0100-\U000E01EF]'))
$$;

-- Its arguments are columns; `:lines` marks prose.
create function check_texts() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    is_now jsonb := to_jsonb(new);
    was jsonb := case when tg_op = 'UPDATE' then to_jsonb(old) end;
    argument text;
    name text;
begin
    foreach argument in array tg_argv loop
        name := split_part(argument, ':', 1);
        if was -> name is distinct from is_now -> name
            and not capconduit.is_plain_text(is_now ->> name, argument like '%:lines')
        then
            raise exception '%.% holds control characters, invisible ones or marks of direction, or nothing that can be seen',
                    tg_table_name, name
                using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = name,
                      constraint = tg_table_name || '_' || name || '_check';
        end if;
    end loop;
    return new;
end
$$;

-- For whoever copies records. Whatever changes one marks it, by hand in SQL, too; the one who inserts it does so by the default.
create function mark_changed() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.changed_xid := pg_current_xact_id();
    return new;
end
$$;

-- A commit can be seen before it is on disk (early lock release); what has been copied must not be lost here.
create function flush_seen() returns void
language c volatile parallel unsafe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'flush_seen_wrapper';

create function delete_windows() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capconduit.link_windows w where w.link_id = old.link_id;
    delete from capconduit.link_adjustments a where a.link_id = old.link_id;
    return null;
end
$$;

-- The names that calls can count by: those that the library reads.
create function is_time_zone(name text) returns boolean
language c stable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'is_time_zone_wrapper';

create function check_time_zone() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not capconduit.is_time_zone(new.time_zone) and (tg_op = 'INSERT' or new.time_zone is distinct from old.time_zone) then
        raise exception 'time zone % is not accepted: IANA''s name of a place such as Europe/Berlin is expected, or UTC',
                quote_literal(left(new.time_zone, 64))
            using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = 'time_zone',
                  constraint = tg_table_name || '_time_zone_check';
    end if;
    return new;
end
$$;

create or replace function lock_counters_in_order() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    links bigint[];
begin
    if tg_table_name = 'clients' then
        select array_agg(s.id) into links
          from (select id from capconduit.campaign_client_settings where client_id = old.id order by id for update) s;
    elsif tg_table_name = 'campaigns' then
        select array_agg(s.id) into links
          from (select id from capconduit.campaign_client_settings where campaign_id = old.id order by id for update) s;
    else
        -- Clients that the user made lose their maker: they come before their links, as where a client itself is changed.
        perform from capconduit.clients k where k.created_by = old.id order by k.id for no key update;
        -- No link is added to a campaign that is locked.
        perform from capconduit.campaigns c where c.user_id = old.id order by c.id for update;
        select array_agg(s.id) into links
          from (select id from capconduit.campaign_client_settings
                 where campaign_id in (select c.id from capconduit.campaigns c where c.user_id = old.id)
                 order by id
                   for update) s;
        -- Caps that the user set lose their maker, behind the links as where one of these is deleted. Before the migration that
        -- makes them there are none.
        if to_regclass('capconduit.caps') is not null then
            perform from capconduit.caps c where c.created_by = old.id order by c.id for no key update;
        end if;
    end if;
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for update;
    return old;
end
$$;

create function mark_capped() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    link bigint;
begin
    foreach link in array array_remove(array[case when tg_op <> 'INSERT' then old.link_id end,
                                             case when tg_op <> 'DELETE' then new.link_id end], null)
    loop
        -- One after the other: whoever takes the last cap away must see the one that another transaction adds. One that looks at
        -- a snapshot of its own would not: it leaves the mark, which does no harm.
        perform from capconduit.campaign_client_settings s where s.id = link for no key update;
        update capconduit.campaign_client_settings s
           set capped = not s.capped
         where s.id = link and s.capped <> exists (select from capconduit.caps c where c.link_id = link)
           and (not s.capped or current_setting('transaction_isolation') = 'read committed');
    end loop;
    return null;
end
$$;

create function delete_meter_windows() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capconduit.meter_windows w where w.meter_id = old.id;
    delete from capconduit.meter_adjustments a where a.meter_id = old.id;
    return null;
end
$$;

-- The client's and the seller's rows are locked against a first cap: either that one finds the link, or the link finds the meter.
create function note_metered() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    select c.metered into new.client_metered
      from capconduit.clients c
     where c.id = (select s.client_id from capconduit.campaign_client_settings s where s.id = new.link_id)
       for key share;
    select u.metered into new.seller_metered
      from capconduit.users u
     where u.id = (select c.user_id from capconduit.campaign_client_settings s
                     join capconduit.campaigns c on c.id = s.campaign_id
                    where s.id = new.link_id)
       for key share;
    new.client_metered := coalesce(new.client_metered, false);
    new.seller_metered := coalesce(new.seller_metered, false);
    return new;
end
$$;

-- What has no meter yet gets one, which begins with the calls that it has had. All links concerned are locked, so each call is counted
-- before or after, and none twice.
create function make_meter(subject_type text, subject_id bigint) returns void
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    type constant text := make_meter.subject_type;
    subject constant bigint := make_meter.subject_id;
    give_up_at constant timestamptz := clock_timestamp() + interval '15 seconds';
    caller_s_timeout constant text := current_setting('lock_timeout');
    owner bigint;
    meter bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'the first cap or spacing of a % is to be set in a transaction that is read committed', type
            using errcode = 'feature_not_supported';
    end if;
    loop
        begin
            perform set_config('lock_timeout', '100ms', true);
            -- First, as everything that works on calls does.
            lock table capconduit.live_calls in access share mode;
            lock table capconduit.link_counters in row exclusive mode;
            -- Against a change of hands, new links, and another first cap.
            owner := null;
            case type
                when 'client' then
                    perform from capconduit.clients c where c.id = subject for update;
                when 'did' then
                    select d.user_id into owner from capconduit.dids d where d.id = subject for update;
                when 'campaign' then
                    select c.user_id into owner from capconduit.campaigns c where c.id = subject for update;
                when 'seller' then
                    owner := subject;
            end case;
            if owner is not null then
                perform from capconduit.users u where u.id = owner for update;
            end if;
            -- One that is not there is refused by the foreign key.
            if not found or exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = (type, subject)) then
                perform set_config('lock_timeout', caller_s_timeout, true);
                return;
            end if;
            if owner is null then
                perform from capconduit.link_counters n
                  where n.link_id in (select s.id from capconduit.campaign_client_settings s where s.client_id = subject)
                  order by n.link_id
                    for no key update;
            else
                -- Also links of campaigns that it has given away, as long as its calls are up there.
                perform from capconduit.link_counters n
                  where n.link_id in (select s.id from capconduit.campaign_client_settings s
                                        join capconduit.campaigns c on c.id = s.campaign_id
                                       where c.user_id = owner
                                       union
                                      select l.link_id from capconduit.live_calls l where l.user_id = owner)
                  order by n.link_id
                    for no key update;
            end if;
            perform set_config('lock_timeout', caller_s_timeout, true);
            exit;
        exception when lock_not_available then
            if clock_timestamp() > give_up_at then
                raise;
            end if;
        end;
        -- Nothing is locked here: calls go on while somebody else holds what is needed.
        perform pg_sleep(0.2);
    end loop;
    if owner is null then
        meter := capconduit.begin_client_meter(subject);
    else
        meter := capconduit.begin_meter(type, subject, owner);
    end if;
    update capconduit.meters m
       set windows_from = w.windows_from, windows_until = w.windows_until
      from (select max(w.starts_at) as windows_from, min(w.ends_at) as windows_until
              from capconduit.meter_windows w where w.meter_id = meter) w
     where m.id = meter and w.windows_from is not null;
end
$$;

-- Of a number, a campaign or a seller, by the rows of its calls: those that are up, and all records that are kept.
create function begin_meter(type text, subject bigint, owner bigint) returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    -- Where a clock was set back, in the windows of what is up.
    instant constant timestamptz := (select greatest(clock_timestamp(), max(l.attempt_at))
                                       from capconduit.live_calls l where l.user_id = owner);
    meter bigint;
begin
    insert into capconduit.meters (subject_type, subject_id, owner_id, active, unsettled, offered, answered, qualified)
    values (type, subject, owner, 0, 0, 0, 0, 0)
    returning id into meter;
    -- Written out for each, so that an index serves: the campaign's or the seller's.
    execute format($count$
        with calls as materialized (
            select c.source, c.in_flight, c.offered, c.answered, c.qualified,
                   case when $5 and c.campaign_id = $2 then coalesce(c.overflowed_at, c.reserved_at) else c.reserved_at end as reserved_at
              from capconduit.metered_calls_view c
             where c.user_id = $3 and (c.%1$I = $2 or $5 and c.overflowed_from = $2)
        ), life as (
            update capconduit.meters m
               set active = c.active, unsettled = c.unsettled, offered = c.offered, answered = c.answered, qualified = c.qualified
              from (select coalesce(sum(c.in_flight) filter (where c.source = 'live_calls'), 0) as active,
                           coalesce(sum(c.in_flight) filter (where c.source = 'call_logs'), 0) as unsettled,
                           coalesce(sum(c.offered), 0) as offered, coalesce(sum(c.answered), 0) as answered,
                           coalesce(sum(c.qualified), 0) as qualified
                      from calls c) c
             where m.id = $1
            returning m.*
        )
        insert into capconduit.meter_windows (meter_id, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified)
        select $1, v.span, p.starts_at, p.ends_at, u.time_zone, n.active - c.active, n.unsettled - c.unsettled, n.offered - c.offered,
               n.answered - c.answered, n.qualified - c.qualified
          from life n,
               capconduit.users u,
               unnest(array['hour', 'day', 'week', 'month']) v (span),
               lateral capconduit.present_window(v.span, $4, u.time_zone, null, null, null) p,
               lateral (select coalesce(sum(c.in_flight) filter (where c.source = 'live_calls'), 0) as active,
                               coalesce(sum(c.in_flight) filter (where c.source = 'call_logs'), 0) as unsettled,
                               coalesce(sum(c.offered), 0) as offered, coalesce(sum(c.answered), 0) as answered,
                               coalesce(sum(c.qualified), 0) as qualified
                          from calls c
                         where c.reserved_at >= p.starts_at) c
         where u.id = $3
        $count$, case type when 'did' then 'did_id' when 'campaign' then 'campaign_id' else 'user_id' end)
      using meter, subject, owner, instant, type = 'campaign';
    update capconduit.link_counters n
       set seller_metered = true
     where not n.seller_metered
       and n.link_id in (select s.id from capconduit.campaign_client_settings s
                           join capconduit.campaigns c on c.id = s.campaign_id
                          where c.user_id = owner
                          union
                         select l.link_id from capconduit.live_calls l where l.user_id = owner);
    update capconduit.users u set metered = true where u.id = owner and not u.metered;
    return meter;
end
$$;

-- Of a client, by its links' counters: no index leads to its records.
create function begin_client_meter(client bigint) returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    instant constant timestamptz := clock_timestamp();
    meter bigint;
    by_rows boolean := false;
begin
    insert into capconduit.meters (subject_type, subject_id, active, unsettled, offered, answered, qualified)
    select 'client', client, coalesce(sum(n.active), 0), coalesce(sum(n.unsettled), 0), coalesce(sum(n.offered), 0),
           coalesce(sum(n.answered), 0), coalesce(sum(n.qualified), 0)
      from capconduit.link_counters n
      join capconduit.campaign_client_settings s on s.id = n.link_id
     where s.client_id = client
    returning id into meter;
    -- A client's window has used what the open windows of its links have used. Where none is open, it has used nothing.
    with windows as (
        select w.*, p.starts_at as goes_from, p.ends_at as goes_until, w.starts_at = p.starts_at as goes_on, k.time_zone as zone,
               n.active as now_active, n.unsettled as now_unsettled, n.offered as now_offered, n.answered as now_answered,
               n.qualified as now_qualified
          from capconduit.campaign_client_settings s
          join capconduit.clients k on k.id = s.client_id
          join capconduit.link_counters n on n.link_id = s.id
          join capconduit.link_windows w on w.link_id = s.id,
               lateral capconduit.present_window(w.span, instant, k.time_zone, w.starts_at, w.ends_at, w.time_zone) p
         where s.client_id = client
    ), begun as (
        select w.span, min(w.zone) as zone,
               coalesce(min(w.goes_from) filter (where w.goes_on), min(w.goes_from)) as starts_at,
               coalesce(max(w.goes_until) filter (where w.goes_on), max(w.goes_until)) as ends_at,
               coalesce(sum(w.now_active - w.active) filter (where w.goes_on), 0) as active,
               coalesce(sum(w.now_unsettled - w.unsettled) filter (where w.goes_on), 0) as unsettled,
               coalesce(sum(w.now_offered - w.offered) filter (where w.goes_on), 0) as offered,
               coalesce(sum(w.now_answered - w.answered) filter (where w.goes_on), 0) as answered,
               coalesce(sum(w.now_qualified - w.qualified) filter (where w.goes_on), 0) as qualified
          from windows w
         group by w.span
    ), purged as (
        insert into capconduit.meter_adjustments (meter_id, span, starts_at, offered, answered, qualified, reason)
        select meter, b.span, b.starts_at, sum(a.offered), sum(a.answered), sum(a.qualified), 'links'
          from begun b
          join windows w on w.span = b.span and w.goes_on
          join capconduit.link_adjustments a on (a.link_id, a.span, a.starts_at) = (w.link_id, w.span, w.starts_at)
         group by b.span, b.starts_at
    )
    insert into capconduit.meter_windows (meter_id, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified)
    select meter, b.span, b.starts_at, b.ends_at, b.zone, m.active - b.active, m.unsettled - b.unsettled, m.offered - b.offered,
           m.answered - b.answered, m.qualified - b.qualified
      from capconduit.meters m, begun b
     where m.id = meter;
    -- Links that are gone have left no counters, but the records of their calls.
    if exists (select from capconduit.gone_links g where g.client_id = client) then
        update capconduit.meters n
           set unsettled = n.unsettled + c.unsettled, offered = n.offered + c.offered, answered = n.answered + c.answered,
               qualified = n.qualified + c.qualified
          from (select coalesce(sum(c.in_flight), 0) as unsettled, coalesce(sum(c.offered), 0) as offered,
                       coalesce(sum(c.answered), 0) as answered, coalesce(sum(c.qualified), 0) as qualified
                  from capconduit.window_calls_view c
                 where c.link_id in (select g.link_id from capconduit.gone_links g
                                      where g.client_id = client
                                        and not exists (select from capconduit.link_counters n where n.link_id = g.link_id))) c
         where n.id = meter;
        insert into capconduit.meter_windows as w
            (meter_id, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified)
        select meter, v.span, p.starts_at, p.ends_at, c.time_zone, 0, 0, 0, 0, 0
          from capconduit.clients c,
               unnest(array['hour', 'day', 'week', 'month']) v (span),
               lateral capconduit.present_window(v.span, instant, c.time_zone, null, null, null) p
         where c.id = client
            on conflict (meter_id, span) do update set starts_at = least(w.starts_at, excluded.starts_at);
        update capconduit.meter_adjustments a
           set starts_at = w.starts_at
          from capconduit.meter_windows w
         where a.meter_id = meter and (w.meter_id, w.span) = (a.meter_id, a.span);
        by_rows := true;
    end if;
    -- The sum is wrong where somebody has moved a link's window, or where a call counts before its slot was reserved. Then the rows are
    -- counted instead.
    if by_rows
        or exists (select from capconduit.meter_windows v
                     join capconduit.campaign_client_settings s on s.client_id = client
                     join capconduit.link_windows w on w.link_id = s.id and w.span = v.span
                    where v.meter_id = meter and w.starts_at <> v.starts_at
                      and (w.starts_at < v.starts_at or (w.offered, w.answered, w.unsettled) <> (0, 0, 0)) and w.ends_at > v.starts_at)
    then
        update capconduit.meter_windows w
           set active = n.active - u.active, unsettled = n.unsettled - u.unsettled, offered = n.offered - u.offered,
               answered = n.answered - u.answered, qualified = n.qualified - u.qualified
          from capconduit.meters n,
               (select v.span,
                       coalesce(sum(c.in_flight) filter (where c.source = 'live_calls'), 0) as active,
                       coalesce(sum(c.in_flight) filter (where c.source = 'call_logs'), 0) as unsettled,
                       coalesce(sum(c.offered), 0) + min(a.offered) as offered,
                       coalesce(sum(c.answered), 0) + min(a.answered) as answered,
                       coalesce(sum(c.qualified), 0) + min(a.qualified) as qualified
                  from capconduit.meter_windows v
                  left join capconduit.window_calls_view c on c.client_id = client and c.reserved_at >= v.starts_at,
                       lateral (select coalesce(sum(a.offered), 0) as offered, coalesce(sum(a.answered), 0) as answered,
                                       coalesce(sum(a.qualified), 0) as qualified
                                  from capconduit.meter_adjustments a
                                 where (a.meter_id, a.span) = (v.meter_id, v.span)) a
                 where v.meter_id = meter
                 group by v.span) u
         where w.meter_id = meter and n.id = meter and u.span = w.span;
    end if;
    update capconduit.link_counters n
       set client_metered = true
     where n.link_id in (select s.id from capconduit.campaign_client_settings s where s.client_id = client);
    update capconduit.clients c set metered = true where c.id = client;
    delete from capconduit.gone_links g where g.client_id = client;
    return meter;
end
$$;

-- Before the first cap is there: its foreign key locks the subject, too, and two such locks would wait for each other.
create function meter_capped() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    type constant text := case when new.client_id is not null then 'client' when new.did_id is not null then 'did'
                               when new.campaign_id is not null then 'campaign' else 'seller' end;
    subject constant bigint := coalesce(new.client_id, new.did_id, new.campaign_id, new.user_id);
begin
    -- One of nothing is refused by the row's own check.
    if subject is not null
        and not exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = (type, subject))
    then
        perform capconduit.make_meter(type, subject);
    end if;
    return new;
end
$$;

-- How many calls at one time a client can take from now on, as it tells itself, and for how long that holds. Its meter has them: calls are
-- judged by its newest version.
create function set_seats(
    client_id bigint, seats integer, ttl_seconds integer, on_stale text default 'rules', sequence bigint default null,
    out status text, out seats_until timestamptz)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    if seats is null or seats not between 0 and 100000 then
        raise exception 'seats must be between 0 and 100000' using errcode = 'invalid_parameter_value';
    end if;
    if ttl_seconds is null or ttl_seconds not between 5 and 86400 then
        raise exception 'ttl_seconds must be between 5 and 86400' using errcode = 'invalid_parameter_value';
    end if;
    if on_stale is null or on_stale not in ('rules', 'close') then
        raise exception 'on_stale must be rules or close' using errcode = 'invalid_parameter_value';
    end if;
    -- First, as everything that works on calls does.
    lock table capconduit.live_calls in access share mode;
    if not exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = ('client', client_id)) then
        perform capconduit.make_meter('client', client_id);
    end if;
    update capconduit.meters m
       set seats = set_seats.seats, seats_until = clock_timestamp() + make_interval(secs => ttl_seconds),
           seats_close = on_stale = 'close', seats_sequence = coalesce(sequence, m.seats_sequence)
     where (m.subject_type, m.subject_id) = ('client', client_id)
       and (sequence is null or m.seats_sequence is null or m.seats_sequence <= sequence)
    returning 'ok', m.seats_until into status, seats_until;
    if status is null then
        select 'outdated', m.seats_until into status, seats_until
          from capconduit.meters m
         where (m.subject_type, m.subject_id) = ('client', client_id);
        status := coalesce(status, 'unknown_client');
    end if;
end
$$;

-- A client tells no seats any more: its caps alone count, and a sequence may begin anew.
create function forget_seats(client_id bigint, out status text)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
    lock table capconduit.live_calls in access share mode;
    update capconduit.meters m
       set seats = null, seats_until = null, seats_close = null, seats_sequence = null
     where (m.subject_type, m.subject_id) = ('client', forget_seats.client_id) and m.seats is not null;
    status := case
        when exists (select from capconduit.clients c where c.id = forget_seats.client_id) then 'ok'
        else 'unknown_client' end;
end
$$;

-- A client's spacing goes by its meter.
create function meter_spaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not new.metered then
        perform capconduit.make_meter('client', new.id);
    end if;
    -- A meter that is new, or was made by a cap, may not know the client's last call yet.
    update capconduit.meters m
       set reserved_at = greatest(m.reserved_at, c.reserved_at)
      from (select max(n.reserved_at) as reserved_at
              from capconduit.link_counters n
              join capconduit.campaign_client_settings s on s.id = n.link_id
             where s.client_id = new.id) c
     where (m.subject_type, m.subject_id) = ('client', new.id) and c.reserved_at is not null
       and m.reserved_at is distinct from greatest(m.reserved_at, c.reserved_at);
    return null;
end
$$;

-- Before the keys of a new link lock its campaign: whoever deletes the seller locks that one first.
create function lock_seller() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from capconduit.users u
      where u.id = (select c.user_id from capconduit.campaigns c where c.id = new.campaign_id)
        for key share;
    return new;
end
$$;

-- Its new owner begins with nothing used, and no caps of the one before. Calls that are up end by what the marks of links said.
create function change_hands() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_table_name = 'campaigns' then
        -- As make_meter: against a first cap of the new owner.
        if (select u.metered from capconduit.users u where u.id = new.user_id for key share) then
            perform from capconduit.link_counters n
              where n.link_id in (select s.id from capconduit.campaign_client_settings s where s.campaign_id = new.id)
              order by n.link_id
                for no key update;
            update capconduit.link_counters n
               set seller_metered = true
             where n.link_id in (select s.id from capconduit.campaign_client_settings s where s.campaign_id = new.id);
        end if;
        delete from capconduit.caps c where c.campaign_id = new.id;
        delete from capconduit.meters m where (m.subject_type, m.subject_id) = ('campaign', new.id);
    else
        delete from capconduit.caps c where c.did_id = new.id;
        delete from capconduit.meters m where (m.subject_type, m.subject_id) = ('did', new.id);
    end if;
    return null;
end
$$;

create function delete_meter() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capconduit.meters m where (m.subject_type, m.subject_id) = (tg_argv[0], old.id);
    return null;
end
$$;

-- What calls of a link have used is its client's, too, if that one should be capped one day.
create function note_gone_link() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into capconduit.gone_links (link_id, client_id)
    select old.id, c.id from capconduit.clients c where c.id = old.client_id and not c.metered;
    return null;
end
$$;

create function refuse_capped_delete() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if (select u.role from capconduit.users u where u.id = capconduit.session_user_id()) = 'user'
        and exists (select from capconduit.caps c
                     where c.set_by = 'platform'
                       and (c.did_id = old.id and tg_table_name = 'dids'
                            or c.campaign_id = old.id and tg_table_name = 'campaigns'
                            or c.link_id = old.id and tg_table_name = 'campaign_client_settings'))
    then
        raise exception '% % has caps of the platform',
                case tg_table_name when 'dids' then 'number' when 'campaigns' then 'campaign' else 'link' end, old.id
            using errcode = 'restrict_violation', constraint = 'caps_of_platform', table = 'caps', schema = 'capconduit',
                  hint = 'Staff can take them away.';
    end if;
    return old;
end
$$;

create function refuse_paused_delete() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if old.platform_paused_until > now()
        and (select u.role from capconduit.users u where u.id = capconduit.session_user_id()) = 'user'
    then
        raise exception '% % is paused by the platform', case tg_table_name when 'campaigns' then 'campaign' else 'link' end, old.id
            using errcode = 'restrict_violation', constraint = 'pause_of_platform', table = tg_table_name, schema = 'capconduit',
                  hint = 'Staff can lift the pause.';
    end if;
    return old;
end
$$;

-- Whether calls look for marks of callers: of what a mark is of; of every seller for the platform's.
create function mark_screened() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    -- Whoever moves a mark fires both.
    goes constant boolean := tg_op = 'DELETE' or tg_name = 'caller_marks_screen_no_more';
    mark record;
    scope text;
    scopes text;
    subject bigint;
    is_screened boolean;
begin
    if goes then
        mark := old;
    else
        mark := new;
    end if;
    subject := coalesce(mark.link_id, mark.client_id, mark.campaign_id, mark.user_id);
    scope := case when mark.link_id is not null then 'link_id' when mark.client_id is not null then 'client_id'
                  when mark.campaign_id is not null then 'campaign_id' else 'user_id' end;
    scopes := case scope when 'link_id' then 'campaign_client_settings' when 'client_id' then 'clients'
                         when 'campaign_id' then 'campaigns' else 'users' end;
    -- One after the other, as mark_capped: whoever takes the last mark away must see the one that another transaction adds. A seller is
    -- screened for the platform's and for its own: those of sellers go on beside each other, and none beside one of the platform's.
    if subject is null then
        perform pg_advisory_xact_lock(3243, 0);
    elsif scope = 'user_id' then
        perform pg_advisory_xact_lock_shared(3243, 0);
    end if;
    -- Planned once, not for each of thousands of marks.
    case scope
        when 'link_id' then
            select s.screened into is_screened from capconduit.campaign_client_settings s where s.id = subject for no key update;
        when 'client_id' then
            select s.screened into is_screened from capconduit.clients s where s.id = subject for no key update;
        when 'campaign_id' then
            select s.screened into is_screened from capconduit.campaigns s where s.id = subject for no key update;
        else
            select s.screened into is_screened from capconduit.users s where s.id = subject for no key update;
    end case;
    if is_screened and not goes then
        return null;
    end if;
    if is_screened is null and subject is not null and not goes then
        raise exception 'There is no % with ID %.', replace(scope, '_id', ''), subject
            using errcode = 'foreign_key_violation', schema = tg_table_schema, table = tg_table_name, column = scope;
    end if;
    -- Of the platform's there may be thousands in an import, and each would look at every seller.
    if subject is null and not goes and not exists (select from capconduit.users u where not u.screened) then
        return null;
    end if;
    execute format($screen$
        update capconduit.%1$I s
           set screened = not s.screened
         where (s.id = $1 or $1 is null)
           and s.screened <> ($2 and exists (select from capconduit.caller_marks m
                                              where num_nonnulls(m.link_id, m.client_id, m.campaign_id, m.user_id) = 0
                                                and m.kind <> 'seen')
                              or exists (select from capconduit.caller_marks m where m.%2$I = s.id and m.kind <> 'seen'))
           and (not s.screened or current_setting('transaction_isolation') = 'read committed')
        $screen$, scopes, scope)
      using subject, scope = 'user_id';
    return null;
end
$$;

-- A new seller has the platform's marks.
create function note_screened() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_advisory_xact_lock_shared(3243, 0);
    new.screened := exists (select from capconduit.caller_marks m
                             where num_nonnulls(m.link_id, m.client_id, m.campaign_id, m.user_id) = 0 and m.kind <> 'seen');
    return new;
end
$$;

-- What is marked goes with what it is of, and does not change hands with it.
create function delete_caller_marks() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    links bigint[];
begin
    if tg_op = 'UPDATE' then
        links := array(select s.id from capconduit.campaign_client_settings s where s.campaign_id = old.id);
    end if;
    execute format($delete$
        delete from capconduit.caller_marks m where (m.%I = $1 or m.link_id = any ($2)) and m.kind <> 'seen'
        $delete$, tg_argv[0]) using old.id, links;
    -- What calls have left is passed over where a record that comes late is at it: it waits for counters, which who deletes holds.
    execute format($delete$
        delete from capconduit.caller_marks m
         where m.id in (select e.id from capconduit.caller_marks e
                         where e.%I = $1 or e.link_id = any ($2) for update skip locked)
        $delete$, tg_argv[0]) using old.id, links;
    execute format($delete$
        delete from capconduit.caller_calls a
         where (a.key, a.uniqueid) in (select l.key, l.uniqueid from capconduit.caller_calls l
                                        where (l.%I = $1 or l.link_id = any ($2)) and (l.until is not null or $3)
                                          for update skip locked)
        $delete$, tg_argv[0]) using old.id, links, tg_op = 'UPDATE';
    return null;
end
$$;

-- Marks that have ended say nothing any more. One that a call is at is left for the next time. What calls have seen goes by itself: of
-- others a trigger waits for what they are of, and a call that comes back to its mark, with counters in hand, would wait as long.
create function forget_caller_marks(max_rows integer, seen boolean) returns bigint
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    ended bigint[];
    mark bigint;
    gone bigint;
begin
    if seen then
        -- First what may have been seen: with marks in hand nothing is waited for. A call that somebody took out by hand has no end, nor has a lost one
        -- whose record is purged.
        perform from capconduit.live_calls l limit 1;
        delete from capconduit.caller_calls a
         where (a.key, a.uniqueid) in (
            select e.key, e.uniqueid from capconduit.caller_calls e
             where e.until <= now()
                or e.until is null and not exists (select from capconduit.live_calls l where l.uniqueid = e.uniqueid)
                or e.until is not null and not exists (select from capconduit.call_logs g where g.asterisk_uniqueid = e.uniqueid)
             limit max_rows for update skip locked);
        delete from capconduit.caller_marks m
         where m.id in (select e.id from capconduit.caller_marks e
                         where e.until <= now() and e.kind = 'seen' order by e.until limit max_rows for update skip locked);
        get diagnostics gone = row_count;
        return gone;
    end if;
    if not exists (select from capconduit.caller_marks e where e.until <= now() and e.kind <> 'seen') then
        return 0;
    end if;
    -- As for a mark of the platform, before any of them: two sweeps, or a sweep and a seller's import, would wait for each other.
    perform pg_advisory_xact_lock(3243, 0);
    ended := array(select e.id from capconduit.caller_marks e
                    where e.until <= now() and e.kind <> 'seen' order by e.until limit max_rows for update skip locked);
    -- One after the other, in the order of imports: what each is of is locked.
    for mark in
        select m.id from capconduit.caller_marks m
         where m.id = any (ended)
         order by m.campaign_id, m.client_id, m.link_id, m.user_id, m.id
    loop
        delete from capconduit.caller_marks m where m.id = mark;
    end loop;
    return cardinality(ended);
end
$$;

-- The right to be forgotten: what is marked of a caller goes, and its number and name in calls and records; the records stay, and count.
-- No index leads from a caller to its records: all of them are read.
create function erase_caller(caller text, out marks bigint, out calls bigint, out records bigint)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    number constant text := btrim(erase_caller.caller);
    marked constant text := case when number ~ '^[1-9][0-9]{1,14}$' then '+' || number else number end;
    begun constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
    audited bigint;
    ended bigint;
    -- As switches give it: with its plus, or without.
    given constant text[] := array[marked] || case when marked ~ '^\+[1-9][0-9]{1,14}$' then array[substr(marked, 2)] end;
begin
    if coalesce(number, '') !~ '[0-9]' then
        raise exception 'erase_caller needs a number' using errcode = 'invalid_parameter_value';
    end if;
    -- What takes long comes first: no call waits for it.
    update capconduit.call_logs g
       set caller_id_num = null, caller_id_name = null
     where btrim(g.caller_id_num, ' ') = any (given);
    get diagnostics records = row_count;
    -- Who had marked it, and that it was marked, stays.
    audited := (select max(a.id) from capconduit.audit_log a);
    update capconduit.audit_log a
       set before = a.before - array['caller', 'note'], after = a.after - array['caller', 'note']
     where a.object_type = 'caller_marks' and marked in (a.before ->> 'caller', a.after ->> 'caller');
    -- Answers that are kept for a repeat.
    delete from capconduit.idempotency_keys k where strpos(k.body, to_json(marked)::text) > 0;
    perform from capconduit.live_calls l where btrim(l.caller_number, ' ') = any (given) order by l.uniqueid for no key update;
    update capconduit.live_calls l
       set caller_number = null, caller_name = null
     where btrim(l.caller_number, ' ') = any (given);
    get diagnostics calls = row_count;
    -- Of calls that have ended since.
    update capconduit.call_logs g
       set caller_id_num = null, caller_id_name = null
     where g.changed_xid >= begun and btrim(g.caller_id_num, ' ') = any (given);
    get diagnostics ended = row_count;
    records := records + ended;
    -- As calls of this caller: a route writes several marks, and would wait for one with another in hand. Late: whoever has locked a record
    -- of it waits for this, too.
    perform pg_advisory_xact_lock(3242, hashtextextended(marked, 0)::bit(32)::integer);
    delete from capconduit.caller_calls a where a.caller = marked;
    delete from capconduit.caller_marks m where m.caller = marked;
    get diagnostics marks = row_count;
    -- Of marks that went just now, or meanwhile.
    update capconduit.audit_log a
       set before = a.before - array['caller', 'note'], after = a.after - array['caller', 'note']
     where a.id > audited and a.object_type = 'caller_marks' and marked in (a.before ->> 'caller', a.after ->> 'caller');
    perform capconduit.write_audit('delete', 'caller_marks', null,
        jsonb_build_object('marks', marks, 'calls', calls, 'records', records), null);
end
$$;

-- What keeps these from being rules for callers that call again; NULL: nothing does. Of 'target': links and clients; of 'call': campaigns
-- and sellers.
create function caller_rules_fault(of text, rules jsonb) returns text
language c immutable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'caller_rules_fault_wrapper';

create function check_caller_rules() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    fault constant text := capconduit.caller_rules_fault(tg_argv[0], new.caller_rules);
begin
    if fault is not null then
        raise exception 'caller_rules: %', fault
            using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = 'caller_rules',
                  constraint = tg_table_name || '_caller_rules_check';
    end if;
    return new;
end
$$;

-- What keeps it from being what a campaign's calls overflow to; NULL: nothing does.
create function overflow_fault(overflow jsonb) returns text
language c immutable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'overflow_fault_wrapper';

create function check_overflow() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    fault text;
begin
    fault := capconduit.overflow_fault(new.overflow);
    -- A campaign that changes hands keeps its own links.
    if fault is null and tg_op = 'UPDATE' and new.user_id <> old.user_id then
        select jsonb_agg(e.exit order by e.place) into new.overflow
          from jsonb_array_elements(new.overflow) with ordinality e (exit, place)
         where e.exit ->> 'link' is not null;
    end if;
    if fault is null then
        select case when e.exit ->> 'link' is null then format('%s: campaign %s is no other campaign of this seller', e.place, e.exit ->> 'campaign')
                    else format('%s: link %s is no link of this campaign', e.place, e.exit ->> 'link') end
          into fault
          from jsonb_array_elements(new.overflow) with ordinality e (exit, place)
         where not coalesce(tg_op = 'UPDATE' and old.overflow @> jsonb_build_array(e.exit), false)
           and not exists (select from capconduit.campaigns c
                            where c.id = (e.exit ->> 'campaign')::bigint and c.id <> new.id and c.user_id = new.user_id)
           and not exists (select from capconduit.campaign_client_settings s
                            where s.id = (e.exit ->> 'link')::bigint and s.campaign_id = new.id)
         order by e.place
         limit 1;
    end if;
    if fault is not null then
        raise exception 'overflow: %', fault
            using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = 'overflow',
                  constraint = tg_table_name || '_overflow_check';
    end if;
    return new;
end
$$;

-- Nobody is sent to what is gone, or is another seller's. A campaign that somebody else is changing is left out: what it names leads nowhere
-- then, and whoever deletes must not wait for a campaign with its links, or with another campaign, in hand.
create function forget_overflow() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    gone constant jsonb := jsonb_build_object(tg_argv[0], old.id);
    row constant jsonb := to_jsonb(old);
begin
    if tg_op = 'UPDATE' and row -> 'user_id' = to_jsonb(new) -> 'user_id' then
        return null;
    end if;
    update capconduit.campaigns c
       set overflow = (select jsonb_agg(e.exit order by e.place)
                         from jsonb_array_elements(c.overflow) with ordinality e (exit, place)
                        where not e.exit @> gone)
     where c.id in (select n.id
                      from capconduit.campaigns n
                     where n.overflow @> jsonb_build_array(gone)
                       and case tg_argv[0] when 'link' then n.id = (row ->> 'campaign_id')::bigint
                                           else n.user_id = (row ->> 'user_id')::bigint end
                       for no key update skip locked);
    return null;
end
$$;

-- The column and what keeps it from being one of a schedule; NULL: nothing does.
create function schedule_fault(time_zone text, weekly jsonb, exceptions jsonb) returns text[]
language c stable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'schedule_fault_wrapper';

create function check_schedule() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    fault text[];
begin
    -- A zone that was accepted stays, also where it is unknown by now.
    if tg_op = 'UPDATE' and (new.time_zone, new.weekly, new.exceptions) = (old.time_zone, old.weekly, old.exceptions) then
        return new;
    end if;
    fault := capconduit.schedule_fault(new.time_zone, new.weekly, new.exceptions);
    if fault is not null then
        raise exception '%: %', fault[1], fault[2]
            using errcode = 'check_violation', schema = tg_table_schema, table = tg_table_name, column = fault[1],
                  constraint = 'schedules_' || fault[1] || '_check';
    end if;
    return new;
end
$$;

create function move_schedule_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := nextval('capconduit.schedules_version_seq');
    return new;
end
$$;

-- A seller's things have its own schedules or the platform's, clients the platform's.
create function check_schedule_owner() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    is_now constant jsonb := to_jsonb(new);
    owner constant bigint := coalesce((is_now ->> 'user_id')::bigint,
        (select c.user_id from capconduit.campaigns c where c.id = (is_now ->> 'campaign_id')::bigint));
begin
    if not exists (select from capconduit.schedules s
                    where s.id = new.schedule_id and (s.user_id is null or s.user_id = owner))
    then
        -- What changes hands leaves the schedule of the seller before.
        if tg_op = 'UPDATE' and new.schedule_id is not distinct from old.schedule_id then
            new.schedule_id := null;
            return new;
        end if;
        raise exception 'Schedule with ID % not found.', new.schedule_id
            using errcode = 'no_data_found', hint = 'A schedule of the seller''s own or of the platform''s is expected.';
    end if;
    return new;
end
$$;

create function present_window(
    span text, at timestamptz, zone text, was_from timestamptz, was_until timestamptz, was_zone text,
    out starts_at timestamptz, out ends_at timestamptz)
language c stable parallel safe set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'present_window_wrapper';

alter function is_plain_text(text, boolean) owner to capconduit_owner;
alter function check_texts() owner to capconduit_owner;
alter function mark_changed() owner to capconduit_owner;
alter function flush_seen() owner to capconduit_owner;
alter function delete_windows() owner to capconduit_owner;
alter function delete_meter_windows() owner to capconduit_owner;
alter function note_metered() owner to capconduit_owner;
alter function make_meter(text, bigint) owner to capconduit_owner;
alter function begin_meter(text, bigint, bigint) owner to capconduit_owner;
alter function begin_client_meter(bigint) owner to capconduit_owner;
alter function lock_meters(bigint[]) owner to capconduit_owner;
alter function adjust_cap(bigint, bigint, text) owner to capconduit_owner;
alter function mend_future_windows() owner to capconduit_owner;
alter function change_hands() owner to capconduit_owner;
alter function lock_seller() owner to capconduit_owner;
alter function delete_meter() owner to capconduit_owner;
alter function meter_capped() owner to capconduit_owner;
alter function meter_spaced() owner to capconduit_owner;
alter function set_seats(bigint, integer, integer, text, bigint) owner to capconduit_owner;
alter function forget_seats(bigint) owner to capconduit_owner;
alter function note_gone_link() owner to capconduit_owner;
alter function reconcile_meters(text[]) owner to capconduit_owner;
alter function is_time_zone(text) owner to capconduit_owner;
alter function check_time_zone() owner to capconduit_owner;
alter function mark_capped() owner to capconduit_owner;
alter function refuse_capped_delete() owner to capconduit_owner;
alter function refuse_paused_delete() owner to capconduit_owner;
alter function mark_screened() owner to capconduit_owner;
alter function note_screened() owner to capconduit_owner;
alter function delete_caller_marks() owner to capconduit_owner;
alter function forget_caller_marks(integer, boolean) owner to capconduit_owner;
alter function erase_caller(text) owner to capconduit_owner;
alter function caller_rules_fault(text, jsonb) owner to capconduit_owner;
alter function check_caller_rules() owner to capconduit_owner;
alter function overflow_fault(jsonb) owner to capconduit_owner;
alter function check_overflow() owner to capconduit_owner;
alter function forget_overflow() owner to capconduit_owner;
alter function schedule_fault(text, jsonb, jsonb) owner to capconduit_owner;
alter function check_schedule() owner to capconduit_owner;
alter function move_schedule_version() owner to capconduit_owner;
alter function check_schedule_owner() owner to capconduit_owner;
alter function present_window(text, timestamptz, text, timestamptz, timestamptz, text) owner to capconduit_owner;
revoke all on function is_plain_text(text, boolean), check_texts() from public;
revoke all on function mark_changed() from public;
revoke all on function flush_seen() from public;
revoke all on function delete_windows() from public;
revoke all on function delete_meter_windows() from public;
revoke all on function note_metered() from public;
revoke all on function make_meter(text, bigint) from public;
revoke all on function begin_meter(text, bigint, bigint) from public;
revoke all on function begin_client_meter(bigint) from public;
revoke all on function lock_meters(bigint[]) from public;
revoke all on function adjust_cap(bigint, bigint, text) from public;
revoke all on function mend_future_windows() from public;
revoke all on function change_hands() from public;
revoke all on function lock_seller() from public;
revoke all on function delete_meter() from public;
revoke all on function meter_capped() from public;
revoke all on function meter_spaced() from public;
revoke all on function set_seats(bigint, integer, integer, text, bigint), forget_seats(bigint) from public;
revoke all on function note_gone_link() from public;
revoke all on function reconcile_meters(text[]) from public;
revoke all on function is_time_zone(text) from public;
revoke all on function check_time_zone() from public;
revoke all on function mark_capped() from public;
revoke all on function refuse_capped_delete() from public;
revoke all on function refuse_paused_delete() from public;
revoke all on function mark_screened() from public;
revoke all on function note_screened() from public;
revoke all on function delete_caller_marks() from public;
revoke all on function forget_caller_marks(integer, boolean) from public;
revoke all on function erase_caller(text) from public;
revoke all on function caller_rules_fault(text, jsonb) from public;
revoke all on function overflow_fault(jsonb) from public;
revoke all on function check_caller_rules() from public;
revoke all on function check_overflow() from public;
revoke all on function forget_overflow() from public;
revoke all on function schedule_fault(text, jsonb, jsonb) from public;
revoke all on function check_schedule() from public;
revoke all on function move_schedule_version() from public;
revoke all on function check_schedule_owner() from public;
revoke all on function present_window(text, timestamptz, text, timestamptz, timestamptz, text) from public;

comment on function is_plain_text is 'Whether a text that people give to things can be seen, and turns or hides nothing';
comment on function check_texts is 'Trigger: a text that people give to things must be plain when it is written';
comment on function mark_changed is 'Trigger: a record says which transaction changed it last';
comment on function flush_seen is 'Returns when all that could be seen before is on disk';
comment on function delete_windows is 'Trigger: a link''s windows go with its counters';
comment on function delete_meter_windows is 'Trigger: windows go with their meter';
comment on function delete_meter is 'Trigger: a meter goes with what it is of';
comment on function lock_seller is 'Trigger: locks a new link''s seller before its campaign';
comment on function change_hands is 'Trigger: a number or a campaign that changes hands begins anew';
comment on function note_metered is 'Trigger: a new link knows whether its client and its seller have meters';
comment on function make_meter is 'Gives what has none a meter, which begins with the calls that it has had';
comment on function begin_meter is 'The same of a number, a campaign or a seller, whose links are locked';
comment on function begin_client_meter is 'The same of a client, whose links are locked';
comment on function meter_capped is 'Trigger: a first cap makes a meter';
comment on function set_seats is 'Notes how many calls at one time a client can take, and for how many seconds that holds';
comment on function forget_seats is 'A client tells no seats any more';
comment on function meter_spaced is 'Gives a client a meter with its first spacing';
comment on function note_gone_link is 'Trigger: remembers whose link is gone';
comment on function reconcile_meters is 'reconcile_counters for meters, which it calls last';
comment on function is_time_zone is 'Whether calls can be counted by the days of a zone of this name';
comment on function check_time_zone is 'Trigger: a time zone must be one that is_time_zone knows when it is written';
comment on function mark_capped is 'Trigger: a link says whether it has caps';
comment on function refuse_capped_delete is 'Trigger: a seller deletes nothing that the platform has capped';
comment on function refuse_paused_delete is 'Trigger: a seller deletes no campaign or link that the platform has paused';
comment on function mark_screened is 'Trigger: what callers are marked of says so';
comment on function note_screened is 'Trigger: a new seller says whether the platform has marked callers';
comment on function delete_caller_marks is 'Trigger: what is marked of callers goes with what it is of';
comment on function forget_caller_marks is 'Sweeps marks of callers that have ended, so many at a time';
comment on function erase_caller is 'Forgets a caller: its marks, and its number and name in calls and records; audited';
comment on function caller_rules_fault is 'What keeps these from being rules for callers that call again, of a target (link, client) or a call (campaign, seller); null: nothing';
comment on function check_caller_rules is 'Trigger: rules for callers are such that caller_rules_fault finds nothing wrong with';
comment on function overflow_fault is 'What keeps this from being what calls overflow to that a campaign has nobody for; null: nothing';
comment on function check_overflow is 'Trigger: a campaign''s calls overflow to another campaign of its seller, or to a link of its own';
comment on function forget_overflow is 'Trigger: no call overflows to what is gone';
comment on function schedule_fault is 'What keeps a zone, weekly intervals and exceptions from being a schedule: the column, and what is wrong; null: nothing';
comment on function check_schedule is 'Trigger: a schedule is one that schedule_fault finds nothing wrong with';
comment on function move_schedule_version is 'Trigger: each state of a schedule has a version that no other has';
comment on function check_schedule_owner is 'Trigger: only the seller''s own schedules and the platform''s are attached';
comment on function present_window is 'Bounds of the window that calls reserved at an instant belong to; NULLs for concurrent and total';
