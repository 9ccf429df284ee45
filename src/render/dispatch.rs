mod motion;

use super::inbox::Inbox;
use super::performer::Performers;
use super::scenes::Scenes;
use super::transport::is_clock;
use super::{Destination, NODES, Node, Plan, SINKS, SOURCES, STATES, Sink};
use crate::midi::{Event, EventKind, Message, SYSEX_CHUNK_BYTES, Unrest, controller};
use crate::route::{CableState, Held, NoteTable, Strike, Struck};
use crate::transport::Grid;
use crate::unit::SampleRate;

/// Takes events to where their cables lead, and remembers what they started.
/// Real-time: yes, but for the constructor.
pub(super) struct Dispatch {
    pub(super) notes: NoteTable,
    pub(super) scenes: Scenes,
    /// For each source: which channels it used.
    channels: Box<[u16; SOURCES]>,
    /// For each source and channel: what the player has away from rest.
    unrest: Box<[[Unrest; 16]; SOURCES]>,
    /// For each source: on which channels its sustain or sostenuto is down.
    pedals: Box<[u16; SOURCES]>,
    chunk: [u8; SYSEX_CHUNK_BYTES],
    /// The channels on which anything was sent so far.
    sent: u16,
    pub(super) dropped_events: u64,
    /// What cables that move in time remember, by number.
    states: Vec<Option<Box<CableState>>>,
    /// Musical time, as of this piece.
    grid: Grid,
    rate: SampleRate,
}

/// What the events go to.
pub(super) struct Reach<'a> {
    pub(super) plan: &'a mut Plan,
    pub(super) nodes: &'a mut [Option<Box<Node>>],
    pub(super) sinks: &'a mut [Option<Box<Sink>>],
    pub(super) performers: &'a mut Performers,
}

impl Reach<'_> {
    pub(super) fn send(&mut self, to: Destination, event: Event) -> bool {
        match to {
            Destination::Node(node) => match self.nodes.get_mut(usize::from(node)) {
                Some(Some(node)) => node.queue(event),
                _ => true,
            },
            Destination::Sink(sink) => match self.sinks.get_mut(usize::from(sink)) {
                Some(Some(sink)) => sink.send(event),
                _ => true,
            },
            Destination::Generator(number) => self.performers.hear(number, &event),
        }
    }

    /// Sends what is no strike as a cable would change it.
    pub(super) fn through(&mut self, cable: usize, time: u64, source: u16, message: Message) {
        let Some(cable) = self.plan.cables.get(cable) else { return };
        if let Ok(Some(message)) = cable.transform.apply(message) {
            self.send(cable.to, Event::midi(time, source, message));
        }
    }

    /// Takes to rest what a cable's controllers moved on the way of a channel.
    fn rest(&mut self, cable: usize, source: u16, time: u64, channel: u8) {
        let Some(there) = self.plan.cables.get(cable).filter(|c| c.transform.shaping.is_some()) else {
            return;
        };
        let to = there.to;
        for nth in 0.. {
            let rest = self.plan.cables[cable].transform.rests(channel).nth(nth);
            let Some(message) = rest else { break };
            self.send(to, Event::midi(time, source, message));
        }
    }

    fn count_dropped(&mut self, cable: u32) {
        if let Some(cable) = self.plan.cables.iter().find(|c| c.id == cable) {
            cable.count.count_dropped();
        }
    }
}

impl Dispatch {
    pub(super) fn new(grid: Grid, rate: SampleRate) -> Dispatch {
        Dispatch {
            notes: NoteTable::new(),
            scenes: Scenes::new(),
            channels: Box::new([0; SOURCES]),
            unrest: Box::new([[Unrest::default(); 16]; SOURCES]),
            pedals: Box::new([0; SOURCES]),
            chunk: [0; SYSEX_CHUNK_BYTES],
            sent: 0,
            dropped_events: 0,
            states: (0..STATES).map(|_| None).collect(),
            grid,
            rate,
        }
    }

