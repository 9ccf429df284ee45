use super::held::Held;
use crate::midi::Message;
use crate::midi::codec::{Parsed, Parser};
use crate::render::Inlet;

/// What a device's longest SysEx is put together in, before it has to grow.
const SYSEX_RESERVED_BYTES: usize = 64 << 10;

/// A rig's MIDI source: the door to the audio thread, and the devices that
/// share it.
pub(super) struct Input {
    inlet: Inlet,
    devices: Vec<Device>,
}

/// One device's state: a SysEx under way must not mix with another device's,
/// and a device that goes must let go of its own keys.
struct Device {
    id: u64,
    held: Held,
    parser: Parser,
    sysex: Vec<u8>,
}

impl Input {
    pub(super) fn new(inlet: Inlet) -> Input {
        Input { inlet, devices: Vec::new() }
    }

    /// Makes room for a device, so that its first message finds it.
    pub(super) fn attach(&mut self, id: u64) {
        self.device(id);
    }

    /// The devices that share it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn devices(&self) -> Vec<u64> {
        self.devices.iter().map(|device| device.id).collect()
    }

    /// Takes a whole message that is not SysEx, wherever it stood on the wire.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn message(&mut self, id: u64, time: u64, bytes: &[u8]) {
        let (inlet, device) = self.device(id);
        message(inlet, device, time, bytes);
    }

    /// Takes raw bytes of the device's stream.
    pub(super) fn stream(&mut self, id: u64, time: u64, bytes: &[u8]) {
        let (inlet, device) = self.device(id);
        let mut parser = std::mem::take(&mut device.parser);
        parser.feed(bytes, |parsed| match parsed {
            Parsed::Message(bytes) => message(inlet, device, time, bytes),
            Parsed::Sysex { bytes, first: true, last: true } => inlet.sysex(time, bytes, true, true),
            Parsed::Sysex { bytes, first, last } => {
                if first {
                    device.sysex.clear();
                }
                device.sysex.extend_from_slice(bytes);
                if last {
                    inlet.sysex(time, &device.sysex, true, true);
                }
            }
        });
        device.parser = parser;
    }

    /// A device is gone: its keys and pedals go up; with the last one all that
    /// the source started ends.
    pub(super) fn lost(&mut self, id: u64, time: u64) {
        let Some(place) = self.devices.iter().position(|device| device.id == id) else { return };
        let mut device = self.devices.swap_remove(place);
        device.held.release(|bytes| self.inlet.message(time, bytes));
        if self.devices.is_empty() {
            self.inlet.reset(time);
        }
    }

    /// Messages were lost before they reached us: nobody knows what is held.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn reset(&mut self, time: u64) {
        for device in &mut self.devices {
            device.held = Held::default();
            device.parser = Parser::new();
        }
        self.inlet.reset(time);
    }

    /// The device of this id, and the inlet beside it.
    fn device(&mut self, id: u64) -> (&mut Inlet, &mut Device) {
        let place = self.devices.iter().position(|device| device.id == id).unwrap_or_else(|| {
            self.devices.push(Device {
                id,
                held: Held::default(),
                parser: Parser::new(),
                sysex: Vec::with_capacity(SYSEX_RESERVED_BYTES),
            });
            self.devices.len() - 1
        });
        (&mut self.inlet, &mut self.devices[place])
    }
}

fn message(inlet: &mut Inlet, device: &mut Device, time: u64, bytes: &[u8]) {
    let mut whole = [0; 3];
    let length = bytes.len().min(3);
    whole[..length].copy_from_slice(&bytes[..length]);
    if let Some(message) = Message::decode(whole) {
        device.held.observe(message);
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
        (Input::new(inlet), source)
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
        input.attach(1);
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
}
