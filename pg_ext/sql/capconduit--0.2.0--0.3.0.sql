\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql, then each step up to this one, so what is upgraded is what is installed.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- What a switch's agent says without a list, and the end of a switch by hand.
------------------------------------------------------------------------------------------------------------

create function node_report(node text, instance text, state text, out status text)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'node_report_wrapper';

create function release_node(node text, reason text, out status text, out released integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_node_wrapper';

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

-- A version moves with every change of a row, as updated_at does; a copy that was carried over is none. Nobody sets it by hand.
create function move_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    beside constant text[] := array['updated_at', 'version'];
    was constant jsonb := to_jsonb(old) - beside;
    is_now constant jsonb := to_jsonb(new) - beside;
    copies constant text[] := capconduit.copied_columns();
begin
    new.version := old.version;
    if was = is_now or was - copies <> is_now - copies then
        new.version := old.version + 1;
    end if;
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

-- As before, and a version is no setting: it is told by the row's other columns.
create or replace function audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    secrets constant text[] := array['password_hash', 'password', 'md5_cred', 'token_hash'];
    untold constant text[] := capconduit.copied_columns() || array['version'];
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
-- Repair without holding calls up.
------------------------------------------------------------------------------------------------------------

-- A call's transaction changes a counter and the rows behind it together. So the difference that one statement sees stays the
-- same whatever calls do afterwards, and is taken away as a difference: no table is locked, and a counter's row only for as
-- long as the correction takes. Null: all links.
create function reconcile_counters(
    inout link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language plpgsql volatile parallel unsafe security definer
set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
#variable_conflict use_column
declare
    only_link constant bigint := reconcile_counters.link_id;
    give_up_at constant timestamptz := clock_timestamp() + interval '15 seconds';
    links bigint[];
    counters text[];
    excesses bigint[];
    excess bigint;
begin
    if only_link is not null and not exists (select from capconduit.campaign_client_settings s where s.id = only_link) then
        raise exception 'there is no link %', only_link using errcode = 'no_data_found';
    end if;
    loop
        begin
            -- First, as everything that works on calls does.
            lock table capconduit.live_calls in access share mode;
            lock table capconduit.link_counters, capconduit.audit_log in row exclusive mode;
            -- Two repairs at once would both take the same difference away. Campaigns are locked by the number before.
            perform pg_advisory_xact_lock(x'0CAA'::integer, 0);
            perform capconduit.create_missing_counters();
            select array_agg(v.link_id), array_agg(v.counter), array_agg(v.stored - v.actual)
              into links, counters, excesses
              from capconduit.verify_counters() v
             where only_link is null or v.link_id = only_link;
            -- Ascending, as everywhere.
            perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for no key update;
            exit;
        exception when lock_not_available then
            if clock_timestamp() > give_up_at then
                raise;
            end if;
        end;
        -- Nothing is locked here: calls go on while somebody else holds what is needed.
        perform pg_sleep(0.2);
    end loop;
    for link_id, counter, excess in select * from unnest(links, counters, excesses) loop
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
end
$$;

create or replace function reconcile_counters(out link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$ select * from capconduit.reconcile_counters(null::bigint) $$;

alter function reconcile_counters(bigint) owner to capconduit_owner;
revoke all on function reconcile_counters(bigint) from public;

comment on function reconcile_counters(bigint) is 'reconcile_counters for one link; audited';

------------------------------------------------------------------------------------------------------------
-- For the planner: what a look costs beside a comparison, how many rows it gives (a campaign's links), and that it may run in
-- a parallel query: it reads at the query's own snapshot and changes nothing.
------------------------------------------------------------------------------------------------------------

alter function preview_route(text) cost 200 parallel safe;
alter function explain_route(text) cost 1000 rows 5 parallel safe;
alter function explain_own_did(text) cost 2000 rows 5 parallel safe;
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
-- A link without its counters takes no call: it is told of, and repaired.
------------------------------------------------------------------------------------------------------------

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
     order by k.link_id, c.counter
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
