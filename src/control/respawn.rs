//! `antiphon play --respawn`: a parent that plays nothing itself, so that nothing
//! knocks it over, and starts the player again when that hangs or crashes.

mod terminal;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::hang::HUNG;
use super::life::Life;
use terminal::Terminal;

/// How often it may die …
const DEATHS: usize = 5;
/// … in this time; then it is given up.
const WINDOW: Duration = Duration::from_secs(60);
/// A moment for servers and devices to see that the last one is gone.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the child is looked at where no signal tells of its end.
const LOOK: Duration = Duration::from_millis(200);
/// Who asks so often to end does not want to wait any more.
const ASKED_ENOUGH: u32 = 3;
/// The status of a Rust program whose main thread panicked.
const PANICKED: i32 = 101;

/// Plays in a child process, and in the next one when that dies. Gives the last
/// one's exit status.
pub(super) fn respawn() -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(keep(&std::env::args_os().collect::<Vec<_>>()))) {
        Ok(status) => status,
        Err(error) => {
            super::tell(&format!("antiphon: the player cannot be started: {error}"));
            1
        }
    }
}

async fn keep(arguments: &[OsString]) -> io::Result<u8> {
    let mut requests = Requests::new()?;
    let terminal = Terminal::remember();
    let begun = Instant::now();
    let mut deaths = Deaths::default();
    let mut number = 1;
    loop {
        let before_seconds = if number == 1 { 0.0 } else { begun.elapsed().as_secs_f64() };
        let mut child = start(arguments, Life { number, before_seconds })?;
        let (status, asked) = attend(&mut child, &mut requests).await?;
        let Some(death) = death(status) else { return Ok(passed_on(status)) };
        terminal.restore();
        if asked > 0 {
            return Ok(passed_on(status));
        }
        if !deaths.may_go_on(begun.elapsed()) {
            super::tell(&format!(
                "antiphon: the player {death}: {DEATHS} times within a minute, so it is not started again; \
                 try another rig or driver, and please report this"
            ));
            return Ok(passed_on(status));
        }
        super::tell(&format!("antiphon: the player {death} and is started again"));
        if requests.within(PAUSE).await {
            return Ok(passed_on(status));
        }
        number += 1;
    }
}

/// The same command line for a child, which is told which life it is.
fn start(arguments: &[OsString], life: Life) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(child_arguments(arguments, life));
    #[cfg(target_os = "linux")]
    die_with_parent(&mut command);
    command.spawn()
}

fn child_arguments(arguments: &[OsString], life: Life) -> Vec<OsString> {
    // What stands behind `--` is no option, whatever it looks like.
    let options = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let (options, rest) = arguments.split_at(options);
    let mut words: Vec<OsString> =
        options.iter().skip(1).filter(|word| *word != "--respawn").cloned().collect();
    words.push(format!("--life={life}").into());
    words.extend_from_slice(rest);
    words
}

/// A parent that is killed takes the player with it.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: two calls that only concern this process, and may be made
        // between fork and exec.
        let is_alone = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            u32::try_from(libc::getppid()) != Ok(parent)
        };
        if is_alone { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    };
    // SAFETY: `ask` allocates nothing and takes no lock.
    unsafe { command.pre_exec(ask) };
}

/// Waits for the child's end, and passes on what the parent is asked. Gives how
/// often that was.
async fn attend(child: &mut Child, requests: &mut Requests) -> io::Result<(ExitStatus, u32)> {
    let mut asked = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, asked));
        }
        tokio::select! {
            request = requests.next() => {
                if let Some(signal) = request.filter(|signal| !is_end(*signal)) {
                    pass_on(child, signal);
                } else if let Some(signal) = request {
                    asked += 1;
                    if asked < ASKED_ENOUGH { pass_on(child, signal) } else { child.kill()? }
                }
            }
            () = sleep(LOOK) => {}
        }
    }
}

/// Whether a signal asks to end, and not only how things stand.
#[cfg(unix)]
fn is_end(signal: i32) -> bool {
    signal != libc::SIGUSR1
}

/// The console has no other.
#[cfg(not(unix))]
fn is_end(_signal: i32) -> bool {
    true
}

