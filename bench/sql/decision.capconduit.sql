\set id random(:low, :high)
select * from capconduit.preview_route('+1777' || lpad(:id::text, 7, '0'));
