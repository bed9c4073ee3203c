//! The arguments of `capconduit serve`: flags and environment, each explained, each checked before anything starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::builder::FalseyValueParser;
use ipnet::IpNet;

use crate::access::address::{Forwarding, Proxies};
use crate::access::second_factor::Keys;
use crate::access::secret;
use crate::access::sessions::Lifetime;
use crate::app::settings::{Claims, PjsipNames, Settings};
use crate::database::DatabaseArgs;
use crate::process::running::socket_address;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Address and port of the service. Put a reverse proxy with TLS in front of anything but loopback.
    #[arg(
        long,
        env = "CAPCONDUIT_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS:PORT"
    )]
    pub listen: String,

    /// Address and port of /metrics. Keep it where only the monitoring reaches it.
    #[arg(
        long,
        env = "CAPCONDUIT_METRICS_LISTEN",
        default_value = "127.0.0.1:9464",
        value_name = "ADDRESS:PORT"
    )]
    pub metrics_listen: String,

    /// The origins at which browsers reach the service, such as https://calls.example.com; separated by commas.
    ///
    /// Writes from pages of any other origin are refused. Default: loopback at the port of --listen.
    #[arg(
        long,
        env = "CAPCONDUIT_PUBLIC_ORIGINS",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub public_origins: Vec<String>,

    /// Origins of other sites whose pages may use the API with a bearer token, such as https://reports.example.com; separated by commas.
    ///
    /// Cookies do not count for them, and they cannot log in. Default: none.
    #[arg(
        long,
        env = "CAPCONDUIT_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub cors_origins: Vec<String>,

    /// Browsers reach the service without TLS: session cookies are sent without `Secure`. For trying it out only.
    #[arg(long, env = "CAPCONDUIT_WITHOUT_TLS", value_parser = FalseyValueParser::new())]
    pub without_tls: bool,

    /// Networks of the reverse proxies that may tell a request's address in a header; separated by commas.
    #[arg(
        long,
        env = "CAPCONDUIT_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    pub trusted_proxies: Vec<String>,

    /// The header in which those proxies tell it. Only this one is read: a client could write the other.
    #[arg(
        long,
        env = "CAPCONDUIT_FORWARDED_HEADER",
        value_enum,
        default_value = "x-forwarded-for",
        value_name = "HEADER"
    )]
    pub forwarded_header: Forwarding,

    /// A file with the tokens of the internal API, one per line. All of them are valid, so that tokens can be replaced one by one.
    ///
    /// Or put them into the variable INTERNAL_API_TOKEN, separated by commas. At least 16 characters each.
    #[arg(long, env = "CAPCONDUIT_INTERNAL_TOKEN_FILE", value_name = "FILE")]
    pub internal_token_file: Option<PathBuf>,

    /// Serve no internal API at all: the switches talk to the database directly.
    #[arg(long, env = "CAPCONDUIT_WITHOUT_INTERNAL_API", value_parser = FalseyValueParser::new())]
    pub without_internal_api: bool,

    /// Minutes without a request after which a session ends.
    #[arg(long, env = "CAPCONDUIT_SESSION_MINUTES", default_value_t = 720, value_name = "MINUTES",
          value_parser = clap::value_parser!(i32).range(5..=43_200))]
    pub session_minutes: i32,

    /// Days after its login when a session ends, however much it is used.
    #[arg(long, env = "CAPCONDUIT_SESSION_DAYS", default_value_t = 30, value_name = "DAYS",
          value_parser = clap::value_parser!(i32).range(1..=365))]
    pub session_days: i32,

    /// Admins need a second factor: one who has none may log in only to set it up, and none of its tokens is taken.
    #[arg(long, env = "CAPCONDUIT_ADMINS_NEED_SECOND_FACTOR", value_parser = FalseyValueParser::new())]
    pub admins_need_second_factor: bool,

    /// A file with keys for the secrets of second factors, one per line: with one, a copy of the database alone gives no code away.
    ///
    /// The first makes new secrets; those made with any of them are known. At least 32 characters each. Without its key a secret is
    /// lost: its user logs in with a recovery code, or an admin takes the second factor away.
    #[arg(long, env = "CAPCONDUIT_SECOND_FACTOR_KEY_FILE", value_name = "FILE")]
    pub second_factor_key_file: Option<PathBuf>,

    /// Connections to the database. Too few: requests wait. Too many: the database spends its time switching between them.
    #[arg(long, env = "CAPCONDUIT_POOL_SIZE", default_value_t = 16, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=500))]
    pub pool_size: u16,

    /// Seconds after which a request is answered 503. Too low: long reports fail. Too high: callers hang.
    #[arg(long, env = "CAPCONDUIT_REQUEST_SECONDS", default_value_t = 15, value_name = "SECONDS",
          value_parser = clap::value_parser!(u16).range(2..=300))]
    pub request_seconds: u16,

    /// The dialplan contexts that a client's endpoint may name; separated by commas.
    #[arg(
        long,
        env = "CAPCONDUIT_CONTEXTS",
        value_delimiter = ',',
        default_value = "from-capconduit",
        value_name = "NAME"
    )]
    pub contexts: Vec<String>,

    /// The transports of pjsip.conf that a client's endpoint may name; separated by commas.
    #[arg(
        long,
        env = "CAPCONDUIT_TRANSPORTS",
        value_delimiter = ',',
        value_name = "NAME",
        default_value = "transport-udp,transport-tcp,transport-tls"
    )]
    pub transports: Vec<String>,

    /// Who adds new numbers: `open`, sellers their own; `staff`, admins and staff for them.
    #[arg(
        long,
        env = "CAPCONDUIT_CLAIMS",
        value_enum,
        default_value = "open",
        value_name = "WHO"
    )]
    pub claims: Claims,

    /// Log as JSON, one object per line.
    #[arg(long, env = "CAPCONDUIT_LOG_JSON", value_parser = FalseyValueParser::new())]
    pub log_json: bool,
}

