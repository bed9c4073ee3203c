-- Copies that a decision reads in one place: beside a campaign's numbers what their DIDs say, beside its links what the
-- campaign and the client say. Four steps, so that no call waits: columns (here), keys and values (V0003), no more holes
-- (V0004), indexes (V0005). A library that does not know the copies goes on with the tables they come from.

lock table users, clients, pjsip_aors, campaigns, campaign_dids, campaign_client_settings in access exclusive mode;

alter table clients add column has_contact boolean;
alter table campaigns add column owner_status text;
alter table campaign_dids
    add column did_number text collate "C",
    add column did_status text,
    add column did_user_id bigint;
alter table campaign_client_settings
    add column client_endpoint text,
    add column client_status text,
    add column client_has_contact boolean,
    add column campaign_user_id bigint,
    add column campaign_owner_status text,
    add column campaign_status text,
    add column campaign_strategy text;

-- New rows take their copies along. A change at the source follows by its foreign key (V0003), and fires none of these:
-- they lock the other sources, which whoever changes one of them has no business with.
create trigger campaigns_copy before insert on campaigns
    for each row execute function copy_for_decisions();
create trigger campaigns_copy_again before update on campaigns
    for each row when (old.user_id <> new.user_id)
    execute function copy_for_decisions();
create trigger campaign_dids_copy before insert on campaign_dids
    for each row execute function copy_for_decisions();
create trigger campaign_dids_copy_again before update on campaign_dids
    for each row when (old.did_id <> new.did_id)
    execute function copy_for_decisions();
create trigger campaign_client_settings_copy before insert on campaign_client_settings
    for each row execute function copy_for_decisions();
create trigger campaign_client_settings_copy_again before update on campaign_client_settings
    for each row when (old.campaign_id <> new.campaign_id or old.client_id <> new.client_id)
    execute function copy_for_decisions();

-- Whether a client has a contact of its own: an AOR belongs to one client, whoever changes it has locked it.
create trigger clients_has_contact before insert or update of has_contact on clients
    for each row execute function copy_for_decisions();
create trigger pjsip_aors_has_contact after insert or update or delete on pjsip_aors
    for each row execute function note_contact();

-- What is copied to several links is locked in one order first, as by whoever deletes them.
create trigger users_lock_links before update of status on users
    for each row when (old.status is distinct from new.status) execute function lock_links_in_order();
create trigger clients_lock_links before update on clients
    for each row when (old.client_identifier is distinct from new.client_identifier
        or old.status is distinct from new.status or old.has_contact is distinct from new.has_contact)
    execute function lock_links_in_order();
create trigger campaigns_lock_links before update on campaigns
    for each row when (old.user_id is distinct from new.user_id
        or old.owner_status is distinct from new.owner_status or old.status is distinct from new.status
        or old.routing_strategy is distinct from new.routing_strategy)
    execute function lock_links_in_order();
