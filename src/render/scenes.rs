//! Scenes and controls: which parameters stand where and which cables take no
//! strikes, changed at the very frame of the event that asks for it.

mod control;
mod table;

pub use control::{Control, Curve, Width};
pub use table::{Act, Listen, ParameterEntry, SceneEntry, SceneTable, Trigger, Turn};

use table::Stand;

use super::dispatch::Reach;
use super::{Destination, FIRST_GENERATOR, Notice, SOURCES};
use crate::midi::registered::{Meaning, Registered};
use crate::midi::{Event, Message, controller};
use crate::rt::ring;
use crate::transport::{Order, Tempo};
use crate::unit::Frame;

/// More turns in one quantum wait for the next; of these the last asked for is taken.
const TURNS_PER_QUANTUM: u8 = 4;
/// How often at most the control world is told where controls moved parameters.
const TELL_FRAMES: Frame = 1_024;
const CHANNELS: usize = 16;
/// Orders to the transport that may wait for the next quantum.
const ORDERS: usize = 8;

/// What became of a message that may be a trigger.
#[derive(Clone, Copy, Default)]
pub(super) struct Heard {
    /// It goes no further.
    pub(super) is_consumed: bool,
    /// It asks for the end of every note.
    pub(super) is_panic: bool,
}

/// In which scene the Renderer is. Real-time: yes, but for the constructor.
pub(super) struct Scenes {
    now: Option<Stand>,
    /// When it came to it.
    since: Frame,
    /// The control world has heard of this.
    told: Option<(u32, Option<u16>)>,
    turns: u8,
    /// Where to go at the next quantum.
    deferred: Option<Stand>,
    /// Some parameter found no room in its node.
    is_unsent: bool,
    /// For each source: the last value of each channel's sustain pedal …
    sustain: Box<[[u8; CHANNELS]; SOURCES]>,
    /// … and a bit for each that is down.
    down: Box<[u16; SOURCES]>,
    /// What each source's controllers mean together.
    registered: Vec<Registered>,
    /// Orders to the transport that wait for the next quantum; of more the oldest stay.
    orders: Vec<Order>,
}

impl Scenes {
    /// In none. Real-time: no (allocates).
    pub(super) fn new() -> Scenes {
        Scenes {
            now: None,
            since: 0,
            told: None,
            turns: 0,
            deferred: None,
            is_unsent: false,
            sustain: Box::new([[0; CHANNELS]; SOURCES]),
            down: Box::new([0; SOURCES]),
            registered: vec![Registered::new(); SOURCES],
            orders: Vec::with_capacity(ORDERS),
        }
    }

    /// A message from a port of the rig; `is_held` says whether a release ends a
    /// note that sounds.
    pub(super) fn hear(
        &mut self,
        event: &Event,
        message: Message,
        port: u16,
        port_of: impl Fn(u16) -> Option<u16>,
        reach: &mut Reach<'_>,
    ) -> Heard {
        self.note_pedal(event.source, message);
        let mut heard = Heard::default();
        let meaning = self.registered[usize::from(event.source) % SOURCES].observe(message);
        if reach.plan.scenes.triggers.is_empty() {
            return heard;
        }
        let together = match meaning {
            Some(Meaning::Value { parameter, value, .. }) => Some((Listen::Registered(parameter), value)),
            _ => None,
        };
        for (listen, value) in Listen::to(message).into_iter().chain(together) {
            self.pull(listen, value, event, message, port, &mut heard, &port_of, reach);
        }
        heard
    }

