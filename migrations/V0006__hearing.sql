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

-- Room of calls in flight that records without a slot have taken. No foreign key: it would lock the link while its counter is
-- locked, and whoever deletes a link locks the two the other way round. Ids are never used again.
create table link_excess (
    link_id bigint not null,
    owed bigint not null,
    constraint link_excess_pkey primary key (link_id)
);
