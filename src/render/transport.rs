//! Musical time in the Renderer: where the song stands, and the clock that gear
//! is sent. Everything changes at the start of a quantum, or where a piece is cut
//! for it: so no block size moves a beat.

mod clock;
mod follow;
mod plan;

use super::Sink;
use crate::transport::{Beats, Follower, Grid, Lock, Order, State, Tap, Tempo, Time};
use crate::unit::{Frame, SampleRate};

pub use clock::CLOCK_SOURCE;
pub(super) use clock::is_clock;
pub use plan::{JackReport, JackRole, TimePlan, TransportView};

type Sinks = [Option<Box<Sink>>];

/// A sixteenth: what MIDI counts song positions in.
const SIXTEENTH: u64 = 1 << 30;

/// What runs musical time. Real-time: yes.
pub(super) struct Timekeeper {
    rate: SampleRate,
    grid: Grid,
    state: State,
    /// Where the song stands while it does not roll.
    parked: Beats,
    count_in: Option<CountIn>,
    /// The last tempo change of the course that was passed.
    passed: Beats,
    /// The number on the grid of the next clock tick to be sent.
    next_clock: u64,
    /// Nothing of the clock falls before this frame; found once for a piece, in which time goes evenly.
    quiet_until: Frame,
    tap: Tap,
    follower: Follower,
    /// The tempo that is followed, once it is known.
    held: Option<Tempo>,
    /// The grid's tempo differs from it, to make up for what was off.
    is_bent: bool,
    /// The beat of the grid that comes first after a start lies here.
    begins: Frame,
}

/// Bars that are counted before the song.
#[derive(Clone, Copy)]
struct CountIn {
    /// Where it ends, on the grid that counts.
    ends: Beats,
    /// Where gear was told, which is shortly before.
    is_told: bool,
}

impl Timekeeper {
    pub(super) fn new(rate: SampleRate) -> Timekeeper {
        Timekeeper {
            rate,
            grid: Grid::new(Tempo::DEFAULT, rate),
            state: State::Stopped,
            parked: Beats(0),
            count_in: None,
            passed: Beats(0),
            next_clock: 0,
            quiet_until: 0,
            tap: Tap::default(),
            follower: Follower::new(rate),
            held: None,
            is_bent: false,
            begins: 0,
        }
    }

    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    /// What processors are told.
    pub(super) fn time(&self, plan: &TimePlan) -> Time {
        let counts_in = self.count_in.is_some();
        Time { grid: self.grid, state: self.state, counts_in, beats_per_bar: plan.beats_per_bar }
    }

    /// What the control world is shown.
    pub(super) fn view(&self, frame: Frame, plan: &TimePlan) -> TransportView {
        let beats = if self.moves() { self.grid.beat_at(frame) } else { self.parked };
        let (bar, beat) = Time::bar_and_beat(beats, plan.beats_per_bar);
        let is_following = plan.follow.is_some();
        let tempo = self.held.filter(|_| is_following).unwrap_or_else(|| self.grid.tempo(self.rate));
        TransportView {
            state: self.state,
            beats,
            bar,
            beat,
            tempo,
            counts_in: self.count_in.is_some(),
            lock: if is_following { self.follower.lock() } else { Lock::Free },
            clock_losses: self.follower.losses(),
        }
    }

    /// Whether the grid says where the song, or its count-in, is.
    fn moves(&self) -> bool {
        self.state.is_rolling() || self.count_in.is_some()
    }

    /// A plan comes in; `old` is what it takes the place of.
    pub(super) fn exchange(&mut self, frame: Frame, old: &TimePlan, plan: &TimePlan, sinks: &mut Sinks) {
        if old.follow != plan.follow {
            self.follower = Follower::new(self.rate);
            self.held = None;
        }
        if old.tempo != plan.tempo || old.course != plan.course {
            let here = if self.state.is_rolling() { self.grid.beat_at(frame) } else { self.parked };
            self.go_at(frame, plan.course.at(here).unwrap_or(plan.tempo), plan);
            self.passed = here;
        }
        if plan.starts && !old.starts {
            self.order(frame, Order::Start, plan, sinks);
        }
    }

