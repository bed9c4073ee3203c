-- Sample data to play with: psql "$DATABASE_URL" -f sample_data.sql
--
-- Made for an empty database; running it twice changes nothing. Every user's password is `password`: these hashes are
-- samples, known to everybody. Never load this file where real calls arrive.

\set ON_ERROR_STOP on

begin;
set local search_path = capconduit, pg_temp;
set local client_min_messages = warning;

-- One loader at a time, and only beside rows of its own.
lock table users in share row exclusive mode;
do $$
begin
    if exists (
        select from users
         where (id <= 5) <> (username in ('platform_admin', 'ops_staff', 'seller_alice', 'seller_bob', 'seller_pending'))
    ) or exists (
        select from clients
         where (id <= 4) <> (client_identifier in
                ('client_alpha_sales', 'client_beta_support', 'client_gamma_intake', 'client_delta_partners'))
    ) then
        raise exception 'this database holds data of its own: sample data is for an empty one';
    end if;
end
$$;

insert into users (id, username, email, password_hash, role, status, full_name, company_name, time_zone)
overriding system value values
    (1, 'platform_admin', 'admin@capconduit.local',
        '$argon2id$v=19$m=19456,t=2,p=1$RUxNTjZzT0xNSEx2SFht$4qOYFq8bwsuTxL71OjHBc0v206vUNMs6FDY2DCW6ons',
        'admin', 'active', 'Admin User', 'CapConduit HQ', 'UTC'),
    (2, 'ops_staff', 'staff@capconduit.local',
        '$argon2id$v=19$m=19456,t=2,p=1$azlYamZBa09zNUdUNlc4eA$Zo6suizbVuadV4Mi4a5CO5o9oykd5UmKc82atk4NiAU',
        'staff', 'active', 'Operations Staff', 'CapConduit HQ', 'UTC'),
    (3, 'seller_alice', 'alice@seller.xyz',
        '$argon2id$v=19$m=19456,t=2,p=1$OFRQVXhqVmRJMzlSSTMw$3mPp0F+apiCzoXgNU/BruydLP/JLuNsR94thUb5DExE',
        'user', 'active', 'Alice Wonderland', 'Alice Leads Ltd.', 'America/New_York'),
    (4, 'seller_bob', 'bob@broker.xyz',
        '$argon2id$v=19$m=19456,t=2,p=1$dnZuRGdMa1BXQ0xEa01k$xHHTPlF5tM2u4e5PHCjQByeDcxnPcwJaEtax9LdRQwY',
        'user', 'active', 'Bob The Broker', 'Bob Call Services', 'UTC'),
    (5, 'seller_pending', 'pending@seller.xyz',
        '$argon2id$v=19$m=19456,t=2,p=1$akRPRDNoZEJYQ3Z3dU1P$Qv1qSGQv2JxO7qlerfv3wQ5ssK6j7w0tIGHfe8vo3Wo',
        'user', 'pending_approval', 'Pending Pete', 'Future Calls Inc.', 'UTC')
on conflict do nothing;

insert into clients (id, client_identifier, name, department, status, created_by, time_zone)
overriding system value values
    (1, 'client_alpha_sales', 'Alpha Corp', 'Sales Department', 'active', 1, 'America/Chicago'),
    (2, 'client_beta_support', 'Beta Industries', 'Customer Support', 'active', 1, 'America/New_York'),
    (3, 'client_gamma_intake', 'Gamma Services', 'New Client Intake', 'active', 2, 'Europe/Berlin'),
    (4, 'client_delta_partners', 'Delta Partners Inc', 'Partner Relations', 'inactive', 2, 'UTC')
on conflict do nothing;

insert into pjsip_auths (client_id, id, auth_type, username, password, realm) values
    (3, 'auth_to_gamma', 'userpass', 'capconduit_user', 'sample-password-for-gamma', 'gamma.internal')
on conflict do nothing;

insert into pjsip_endpoints
    (client_id, id, aors, transport, context, allow, direct_media, outbound_auth, callerid, from_user, from_domain)
