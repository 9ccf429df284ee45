mod gear;
mod power;
mod rates;

use std::fs;
use std::time::Instant;

use super::{Check, RTPRIO_FIX, Status};
use crate::device::audio::scheduling::Scheduling;
use crate::device::{audio, memory};
use crate::measure::machine::{Root, ask};
use crate::measure::summary::{nanos, number};

/// Enough for the program, its sample buffers and its libraries.
const MEMLOCK_BYTES: u64 = 512 << 20;
/// A longer block is felt by fingers: 5 ms at 48 kHz.
const QUANTUM_FRAMES: u32 = 256;

pub(super) fn checks(callback: Scheduling) -> Vec<Check> {
    let pipewire = asked("pw-metadata", &["-n", "settings"]);
    let jack = audio::list_jack().ok().map(|server| (server.block_frames, server.rate_hertz));
    let server_hertz = pipewire.as_deref().and_then(|settings| setting(settings, "clock.rate"));
    // Only where a server runs: the question would start one.
    let sink = has_pulse().then(|| asked("pactl", &["get-default-sink"])).flatten();
    let sink = sink.as_deref().map(str::trim).filter(|sink| !sink.is_empty());
    let power_save = |name: &str| {
        let text = asked("iw", &["dev", name, "get", "power_save"])?;
        Some(text.trim().ends_with("on"))
    };
    let mut checks = vec![
        priority_limit(callback),
        realtime_time(realtime_micros()),
        memory_limit(memory::limit_bytes(), memory::may_lock),
        groups(callback),
    ];
    checks.extend(machine(&Root::default()));
    checks.extend([
        timers(),
        pipewire_quantum(pipewire.as_deref()),
        jack_period(jack),
        rates::resampling(&Root::default(), server_hertz.or(jack.map(|(_, rate)| rate))),
        gear::bluetooth(sink),
        gear::wifi(&Root::default(), power_save),
    ]);
    checks
}

/// Whether a PulseAudio server, PipeWire's included, has opened its socket.
fn has_pulse() -> bool {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
    folder.is_some_and(|folder| folder.join("pulse/native").exists())
        || std::env::var_os("PULSE_SERVER").is_some()
}

/// What the kernel's files say.
fn machine(root: &Root) -> Vec<Check> {
    vec![
        power::governor(root),
        power::idle_states(root),
        preemption(root),
        power::interrupt_threads(root),
        swapping(root),
        gear::usb_hubs(root),
    ]
}

fn priority_limit(callback: Scheduling) -> Check {
    const NAME: &str = "realtime limit";
    const WANTED: &str = "rtprio 70 or more";
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_RTPRIO, &mut limit) } != 0 {
        return Check::new(NAME, WANTED, "the system does not say").but(Status::Unknown, RTPRIO_FIX);
    }
    let allowed = limit.rlim_max;
    let found =
        if allowed == libc::RLIM_INFINITY { "unlimited".to_owned() } else { format!("rtprio {allowed}") };
    if allowed >= 70 {
        Check::new(NAME, WANTED, found)
    } else if callback.is_realtime() {
        Check::new(NAME, WANTED, format!("{found}, but this user may all the same"))
    } else if allowed > 0 {
        Check::new(NAME, WANTED, found).but(Status::Warn, RTPRIO_FIX)
    } else {
        Check::new(NAME, WANTED, found).but(Status::Fail, RTPRIO_FIX)
    }
}

/// How long a realtime thread may run without a pause; `None` for ever.
fn realtime_micros() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct it is given.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_RTTIME, &mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// A thread of an isolated stage that hangs is taken off realtime scheduling after
/// 100 ms, and a hang of the callback is told after 250 ms: the system must not end
/// the process before.
fn realtime_time(limit_micros: Option<u64>) -> Check {
    const NAME: &str = "realtime time";
    const WANTED: &str = "unlimited, or 300 ms or more";
    const FIX: &str = "start it from a shell in which `ulimit -R unlimited` was said, or with \
         `LimitRTTIME=infinity` in its service; play with --respawn";
    let Some(micros) = limit_micros else { return Check::new(NAME, WANTED, "unlimited") };
    let check = Check::new(NAME, WANTED, format!("{} ms", micros / 1_000));
    match micros {
        300_000.. => check,
        120_000.. => check.but(Status::Warn, FIX),
        _ => check.but(Status::Fail, FIX),
    }
}

