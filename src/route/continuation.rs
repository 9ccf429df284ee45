//! Answers what is played, in its own style and in time.

mod count;
mod ear;
mod memory;
#[cfg(test)]
mod tests;
mod trie;
mod voice;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use count::{BackOff, ContinuationCount};
pub use trie::ORDER_MAX;

use crate::midi::Message;
use crate::transport::{Beats, Time};
use crate::unit::{Frame, Random, SampleRate};
use ear::Ear;
use memory::{Context, Memory, Note};
use voice::Voice;

/// Chords that a continuation remembers.
pub const MEMORY_CHORDS: usize = 4_096;
/// Strikes that are no further apart than this are one chord.
pub const CHORD_SECONDS: f64 = 0.030;
/// Notes of one chord; more are dropped and counted.
const CHORD_NOTES: usize = 16;
/// The shortest note, and the least time between two chords, in beats: a sixty-fourth of one.
const SHORTEST: u64 = 1 << 26;
/// Who plays this much before a bar line means the bar after it: a quarter of a beat.
const EARLY: u64 = 1 << 30;

/// How a continuation listens and answers. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ContinuationSettings {
    /// Bars of a call, and of its answer.
    pub bars: u32,
    /// A call also ends when nothing is struck or held for so long.
    pub pause: Option<Beats>,
    /// Chords of context that the next one depends on, 1 to [`ORDER_MAX`].
    pub order: usize,
}

/// A call: what is listened to until it is answered.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// The bar line from which its bars are counted.
    origin: u64,
    /// The bar line on which it is answered.
    end: u64,
    /// When a key last went down or up.
    active: u64,
    /// A pause has ended it.
    is_paused: bool,
}

/// An answer under way.
#[derive(Clone, Copy, Debug)]
struct Answer {
    number: u32,
    end: u64,
    /// Chords drawn so far.
    chords: u16,
    context: Context,
    random: Random,
    /// When the chord that was drawn last is struck, and the one after it drawn.
    next: Option<u64>,
    /// A key went down so shortly before the end that it begins the next call.
    is_called: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nobody plays.
    Waiting,
    Listening(Call),
    Answering(Answer),
}

/// Listens to a call of some bars, learns from it by a variable-order Markov model, and
/// answers from the bar line after it, for as long; then it listens again.
///
/// A model of the order K knows what was heard after each run of up to K chords. The next
/// chord of an answer is drawn when the one before it is played, from what came after the
/// longest end of what was played so far (the call included) that was ever heard to go
/// on; where that is shorter than K, a [`BackOff`] is counted and listed. How it is played
/// (its distance from the chord before, velocities, lengths) is as it was heard last in
/// that context, in beats. The first chord stands on the bar line; at the answer's last
/// bar line all notes end.
///
/// While the transport rolls, bars are those of the grid. While it stands, the first note
/// of a call is the first beat of a bar, but goes on in the bars of the answer before it
/// (or of frame 0) where it comes in the first bar after that. A note up to a quarter of a
/// beat before a bar line belongs to the bar that begins there. What is played over an
/// answer is learned too. A jump, a start and a stop of the transport end an answer, and
/// forget the call but not what was learned from it.
///
/// It reads no clock and works at the frames it is told of alone, in the order of time.
/// Real-time: yes, but for `new`.
#[derive(Debug)]
pub struct Continuation {
    settings: ContinuationSettings,
    seed: u64,
    ear: Ear,
    voice: Voice,
    state: State,
    /// While the transport stands: a bar line of what was played last.
    anchor: Option<u64>,
    /// How time went when it was last looked at.
    clock: Option<Time>,
    count: Arc<ContinuationCount>,
}

impl Continuation {
    /// One that has heard nothing; what it draws comes from the seed. Real-time: no (allocates).
    pub fn new(settings: ContinuationSettings, rate: SampleRate, seed: u64) -> Continuation {
        Continuation::remembering(settings, rate, seed, MEMORY_CHORDS)
    }

    /// One that remembers so many chords, 64 at least. Real-time: no (allocates).
    pub fn remembering(
        settings: ContinuationSettings,
        rate: SampleRate,
        seed: u64,
        chords: usize,
    ) -> Continuation {
        let memory = Memory::new(settings.order, chords);
        Continuation {
            settings,
            seed,
            count: Arc::new(ContinuationCount::new(memory.order())),
            ear: Ear::new(memory, rate.frames(CHORD_SECONDS)),
            voice: Voice::new(),
            state: State::Waiting,
            anchor: Some(0),
            clock: None,
        }
    }

