-- One line of text for each object of the platform, each right on it, and each setting that belongs to it.
with ours as (
    select oid, nspname from pg_namespace where nspname in ('capconduit', 'asterisk')
), rights (class, object, acl, owner) as (
    select 'schema', oid::regnamespace::text, coalesce(nspacl, acldefault('n', nspowner)), nspowner
      from pg_namespace where oid in (select oid from ours)
    union all
    select 'function', format('%s.%s', s.nspname, p.proname), coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
      from pg_proc p join ours s on s.oid = p.pronamespace
    union all
    select 'type', format('%s.%s', s.nspname, t.typname), coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
      from pg_type t join ours s on s.oid = t.typnamespace
      join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
    union all
    select case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
           format('%s.%s', s.nspname, c.relname),
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)), c.relowner
      from pg_class c join ours s on s.oid = c.relnamespace
     where c.relkind in ('r', 'v', 'm', 'p', 'S')
    union all
    select 'column', format('%s.%s.%s', s.nspname, c.relname, a.attname), a.attacl, c.relowner
      from pg_class c join ours s on s.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid
     where a.attacl is not null
), members as (
    select d.classid, d.objid
      from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
     where d.deptype = 'e' and e.extname = 'capconduit'
)
-- An extension's own owner is whoever restored it: no dump holds it.
select format('extension %s %s in %s', e.extname, e.extversion, e.extnamespace::regnamespace)
  from pg_extension e where e.extname = 'capconduit'
union all
select format('function %s.%s(%s) returns %s | %s, %s, parallel %s, %s%s | owner %s | %s | %s',
              s.nspname, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname,
              case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end,
              case p.proparallel when 'u' then 'unsafe' when 's' then 'safe' else 'restricted' end,
              case when p.prosecdef then 'definer' else 'invoker' end,
              case when p.proisstrict then ', strict' else '' end,
              pg_get_userbyid(p.proowner), coalesce(array_to_string(p.proconfig, ' '), 'no settings'),
              case when m.objid is not null then 'member' else 'not of the extension' end)
  from pg_proc p join ours s on s.oid = p.pronamespace join pg_language l on l.oid = p.prolang
  left join members m on m.classid = 'pg_proc'::regclass and m.objid = p.oid
union all
select format('%s %s.%s | owner %s%s%s | %s',
              case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, s.nspname, c.relname,
              pg_get_userbyid(c.relowner), case when c.relrowsecurity then ', row level security' else '' end,
              case when c.relforcerowsecurity then ', forced' else '' end,
              case when c.relkind = 'v' then coalesce(array_to_string(c.reloptions, ' '), 'owner''s rights') else '-' end)
  from pg_class c join ours s on s.oid = c.relnamespace
 where c.relkind in ('r', 'v', 'm', 'p', 'S')
union all
select format('right on %s %s: %s may %s', r.class, r.object,
              case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee) end,
              string_agg(a.privilege_type || case when a.is_grantable then ' with grant option' else '' end, ', '
                         order by a.privilege_type))
  from rights r, aclexplode(r.acl) a
 -- An owner's own rights go without saying.
 where a.grantee <> r.owner
 group by r.class, r.object, a.grantee
union all
select format('policy %s.%s on %s for %s to %s%s%s', p.schemaname, p.tablename, p.policyname, p.cmd,
              array_to_string(p.roles, ', '), ' using ' || regexp_replace(p.qual, '\s+', ' ', 'g'),
              ' check ' || regexp_replace(p.with_check, '\s+', ' ', 'g'))
  from pg_policies p
union all
select format('role %s | %s%s, %s, %s', r.rolname, case when r.rolcanlogin then 'login' else 'no login' end,
              case when r.rolinherit then '' else ', inherits nothing' end,
              coalesce('member of ' || (select string_agg(g.rolname, ', ' order by g.rolname)
                                          from pg_auth_members m join pg_roles g on g.oid = m.roleid
                                         where m.member = r.oid), 'member of nothing'),
              case r.rolconnlimit when -1 then 'no limit' else r.rolconnlimit || ' connections' end)
  from pg_roles r where r.rolname like 'capconduit%'
union all
-- A composite type is what a function answers with: its columns in their order are a contract.
select format('column %s of type %s.%s: %s %s', a.attnum, s.nspname, c.relname, a.attname,
              format_type(a.atttypid, a.atttypmod))
  from pg_class c join ours s on s.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'c'
union all
select format('trigger on %s.%s%s: %s', s.nspname, c.relname,
              case t.tgenabled when 'O' then '' else format(' (enabled %s)', t.tgenabled) end, pg_get_triggerdef(t.oid))
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join ours s on s.oid = c.relnamespace
 where not t.tgisinternal
union all
-- What migrate sets in this database, which no dump holds.
select format('setting of %s: %s', r.rolname, c.setting)
  from pg_db_role_setting d join pg_roles r on r.oid = d.setrole, unnest(d.setconfig) c (setting)
 where d.setdatabase = (select oid from pg_database where datname = current_database())
union all
-- The extension's own settings: known once its library is loaded.
select format('parameter %s | %s, %s%s, from %s to %s, at first %s', p.name, p.context, p.vartype, ' in ' || p.unit,
              coalesce(p.min_val, '-'), coalesce(p.max_val, '-'), p.boot_val)
  from pg_settings p where p.name like 'capconduit.%'
