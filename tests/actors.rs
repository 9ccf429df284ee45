//! The kernel: messages arrive in order and once, actors come back as they were
//! declared to, and whatever is done wrong is answered by a typed error.

#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use antiphon::actor::kit::Kit;
use antiphon::actor::{
    Actor, Address, AnyAddress, AskError, Backoff, Children, Context, Directive, Directives, Event, Fault,
    FaultKind, Lifetime, Options, Outcome, Phase, Policy, Reply, SpawnError, StopReason, Strategy,
    Supervision, TellError, Window,
};

const SECOND: Duration = Duration::from_secs(1);

/// Counts what it is told, and fails when told to.
struct Counter {
    count: u32,
    log: Address<String>,
    lives: Arc<AtomicU32>,
}

enum Counting {
    Add(u32),
    Get(Reply<u32>),
    Panic,
    Fail(FaultKind),
    Wait(Duration),
    Stop,
    Forget(Reply<u32>),
}

impl Actor for Counter {
    type Message = Counting;
    const LABELS: &'static [&'static str] = &["add", "get", "panic", "fail", "wait", "stop", "forget"];

    fn label(message: &Counting) -> u32 {
        match message {
            Counting::Add(_) => 0,
            Counting::Get(_) => 1,
            Counting::Panic => 2,
            Counting::Fail(_) => 3,
            Counting::Wait(_) => 4,
            Counting::Stop => 5,
            Counting::Forget(_) => 6,
        }
    }

    async fn started(&mut self, context: &mut Context<Counter>) -> Outcome {
        self.lives.fetch_add(1, Ordering::Relaxed);
        self.say(context, "started").await;
        Ok(())
    }

    async fn handle(&mut self, message: Counting, context: &mut Context<Counter>) -> Outcome {
        match message {
            Counting::Add(more) => self.count += more,
            Counting::Get(reply) => drop(reply.send(self.count)),
            Counting::Panic => panic!("told to"),
            Counting::Fail(kind) => return Err(Fault::new(kind, "told to")),
            Counting::Wait(time) => tokio::time::sleep(time).await,
            Counting::Stop => context.stop(),
            Counting::Forget(reply) => drop(reply),
        }
        Ok(())
    }

    async fn restarting(&mut self, fault: &Fault, context: &mut Context<Counter>) {
        self.say(context, &format!("restarting {}", fault.kind)).await;
    }

    async fn stopping(&mut self, reason: &StopReason, context: &mut Context<Counter>) {
        self.say(context, &format!("stopping {reason}")).await;
    }

    async fn stopped(&mut self, context: &mut Context<Counter>) {
        self.say(context, "stopped").await;
    }
}

impl Counter {
    async fn say(&self, context: &Context<Counter>, what: &str) {
        let name = context.path().rsplit('/').next().unwrap_or_default();
        let _ = self.log.tell(format!("{name} {what}")).await;
    }
}

fn counter(log: &Address<String>) -> impl FnMut() -> Counter + Send + 'static {
    let (log, lives) = (log.clone(), Arc::new(AtomicU32::new(0)));
    move || Counter { count: 0, log: log.clone(), lives: Arc::clone(&lives) }
}

fn at_once(strategy: Strategy) -> Supervision {
    Supervision { strategy, backoff: Backoff::NONE, ..Supervision::default() }
}

#[test]
fn tells_and_asks_arrive_in_order() {
    Kit::run(1, async |kit| {
        let log = kit.probe("log");
        let counter = kit.system.spawn("counter", Options::new(), counter(log.address())).unwrap();
        for more in 1..=100 {
            counter.tell(Counting::Add(more)).await.unwrap();
        }
        assert_eq!(counter.ask(Counting::Get).await, Ok(5_050));
        assert_eq!(counter.path(), "/counter");
        assert!(kit.system.find_typed::<Counting>("/counter").is_some());
        assert!(kit.system.find_typed::<u8>("/counter").is_none());
        assert!(kit.system.find("/other").is_none() && kit.system.find("/counter/below").is_none());
    });
}

