//! A chord chart from a chat: `POST {base}/chat/completions`, as OpenAI's servers and many others take it.
//!
//! The chart comes as JSON by the schema of `theory`, also within fences or talk. One that is no chart is
//! sent back once with what is wrong, to be repaired; the second time it is refused.

mod reply;

use std::future::Future;
use std::pin::Pin;

use reqwest::Url;
use serde_json::{Value, json};

use super::charted;
use crate::generate::client::{Client, Limits, Post, Server};
use crate::generate::local::Settings;
use crate::generate::{Backend, Drafted, Drafting, Failure, FailureKind, Progress, Request, Stage};
use crate::theory::{CHART_SCHEMA, Chart};

/// Of a chart that is no chart so much is sent back.
const QUOTE_CHARACTERS: usize = 16_000;
/// No chart needs a longer answer, thoughts and all.
const ANSWER_BYTES: u64 = 1 << 20;

/// A server of chats.
pub struct Chat {
    client: Client,
    model: String,
}

/// What one round came to.
struct Round {
    text: String,
    tries: u32,
}

impl Chat {
    /// What a client of such a server keeps to: an answer is words, and no longer than 1 MiB.
    pub fn limits(limits: Limits) -> Limits {
        Limits { body_bytes: limits.body_bytes.min(ANSWER_BYTES), ..limits }
    }

    /// A backend with the model that it asks where the request names none.
    pub fn new(client: Client, model: impl Into<String>) -> Chat {
        Chat { client, model: model.into() }
    }

    async fn drafted(&self, request: &Request, drafting: &Drafting<'_>) -> Result<Drafted, Failure> {
        // A key or a style that is none is said before anybody is asked.
        let settings = Settings::of(request)?;
        let mut messages = messages(request, &settings);
        let first = self.ask(request, &messages, drafting).await?;
        let wrong = match chart(&first.text, request, &settings) {
            Ok(chart) => return Ok((charted::draft(chart, request)?, first.tries)),
            Err(wrong) => wrong,
        };
        let words = format!("the chart cannot be used ({wrong}): asking to repair it");
        (drafting.progress)(Progress { stage: Stage::Drafting, done: None, words });
        let quoted: String = first.text.chars().take(QUOTE_CHARACTERS).collect();
        messages.push(json!({ "role": "assistant", "content": quoted }));
        let repair = format!(
            "That cannot be used: {wrong}. Answer with the whole chart again, repaired, as JSON and nothing else."
        );
        messages.push(json!({ "role": "user", "content": repair }));
        let second = match self.ask(request, &messages, drafting).await {
            Ok(second) => second,
            Err(failure) => {
                let tries = failure.tries + first.tries;
                return Err(failure.after(tries));
            }
        };
        let tries = first.tries + second.tries;
        match chart(&second.text, request, &settings) {
            Ok(chart) => Ok((charted::draft(chart, request)?, tries)),
            Err(wrong) => {
                let named = self.client.server().named();
                let message = format!(
                    "{named} wrote a chart that cannot be used, and its repair neither ({wrong}): ask again, \
                     or take another model"
                );
                Err(Failure::new(FailureKind::Unfit, message).after(tries))
            }
        }
    }

    /// Asks, and gives the text of the answer. A server that does not take `response_format` is asked without.
    async fn ask(
        &self,
        request: &Request,
        messages: &[Value],
        drafting: &Drafting<'_>,
    ) -> Result<Round, Failure> {
        let mut body = json!({
            "model": request.model.as_deref().unwrap_or(&self.model),
            "messages": messages,
            "seed": request.seed & 0x7fff_ffff,
            "stream": false,
            "response_format": { "type": "json_object" },
        });
        let (answer, tries) = match self.post(&body, drafting).await {
            Err(failure) if is_about_format(&failure) => {
                for key in ["response_format", "seed"] {
                    body.as_object_mut().map(|table| table.remove(key));
                }
                let tries = failure.tries;
                match self.post(&body, drafting).await {
                    Ok((answer, more)) => (answer, tries + more),
                    Err(failure) => {
                        let tries = failure.tries + tries;
                        return Err(failure.after(tries));
                    }
                }
            }
            other => other?,
        };
        let text = reply::text(&answer.body, self.client.server());
        text.map(|text| Round { text, tries }).map_err(|failure| failure.after(tries))
    }