/// By the limit, and whether this process may lock more than that.
fn memory_limit(limit_bytes: Option<u64>, may_lock: fn(u64) -> bool) -> Check {
    const NAME: &str = "memory lock limit";
    match limit_bytes {
        None => Check::new(NAME, "unlimited", "unlimited"),
        Some(bytes) => {
            let check = Check::new(NAME, "unlimited, or at least 512 MiB", format!("{} MiB", bytes >> 20));
            if bytes >= MEMLOCK_BYTES {
                return check;
            }
            // It is not asked for as much: an older kernel might take it at once.
            if may_lock(bytes + 4_096) {
                let found = format!("{} MiB, but this process may lock more (CAP_IPC_LOCK)", bytes >> 20);
                return Check::new(NAME, "unlimited, or at least 512 MiB", found);
            }
            check.costing(page_fault()).but(Status::Warn, RTPRIO_FIX)
        }
    }
}

/// What the first touch of a page costs here.
fn page_fault() -> Option<String> {
    const PAGES: usize = 2_048;
    const PAGE_BYTES: usize = 4_096;
    let mut memory: Vec<u8> = Vec::with_capacity(PAGES * PAGE_BYTES);
    let begin = Instant::now();
    // Written page by page: the system gives each when it is touched.
    for page in memory.spare_capacity_mut().chunks_mut(PAGE_BYTES) {
        page[0].write(1);
    }
    let elapsed = begin.elapsed().as_nanos() as f64;
    std::hint::black_box(&mut memory);
    let each = nanos(elapsed / PAGES as f64);
    Some(format!(
        "measured: the first touch of a page that is not locked takes {each}; one that is on the disk, as long as the disk"
    ))
}

fn groups(callback: Scheduling) -> Check {
    const NAME: &str = "groups";
    const FIX: &str = "`sudo usermod -aG audio $USER`, log out and in";
    let Some(audio) = group_id("audio") else {
        return Check::new(NAME, "member of `audio`", "there is no group `audio`")
            .but(Status::Unknown, "`sudo groupadd audio`, then `sudo usermod -aG audio $USER`");
    };
    let check = |found: &str| Check::new(NAME, "member of `audio`", found);
    // SAFETY: asks for the number first, then fills a buffer of that size.
    let (is_root, members) = unsafe {
        let count = libc::getgroups(0, std::ptr::null_mut()).max(0);
        let mut ids = vec![0; count as usize];
        let got = libc::getgroups(count, ids.as_mut_ptr()).max(0);
        ids.truncate(got as usize);
        (libc::geteuid() == 0, ids)
    };
    if members.contains(&audio) {
        check("member of `audio`")
    } else if is_root {
        check("root, which needs no group")
    } else if callback.is_realtime() {
        check("not in `audio`").but(Status::Warn, FIX)
    } else {
        check("not in `audio`").but(Status::Fail, FIX)
    }
}

