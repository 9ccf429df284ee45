//! Gear that leaves a JACK port and comes back: seen by the patchbay's thread, acted
//! on in the callback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::device::midi::Traffic;
use crate::device::midi::memory::{Memory, Progress};
use crate::midi::Message;
use crate::render::Inlet;
use crate::unit::Frame;

const NOTHING: u8 = 0;
const LOST: u8 = 1;
const BACK: u8 = 2;

/// What the patchbay tells one of our ports.
#[derive(Default, Debug)]
pub(super) struct Link(AtomicU8);

impl Link {
    fn take(&self) -> u8 {
        if self.0.load(Ordering::Relaxed) == NOTHING {
            NOTHING
        } else {
            self.0.swap(NOTHING, Ordering::Acquire)
        }
    }
}

/// The patchbay's view of one of our MIDI ports.
pub(super) struct Watched {
    pub(super) port: String,
    pub(super) is_input: bool,
    link: Arc<Link>,
    connected: Vec<String>,
    /// Who was connected before the last one went.
    before: Vec<String>,
}

impl Watched {
    pub(super) fn new(port: String, is_input: bool, link: Arc<Link>) -> Watched {
        Watched { port, is_input, link, connected: Vec::new(), before: Vec::new() }
    }

    /// Compares who is connected now with who was.
    pub(super) fn see(&mut self, mut now: Vec<String>) {
        now.sort();
        if now == self.connected {
            return;
        }
        let has_new = now.iter().any(|name| !self.connected.contains(name));
        if now.is_empty() {
            self.before = std::mem::take(&mut self.connected);
            if self.is_input {
                self.link.0.store(LOST, Ordering::Release);
            }
        } else if self.is_input {
            // What a stranger would say is not what this one had said.
            if self.connected.is_empty() && now.iter().any(|name| self.before.contains(name)) {
                self.link.0.store(BACK, Ordering::Release);
            }
        } else if has_new {
            self.link.0.store(BACK, Ordering::Release);
        }
        self.connected = now;
    }
}

/// What a port's callback remembers of its stream.
pub(super) struct Remembered {
    link: Arc<Link>,
    memory: Box<Memory>,
    traffic: Arc<Traffic>,
    /// How far the memory was said again, while it is.
    progress: Option<Progress>,
}

impl Remembered {
    pub(super) fn new(link: Arc<Link>, traffic: Arc<Traffic>) -> Remembered {
        Remembered { link, memory: Box::default(), traffic, progress: None }
    }

    /// Takes note of a message that came in. Real-time: yes.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.traffic.count_received();
        self.observe(bytes);
    }

    /// Counts a SysEx that came in, at its end. Real-time: yes.
    pub(super) fn received_sysex(&self, last: bool) {
        if last {
            self.traffic.count_received();
        }
    }

    /// Counts what was no MIDI. Real-time: yes.
    pub(super) fn dropped(&self, messages: u64) {
        self.traffic.count_dropped(messages);
    }

    /// Takes note of a message that goes out. Real-time: yes.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.traffic.count_sent();
        self.observe(bytes);
    }

    fn observe(&mut self, bytes: &[u8]) {
        let mut whole = [0; 3];
        let length = bytes.len().min(3);
        whole[..length].copy_from_slice(&bytes[..length]);
        if let Some(message) = Message::decode(whole) {
            self.memory.observe(message);
        }
    }

    /// Of an input: ends what gear held that went, says again what gear had said that
    /// is back. Real-time: yes.
    pub(super) fn follow(&mut self, inlet: &mut Inlet, frame: Frame) {
        match self.link.take() {
            LOST => {
                self.memory.release(|bytes| inlet.message(frame, bytes));
                inlet.reset(frame);
            }
            BACK => {
                let restored = self.memory.say_all(|bytes| inlet.message(frame, bytes));
                self.traffic.count_restored(restored);
            }
            _ => {}
        }
    }

    /// Of an output: says the next of what gear should know that is back; `false`
    /// where there is nothing more to say. Real-time: yes.
    pub(super) fn tell(&mut self, mut sink: impl FnMut(&[u8])) -> bool {
        if self.link.take() == BACK {
            self.progress = Some(Progress::default());
        }
        let Some(progress) = &mut self.progress else { return false };
        let mut restored = 0;
        let has_more = self.memory.say_next(progress, |bytes| {
            restored += 1;
            sink(bytes);
        });
        self.traffic.count_restored(restored);
        if !has_more {
            self.progress = None;
        }
        has_more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{TimeBase, inlet};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_input_lets_go_with_its_last_gear_and_is_told_again_when_that_is_back() {
        let link = Arc::<Link>::default();
        let mut watched = Watched::new("keys".into(), true, Arc::clone(&link));
        let mut remembered = Remembered::new(link, Arc::default());
        let (mut inlet, mut source) = inlet(TimeBase::Frames);
        let mut arrived = |remembered: &mut Remembered| {
            remembered.follow(&mut inlet, 9);
            std::iter::from_fn(|| source.receive())
                .map(|(event, _)| event.wire().to_vec())
                .collect::<Vec<_>>()
        };
        watched.see(names(&["a2j:keys", "a2j:pads"]));
        for bytes in [&[0xc0, 3][..], &[0x90, 60, 1], &[0xb0, 64, 127]] {
            remembered.received(bytes);
        }
        watched.see(names(&["a2j:keys"]));
        assert!(arrived(&mut remembered).is_empty());
        watched.see(names(&[]));
        assert_eq!(arrived(&mut remembered), [vec![0xb0, 64, 0], vec![0x80, 60, 64], vec![]]);
        watched.see(names(&["stranger:out"]));
        assert!(arrived(&mut remembered).is_empty());
        watched.see(names(&[]));
        arrived(&mut remembered);
        watched.see(names(&["stranger:out"]));
        assert_eq!(arrived(&mut remembered), [[0xc0, 3]]);
    }

    #[test]
    fn an_output_tells_each_gear_that_comes() {
        let link = Arc::<Link>::default();
        let mut watched = Watched::new("synth".into(), false, Arc::clone(&link));
        let mut remembered = Remembered::new(link, Arc::default());
        for bytes in [&[0xc0, 3][..], &[0xb0, 7, 9]] {
            remembered.sent(bytes);
        }
        let mut told = Vec::new();
        assert!(!remembered.tell(|bytes| told.push(bytes.to_vec())));
        watched.see(names(&["synth:in"]));
        while remembered.tell(|bytes| told.push(bytes.to_vec())) {}
        assert_eq!(told, [&[0xc0, 3][..], &[0xb0, 7, 9]]);
        watched.see(names(&["synth:in"]));
        assert!(!remembered.tell(|_| {}));
    }
}
