//! Backends against servers and programs that misbehave: over real sockets, as a configuration has them.
#![allow(clippy::unwrap_used)]

#[path = "models/https.rs"]
mod https;
#[path = "models/sounds.rs"]
mod sounds;
#[path = "models/stub.rs"]
mod stub;
#[path = "models/through.rs"]
mod through;
#[path = "models/tls.rs"]
mod tls;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use antiphon::actor::{Options, Settings, System};
use antiphon::generate::config::Environment;
use antiphon::generate::local::Local;
use antiphon::generate::{
    Backend, Config, Draft, Drafted, Drafting, Failure, FailureKind, Form, Length, Progress, Request, verify,
};
use antiphon::unit::SampleRate;
use serde_json::{Value, json};
use stub::{Answer, Stub};
use tempfile::TempDir;

const KEY: &str = "hf_SecretOfTheTests";

/// A configuration from a text, in an environment of its own.
fn configured(text: &str, variables: &[(&str, &str)]) -> (Config, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let environment: Environment = variables.iter().copied().collect();
    (Config::load_in(Some(&path), environment).unwrap_or_else(|failure| panic!("{failure}")), folder)
}

/// An hf backend of a stub, which may be asked often.
fn hf(stub: &Stub, more: &str) -> (Arc<dyn Backend>, TempDir) {
    let text = format!(
        "[backend.hf]\nkind = \"hf\"\nurl = \"{}\"\nkey_env = \"MY_KEY\"\nburst = 1000\n{more}\n",
        stub.url()
    );
    let (config, folder) = configured(&text, &[("MY_KEY", KEY)]);
    (config.backend("hf").unwrap(), folder)
}

fn request() -> Request {
    Request { length: Length::Seconds(1.0), seed: 7, ..Request::new("warm pads", SampleRate::DEFAULT) }
}

async fn draft(backend: &Arc<dyn Backend>, request: &Request) -> Result<Drafted, Failure> {
    let begun = tokio::time::Instant::now();
    let deadline = begun + Duration::from_secs(60);
    backend.draft(request, Drafting { progress: &|_| {}, begun, deadline }).await
}

