use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::scheduling::{self, Scheduling, ThreadId};
use super::stats::CallbackStats;
use super::times::CallbackTime;
use crate::render::{AudioPorts, Renderer};
use crate::rt::baton::Baton;
use crate::rt::guard;
use crate::unit::{Frame, HostTime};

/// What a driver does inside the callback beside audio: MIDI that belongs to
/// the same period, and a transport (JACK). Real-time: yes.
pub trait Edge {
    /// Before the Renderer runs; its frame is that of the period's first.
    fn before(&mut self, renderer: &mut Renderer);
    /// After it ran; `first` is the engine's frame of the period's first.
    fn after(&mut self, first: Frame, frames: usize, renderer: &Renderer);
    /// There was no Renderer in this period.
    fn absent(&mut self);
}

/// What plays where there is no Renderer: a measurement of the device alone.
/// Real-time: yes.
pub trait Guest: Send {
    /// Plays and hears a period. Every frame of every output channel must be written.
    fn play(&mut self, frames: usize, ports: &mut dyn AudioPorts);
}

/// No MIDI at this driver.
struct AudioOnly;

impl Edge for AudioOnly {
    fn before(&mut self, _renderer: &mut Renderer) {}
    fn after(&mut self, _first: Frame, _frames: usize, _renderer: &Renderer) {}
    fn absent(&mut self) {}
}

/// What every driver's callback runs: the fence, the baton, the Renderer, the
/// measurement.
pub struct Callback {
    baton: Arc<Baton<Renderer>>,
    stats: Arc<CallbackStats>,
    reins: Arc<Reins>,
    guest: Option<Box<dyn Guest>>,
    is_first: bool,
    /// When the next period should begin, where the driver goes by a clock.
    due: Option<HostTime>,
    /// Its thread, until it is the one that plays.
    fresh: Option<(Option<ThreadId>, Scheduling)>,
}

/// How a driver steers its callback from outside. Real-time: yes.
#[derive(Default)]
pub(super) struct Reins {
    freewheeling: AtomicBool,
    retired: AtomicBool,
    /// Silent until its predecessor has let go.
    waiting: AtomicBool,
    called: AtomicBool,
}

impl Reins {
    /// While periods come as fast as they are rendered, and not by a clock,
    /// waiting is allowed.
    pub(super) fn set_freewheeling(&self, is_freewheeling: bool) {
        self.freewheeling.store(is_freewheeling, Ordering::Relaxed);
    }

    pub(super) fn is_freewheeling(&self) -> bool {
        self.freewheeling.load(Ordering::Relaxed)
    }

    /// From now on the callback plays silence, uncounted, and leaves the Renderer alone: a
    /// device that hung and comes back must not play beside its successor.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.set_freewheeling(false);
    }
}

/// The hold on a callback that runs, silent, until the driver before it has been
/// stopped: so a device shows that it plays before anything depends on it.
/// Real-time: yes.
pub struct Standby(Arc<Reins>);

impl Standby {
    /// Whether the device has asked for a period yet.
    pub fn was_called(&self) -> bool {
        self.0.called.load(Ordering::Relaxed)
    }

    /// From its next period on the callback renders.
    pub fn take_over(&self) {
        self.0.waiting.store(false, Ordering::Relaxed);
    }
}

/// While freewheeling, the longest that a period waits for the recorder.
const FREEWHEEL_WATCHDOG_NANOS: u64 = 60_000_000_000;
const SILENCE_FRAMES: usize = 256;
static SILENCE: [f32; SILENCE_FRAMES] = [0.0; SILENCE_FRAMES];

impl Callback {
    /// A callback that renders with whatever Renderer is in `baton` and reports
    /// to `stats`. Real-time: no (allocates).
    pub fn new(baton: Arc<Baton<Renderer>>, stats: Arc<CallbackStats>) -> Callback {
        Callback { baton, stats, reins: Arc::default(), guest: None, is_first: true, due: None, fresh: None }
    }

    /// The same, silent and leaving the Renderer alone until told. Real-time: no
    /// (allocates).
    pub fn standing_by(baton: Arc<Baton<Renderer>>, stats: Arc<CallbackStats>) -> (Callback, Standby) {
        let callback = Callback::new(baton, stats);
        callback.reins.waiting.store(true, Ordering::Relaxed);
        let standby = Standby(callback.reins());
        (callback, standby)
    }

    /// The same, with somebody who plays in each period that finds no Renderer.
    /// Real-time: no (allocates).
    pub fn with_guest(self, guest: Box<dyn Guest>) -> Callback {
        Callback { guest: Some(guest), ..self }
    }

    /// The driver's hold on this callback.
    pub(super) fn reins(&self) -> Arc<Reins> {
        Arc::clone(&self.reins)
    }

