//! What an answer or the lack of one means, in a musician's words.

use std::time::Duration;

use super::Answer;
use super::date;
use super::http::{Raw, Trouble};
use super::server::Server;
use super::tls::Distrust;
use crate::generate::lean::Lean;
use crate::generate::{Failure, FailureKind};

/// An answer that is one, or why it is none.
pub(super) fn answer(server: &Server, raw: Raw) -> Result<Answer, Failure> {
    if (200..300).contains(&raw.status) {
        return Ok(Answer { content_type: raw.content_type, body: raw.body });
    }
    let status = raw.status;
    let json = Lean::read(&raw.body, &["error", "detail", "message", "msg", "estimated_time"]);
    let estimated = json.as_ref().and_then(estimated_time);
    let wait = raw.retry_after.unwrap_or_default().max(estimated.unwrap_or_default());
    let said = match json.as_ref().and_then(Lean::words) {
        Some(words) => server.quote(words),
        // A page is for a browser.
        None if looks_like_html(&raw.body) => String::new(),
        None => server.quote(&String::from_utf8_lossy(&raw.body)),
    };
    let said = if said.is_empty() { said } else { format!(" (\"{said}\")") };
    let answered = format!("{} answered {status}{said}", server.named());
    let (kind, what_to_do) = match status {
        401 | 403 => (FailureKind::Refused, server.mend_key()),
        404 | 405 | 410 => (FailureKind::Refused, "check `url` and `model` of the backend".to_owned()),
        300..=399 => {
            let to =
                raw.location.as_deref().map_or_else(|| "elsewhere".to_owned(), |to| server.quote(strip(to)));
            (FailureKind::Refused, format!("it has moved to {to}; write that as the backend's `url`"))
        }
        429 => (FailureKind::Unavailable, "it takes no more requests now; try again later".to_owned()),
        408 | 504 => (FailureKind::Timeout, "it took too long; ask for less, or try again later".to_owned()),
        503 if estimated.is_some() => {
            (FailureKind::Unavailable, "its model is being loaded; try again later".to_owned())
        }
        500..=599 => (FailureKind::Unavailable, "its own log says more; try again later".to_owned()),
        413 => (FailureKind::Refused, "ask for less, or say it in fewer words".to_owned()),
        _ => (FailureKind::Refused, "check the request, and the backend's `url` and `model`".to_owned()),
    };
    Err(Failure::new(kind, format!("{answered}: {what_to_do}")).waiting(wait))
}

/// Why there was no answer.
pub(super) fn trouble(server: &Server, trouble: Trouble) -> Failure {
    let named = server.named();
    let (kind, message) = match trouble {
        Trouble::Unreachable(why) => {
            let why = server.quote(&why);
            (
                FailureKind::Network,
                format!("{named} cannot be reached ({why}): is it running, and is its `url` right?"),
            )
        }
        Trouble::ConnectTimeout => (
            FailureKind::Timeout,
            format!("{named} does not take the connection in time: is it running, and is its `url` right?"),
        ),
        Trouble::Distrusted(why) => distrusted(server, why),
        Trouble::Strange => (
            FailureKind::Config,
            format!("{named} does not answer in HTTP: does it speak TLS? Then write its `url` with https://"),
        ),
        Trouble::Broken(why) => {
            let why = server.quote(&why);
            (FailureKind::Network, format!("the line to {named} broke ({why}); try again"))
        }
        Trouble::TooLong(bytes) => {
            (FailureKind::Unfit, format!("{named} answered with more than {} MiB: ask for less", bytes >> 20))
        }
        Trouble::Senseless(why) => (
            FailureKind::Config,
            format!("{named} cannot be asked ({}): check its `url`", server.quote(&why)),
        ),
    };
    Failure::new(kind, message)
}

