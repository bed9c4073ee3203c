-- Every table of the platform. Functions come from the extension, which is installed before this runs;
-- grants, policies and views are in after.sql. Constraint names are part of the contract: the API maps
-- them to field errors. Every index names the query that needs it.

create table users (
    id bigint generated always as identity,
    username text not null,
    email text not null,
    password_hash text not null,
    role text not null,
    status text not null default 'active',
    full_name text,
    company_name text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_pkey primary key (id),
    constraint users_username_check check (length(username) between 3 and 80),
    constraint users_email_check check (length(email) >= 3 and length(email) <= 120 and position('@' in email) > 1),
    constraint users_password_hash_check check (password_hash like '$argon2id$%'),
    constraint users_role_check check (role in ('admin', 'staff', 'user')),
    constraint users_status_check check (status in ('active', 'inactive', 'pending_approval', 'suspended')),
    constraint users_full_name_check check (length(full_name) <= 100),
    constraint users_company_name_check check (length(company_name) <= 100)
);
-- Names and addresses are compared without case: login looks up lower(username).
create unique index users_username_key on users (lower(username));
create unique index users_email_key on users (lower(email));

create table sessions (
    token_hash bytea not null,
    user_id bigint not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint sessions_pkey primary key (token_hash),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint sessions_token_hash_check check (length(token_hash) = 32)
);
-- All sessions of one user end at a password change or suspension.
create index sessions_user_id_idx on sessions (user_id);
-- Expired sessions are swept.
create index sessions_expires_at_idx on sessions (expires_at);

create table api_tokens (
    id bigint generated always as identity,
    user_id bigint not null,
    name text not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    last_used_at timestamptz,
    constraint api_tokens_pkey primary key (id),
    constraint api_tokens_token_hash_key unique (token_hash),
    constraint api_tokens_user_id_name_key unique (user_id, name),
    constraint api_tokens_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint api_tokens_name_check check (length(name) between 1 and 100),
    constraint api_tokens_token_hash_check check (length(token_hash) = 32)
);

create table clients (
    id bigint generated always as identity,
    client_identifier text not null,
    name text not null,
    department text,
    status text not null default 'active',
    notes text,
    created_by bigint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint clients_pkey primary key (id),
    constraint clients_client_identifier_key unique (client_identifier),
    -- The target of the PJSIP tables' foreign keys: an endpoint's and an AOR's id is the client's identifier.
    constraint clients_id_client_identifier_key unique (id, client_identifier),
    constraint clients_created_by_fkey foreign key (created_by) references users (id) on delete set null,
    constraint clients_client_identifier_check check (client_identifier ~ '^[A-Za-z0-9_.-]{1,40}$'),
    constraint clients_name_check check (length(name) between 1 and 100),
    constraint clients_department_check check (length(department) <= 100),
    constraint clients_status_check check (status in ('active', 'inactive'))
);
-- Deleting a user sets created_by to null.
create index clients_created_by_idx on clients (created_by);

create table pjsip_auths (
    client_id bigint not null,
    id text not null,
    auth_type text not null default 'userpass',
    username text,
    password text,
    md5_cred text,
    realm text,
    constraint pjsip_auths_pkey primary key (client_id),
    constraint pjsip_auths_id_key unique (id),
    constraint pjsip_auths_client_id_id_key unique (client_id, id),
    constraint pjsip_auths_client_id_fkey foreign key (client_id) references clients (id) on delete cascade,
    constraint pjsip_auths_id_check check (id ~ '^[A-Za-z0-9_.-]{1,40}$'),
    constraint pjsip_auths_auth_type_check check (
        (auth_type = 'userpass' and username is not null and password is not null)
        or (auth_type = 'md5' and md5_cred ~ '^[0-9A-Fa-f]{32}$')
    )
);

