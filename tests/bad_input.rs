//! What is done wrong to actors, by others or by themselves, is answered by a typed error or a
//! report, and wedges nobody.

#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use antiphon::actor::kit::Kit;
use antiphon::actor::{
    Actor, ActorReport, Address, AskError, Backoff, Breaker, BreakerSettings, BreakerState, Children,
    Context, Directive, Directives, Event, Fault, FaultKind, Lifetime, Limiter, Options, Outcome, Phase,
    PingError, Policy, Rate, Reply, Retry, Settings, SpawnError, StopReason, Strategy, Supervision, System,
    TellError, Window,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

type Hook = Arc<dyn Fn(&'static str, u32) -> Step + Send + Sync>;

/// What a [`Puppet`] does in a hook.
enum Step {
    Nothing,
    Wait(Duration),
    Panic,
    Err(FaultKind),
}

/// Does in each hook what it is told by the hook's name and its life's number, from 0.
struct Puppet {
    hook: Hook,
    life: u32,
    log: Address<String>,
}

enum Pull {
    Do(Step),
    Say(u32),
    Ask(Reply<u32>),
    Block(Duration),
    Bomb(Bomb),
    Hold(Bomb, Duration),
    Every(Duration),
    After(Duration, u32),
    Idle(Duration),
    Throw,
    Spawn(&'static str, Reply<bool>),
}

/// Panics when it is dropped while it is armed.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0.load(Ordering::SeqCst) || std::thread::panicking(), "a bomb");
    }
}

/// A panic's payload that panics as it is dropped, and so on.
struct Matryoshka(u32);

impl Drop for Matryoshka {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Matryoshka(self.0 - 1));
        }
    }
}

impl Puppet {
    async fn step(&self, step: Step) -> Outcome {
        match step {
            Step::Nothing => {}
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Panic => panic!("pulled"),
            Step::Err(kind) => return Err(Fault::new(kind, "pulled")),
        }
        Ok(())
    }

    async fn at(&self, context: &Context<Puppet>, name: &'static str) -> Outcome {
        let own = context.path().rsplit('/').next().unwrap_or_default();
        let _ = self.log.tell(format!("{own} {name} {}", self.life)).await;
        self.step((self.hook)(name, self.life)).await
    }
}

impl Actor for Puppet {
    type Message = Pull;

    async fn started(&mut self, context: &mut Context<Puppet>) -> Outcome {
        self.at(context, "started").await
    }

    async fn handle(&mut self, message: Pull, context: &mut Context<Puppet>) -> Outcome {
        match message {
            Pull::Do(step) => return self.step(step).await,
            Pull::Say(number) => drop(self.log.tell(number.to_string()).await),
            Pull::Ask(reply) => drop(reply.send(self.life)),
            Pull::Block(time) => std::thread::sleep(time),
            Pull::Bomb(bomb) => drop(bomb),
            Pull::Hold(_bomb, time) => tokio::time::sleep(time).await,
            Pull::Every(time) => drop(context.every(time, || Pull::Say(7))),
            Pull::After(time, number) => drop(context.after(time, Pull::Say(number))),
            Pull::Idle(time) => context.set_receive_timeout(Some(time)),
            Pull::Throw => std::panic::panic_any(Matryoshka(3)),
            Pull::Spawn(name, reply) => {
                let child = puppet(&self.log, |_, _| Step::Nothing);
                let _ = reply.send(context.spawn(name, Options::new(), child).is_ok());
            }
        }
        Ok(())
    }

    async fn event(&mut self, event: Event, context: &mut Context<Puppet>) -> Outcome {
        assert!(matches!(event, Event::Idle));
        self.at(context, "idle").await
    }

    async fn restarting(&mut self, _: &Fault, context: &mut Context<Puppet>) {
        let _ = self.at(context, "restarting").await;
    }

    async fn stopping(&mut self, _: &StopReason, context: &mut Context<Puppet>) {
        if let Step::Err(_) = (self.hook)("spawning", self.life) {
            let late = context.spawn("late", Options::new(), puppet(&self.log, |_, _| Step::Nothing));
            let _ = self.log.tell(format!("spawned {}", late.is_ok())).await;
        }
        let _ = self.at(context, "stopping").await;
    }

