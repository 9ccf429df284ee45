//! Supervision on random trees, against a small model of OTP's rules: who is started anew, in
//! which order they end and start, when a window is exceeded, and what that does further up.
//!
//! The model knows no tasks, signals or times to wait: it is a tree and a handful of recursive
//! functions that write the lines which the actors would say.

#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use antiphon::actor::kit::Kit;
use antiphon::actor::{
    Actor, Address, Backoff, Children, Context, Directive, Directives, Fault, FaultKind, Lifetime, Options,
    Outcome, Settings, StopReason, Strategy as Which, Supervision, Window,
};
use proptest::prelude::*;

const KINDS: [FaultKind; 6] = [
    FaultKind::PANIC,
    FaultKind::FAILED,
    FaultKind::KILLED,
    FaultKind::START,
    FaultKind::ESCALATED,
    FaultKind("odd"),
];

/// What is drawn: a worker, or a supervisor with its rules and children.
#[derive(Clone, Debug)]
struct Spec {
    lifetime: Lifetime,
    boss: Option<(Rules, Vec<Spec>)>,
}

#[derive(Clone, Debug)]
struct Rules {
    strategy: Which,
    table: [Directive; KINDS.len()],
    restarts: u32,
    /// In whole seconds and a half, which no sum of steps comes near.
    seconds: u64,
    delay_millis: u64,
    /// The kernel's own supervisor, which says nothing and takes no messages.
    plain: bool,
}

impl Rules {
    fn of(&self, kind: FaultKind) -> Directive {
        KINDS.iter().position(|k| *k == kind).map_or(Directive::Restart, |at| self.table[at])
    }

    fn within(&self) -> Duration {
        Duration::from_millis(self.seconds * 1_000 + 500)
    }

    fn supervision(&self) -> Supervision {
        let delay = Duration::from_millis(self.delay_millis);
        Supervision {
            strategy: self.strategy,
            directives: KINDS
                .iter()
                .fold(Directives::all(Directive::Restart), |all, kind| all.on(*kind, self.of(*kind))),
            window: Window { restarts: self.restarts, within: self.within() },
            backoff: Backoff { first: delay, factor: 1.0, longest: delay, jitter: 0.0 },
        }
    }
}

#[derive(Clone, Debug)]
enum What {
    /// A worker fails at a message.
    Fault(usize),
    /// A worker fails at a message, and so often at its next starts.
    Broken(u32),
    /// A worker says that it is done.
    Done,
    Kill,
    Stop,
    /// A supervisor gets one more child.
    Grow(Lifetime),
}

#[derive(Clone, Debug)]
struct Step {
    what: What,
    /// Which of those that it can befall.
    whom: usize,
    then_millis: u64,
}

// ---------------------------------------------------------------------------------------------
// The model.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Running,
    /// Waits for a verdict; whether it had started.
    Failed(bool),
    /// Between two lives.
    Halted,
    Gone,
}

struct Node {
    path: String,
    spec: Spec,
    parent: usize,
    state: State,
    children: Vec<usize>,
    failures: Vec<u64>,
}

struct Model {
    nodes: Vec<Node>,
    lines: Vec<String>,
    now: u64,
    /// How often a worker will fail to start.
    broken: HashMap<String, u32>,
    over: bool,
}

const ROOT: usize = 0;

impl Model {
    fn new(root: Rules, top: &Spec) -> Model {
        let spec = Spec { lifetime: Lifetime::Permanent, boss: Some((root, Vec::new())) };
        let root = Node {
            path: String::new(),
            spec,
            parent: ROOT,
            state: State::Running,
            children: Vec::new(),
            failures: Vec::new(),
        };
        let mut model =
            Model { nodes: vec![root], lines: Vec::new(), now: 0, broken: HashMap::new(), over: false };
        let top = model.add(ROOT, "top", top);
        assert!(model.start(top), "nothing is broken yet");
        model
    }

    fn add(&mut self, parent: usize, name: &str, spec: &Spec) -> usize {
        let path = format!("{}/{name}", self.nodes[parent].path);
        let (state, failures) = (State::Halted, Vec::new());
        self.nodes.push(Node { path, spec: spec.clone(), parent, state, children: Vec::new(), failures });
        let id = self.nodes.len() - 1;
        self.nodes[parent].children.push(id);
        id
    }

    fn say(&mut self, id: usize, what: &str) {
        let node = &self.nodes[id];
        if node.spec.boss.as_ref().is_none_or(|(rules, _)| !rules.plain) {
            self.lines.push(format!("{} {what}", node.path));
        }
    }

