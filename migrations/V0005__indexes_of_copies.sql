-- From here on decisions read the copies: the indexes are made when every row has been checked.
alter table clients validate constraint clients_copies_check;
alter table campaigns validate constraint campaigns_copies_check;
alter table campaign_dids validate constraint campaign_dids_copies_check;
alter table campaign_client_settings validate constraint campaign_client_settings_copies_check;
alter table campaigns validate constraint campaigns_owner_copied_fkey;
alter table campaign_dids validate constraint campaign_dids_did_copied_fkey;
alter table campaign_client_settings validate constraint campaign_client_settings_client_copied_fkey;
alter table campaign_client_settings validate constraint campaign_client_settings_campaign_copied_fkey;

-- A decision: the campaigns of a number, by id; and a campaign's links, by id. All that it reads is in the index.
create index campaign_dids_number_idx on campaign_dids (did_number, campaign_id)
    include (did_id, did_user_id, did_status);
create index campaign_client_settings_decision_idx on campaign_client_settings (campaign_id, id)
    include (client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight, client_endpoint,
             client_status, client_has_contact, campaign_user_id, campaign_owner_status, campaign_status,
             campaign_strategy);
