use std::time::{Duration, Instant};

use crate::device::audio::Beat;
use crate::device::audio::scheduling::{self, Scheduling};
use crate::measure::Stop;

/// How late a bare thread is woken that is scheduled as the callback's was, in
/// microseconds, one figure for each period. Nothing else of ours runs meanwhile
/// but the pressure: who shares a processor with the callback and its priority
/// would measure the callback.
pub(super) fn measure(like: Scheduling, period: Duration, seconds: f64, stop: &Stop) -> Vec<f32> {
    let stop = stop.clone();
    let listen = move || {
        if let Some(priority) = like.priority() {
            scheduling::promote_this_thread_to(priority);
        }
        let (begun, lasting) = (Instant::now(), Duration::from_secs_f64(seconds));
        let mut late_us = Vec::with_capacity((seconds / period.as_secs_f64()) as usize + 1);
        let mut beat = Beat::new(period);
        while begun.elapsed() < lasting && !stop.is_stopped() {
            late_us.push(beat.wait() as f32 * 1.0e-3);
        }
        late_us
    };
    let thread = std::thread::Builder::new().name("antiphon-beat".to_owned()).spawn(listen);
    // It ends by the clock; where there is no thread, there are no figures.
    thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default()
}
