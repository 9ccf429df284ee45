//! Faults at random, and the judge of what came of them.

mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::conductor::Conductor;
use super::error::Error;
use super::inject::{self, Inject, Injection};
use super::mending::Mending;
use super::scores::{NamedScore, named_scores, place_scores};
use crate::actor::{Backoff, Window, scatter};
use crate::midi::Message;
use crate::midi::file::{Score, Transcript};
use crate::render::{Injected, RendererSettings, Silence, Stems};
use crate::rig::{CableKind, Port, Rig};
use crate::rt::guard;
use crate::unit::SampleRate;

pub use trial::Trial;

/// Before the first fault, so that there is something to disturb.
const LEAD_IN_SECONDS: f64 = 0.5;
/// After the last fault and the last note: what fails then is back before the end.
const FAREWELL_SECONDS: f64 = 3.0;
/// Between two faults of one actor: it must be back to fail again.
const RECOVERY_SECONDS: f64 = 0.5;
/// What is compared sample by sample is at most so long.
const COMPARED_SECONDS: f64 = 60.0;
const CALL_FRAMES: usize = 4_096;
/// A stall is a multiple of these, up to eight of them.
const STALL_MILLIS: u32 = 5;

/// What is going to happen: the same for the same rig, figures and seed.
#[derive(Clone, PartialEq, Debug)]
pub struct Chaos {
    /// The faults, in order.
    pub injections: Vec<Injection>,
    /// The actors that they happen to: half of them, so that there are survivors.
    pub victims: BTreeSet<String>,
    seconds: f64,
    seed: u64,
}

/// What two renders, with the faults and without, have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// Actors that no cable leads to from a victim.
    pub survivors: usize,
    /// Whether they put out the same bits in both.
    pub identical: bool,
    /// Voices that sound at the end without faults …
    pub quiet_voices: u32,
    /// … and with them.
    pub voices: u32,
}

impl Chaos {
    /// Faults for a rig that plays for so long, `rate` a second as long as there
    /// are actors that are up.
    pub fn new(rig: &Rig, seconds: f64, rate: f64, seed: u64) -> Chaos {
        let mut dice = Dice { seed, drawn: 0 };
        let mut names: Vec<&str> = rig.actors.iter().map(|actor| actor.name.as_str()).collect();
        let spared = names.len() / 2;
        for _ in 0..spared {
            names.swap_remove(dice.below(names.len() as u64) as usize);
        }
        let mut up_at: BTreeMap<&str, f64> = names.iter().map(|name| (*name, 0.0)).collect();
        let mut injections = Vec::new();
        let mut now = LEAD_IN_SECONDS;
        while now < seconds - FAREWELL_SECONDS && !names.is_empty() {
            let up: Vec<&str> = names.iter().copied().filter(|name| up_at[name] <= now).collect();
            if let Some(victim) = dice.one_of(&up) {
                let is_isolated = rig.actors.iter().any(|actor| actor.name == *victim && actor.isolate);
                let what = dice.fault(is_isolated);
                injections.push(Injection { actor: (*victim).to_owned(), what, seconds: now });
                up_at.insert(victim, now + RECOVERY_SECONDS);
            }
            // Between half and one and a half times the mean.
            now += (0.5 + dice.below(1_000) as f64 / 1_000.0) / rate;
        }
        let victims = injections.iter().map(|injection| injection.actor.clone()).collect();
        Chaos { injections, victims, seconds, seed }
    }

    /// How many of the faults are processors' own, and how many kill keepers.
    pub fn counts(&self) -> (u64, u64) {
        let kills = self.injections.iter().filter(|injection| injection.what == Inject::Kill).count();
        ((self.injections.len() - kills) as u64, kills as u64)
    }

    /// How actors that are made to fail all the time are brought back: each after
    /// the first back-off, and never quarantined.
    pub fn mending() -> Mending {
        Mending {
            backoff: Backoff { factor: 1.0, jitter: 0.0, ..Backoff::default() },
            window: Window { restarts: u32::MAX, within: Duration::from_secs(1) },
            ..Mending::default()
        }
    }

