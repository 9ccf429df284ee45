use std::time::{Duration, Instant};

use serde::Serialize;

use super::LOOK;
use super::file::FILE_LIMIT_BYTES;
use crate::control::arguments::SysexReceiveArguments;
use crate::control::files::write_whole;
use crate::control::monitor;
use crate::control::signals::Signals;
use crate::device::midi::listen::{Heard, PORT_LIMIT};
use crate::engine::{Error, ErrorKind};
use crate::midi::SYSEX_LIMIT_BYTES;
use crate::midi::codec::Parsed;

/// How long the first byte is waited for, where nothing else is said.
const FIRST_BYTE_SECONDS: f64 = 60.0;
/// How often the count is shown.
const SHOW: Duration = Duration::from_secs(1);

/// The JSON at the end.
#[derive(Serialize)]
struct Received {
    file: String,
    messages: u64,
    bytes: usize,
    broken_messages: u64,
    lost: u64,
    seconds: f64,
    stopped_by: &'static str,
}

/// What was collected.
#[derive(Default)]
struct Collection {
    bytes: Vec<u8>,
    messages: u64,
    broken: u64,
    /// By port: the message under way.
    under_way: Vec<Vec<u8>>,
    is_full: bool,
    latest: Option<Instant>,
}

impl Collection {
    fn take(&mut self, heard: Heard<'_>, now: Instant) {
        let index = usize::from(heard.port) % PORT_LIMIT;
        if self.under_way.len() <= index {
            self.under_way.resize_with(index + 1, Vec::new);
        }
        let message = &mut self.under_way[index];
        match heard.content {
            // Only dumps are of interest.
            Some(Parsed::Message(_)) => {}
            Some(Parsed::Sysex { bytes, first, last }) => {
                if first {
                    self.broken += u64::from(!message.is_empty());
                    message.clear();
                }
                self.latest = Some(now);
                // The parser ends a longer one, and so this.
                message.extend_from_slice(&bytes[..bytes.len().min(SYSEX_LIMIT_BYTES - message.len())]);
                if last {
                    if self.bytes.len() + message.len() > FILE_LIMIT_BYTES {
                        self.is_full = true;
                        return;
                    }
                    self.bytes.append(message);
                    self.messages += 1;
                }
            }
            None => {
                self.broken += u64::from(!message.is_empty());
                message.clear();
            }
        }
    }

    /// Whether a message has begun and not ended.
    fn is_under_way(&self) -> bool {
        self.under_way.iter().any(|message| !message.is_empty())
    }
}