    /// A life begins; `false` where that fails, and it waits for a verdict.
    fn start(&mut self, id: usize) -> bool {
        self.say(id, "started");
        self.nodes[id].state = State::Running;
        let Some((_, specs)) = self.nodes[id].spec.boss.clone() else {
            let broken = self.broken.entry(self.nodes[id].path.clone()).or_default();
            let works = *broken == 0;
            *broken = broken.saturating_sub(1);
            if !works {
                self.nodes[id].state = State::Failed(false);
            }
            return works;
        };
        // A supervisor remembers nothing of its last life: not its children's failures, and
        // none of the children that it was given later.
        self.nodes[id].failures.clear();
        for child in std::mem::take(&mut self.nodes[id].children) {
            self.forget(child);
        }
        for (index, spec) in specs.iter().enumerate() {
            let child = self.add(id, &format!("c{index}"), spec);
            if !self.start(child) {
                self.end(child);
                self.nodes[id].state = State::Failed(false);
                return false;
            }
        }
        true
    }

    /// Without a word: they have ended already.
    fn forget(&mut self, id: usize) {
        self.nodes[id].state = State::Gone;
        for child in std::mem::take(&mut self.nodes[id].children) {
            self.forget(child);
        }
    }

    /// A life ends, and there will be another.
    fn halt(&mut self, id: usize) {
        match self.nodes[id].state {
            State::Halted | State::Gone => return,
            State::Failed(_) => self.say(id, "restarting"),
            State::Running => self.say(id, "stopping"),
        }
        for child in self.nodes[id].children.clone().into_iter().rev() {
            self.halt_or_end(child);
        }
        self.say(id, "stopped");
        self.nodes[id].state = State::Halted;
    }

    fn halt_or_end(&mut self, id: usize) {
        if self.nodes[id].spec.lifetime == Lifetime::Temporary {
            self.end(id);
        } else {
            self.halt(id);
        }
    }

    /// The end for good.
    fn end(&mut self, id: usize) {
        let speaks = matches!(self.nodes[id].state, State::Running | State::Failed(_));
        if speaks {
            self.say(id, "stopping");
        }
        for child in self.nodes[id].children.clone().into_iter().rev() {
            self.end(child);
        }
        if speaks {
            self.say(id, "stopped");
        }
        self.nodes[id].state = State::Gone;
        let parent = self.nodes[id].parent;
        self.nodes[parent].children.retain(|child| *child != id);
    }

    fn directive(&self, id: usize, kind: FaultKind, had_started: bool) -> Directive {
        let node = &self.nodes[id];
        let rules = &self.nodes[node.parent].spec.boss.as_ref().unwrap().0;
        let directive = match rules.of(kind) {
            _ if kind == FaultKind::DONE => Directive::Restart,
            Directive::Resume if !had_started => Directive::Restart,
            directive => directive,
        };
        if directive == Directive::Restart && node.spec.lifetime == Lifetime::Temporary {
            return Directive::Stop;
        }
        directive
    }

    /// A child has failed: its parent decides.
    fn fail(&mut self, id: usize, kind: FaultKind, had_started: bool) {
        self.nodes[id].state = State::Failed(had_started);
        let parent = self.nodes[id].parent;
        let rules = self.nodes[parent].spec.boss.clone().unwrap().0;
        match self.directive(id, kind, had_started) {
            Directive::Resume => self.resume(id),
            Directive::Stop => self.end(id),
            Directive::Escalate => self.escalate(parent),
            Directive::Restart => {
                let (now, within) = (self.now, rules.within().as_millis() as u64);
                let failures = &mut self.nodes[parent].failures;
                failures.push(now);
                if failures.iter().filter(|then| now - **then <= within).count() > rules.restarts as usize {
                    return self.escalate(parent);
                }
                let all = self.nodes[parent].children.clone();
                let at = all.iter().position(|child| *child == id).unwrap();
                let group = match rules.strategy {
                    Which::OneForOne => &all[at..=at],
                    Which::OneForAll => &all[..],
                    Which::RestForOne => &all[at..],
                };
                for child in group.iter().rev() {
                    self.halt_or_end(*child);
                }
                self.start_group(group);
            }
        }
    }

    fn start_group(&mut self, group: &[usize]) {
        for child in group.iter().copied() {
            if self.nodes[child].state != State::Gone && !self.start(child) {
                let directive = self.directive(child, FaultKind::START, false);
                self.fail(child, FaultKind::START, false);
                if matches!(directive, Directive::Restart | Directive::Escalate) {
                    return; // That was for all that come after it.
                }
            }
        }
    }