#[test]
fn messages_that_wait_survive_two_panics() {
    Kit::run(2, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("counter", Options::new(), counter(log.address())).unwrap();
        address.tell(Counting::Wait(SECOND)).await.unwrap();
        address.tell(Counting::Add(1)).await.unwrap();
        address.tell(Counting::Panic).await.unwrap();
        for more in [10, 100] {
            address.tell(Counting::Add(more)).await.unwrap();
        }
        address.tell(Counting::Panic).await.unwrap();
        for more in [1_000, 10_000, 100_000] {
            address.tell(Counting::Add(more)).await.unwrap();
        }
        // State is fresh after each fault; what waited then was handled by the last life.
        assert_eq!(address.ask(Counting::Get).await, Ok(111_000));
        kit.settle().await;
        let report = &kit.system.snapshot()[1];
        assert_eq!((report.restarts, report.faults), (2, 2));
        let fault = report.last_fault.clone().unwrap();
        assert_eq!((fault.kind, &*fault.message), (FaultKind::PANIC, "told to"));
        assert!(fault.place.clone().unwrap().contains("tests/actors.rs:"));
        assert_eq!(
            log.heard().await,
            [
                "counter started",
                "counter restarting panic",
                "counter stopped",
                "counter started",
                "counter restarting panic",
                "counter stopped",
                "counter started",
            ]
        );
    });
}

#[test]
fn directives_go_by_the_kind_of_fault() {
    const FUNNY: FaultKind = FaultKind("funny");
    const GRAVE: FaultKind = FaultKind("grave");
    Kit::run(3, async |kit| {
        let log = kit.probe("log");
        let supervision = Supervision {
            directives: Directives::all(Directive::Restart)
                .on(FUNNY, Directive::Resume)
                .on(GRAVE, Directive::Stop),
            backoff: Backoff::NONE,
            ..Supervision::default()
        };
        let children =
            Children::new(supervision).child("counter", Options::new(), counter(log.address())).supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        let address = kit.system.find_typed("/all/counter").unwrap();
        address.tell(Counting::Add(5)).await.unwrap();
        address.tell(Counting::Fail(FUNNY)).await.unwrap();
        assert_eq!(address.ask(Counting::Get).await, Ok(5), "it went on with its state");
        address.tell(Counting::Fail(FaultKind::FAILED)).await.unwrap();
        assert_eq!(address.ask(Counting::Get).await, Ok(0), "it started anew");
        address.tell(Counting::Fail(GRAVE)).await.unwrap();
        kit.settle().await;
        assert!(address.is_stopped());
        assert!(matches!(address.try_tell(Counting::Add(1)), Err(TellError::Stopped(Counting::Add(1)))));
        assert_eq!(address.ask(Counting::Get).await, Err(AskError::Stopped));
        assert!(kit.system.dead_letter_count() >= 2);
        assert_eq!(&*kit.system.dead_letters()[0].to, "/all/counter");
    });
}

/// The names of those that started, from a log.
fn started(log: &[String]) -> Vec<&str> {
    log.iter().filter_map(|line| line.strip_suffix(" started")).collect()
}

async fn three(kit: &Kit, strategy: Strategy, log: &Address<String>) {
    let children = Children::new(at_once(strategy))
        .child("a", Options::new(), counter(log))
        .child("b", Options::new(), counter(log))
        .child("c", Options::new(), counter(log))
        .supervisor();
    kit.system.spawn_started("all", Options::new(), children).await.unwrap();
}