/// `antiphon sysex receive`.
pub(super) async fn receive(arguments: &SysexReceiveArguments) -> Result<(), Error> {
    let mut stop = Signals::stop()?;
    let mut listening = monitor::open(arguments.driver, arguments.from.as_deref())?;
    let names: Vec<String> = listening.ports().into_iter().map(|port| port.name).collect();
    if names.is_empty() {
        crate::control::tell(&monitor::waiting(arguments.from.as_deref()));
    } else {
        crate::control::tell(&format!("listening to {}", monitor::list(&names)));
    }
    let (begin, mut shown) = (Instant::now(), Instant::now());
    let mut collection = Collection::default();
    let stopped_by = loop {
        let is_stopped = tokio::select! {
            () = stop.came() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        let now = Instant::now();
        while listening.tape.next(|heard| collection.take(heard, now)) {}
        if is_stopped {
            break "signal";
        }
        if collection.is_full {
            break "limit";
        }
        if listening.ended().is_some() {
            break "device";
        }
        if !arguments.json && shown.elapsed() >= SHOW && collection.latest.is_some() {
            shown = now;
            crate::control::tell(&format!(
                "{} messages, {} bytes",
                collection.messages,
                collection.bytes.len()
            ));
        }
        if arguments.seconds.is_some_and(|seconds| begin.elapsed().as_secs_f64() >= seconds) {
            break "for";
        }
        let Some(latest) = collection.latest else {
            if arguments.seconds.is_none() && begin.elapsed().as_secs_f64() >= FIRST_BYTE_SECONDS {
                break "silence";
            }
            continue;
        };
        // With --for alone the whole time is meant.
        let silence = arguments.until_silence.or(arguments.seconds.is_none().then_some(2.0));
        if silence.is_some_and(|silence| latest.elapsed().as_secs_f64() >= silence) {
            break "silence";
        }
    };
    let lost = listening.tape.lost() + listening.overflows();
    finish(arguments, collection, lost, begin.elapsed().as_secs_f64(), stopped_by)
}

fn finish(
    arguments: &SysexReceiveArguments,
    mut collection: Collection,
    lost: u64,
    seconds: f64,
    stopped_by: &'static str,
) -> Result<(), Error> {
    collection.broken += u64::from(collection.is_under_way());
    let received = Received {
        file: arguments.file.display().to_string(),
        messages: collection.messages,
        bytes: collection.bytes.len(),
        broken_messages: collection.broken,
        lost,
        seconds,
        stopped_by,
    };
    if collection.messages > 0 {
        write_whole(&arguments.file, &collection.bytes)?;
    }
    if arguments.json {
        crate::control::print_json(&received)?;
    } else if collection.messages > 0 {
        let s = if received.messages == 1 { "" } else { "s" };
        crate::control::tell(&format!(
            "{} message{s} ({} bytes) written to {}",
            received.messages, received.bytes, received.file
        ));
    }
    let failed = |what: String| Err(Error::new(ErrorKind::Device, what));
    match (collection.messages, collection.broken, collection.is_full) {
        (_, _, true) => failed(format!("more than {} MiB came; the rest is missing", FILE_LIMIT_BYTES >> 20)),
        (0, 0, _) => failed(format!(
            "no SysEx came in {seconds:.0} s: start the dump at the instrument, and see `antiphon monitor`"
        )),
        (messages, broken @ 1.., _) => {
            let rest = if messages == 0 { "nothing is written" } else { "they are not in the file" };
            failed(format!("{broken} SysEx came without an end; {rest}: try again"))
        }
        _ if lost > 0 => failed(format!("{lost} times something was lost on the way: try again")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysex(port: u16, bytes: &[u8], first: bool, last: bool) -> Heard<'_> {
        Heard { nanos: 0, port, content: Some(Parsed::Sysex { bytes, first, last }) }
    }

    #[test]
    fn two_ports_dumps_stay_whole_and_what_breaks_off_is_not_kept() {
        let (mut collection, now) = (Collection::default(), Instant::now());
        collection.take(sysex(0, &[0xf0, 1], true, false), now);
        collection.take(sysex(1, &[0xf0, 9, 0xf7], true, true), now);
        collection.take(Heard { nanos: 0, port: 0, content: Some(Parsed::Message(&[0xf8])) }, now);
        collection.take(sysex(0, &[2, 0xf7], false, true), now);
        assert_eq!(collection.bytes, [0xf0, 9, 0xf7, 0xf0, 1, 2, 0xf7]);
        collection.take(sysex(0, &[0xf0, 3], true, false), now);
        assert!(collection.is_under_way());
        collection.take(Heard { nanos: 0, port: 0, content: None }, now);
        assert_eq!((collection.messages, collection.broken, collection.is_under_way()), (2, 1, false));
        // What would be too much is refused, and bounded.
        let (long, begin) = (vec![1; SYSEX_LIMIT_BYTES - 2], [0xf0]);
        for _ in 0..70 {
            collection.take(sysex(0, &begin, true, false), now);
            collection.take(sysex(0, &long, false, false), now);
            collection.take(sysex(0, &[0xf7], false, true), now);
        }
        assert!(collection.is_full && collection.bytes.len() <= FILE_LIMIT_BYTES);
    }
}
