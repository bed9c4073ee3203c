//! A real PgBouncer between migrate and the server: refused in transaction and statement mode, welcome in session mode.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use capconduit_tests::{SUPERUSER, TestDb};

use super::capconduit;

struct Pooler {
    process: Child,
    folder: PathBuf,
    url: String,
}

impl Pooler {
    async fn start(db: &TestDb, mode: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = std::env::temp_dir().join(format!("capconduit-pgbouncer-{}-{mode}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = db.config(SUPERUSER);
        let password = String::from_utf8_lossy(config.get_password().unwrap()).into_owned();
        let file = folder.join("pgbouncer.ini");
        std::fs::write(
            &file,
            format!(
                "[databases]\n* = host=127.0.0.1 port={} user={SUPERUSER} password={password}\n[pgbouncer]\n\
                 listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
                 pool_mode = {mode}\n",
                db.cluster().port()
            ),
        )
        .unwrap();
        // Debian keeps it where only root's PATH looks.
        let mut command = Command::new("/usr/sbin/pgbouncer");
        command.arg("-q").arg(&file);
        if std::fs::metadata(&folder)
            .map(|found| std::os::unix::fs::MetadataExt::uid(&found))
            .unwrap()
            == 0
        {
            // It refuses to be root.
            const NOBODY: u32 = 65534;
            std::os::unix::fs::chown(&file, Some(NOBODY), None).unwrap();
            command.uid(NOBODY);
        }
        let process = command
            .spawn()
            .expect("PgBouncer is installed: scripts/setup lint");
        let url = format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{}", db.name());
        // From here on it ends with this value, also when it never listens.
        let pooler = Self { process, folder, url };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return pooler;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PgBouncer does not listen");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn transaction_and_statement_pools_are_refused() {
    let db = TestDb::new().await;
    for mode in ["transaction", "statement"] {
        let pooler = Pooler::start(&db, mode).await;
        capconduit(&pooler.url, &["migrate"])
            .await
            .refused("a transaction pooler stands between");
    }
}

#[tokio::test]
async fn a_busy_transaction_pool_is_refused_too() {
    let db = TestDb::new().await;
    let pooler = Pooler::start(&db, "transaction").await;
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let config: tokio_postgres::Config = pooler.url.parse().unwrap();
        others.spawn(async move {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            loop {
                client.simple_query("select 1").await.unwrap();
            }
        });
    }
    for _ in 0..5 {
        capconduit(&pooler.url, &["migrate"])
            .await
            .refused("a transaction pooler stands between");
    }
    others.shutdown().await;
}

#[tokio::test]
async fn a_session_pool_is_as_good_as_the_server() {
    let db = TestDb::new().await;
    let pooler = Pooler::start(&db, "session").await;
    capconduit(&pooler.url, &["migrate"]).await.ok();
}
