//! What saves power and costs time: governors, idle states, interrupts.

use crate::control::doctor::{Check, Status};
use crate::measure::machine::{self, Root};
use crate::measure::summary::number;

/// Leaving an idle state may take so long without being heard.
const IDLE_MICROS: u64 = 100;
const CPUS: &str = "sys/devices/system/cpu";

pub(super) fn governor(root: &Root) -> Check {
    const NAME: &str = "CPU governor";
    const WANTED: &str = "performance";
    const FIX: &str = "`echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`";
    let Some(found) = machine::governor(root) else {
        return Check::new(NAME, WANTED, "the kernel does not say (a virtual machine?)")
            .but(Status::Unknown, "set it on the host, or in the firmware's settings");
    };
    let is_right = found == WANTED;
    let check = Check::new(NAME, WANTED, found).costing(slowness(root));
    if is_right { check } else { check.but(Status::Warn, FIX) }
}

/// How much slower the slowest processor runs just now than it could.
fn slowness(root: &Root) -> Option<String> {
    let clock = |cpu: &String| {
        let read = |name: &str| root.number(&format!("{CPUS}/{cpu}/cpufreq/{name}")).filter(|khz| *khz > 0);
        Some((read("scaling_cur_freq")?, read("cpuinfo_max_freq")?))
    };
    let clocks = root.names(CPUS).iter().filter_map(clock).collect::<Vec<_>>();
    let (now, most) = clocks.into_iter().min_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)))?;
    let factor = most as f64 / now as f64;
    let (now, most) = (now / 1_000, most / 1_000);
    Some(format!(
        "the slowest processor runs at {now} of {most} MHz just now: until it speeds up, a block takes {} \
         times as long",
        number(factor)
    ))
}

/// The deepest sleep that a processor may fall into.
pub(super) fn idle_states(root: &Root) -> Check {
    const NAME: &str = "CPU idle states";
    const WANTED: &str = "none that takes more than 100 µs to leave";
    const FIX: &str = "`sudo cpupower idle-set -D 100`, or hold /dev/cpu_dma_latency open while you play: \
         `sudo sh -c 'exec 3>/dev/cpu_dma_latency; printf \"\\0\\0\\0\\0\" >&3; sleep infinity'`";
    let mut states: Vec<(u64, String)> = Vec::new();
    for cpu in root.names(CPUS) {
        for state in root.names(&format!("{CPUS}/{cpu}/cpuidle")) {
            let read = |name: &str| root.text(&format!("{CPUS}/{cpu}/cpuidle/{state}/{name}"));
            let is_off = read("disable").is_some_and(|text| text != "0");
            if let Some(latency) = read("latency").and_then(|text| text.parse().ok()).filter(|_| !is_off) {
                states.push((latency, read("name").unwrap_or(state.clone())));
            }
        }
    }
    let Some((latency, name)) = states.into_iter().max() else {
        return Check::new(NAME, WANTED, "the kernel does not say (a virtual machine?)")
            .but(Status::Unknown, "set it on the host, or in the firmware's settings");
    };
    let bound = latency_bound(root);
    let taken = bound.map_or(latency, |bound| latency.min(bound));
    let costs = format!("each wake-up from it comes up to {taken} µs later, as the kernel states it");
    let found = match bound.filter(|bound| *bound < latency) {
        Some(bound) => format!("{name}: {latency} µs to leave, held to {bound} µs by /dev/cpu_dma_latency"),
        None => format!("{name}: {latency} µs to leave"),
    };
    let check = Check::new(NAME, WANTED, found).costing(Some(costs));
    if taken <= IDLE_MICROS { check } else { check.but(Status::Warn, FIX) }
}

/// What programs bound it to, in microseconds; the kernel's file is a number of
/// four bytes.
fn latency_bound(root: &Root) -> Option<u64> {
    use std::io::Read;
    let mut bytes = [0; 4];
    std::fs::File::open(root.path("dev/cpu_dma_latency")).ok()?.read_exact(&mut bytes).ok()?;
    u64::try_from(i32::from_ne_bytes(bytes)).ok()
}

/// Whether interrupts are served by threads, which a realtime thread may overtake.
pub(super) fn interrupt_threads(root: &Root) -> Check {
    const NAME: &str = "interrupt threads";
    const WANTED: &str = "sound's and USB's interrupts served by threads";
    const FIX: &str = "start the kernel with `threadirqs`: `sudo grubby --update-kernel=ALL --args=threadirqs`, or \
         add it to GRUB_CMDLINE_LINUX in /etc/default/grub and `sudo update-grub`";
    let Some(started) = root.text("proc/cmdline") else {
        return Check::new(NAME, WANTED, "the kernel does not say").but(Status::Unknown, FIX);
    };
    let version = root.text("proc/sys/kernel/version").unwrap_or_default();
    let is_realtime = version.split_whitespace().any(|word| word == "PREEMPT_RT");
    let served = root.text("proc/interrupts").unwrap_or_default();
    let sound: Vec<&str> = served
        .lines()
        .filter(|line| ["snd", "xhci", "ehci", "firewire"].iter().any(|name| line.contains(name)))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    if is_realtime || started.split_whitespace().any(|word| word == "threadirqs") {
        return Check::new(NAME, WANTED, "interrupts are served by threads");
    }
    if sound.is_empty() {
        return Check::new(NAME, WANTED, "no threads, and no interrupt of sound or USB");
    }
    let costs = "not measured apart: what an interrupt of another device takes is in the wake-ups above";
    Check::new(NAME, WANTED, format!("no threads for {}", sound.join(", ")))
        .costing(Some(costs.to_owned()))
        .but(Status::Warn, FIX)
}