    async fn stopped(&mut self, context: &mut Context<Puppet>) {
        if let Step::Err(_) = (self.hook)("spawning", self.life) {
            let late = context.spawn("later", Options::new(), puppet(&self.log, |_, _| Step::Nothing));
            assert!(matches!(late, Err(SpawnError::Closed { .. })), "{late:?}");
            let _ = self.log.tell("refused".to_owned()).await;
        }
        let _ = self.at(context, "stopped").await;
    }
}

fn puppet(
    log: &Address<String>,
    hook: impl Fn(&'static str, u32) -> Step + Send + Sync + 'static,
) -> impl FnMut() -> Puppet + Send + 'static {
    let (log, hook, lives) = (log.clone(), Arc::new(hook), AtomicU32::new(0));
    move || Puppet {
        hook: Arc::clone(&hook) as Hook,
        life: lives.fetch_add(1, Ordering::Relaxed),
        log: log.clone(),
    }
}

fn docile(log: &Address<String>) -> impl FnMut() -> Puppet + Send + 'static {
    puppet(log, |_, _| Step::Nothing)
}

/// One step at one hook of one life.
fn once(hook: &'static str, life: u32, step: fn() -> Step) -> impl Fn(&'static str, u32) -> Step {
    move |at, now| if (at, now) == (hook, life) { step() } else { Step::Nothing }
}

fn at_once(strategy: Strategy) -> Supervision {
    Supervision { strategy, backoff: Backoff::NONE, ..Supervision::default() }
}

fn report(kit: &Kit, path: &str) -> ActorReport {
    let all = kit.system.snapshot();
    let found = all.iter().flat_map(ActorReport::walk).find(|(_, report)| &*report.path == path);
    found.unwrap().1.clone()
}

#[test]
fn timers_at_nothing_and_at_more_than_a_clock_counts() {
    Kit::run(1, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("clock", Options::new(), docile(log.address())).unwrap();
        for time in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::MAX / 2] {
            address.tell(Pull::Every(time)).await.unwrap();
            address.tell(Pull::After(time, 1)).await.unwrap();
            address.tell(Pull::Idle(time)).await.unwrap();
        }
        address.tell(Pull::After(Duration::ZERO, 2)).await.unwrap();
        kit.pass(24 * 60 * MINUTE).await;
        assert_eq!(log.heard().await, ["clock started 0", "2"]);
        address.tell(Pull::Every(Duration::ZERO)).await.unwrap();
        kit.pass(SECOND).await;
        let beats = log.heard().await.len();
        assert!((900..=1_000).contains(&beats), "a beat is a millisecond at least: {beats}");
        assert_eq!((address.ask(Pull::Ask).await, report(kit, "/clock").faults), (Ok(0), 0));
        assert_eq!(address.ask_within(Duration::MAX, Pull::Ask).await, Ok(0));
        assert!(address.erased().ping(Duration::MAX).await.is_ok());
        address.tell(Pull::Do(Step::Wait(SECOND))).await.unwrap();
        assert!(matches!(
            address.ask_within(Duration::ZERO, Pull::Ask).await,
            Err(AskError::Deadline { .. })
        ));
    });
}

#[test]
fn timers_that_are_late_come_in_their_order() {
    Kit::run(2, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("clock", Options::new(), docile(log.address())).unwrap();
        for (delay, number) in [(30, 3), (10, 1), (20, 2), (30, 4)] {
            address.tell(Pull::After(Duration::from_millis(delay), number)).await.unwrap();
        }
        address.tell(Pull::Do(Step::Wait(SECOND))).await.unwrap();
        address.tell(Pull::Say(5)).await.unwrap();
        kit.pass(2 * SECOND).await;
        // What was in hand when they came due may have been taken already; they keep their order.
        let heard: Vec<u32> = log.heard().await.iter().filter_map(|line| line.parse().ok()).collect();
        let timers: Vec<u32> = heard.iter().copied().filter(|&number| number < 5).collect();
        assert_eq!((timers, heard.len()), (vec![1, 2, 3, 4], 5));
    });
}

