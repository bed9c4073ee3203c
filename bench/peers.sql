-- What others would write instead, as carefully as they would. Owns: the peers' functions and tables.
set search_path = capconduit;

------------------------------------------------------------------------------------------------------------
-- plpgsql: the same promise on the platform's own tables. Exact caps, one record per call, a repeated question gives the
-- same answer. Left out in its favour: SECURITY DEFINER and a pinned search_path, round robin, weights, leases.
------------------------------------------------------------------------------------------------------------

create function bench.plpgsql_links(did text, out user_id bigint, out did_id bigint, out campaign_id bigint,
    out dial_timeout integer, out link_id bigint, out client_id bigint, out client text, out callerid text,
    out max_concurrency integer, out allowed bigint, out active integer, out total bigint)
returns setof record language sql stable
as $$
    select d.user_id, d.id, c.id, c.dial_timeout_seconds, s.id, k.id, k.client_identifier, e.callerid,
           s.max_concurrency, s.total_calls_allowed, n.active, n.total
      from capconduit.dids d
      join capconduit.users u on u.id = d.user_id and u.status = 'active'
      join capconduit.campaign_dids cd on cd.did_id = d.id
      join capconduit.campaigns c on c.id = cd.campaign_id and c.status = 'active'
      join capconduit.campaign_client_settings s on s.campaign_id = c.id and s.status = 'active'
      join capconduit.clients k on k.id = s.client_id and k.status = 'active'
      join capconduit.pjsip_endpoints e on e.client_id = k.id
      join capconduit.pjsip_aors a on a.client_id = k.id and a.contact is not null
      join capconduit.link_counters n on n.link_id = s.id
     where d.number = did and d.status = 'active'
     order by s.forwarding_priority, s.id
$$;

create function bench.plpgsql_route(did text, uniqueid text, out status text, out link bigint, out dial text)
language plpgsql
as $$
declare
    chosen record;
begin
    perform pg_advisory_xact_lock(hashtextextended(uniqueid, 0));
    select l.link_id, k.client_identifier into link, dial
      from capconduit.live_calls l join capconduit.clients k on k.id = l.client_id
     where l.uniqueid = plpgsql_route.uniqueid;
    if found then
        status := 'ok';
        return;
    end if;
    if exists (select from capconduit.call_logs g where g.asterisk_uniqueid = plpgsql_route.uniqueid) then
        status := 'ended';
        return;
    end if;
    for chosen in
        select * from bench.plpgsql_links(did) c
         where c.active < c.max_concurrency and (c.allowed is null or c.total + c.active < c.allowed)
    loop
        update capconduit.link_counters n
           set active = n.active + 1
         where n.link_id = chosen.link_id and n.active < chosen.max_concurrency
           and (chosen.allowed is null or n.total + n.active < chosen.allowed);
        if found then
            insert into capconduit.live_calls (uniqueid, user_id, campaign_id, did_id, did_number, routing_strategy,
                link_id, client_id, holds_slot, routed_at, attempt_at, dial_timeout_seconds, attempt_timeout_seconds,
                ring_deadline, max_call_seconds, lease_until, decision)
            values (plpgsql_route.uniqueid, chosen.user_id, chosen.campaign_id, chosen.did_id, did, 'priority',
                chosen.link_id, chosen.client_id, true, now(), now(), chosen.dial_timeout, chosen.dial_timeout,
                now() + interval '2 minutes', 14400, now() + interval '14460 seconds', chosen.link_id || '=taken');
            status := 'ok';
            link := chosen.link_id;
            dial := chosen.client;
            return;
        end if;
    end loop;
    status := 'reject';
end
$$;

