-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, users, clients, dids, campaigns, campaign_client_settings, link_counters, caps in access exclusive mode;

-- Whether a client has a meter, and its links' counters move it, too; whether a seller, or one of its campaigns or numbers, has one. Both are
-- set with the first cap and stay: a cap that is made again has forgotten nothing.
alter table clients add column metered boolean not null default false;
alter table users add column metered boolean not null default false;
alter table link_counters
    add column client_metered boolean not null default false,
    add column seller_metered boolean not null default false;

-- The days of a seller, of its campaigns and its numbers begin in its own zone.
alter table users add column time_zone text not null default 'UTC';
create trigger users_check_time_zone before insert or update of time_zone on users
    for each row execute function check_time_zone();

-- That something is metered is no change of what people set of it.
create or replace trigger clients_version before update on clients
    for each row when (old.metered = new.metered) execute function move_version();
create or replace trigger clients_updated_at before update on clients
    for each row when (old.metered = new.metered) execute function set_updated_at();
create or replace trigger users_version before update on users
    for each row when (old.metered = new.metered) execute function move_version();
create or replace trigger users_updated_at before update on users
    for each row when (old.metered = new.metered) execute function set_updated_at();

-- What the calls of a client, a number, a campaign or a seller come to: as link_counters. No foreign key: a row that a transaction changes twice
-- has its keys checked, and calls would wait for who deletes what these are of.
create table meters (
    id bigint generated always as identity,
    subject_type text not null,
    subject_id bigint not null,
    owner_id bigint,
    active integer not null,
    unsettled integer not null,
    offered bigint not null,
    answered bigint not null,
    qualified bigint not null,
    windows_from timestamptz not null default '-infinity',
    windows_until timestamptz not null default '-infinity',
    constraint meters_pkey primary key (id),
    constraint meters_subject_id_subject_type_key unique (subject_id, subject_type),
    constraint meters_subject_type_check check (subject_type in ('client', 'did', 'campaign', 'seller')),
    constraint meters_owner_check check ((subject_type = 'client') = (owner_id is null)),
    constraint meters_active_check check (active >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
create index meters_owner_id_idx on meters (owner_id);

create table meter_windows (
    meter_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    time_zone text not null,
    active integer not null,
    unsettled integer not null,
    offered bigint not null,
    answered bigint not null,
    qualified bigint not null,
    constraint meter_windows_pkey primary key (meter_id, span),
    constraint meter_windows_span_check check (span in ('hour', 'day', 'week', 'month')),
    constraint meter_windows_bounds_check check (starts_at < ends_at)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

create table meter_adjustments (
    id bigint generated always as identity,
    meter_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    offered bigint not null default 0,
    answered bigint not null default 0,
    qualified bigint not null default 0,
    reason text not null,
    user_id bigint,
    created_at timestamptz not null default now(),
    constraint meter_adjustments_pkey primary key (id)
);
create unique index meter_adjustments_purged_idx on meter_adjustments (meter_id, span, starts_at) where reason = 'purged';

create trigger meters_delete_windows after delete on meters for each row execute function delete_meter_windows();
create trigger clients_delete_meter after delete on clients for each row execute function delete_meter('client');
create trigger dids_delete_meter after delete on dids for each row execute function delete_meter('did');
create trigger campaigns_delete_meter after delete on campaigns for each row execute function delete_meter('campaign');
create trigger users_delete_meter after delete on users for each row execute function delete_meter('seller');
-- A number or a campaign that changes hands begins anew.
create trigger dids_change_hands after update of user_id on dids
    for each row when (old.user_id <> new.user_id) execute function change_hands();
create trigger campaigns_change_hands after update of user_id on campaigns
    for each row when (old.user_id <> new.user_id) execute function change_hands();

-- Links that were deleted, of clients without a meter: only their records are left.
create table gone_links (
    id bigint generated always as identity,
    link_id bigint not null,
    client_id bigint not null,
    gone_at timestamptz not null default now(),
    constraint gone_links_pkey primary key (id)
);
create index gone_links_client_id_idx on gone_links (client_id);
create trigger campaign_client_settings_gone after delete on campaign_client_settings
    for each row execute function note_gone_link();
-- A link that is new belongs to a client and a seller that may have meters.
create trigger campaign_client_settings_lock_seller before insert on campaign_client_settings
    for each row execute function lock_seller();
create trigger link_counters_metered before insert on link_counters
    for each row execute function note_metered();

-- A cap is of one subject. A client's is the platform's, over all sellers.
alter table caps
    alter column link_id drop not null,
    add column client_id bigint,
    add column did_id bigint,
    add column campaign_id bigint,
    add column user_id bigint,
    add constraint caps_subject_check check (num_nonnulls(link_id, client_id, did_id, campaign_id, user_id) = 1),
    add constraint caps_client_set_by_check check (client_id is null or set_by = 'platform'),
    add constraint caps_client_id_key unique (client_id, counts, span, set_by),
    add constraint caps_did_id_key unique (did_id, counts, span, set_by),
    add constraint caps_campaign_id_key unique (campaign_id, counts, span, set_by),
    add constraint caps_user_id_key unique (user_id, counts, span, set_by),
    add constraint caps_client_id_fkey foreign key (client_id) references clients (id) on delete cascade,
    add constraint caps_did_id_fkey foreign key (did_id) references dids (id) on delete cascade,
    add constraint caps_campaign_id_fkey foreign key (campaign_id) references campaigns (id) on delete cascade,
    add constraint caps_user_id_fkey foreign key (user_id) references users (id) on delete cascade;
create trigger caps_meter before insert or update of client_id, did_id, campaign_id, user_id on caps
    for each row when (new.link_id is null) execute function meter_capped();

-- Nor a number or a campaign: see campaign_client_settings_capped.
create trigger dids_capped before delete on dids for each row execute function refuse_capped_delete();
create trigger campaigns_capped before delete on campaigns for each row execute function refuse_capped_delete();
