-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, clients, dids, campaigns, campaign_client_settings in access exclusive mode;

-- No two states of any schedules have the same version, those of transactions that were rolled back included: what is remembered of
-- one is known by it.
create sequence schedules_version_seq;

-- When something is open, by the clock on the wall of a zone. One row holds all of it, so that a call reads one row.
create table schedules (
    id bigint generated always as identity,
    user_id bigint,
    name text not null,
    time_zone text not null default 'UTC',
    weekly jsonb not null default '[]',
    exceptions jsonb not null default '[]',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null,
    constraint schedules_pkey primary key (id),
    constraint schedules_user_id_name_key unique nulls not distinct (user_id, name),
    constraint schedules_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint schedules_name_check check (length(name) between 1 and 100)
);
alter sequence schedules_version_seq owned by schedules.version;

create trigger schedules_check before insert or update on schedules for each row execute function check_schedule();
create trigger schedules_check_texts before insert or update of name on schedules
    for each row execute function check_texts('name');
create trigger schedules_updated_at before update on schedules for each row execute function set_updated_at();
create trigger schedules_version before insert or update on schedules
    for each row execute function move_schedule_version();
create trigger schedules_audit after insert or update or delete on schedules
    for each row execute function audit_change('id');

alter table clients
    add column schedule_id bigint,
    add constraint clients_schedule_id_fkey foreign key (schedule_id) references schedules (id);
alter table dids
    add column schedule_id bigint,
    add constraint dids_schedule_id_fkey foreign key (schedule_id) references schedules (id);
alter table campaigns
    add column schedule_id bigint,
    add constraint campaigns_schedule_id_fkey foreign key (schedule_id) references schedules (id);
alter table campaign_client_settings
    add column schedule_id bigint,
    add constraint campaign_client_settings_schedule_id_fkey foreign key (schedule_id) references schedules (id);

-- What has a schedule, for whoever deletes one.
create index clients_schedule_id_idx on clients (schedule_id) where schedule_id is not null;
create index dids_schedule_id_idx on dids (schedule_id) where schedule_id is not null;
create index campaigns_schedule_id_idx on campaigns (schedule_id) where schedule_id is not null;
create index campaign_client_settings_schedule_id_idx on campaign_client_settings (schedule_id) where schedule_id is not null;

create trigger clients_check_schedule before insert or update of schedule_id on clients
    for each row when (new.schedule_id is not null) execute function check_schedule_owner();
create trigger dids_check_schedule before insert or update of schedule_id, user_id on dids
    for each row when (new.schedule_id is not null) execute function check_schedule_owner();
create trigger campaigns_check_schedule before insert or update of schedule_id, user_id on campaigns
    for each row when (new.schedule_id is not null) execute function check_schedule_owner();
create trigger campaign_client_settings_check_schedule before insert or update of schedule_id on campaign_client_settings
    for each row when (new.schedule_id is not null) execute function check_schedule_owner();
