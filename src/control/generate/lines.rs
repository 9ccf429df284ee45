use std::collections::BTreeSet;
use std::io::BufRead;
use std::time::Instant;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::{Ended, GenerateArguments, length, request, seconds};
use crate::control::signals::Signals;
use crate::engine::generation::Studio;
use crate::engine::{Error, ErrorKind};
use crate::generate::{Failure, FailureKind, Request};

/// Requests under way at once; further lines wait in the pipe.
const AT_ONCE: usize = 1_000;
/// The longest line, in bytes.
const LINE_BYTES: usize = 64 * 1024;

/// A request as a line of JSON; what is not said is as on the command line.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Option<serde_json::Value>,
    description: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    seconds: Option<f64>,
    #[serde(default)]
    bars: Option<u32>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    tempo: Option<f64>,
    #[serde(default)]
    style: Option<String>,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    deadline_seconds: Option<f64>,
    #[serde(default, rename = "loop")]
    looped: Option<bool>,
    #[serde(default)]
    tags: Option<BTreeSet<String>>,
}

/// Serves the requests of stdin, all together; prints one answer a line as each is done. Ends when
/// the input has ended and all are answered, however.
pub(super) async fn serve(arguments: &GenerateArguments, studio: &Studio) -> Result<Ended, Error> {
    if arguments.out.is_some() || arguments.play {
        let message = "requests from stdin stay in the cache: leave out -o and --play, and take `path` from the answers";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let mut stop = Signals::stop()?;
    let mut input = lines()?;
    let mut under_way = JoinSet::new();
    let mut is_open = true;
    while is_open || !under_way.is_empty() {
        tokio::select! {
            biased;
            () = stop.came() => {
                // Dropping what is under way cancels it.
                under_way.shutdown().await;
                return Ok(Ended::Failed);
            }
            Some(answer) = under_way.join_next() => print(answer),
            read = input.recv(), if is_open && under_way.len() < AT_ONCE => match read {
                None => is_open = false,
                Some(text) => {
                    if text.trim().is_empty() {
                        continue;
                    }
                    match parsed(&text, arguments) {
                        Ok((id, request, limit)) => {
                            let studio = studio.clone();
                            under_way.spawn(async move {
                                let started = Instant::now();
                                if let Some(kept) = studio.kept(&request, false).await {
                                    let answer = Answer::kept(&request, kept, None, started.elapsed());
                                    return Answer { id: Some(id), ..answer };
                                }
                                let made = studio.generate(&request, limit, &crate::generate::service::unwatched()).await;
                                let answer = Answer::of(&studio, &request, made, None, started.elapsed());
                                Answer { id: Some(id), ..answer }
                            });
                        }
                        Err((id, failure)) => {
                            let answer = Answer::failed(&arguments.backend, &failure, std::time::Duration::ZERO);
                            print(Ok(Answer { id: Some(id), ..answer }));
                        }
                    }
                }
            },
        }
    }
    Ok(Ended::Done)
}

fn print(answer: Result<Answer, tokio::task::JoinError>) {
    match answer {
        Ok(answer) => crate::control::print_json(&answer),
        Err(error) => crate::control::tell(&format!("antiphon: a request's task failed: {error}")),
    }
}

/// Lines that may wait for a request before them to be begun.
const READ_AHEAD: usize = 16;

/// The lines of stdin, each at most a little longer than [`LINE_BYTES`]. Read on a thread of its own, which
/// ends with the input or with the program.
fn lines() -> Result<mpsc::Receiver<String>, Error> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let read = move || {
        let mut input = std::io::stdin().lock();
        while let Some(line) = next_line(&mut input) {
            // Nobody listens any more.
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(read)
        .map_err(|error| Error::new(ErrorKind::Device, format!("stdin cannot be read: {error}")))?;
    Ok(receiver)
}

/// What is beyond the limit is read and let go of. The last line need not end.
fn next_line(input: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let available = match input.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(available) => available,
        };
        let end = available.iter().position(|byte| *byte == b'\n');
        let bytes = end.map_or(available.len(), |end| end + 1);
        let room = (LINE_BYTES + 1).saturating_sub(line.len());
        line.extend_from_slice(&available[..bytes.min(room)]);
        input.consume(bytes);
        if end.is_some() {
            break;
        }
    }
    (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
}

type Parsed = (serde_json::Value, Request, std::time::Duration);

fn parsed(text: &str, arguments: &GenerateArguments) -> Result<Parsed, (serde_json::Value, Failure)> {
    let wrong =
        |id: &serde_json::Value, message: String| (id.clone(), Failure::new(FailureKind::Usage, message));
    let nobody = serde_json::Value::Null;
    if text.len() > LINE_BYTES {
        return Err(wrong(&nobody, format!("a line is longer than {LINE_BYTES} bytes")));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong(&nobody, format!("a line is no JSON: {error}")))?;
    let id = value.get("id").cloned().unwrap_or_default();
    if !value.is_object() {
        return Err(wrong(
            &id,
            "a line is no request: write an object, such as {\"description\": \"slow blues\"}".to_owned(),
        ));
    }
    let line: Line = serde_json::from_value(value)
        .map_err(|error| wrong(&id, format!("a line is no request: {}", plain(&error.to_string()))))?;
    if line.seconds.is_some() && line.bars.is_some() {
        return Err(wrong(&id, "either seconds or bars, not both".to_owned()));
    }
    let mut made = request(arguments).map_err(|failure| (id.clone(), failure))?;
    made.description = line.description;
    made.length = length(line.seconds, line.bars, made.length);
    made.seed = line.seed.unwrap_or(made.seed);
    made.model = line.model.or(made.model);
    made.key = line.key.or(made.key);
    made.tempo = line.tempo.or(made.tempo);
    made.style = line.style.or(made.style);
    made.backend = line.backend.unwrap_or(made.backend);
    made.looped = line.looped.unwrap_or(made.looped);
    made.tags = line.tags.unwrap_or(made.tags);
    let limit = seconds(line.deadline_seconds.unwrap_or(arguments.deadline))
        .map_err(|failure| (id.clone(), failure))?;
    let made = super::checked(made).map_err(|failure| (id, failure))?;
    Ok((line.id.unwrap_or_default(), made, limit))
}

/// What a number's type is called in a musician's words.
fn plain(message: &str) -> String {
    let whole = message.replace("expected u32", "expected a whole number");
    whole.replace("expected u64", "expected a whole number").replace("expected f64", "expected a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_limit_and_the_last_need_not_end() {
        let long = "x".repeat(3 * LINE_BYTES);
        let mut input =
            std::io::BufReader::with_capacity(7, std::io::Cursor::new(format!("one\n\n{long}\nlast")));
        let read: Vec<String> = std::iter::from_fn(|| next_line(&mut input)).collect();
        assert_eq!(read.len(), 4);
        assert_eq!((read[0].as_str(), read[1].as_str(), read[3].as_str()), ("one\n", "\n", "last"));
        assert_eq!(read[2].len(), LINE_BYTES + 1);
    }
}
