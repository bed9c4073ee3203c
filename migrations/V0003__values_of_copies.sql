-- The copies of rows that were there before, and the foreign keys that hold every copy equal to its source: a change at
-- the source is carried over in the same transaction, and a copy that says something else is refused.
-- The indexes come first: while they are made, and until the end, nobody changes a source. Calls only read here.

-- What the foreign keys refer to.
create unique index users_id_status_idx on users (id, status);
create unique index clients_id_copied_idx on clients (id, client_identifier, status, has_contact);
create unique index campaigns_id_copied_idx on campaigns (id, user_id, owner_status, status, routing_strategy);
create unique index dids_id_copied_idx on dids (id, number, status, user_id);

-- Nothing of what follows is a change that anybody made.
alter table clients disable trigger user;
alter table campaigns disable trigger user;
alter table campaign_dids disable trigger user;
alter table campaign_client_settings disable trigger user;

update clients k
   set has_contact = exists (select from pjsip_aors a where a.client_id = k.id and a.contact is not null);
update campaigns c
   set owner_status = u.status
  from users u
 where u.id = c.user_id;
update campaign_dids a
   set did_number = d.number, did_status = d.status, did_user_id = d.user_id
  from dids d
 where d.id = a.did_id;
update campaign_client_settings s
   set client_endpoint = k.client_identifier, client_status = k.status, client_has_contact = k.has_contact,
       campaign_user_id = c.user_id, campaign_owner_status = c.owner_status, campaign_status = c.status,
       campaign_strategy = c.routing_strategy
  from campaigns c, clients k
 where c.id = s.campaign_id
   and k.id = s.client_id;

alter table clients enable trigger user;
alter table campaigns enable trigger user;
alter table campaign_dids enable trigger user;
alter table campaign_client_settings enable trigger user;

alter table campaigns
    add constraint campaigns_owner_copied_fkey foreign key (user_id, owner_status)
        references users (id, status) on update cascade on delete cascade not valid;
alter table campaign_dids
    add constraint campaign_dids_did_copied_fkey foreign key (did_id, did_number, did_status, did_user_id)
        references dids (id, number, status, user_id) on update cascade on delete cascade not valid;
alter table campaign_client_settings
    add constraint campaign_client_settings_client_copied_fkey
        foreign key (client_id, client_endpoint, client_status, client_has_contact)
        references clients (id, client_identifier, status, has_contact)
        on update cascade on delete cascade not valid,
    add constraint campaign_client_settings_campaign_copied_fkey
        foreign key (campaign_id, campaign_user_id, campaign_owner_status, campaign_status, campaign_strategy)
        references campaigns (id, user_id, owner_status, status, routing_strategy)
        on update cascade on delete cascade not valid;
