-- The same of caps over windows, which a release of before does not have.
select format('link %s says that capped is %s', s.id, s.capped)
  from capconduit.campaign_client_settings s
 where s.capped <> exists (select from capconduit.caps c where c.link_id = s.id)
union all
select format('link %s: %s calls at one time, %s allowed', c.link_id, n.active, c.max_calls)
  from capconduit.caps c
  join capconduit.link_counters n on n.link_id = c.link_id
 where $1 and c.enforce and c.span = 'concurrent' and n.active > c.max_calls
union all
-- In windows that go on. A record of a call that nothing was reserved for is counted whatever the cap.
select format('link %s: %s %s calls and %s in flight in its %s, %s allowed', c.link_id, u.used, c.counts, u.in_flight, c.span, c.max_calls)
  from capconduit.caps c
  join capconduit.link_windows w on (w.link_id, w.span) = (c.link_id, c.span) and w.ends_at > clock_timestamp(),
       lateral (select coalesce(sum(case c.counts when 'offered' then v.offered when 'answered' then v.answered
                                                  else v.qualified end), 0) as used,
                       coalesce(sum(v.in_flight) filter (where c.counts <> 'offered'), 0) as in_flight
                  from capconduit.window_calls_view v
                 where v.link_id = c.link_id and v.reserved_at >= w.starts_at and v.offered = 1) u
 where $1 and c.enforce and u.used + u.in_flight > c.max_calls