#[test]
fn a_strategy_says_who_starts_anew_and_in_which_order() {
    let expected: [(Strategy, &[&str]); 3] = [
        (Strategy::OneForOne, &["b restarting panic", "b stopped", "b started"]),
        (
            Strategy::OneForAll,
            &[
                "c stopping shutdown",
                "c stopped",
                "b restarting panic",
                "b stopped",
                "a stopping shutdown",
                "a stopped",
                "a started",
                "b started",
                "c started",
            ],
        ),
        (
            Strategy::RestForOne,
            &[
                "c stopping shutdown",
                "c stopped",
                "b restarting panic",
                "b stopped",
                "b started",
                "c started",
            ],
        ),
    ];
    for (strategy, lines) in expected {
        for seed in 0..8 {
            Kit::run(seed, async |kit| {
                let log = kit.probe("log");
                three(kit, strategy, log.address()).await;
                kit.settle().await;
                assert_eq!(started(&log.heard().await), ["a", "b", "c"]);
                let b = kit.system.find_typed::<Counting>("/all/b").unwrap();
                b.tell(Counting::Panic).await.unwrap();
                kit.settle().await;
                assert_eq!(log.heard().await, lines, "{strategy:?}, seed {seed}");
            });
        }
    }
}

#[test]
fn too_many_faults_escalate_and_the_parent_starts_anew_with_all() {
    Kit::run(4, async |kit| {
        let log = kit.probe("log");
        three(kit, Strategy::OneForOne, log.address()).await;
        let b = kit.system.find_typed::<Counting>("/all/b").unwrap();
        for _ in 0..4 {
            b.tell(Counting::Panic).await.unwrap();
        }
        b.tell(Counting::Add(9)).await.unwrap();
        kit.pass(SECOND).await;
        assert_eq!(b.ask(Counting::Get).await, Ok(9), "the address and what waited there hold");
        let all = &kit.system.snapshot()[1];
        assert_eq!((all.name(), all.restarts, all.children.len()), ("all", 1, 3));
        assert_eq!(all.last_fault.as_ref().unwrap().kind, FaultKind::ESCALATED);
        assert!(all.children.iter().all(|child| child.phase == Phase::Running));
        // Slowly enough it may fail for ever.
        for _ in 0..10 {
            kit.pass(Duration::from_secs(61)).await;
            b.tell(Counting::Panic).await.unwrap();
            assert_eq!(b.ask(Counting::Get).await, Ok(0));
        }
        assert_eq!(kit.system.snapshot()[1].restarts, 1);
    });
}

#[test]
fn a_restart_that_waits_holds_up_no_sibling() {
    Kit::run(5, async |kit| {
        let log = kit.probe("log");
        let supervision = Supervision {
            backoff: Backoff { first: 10 * SECOND, factor: 1.0, longest: 10 * SECOND, jitter: 0.0 },
            ..Supervision::default()
        };
        let children = Children::new(supervision)
            .child("a", Options::new(), counter(log.address()))
            .child("b", Options::new(), counter(log.address()))
            .supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        let [a, b] = ["/all/a", "/all/b"].map(|path| kit.system.find_typed::<Counting>(path).unwrap());
        a.tell(Counting::Panic).await.unwrap();
        kit.pass(5 * SECOND).await;
        b.tell(Counting::Panic).await.unwrap();
        kit.pass(SECOND).await;
        assert_eq!(a.ask_within(SECOND, Counting::Get).await, Err(AskError::Deadline { within: SECOND }));
        assert_eq!(a.ask_within(4 * SECOND, Counting::Get).await, Ok(0), "10 s after its own fault");
        assert_eq!(b.ask_within(6 * SECOND, Counting::Get).await, Ok(0));
    });
}

#[test]
fn lifetimes_are_otps() {
    Kit::run(6, async |kit| {
        let log = kit.probe("log");
        for (lifetime, after_done, after_fault) in [
            (Lifetime::Permanent, true, true),
            (Lifetime::Transient, false, true),
            (Lifetime::Temporary, false, false),
        ] {
            for (name, message, lives) in
                [("done", Counting::Stop, after_done), ("fault", Counting::Panic, after_fault)]
            {
                let name = format!("{name}{lifetime:?}");
                let options = Options::new().lifetime(lifetime);
                let address = kit.system.spawn(&name, options, counter(log.address())).unwrap();
                address.tell(message).await.unwrap();
                kit.pass(SECOND).await;
                assert_eq!(!address.is_stopped(), lives, "{name}");
            }
        }
    });
}

