use super::RATE;
use crate::engine::Error;
use crate::measure::Run;
use crate::measure::stand::Stand;
use crate::render::{Feed, Inlet, Origin, Outlet, RendererSettings, TimeBase, inlet, outlet};
use crate::unit::HostTime;

const DEVICES: usize = 64;
const BLOCK_FRAMES: usize = 64;
/// A device plays so many messages a second: as much as a DIN cable carries.
const EVENTS_PER_SECOND: u64 = 1_000;
/// By the stamps; it takes less.
const SECONDS: u64 = 10;
const SPACING_NANOS: u64 = 1_000_000_000 / EVENTS_PER_SECOND;
/// The clock's loop settles before anything is played.
const SETTLING_CALLS: usize = 2_000;

/// 64 devices that each play the next one, stamped in host time as live: what was
/// sent, what came after its frame, what never came.
pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let mut traffic = Traffic::new()?;
    for _ in 0..SETTLING_CALLS {
        traffic.call();
    }
    let end = traffic.frame + SECONDS * u64::from(RATE.hertz());
    let mut calls = 0;
    while traffic.frame < end && !(run.is_stopped() && calls > 100) {
        traffic.play();
        traffic.call();
        calls += 1;
    }
    // What was played last is heard a block later.
    traffic.call();
    traffic.call();
    let snapshot = traffic.stand.snapshot();
    let midi = &mut run.report.midi;
    midi.sent = Some(traffic.sent);
    midi.late = Some(snapshot.late_events);
    midi.dropped = Some(traffic.sent.saturating_sub(traffic.received));
    Ok(())
}

struct Traffic {
    stand: Stand,
    inlets: Vec<Inlet>,
    outlets: Vec<Outlet>,
    frame: u64,
    sent: u64,
    received: u64,
}

impl Traffic {
    fn new() -> Result<Traffic, Error> {
        let port = |device: usize| {
            let next = (device + 1) % DEVICES;
            format!(
                "[midi.d{device}]\nin = 'i{device}'\nout = 'o{device}'\n[[cable]]\nfrom = 'd{device}'\nto = 'd{next}'\n"
            )
        };
        let rig: String = (0..DEVICES).map(port).collect();
        let (mut inlets, mut outlets) = (Vec::new(), Vec::new());
        let settings = RendererSettings { rate: RATE, midi_latency_frames: BLOCK_FRAMES as u64 };
        let stand = Stand::with(&rig, settings, |deployment, swap| {
            for device in 0..DEVICES {
                let Some(port) = deployment.port_of(&format!("d{device}")) else { continue };
                let (door, source) = inlet(TimeBase::Host);
                inlets.push(door);
                swap.sources
                    .push((device as u16, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
                let (sink, out) = outlet();
                outlets.push(out);
                swap.sinks.push((port, Some(Box::new(sink))));
            }
        })?;
        Ok(Traffic { stand, inlets, outlets, frame: 0, sent: 0, received: 0 })
    }

    /// A frame's nanoseconds on a clock that nobody waits for.
    fn nanos(frame: u64) -> u64 {
        3_600_000_000_000 + frame * 1_000_000_000 / u64::from(RATE.hertz())
    }

    /// What every device played since the last call goes in.
    fn play(&mut self) {
        let since = Traffic::nanos(self.frame - BLOCK_FRAMES as u64);
        let until = Traffic::nanos(self.frame);
        for (device, inlet) in self.inlets.iter_mut().enumerate() {
            // They are not in step.
            let phase = device as u64 * SPACING_NANOS / DEVICES as u64;
            let mut number = (since - phase).div_ceil(SPACING_NANOS);
            while number * SPACING_NANOS + phase < until {
                let (key, is_strike) = ((number / 2 % 128) as u8, number.is_multiple_of(2));
                let status = if is_strike { 0x90 } else { 0x80 };
                inlet.message(number * SPACING_NANOS + phase, &[status, key, 64]);
                self.sent += 1;
                number += 1;
            }
        }
    }

    fn call(&mut self) {
        self.stand.call_at(BLOCK_FRAMES, HostTime(Traffic::nanos(self.frame)));
        self.frame += BLOCK_FRAMES as u64;
        let mut chunk = [0; crate::midi::SYSEX_CHUNK_BYTES];
        for outlet in &mut self.outlets {
            while outlet.receive(&mut chunk).is_some() {
                self.received += 1;
            }
        }
    }
}
