use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, Method, Url, redirect, retry};

use super::server::Server;
use super::tls::Distrust;
use super::{date, tls};
use crate::generate::{Failure, FailureKind};

/// Of an answer that is no success only so much is read: it is words.
const ERROR_BYTES: usize = 64 << 10;

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub url: Url,
    pub accept: &'static str,
    pub body: Arc<[u8]>,
}

/// What came back, whatever its status.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Raw {
    pub status: u16,
    pub content_type: Option<String>,
    pub retry_after: Option<Duration>,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

/// Why nothing came back, or not all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// No connection; why.
    Unreachable(String),
    /// No connection in time.
    ConnectTimeout,
    /// The other end is not who it should be, or speaks no TLS.
    Distrusted(Distrust),
    /// What answers speaks no HTTP.
    Strange,
    /// The connection broke; how.
    Broken(String),
    /// More than so many bytes.
    TooLong(u64),
    /// It could not even be sent; why.
    Senseless(String),
}

/// Carries one try to a server and back. The tests have another than HTTP.
pub(super) trait Wire: Send + Sync {
    fn post<'a>(&'a self, sent: &'a Sent) -> Pin<Box<dyn Future<Output = Result<Raw, Trouble>> + Send + 'a>>;
}

/// HTTP, with connections that are used again.
pub(super) struct Http {
    client: Client,
    authorization: Option<HeaderValue>,
    basic: Option<(String, super::Secret)>,
    body_bytes: u64,
}

impl Http {
    pub fn new(server: &Server, connect: Duration, body_bytes: u64) -> Result<Http, Failure> {
        // An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(connect)
            .tcp_nodelay(true)
            // Each try is counted, takes a token, and sends the key: none is made or led elsewhere unseen.
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .user_agent(concat!("antiphon/", env!("CARGO_PKG_VERSION")));
        if server.url().scheme() == "http" {
            // Works where the platform has no roots.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        let config = |why: String| Failure::new(FailureKind::Config, why);
        if let Some(path) = server.ca_file().filter(|_| server.url().scheme() == "https") {
            let provider = rustls::crypto::CryptoProvider::get_default()
                .cloned()
                .unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
            let trusting = tls::trusting(path, provider).map_err(|why| {
                config(format!(
                    "the `ca_file` {} cannot be used: {why}. It holds the certificate of {}, or that of its \
                     authority",
                    path.display(),
                    server.named()
                ))
            })?;
            builder = builder.tls_backend_preconfigured(trusting);
        }
        if server.is_here() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            let why = innermost(&error);
            config(format!(
                "cannot speak TLS to {}: {why}; install the system's CA certificates",
                server.named()
            ))
        })?;
        let authorization = match &server.key {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| {
                    config(format!(
                        "the key for {} holds what a key cannot: {}",
                        server.named(),
                        server.mend_key()
                    ))
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let basic = server.basic.clone().filter(|_| authorization.is_none());
        Ok(Http { client, authorization, basic, body_bytes })
    }

    async fn exchange(&self, sent: &Sent) -> Result<Raw, Trouble> {
        let mut request = self
            .client
            .request(Method::POST, sent.url.clone())
            .header(ACCEPT, sent.accept)
            .header(CONTENT_TYPE, "application/json")
            .body(sent.body.to_vec());
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        } else if let Some((name, password)) = &self.basic {
            request = request.basic_auth(name, Some(password.expose()));
        }
        let mut response = request.send().await.map_err(trouble)?;
        let mut raw = head(response.status().as_u16(), response.headers());
        let is_success = response.status().is_success();
        if is_success && response.content_length().is_some_and(|bytes| bytes > self.body_bytes) {
            return Err(Trouble::TooLong(self.body_bytes));
        }
        while let Some(chunk) = response.chunk().await.map_err(trouble)? {
            if is_success && (raw.body.len() + chunk.len()) as u64 > self.body_bytes {
                return Err(Trouble::TooLong(self.body_bytes));
            }
            raw.body.extend_from_slice(&chunk);
            if !is_success && raw.body.len() >= ERROR_BYTES {
                raw.body.truncate(ERROR_BYTES);
                break;
            }
        }
        Ok(raw)
    }
}

impl Wire for Http {
    fn post<'a>(&'a self, sent: &'a Sent) -> Pin<Box<dyn Future<Output = Result<Raw, Trouble>> + Send + 'a>> {
        Box::pin(self.exchange(sent))
    }
}

fn head(status: u16, headers: &HeaderMap) -> Raw {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Raw {
        status,
        content_type: text(CONTENT_TYPE).map(str::to_owned),
        retry_after: text(RETRY_AFTER).and_then(|after| date::retry_after(after, text(DATE))),
        location: text(LOCATION).map(str::to_owned),
        body: Vec::new(),
    }
}

fn trouble(error: reqwest::Error) -> Trouble {
    if let Some(distrust) = tls::distrust(&error) {
        return Trouble::Distrusted(distrust);
    }
    let why = innermost(&error);
    if error.is_connect() {
        if error.is_timeout() { Trouble::ConnectTimeout } else { Trouble::Unreachable(why) }
    } else if error.is_builder() {
        Trouble::Senseless(why)
    } else if why.starts_with("invalid HTTP") {
        // A TLS alert, mostly: the server was addressed in the clear.
        Trouble::Strange
    } else {
        Trouble::Broken(why)
    }
}

/// What the lowest layer says; those above it only name the URL.
fn innermost(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else {
        return "it was not accepted".to_owned();
    };
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
