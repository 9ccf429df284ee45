mod exchange;
mod sum;

use std::sync::Arc;

use sum::{range, sum};

use super::bus::OutputBus;
use super::chaos::{Chaos, Clock, INJECTIONS, Judge};
use super::dispatch::{Dispatch, Reach};
use super::fault::{Outcome, Verdict};
use super::inbox::Inbox;
use super::joins::Joins;
use super::log::{Log, Logged};
use super::node::Piece;
use super::patience::Patience;
use super::performer::Performers;
use super::snapshot::{METERS, Snapshot};
use super::tap::Tap;
use super::transport::Timekeeper;
use super::{
    AudioPorts, BUSES, CHANNELS, Command, Fault, GENERATORS, Injection, JackReport, NODES, Node, Notice,
    Plan, RAMP_SECONDS, SINKS, Script, Sink, Step, Swap, TimePlan,
};
use crate::midi::Event;
use crate::rt::clock::FrameClock;
use crate::rt::pulse::Pulse;
use crate::rt::{latest, loan, ring};
use crate::stage::{Input, Ramp};
use crate::transport::{Grid, State, Tempo, Time};
use crate::unit::{Decibels, Frame, HostTime, QUANTUM_FRAMES, SampleRate, maths};

const COMMANDS: usize = 1_024;
const NOTICES: usize = 1_024;
/// Parcels that may be under way, or wait for their frame.
const SWAPS: usize = 64;
/// A meter falls by 6 dB in this time, so that a reader who looks seldom misses no peak.
const METER_HALF_LIFE_SECONDS: f64 = 0.1;
const QUANTUM: Frame = QUANTUM_FRAMES as Frame;

/// What a Renderer is made for. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct RendererSettings {
    /// Frames per second, for life.
    pub rate: SampleRate,
    /// Added to events stamped in host time, so that all are equally late.
    pub midi_latency_frames: Frame,
}

/// Makes a Renderer that plays nothing yet, and the control world's ends of its
/// doors; the last one tells when frames begin. Real-time: no (allocates).
pub fn renderer(settings: RendererSettings) -> (Box<Renderer>, RendererHandle, latest::Latest<FrameClock>) {
    let (command_sender, commands) = ring::ring(COMMANDS);
    let (notices, notice_receiver) = ring::ring(NOTICES);
    let (lender, swaps) = loan::loan(SWAPS);
    let (publisher, latest) = latest::latest(Snapshot::default());
    let (clock_publisher, clock) = latest::latest(FrameClock::new(settings.rate));
    let RendererSettings { rate, midi_latency_frames } = settings;
    let patience = Patience::new(rate);
    let pulse = Arc::clone(patience.pulse());
    let renderer = Renderer {
        rate,
        frame: 0,
        plan: Box::default(),
        nodes: places(NODES),
        buses: places(BUSES),
        taken: Taken { nodes: Vec::with_capacity(NODES), buses: Vec::with_capacity(BUSES) },
        sinks: places(SINKS),
        performers: Performers::new(),
        taps: places(GENERATORS),
        inbox: Inbox::new(FrameClock::new(rate), midi_latency_frames),
        dispatch: Dispatch::new(Grid::new(Tempo::DEFAULT, rate), rate),
        commands,
        notices,
        swaps,
        waiting: Vec::with_capacity(SWAPS),
        master: Ramp::at(1.0),
        ramp_frames: rate.frames(RAMP_SECONDS) as u32,
        device: Box::new([[0.0; QUANTUM_FRAMES]; CHANNELS]),
        level: [1.0; QUANTUM_FRAMES],
        tap: None,
        record_until: Frame::MAX,
        publisher,
        clock_publisher,
        snapshot: Snapshot::default(),
        injections: Vec::with_capacity(INJECTIONS),
        clock: None,
        has_failed: false,
        patience,
        joins: Joins::new(),
        log: None,
        time: Timekeeper::new(rate),
        told: None,
    };
    let handle =
        RendererHandle { pulse, commands: command_sender, notices: notice_receiver, swaps: lender, latest };
    (Box::new(renderer), handle, clock)
}

