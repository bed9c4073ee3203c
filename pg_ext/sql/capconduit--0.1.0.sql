\echo Use "create extension capconduit" to load this file. \quit

-- Public names are written by hand, so that argument names, defaults, ownership and the pinned search_path
-- stand in one readable place. The C symbols are the wrappers that pgrx makes in pg_ext/src.
--
-- The script runs as a superuser even when a database owner creates the extension (trusted = true), and before
-- the tables exist: bodies of SQL functions are checked by their first call, and by the tests.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- The contract with the switch: always exactly one row, `status` first; business outcomes are rows.
------------------------------------------------------------------------------------------------------------

create type call_target as (
    status text, reason text, hangup_cause integer, attempt integer, link_id bigint, client_identifier text,
    dial text, dial_timeout_seconds integer, max_call_seconds integer, caller_id text, campaign_id bigint,
    decision text);

create function route_call(
    did text, uniqueid text, caller_number text default null, caller_name text default null,
    linkedid text default null, node text default null)
returns call_target
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'route_call_wrapper';

create function next_target(
    uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer default null)
returns call_target
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'next_target_wrapper';

create function call_answered(uniqueid text, out status text)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'call_answered_wrapper';

create function log_call(
    uniqueid text, did text, call_status text, node text default null, linkedid text default null,
    caller_number text default null, caller_name text default null, started_at timestamptz default null,
    answered_at timestamptz default null, ended_at timestamptz default null,
    duration_seconds integer default null, billsec_seconds integer default null,
    hangup_cause_code integer default null, hangup_cause_text text default null, hangup_by text default null,
    sip_call_id text default null, decision text default null, link_id bigint default null,
    campaign_id bigint default null, client_id bigint default null, did_id bigint default null,
    user_id bigint default null,
    out status text, out cdr_id bigint)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'log_call_wrapper';