    fn escalate(&mut self, parent: usize) {
        if parent == ROOT {
            self.over = true;
        } else {
            self.fail(parent, FaultKind::ESCALATED, true);
        }
    }

    /// It goes on as it is, and with it those below that waited for its fate.
    fn resume(&mut self, id: usize) {
        self.nodes[id].state = State::Running;
        let children = self.nodes[id].children.clone();
        let mut again = Vec::new();
        for child in children {
            match self.nodes[child].state {
                State::Failed(true) => self.resume(child),
                State::Failed(false) | State::Halted => again.push(child),
                State::Running | State::Gone => {}
            }
        }
        // The kernel lets each end its last life as its turn comes.
        for child in again {
            if self.nodes[child].state == State::Gone {
                continue;
            }
            self.halt(child);
            let group = [child];
            let directive = self.directive(child, FaultKind::START, false);
            let fails = self.will_fail(child);
            self.start_group(&group);
            if fails && matches!(directive, Directive::Restart | Directive::Escalate) {
                return;
            }
        }
    }

    /// Whether its next start would fail: anything in it is broken.
    fn will_fail(&self, id: usize) -> bool {
        fn any(model: &Model, path: &str, spec: &Spec) -> bool {
            match &spec.boss {
                None => model.broken.get(path).is_some_and(|times| *times > 0),
                Some((_, specs)) => specs
                    .iter()
                    .enumerate()
                    .any(|(index, spec)| any(model, &format!("{path}/c{index}"), spec)),
            }
        }
        any(self, &self.nodes[id].path, &self.nodes[id].spec)
    }

    /// Those that run, as they stand in the tree.
    fn running(&self) -> Vec<usize> {
        fn add(model: &Model, id: usize, all: &mut Vec<usize>) {
            for child in &model.nodes[id].children {
                if model.nodes[*child].state == State::Running {
                    all.push(*child);
                }
                add(model, *child, all);
            }
        }
        let mut all = Vec::new();
        add(self, ROOT, &mut all);
        all
    }
}

// ---------------------------------------------------------------------------------------------
// The real thing.

type Broken = Arc<Mutex<HashMap<String, u32>>>;

enum Order {
    Fail(FaultKind),
    Done,
    Grow(String, Lifetime),
}

struct Player {
    rules: Option<(Rules, Vec<Spec>)>,
    log: Address<String>,
    broken: Broken,
}

fn player(spec: &Spec, log: &Address<String>, broken: &Broken) -> impl FnMut() -> Player + Send + 'static {
    let (rules, log, broken) = (spec.boss.clone(), log.clone(), Arc::clone(broken));
    move || Player { rules: rules.clone(), log: log.clone(), broken: Arc::clone(&broken) }
}

fn options(spec: &Spec) -> Options {
    Options::new().lifetime(spec.lifetime)
}

fn is_plain(spec: &Spec) -> bool {
    spec.boss.as_ref().is_some_and(|(rules, _)| rules.plain)
}

/// The kernel's own supervisor over the same.
fn supervisor(spec: &Spec, log: &Address<String>, broken: &Broken) -> Children {
    let (rules, specs) = spec.boss.as_ref().unwrap();
    let children = Children::new(rules.supervision());
    specs.iter().enumerate().fold(children, |children, (index, spec)| {
        let name = format!("c{index}");
        if is_plain(spec) {
            children.child(&name, options(spec), supervisor(spec, log, broken).supervisor())
        } else {
            children.child(&name, options(spec), player(spec, log, broken))
        }
    })
}

impl Player {
    async fn say(&self, context: &Context<Player>, what: &str) {
        let _ = self.log.tell(format!("{} {what}", context.path())).await;
    }
}

impl Actor for Player {
    type Message = Order;

    async fn started(&mut self, context: &mut Context<Player>) -> Outcome {
        self.say(context, "started").await;
        let Some((rules, specs)) = self.rules.clone() else {
            let broken = {
                let mut all = self.broken.lock().unwrap();
                let broken = all.entry(context.path().to_owned()).or_default();
                std::mem::replace(broken, broken.saturating_sub(1))
            };
            assert!(broken == 0, "broken");
            return Ok(());
        };
        context.supervise(rules.supervision());
        for (index, spec) in specs.iter().enumerate() {
            let name = format!("c{index}");
            let started = if is_plain(spec) {
                let build = supervisor(spec, &self.log, &self.broken).supervisor();
                context.spawn_started(&name, options(spec), build).await.map(drop)
            } else {
                context
                    .spawn_started(&name, options(spec), player(spec, &self.log, &self.broken))
                    .await
                    .map(drop)
            };
            started.map_err(|error| Fault::new(FaultKind::START, error.to_string()))?;
        }
        Ok(())
    }

