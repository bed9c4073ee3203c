//! The catalogue against the texts: everything has a comment, and docs/SQL.md leaves nothing out.

use capconduit_core::gate::Rule;
use capconduit_core::gates::{OF_CALLS, OF_LINKS};
use capconduit_tests::TestDb;

#[tokio::test]
async fn everything_has_a_comment() {
    let db = TestDb::new().await;
    let silent: Vec<String> = db
        .superuser()
        .await
        .query(
            "select format('schema %s', n.nspname)
               from pg_namespace n
              where n.nspname in ('capconduit', 'asterisk') and obj_description(n.oid, 'pg_namespace') is null
             union all
             select format('%s.%s', n.nspname, c.relname)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'p', 'v', 'm', 'f')
                and obj_description(c.oid, 'pg_class') is null
             union all
             select format('column %s.%s', c.relname, a.attname)
               from pg_class c
               join pg_namespace n on n.oid = c.relnamespace
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              where n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'p')
                and col_description(c.oid, a.attnum) is null
             union all
             select format('function %s', p.proname)
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace
              where n.nspname in ('capconduit', 'asterisk') and obj_description(p.oid, 'pg_proc') is null
             union all
             select format('type %s', t.typname)
               from pg_type t
               join pg_namespace n on n.oid = t.typnamespace
               left join pg_class c on c.oid = t.typrelid
              where n.nspname in ('capconduit', 'asterisk') and t.typtype <> 'b' and coalesce(c.relkind, 'c') = 'c'
                and obj_description(t.oid, 'pg_type') is null",
            &[],
        )
        .await
        .expect("the catalogue can be read")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(silent.is_empty(), "without a comment: {silent:#?}");
}

/// A function is either a chapter of its own, with each of its arguments and columns, or a line among those that
/// only the service calls. A function that comes new is in neither.
#[tokio::test]
async fn every_function_is_described() {
    let db = TestDb::new().await;
    let rows = db
        .superuser()
        .await
        .query(
            "select p.proname::text,
                    coalesce(p.proargnames, '{}') || array(select a.attname::text
                                                             from pg_type t
                                                             join pg_attribute a on a.attrelid = t.typrelid
                                                            where t.oid = p.prorettype and a.attnum > 0)
               from pg_proc p
               join pg_depend d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
               join pg_extension e on e.oid = d.refobjid and e.extname = 'capconduit'
              where p.prorettype <> 'trigger'::regtype",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    assert!(!rows.is_empty());
    let text = super::read("docs/SQL.md");
    let service =
        section(&text, "## ", "For the service alone").expect("the functions of the service have a list");
    let mut missing = Vec::new();
    for row in rows {
        let name: String = row.get(0);
        let Some(chapter) = section(&text, "### ", &name) else {
            if !service.contains(&format!("`{name}(")) {
                missing.push(name);
            }
            continue;
        };
        let arguments: Vec<String> = row.get(1);
        let unnamed = arguments
            .into_iter()
            .filter(|argument| !chapter.contains(&format!("`{argument}`")));
        missing.extend(unnamed.map(|argument| format!("{name}: {argument}")));
    }
    assert!(missing.is_empty(), "docs/SQL.md does not describe {missing:#?}");
}

/// The table of gates is the list that calls walk: each in its place, with what it judges and what opens it.
#[test]
fn every_gate_is_described() {
    let expected: Vec<String> = OF_CALLS
        .iter()
        .chain(&OF_LINKS)
        .map(|gate| {
            let of = match gate.rule {
                Rule::Call { .. } => "call",
                Rule::Link { .. } => "link",
            };
            format!("`{}` {of} `{}`", gate.name, gate.freed_by.name())
        })
        .collect();
    let text = super::read("docs/SQL.md");
    let chapter = section(&text, "### ", "explain_call").expect("the chapter of explain_call");
    let rows = chapter
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let described: Vec<String> = rows
        .filter(|cells| matches!(cells.get(2), Some(&("call" | "link"))))
        .map(|cells| format!("{} {} {}", cells[1], cells[2], cells[4]))
        .collect();
    assert_eq!(described, expected);
}

#[tokio::test]
async fn every_view_and_setting_is_described() {
    let db = TestDb::new().await;
    let client = db.superuser().await;
    // The settings are known to a backend that has loaded the library.
    client
        .execute("select from explain_route('')", &[])
        .await
        .expect("the library is loaded");
    let rows = client
        .query(
            "select format('| `%s` | %s |', s.name, s.boot_val) from pg_settings s where s.name like 'capconduit.%'
             union all
             select format('`%s`', c.relname)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'v') and c.relname not like '%\\_history'",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    let text = super::read("docs/SQL.md");
    let of = |title: &str| section(&text, "## ", title).expect("a chapter");
    let said = [of("Views and tables"), of("Settings")].concat();
    let missing: Vec<String> = rows
        .iter()
        .map(|row| row.get(0))
        .filter(|entry: &String| !said.contains(entry))
        .collect();
    assert!(missing.is_empty(), "docs/SQL.md does not name {missing:#?}");
}

/// What may be done to tables is said of each that calls reach without a statement.
#[tokio::test]
async fn every_table_that_calls_reach_directly_is_named() {
    let db = TestDb::new().await;
    let sql = "select format('`%s`', table_name) from table_access() where operation = 'read'";
    let rows = db.superuser().await.query(sql, &[]).await.expect("the tables");
    let text = super::read("docs/TABLES.md");
    let said = section(&text, "## ", "The tables").expect("their list");
    let missing: Vec<String> = rows
        .iter()
        .map(|row| row.get(0))
        .filter(|table: &String| !said.contains(table))
        .collect();
    assert!(
        !rows.is_empty() && missing.is_empty(),
        "docs/TABLES.md does not name {missing:#?}"
    );
}

/// The text below a heading, up to the next one of the same level or above.
fn section<'a>(text: &'a str, level: &str, title: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\n{level}{title}\n"))?;
    let next = ["\n## ", "\n### "]
        .iter()
        .filter(|mark| mark.len() <= level.len() + 1);
    let end = next
        .filter_map(|mark| rest.find(*mark))
        .min()
        .unwrap_or(rest.len());
    Some(&rest[..end])
}
