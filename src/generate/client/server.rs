use std::path::{Path, PathBuf};

use reqwest::Url;

use super::secret::Secret;
use crate::generate::{Failure, FailureKind};

/// The server of a backend: where it is, what it is called in messages, and the key to it.
#[derive(Clone, Debug)]
pub struct Server {
    url: Url,
    /// "model server", "chat server".
    what: &'static str,
    pub(super) key: Option<Secret>,
    /// What names the key's variable: where it comes from, or should.
    key_variable: String,
    /// A name and a password that stood in the URL.
    pub(super) basic: Option<(String, Secret)>,
    /// Certificates that it is judged by, in place of the system's.
    ca_file: Option<PathBuf>,
}

impl Server {
    /// A server at a URL, which may hold a name and a password.
    ///
    /// # Errors
    /// [`FailureKind::Config`] where that is no URL of a server.
    pub fn new(
        what: &'static str,
        url: &str,
        key: Option<Secret>,
        key_variable: impl Into<String>,
    ) -> Result<Server, Failure> {
        let wrong = |why: String| {
            let message = format!("the URL of the {what} {why}; write it like http://127.0.0.1:8080");
            Err(Failure::new(FailureKind::Config, message))
        };
        let mut url = match Url::parse(url.trim()) {
            Ok(url) => url,
            Err(error) => return wrong(format!("is no URL ({error})")),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return wrong(format!("begins with `{}:`, which is neither http nor https", url.scheme()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return wrong("names no host".to_owned());
        }
        let basic =
            url.password().and_then(Secret::new).map(|password| (url.username().to_owned(), password));
        // An http URL always takes these.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(Server { url, what, key, key_variable: key_variable.into(), basic, ca_file: None })
    }

    /// Judged by the certificates of a file, in place of the system's.
    pub fn judged_by(self, ca_file: Option<PathBuf>) -> Server {
        Server { ca_file, ..self }
    }

    /// The file of certificates that it is judged by.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The URL, without name and password.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A URL below it.
    pub fn below<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// The last part of its path.
    pub fn last_segment(&self) -> Option<&str> {
        self.url.path_segments()?.rfind(|segment| !segment.is_empty())
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        match self.url.host_str() {
            Some(host) => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            None => false,
        }
    }

    /// As messages name it: "the model server at 127.0.0.1:8080".
    pub fn named(&self) -> String {
        let host = self.url.host_str().unwrap_or("?");
        match self.url.port() {
            Some(port) => format!("the {} at {host}:{port}", self.what),
            None => format!("the {} at {host}", self.what),
        }
    }

    /// What to do where the key is refused.
    pub(super) fn mend_key(&self) -> String {
        if self.key.is_some() {
            format!("check the key in {}", self.key_variable)
        } else {
            format!("put its key into the environment variable {}", self.key_variable)
        }
    }

    /// A server's words, for a message: one line, short, printable, without secrets.
    pub(in crate::generate) fn quote(&self, text: &str) -> String {
        const CHARACTERS: usize = 200;
        let mut text = text.to_owned();
        for secret in self.key.iter().chain(self.basic.iter().map(|(_, password)| password)) {
            text = secret.redact(&text);
        }
        let line = text.split(['\n', '\r']).map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
        let mut quoted: String =
            line.chars().take(CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line.chars().nth(CHARACTERS).is_some() {
            quoted.push('…');
        }
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_taken_out_of_the_url() {
        let server =
            Server::new("model server", "http://me:pa55word@10.0.0.7:81/hf/", None, "K").expect("fine");
        assert_eq!(server.url().as_str(), "http://10.0.0.7:81/hf/");
        assert!(!format!("{server:?}").contains("pa55word"));
        assert_eq!(server.named(), "the model server at 10.0.0.7:81");
        assert_eq!(server.below(["models", "a", "b"]).path(), "/hf/models/a/b");
        assert_eq!(server.quote("\n your pa55word\u{7} is wrong\nsecond"), "your [redacted]  is wrong");
    }

    #[test]
    fn what_is_no_server_is_said() {
        for (url, words) in
            [("", "is no URL"), ("ftp://x", "neither http nor https"), ("localhost:80", "`localhost:`")]
        {
            let failure = Server::new("chat server", url, None, "K").expect_err("no server");
            assert!(failure.kind == FailureKind::Config && failure.message.contains(words), "{failure}");
        }
    }
}