/// A tone as a WAV file.
fn tone(rate: u32, seconds: f64) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for i in 0..(seconds * f64::from(rate)) as usize {
        let sample = (i as f64 * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin();
        writer.write_sample((sample * 10_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// What came, listened to.
async fn heard(drafted: Drafted, request: &Request) -> Result<verify::Verified, Failure> {
    match drafted.0 {
        Draft::Sound { bytes, content_type } => verify::file(bytes, content_type, request).await,
        Draft::Midi { .. } => panic!("it was to be sound"),
    }
}

#[tokio::test]
async fn sound_comes_from_words_by_the_wire_of_hugging_face() {
    // Another rate than asked for.
    let stub = Stub::new(|_, _| Answer::file("audio/x-wav", tone(22_050, 1.0))).await;
    let (backend, _folder) = hf(&stub, "");
    let request = Request { model: Some("facebook/musicgen-medium".to_owned()), ..request() };
    let drafted = draft(&backend, &request).await.unwrap();
    assert_eq!(drafted.1, 1);
    let verified = heard(drafted, &request).await.unwrap();
    assert_eq!((verified.audio.rate.hertz(), verified.audio.frames()), (48_000, 48_000));
    let asked = &stub.seen.asked()[0];
    assert_eq!(asked.path, "/models/facebook/musicgen-medium");
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(asked.header("accept"), Some("audio/*"));
    assert_eq!(asked.body["inputs"], "warm pads");
    assert_eq!(asked.body["parameters"]["duration"], 1.0);
    assert_eq!(asked.body["parameters"]["seed"], 7);
    let midi = Request { form: Form::Midi, ..request };
    assert_eq!(draft(&backend, &midi).await.unwrap_err().kind, FailureKind::Usage);
}

#[tokio::test]
async fn a_server_without_parameters_is_asked_with_the_words_alone() {
    let stub = Stub::new(|_, asked| match asked.body.get("parameters") {
        Some(_) => Answer::json(400, &json!({ "error": "unexpected keyword argument 'duration'" })),
        None => Answer::file("audio/wav", tone(48_000, 1.0)),
    })
    .await;
    let (backend, _folder) = hf(&stub, "");
    assert_eq!(draft(&backend, &request()).await.unwrap().1, 2);
}

/// A misbehaviour: what the server answers, and what is made of it.
struct Case {
    name: &'static str,
    answer: fn() -> Answer,
    kind: FailureKind,
    tries: u32,
    words: &'static str,
}

/// All of them at the same time, each with a server of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misbehaviour_is_said_and_tried_again_only_where_that_may_help() {
    use FailureKind::{Network, Refused, Timeout, Unavailable, Unfit};
    let silence = || {
        let mut file = tone(48_000, 1.0);
        file[44..].fill(0);
        Answer::file("audio/wav", file)
    };
    let no_rate = || {
        let mut file = tone(48_000, 1.0);
        file[24..28].fill(0);
        Answer::file("audio/wav", file)
    };
    let case = |name, answer, kind, tries, words| Case { name, answer, kind, tries, words };
    let cases = [
        case("429", || Answer::status(429), Unavailable, 3, "takes no more requests now"),
        case("500", || Answer::status(500), Unavailable, 3, "answered 500"),
        case(
            "401",
            || Answer::json(401, &json!({ "error": format!("bad {KEY}") })),
            Refused,
            1,
            "check the key in MY_KEY",
        ),
        case("404", || Answer::status(404), Refused, 1, "check `url` and `model`"),
        case(
            "302",
            || Answer::Whole(302, vec![("Location", "http://x/?key=1".into())], vec![]),
            Refused,
            1,
            "moved to http://x/;",
        ),
        case("truncated", || Answer::Lying(100_000, tone(48_000, 0.1)), Network, 3, "broke"),
        case("a lie of 1 GiB", || Answer::Lying(1 << 30, vec![0; 100]), Unfit, 1, "more than 64 MiB"),
        case("endless", || Answer::Endless, Unfit, 1, "more than 64 MiB"),
        case(
            "cut short",
            || {
                let whole = tone(48_000, 1.0);
                Answer::file("audio/wav", whole[..whole.len() * 7 / 10].to_vec())
            },
            Unavailable,
            1,
            "0.7 s of 1.0 s came",
        ),
        case(
            "the key in a success",
            || Answer::json(200, &json!({ "error": format!("no access for Bearer {KEY}") })),
            Unfit,
            1,
            "no access for Bearer [redacted]",
        ),
        case(
            "the key in a type",
            || Answer::file(&format!("text/{KEY}"), b"no access".to_vec()),
            Unfit,
            1,
            "text (text/[redacted])",
        ),
        case("hanging", || Answer::Hang, Timeout, 1, "has not answered within 2 s"),
        case("reset", || Answer::Reset, Network, 3, "the line to the model server"),
        case("HTML", || Answer::file("text/html", b"<html><p>Hello".to_vec()), Unfit, 1, "web page"),
        case("nothing", || Answer::file("audio/wav", vec![]), Unfit, 1, "nothing"),
        case("JSON", || Answer::json(200, &json!({ "error": "out of memory" })), Unfit, 1, "out of memory"),
        case("silence", silence, Unfit, 1, "silence"),
        case("rate 0", no_rate, Unfit, 1, "rate of 0 Hz"),
        case(
            "slow and short",
            || {
                Answer::Late(
                    Duration::from_millis(300),
                    Box::new(Answer::file("audio/wav", tone(48_000, 0.2))),
                )
            },
            Unfit,
            1,
            "0.2 s came",
        ),
    ];
    let mut running = tokio::task::JoinSet::new();
    for case in cases {
        running.spawn(async move {
            let stub = Stub::new(move |_, _| (case.answer)()).await;
            let deadline = if case.name == "hanging" { "deadline_seconds = 2" } else { "" };
            let (backend, folder) = hf(&stub, deadline);
            let failure = match draft(&backend, &request()).await {
                Ok(drafted) => {
                    let tries = drafted.1;
                    heard(drafted, &request()).await.expect_err(case.name).after(tries)
                }
                Err(failure) => failure,
            };
            let name = case.name;
            assert_eq!((failure.kind, failure.tries), (case.kind, case.tries), "{name}: {failure}");
            assert!(failure.message.contains(case.words), "{name}: {failure}");
            assert!(!format!("{failure:?}").contains(KEY), "{name}: the key is said");
            let gaps = stub.seen.gaps();
            assert_eq!(gaps.len() as u32 + 1, case.tries, "{name}");
            assert!(gaps.windows(2).all(|pair| pair[1] > pair[0]), "{name}: {gaps:?}");
            drop((backend, folder));
            assert!(stub.seen.is_left_alone().await, "{name}: a line stays open");
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_server_says_how_long_to_wait() {
    let stub = Stub::new(|number, _| match number {
        0 => Answer::json(503, &json!({ "error": "loading", "estimated_time": 1.2 })),
        1 => Answer::Whole(429, vec![("Retry-After", "1".to_owned())], Vec::new()),
        _ => Answer::file("audio/wav", tone(48_000, 1.0)),
    })
    .await;
    let (backend, _folder) = hf(&stub, "");
    let heard = Mutex::new(Vec::new());
    let progress = |progress: Progress| heard.lock().unwrap().push(progress.words);
    let begun = tokio::time::Instant::now();
    let deadline = begun + Duration::from_secs(60);
    let drafted = backend.draft(&request(), Drafting { progress: &progress, begun, deadline }).await.unwrap();
    let gaps = stub.seen.gaps();
    assert_eq!(drafted.1, 3);
    assert!(gaps[0] >= Duration::from_millis(1_200) && gaps[1] > gaps[0], "{gaps:?}");
    assert_eq!(*heard.lock().unwrap(), ["try 2 of 3", "try 3 of 3"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (config, _folder) =
        configured("", &[("ANTIPHON_MODEL_URL", &format!("http://me:passw0rd@{address}"))]);
    let failure = draft(&config.backend("hf").unwrap(), &request()).await.unwrap_err();
    assert_eq!((failure.kind, failure.tries), (FailureKind::Network, 3));
    assert!(
        failure.message.contains(&format!("the model server at {address} cannot be reached")),
        "{failure}"
    );
    assert!(!failure.message.contains("passw0rd"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_are_served_ten_at_a_time_over_lines_that_are_used_again() {
    let stub = Stub::new(|_, _| {
        Answer::Late(Duration::from_millis(20), Box::new(Answer::file("audio/wav", tone(48_000, 0.01))))
    })
    .await;
    let (backend, folder) = hf(&stub, "requests_per_second = 1000");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let backend = Arc::clone(&backend);
        calls.spawn(async move { draft(&backend, &request()).await });
    }
    while let Some(call) = calls.join_next().await {
        assert_eq!(call.unwrap().unwrap().1, 1);
    }
    assert_eq!(stub.seen.asked().len(), 100);
    assert_eq!(stub.seen.most_in_flight.load(Ordering::SeqCst), 10);
    assert!(stub.seen.connections.load(Ordering::SeqCst) <= 20, "{:?}", stub.seen.connections);
    drop((backend, folder));
    assert!(stub.seen.is_left_alone().await);
}

#[tokio::test]
async fn tries_keep_to_the_rate() {
    // Each of five calls is tried twice.
    let stub = Stub::new(|number, _| match number % 2 {
        0 => Answer::status(500),
        _ => Answer::file("audio/wav", tone(48_000, 0.01)),
    })
    .await;
    let (config, _folder) = configured(
        &format!(
            "[backend.hf]\nkind = \"hf\"\nurl = \"{}\"\nburst = 2\nrequests_per_second = 10\nin_flight = 1",
            stub.url()
        ),
        &[],
    );
    let backend = config.backend("hf").unwrap();
    for _ in 0..5 {
        assert_eq!(draft(&backend, &request()).await.unwrap().1, 2);
    }
    let asked = stub.seen.asked();
    assert_eq!(asked.len(), 10);
    for (index, from) in asked.iter().enumerate() {
        for (count, to) in (1_u32..).zip(&asked[index..]) {
            let allowed = 3.0 + (to.at - from.at).as_secs_f64() * 10.0;
            assert!(f64::from(count) <= allowed, "{count} in {:?}", to.at - from.at);
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone() {
    let stub = Stub::new(|_, _| Answer::status(500)).await;
    let (backend, _folder) = hf(&stub, "");
    assert_eq!(draft(&backend, &request()).await.unwrap_err().tries, 3);
    assert_eq!(draft(&backend, &request()).await.unwrap_err().kind, FailureKind::Busy);
    let begun = Instant::now();
    for _ in 0..50 {
        let failure = draft(&backend, &request()).await.unwrap_err();
        assert_eq!((failure.kind, failure.tries), (FailureKind::Busy, 0));
        assert!(
            failure.wait > Duration::from_secs(20) && failure.message.contains("asked again in"),
            "{failure}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(stub.seen.asked().len(), 5);
}

#[tokio::test]
async fn who_goes_away_takes_the_line_along() {
    let stub = Stub::new(|_, _| Answer::Hang).await;
    let (backend, _folder) = hf(&stub, "");
    let request = request();
    let call = draft(&backend, &request);
    assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    assert_eq!(stub.seen.asked().len(), 1);
    assert!(stub.seen.is_left_alone().await);
}

#[tokio::test]
async fn the_clients_actor_stands_in_the_tree_and_may_be_killed() {
    let stub = Stub::new(|number, _| match number {
        0 => Answer::Hang,
        _ => Answer::file("audio/wav", tone(48_000, 1.0)),
    })
    .await;
    let text = format!("[backend.big]\nkind = \"hf\"\nurl = \"{}\"", stub.url());
    let (config, _folder) = configured(&text, &[]);
    let system = System::new(Settings::default());
    system.spawn_started("model", Options::new(), config.clients()).await.unwrap();
    let backend = config.backend("big").unwrap();
    let client = loop {
        if let Some(client) = system.find("/model/big") {
            break client;
        }
        tokio::task::yield_now().await;
    };
    client.ping(Duration::from_secs(5)).await.unwrap();
    let request = request();
    let (failure, ()) = tokio::join!(draft(&backend, &request), async {
        while stub.seen.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client.kill("a test");
    });
    assert_eq!(failure.unwrap_err().kind, FailureKind::Fault);
    client.ping(Duration::from_secs(5)).await.unwrap();
    assert_eq!(draft(&backend, &request).await.unwrap().1, 1);
    system.stop().await;
}

fn chart(key: &str) -> Value {
    json!({ "key": key, "tempo": 96, "style": "bossa", "bars": [["Dm7", "G7"], ["Cmaj7"]] })
}

fn said(content: &str) -> Answer {
    Answer::json(200, &json!({ "choices": [{ "message": { "role": "assistant", "content": content } }] }))
}

fn chat(stub: &Stub) -> (Arc<dyn Backend>, TempDir) {
    let url = stub.url();
    let (config, folder) = configured("", &[("ANTIPHON_CHAT_URL", &*url), ("ANTIPHON_CHAT_KEY", KEY)]);
    (config.backend("chat").unwrap(), folder)
}

#[tokio::test]
async fn a_chat_writes_a_chart_which_is_arranged() {
    let stub = Stub::new(|_, _| said(&format!("Sure!\n```json\n{}\n```", chart("C major")))).await;
    let (backend, _folder) = chat(&stub);
    let request = Request { length: Length::Bars(4), tempo: Some(100.0), ..request() };
    let (drafted, tries) = draft(&backend, &request).await.unwrap();
    let Draft::Midi { bytes, chart, tempo } = drafted else { panic!("it was to be MIDI") };
    assert_eq!((tries, tempo), (1, 100.0));
    assert!(chart.unwrap().contains("Dm7"));
    assert_eq!(verify::midi(&bytes, &request).unwrap(), Vec::<String>::new());
    let asked = &stub.seen.asked()[0];
    assert_eq!(asked.path, "/v1/chat/completions");
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert!(asked.body["messages"][0]["content"].as_str().unwrap().contains("\"$schema\""));
}

#[tokio::test]
async fn a_chart_that_is_none_is_repaired_once_or_refused() {
    let stub = Stub::new(|number, _| match number {
        0 => said(r#"{"key":"C major","tempo":96,"style":"bossa","bars":[["Dm7"],["Hx9"]]}"#),
        1 => said(&chart("C major").to_string()),
        _ => said("I would rather not."),
    })
    .await;
    let (backend, _folder) = chat(&stub);
    assert_eq!(draft(&backend, &request()).await.unwrap().1, 2);
    let asked = stub.seen.asked();
    let messages = asked[1].body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4);
    assert!(messages[3]["content"].as_str().unwrap().contains("bars[1]"), "{}", messages[3]);
    let failure = draft(&backend, &request()).await.unwrap_err();
    assert_eq!((failure.kind, failure.tries), (FailureKind::Unfit, 2));
    assert!(
        failure.message.contains("no JSON object") && failure.message.contains("the chat server at"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_chat_says_no_key_and_no_more_than_a_mebibyte() {
    let stub = Stub::new(|number, _| match number {
        0 => Answer::json(200, &json!({ "error": format!("no access for Bearer {KEY}") })),
        1 => said(&format!("{{\"{KEY}\": 1}}")),
        2 => said(&format!("{{\"{KEY}\": 1}}")),
        _ => said(&"so ".repeat(400_000)),
    })
    .await;
    let (backend, _folder) = chat(&stub);
    let asking = Mutex::new(String::new());
    let progress = |progress: Progress| asking.lock().unwrap().push_str(&progress.words);
    for words in ["Bearer [redacted]", "[redacted]", "more than 1 MiB"] {
        let begun = tokio::time::Instant::now();
        let drafting = Drafting { progress: &progress, begun, deadline: begun + Duration::from_secs(60) };
        let failure = backend.draft(&request(), drafting).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unfit, "{failure}");
        assert!(failure.message.contains(words) && !failure.message.contains(KEY), "{failure}");
    }
    assert!(asking.lock().unwrap().contains("[redacted]") && !asking.lock().unwrap().contains(KEY));
}

#[cfg(unix)]
mod programs {
    use super::*;

    /// A backend that runs a script of the shell.
    fn script(text: &str, deadline_seconds: f64) -> (Arc<dyn Backend>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.sh");
        std::fs::write(&path, text).unwrap();
        let command = json!(["sh", path.to_str().unwrap()]);
        let text = format!(
            "[backend.mine]\nkind = \"program\"\ncommand = {command}\ndeadline_seconds = {deadline_seconds:?}\n"
        );
        let (config, _) = configured(&text, &[]);
        (config.backend("mine").unwrap(), folder)
    }

    async fn run(text: &str) -> Result<Drafted, Failure> {
        let (backend, _folder) = script(text, 20.0);
        draft(&backend, &request()).await
    }

    /// The processes of a group that are there, zombies among them.
    fn alive(pid: &str) -> bool {
        std::path::Path::new("/proc").join(pid.trim()).exists()
    }

    async fn goes(pid: &str) -> bool {
        for _ in 0..500 {
            if !alive(pid) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_is_asked_by_a_line_and_answers_by_lines() {
        let Draft::Midi { bytes, .. } = Local::write(&request()).unwrap() else { panic!("it writes MIDI") };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let text = format!(
            "read line\nfor word in description seconds seed deadline_seconds; do case \"$line\" in *\"$word\"*) ;; *) exit 3;; esac; done\n\
             echo loading a model\necho '{{\"progress\": 0.5, \"words\": \"thinking\"}}'\n\
             echo '{{\"path\": {:?}, \"tempo\": 80}}'\n",
            file.path()
        );
        let (backend, _folder) = script(&text, 20.0);
        let heard = Mutex::new(Vec::new());
        let progress = |progress: Progress| heard.lock().unwrap().push((progress.done, progress.words));
        let begun = tokio::time::Instant::now();
        let deadline = begun + Duration::from_secs(60);
        let drafted =
            backend.draft(&request(), Drafting { progress: &progress, begun, deadline }).await.unwrap();
        assert_eq!(drafted, (Draft::Midi { bytes, chart: None, tempo: 80.0 }, 1));
        assert_eq!(*heard.lock().unwrap(), [(Some(0.5), "thinking".to_owned())]);
    }

    #[tokio::test]
    async fn sound_and_charts_may_come_too() {
        let sound =
            run("echo '{\"audio_base64\": \"UklGRg==\", \"content_type\": \"audio/wav\"}'").await.unwrap();
        assert_eq!(
            sound.0,
            Draft::Sound { bytes: b"RIFF".to_vec(), content_type: Some("audio/wav".to_owned()) }
        );
        let charted = run(&format!("echo '{{\"chart\": {}}}'", chart("C major"))).await.unwrap();
        assert!(matches!(charted.0, Draft::Midi { tempo: 96.0, .. }));
    }

    #[tokio::test]
    async fn what_goes_wrong_in_a_program_is_said() {
        for (text, kind, words) in [
            ("echo '{\"error\": \"no GPU\"}'", FailureKind::Refused, "says: no GPU"),
            ("echo '{\"error\": \"busy\", \"retry\": true}'", FailureKind::Unavailable, "says: busy"),
            ("echo one >&2; echo two >&2; exit 3", FailureKind::Fault, "exit status: 3): one / two"),
            ("kill -9 $$", FailureKind::Fault, "signal: 9"),
            ("echo hello", FailureKind::Unfit, "without an answer; it must write one line of JSON: hello"),
            ("echo '{\"what\": 1}'", FailureKind::Unfit, "says nothing"),
            ("echo '{\"midi_base64\": \"*\"}'", FailureKind::Unfit, "not base 64"),
            ("echo '{\"path\": \"/nonexistent/x.wav\"}'", FailureKind::Unfit, "/nonexistent/x.wav"),
            ("echo '{\"path\": \"/dev/zero\"}'", FailureKind::Unfit, "no file"),
            ("echo '{\"chart\": {}}'", FailureKind::Unfit, "wrote a chart that cannot be used"),
            ("exec yes x", FailureKind::Unfit, "writes without end"),
        ] {
            let failure = run(text).await.expect_err(text);
            assert!(failure.kind == kind && failure.message.contains(words), "{text}: {failure:?}");
        }
        let (config, _folder) =
            configured("[backend.no]\nkind = \"program\"\ncommand = \"/nonexistent/p --x\"", &[]);
        let failure = draft(&config.backend("no").unwrap(), &request()).await.unwrap_err();
        assert!(
            failure.kind == FailureKind::Config && failure.message.contains("/nonexistent/p"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn late_or_unwanted_it_is_killed_with_all_of_its_own() {
        let text = |file: &std::path::Path| {
            format!(
                "sleep 600 &\necho $$ $! > {}.new\nmv {0}.new {0}\ntrap '' TERM\nwait\nsleep 600\n",
                file.display()
            )
        };
        for is_dropped in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pids");
            let (backend, _folder) = script(&text(&file), if is_dropped { 60.0 } else { 1.5 });
            let request = request();
            let call = draft(&backend, &request);
            if is_dropped {
                tokio::select! {
                    _ = call => panic!("it has nothing to say"),
                    () = async { while !file.exists() { tokio::time::sleep(Duration::from_millis(10)).await } } => {}
                }
            } else {
                let failure = call.await.unwrap_err();
                assert!(
                    failure.kind == FailureKind::Timeout && failure.message.contains("deadline_seconds"),
                    "{failure}"
                );
            }
            let pids = std::fs::read_to_string(&file).unwrap();
            let (program, child) = pids.split_once(' ').unwrap();
            assert!(goes(program).await && goes(child).await, "{pids} is left");
        }
    }
}