    /// What it heard and played so far. Real-time: yes.
    pub fn count(&self) -> &Arc<ContinuationCount> {
        &self.count
    }

    /// What it does. Real-time: yes.
    pub fn settings(&self) -> &ContinuationSettings {
        &self.settings
    }

    /// Does something else from the next call on; another order needs another memory, and is
    /// left as it was. Real-time: yes.
    pub fn set(&mut self, settings: ContinuationSettings) {
        self.settings = ContinuationSettings { order: self.settings.order, ..settings };
    }

    /// Hears a message: notes; others say nothing to it. Real-time: yes.
    pub fn hear(&mut self, time: Frame, message: Message, clock: &Time) {
        match message {
            Message::NoteOn { channel, key, velocity } => {
                self.strike(time, Note { channel, key, velocity, ..Note::default() }, clock);
            }
            Message::NoteOff { channel, key, .. } => {
                self.advance(time, clock);
                self.ear.release(time, channel, key, clock);
                self.touch(time, clock);
            }
            _ => {}
        }
    }

    /// Who plays is gone: all keys go up. Real-time: yes.
    pub fn release_all(&mut self, time: Frame, clock: &Time) {
        self.advance(time, clock);
        self.ear.release_all(time, clock);
        self.touch(time, clock);
    }

    /// When it does something next, at `now` at the soonest. Real-time: yes.
    pub fn next(&mut self, now: Frame, clock: &Time) -> Option<Frame> {
        self.follow(now, clock);
        let turn = self.turn().map(|beat| clock.grid.frame_of(Beats(beat)));
        let next = [turn, self.voice.next(clock)].into_iter().flatten().min();
        next.map(|frame| frame.max(now))
    }

    /// What it plays at the frame that is next: to be called until `None`. Real-time: yes.
    pub fn take(&mut self, now: Frame, clock: &Time) -> Option<Message> {
        self.advance(now, clock);
        let message = self.voice.take(now, clock);
        if matches!(message, Some(Message::NoteOn { .. })) {
            self.count.played.fetch_add(1, Ordering::Relaxed);
        }
        message
    }

    /// Everything ends, and has been ended where it sounded: it waits for the next call.
    /// Real-time: yes.
    pub fn clear(&mut self, time: Frame, clock: &Time) {
        self.ear.release_all(time, clock);
        self.reset(time);
        self.voice.clear();
    }

    /// The answer ends at once, and the call is no more.
    fn reset(&mut self, now: Frame) {
        self.ear.end_phrase(&self.count);
        if !matches!(self.state, State::Waiting) {
            self.wait(now);
        }
        self.anchor = None;
        self.voice.stop();
    }

    /// Looks whether time has jumped, or stands or moves where it did not.
    fn follow(&mut self, now: Frame, clock: &Time) {
        let before = self.clock.replace(*clock);
        if let Some(before) = before
            && (before.grid.jumps(), before.moves()) != (clock.grid.jumps(), clock.moves())
        {
            // Keys that are down are measured by the time in which they went down.
            self.ear.release_all(now, &before);
            self.reset(now);
        }
    }

    /// The beat at which it goes on to something else.
    fn turn(&self) -> Option<u64> {
        match &self.state {
            State::Waiting => None,
            State::Listening(call) => {
                let pause = self.settings.pause.filter(|_| !call.is_paused && !self.ear.holds());
                let paused = pause.map_or(u64::MAX, |pause| call.active.saturating_add(pause.0));
                Some(call.end.min(paused))
            }
            State::Answering(answer) => Some(answer.next.map_or(answer.end, |at| at.min(answer.end))),
        }
    }

    /// Does all that is due at a frame, but for playing.
    fn advance(&mut self, now: Frame, clock: &Time) {
        self.follow(now, clock);
        self.ear.settle(now, &self.count);
        // Bounded: each turn goes on by a sixty-fourth of a beat at least.
        while let Some(beat) = self.turn().filter(|beat| clock.grid.frame_of(Beats(*beat)) <= now) {
            match self.state {
                State::Waiting => return,
                State::Listening(call) if beat < call.end => self.pause(call, beat, clock),
                State::Listening(call) => self.answer(call, clock),
                State::Answering(answer) if beat < answer.end => self.go_on(answer, beat),
                State::Answering(answer) => self.listen(answer, clock),
            }
        }
    }