values
    (1, 'client_alpha_sales', 'client_alpha_sales', 'transport-udp', 'from-capconduit', 'ulaw,alaw', 'no', null,
        'Alice Leads <+18005551111>', 'alice_out', 'capconduit.local'),
    (2, 'client_beta_support', 'client_beta_support', 'transport-udp', 'from-capconduit', 'ulaw,alaw,gsm', 'no', null,
        'CapConduit <+18885552222>', null, null),
    (3, 'client_gamma_intake', 'client_gamma_intake', 'transport-udp', 'from-capconduit', 'ulaw', 'no', 'auth_to_gamma',
        'Bob Broker <+19005553333>', 'bob_calls', 'capconduit.local'),
    (4, 'client_delta_partners', 'client_delta_partners', 'transport-udp', 'from-capconduit', 'ulaw', 'no', null,
        'System <+17775554444>', null, null)
on conflict do nothing;

insert into pjsip_aors (client_id, id, contact, qualify_frequency) values
    (1, 'client_alpha_sales', 'sip:10.10.10.1:5060', 60),
    (2, 'client_beta_support', 'sip:sip.betasupport.com;transport=udp', 60),
    (3, 'client_gamma_intake', 'sip:intake@gamma.internal:5064', 30),
    (4, 'client_delta_partners', 'sip:192.168.50.100', 0)
on conflict do nothing;

insert into dids (id, user_id, number, status)
overriding system value values
    (1, 3, '+18005550101', 'active'),
    (2, 3, '+12125550102', 'active'),
    (3, 4, '+13105550103', 'active'),
    (4, 3, '+442075550104', 'inactive')
on conflict do nothing;

insert into campaigns (id, user_id, name, status, routing_strategy, dial_timeout_seconds)
overriding system value values
    (1, 3, 'Alice Priority Tech Leads', 'active', 'priority', 25),
    (2, 3, 'Alice RoundRobin Support', 'active', 'round_robin', 35),
    (3, 4, 'Bob Weighted Sales Calls', 'active', 'weighted', 20),
    (4, 4, 'Bob Old Inactive Leads', 'inactive', 'priority', 30)
on conflict do nothing;

insert into campaign_dids (campaign_id, did_id) values (1, 1), (2, 2), (3, 3), (4, 3)
on conflict do nothing;

insert into campaign_client_settings
    (id, campaign_id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight)
overriding system value values
    (1, 1, 1, 'active', 10, 5000, 0, 100),
    (2, 1, 2, 'active', 5, null, 1, 100),
    (3, 2, 2, 'active', 8, 1000, 0, 100),
    (4, 2, 3, 'active', 15, 2000, 0, 100),
    -- At its cap: the one call that it may have is counted below.
    (5, 3, 3, 'active', 20, 1, 0, 70),
    (6, 3, 1, 'active', 5, 2000, 1, 30),
    (7, 3, 4, 'inactive', 2, 100, 2, 100)
on conflict do nothing;

