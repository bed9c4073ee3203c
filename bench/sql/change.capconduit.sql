\set id random(1, 100)
begin;
update capconduit.campaigns set dial_timeout_seconds = 20 + :id % 20 where name = 'bench ' || :id;
update capconduit.campaign_client_settings set max_concurrency = 1000 + :id
 where campaign_id = (select id from capconduit.campaigns where name = 'bench ' || :id) and forwarding_priority = 0;
commit;
