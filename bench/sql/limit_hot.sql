with u as (update bench.counters set n = n + 1 where id = 0) insert into bench.log (counter) values (0);
