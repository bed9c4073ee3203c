-- Calls whose callers are remembered by what they come to are known where they are in flight, and nowhere else.
select format('call %s is awaited by %s and not in flight there', a.uniqueid, a.key)
  from capconduit.caller_calls a
 where a.until is null
   and not exists (select from capconduit.live_calls l
                    where l.uniqueid = a.uniqueid and l.awaited and l.client_id = a.taken_by
                      and coalesce(l.link_id = a.link_id, l.client_id = a.client_id, case when a.campaign_id is not null then a.campaign_id in (l.campaign_id, coalesce(l.overflowed_from, 0)) end,
                                   l.user_id = a.user_id))
union all
select format('call %s is in flight and awaited by nobody', l.uniqueid)
  from capconduit.live_calls l
 where l.awaited and l.holds_slot and l.caller_number is not null
   and not exists (select from capconduit.caller_calls a where a.uniqueid = l.uniqueid and a.until is null)
   -- Nobody asks any more where the call has gone to.
   and l.attempt = 1
