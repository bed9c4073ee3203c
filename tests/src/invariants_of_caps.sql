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
select format('client %s: %s calls at one time, %s allowed', c.client_id, n.calls, c.max_calls)
  from capconduit.caps c,
       lateral (select count(*) as calls from capconduit.live_calls l where l.holds_slot and l.client_id = c.client_id) n
 where $1 and c.enforce and c.span = 'concurrent' and n.calls > c.max_calls
union all
select format('client %s says that metered is %s', k.id, k.metered)
  from capconduit.clients k
 where k.metered <> exists (select from capconduit.client_counters n where n.client_id = k.id)
    or not k.metered and exists (select from capconduit.caps c where c.client_id = k.id)
union all
-- In windows that go on. A record of a call that nothing was reserved for is counted whatever the cap.
select format('%s %s: %s %s calls and %s in flight in its %s, %s allowed', c.subject_type, c.subject_id, u.used, c.counts, u.in_flight,
              c.span, c.max_calls)
  from (select 'link' as subject_type, c.link_id as subject_id, c.counts, c.span, c.max_calls, c.enforce, w.starts_at
          from capconduit.caps c
          join capconduit.link_windows w on (w.link_id, w.span) = (c.link_id, c.span) and w.ends_at > clock_timestamp()
        union all
        select 'client', c.client_id, c.counts, c.span, c.max_calls, c.enforce, w.starts_at
          from capconduit.caps c
          join capconduit.client_windows w on (w.client_id, w.span) = (c.client_id, c.span) and w.ends_at > clock_timestamp()
        union all
        select case when c.link_id is null then 'client' else 'link' end, coalesce(c.link_id, c.client_id), c.counts, c.span,
               c.max_calls, c.enforce, '-infinity'
          from capconduit.caps c
         where c.span = 'total') c,
       lateral (select coalesce(sum(case c.counts when 'offered' then v.offered when 'answered' then v.answered
                                                  else v.qualified end), 0) as used,
                       coalesce(sum(v.in_flight) filter (where c.counts <> 'offered'), 0) as in_flight
                  from capconduit.window_calls_view v
                 where c.subject_id = case c.subject_type when 'link' then v.link_id else v.client_id end
                   and v.reserved_at >= c.starts_at and v.offered = 1) u
 where $1 and c.enforce and u.used + u.in_flight > c.max_calls
