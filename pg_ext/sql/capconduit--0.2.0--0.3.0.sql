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
