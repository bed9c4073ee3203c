\set call random(1, 9000000000000000)
select * from capconduit.route_call('+17770001001', 'b-' || :client_id || '-' || :call);