#[test]
fn each_edge_does_as_declared_and_counts() {
    Kit::run(7, async |kit| {
        let log = kit.probe("log");
        let options = Options::new().capacity(2);
        let address = kit.system.spawn("counter", options, counter(log.address())).unwrap();
        address.tell(Counting::Wait(SECOND)).await.unwrap();
        kit.settle().await;
        let newest = address.edge("newest", Policy::DropNewest);
        let oldest = address.edge("oldest", Policy::DropOldest);
        let latest = address.edge("latest", Policy::LatestWins);
        let fail = address.edge("fail", Policy::Fail);
        oldest.offer(Counting::Add(1)).unwrap();
        latest.offer(Counting::Add(10)).unwrap();
        // Full from here on.
        newest.offer(Counting::Add(100)).unwrap();
        oldest.offer(Counting::Add(2)).unwrap();
        latest.offer(Counting::Add(20)).unwrap();
        assert!(matches!(fail.offer(Counting::Add(7)), Err(TellError::Full(Counting::Add(7)))));
        let wait = address.edge("wait", Policy::Wait);
        wait.send(Counting::Add(1_000)).await.unwrap();
        assert_eq!(address.ask(Counting::Get).await, Ok(1_022));
        assert_eq!((newest.sent(), newest.dropped()), (0, 1));
        assert_eq!((oldest.sent(), oldest.dropped()), (2, 1));
        assert_eq!((latest.sent(), latest.dropped()), (2, 1));
        assert_eq!((fail.sent(), fail.refused()), (0, 1));
        assert_eq!((wait.sent(), wait.dropped()), (1, 0));
        let report = &kit.system.snapshot()[1];
        assert_eq!(report.edges.iter().map(|edge| edge.dropped).sum::<u64>(), 3);
    });
}

#[test]
fn urgent_messages_overtake_and_signals_overtake_those() {
    Kit::run(8, async |kit| {
        let log = kit.probe("log");
        let address = kit.system.spawn("counter", Options::new(), counter(log.address())).unwrap();
        address.tell(Counting::Wait(SECOND)).await.unwrap();
        kit.settle().await;
        address.tell(Counting::Add(1)).await.unwrap();
        let asked = address.clone();
        let answer = tokio::spawn(async move { asked.ask(Counting::Get).await });
        kit.settle().await;
        address.tell_urgent(Counting::Add(100)).unwrap();
        assert_eq!(answer.await.unwrap(), Ok(101));
        address.tell(Counting::Wait(SECOND)).await.unwrap();
        kit.settle().await;
        address.tell_urgent(Counting::Add(100)).unwrap();
        address.erased().stop();
        kit.pass(2 * SECOND).await;
        assert!(address.is_stopped());
        assert_eq!(kit.system.dead_letter_count(), 1, "what was urgent too");
    });
}

struct Watcher {
    log: Address<String>,
    other: AnyAddress,
    linked: bool,
}

impl Actor for Watcher {
    type Message = ();

    async fn started(&mut self, context: &mut Context<Watcher>) -> Outcome {
        if self.linked {
            context.link(&self.other);
        } else {
            context.watch(&self.other);
            context.set_receive_timeout(Some(10 * SECOND));
        }
        let _ = self.log.tell("watcher started".to_owned()).await;
        Ok(())
    }

    async fn handle(&mut self, (): (), _: &mut Context<Watcher>) -> Outcome {
        Ok(())
    }

    async fn event(&mut self, event: Event, _: &mut Context<Watcher>) -> Outcome {
        let line = match event {
            Event::Down { path, reason, .. } => format!("{path} is down: {reason}"),
            event => format!("{event:?}"),
        };
        let _ = self.log.tell(line).await;
        Ok(())
    }
}

fn watcher(
    log: &Address<String>,
    other: &AnyAddress,
    linked: bool,
) -> impl FnMut() -> Watcher + Send + 'static {
    let (log, other) = (log.clone(), other.clone());
    move || Watcher { log: log.clone(), other: other.clone(), linked }
}

