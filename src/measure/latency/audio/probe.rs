//! What plays the signal and hears it in the driver's callback. Audio world: no
//! allocation, no lock, no clock.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

use crate::device::audio::Guest;
use crate::render::AudioPorts;
use crate::rt::{ring, stream};
use crate::stage::{Block, Context, Input, Processor, Status};

/// Frames of a piece where the driver calls it by itself.
const PIECE_FRAMES: usize = 256;

/// What is to be done once: play the signal's first frames, and hear so many, from
/// the same frame on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Round {
    pub(super) play_frames: usize,
    pub(super) hear_frames: usize,
}

/// The control world's end of a probe.
pub(super) struct Hand {
    rounds: ring::Sender<Round>,
    heard: stream::Reader<f32>,
}

impl Hand {
    /// Begins a round; `false` where the one before it has not begun yet.
    pub(super) fn begin(&mut self, round: Round) -> bool {
        // What an abandoned round left.
        let stale = self.heard.waiting();
        self.heard.skip(stale);
        self.rounds.send(round).is_ok()
    }

    /// Adds what was heard since the last call.
    pub(super) fn collect(&mut self, into: &mut Vec<f32>) {
        let before = into.len();
        into.resize(before + self.heard.waiting(), 0.0);
        let read = self.heard.read(&mut into[before..]);
        into.truncate(before + read);
    }
}

/// The signal's player and listener: what it plays in a frame and what it hears in
/// the same frame belong together. Real-time: yes, but for [`Probe::new`].
pub(super) struct Probe {
    signal: Box<[f32]>,
    rounds: ring::Receiver<Round>,
    heard: stream::Writer<f32>,
    round: Round,
    position: usize,
}

impl Probe {
    /// A probe that hears up to `most_frames` in a round.
    pub(super) fn new(signal: &[f32], most_frames: usize) -> (Probe, Hand) {
        let (send, rounds) = ring::ring(1);
        let (writer, reader) = stream::stream(most_frames);
        let probe = Probe {
            signal: signal.into(),
            rounds,
            heard: writer,
            round: Round { play_frames: 0, hear_frames: 0 },
            position: 0,
        };
        (probe, Hand { rounds: send, heard: reader })
    }

    /// Plays and hears a piece. A round begins with a piece; what does not fit the stream
    /// is missing at its end, and the round with it.
    fn step(&mut self, heard: &[f32], play: &mut [f32]) {
        if self.position >= self.round.hear_frames
            && let Some(round) = self.rounds.receive()
        {
            (self.round, self.position) = (round, 0);
        }
        let left = self.round.hear_frames.saturating_sub(self.position);
        self.heard.write(&heard[..heard.len().min(left)]);
        let signal = self.signal.get(self.position..self.round.play_frames).unwrap_or_default();
        let played = play.len().min(signal.len());
        play[..played].copy_from_slice(&signal[..played]);
        play[played..].fill(0.0);
        self.position = self.position.saturating_add(heard.len()).min(self.round.hear_frames);
    }
}

impl Guest for Probe {
    fn play(&mut self, frames: usize, ports: &mut dyn AudioPorts) {
        let (mut heard, mut play) = ([0.0; PIECE_FRAMES], [0.0; PIECE_FRAMES]);
        let mut start = 0;
        while start < frames {
            let length = (frames - start).min(PIECE_FRAMES);
            ports.read(0, start, &mut heard[..length]);
            self.step(&heard[..length], &mut play[..length]);
            ports.write(0, start, &play[..length]);
            play[..length].fill(0.0);
            for channel in 1..ports.output_channels() {
                ports.write(channel, start, &play[..length]);
            }
            start += length;
        }
    }
}

impl Processor for Probe {
    fn reset(&mut self) {}

    fn process(&mut self, _context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        self.step(input.main[0], output.left);
        output.right.copy_from_slice(output.left);
        Status::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Planar;

    /// Runs a probe whose output comes back so many frames later.
    fn through(probe: &mut Probe, delay: usize, blocks: &[usize]) {
        let mut line = vec![0.0_f32; delay];
        for frames in blocks {
            // Only what was played before this block can come back in it.
            assert!(*frames <= delay);
            let input: Vec<f32> = line.drain(..*frames).collect();
            let (mut left, mut right) = (vec![9.0; *frames], vec![9.0; *frames]);
            {
                let outputs = &mut [&mut left[..], &mut right[..]];
                probe.play(*frames, &mut Planar { inputs: &[&input], outputs });
            }
            assert!(right.iter().all(|sample| *sample == 0.0));
            line.extend(left);
        }
    }

    #[test]
    fn what_is_played_and_heard_in_a_frame_belong_together_whatever_the_block() {
        let signal: Vec<f32> = (1..=100).map(|n| n as f32).collect();
        let (mut probe, mut hand) = Probe::new(&signal, 1_000);
        through(&mut probe, 700, &[64, 3]);
        assert!(hand.begin(Round { play_frames: 80, hear_frames: 900 }));
        assert!(!hand.begin(Round { play_frames: 1, hear_frames: 1 }), "one at a time");
        through(&mut probe, 700, &[64, 1, 300, 127, 700, 256]);
        let mut heard = Vec::new();
        hand.collect(&mut heard);
        assert_eq!(heard.len(), 900);
        assert_eq!((heard[699], heard[700], heard[779], heard[780]), (0.0, 1.0, 80.0, 0.0));
    }
}
