-- What the benchmark runs on, beside the sample data: 1,000 campaigns of two links each with a DID each, one hot
-- campaign with a single link, one with a full link, and the bare tables that the limits are measured on.
insert into users (username, email, password_hash, role)
values ('bench_seller', 'bench@capconduit.local', '$argon2id$no-login', 'user');
insert into clients (client_identifier, name)
select 'bench_' || n, 'Bench client ' || n from generate_series(1, 200) n;
insert into pjsip_endpoints (client_id, id, aors, context, callerid)
select id, client_identifier, client_identifier, 'from-capconduit', 'Bench <+18005550000>'
  from clients where client_identifier like 'bench\_%';
insert into pjsip_aors (client_id, id, contact)
select id, client_identifier, 'sip:127.0.0.1:5060' from clients where client_identifier like 'bench\_%';

insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
select u.id, 'bench ' || n, 'priority', 30 from users u, generate_series(0, 1001) n where u.username = 'bench_seller';
insert into dids (user_id, number)
select u.id, '+1777' || lpad(n::text, 7, '0') from users u, generate_series(0, 1001) n where u.username = 'bench_seller';
insert into campaign_dids (campaign_id, did_id)
select c.id, d.id
  from generate_series(0, 1001) n
  join campaigns c on c.name = 'bench ' || n
  join dids d on d.number = '+1777' || lpad(n::text, 7, '0');

-- 1 to 1,000: spread; 0: hot; 1001: full.
insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
select c.id, k.id, 1000, p
  from generate_series(1, 1000) n
  join campaigns c on c.name = 'bench ' || n
 cross join generate_series(0, 1) p
  join clients k on k.client_identifier = 'bench_' || ((n + p * 50) % 200 + 1);
insert into campaign_client_settings (campaign_id, client_id, max_concurrency, total_calls_allowed)
select c.id, k.id, 1000, case c.name when 'bench 1001' then 0 end
  from campaigns c, clients k
 where c.name in ('bench 0', 'bench 1001') and k.client_identifier = 'bench_1';

create schema bench;
create table bench.counters (id integer primary key, n bigint not null default 0) with (fillfactor = 50);
insert into bench.counters (id) select generate_series(0, 1000);
create table bench.log (id bigint generated always as identity primary key, counter integer not null,
    at timestamptz not null default now(), filler text not null default repeat('x', 150));
analyze;