fn places<T>(count: usize) -> Vec<Option<Box<T>>> {
    (0..count).map(|_| None).collect()
}

/// The control world's ends of a Renderer's doors. Real-time: no.
pub struct RendererHandle {
    /// What the Renderer is told.
    pub commands: ring::Sender<Command>,
    /// What it tells.
    pub notices: ring::Receiver<Notice>,
    /// Parcels to it and back.
    pub swaps: loan::Lender<Swap>,
    /// What it shows.
    pub latest: latest::Latest<Snapshot>,
    /// When its calls come and go, for whoever works for it.
    pub pulse: Arc<Pulse>,
}

/// Where an offline render collects what each actor puts out. Real-time: yes.
pub trait Stems {
    /// A stretch of a node's output, from frame `start` of the call.
    fn stem(&mut self, node: u16, start: usize, left: &[f32], right: &[f32]);
}

/// Plays the plan: a pure function of what came in by the doors. Real-time: yes.
pub struct Renderer {
    rate: SampleRate,
    frame: Frame,
    plan: Box<Plan>,
    nodes: Vec<Option<Box<Node>>>,
    buses: Vec<Option<Box<OutputBus>>>,
    taken: Taken,
    sinks: Vec<Option<Box<Sink>>>,
    /// Who plays by itself, and where that is heard beside.
    performers: Performers,
    taps: Vec<Option<Box<Sink>>>,
    inbox: Inbox,
    dispatch: Dispatch,
    commands: ring::Receiver<Command>,
    notices: ring::Sender<Notice>,
    swaps: loan::Borrower<Swap>,
    waiting: Vec<loan::Lent<Swap>>,
    master: Ramp,
    ramp_frames: u32,
    device: Box<[[f32; QUANTUM_FRAMES]; CHANNELS]>,
    level: [f32; QUANTUM_FRAMES],
    tap: Option<Box<Tap>>,
    record_until: Frame,
    publisher: latest::Publisher<Snapshot>,
    clock_publisher: latest::Publisher<FrameClock>,
    snapshot: Snapshot,
    injections: Vec<Injection>,
    /// Measures what stages take, where a driver gave one.
    clock: Option<Clock>,
    /// A processor failed in this call.
    has_failed: bool,
    /// How long workers may be waited for.
    patience: Patience,
    joins: Joins,
    log: Option<Box<Log>>,
    /// Musical time.
    time: Timekeeper,
    /// How JACK's transport stands, for the next quantum.
    told: Option<JackReport>,
}

/// Which of the places have something in them, in order: what has to be looked at.
struct Taken {
    nodes: Vec<u16>,
    buses: Vec<u16>,
}

impl Renderer {
    /// Renders the next `frames` frames, any number of them. `entry` is when the
    /// callback began, by which events stamped in host time are placed; `None`
    /// offline. Real-time: yes.
    pub fn render(&mut self, frames: usize, ports: &mut dyn AudioPorts, entry: Option<HostTime>) {
        self.render_stems(frames, ports, entry, None);
    }

    /// As [`render`](Self::render), and shows every node's output to `stems`. Real-time: yes.
    pub fn render_stems(
        &mut self,
        frames: usize,
        ports: &mut dyn AudioPorts,
        entry: Option<HostTime>,
        mut stems: Option<&mut dyn Stems>,
    ) {
        let mut done = 0;
        self.begin_call(entry, frames);
        while done < frames {
            done += self.render_piece(done, frames, ports, entry, &mut stems);
        }
        self.end_call();
    }

    /// As [`render_stems`](Self::render_stems) without a clock, but comes back
    /// after the quantum in which a processor failed, so that a fresh one can be
    /// lent in in time; says how many frames are done. Real-time: yes.
    pub fn render_until_fault(
        &mut self,
        frames: usize,
        ports: &mut dyn AudioPorts,
        mut stems: Option<&mut dyn Stems>,
    ) -> usize {
        let mut done = 0;
        self.begin_call(None, frames);
        while done < frames && !(self.has_failed && self.frame.is_multiple_of(QUANTUM)) {
            done += self.render_piece(done, frames, ports, None, &mut stems);
        }
        self.end_call();
        done
    }

