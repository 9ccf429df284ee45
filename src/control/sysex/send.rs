use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::file::Dump;
use super::{LOOK, by_driver};
use crate::control::arguments::SysexSendArguments;
use crate::control::signals::Signals;
use crate::device::audio;
use crate::device::midi::dump::{self, Destination, DumpSender};
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};

/// How long a stopped sender may take to let go.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// The JSON at the end.
#[derive(Serialize)]
struct Sent {
    port: String,
    messages: usize,
    bytes: usize,
    seconds: f64,
}

/// What the sending thread and the command tell each other.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    bytes: AtomicUsize,
    messages: AtomicUsize,
}

/// `antiphon sysex send`.
pub(super) async fn send(arguments: &SysexSendArguments) -> Result<(), Error> {
    let mut stop = Signals::stop()?;
    let dump = Dump::open(&arguments.file)?;
    let (total_bytes, total_messages) = (dump.bytes.len(), dump.messages.len());
    let to = arguments.to.as_deref();
    let (name, sender) = by_driver(arguments.driver, || open_system(to), || open_jack(to))?;
    let begin = Instant::now();
    let shared = Arc::new(Shared::default());
    let theirs = Arc::clone(&shared);
    let work = std::thread::Builder::new()
        .name("antiphon-sysex".to_owned())
        .spawn(move || send_all(sender, &dump, &theirs))
        .map_err(|error| Error::new(ErrorKind::Device, format!("the sender cannot start: {error}")))?;
    let progress = progress_bar(total_bytes as u64, !arguments.json);
    let mut stopped_at = None;
    while !work.is_finished() {
        tokio::select! {
            () = stop.came(), if stopped_at.is_none() => {
                shared.stop.store(true, Ordering::Release);
                stopped_at = Some(Instant::now());
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        progress.set_position(shared.bytes.load(Ordering::Relaxed) as u64);
        if stopped_at.is_some_and(|stopped| stopped.elapsed() > STOP_LIMIT) {
            break;
        }
    }
    progress.finish_and_clear();
    let sent = Sent {
        port: name.clone(),
        messages: shared.messages.load(Ordering::Relaxed),
        bytes: shared.bytes.load(Ordering::Relaxed),
        seconds: begin.elapsed().as_secs_f64(),
    };
    let result = match work.is_finished().then(|| work.join()) {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err("the sender broke".to_owned()),
        None => Err("the port does not let go".to_owned()),
    };
    result.map_err(|reason| {
        let so_far = format!("{} of {total_messages} messages were sent whole", sent.messages);
        Error::new(ErrorKind::Device, format!("`{name}`: {reason}; {so_far}"))
    })?;
    if arguments.json {
        crate::control::print_json(&sent)?;
    } else {
        crate::control::tell(&format!(
            "{} message{} ({} bytes) sent to {name} in {:.2} s",
            sent.messages,
            if sent.messages == 1 { "" } else { "s" },
            sent.bytes,
            sent.seconds
        ));
    }
    Ok(())
}

/// On a terminal; elsewhere nothing is drawn.
fn progress_bar(total_bytes: u64, is_shown: bool) -> ProgressBar {
    let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total_bytes), target);
    // A template that is not understood costs the looks, not the dump.
    if let Ok(style) =
        ProgressStyle::with_template("{percent:>3} % {wide_bar} {bytes} of {total_bytes}, {eta}")
    {
        bar.set_style(style);
    }
    bar
}

fn send_all(mut sender: Box<dyn DumpSender>, dump: &Dump, shared: &Shared) -> Result<(), String> {
    for (index, place) in dump.messages.iter().enumerate() {
        let message = &dump.bytes[place.clone()];
        let mut progress = |bytes| {
            shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        };
        sender
            .send(message, &shared.stop, &mut progress)
            .map_err(|error| format!("message {}: {error}", index + 1))?;
        shared.messages.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn open_system(to: Option<&str>) -> Result<(String, Box<dyn DumpSender>), String> {
    let ports = dump::destinations().map_err(|error| error.to_string())?;
    let port = choose(&ports, to)?;
    let sender = dump::open(port).map_err(|error| error.to_string())?;
    Ok((port.name.clone(), sender))
}

fn open_jack(to: Option<&str>) -> Result<(String, Box<dyn DumpSender>), String> {
    let ports = audio::jack_dump_destinations().map_err(|error| error.to_string())?;
    let port = choose(&ports, to)?;
    let sender = audio::open_jack_dump(port).map_err(|error| error.to_string())?;
    Ok((port.name.clone(), sender))
}

/// The one port that is meant.
fn choose<'a>(ports: &'a [Destination], to: Option<&str>) -> Result<&'a Destination, String> {
    let pattern = to.map(NamePattern::whole);
    let fits = |port: &&Destination| match &pattern {
        Some(pattern) => pattern.matches_part(&port.name) || pattern.matches(&port.id),
        None => port.is_usual,
    };
    let fitting: Vec<&Destination> = ports.iter().filter(fits).collect();
    let exact = fitting.iter().find(|port| Some(port.name.as_str()) == to || Some(port.id.as_str()) == to);
    let list = |ports: &[&Destination]| {
        ports.iter().map(|port| format!("`{}`", port.name)).collect::<Vec<_>>().join(", ")
    };
    match (fitting.as_slice(), exact, to) {
        (_, Some(exact), _) => Ok(exact),
        ([only], _, _) => Ok(only),
        ([], _, Some(to)) if ports.is_empty() => Err(format!("no port fits `{to}`: there are none")),
        ([], _, Some(to)) => {
            let all: Vec<&Destination> = ports.iter().collect();
            Err(format!("no port fits `{to}`; there are {}", list(&all)))
        }
        ([], _, None) => Err("there is no port to send to: plug something in".to_owned()),
        (several, _, Some(to)) => Err(format!("`{to}` fits several ports: {}; name one", list(several))),
        (several, _, None) => Err(format!("name the port with --to: there are {}", list(several))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, is_usual: bool) -> Destination {
        Destination { name: name.into(), id: format!("id of {name}"), is_hardware: true, is_usual }
    }

    #[test]
    fn one_port_is_chosen_or_the_error_names_them() {
        let ports = [port("Volca Keys", true), port("Volca", true), port("Through", false)];
        let name = |to| choose(&ports, to).map(|port| port.name.clone());
        assert_eq!(name(Some("volca keys")).as_deref(), Ok("Volca Keys"));
        assert_eq!(name(Some("Volca")).as_deref(), Ok("Volca"));
        assert_eq!(name(Some("thr")).as_deref(), Ok("Through"));
        assert!(name(Some("volca*")).expect_err("two").contains("fits several ports: `Volca Keys`, `Volca`"));
        assert!(name(Some("x")).expect_err("none").contains("no port fits `x`; there are `Volca Keys`"));
        assert!(name(None).expect_err("two").contains("--to"));
        assert_eq!(choose(&ports[1..], None).map(|port| port.name.as_str()), Ok("Volca"));
        assert!(choose(&[], None).expect_err("none").contains("plug something in"));
    }
}