    async fn post(
        &self,
        body: &Value,
        drafting: &Drafting<'_>,
    ) -> Result<crate::generate::client::Answered, Failure> {
        let url = completions(self.client.server());
        let Drafting { progress, begun, deadline } = *drafting;
        self.client.post(Post { url, accept: "application/json", body, begun, deadline, progress }).await
    }
}

impl Backend for Chat {
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        drafting: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(async move { self.drafted(request, &drafting).await })
    }

    fn in_flight(&self) -> usize {
        self.client.in_flight()
    }
}

/// Bases are given with `/v1` and without.
fn completions(server: &Server) -> Url {
    let is_version = |segment: &str| {
        segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if server.last_segment() == Some("completions") {
        return server.url().clone();
    }
    let has_version = server.url().path_segments().is_some_and(|mut segments| segments.any(is_version));
    let version = (!has_version).then_some("v1");
    server.below(version.into_iter().chain(["chat", "completions"]))
}

fn messages(request: &Request, settings: &Settings) -> Vec<Value> {
    let system = format!(
        "You write chord charts for musicians. Answer with one JSON object by this JSON schema, and with \
         nothing else:\n{CHART_SCHEMA}"
    );
    let bars = request.length.whole_bars(settings.tempo, request.is_loop());
    let mut wish = format!("{}\n\nWrite {bars} bars", request.description.trim());
    if request.key.is_some() {
        wish.push_str(&format!(" in {}", settings.key));
    }
    if let Some(tempo) = request.tempo {
        wish.push_str(&format!(" at {tempo} beats a minute"));
    }
    if request.style.is_some() {
        wish.push_str(&format!(", style {}", settings.style));
    }
    wish.push_str(", as JSON.");
    vec![json!({ "role": "system", "content": system }), json!({ "role": "user", "content": wish })]
}

/// The chart in a text, or what is wrong with it.
fn chart(text: &str, request: &Request, settings: &Settings) -> Result<Chart, String> {
    let read = |json: &str| {
        let chart = Chart::from_json(json).map_err(|error| error.to_string())?;
        if request.key.is_some() && chart.key != settings.key {
            return Err(format!("key: {} was asked for, not {}", settings.key, chart.key));
        }
        Ok(chart)
    };
    reply::object(text, read).unwrap_or_else(|| Err("there is no JSON object in the answer".to_owned()))
}

/// Whether a server says that it does not take what asks for JSON.
fn is_about_format(failure: &Failure) -> bool {
    let text = failure.message.to_ascii_lowercase();
    failure.kind == FailureKind::Refused
        && (text.contains("answered 400") || text.contains("answered 422"))
        && ["response_format", "json_object", "seed", "extra", "unknown"]
            .iter()
            .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    #[test]
    fn bases_are_taken_with_and_without_the_version() {
        let of = |base: &str| {
            completions(&Server::new("chat server", base, None, "K").expect("a server")).to_string()
        };
        let whole = "http://a:1/v1/chat/completions";
        for base in ["http://a:1", "http://a:1/", "http://a:1/v1", "http://a:1/v1/", whole] {
            assert_eq!(of(base), whole, "{base}");
        }
        assert_eq!(of("http://a/api"), "http://a/api/v1/chat/completions");
        assert_eq!(of("http://a/v1beta/openai"), "http://a/v1beta/openai/chat/completions");
    }

    #[test]
    fn what_is_asked_for_apart_must_hold() {
        let mut request = Request::new("sad", SampleRate::DEFAULT);
        request.key = Some("Eb minor".to_owned());
        let settings = Settings::of(&request).expect("a key");
        let text = |key: &str| {
            format!(
                "Here:\n```json\n{{\"key\":\"{key}\",\"tempo\":90,\"style\":\"pop\",\"bars\":[[\"Am7\"]]}}\n```\nEnjoy!"
            )
        };
        assert!(chart(&text("Eb minor"), &request, &settings).is_ok());
        let wrong = chart(&text("C major"), &request, &settings).expect_err("another key");
        assert!(wrong.starts_with("key: "), "{wrong}");
        let thought = format!("<think>maybe {{C, F}} or {{\"a\": 1}}, {{ hm</think>{}", text("Eb minor"));
        assert_eq!(chart(&thought, &request, &settings), chart(&text("Eb minor"), &request, &settings));
        let asked = messages(&request, &settings)[1]["content"].to_string();
        assert!(asked.contains("8 bars in") && asked.contains("sad"), "{asked}");
    }
}
