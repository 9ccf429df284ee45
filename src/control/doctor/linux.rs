use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Check, RTPRIO_FIX, Status};
use crate::device::audio::scheduling::Scheduling;
use crate::device::{audio, memory};

/// Enough for the program, its sample buffers and its libraries.
const MEMLOCK_BYTES: u64 = 512 << 20;
/// A longer block is felt by fingers: 5 ms at 48 kHz.
const QUANTUM_FRAMES: u32 = 256;
/// How long another program may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn checks(callback: Scheduling) -> Vec<Check> {
    vec![
        priority_limit(callback),
        realtime_time(realtime_micros()),
        memory_limit(),
        groups(callback),
        governor(),
        preemption(fs::read_to_string("/proc/sys/kernel/version").ok().as_deref()),
        timers(),
        swapping(read_number("/proc/sys/vm/swappiness"), swap_bytes()),
        pipewire_quantum(pipewire_settings().as_deref()),
        jack_period(),
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

fn memory_limit() -> Check {
    const NAME: &str = "memory lock limit";
    match memory::limit_bytes() {
        None => Check::new(NAME, "unlimited", "unlimited"),
        Some(bytes) => {
            let check = Check::new(NAME, "unlimited, or at least 512 MiB", format!("{} MiB", bytes >> 20));
            if bytes >= MEMLOCK_BYTES { check } else { check.but(Status::Warn, RTPRIO_FIX) }
        }
    }
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

fn governor() -> Check {
    const NAME: &str = "CPU governor";
    const FIX: &str = "`echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`";
    let cpus = fs::read_dir("/sys/devices/system/cpu").into_iter().flatten().flatten();
    let mut governors: Vec<String> = cpus
        .filter_map(|cpu| fs::read_to_string(cpu.path().join("cpufreq/scaling_governor")).ok())
        .map(|text| text.trim().to_owned())
        .collect();
    governors.sort();
    governors.dedup();
    if governors.is_empty() {
        return Check::new(NAME, "performance", "the kernel does not say (a virtual machine?)")
            .but(Status::Unknown, "set it on the host, or in the firmware's settings");
    }
    let check = Check::new(NAME, "performance", governors.join(", "));
    if governors == ["performance"] { check } else { check.but(Status::Warn, FIX) }
}

/// `version` is the kernel's, as `uname -v` prints it.
fn preemption(version: Option<&str>) -> Check {
    const NAME: &str = "kernel preemption";
    const WANTED: &str = "PREEMPT_RT, PREEMPT or PREEMPT_DYNAMIC with preempt=full";
    const FIX: &str = "install your distribution's `rt` or `lowlatency` kernel, or start the kernel with \
         `preempt=full threadirqs`";
    let Some(version) = version else {
        return Check::new(NAME, WANTED, "the kernel does not say").but(Status::Unknown, FIX);
    };
    let words: Vec<&str> = version.split_whitespace().collect();
    let is = |word: &str| words.contains(&word);
    if is("PREEMPT_RT") {
        Check::new(NAME, WANTED, "PREEMPT_RT")
    } else if is("PREEMPT") {
        Check::new(NAME, WANTED, "PREEMPT")
    } else if is("PREEMPT_DYNAMIC") {
        let started = fs::read_to_string("/proc/cmdline").unwrap_or_default();
        if started.split_whitespace().any(|word| word == "preempt=full") {
            Check::new(NAME, WANTED, "PREEMPT_DYNAMIC, started with preempt=full")
        } else {
            Check::new(NAME, WANTED, "PREEMPT_DYNAMIC, not started with preempt=full").but(Status::Warn, FIX)
        }
    } else {
        Check::new(NAME, WANTED, "voluntary or none").but(Status::Warn, FIX)
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

fn swapping(swappiness: Option<u64>, swap_bytes: Option<u64>) -> Check {
    const NAME: &str = "swapping";
    const WANTED: &str = "no swap, or swappiness 10 or less";
    const FIX: &str =
        "`echo vm.swappiness=10 | sudo tee /etc/sysctl.d/90-audio.conf && sudo sysctl --system`";
    match (swappiness, swap_bytes) {
        (_, Some(0)) => Check::new(NAME, WANTED, "no swap"),
        (Some(swappiness), _) if swappiness <= 10 => {
            Check::new(NAME, WANTED, format!("swappiness {swappiness}"))
        }
        (Some(swappiness), _) => {
            Check::new(NAME, WANTED, format!("swappiness {swappiness}")).but(Status::Warn, FIX)
        }
        (None, _) => Check::new(NAME, WANTED, "the kernel does not say").but(Status::Unknown, FIX),
    }
}

fn read_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn swap_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("SwapTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// What `pw-metadata` prints; `None` where PipeWire is not there or not running.
fn pipewire_settings() -> Option<String> {
    let mut child = Command::new("pw-metadata")
        .args(["-n", "settings"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let begin = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn pipewire_quantum(settings: Option<&str>) -> Check {
    const NAME: &str = "PipeWire quantum";
    const WANTED: &str = "256 frames or fewer";
    let value = |key: &str| {
        let line = settings?.lines().find(|line| line.contains(&format!("key:'{key}'")))?;
        line.split("value:'").nth(1)?.split('\'').next()?.parse::<u32>().ok()
    };
    let forced = value("clock.force-quantum").filter(|frames| *frames > 0);
    match forced.or_else(|| value("clock.quantum")) {
        None => Check::new(NAME, WANTED, "PipeWire is not running")
            .but(Status::Unknown, "nothing, where JACK, PulseAudio or ALSA is used without PipeWire"),
        Some(frames) => {
            let check = Check::new(NAME, WANTED, format!("{frames} frames"));
            if frames <= QUANTUM_FRAMES {
                check
            } else {
                check.but(Status::Warn, "`pw-metadata -n settings 0 clock.force-quantum 128`")
            }
        }
    }
}

fn jack_period() -> Check {
    const NAME: &str = "JACK period";
    const WANTED: &str = "256 frames or fewer";
    match audio::list_jack() {
        Err(_) => Check::new(NAME, WANTED, "no JACK server is running")
            .but(Status::Unknown, "nothing, where another driver is used"),
        Ok(server) => {
            let (frames, rate) = (server.block_frames, server.rate_hertz);
            let check = Check::new(NAME, WANTED, format!("{frames} frames at {rate} Hz"));
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
        assert_eq!(preemption(Some("#1 SMP PREEMPT_RT Debian 6.1")).status, Status::Ok);
        assert_eq!(preemption(Some("#1 SMP PREEMPT Arch")).status, Status::Ok);
        assert_eq!(preemption(Some("#1 SMP Debian 6.1")).status, Status::Warn);
        assert_eq!(preemption(None).status, Status::Unknown);
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
        assert_eq!(swapping(Some(60), Some(0)).status, Status::Ok);
        assert_eq!(swapping(Some(60), Some(1 << 30)).status, Status::Warn);
        assert_eq!(swapping(Some(10), Some(1 << 30)).status, Status::Ok);
    }
}
