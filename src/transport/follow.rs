//! Following a MIDI clock: its ticks to a tempo and a place in the song.

mod fit;

use super::{Beats, Tempo};
use crate::unit::{Frame, SampleRate};
use fit::Fit;

/// Clock ticks in a beat (MIDI 1.0 Detailed Specification 4.2, "MIDI Clock").
pub const TICKS_PER_BEAT: u32 = 24;
/// Clock ticks in a sixteenth, in which song positions are counted.
pub const TICKS_PER_SIXTEENTH: u64 = 6;

/// What the tempo is drawn from, at most: sixteen beats.
const MEMORY_TICKS: u32 = 384;
/// What tells that the tempo has changed.
const SHORT_TICKS: u32 = 12;
/// From here on the tempo counts as known.
const LOCKED_TICKS: u32 = 24;
/// After a change the tempo is drawn anew from so many ticks.
const RENEWED_TICKS: u32 = 6;
/// So many ticks must be missing, and at least half a second must be silent, for
/// the clock to count as gone.
const MISSING_TICKS: f64 = 8.0;
const SILENCE_SECONDS: f64 = 0.5;
/// The short fit may be off from the long by so much jitter and so many frames: six
/// times what jitter alone makes of it.
const CHANGED_JITTERS: f64 = 3.0;
const CHANGED_FRAMES: f64 = 2.0;
/// What people set a tempo in, in beats a minute, and how unusual each is against
/// the first, as the logarithm of a ratio.
const STEPS: [(f64, f64); 3] = [(1.0, 0.0), (0.5, 4.0), (0.1, 8.0)];
/// The same for a tempo that is none of these.
const UNLIKELY: f64 = 15.0;

const CLOCK: u8 = 0xf8;
const START: u8 = 0xfa;
const CONTINUE: u8 = 0xfb;
const STOP: u8 = 0xfc;
const POSITION: u8 = 0xf2;

/// How well a clock is known. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Lock {
    /// None is followed.
    #[default]
    Free,
    /// No clock comes.
    Waiting,
    /// Too little has come of it.
    Locking,
    /// Its tempo and its place are known.
    Locked,
    /// It broke off while it rolled; the tempo holds.
    Lost,
}

impl Lock {
    /// Its name, as shown and in JSON. Real-time: yes.
    pub const fn name(self) -> &'static str {
        match self {
            Lock::Free => "free",
            Lock::Waiting => "waiting",
            Lock::Locking => "locking",
            Lock::Locked => "locked",
            Lock::Lost => "lost",
        }
    }
}

/// What the other side wants of the transport. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// To roll.
    Roll {
        /// The number of the song's tick that comes first.
        from: u64,
    },
    /// To stand still.
    Stand,
}

/// A phase-locked loop on a MIDI clock. A pure function of the messages and their
/// frames.
///
/// The ticks are fitted by a straight line of least squares, recursively: as the
/// memory fills this is the best that can be drawn from so many ticks (the bound
/// of Cramér and Rao: a jitter of σ leaves σ·√(12/n³) of a tick's length after n
/// ticks). Where a round tempo is likelier than what was measured, it is taken:
/// people set tempi, they do not draw them by lot. A second, short fit tells when
/// the tempo has changed. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    rate: SampleRate,
    long: Fit,
    short: Fit,
    /// Variance of the ticks' jitter, in frames squared, and of how many ticks.
    variance: f64,
    measured: u32,
    last: Option<Frame>,
    lock: Lock,
    losses: u64,
    /// The other side rolls.
    rolls: bool,
    /// The number in the song of the tick that comes next.
    next_tick: u64,
    wish: Option<Wish>,
    is_fresh: bool,
}

impl Follower {
    /// Has heard nothing. Real-time: yes.
    pub fn new(rate: SampleRate) -> Follower {
        let length = rate.as_f64() * 60.0 / (120.0 * f64::from(TICKS_PER_BEAT));
        Follower {
            rate,
            long: Fit::new(MEMORY_TICKS, length),
            short: Fit::new(SHORT_TICKS, length),
            variance: 0.0,
            measured: 0,
            last: None,
            lock: Lock::Waiting,
            losses: 0,
            rolls: false,
            next_tick: 0,
            wish: None,
            is_fresh: false,
        }
    }

    /// A message of the followed port; `here` is the beat at which our own song
    /// stands at that frame. Real-time: yes.
    pub fn hear(&mut self, frame: Frame, status: u8, data: [u8; 2], here: Beats) {
        match status {
            CLOCK => self.tick(frame, here),
            START => {
                self.next_tick = 0;
                self.roll();
            }
            CONTINUE => self.roll(),
            STOP => (self.rolls, self.wish) = (false, Some(Wish::Stand)),
            POSITION => {
                let sixteenths = u64::from(data[0] & 0x7f) | u64::from(data[1] & 0x7f) << 7;
                self.next_tick = sixteenths * TICKS_PER_SIXTEENTH;
                if self.rolls {
                    self.roll();
                }
            }
            _ => {}
        }
    }