#[test]
fn who_watches_is_told_of_the_end_and_not_of_a_restart() {
    Kit::run(9, async |kit| {
        let log = kit.probe("log");
        let quiet = kit.probe("quiet");
        let address = kit.system.spawn("counter", Options::new(), counter(quiet.address())).unwrap();
        let other = address.erased();
        kit.system.spawn("watcher", Options::new(), watcher(log.address(), &other, false)).unwrap();
        kit.settle().await;
        address.tell(Counting::Panic).await.unwrap();
        kit.pass(SECOND).await;
        assert_eq!(log.heard().await, ["watcher started"]);
        other.stop_and_wait(SECOND).await.unwrap();
        kit.settle().await;
        assert_eq!(log.heard().await, ["/counter is down: normal"]);
        kit.system.spawn("late", Options::new(), watcher(log.address(), &other, false)).unwrap();
        kit.settle().await;
        assert_eq!(log.heard().await, ["watcher started", "/counter is down: normal"]);
        kit.pass(25 * SECOND).await;
        assert_eq!(log.heard().await, ["Idle"; 4], "two of each");
    });
}

#[test]
fn who_is_linked_fails_too_and_it_ends_there() {
    Kit::run(10, async |kit| {
        let log = kit.probe("log");
        let quiet = kit.probe("quiet");
        let address = kit.system.spawn("counter", Options::new(), counter(quiet.address())).unwrap();
        let watcher = watcher(log.address(), &address.erased(), true);
        let linked = kit.system.spawn("linked", Options::new(), watcher).unwrap();
        kit.settle().await;
        address.tell(Counting::Panic).await.unwrap();
        kit.pass(SECOND).await;
        assert_eq!(log.heard().await, ["watcher started", "watcher started"]);
        linked.erased().kill("a test");
        kit.pass(SECOND).await;
        let reports = kit.system.snapshot();
        assert_eq!((reports[2].faults, reports[3].faults), (2, 2), "each failed with the other, once");
    });
}

/// Holds on as it is told when it stops.
struct Stubborn {
    holds: Duration,
}

impl Actor for Stubborn {
    type Message = ();
    async fn handle(&mut self, (): (), _: &mut Context<Stubborn>) -> Outcome {
        tokio::time::sleep(self.holds).await;
        Ok(())
    }
    async fn stopping(&mut self, _: &StopReason, _: &mut Context<Stubborn>) {
        tokio::time::sleep(self.holds).await;
    }
}

#[test]
fn stopping_is_in_reverse_and_bounded() {
    for (holds, hold_text, longest) in [(SECOND, "gracious", 4), (3_600 * SECOND, "stubborn", 12)] {
        Kit::run(11, async |kit| {
            let log = kit.probe("log");
            kit.system.spawn("hold", Options::new(), move || Stubborn { holds }).unwrap();
            three(kit, Strategy::OneForOne, log.address()).await;
            let busy = kit.system.spawn("busy", Options::new(), move || Stubborn { holds }).unwrap();
            busy.tell(()).await.unwrap();
            kit.settle().await;
            log.heard().await;
            let begun = tokio::time::Instant::now();
            for path in ["/busy", "/all", "/hold"] {
                kit.system.find(path).unwrap().stop();
            }
            for path in ["/busy", "/all", "/hold"] {
                if let Some(address) = kit.system.find(path) {
                    let ended = address.ended(8 * SECOND).await;
                    assert_eq!(ended.is_ok(), holds == SECOND || path == "/all", "{hold_text} {path}");
                }
            }
            assert_eq!(
                log.heard().await,
                ["c", "b", "a"]
                    .map(|name| [format!("{name} stopping shutdown"), format!("{name} stopped")])
                    .concat()
            );
            assert!(begun.elapsed() <= longest * 2 * SECOND);
        });
    }
}