    /// Notes for every MIDI input of the rig, all released before the end.
    pub fn music(&self, rig: &Rig, rate: SampleRate) -> Vec<NamedScore> {
        let mut dice = Dice { seed: self.seed ^ 0x006d_7573_6963, drawn: 0 };
        let mut notes = Vec::new();
        let mut now = 0.05;
        while now < self.seconds - FAREWELL_SECONDS {
            let (key, velocity) = (36 + dice.below(48) as u8, 50 + dice.below(60) as u8);
            let end = (now + 0.1 + dice.below(800) as f64 / 1_000.0).min(self.seconds - FAREWELL_SECONDS);
            notes.push((rate.frames(now), Message::NoteOn { channel: 0, key, velocity }));
            notes.push((rate.frames(end), Message::NoteOff { channel: 0, key, velocity: 64 }));
            now += 0.05 + dice.below(200) as f64 / 1_000.0;
        }
        notes.sort_by_key(|(frame, _)| *frame);
        let mut transcript = Transcript::new(rate);
        for (frame, message) in notes {
            let (bytes, length) = message.encode();
            transcript.push(frame, &bytes[..length]);
        }
        let has_input = rig.midi.iter().any(|port| port.is_source());
        let score = transcript.finish(rate.frames(self.seconds)).ok();
        let score = score.filter(|_| has_input).and_then(|bytes| Score::read(&bytes).ok());
        score.into_iter().map(|score| NamedScore { port: None, score }).collect()
    }

    /// Renders the rig with the faults and without, and compares those that no
    /// fault may reach.
    ///
    /// # Errors
    /// [`Error`] where the rig cannot be built.
    pub fn compare(&self, rig: &Rig, rate: SampleRate) -> Result<Comparison, Error> {
        let (quiet_prints, quiet_voices) = self.prints(rig, rate, &[])?;
        let (prints, voices) = self.prints(rig, rate, &self.injections)?;
        let reached = reached(rig, &self.victims);
        let survivors: Vec<&String> = prints.keys().filter(|name| !reached.contains(*name)).collect();
        Ok(Comparison {
            survivors: survivors.len(),
            identical: survivors.iter().all(|name| prints.get(*name) == quiet_prints.get(*name)),
            quiet_voices,
            voices,
        })
    }

    /// What each actor put out, as a number, and the voices that sound at the end.
    fn prints(
        &self,
        rig: &Rig,
        rate: SampleRate,
        injections: &[Injection],
    ) -> Result<(BTreeMap<String, u64>, u32), Error> {
        let (feeds, _) = named_scores(rig, &self.music(rig, rate), rate)?;
        let settings = RendererSettings { rate, midi_latency_frames: 0 };
        let (mut renderer, mut conductor) =
            Conductor::new(rig.clone(), settings, self.seed, |deployment, swap| {
                swap.sources.extend(place_scores(deployment, feeds));
            })?;
        conductor.set_mending(Chaos::mending());
        conductor.inject(inject::for_renderer(injections, conductor.deployment(), rate));
        let nodes = rig
            .actors
            .iter()
            .filter_map(|actor| Some((actor.name.clone(), conductor.deployment().node_of(&actor.name)?)));
        let nodes: Vec<(String, u16)> = nodes.collect();
        let mut prints = Prints(nodes.iter().map(|(_, node)| (*node, 0)).collect());
        let mut left = rate.frames(self.seconds.min(COMPARED_SECONDS)) as usize;
        while left > 0 {
            let call = left.min(CALL_FRAMES);
            {
                let _fence = guard::enter();
                let ports = &mut Silence { output_channels: 2 };
                left -= renderer.render_until_fault(call, ports, Some(&mut prints));
            }
            conductor.attend();
        }
        let voices = conductor.snapshot().voices;
        let of = |node: u16| prints.0.iter().find(|(n, _)| *n == node).map_or(0, |(_, print)| *print);
        Ok((nodes.into_iter().map(|(name, node)| (name, of(node))).collect(), voices))
    }
}