#[test]
fn other_waits_without_end_are_waits_without_end() {
    Kit::run(3, async |_| {
        let breaker = Breaker::new(BreakerSettings { failures: 1, pause: Duration::MAX });
        breaker.enter().unwrap().failed();
        assert_eq!(breaker.state(), BreakerState::Open);
        let burst = std::num::NonZeroU32::MIN;
        let limiter = Limiter::new(Rate { every: SECOND, burst });
        assert!(limiter.take(Duration::MAX).await.is_ok() && limiter.take(Duration::MAX).await.is_ok());
        let retry = Retry { limit: Duration::MAX, tries: 1, ..Retry::default() };
        let refused = retry.run(async |_| breaker.enter().map(drop)).await;
        assert!(refused.is_err());
    });
}

#[test]
fn a_mailbox_for_nothing_holds_one() {
    Kit::run(4, async |kit| {
        let log = kit.probe("log");
        let options = Options::new().capacity(0);
        let address = kit.system.spawn("small", options, docile(log.address())).unwrap();
        address.tell(Pull::Do(Step::Wait(SECOND))).await.unwrap();
        kit.settle().await;
        address.try_tell(Pull::Say(1)).unwrap();
        assert!(matches!(address.try_tell(Pull::Say(2)), Err(TellError::Full(Pull::Say(2)))));
        address.tell_urgent(Pull::Say(3)).unwrap();
        assert!(matches!(address.tell_urgent(Pull::Say(4)), Err(TellError::Full(Pull::Say(4)))));
        address.tell(Pull::Say(5)).await.unwrap();
        kit.settle().await;
        assert_eq!(log.heard().await, ["small started 0", "3", "1", "5"]);
        assert_eq!(report(kit, "/small").refused, 2);
    });
}

#[test]
fn payloads_and_messages_that_panic_as_they_are_dropped() {
    Kit::run(5, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("box", Options::new().capacity(4), docile(log.address())).unwrap();
        address.tell(Pull::Throw).await.unwrap();
        assert_eq!(address.ask(Pull::Ask).await, Ok(1), "a payload that panics, and whose panic panics");
        let armed = Arc::new(AtomicBool::new(true));
        let bomb = || Bomb(Arc::clone(&armed));
        address.tell(Pull::Bomb(bomb())).await.unwrap();
        assert_eq!(address.ask(Pull::Ask).await, Ok(2), "a message that panics as it is handled");
        address.tell(Pull::Hold(bomb(), MINUTE)).await.unwrap();
        kit.settle().await;
        address.erased().kill("it holds a bomb");
        assert_eq!(address.ask(Pull::Ask).await, Ok(3), "what it held panics as it is cut off");
        // Displaced by another: no fault of who sends that.
        address.tell(Pull::Do(Step::Wait(SECOND))).await.unwrap();
        kit.settle().await;
        let (oldest, latest) = (address.edge("a", Policy::DropOldest), address.edge("b", Policy::LatestWins));
        latest.offer(Pull::Bomb(bomb())).unwrap();
        latest.offer(Pull::Say(1)).unwrap();
        for _ in 0..3 {
            oldest.offer(Pull::Bomb(bomb())).unwrap();
        }
        oldest.offer(Pull::Say(2)).unwrap();
        assert_eq!((oldest.dropped(), latest.dropped()), (1, 1));
        // Left when it ends.
        address.erased().stop_and_wait(5 * SECOND).await.unwrap();
        let dead = kit.system.dead_letter_count();
        assert_eq!(dead, 4);
        armed.store(false, Ordering::SeqCst);
    });
}

