//! An engine in this process, whose rig is a click and an ear.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::probe::{Doors, Note, probes};
use crate::device::audio::{AudioRequest, DriverChoice, StreamInfo};
use crate::engine::live::{Job, Live};
use crate::engine::{Error, ErrorKind, Mending, NamedScore};
use crate::measure::Run;
use crate::midi::file::{Body, Score, ScoreEvent};
use crate::rig;
use crate::transport::TempoMap;
use crate::unit::Frame;

/// How the program is called at a JACK server.
const CLIENT: &str = "antiphon-bench";
/// Ticks of the score in a second.
const TICKS_PER_SECOND: u64 = 10_000;
const HELD_TICKS: u64 = 600;
/// A device whose callbacks do not come for so long is given up.
const PATIENCE_SECONDS: u64 = 5;

/// What the rig hears and plays.
pub(super) struct Plan {
    /// The pattern of the port that keys are sent to; `None` for a port of our own.
    /// Nothing is sent where keys are struck by somebody.
    pub(super) sends: Option<Option<String>>,
    /// The pattern of the port that keys come from; `None` for a port of our own.
    pub(super) hears: Option<String>,
    /// The channel of the audio input, from 1.
    pub(super) channel: u16,
    /// Whether JACK ports are connected by the engine.
    pub(super) connect: bool,
    /// From a key to the next that is sent, in seconds.
    pub(super) apart_seconds: f64,
    /// How many keys are sent.
    pub(super) strikes: u64,
    /// The devices.
    pub(super) output_device: Option<String>,
    pub(super) input_device: Option<String>,
}

impl Plan {
    fn rig(&self, latency_frames: Option<u32>) -> String {
        let mut text =
            format!("[engine]\nlimiter = false\nconnect = {}\nblack_box_minutes = 0\n", self.connect);
        if let Some(frames) = latency_frames {
            text.push_str(&format!("midi_latency_frames = {frames}\n"));
        }
        let port = |name: &str, way: &str, pattern: &Option<String>| match pattern {
            None => format!("[midi.{name}]\nvirtual = true\n"),
            // A name from outside: quoted as TOML has it.
            Some(pattern) => format!("[midi.{name}]\n{way} = {}\n", toml_edit::Value::from(pattern.as_str())),
        };
        if let Some(pattern) = &self.sends {
            text.push_str("[midi.player]\nvirtual = true\n");
            text.push_str(&port("midi_out", "out", pattern));
            text.push_str("[instrument.sent]\nkind = \"bench-sent\"\n");
            text.push_str(&cables(&[("player", "midi_out"), ("player", "sent"), ("sent", "out")]));
        }
        text.push_str(&port("midi_in", "in", &self.hears));
        text.push_str("[instrument.click]\nkind = \"bench-click\"\n[stage.ear]\nkind = \"bench-ear\"\n");
        text.push_str(&format!("[input.return]\nchannels = [{}]\n", self.channel));
        text.push_str(&cables(&[("midi_in", "click"), ("click", "out"), ("return", "ear"), ("ear", "out")]));
        text
    }

    /// The keys that are sent, each at another place of a period.
    fn score(&self) -> Result<Score, Error> {
        let tempo =
            TempoMap::beats(TICKS_PER_SECOND as u16, &[(0, 1_000_000)]).map_err(|error| fault(&error))?;
        let apart = (self.apart_seconds * TICKS_PER_SECOND as f64) as u64;
        let mut events = Vec::new();
        for number in 0..self.strikes {
            let tick = number * apart + number * 617 % 1_000;
            let key = 36 + (number % 48) as u8;
            let message = |status, tick| ScoreEvent {
                tick,
                body: Body::Message { bytes: [status, key, 100], length: 3 },
            };
            events.extend([message(0x9f, tick), message(0x8f, tick + HELD_TICKS)]);
        }
        let end_tick = events.last().map_or(0, |event| event.tick);
        Ok(Score { events, sysex: Vec::new(), tempo, end_tick, name: None })
    }
}

fn cables(ends: &[(&str, &str)]) -> String {
    ends.iter().map(|(from, to)| format!("[[cable]]\nfrom = \"{from}\"\nto = \"{to}\"\n")).collect()
}

fn fault(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Device, error.to_string())
}

/// The engine, and what came of it so far.
pub(super) struct Session {
    live: Live,
    doors: Doors,
    pub(super) info: StreamInfo,
    pub(super) sent: Vec<Note>,
    pub(super) struck: Vec<Note>,
    /// What was heard, from the engine's frame `began` on.
    pub(super) heard: Vec<f32>,
    pub(super) began: Frame,
    moved: (Frame, Instant),
}

