\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql, then each step up to this one, so what is upgraded is what is installed.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;

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