#[test]
fn a_child_that_fails_to_start_again_is_tried_again_and_then_escalates() {
    for step in [(|| Step::Panic) as fn() -> Step, || Step::Err(FaultKind("no_port"))] {
        Kit::run(6, async |kit| {
            let log = kit.probe("log");
            let child = puppet(log.address(), move |hook, life| {
                if hook == "started" && (1..=2).contains(&life) { step() } else { Step::Nothing }
            });
            let address = kit.system.spawn("late", Options::new(), child).unwrap();
            address.tell(Pull::Do(Step::Panic)).await.unwrap();
            address.tell(Pull::Say(1)).await.unwrap();
            kit.pass(MINUTE).await;
            assert_eq!(
                log.heard().await.last().unwrap(),
                "1",
                "the third start went well, with its messages"
            );
            let report = report(kit, "/late");
            assert_eq!((report.restarts, report.faults), (3, 3));
            assert_eq!(report.last_fault.unwrap().kind, FaultKind::START);
        });
    }
    Kit::run(7, async |kit| {
        let log = kit.probe("log");
        let child =
            puppet(
                log.address(),
                |hook, life| {
                    if hook == "started" && life > 0 { Step::Panic } else { Step::Nothing }
                },
            );
        kit.system.spawn("never", Options::new(), child).unwrap().tell(Pull::Do(Step::Panic)).await.unwrap();
        let fault = tokio::time::timeout(MINUTE, kit.system.escalated()).await.unwrap();
        assert_eq!(fault.kind, FaultKind::ESCALATED);
        kit.system.find("/never").unwrap().stop_and_wait(SECOND).await.unwrap();
    });
}

/// Three children of which the second fails to start again, under a directive for that.
async fn trio(kit: &Kit, strategy: Strategy, directive: Directive, step: fn() -> Step) -> Vec<String> {
    let log = kit.probe("log");
    let supervision = Supervision {
        directives: Directives::all(Directive::Restart).on(FaultKind::START, directive),
        ..at_once(strategy)
    };
    let children = Children::new(supervision)
        .child("a", Options::new(), docile(log.address()))
        .child("b", Options::new(), puppet(log.address(), once("started", 1, step)))
        .child("c", Options::new(), docile(log.address()))
        .supervisor();
    kit.system.spawn_started("all", Options::new(), children).await.unwrap();
    log.heard().await;
    let victim = if strategy == Strategy::OneForAll { "/all/a" } else { "/all/b" };
    kit.system.find_typed(victim).unwrap().tell(Pull::Do(Step::Panic)).await.unwrap();
    kit.pass(MINUTE).await;
    log.heard().await
}

#[test]
fn siblings_after_one_that_does_not_start_again_are_started_all_the_same() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        for (directive, b) in [
            (Directive::Stop, None),
            (Directive::Restart, Some(2)),
            (Directive::Resume, Some(2)),
            (Directive::Escalate, Some(2)),
        ] {
            for step in [(|| Step::Panic) as fn() -> Step, || Step::Wait(30 * SECOND)] {
                Kit::run(8, async |kit| {
                    let log = trio(kit, strategy, directive, step).await;
                    for (name, lives) in [("a", true), ("b", b.is_some()), ("c", true)] {
                        let path = format!("/all/{name}");
                        let found = kit.system.find_typed::<Pull>(&path);
                        assert_eq!(found.is_some(), lives, "{strategy:?} {directive:?}: {path} {log:?}");
                        if let Some(address) = found {
                            assert_eq!(address.erased().phase(), Phase::Running, "{path} {log:?}");
                            assert!(address.ask(Pull::Ask).await.is_ok());
                        }
                    }
                });
            }
        }
    }
}

#[test]
fn two_that_fail_at_once_are_one_restart_of_the_group() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        for seed in 0..8 {
            Kit::run(seed, async |kit| {
                let log = kit.probe("log");
                let children = Children::new(at_once(strategy))
                    .child("a", Options::new(), docile(log.address()))
                    .child("b", Options::new(), docile(log.address()))
                    .child("c", Options::new(), docile(log.address()))
                    .supervisor();
                kit.system.spawn_started("all", Options::new(), children).await.unwrap();
                let [a, b, c] = ["a", "b", "c"]
                    .map(|name| kit.system.find_typed::<Pull>(&format!("/all/{name}")).unwrap());
                for address in [&a, &b, &c] {
                    address.try_tell(Pull::Do(Step::Wait(SECOND))).unwrap();
                    address.try_tell(Pull::Do(Step::Panic)).unwrap();
                }
                kit.pass(MINUTE).await;
                let lives = [&a, &b, &c].map(|address| report(kit, address.path()).restarts);
                if strategy == Strategy::OneForAll {
                    assert_eq!(lives, [1, 1, 1], "seed {seed}");
                } else {
                    assert!(lives.iter().all(|lives| (1..=3).contains(lives)), "seed {seed}: {lives:?}");
                }
                assert_eq!(report(kit, "/all").restarts, 0);
            });
        }
    }
}

