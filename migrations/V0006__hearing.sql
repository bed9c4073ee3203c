-- Since when the database hears its switches without a gap: the silence of one of them proves something only while others
-- are heard. One row, kept by the call functions; a library of before it leaves it alone.
create table hearing (
    only_one boolean not null default true,
    since timestamptz not null,
    last timestamptz not null,
    constraint hearing_pkey primary key (only_one),
    constraint hearing_only_one_check check (only_one)
) with (fillfactor = 50);

insert into hearing (since, last) values (now(), now());
