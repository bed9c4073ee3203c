-- A version for every object that can be changed, so that whoever changes it can say which state was read. A column with a constant default is added without a rewrite; calls only read here.

lock table users, clients, pjsip_auths, pjsip_endpoints, pjsip_aors, dids, campaigns, campaign_client_settings
    in access exclusive mode;

alter table users add column version bigint not null default 1;
alter table clients add column version bigint not null default 1;
alter table dids add column version bigint not null default 1;
alter table campaigns add column version bigint not null default 1;
alter table campaign_client_settings add column version bigint not null default 1;

create trigger users_version before update on users
    for each row execute function move_version();
create trigger clients_version before update on clients
    for each row execute function move_version();
create trigger dids_version before update on dids
    for each row execute function move_version();
create trigger campaigns_version before update on campaigns
    for each row execute function move_version();
create trigger campaign_client_settings_version before update on campaign_client_settings
    for each row execute function move_version();

-- A client's PJSIP objects are part of it. By their names these fire before a note of the contact is taken, which is a copy.
create trigger pjsip_endpoints_client_version after insert or update or delete on pjsip_endpoints
    for each row execute function move_client_version();
create trigger pjsip_aors_client_version after insert or update or delete on pjsip_aors
    for each row execute function move_client_version();
create trigger pjsip_auths_client_version after insert or update or delete on pjsip_auths
    for each row execute function move_client_version();