    async fn handle(&mut self, order: Order, context: &mut Context<Player>) -> Outcome {
        match order {
            Order::Fail(FaultKind::PANIC) => panic!("ordered"),
            Order::Fail(kind) => Err(Fault::new(kind, "ordered")),
            Order::Done => {
                context.stop();
                Ok(())
            }
            Order::Grow(name, lifetime) => {
                let spec = Spec { lifetime, boss: None };
                let child = player(&spec, &self.log, &self.broken);
                let grown = context.spawn(&name, options(&spec), child);
                grown.map(drop).map_err(|error| Fault::new(FaultKind::FAILED, error.to_string()))
            }
        }
    }

    async fn restarting(&mut self, _: &Fault, context: &mut Context<Player>) {
        self.say(context, "restarting").await;
    }

    async fn stopping(&mut self, _: &StopReason, context: &mut Context<Player>) {
        self.say(context, "stopping").await;
    }

    async fn stopped(&mut self, context: &mut Context<Player>) {
        self.say(context, "stopped").await;
    }
}

/// One step in both; `None` where there is nobody it could befall.
async fn take(step: &Step, model: &mut Model, kit: &Kit, broken: &Broken, grown: &mut u32) -> Option<()> {
    let candidates: Vec<usize> = model
        .running()
        .into_iter()
        .filter(|id| {
            let spec = &model.nodes[*id].spec;
            match step.what {
                What::Fault(_) | What::Broken(_) | What::Done => spec.boss.is_none(),
                What::Kill => true,
                What::Stop => model.nodes[*id].parent != ROOT,
                What::Grow(_) => spec.boss.is_some() && !is_plain(spec),
            }
        })
        .collect();
    let id = *candidates.get(step.whom % candidates.len().max(1))?;
    let path = model.nodes[id].path.clone();
    let address = kit.system.find(&path).unwrap_or_else(|| panic!("{path} runs, says the model"));
    let order = |order: Order| {
        let typed = address.typed::<Order>().unwrap();
        assert!(typed.try_tell(order).is_ok(), "{path} takes messages");
    };
    match &step.what {
        What::Fault(kind) => {
            // Neither of those that are the kernel's own to say.
            let kind = [FaultKind::PANIC, FaultKind::FAILED, FaultKind("odd")][kind % 3];
            order(Order::Fail(kind));
            model.fail(id, kind, true);
        }
        What::Broken(times) => {
            broken.lock().unwrap().insert(path.clone(), *times);
            model.broken.insert(path.clone(), *times);
            order(Order::Fail(FaultKind::FAILED));
            model.fail(id, FaultKind::FAILED, true);
        }
        What::Done => {
            order(Order::Done);
            if model.nodes[id].spec.lifetime == Lifetime::Permanent {
                model.fail(id, FaultKind::DONE, true);
            } else {
                model.end(id);
            }
        }
        What::Kill => {
            address.kill("a test");
            model.fail(id, FaultKind::KILLED, true);
        }
        What::Stop => {
            address.stop();
            model.end(id);
        }
        What::Grow(lifetime) => {
            *grown += 1;
            let name = format!("g{grown}");
            order(Order::Grow(name.clone(), *lifetime));
            let child = model.add(id, &name, &Spec { lifetime: *lifetime, boss: None });
            assert!(model.start(child));
        }
    }
    Some(())
}

