-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, users, clients, campaigns, campaign_client_settings in access exclusive mode;

-- Whether there are rows in caller_marks to look at: others' calls look there no further. A seller has those of the platform, too.
alter table users add column screened boolean not null default false;
alter table clients add column screened boolean not null default false;
alter table campaign_client_settings add column screened boolean not null default false;
alter table campaigns
    add column screened boolean not null default false,
    add column anonymous_callers text not null default 'allow'
        constraint campaigns_anonymous_callers_check check (anonymous_callers in ('allow', 'reject')),
    -- The least time between two calls of one caller.
    add column min_redial_seconds integer
        constraint campaigns_min_redial_seconds_check check (min_redial_seconds between 1 and 86400);

-- That something is screened is no change of what people set of it.
create or replace trigger users_version before update on users
    for each row when (old.metered = new.metered and old.screened = new.screened) execute function move_version();
create or replace trigger users_updated_at before update on users
    for each row when (old.metered = new.metered and old.screened = new.screened) execute function set_updated_at();
create or replace trigger clients_version before update on clients
    for each row when (old.metered = new.metered and old.screened = new.screened) execute function move_version();
create or replace trigger clients_updated_at before update on clients
    for each row when (old.metered = new.metered and old.screened = new.screened) execute function set_updated_at();
create or replace trigger campaigns_version before update on campaigns
    for each row when (old.screened = new.screened) execute function move_version();
create or replace trigger campaigns_updated_at before update on campaigns
    for each row when (old.screened = new.screened) execute function set_updated_at();
create or replace trigger campaign_client_settings_version before update on campaign_client_settings
    for each row when (old.capped = new.capped and old.screened = new.screened) execute function move_version();
create or replace trigger campaign_client_settings_updated_at before update on campaign_client_settings
    for each row when (old.capped = new.capped and old.screened = new.screened) execute function set_updated_at();

-- What is marked of a caller, by people or by its calls, until an instant or for ever: of one link, client, campaign or seller, or of none of
-- them: of the platform. No foreign keys: calls write here, and would wait for who deletes what these are of.
create table caller_marks (
    id bigint generated always as identity,
    link_id bigint,
    client_id bigint,
    campaign_id bigint,
    user_id bigint,
    caller text not null,
    kind text not null,
    until timestamptz,
    source text not null default 'hand',
    note text,
    created_by bigint default session_user_id(),
    at timestamptz not null default now(),
    -- What a call looks for.
    key text not null generated always as (
        coalesce('link:' || link_id::text, 'client:' || client_id::text, 'campaign:' || campaign_id::text,
                 'seller:' || user_id::text, 'platform') || ' ' || caller) stored,
    constraint caller_marks_pkey primary key (id),
    constraint caller_marks_key_kind_key unique (key, kind),
    constraint caller_marks_scope_check check (num_nonnulls(link_id, client_id, campaign_id, user_id) <= 1),
    -- E.164 has its plus: without it, it would be another caller.
    constraint caller_marks_caller_check
        check (length(caller) <= 50 and caller = btrim(caller) and caller ~ '[0-9]' and caller !~ '^[1-9][0-9]{1,14}$'),
    constraint caller_marks_kind_check check (kind in ('seen', 'blocked', 'allowed')),
    constraint caller_marks_source_check check (source in ('hand', 'import', 'call')),
    constraint caller_marks_note_check check (length(note) <= 200)
);
-- One caller's, everywhere: a search, and its right to be forgotten.
create index caller_marks_caller_id_idx on caller_marks (caller, id);
-- Those of one scope: in a list, when it goes, and whether there are any.
create index caller_marks_link_id_idx on caller_marks (link_id, id) where link_id is not null;
create index caller_marks_client_id_idx on caller_marks (client_id, id) where client_id is not null;
create index caller_marks_campaign_id_idx on caller_marks (campaign_id, id) where campaign_id is not null;
create index caller_marks_user_id_idx on caller_marks (user_id, id) where user_id is not null;
create index caller_marks_platform_idx on caller_marks (id) where num_nonnulls(link_id, client_id, campaign_id, user_id) = 0;
-- Whether people have marked any, however many have called.
create index caller_marks_campaign_set_idx on caller_marks (campaign_id) where campaign_id is not null and kind <> 'seen';
-- Those that have ended.
create index caller_marks_until_idx on caller_marks (until) where until is not null;

-- What calls write needs none of these.
create trigger caller_marks_screen after insert or update of link_id, client_id, campaign_id, user_id, kind on caller_marks
    for each row when (new.kind <> 'seen') execute function mark_screened();
create trigger caller_marks_screen_no_more after update of link_id, client_id, campaign_id, user_id, kind or delete on caller_marks
    for each row when (old.kind <> 'seen') execute function mark_screened();
create trigger caller_marks_check_texts before insert or update of caller, note on caller_marks
    for each row when (new.kind <> 'seen') execute function check_texts('caller', 'note');
create trigger caller_marks_audit after insert or update on caller_marks
    for each row when (new.kind <> 'seen') execute function audit_change('id');
-- That one which has ended goes is no news.
create trigger caller_marks_audit_delete after delete on caller_marks
    for each row when (old.kind <> 'seen' and (old.until is null or old.until > now())) execute function audit_change('id');

create trigger users_screened before insert on users for each row execute function note_screened();
create trigger users_delete_caller_marks after delete on users
    for each row execute function delete_caller_marks('user_id');
create trigger clients_delete_caller_marks after delete on clients
    for each row execute function delete_caller_marks('client_id');
create trigger campaigns_delete_caller_marks after delete on campaigns
    for each row execute function delete_caller_marks('campaign_id');
create trigger campaign_client_settings_delete_caller_marks after delete on campaign_client_settings
    for each row execute function delete_caller_marks('link_id');
-- They are no affair of its new owner.
create trigger campaigns_forget_caller_marks after update of user_id on campaigns
    for each row when (old.user_id <> new.user_id) execute function delete_caller_marks('campaign_id');
