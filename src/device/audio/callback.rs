use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::scheduling;
use super::stats::CallbackStats;
use crate::render::{AudioPorts, Renderer};
use crate::rt::baton::Baton;
use crate::rt::guard;
use crate::unit::{Frame, HostTime};

/// What a driver does inside the callback beside audio: MIDI that belongs to
/// the same period (JACK). Real-time: yes.
pub trait Edge {
    /// Before the Renderer runs; `first` is the engine's frame of the period's
    /// first.
    fn before(&mut self, first: Frame);
    /// After it ran.
    fn after(&mut self, first: Frame, frames: usize);
    /// There was no Renderer in this period.
    fn absent(&mut self);
}

/// No MIDI at this driver.
struct AudioOnly;

impl Edge for AudioOnly {
    fn before(&mut self, _first: Frame) {}
    fn after(&mut self, _first: Frame, _frames: usize) {}
    fn absent(&mut self) {}
}

/// What every driver's callback runs: the fence, the baton, the Renderer, the
/// measurement.
pub struct Callback {
    baton: Arc<Baton<Renderer>>,
    stats: Arc<CallbackStats>,
    freewheeling: Arc<AtomicBool>,
    is_first: bool,
}

/// While freewheeling, the longest that a period waits for the recorder.
const FREEWHEEL_WATCHDOG_NANOS: u64 = 60_000_000_000;
const SILENCE_FRAMES: usize = 256;
static SILENCE: [f32; SILENCE_FRAMES] = [0.0; SILENCE_FRAMES];

impl Callback {
    /// A callback that renders with whatever Renderer is in `baton` and reports
    /// to `stats`. Real-time: no (allocates).
    pub fn new(baton: Arc<Baton<Renderer>>, stats: Arc<CallbackStats>) -> Callback {
        Callback { baton, stats, freewheeling: Arc::new(AtomicBool::new(false)), is_first: true }
    }

    /// The flag that a driver raises while periods come as fast as they are
    /// rendered and not by a clock: waiting is allowed then.
    pub(super) fn freewheel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.freewheeling)
    }

    /// Renders one period. Real-time: yes, but for the first, which asks for
    /// realtime scheduling.
    pub fn run(&mut self, frames: usize, ports: &mut dyn AudioPorts) {
        self.run_with(frames, ports, &mut AudioOnly);
    }

    /// The same, with MIDI at the driver's edge. Real-time: as [`Callback::run`].
    pub fn run_with(&mut self, frames: usize, ports: &mut dyn AudioPorts, edge: &mut dyn Edge) {
        if self.is_first {
            self.is_first = false;
            self.stats.set_scheduling(scheduling::promote_this_thread());
        }
        if self.freewheeling.load(Ordering::Relaxed) {
            self.run_freewheeling(frames, ports, edge);
            return;
        }
        let guard = guard::enter();
        let entry = HostTime::now();
        match self.baton.take() {
            Some(renderer) => self.render(renderer, frames, ports, edge, Some(entry)),
            None => self.rest(frames, ports, edge),
        }
        let duration_nanos = HostTime::now().since(entry);
        self.stats.record(frames, Some(duration_nanos));
        drop(guard);
    }

    /// No clock waits for us, so we wait for whoever takes what we play. Events
    /// stamped with host time have no place in such a period: no entry time.
    fn run_freewheeling(&mut self, frames: usize, ports: &mut dyn AudioPorts, edge: &mut dyn Edge) {
        let renderer = self.baton.take();
        if let Some(renderer) = &renderer {
            wait_for_room(renderer, frames, &self.freewheeling);
        }
        let guard = guard::enter();
        match renderer {
            Some(renderer) => self.render(renderer, frames, ports, edge, None),
            None => self.rest(frames, ports, edge),
        }
        self.stats.record(frames, None);
        drop(guard);
    }

    fn render(
        &self,
        mut renderer: Box<Renderer>,
        frames: usize,
        ports: &mut dyn AudioPorts,
        edge: &mut dyn Edge,
        entry: Option<HostTime>,
    ) {
        // Stages' panics are caught at their own edge; this one keeps what is
        // left from crossing into the driver's C code.
        let outcome = guard::catch(|| {
            let first = renderer.frame();
            edge.before(first);
            renderer.render(frames, ports, entry);
            edge.after(first, frames);
        });
        self.baton.put(renderer);
        if outcome.is_none() {
            self.stats.count_panic();
            silence(frames, ports);
        }
    }

    fn rest(&self, frames: usize, ports: &mut dyn AudioPorts, edge: &mut dyn Edge) {
        silence(frames, ports);
        edge.absent();
        self.stats.count_absence();
    }
}

fn silence(frames: usize, ports: &mut dyn AudioPorts) {
    for channel in 0..ports.output_channels() {
        let mut start = 0;
        while start < frames {
            let length = (frames - start).min(SILENCE_FRAMES);
            ports.write(channel, start, &SILENCE[..length]);
            start += length;
        }
    }
}

/// Waits until the recorder can take the period, freewheeling ends, or the
/// watchdog bites. Only by yielding: JACK cancels its threads, and a sleep would
/// be where that strikes, in the middle of our frames.
fn wait_for_room(renderer: &Renderer, frames: usize, freewheeling: &AtomicBool) {
    let begin = HostTime::now();
    while renderer.tap_vacant_frames().is_some_and(|vacant| vacant < frames)
        && freewheeling.load(Ordering::Relaxed)
        && HostTime::now().since(begin) < FREEWHEEL_WATCHDOG_NANOS
    {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Interleaved;
    use crate::unit::SampleRate;

    #[test]
    fn without_a_renderer_it_plays_silence_and_counts() {
        let baton = Arc::new(Baton::empty());
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let mut callback = Callback::new(baton, Arc::clone(&stats));
        let mut output = [1.0; 2 * 300];
        let mut ports =
            Interleaved { input: &[], input_channels: 0, output: &mut output, output_channels: 2 };
        callback.run(300, &mut ports);
        assert!(output.iter().all(|sample| *sample == 0.0));
        let report = stats.report();
        assert_eq!((report.callbacks, report.frames, report.absences), (1, 300, 1));
    }
}