impl Session {
    pub(super) fn start(run: &Run, plan: &Plan) -> Result<Session, Error> {
        let (probes, doors) = probes();
        let mut kinds = crate::engine::kinds();
        probes.into_iter().for_each(|probe| kinds.register(probe));
        let settings = &run.settings;
        let rig = rig::parse(&plan.rig(settings.midi_latency_frames), &kinds).map_err(|problems| {
            let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            fault(&format!("the measurement's own rig: {}", said.join("; ")))
        })?;
        let scores = match plan.sends {
            Some(_) => vec![NamedScore { port: Some("player".to_owned()), score: plan.score()? }],
            None => Vec::new(),
        };
        let request = AudioRequest {
            driver: settings.driver,
            device: plan.output_device.clone(),
            input_device: plan.input_device.clone(),
            rate: settings.rate,
            block_frames: settings.block_frames,
            client_name: CLIENT.to_owned(),
            ..AudioRequest::default()
        };
        let live = Live::start(Job {
            rig,
            scores,
            demo: None,
            scene: None,
            request,
            record: None,
            log: None,
            black_box: None,
            seconds: None,
            injections: Vec::new(),
            watch: None,
            mending: Mending::default(),
        })?;
        let info = live.info();
        let moved = (0, Instant::now());
        let (sent, struck, heard) = (Vec::new(), Vec::new(), Vec::new());
        let session = Session { live, doors, info, sent, struck, heard, began: 0, moved };
        if session.info.driver == DriverChoice::Null.name() {
            session.live.stop();
            return Err(fault(&"there is no audio device whose input could hear the engine's output"));
        }
        Ok(session)
    }

    /// Takes what came since the last call.
    ///
    /// # Errors
    /// Why nothing more will come.
    pub(super) fn attend(&mut self) -> Result<(), Error> {
        let messages = self.live.attend();
        self.sent.extend(std::iter::from_fn(|| self.doors.sent.receive()));
        self.struck.extend(std::iter::from_fn(|| self.doors.struck.receive()));
        let (before, waiting) = (self.heard.len(), self.doors.heard.waiting());
        self.heard.resize(before + waiting, 0.0);
        let read = self.doors.heard.read(&mut self.heard[before..]);
        self.heard.truncate(before + read);
        self.began = self.doors.began.load(Relaxed);
        if self.doors.lost.load(Relaxed) > 0 {
            return Err(fault(&"the machine was too busy to keep what it heard"));
        }
        if self.live.info().driver != self.info.driver {
            let why = messages.into_iter().find(|message| message.contains("without"));
            return Err(fault(&why.unwrap_or_else(|| "the audio device went away".to_owned())));
        }
        let (frame, now) = (self.frame(), Instant::now());
        if frame != self.moved.0 {
            self.moved = (frame, now);
        } else if (now - self.moved.1).as_secs() >= PATIENCE_SECONDS {
            return Err(fault(&format!("no callback has come for {PATIENCE_SECONDS} s")));
        }
        Ok(())
    }

    /// The engine's frame.
    pub(super) fn frame(&self) -> Frame {
        self.live.snapshot().frame
    }

    /// The fixed latency of MIDI that the engine adds.
    pub(super) fn midi_latency_frames(&self) -> u32 {
        self.live.midi_latency_frames()
    }

    /// By how many frames a message leaves after its own.
    pub(super) fn ahead_frames(&self) -> f64 {
        self.live.send_ahead().as_secs_f64() * f64::from(self.info.rate.hertz())
    }

    /// What was heard between two frames of the engine; `None` as long as not all was.
    pub(super) fn between(&self, from: Frame, to: Frame) -> Option<&[f32]> {
        let from = from.max(self.began).checked_sub(self.began)? as usize;
        let to = to.checked_sub(self.began)? as usize;
        self.heard.get(from..to)
    }

    /// The frame up to which all was heard.
    pub(super) fn end(&self) -> Frame {
        self.began.saturating_add(self.heard.len() as u64)
    }

    pub(super) fn stop(self) {
        self.live.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sends: Option<Option<String>>) -> Plan {
        Plan {
            sends,
            hears: Some("a \"quoted\" [name]".to_owned()),
            channel: 2,
            connect: false,
            apart_seconds: 0.3,
            strikes: 40,
            output_device: None,
            input_device: None,
        }
    }

    #[test]
    fn the_rig_is_a_rig_whatever_the_names_are() {
        for sends in [None, Some(None), Some(Some("\\ \" \n".to_owned()))] {
            let (probes, _doors) = probes();
            let mut kinds = crate::engine::kinds();
            probes.into_iter().for_each(|probe| kinds.register(probe));
            let text = plan(sends).rig(Some(64));
            let rig = rig::parse(&text, &kinds).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
            assert_eq!(rig.engine.midi_latency_frames, Some(64));
        }
    }

    #[test]
    fn keys_are_apart_and_at_many_places_of_a_period() {
        let score = plan(Some(None)).score().expect("a score");
        assert_eq!(score.events.len(), 80);
        let strikes: Vec<u64> = score.events.iter().step_by(2).map(|event| event.tick).collect();
        assert!(strikes.windows(2).all(|pair| pair[1] - pair[0] >= 2_000), "{strikes:?}");
        let places: std::collections::HashSet<u64> = strikes.iter().map(|tick| tick % 100).collect();
        assert!(places.len() > 20, "{places:?}");
    }
}