#[cfg(unix)]
fn pass_on(child: &Child, signal: i32) {
    if let Ok(process) = libc::pid_t::try_from(child.id()) {
        // SAFETY: a signal to a child that has not been waited for yet.
        unsafe { libc::kill(process, signal) };
    }
}

/// The console told every program in it.
#[cfg(not(unix))]
fn pass_on(_child: &Child, _signal: i32) {}

/// How it died, where its end was not of its own will nor anybody else's.
fn death(status: ExitStatus) -> Option<String> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let is_request = matches!(signal, libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT);
        return (!is_request).then(|| format!("was ended by signal {signal}"));
    }
    match status.code()? {
        code if code == i32::from(HUNG) => Some("hung".to_owned()),
        PANICKED => Some("panicked".to_owned()),
        // Windows' own statuses of crashes.
        code if code < 0 => Some(format!("crashed with status {code:#x}")),
        _ => None,
    }
}

/// What a shell would make of it.
fn passed_on(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128_u8.saturating_add(signal.clamp(0, 127) as u8);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// When it died.
#[derive(Default)]
struct Deaths(VecDeque<Duration>);

impl Deaths {
    /// Counts a death; `false` where it was one too many.
    fn may_go_on(&mut self, now: Duration) -> bool {
        self.0.retain(|before| *before + WINDOW > now);
        self.0.push_back(now);
        self.0.len() < DEATHS
    }
}

/// What the parent is asked: Ctrl-C, and what a service manager sends; and word
/// of the child's end.
struct Requests {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 5],
}

impl Requests {
    #[cfg(unix)]
    fn new() -> io::Result<Requests> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Requests {
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::child())?,
                signal(SignalKind::user_defined1())?,
            ],
        })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Requests> {
        Ok(Requests {})
    }

    /// The signal to pass on; `None` where only the child has something to tell.
    #[cfg(unix)]
    async fn next(&mut self) -> Option<i32> {
        let [interrupt, terminate, hangup, child, question] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => Some(libc::SIGINT),
            _ = terminate.recv() => Some(libc::SIGTERM),
            _ = hangup.recv() => Some(libc::SIGHUP),
            _ = question.recv() => Some(libc::SIGUSR1),
            _ = child.recv() => None,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Option<i32> {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Some(0)
    }
}

impl Requests {
    /// Whether there is a request to end in this time.
    async fn within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            tokio::select! {
                () = sleep_until(until) => return false,
                request = self.next() => {
                    if request.is_some_and(is_end) {
                        return true;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_gets_the_same_words_but_one() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let life = Life { number: 2, before_seconds: 1.5 };
        let child = child_arguments(&words("antiphon play --respawn a.toml --for 3 -- --respawn"), life);
        assert_eq!(child, words("play a.toml --for 3 --life=2@1.500 -- --respawn"));
    }

    #[test]
    fn five_deaths_in_a_minute_are_too_many() {
        let mut deaths = Deaths::default();
        let seconds = Duration::from_secs;
        assert!((0..4).all(|i| deaths.may_go_on(seconds(i))));
        assert!(!deaths.may_go_on(seconds(59)));
        let mut rare = Deaths::default();
        assert!((0..100).all(|i| rare.may_go_on(seconds(15 * i))));
    }

    #[cfg(unix)]
    #[test]
    fn only_what_was_not_asked_for_is_a_death() {
        use std::os::unix::process::ExitStatusExt;
        let exit = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!((death(exit(0)), death(exit(1)), death(exit(2))), (None, None, None));
        assert_eq!(death(exit(70)).as_deref(), Some("hung"));
        assert!(death(exit(101)).is_some());
        for signal in [libc::SIGSEGV, libc::SIGABRT, libc::SIGKILL, libc::SIGBUS, libc::SIGXCPU] {
            let status = ExitStatus::from_raw(signal);
            assert!(death(status).is_some());
            assert_eq!(passed_on(status), 128 + signal as u8);
        }
        assert_eq!(death(ExitStatus::from_raw(libc::SIGTERM)), None);
        assert_eq!(passed_on(exit(70)), 70);
    }
}
