-- Copies of what people set are gone at once, with all that held them equal to their sources. Each statement changes the
-- catalogue alone. Calls come first: they lock live_calls before any other table, so none waits with a table in hand.

lock table live_calls, users, clients, pjsip_aors, dids, campaigns, campaign_dids, campaign_client_settings
    in access exclusive mode;

drop trigger if exists users_lock_links on users;
drop trigger if exists clients_lock_links on clients;
drop trigger if exists clients_has_contact on clients;
drop trigger if exists pjsip_aors_has_contact on pjsip_aors;
drop trigger if exists campaigns_copy on campaigns;
drop trigger if exists campaigns_copy_again on campaigns;
drop trigger if exists campaigns_lock_links on campaigns;
drop trigger if exists campaign_dids_copy on campaign_dids;
drop trigger if exists campaign_dids_copy_again on campaign_dids;
drop trigger if exists campaign_client_settings_copy on campaign_client_settings;
drop trigger if exists campaign_client_settings_copy_again on campaign_client_settings;

drop index campaign_dids_unread_idx, campaign_client_settings_unread_idx;

alter table campaign_client_settings
    drop constraint campaign_client_settings_client_copied_fkey,
    drop constraint campaign_client_settings_campaign_copied_fkey,
    drop constraint campaign_client_settings_copies_check,
    drop column client_endpoint,
    drop column client_status,
    drop column client_has_contact,
    drop column campaign_user_id,
    drop column campaign_owner_status,
    drop column campaign_status,
    drop column campaign_strategy;
alter table campaign_dids
    drop constraint campaign_dids_did_copied_fkey,
    drop constraint campaign_dids_copies_check,
    drop column did_number,
    drop column did_status,
    drop column did_user_id;
alter table campaigns
    drop constraint campaigns_owner_copied_fkey,
    drop constraint campaigns_copies_check,
    drop column owner_status;
alter table clients
    drop constraint clients_copies_check,
    drop column has_contact;

drop index if exists users_id_status_idx, clients_id_copied_idx, campaigns_id_copied_idx, dids_id_copied_idx;

-- The extension has given them up before. A dump of 0.2.0 that was restored beside a later release has neither them nor the triggers.
drop function if exists copy_for_decisions(), note_contact(), lock_links_in_order(), copied_columns();
