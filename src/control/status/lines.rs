//! The status where there is no terminal: a line when something changed that
//! a musician would want to know, and one now and then as a sign of life.

use super::StatusView;
use super::view::{clock, milliseconds};

/// A sign of life this often, in seconds.
const QUIET_SECONDS: f64 = 10.0;
/// Counters that run away are told this often, in seconds.
const COUNTERS_SECONDS: f64 = 1.0;

/// Remembers what has been told.
#[derive(Default)]
pub(super) struct Lines {
    told: Option<StatusView>,
    counters_at_seconds: f64,
    line_at_seconds: f64,
}

impl Lines {
    /// What there is to tell of this view, if anything.
    pub(super) fn update(&mut self, view: &StatusView) -> Vec<String> {
        let mut out = Vec::new();
        let Some(told) = &mut self.told else {
            out.push(device(view));
            out.extend(view.gear.iter().map(gear));
            out.extend(view.scene.as_ref().map(scene));
            out.extend(view.recording.as_ref().map(|recording| format!("recording to {}", recording.path)));
            self.line_at_seconds = view.seconds;
            self.counters_at_seconds = view.seconds;
            self.told = Some(view.clone());
            return out;
        };
        if told.scene != view.scene {
            out.extend(view.scene.as_ref().map(scene));
        }
        if device(told) != device(view) {
            out.push(device(view));
        }
        for piece in &view.gear {
            if told.gear.iter().all(|before| before != piece) {
                out.push(gear(piece));
            }
        }
        for piece in &told.gear {
            if view.gear.iter().all(|now| now.name != piece.name) {
                out.push(format!("{}: no longer in the rig", piece.name));
            }
        }
        (told.rig, told.driver, told.device) = (view.rig.clone(), view.driver.clone(), view.device.clone());
        (told.rate_hertz, told.block_frames, told.latency_seconds) =
            (view.rate_hertz, view.block_frames, view.latency_seconds);
        told.scheduler.clone_from(&view.scheduler);
        told.gear.clone_from(&view.gear);
        told.scene.clone_from(&view.scene);
        if counters(told) != counters(view) && view.seconds - self.counters_at_seconds >= COUNTERS_SECONDS {
            out.push(state(view));
            self.counters_at_seconds = view.seconds;
            *told = view.clone();
        } else if view.seconds - self.line_at_seconds >= QUIET_SECONDS {
            out.push(state(view));
        }
        if !out.is_empty() {
            self.line_at_seconds = view.seconds;
        }
        out
    }
}

fn device(view: &StatusView) -> String {
    let rig = if view.rig.is_empty() { "a rig without a name" } else { &view.rig };
    format!(
        "playing {rig} on {}: {} Hz, {} frames, {}, {}",
        view.device_name(),
        view.rate_hertz,
        view.block_frames,
        milliseconds(view.latency_seconds),
        view.scheduler
    )
}

fn gear(gear: &super::GearView) -> String {
    match &gear.port {
        Some(port) => format!("{}: connected to {port}", gear.name),
        None => format!("{}: waiting for it to be plugged in", gear.name),
    }
}

fn scene(scene: &super::SceneView) -> String {
    let mut line = format!("scene {}", scene.name);
    if let Some((place, of)) = scene.place {
        line.push_str(&format!(" ({place} of {of})"));
    }
    if let Some(next) = &scene.next {
        line.push_str(&format!(", next {next}"));
    }
    line
}

/// The numbers that should stay 0.
fn counters(view: &StatusView) -> [u64; 6] {
    [
        view.xruns,
        view.late_events,
        view.dropped_events,
        view.faults,
        view.rt_violations,
        view.recording.as_ref().map_or(0, |recording| recording.lost_frames),
    ]
}

fn state(view: &StatusView) -> String {
    let [xruns, late, dropped, faults, violations, lost] = counters(view);
    let mut line = format!(
        "{}  load {:.0} %  voices {}  xruns {xruns}  late {late}  dropped {dropped}  faults {faults}",
        clock(view.seconds),
        view.load * 100.0,
        view.voices
    );
    if violations > 0 {
        line.push_str(&format!("  allocations in the callback {violations}"));
    }
    if lost > 0 {
        line.push_str(&format!("  frames lost in the recording {lost}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::status::GearView;

    fn view() -> StatusView {
        StatusView {
            rig: "Two manuals".into(),
            driver: "null".into(),
            rate_hertz: 48_000,
            block_frames: 64,
            gear: vec![GearView { name: "keys".into(), port: None, is_output: false }],
            ..StatusView::default()
        }
    }

    #[test]
    fn names_are_said_once() {
        let null = StatusView { device: "null clock".into(), ..view() };
        let said = Lines::default().update(&null)[0].clone();
        assert!(said.starts_with("playing Two manuals on null clock: 48000 Hz"), "{said}");
        let alsa =
            StatusView { driver: "alsa".into(), device: "Scarlett".into(), rig: String::new(), ..null };
        let said = Lines::default().update(&alsa)[0].clone();
        assert!(said.starts_with("playing a rig without a name on alsa Scarlett:"), "{said}");
    }

    #[test]
    fn nothing_is_repeated_but_a_sign_of_life() {
        let mut lines = Lines::default();
        let mut view = view();
        assert_eq!(lines.update(&view).len(), 2);
        let mut count = 0;
        for _ in 0..2_500 {
            view.seconds += 0.01;
            view.load += 0.01;
            count += lines.update(&view).len();
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn changes_are_told_and_runaway_counters_at_most_once_a_second() {
        let mut lines = Lines::default();
        let mut view = view();
        lines.update(&view);
        view.gear[0].port = Some("KeyStep 37".into());
        assert_eq!(lines.update(&view), ["keys: connected to KeyStep 37"]);
        view.block_frames = 128;
        assert!(lines.update(&view)[0].contains("128 frames"));
        let mut count = 0;
        for _ in 0..300 {
            view.seconds += 0.01;
            view.xruns += 1;
            count += lines.update(&view).len();
        }
        assert!((2..=3).contains(&count), "{count}");
        view.gear.clear();
        assert_eq!(lines.update(&view), ["keys: no longer in the rig"]);
    }
}
