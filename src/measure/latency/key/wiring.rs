//! Where the ports of the measurement's engine lead at a JACK server.

use std::time::{Duration, Instant};

use crate::device::audio::{JackPatch, JackPorts, list_jack};
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};
use crate::measure::latency::ends::Ends;
use crate::measure::{Link, Run};

/// How long others get to connect our ports.
const OTHERS: Duration = Duration::from_millis(1_500);
const LOOK: Duration = Duration::from_millis(50);

/// Connects what was named; leaves the rest to others for a while; connects to
/// themselves the pairs that nobody touched. Gives the path in words.
///
/// # Errors
/// A name that no port has, or a server that does not connect.
pub(super) fn wire(run: &Run, client: &str, ends: &Ends) -> Result<String, Error> {
    let patch = JackPatch::open().map_err(|error| fault(&error))?;
    let there = list_jack().map_err(|error| fault(&error))?;
    let pairs = [
        Pair::new(client, ("midi_out", "midi_in"), &ends.midi, midi_ports(&there)),
        Pair::new(client, ("out_1", "in_1"), &ends.audio, audio_ports(&there)),
    ];
    for pair in &pairs {
        pair.connect_named(&patch)?;
    }
    let waiting = |pair: &&Pair| pair.is_open(&patch);
    let open: Vec<&str> = pairs.iter().filter(waiting).flat_map(Pair::names).collect();
    if !open.is_empty() {
        run.say(&format!(
            "{} may be connected now; without that they are connected to each other",
            open.join(", ")
        ));
    }
    let begin = Instant::now();
    while pairs.iter().any(|pair| pair.is_open(&patch)) && begin.elapsed() < OTHERS && !run.is_stopped() {
        std::thread::sleep(LOOK);
    }
    for pair in pairs.iter().filter(|pair| pair.is_untouched(&patch)) {
        connect(&patch, &pair.output, &pair.input)?;
    }
    Ok(format!("{}; {}", pairs[0].words(&patch), pairs[1].words(&patch)))
}

fn midi_ports(there: &JackPorts) -> (&[String], &[String]) {
    (&there.midi_destinations, &there.midi_sources)
}

fn audio_ports(there: &JackPorts) -> (&[String], &[String]) {
    (&there.audio_destinations, &there.audio_sources)
}

/// An output and an input of ours, and what was named for them.
struct Pair {
    output: String,
    input: String,
    to: Option<Option<String>>,
    from: Option<Option<String>>,
}

impl Pair {
    fn new(
        client: &str,
        (output, input): (&str, &str),
        link: &Link,
        (destinations, sources): (&[String], &[String]),
    ) -> Pair {
        let found = |name: &String, ports: &[String]| {
            let pattern = NamePattern::whole(name);
            let is_ours = |port: &str| port.strip_prefix(client).is_some_and(|rest| rest.starts_with(':'));
            let foreign = || ports.iter().filter(|port| !is_ours(port));
            let whole = foreign().find(|port| pattern.matches(port));
            whole.or_else(|| foreign().find(|port| pattern.matches_part(port))).cloned()
        };
        Pair {
            output: format!("{client}:{output}"),
            input: format!("{client}:{input}"),
            to: link.outputs.first().map(|name| found(name, destinations)),
            from: link.inputs.first().map(|name| found(name, sources)),
        }
    }

    fn names(&self) -> [&str; 2] {
        [&self.output, &self.input]
    }

    fn connect_named(&self, patch: &JackPatch) -> Result<(), Error> {
        for (named, is_out) in [(&self.to, true), (&self.from, false)] {
            match named {
                None => {}
                Some(Some(port)) if is_out => connect(patch, &self.output, port)?,
                Some(Some(port)) => connect(patch, port, &self.input)?,
                Some(None) => return Err(fault(&"a port that was named is not at the JACK server any more")),
            }
        }
        Ok(())
    }

    /// Whether one of its ends leads nowhere.
    fn is_open(&self, patch: &JackPatch) -> bool {
        self.names().iter().any(|port| patch.connections(port).unwrap_or_default().is_empty())
    }

    fn is_untouched(&self, patch: &JackPatch) -> bool {
        self.names().iter().all(|port| patch.connections(port).unwrap_or_default().is_empty())
    }

    fn words(&self, patch: &JackPatch) -> String {
        let ends = |port: &str| {
            let ends = patch.connections(port).unwrap_or_default();
            if ends.is_empty() { "nothing".to_owned() } else { ends.join(" + ") }
        };
        let (to, from) = (ends(&self.output), ends(&self.input));
        if to == self.input {
            return format!("{} → {}", self.output, self.input);
        }
        format!("{} → {to} … {from} → {}", self.output, self.input)
    }
}

fn connect(patch: &JackPatch, from: &str, to: &str) -> Result<(), Error> {
    if patch.connect(from, to) {
        return Ok(());
    }
    Err(fault(&format!("JACK does not connect {from} to {to}")))
}

fn fault(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Device, error.to_string())
}
