use crate::midi::Event;
use crate::rt::reel::Reel;
use crate::transport::Time;
use crate::unit::{Frame, QUANTUM_FRAMES, SampleRate};

/// What a kind is told before its processor runs. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamFormat {
    /// Fixed for the life of the process.
    pub rate: SampleRate,
    /// Seeds whatever is random in the processor: the run's seed and the
    /// actor's name, so that two actors differ and two runs do not.
    pub seed: u64,
}

/// An audio actor's work, called on the audio thread. Real-time: yes.
///
/// The Renderer calls [`process`](Processor::process) once for every piece of
/// the timeline, in order and without gaps, silence included. A piece never
/// crosses a multiple of [`QUANTUM_FRAMES`] and may be as short as one frame; how
/// the timeline is cut differs from run to run, so **what comes out must not
/// depend on it**: per-sample work is a recurrence over samples, control-rate
/// work happens when [`Context::is_tick`] says so.
///
/// No allocation, free, lock, wait, I/O, clock or log in here. A panic or a
/// sample that is not finite is a fault: the actor is silenced and rebuilt.
pub trait Processor: Send {
    /// Back to the state just after it was prepared.
    fn reset(&mut self);

    /// Renders one piece. Every sample of `output` must be written.
    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status;

    /// How many voices sound now; 0 for what has none.
    fn voices(&self) -> u32 {
        0
    }

    /// Where it stands in what it plays, asked before each quantum: for the one that takes its place after a
    /// fault. `None` once is `None` for ever.
    fn bookmark(&self) -> Option<Bookmark> {
        None
    }

    /// Takes the place of another that failed: it goes on where that would be by now. Called before its first
    /// piece, which begins at frame `to`; the bookmark is of frame `from`.
    fn resume(&mut self, bookmark: Bookmark, from: Frame, to: Frame) {
        let _ = (bookmark, from, to);
    }

    /// For one that plays sound too long for memory: how that comes is decided by time, so
    /// it is logged, and the control world fetches it. `None` once is `None` for ever.
    fn reel(&mut self) -> Option<&mut Reel> {
        None
    }
}

/// Where a processor stands in what it plays: in its kind's own words. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bookmark(pub [u64; 4]);

/// Where a piece lies, and what happens in it. Real-time: yes.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The absolute frame of the piece's first sample.
    pub frame: Frame,
    /// Frames per second.
    pub rate: SampleRate,
    /// Musical time: holds for the whole piece.
    pub time: Time,
    /// What arrives in this piece, in order; `time` is an absolute frame within it.
    pub events: &'a [Event],
}

impl<'a> Context<'a> {
    /// A piece in a time that stands still, at 120 beats a minute: for whoever runs
    /// a processor by itself. Real-time: yes.
    pub fn at_rest(frame: Frame, rate: SampleRate, events: &'a [Event]) -> Context<'a> {
        Context { frame, rate, time: Time::at_rest(rate), events }
    }

    /// Whether the piece begins on a control tick (an absolute multiple of
    /// [`QUANTUM_FRAMES`]). Real-time: yes.
    pub fn is_tick(&self) -> bool {
        self.frame.is_multiple_of(QUANTUM_FRAMES as u64)
    }
}

/// What is cabled into a processor, summed in the order of the rig's cables;
/// slices of the piece's length, zeros where nothing is cabled. Real-time: yes.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The sum of the cables, left and right.
    pub main: [&'a [f32]; 2],
    /// For a kind that may close a loop ([`Kind::loop_delay_frames`](super::Kind::loop_delay_frames)):
    /// the sum of the cables that close one, exactly [`QUANTUM_FRAMES`] late.
    pub late: Option<[&'a [f32]; 2]>,
}

/// Where a processor writes, left and right, each of the piece's length. Real-time: yes.
pub struct Block<'a> {
    /// The left channel.
    pub left: &'a mut [f32],
    /// The right channel.
    pub right: &'a mut [f32],
}

impl Block<'_> {
    /// Frames in the piece. Real-time: yes.
    pub fn frames(&self) -> usize {
        self.left.len()
    }

    /// Writes silence. Real-time: yes.
    pub fn clear(&mut self) {
        self.left.fill(0.0);
        self.right.fill(0.0);
    }
}

/// What a processor says of itself after a piece. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It sounds, or will without being told anything more.
    Active,
    /// Nothing comes out until something goes in.
    Silent,
}
