//! The clock that gear is sent.

use super::{SIXTEENTH, Sinks, TimePlan, Timekeeper};
use crate::midi::{Event, Message};
use crate::transport::{Beats, TICKS_PER_BEAT};
use crate::unit::Frame;

const CLOCK: u8 = 0xf8;
const START: u8 = 0xfa;
const CONTINUE: u8 = 0xfb;
pub(super) const STOP: u8 = 0xfc;
const POSITION: u8 = 0xf2;
/// Gear has this long between "start" and the first tick (MIDI 1.0 Detailed
/// Specification 4.2, "Start": at least a millisecond).
const LEAD_SECONDS: f64 = 0.001;
/// The highest song position, in sixteenths.
const LAST_POSITION: u64 = 0x3fff;
/// The source of the clock's events, which is none of the rig's.
pub const CLOCK_SOURCE: u16 = u16::MAX;

/// The first tick at a beat or after it.
pub(super) fn first_tick(beat: Beats) -> u64 {
    let mut tick = ((u128::from(beat.0) * u128::from(TICKS_PER_BEAT)) >> 32) as u64;
    while Beats::part(tick, TICKS_PER_BEAT) < beat {
        tick += 1;
    }
    tick
}

/// Whether a message is the clock's business: gear that is sent ours must not hear
/// another one's beside it. Real-time: yes.
pub(in crate::render) fn is_clock(message: Message) -> bool {
    matches!(message, Message::System { status: CLOCK | START | CONTINUE | STOP | POSITION, .. })
}

impl Timekeeper {
    /// Sends what falls before the frame `until`.
    pub(in crate::render) fn clocks(&mut self, now: Frame, until: Frame, plan: &TimePlan, sinks: &mut Sinks) {
        if until <= self.quiet_until {
            return;
        }
        let lead = self.lead_frames(plan);
        loop {
            let tick = self.grid.frame_of(Beats::part(self.next_clock, TICKS_PER_BEAT));
            self.quiet_until = tick;
            if let Some(count) = &mut self.count_in
                && !count.is_told
            {
                let start = self.grid.frame_of(count.ends).saturating_sub(lead);
                if start < until && start <= tick {
                    count.is_told = true;
                    self.tell(start.max(now), &[START], plan, sinks);
                    continue;
                }
                self.quiet_until = tick.min(start);
            }
            if tick >= until {
                return;
            }
            self.tell(tick.max(now), &[CLOCK], plan, sinks);
            self.next_clock += 1;
        }
    }

    pub(super) fn lead_frames(&self, plan: &TimePlan) -> Frame {
        if plan.clocked.is_empty() { 0 } else { libm::ceil(LEAD_SECONDS * self.rate.as_f64()) as Frame }
    }

    /// "Start", or "continue" from a song position.
    pub(super) fn tell_start(&self, frame: Frame, to: Beats, plan: &TimePlan, sinks: &mut Sinks) {
        if to == Beats(0) {
            return self.tell(frame, &[START], plan, sinks);
        }
        self.tell_position(frame, to, plan, sinks);
        self.tell(frame, &[CONTINUE], plan, sinks);
    }

    /// The song position; of a place between two sixteenths, nothing: gear that
    /// counted with us is there already.
    pub(super) fn tell_position(&self, frame: Frame, to: Beats, plan: &TimePlan, sinks: &mut Sinks) {
        let sixteenths = to.0 / SIXTEENTH;
        if to.0.is_multiple_of(SIXTEENTH) && sixteenths <= LAST_POSITION {
            let message = [POSITION, (sixteenths & 0x7f) as u8, (sixteenths >> 7) as u8];
            self.tell(frame, &message, plan, sinks);
        }
    }

    pub(super) fn tell(&self, frame: Frame, bytes: &[u8], plan: &TimePlan, sinks: &mut Sinks) {
        for &place in &plan.clocked {
            if let Some(Some(sink)) = sinks.get_mut(usize::from(place)) {
                // Where there is no room the sink counts what it lost.
                sink.send(Event::from_bytes(frame, CLOCK_SOURCE, bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tick_is_never_before_its_beat() {
        assert_eq!(first_tick(Beats(0)), 0);
        for n in 0..500 {
            let beat = Beats::part(n, TICKS_PER_BEAT);
            assert_eq!((first_tick(beat), first_tick(Beats(beat.0 + 1))), (n, n + 1));
        }
    }
}