#[test]
fn a_fault_in_the_fault_handler_is_told_and_one_that_hangs_there_is_cut_off() {
    for (hook, step, faults) in [
        ("restarting", (|| Step::Panic) as fn() -> Step, 2),
        ("stopped", || Step::Panic, 2),
        ("restarting", || Step::Wait(24 * 60 * MINUTE), 1),
        ("stopped", || Step::Wait(24 * 60 * MINUTE), 1),
    ] {
        Kit::run(9, async |kit| {
            let log = kit.probe("log");
            let child = puppet(log.address(), once(hook, 0, step));
            let address = kit.system.spawn("a", Options::new(), child).unwrap();
            address.tell(Pull::Do(Step::Panic)).await.unwrap();
            assert_eq!(address.ask_within(10 * SECOND, Pull::Ask).await, Ok(1), "{hook}");
            assert_eq!(report(kit, "/a").faults, faults, "{hook}");
        });
    }
}

#[test]
fn a_parent_stops_whatever_its_child_is_in() {
    type Answers = fn(&'static str, u32) -> Step;
    let never = 24 * 60 * MINUTE;
    let cases: [(&str, Answers, Backoff); 5] = [
        ("backing off", |_, _| Step::Nothing, Backoff { first: MINUTE, ..Backoff::default() }),
        ("failing", |hook, _| if hook == "restarting" { Step::Panic } else { Step::Nothing }, Backoff::NONE),
        (
            "restarting",
            |hook, _| if hook == "restarting" { Step::Wait(MINUTE) } else { Step::Nothing },
            Backoff::NONE,
        ),
        (
            "starting",
            |hook, life| if (hook, life) == ("started", 1) { Step::Wait(MINUTE) } else { Step::Nothing },
            Backoff::NONE,
        ),
        (
            "ending",
            |hook, _| if hook == "stopped" { Step::Wait(MINUTE) } else { Step::Nothing },
            Backoff::NONE,
        ),
    ];
    for strategy in [Strategy::OneForOne, Strategy::OneForAll] {
        for (what, hook, backoff) in cases {
            Kit::run(10, async |kit| {
                let log = kit.probe("log");
                let children = Children::new(Supervision { strategy, backoff, ..Supervision::default() })
                    .child("a", Options::new(), docile(log.address()))
                    .child("b", Options::new(), puppet(log.address(), hook))
                    .supervisor();
                kit.system.spawn_started("all", Options::new(), children).await.unwrap();
                let b = kit.system.find_typed::<Pull>("/all/b").unwrap();
                b.tell(Pull::Do(Step::Panic)).await.unwrap();
                kit.pass(SECOND).await;
                let all = kit.system.find("/all").unwrap();
                let begun = tokio::time::Instant::now();
                all.stop_and_wait(never).await.unwrap();
                assert!(begun.elapsed() <= 11 * SECOND, "{what}: {:?}", begun.elapsed());
                assert!(b.is_stopped() && b.erased().ended(Duration::ZERO).await.is_ok(), "{what}");
                assert!(matches!(b.tell(Pull::Say(1)).await, Err(TellError::Stopped(Pull::Say(1)))));
                assert_eq!(b.erased().ping(SECOND).await, Err(PingError::Stopped));
            });
        }
    }
}

#[test]
fn one_killed_while_it_starts_has_failed_to_start() {
    Kit::run(11, async |kit| {
        let log = kit.probe("log");
        let slow = |hook: &'static str, life| {
            if hook == "started" && life < 2 { Step::Wait(2 * SECOND) } else { Step::Nothing }
        };
        let starts = kit.system.spawn_started("slow", Options::new(), puppet(log.address(), slow));
        let (started, ()) = tokio::join!(starts, async {
            kit.pass(SECOND).await;
            kit.system.find("/slow").unwrap().kill("a test");
        });
        let Err(SpawnError::Start { path, fault }) = started else { panic!("{started:?}") };
        assert_eq!((&*path, fault.kind), ("/slow", FaultKind::KILLED));
        assert!(kit.system.find("/slow").is_none());
        // Where nobody waits for it, it is started anew like any other.
        let address = kit.system.spawn("slow", Options::new(), puppet(log.address(), slow)).unwrap();
        for _ in 0..2 {
            kit.pass(SECOND).await;
            address.erased().kill("a test");
        }
        assert_eq!(address.ask(Pull::Ask).await, Ok(2));
        // One that takes too long for who waits.
        let options = Options::new().shutdown(SECOND);
        let child = puppet(
            log.address(),
            |hook, _| {
                if hook == "started" { Step::Wait(MINUTE) } else { Step::Nothing }
            },
        );
        let late = kit.system.spawn_started("late", options, child).await.unwrap_err();
        assert_eq!(late.to_string(), "`/late` failed to start: start: it had not started within 1s");
        assert!(kit.system.find("/late").is_none());
    });
}