-- Each call: when it began, and how long after that it was answered. Counters move with the rows that are new.
with calls (id, did_id, campaign_id, link_id, caller, began, answered_after, duration, billsec, status, cause, cause_text)
as (values
    (1, 1, 1, 1, '+15551234567', interval '2 hours', interval '10 seconds', 120, 110, 'ANSWERED', 16, 'Normal Clearing'),
    (2, 1, 1, 2, '+15557654321', interval '25 hours', interval '15 seconds', 60, 45, 'ANSWERED', 16, 'Normal Clearing'),
    (3, 2, 2, 3, '+15551112222', interval '24 hours 30 minutes', interval '5 seconds', 120, 115, 'ANSWERED', 16,
        'Normal Clearing'),
    (4, 2, 2, 4, '+15553334444', interval '48 hours 20 minutes', null, 60, 0, 'NOANSWER', 19, 'No Answer from user'),
    (5, 3, 3, 5, '+15559998888', interval '10 minutes', interval '10 seconds', 110, 100, 'ANSWERED', 16,
        'Normal Clearing'),
    (6, 3, 3, null, '+15557776666', interval '5 minutes', null, 0, 0, 'REJECTED_TOTAL', 0,
        'Rejected - Total Calls Cap')
), logged as (
    insert into call_logs (
        id, asterisk_uniqueid, asterisk_linkedid, user_id, campaign_id, did_id, client_id, link_id, incoming_did_number,
        caller_id_num, timestamp_start, timestamp_answered, timestamp_end, duration_seconds, billsec_seconds,
        call_status, hangup_cause_code, hangup_cause_text, attempts, counted, qualified)
    overriding system value
    select c.id, 'test-uniqueid-call-00' || c.id, 'test-linkedid-call-00' || c.id, d.user_id, c.campaign_id, c.did_id,
           s.client_id, c.link_id, d.number, c.caller, now() - c.began, now() - c.began + c.answered_after,
           now() - c.began + make_interval(secs => c.duration), c.duration, c.billsec,
           c.status, c.cause, c.cause_text, (c.link_id is not null)::integer, c.status = 'ANSWERED',
           c.status = 'ANSWERED' and c.billsec >= coalesce(s.qualify_seconds, m.qualify_seconds)
      from calls c
      join dids d on d.id = c.did_id
      join campaigns m on m.id = c.campaign_id
      left join campaign_client_settings s on s.id = c.link_id
    on conflict do nothing
    returning link_id, counted
)
update link_counters n
   set total = n.total + l.calls
  from (select link_id, count(*) as calls from logged where counted group by link_id) l
 where n.link_id = l.link_id;

-- Behind the calls, which a first cap counts. Only those that are not there yet are tried: a meter and a version come before a conflict is seen.
insert into caps (id, link_id, client_id, campaign_id, counts, span, set_by, max_calls, enforce, note, created_by)
overriding system value
select *
  from (values
    (1, 1, null, null, 'answered', 'day', 'seller', 50, true, null, 3),
    (2, null, 2, null, 'offered', 'concurrent', 'platform', 10, true, 'Seats of the call center, for all sellers', 2),
    (3, 5, null, null, 'qualified', 'hour', 'seller', 3, true, null, 4),
    (4, null, null, 1, 'offered', 'month', 'seller', 2000, false, 'To be told when the budget is spent', 3)
  ) new (id, link_id, client_id, campaign_id, counts, span, set_by, max_calls, enforce, note, created_by)
 where not exists (select from caps c where c.id = new.id)
on conflict do nothing;

-- Attached to nothing.
insert into schedules (id, user_id, name, time_zone, weekly, exceptions)
overriding system value
select new.id, new.user_id, new.name, new.time_zone,
       (select jsonb_agg(jsonb_build_object('day', day, 'opens', new.opens, 'closes', new.closes))
          from unnest(new.days) day),
       new.exceptions::jsonb
  from (values
    (1, 3, 'Office hours', 'America/New_York', array['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
        '08:00', '20:00', '[{"date": "2026-12-25", "name": "Christmas", "intervals": []}]'),
    (2, null, 'Nights', 'UTC', array['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
        '20:00', '08:00', '[]')
  ) new (id, user_id, name, time_zone, days, opens, closes, exceptions)
 where not exists (select from schedules s where s.id = new.id)
on conflict do nothing;

-- Of all campaigns of seller_bob.
insert into caller_marks (id, user_id, caller, kind, note, created_by)
overriding system value
select *
  from (values (1, 4, '+15550000000', 'blocked', 'Dials all night and says nothing', 4)) new (id, user_id, caller, kind, note, created_by)
 where not exists (select from caller_marks m where m.id = new.id)
on conflict do nothing;

-- The rows above brought their own ids: what is added next continues after them, and no id comes twice.
do $$
declare
    part record;
    highest bigint;
begin
    for part in
        select t.name, pg_get_serial_sequence(t.name, 'id') as sequence
          from unnest(array['users', 'clients', 'dids', 'campaigns', 'campaign_client_settings', 'call_logs', 'caps',
                            'schedules', 'caller_marks']) t (name)
    loop
        execute format('select max(id) from %I', part.name) into highest;
        perform setval(part.sequence, highest)
           from pg_sequences q
          where format('%I.%I', q.schemaname, q.sequencename) = part.sequence and coalesce(q.last_value, 0) < highest;
    end loop;
end
$$;

commit;