create function bench.plpgsql_log(uniqueid text, call_status text, out status text)
language plpgsql
as $$
declare
    live capconduit.live_calls;
    counts boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended(uniqueid, 0));
    delete from capconduit.live_calls l where l.uniqueid = plpgsql_log.uniqueid returning * into live;
    counts := call_status = 'ANSWERED' and live.link_id is not null;
    insert into capconduit.call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id,
        incoming_did_number, timestamp_start, timestamp_answered, timestamp_end, call_status, attempts, counted, decision)
    values (plpgsql_log.uniqueid, live.user_id, live.campaign_id, live.did_id, live.client_id, live.link_id,
        coalesce(live.did_number, 'unknown'), coalesce(live.routed_at, now()), live.answered_at, now(), call_status,
        coalesce(live.attempt, 0), counts, live.decision)
    on conflict (asterisk_uniqueid) do nothing;
    if not found then
        status := 'duplicate';
        return;
    end if;
    update capconduit.link_counters n
       set active = n.active - live.holds_slot::integer, total = n.total + counts::integer
     where n.link_id = live.link_id;
    status := 'logged';
end
$$;

------------------------------------------------------------------------------------------------------------
-- Advisory locks: one per link, and the calls counted under it. No counter can ever be wrong: there is none.
------------------------------------------------------------------------------------------------------------

create table bench.advisory_live (like capconduit.live_calls including all) with (fillfactor = 70);
create index on bench.advisory_live (link_id);
create table bench.advisory_log (like capconduit.call_logs including all);

create function bench.advisory_route(did text, uniqueid text, out status text, out link bigint)
language plpgsql
as $$
declare
    chosen record;
begin
    for chosen in select * from bench.plpgsql_links(did) loop
        perform pg_advisory_xact_lock(chosen.link_id);
        if (select count(*) from bench.advisory_live l where l.link_id = chosen.link_id) < chosen.max_concurrency then
            insert into bench.advisory_live (uniqueid, user_id, campaign_id, did_id, did_number, routing_strategy,
                link_id, client_id, holds_slot, routed_at, attempt_at, dial_timeout_seconds, attempt_timeout_seconds,
                ring_deadline, max_call_seconds, lease_until)
            values (advisory_route.uniqueid, chosen.user_id, chosen.campaign_id, chosen.did_id, did, 'priority',
                chosen.link_id, chosen.client_id, true, now(), now(), chosen.dial_timeout, chosen.dial_timeout,
                now() + interval '2 minutes', 14400, now() + interval '14460 seconds');
            status := 'ok';
            link := chosen.link_id;
            return;
        end if;
    end loop;
    status := 'reject';
end
$$;

create function bench.advisory_log(uniqueid text, call_status text, out status text)
language plpgsql
as $$
declare
    live bench.advisory_live;
begin
    delete from bench.advisory_live l where l.uniqueid = advisory_log.uniqueid returning * into live;
    insert into bench.advisory_log (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id,
        incoming_did_number, timestamp_start, timestamp_end, call_status, counted)
    values (advisory_log.uniqueid, live.user_id, live.campaign_id, live.did_id, live.client_id, live.link_id,
        coalesce(live.did_number, 'unknown'), coalesce(live.routed_at, now()), now(), call_status,
        call_status = 'ANSWERED' and live.link_id is not null)
    on conflict (asterisk_uniqueid) do nothing;
    status := 'logged';
end
$$;

------------------------------------------------------------------------------------------------------------
-- One daily cap of a client over all its links. `rows`: plpgsql as above, and a row for each client and day, which a call locks like its
-- link's. `count`: as open platforms do it, the day's records and the calls in flight are counted before each call, without a lock.
------------------------------------------------------------------------------------------------------------

create table bench.client_caps (client_id bigint primary key, max_calls bigint not null);
create table bench.client_days (client_id bigint, day date, active integer not null default 0, answered bigint not null default 0,
    primary key (client_id, day)) with (fillfactor = 50);

create function bench.rows_route(did text, uniqueid text, out status text, out link bigint, out dial text)
language plpgsql
as $$
declare
    client bigint;
    today date;