    /// Says when the next period should have begun. Real-time: yes.
    pub(super) fn expect_at(&mut self, due: HostTime) {
        self.due = Some(due);
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
            self.fresh = Some((ThreadId::current(), scheduling::promote_this_thread()));
        }
        if self.reins.retired.load(Ordering::Relaxed) || self.reins.waiting.load(Ordering::Relaxed) {
            self.reins.called.store(true, Ordering::Relaxed);
            let _guard = guard::enter();
            silence(frames, ports);
            edge.absent();
            return;
        }
        if let Some((thread, scheduling)) = self.fresh.take() {
            self.stats.set_thread(thread, scheduling);
        }
        if self.reins.freewheeling.load(Ordering::Relaxed) {
            self.run_freewheeling(frames, ports, edge);
            return;
        }
        let guard = guard::enter();
        let entry = HostTime::now();
        self.stats.enter(entry);
        match self.baton.take() {
            Some(renderer) => self.render(renderer, frames, ports, edge, Some(entry)),
            None => self.rest(frames, ports, edge),
        }
        let duration_nanos = HostTime::now().since(entry);
        self.stats.record(frames, Some(duration_nanos));
        let due = self.due.take();
        self.stats.tape().write(CallbackTime { due, entry, duration_nanos, frames: frames as u32 });
        drop(guard);
    }

    /// No clock waits for us, so we wait for whoever takes what we play. Events
    /// stamped with host time have no place in such a period: no entry time.
    fn run_freewheeling(&mut self, frames: usize, ports: &mut dyn AudioPorts, edge: &mut dyn Edge) {
        let renderer = self.baton.take();
        if let Some(renderer) = &renderer {
            wait_for_room(renderer, frames, &self.reins.freewheeling);
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
            edge.before(&mut renderer);
            renderer.render(frames, ports, entry);
            edge.after(first, frames, &renderer);
        });
        self.baton.put(renderer);
        if let Err(caught) = outcome {
            // A leak, once in a life, is better than a free in here.
            std::mem::forget(caught);
            self.stats.count_panic();
            silence(frames, ports);
        }
    }

    fn rest(&mut self, frames: usize, ports: &mut dyn AudioPorts, edge: &mut dyn Edge) {
        edge.absent();
        let Some(guest) = &mut self.guest else {
            silence(frames, ports);
            self.stats.count_absence();
            return;
        };
        if let Err(caught) = guard::catch(|| guest.play(frames, ports)) {
            // As for the Renderer.
            std::mem::forget(caught);
            self.stats.count_panic();
            silence(frames, ports);
        }
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
    use crate::render::{Interleaved, RendererSettings, renderer};
    use crate::unit::SampleRate;

    fn play(callback: &mut Callback) -> Vec<f32> {
        let mut output = vec![1.0; 2 * 300];
        let mut ports =
            Interleaved { input: &[], input_channels: 0, output: &mut output, output_channels: 2 };
        callback.run(300, &mut ports);
        output
    }

    #[test]
    fn without_a_renderer_it_plays_silence_and_counts() {
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let mut callback = Callback::new(Arc::new(Baton::empty()), Arc::clone(&stats));
        assert!(play(&mut callback).iter().all(|sample| *sample == 0.0));
        let report = stats.report();
        assert_eq!((report.callbacks, report.frames, report.absences), (1, 300, 1));
    }

    #[test]
    fn once_retired_it_leaves_the_renderer_to_its_successor() {
        let settings = RendererSettings { rate: SampleRate::DEFAULT, midi_latency_frames: 0 };
        let baton = Arc::new(Baton::new(renderer(settings).0));
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let mut old = Callback::new(Arc::clone(&baton), Arc::clone(&stats));
        play(&mut old);
        old.reins().retire();
        play(&mut old);
        play(&mut Callback::new(Arc::clone(&baton), Arc::clone(&stats)));
        assert_eq!((stats.report().absences, stats.callbacks()), (0, 2));
        assert_eq!(baton.take().map(|renderer| renderer.frame()), Some(600));
    }

    #[test]
    fn standing_by_it_leaves_the_renderer_to_its_predecessor() {
        let settings = RendererSettings { rate: SampleRate::DEFAULT, midi_latency_frames: 0 };
        let baton = Arc::new(Baton::new(renderer(settings).0));
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let mut old = Callback::new(Arc::clone(&baton), Arc::clone(&stats));
        let (mut new, standby) = Callback::standing_by(Arc::clone(&baton), Arc::clone(&stats));
        assert!(!standby.was_called());
        assert!(play(&mut new).iter().all(|sample| *sample == 0.0));
        play(&mut old);
        assert!(standby.was_called());
        assert_eq!((stats.report().absences, stats.callbacks()), (0, 1));
        standby.take_over();
        play(&mut new);
        assert_eq!(baton.take().map(|renderer| renderer.frame()), Some(600));
    }

    #[test]
    fn freewheeling_has_no_deadline_to_measure() {
        let settings = RendererSettings { rate: SampleRate::DEFAULT, midi_latency_frames: 0 };
        let stats = Arc::new(CallbackStats::new(SampleRate::DEFAULT));
        let mut callback = Callback::new(Arc::new(Baton::new(renderer(settings).0)), Arc::clone(&stats));
        callback.reins().set_freewheeling(true);
        play(&mut callback);
        let report = stats.report();
        assert_eq!((report.callbacks, report.frames, report.max_micros), (1, 300, 0.0));
    }
}
