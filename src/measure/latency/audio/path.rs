use std::time::{Duration, Instant};

use crate::device::audio::JackPatch;
use crate::device::pattern::NamePattern;
use crate::engine::{Error, ErrorKind};
use crate::measure::{Link, Run};

/// How long a patchbay or a script may take to see our ports and connect them.
const OTHERS: Duration = Duration::from_millis(1_500);
const LOOK: Duration = Duration::from_millis(50);

/// Where our two ports at a JACK server lead.
pub(super) struct Path {
    patch: JackPatch,
    output: String,
    input: String,
    /// Whether we connected our own two ports with each other.
    is_own_loop: bool,
}

impl Path {
    /// Connects what was named; else leaves it to others for a while; else our output to our
    /// input.
    ///
    /// # Errors
    /// Why there is no such path.
    pub(super) fn lay(run: &Run, client: &str, link: &Link) -> Result<Path, Error> {
        let patch = JackPatch::open().map_err(|error| super::session::of_driver(&error))?;
        let output = format!("{client}:out_1");
        let input = format!("{client}:in_1");
        let mut path = Path { patch, output, input, is_own_loop: false };
        if let Some(name) = link.outputs.first() {
            let to = foreign(name, "--out", client, path.patch.destinations())?;
            connect(&path.patch, &path.output, &to)?;
        }
        if let Some(name) = link.inputs.first() {
            let from = foreign(name, "--in", client, path.patch.sources())?;
            connect(&path.patch, &from, &path.input)?;
        }
        if link.outputs.is_empty() || link.inputs.is_empty() {
            path.wait_for_others(run)?;
        }
        Ok(path)
    }

    fn wait_for_others(&mut self, run: &Run) -> Result<(), Error> {
        run.say(&format!(
            "Waiting {:.1} s for somebody to connect {} and {}.",
            OTHERS.as_secs_f64(),
            self.output,
            self.input
        ));
        let begin = Instant::now();
        loop {
            let (to, from) = self.ends()?;
            if !to.is_empty() && !from.is_empty() {
                return Ok(());
            }
            if begin.elapsed() > OTHERS || run.is_stopped() {
                // Whoever connected one end wants a path of his own.
                if to.is_empty() && from.is_empty() {
                    connect(&self.patch, &self.output, &self.input)?;
                    self.is_own_loop = true;
                    run.say("Nobody did: they are connected with each other.");
                }
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What our output goes to, and what our input hears.
    fn ends(&self) -> Result<(Vec<String>, Vec<String>), Error> {
        let of = |port: &str| self.patch.connections(port).ok_or_else(silent);
        Ok((of(&self.output)?, of(&self.input)?))
    }

    /// Whether somebody has connected something to our ports beside our own loop; then that
    /// one goes.
    pub(super) fn gives_way(&mut self) -> Result<bool, Error> {
        if !self.is_own_loop {
            return Ok(false);
        }
        let (to, from) = self.ends()?;
        if to.iter().all(|port| *port == self.input) && from.iter().all(|port| *port == self.output) {
            return Ok(false);
        }
        self.patch.disconnect(&self.output, &self.input);
        self.is_own_loop = false;
        Ok(true)
    }

    /// What the server says of the way out and the way in, in frames.
    pub(super) fn claimed_frames(&self) -> Option<f64> {
        let (playback, capture) = self.patch.latency_frames(&self.output, &self.input)?;
        Some(f64::from(playback) + f64::from(capture))
    }

    /// The ports at both ends, for people.
    pub(super) fn words(&self) -> String {
        let name =
            |ports: Vec<String>| if ports.is_empty() { "nothing".to_owned() } else { ports.join(" + ") };
        match self.ends() {
            Ok((to, from))
                if self.is_own_loop || (to == [self.input.as_str()] && from == [self.output.as_str()]) =>
            {
                format!("{} -> {}", self.output, self.input)
            }
            Ok((to, from)) => {
                format!("{} -> {}, {} -> {}", self.output, name(to), name(from), self.input)
            }
            Err(_) => format!("{}, {}", self.output, self.input),
        }
    }
}

fn silent() -> Error {
    Error::new(ErrorKind::Device, "the JACK server does not answer")
}

/// The port of that name which is not ours: by its whole name, else by a part of it.
fn foreign(name: &str, option: &str, client: &str, ports: Option<Vec<String>>) -> Result<String, Error> {
    let pattern = NamePattern::whole(name);
    let is_ours = |port: &String| port.strip_prefix(client).is_some_and(|rest| rest.starts_with(':'));
    let ports: Vec<String> = ports.ok_or_else(silent)?.into_iter().filter(|port| !is_ours(port)).collect();
    let whole = ports.iter().find(|port| pattern.matches(port));
    let found = whole.or_else(|| ports.iter().find(|port| pattern.matches_part(port)));
    found.cloned().ok_or_else(|| {
        let message =
            format!("JACK has no audio port for `{option} {name}`; there are: {}", ports.join(", "));
        Error::new(ErrorKind::Usage, message)
    })
}

fn connect(patch: &JackPatch, from: &str, to: &str) -> Result<(), Error> {
    if patch.connect(from, to) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Device, format!("JACK does not connect {from} to {to}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_by_its_whole_name_first_and_never_our_own() {
        let ports = ["antiphon-bench:in_1", "synth:in_12", "synth:in_1"].map(String::from).to_vec();
        let found = |name| foreign(name, "--out", "antiphon-bench", Some(ports.clone()));
        assert_eq!(found("synth:in_1").expect("it is there"), "synth:in_1");
        assert_eq!(found("in_1").expect("a part"), "synth:in_12");
        let refused = found("hdmi").expect_err("there is none").message;
        assert_eq!(refused, "JACK has no audio port for `--out hdmi`; there are: synth:in_12, synth:in_1");
        assert!(foreign("x", "--in", "antiphon-bench", None).is_err());
    }
}