    fn roll(&mut self) {
        (self.rolls, self.wish) = (true, Some(Wish::Roll { from: self.next_tick }));
    }

    fn tick(&mut self, frame: Frame, here: Beats) {
        let place = frame as f64;
        match self.lock {
            Lock::Free | Lock::Waiting | Lock::Lost => {
                if self.lock == Lock::Lost && self.rolls {
                    // It went on where we did not hear it: so did we.
                    let ticks = here.as_f64() * f64::from(TICKS_PER_BEAT);
                    self.next_tick = libm::round(ticks) as u64;
                }
                self.long.restart(place);
                self.short.restart(place);
                (self.variance, self.measured) = (0.0, 0);
                self.lock = Lock::Locking;
            }
            Lock::Locking | Lock::Locked => self.fit(place),
        }
        if self.rolls {
            self.next_tick += 1;
        }
        self.last = Some(frame);
        self.is_fresh = true;
    }

    fn fit(&mut self, place: f64) {
        let known = self.long.count();
        let spread = self.long.prediction_variance();
        let error = self.long.take(place);
        self.short.take(place);
        if known >= 4 {
            let mut square = error * error / (1.0 + spread);
            if self.measured >= LOCKED_TICKS {
                square = square.min(16.0 * self.variance.max(0.1));
            }
            self.measured = (self.measured + 1).min(MEMORY_TICKS);
            self.variance += (square - self.variance) / f64::from(self.measured);
        }
        let allowed = CHANGED_JITTERS * libm::sqrt(self.variance) + CHANGED_FRAMES;
        if known > LOCKED_TICKS && libm::fabs(self.short.place() - self.long.place()) > allowed {
            self.long.renew(&self.short, RENEWED_TICKS);
        }
        self.lock = if self.long.count() >= LOCKED_TICKS { Lock::Locked } else { Lock::Locking };
    }

    /// A quantum begins: what the other side wants, as soon as it is known when.
    /// Real-time: yes.
    pub fn quantum(&mut self, frame: Frame) -> Option<Wish> {
        if let Some(last) = self.last
            && matches!(self.lock, Lock::Locking | Lock::Locked)
        {
            let silence = (MISSING_TICKS * self.long.length()).max(SILENCE_SECONDS * self.rate.as_f64());
            if frame.saturating_sub(last) as f64 > silence {
                // Who does not roll may save himself the clock.
                self.losses += u64::from(self.rolls);
                self.lock = if self.rolls { Lock::Lost } else { Lock::Waiting };
            }
        }
        match self.wish {
            Some(Wish::Roll { .. }) if self.place_at(frame).is_none() => None,
            _ => self.wish.take(),
        }
    }

    /// Whether a tick came since the last call. Real-time: yes.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.is_fresh)
    }

    /// Where the song stands at a frame, in ticks; below 0 before its first. Where
    /// the other side does not roll only the part after the point means anything.
    /// `None` while no clock comes. Real-time: yes.
    pub fn place_at(&self, frame: Frame) -> Option<f64> {
        matches!(self.lock, Lock::Locking | Lock::Locked).then(|| {
            let since = (frame as f64 - self.long.place()) / self.long.length();
            self.next_tick as f64 - 1.0 + since
        })
    }

    /// The frame at which the song's next tick is awaited, and its number. Real-time: yes.
    pub fn next_tick(&self) -> (Frame, u64) {
        let frame = libm::round(self.long.place() + self.long.length());
        (frame.max(0.0) as Frame, self.next_tick)
    }

    /// The tempo; `None` before there is one. Real-time: yes.
    pub fn tempo(&self) -> Option<Tempo> {
        let count = self.long.count();
        if count < 3 {
            return None;
        }
        let per_minute = self.rate.as_f64() * 60.0 / f64::from(TICKS_PER_BEAT);
        let measured = per_minute / self.long.length();
        let mut tempo = measured;
        if count >= LOCKED_TICKS {
            // A frame is as fine as a place can be.
            let jitter = libm::sqrt(self.variance.max(1.0 / 12.0));
            let n = f64::from(count);
            let unsure = measured * jitter * libm::sqrt(12.0 / (n * n * n)) / self.long.length();
            let mut least = UNLIKELY;
            for (step, unusual) in STEPS {
                let round = libm::round(measured / step) * step;
                let off = (measured - round) / unsure;
                let unlikely = off * off * 0.5 + unusual;
                if unlikely < least && step >= 6.0 * unsure {
                    (least, tempo) = (unlikely, round);
                }
            }
        }
        Tempo::new(tempo).ok()
    }

    /// How well the clock is known. Real-time: yes.
    pub fn lock(&self) -> Lock {
        self.lock
    }

    /// Whether the other side rolls. Real-time: yes.
    pub fn is_rolling(&self) -> bool {
        self.rolls
    }

    /// How often the clock broke off while it rolled. Real-time: yes.
    pub fn losses(&self) -> u64 {
        self.losses
    }
}

#[cfg(test)]
mod tests;