begin
    perform pg_advisory_xact_lock(hashtextextended(uniqueid, 0));
    if exists (select from capconduit.live_calls l where l.uniqueid = rows_route.uniqueid) then
        select r.status, r.link, r.dial into status, link, dial from bench.plpgsql_route(did, uniqueid) r;
        return;
    end if;
    begin
        select r.status, r.link, r.dial into status, link, dial from bench.plpgsql_route(did, uniqueid) r;
        if status <> 'ok' then
            return;
        end if;
        select k.id, (now() at time zone k.time_zone)::date into client, today
          from capconduit.campaign_client_settings s join capconduit.clients k on k.id = s.client_id
         where s.id = link;
        insert into bench.client_days (client_id, day) values (client, today) on conflict do nothing;
        update bench.client_days n
           set active = n.active + 1
          from bench.client_caps c
         where (n.client_id, n.day) = (client, today) and c.client_id = client and n.answered + n.active < c.max_calls;
        if not found then
            raise exception 'the client is full' using errcode = 'CC001';
        end if;
    exception when sqlstate 'CC001' then
        status := 'reject';
        link := null;
        dial := null;
    end;
end
$$;

create function bench.rows_log(uniqueid text, call_status text, out status text)
language plpgsql
as $$
declare
    client bigint;
    reserved date;
begin
    perform pg_advisory_xact_lock(hashtextextended(uniqueid, 0));
    select l.client_id, (l.routed_at at time zone k.time_zone)::date into client, reserved
      from capconduit.live_calls l join capconduit.clients k on k.id = l.client_id
     where l.uniqueid = rows_log.uniqueid and l.holds_slot;
    select r.status into status from bench.plpgsql_log(uniqueid, call_status) r;
    update bench.client_days n
       set active = n.active - 1, answered = n.answered + (call_status = 'ANSWERED')::integer
     where status = 'logged' and (n.client_id, n.day) = (client, reserved);
end
$$;

create table bench.count_live (uniqueid text primary key, client_id bigint not null, link_id bigint not null,
    at timestamptz not null default now());
create index on bench.count_live (client_id);
create table bench.count_log (uniqueid text primary key, client_id bigint not null, link_id bigint not null, at timestamptz not null,
    answered boolean not null, filler text not null default repeat('x', 150));
create index on bench.count_log (client_id, at);

create function bench.count_route(did text, uniqueid text, out status text, out link bigint)
language plpgsql
as $$
declare
    chosen record;
begin
    for chosen in
        select l.link_id, l.client_id, c.max_calls from bench.plpgsql_links(did) l join bench.client_caps c using (client_id)
    loop
        if (select count(*) from bench.count_log g
             where g.client_id = chosen.client_id and g.at >= date_trunc('day', now()) and g.answered)
           + (select count(*) from bench.count_live l where l.client_id = chosen.client_id) < chosen.max_calls
        then
            insert into bench.count_live (uniqueid, client_id, link_id) values (count_route.uniqueid, chosen.client_id, chosen.link_id);
            status := 'ok';
            link := chosen.link_id;
            return;
        end if;
    end loop;
    status := 'reject';
end
$$;

create function bench.count_log(uniqueid text, call_status text, out status text)
language sql
as $$
    with ended as (delete from bench.count_live l where l.uniqueid = $1 returning l.*)
    insert into bench.count_log (uniqueid, client_id, link_id, at, answered)
    select e.uniqueid, e.client_id, e.link_id, e.at, call_status = 'ANSWERED' from ended e
    returning 'logged'
$$;

------------------------------------------------------------------------------------------------------------
-- The dialplan alone: counters beside the caps, each statement sent by itself (bench/sql/cycle.dialplan.sql).
------------------------------------------------------------------------------------------------------------

create table bench.dialplan_links (id bigint primary key, active integer not null default 0, total bigint not null default 0)
    with (fillfactor = 50);
insert into bench.dialplan_links (id) select id from capconduit.campaign_client_settings;
create table bench.dialplan_log (like capconduit.call_logs including all);
create table bench.overshoots (id bigint generated always as identity, link_id bigint, active integer);
analyze;
