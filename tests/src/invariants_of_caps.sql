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
select format('%s: %s calls at one time, %s allowed', concat_ws(' ', 'did', c.did_id, 'campaign', c.campaign_id, 'seller', c.user_id), n.calls,
              c.max_calls)
  from capconduit.caps c,
       lateral (select count(*) as calls from capconduit.live_calls l
                 where l.holds_slot
                   and (c.campaign_id in (l.campaign_id, l.overflowed_from) or l.user_id = c.user_id
                        or (l.did_id, l.user_id) = (select d.id, d.user_id from capconduit.dids d where d.id = c.did_id))) n
 where $1 and c.enforce and c.span = 'concurrent' and n.calls > c.max_calls
union all
select format('client %s says that metered is %s', k.id, k.metered)
  from capconduit.clients k
 where k.metered <> exists (select from capconduit.meters m where (m.subject_type, m.subject_id) = ('client', k.id))
    or not k.metered and exists (select from capconduit.caps c where c.client_id = k.id)
union all
-- In windows that go on. A record of a call that nothing was reserved for is counted whatever the cap.
select format('%s %s: %s %s calls, adjusted by %s, and %s in flight in its %s, %s allowed', c.subject_type, c.subject_id, u.used, c.counts,
              a.moved, u.in_flight, c.span, c.max_calls)
  from (select 'link' as subject_type, c.link_id as subject_id, null::bigint as owner_id, c.counts, c.span, c.max_calls, c.enforce, w.starts_at,
               null::bigint as meter_id
          from capconduit.caps c
          join capconduit.link_windows w on (w.link_id, w.span) = (c.link_id, c.span) and w.ends_at > clock_timestamp()
        union all
        select 'link', c.link_id, null, c.counts, c.span, c.max_calls, c.enforce, '-infinity', null
          from capconduit.caps c
         where c.span = 'total' and c.link_id is not null
        union all
        select m.subject_type, m.subject_id, m.owner_id, c.counts, c.span, c.max_calls, c.enforce, coalesce(w.starts_at, '-infinity'), m.id
          from capconduit.caps c
          join capconduit.meters m on m.subject_id = case m.subject_type when 'client' then c.client_id when 'did' then c.did_id
                                                         when 'campaign' then c.campaign_id else c.user_id end
          left join capconduit.meter_windows w on (w.meter_id, w.span) = (m.id, c.span) and w.ends_at > clock_timestamp()
         where c.span = 'total' or w.starts_at is not null) c,
       lateral (select coalesce(sum(case c.counts when 'offered' then v.offered when 'answered' then v.answered
                                                  else v.qualified end), 0) as used,
                       coalesce(sum(v.in_flight) filter (where c.counts <> 'offered'), 0) as in_flight
                  from (select s.subject_type, s.subject_id, null::bigint as user_id, v.reserved_at, v.in_flight, v.offered, v.answered,
                               v.qualified
                          from capconduit.window_calls_view v,
                               lateral (values ('link', v.link_id), ('client', v.client_id)) s (subject_type, subject_id)
                         union all
                        -- Of a call that held no slot any more its record counts, whatever the cap.
                        select v.subject_type, v.subject_id, v.user_id, v.reserved_at, v.in_flight, v.offered,
                               case when g.id is null or g.reserved_at is not null then v.answered else 0 end,
                               case when g.id is null or g.reserved_at is not null then v.qualified else 0 end
                          from capconduit.subject_calls_view v
                          left join capconduit.call_logs g on g.asterisk_uniqueid = v.uniqueid) v
                 where (c.subject_type, c.subject_id) = (v.subject_type, v.subject_id)
                   and (c.owner_id is null or v.user_id = c.owner_id) and v.reserved_at >= c.starts_at and v.offered = 1) u,
       -- What people have adjusted, and what is kept of purged calls.
       lateral (select coalesce(sum(case c.counts when 'offered' then j.offered when 'answered' then j.answered
                                                  else j.qualified end), 0) as moved
                  from (select null::bigint as meter_id, link_id, span, starts_at, offered, answered, qualified
                          from capconduit.link_adjustments
                         union all
                        select meter_id, null, span, starts_at, offered, answered, qualified
                          from capconduit.meter_adjustments) j
                 where (j.meter_id = c.meter_id or c.meter_id is null and j.link_id = c.subject_id)
                   and (j.span, j.starts_at) = (c.span, c.starts_at)) a
 where $1 and c.enforce and u.used + a.moved + u.in_flight > c.max_calls