#[test]
fn spawning_while_stopping_is_refused_once_the_children_end() {
    Kit::run(12, async |kit| {
        let log = kit.probe("log");
        let hook = |hook: &'static str, _| {
            if hook == "spawning" { Step::Err(FaultKind::FAILED) } else { Step::Nothing }
        };
        let address = kit.system.spawn("parent", Options::new(), puppet(log.address(), hook)).unwrap();
        assert_eq!(address.ask(|reply| Pull::Spawn("child", reply)).await, Ok(true));
        address.erased().stop_and_wait(10 * SECOND).await.unwrap();
        kit.settle().await;
        let heard = log.heard().await;
        assert_eq!(heard.last().unwrap(), "parent stopped 0");
        assert!(heard.contains(&"refused".to_owned()) && heard.contains(&"child stopped 0".to_owned()));
        assert!(kit.system.find("/parent/late").is_none() && kit.system.find("/parent").is_none());
    });
}

#[test]
fn a_name_is_free_as_soon_as_its_actor_has_ended() {
    // Real threads: who waits for the end may run before the one that ended goes on.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let system = System::new(Settings::default());
        let (sink, _sunk) = tokio::sync::mpsc::unbounded_channel::<()>();
        struct Short(#[allow(dead_code)] tokio::sync::mpsc::UnboundedSender<()>);
        impl Actor for Short {
            type Message = ();
            async fn handle(&mut self, (): (), _: &mut Context<Short>) -> Outcome {
                Ok(())
            }
        }
        for round in 0..2_000 {
            let sink = sink.clone();
            let address = system.spawn("short", Options::new(), move || Short(sink.clone()));
            let address = address.unwrap_or_else(|error| panic!("round {round}: {error}"));
            if round % 2 == 0 {
                address.tell(()).await.unwrap();
            }
            address.erased().stop_and_wait(10 * SECOND).await.unwrap();
        }
        assert!(system.stop().await.hung.is_empty());
    });
}

#[test]
fn one_that_holds_its_thread_is_reported_and_left_behind_and_ends_when_it_can() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let system = System::new(Settings::default());
        let kept: Arc<Mutex<Vec<String>>> = Arc::default();
        struct Keep(Arc<Mutex<Vec<String>>>);
        impl Actor for Keep {
            type Message = String;
            async fn handle(&mut self, line: String, _: &mut Context<Keep>) -> Outcome {
                self.0.lock().unwrap().push(line);
                Ok(())
            }
        }
        let keeper = Arc::clone(&kept);
        let log = system.spawn("log", Options::new(), move || Keep(Arc::clone(&keeper))).unwrap();
        let options = Options::new().shutdown(Duration::from_millis(50)).capacity(8);
        let address = system.spawn_started("stone", options, docile(&log)).await.unwrap();
        // What it told the log is on the same thread, which it will hold.
        while kept.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        address.tell(Pull::Block(Duration::from_millis(1_500))).await.unwrap();
        while system.snapshot()[1].current.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for number in 0..3 {
            address.tell(Pull::Say(number)).await.unwrap();
        }
        let asked = address.clone();
        let question = tokio::spawn(async move { asked.ask(Pull::Ask).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = std::time::Instant::now();
        let shutdown = system.stop().await;
        assert_eq!(shutdown.hung, [Arc::from("/stone")]);
        assert!(begun.elapsed() < Duration::from_millis(1_400), "{:?}", begun.elapsed());
        assert!(address.is_stopped());
        assert!(matches!(address.tell(Pull::Say(9)).await, Err(TellError::Stopped(_))));
        assert_eq!(question.await.unwrap(), Err(AskError::Stopped), "at once, not at its deadline");
        assert_eq!(address.erased().ping(SECOND).await, Err(PingError::Stopped));
        // It comes to itself and ends: nobody but this test holds its cell then.
        let weak = address.downgrade();
        drop(address);
        for _ in 0..2_000 {
            if weak.upgrade().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never ended");
    });
}

