use std::collections::BTreeMap;
use std::sync::Arc;

use super::blueprint::{Blueprint, seed_of};
use super::graph::{Edge, Graph, lower, union};
use super::model::generator::Generator;
use super::model::{Actor, CableKind, Device, MidiPort, Port, Rig};
use super::parse::close_loops;
use super::performer::performer;
use super::scenes::{self, Places, SceneIds};
use crate::midi::Event;
use crate::render::{
    Account, CableCount, Command, Destination, DeviceInput, FIRST_GENERATOR, Label, MidiCable, NODES, Node,
    OutputBus, PerformerCount, Plan, STATES, Sounds, Swap, TimePlan,
};
use crate::route::{CableState, ContinuationCount, Transform};
use crate::stage::{PrepareError, Role, Value};
use crate::unit::SampleRate;

/// Why a rig that was parsed cannot be played.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeployError {
    /// An actor that its kind could not build.
    #[error("`{actor}` cannot be built: {reason}")]
    Actor {
        /// Its name in the rig.
        actor: String,
        /// Why.
        reason: PrepareError,
    },
    /// A loop whose delay is long enough at the rig's rate, but not at this one.
    #[error("at {rate} {message}; {hint}")]
    Loop {
        /// The rate that the device gave.
        rate: SampleRate,
        /// What is wrong with the loop.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// A rig that is played: which of its actors stands at which place of the
/// Renderer, and how to get from it to a changed rig.
pub struct Deployment {
    rig: Rig,
    rate: SampleRate,
    seed: u64,
    /// Rigs so far, this one among them.
    rigs: u32,
    nodes: BTreeMap<String, u16>,
    buses: BTreeMap<String, u16>,
    ports: BTreeMap<String, u16>,
    generators: BTreeMap<String, Placed>,
    /// The audio edges of the plan that plays, in its order.
    playing: Vec<Edge>,
    graph: Graph,
    cables: Vec<Cable>,
    next_cable: u32,
    scenes: SceneIds,
    /// For each control of the rig, which one of the plan that plays it is.
    continued: Vec<Option<u16>>,
    /// Where the plan that plays has the parameters of scenes and controls.
    parameters: Places,
    /// Places to empty, and the graph to play, once fades have ended.
    leaving: Vec<u16>,
    leaving_buses: Vec<u16>,
    pending: Option<Graph>,
}

/// A generator's number in the Renderer, and what is counted there.
#[derive(Clone)]
struct Placed {
    number: u16,
    count: Arc<PerformerCount>,
    answers: Option<Arc<ContinuationCount>>,
}

#[derive(Clone)]
struct Cable {
    from: String,
    to: String,
    port: u16,
    midi: MidiCable,
}

/// The first step from one rig to the next.
pub struct Change {
    /// To be lent to the Renderer.
    pub swap: Swap,
    /// To be sent before it.
    pub commands: Vec<Command>,
}

impl Deployment {
    /// Puts a whole rig into an empty Renderer.
    ///
    /// # Errors
    /// [`DeployError`] where a kind refuses its settings.
    pub fn first(rig: Rig, rate: SampleRate, seed: u64) -> Result<(Deployment, Swap), DeployError> {
        let empty = Rig { engine: rig.engine.clone(), ..Rig::default() };
        let mut deployment = Deployment {
            rig: empty,
            rate,
            seed,
            rigs: 0,
            nodes: BTreeMap::new(),
            buses: BTreeMap::new(),
            ports: BTreeMap::new(),
            generators: BTreeMap::new(),
            playing: Vec::new(),
            graph: Graph::default(),
            cables: Vec::new(),
            next_cable: 0,
            scenes: SceneIds::default(),
            continued: Vec::new(),
            parameters: Places::new(),
            leaving: Vec::new(),
            leaving_buses: Vec::new(),
            pending: None,
        };
        let change = deployment.change(rig)?;
        let mut swap = change.swap;
        if let Some(plan) = &mut swap.plan {
            for edge in &mut plan.edges {
                edge.gain = crate::stage::Ramp::at(edge.target);
            }
        }
        Ok((deployment, swap))
    }

    /// The rig that is played, or on its way.
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// The name of the actor at a node.
    pub fn name_of(&self, node: u16) -> Option<&str> {
        self.nodes.iter().find(|(_, at)| **at == node).map(|(name, _)| name.as_str())
    }

    /// How many rigs were deployed, this one among them.
    pub fn rigs(&self) -> u32 {
        self.rigs
    }

    /// The node of an actor or input.
    pub fn node_of(&self, name: &str) -> Option<u16> {
        self.nodes.get(name).copied()
    }

    /// The number of a MIDI port of the rig: its place among sources and sinks. Of a generator: its
    /// place among sources.
    pub fn port_of(&self, name: &str) -> Option<u16> {
        let generator = || self.generators.get(name).map(|placed| FIRST_GENERATOR + placed.number);
        self.ports.get(name).copied().or_else(generator)
    }

    /// The generators of the rig: their numbers in the Renderer, and what is counted of them.
    pub fn generators(&self) -> impl Iterator<Item = (u16, &Generator, &Arc<PerformerCount>)> {
        self.rig.generators.iter().filter_map(|generator| {
            let placed = self.generators.get(&generator.name)?;
            Some((placed.number, generator, &placed.count))
        })
    }

    /// What is counted of a generator that listens and answers.
    pub fn answers_of(&self, name: &str) -> Option<&Arc<ContinuationCount>> {
        self.generators.get(name)?.answers.as_ref()
    }

    /// What a generator's material is seeded with.
    pub fn seed_of(&self, generator: &Generator) -> u64 {
        seed_of(&generator.name, self.seed ^ generator.seed.rotate_left(32))
    }

    /// The MIDI cables, and what each lost: (from, to, counts).
    pub fn cables(&self) -> impl Iterator<Item = (&str, &str, &Arc<CableCount>)> {
        self.cables.iter().map(|c| (c.from.as_str(), c.to.as_str(), &c.midi.count))
    }

    /// How each instrument and stage is built, by its node.
    pub fn blueprints(&self) -> impl Iterator<Item = (u16, Blueprint)> {
        let actors = self.rig.actors.iter().enumerate();
        actors
            .filter_map(|(index, actor)| Some((self.node_of(&actor.name)?, self.blueprint(&self.rig, index))))
    }

    fn blueprint(&self, rig: &Rig, index: usize) -> Blueprint {
        let values = scenes::values_of(rig, Port::Actor(index));
        Blueprint::new(rig.actors[index].clone(), self.rate, self.seed, values, self.rigs)
    }

    /// The id of a scene, the same as long as the rig has one of this name.
    pub fn scene_id(&self, name: &str) -> Option<u32> {
        self.scenes.of(name)
    }

    /// The name of a scene.
    pub fn scene_name(&self, id: u32) -> Option<&str> {
        self.scenes.name(id)
    }

    /// Whether a change is still fading: the next must wait for
    /// [`settle`](Self::settle).
    pub fn is_settled(&self) -> bool {
        self.leaving.is_empty()
            && self.leaving_buses.is_empty()
            && self.pending.is_none()
            && self.graph.is_exact()
    }

    /// Goes on to a changed rig: untouched actors keep their places and their
    /// state, changed values go as commands, cables fade in and out.
    ///
    /// # Errors
    /// [`DeployError`] where a kind refuses its settings, or a loop is too short at
    /// this rate; the old rig plays on.
    pub fn change(&mut self, mut new: Rig) -> Result<Change, DeployError> {
        close_loops(&mut new, self.rate).map_err(|problems| {
            let problem = problems.into_iter().next();
            let (message, hint) = problem.map_or_else(Default::default, |p| (p.message, p.hint));
            DeployError::Loop { rate: self.rate, message, hint: hint.unwrap_or_default() }
        })?;
        let mut ids = self.scenes.clone();
        ids.take(&new);
        let (named_before, named) = (scenes::named(&self.rig), scenes::named(&new));
        let gain_at = |port| scenes::gain_of(&new, port);
        let mut commands = Vec::new();
        let transport = &new.transport;
        let tempo = transport.is_fixed.then(|| (transport.tempo, transport.course.clone()));
        let clips =
            new.actors.iter().filter_map(|actor| Some((actor.name.clone(), actor.clip.as_ref()?.loaded?)));
        let sounds = Sounds { folder: new.folder.clone(), clips: clips.collect() };
        let account = Account::Rig { text: new.origin.source.text(), tempo, sounds };
        let mut swap = Swap { account: Some(Box::new(account)), ..Swap::default() };
        let mut nodes = BTreeMap::new();
        for (index, actor) in new.actors.iter().enumerate() {
            let place = self.rig.actors.iter().position(|a| a.name == actor.name);
            let kept = place.and_then(|place| {
                let was_named = |index| named_before.contains(&(Port::Actor(place), index));
                let is_named = |parameter| named.contains(&(Port::Actor(index), parameter));
                let old = &self.rig.actors[place];
                Some((self.node_of(&old.name)?, changes(old, actor, was_named, is_named)?))
            });
            match kept {
                Some((node, values)) => {
                    commands.extend(values.into_iter().map(|(index, value)| Command::Parameter {
                        node,
                        index,
                        value,
                    }));
                    nodes.insert(actor.name.clone(), node);
                }
                None => {
                    let node = self.free_node(&nodes, &swap);
                    let takes_midi = actor.role() != Role::Stage;
                    let processor = self.blueprint(&new, index).build(std::iter::empty())?;
                    let gain = gain_at(Port::Actor(index));
                    let fresh = Node::processor(processor, takes_midi, gain, self.rate);
                    let label = Label { name: actor.name.as_str().into(), isolate: actor.isolate };
                    swap.nodes.push((node, Some(Box::new(fresh.labelled(label)))));
                    nodes.insert(actor.name.clone(), node);
                }
            }
        }
        for (index, input) in new.inputs.iter().enumerate() {
            let is_same = |i: &Device| i.name == input.name && i.channels == input.channels;
            let old = self.rig.inputs.iter().position(is_same);
            match old.and_then(|at| Some((self.node_of(&self.rig.inputs[at].name)?, at))) {
                Some((node, at)) => {
                    let was_named = named_before.contains(&(Port::Input(at), Event::GAIN));
                    let is_named = named.contains(&(Port::Input(index), Event::GAIN));
                    if !is_named && (was_named || self.rig.inputs[at].gain != input.gain) {
                        commands.push(Command::Parameter { node, index: Event::GAIN, value: input.gain.0 });
                    }
                    nodes.insert(input.name.clone(), node);
                }
                None => {
                    let node = self.free_node(&nodes, &swap);
                    let channels = DeviceInput { channels: pair(input) };
                    swap.nodes.push((
                        node,
                        Some(Box::new(Node::input(channels, gain_at(Port::Input(index)), self.rate))),
                    ));
                    nodes.insert(input.name.clone(), node);
                }
            }
        }
        let buses = self.place_buses(&new, &mut swap);
        let mut ports = place(new.midi.iter().map(|m| m.name.as_str()), &self.ports);
        let generators = self.place_generators(&new, &mut swap);
        ports.extend(generators.iter().map(|(name, at)| (name.clone(), FIRST_GENERATOR + at.number)));

        let graph = Graph::of(&new, &nodes, &buses);
        self.leaving =
            self.nodes.values().copied().filter(|n| !nodes.values().any(|kept| kept == n)).collect();
        self.leaving_buses =
            self.buses.values().copied().filter(|b| !buses.values().any(|kept| kept == b)).collect();
        self.cables = self.midi_cables(&new, &nodes, &ports, &mut swap);
        self.nodes = nodes;
        self.buses = buses;
        ports.retain(|name, _| !generators.contains_key(name));
        self.ports = ports;
        self.generators = generators;
        self.scenes = ids;
        self.continued = scenes::continued(&self.rig, &new);
        self.rig = new;
        self.rigs += 1;

        match lower(&union(&graph, &self.graph), &self.playing) {
            Some(audio) => self.play(audio.graph, &mut swap, audio.plan),
            None => {
                // The old cables and the new would make a loop together: fade the
                // old ones out first, in their own order.
                let fading = self.graph.without(&graph);
                if let Some(audio) = lower(&fading, &self.playing) {
                    self.play(audio.graph, &mut swap, audio.plan);
                }
                self.pending = Some(graph);
            }
        }
        Ok(Change { swap, commands })
    }

    /// To be called when the last swap is done and its fades are over: what is
    /// to be lent next, `None` when the new rig stands alone.
    pub fn settle(&mut self) -> Option<Swap> {
        let settling = || Swap { account: Some(Box::new(Account::Settle)), ..Swap::default() };
        if let Some(graph) = self.pending.take() {
            let mut swap = settling();
            if let Some(audio) =
                lower(&union(&graph, &self.graph), &self.playing).or_else(|| lower(&graph, &self.playing))
            {
                self.play(audio.graph, &mut swap, audio.plan);
            }
            return Some(swap);
        }
        if self.is_settled() {
            return None;
        }
        let mut swap = settling();
        let graph = Graph::of(&self.rig, &self.nodes, &self.buses);
        if let Some(audio) = lower(&graph, &self.playing) {
            self.play(audio.graph, &mut swap, audio.plan);
        }
        swap.nodes = std::mem::take(&mut self.leaving).into_iter().map(|n| (n, None)).collect();
        swap.buses = std::mem::take(&mut self.leaving_buses).into_iter().map(|b| (b, None)).collect();
        Some(swap)
    }

    fn play(&mut self, graph: Graph, swap: &mut Swap, mut plan: Plan) {
        let generators = self.generators.values().map(|placed| FIRST_GENERATOR + placed.number);
        let ports = self.ports.values().copied().chain(generators);
        let ports = ports.map(|port| usize::from(port) + 1).max().unwrap_or(0);
        plan.ports = vec![Vec::new(); ports];
        for (index, cable) in self.cables.iter().enumerate() {
            plan.ports[usize::from(cable.port)].push(index as u16);
            plan.cables.push(cable.midi.clone());
            if cable.midi.state.is_some() {
                plan.moving.push(index as u16);
            }
        }
        for (index, cable) in self.cables.iter_mut().enumerate() {
            cable.midi.continues = Some(index as u16);
        }
        let node_of = |port| match port {
            Port::Actor(_) | Port::Input(_) => self.node_of(self.rig.port_name(port)),
            Port::Midi(_) | Port::Output(_) | Port::Generator(_) => None,
        };
        let port_of = |midi: usize| self.port_of(&self.rig.midi[midi].name);
        plan.scenes =
            scenes::table(&self.rig, &self.scenes, node_of, port_of, &self.continued, &self.parameters);
        self.parameters = scenes::places(&plan.scenes);
        // The plan after this one has the same.
        self.continued = scenes::continued(&self.rig, &self.rig);
        let highest = self.rig.outputs.iter().flat_map(|o| &o.channels).max();
        plan.time = self.time_plan();
        plan.channels = highest.map_or(2, |c| usize::from(*c) + 1).max(2);
        self.playing = graph.edges_in_order(&plan);
        self.graph = graph;
        swap.plan = Some(Box::new(plan));
    }

    /// What the rig says of musical time, by places.
    fn time_plan(&self) -> TimePlan {
        let settings = &self.rig.transport;
        let port = |port: &MidiPort| self.port_of(&port.name);
        TimePlan {
            tempo: settings.tempo,
            beats_per_bar: settings.beats_per_bar,
            course: settings.course.clone(),
            count_in_bars: settings.count_in_bars,
            starts: settings.starts,
            takes_only: settings.takes_only,
            follow: settings.follow.and_then(|index| self.rig.midi.get(index)).and_then(port),
            clocked: self.rig.midi.iter().filter(|midi| midi.clock).filter_map(port).collect(),
            jack: settings.jack,
        }
    }

    fn midi_cables(
        &mut self,
        new: &Rig,
        nodes: &BTreeMap<String, u16>,
        ports: &BTreeMap<String, u16>,
        swap: &mut Swap,
    ) -> Vec<Cable> {
        let mut old = std::mem::take(&mut self.cables);
        let taken: Vec<u16> = old.iter().filter_map(|cable| cable.midi.state).collect();
        let mut cables: Vec<Cable> = Vec::new();
        for cable in &new.cables {
            let CableKind::Midi(transform) = &cable.kind else { continue };
            let (from, to) = (new.port_name(cable.from), new.port_name(cable.to));
            let Some(port) = ports.get(from).copied() else { continue };
            let destination = match cable.to {
                Port::Midi(_) => ports.get(to).map(|port| Destination::Sink(*port)),
                Port::Generator(_) => {
                    ports.get(to).map(|port| Destination::Generator(*port - FIRST_GENERATOR))
                }
                _ => nodes.get(to).map(|node| Destination::Node(*node)),
            };
            let Some(destination) = destination else { continue };
            let same = |c: &Cable| c.from == from && c.to == to;
            let continued =
                |c: &Cable| same(c) && c.midi.to == destination && c.midi.transform.controls_like(transform);
            let at = old.iter().position(continued).or_else(|| old.iter().position(same));
            let before = at.map(|at| old.remove(at));
            let mut cable = self.midi_cable(from, to, port, destination, transform.clone(), before);
            let places = cables.iter().filter_map(|cable| cable.midi.state).chain(taken.iter().copied());
            self.place_state(&mut cable, places.collect(), swap);
            cables.push(cable);
        }
        let kept = |place: &u16| cables.iter().any(|cable| cable.midi.state == Some(*place));
        swap.states.extend(taken.into_iter().filter(|place| !kept(place)).map(|place| (place, None)));
        cables
    }

    fn midi_cable(
        &mut self,
        from: &str,
        to: &str,
        port: u16,
        destination: Destination,
        transform: Transform,
        before: Option<Cable>,
    ) -> Cable {
        let continues = before
            .as_ref()
            .filter(|c| c.midi.to == destination && c.midi.transform.controls_like(&transform))
            .and_then(|c| c.midi.continues);
        // What it remembers of the music serves on, if it is to do the same sort of things.
        let state = before.as_ref().and_then(|cable| {
            let (old, new) = (cable.midi.transform.motion.as_ref()?, transform.motion.as_ref()?);
            cable.midi.state.filter(|_| CableState::serves(old, new))
        });
        let (id, count) = match before {
            Some(cable) => (cable.midi.id, cable.midi.count),
            None => {
                self.next_cable += 1;
                (self.next_cable, Arc::new(CableCount::default()))
            }
        };
        let midi = MidiCable { id, to: destination, transform, state, continues, count };
        Cable { from: from.to_owned(), to: to.to_owned(), port, midi }
    }

    /// Gives a cable that moves in time something to remember in, if it has none.
    fn place_state(&self, cable: &mut Cable, taken: Vec<u16>, swap: &mut Swap) {
        let Some(motion) = cable.midi.transform.motion.as_ref().filter(|_| cable.midi.state.is_none()) else {
            return;
        };
        let place = (0..STATES as u16).find(|place| !taken.contains(place));
        let seed = seed_of(&format!("{} {}", cable.from, cable.to), self.seed ^ u64::from(cable.midi.id));
        if let Some(place) = place {
            swap.states.push((place, Some(Box::new(CableState::new(motion, self.rate, seed)))));
        }
        cable.midi.state = place;
    }

    /// Untouched generators keep their places and what they have ready.
    fn place_generators(&self, new: &Rig, swap: &mut Swap) -> BTreeMap<String, Placed> {
        let mut placed: BTreeMap<String, Placed> = BTreeMap::new();
        for generator in &new.generators {
            let old = self.generators.get(&generator.name);
            let is_same = self.rig.generators.iter().any(|before| before == generator);
            if let Some(old) = old.filter(|_| is_same) {
                placed.insert(generator.name.clone(), old.clone());
                continue;
            }
            let taken = |n: &u16| self.generators.values().chain(placed.values()).any(|at| at.number == *n);
            let number = old.map_or_else(|| (0..).find(|n| !taken(n)).unwrap_or(u16::MAX), |old| old.number);
            let seat = performer(generator, self.rate, self.seed_of(generator));
            let (count, answers) = (Arc::clone(&seat.count), seat.answers.clone());
            swap.performers.push((number, Some(Box::new(seat))));
            placed.insert(generator.name.clone(), Placed { number, count, answers });
        }
        for (name, old) in &self.generators {
            if !placed.contains_key(name) {
                swap.performers.push((old.number, None));
            }
        }
        placed
    }

    fn place_buses(&self, new: &Rig, swap: &mut Swap) -> BTreeMap<String, u16> {
        let old_engine = &self.rig.engine;
        let kept: BTreeMap<String, u16> = self
            .buses
            .iter()
            .filter(|(name, _)| {
                let find = |rig: &Rig| rig.outputs.iter().find(|o| o.name == **name).cloned();
                find(&self.rig) == find(new) && old_engine.limiter == new.engine.limiter
            })
            .map(|(name, at)| (name.clone(), *at))
            .collect();
        let mut buses = BTreeMap::new();
        for output in &new.outputs {
            let taken = |n: &u16| self.buses.values().any(|b| b == n) || buses.values().any(|b| b == n);
            let bus = kept.get(&output.name).copied().unwrap_or_else(|| {
                let bus = (0..).find(|n| !taken(n)).unwrap_or(u16::MAX);
                let fresh = OutputBus::new(pair(output), output.gain, new.engine.limiter, self.rate);
                swap.buses.push((bus, Some(Box::new(fresh))));
                bus
            });
            buses.insert(output.name.clone(), bus);
        }
        buses
    }

    fn free_node(&self, taken: &BTreeMap<String, u16>, swap: &Swap) -> u16 {
        (0..NODES as u16)
            .find(|n| {
                !self.nodes.values().any(|t| t == n)
                    && !taken.values().any(|t| t == n)
                    && !self.leaving.contains(n)
                    && !swap.nodes.iter().any(|(t, _)| t == n)
            })
            .unwrap_or(u16::MAX)
    }
}

/// The parameter changes that make one actor the other, or `None` where it has
/// to be built anew. What scenes name is left to the Renderer, which knows in which
/// it is; what they named and do no more goes back to the rig's own value.
fn changes(
    old: &Actor,
    new: &Actor,
    was_named: impl Fn(u16) -> bool,
    is_named: impl Fn(u16) -> bool,
) -> Option<Vec<(u16, f32)>> {
    if old.kind.name() != new.kind.name() || old.isolate != new.isolate || old.clip != new.clip {
        return None;
    }
    let mut values = Vec::new();
    for (index, parameter) in new.kind.parameters().iter().enumerate() {
        let before = old.settings.given(index).or(parameter.default);
        let after = new.settings.given(index).or(parameter.default);
        let number = index as u16;
        if is_named(number) && (after.is_some() || before.is_none()) {
            continue;
        }
        if was_named(number) && !is_named(number) {
            values.push((number, after.map_or(f32::NAN, Value::as_f32)));
        } else if before != after {
            let value = after.filter(|_| parameter.live && before.is_some())?;
            values.push((number, value.as_f32()));
        }
    }
    let is_gain_free = !is_named(Event::GAIN);
    if is_gain_free && (old.gain != new.gain || was_named(Event::GAIN)) {
        values.push((Event::GAIN, new.gain.0));
    }
    Some(values)
}

fn pair(device: &Device) -> [u16; 2] {
    let first = device.channels.first().copied().unwrap_or(0);
    [first, device.channels.get(1).copied().unwrap_or(first)]
}

/// Gives names numbers: those that had one keep it.
fn place<'a>(names: impl Iterator<Item = &'a str>, old: &BTreeMap<String, u16>) -> BTreeMap<String, u16> {
    let mut placed: BTreeMap<String, u16> = BTreeMap::new();
    for name in names {
        let number = old.get(name).copied().or_else(|| {
            (0..=u16::MAX).find(|n| !old.values().any(|t| t == n) && !placed.values().any(|t| t == n))
        });
        placed.insert(name.to_owned(), number.unwrap_or(u16::MAX));
    }
    placed
}
