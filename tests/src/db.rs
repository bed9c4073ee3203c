//! A database for one test. Owns: that no test sees another's rows.

use std::sync::Arc;

use tokio_postgres::{Client, Config};

use crate::cluster::{ClusterOptions, TestCluster, connect};
use crate::fixtures::unique;

/// The login roles of every server.
pub const SUPERUSER: &str = "postgres";
pub const ADMIN: &str = "capconduit_admin";
pub const API: &str = "capconduit_api";
pub const ASTERISK: &str = "capconduit_asterisk";

#[derive(Debug)]
pub struct TestDb {
    cluster: Arc<TestCluster>,
    name: String,
}

impl TestDb {
    /// A migrated, empty database on the shared server.
    pub async fn new() -> Self {
        Self::on(TestCluster::shared().await).await
    }

    /// The same with the sample data, ids from 1.
    pub async fn sample() -> Self {
        Self::sample_on(TestCluster::shared().await).await
    }

    /// The sample data as if nobody had ever set a cap, a schedule, a zone or a caller's mark: for tests that set their own, or move records in time.
    pub async fn sample_uncapped() -> Self {
        let db = Self::sample().await;
        let sql = "set session_replication_role = replica;
                   delete from audit_log where object_type in ('caps', 'schedules', 'caller_marks');
                   delete from caps;
                   alter table caps alter column id restart;
                   delete from schedules;
                   alter table schedules alter column id restart;
                   delete from caller_marks;
                   alter table caller_marks alter column id restart;
                   delete from meter_windows;
                   delete from meters;
                   update campaign_client_settings set capped = false where capped;
                   update link_counters set client_metered = false, seller_metered = false
                    where client_metered or seller_metered;
                   update clients set time_zone = 'UTC', metered = false;
                   update users set time_zone = 'UTC', metered = false, screened = false";
        db.superuser().await.batch_execute(sql).await.expect("no caps");
        db
    }

    /// A server of its own, to be stopped, killed and configured at will, with an empty database.
    pub async fn on_own_server(options: ClusterOptions) -> Self {
        Self::on(TestCluster::start_with(options).await).await
    }

    pub async fn on(cluster: Arc<TestCluster>) -> Self {
        let template = cluster.template().await;
        Self::copy(cluster, template).await
    }

    pub async fn sample_on(cluster: Arc<TestCluster>) -> Self {
        let template = cluster.sample_template().await;
        Self::copy(cluster, template).await
    }

    /// A database in which nothing was ever done, for tests of migrations.
    pub async fn bare_on(cluster: Arc<TestCluster>) -> Self {
        Self::copy(cluster, "template1").await
    }

    /// One that the test has made by itself, for example by restoring a dump; dropped like the others.
    pub fn named(cluster: Arc<TestCluster>, name: &str) -> Self {
        Self {
            cluster,
            name: name.to_owned(),
        }
    }

    async fn copy(cluster: Arc<TestCluster>, template: &str) -> Self {
        let name = format!("test_{}", unique());
        cluster.copy_database(template, &name).await;
        Self { cluster, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn cluster(&self) -> &Arc<TestCluster> {
        &self.cluster
    }

    /// How to connect as a login role: `SUPERUSER`, `ADMIN`, `API` or `ASTERISK`.
    pub fn config(&self, login: &str) -> Config {
        self.cluster.config(login, &self.name)
    }

    /// The same as a URL, for programs that take one.
    pub fn url(&self, login: &str) -> String {
        self.url_at(login, self.cluster.host())
    }

    /// The same by another of the server's addresses.
    pub fn url_at(&self, login: &str, host: &str) -> String {
        let config = self.config(login);
        let password = String::from_utf8_lossy(config.get_password().expect("a password")).into_owned();
        format!(
            "postgres://{login}:{password}@{}:{}/{}",
            host.replace('/', "%2F"),
            self.cluster.port(),
            self.name
        )
    }

    pub async fn connect_as(&self, login: &str) -> Client {
        connect(&self.config(login)).await
    }

    /// As the switch does.
    pub async fn asterisk(&self) -> Client {
        self.connect_as(ASTERISK).await
    }

    pub async fn admin(&self) -> Client {
        self.connect_as(ADMIN).await
    }

    /// As the server's superuser, with the project's schema on the path.
    pub async fn superuser(&self) -> Client {
        connect(self.config(SUPERUSER).options("-c search_path=capconduit")).await
    }

    /// As any role, logins and others alike, as if it had logged in (settings that it has in the database aside).
    pub async fn as_role(&self, role: &str) -> Client {
        let client = self.superuser().await;
        client
            .batch_execute(&format!("set session authorization {role}"))
            .await
            .unwrap_or_else(|error| panic!("role {role}: {error}"));
        client
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let cluster = self.cluster.clone();
        let name = std::mem::take(&mut self.name);
        // A thread of its own: the test's runtime may already be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(cluster.drop_database(&name));
        });
        let _ = dropping.join();
    }
}
