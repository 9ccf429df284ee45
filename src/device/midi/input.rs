use std::sync::Arc;

use super::identity::{self, Identity};
use super::memory::Memory;
use super::traffic::Traffic;
use crate::midi::Message;
use crate::midi::codec::{Parsed, Parser};
use crate::render::Inlet;

/// What a device's longest SysEx is put together in, before it has to grow.
const SYSEX_RESERVED_BYTES: usize = 64 << 10;
/// Devices of one role that are away and remembered; beyond, the first is forgotten.
const REMEMBERED: usize = 16;

/// A rig's MIDI source: the door to the audio thread, and the devices that
/// share it.
pub(super) struct Input {
    inlet: Inlet,
    devices: Vec<Device>,
    /// Devices that are away, and what they had said.
    away: Vec<(Identity, Memory)>,
    traffic: Arc<Traffic>,
    /// Of what the inlet refused, how much was counted.
    refused: u64,
}

/// One device's state: a SysEx under way must not mix with another device's,
/// and a device that goes must let go of its own keys.
struct Device {
    id: u64,
    identity: Identity,
    memory: Memory,
    parser: Parser,
    sysex: Vec<u8>,
}

impl Input {
    pub(super) fn new(inlet: Inlet, traffic: Arc<Traffic>) -> Input {
        Input { inlet, devices: Vec::new(), away: Vec::with_capacity(REMEMBERED), traffic, refused: 0 }
    }

    /// Makes room for a device, so that its first message finds it. One that comes
    /// back has what it had said said again.
    pub(super) fn attach(&mut self, id: u64, identity: &Identity, time: u64) {
        let place = self.place(id);
        let device = &mut self.devices[place];
        if device.identity == *identity {
            return;
        }
        device.identity = identity.clone();
        if device.memory != Memory::default() {
            return;
        }
        let Some(then) = identity::find(self.away.iter().map(|(then, _)| then), identity) else { return };
        device.memory = self.away.remove(then).1;
        let restored = device.memory.say_all(|bytes| self.inlet.message(time, bytes));
        self.traffic.count_restored(restored);
    }

    /// The devices that share it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn devices(&self) -> Vec<u64> {
        self.devices.iter().map(|device| device.id).collect()
    }

    /// Takes a whole message that is not SysEx, wherever it stood on the wire.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn message(&mut self, id: u64, time: u64, bytes: &[u8]) {
        let place = self.place(id);
        message(&mut self.inlet, &mut self.devices[place].memory, &self.traffic, time, bytes);
        self.count_refused();
    }

    /// Takes raw bytes of the device's stream.
    pub(super) fn stream(&mut self, id: u64, time: u64, bytes: &[u8]) {
        let place = self.place(id);
        let Input { inlet, devices, traffic, .. } = self;
        let Device { memory, parser, sysex, .. } = &mut devices[place];
        parser.feed(bytes, |parsed| match parsed {
            Parsed::Message(bytes) => message(inlet, memory, traffic, time, bytes),
            Parsed::Sysex { bytes, first: true, last: true } => {
                traffic.count_received();
                inlet.sysex(time, bytes, true, true);
            }
            Parsed::Sysex { bytes, first, last } => {
                if first {
                    sysex.clear();
                }
                sysex.extend_from_slice(bytes);
                if last {
                    traffic.count_received();
                    inlet.sysex(time, sysex, true, true);
                }
            }
        });
        self.count_refused();
    }

    fn count_refused(&mut self) {
        let refused = self.inlet.health().dropped();
        if refused > self.refused {
            self.traffic.count_dropped(refused - self.refused);
            self.refused = refused;
        }
    }

    /// A device is gone: what its player held is let go of, but for what another
    /// device of this role holds too; with the last one all that the source started
    /// ends. What it said is kept for its return.
    pub(super) fn lost(&mut self, id: u64, time: u64) {
        let Some(place) = self.devices.iter().position(|device| device.id == id) else { return };
        let mut device = self.devices.swap_remove(place);
        let others: Vec<&Memory> = self.devices.iter().map(|device| &device.memory).collect();
        device.memory.release_beside(&others, |bytes| self.inlet.message(time, bytes));
        if self.devices.is_empty() {
            self.inlet.reset(time);
        }
        if self.away.len() == REMEMBERED {
            self.away.remove(0);
        }
        self.away.push((device.identity, device.memory));
    }

    /// Messages were lost before they reached us: nobody knows what is held.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn reset(&mut self, time: u64) {
        for device in &mut self.devices {
            device.memory.release(|_| {});
            device.parser = Parser::new();
        }
        self.inlet.reset(time);
    }

    /// Where the device of this id stands.
    fn place(&mut self, id: u64) -> usize {
        self.devices.iter().position(|device| device.id == id).unwrap_or_else(|| {
            self.devices.push(Device {
                id,
                identity: Identity::default(),
                memory: Memory::default(),
                parser: Parser::new(),
                sysex: Vec::with_capacity(SYSEX_RESERVED_BYTES),
            });
            self.devices.len() - 1
        })
    }
}