create function node_started(
    node text, booted_at timestamptz, instance text default null, out status text, out closed integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'node_started_wrapper';

create function node_heartbeat(
    node text, instance text, taken_at timestamptz, uniqueids text[],
    out status text, out listed integer, out absent integer, out closed integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'node_heartbeat_wrapper';

create function release_expired(max integer default 100, out status text, out released integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_expired_wrapper';

create function release_call(uniqueid text, reason text, out status text, out cdr_id bigint)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_call_wrapper';

------------------------------------------------------------------------------------------------------------
-- Looking: read-only, without a transaction id, also on a standby.
------------------------------------------------------------------------------------------------------------

create function explain_route(
    did text,
    out campaign_id bigint, out campaign_name text, out routing_strategy text, out link_id bigint,
    out client_id bigint, out client_identifier text, out eligible boolean, out reason text,
    out active integer, out max_concurrency integer, out counted bigint, out total_calls_allowed bigint,
    out forwarding_priority integer, out weight integer, out place integer, out share double precision, out did_id bigint,
    out reject_reason text)
returns setof record
language c stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'explain_route_wrapper';

-- The same for a seller: a DID of somebody else looks like one that does not exist.
create function explain_own_did(
    did text,
    out campaign_id bigint, out campaign_name text, out routing_strategy text, out link_id bigint,
    out client_id bigint, out client_identifier text, out eligible boolean, out reason text,
    out active integer, out max_concurrency integer, out counted bigint, out total_calls_allowed bigint,
    out forwarding_priority integer, out weight integer, out place integer, out share double precision, out did_id bigint,
    out reject_reason text)
returns setof record
language c stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'explain_own_did_wrapper';

create function verify_counters(out link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
    with held as (
        select l.link_id, count(*) as calls from capconduit.live_calls l where l.holds_slot group by l.link_id
    ), logged as (
        select l.link_id, count(*) as calls from capconduit.call_logs l where l.counted group by l.link_id
    )
    select n.link_id, c.counter, c.stored, c.actual
      from capconduit.link_counters n
      left join held h using (link_id)
      left join logged g using (link_id),
           lateral (values ('active', n.active::bigint, coalesce(h.calls, 0)),
                           ('total', n.total, n.base + coalesce(g.calls, 0))) c (counter, stored, actual)
     where c.stored <> c.actual
     order by n.link_id, c.counter
$$;

------------------------------------------------------------------------------------------------------------
-- Repair and adjustment by hand, both audited.
------------------------------------------------------------------------------------------------------------

create function reconcile_counters(out link_id bigint, out counter text, out stored bigint, out actual bigint)
returns setof record
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
begin
    -- Whoever closes or moves a call touches live_calls before the other two, if only to lock a row: so a lock that
    -- shuts out row locks too lets every call in hand come to its end, and no circle can form. Readers go on.
    lock table capconduit.live_calls in exclusive mode;
    lock table capconduit.call_logs, capconduit.link_counters in share row exclusive mode;
    for wrong in select * from capconduit.verify_counters() loop
        update capconduit.link_counters n
           set active = case wrong.counter when 'active' then wrong.actual else n.active end,
               total = case wrong.counter when 'total' then wrong.actual else n.total end
         where n.link_id = wrong.link_id;
        perform capconduit.write_audit('reconcile', 'link_counters', wrong.link_id::text,
            jsonb_build_object(wrong.counter, wrong.stored), jsonb_build_object(wrong.counter, wrong.actual));
        link_id := wrong.link_id;
        counter := wrong.counter;
        stored := wrong.stored;
        actual := wrong.actual;
        return next;
    end loop;
end
$$;

create function adjust_link_total(link_id bigint, delta bigint, reason text, out status text, out total bigint)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if delta is null or coalesce(btrim(reason), '') = '' then
        raise exception 'adjust_link_total needs a delta and a reason' using errcode = 'invalid_parameter_value';
    end if;
    -- Calls count on from here: far from where the numbers end.
    if delta not between -1000000000000 and 1000000000000 then
        raise exception 'delta must be between -1000000000000 and 1000000000000'
            using errcode = 'invalid_parameter_value';
    end if;
    update capconduit.link_counters n
       set base = n.base + delta, total = n.total + delta
     where n.link_id = adjust_link_total.link_id
    returning n.total into total;
    if not found then
        status := 'unknown_link';
        return;
    end if;
    if total < 0 then
        raise exception 'the total of link % would fall below 0', adjust_link_total.link_id
            using errcode = 'invalid_parameter_value';
    end if;
    if total > 1000000000000000 then
        raise exception 'the total of link % would exceed 1000000000000000', adjust_link_total.link_id
            using errcode = 'invalid_parameter_value';
    end if;
    perform capconduit.write_audit('adjust', 'link_counters', adjust_link_total.link_id::text,
        jsonb_build_object('total', total - delta),
        jsonb_build_object('total', total, 'delta', delta, 'reason', left(btrim(reason), 255)));
    status := 'ok';
end
$$;

------------------------------------------------------------------------------------------------------------
-- Who is asking: the API sets capconduit.user_id for one transaction; policies and the audit read it.
------------------------------------------------------------------------------------------------------------

create function session_user_id() returns bigint
language sql stable parallel safe set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('capconduit.user_id', true), '')::bigint $$;

create function write_audit(action text, object_type text, object_id text, before jsonb, after jsonb) returns void
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    insert into capconduit.audit_log (user_id, db_role, action, object_type, object_id, before, after)
    values (capconduit.session_user_id(), session_user, action, object_type, object_id, before, after)
$$;

------------------------------------------------------------------------------------------------------------
-- Sessions and look-ups, for the API's login role alone: each gives one row for one name or one hash.
------------------------------------------------------------------------------------------------------------

create function find_login(username text, out user_id bigint, out password_hash text, out status text)
language sql stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    select u.id, u.password_hash, u.status from capconduit.users u where lower(u.username) = lower(find_login.username)
$$;

-- Only for the password that was verified: a change in between has won.
create function open_session(user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer)
returns boolean
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with opened as (
        insert into capconduit.sessions (token_hash, user_id, expires_at)
        select open_session.token_hash, u.id, now() + make_interval(secs => lifetime_seconds)
          from capconduit.users u
         where u.id = open_session.user_id and u.password_hash = verified_hash and u.status = 'active'
           for share
        returning 1)
    select exists (select from opened)
$$;

-- Role and status are read with every request. Expiry slides, but a row is written once a minute at most.
create function find_session(token_hash bytea, lifetime_seconds integer, out user_id bigint, out role text)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    seen timestamptz;
begin
    select u.id, u.role, s.last_seen_at into user_id, role, seen
      from capconduit.sessions s
      join capconduit.users u on u.id = s.user_id
     where s.token_hash = find_session.token_hash and s.expires_at > now() and u.status = 'active';
    if seen < now() - interval '1 minute' then
        update capconduit.sessions s
           set last_seen_at = now(), expires_at = now() + make_interval(secs => lifetime_seconds)
         where s.token_hash = find_session.token_hash;
    end if;
end
$$;

create function close_session(token_hash bytea) returns boolean
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with closed as (delete from capconduit.sessions s where s.token_hash = close_session.token_hash returning 1)
    select exists (select from closed)
$$;

create function find_api_token(token_hash bytea, out user_id bigint, out role text)
language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    used timestamptz;
begin
    select u.id, u.role, coalesce(t.last_used_at, '-infinity') into user_id, role, used
      from capconduit.api_tokens t
      join capconduit.users u on u.id = t.user_id
     where t.token_hash = find_api_token.token_hash and t.expires_at > now() and u.status = 'active';
    if used < now() - interval '1 minute' then
        update capconduit.api_tokens t set last_used_at = now() where t.token_hash = find_api_token.token_hash;
    end if;
end
$$;

-- The own password, by the hash that was verified; the trigger on users ends the other sessions.
create function change_password(verified_hash text, new_hash text) returns boolean
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with changed as (
        update capconduit.users u set password_hash = new_hash
         where u.id = capconduit.session_user_id() and u.password_hash = verified_hash and u.status = 'active'
        returning 1)
    select exists (select from changed)
$$;

-- Of the tables, as the last migration left them: the service compares it with its own.
create function schema_version() returns integer
language sql stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$ select max(h.version) from capconduit.refinery_schema_history h $$;

create function delete_expired_sessions() returns bigint
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
    with gone as (delete from capconduit.sessions s where s.expires_at <= now() returning 1)
    select count(*) from gone
$$;

------------------------------------------------------------------------------------------------------------
-- Trigger functions.
------------------------------------------------------------------------------------------------------------

create function set_updated_at() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create function create_link_counter() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into capconduit.link_counters (link_id) values (new.id);
    return null;
end
$$;

-- Before a user, client or campaign goes, and its links with it: their counters are locked in the order in which calls
-- lock them. The cascade alone would take them as they lie in the table, and close a circle with next_target.
create function lock_counters_in_order() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    links bigint[];
begin
    if tg_table_name = 'clients' then
        select array_agg(s.id) into links from capconduit.campaign_client_settings s where s.client_id = old.id;
    elsif tg_table_name = 'campaigns' then
        select array_agg(s.id) into links from capconduit.campaign_client_settings s where s.campaign_id = old.id;
    else
        -- No link is added to a campaign that is locked.
        perform from capconduit.campaigns c where c.user_id = old.id order by c.id for update;
        select array_agg(s.id) into links
          from capconduit.campaign_client_settings s
          join capconduit.campaigns c on c.id = s.campaign_id
         where c.user_id = old.id;
    end if;
    perform from capconduit.link_counters n where n.link_id = any (links) order by n.link_id for update;
    return old;
end
$$;

create function refuse_busy_link_delete() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    -- old is the newest version of the row: the delete has locked it, so no route can take a slot in between.
    if old.active > 0 then
        raise exception 'link % has % call(s) in flight', old.link_id, old.active
            using errcode = 'restrict_violation', constraint = 'link_counters_calls_in_flight',
                  table = 'link_counters', schema = 'capconduit',
                  hint = 'Set the link inactive, let its calls end, then delete it.';
    end if;
    return old;
end
$$;

create function end_sessions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- A user who changes their own password stays logged in where they did it: the API names that session.
    delete from capconduit.sessions s
     where s.user_id = new.id
       and (new.status <> 'active'
            or encode(s.token_hash, 'hex') is distinct from current_setting('capconduit.keep_session', true));
    delete from capconduit.api_tokens t where t.user_id = new.id;
    return null;
end
$$;

create function audit_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    secrets constant text[] := array['password_hash', 'password', 'md5_cred', 'token_hash'];
    was jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    is_now jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
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

------------------------------------------------------------------------------------------------------------
-- Owners and rights. Literal, so that dump and restore and every upgrade give the same; PUBLIC may do nothing.
-- Grants to the roles are in migrations/after.sql, beside the tables' own.
------------------------------------------------------------------------------------------------------------

alter type call_target owner to capconduit_owner;
alter function route_call(text, text, text, text, text, text) owner to capconduit_owner;
alter function next_target(text, integer, text, integer) owner to capconduit_owner;
alter function call_answered(text) owner to capconduit_owner;
alter function log_call(text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, integer,
    integer, integer, text, text, text, text, bigint, bigint, bigint, bigint, bigint) owner to capconduit_owner;
alter function node_started(text, timestamptz, text) owner to capconduit_owner;
alter function node_heartbeat(text, text, timestamptz, text[]) owner to capconduit_owner;
alter function release_expired(integer) owner to capconduit_owner;
alter function release_call(text, text) owner to capconduit_owner;
alter function explain_route(text) owner to capconduit_owner;
alter function explain_own_did(text) owner to capconduit_owner;
alter function verify_counters() owner to capconduit_owner;
alter function reconcile_counters() owner to capconduit_owner;
alter function adjust_link_total(bigint, bigint, text) owner to capconduit_owner;
alter function session_user_id() owner to capconduit_owner;
alter function write_audit(text, text, text, jsonb, jsonb) owner to capconduit_owner;
alter function find_login(text) owner to capconduit_owner;
alter function open_session(bigint, text, bytea, integer) owner to capconduit_owner;
alter function find_session(bytea, integer) owner to capconduit_owner;
alter function close_session(bytea) owner to capconduit_owner;
alter function find_api_token(bytea) owner to capconduit_owner;
alter function change_password(text, text) owner to capconduit_owner;
alter function delete_expired_sessions() owner to capconduit_owner;
alter function schema_version() owner to capconduit_owner;
alter function set_updated_at() owner to capconduit_owner;
alter function create_link_counter() owner to capconduit_owner;
alter function lock_counters_in_order() owner to capconduit_owner;
alter function refuse_busy_link_delete() owner to capconduit_owner;
alter function end_sessions() owner to capconduit_owner;
alter function audit_change() owner to capconduit_owner;

revoke all on all functions in schema capconduit from public;

------------------------------------------------------------------------------------------------------------
-- What \df+ says. No function has a second one of its name.
------------------------------------------------------------------------------------------------------------

comment on type call_target is 'Where a call goes now, or why it goes nowhere: one row, status first';
comment on function route_call is 'Decides which client takes a new call and reserves its slot; asked again, gives the same answer';
comment on function next_target is 'Records a failed attempt and moves the slot to a link not yet tried';
comment on function call_answered is 'Stores the answer time of a call at once';
comment on function log_call is 'Writes the one record of a call, moves the counters and gives the slot back';
comment on function node_started is 'Closes the calls that a switch had before it started';
comment on function node_heartbeat is 'Takes a switch''s list of live calls; closes calls missing from two lists after the grace time';
comment on function release_expired is 'Gives back slots whose lease has ended';
comment on function release_call is 'Closes one call by hand as LOST; audited';
comment on function explain_route is 'Shows for each link of a number whether a call would take it now, and why not; writes nothing';
comment on function explain_own_did is 'explain_route for the seller who asks: another''s number looks like an unknown one';
comment on function verify_counters is 'Gives a row for each counter that differs from the rows behind it: none when all is well';
comment on function reconcile_counters is 'Sets counters to what the rows behind them say, after edits by hand; audited';
comment on function adjust_link_total is 'Moves a link''s total by hand, with a reason; audited';
comment on function session_user_id is 'User on whose behalf this transaction acts; null: nobody';
comment on function write_audit is 'Adds one line to the audit log';
comment on function schema_version is 'Number of the last migration that was applied';
comment on function find_login is 'Account of one login name, to verify its password';
comment on function open_session is 'Opens a session for a password that was just verified';
comment on function find_session is 'User of one session, by the hash of its token';
comment on function close_session is 'Ends one session';
comment on function find_api_token is 'User of one bearer token, by its hash';
comment on function change_password is 'Changes one''s own password, given the verified old hash';
comment on function delete_expired_sessions is 'Sweeps sessions that have ended';
comment on function set_updated_at is 'Trigger: keeps updated_at';
comment on function create_link_counter is 'Trigger: gives a new link its counter row';
comment on function lock_counters_in_order is 'Trigger: locks the counters of links that are about to go, in the order of calls';
comment on function refuse_busy_link_delete is 'Trigger: keeps a link whose calls are in flight';
comment on function end_sessions is 'Trigger: ends sessions and tokens with a change of status or password';
comment on function audit_change is 'Trigger: writes the audit log';