    /// One event, from the inbox to its destinations.
    pub(super) fn event(&mut self, event: &Event, inbox: &mut Inbox, reach: &mut Reach<'_>) {
        match event.kind() {
            Some(EventKind::Midi(message)) => self.message(event, message, inbox, reach),
            Some(EventKind::Sysex { .. }) => self.sysex(event, inbox, reach),
            Some(EventKind::Reset) => {
                self.end_source(event.source, event.time, inbox.port_of(event.source), reach)
            }
            Some(EventKind::Parameter { .. }) | None => {}
        }
    }

    fn message(&mut self, event: &Event, message: Message, inbox: &Inbox, reach: &mut Reach<'_>) {
        let source = usize::from(event.source) % SOURCES;
        if let Some(channel) = message.channel() {
            self.channels[source] |= 1 << channel;
            self.unrest[source][usize::from(channel)].observe(message);
        }
        if let Message::ControlChange {
            channel,
            controller: controller::SUSTAIN | controller::SOSTENUTO,
            value,
        } = message
        {
            let bit = 1 << channel;
            self.pedals[source] =
                if value >= 64 { self.pedals[source] | bit } else { self.pedals[source] & !bit };
        }
        if let Message::NoteOff { channel, key, velocity } = message {
            let strike = Strike { source: event.source, channel, key };
            if self.release(strike, event, velocity, reach) {
                return;
            }
        }
        let Some(port) = inbox.port_of(event.source) else { return };
        let heard = self.scenes.hear(event, message, port, |source| inbox.port_of(source), reach);
        if heard.is_panic {
            self.panic(event.time, reach);
        }
        if heard.is_consumed {
            return;
        }
        let cables = reach.plan.ports.get(usize::from(port)).map_or(0, Vec::len);
        for nth in 0..cables {
            let index = usize::from(reach.plan.ports[usize::from(port)][nth]);
            if self.scenes.stops(index, message, reach) {
                continue;
            }
            self.along(index, event, message, reach);
        }
    }

    /// One message along one cable.
    fn along(&mut self, index: usize, event: &Event, message: Message, reach: &mut Reach<'_>) {
        let Some(cable) = reach.plan.cables.get_mut(index) else { return };
        if event.is_late() {
            cable.count.count_late();
        }
        let (to, id) = (cable.to, cable.id);
        // Gear that is sent our clock hears no other beside it.
        if let Destination::Sink(sink) = to
            && is_clock(message)
            && reach.plan.time.clocked.contains(&sink)
        {
            return;
        }
        let out = match cable.transform.apply(message) {
            Ok(Some(out)) => out,
            Ok(None) => return,
            Err(crate::route::Dropped) => {
                cable.count.count_dropped();
                self.dropped_events += 1;
                return;
            }
        };
        // What the cable leaves alone stays as it was on the wire.
        if let Some(channel) = out.channel() {
            self.sent |= 1 << channel;
        }
        let mut sent = if out == message { *event } else { Event::midi(event.time, event.source, out) };
        match (message, out) {
            (
                Message::NoteOn { channel, key, .. },
                Message::NoteOn { channel: to_channel, key: to_key, velocity },
            ) => {
                let strike = Strike { source: event.source, channel, key };
                let struck = Struck { strike, channel: to_channel, key: to_key, velocity };
                if cable.state.is_some() {
                    self.enter(index, struck, sent, reach);
                } else {
                    self.strike(index, struck, sent, reach);
                }
                return;
            }
            // The release of a note that no cable started: gear hears it all
            // the same, an instrument or a generator has nothing to release.
            (Message::NoteOff { .. }, _) if !matches!(to, Destination::Sink(_)) => return,
            (Message::PolyPressure { channel, key, .. }, Message::PolyPressure { key: to_key, .. }) => {
                let strike = Strike { source: event.source, channel, key };
                let number = to.to_number();
                sent.note = self
                    .notes
                    .of(strike)
                    .find(|held| held.destination == number && held.key == to_key)
                    .map_or(0, |held| held.note);
            }
            _ => {}
        }
        if !reach.send(to, sent) {
            reach.count_dropped(id);
            self.dropped_events += 1;
        }
    }

