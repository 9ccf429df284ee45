//! Following another clock: the grid is steered, not set.

use super::{JackReport, JackRole, Sinks, TimePlan, Timekeeper, clock};
use crate::midi::{Event, Message};
use crate::transport::{Beats, Order, TICKS_PER_BEAT, Tempo, Wish};
use crate::unit::Frame;

/// What is off by more is another place, in ticks: half a beat.
const JUMP_TICKS: f64 = 12.0;
/// What is off is made up for within so many ticks: a beat.
const STEER_TICKS: f64 = 24.0;
/// Two sides that count the same beats may be apart by so much: a tick.
const NEAR: Beats = Beats::part(1, TICKS_PER_BEAT);
/// The tempo is bent by so much at most to make up for it.
const STEEPEST: (f64, f64) = (0.8, 1.25);

impl Timekeeper {
    /// An event of a port of the rig: the followed one's clock.
    pub(in crate::render) fn hear(&mut self, event: &Event, port: Option<u16>, plan: &TimePlan) {
        if plan.follow.is_none() || port != plan.follow {
            return;
        }
        if let Some(Message::System { status, data }) = event.message() {
            let here = self.grid.beat_at(event.time);
            self.follower.hear(event.time, status, data, here);
        }
    }

    /// A quantum begins.
    pub(in crate::render) fn quantum(&mut self, frame: Frame, plan: &TimePlan, sinks: &mut Sinks) {
        if plan.follow.is_none() {
            return;
        }
        match self.follower.quantum(frame) {
            Some(Wish::Roll { from }) => {
                let (awaited, next) = self.follower.next_tick();
                // Its first tick may be here already: then that is now.
                let at = if next > from { frame } else { awaited.max(frame) };
                if self.state.is_rolling() {
                    self.halt(frame, plan, sinks);
                }
                self.roll(frame, Some(at), Beats::part(from, TICKS_PER_BEAT), plan, sinks);
            }
            Some(Wish::Stand) => {
                self.halt(frame, plan, sinks);
                self.state = self.state.after(Order::Stop);
            }
            None => {}
        }
        self.steer(frame);
    }

    fn steer(&mut self, frame: Frame) {
        let is_fresh = self.follower.take_fresh();
        let Some(tempo) = self.follower.tempo() else { return };
        if frame < self.begins {
            return;
        }
        match self.follower.place_at(frame) {
            // Gone: what was last known holds.
            None if self.is_bent => {
                self.grid.set_tempo(frame, tempo, self.rate);
                self.is_bent = false;
            }
            Some(place) if is_fresh => {
                let ticks = f64::from(TICKS_PER_BEAT);
                let mut off = place - self.grid.beat_at(frame).as_f64() * ticks;
                if !(self.state.is_rolling() && self.follower.is_rolling()) {
                    off -= libm::round(off);
                } else if libm::fabs(off) > JUMP_TICKS {
                    let beats = (place / ticks * 4_294_967_296.0).max(0.0);
                    self.grid.locate(frame, Beats(beats as u64));
                    self.next_clock = clock::first_tick(self.grid.beat_at(frame));
                    off = 0.0;
                }
                let bent = tempo.beats_per_minute() * (1.0 + off / STEER_TICKS).clamp(STEEPEST.0, STEEPEST.1);
                if let Ok(bent) = Tempo::new(bent.clamp(Tempo::MIN, Tempo::MAX)) {
                    self.grid.set_tempo(frame, bent, self.rate);
                }
                (self.held, self.is_bent) = (Some(tempo), true);
            }
            _ => {}
        }
    }

    /// How JACK's transport stands.
    pub(in crate::render) fn jack(
        &mut self,
        frame: Frame,
        report: JackReport,
        plan: &TimePlan,
        sinks: &mut Sinks,
    ) {
        if plan.jack != JackRole::Follow {
            return;
        }
        if let Some(tempo) = report.tempo {
            self.go_at(frame, tempo, plan);
        }
        if !report.is_rolling {
            self.halt(frame, plan, sinks);
            if self.state.is_rolling() {
                self.state = self.state.after(Order::Stop);
            }
            return;
        }
        let mut fresh = self.grid;
        fresh.locate(0, Beats(0));
        let to = report.beats.unwrap_or_else(|| fresh.beat_at(report.place));
        let is_there = self.state.is_rolling() && !report.is_moved && {
            let here = self.grid.beat_at(report.frame);
            here.0.abs_diff(to.0) < NEAR.0
        };
        if !is_there {
            if self.state.is_rolling() {
                self.halt(frame, plan, sinks);
            }
            self.roll(frame, Some(report.frame), to, plan, sinks);
        }
    }
}
