//! What the audio thread asks of the kernel while it plays: its driver's own sleep between
//! two periods, and nothing else. Watched by `strace`.
//!
//! A period that is watched takes longer, so that nothing is said of times here.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use antiphon::device::audio::{AudioRequest, DriverChoice};
use antiphon::engine::live::{Job, Live};
use antiphon::stage::{
    Block, Context, Input, Kind, Parameter, PrepareError, Processor, Role, Settings, Status, StreamFormat,
};
use support::gig::PROGRAM;
use support::jack::JackServer;
use support::play::SOON;
use support::program::{is_installed, wait_for};
use support::whole::whole_gig;

/// A driver's thread: how it is told from the others by its calls, which call is its wait for
/// the next period, and what else it may ask for while it plays.
struct Driver {
    is_its_thread: fn(&str) -> bool,
    wait: &'static str,
    allowed: &'static [&'static str],
}

/// It sleeps until the next period is due. It reads the clock without the kernel (vDSO);
/// where that cannot be, it asks.
const NULL_CLOCK: Driver = Driver {
    is_its_thread: |calls| calls.contains("PR_SET_NAME, \"antiphon-null\""),
    wait: "clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME",
    allowed: &["clock_gettime(CLOCK_MONOTONIC"],
};

/// JACK's own thread waits for the server at a futex that both processes share, and wakes who
/// comes next in the graph by another. A lock of this process would be a private one.
const JACK: Driver = Driver {
    is_its_thread: |calls| {
        !calls.contains("PR_SET_NAME")
            && calls.matches("FUTEX_WAIT, ").count() > 50
            && calls.contains("gettid()")
    },
    wait: "futex(SHARED, FUTEX_WAIT",
    allowed: &["futex(SHARED, FUTEX_WAKE", "clock_gettime(CLOCK_MONOTONIC"],
};

/// A call as the lists above name it: without the futex's address.
fn named(line: &str) -> String {
    match line.strip_prefix("futex(0x").and_then(|rest| rest.split_once(", ")) {
        Some((_, operation)) => format!("futex(SHARED, {operation}"),
        None => line.to_owned(),
    }
}

/// What the driver's threads asked for between the first and the last wait for a period, how often,
/// with what is allowed left out; and how often they waited. What comes before is the start of a
/// thread, which asks for realtime scheduling in its first period; what comes after is its end.
fn asked_for(folder: &Path, driver: &Driver) -> (BTreeMap<String, u32>, usize) {
    let (mut others, mut waits) = (BTreeMap::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("calls.") {
            continue;
        }
        let calls = std::fs::read_to_string(path).unwrap();
        if !(driver.is_its_thread)(&calls) {
            continue;
        }
        let calls: Vec<String> = calls.lines().map(named).collect();
        let promoted = calls.iter().position(|call| call.starts_with("gettid()")).unwrap_or(0);
        let is_wait = |call: &String| call.starts_with(driver.wait);
        let Some(first) = calls[promoted..].iter().position(is_wait).map(|at| promoted + at) else {
            continue;
        };
        let last = calls.iter().rposition(is_wait).unwrap_or(first);
        for call in &calls[first..=last] {
            if is_wait(call) {
                waits += 1;
            } else if !driver.allowed.iter().any(|allowed| call.starts_with(allowed)) {
                *others.entry(call.clone()).or_default() += 1;
            }
        }
    }
    (others, waits)
}

/// A program whose threads' calls are written to `folder`.
fn watched(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-qq", "-ff", "-o"]).arg(folder.join("calls")).arg(program);
    command
}

/// Whether this user may watch a process at all.
fn can_watch() -> bool {
    if !is_installed("strace") {
        return false;
    }
    let said = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = said.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: this user may not watch processes with strace");
    }
    can
}