#[test]
fn health_is_not_asked_of_one_between_two_lives() {
    Kit::run(13, async |kit| {
        let log = kit.probe("log");
        let wait = Backoff { first: MINUTE, factor: 1.0, longest: MINUTE, jitter: 0.0 };
        let children = Children::new(Supervision {
            strategy: Strategy::OneForAll,
            backoff: wait,
            ..Supervision::default()
        })
        .child("a", Options::new().health(SECOND, SECOND), docile(log.address()))
        .child("b", Options::new(), docile(log.address()))
        .supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        let b = kit.system.find_typed::<Pull>("/all/b").unwrap();
        b.tell(Pull::Do(Step::Panic)).await.unwrap();
        kit.pass(30 * SECOND).await;
        assert_eq!(report(kit, "/all/a").phase, Phase::Halted);
        assert!(kit.system.find("/all/a").unwrap().ping(SECOND).await.is_ok(), "it is there");
        kit.pass(5 * MINUTE).await;
        assert_eq!((report(kit, "/all/a").restarts, report(kit, "/all/a").faults), (1, 0));
    });
}

#[test]
fn an_escalation_to_one_that_is_stopping_changes_nothing() {
    Kit::run(14, async |kit| {
        let log = kit.probe("log");
        let strict = Supervision {
            directives: Directives::all(Directive::Escalate),
            backoff: Backoff::NONE,
            ..Supervision::default()
        };
        let child =
            puppet(
                log.address(),
                |hook, _| {
                    if hook == "stopping" { Step::Wait(SECOND) } else { Step::Nothing }
                },
            );
        let children = Children::new(strict)
            .child("a", Options::new(), docile(log.address()))
            .child("b", Options::new(), child)
            .supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        let a = kit.system.find_typed::<Pull>("/all/a").unwrap();
        a.tell(Pull::Do(Step::Wait(Duration::from_millis(500)))).await.unwrap();
        a.tell(Pull::Do(Step::Panic)).await.unwrap();
        let all = kit.system.find("/all").unwrap();
        all.stop_and_wait(5 * SECOND).await.unwrap();
        assert!(a.is_stopped());
        assert!(kit.system.find("/all").is_none(), "it was not started anew");
    });
}

#[test]
fn a_parent_that_goes_on_after_an_escalation_lets_its_child_go_on() {
    Kit::run(15, async |kit| {
        let log = kit.probe("log");
        let strict =
            Supervision { directives: Directives::all(Directive::Escalate), ..Supervision::default() };
        let lenient = Supervision {
            directives: Directives::all(Directive::Restart).on(FaultKind::ESCALATED, Directive::Resume),
            ..Supervision::default()
        };
        let inner = Children::new(strict).child("child", Options::new(), docile(log.address())).supervisor();
        let outer = Children::new(lenient).child("parent", Options::new(), inner).supervisor();
        kit.system.spawn_started("all", Options::new(), outer).await.unwrap();
        let child = kit.system.find_typed::<Pull>("/all/parent/child").unwrap();
        child.tell(Pull::Do(Step::Panic)).await.unwrap();
        child.tell(Pull::Say(1)).await.unwrap();
        kit.pass(SECOND).await;
        assert_eq!(child.ask(Pull::Ask).await, Ok(0), "with its state, as its parent");
        assert_eq!(log.heard().await, ["child started 0", "1"]);
        assert_eq!((report(kit, "/all/parent").restarts, report(kit, "/all/parent").faults), (0, 1));
    });
}