fn message(inlet: &mut Inlet, memory: &mut Memory, traffic: &Traffic, time: u64, bytes: &[u8]) {
    let mut whole = [0; 3];
    let length = bytes.len().min(3);
    whole[..length].copy_from_slice(&bytes[..length]);
    if let Some(message) = Message::decode(whole) {
        memory.observe(message);
        traffic.count_received();
        inlet.message(time, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::EventKind;
    use crate::render::{Source, TimeBase, inlet};

    fn ends() -> (Input, Source) {
        let (inlet, source) = inlet(TimeBase::Host);
        (Input::new(inlet, Arc::default()), source)
    }

    fn known(name: &str) -> Identity {
        Identity { name: name.into(), ..Identity::default() }
    }

    /// What arrived: wire bytes of messages, whole SysEx, `[]` for a reset.
    fn arrived(source: &mut Source) -> Vec<Vec<u8>> {
        let (mut list, mut sysex) = (Vec::new(), Vec::new());
        while let Some((event, bytes)) = source.receive() {
            match event.kind() {
                Some(EventKind::Sysex { last, .. }) => {
                    sysex.extend(bytes);
                    if last {
                        list.push(std::mem::take(&mut sysex));
                    }
                }
                Some(EventKind::Reset) => list.push(Vec::new()),
                _ => list.push(event.wire().to_vec()),
            }
        }
        list
    }

    #[test]
    fn a_message_inside_a_sysex_arrives_apart_and_devices_do_not_mix() {
        let (mut input, mut source) = ends();
        input.stream(1, 0, &[0xf0, 1]);
        input.message(1, 1, &[0x90, 60, 9]);
        input.stream(2, 2, &[0xf0, 7, 0xf8]);
        input.stream(1, 3, &[2, 0xf7]);
        input.stream(2, 4, &[8, 0xf7, 0x80, 60, 0]);
        assert_eq!(
            arrived(&mut source),
            [
                vec![0x90, 60, 9],
                vec![0xf8],
                vec![0xf0, 1, 2, 0xf7],
                vec![0xf0, 7, 8, 0xf7],
                vec![0x80, 60, 0]
            ]
        );
    }

    #[test]
    fn a_device_that_goes_lets_go_of_its_own_keys() {
        let (mut input, mut source) = ends();
        input.attach(1, &known("Keys"), 0);
        input.message(1, 0, &[0x90, 60, 9]);
        input.message(1, 0, &[0xb0, 64, 127]);
        input.message(2, 0, &[0x90, 72, 9]);
        assert_eq!(arrived(&mut source).len(), 3);
        input.lost(1, 5);
        assert_eq!(arrived(&mut source), [[0xb0, 64, 0], [0x80, 60, 64]]);
        input.lost(1, 5);
        assert_eq!(arrived(&mut source), Vec::<Vec<u8>>::new());
        // With the last one everything ends.
        input.lost(2, 6);
        assert_eq!(arrived(&mut source), [vec![0x80, 72, 64], vec![]]);
    }

    #[test]
    fn after_an_overflow_nothing_is_released_twice() {
        let (mut input, mut source) = ends();
        input.message(1, 0, &[0x90, 60, 9]);
        input.stream(1, 0, &[0xf0, 1]);
        input.reset(1);
        // The SysEx's beginning is forgotten: these bytes belong to nothing.
        input.stream(1, 2, &[2, 0xf7]);
        input.lost(1, 3);
        assert_eq!(arrived(&mut source), [vec![0x90, 60, 9], vec![], vec![]]);
    }

    #[test]
    fn gear_that_comes_back_is_known_and_says_again_what_it_had_set() {
        let (mut input, mut source) = ends();
        input.attach(1, &known("Keys"), 0);
        for bytes in [&[0xc0, 5][..], &[0xb0, 7, 90], &[0xb0, 1, 60], &[0xe0, 0, 0], &[0x90, 60, 9]] {
            input.message(1, 0, bytes);
        }
        input.attach(2, &known("Other"), 0);
        assert_eq!(arrived(&mut source).len(), 5);
        input.lost(1, 1);
        let rest: [&[u8]; 3] = [&[0xb0, 1, 0], &[0xe0, 0, 64], &[0x80, 60, 64]];
        assert_eq!(arrived(&mut source), rest);
        input.attach(3, &known("Stranger"), 2);
        assert!(arrived(&mut source).is_empty());
        // Its number is another one now.
        input.attach(7, &known("Keys"), 3);
        let again: [&[u8]; 2] = [&[0xc0, 5], &[0xb0, 7, 90]];
        assert_eq!(arrived(&mut source), again);
        input.attach(7, &known("Keys"), 4);
        assert!(arrived(&mut source).is_empty(), "once is enough");
        assert_eq!(input.traffic.count().restored, 2);
        // And a second time.
        input.message(7, 5, &[0xb0, 7, 30]);
        input.lost(7, 6);
        arrived(&mut source);
        input.attach(8, &known("Keys"), 7);
        assert_eq!(arrived(&mut source), [&[0xc0, 5][..], &[0xb0, 7, 30]]);
    }
}
