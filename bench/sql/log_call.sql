\set id random(1, 1000)
\set call random(1, 9000000000000000)
select status, cdr_id
  from capconduit.log_call('s-' || :client_id || '-' || :call, '+1777' || lpad(:id::text, 7, '0'), 'BUSY', started_at => '2026-01-01T00:00:00Z');
