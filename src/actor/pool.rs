use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::time::Instant;

use super::address::Address;
use super::behave::{Actor, Event};
use super::context::Context;
use super::error::{AskError, SpawnError, TellError};
use super::fault::{Fault, FaultKind, Outcome};
use super::identity::ActorId;
use super::reply::Reply;
use super::scatter::scatter;
use super::supervision::{Options, Supervision};
use super::sync::{Mutex, lock};
use super::window::Failures;

/// Which member of a pool gets the next message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Routing {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest messages to handle; of several the first after the last chosen.
    LeastBusy,
    /// Any, by a seed.
    Random(u64),
}

/// What a pool is made with.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolOptions {
    /// How many members.
    pub size: usize,
    /// Who gets what.
    pub routing: Routing,
    /// What each member is started with.
    pub member: Options,
    /// How members are started anew. Those that end for good are replaced, as often as
    /// its window allows.
    pub supervision: Supervision,
}

impl Default for PoolOptions {
    /// 4 members in turn.
    fn default() -> PoolOptions {
        PoolOptions {
            size: 4,
            routing: Routing::RoundRobin,
            member: Options::new(),
            supervision: Supervision::default(),
        }
    }
}

/// The most members a pool may have.
pub const POOL_LIMIT: usize = 1_024;

/// Several actors of a sort behind one address; clones are the same pool.
///
/// Messages go to a member directly. The pool's keeper, an actor itself, starts the
/// members as its children, replaces those that end, and changes their number:
///
/// ```
/// # use antiphon::actor::{Actor, Context, Options, Outcome, Pool, PoolOptions, Settings, System};
/// # struct Loader;
/// # impl Actor for Loader {
/// #     type Message = String;
/// #     async fn handle(&mut self, _: String, _: &mut Context<Loader>) -> Outcome { Ok(()) }
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let system = System::new(Settings::default());
/// let pool = Pool::new(PoolOptions::default(), || Loader);
/// system.spawn_started("loaders", Options::new(), pool.keeper()).await.unwrap();
/// pool.tell("piano.wav".to_owned()).await.unwrap();
/// # });
/// ```
pub struct Pool<A: Actor> {
    inner: Arc<Inner<A>>,
}