#[test]
fn a_system_stops_in_time_whoever_holds_on() {
    Kit::run(12, async |kit| {
        let stubborn = Options::new().shutdown(2 * SECOND);
        let held = kit.system.spawn("a", stubborn.clone(), || Stubborn { holds: 3_600 * SECOND }).unwrap();
        held.tell(()).await.unwrap();
        let children = Children::new(Supervision::default())
            .child("b", stubborn, || Stubborn { holds: 3_600 * SECOND })
            .supervisor();
        kit.system.spawn_started("all", Options::new(), children).await.unwrap();
        kit.settle().await;
        let begun = tokio::time::Instant::now();
        let all = kit.system.find("/all").unwrap();
        all.stop_and_wait(10 * SECOND).await.unwrap();
        assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
        // The rest is the kit's: it stops the system, and would hang here.
    });
}

/// Fails in its hooks.
struct Clumsy {
    in_start: bool,
}

impl Actor for Clumsy {
    type Message = ();
    async fn started(&mut self, _: &mut Context<Clumsy>) -> Outcome {
        assert!(!self.in_start, "broken from the start");
        Ok(())
    }
    async fn handle(&mut self, (): (), _: &mut Context<Clumsy>) -> Outcome {
        panic!("broken");
    }
    async fn restarting(&mut self, _: &Fault, _: &mut Context<Clumsy>) {
        panic!("broken while it breaks");
    }
    async fn stopped(&mut self, _: &mut Context<Clumsy>) {
        panic!("broken to the end");
    }
}

impl Drop for Clumsy {
    fn drop(&mut self) {
        if !self.in_start {
            panic!("and beyond");
        }
    }
}

#[test]
fn a_fault_in_every_hook_wedges_nothing() {
    Kit::run(13, async |kit| {
        let address =
            kit.system.spawn_started("clumsy", Options::new(), || Clumsy { in_start: false }).await.unwrap();
        address.tell(()).await.unwrap();
        kit.pass(SECOND).await;
        let report = &kit.system.snapshot()[0];
        assert_eq!((report.phase, report.restarts, report.faults), (Phase::Running, 1, 4));
        address.erased().stop_and_wait(SECOND).await.unwrap();
        let error = kit
            .system
            .spawn_started("clumsy", Options::new(), || Clumsy { in_start: true })
            .await
            .unwrap_err();
        let SpawnError::Start { path, fault } = error else { panic!("{error}") };
        assert_eq!(
            (&*path, fault.kind, &*fault.message),
            ("/clumsy", FaultKind::START, "panic: broken from the start")
        );
        assert!(kit.system.find("/clumsy").is_none(), "it is gone");
        let factory_panics =
            kit.system.spawn_started("worse", Options::new(), || -> Clumsy { panic!("no") }).await;
        assert!(matches!(factory_panics, Err(SpawnError::Start { .. })));
    });
}

#[test]
fn what_fails_to_start_for_ever_escalates_to_the_root() {
    let settings = antiphon::actor::Settings {
        supervision: Supervision {
            window: Window { restarts: 3, within: 60 * SECOND },
            ..Supervision::default()
        },
        ..antiphon::actor::Settings::default()
    };
    Kit::run_with(settings, async |kit| {
        kit.system.spawn("clumsy", Options::new(), || Clumsy { in_start: true }).unwrap();
        let fault = tokio::time::timeout(60 * SECOND, kit.system.escalated()).await.unwrap();
        assert_eq!(fault.kind, FaultKind::ESCALATED);
        assert_eq!(kit.system.snapshot()[0].restarts, 3);
    });
}

#[test]
fn wrong_names_are_refused() {
    Kit::run(14, async |kit| {
        let log = kit.probe("log");
        for name in ["", "a/b"] {
            let refused = kit.system.spawn(name, Options::new(), counter(log.address()));
            assert_eq!(refused.unwrap_err(), SpawnError::BadName { name: name.to_owned() });
        }
        let refused = kit.system.spawn("log", Options::new(), counter(log.address()));
        assert_eq!(refused.unwrap_err(), SpawnError::NameTaken { path: "/log".into() });
    });
}

