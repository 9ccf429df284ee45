//! What cables do by themselves: arpeggios, repeats, and the limit of strikes.

use super::super::Destination;
use super::{Dispatch, Reach, off};
use crate::midi::{Event, Message};
use crate::route::{Arpeggiator, CableState, Held, Limit, Motion, Repeater, Strike, Struck, Turn};
use crate::transport::Grid;
use crate::unit::Frame;

/// Any strike: what a muted cable does not take.
const STRIKE: Message = Message::NoteOn { channel: 0, key: 0, velocity: 1 };

impl Dispatch {
    /// Musical time, as it goes from now on.
    pub(in crate::render) fn set_grid(&mut self, grid: Grid) {
        self.grid = grid;
    }

    /// Puts what a cable remembers in its place; what was there ends its notes.
    pub(in crate::render) fn exchange_state(
        &mut self,
        place: u16,
        state: &mut Option<Box<CableState>>,
        time: Frame,
        reach: &mut Reach<'_>,
    ) {
        let Some(there) = self.states.get_mut(usize::from(place)) else { return };
        std::mem::swap(there, state);
        while let Some((strike, note)) = state.as_mut().and_then(|old| old.take_any()) {
            self.end_note(strike, note, time, reach);
        }
    }

    /// Lets cables do by themselves what is due from the frame `now` on and before `until`.
    /// At one frame what is played goes first. `before` hears each frame that they
    /// do something at, beforehand.
    pub(in crate::render) fn run(
        &mut self,
        now: Frame,
        until: Frame,
        reach: &mut Reach<'_>,
        mut before: impl FnMut(Frame, &mut Reach<'_>),
    ) {
        if reach.plan.moving.is_empty() {
            return;
        }
        // Bounded: whatever is done comes again a frame later at the soonest.
        while let Some((time, turn, index)) = self.next_turn(now, reach).filter(|(time, ..)| *time < until) {
            before(time, reach);
            self.take(turn, index, time, reach);
        }
    }

    /// What is next of all cables: in time, ends first, then in the order of the rig.
    fn next_turn(&mut self, now: Frame, reach: &Reach<'_>) -> Option<(Frame, Turn, usize)> {
        let mut next: Option<(Frame, Turn, usize)> = None;
        for &index in &reach.plan.moving {
            let index = usize::from(index);
            let Some((state, motion)) = moving(&mut self.states, reach, index) else { continue };
            let is_muted = self.scenes.stops(index, STRIKE, reach);
            let Some((time, turn)) = state.next(now, is_muted, motion, &self.grid) else { continue };
            let is_start = |turn| matches!(turn, Turn::Step | Turn::Repeat);
            if next.is_none_or(|(soonest, other, _)| (time, is_start(turn)) < (soonest, is_start(other))) {
                next = Some((time, turn, index));
            }
        }
        next
    }

    fn take(&mut self, turn: Turn, index: usize, time: Frame, reach: &mut Reach<'_>) {
        let Some((state, motion)) = moving(&mut self.states, reach, index) else { return };
        match turn {
            Turn::EndStep => {
                let ended = state.arpeggiator.as_mut().and_then(Arpeggiator::take_release);
                self.end_some(ended, time, reach);
            }
            Turn::EndRepeat => {
                let ended = state.repeater.as_mut().and_then(Repeater::take_release);
                self.end_some(ended, time, reach);
            }
            Turn::Step => {
                let Some(settings) = motion.arpeggiator else { return };
                let Some(arpeggiator) = &mut state.arpeggiator else { return };
                let step = arpeggiator.take_step(time, &settings, &self.grid);
                for _ in 0..step.beyond {
                    self.drop_on(index, reach);
                }
                for struck in step.notes() {
                    self.step(index, struck, time, step.end, reach);
                }
            }
            Turn::Repeat => self.repeat(index, time, reach),
        }
    }

    /// A note of the arpeggiator begins.
    fn step(&mut self, index: usize, struck: Struck, time: Frame, end: Frame, reach: &mut Reach<'_>) {
        let Some(held) = self.strike_within_limit(index, struck, None, time, reach) else { return };
        if let Some((state, _)) = moving(&mut self.states, reach, index)
            && let Some(arpeggiator) = &mut state.arpeggiator
        {
            let ended = arpeggiator.sound(held.strike, held.note, end);
            self.end_some(ended, time, reach);
        }
        self.set_off(index, &held, struck.velocity, time, reach);
    }

    /// A note is repeated.
    fn repeat(&mut self, index: usize, time: Frame, reach: &mut Reach<'_>) {
        let Some((state, _)) = moving(&mut self.states, reach, index) else { return };
        let Some(struck) = state.repeater.as_ref().and_then(Repeater::peek_strike) else { return };
        let note = self.strike_within_limit(index, struck, None, time, reach).map(|held| held.note);
        let Some((state, motion)) = moving(&mut self.states, reach, index) else { return };
        let (Some(repeater), Some(settings)) = (&mut state.repeater, &motion.delay) else { return };
        if !repeater.struck(note, settings, &self.grid, self.rate) {
            self.drop_on(index, reach);
        }
    }

    /// A played note comes to a cable that moves in time.
    pub(super) fn enter(&mut self, index: usize, struck: Struck, sent: Event, reach: &mut Reach<'_>) {
        let time = sent.time;
        if let Some((state, motion)) = moving(&mut self.states, reach, index)
            && let (Some(arpeggiator), Some(settings)) = (&mut state.arpeggiator, &motion.arpeggiator)
        {
            if !arpeggiator.press(struck, time, settings, &self.grid) {
                self.drop_on(index, reach);
            }
            return;
        }
        if let Some(held) = self.strike_within_limit(index, struck, Some(sent), time, reach) {
            self.set_off(index, &held, struck.velocity, time, reach);
        }
    }

    /// Strikes a note, as it was on the wire where that is given, unless that
    /// would be too many in a second.
    fn strike_within_limit(
        &mut self,
        index: usize,
        struck: Struck,
        sent: Option<Event>,
        time: Frame,
        reach: &mut Reach<'_>,
    ) -> Option<Held> {
        if let Some((state, _)) = moving(&mut self.states, reach, index)
            && !state.limit.as_mut().is_none_or(|limit: &mut Limit| limit.pass(time))
        {
            self.drop_on(index, reach);
            return None;
        }
        let Struck { strike, channel, key, velocity } = struck;
        let made = || Event::midi(time, strike.source, Message::NoteOn { channel, key, velocity });
        self.sent |= 1 << channel;
        self.strike(index, struck, sent.unwrap_or_else(made), reach)
    }

    /// Sets off the repeats of a note.
    fn set_off(&mut self, index: usize, held: &Held, velocity: u8, time: Frame, reach: &mut Reach<'_>) {
        let Some((state, motion)) = moving(&mut self.states, reach, index) else { return };
        let (Some(repeater), Some(settings)) = (&mut state.repeater, &motion.delay) else { return };
        if !repeater.begin(held, velocity, time, settings, &self.grid, self.rate) {
            self.drop_on(index, reach);
        }
    }

    /// A key goes up: whether an arpeggiator held it.
    pub(super) fn let_go(&mut self, strike: Strike, reach: &Reach<'_>) -> bool {
        let mut any = false;
        for &index in &reach.plan.moving {
            if let Some((state, motion)) = moving(&mut self.states, reach, usize::from(index))
                && let (Some(arpeggiator), Some(settings)) = (&mut state.arpeggiator, &motion.arpeggiator)
            {
                any |= arpeggiator.release(strike, settings);
            }
        }
        any
    }

    /// A note has ended, however: so will its repeats.
    pub(super) fn note_ended(&mut self, held: &Held, time: Frame, reach: &Reach<'_>) {
        for &index in &reach.plan.moving {
            let index = usize::from(index);
            if reach.plan.cables.get(index).is_some_and(|cable| cable.id == held.cable)
                && let Some((state, _)) = moving(&mut self.states, reach, index)
                && let Some(repeater) = &mut state.repeater
            {
                repeater.end(held.note, time);
            }
        }
    }

    fn end_some(&mut self, note: Option<(Strike, u32)>, time: Frame, reach: &mut Reach<'_>) {
        if let Some((strike, note)) = note {
            self.end_note(strike, note, time, reach);
        }
    }

    /// Ends a note that a cable made, unless something else has.
    fn end_note(&mut self, strike: Strike, note: u32, time: Frame, reach: &mut Reach<'_>) {
        let Some(held) = self.notes.take(strike, note) else { return };
        if !reach.send(Destination::from_number(held.destination), off(&held, time, 64)) {
            self.drop_at(held.cable, reach);
        }
        self.note_ended(&held, time, reach);
    }

    fn drop_on(&mut self, index: usize, reach: &mut Reach<'_>) {
        if let Some(cable) = reach.plan.cables.get(index) {
            cable.count.count_dropped();
        }
        self.dropped_events += 1;
    }
}

/// What a cable remembers, and its settings.
fn moving<'a>(
    states: &'a mut [Option<Box<CableState>>],
    reach: &'a Reach<'_>,
    index: usize,
) -> Option<(&'a mut CableState, &'a Motion)> {
    let cable = reach.plan.cables.get(index)?;
    let state = states.get_mut(usize::from(cable.state?))?.as_mut()?;
    Some((state, cable.transform.motion.as_deref()?))
}
