use std::collections::BTreeMap;
use std::path::Path;

use super::damaged;
use crate::engine::error::ErrorKind;
use crate::engine::offline::gather::MidiGather;
use crate::engine::{Error, Workshop, sounds};
use crate::journal::log::{AccountEntry, LogError, Parcel, TempoEntry};
use crate::render::{Feed, Node, Origin, Remains, Resident, Score, Swap, isolate_scripted, outlet};
use crate::rig::{Blueprint, Change, Deployment};
use crate::stage::Kinds;
use crate::transport::{Beats, Course, Tempo, TempoChange};
use crate::unit::SampleRate;

/// Parcels that may be told of and not be exchanged yet: more than live can be.
const WAITING: usize = 16_384;
/// Rigs of which it is known how their actors are built.
const RIGS: usize = 64;

/// Makes the parcels of a log again, by what it says of each.
pub(super) struct Parcels {
    kinds: Kinds,
    rate: SampleRate,
    seed: u64,
    pub(super) midi: MidiGather,
    /// What generators played.
    pub(super) played: MidiGather,
    workshop: Workshop,
    waiting: BTreeMap<u64, Parcel>,
    deployment: Option<Deployment>,
    /// How the actors of each rig are built, by its number.
    blueprints: BTreeMap<u32, BTreeMap<u16, Blueprint>>,
    /// Who stands at which node, and whether cables may bring it MIDI.
    nodes: BTreeMap<u16, bool>,
    names: BTreeMap<u16, String>,
    revived: u64,
}

impl Parcels {
    pub(super) fn new(
        kinds: Kinds,
        rate: SampleRate,
        seed: u64,
        [midi, played]: [MidiGather; 2],
        workshop: Workshop,
    ) -> Parcels {
        Parcels {
            kinds,
            rate,
            seed,
            midi,
            played,
            workshop: workshop.for_log(),
            waiting: BTreeMap::new(),
            deployment: None,
            blueprints: BTreeMap::new(),
            nodes: BTreeMap::new(),
            names: BTreeMap::new(),
            revived: 0,
        }
    }

    /// A parcel is on its way.
    pub(super) fn note(&mut self, parcel: Parcel) -> Result<(), Error> {
        if self.waiting.len() == WAITING {
            return Err(damaged("too many parcels are on their way").into());
        }
        self.waiting.insert(parcel.serial, parcel);
        Ok(())
    }

    /// Makes the parcel that is exchanged now; `mark` is the newest fault of an actor.
    pub(super) fn make(&mut self, serial: u64, mark: impl Fn(&str) -> u64) -> Result<Swap, Error> {
        let parcel = self.waiting.remove(&serial);
        let parcel = parcel.ok_or_else(|| damaged(format!("nothing is said of parcel {serial}")))?;
        let mut swap = match &parcel.account {
            Some(AccountEntry::Rig { text, tempo, folder, clips }) => {
                self.rig(text, tempo.as_ref(), folder.as_deref(), clips)?
            }
            Some(AccountEntry::Settle) => {
                let next = self.deployment.as_mut().and_then(Deployment::settle);
                next.ok_or_else(|| damaged("a rig goes on that is there already"))?
            }
            Some(AccountEntry::Revival { rigs, values }) => self.revive(&parcel.revived, *rigs, values)?,
            None => Swap::default(),
        };
        for (node, place) in &mut swap.nodes {
            self.seat(*node, place.as_deref_mut(), parcel.isolated.contains(node));
        }
        swap.sources.extend(parcel.sources.iter().map(|(place, port)| (*place, port.map(silent))));
        for (place, is_there) in parcel.sinks {
            swap.sinks.push((place, is_there.then(|| self.sink(place))));
        }
        swap.remains.extend(parcel.remains.iter().map(|&node| {
            let mark = mark(self.name_of(node).unwrap_or_default());
            Remains { node, mark, ..Remains::default() }
        }));
        for (node, fresh) in &mut swap.revived {
            if parcel.isolated.contains(node) {
                let takes_midi = self.nodes.get(node).copied().unwrap_or_default();
                *fresh = match fresh.take() {
                    Some(Resident::Inline(player)) => {
                        Some(Resident::Isolated(isolate_scripted(player.into_processor(), takes_midi)))
                    }
                    other => other,
                };
            }
        }
        Ok(swap)
    }