    fn strike(&mut self, time: Frame, note: Note, clock: &Time) {
        self.advance(time, clock);
        let at = clock.grid.beat_at(time).0;
        match &mut self.state {
            State::Waiting => {
                let origin = self.origin(at, clock);
                self.call(origin, clock);
            }
            State::Answering(answer) if !answer.is_called && at + EARLY >= answer.end => {
                answer.is_called = true;
                self.ear.end_phrase(&self.count);
            }
            State::Listening(call) if call.is_paused => {
                // It goes on after all.
                call.is_paused = false;
                call.end = call.origin + bars(self.settings.bars, clock);
            }
            State::Listening(_) | State::Answering(_) => {}
        }
        self.ear.strike(time, note, clock, &self.count);
        self.touch(time, clock);
    }

    /// A key went down or up.
    fn touch(&mut self, time: Frame, clock: &Time) {
        if let State::Listening(call) = &mut self.state {
            call.active = clock.grid.beat_at(time).0;
        }
    }

    /// The bar line from which a call is counted whose first note is struck at a beat.
    fn origin(&self, at: u64, clock: &Time) -> u64 {
        let bar = bars(1, clock);
        if clock.moves() {
            return (at + EARLY) / bar * bar;
        }
        match self.anchor {
            Some(anchor) if at + EARLY >= anchor && at < anchor + bar => {
                anchor + (at + EARLY - anchor) / bar * bar
            }
            _ => at,
        }
    }

    fn call(&mut self, origin: u64, clock: &Time) {
        let end = origin + bars(self.settings.bars, clock);
        self.state = State::Listening(Call { origin, end, active: origin, is_paused: false });
        self.count.idle_since.store(count::BUSY, Ordering::Relaxed);
    }

    /// Nothing was played for as long as ends a call: it is answered on the next bar line.
    fn pause(&mut self, call: Call, now: u64, clock: &Time) {
        let bar = bars(1, clock);
        let end = call.origin + now.saturating_sub(call.origin).div_ceil(bar).max(1) * bar;
        self.state = State::Listening(Call { end: end.min(call.end), is_paused: true, ..call });
    }

    /// A call is over: its answer begins.
    fn answer(&mut self, call: Call, clock: &Time) {
        let context = self.ear.end_phrase(&self.count);
        let number = self.count.answers.fetch_add(1, Ordering::Relaxed) as u32 + 1;
        let mut answer = Answer {
            number,
            end: call.end + (call.end - call.origin).max(bars(1, clock)),
            chords: 0,
            context,
            random: Random::split(self.seed, u64::from(number)),
            next: None,
            is_called: false,
        };
        answer.next = self.draw(&mut answer, call.end, |_| call.end);
        self.state = State::Answering(answer);
    }

    /// A chord of an answer is struck now: the one after it is drawn.
    fn go_on(&mut self, mut answer: Answer, now: u64) {
        answer.next = self.draw(&mut answer, now, |gap| now + gap);
        self.state = State::Answering(answer);
    }

    /// Draws the next chord of an answer, which is struck `at` its distance from the one
    /// before; gives when. `None` where it has no room in the answer any more.
    fn draw(&mut self, answer: &mut Answer, now: u64, at: impl FnOnce(u64) -> u64) -> Option<u64> {
        let memory = &self.ear.memory;
        let drawn = memory.draw(&answer.context, |bound| answer.random.below(bound))?;
        let at = at(memory.gap(drawn.place));
        let spread = memory.notes(drawn.place, now).map(|note| note.offset).max().unwrap_or(0);
        if at + spread + SHORTEST > answer.end {
            return None;
        }
        for note in memory.notes(drawn.place, now) {
            if !self.voice.add(at, answer.end, note) {
                self.count.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        answer.context.push(drawn.chord);
        answer.chords = answer.chords.saturating_add(1);
        self.count.drawn(answer.number, answer.chords, drawn.order);
        Some(at)
    }

    /// An answer is over.
    fn listen(&mut self, answer: Answer, clock: &Time) {
        self.anchor = Some(answer.end);
        if answer.is_called {
            self.call(answer.end, clock);
        } else {
            self.ear.end_phrase(&self.count);
            self.wait(clock.grid.frame_of(Beats(answer.end)));
        }
    }

    /// There is nobody to listen to.
    fn wait(&mut self, since: Frame) {
        self.state = State::Waiting;
        self.count.idle_since.store(since, Ordering::Relaxed);
    }
}

/// So many bars, in beats.
fn bars(count: u32, clock: &Time) -> u64 {
    (u64::from(count.max(1)) * u64::from(clock.beats_per_bar.max(1))) << 32
}
