//! What a migrated database looks like: everything is explained, owned by the owner, and restored as it was.

use capconduit_tests::TestDb;

async fn names(db: &TestDb, sql: &str) -> Vec<String> {
    let rows = db.superuser().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_table_column_view_and_function_has_a_comment() {
    let db = TestDb::new().await;
    let missing = names(
        &db,
        "select c.oid::regclass || coalesce('.' || a.attname, '')
           from pg_class c
           left join pg_attribute a on c.relkind = 'r' and a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace::regnamespace::text in ('capconduit', 'asterisk') and c.relkind in ('r', 'v')
            and (obj_description(c.oid, 'pg_class') is null
                 or c.relkind = 'r' and col_description(c.oid, a.attnum) is null)
         union all
         select p.oid::regprocedure::text from pg_proc p
          where p.pronamespace = 'capconduit'::regnamespace and obj_description(p.oid, 'pg_proc') is null",
    )
    .await;
    assert_eq!(missing, Vec::<String>::new());
}

#[tokio::test]
async fn everything_belongs_to_the_owner() {
    let db = TestDb::new().await;
    let others = names(
        &db,
        "select 'schema ' || nspname from pg_namespace
          where nspname in ('capconduit', 'asterisk') and nspowner <> 'capconduit_owner'::regrole
         union all
         select 'relation ' || oid::regclass from pg_class
          where relnamespace::regnamespace::text in ('capconduit', 'asterisk') and relowner <> 'capconduit_owner'::regrole
         union all
         select 'function ' || oid::regprocedure from pg_proc
          where pronamespace::regnamespace::text in ('capconduit', 'asterisk') and proowner <> 'capconduit_owner'::regrole
         union all
         select 'extension ' || extname from pg_extension
          where extname = 'capconduit' and extowner <> 'capconduit_owner'::regrole",
    )
    .await;
    assert_eq!(others, Vec::<String>::new());
}

/// Row level security without a policy hides everything; a table without it hides nothing.
#[tokio::test]
async fn every_table_that_a_role_may_read_has_row_level_security() {
    let db = TestDb::new().await;
    let open = names(
        &db,
        "select c.oid::regclass::text from pg_class c
          where c.relnamespace = 'capconduit'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
            and exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner)",
    )
    .await;
    assert_eq!(open, Vec::<String>::new());
    let joined = names(
        &db,
        "select p.tablename || ' ' || r || ' ' || c.cmd from pg_policies p, unnest(p.roles) r,
                unnest(case p.cmd when 'ALL' then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end)
                    c (cmd)
          group by p.tablename, r, c.cmd having count(*) > 1",
    )
    .await;
    assert_eq!(
        joined,
        Vec::<String>::new(),
        "two policies would be joined by OR and lose the index"
    );
}
