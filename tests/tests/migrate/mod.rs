//! `capconduit migrate` and `capconduit wipe`, run as an operator runs them: the real command on real servers.

mod at_once;
mod index;
mod pooler;
mod refusals;
mod sample_data;
mod schema;
mod settings;
mod wipe;

use capconduit_tests::project;

/// What one run of the command gave back.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// A refusal is one line that holds these words.
    pub fn refused(self, words: &str) {
        assert_eq!(self.code, 1, "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        assert!(self.err.contains(words), "{self:?}");
    }
}

pub async fn capconduit(url: &str, args: &[&str]) -> Run {
    capconduit_with(url, args, &[]).await
}

pub async fn capconduit_with(url: &str, args: &[&str], env: &[(&str, &str)]) -> Run {
    let output = command(url, args, env).output().await.expect("the command runs");
    Run {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

pub fn command(url: &str, args: &[&str], env: &[(&str, &str)]) -> tokio::process::Command {
    let mut command = tokio::process::Command::from(project::capconduit());
    for role in ["ADMIN", "API", "ASTERISK"] {
        command.env_remove(format!("CAPCONDUIT_{role}_PASSWORD"));
    }
    command
        .args(args)
        .env("DATABASE_URL", url)
        .envs(env.iter().copied())
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    command
}
