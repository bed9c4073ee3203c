-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, users, clients, campaigns, campaign_client_settings in access exclusive mode;

-- What becomes of callers that call again: see caller_rules_fault. In the rows that a decision reads anyway: it touches no further page.
alter table users add column caller_rules jsonb;
alter table clients add column caller_rules jsonb;
alter table campaigns add column caller_rules jsonb;
alter table campaign_client_settings add column caller_rules jsonb;
create trigger users_check_caller_rules before insert or update of caller_rules on users
    for each row when (new.caller_rules is not null) execute function check_caller_rules('call');
create trigger clients_check_caller_rules before insert or update of caller_rules on clients
    for each row when (new.caller_rules is not null) execute function check_caller_rules('target');
create trigger campaigns_check_caller_rules before insert or update of caller_rules on campaigns
    for each row when (new.caller_rules is not null) execute function check_caller_rules('call');
create trigger campaign_client_settings_check_caller_rules before insert or update of caller_rules on campaign_client_settings
    for each row when (new.caller_rules is not null) execute function check_caller_rules('target');

alter table live_calls
    -- Its caller is remembered by what the call comes to: see caller_calls. Null: no.
    add column awaited boolean,
    -- Nobody but the client that had its caller may take it.
    add column same_client_only boolean;

-- What a call of before had come to that is remembered, and who had it.
alter table caller_marks
    add column after text,
    add column taken_by bigint;
update caller_marks set after = 'offered' where kind = 'seen';
alter table caller_marks
    add constraint caller_marks_after_check check (after in ('offered', 'answered', 'qualified')),
    add constraint caller_marks_seen_check check ((kind = 'seen') = (after is not null)),
    drop constraint caller_marks_key_kind_key,
    add constraint caller_marks_key_kind_after_key unique nulls not distinct (key, kind, after);

-- Calls whose outcome is not known yet, in each scope that will remember it: those in flight, and those that were lost. No foreign keys: a
-- call's end would look here for every call.
create table caller_calls (
    uniqueid text not null,
    link_id bigint,
    client_id bigint,
    campaign_id bigint,
    user_id bigint,
    caller text not null,
    key text not null generated always as (
        coalesce('link:' || link_id::text, 'client:' || client_id::text, 'campaign:' || campaign_id::text,
                 'seller:' || user_id::text) || ' ' || caller) stored,
    taken_by bigint not null,
    at timestamptz not null,
    -- How long it is remembered if it is answered, and if it was a good one; null: it is not, -1: for ever.
    answered_seconds integer,
    qualified_seconds integer,
    -- When it was lost, and until when it may have been one of these. Null: it is in flight.
    lost_at timestamptz,
    until timestamptz,
    constraint caller_calls_pkey primary key (key, uniqueid),
    constraint caller_calls_scope_check check (num_nonnulls(link_id, client_id, campaign_id, user_id) = 1),
    constraint caller_calls_lost_check check ((lost_at is null) = (until is null)),
    constraint caller_calls_seconds_check check (num_nonnulls(answered_seconds, qualified_seconds) > 0)
);
create index caller_calls_uniqueid_idx on caller_calls (uniqueid);
