use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio::time::timeout;

use super::answer::Answer;
use super::{Ended, GenerateArguments, length, request, seconds};
use crate::control::print_json;
use crate::control::signals::Signals;
use crate::engine::generation::Studio;
use crate::engine::{Error, ErrorKind};
use crate::generate::service::unwatched;
use crate::generate::{Failure, FailureKind, Request};

/// Requests under way at once; further lines wait in the pipe.
const AT_ONCE: usize = 1_000;
/// The longest line, in bytes.
const LINE_BYTES: usize = 64 * 1024;

/// A request as a line of JSON; what is not said is as on the command line.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Read apart, so that also a line that is no request has it.
    #[serde(default, rename = "id")]
    _id: Option<Value>,
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

/// Where nobody wants answers any more, lines that came before are still read for so long, and no longer
/// than that when none comes.
const LAST_LINES: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_millis(50);

/// What is under way: each ends with its answer, however.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Answer>,
    /// Whose they are.
    asked: HashMap<task::Id, Asked>,
}

struct Asked {
    id: Value,
    backend: String,
    started: Instant,
}

impl UnderWay {
    fn begin(&mut self, studio: &Studio, line: Parsed) {
        let Parsed { id, request, limit } = line;
        let (studio, backend) = (studio.clone(), request.backend.clone());
        let task =
            self.tasks.spawn(async move { super::answered(&studio, &request, limit, None, unwatched).await });
        self.asked.insert(task.id(), Asked { id, backend, started: Instant::now() });
    }

    /// The next answer, as soon as there is one; `None` where nothing is under way.
    async fn next(&mut self) -> Option<Answer> {
        let (task, answer) = match self.tasks.join_next_with_id().await? {
            Ok((task, answer)) => (task, Ok(answer)),
            Err(error) => (error.id(), Err(error)),
        };
        let Asked { id, backend, started } = self.asked.remove(&task)?;
        let answer = answer.unwrap_or_else(|error| {
            if error.is_cancelled() {
                return super::stopped(&backend, started.elapsed());
            }
            let failure = Failure::new(FailureKind::Fault, format!("its task failed, ask again: {error}"));
            Answer::failed(&backend, &failure, started.elapsed())
        });
        Some(Answer { id: Some(id), ..answer })
    }

    /// Cancels all of it, and answers.
    async fn cancel(&mut self) -> Result<(), Error> {
        self.tasks.abort_all();
        while let Some(answer) = self.next().await {
            print_json(&answer)?;
        }
        Ok(())
    }
}

/// Serves the requests of stdin, all together; prints one answer a line as each is done. Ends when
/// the input has ended and all are answered, however; or when nobody is there to read the answers.
pub(super) async fn serve(arguments: &GenerateArguments, studio: &Studio) -> Result<Ended, Error> {
    check(arguments)?;
    let mut under_way = UnderWay::default();
    let done = answer_all(arguments, studio, &mut under_way).await;
    // What is left is for nobody, and cancelled.
    under_way.tasks.shutdown().await;
    done
}

async fn answer_all(
    arguments: &GenerateArguments,
    studio: &Studio,
    under_way: &mut UnderWay,
) -> Result<Ended, Error> {
    let mut stop = Signals::stop()?;
    let mut input = lines()?;
    let mut is_open = true;
    while is_open || !under_way.tasks.is_empty() {
        tokio::select! {
            biased;
            () = stop.came() => {
                under_way.cancel().await?;
                stop_the_rest(arguments, &mut input).await?;
                return Ok(Ended::Failed);
            }
            Some(answer) = under_way.next() => print_json(&answer)?,
            read = input.recv(), if is_open && under_way.tasks.len() < AT_ONCE => match read {
                None => is_open = false,
                Some(text) if text.trim().is_empty() => {}
                Some(text) => match parsed(&text, arguments) {
                    Ok(line) => under_way.begin(studio, line),
                    Err(refused) => print_json(&refused.answer())?,
                },
            },
        }
    }
    Ok(Ended::Done)
}