    /// What the player wants.
    pub(super) fn order(&mut self, frame: Frame, order: Order, plan: &TimePlan, sinks: &mut Sinks) {
        // Who follows is moved by the other side alone.
        let is_led = plan.is_led();
        match order {
            Order::Arm => self.state = self.state.after(order),
            Order::Tempo(tempo) => self.go_at(frame, tempo, plan),
            Order::Tap => {
                if let Some(tempo) = self.tap.tap(frame, self.rate) {
                    self.go_at(frame, tempo, plan);
                }
            }
            _ if is_led => {}
            Order::Start => {
                self.halt(frame, plan, sinks);
                match plan.count_in_bars {
                    0 => self.roll(frame, None, Beats(0), plan, sinks),
                    bars => self.count(frame, bars, plan),
                }
            }
            Order::Continue if self.moves() => {}
            Order::Continue => self.roll(frame, None, whole_sixteenths(self.parked), plan, sinks),
            Order::Stop => {
                self.halt(frame, plan, sinks);
                self.state = State::Stopped;
            }
            Order::Locate(beat) => {
                let beat = whole_sixteenths(beat);
                if self.state.is_rolling() {
                    self.halt(frame, plan, sinks);
                    self.roll(frame, None, beat, plan, sinks);
                } else {
                    self.parked = beat;
                    self.tell_position(frame, beat, plan, sinks);
                }
            }
        }
    }

    fn go_at(&mut self, frame: Frame, tempo: Tempo, plan: &TimePlan) {
        if plan.follow.is_none() {
            self.grid.set_tempo(frame.max(self.begins), tempo, self.rate);
        }
    }

    /// Ends what rolls or is counted in; the state is the caller's.
    fn halt(&mut self, frame: Frame, plan: &TimePlan, sinks: &mut Sinks) {
        let was_told = self.count_in.take().is_some_and(|count| count.is_told);
        if self.state.is_rolling() {
            self.parked = self.grid.beat_at(frame);
        }
        if self.state.is_rolling() || was_told {
            self.tell(frame, &[clock::STOP], plan, sinks);
        }
    }

    /// Rolls from a beat on, which lies at the frame `at`; where that is open, now,
    /// or as soon as gear that is sent a clock can be ready for it.
    fn roll(&mut self, frame: Frame, at: Option<Frame>, to: Beats, plan: &TimePlan, sinks: &mut Sinks) {
        self.tell_start(frame, to, plan, sinks);
        let at = at.unwrap_or_else(|| frame + self.lead_frames(plan));
        self.grid.locate(at, to);
        self.begins = at;
        if let Some(tempo) = plan.course.at(to).filter(|_| !plan.is_led()) {
            self.grid.set_tempo(at, tempo, self.rate);
        }
        self.enter(to);
    }

    /// The song goes on from here.
    fn enter(&mut self, to: Beats) {
        self.count_in = None;
        self.passed = to;
        self.next_clock = clock::first_tick(to);
        self.state = self.state.after(Order::Continue);
    }

    fn count(&mut self, frame: Frame, bars: u32, plan: &TimePlan) {
        if self.state.is_rolling() {
            // A take that is begun anew is still wanted.
            self.state = if self.state == State::Recording { State::Armed } else { State::Stopped };
        }
        self.grid.locate(frame, Beats(0));
        if let Some(tempo) = plan.course.at(Beats(0)) {
            self.grid.set_tempo(frame, tempo, self.rate);
        }
        self.begins = frame;
        self.next_clock = 0;
        let beats = u64::from(bars) * u64::from(plan.beats_per_bar);
        self.count_in = Some(CountIn { ends: Beats(beats << 32), is_told: false });
    }

    /// A piece begins: what falls on its first frame happens.
    pub(super) fn piece(&mut self, frame: Frame, plan: &TimePlan) {
        self.quiet_until = 0;
        if let Some(count) = self.count_in
            && self.grid.frame_of(count.ends) <= frame
        {
            let tempo = self.grid.tempo(self.rate);
            self.grid.turn(count.ends, Beats(0), tempo, self.rate);
            self.enter(Beats(0));
        }
        while let Some(change) = self.next_change(plan)
            && self.grid.frame_of(change.beat) <= frame
        {
            self.grid.turn(change.beat, change.beat, change.tempo, self.rate);
            self.passed = change.beat;
        }
    }

    /// Where the piece that begins at `frame` must end, at the latest.
    pub(super) fn cut(&self, frame: Frame, plan: &TimePlan) -> Frame {
        let count = self.count_in.map(|count| self.grid.frame_of(count.ends));
        let change = self.next_change(plan).map(|change| self.grid.frame_of(change.beat));
        let next = [count, change].into_iter().flatten().filter(|cut| *cut > frame).min();
        next.unwrap_or(Frame::MAX)
    }

    fn next_change(&self, plan: &TimePlan) -> Option<crate::transport::TempoChange> {
        if plan.course.is_empty() || plan.is_led() || !self.state.is_rolling() {
            return None;
        }
        plan.course.next(self.passed)
    }
}

fn whole_sixteenths(beats: Beats) -> Beats {
    Beats(beats.0 / SIXTEENTH * SIXTEENTH)
}
