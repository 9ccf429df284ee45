//! Whose certificates are believed, and what is said where one is not.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

/// The longest file of certificates, in bytes: the system's own are a quarter of that.
const FILE_BYTES: u64 = 1 << 20;

/// Why a line is not trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Distrust {
    /// Nobody who is known vouches for the certificate.
    Unknown,
    /// It is another server's: these.
    Name(Vec<String>),
    /// It has expired.
    Expired,
    /// It begins in the future.
    Early,
    /// There is no TLS at the other end.
    Plain,
    /// Something else; what.
    Other(String),
}

/// TLS that believes the certificates in a file, in PEM, and whom they vouch for: in place of the system's.
pub(super) fn trusting(path: &Path, provider: Arc<CryptoProvider>) -> Result<ClientConfig, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES {
        return Err(format!("it is longer than {} MiB", FILE_BYTES >> 20));
    }
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let own = read().map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(own.iter().cloned());
    if added == 0 {
        return Err(
            "it holds no certificate in PEM (a text that begins with -----BEGIN CERTIFICATE-----)".to_owned()
        );
    }
    let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| error.to_string())?;
    let verifier = OwnCertificates { own, by_authority };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Believes a certificate that is in the file itself, as self-made ones are, whatever stands in it; and those
/// that one in the file vouches for, by the usual rules.
#[derive(Debug)]
struct OwnCertificates {
    own: Vec<CertificateDer<'static>>,
    by_authority: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for OwnCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.own.iter().any(|own| own.as_ref() == end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        self.by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Why TLS failed, where it was TLS that failed.
pub(super) fn distrust(error: &reqwest::Error) -> Option<Distrust> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Some(judged(error));
        }
        // What an I/O error wraps is not its source, but itself.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn judged(error: &Error) -> Distrust {
    match error {
        Error::InvalidCertificate(why) => match why {
            // An authority of the same name with another key: one that was made anew.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::Unknown,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Distrust::Early,
            CertificateError::NotValidForName => Distrust::Name(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Distrust::Name(presented.iter().map(|name| bare(name)).collect())
            }
            // A self-made certificate that calls itself an authority, as most recipes have it.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                Distrust::Unknown
            }
            other => Distrust::Other(other.to_string()),
        },
        Error::InvalidMessage(_) => Distrust::Plain,
        Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            Distrust::Other("it speaks none of TLS 1.2 and 1.3 that is known here".to_owned())
        }
        other => Distrust::Other(other.to_string()),
    }
}

/// A name as people write it: `DnsName("a.org")` is a.org.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare() {
        assert_eq!(bare("DnsName(\"*.a.org\")"), "*.a.org");
        assert_eq!(bare("a.org"), "a.org");
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        assert!(trusting(&path, provider()).expect_err("no file").contains("o such file"));
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, text).expect("written");
            assert!(trusting(&path, provider()).expect_err(text).contains("no certificate"), "{text}");
        }
    }
}