    fn rig(
        &mut self,
        text: &str,
        tempo: Option<&TempoEntry>,
        folder: Option<&Path>,
        clips: &[(String, u64)],
    ) -> Result<Swap, Error> {
        let mut rig = crate::rig::parse(text, &self.kinds).map_err(|problems| {
            let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
            Error::new(ErrorKind::Input, format!("a rig in the log does not parse: {first}"))
        })?;
        if let Some(TempoEntry { tempo, changes }) = tempo {
            let tempo_of = |bits: &u64| Tempo::new(f64::from_bits(*bits)).map_err(|e| damaged(e.to_string()));
            let change =
                |(beat, bits): &(u64, u64)| Ok(TempoChange { beat: Beats(*beat), tempo: tempo_of(bits)? });
            let changes = changes.iter().map(change).collect::<Result<Vec<_>, LogError>>()?;
            rig.transport.fix(tempo_of(tempo)?, Course::new(changes));
        }
        rig.folder = folder.map(Path::to_owned);
        sounds::load_all(&mut rig, self.rate, &self.workshop)?;
        for actor in &rig.actors {
            let was = clips.iter().find(|(name, _)| *name == actor.name).map(|(_, digest)| *digest);
            if was.is_some() && was != actor.clip.as_ref().and_then(|clip| clip.loaded) {
                let message = format!(
                    "the sound of the clip `{}` is not what it was when the log was written",
                    actor.name
                );
                return Err(Error::new(ErrorKind::Input, message));
            }
        }
        let mut swap = match &mut self.deployment {
            Some(deployment) => {
                // Its commands are in the log.
                let Change { swap, .. } = deployment.change(rig)?;
                swap
            }
            None => {
                let (deployment, swap) = Deployment::first(rig, self.rate, self.seed)?;
                self.deployment = Some(deployment);
                swap
            }
        };
        if let Some(deployment) = &self.deployment {
            // What they played stands in the log, event by event.
            swap.performers.clear();
            for (number, generator, _) in deployment.generators() {
                let (tap, outlet) = outlet();
                self.played.add(&generator.name, outlet);
                swap.taps.push((number, Some(Box::new(tap))));
            }
            self.blueprints.insert(deployment.rigs(), deployment.blueprints().collect());
            if self.blueprints.len() > RIGS {
                self.blueprints.pop_first();
            }
        }
        Ok(swap)
    }

    fn revive(&mut self, nodes: &[u16], rigs: u32, values: &[(u16, u32)]) -> Result<Swap, Error> {
        let mut swap = Swap::default();
        for node in nodes {
            // A keeper may know of a rig before the Renderer does; what is new in it is
            // among the values then.
            let known = self.blueprints.range(..=rigs).next_back();
            let blueprint = known.and_then(|(_, rig)| rig.get(node));
            let blueprint =
                blueprint.ok_or_else(|| damaged(format!("nobody knows how to build node {node}")))?;
            let values = values.iter().map(|(index, bits)| (*index, f32::from_bits(*bits)));
            swap.revived.push((*node, Some(blueprint.build(values)?.into())));
            self.revived += 1;
        }
        Ok(swap)
    }

    /// Who stands there from now on.
    fn seat(&mut self, node: u16, place: Option<&mut Node>, is_isolated: bool) {
        let Some(place) = place else {
            self.nodes.remove(&node);
            self.names.remove(&node);
            return;
        };
        let takes_midi = place.takes_midi();
        if !place.label().name.is_empty() {
            self.names.insert(node, place.label().name.to_string());
        }
        self.nodes.insert(node, takes_midi);
        if is_isolated {
            place.resettle(|processor| Resident::Isolated(isolate_scripted(processor, takes_midi)));
        }
    }

    fn sink(&mut self, place: u16) -> Box<crate::render::Sink> {
        let (sink, outlet) = outlet();
        let ports = self.deployment.iter().flat_map(|deployment| {
            deployment
                .rig()
                .midi
                .iter()
                .filter_map(|port| Some((deployment.port_of(&port.name)?, &port.name)))
        });
        match ports.into_iter().find(|(at, _)| *at == place) {
            Some((_, name)) => self.midi.add(name, outlet),
            None => self.midi.add(&format!("port-{place}"), outlet),
        }
        Box::new(sink)
    }

    /// The actor at a node.
    pub(super) fn name_of(&self, node: u16) -> Option<&str> {
        self.names.get(&node).map(String::as_str)
    }

    /// All actors, by their nodes.
    pub(super) fn names(&self) -> &BTreeMap<u16, String> {
        &self.names
    }

    pub(super) fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// Fresh processors so far.
    pub(super) fn revived(&self) -> u64 {
        self.revived
    }
}

/// A source that says nothing by itself.
fn silent(port: u16) -> Box<Feed> {
    Box::new(Feed { port, origin: Origin::Score(Score::new(Box::default(), Box::default())) })
}