fn group_id(name: &str) -> Option<libc::gid_t> {
    let text = fs::read_to_string("/etc/group").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// By the kernel's version, as `uname -v` prints it.
fn preemption(root: &Root) -> Check {
    const NAME: &str = "kernel preemption";
    const WANTED: &str = "PREEMPT_RT, PREEMPT or PREEMPT_DYNAMIC with preempt=full";
    const FIX: &str = "install your distribution's `rt` or `lowlatency` kernel, or start the kernel with \
         `preempt=full threadirqs`";
    let costs = || Some("what the kernel is not interrupted in is in the wake-ups above".to_owned());
    let Some(version) = root.text("proc/sys/kernel/version") else {
        return Check::new(NAME, WANTED, "the kernel does not say").but(Status::Unknown, FIX);
    };
    let words: Vec<&str> = version.split_whitespace().collect();
    let is = |word: &str| words.contains(&word);
    if is("PREEMPT_RT") {
        Check::new(NAME, WANTED, "PREEMPT_RT")
    } else if is("PREEMPT") {
        Check::new(NAME, WANTED, "PREEMPT")
    } else if is("PREEMPT_DYNAMIC") {
        let started = root.text("proc/cmdline").unwrap_or_default();
        if started.split_whitespace().any(|word| word == "preempt=full") {
            Check::new(NAME, WANTED, "PREEMPT_DYNAMIC, started with preempt=full")
        } else {
            Check::new(NAME, WANTED, "PREEMPT_DYNAMIC, not started with preempt=full")
                .costing(costs())
                .but(Status::Warn, FIX)
        }
    } else {
        Check::new(NAME, WANTED, "voluntary or none").costing(costs()).but(Status::Warn, FIX)
    }
}

fn timers() -> Check {
    const NAME: &str = "timers";
    const WANTED: &str = "high resolution (1 ns)";
    // SAFETY: a struct of integers, which the call fills.
    let nanos = unsafe {
        let mut resolution: libc::timespec = std::mem::zeroed();
        libc::clock_getres(libc::CLOCK_MONOTONIC, &mut resolution);
        resolution.tv_nsec
    };
    let check = Check::new(NAME, WANTED, format!("{nanos} ns"));
    if nanos <= 1_000 {
        check
    } else {
        check.but(Status::Warn, "use a kernel built with CONFIG_HIGH_RES_TIMERS, without `highres=off`")
    }
}

fn swapping(root: &Root) -> Check {
    const NAME: &str = "swapping";
    const WANTED: &str = "no swap, or swappiness 10 or less";
    const FIX: &str =
        "`echo vm.swappiness=10 | sudo tee /etc/sysctl.d/90-audio.conf && sudo sysctl --system`";
    let all = root.kib("proc/meminfo", "SwapTotal:");
    let used = all.zip(root.kib("proc/meminfo", "SwapFree:")).map(|(all, free)| all.saturating_sub(free));
    let costs = used
        .map(|used| format!("{} MiB are swapped out just now; a page comes back from the disk", used >> 20));
    match (root.number("proc/sys/vm/swappiness"), all) {
        (_, Some(0)) => Check::new(NAME, WANTED, "no swap"),
        (Some(swappiness), _) if swappiness <= 10 => {
            Check::new(NAME, WANTED, format!("swappiness {swappiness}"))
        }
        (Some(swappiness), _) => {
            Check::new(NAME, WANTED, format!("swappiness {swappiness}")).costing(costs).but(Status::Warn, FIX)
        }
        (None, _) => Check::new(NAME, WANTED, "the kernel does not say").but(Status::Unknown, FIX),
    }
}

/// What a program prints; `None` where it is not there, fails or takes too long.
fn asked(program: &str, arguments: &[&str]) -> Option<String> {
    let output = ask(program, arguments)?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A number among PipeWire's settings.
fn setting(settings: &str, key: &str) -> Option<u32> {
    let line = settings.lines().find(|line| line.contains(&format!("key:'{key}'")))?;
    line.split("value:'").nth(1)?.split('\'').next()?.parse().ok()
}

/// A block in time, which every sound waits for.
fn block(frames: u32, rate_hertz: u32) -> Option<String> {
    let ms = |frames: u32| 1_000.0 * f64::from(frames) / f64::from(rate_hertz.max(1));
    Some(format!("a block is {} ms; one of 128 frames is {} ms", number(ms(frames)), number(ms(128))))
}

fn pipewire_quantum(settings: Option<&str>) -> Check {
    const NAME: &str = "PipeWire quantum";
    const WANTED: &str = "256 frames or fewer";
    let value = |key: &str| settings.and_then(|settings| setting(settings, key));
    let forced = value("clock.force-quantum").filter(|frames| *frames > 0);
    match forced.or_else(|| value("clock.quantum")) {
        None => Check::new(NAME, WANTED, "PipeWire is not running")
            .but(Status::Unknown, "nothing, where JACK, PulseAudio or ALSA is used without PipeWire"),
        Some(frames) => {
            let rate = value("clock.rate").unwrap_or(48_000);
            let check = Check::new(NAME, WANTED, format!("{frames} frames")).costing(block(frames, rate));
            if frames <= QUANTUM_FRAMES {
                check
            } else {
                check.but(Status::Warn, "`pw-metadata -n settings 0 clock.force-quantum 128`")
            }
        }
    }
}

fn jack_period(server: Option<(u32, u32)>) -> Check {
    const NAME: &str = "JACK period";
    const WANTED: &str = "256 frames or fewer";
    match server {
        None => Check::new(NAME, WANTED, "no JACK server is running")
            .but(Status::Unknown, "nothing, where another driver is used"),
        Some((frames, rate)) => {
            let found = format!("{frames} frames at {rate} Hz");
            let check = Check::new(NAME, WANTED, found).costing(block(frames, rate));
            if frames <= QUANTUM_FRAMES {
                check
            } else {
                check.but(Status::Warn, "start the server with `-p 128`, or set 128 frames in QjackCtl")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_must_be_told_before_the_system_ends_it() {
        for (limit, status) in [
            (None, Status::Ok),
            (Some(300_000), Status::Ok),
            (Some(200_000), Status::Warn),
            (Some(50_000), Status::Fail),
        ] {
            assert_eq!(realtime_time(limit).status, status, "{limit:?}");
        }
    }

    #[test]
    fn the_kernels_preemption_is_read_from_its_version() {
        for (version, status) in [
            ("#1 SMP PREEMPT_RT Debian 6.1", Status::Ok),
            ("#1 SMP PREEMPT Arch", Status::Ok),
            ("#1 SMP Debian 6.1", Status::Warn),
        ] {
            let plant = Plant::new(&[("proc/sys/kernel/version", version)]);
            assert_eq!(preemption(&plant.root()).status, status, "{version}");
        }
        assert_eq!(preemption(&Plant::new(&[]).root()).status, Status::Unknown);
    }

    #[test]
    fn a_forced_quantum_counts_before_the_usual_one() {
        let settings = "update: id:0 key:'clock.quantum' value:'1024' type:''\n\
                        update: id:0 key:'clock.force-quantum' value:'0' type:''\n";
        let usual = pipewire_quantum(Some(settings));
        assert_eq!((usual.status, usual.found.as_str()), (Status::Warn, "1024 frames"));
        let forced = settings.replace("value:'0'", "value:'64'");
        assert_eq!(pipewire_quantum(Some(&forced)).found, "64 frames");
        assert_eq!(pipewire_quantum(None).status, Status::Unknown);
    }

    #[test]
    fn swap_matters_only_where_there_is_some() {
        let judged = |swappiness: &str, total: u32, free: u32| {
            let memory = format!("MemTotal: 8000 kB\nSwapTotal: {total} kB\nSwapFree: {free} kB\n");
            let plant = Plant::new(&[("proc/meminfo", &memory), ("proc/sys/vm/swappiness", swappiness)]);
            swapping(&plant.root())
        };
        assert_eq!(judged("60", 0, 0).status, Status::Ok);
        assert_eq!(judged("10", 1 << 20, 0).status, Status::Ok);
        let swapped = judged("60", 1 << 20, 1 << 19);
        assert_eq!(swapped.status, Status::Warn);
        assert!(swapped.costs.is_some_and(|costs| costs.starts_with("512 MiB are swapped out")));
    }

    #[test]
    fn a_long_block_costs_its_length() {
        let period = jack_period(Some((1_024, 48_000)));
        assert_eq!(period.status, Status::Warn);
        assert_eq!(period.costs.as_deref(), Some("a block is 21.3 ms; one of 128 frames is 2.67 ms"));
        assert!(page_fault().is_some_and(|costs| costs.starts_with("measured: ")));
    }

    #[test]
    fn a_processor_that_saves_power_is_found_and_how_slow_it_is() {
        let plant = Plant::new(&[
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "800000"),
            ("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3600000"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state0/name", "C1"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "2"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state1/name", "C10"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state1/latency", "890"),
        ]);
        let governor = power::governor(&plant.root());
        assert_eq!((governor.status, governor.found.as_str()), (Status::Warn, "powersave"));
        let costs = governor.costs.expect("it is known");
        assert!(costs.contains("800 of 3600 MHz") && costs.contains("4.50 times"), "{costs}");
        let idle = power::idle_states(&plant.root());
        assert_eq!((idle.status, idle.found.as_str()), (Status::Warn, "C10: 890 µs to leave"));
        assert!(idle.costs.is_some_and(|costs| costs.contains("890 µs later")));
        // Somebody holds it awake.
        plant.add("dev/cpu_dma_latency", &10_i32.to_ne_bytes());
        let held = power::idle_states(&plant.root());
        assert!(held.status == Status::Ok && held.found.ends_with("held to 10 µs by /dev/cpu_dma_latency"));
        plant.add("sys/devices/system/cpu/cpu0/cpuidle/state1/disable", b"1");
        assert_eq!(power::idle_states(&plant.root()).found, "C1: 2 µs to leave");
    }

    #[test]
    fn a_hub_that_a_sound_card_shares_with_a_keyboard_is_found() {
        let card = [
            ("sys/bus/usb/devices/3-1/speed", "480"),
            ("sys/bus/usb/devices/3-1.2/product", "Card"),
            ("sys/bus/usb/devices/3-1.2:1.1/bInterfaceClass", "01"),
            ("sys/bus/usb/devices/3-1.2:1.1/bInterfaceSubClass", "02"),
            // A card with MIDI of its own shares with nobody.
            ("sys/bus/usb/devices/3-1.2:1.2/bInterfaceClass", "01"),
            ("sys/bus/usb/devices/3-1.2:1.2/bInterfaceSubClass", "03"),
        ];
        let plant = Plant::new(&card);
        assert_eq!(gear::usb_hubs(&plant.root()).status, Status::Ok);
        for (path, text) in [
            ("sys/bus/usb/devices/3-1.4/product", "Keys"),
            ("sys/bus/usb/devices/3-1.4:1.1/bInterfaceClass", "01"),
            ("sys/bus/usb/devices/3-1.4:1.1/bInterfaceSubClass", "03"),
        ] {
            plant.add(path, text.as_bytes());
        }
        let shared = gear::usb_hubs(&plant.root());
        assert_eq!(shared.status, Status::Warn);
        assert_eq!(shared.found, "Card and Keys share the hub 3-1 of 480 Mbit/s");
        assert!(shared.costs.is_some() && shared.fix.contains("lsusb"));
    }

    #[test]
    fn a_memory_lock_limit_that_does_not_bind_is_no_trouble() {
        let low = Some(8 << 20);
        assert_eq!(memory_limit(low, |_| false).status, Status::Warn);
        let found = memory_limit(low, |bytes| bytes > 8 << 20);
        assert_eq!(
            (found.status, &*found.found),
            (Status::Ok, "8 MiB, but this process may lock more (CAP_IPC_LOCK)")
        );
        assert_eq!(memory_limit(None, |_| false).status, Status::Ok);
        assert_eq!(memory_limit(Some(1 << 30), |_| false).status, Status::Ok);
        // A page may always be locked; more than there are addresses never.
        assert!(!memory::may_lock(1 << 60));
    }

    #[test]
    fn radios_are_found_in_the_path() {
        let bluetooth = gear::bluetooth(Some("bluez_output.00_11_22.a2dp-sink"));
        assert!(bluetooth.status == Status::Fail && bluetooth.fix.contains("set-default-sink"));
        assert_eq!(gear::bluetooth(Some("alsa_output.pci")).status, Status::Ok);
        let plant = Plant::new(&[("sys/class/net/wlan0/wireless/status", "")]);
        let wifi = |saves| gear::wifi(&plant.root(), move |_| saves);
        assert_eq!(wifi(Some(true)).status, Status::Warn);
        assert!(wifi(Some(true)).fix.contains("iw dev wlan0 set power_save off"));
        assert_eq!((wifi(Some(false)).status, wifi(None).status), (Status::Ok, Status::Unknown));
        assert_eq!(gear::wifi(&Plant::new(&[]).root(), |_| None).status, Status::Ok);
    }

    #[test]
    fn a_card_at_another_rate_than_its_server_is_resampled() {
        let plant = Plant::new(&[
            ("proc/asound/card0/id", "USB"),
            ("proc/asound/card0/pcm0p/sub0/hw_params", "format: S32_LE\nrate: 44100 (44100/1)\n"),
        ]);
        assert_eq!(rates::resampling(&plant.root(), Some(44_100)).status, Status::Ok);
        let found = rates::resampling(&plant.root(), Some(48_000));
        assert_eq!(found.status, Status::Warn);
        assert_eq!(found.found, "USB plays at 44100 Hz, its server at 48000 Hz");
        assert!(found.costs.is_some_and(|costs| costs.contains("% of a processor")));
    }

    #[test]
    fn interrupts_without_threads_are_found() {
        let plant = Plant::new(&[
            ("proc/cmdline", "quiet"),
            ("proc/interrupts", "  17:  5  IO-APIC  17-fasteoi  snd_hda_intel:card0\n"),
        ]);
        let found = power::interrupt_threads(&plant.root());
        assert_eq!(
            (found.status, found.found.as_str()),
            (Status::Warn, "no threads for snd_hda_intel:card0")
        );
        plant.add("proc/cmdline", b"quiet threadirqs");
        assert_eq!(power::interrupt_threads(&plant.root()).status, Status::Ok);
    }

    /// A folder that stands for `/`, with what a test puts there.
    struct Plant(tempfile::TempDir);

    impl Plant {
        fn new(files: &[(&str, &str)]) -> Plant {
            let plant = Plant(tempfile::tempdir().expect("a folder"));
            for (path, text) in files {
                plant.add(path, text.as_bytes());
            }
            plant
        }

        fn add(&self, path: &str, bytes: &[u8]) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }

        fn root(&self) -> Root {
            Root::at(self.0.path())
        }
    }
}