impl<A: Actor> Clone for Pool<A> {
    fn clone(&self) -> Pool<A> {
        Pool { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<A: Actor> {
    options: PoolOptions,
    build: Arc<dyn Fn() -> A + Send + Sync>,
    table: Mutex<Table<A::Message>>,
    /// For each choice one more: the turn, or the place in the random sequence.
    turn: AtomicUsize,
    replaced: AtomicU64,
}

struct Table<M> {
    keeper: Option<Address<Order>>,
    members: Arc<Vec<Member<M>>>,
    next_name: u64,
    /// Outlives the keeper's incarnations.
    size: usize,
}

struct Member<M> {
    name: Arc<str>,
    address: Address<M>,
}

impl<M> Clone for Member<M> {
    fn clone(&self) -> Member<M> {
        Member { name: Arc::clone(&self.name), address: self.address.clone() }
    }
}

/// Why a pool's size did not change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResizeError {
    /// A pool has 1 to [`POOL_LIMIT`] members.
    #[error("a pool has 1 to {POOL_LIMIT} members, not {0}")]
    Size(usize),
    /// The keeper was not started, or has stopped.
    #[error("the pool has no keeper")]
    NoKeeper,
    /// The keeper did not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A member could not be started.
    #[error(transparent)]
    Spawn(SpawnError),
}

impl<A: Actor> Pool<A> {
    /// A pool whose members are built by `build`. It is empty until its
    /// [`keeper`](Self::keeper) has started.
    pub fn new(options: PoolOptions, build: impl Fn() -> A + Send + Sync + 'static) -> Pool<A> {
        let size = options.size.clamp(1, POOL_LIMIT);
        let table = Table { keeper: None, members: Arc::new(Vec::new()), next_name: 1, size };
        Pool {
            inner: Arc::new(Inner {
                options,
                build: Arc::new(build),
                table: Mutex::new(table),
                turn: AtomicUsize::new(0),
                replaced: AtomicU64::new(0),
            }),
        }
    }

    /// What builds the keeper: for [`System::spawn`](super::System::spawn) and
    /// [`Context::spawn`].
    pub fn keeper(&self) -> impl FnMut() -> PoolKeeper<A> + Send + 'static {
        let pool = self.clone();
        move || PoolKeeper { pool: pool.clone(), failures: Failures::default(), born: Instant::now() }
    }

    /// Hands a message to a member. Where that one has no room the others are tried
    /// in turn; where none has, it waits for the first chosen.
    ///
    /// # Errors
    /// [`TellError::Stopped`], with the message, where no member lives.
    pub async fn tell(&self, message: A::Message) -> Result<(), TellError<A::Message>> {
        match self.try_tell(message) {
            Err(TellError::Full(message)) => {
                let members = self.members();
                match self.choose(&members) {
                    Some(first) => members[first].address.tell(message).await,
                    None => Err(TellError::Stopped(message)),
                }
            }
            told => told,
        }
    }

    /// As [`tell`](Self::tell), without waiting.
    ///
    /// # Errors
    /// [`TellError`], with the message: `Full` where no member has room, `Stopped` where
    /// none lives.
    pub fn try_tell(&self, message: A::Message) -> Result<(), TellError<A::Message>> {
        let members = self.members();
        let Some(first) = self.choose(&members) else { return Err(TellError::Stopped(message)) };
        let (mut message, mut is_full) = (message, false);
        for offset in 0..members.len() {
            let member = &members[(first + offset) % members.len()].address;
            if member.is_stopped() {
                continue;
            }
            match member.try_tell(message) {
                Ok(()) => return Ok(()),
                Err(TellError::Full(back)) => (message, is_full) = (back, true),
                Err(TellError::Stopped(back)) => message = back,
            }
        }
        Err(if is_full { TellError::Full(message) } else { TellError::Stopped(message) })
    }

    /// Asks a member; see [`Address::ask`].
    ///
    /// # Errors
    /// [`AskError`]; `Stopped` where no member lives.
    pub async fn ask<R>(&self, question: impl FnOnce(Reply<R>) -> A::Message) -> Result<R, AskError> {
        let members = self.members();
        let first = self.choose(&members).ok_or(AskError::Stopped)?;
        let around = (0..members.len()).map(|offset| &members[(first + offset) % members.len()].address);
        let mut living = around.filter(|member| !member.is_stopped());
        living.next().ok_or(AskError::Stopped)?.ask(question).await
    }

    /// Changes how many members there are. Those that go handle what they have first.
    ///
    /// # Errors
    /// [`ResizeError`].
    pub async fn resize(&self, size: usize) -> Result<(), ResizeError> {
        if !(1..=POOL_LIMIT).contains(&size) {
            return Err(ResizeError::Size(size));
        }
        let keeper = lock(&self.inner.table).keeper.clone().ok_or(ResizeError::NoKeeper)?;
        keeper.ask(|reply| Order { size, reply }).await?.map_err(ResizeError::Spawn)
    }

    /// The members that messages go to now.
    pub fn addresses(&self) -> Vec<Address<A::Message>> {
        self.members().iter().map(|member| member.address.clone()).collect()
    }

    /// How many members ended for good and were replaced.
    pub fn replaced(&self) -> u64 {
        self.inner.replaced.load(Ordering::Relaxed)
    }

    fn members(&self) -> Arc<Vec<Member<A::Message>>> {
        Arc::clone(&lock(&self.inner.table).members)
    }

    fn choose(&self, members: &[Member<A::Message>]) -> Option<usize> {
        if members.is_empty() {
            return None;
        }
        let turn = self.inner.turn.fetch_add(1, Ordering::Relaxed);
        Some(match self.inner.options.routing {
            Routing::RoundRobin => turn % members.len(),
            Routing::Random(seed) => (scatter(seed, turn as u64) % members.len() as u64) as usize,
            Routing::LeastBusy => {
                let first = turn % members.len();
                let around = (0..members.len()).map(|offset| (first + offset) % members.len());
                around.min_by_key(|&index| members[index].address.cell().load()).unwrap_or(first)
            }
        })
    }
}

/// What a [`PoolKeeper`] is told: a new size.
pub struct Order {
    size: usize,
    reply: Reply<Result<(), SpawnError>>,
}

/// Starts, replaces and retires a pool's members: its children.
pub struct PoolKeeper<A: Actor> {
    pool: Pool<A>,
    failures: Failures,
    born: Instant,
}

impl<A: Actor> PoolKeeper<A> {
    fn add(&self, name: Option<Arc<str>>, context: &mut Context<Self>) -> Result<(), SpawnError> {
        let inner = &self.pool.inner;
        let name = name.unwrap_or_else(|| {
            let mut table = lock(&inner.table);
            table.next_name += 1;
            Arc::from((table.next_name - 1).to_string())
        });
        let build = Arc::clone(&inner.build);
        let address = context.spawn(&name, inner.options.member.clone(), move || build())?;
        context.watch(&address.erased());
        let mut table = lock(&inner.table);
        let members = Arc::make_mut(&mut table.members);
        members.retain(|member| member.name != name);
        members.push(Member { name, address });
        Ok(())
    }