impl Args {
    pub fn settings(&self) -> Result<Settings> {
        let listen = socket_address(&self.listen, "--listen")?;
        socket_address(&self.metrics_listen, "--metrics-listen")?;
        let database = self.database.config()?;
        let public_origins = origins(&self.public_origins, listen.port())?;
        let cors_origins = all_origins(&self.cors_origins, "--cors-origins")?;
        if let Some(both) = cors_origins.iter().find(|origin| public_origins.contains(origin)) {
            bail!("--cors-origins {both} is one of the service's own, --public-origins");
        }
        let request_timeout = Duration::from_secs(self.request_seconds.into());
        Ok(Settings {
            database,
            listen: self.listen.clone(),
            metrics_listen: self.metrics_listen.clone(),
            public_origins,
            cors_origins,
            proxies: Proxies {
                networks: self
                    .trusted_proxies
                    .iter()
                    .map(|text| network(text))
                    .collect::<Result<_>>()?,
                header: self.forwarded_header,
            },
            internal_tokens: self.internal_tokens()?,
            sessions: Lifetime {
                unused_seconds: self.session_minutes * 60,
                longest_seconds: self.session_days * 86_400,
            },
            secure_cookies: !self.without_tls,
            pool_size: self.pool_size.into(),
            request_timeout,
            statement_timeout: request_timeout - Duration::from_secs(1),
            pjsip: PjsipNames {
                contexts: names(&self.contexts, "--contexts")?,
                transports: names(&self.transports, "--transports")?,
            },
            claims: self.claims,
            second_factor_keys: Arc::new(self.second_factor_keys()?),
            admins_need_second_factor: self.admins_need_second_factor,
        })
    }

    fn second_factor_keys(&self) -> Result<Keys> {
        let Some(path) = &self.second_factor_key_file else {
            return Ok(Keys::default());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("--second-factor-key-file: cannot read {}", path.display()))?;
        let keys: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if keys.is_empty() {
            bail!("--second-factor-key-file: {} has no key", path.display());
        }
        if keys.iter().any(|key| key.len() < 32) {
            bail!("a key of --second-factor-key-file is too weak: at least 32 characters");
        }
        Ok(Keys::new(&keys))
    }

    fn internal_tokens(&self) -> Result<Vec<secret::Hash>> {
        let from_environment = std::env::var("INTERNAL_API_TOKEN").unwrap_or_default();
        let from_file = match &self.internal_token_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("--internal-token-file: cannot read {}", path.display()))?,
            None => String::new(),
        };
        let tokens: Vec<&str> = from_environment
            .split(',')
            .chain(from_file.lines())
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .collect();
        if self.without_internal_api {
            if !tokens.is_empty() {
                bail!("internal API tokens are configured, and --without-internal-api as well: choose one");
            }
            return Ok(Vec::new());
        }
        if tokens.is_empty() {
            bail!(
                "no token for the internal API: set INTERNAL_API_TOKEN or --internal-token-file, \
                 or say --without-internal-api"
            );
        }
        if tokens
            .iter()
            .any(|token| token.len() < 16 || !token.bytes().all(|b| b.is_ascii_graphic()))
        {
            bail!("an internal API token is too weak: at least 16 visible ASCII characters, without blanks");
        }
        Ok(tokens.into_iter().map(secret::hash).collect())
    }
}

fn network(text: &str) -> Result<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .with_context(|| format!("--trusted-proxies {text} is not a network such as 10.0.0.0/8"))
}

fn origins(given: &[String], port: u16) -> Result<Vec<String>> {
    if given.is_empty() {
        return Ok(["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .map(|host| format!("http://{host}:{port}"))
            .collect());
    }
    all_origins(given, "--public-origins")
}

fn all_origins(given: &[String], flag: &str) -> Result<Vec<String>> {
    given.iter().map(|text| origin(text, flag)).collect()
}

/// As a browser sends it: scheme, host, a port unless it is the scheme's own, nothing behind.
fn origin(text: &str, flag: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']) => Ok(text),
        _ => bail!("{flag} {text} is not an origin such as https://calls.example.com"),
    }
}

fn names(given: &[String], flag: &str) -> Result<Vec<String>> {
    let names: Vec<String> = given
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        bail!("{flag} names nothing");
    }
    Ok(names)
}