    /// Pulls the triggers that hear this.
    #[allow(clippy::too_many_arguments)] // One call's worth of things that have no noun together.
    fn pull(
        &mut self,
        listen: Listen,
        value: u16,
        event: &Event,
        message: Message,
        port: u16,
        heard: &mut Heard,
        port_of: &impl Fn(u16) -> Option<u16>,
        reach: &mut Reach<'_>,
    ) {
        let Some(channel) = message.channel() else { return };
        let controller = match listen {
            Listen::Controller(number) => Some(number),
            _ => None,
        };
        for index in reach.plan.scenes.hearing(listen) {
            let trigger = &mut reach.plan.scenes.triggers[index];
            // What a generator plays moves nothing that does not name it.
            let is_near = trigger.port.map_or(port < FIRST_GENERATOR, |only| only == port);
            if !is_near || trigger.channels & (1 << channel) == 0 {
                continue;
            }
            let (act, consume) = (trigger.act, trigger.consume);
            if let Act::Control(control) = act {
                if !matches!(message, Message::NoteOff { .. }) {
                    self.moved(control, controller, value, event.time, reach);
                }
            } else if trigger.is_press(value) {
                match act {
                    Act::Turn(turn) => self.turn(turn, event.time, port_of, reach),
                    Act::Order(order) if self.orders.len() < ORDERS => self.orders.push(order),
                    Act::Order(_) | Act::Control(_) => {}
                    Act::Panic => heard.is_panic = true,
                }
            }
            heard.is_consumed |= consume;
        }
    }