/// Answers the lines that came and were not begun.
async fn stop_the_rest(
    arguments: &GenerateArguments,
    input: &mut mpsc::Receiver<String>,
) -> Result<(), Error> {
    let late = |line: Parsed| super::stopped(&line.request.backend, Duration::ZERO);
    let end = Instant::now() + LAST_LINES;
    while let Ok(Some(text)) = timeout(QUIET, input.recv()).await {
        answer_at_once(&text, arguments, late)?;
        if Instant::now() > end {
            break;
        }
    }
    Ok(())
}

/// Answers each request of stdin with the failure that befalls all of them.
pub(super) async fn refuse(arguments: &GenerateArguments, failure: &Failure) -> Result<(), Error> {
    check(arguments)?;
    let mut stop = Signals::stop()?;
    let mut input = lines()?;
    let refused = |line: Parsed| Answer::failed(&line.request.backend, failure, Duration::ZERO);
    loop {
        tokio::select! {
            biased;
            () = stop.came() => return Ok(()),
            read = input.recv() => match read {
                None => return Ok(()),
                Some(text) => answer_at_once(&text, arguments, refused)?,
            },
        }
    }
}

fn check(arguments: &GenerateArguments) -> Result<(), Error> {
    if arguments.out.is_some() || arguments.play {
        let message = "requests from stdin stay in the cache: leave out -o and --play, and take `path` from the answers";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(())
}

/// Answers a line that is not begun.
fn answer_at_once(
    text: &str,
    arguments: &GenerateArguments,
    answer: impl FnOnce(Parsed) -> Answer,
) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Ok(());
    }
    print_json(&match parsed(text, arguments) {
        Ok(line) => {
            let id = Some(line.id.clone());
            Answer { id, ..answer(line) }
        }
        Err(refused) => refused.answer(),
    })
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

/// A line that is a request.
struct Parsed {
    id: Value,
    request: Request,
    limit: Duration,
}

/// A line that is none, with what could be understood of it.
struct Refused {
    id: Value,
    backend: String,
    failure: Failure,
}

impl Refused {
    fn answer(self) -> Answer {
        let answer = Answer::failed(&self.backend, &self.failure, Duration::ZERO);
        Answer { id: Some(self.id), ..answer }
    }
}

fn parsed(text: &str, arguments: &GenerateArguments) -> Result<Parsed, Refused> {
    let usage = |message: String| Failure::new(FailureKind::Usage, message);
    let nobody = |message: String| Refused {
        id: Value::Null,
        backend: arguments.backend.clone(),
        failure: usage(message),
    };
    if text.len() > LINE_BYTES {
        return Err(nobody(format!("a line is longer than {LINE_BYTES} bytes")));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| nobody(format!("a line is no JSON: {error}")))?;
    let id = value.get("id").cloned().unwrap_or_default();
    let backend = value.get("backend").and_then(Value::as_str).unwrap_or(&arguments.backend).to_owned();
    match understood(value, arguments) {
        Ok((request, limit)) => Ok(Parsed { id, request, limit }),
        Err(failure) => Err(Refused { id, backend, failure }),
    }
}

fn understood(value: Value, arguments: &GenerateArguments) -> Result<(Request, Duration), Failure> {
    let wrong = |message: String| Failure::new(FailureKind::Usage, message);
    if !value.is_object() {
        let message = "a line is no request: write an object, such as {\"description\": \"slow blues\"}";
        return Err(wrong(message.to_owned()));
    }
    let line: Line = serde_json::from_value(value)
        .map_err(|error| wrong(format!("a line is no request: {}", plain(&error.to_string()))))?;
    if line.seconds.is_some() && line.bars.is_some() {
        return Err(wrong("either seconds or bars, not both".to_owned()));
    }
    let mut made = request(arguments)?;
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
    let limit = seconds(line.deadline_seconds.unwrap_or(arguments.deadline))?;
    Ok((super::checked(made)?, limit))
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
