-- What the benchmark runs on, beside the sample data. Owns: numbers, campaigns, links and records of any size, and the
-- few campaigns that a workload is named after. Variables: dids, campaigns, logs, folded into one another as people have
-- them: ten numbers and three links to a campaign, a hundred campaigns to a seller. Takes an empty or sample database.
--
-- Loaded as a table is loaded, without triggers: counters are written as the triggers would have written them.
\set ON_ERROR_STOP on
-- What caps and marks of callers cost is a part of its own: the sample data's go.
delete from capconduit.caps;
delete from capconduit.caller_marks;
set session_replication_role = replica;
set synchronous_commit = off;
set maintenance_work_mem = '1GB';
set work_mem = '256MB';
set search_path = capconduit;

create schema bench;

\echo users, clients, campaigns, numbers and links …
select greatest(:campaigns / 100, 1) as sellers, least(greatest(:campaigns / 10, 200), 1000) as clients \gset
insert into users (username, email, password_hash, role)
select 'bench_' || n, 'bench_' || n || '@capconduit.local', '$argon2id$no-login', 'user'
  from generate_series(0, :sellers - 1) n order by n;
select min(id) as first_user from users where username like 'bench\_%' \gset
insert into clients (client_identifier, name)
select 'bench_' || n, 'Bench client ' || n from generate_series(0, :clients - 1) n order by n;
select min(id) as first_client from clients where client_identifier like 'bench\_%' \gset
insert into pjsip_endpoints (client_id, id, aors, context, callerid)
select id, client_identifier, client_identifier, 'from-capconduit', 'Bench <+18005550000>'
  from clients where id >= :first_client;
insert into pjsip_aors (client_id, id, contact)
select id, client_identifier, 'sip:127.0.0.1:5060' from clients where id >= :first_client;

insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
select :first_user + n % :sellers, 'bench ' || n, 'priority', 30
  from generate_series(0, :campaigns - 1) n order by n;
select min(id) as first_campaign from campaigns where name like 'bench %' \gset
-- Number n, from 1, belongs to campaign (n - 1) % campaigns.
insert into dids (user_id, number)
select :first_user + ((n - 1) % :campaigns) % :sellers, '+1777' || lpad(n::text, 7, '0')
  from generate_series(1, :dids) n order by n;
select min(id) as first_did from dids where number like '+1777%' \gset
insert into campaign_dids (campaign_id, did_id)
select :first_campaign + n % :campaigns, d.id
  from generate_series(0, :dids - 1) n join dids d on d.id = :first_did + n order by n;
insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
select :first_campaign + n, :first_client + (n * 3 + p) % :clients, 1000, p
  from generate_series(0, :campaigns - 1) n cross join generate_series(0, 2) p order by n, p;
select min(id) as first_link from campaign_client_settings where campaign_id >= :first_campaign \gset
insert into link_counters (link_id)
select id from campaign_client_settings where id >= :first_link;

-- The campaigns with a story of their own: one number each.
create table bench.story (number integer, name text, links integer, cap integer, allowed bigint, strategy text);
insert into bench.story values
    (9000000, 'hot', 1, 1000, null, 'priority'),
    (9000001, 'full', 2, 2, null, 'priority'),
    (9000002, 'spent', 1, 1000, 0, 'priority'),
    (9000003, 'failover', 5, 1000, null, 'priority'),
    (9000004, 'turns', 8, 1000, null, 'round_robin'),
    (9000005, 'tight', 1, 8, null, 'priority');
insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
select :first_user, 'story ' || name, strategy, 30 from bench.story order by number;
insert into dids (user_id, number) select :first_user, '+1777' || number from bench.story;
insert into campaign_dids (campaign_id, did_id)
select c.id, d.id from bench.story t join campaigns c on c.name = 'story ' || t.name
  join dids d on d.number = '+1777' || t.number;
insert into campaign_client_settings (campaign_id, client_id, max_concurrency, total_calls_allowed, forwarding_priority)
select c.id, :first_client + p, t.cap, t.allowed, p
  from bench.story t join campaigns c on c.name = 'story ' || t.name cross join lateral generate_series(0, t.links - 1) p
 order by t.number, p;
insert into link_counters (link_id)
select s.id from campaign_client_settings s join campaigns c on c.id = s.campaign_id where c.name like 'story %';

-- Records over a year, in the order of time, as eight switches named them. Their plain indexes are made afterwards.
\echo call records …
create temp table index_kept as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
  from pg_index where indrelid = 'call_logs'::regclass and not indisunique;
select 'drop index ' || name from index_kept where :logs > 0 \gexec
insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, node, incoming_did_number,
    caller_id_num, timestamp_start, timestamp_answered, timestamp_end, duration_seconds, billsec_seconds, call_status,
    hangup_cause_code, hangup_by, attempts, counted, decision)
select 'old' || n % 8 || '-' || extract(epoch from began)::bigint || '.' || n,
       :first_user + campaign % :sellers, :first_campaign + campaign, :first_did + campaign,
       :first_client + (link % (3 * :campaigns)) % :clients, :first_link + link, 'old' || n % 8,
       '+1777' || lpad((campaign + 1)::text, 7, '0'), '+1555' || lpad((n % 9999999)::text, 7, '0'),
       began, case when counted then began + interval '8 seconds' end, began + interval '128 seconds',
       128, case when counted then 120 else 0 end, case when counted then 'ANSWERED' else 'NOANSWER' end,
       case when counted then 16 else 19 end, 'caller', 1, counted, (:first_link + link) || '=taken'
  from (select n, link, link / 3 as campaign, n % 5 <> 0 as counted,
               now() - interval '365 days' + n * (interval '365 days' / (:logs + 1)) as began
          from (select n, (n * 7919::bigint) % (3 * :campaigns) as link from generate_series(1, :logs) n) numbered) calls
 order by n;
\echo counters and indexes …
update link_counters n set total = g.calls
  from (select link_id, count(*) as calls from call_logs where counted group by link_id) g where n.link_id = g.link_id;
select definition from index_kept where :logs > 0 \gexec

-- The bare tables that the limits are measured on, and what the peers need beside the platform's own tables.
\echo limits and peers …
create table bench.counters (id integer primary key, n bigint not null default 0) with (fillfactor = 50);
insert into bench.counters (id) select generate_series(1, 1000) union all values (9000000);
create table bench.log (id bigint generated always as identity primary key, counter integer not null,
    at timestamptz not null default now(), filler text not null default repeat('x', 150));
create table bench.uniqueids (list text[] not null);
-- A marker for what makes this file's data differ from another version's.
create table bench.made (fingerprint text not null);
reset session_replication_role;
