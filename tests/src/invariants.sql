-- Every breach of the promise, one line of text each, seen in one snapshot. $1: caps were not lowered meanwhile.
select format('link %s: %s is %s, the rows behind it say %s', v.link_id, v.counter, v.stored, v.actual)
  from capconduit.verify_counters() v
union all
select format('link %s: %s calls hold a slot, max_concurrency is %s', s.id, n.active, s.max_concurrency)
  from capconduit.campaign_client_settings s
  join capconduit.link_counters n on n.link_id = s.id
 where $1 and n.active > s.max_concurrency
union all
-- A call that happened is never refused, so late records may exceed the limit: they are marked.
select format('link %s: %s counted and %s in flight, %s allowed', s.id, n.total, n.active, s.total_calls_allowed)
  from capconduit.campaign_client_settings s
  join capconduit.link_counters n on n.link_id = s.id
 where $1 and n.total + n.active - (select count(*) from capconduit.call_logs g
                                     where g.link_id = s.id and g.late_excess) > s.total_calls_allowed
union all
select format('call %s has %s records', g.asterisk_uniqueid, count(*))
  from capconduit.call_logs g
 group by g.asterisk_uniqueid having count(*) > 1
union all
select format('call %s is recorded and still in flight', l.uniqueid)
  from capconduit.live_calls l
  join capconduit.call_logs g on g.asterisk_uniqueid = l.uniqueid
union all
select format('call %s holds a slot of link %s, which is gone', l.uniqueid, l.link_id)
  from capconduit.live_calls l
 where l.holds_slot and not exists (select from capconduit.link_counters n where n.link_id = l.link_id)