    /// What the transport was ordered since the last quantum.
    pub(super) fn orders(&mut self) -> std::vec::Drain<'_, Order> {
        self.orders.drain(..)
    }

    /// Whether the scene keeps a message off a cable: a muted actor hears no strike
    /// and no pedal going down, but all that ends or colours what it plays.
    pub(super) fn stops(&self, cable: usize, message: Message, reach: &Reach<'_>) -> bool {
        let Some(now) = self.now else { return false };
        let begins = match message {
            Message::NoteOn { .. } => true,
            Message::ControlChange { controller, value, .. } => {
                matches!(controller, controller::SUSTAIN | controller::SOSTENUTO) && value >= 64
            }
            _ => false,
        };
        begins && reach.plan.scenes.mutes(now.scene, cable)
    }

    /// Goes to another scene.
    pub(super) fn turn(
        &mut self,
        turn: Turn,
        time: Frame,
        port_of: impl Fn(u16) -> Option<u16>,
        reach: &mut Reach<'_>,
    ) {
        let Some(now) = self.deferred.or(self.now) else { return };
        let Some(next) = reach.plan.scenes.after(now, turn) else { return };
        if self.turns >= TURNS_PER_QUANTUM {
            self.deferred = Some(next);
            return;
        }
        self.turns += 1;
        self.go(next, time, port_of, reach);
    }

    fn go(&mut self, next: Stand, time: Frame, port_of: impl Fn(u16) -> Option<u16>, reach: &mut Reach<'_>) {
        let before = self.now.replace(next);
        self.since = time;
        for index in 0..reach.plan.scenes.named {
            let table = &reach.plan.scenes;
            let scene = &table.scenes[usize::from(next.scene)];
            if let Some(value) = scene.values.get(index).copied()
                && !table.parameters[index].is_at(value)
            {
                self.set(index, value, time, reach);
            }
        }
        self.order_tempo(reach.plan.scenes.scenes[usize::from(next.scene)].tempo);
        if let Some(before) = before.filter(|before| before.scene != next.scene) {
            self.press_again(before.scene, next.scene, time, port_of, reach);
        }
    }

    fn order_tempo(&mut self, tempo: Option<Tempo>) {
        if let Some(tempo) = tempo.filter(|_| self.orders.len() < ORDERS) {
            self.orders.push(Order::Tempo(tempo));
        }
    }

    /// An actor that is heard again learns of the pedals that are down.
    fn press_again(
        &self,
        before: u16,
        now: u16,
        time: Frame,
        port_of: impl Fn(u16) -> Option<u16>,
        reach: &mut Reach<'_>,
    ) {
        for source in 0..SOURCES as u16 {
            let down = self.down[usize::from(source)];
            let Some(port) = (down != 0).then(|| port_of(source)).flatten() else { continue };
            let cables = reach.plan.ports.get(usize::from(port)).map_or(0, Vec::len);
            for nth in 0..cables {
                let index = usize::from(reach.plan.ports[usize::from(port)][nth]);
                let table = &reach.plan.scenes;
                if !table.mutes(before, index) || table.mutes(now, index) {
                    continue;
                }
                for channel in (0..CHANNELS as u8).filter(|channel| down & (1 << channel) != 0) {
                    let value = self.sustain[usize::from(source)][usize::from(channel)];
                    let press = Message::ControlChange { channel, controller: controller::SUSTAIN, value };
                    reach.through(index, time, source, press);
                }
            }
        }
    }

    /// Sends a parameter to its value.
    fn set(&mut self, index: usize, value: f32, time: Frame, reach: &mut Reach<'_>) {
        let Some(entry) = reach.plan.scenes.parameters.get_mut(index) else { return };
        entry.target = value;
        let (node, parameter) = (entry.node, entry.index);
        let is_sent = reach.send(Destination::Node(node), Event::parameter(time, parameter, value));
        if !is_sent {
            reach.plan.scenes.parameters[index].is_unsent = true;
            self.is_unsent = true;
        }
    }

    /// A control was moved.
    fn moved(&mut self, control: u16, from: Option<u8>, value: u16, time: Frame, reach: &mut Reach<'_>) {
        let SceneTable { controls, parameters, .. } = &mut reach.plan.scenes;
        let Some(control) = controls.get_mut(usize::from(control)) else { return };
        let index = usize::from(control.parameter);
        let Some(entry) = parameters.get_mut(index) else { return };
        if let Some(value) = control.hear(from, value, entry.target) {
            entry.is_untold = true;
            self.set(index, value, time, reach);
        }
    }

    fn note_pedal(&mut self, source: u16, message: Message) {
        let Message::ControlChange { channel, controller: controller::SUSTAIN, value } = message else {
            return;
        };
        let source = usize::from(source) % SOURCES;
        self.sustain[source][usize::from(channel)] = value;
        let bit = 1 << channel;
        let down = &mut self.down[source];
        *down = if value >= 64 { *down | bit } else { *down & !bit };
    }

    /// A source ended, or all of them where it is `None`: no foot is on its pedals.
    pub(super) fn forget_pedals(&mut self, source: Option<u16>) {
        match source {
            Some(source) => self.down[usize::from(source) % SOURCES] = 0,
            None => self.down.fill(0),
        }
    }

    /// A quantum begins: what had to wait goes now.
    pub(super) fn quantum(
        &mut self,
        time: Frame,
        port_of: impl Fn(u16) -> Option<u16>,
        reach: &mut Reach<'_>,
    ) {
        self.turns = 0;
        if let Some(next) = self.deferred.take() {
            self.go(next, time, port_of, reach);
        }
        for control in 0..reach.plan.scenes.controls.len() {
            let control = &mut reach.plan.scenes.controls[control];
            let index = usize::from(control.parameter);
            if let Some(value) = control.quantum() {
                if let Some(entry) = reach.plan.scenes.parameters.get_mut(index) {
                    entry.is_untold = true;
                }
                self.set(index, value, time, reach);
            }
        }
        if std::mem::take(&mut self.is_unsent) {
            for index in 0..reach.plan.scenes.parameters.len() {
                let entry = &mut reach.plan.scenes.parameters[index];
                if std::mem::take(&mut entry.is_unsent) {
                    let value = entry.target;
                    self.set(index, value, time, reach);
                }
            }
        }
    }

    /// The control world sent a parameter to a value.
    pub(super) fn note(&mut self, node: u16, index: u16, value: f32, table: &mut SceneTable) {
        let of = |entry: &&mut ParameterEntry| entry.node == node && entry.index == index;
        if let Some(entry) = table.parameters.iter_mut().find(of) {
            entry.target = value;
        }
    }

    /// A fresh processor learns where scenes and controls left its parameters.
    pub(super) fn remind(&self, node: u16, time: Frame, reach: &mut Reach<'_>) {
        for index in 0..reach.plan.scenes.parameters.len() {
            let entry = reach.plan.scenes.parameters[index];
            // The gain is not the processor's.
            if entry.node == node && entry.index != Event::GAIN {
                reach.send(Destination::Node(node), Event::parameter(time, entry.index, entry.target));
            }
        }
    }

    /// The plan was changed for another; `old` is what its table was, and `is_fresh`
    /// says which nodes were put in with it. The scene of the same name stays.
    pub(super) fn renew(
        &mut self,
        old: &SceneTable,
        is_fresh: impl Fn(u16) -> bool,
        time: Frame,
        reach: &mut Reach<'_>,
    ) {
        let table = &mut reach.plan.scenes;
        let before = self.now.and_then(|now| old.scenes.get(usize::from(now.scene)));
        let kept = before.and_then(|scene| table.position(scene.id));
        let place = self.now.and_then(|now| now.place);
        self.deferred = None;
        self.now = if table.scenes.is_empty() {
            None
        } else {
            Some(match kept {
                Some(scene) => {
                    let stays = |place: &u16| table.setlist.get(usize::from(*place)) == Some(&scene);
                    match place.filter(stays) {
                        Some(_) => Stand { scene, place },
                        None => table.stand(scene, None),
                    }
                }
                None => table.stand(table.built.min(table.scenes.len() as u16 - 1), None),
            })
        };
        if kept.is_none() {
            self.since = time;
        }
        let tempo = self.now.and_then(|now| table.scenes[usize::from(now.scene)].tempo);
        if kept.is_none() || before.is_some_and(|before| before.tempo != tempo) {
            self.order_tempo(tempo);
        }
        let table = &mut reach.plan.scenes;
        for control in &mut table.controls {
            if let Some(old) = control.continues.and_then(|at| old.controls.get(usize::from(at))) {
                control.continue_from(old);
            }
        }
        let now = self.now.map(|now| usize::from(now.scene));
        for index in 0..reach.plan.scenes.parameters.len() {
            let table = &mut reach.plan.scenes;
            let value_in = |scene: usize| table.scenes.get(scene)?.values.get(index).copied();
            let (wanted, built) = (now.and_then(value_in), value_in(usize::from(table.built)));
            let entry = &mut table.parameters[index];
            let at = entry.continues.map(usize::from).filter(|at| *at < old.parameters.len());
            // Where it stands now, as far as that is known.
            let stands = if is_fresh(entry.node) {
                Some(built.unwrap_or(entry.own))
            } else {
                at.map(|at| old.parameters[at].target)
            };
            let was_wanted = at.filter(|_| !is_fresh(entry.node) && kept.is_some());
            let was_wanted = was_wanted.and_then(|at| before?.values.get(at).copied());
            let same = |a: f32, b: f32| a.to_bits() == b.to_bits();
            let goes_to = match (wanted, was_wanted) {
                // What a knob did since the scene began stays.
                (Some(wanted), Some(was)) if same(wanted, was) => stands.unwrap_or(wanted),
                (Some(wanted), _) => wanted,
                (None, _) => stands.unwrap_or(entry.own),
            };
            entry.target = goes_to;
            let is_there = stands.map_or(wanted.is_none(), |stands| same(stands, goes_to));
            if !is_there {
                self.set(index, goes_to, time, reach);
            }
        }
    }

    /// Tells the control world what it has not heard yet; what finds no room is told later.
    pub(super) fn tell(&mut self, time: Frame, table: &mut SceneTable, notices: &mut ring::Sender<Notice>) {
        let stands = self.now.and_then(|now| Some((table.scenes.get(usize::from(now.scene))?.id, now.place)));
        if let Some((scene, place)) = stands.filter(|_| stands != self.told)
            && notices.send(Notice::Scene { scene, place, frame: self.since }).is_ok()
        {
            self.told = stands;
        }
        if !time.is_multiple_of(TELL_FRAMES) {
            return;
        }
        for entry in table.parameters.iter_mut().filter(|entry| entry.is_untold) {
            let ParameterEntry { node, index, target: value, .. } = *entry;
            if notices.send(Notice::Parameter { node, index, value, frame: time }).is_err() {
                return;
            }
            entry.is_untold = false;
        }
    }
}
