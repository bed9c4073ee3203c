//! A private certificate authority, made anew for each test. Owns: who knows whom, and for which addresses the server's
//! certificate is.

use std::path::PathBuf;
use std::process::Command;

use crate::project;

/// Two authorities that do not know each other; a server and a client of the first, a client of the second. The server is
/// at this machine, or at the database's address in the network of real calls.
const MAKE_CERTIFICATES: &str = r#"
set -eu
cd "$1"
ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$1.key" -out "$1.pem" \
        -subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign
}
leaf() { # name, authority, alternative name
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    printf 'subjectAltName=%s\n' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem"
}
ca ours && ca theirs
leaf server ours IP:127.0.0.1,IP:10.88.0.1
leaf client ours DNS:client
leaf stranger theirs DNS:stranger
chmod 600 server.key
"#;

/// The server reads its key as its own user.
const GIVE_KEY: &str = r#"
if [ "$(id -u)" = 0 ]; then . "$1/scripts/lib/common.sh"; chown "$(server_user)" "$2/server.key"; fi
"#;

/// The folder of the certificates: `ours.pem` and `theirs.pem`, `server`, `client` and `stranger` with their keys.
#[derive(Debug)]
pub struct Authority(PathBuf);

impl Authority {
    #[expect(clippy::new_without_default, reason = "it makes files")]
    pub fn new() -> Self {
        let folder = project::fresh_state_folder().with_extension("certificates");
        std::fs::create_dir(&folder).expect("a folder in the temporary folder");
        let path = folder.to_str().expect("a textual path");
        shell(MAKE_CERTIFICATES, &[path]);
        shell(
            GIVE_KEY,
            &[project::root().to_str().expect("a textual path"), path],
        );
        Authority(folder)
    }

    /// For a server that encrypts.
    pub fn settings(&self) -> Vec<String> {
        vec![
            "ssl = on".to_owned(),
            format!("ssl_cert_file = '{}'", self.file("server.pem")),
            format!("ssl_key_file = '{}'", self.file("server.key")),
            format!("ssl_ca_file = '{}'", self.file("ours.pem")),
        ]
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a textual path").to_owned()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shell(script: &str, args: &[&str]) {
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(args)
        .output()
        .expect("bash can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
