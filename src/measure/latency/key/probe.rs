//! What stands in the measurement's rig: an instrument that answers each key with a
//! click, one that notes keys as they are sent, and an ear.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::click::click;
use crate::midi::Message;
use crate::rt::ring::{Receiver, Sender, ring};
use crate::rt::stream::{Reader, Writer, stream};
use crate::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, Role, Settings, Status, StreamFormat,
};
use crate::unit::Frame;

/// Builds a probe once its rate is known.
type Make = Box<dyn FnOnce(StreamFormat) -> Box<dyn Processor> + Send>;

/// Keys that may wait to be read.
const NOTES: usize = 4_096;
/// Frames that may wait to be read before what is heard is lost: seconds at any rate.
const EAR_FRAMES: usize = 1 << 20;

/// A key, and the frame at which it was struck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) frame: Frame,
    pub(super) key: u8,
}

/// What the probes tell, seen from the control world.
pub(super) struct Doors {
    /// Keys as they were sent.
    pub(super) sent: Receiver<Note>,
    /// Keys as they reached the instrument, the fixed latency included: the frames at
    /// which it clicked.
    pub(super) struck: Receiver<Note>,
    /// What came in.
    pub(super) heard: Reader<f32>,
    /// The frame of the first that was heard; `u64::MAX` before that.
    pub(super) began: Arc<AtomicU64>,
    /// Frames that were heard and found no room.
    pub(super) lost: Arc<AtomicU64>,
}

/// The kinds for a rig of the measurement, `bench-sent`, `bench-click` and `bench-ear`,
/// each for one actor.
pub(super) fn probes() -> (Vec<ProbeKind>, Doors) {
    let (sent_sender, sent) = ring(NOTES);
    let (struck_sender, struck) = ring(NOTES);
    let (writer, heard) = stream(EAR_FRAMES);
    let (began, lost) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::<AtomicU64>::default());
    let ear = Ear { writer, began: Arc::clone(&began), lost: Arc::clone(&lost) };
    let kind = |name, role, make: Make| ProbeKind { name, role, make: Mutex::new(Some(make)) };
    let kinds = vec![
        kind("bench-sent", Role::Instrument, Box::new(|_| Box::new(KeyProbe::new(sent_sender, Vec::new())))),
        kind(
            "bench-click",
            Role::Instrument,
            Box::new(|format| Box::new(KeyProbe::new(struck_sender, click(format.rate)))),
        ),
        kind("bench-ear", Role::Stage, Box::new(|_| Box::new(ear))),
    ];
    (kinds, Doors { sent, struck, heard, began, lost })
}

/// A kind that has one processor to give.
pub(super) struct ProbeKind {
    name: &'static str,
    role: Role,
    make: Mutex<Option<Make>>,
}

impl Kind for ProbeKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn role(&self) -> Role {
        self.role
    }

    fn summary(&self) -> &'static str {
        "measures the time from a key to its sound"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    fn prepare(&self, _: &Settings, format: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        let make = self.make.lock().unwrap_or_else(PoisonError::into_inner).take();
        make.map(|make| make(format)).ok_or_else(|| PrepareError("the probe is in use".to_owned()))
    }
}

/// Notes each key at its frame, and answers it with a click that has no attack.
struct KeyProbe {
    notes: Sender<Note>,
    click: Vec<f32>,
    /// Where in the click it is; behind its end, silent.
    place: usize,
}

impl KeyProbe {
    fn new(notes: Sender<Note>, click: Vec<f32>) -> KeyProbe {
        KeyProbe { notes, place: click.len(), click }
    }
}

impl Processor for KeyProbe {
    fn reset(&mut self) {
        self.place = self.click.len();
    }

    fn process(&mut self, context: &Context<'_>, _: Input<'_>, output: &mut Block<'_>) -> Status {
        let strikes = context.events.iter().filter_map(|event| match event.message() {
            Some(Message::NoteOn { key, .. }) => Some(Note { frame: event.time, key }),
            _ => None,
        });
        let mut strikes = strikes.peekable();
        for offset in 0..output.frames() {
            let frame = context.frame + offset as u64;
            while let Some(note) = strikes.next_if(|note| note.frame <= frame) {
                // Nobody reads: then nobody misses it.
                let _ = self.notes.send(note);
                self.place = 0;
            }
            let sample = self.click.get(self.place).copied().unwrap_or(0.0);
            self.place = (self.place + 1).min(self.click.len());
            (output.left[offset], output.right[offset]) = (sample, sample);
        }
        if self.place < self.click.len() { Status::Active } else { Status::Silent }
    }
}

/// Passes on what is heard, each frame of it or none of a piece.
struct Ear {
    writer: Writer<f32>,
    began: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Processor for Ear {
    fn reset(&mut self) {}

    fn process(&mut self, context: &Context<'_>, input: Input<'_>, output: &mut Block<'_>) -> Status {
        let heard = input.main[0];
        if self.began.load(Relaxed) == u64::MAX {
            self.began.store(context.frame, Relaxed);
        }
        if self.writer.vacant() >= heard.len() {
            self.writer.write(heard);
        } else {
            self.lost.fetch_add(heard.len() as u64, Relaxed);
        }
        output.clear();
        Status::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::Event;
    use crate::unit::SampleRate;

    #[test]
    fn a_key_clicks_at_its_frame_and_is_noted_and_the_ear_keeps_every_frame() {
        let (kinds, mut doors) = probes();
        let format = StreamFormat { rate: SampleRate::DEFAULT, seed: 0 };
        let mut made = kinds.iter().map(|kind| kind.prepare(&Settings::new(), format).expect("one"));
        let (_, mut key, mut ear) = (made.next(), made.next().expect("click"), made.next().expect("ear"));
        let strike = Event::midi(45, 0, Message::NoteOn { channel: 0, key: 61, velocity: 9 });
        let silence = [0.0; 32];
        let mut played = Vec::new();
        for piece in 0..4_u64 {
            let frame = piece * 32;
            let events: &[Event] = if piece == 1 { std::slice::from_ref(&strike) } else { &[] };
            let context = Context::at_rest(frame, SampleRate::DEFAULT, events);
            let (mut left, mut right) = ([9.0; 32], [9.0; 32]);
            let mut output = Block { left: &mut left, right: &mut right };
            let input = Input { main: [&silence, &silence], late: None };
            key.process(&context, input, &mut output);
            played.extend(left);
            let input = Input { main: [&left, &right], late: None };
            let (mut a, mut b) = ([9.0; 32], [9.0; 32]);
            ear.process(&context, input, &mut Block { left: &mut a, right: &mut b });
            assert_eq!(a, silence);
        }
        let click = click(SampleRate::DEFAULT);
        assert_eq!(played.iter().position(|x| *x != 0.0), Some(45));
        assert_eq!(played[45..45 + click.len()], click);
        assert_eq!(played[45 + click.len()..].iter().position(|x| *x != 0.0), None);
        assert_eq!(doors.struck.receive(), Some(Note { frame: 45, key: 61 }));
        let mut heard = [0.0; 128];
        assert_eq!((doors.heard.read(&mut heard), doors.began.load(Relaxed)), (128, 0));
        assert_eq!(heard[..], played[..]);
        assert!(kinds[1].prepare(&Settings::new(), format).is_err());
    }
}
