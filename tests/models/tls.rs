//! TLS in front of a stub, with authorities and certificates of the test's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Who vouches for servers.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
}

/// A server's certificate and its key.
pub struct Identity {
    pub pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the studio's authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name or an address, which ends with a year.
    pub fn certify(&self, name: &str, last_year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { pem: certificate.pem(), chain: vec![certificate.der().clone()], key: private(&key) }
    }
}

/// A certificate that vouches for itself, and calls itself an authority, as most recipes make them.
pub fn self_made(name: &str) -> Identity {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity { pem: certificate.pem(), chain: vec![certificate.der().clone()], key: private(&key) }
}

/// Takes connections over TLS, and leads them on to a stub.
pub struct Front {
    pub address: SocketAddr,
    /// Lines that were begun, trusted or not.
    pub begun: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Front {
    pub async fn new(stub: SocketAddr, identity: Identity) -> Front {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                lines.spawn(async move {
                    let Ok(mut line) = acceptor.accept(stream).await else { return };
                    let Ok(mut behind) = TcpStream::connect(stub).await else { return };
                    let _ = copy_bidirectional(&mut line, &mut behind).await;
                });
                while lines.try_join_next().is_some() {}
            }
        });
        Front { address, begun, _tasks: tasks }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn lines(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}
