//! What processes take of the memory, and whether a backend grows as long as it lives.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::Client;

/// The name of a switch beside the server: no network between the two is cut.
pub const DIRECT: &str = "direct switch";

/// A backend is warm when it has worked so long: its plans are made, its caches filled.
const WARM_SECONDS: f64 = 20.0;

/// What the backend of a switch took, and when, that is there as long as its server: no network between the two is cut.
/// With each server that is killed it begins another life.
#[derive(Default)]
pub struct Backends(pub BTreeMap<(i32, i64), Vec<(f64, f64)>>);

impl Backends {
    pub async fn look(&mut self, superuser: &Client, minute: f64) {
        let sql = format!(
            "select pid, extract(epoch from backend_start)::bigint, extract(epoch from now() - backend_start)::double precision
               from pg_stat_activity where application_name = '{DIRECT}'"
        );
        for row in superuser.query(&sql, &[]).await.expect("the backends") {
            let (pid, born, age): (i32, i64, f64) = (row.get(0), row.get(1), row.get(2));
            let kib = resident_kib(pid.unsigned_abs(), "RssAnon:");
            // One that has just ended has no memory.
            if age >= WARM_SECONDS && kib > 0.0 {
                self.0.entry((pid, born)).or_default().push((minute, kib));
            }
        }
    }

    /// Kibibytes in ten minutes, over all lives; and how many minutes these are.
    pub fn growth(&self) -> (f64, f64) {
        let (mut above, mut below, mut minutes) = (0.0, 0.0, 0.0);
        for life in self.0.values() {
            let count = life.len() as f64;
            let x = life.iter().map(|at| at.0).sum::<f64>() / count;
            let y = life.iter().map(|at| at.1).sum::<f64>() / count;
            above += life.iter().map(|at| (at.0 - x) * (at.1 - y)).sum::<f64>();
            below += life.iter().map(|at| (at.0 - x).powi(2)).sum::<f64>();
            minutes += life[life.len() - 1].0 - life[0].0;
        }
        (if below > 0.0 { above / below * 10.0 } else { 0.0 }, minutes)
    }
}

/// The least of some seconds: a password's hash comes and goes.
pub async fn lasting_kib(pid: u32) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..20 {
        least = least.min(resident_kib(pid, "VmRSS:"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    least
}

pub fn resident_kib(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let digits = line.unwrap_or("0").replace(|c: char| !c.is_ascii_digit(), "");
    digits.parse().expect("a number of kB")
}