/// Why a server is not believed to be who it says, and what to do. The key has not been sent.
fn distrusted(server: &Server, distrust: Distrust) -> (FailureKind, String) {
    let named = server.named();
    match distrust {
        Distrust::Unknown => {
            let who = match server.ca_file() {
                Some(path) => format!("the `ca_file` {} does not vouch for", path.display()),
                None => "nobody known here vouches for".to_owned(),
            };
            let message = format!(
                "{named} is not trusted: {who} its certificate. If the server is yours, save its certificate, or \
                 its authority's, as a PEM file and write `ca_file = \"FILE\"` into the backend; nothing was sent"
            );
            (FailureKind::Config, message)
        }
        Distrust::Name(names) => {
            let host = server.url().host_str().unwrap_or("?");
            let names = if names.is_empty() { "others".to_owned() } else { server.quote(&names.join(", ")) };
            let message = format!(
                "{named} is not trusted: its certificate is not for {host} but for {names}; write the `url` with a \
                 name that it is for, or have one made for {host}"
            );
            (FailureKind::Config, message)
        }
        Distrust::Expired => (
            FailureKind::Refused,
            format!(
                "{named} is not trusted: its certificate has expired; it must be renewed, or this computer's clock is \
                 wrong"
            ),
        ),
        Distrust::Early => (
            FailureKind::Refused,
            format!(
                "{named} is not trusted: its certificate is not valid yet; is this computer's clock right?"
            ),
        ),
        Distrust::Plain => (
            FailureKind::Config,
            format!("{named} does not speak TLS: write its `url` with http:// if that is meant"),
        ),
        Distrust::Other(why) => (
            FailureKind::Refused,
            format!("{named} is not trusted ({}); its own log says more", server.quote(&why)),
        ),
    }
}

/// `estimated_time` of a model that is being loaded, in seconds; it must have been looked for.
pub(in crate::generate) fn estimated_time(json: &Lean<'_>) -> Option<Duration> {
    json.get("estimated_time")?.number().map(date::seconds)
}

/// Whether it is a page for a browser.
pub(in crate::generate) fn looks_like_html(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&body[..body.len().min(512)]).trim_start().to_ascii_lowercase();
    ["<!doctype", "<html", "<head", "<body", "<?xml"].iter().any(|tag| head.starts_with(tag))
}

/// A URL without a query, which may hold a key.
fn strip(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn server() -> Server {
        let key = Secret::new("hf_secret");
        Server::new("model server", "http://127.0.0.1:9", key, "ANTIPHON_MODEL_KEY").expect("a server")
    }

    fn judged(status: u16, body: &str) -> Failure {
        let raw = Raw { status, body: body.as_bytes().to_vec(), ..Raw::default() };
        answer(&server(), raw).expect_err("no success")
    }

    #[test]
    fn messages_say_what_happened_where_and_what_to_do() {
        let failure = judged(401, r#"{"error":"Invalid token hf_secret"}"#);
        assert_eq!(
            failure.message,
            "the model server at 127.0.0.1:9 answered 401 (\"Invalid token [redacted]\"): \
             check the key in ANTIPHON_MODEL_KEY"
        );
        assert_eq!(failure.kind, FailureKind::Refused);
        let loading = judged(503, r#"{"error":"Model is loading","estimated_time":20.5}"#);
        assert_eq!((loading.kind, loading.wait), (FailureKind::Unavailable, Duration::from_millis(20_500)));
        assert!(loading.message.contains("is being loaded"), "{loading}");
        assert!(!judged(500, "<html>oops</html>").message.contains('<'));
        assert!(judged(422, r#"{"detail":[{"msg":"no such field"}]}"#).message.contains("no such field"));
        assert!(judged(404, r#"{"error":{"message":"no model"}}"#).message.contains("(\"no model\")"));
    }

    #[test]
    fn only_what_may_succeed_is_tried_again() {
        for status in [429, 500, 502, 503, 504, 408] {
            assert!(judged(status, "").kind.retry_helps(), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 413, 422] {
            assert!(!judged(status, "").kind.retry_helps(), "{status}");
        }
        assert!(trouble(&server(), Trouble::Broken("reset".to_owned())).kind.retry_helps());
        assert!(!trouble(&server(), Trouble::TooLong(64 << 20)).kind.retry_helps());
    }
}
