//! Text to sound by the wire of Hugging Face: `POST {url}/models/{model}` with `inputs` and
//! `parameters`, and a sound file back.
//!
//! What parameters a server takes differs: its own of a while ago stand beside each other, those of
//! today in `generation_parameters` (the schema of the task, `huggingface/tasks`). All are sent; a server
//! that refuses what it does not know is asked again with the words alone.

mod sound;

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use super::asked;
use crate::generate::client::{Answered, Client, Post};
use crate::generate::{Backend, Draft, Drafted, Drafting, Failure, FailureKind, Progress, Request, Stage};

/// What MusicGen makes of its words: 50 tokens a second, and 3 more for the delays between its codebooks.
const TOKENS_A_SECOND: f64 = 50.0;
const TOKENS_MORE: u64 = 3;

/// A server that speaks the wire.
pub struct Hf {
    name: String,
    client: Client,
    model: String,
}

/// The sound file in an answer of anything, for tests/fuzz.
///
/// # Errors
/// [`Failure`]: there is none.
#[cfg(fuzzing)]
pub fn sound_of(body: Vec<u8>) -> Result<Vec<u8>, Failure> {
    use crate::generate::client::{Answer, Server};
    let server = Server::new("server", "http://localhost", None, "KEY")?;
    sound::of(Answer { content_type: None, body }, &server).map(|sound| sound.bytes)
}

impl Hf {
    /// A backend of a name, with the model that it asks for where the request names none.
    pub fn new(name: impl Into<String>, client: Client, model: impl Into<String>) -> Hf {
        Hf { name: name.into(), client, model: model.into() }
    }

    async fn ask(
        &self,
        request: &Request,
        body: &Value,
        drafting: &Drafting<'_>,
    ) -> Result<Answered, Failure> {
        let model = request.model.as_deref().unwrap_or(&self.model);
        let server = self.client.server();
        // An older `url` ended in /models.
        let models = (server.last_segment() != Some("models")).then_some("models");
        let url = server.below(models.into_iter().chain(model.split('/').filter(|part| !part.is_empty())));
        let Drafting { progress, begun, deadline } = *drafting;
        self.client.post(Post { url, accept: "audio/*", body, begun, deadline, progress }).await
    }

    async fn drafted(&self, request: &Request, drafting: &Drafting<'_>) -> Result<Drafted, Failure> {
        asked::sound_only(request, &self.name)?;
        let words = asked::in_words(request);
        let full = json!({ "inputs": words, "parameters": parameters(request) });
        let (answer, tries) = match self.ask(request, &full, drafting).await {
            Err(failure) if is_about_parameters(&failure) => {
                let words_only = json!({ "inputs": words });
                let progress = "the server takes no parameters: asking with the words alone".to_owned();
                (drafting.progress)(Progress { stage: Stage::Drafting, done: None, words: progress });
                let again = self.ask(request, &words_only, drafting).await;
                match again {
                    Ok((answer, tries)) => (answer, tries + failure.tries),
                    Err(second) => {
                        let tries = second.tries + failure.tries;
                        return Err(second.after(tries));
                    }
                }
            }
            other => other?,
        };
        let sound = sound::of(answer, self.client.server()).map_err(|failure| failure.after(tries))?;
        Ok((Draft::Sound { bytes: sound.bytes, content_type: sound.content_type }, tries))
    }
}

impl Backend for Hf {
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

fn parameters(request: &Request) -> Value {
    let seconds = asked::seconds(request);
    let tokens = (seconds * TOKENS_A_SECOND).ceil() as u64 + TOKENS_MORE;
    // Seeds of these servers have 32 bits.
    let seed = (request.seed ^ (request.seed >> 32)) & 0xffff_ffff;
    json!({
        "duration": seconds,
        "max_new_tokens": tokens,
        "do_sample": true,
        "seed": seed,
        "generation_parameters": { "max_new_tokens": tokens, "do_sample": true },
    })
}

/// Whether a server says that it does not know a parameter.
fn is_about_parameters(failure: &Failure) -> bool {
    let text = failure.message.to_ascii_lowercase();
    let words = [
        "parameter",
        "unexpected keyword",
        "kwargs",
        "extra fields",
        "extra inputs",
        "not used by the model",
    ];
    failure.kind == FailureKind::Refused
        && (text.contains("answered 400") || text.contains("answered 422"))
        && words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Length;
    use crate::unit::SampleRate;

    #[test]
    fn tokens_are_as_many_as_the_model_needs() {
        let mut request = Request::new("pads", SampleRate::DEFAULT);
        request.length = Length::Seconds(30.0);
        request.seed = 0x1_0000_0005;
        let parameters = parameters(&request);
        // As its documentation has it: 1,503 for 30 s.
        assert_eq!(parameters["max_new_tokens"], 1_503);
        assert_eq!(parameters["generation_parameters"]["max_new_tokens"], 1_503);
        assert_eq!((&parameters["duration"], &parameters["seed"]), (&json!(30.0), &json!(4)));
    }
}