fn compare(seed: u64, root: &Rules, top: &Spec, steps: &[Step]) -> Result<(), TestCaseError> {
    let settings = Settings { seed, permuted: true, supervision: root.supervision(), ..Settings::default() };
    Kit::run_with(settings, async |kit| {
        // The probe stands at the root beside the tree, and never fails: with a strategy for
        // more than one it would be a part of the model, so it has a system of its own.
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let apart = antiphon::actor::System::new(Settings::default());
        let to = Arc::clone(&heard);
        let log = apart.spawn("log", Options::new(), move || Keep(Arc::clone(&to))).unwrap();
        let broken = Broken::default();
        let mut model = Model::new(root.clone(), top);
        if is_plain(top) {
            let build = supervisor(top, &log, &broken).supervisor();
            kit.system.spawn_started("top", options(top), build).await.unwrap();
        } else {
            kit.system.spawn_started("top", options(top), player(top, &log, &broken)).await.unwrap();
        }
        let mut grown = 0;
        let mut past = Vec::new();
        for step in steps {
            let befell = take(step, &mut model, kit, &broken, &mut grown).await;
            kit.pass(Duration::from_millis(step.then_millis)).await;
            model.now += step.then_millis;
            past.push((step, befell.is_some()));
            let lines = std::mem::take(&mut *heard.lock().unwrap());
            let expected = std::mem::take(&mut model.lines);
            prop_assert_eq!(lines, expected, "after {:?}", past);
            let escalated = tokio::time::timeout(Duration::ZERO, kit.system.escalated()).await.is_ok();
            prop_assert_eq!(escalated, model.over, "after {:?}", past);
            if model.over {
                break;
            }
            let running: Vec<String> =
                model.running().into_iter().map(|id| model.nodes[id].path.clone()).collect();
            let snapshot = kit.system.snapshot();
            let all: Vec<_> = snapshot.iter().flat_map(|report| report.walk()).collect();
            let real: Vec<String> = all.iter().map(|(_, report)| report.path.to_string()).collect();
            prop_assert_eq!(real, running, "after {:?}", past);
            prop_assert!(
                all.iter().all(|(_, report)| report.phase == antiphon::actor::Phase::Running),
                "nobody is left between two lives: {:?} after {:?}",
                all.iter().map(|(_, report)| (&report.path, report.phase)).collect::<Vec<_>>(),
                past
            );
        }
        apart.stop().await;
        Ok(())
    })
}

/// Keeps what it is told.
struct Keep(Arc<Mutex<Vec<String>>>);

impl Actor for Keep {
    type Message = String;
    async fn handle(&mut self, line: String, _: &mut Context<Keep>) -> Outcome {
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    prop_oneof![5 => Just(Lifetime::Permanent), 2 => Just(Lifetime::Transient), 1 => Just(Lifetime::Temporary)]
}

fn directive() -> impl Strategy<Value = Directive> {
    prop_oneof![
        7 => Just(Directive::Restart),
        1 => Just(Directive::Resume),
        1 => Just(Directive::Stop),
        1 => Just(Directive::Escalate),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let strategy = prop_oneof![Just(Which::OneForOne), Just(Which::OneForAll), Just(Which::RestForOne)];
    let table = proptest::array::uniform6(directive());
    (strategy, table, 0_u32..5, prop_oneof![Just(1_u64), Just(10), Just(60)], 0_u64..2, prop::bool::ANY)
        .prop_map(|(strategy, table, restarts, seconds, delay, plain)| Rules {
            strategy,
            table,
            restarts,
            seconds,
            delay_millis: delay * 5,
            plain,
        })
}

fn tree() -> impl Strategy<Value = Spec> {
    let worker = lifetime().prop_map(|lifetime| Spec { lifetime, boss: None });
    let below = worker.prop_recursive(2, 10, 4, |inner| {
        (lifetime(), rules(), prop::collection::vec(inner, 1..4))
            .prop_map(|(lifetime, rules, specs)| Spec { lifetime, boss: Some((rules, specs)) })
    });
    (rules(), prop::collection::vec(below, 1..4))
        .prop_map(|(rules, specs)| Spec { lifetime: Lifetime::Permanent, boss: Some((rules, specs)) })
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        6 => (0_usize..3).prop_map(What::Fault),
        2 => (1_u32..4).prop_map(What::Broken),
        1 => Just(What::Done),
        2 => Just(What::Kill),
        1 => Just(What::Stop),
        2 => lifetime().prop_map(What::Grow),
    ];
    let then = prop_oneof![4 => Just(200_u64), 2 => Just(1_000), 2 => Just(5_000), 1 => Just(61_000)];
    (what, 0_usize..1_000, then).prop_map(|(what, whom, then_millis)| Step { what, whom, then_millis })
}

fn root() -> impl Strategy<Value = Rules> {
    rules().prop_map(|rules| Rules { table: [Directive::Restart; 6], restarts: rules.restarts + 2, ..rules })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn random_trees_behave_as_the_model_says(
        seed in 0_u64..1_000_000, root in root(), top in tree(), steps in prop::collection::vec(step(), 1..25),
    ) {
        compare(seed, &root, &top, &steps)?;
    }
}
