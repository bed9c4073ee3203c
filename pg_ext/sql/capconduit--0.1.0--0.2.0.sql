\echo Use "alter extension capconduit update to '0.2.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql and then this file, so what is upgraded is what is installed.
-- Only additions: the library and the service of 0.1.0 go on working with it.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- Retention: old records go in small batches, and no total changes by it.
------------------------------------------------------------------------------------------------------------

create function purge_call_logs(
    before timestamptz, after_id bigint default 0, max integer default 1000,
    out status text, out records integer, out attempts integer, out last_id bigint)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    calls text[];
    links bigint[];
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
    with gone as (
        delete from capconduit.call_logs g
         where g.id > after_id and g.id <= last_id and g.timestamp_start < before
        returning g.asterisk_uniqueid, case when g.counted then g.link_id end as link_id
    )
    select count(*), array_agg(asterisk_uniqueid), array_agg(link_id) filter (where link_id is not null)
      into records, calls, links
      from gone;
    delete from capconduit.call_attempts a where a.uniqueid = any (calls);
    get diagnostics attempts = row_count;
    -- total = base + counted records: what leaves the records goes into the base. The counters last, by ascending id,
    -- as everywhere.
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for no key update;
    update capconduit.link_counters n
       set base = n.base + g.calls
      from (select link_id, count(*) as calls from unnest(links) l (link_id) group by link_id) g
     where n.link_id = g.link_id;
end
$$;

alter function purge_call_logs(timestamptz, bigint, integer) owner to capconduit_owner;
revoke all on function purge_call_logs(timestamptz, bigint, integer) from public;

comment on function purge_call_logs is 'Deletes a batch of records of calls that began before an instant; totals stay';

------------------------------------------------------------------------------------------------------------
-- Asking before there is a call.
------------------------------------------------------------------------------------------------------------

create type route_preview as (
    status text, reason text, hangup_cause integer, did_id bigint, campaign_id bigint, link_id bigint, client_id bigint,
    client_identifier text);

-- Both functions reach what they read by its number in the catalogue, and need neither their owner's rights nor a
-- search path of their own: entering and leaving those takes a good part of their time.
create function preview_route(did text) returns route_preview
language c stable parallel unsafe
as 'MODULE_PATHNAME', 'preview_route_wrapper';

alter type route_preview owner to capconduit_owner;
alter function preview_route(text) owner to capconduit_owner;
revoke all on function preview_route(text) from public;
alter function explain_route(text) security invoker reset search_path;

comment on type route_preview is 'Whom a call would be offered first, or why nobody: one row, status first';
comment on function preview_route is 'Tells whom a call to this number would be offered first, or why nobody; writes nothing';
