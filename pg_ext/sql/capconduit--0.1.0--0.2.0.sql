\echo Use "alter extension capconduit update to '0.2.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql and then this file, so what is upgraded is what is installed.
-- The library and the service of 0.1.0 go on working with it. Its connections should end soon all the same: what they look
-- names up on until then, docs/SECURITY.md says.
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

------------------------------------------------------------------------------------------------------------
-- Copies beside numbers and links, for decisions. Foreign keys carry changes over; these fill new rows, keep the one
-- copy that no foreign key can hold, and lock in order what a change is carried over to.
------------------------------------------------------------------------------------------------------------

-- Taken with the lock that the foreign key's own check takes: the source cannot change in between. Where there is no
-- source, the foreign key says so.
create function copy_for_decisions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    case tg_table_name
        when 'clients' then
            -- Of a new one the AOR comes later. Whoever writes it by hand writes what is so.
            new.has_contact := exists (
                select from capconduit.pjsip_aors a where a.client_id = new.id and a.contact is not null);
        when 'campaigns' then
            select u.status into new.owner_status from capconduit.users u where u.id = new.user_id for key share;
            new.owner_status := coalesce(new.owner_status, '');
        when 'campaign_dids' then
            select d.number, d.status, d.user_id
              into new.did_number, new.did_status, new.did_user_id
              from capconduit.dids d
             where d.id = new.did_id
               for key share;
            if not found then
                new.did_number := '';
                new.did_status := '';
                new.did_user_id := 0;
            end if;
        when 'campaign_client_settings' then
            select c.user_id, c.owner_status, c.status, c.routing_strategy
              into new.campaign_user_id, new.campaign_owner_status, new.campaign_status, new.campaign_strategy
              from capconduit.campaigns c
             where c.id = new.campaign_id
               for key share;
            if not found then
                new.campaign_user_id := 0;
                new.campaign_owner_status := '';
                new.campaign_status := '';
                new.campaign_strategy := '';
            end if;
            select k.client_identifier, k.status, k.has_contact
              into new.client_endpoint, new.client_status, new.client_has_contact
              from capconduit.clients k
             where k.id = new.client_id
               for key share;
            if not found then
                new.client_endpoint := '';
                new.client_status := '';
                new.client_has_contact := false;
            end if;
    end case;
    return new;
end
$$;

create function note_contact() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op <> 'INSERT' and (tg_op = 'DELETE' or old.client_id <> new.client_id) then
        update capconduit.clients k set has_contact = false where k.id = old.client_id and k.has_contact;
    end if;
    if tg_op <> 'DELETE' then
        update capconduit.clients k
           set has_contact = new.contact is not null
         where k.id = new.client_id
           and k.has_contact is distinct from (new.contact is not null);
    end if;
    return null;
end
$$;

-- Campaigns by id, then links by id: whoever changes or deletes what several links hang on locks them so, and nobody
-- closes a circle.
create function lock_links_in_order() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_table_name = 'clients' then
        perform from capconduit.campaign_client_settings s where s.client_id = old.id order by s.id for update;
    elsif tg_table_name = 'campaigns' then
        perform from capconduit.campaign_client_settings s where s.campaign_id = old.id order by s.id for update;
    else
        -- No link is added to a campaign that is locked.
        perform from capconduit.campaigns c where c.user_id = old.id order by c.id for update;
        perform from capconduit.campaign_client_settings s
          where s.campaign_id in (select c.id from capconduit.campaigns c where c.user_id = old.id)
          order by s.id
            for update;
    end if;
    return new;
end
$$;

-- Before a user, client or campaign goes, and its links with it: the links are locked as by a change, then their counters
-- in the order in which calls lock them. The cascade alone would take both as they lie in their tables.
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
    end if;
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for update;
    return old;
end
$$;

-- No table has a column of its own under such a name.
create function copied_columns() returns text[]
language sql immutable parallel safe
return array['has_contact', 'owner_status', 'did_number', 'did_status', 'did_user_id', 'client_endpoint', 'client_status',
             'client_has_contact', 'campaign_user_id', 'campaign_owner_status', 'campaign_status', 'campaign_strategy'];

-- A copy that was carried over is nobody's change of this row: its time stays, and the audit log tells of the source.
create or replace function set_updated_at() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    was constant jsonb := to_jsonb(old);
    is_now constant jsonb := to_jsonb(new);
    copies constant text[] := capconduit.copied_columns();
begin
    if was = is_now or was - copies <> is_now - copies then
        new.updated_at := now();
    end if;
    return new;
end
$$;

create or replace function audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    secrets constant text[] := array['password_hash', 'password', 'md5_cred', 'token_hash'];
    copies constant text[] := capconduit.copied_columns();
    was constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - copies end;
    is_now constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - copies end;
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

alter function copy_for_decisions() owner to capconduit_owner;
alter function note_contact() owner to capconduit_owner;
alter function lock_links_in_order() owner to capconduit_owner;
alter function lock_counters_in_order() owner to capconduit_owner;
alter function copied_columns() owner to capconduit_owner;
alter function set_updated_at() owner to capconduit_owner;
alter function audit_change() owner to capconduit_owner;
revoke all on function copy_for_decisions() from public;
revoke all on function note_contact() from public;
revoke all on function lock_links_in_order() from public;
revoke all on function copied_columns() from public;

comment on function copy_for_decisions is 'Trigger: fills what a new row copies for decisions';
comment on function note_contact is 'Trigger: keeps whether a client has a contact of its own';
comment on function lock_links_in_order is 'Trigger: locks the links that a change is carried over to, in one order';
comment on function copied_columns is 'Columns that are copies of another table''s, kept for decisions';

------------------------------------------------------------------------------------------------------------
-- A call's two functions set the pinned path themselves, where something could look at it: PostgreSQL's way of setting it at
-- each call takes a tenth of their time. A connection that still has the library of 0.1.0 does not: docs/SECURITY.md.
------------------------------------------------------------------------------------------------------------

alter function route_call(text, text, text, text, text, text) reset search_path;
alter function log_call(text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, integer,
    integer, integer, text, text, text, text, bigint, bigint, bigint, bigint, bigint) reset search_path;