#[test]
fn one_told_to_drain_does_so_over_its_faults() {
    Kit::run(16, async |kit| {
        let log = kit.probe("log");
        let supervision = Supervision {
            backoff: Backoff { first: SECOND, factor: 1.0, longest: SECOND, jitter: 0.0 },
            window: Window { restarts: 10, within: SECOND },
            ..Supervision::default()
        };
        let children =
            Children::new(supervision).child("a", Options::new(), docile(log.address())).supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        let a = kit.system.find_typed::<Pull>("/all/a").unwrap();
        a.tell(Pull::Do(Step::Wait(SECOND))).await.unwrap();
        a.tell(Pull::Do(Step::Panic)).await.unwrap();
        a.tell(Pull::Say(1)).await.unwrap();
        a.tell(Pull::Do(Step::Panic)).await.unwrap();
        a.tell(Pull::Say(2)).await.unwrap();
        a.erased().drain();
        a.erased().ended(MINUTE).await.unwrap();
        kit.settle().await;
        let said: Vec<String> = log.heard().await.into_iter().filter(|line| line.len() == 1).collect();
        assert_eq!((said, kit.system.dead_letter_count()), (vec!["1".to_owned(), "2".to_owned()], 0));
    });
}

#[test]
fn a_drain_that_comes_between_two_lives_waits_for_the_next() {
    Kit::run(17, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("a", Options::new(), docile(log.address())).unwrap();
        address.tell(Pull::Do(Step::Panic)).await.unwrap();
        address.tell(Pull::Say(1)).await.unwrap();
        while address.erased().phase() != Phase::Failed {
            tokio::task::yield_now().await;
        }
        address.erased().drain();
        address.erased().ended(SECOND).await.unwrap();
        kit.settle().await;
        assert!(log.heard().await.contains(&"1".to_owned()));
        assert_eq!(kit.system.dead_letter_count(), 0);
    });
}

#[test]
fn one_that_starts_and_fails_at_once_is_started_anew() {
    for seed in 0..16 {
        Kit::run(seed, async |kit| {
            let log = kit.probe("log");
            struct Eager(Address<String>, u32);
            impl Actor for Eager {
                type Message = ();
                async fn started(&mut self, context: &mut Context<Eager>) -> Outcome {
                    let _ = self.0.tell(format!("life {}", self.1)).await;
                    if self.1 == 0 {
                        context.address().try_tell(()).map_err(|_| Fault::new(FaultKind::FAILED, "full"))?;
                    }
                    Ok(())
                }
                async fn handle(&mut self, (): (), _: &mut Context<Eager>) -> Outcome {
                    panic!("at once");
                }
            }
            let (to, mut lives) = (log.address().clone(), 0);
            let build = move || {
                lives += 1;
                Eager(to.clone(), lives - 1)
            };
            kit.system.spawn_started("eager", Options::new(), build).await.unwrap();
            kit.pass(SECOND).await;
            assert_eq!(log.heard().await, ["life 0", "life 1"], "seed {seed}");
        });
    }
}

#[test]
fn who_waits_for_a_start_and_goes_away_leaves_an_actor_like_any_other() {
    Kit::run(18, async |kit| {
        let log = kit.probe("log");
        let child = puppet(log.address(), once("started", 0, || Step::Wait(SECOND)));
        let starts = kit.system.spawn_started("slow", Options::new(), child);
        assert!(tokio::time::timeout(Duration::from_millis(100), starts).await.is_err());
        let slow = kit.system.find_typed::<Pull>("/slow").unwrap();
        slow.tell(Pull::Do(Step::Panic)).await.unwrap();
        assert_eq!(slow.ask(Pull::Ask).await, Ok(1));
    });
}

#[test]
fn a_temporary_child_that_fails_is_gone_and_frees_its_name() {
    Kit::run(19, async |kit| {
        let log = kit.probe("log");
        let options = Options::new().lifetime(Lifetime::Temporary);
        for _ in 0..10 {
            let address = kit.system.spawn("brief", options.clone(), docile(log.address())).unwrap();
            address.tell(Pull::Do(Step::Panic)).await.unwrap();
            address.erased().ended(SECOND).await.unwrap();
            assert!(kit.system.find("/brief").is_none());
        }
        assert!(tokio::time::timeout(SECOND, kit.system.escalated()).await.is_err(), "none of it counts");
    });
}