create table pjsip_endpoints (
    client_id bigint not null,
    id text not null,
    transport text,
    aors text not null,
    auth text,
    context text not null,
    disallow text not null default 'all',
    allow text not null default 'ulaw,alaw,gsm',
    direct_media text not null default 'no',
    outbound_auth text,
    from_user text,
    from_domain text,
    callerid text,
    constraint pjsip_endpoints_pkey primary key (client_id),
    constraint pjsip_endpoints_id_fkey foreign key (client_id, id)
        references clients (id, client_identifier) on delete cascade,
    constraint pjsip_endpoints_aors_check check (aors = id),
    constraint pjsip_endpoints_auth_fkey foreign key (client_id, auth) references pjsip_auths (client_id, id),
    constraint pjsip_endpoints_outbound_auth_fkey foreign key (client_id, outbound_auth)
        references pjsip_auths (client_id, id),
    constraint pjsip_endpoints_direct_media_check check (direct_media in ('yes', 'no')),
    constraint pjsip_endpoints_allow_check check (allow <> '')
);

create table pjsip_aors (
    client_id bigint not null,
    id text not null,
    contact text,
    max_contacts integer not null default 1,
    qualify_frequency integer not null default 60,
    constraint pjsip_aors_pkey primary key (client_id),
    constraint pjsip_aors_id_fkey foreign key (client_id, id)
        references clients (id, client_identifier) on delete cascade,
    constraint pjsip_aors_contact_check check (contact <> ''),
    constraint pjsip_aors_max_contacts_check check (max_contacts >= 1),
    constraint pjsip_aors_qualify_frequency_check check (qualify_frequency >= 0)
);

-- What Asterisk itself writes when a call center registers. Asterisk's own column names and text values.
create table pjsip_contacts (
    id text not null,
    uri text,
    expiration_time bigint,
    qualify_frequency integer,
    outbound_proxy text,
    path text,
    user_agent text,
    qualify_timeout text,
    reg_server text,
    authenticate_qualify text,
    via_addr text,
    via_port integer,
    call_id text,
    endpoint text,
    prune_on_boot text,
    qualify_2xx_only text,
    constraint pjsip_contacts_pkey primary key (id)
);
-- Routing asks whether a client without a static contact has registered.
create index pjsip_contacts_endpoint_idx on pjsip_contacts (endpoint);

create table dids (
    id bigint generated always as identity,
    user_id bigint not null,
    number text not null,
    status text not null default 'active',
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint dids_pkey primary key (id),
    constraint dids_number_key unique (number),
    constraint dids_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint dids_number_check check (number ~ '^\+[1-9][0-9]{1,14}$'),
    constraint dids_status_check check (status in ('active', 'inactive')),
    constraint dids_description_check check (length(description) <= 255)
);
-- A seller's list, ordered by number.
create index dids_user_id_number_idx on dids (user_id, number);

create table campaigns (
    id bigint generated always as identity,
    user_id bigint not null,
    name text not null,
    status text not null default 'active',
    routing_strategy text not null,
    dial_timeout_seconds integer not null,
    max_ring_seconds integer,
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint campaigns_pkey primary key (id),
    constraint campaigns_user_id_name_key unique (user_id, name),
    constraint campaigns_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint campaigns_name_check check (length(name) between 1 and 100),
    constraint campaigns_status_check check (status in ('active', 'inactive', 'paused')),
    constraint campaigns_routing_strategy_check check (routing_strategy in ('priority', 'round_robin', 'weighted')),
    constraint campaigns_dial_timeout_seconds_check check (dial_timeout_seconds between 1 and 600),
    constraint campaigns_max_ring_seconds_check check (max_ring_seconds between 10 and 600)
);

create table campaign_dids (
    campaign_id bigint not null,
    did_id bigint not null,
    constraint campaign_dids_pkey primary key (did_id, campaign_id),
    constraint campaign_dids_campaign_id_fkey foreign key (campaign_id) references campaigns (id) on delete cascade,
    constraint campaign_dids_did_id_fkey foreign key (did_id) references dids (id) on delete cascade
);
-- A campaign's DIDs are listed and replaced as a set.
create index campaign_dids_campaign_id_idx on campaign_dids (campaign_id);

