//! What `capconduit doctor` asks the database.

pub const ENCRYPTION: &str = "\
    select (select s.version from pg_catalog.pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl) as encryption,
           coalesce(inet_server_addr() is null or host(inet_client_addr()) = host(inet_server_addr()), true) as is_local";
pub const SERVER: &str = "\
    select current_setting('server_version_num')::integer as version, pg_encoding_to_char(d.encoding)::text as encoding,
           pg_is_in_recovery() as is_standby
      from pg_catalog.pg_database d where d.datname = current_database()";
pub const UNSAFE_SETTINGS: &str = "\
    select s.name from pg_catalog.pg_settings s
     where s.name in ('fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum') and s.setting = 'off'
     order by s.name";
pub const VERSIONS: &str = "\
    select capconduit.schema_version(), (select e.extversion from pg_catalog.pg_extension e where e.extname = 'capconduit')";
pub const LOGIN: &str = "\
    select current_user::text as name, r.rolsuper as is_superuser,
           has_table_privilege('capconduit.call_logs', 'select') as reads_without_role,
           coalesce((select array_agg(n.name order by n.name)
              from unnest(array['capconduit_seller', 'capconduit_staff', 'capconduit_internal']) as n (name)
             where not pg_has_role(n.name, 'member')), '{}') as roles_missing
      from pg_catalog.pg_roles r where r.rolname = current_user";
pub const LIMITS: &str = "\
    select coalesce((select array_agg(s.name order by s.name) from pg_catalog.pg_settings s
                      where s.name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')
                        and s.setting = '0'), '{}') as unset,
           current_setting('search_path') as search_path";
/// Those whose code is left out pin their search path themselves.
pub const WRONG_FUNCTIONS: &str = "\
    select p.oid::regprocedure::text
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      join pg_catalog.pg_roles r on r.oid = p.proowner
     where n.nspname = 'capconduit'
       and (r.rolname <> 'capconduit_owner'
            or p.prosecdef and p.prosrc not in ('route_call_wrapper', 'route_sip_call_wrapper', 'log_call_wrapper')
               and not exists (select from unnest(p.proconfig) c where c like 'search_path=%')
            or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0))
     order by 1";
pub const CONNECTIONS: &str = "\
    select current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
               - (select count(*) from pg_catalog.pg_stat_activity a where a.backend_type = 'client backend') as free,
           (select r.rolconnlimit from pg_catalog.pg_roles r where r.rolname = current_user) as connection_limit";
pub const CLOCK: &str = "select extract(epoch from clock_timestamp())::double precision";
/// By more than clocks of two servers may differ.
pub const FUTURE_WINDOWS: &str = "\
    select count(*) as ahead, max(w.windows_from)::text as last
      from (select windows_from from capconduit.link_counters union all select windows_from from capconduit.meters) w
     where w.windows_from > clock_timestamp() + interval '1 hour'";
pub const OLDEST_XMIN: &str = "\
    select coalesce(greatest((select max(age(a.backend_xmin)) from pg_catalog.pg_stat_activity a),
                             (select max(age(s.xmin)) from pg_catalog.pg_replication_slots s)), 0)::bigint";
pub const ADMINS: &str =
    "select count(*) from capconduit.users u where u.role = 'admin' and u.status = 'active'";
pub const WRONG_COUNTERS: &str = "select count(*) from capconduit.verify_counters()";
/// Those of this login, of this database, or of both; of other logins, too. The session knows the extension's own once it has
/// loaded its library.
pub const UNKNOWN_SETTINGS: &str = "\
    select distinct format('%s (alter %s)', split_part(c.setting, '=', 1),
                           concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname))
      from pg_catalog.pg_db_role_setting s
      left join pg_catalog.pg_roles r on r.oid = s.setrole
      left join pg_catalog.pg_database d on d.oid = s.setdatabase,
           unnest(s.setconfig) c (setting)
     where c.setting ilike 'capconduit.%'
       and (s.setdatabase = 0 or d.datname = current_database())
       and not exists (select from pg_catalog.pg_settings p where p.name = lower(split_part(c.setting, '=', 1)))
     order by 1";