    /// Sends a strike along a cable and remembers it; gives the note where it sounds.
    fn strike(
        &mut self,
        index: usize,
        struck: Struck,
        mut sent: Event,
        reach: &mut Reach<'_>,
    ) -> Option<Held> {
        let cable = reach.plan.cables.get(index)?;
        let (to, id) = (cable.to, cable.id);
        let held = Held {
            strike: struck.strike,
            cable: id,
            destination: to.to_number(),
            channel: struck.channel,
            key: struck.key,
            note: self.notes.fresh_note(),
        };
        match self.notes.hold(held) {
            Ok(Some(old)) => {
                // Gear knows what a key struck twice means; what we repeat ends first.
                if !matches!(to, Destination::Sink(_)) || struck.strike.is_generated() {
                    reach.send(to, off(&old, sent.time, 64));
                }
                self.note_ended(&old, sent.time, reach);
            }
            Ok(None) => {}
            Err(_) => {
                self.drop_at(id, reach);
                return None;
            }
        }
        sent.note = held.note;
        if !reach.send(to, sent) {
            self.drop_at(id, reach);
        }
        Some(held)
    }

    /// Something was lost on a cable.
    fn drop_at(&mut self, cable: u32, reach: &mut Reach<'_>) {
        reach.count_dropped(cable);
        self.dropped_events += 1;
    }

    /// Ends the notes of a strike where they were started; `false` if there were none.
    fn release(&mut self, strike: Strike, event: &Event, velocity: u8, reach: &mut Reach<'_>) -> bool {
        let mut any = self.let_go(strike, reach);
        while let Some(held) = self.notes.release(strike) {
            any = true;
            self.note_ended(&held, event.time, reach);
            let to = Destination::from_number(held.destination);
            let mut sent = off(&held, event.time, velocity);
            if matches!(to, Destination::Sink(_)) && event.bytes[0] & 0xf0 == 0x90 {
                // Gear hears a release as it was written: as a strike of velocity 0.
                sent.bytes = [0x90 | held.channel, held.key, 0, 0];
            }
            if !reach.send(to, sent) {
                reach.count_dropped(held.cable);
                self.dropped_events += 1;
            }
        }
        any
    }

    /// The bytes of the newest chunk of a SysEx, where the event is that.
    pub(super) fn chunk_of(&self, event: &Event) -> &[u8] {
        match event.kind() {
            Some(EventKind::Sysex { bytes, .. }) => &self.chunk[..(bytes as usize).min(SYSEX_CHUNK_BYTES)],
            _ => &[],
        }
    }

    fn sysex(&mut self, event: &Event, inbox: &mut Inbox, reach: &mut Reach<'_>) {
        inbox.chunk(event, &mut self.chunk);
        let Some(port) = inbox.port_of(event.source) else { return };
        let bytes = &self.chunk[..(event.length as usize).min(SYSEX_CHUNK_BYTES)];
        let cables = reach.plan.ports.get(usize::from(port)).map_or(0, Vec::len);
        for nth in 0..cables {
            let index = usize::from(reach.plan.ports[usize::from(port)][nth]);
            let cable = &mut reach.plan.cables[index];
            if !cable.transform.passes_sysex() {
                continue;
            }
            if let Destination::Sink(sink) = cable.to
                && let Some(Some(sink)) = reach.sinks.get_mut(usize::from(sink))
                && !sink.sysex(*event, bytes)
            {
                cable.count.count_dropped();
                self.dropped_events += 1;
            }
        }
    }

    /// Ends all that a source started: notes, pedals, the wheel.
    pub(super) fn end_source(&mut self, source: u16, time: u64, port: Option<u16>, reach: &mut Reach<'_>) {
        while let Some(held) = self.notes.release_any(|held| held.strike.source == source) {
            reach.send(Destination::from_number(held.destination), off(&held, time, 64));
        }
        for state in self.states.iter_mut().flatten() {
            state.end_source(source);
        }
        let unrest = std::mem::take(&mut self.unrest[usize::from(source) % SOURCES]);
        let used = std::mem::take(&mut self.channels[usize::from(source) % SOURCES]);
        self.pedals[usize::from(source) % SOURCES] = 0;
        self.scenes.forget_pedals(Some(source));
        let Some(port) = port else { return };
        let cables = reach.plan.ports.get(usize::from(port)).map_or(0, Vec::len);
        for (channel, unrest) in (0..16).zip(unrest).filter(|(channel, _)| used & (1 << channel) != 0) {
            for nth in 0..cables {
                let index = usize::from(reach.plan.ports[usize::from(port)][nth]);
                for rest in unrest.settle(channel) {
                    reach.through(index, time, source, rest);
                }
                reach.rest(index, source, time, channel);
            }
        }
    }