    fn remove(&self, id: ActorId) -> bool {
        let mut table = lock(&self.pool.inner.table);
        let is_member = table.members.iter().any(|member| member.address.id() == id);
        if is_member {
            Arc::make_mut(&mut table.members).retain(|member| member.address.id() != id);
        }
        is_member
    }

    fn resize(&self, size: usize, context: &mut Context<Self>) -> Result<(), SpawnError> {
        let leaving = {
            let mut table = lock(&self.pool.inner.table);
            table.size = size;
            let keep = size.min(table.members.len());
            Arc::make_mut(&mut table.members).split_off(keep)
        };
        for member in leaving {
            let address = member.address.erased();
            context.unwatch(&address);
            address.drain();
        }
        while lock(&self.pool.inner.table).members.len() < size {
            self.add(None, context)?;
        }
        Ok(())
    }
}

fn to_fault(error: &SpawnError) -> Fault {
    Fault::new(FaultKind::START, error.to_string())
}

impl<A: Actor> Actor for PoolKeeper<A> {
    type Message = Order;

    async fn started(&mut self, context: &mut Context<Self>) -> Outcome {
        let inner = &self.pool.inner;
        context.supervise(inner.options.supervision.clone());
        let (before, size) = {
            let mut table = lock(&inner.table);
            table.keeper = Some(context.address());
            (Arc::clone(&table.members), table.size)
        };
        // Those of the last incarnation are the same actors: what waits for them is kept.
        for member in before.iter().take(size) {
            if member.address.is_stopped() {
                self.remove(member.address.id());
            } else {
                self.add(Some(Arc::clone(&member.name)), context).map_err(|error| to_fault(&error))?;
            }
        }
        self.resize(size, context).map_err(|error| to_fault(&error))
    }

    async fn handle(&mut self, order: Order, context: &mut Context<Self>) -> Outcome {
        let _ = order.reply.send(self.resize(order.size, context));
        Ok(())
    }

