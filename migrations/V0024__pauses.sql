-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, clients, campaigns, campaign_client_settings in access exclusive mode;

-- Until when no new call goes there; infinity: until somebody lifts it. The platform's pause and the seller's stand beside each other.
alter table clients
    add column platform_paused_until timestamptz,
    add column platform_pause_reason text,
    add constraint clients_platform_pause_check
        check (num_nulls(platform_paused_until, platform_pause_reason) in (0, 2)
           and length(platform_pause_reason) between 1 and 200);

alter table campaigns
    add column paused_until timestamptz,
    add column pause_reason text,
    add column platform_paused_until timestamptz,
    add column platform_pause_reason text,
    add constraint campaigns_pause_check
        check (num_nulls(paused_until, pause_reason) in (0, 2) and length(pause_reason) between 1 and 200),
    add constraint campaigns_platform_pause_check
        check (num_nulls(platform_paused_until, platform_pause_reason) in (0, 2)
           and length(platform_pause_reason) between 1 and 200);

alter table campaign_client_settings
    add column paused_until timestamptz,
    add column pause_reason text,
    add column platform_paused_until timestamptz,
    add column platform_pause_reason text,
    add constraint campaign_client_settings_pause_check
        check (num_nulls(paused_until, pause_reason) in (0, 2) and length(pause_reason) between 1 and 200),
    add constraint campaign_client_settings_platform_pause_check
        check (num_nulls(platform_paused_until, platform_pause_reason) in (0, 2)
           and length(platform_pause_reason) between 1 and 200);

create trigger clients_check_pause before insert or update of platform_pause_reason on clients
    for each row execute function check_texts('platform_pause_reason');
create trigger campaigns_check_pause before insert or update of pause_reason, platform_pause_reason on campaigns
    for each row execute function check_texts('pause_reason', 'platform_pause_reason');
create trigger campaign_client_settings_check_pause
    before insert or update of pause_reason, platform_pause_reason on campaign_client_settings
    for each row execute function check_texts('pause_reason', 'platform_pause_reason');

-- Made again, it would not be paused.
create trigger campaigns_paused before delete on campaigns
    for each row when (old.platform_paused_until is not null) execute function refuse_paused_delete();
create trigger campaign_client_settings_paused before delete on campaign_client_settings
    for each row when (old.platform_paused_until is not null) execute function refuse_paused_delete();