    /// The player's panic button: everything that sounds ends, everywhere.
    pub(super) fn panic(&mut self, time: u64, reach: &mut Reach<'_>) {
        // Some gear does not know "all notes off": it gets each release by itself.
        while let Some(held) = self.notes.release_any(|_| true) {
            let to = Destination::from_number(held.destination);
            if matches!(to, Destination::Sink(_)) {
                reach.send(to, off(&held, time, 64));
            }
        }
        for state in self.states.iter_mut().flatten() {
            state.clear();
        }
        reach.performers.panic(time);
        self.pedals.fill(0);
        self.scenes.forget_pedals(None);
        let silence = |channel| {
            [controller::SUSTAIN, controller::SOSTENUTO, controller::ALL_SOUND_OFF, controller::ALL_NOTES_OFF]
                .map(|controller| Message::ControlChange { channel, controller, value: 0 })
        };
        // Gear may hold what others started; an instrument only what came by here, and a clip what a scene
        // launched, which is told on the first channel.
        for (used, to) in destinations(reach, self.sent | 1) {
            for message in (0..16).filter(|channel| used & (1 << channel) != 0).flat_map(silence) {
                reach.send(to, Event::midi(time, 0, message));
            }
        }
    }

    /// Before a plan goes: a pedal held along a cable that will be no more is let up.
    pub(super) fn lift_pedals(
        &mut self,
        time: u64,
        kept: impl Fn(usize) -> bool,
        inbox: &Inbox,
        reach: &mut Reach<'_>,
    ) {
        for source in 0..SOURCES as u16 {
            let (down, used) = (self.pedals[usize::from(source)], self.channels[usize::from(source)]);
            let Some(port) = inbox.port_of(source).filter(|_| used != 0) else { continue };
            let cables = reach.plan.ports.get(usize::from(port)).map_or(0, Vec::len);
            for nth in 0..cables {
                let index = usize::from(reach.plan.ports[usize::from(port)][nth]);
                if kept(index) {
                    continue;
                }
                for channel in (0..16).filter(|channel| down & (1 << channel) != 0) {
                    for controller in [controller::SUSTAIN, controller::SOSTENUTO] {
                        let up = Message::ControlChange { channel, controller, value: 0 };
                        reach.through(index, time, source, up);
                    }
                }
                for channel in (0..16).filter(|channel| used & (1 << channel) != 0) {
                    reach.rest(index, source, time, channel);
                }
            }
        }
    }

    /// Forgets the notes of a destination that is no more, after ending them there.
    pub(super) fn forget(&mut self, destination: Destination, time: u64, reach: &mut Reach<'_>) {
        let number = destination.to_number();
        while let Some(held) = self.notes.release_any(|held| held.destination == number) {
            reach.send(destination, off(&held, time, 64));
            self.note_ended(&held, time, reach);
        }
    }
}

/// Every place that takes MIDI now, with the channels on which it may hold notes.
fn destinations(reach: &Reach<'_>, sent: u16) -> impl Iterator<Item = (u16, Destination)> + use<> {
    let mut nodes = [false; NODES];
    let mut sinks = [false; SINKS];
    for (is_there, node) in nodes.iter_mut().zip(reach.nodes.iter()) {
        *is_there = node.as_ref().is_some_and(|node| node.takes_midi());
    }
    for (is_there, sink) in sinks.iter_mut().zip(reach.sinks.iter()) {
        *is_there = sink.is_some();
    }
    let there = |(index, is_there): (usize, bool)| is_there.then_some(index as u16);
    let nodes = nodes.into_iter().enumerate().filter_map(there);
    let sinks = sinks.into_iter().enumerate().filter_map(there);
    nodes.map(move |n| (sent, Destination::Node(n))).chain(sinks.map(|s| (u16::MAX, Destination::Sink(s))))
}

fn off(held: &Held, time: u64, velocity: u8) -> Event {
    let message = Message::NoteOff { channel: held.channel, key: held.key, velocity };
    let mut event = Event::midi(time, held.strike.source, message);
    event.note = held.note;
    event
}