/// Asks another to stop when it stops, and waits for it.
struct Ring {
    next: Arc<std::sync::Mutex<Option<AnyAddress>>>,
}

impl Actor for Ring {
    type Message = ();
    async fn handle(&mut self, (): (), _: &mut Context<Ring>) -> Outcome {
        Ok(())
    }
    async fn stopping(&mut self, _: &StopReason, _: &mut Context<Ring>) {
        let next = self.next.lock().unwrap().clone();
        if let Some(next) = next {
            let _ = next.stop_and_wait(SECOND).await;
        }
    }
}

#[test]
fn a_ring_of_actors_that_stop_each_other_ends() {
    Kit::run(15, async |kit| {
        let [to_a, to_b] = [Arc::default(), Arc::default()];
        let (next_a, next_b) = (Arc::clone(&to_b), Arc::clone(&to_a));
        let a = kit.system.spawn("a", Options::new(), move || Ring { next: Arc::clone(&next_a) }).unwrap();
        let b = kit.system.spawn("b", Options::new(), move || Ring { next: Arc::clone(&next_b) }).unwrap();
        *to_a.lock().unwrap() = Some(a.erased());
        *to_b.lock().unwrap() = Some(b.erased());
        a.erased().stop_and_wait(3 * SECOND).await.unwrap();
        b.erased().ended(3 * SECOND).await.unwrap();
    });
}

#[test]
fn a_question_nobody_answers_has_an_error_of_its_own() {
    Kit::run(16, async |kit| {
        let log = kit.probe("log");
        let address =
            kit.system.spawn("counter", Options::new().capacity(1), counter(log.address())).unwrap();
        assert_eq!(address.ask(Counting::Forget).await, Err(AskError::NoAnswer));
        address.tell(Counting::Wait(20 * SECOND)).await.unwrap();
        let begun = tokio::time::Instant::now();
        assert_eq!(address.ask(Counting::Get).await, Err(AskError::Deadline { within: 5 * SECOND }));
        assert_eq!(begun.elapsed(), 5 * SECOND);
        assert!(
            matches!(address.try_tell(Counting::Add(1)), Err(TellError::Full(_))),
            "the question waits there"
        );
        assert!(matches!(
            address.erased().ping(SECOND).await,
            Err(antiphon::actor::PingError::Deadline { .. })
        ));
        kit.pass(20 * SECOND).await;
        assert!(address.erased().ping(SECOND).await.is_ok());
    });
}

#[test]
fn who_is_stuck_or_gives_no_sign_of_life_starts_anew() {
    Kit::run(17, async |kit| {
        let log = kit.probe("log");
        let stuck = Options::new().handling_limit(3 * SECOND);
        let checked = Options::new().health(10 * SECOND, 2 * SECOND);
        for (name, options, kind) in
            [("stuck", stuck, FaultKind::STUCK), ("checked", checked, FaultKind::UNRESPONSIVE)]
        {
            let address = kit.system.spawn(name, options, counter(log.address())).unwrap();
            address.tell(Counting::Wait(2 * SECOND)).await.unwrap();
            address.tell(Counting::Add(1)).await.unwrap();
            assert_eq!(address.ask(Counting::Get).await, Ok(1), "{name}: slow is not stuck");
            address.tell(Counting::Wait(3_600 * SECOND)).await.unwrap();
            kit.pass(20 * SECOND).await;
            assert_eq!(address.ask(Counting::Get).await, Ok(0));
            let reports = kit.system.snapshot();
            let report = reports.iter().find(|report| report.name() == name).unwrap();
            assert_eq!(report.last_fault.as_ref().unwrap().kind, kind);
            assert!(report.slow_alerts >= 1);
        }
    });
}

