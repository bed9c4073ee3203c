\set id random(:low, :high)
\set call :call + 1
select coalesce((
    select s.id
      from capconduit.dids d
      join capconduit.campaign_dids cd on cd.did_id = d.id
      join capconduit.campaigns c on c.id = cd.campaign_id and c.status = 'active'
      join capconduit.campaign_client_settings s on s.campaign_id = c.id and s.status = 'active'
      join bench.dialplan_links n on n.id = s.id
     where d.number = '+1777' || lpad(:id::text, 7, '0') and d.status = 'active' and n.active < s.max_concurrency
     order by s.forwarding_priority, s.id limit 1), 0) as link \gset
\if :link
update bench.dialplan_links n set active = active + 1 where id = :link
returning greatest(active - (select max_concurrency from capconduit.campaign_client_settings where id = :link), 0) as above \gset
\if :above
insert into bench.overshoots (link_id, active) values (:link, :above);
\endif
insert into bench.dialplan_log (asterisk_uniqueid, link_id, incoming_did_number, timestamp_start, timestamp_end, call_status, counted)
values ('pbx' || :client_id || '-' || :run || '.' || :call, :link, '+1777' || lpad(:id::text, 7, '0'), now(), now(), 'ANSWERED', true);
update bench.dialplan_links set active = active - 1, total = total + 1 where id = :link;
\endif