    async fn event(&mut self, event: Event, context: &mut Context<Self>) -> Outcome {
        let Event::Down { id, path, reason } = event else { return Ok(()) };
        if !self.remove(id) {
            return Ok(());
        }
        let inner = &self.pool.inner;
        let window = inner.options.supervision.window;
        let within = u64::try_from(window.within.as_nanos()).unwrap_or(u64::MAX);
        let now = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if !self.failures.note(now, within, window.restarts) {
            let message = format!("too many members ended for good; the last was `{path}`: {reason}");
            return Err(Fault::new(FaultKind::FAILED, message));
        }
        tracing::info!(pool = context.path(), member = &*path, %reason, "a member is replaced");
        inner.replaced.fetch_add(1, Ordering::Relaxed);
        let size = lock(&inner.table).size;
        self.resize(size, context).map_err(|error| to_fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::super::kit::Kit;
    use super::super::{Directive, Directives, Lifetime};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    enum Job {
        /// Tells who took it.
        Who(Reply<ActorId>),
        /// Takes as long as the gate is closed.
        Wait(Arc<Semaphore>),
        Panic,
        Stop,
    }

    struct Hand;

    impl Actor for Hand {
        type Message = Job;

        async fn handle(&mut self, job: Job, context: &mut Context<Hand>) -> Outcome {
            match job {
                Job::Who(reply) => drop(reply.send(context.address().id())),
                Job::Wait(gate) => drop(gate.acquire().await),
                Job::Panic => std::panic::resume_unwind(Box::new("as told")),
                Job::Stop => context.stop(),
            }
            Ok(())
        }
    }

    async fn pool(kit: &Kit, options: PoolOptions) -> Pool<Hand> {
        let pool = Pool::new(options, || Hand);
        let keeper = kit.system.spawn_started("pool", Options::new(), pool.keeper()).await;
        keeper.expect("it starts");
        pool
    }

    fn sized(size: usize, routing: Routing) -> PoolOptions {
        PoolOptions { size, routing, ..PoolOptions::default() }
    }

    async fn turns(pool: &Pool<Hand>, count: usize) -> Vec<usize> {
        let members: Vec<ActorId> = pool.addresses().iter().map(Address::id).collect();
        let mut turns = Vec::new();
        for _ in 0..count {
            let who = pool.ask(Job::Who).await.expect("somebody answers");
            turns.push(members.iter().position(|id| *id == who).expect("a member"));
        }
        turns
    }

    #[test]
    fn one_after_the_other() {
        Kit::run(1, async |kit| {
            let pool = pool(kit, sized(3, Routing::RoundRobin)).await;
            assert_eq!(turns(&pool, 7).await, [0, 1, 2, 0, 1, 2, 0]);
            assert!(kit.system.find("/pool/2").is_some());
        });
    }

    #[test]
    fn any_but_the_same_for_a_seed() {
        let drawn = |seed| {
            Kit::run(1, async |kit| {
                let pool = pool(kit, sized(4, Routing::Random(seed))).await;
                turns(&pool, 200).await
            })
        };
        let first = drawn(7);
        assert!((0..4).all(|member| first.iter().filter(|turn| **turn == member).count() > 25), "{first:?}");
        assert_eq!(first, drawn(7));
        assert_ne!(first, drawn(8));
    }

    #[test]
    fn the_least_busy_gets_it() {
        Kit::run(2, async |kit| {
            let pool = pool(kit, sized(3, Routing::LeastBusy)).await;
            let gate = Arc::new(Semaphore::new(0));
            // Two are held up, one of them with more behind it.
            for _ in 0..2 {
                pool.tell(Job::Wait(Arc::clone(&gate))).await.expect("room");
                kit.settle().await;
            }
            let free = turns(&pool, 20).await;
            assert!(free.iter().all(|turn| *turn == free[0]), "{free:?}");
            pool.tell(Job::Wait(Arc::clone(&gate))).await.expect("room");
            kit.settle().await;
            for waiting in 0..9 {
                assert_eq!(pool.addresses().iter().map(|a| a.cell().load()).sum::<usize>(), 3 + waiting);
                pool.tell(Job::Wait(Arc::clone(&gate))).await.expect("room");
                kit.settle().await;
            }
            let loads: Vec<usize> = pool.addresses().iter().map(|a| a.cell().load()).collect();
            assert_eq!(loads, [4, 4, 4]);
            gate.add_permits(1);
        });
    }

    #[test]
    fn a_member_that_panics_is_started_anew_at_its_place() {
        Kit::run(3, async |kit| {
            let pool = pool(kit, sized(3, Routing::RoundRobin)).await;
            let before: Vec<ActorId> = pool.addresses().iter().map(Address::id).collect();
            pool.tell(Job::Panic).await.expect("room");
            kit.pass(SECOND).await;
            let after: Vec<ActorId> = pool.addresses().iter().map(Address::id).collect();
            assert_eq!((after, pool.replaced()), (before, 0));
            assert_eq!(turns(&pool, 3).await, [1, 2, 0]);
        });
    }

    #[test]
    fn a_member_that_ends_is_replaced_and_too_many_are_a_fault() {
        Kit::run(4, async |kit| {
            let member = Options::new().lifetime(Lifetime::Temporary);
            let pool = pool(kit, PoolOptions { member, ..sized(2, Routing::RoundRobin) }).await;
            for number in 1..=3 {
                let job = if number == 2 { Job::Panic } else { Job::Stop };
                pool.tell(job).await.expect("room");
                kit.settle().await;
                assert_eq!((pool.addresses().len(), pool.replaced()), (2, number));
                assert!(pool.ask(Job::Who).await.is_ok());
            }
            let keeper = kit.system.find("/pool").expect("it is there");
            pool.tell(Job::Stop).await.expect("room");
            kit.pass(SECOND).await;
            let report = kit.system.snapshot().into_iter().find(|report| &*report.path == "/pool");
            let fault = report.and_then(|report| report.last_fault).expect("a fault");
            assert!(fault.to_string().contains("too many members ended for good"), "{fault}");
            // The next incarnation of the keeper fills the pool again.
            assert_eq!((keeper.phase(), pool.addresses().len()), (super::super::Phase::Running, 2));
            assert!(pool.ask(Job::Who).await.is_ok());
        });
    }

    #[test]
    fn it_grows_and_shrinks_and_who_leaves_ends_what_it_has() {
        Kit::run(5, async |kit| {
            let pool = pool(kit, sized(2, Routing::RoundRobin)).await;
            pool.resize(5).await.expect("it grows");
            assert_eq!(turns(&pool, 5).await.iter().max(), Some(&4));
            let last = pool.addresses().pop().expect("five");
            let gate = Arc::new(Semaphore::new(0));
            last.tell(Job::Wait(Arc::clone(&gate))).await.expect("room");
            let asked = tokio::spawn({
                let last = last.clone();
                async move { last.ask(Job::Who).await }
            });
            kit.settle().await;
            pool.resize(1).await.expect("it shrinks");
            assert_eq!((pool.addresses().len(), pool.replaced()), (1, 0));
            gate.add_permits(1);
            assert_eq!(asked.await.expect("no panic"), Ok(last.id()));
            kit.settle().await;
            assert!(last.is_stopped());
            assert_eq!(pool.resize(0).await, Err(ResizeError::Size(0)));
            assert_eq!(pool.resize(POOL_LIMIT + 1).await, Err(ResizeError::Size(POOL_LIMIT + 1)));
        });
    }

    #[test]
    fn a_full_member_is_passed_over_and_a_full_pool_gives_the_message_back() {
        Kit::run(6, async |kit| {
            let member = Options::new().capacity(1);
            let pool = pool(kit, PoolOptions { member, ..sized(2, Routing::RoundRobin) }).await;
            let gate = Arc::new(Semaphore::new(0));
            let mut taken = 0;
            while pool.try_tell(Job::Wait(Arc::clone(&gate))).is_ok() {
                taken += 1;
                kit.settle().await;
            }
            // One in work and one that waits, each.
            assert_eq!(taken, 4);
            assert!(matches!(pool.try_tell(Job::Stop), Err(TellError::Full(Job::Stop))));
            gate.add_permits(1);
            pool.tell(Job::Wait(Arc::clone(&gate))).await.expect("it waits for room");
            let keeper = kit.system.find("/pool").expect("it is there");
            keeper.stop_and_wait(SECOND).await.expect("it stops");
            assert!(matches!(pool.tell(Job::Stop).await, Err(TellError::Stopped(Job::Stop))));
        });
    }

    #[test]
    fn the_keeper_fails_and_its_members_keep_what_waits() {
        Kit::run(7, async |kit| {
            let directives = Directives::all(Directive::Escalate);
            let supervision = Supervision { directives, ..Supervision::default() };
            let pool = pool(kit, PoolOptions { supervision, ..sized(2, Routing::RoundRobin) }).await;
            pool.resize(3).await.expect("it grows");
            let before: Vec<ActorId> = pool.addresses().iter().map(Address::id).collect();
            let first = pool.addresses().swap_remove(0);
            first.tell(Job::Panic).await.expect("room");
            let asked = tokio::spawn(async move { first.ask(Job::Who).await });
            kit.pass(SECOND).await;
            let after: Vec<ActorId> = pool.addresses().iter().map(Address::id).collect();
            assert_eq!((asked.await.expect("no panic"), &after), (Ok(before[0]), &before));
        });
    }
}