    fn begin_call(&mut self, entry: Option<HostTime>, frames: usize) {
        self.has_failed = false;
        if let Some(log) = &mut self.log {
            log.call(self.frame, frames);
        }
        self.patience.begin(entry, self.clock, frames);
        if let Some(entry) = entry {
            self.inbox.callback(self.frame, entry);
            self.clock_publisher.publish(*self.inbox.clock());
        }
    }

    fn end_call(&mut self) {
        self.publish();
        self.patience.end();
        if let Some(log) = &mut self.log {
            log.call_is_over(self.frame);
        }
    }

    /// The next piece of a call: to the end of the quantum or of the call.
    fn render_piece(
        &mut self,
        done: usize,
        frames: usize,
        ports: &mut dyn AudioPorts,
        entry: Option<HostTime>,
        stems: &mut Option<&mut dyn Stems>,
    ) -> usize {
        let into_quantum = (self.frame % QUANTUM) as usize;
        if into_quantum == 0 {
            self.begin_quantum();
        }
        self.time.piece(self.frame, &self.plan.time);
        let cut = (self.time.cut(self.frame, &self.plan.time) - self.frame) as usize;
        let length = (QUANTUM_FRAMES - into_quantum).min(frames - done).min(cut);
        self.take_events(length);
        self.patience.begin_piece(length);
        let time = self.time();
        let piece = Piece { frame: self.frame, rate: self.rate, time, at: into_quantum, length };
        // What comes as fast as it is rendered has no deadline to miss.
        let clock = self.clock.filter(|_| entry.is_some());
        self.play(done, piece, clock, ports);
        if let Some(stems) = stems.as_deref_mut() {
            self.show_stems(stems, done, into_quantum, length);
        }
        self.forget_events();
        self.frame += length as Frame;
        length
    }