#[test]
fn a_snapshot_says_what_each_is_at() {
    Kit::run(18, async |kit| {
        let log = kit.probe("log");
        three(kit, Strategy::OneForOne, log.address()).await;
        let b = kit.system.find_typed::<Counting>("/all/b").unwrap();
        for _ in 0..32 {
            b.tell(Counting::Wait(SECOND)).await.unwrap();
        }
        kit.pass(Duration::from_millis(900)).await;
        let tree = kit.system.snapshot();
        let walked: Vec<_> =
            tree.iter().flat_map(|root| root.walk()).map(|(depth, r)| (depth, &*r.path)).collect();
        assert_eq!(walked, [(0, "/log"), (0, "/all"), (1, "/all/a"), (1, "/all/b"), (1, "/all/c")]);
        let current = tree[1].children[1].current.unwrap();
        assert_eq!(current.label, "wait");
        assert!(current.at_least >= Duration::from_millis(500), "{current:?}");
        kit.pass(60 * SECOND).await;
        let b = &kit.system.snapshot()[1].children[1];
        assert_eq!((b.handled, b.current, b.waiting, b.capacity), (32, None, 0, 1_000));
        let p50 = b.handling_p50.unwrap();
        assert!((SECOND..SECOND * 5 / 4).contains(&p50), "{p50:?}");
    });
}

/// Lives by timers, and has two behaviours.
struct Clock {
    log: Address<String>,
}

impl Actor for Clock {
    type Message = &'static str;
    async fn started(&mut self, context: &mut Context<Clock>) -> Outcome {
        context.every(SECOND, || "tick");
        context.after(Duration::from_millis(2_500), "turn");
        let never = context.after(SECOND, "never");
        assert!(context.cancel(never) && !context.cancel(never));
        Ok(())
    }
    async fn handle(&mut self, message: &'static str, context: &mut Context<Clock>) -> Outcome {
        if message == "turn" {
            context.become_(|clock, message, _| {
                Box::pin(async move {
                    let _ = clock.log.tell(format!("other {message}")).await;
                    Ok(())
                })
            });
        }
        let _ = context.forward(&self.log, message.to_owned());
        Ok(())
    }
}

#[test]
fn timers_come_when_due_and_behaviour_can_change() {
    Kit::run(19, async |kit| {
        let log = kit.probe("log");
        let to = log.address().clone();
        kit.system.spawn("clock", Options::new(), move || Clock { log: to.clone() }).unwrap();
        kit.pass(Duration::from_millis(4_500)).await;
        assert_eq!(log.heard().await, ["tick", "tick", "turn", "other tick", "other tick"]);
    });
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_another() {
    let run = |seed| {
        Kit::run(seed, async |kit| {
            let log = kit.probe("log");
            three(kit, Strategy::RestForOne, log.address()).await;
            let all: Vec<_> = ["/all/a", "/all/b", "/all/c"]
                .iter()
                .filter_map(|path| kit.system.find_typed::<Counting>(path))
                .collect();
            for round in 0..30 {
                for address in &all {
                    address.tell(Counting::Add(round)).await.unwrap();
                }
            }
            all[1].tell(Counting::Panic).await.unwrap();
            kit.pass(SECOND).await;
            kit.trace()
        })
    };
    let first = run(1);
    assert!(first.len() > 90);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[test]
fn what_belongs_to_somebody_ends_with_him() {
    Kit::run(20, async |kit| {
        let log = kit.probe("log");
        let owner = kit.system.spawn("owner", Options::new(), counter(log.address())).unwrap();
        let owned = kit.system.spawn("owned", Options::new(), counter(log.address())).unwrap();
        owned.erased().belongs_to(&owner.erased());
        owner.tell(Counting::Panic).await.unwrap();
        kit.pass(SECOND).await;
        assert!(!owned.is_stopped(), "a restart is no end");
        owner.erased().stop();
        kit.settle().await;
        assert!(owned.is_stopped() && owner.is_stopped());
        let late = kit.system.spawn("late", Options::new(), counter(log.address())).unwrap();
        late.erased().belongs_to(&owner.erased());
        kit.settle().await;
        assert!(late.is_stopped());
    });
}
