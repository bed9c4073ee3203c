//! docs/ASTERISK.md is walked through as it stands, on a Debian in which nothing is installed, and docs/OPERATIONS.md for
//! the agent: their blocks are run, the files that an operator edits are edited, and the steps that verify it are taken.

use std::sync::Arc;

use capconduit_tests::{
    ASTERISK, CallRecord, Caller, Center, Link, Machine, Scenario, Site, StopMode, Strategy, TestDb, Visitor,
    assert_invariants, project,
};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{blocks, read};
use crate::node::support::eventually;

const PAGE: &str = "docs/ASTERISK.md";
/// Where the operator has the checkout.
const CHECKOUT: &str = "/srv/capconduit";

struct Walk {
    site: Arc<Site>,
    db: TestDb,
    machine: Machine,
}

impl Walk {
    async fn start() -> Self {
        let site = Site::start().await;
        let db = site.database().await;
        let machine = Machine::start(&site).await;
        machine.run("/", &format!("mkdir -p {CHECKOUT}/target/release"));
        for folder in ["asterisk", "deploy"] {
            machine.copy(folder, CHECKOUT);
        }
        let script = format!(
            ". {}/scripts/lib/common.sh; built_binary",
            project::root().display()
        );
        let built = std::process::Command::new("bash").args(["-c", &script]).output();
        let built = String::from_utf8(built.expect("bash").stdout).expect("a path");
        machine.copy(built.trim(), &format!("{CHECKOUT}/target/release/capconduit"));
        Self { site, db, machine }
    }

    /// Like an operator with an editor: a new file takes the old one's place, with the rights that root's umask gives.
    fn edit(&self, file: &str, changes: &[(&str, &str)]) {
        let path = self.machine.path(file);
        let mut text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        for (from, to) in changes {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replace(from, to);
        }
        let new = path.with_extension("new");
        std::fs::write(&new, text).expect("a file");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        std::fs::rename(new, path).expect("its place");
    }

    fn password(&self) -> String {
        let config = self.db.config(ASTERISK);
        String::from_utf8_lossy(config.get_password().expect("a password")).into_owned()
    }

    /// The files of the page's table, each of them.
    fn edit_the_site(&self) {
        let port = format!("Port = {}", self.db.cluster().port());
        let database = format!("Database = {}", self.db.name());
        let password = format!("password => {}", self.password());
        let bind = format!("bind = {}", self.machine.address);
        let edits: [(&str, &[(&str, &str)]); 6] = [
            ("node.conf", &[("systemname = pbx1", "systemname = walked")]),
            (
                "odbc.ini",
                &[
                    ("Servername = 127.0.0.1", "Servername = 10.88.0.1"),
                    ("Port = 5432", &port),
                    ("Database = capconduit", &database),
                ],
            ),
            ("database.conf", &[("password => change-me", &password)]),
            ("network.conf", &[("bind = 0.0.0.0", &bind)]),
            (
                "trunks.conf",
                &[("match = 192.0.2.0/28", "match = 10.77.16.0/20")],
            ),
            ("trunks.extensions.conf", &[]),
        ];
        let page = read(PAGE);
        for (file, changes) in edits {
            assert!(
                page.contains(&format!("| `{file}` |")),
                "the page's table has no {file}"
            );
            self.edit(&format!("/etc/asterisk/site/{file}"), changes);
        }
    }

    /// What a command says that the page names.
    fn verify(&self, command: &str) -> String {
        assert!(
            read(PAGE).contains(&format!("`{command}`")),
            "the page has no {command}"
        );
        self.machine.run("/", command)
    }

    async fn asterisk_is_up(&self) {
        eventually("Asterisk is up", async || {
            let said = self
                .machine
                .run("/", "asterisk -rx 'core waitfullybooted' 2>&1 || true");
            said.contains("fully booted")
        })
        .await;
    }

