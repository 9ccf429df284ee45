use crate::transport::{BEATS_PER_BAR, Beats, Course, Lock, State, Tempo};
use crate::unit::Frame;

/// What the transport has to do with JACK's. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum JackRole {
    /// Nothing.
    #[default]
    Off,
    /// It does what JACK's does.
    Follow,
    /// JACK's does what it does.
    Lead,
}

/// What a rig says of musical time, by places instead of names. Real-time: yes.
#[derive(Clone, PartialEq, Debug)]
pub struct TimePlan {
    /// The tempo, until somebody changes it.
    pub tempo: Tempo,
    /// Beats of a bar.
    pub beats_per_bar: u32,
    /// What the song's tempo does.
    pub course: Course,
    /// Bars that are counted before a start.
    pub count_in_bars: u32,
    /// It rolls from the first frame on.
    pub starts: bool,
    /// Only takes are recorded.
    pub takes_only: bool,
    /// The MIDI port whose clock is followed.
    pub follow: Option<u16>,
    /// The MIDI destinations that are sent a clock.
    pub clocked: Vec<u16>,
    /// What it has to do with JACK's transport.
    pub jack: JackRole,
}

impl Default for TimePlan {
    fn default() -> TimePlan {
        TimePlan {
            tempo: Tempo::DEFAULT,
            beats_per_bar: BEATS_PER_BAR,
            course: Course::default(),
            count_in_bars: 0,
            starts: false,
            takes_only: false,
            follow: None,
            clocked: Vec::new(),
            jack: JackRole::Off,
        }
    }
}

impl TimePlan {
    /// Whether another side says when it rolls. Real-time: yes.
    pub fn is_led(&self) -> bool {
        self.follow.is_some() || self.jack == JackRole::Follow
    }
}

/// How JACK's transport stands; takes effect at the next quantum. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct JackReport {
    /// The engine's frame at which this is so.
    pub frame: Frame,
    /// It rolls.
    pub is_rolling: bool,
    /// It is not where it would have gone by itself.
    pub is_moved: bool,
    /// Its own frame.
    pub place: u64,
    /// Its beat, where somebody counts them.
    pub beats: Option<Beats>,
    /// Its tempo, where somebody says.
    pub tempo: Option<Tempo>,
}

/// How the transport stands. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransportView {
    /// What it does.
    pub state: State,
    /// Where the song stands; while it counts in, where the count does.
    pub beats: Beats,
    /// The bar, counted from 1.
    pub bar: u32,
    /// The beat of the bar, counted from 1.
    pub beat: u32,
    /// The tempo.
    pub tempo: Tempo,
    /// It counts in.
    pub counts_in: bool,
    /// How well a clock that is followed is known.
    pub lock: Lock,
    /// How often that clock broke off while it rolled.
    pub clock_losses: u64,
}

impl Default for TransportView {
    fn default() -> TransportView {
        TransportView {
            state: State::Stopped,
            beats: Beats(0),
            bar: 1,
            beat: 1,
            tempo: Tempo::DEFAULT,
            counts_in: false,
            lock: Lock::Free,
            clock_losses: 0,
        }
    }
}
