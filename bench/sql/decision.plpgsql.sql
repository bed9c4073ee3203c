\set id random(:low, :high)
select * from bench.plpgsql_links('+1777' || lpad(:id::text, 7, '0'));
