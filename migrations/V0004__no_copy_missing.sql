-- A foreign key looks at a row only when all of its columns are there. New rows and changes are checked from here on, the
-- rest in V0005, which lets everybody read.
lock table clients, campaigns, campaign_dids, campaign_client_settings in access exclusive mode;

alter table clients add constraint clients_copies_check check (has_contact is not null) not valid;
alter table campaigns add constraint campaigns_copies_check check (owner_status is not null) not valid;
alter table campaign_dids
    add constraint campaign_dids_copies_check
        check (did_number is not null and did_status is not null and did_user_id is not null) not valid;
alter table campaign_client_settings
    add constraint campaign_client_settings_copies_check
        check (client_endpoint is not null and client_status is not null and client_has_contact is not null
            and campaign_user_id is not null and campaign_owner_status is not null and campaign_status is not null
            and campaign_strategy is not null) not valid;
