-- What goes takes along what lost calls have left of it: one look for each link of a campaign. Calls in flight have no entry: most of these
-- rows come and go without one.
create index caller_calls_link_id_idx on caller_calls (link_id) where link_id is not null and until is not null;
create index caller_calls_client_id_idx on caller_calls (client_id) where client_id is not null and until is not null;
create index caller_calls_campaign_id_idx on caller_calls (campaign_id) where campaign_id is not null and until is not null;
create index caller_calls_user_id_idx on caller_calls (user_id) where user_id is not null and until is not null;