#[test]
fn on_the_null_clock_it_only_sleeps() {
    if !can_watch() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    whole_gig(watched(PROGRAM, folder), folder, "null", |_| {});
    let (others, periods) = asked_for(folder, &NULL_CLOCK);
    assert!(others.is_empty(), "{others:#?}");
    assert!(periods > 100, "{periods} periods");
}

#[test]
fn on_jack_it_only_waits_for_the_server() {
    if !can_watch() {
        return;
    }
    let Some(mut jack) = JackServer::start("syscalls", 48_000, 256) else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut command = watched(PROGRAM, folder);
    command.env("JACK_DEFAULT_SERVER", &jack.name).env("JACK_NO_START_SERVER", "1");
    // Its device is lost on the way, and it goes on by the null clock.
    whole_gig(command, folder, "jack", |_| jack.server.kill());
    let (others, periods) = asked_for(folder, &JACK);
    assert!(others.is_empty(), "{others:#?}");
    assert!(periods > 50, "{periods} periods");
    let (others, periods) = asked_for(folder, &NULL_CLOCK);
    assert!(others.is_empty(), "{others:#?}");
    assert!(periods > 50, "{periods} periods without the server");
}

/// A stage that asks the kernel for something in each callback.
struct Forbidden(fn());

impl Kind for Forbidden {
    fn name(&self) -> &'static str {
        "forbidden"
    }

    fn role(&self) -> Role {
        Role::Stage
    }

    fn summary(&self) -> &'static str {
        "for tests"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    fn prepare(&self, _: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Ok(Box::new(Forbidden(self.0)))
    }
}

impl Processor for Forbidden {
    fn reset(&mut self) {}

    fn process(&mut self, _: &Context<'_>, _: Input<'_>, _: &mut Block<'_>) -> Status {
        (self.0)();
        Status::Active
    }
}

fn opens_a_file() {
    let _ = std::fs::File::open("/dev/null");
}

/// Which planted stage a child of this test plays.
const PLANTED: &str = "ANTIPHON_TEST_PLANTED";

/// A kind of one's own plays; in a child of [`what_is_planted_is_caught_by_its_name`] it does
/// what is planted.
#[test]
fn a_kind_of_ones_own_plays() {
    let planted: fn() = match std::env::var(PLANTED).unwrap_or_default().as_str() {
        "file" => opens_a_file,
        "yield" => std::thread::yield_now,
        _ => || {},
    };
    let mut kinds = antiphon::engine::kinds();
    kinds.register(Forbidden(planted));
    let text = "[stage.one]\nkind = \"forbidden\"\n[[cable]]\nfrom = \"one\"\nto = \"out\"\n";
    let job = Job {
        rig: antiphon::rig::parse(text, &kinds).unwrap(),
        scores: Vec::new(),
        demo: None,
        request: AudioRequest { driver: DriverChoice::Null, ..AudioRequest::default() },
        record: None,
        log: None,
        black_box: None,
        seconds: Some(0.5),
        injections: Vec::new(),
        scene: None,
        watch: None,
        mending: Default::default(),
    };
    let mut live = Live::start(job).unwrap();
    wait_for("its end", SOON, || {
        live.attend();
        live.is_over().then_some(())
    });
    assert!(live.stop().callbacks.callbacks > 20);
}

#[test]
fn what_is_planted_is_caught_by_its_name() {
    if !can_watch() {
        return;
    }
    for (planted, name) in [("nothing", None), ("file", Some("openat(")), ("yield", Some("sched_yield("))] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = watched(std::env::current_exe().unwrap(), folder.path());
        command.args(["--exact", "a_kind_of_ones_own_plays"]).env(PLANTED, planted);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let (others, periods) = asked_for(folder.path(), &NULL_CLOCK);
        assert!(periods > 20, "{periods} periods");
        match name {
            None => assert!(others.is_empty(), "{others:#?}"),
            Some(name) => assert!(others.keys().any(|call| call.starts_with(name)), "{planted}: {others:#?}"),
        }
    }
}