    /// From now on stages have budgets, measured with this clock in calls that
    /// have an entry time. Real-time: no; call before the Renderer is handed to a driver.
    pub fn measure_stages(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The next frame to be rendered. Real-time: yes.
    pub fn frame(&self) -> Frame {
        self.frame
    }

    /// Which beat each frame stands at. Real-time: yes.
    pub fn grid(&self) -> Grid {
        self.time.grid()
    }

    /// What the transport does, and where each frame stands. Real-time: yes.
    pub fn time(&self) -> Time {
        self.time.time(&self.plan.time)
    }

    /// What the rig says of musical time. Real-time: yes.
    pub fn time_plan(&self) -> &TimePlan {
        &self.plan.time
    }

    /// Tells it how JACK's transport stands, from the driver's own thread: the next
    /// quantum takes it as [`Command::Jack`]. Real-time: yes.
    pub fn tell_jack(&mut self, report: JackReport) {
        let was_moved = self.told.is_some_and(|told| told.is_moved);
        self.told = Some(JackReport { is_moved: report.is_moved || was_moved, ..report });
    }

    /// The rate it was made for. Real-time: yes.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// How many device channels its plan plays to. Real-time: yes.
    pub fn channels(&self) -> usize {
        self.plan.channels
    }

    /// Records what goes to the device from now on, up to the frame `until`.
    /// Real-time: no; call before the Renderer is handed to a driver.
    pub fn record(&mut self, tap: Box<Tap>, until: Option<Frame>) {
        self.tap = Some(tap);
        self.record_until = until.unwrap_or(Frame::MAX);
    }

    /// Logs what comes in from now on. Real-time: no; call before the Renderer is
    /// handed to a driver.
    pub fn keep_log(&mut self, log: Box<Log>) {
        self.log = Some(log);
    }

    /// From now on what comes in is only what a log says: it is to be told before
    /// each call. Real-time: no (allocates).
    pub fn script(&mut self) -> &mut Script {
        self.inbox.script.get_or_insert_default()
    }

    /// Frames that the recording can take now, if there is one: a driver that may
    /// wait (freewheeling) waits for this. Real-time: yes.
    pub fn tap_vacant_frames(&self) -> Option<usize> {
        self.tap.as_ref().map(|tap| tap.vacant_frames())
    }

    fn begin_quantum(&mut self) {
        self.inbox.quantum(self.frame);
        for &node in &self.plan.looped {
            if let Some(Some(node)) = self.nodes.get_mut(usize::from(node)) {
                node.previous = node.output;
            }
        }
        self.take_swaps();
        let Renderer { plan, nodes, sinks, inbox, dispatch, frame, performers, .. } = self;
        let reach = &mut Reach { plan, nodes, sinks, performers };
        dispatch.scenes.quantum(*frame, |source| inbox.port_of(source), reach);
        self.take_commands();
        for order in self.dispatch.scenes.orders() {
            self.time.order(self.frame, order, &self.plan.time, &mut self.sinks);
        }
        self.time.quantum(self.frame, &self.plan.time, &mut self.sinks);
        self.dispatch.scenes.tell(self.frame, &mut self.plan.scenes, &mut self.notices);
    }

    fn take_commands(&mut self) {
        let time = self.frame;
        self.injections.retain(|injection| injection.frame >= time);
        // Bounded: the ring's capacity at most.
        for _ in 0..COMMANDS {
            let Some(command) = self.told.take().map(Command::Jack).or_else(|| self.commands.receive())
            else {
                break;
            };
            if let Some(log) = &mut self.log {
                log.command(time, command);
            }
            match command {
                Command::Parameter { node, index, value } => {
                    if let Some(Some(node)) = self.nodes.get_mut(usize::from(node))
                        && !node.queue(Event::parameter(time, index, value))
                    {
                        self.dispatch.dropped_events += 1;
                    }
                    self.dispatch.scenes.note(node, index, value, &mut self.plan.scenes);
                }
                Command::Master { decibels } => {
                    self.master.go(Decibels(decibels).to_gain(), self.ramp_frames)
                }
                Command::Inject(injection) if self.injections.len() < INJECTIONS => {
                    let frame = injection.frame.max(time);
                    self.injections.push(Injection { frame, ..injection });
                }
                Command::Inject(_) => self.dispatch.dropped_events += 1,
                Command::Transport(order) => {
                    self.time.order(time, order, &self.plan.time, &mut self.sinks);
                }
                Command::Jack(report) => {
                    self.time.jack(time, report, &self.plan.time, &mut self.sinks);
                }
                Command::Scene(turn) => {
                    let Renderer { plan, nodes, sinks, inbox, dispatch, performers, .. } = self;
                    let reach = &mut Reach { plan, nodes, sinks, performers };
                    dispatch.scenes.turn(turn, time, |source| inbox.port_of(source), reach);
                }
                Command::Panic => {
                    let Renderer { plan, nodes, sinks, performers, .. } = self;
                    self.dispatch.panic(time, &mut Reach { plan, nodes, sinks, performers });
                }
            }
        }
    }

    /// Takes the events of the next `length` frames to where they are heard.
    fn take_events(&mut self, length: usize) {
        let (now, end) = (self.frame, self.frame + length as Frame);
        let moment = self.time();
        let Renderer { plan, nodes, sinks, inbox, dispatch, time, log, performers, taps, .. } = self;
        let reach = &mut Reach { plan, nodes, sinks, performers };
        dispatch.set_grid(time.grid());
        reach.performers.follow(now, end, &moment);
        while let Some(mut event) = inbox.next(now, end, reach.performers) {
            dispatch.run(now, event.time, reach, |frame, reach| {
                time.clocks(now, frame + 1, &reach.plan.time, reach.sinks);
            });
            if let Some(number) = Performers::of_source(event.source) {
                if Performers::is_turn(&event) {
                    // It has heard all that comes before, arpeggios and repeats too.
                    let Some(played) = reach.performers.take(number, event.time) else { continue };
                    inbox.count_taken();
                    event = played;
                }
                if let Some(Some(tap)) = taps.get_mut(usize::from(number)) {
                    // Where there is no room the tap counts what it lost.
                    tap.send(event);
                }
            }
            time.clocks(now, event.time + 1, &reach.plan.time, reach.sinks);
            if reach.plan.time.follow.is_some() {
                time.hear(&event, inbox.port_of(event.source), &reach.plan.time);
            }
            dispatch.event(&event, inbox, reach);
            if let Some(log) = log {
                log.event(&event, dispatch.chunk_of(&event));
            }
        }
        dispatch.run(now, end, reach, |frame, reach| {
            time.clocks(now, frame + 1, &reach.plan.time, reach.sinks);
        });
        time.clocks(now, end, &reach.plan.time, reach.sinks);
    }

    /// Runs the plan for one piece, which are frames `start` and on of the callback.
    fn play(&mut self, start: usize, piece: Piece, clock: Option<Clock>, ports: &mut dyn AudioPorts) {
        let Piece { at, length, .. } = piece;
        let first = piece.frame.saturating_sub(start as Frame);
        let level = &mut self.level[..length];
        match self.master.steady() {
            Some(gain) => level.fill(gain),
            None => level.iter_mut().for_each(|level| *level = self.master.next()),
        }
        let channels = self.plan.channels.min(CHANNELS);
        for channel in &mut self.device[..channels] {
            channel[..length].fill(0.0);
        }
        let Renderer { plan, nodes, notices, snapshot, has_failed, patience, joins, log, inbox, .. } = self;
        let script = inbox.script.as_deref();
        let mut log = log.as_deref_mut();
        let Plan { steps, edges, .. } = &mut **plan;
        let mut came = |log: &mut Option<&mut Log>, node, Outcome { missed, verdict }| {
            if let (Some(log), Some(missed)) = (&mut *log, missed) {
                log.missing(node, missed);
            }
            let Some(Verdict { kind, frame, place }) = verdict else { return };
            if let Some(log) = log {
                log.verdict(frame, node, kind);
            }
            *has_failed = true;
            if notices.send(Notice::Fault(Fault { node, kind, frame, place })).is_err() {
                snapshot.lost_notices += 1;
            }
        };
        for step in steps.iter() {
            match *step {
                Step::Input { node } => {
                    if let Some(Some(node)) = nodes.get_mut(usize::from(node)) {
                        match &mut log {
                            Some(log) => node.read_input(piece, start, &mut Logged { ports, log, first }),
                            None => node.read_input(piece, start, ports),
                        }
                    }
                }
                Step::Process { node, main, late } => {
                    joins.before(&edges[range(main)], nodes, patience, |node, it| came(&mut log, node, it));
                    let heard = sum(edges, main, nodes, at, length, |node| &node.output);
                    let echo =
                        (late.0 < late.1).then(|| sum(edges, late, nodes, at, length, |node| &node.previous));
                    let [left, right] = &heard;
                    let input = Input {
                        main: [&left[..length], &right[..length]],
                        late: echo.as_ref().map(|[left, right]| [&left[..length], &right[..length]]),
                    };
                    let Some(Some(place)) = nodes.get_mut(usize::from(node)) else { continue };
                    let judge = match (script, clock) {
                        (Some(script), _) => Judge::Log(script.verdict_in(node, piece)),
                        (None, Some(clock)) => Judge::Clock(clock),
                        (None, None) => Judge::Nobody,
                    };
                    let missed = script.and_then(|script| script.missed(node, piece));
                    let dry = script.map(|script| script.dry_in(node, piece));
                    let chaos = Chaos { injections: &self.injections, node, judge, missed, dry };
                    patience.pulse().at(piece.frame, node);
                    let verdict = place.process(piece, input, chaos, patience.block());
                    if let (Some(log), Some(lanes)) = (&mut log, place.take_dry(piece)) {
                        log.dry(piece.frame, node, lanes);
                    }
                    came(&mut log, node, Outcome { missed: place.take_missed(), verdict });
                    joins.note(node, place);
                }
                Step::Output { bus, edges: heard } => {
                    joins.before(&edges[range(heard)], nodes, patience, |node, it| came(&mut log, node, it));
                    let Some(Some(bus)) = self.buses.get_mut(usize::from(bus)) else { continue };
                    [bus.left, bus.right] = sum(edges, heard, nodes, at, length, |node| &node.output);
                    bus.finish(&self.level[..length], length, &mut self.device[..channels]);
                }
            }
        }
        joins.rest(nodes, patience, |node, it| came(&mut log, node, it));
        patience.pulse().at_nothing(piece.frame);
        self.write_device(start, piece, channels, ports);
    }

    fn write_device(&mut self, start: usize, piece: Piece, channels: usize, ports: &mut dyn AudioPorts) {
        let length = piece.length;
        let device = &mut self.device[..channels];
        if let Some(tap) = &mut self.tap {
            let is_wanted = !self.plan.time.takes_only || piece.time.state == State::Recording;
            let wanted = self.record_until.saturating_sub(piece.frame).min(length as Frame);
            let wanted = if is_wanted { wanted } else { 0 };
            tap.push(device, wanted as usize);
        }
        let wanted = ports.output_channels();
        if wanted == 1 && channels > 1 {
            let (left, right) = device.split_at_mut(1);
            for (l, r) in left[0][..length].iter_mut().zip(&right[0]) {
                *l = (*l + r) * 0.5;
            }
        }
        for channel in 0..wanted {
            match device.get(channel) {
                Some(samples) => ports.write(channel, start, &samples[..length]),
                None => ports.write(channel, start, &[0.0; QUANTUM_FRAMES][..length]),
            }
        }
    }

    fn show_stems(&self, stems: &mut dyn Stems, start: usize, at: usize, length: usize) {
        for step in &self.plan.steps {
            if let Step::Process { node, .. } = *step
                && let Some(Some(place)) = self.nodes.get(usize::from(node))
            {
                let [left, right] = &place.output;
                stems.stem(node, start, &left[at..at + length], &right[at..at + length]);
            }
        }
    }

    fn forget_events(&mut self) {
        for step in &self.plan.steps {
            if let Step::Process { node, .. } | Step::Input { node } = *step
                && let Some(Some(node)) = self.nodes.get_mut(usize::from(node))
            {
                node.forget_events();
            }
        }
    }

    fn publish(&mut self) {
        let Renderer { nodes, buses, taken, .. } = &*self;
        let voices = there(nodes, &taken.nodes).map(|node| node.voices()).sum();
        let limited_frames = there(buses, &taken.buses).map(|bus| bus.limited_frames).sum();
        let snapshot = &mut self.snapshot;
        let seconds = self.rate.seconds(self.frame - snapshot.frame);
        let fall = maths::exp2(-seconds / METER_HALF_LIFE_SECONDS) as f32;
        snapshot.frame = self.frame;
        snapshot.voices = voices;
        snapshot.peak_voices = snapshot.peak_voices.max(voices);
        snapshot.late_events = self.inbox.late_events;
        snapshot.deferred_events = self.inbox.deferred_events;
        snapshot.dropped_events = self.dispatch.dropped_events + self.inbox.dropped();
        snapshot.live_strikes = self.inbox.live_strikes;
        snapshot.record_lost_frames = self.tap.as_ref().map_or(0, |tap| tap.lost_frames());
        snapshot.limited_frames = limited_frames;
        for (meter, bus) in snapshot.meters.iter_mut().zip(&mut self.buses[..METERS]) {
            *meter = bus.as_mut().map_or_else(Default::default, |bus| bus.meter.fall(fall));
        }
        snapshot.transport = self.time.view(self.frame, &self.plan.time);
        self.publisher.publish(*snapshot);
    }
}

/// What is in places that are taken.
fn there<'a, T>(places: &'a [Option<Box<T>>], taken: &'a [u16]) -> impl Iterator<Item = &'a T> {
    taken.iter().filter_map(|place| places.get(usize::from(*place))?.as_deref())
}
