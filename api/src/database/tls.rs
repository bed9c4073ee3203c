//! Encryption towards the database, as libpq means it: sslmode, sslrootcert, sslcert and sslkey are honoured, from the
//! address or from PGSSLMODE and its kin; what cannot be honoured is refused, never ignored.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The settings, as they stand in an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    pub mode: Option<String>,
    pub root_cert: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
}

/// Makes encrypted connections. Whether one is tried at all is the configuration's `ssl_mode`.
#[derive(Clone)]
pub struct Tls(MakeRustlsConnect);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    type Stream = <MakeRustlsConnect as MakeTlsConnect<S>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<S>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Self::Error> {
        self.0.make_tls_connect(host)
    }
}

/// How much of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Issuer,
    IssuerAndName,
}

impl Options {
    /// What the address does not say, libpq's variables may.
    pub fn or_environment(mut self) -> Self {
        let from = |value: Option<String>, name: &str| value.or_else(|| std::env::var(name).ok());
        self.mode = from(self.mode, "PGSSLMODE");
        self.root_cert = from(self.root_cert, "PGSSLROOTCERT");
        self.cert = from(self.cert, "PGSSLCERT");
        self.key = from(self.key, "PGSSLKEY");
        self
    }

    /// The mode for the connection, and what makes it encrypted.
    pub fn build(&self) -> Result<(SslMode, Tls)> {
        let mode = self.mode.as_deref().unwrap_or("prefer");
        let (ssl_mode, check) = match (mode, &self.root_cert) {
            ("disable", _) => (SslMode::Disable, Check::Nothing),
            ("prefer", _) => (SslMode::Prefer, Check::Nothing),
            ("require", None) => (SslMode::Require, Check::Nothing),
            // As in libpq: a root certificate is there to be checked against.
            ("require" | "verify-ca", Some(_)) => (SslMode::Require, Check::Issuer),
            ("verify-full", Some(_)) => (SslMode::Require, Check::IssuerAndName),
            ("verify-ca" | "verify-full", None) => {
                bail!("sslmode={mode} needs sslrootcert: a file with the issuer's certificate, or `system`")
            }
            ("allow", _) => bail!("sslmode=allow is not supported: use prefer or require"),
            _ => bail!("sslmode={mode} is not known: disable, prefer, require, verify-ca or verify-full"),
        };
        if ssl_mode == SslMode::Prefer && self.root_cert.is_some() {
            bail!("sslrootcert is given, and sslmode=prefer would not check it: use sslmode=verify-full");
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(check)?);
        let config = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates(cert, "sslcert")?, private_key(key)?)
                .context("sslcert and sslkey do not fit together")?,
            (Some(_), None) => bail!("sslcert is given without sslkey"),
            (None, Some(_)) => bail!("sslkey is given without sslcert"),
        };
        Ok((ssl_mode, Tls(MakeRustlsConnect::new(config))))
    }

    fn verifier(&self, check: Check) -> Result<Arc<dyn ServerCertVerifier>> {
        let issuer = match (&self.root_cert, check) {
            (_, Check::Nothing) | (None, _) => None,
            (Some(source), _) => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots(source)?), provider())
                    .build()
                    .with_context(|| format!("sslrootcert {source} cannot be used"))?,
            ),
        };
        Ok(Arc::new(Verifier {
            issuer,
            check,
            provider: provider(),
        }))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(source: &str) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let certificates = if source == "system" {
        rustls_native_certs::load_native_certs().certs
    } else {
        certificates(source, "sslrootcert")?
    };
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 {
        bail!("sslrootcert {source} holds no certificate that can be used");
    }
    Ok(store)
}

fn certificates(file: &str, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let list: Vec<_> = CertificateDer::pem_file_iter(Path::new(file))
        .and_then(Iterator::collect)
        .with_context(|| format!("{what}: cannot read certificates from {file}"))?;
    if list.is_empty() {
        bail!("{what}: {file} holds no certificate");
    }
    Ok(list)
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(Path::new(file))
        .with_context(|| format!("sslkey: cannot read a key from {file} (PEM, not encrypted, is expected)"))
}

/// Checks as much as was asked for; the handshake's own signature always.
#[derive(Debug)]
struct Verifier {
    issuer: Option<Arc<WebPkiServerVerifier>>,
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(issuer) = &self.issuer else {
            return Ok(ServerCertVerified::assertion());
        };
        match issuer.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // The issuer was checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Issuer => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(mode: &str, root_cert: Option<&str>, cert: Option<&str>) -> Option<String> {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let options = Options {
            mode: Some(mode.into()),
            root_cert: text(root_cert),
            cert: text(cert),
            key: None,
        };
        options.build().err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for mode in ["disable", "prefer", "require"] {
            assert_eq!(refusal(mode, None, None), None);
        }
        for (mode, root, cert) in [
            ("verify-full", None, None),
            ("verify-ca", None, None),
            ("allow", None, None),
            ("verify-fll", None, None),
            ("prefer", Some("/nonexistent"), None),
            ("verify-full", Some("/nonexistent"), None),
            ("require", None, Some("/nonexistent")),
        ] {
            assert!(refusal(mode, root, cert).is_some(), "{mode} {root:?} {cert:?}");
        }
    }
}