create table campaign_client_settings (
    id bigint generated always as identity,
    campaign_id bigint not null,
    client_id bigint not null,
    status text not null default 'active',
    max_concurrency integer not null,
    total_calls_allowed bigint,
    forwarding_priority integer not null default 0,
    weight integer not null default 100,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint campaign_client_settings_pkey primary key (id),
    constraint campaign_client_settings_campaign_id_client_id_key unique (campaign_id, client_id),
    constraint campaign_client_settings_campaign_id_fkey foreign key (campaign_id)
        references campaigns (id) on delete cascade,
    constraint campaign_client_settings_client_id_fkey foreign key (client_id)
        references clients (id) on delete cascade,
    constraint campaign_client_settings_status_check check (status in ('active', 'inactive')),
    constraint campaign_client_settings_max_concurrency_check check (max_concurrency >= 1),
    constraint campaign_client_settings_total_calls_allowed_check check (total_calls_allowed >= 0),
    constraint campaign_client_settings_forwarding_priority_check check (forwarding_priority >= 0),
    constraint campaign_client_settings_weight_check check (weight between 1 and 1000000)
);
-- A client's links: deletion of a client, and the list by client.
create index campaign_client_settings_client_id_idx on campaign_client_settings (client_id);

-- The hot row of a link: only the call functions write it. No index but the primary key and half-empty pages,
-- so that nearly every update stays on its page (HOT).
create table link_counters (
    link_id bigint not null,
    active integer not null default 0,
    total bigint not null default 0,
    base bigint not null default 0,
    last_seq bigint not null default 0,
    constraint link_counters_pkey primary key (link_id),
    constraint link_counters_link_id_fkey foreign key (link_id)
        references campaign_client_settings (id) on delete cascade,
    constraint link_counters_active_check check (active >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- One row per call in flight. Plain ids without foreign keys, as in call_logs. Every statement here goes by keys, so
-- statistics are of no use and each ANALYZE would make all backends plan anew; and a vacuum that gives empty pages
-- back locks out every call, and replicas' readers, for pages that the next call needs again.
create table live_calls (
    uniqueid text collate "C" not null,
    linkedid text,
    node text,
    user_id bigint,
    campaign_id bigint not null,
    did_id bigint not null,
    did_number text not null,
    routing_strategy text not null,
    link_id bigint not null,
    client_id bigint not null,
    holds_slot boolean not null,
    attempt integer not null default 1,
    tried bigint[] not null default '{}',
    caller_number text,
    caller_name text,
    routed_at timestamptz not null,
    attempt_at timestamptz not null,
    answered_at timestamptz,
    dial_timeout_seconds integer not null,
    attempt_timeout_seconds integer not null,
    ring_deadline timestamptz not null,
    max_call_seconds integer not null,
    lease_until timestamptz not null,
    end_reason text,
    end_cause integer,
    absent_since timestamptz,
    last_listed_at timestamptz,
    decision text,
    constraint live_calls_pkey primary key (uniqueid)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
-- release_expired, and a route that finds a link full, look for expired leases.
create index live_calls_lease_until_idx on live_calls (lease_until);

-- One row per call, for ever. Only the call functions write it, and they check what they write: PostgreSQL parses a
-- CHECK's text anew for every insert, and four of them cost a call as much as an index.
create table call_logs (
    id bigint generated always as identity,
    asterisk_uniqueid text collate "C" not null,
    asterisk_linkedid text,
    user_id bigint,
    campaign_id bigint,
    did_id bigint,
    client_id bigint,
    link_id bigint,
    node text,
    incoming_did_number text not null,
    caller_id_num text,
    caller_id_name text,
    timestamp_start timestamptz not null,
    timestamp_answered timestamptz,
    timestamp_end timestamptz,
    duration_seconds integer not null default 0,
    billsec_seconds integer not null default 0,
    call_status text not null,
    hangup_cause_code integer,
    hangup_cause_text text,
    hangup_by text,
    sip_call_id text,
    attempts integer not null default 0,
    counted boolean not null,
    late_excess boolean not null default false,
    decision text,
    created_at timestamptz not null default now(),
    constraint call_logs_pkey primary key (id),
    constraint call_logs_asterisk_uniqueid_key unique (asterisk_uniqueid)
) with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 20000,
        autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 20000);
-- A seller's log, newest first, by keyset; and by campaign.
create index call_logs_user_id_timestamp_start_id_idx on call_logs (user_id, timestamp_start, id);
create index call_logs_campaign_id_timestamp_start_id_idx on call_logs (campaign_id, timestamp_start, id);
-- Admins' reports over all sellers, by days. Records come in the order of time, so a block range index of a few
-- pages serves, and costs a call next to nothing.
create index call_logs_timestamp_start_idx on call_logs using brin (timestamp_start) with (autosummarize = on);

create table call_attempts (
    uniqueid text collate "C" not null,
    attempt integer not null,
    user_id bigint,
    link_id bigint not null,
    client_id bigint not null,
    dial_status text not null,
    hangup_cause integer,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    constraint call_attempts_pkey primary key (uniqueid, attempt)
);

create table nodes (
    name text not null,
    instance text,
    booted_at timestamptz,
    heartbeat_at timestamptz,
    taken_at timestamptz,
    last_call_at timestamptz,
    live_calls integer,
    constraint nodes_pkey primary key (name),
    constraint nodes_name_check check (name ~ '^[A-Za-z0-9_-]{1,24}$')
) with (fillfactor = 50);

create table audit_log (
    id bigint generated always as identity,
    at timestamptz not null default now(),
    user_id bigint,
    db_role text not null,
    action text not null,
    object_type text not null,
    object_id text,
    before jsonb,
    after jsonb,
    constraint audit_log_pkey primary key (id),
    constraint audit_log_action_check check (action in ('insert', 'update', 'delete', 'adjust', 'release', 'reconcile'))
);
-- The history of one object, newest first.
create index audit_log_object_type_object_id_id_idx on audit_log (object_type, object_id, id);

-- What migrations/after.sql was last applied as: at most one row, written by `capconduit migrate`.
create table applied_rights (
    only_one boolean not null default true,
    fingerprint text not null,
    applied_at timestamptz not null default now(),
    constraint applied_rights_pkey primary key (only_one),
    constraint applied_rights_only_one_check check (only_one)
);

-- A link's counter row is born with the link and dies with it, but not while calls hold its slots.
create trigger campaign_client_settings_counter after insert on campaign_client_settings
    for each row execute function create_link_counter();
create trigger link_counters_delete before delete on link_counters
    for each row execute function refuse_busy_link_delete();

create trigger users_lock_counters before delete on users
    for each row execute function lock_counters_in_order();
create trigger clients_lock_counters before delete on clients
    for each row execute function lock_counters_in_order();
create trigger campaigns_lock_counters before delete on campaigns
    for each row execute function lock_counters_in_order();

create trigger users_updated_at before update on users
    for each row execute function set_updated_at();
create trigger clients_updated_at before update on clients
    for each row execute function set_updated_at();
create trigger dids_updated_at before update on dids
    for each row execute function set_updated_at();
create trigger campaigns_updated_at before update on campaigns
    for each row execute function set_updated_at();
create trigger campaign_client_settings_updated_at before update on campaign_client_settings
    for each row execute function set_updated_at();

-- A suspended, inactive or re-passworded user's sessions and tokens end with the change itself.
create trigger users_end_sessions after update of status, password_hash on users
    for each row when (old.status is distinct from new.status
        or old.password_hash is distinct from new.password_hash)
    execute function end_sessions();

create trigger users_audit after insert or update or delete on users
    for each row execute function audit_change('id');
create trigger api_tokens_audit after insert or delete on api_tokens
    for each row execute function audit_change('id');
create trigger clients_audit after insert or update or delete on clients
    for each row execute function audit_change('id');
create trigger pjsip_endpoints_audit after insert or update or delete on pjsip_endpoints
    for each row execute function audit_change('client_id');
create trigger pjsip_aors_audit after insert or update or delete on pjsip_aors
    for each row execute function audit_change('client_id');
create trigger pjsip_auths_audit after insert or update or delete on pjsip_auths
    for each row execute function audit_change('client_id');
create trigger dids_audit after insert or update or delete on dids
    for each row execute function audit_change('id');
create trigger campaigns_audit after insert or update or delete on campaigns
    for each row execute function audit_change('id');
create trigger campaign_dids_audit after insert or delete on campaign_dids
    for each row execute function audit_change('campaign_id');
create trigger campaign_client_settings_audit after insert or update or delete on campaign_client_settings
    for each row execute function audit_change('id');