/// The victims, and all that hears them by whatever cables.
fn reached(rig: &Rig, victims: &BTreeSet<String>) -> BTreeSet<String> {
    let mut reached = victims.clone();
    loop {
        let before = reached.len();
        for cable in &rig.cables {
            if let (CableKind::Audio { .. }, Port::Actor(_)) = (&cable.kind, cable.to)
                && reached.contains(rig.port_name(cable.from))
            {
                reached.insert(rig.port_name(cable.to).to_owned());
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}

/// A number for all that each node put out so far: FNV-1a over the bits.
struct Prints(Vec<(u16, u64)>);

impl Stems for Prints {
    fn stem(&mut self, node: u16, _start: usize, left: &[f32], right: &[f32]) {
        let Some((_, print)) = self.0.iter_mut().find(|(n, _)| *n == node) else { return };
        for sample in left.iter().zip(right).flat_map(|(l, r)| [l, r]) {
            *print = (*print ^ u64::from(sample.to_bits())).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Draws that a seed decides.
struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        let number = scatter(self.seed, self.drawn);
        self.drawn += 1;
        number % bound.max(1)
    }

    fn one_of<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len() as u64) as usize)
    }

    /// Stalls and hangs only where they are nobody else's: in isolated stages.
    fn fault(&mut self, is_isolated: bool) -> Inject {
        match self.below(if is_isolated { 6 } else { 4 }) {
            0 => Inject::Processor(Injected::Panic),
            1 => Inject::Processor(Injected::NotFinite),
            2 => Inject::Processor(Injected::Loud),
            3 => Inject::Kill,
            4 => {
                let millis = STALL_MILLIS * (1 + self.below(8) as u32);
                Inject::Processor(Injected::Stall { millis })
            }
            _ => Inject::Processor(Injected::Hang),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rig() -> Rig {
        let text = crate::engine::BUILT_IN_RIG;
        crate::rig::parse(text, &crate::engine::kinds()).expect("it is a good rig")
    }

    #[test]
    fn the_same_seed_is_the_same_chaos() {
        let rig = rig();
        let chaos = Chaos::new(&rig, 30.0, 10.0, 7);
        assert_eq!(chaos, Chaos::new(&rig, 30.0, 10.0, 7));
        assert_ne!(chaos, Chaos::new(&rig, 30.0, 10.0, 8));
        assert!(chaos.injections.iter().all(|i| (0.5..27.0).contains(&i.seconds)));
        assert!(!chaos.injections.is_empty() && chaos.victims.len() <= rig.actors.len().div_ceil(2));
        let (faults, kills) = chaos.counts();
        assert_eq!((faults + kills) as usize, chaos.injections.len());
        for pair in chaos.injections.windows(2).filter(|pair| pair[0].actor == pair[1].actor) {
            assert!(pair[1].seconds - pair[0].seconds >= RECOVERY_SECONDS, "{pair:?}");
        }
    }

    #[test]
    fn what_a_victim_is_cabled_to_is_no_survivor() {
        let of = |name: &str| reached(&rig(), &BTreeSet::from([name.to_owned()]));
        assert_eq!(of("sounds"), ["room", "sounds"].map(str::to_owned).into());
        assert_eq!(of("room"), ["room"].map(str::to_owned).into());
    }

    #[test]
    fn survivors_are_compared_and_notes_end() {
        let rig = rig();
        let chaos = Chaos { victims: ["room".to_owned()].into(), ..Chaos::new(&rig, 6.0, 0.001, 3) };
        let injections = ["room:panic@1", "room:nan@1.6", "room:loud@2.2"].map(|i| i.parse().expect("good"));
        let chaos = Chaos { injections: injections.into(), ..chaos };
        let all = chaos.compare(&rig, SampleRate::DEFAULT).expect("it renders");
        assert_eq!((all.survivors, all.identical), (1, true));
        assert_eq!(all.voices, all.quiet_voices);
        let wrong = Chaos { victims: BTreeSet::new(), ..chaos };
        let all = wrong.compare(&rig, SampleRate::DEFAULT).expect("it renders");
        assert_eq!((all.survivors, all.identical), (2, false), "a judge that sees nothing judges nothing");
    }
}