    /// Nothing of the configuration is Asterisk's to write, or a stranger's to read.
    fn assert_rights(&self) {
        let asterisk = std::fs::metadata(self.machine.path("/var/lib/asterisk"))
            .expect("its home")
            .uid();
        let mut folders = vec![self.machine.path("/etc/asterisk")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let of = std::fs::metadata(&path).expect("its rights");
                assert_eq!((of.uid(), of.gid()), (0, asterisk), "{}", path.display());
                assert_eq!(of.mode() & 0o027, 0, "{}: {:o}", path.display(), of.mode());
                files += 1;
                if of.is_dir() {
                    folders.push(path);
                }
            }
        }
        assert!(files > 25, "{files} files");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_is_set_up_as_the_text_says_and_routes_a_call() {
    let walk = Walk::start().await;
    let (machine, db) = (&walk.machine, &walk.db);
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(5)]).await;
    let center = Center::start(&walk.site, "answers", &[("RING", "100")]).await;
    let admin = db.admin().await;
    let sql = "update pjsip_aors set contact = $2, qualify_frequency = 0 where client_id = $1";
    let client = scenario.client_ids[0];
    admin
        .execute(sql, &[&client, &center.contact()])
        .await
        .expect("the contact");

    let [install, rights, start] = blocks(PAGE, "## A switch from an empty machine")
        .try_into()
        .expect("three blocks");
    machine.run(CHECKOUT, &install);
    walk.edit_the_site();
    machine.run(CHECKOUT, &rights);
    machine.run(CHECKOUT, &start);
    walk.asterisk_is_up().await;
    walk.assert_rights();

    // The agent.
    let [install, start] = blocks("docs/OPERATIONS.md", "### Install")
        .try_into()
        .expect("two blocks");
    machine.run(CHECKOUT, &install);
    let url = db.url_at(ASTERISK, "10.88.0.1");
    walk.edit(
        "/etc/capconduit/node.env",
        &[
            (
                "postgres://capconduit_asterisk:CHANGE_ME@127.0.0.1:5432/capconduit",
                &url,
            ),
            ("CAPCONDUIT_NODE=pbx1", "CAPCONDUIT_NODE=walked"),
        ],
    );
    machine.run(CHECKOUT, &start);
    let agent = Visitor::of("127.0.0.1:9465").inside(Some(walk.site.name()));
    let health = async || match agent.try_send("GET", "/health", None).await {
        Ok(answer) => answer.json(),
        Err(error) => serde_json::json!({ "status": error }),
    };
    eventually("the agent is content", async || health().await["status"] == "ok").await;

    // Verify it, step by step.
    let said = walk.verify("asterisk -rx 'core show settings'");
    assert!(
        said.contains("walked") && said.contains("Maximum open file handles:   20000"),
        "{said}"
    );
    assert!(
        said.contains("Minimum free memory:         0 MB") || !said.contains("Minimum free memory"),
        "{said}"
    );
    let said = walk.verify("asterisk -rx 'odbc show all'");
    for name in ["capconduit", "capconduit-realtime"] {
        assert!(said.contains(&format!("Name:   {name}\n")), "{said}");
    }
    let name: String = admin
        .query_one("select client_identifier from clients where id = $1", &[&client])
        .await
        .expect("the client")
        .get(0);
    assert!(read(PAGE).contains("`asterisk -rx 'pjsip show endpoint <client_identifier>'`"));
    let said = machine.run("/", &format!("asterisk -rx 'pjsip show endpoint {name}'"));
    assert!(said.contains(&center.contact()), "{said}");
    let said = walk.verify("asterisk -rx 'pjsip show identifies'");
    assert!(said.contains("10.77.16.0/20"), "{said}");
    let caller = Caller::to(&walk.site, &machine.address, &scenario.did);
    let seen = caller.call().await;
    let log = || std::fs::read_to_string(machine.path("/var/log/asterisk/messages.log")).unwrap_or_default();
    assert_eq!(seen.final_status(), 200, "{}", log());
    let record = CallRecord::of(db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.node.as_deref(), Some("walked"));

    db.cluster().stop(StopMode::Fast).await;
    assert_eq!(caller.call().await.final_status(), 503);
    let spooled = || {
        let folder = std::fs::read_dir(machine.path("/var/spool/asterisk/capconduit")).expect("the spool");
        let names = folder.map(|entry| entry.expect("an entry").path());
        names
            .filter(|path| path.extension().is_some_and(|end| end == "sql"))
            .count()
    };
    assert_eq!(spooled(), 1);
    db.cluster().start().await;
    eventually("the record is replayed", async || spooled() == 0).await;
    let records = async || {
        let superuser = db.superuser().await;
        let row = superuser.query_one("select count(*) from call_logs", &[]).await;
        row.expect("a number").get::<_, i64>(0)
    };
    eventually("both calls are recorded", async || records().await == 2).await;
    let refused = std::fs::read_dir(machine.path("/var/spool/asterisk/capconduit/refused"));
    assert_eq!(refused.map_or(0, Iterator::count), 0);
    walk.upgrade(&scenario).await;
    assert_invariants(db).await;
}

impl Walk {
    /// The page's upgrade, from this release to itself, while a call talks. A switch that nobody hears of for three
    /// seconds counts as dead here; the call lasts for longer.
    async fn upgrade(&self, scenario: &Scenario) {
        let [stop, replace] = blocks(PAGE, "## Upgrading").try_into().expect("two blocks");
        let superuser = self.db.superuser().await;
        let name = self.db.name();
        let sql = format!("alter database {name} set capconduit.node_silence_seconds = 3");
        superuser.batch_execute(&sql).await.expect("the setting");
        // Connections of from now on have it.
        self.machine.run(
            CHECKOUT,
            "systemctl stop capconduit-node; systemctl start capconduit-node",
        );
        let caller = Caller::to(&self.site, &self.machine.address, &scenario.did);
        // As long as the switch bears silence: a busy machine needs its time.
        let talking = caller.clone().talks_for(27_000).start();
        let in_flight = async || {
            let sql = "select count(answered_at) from live_calls where holds_slot";
            superuser
                .query_one(sql, &[])
                .await
                .expect("a number")
                .get::<_, i64>(0)
        };
        eventually("the call talks", async || in_flight().await == 1).await;
        let mut stopping = self.machine.begin(&stop);
        // It comes back when Asterisk has ended.
        let agent = Visitor::of("127.0.0.1:9465").inside(Some(self.site.name()));
        eventually("the agent says that Asterisk is stopping", async || {
            let health = agent.try_send("GET", "/health", None).await;
            health.is_ok_and(|answer| answer.text().contains("is stopping"))
        })
        .await;
        let refused = caller.clone().from_address("10.77.16.250").call().await;
        assert_eq!(refused.final_status(), 503);
        assert_eq!(in_flight().await, 1);
        let seen = talking.finish().await;
        assert!(
            seen.requests("BYE")[0].sent,
            "the caller hung up, nobody else: {seen:#?}"
        );
        let record = CallRecord::of(&self.db, &seen).await;
        assert_eq!(record.status, "ANSWERED");
        record.assert_equals(&seen);
        assert!(stopping.wait().expect("it ends").success());
        self.machine.run(CHECKOUT, &replace);
        self.asterisk_is_up().await;
        self.assert_rights();
        let seen = caller.call().await;
        assert_eq!(seen.final_status(), 200);
        let record = CallRecord::of(&self.db, &seen).await;
        assert_eq!(record.node.as_deref(), Some("walked"));
    }
}
