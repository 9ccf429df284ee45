use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::address::Address;
use super::edge::{Edge, Policy};
use super::error::TellError;
use super::sync::{Mutex, lock};

/// How a subscriber gets what is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// Everything, in order, or the subscription ends. What the mailbox has no room for
    /// waits beside it, and goes on by a task of its own: nobody else waits for that.
    Lossless {
        /// So many messages may wait beside the mailbox; of one more it ends.
        overflow: usize,
        /// The mailbox may be full for so long; then it ends.
        patience: Duration,
    },
    /// What there is room for, by the policy. [`Policy::Wait`] is [`Policy::DropNewest`] here.
    Lossy(Policy),
}

impl Delivery {
    /// 10,000 messages beside the mailbox, and 5 s.
    pub const LOSSLESS: Delivery = Delivery::Lossless { overflow: 10_000, patience: Duration::from_secs(5) };
}

/// Why a subscription is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubscriptionEnd {
    /// Somebody asked for it.
    #[error("it was unsubscribed")]
    Unsubscribed,
    /// The subscriber has stopped.
    #[error("the subscriber has stopped")]
    Stopped,
    /// More waited beside its mailbox than may.
    #[error("the subscriber fell behind by more than its overflow holds")]
    Overflowed,
    /// Its mailbox stayed full.
    #[error("the subscriber's mailbox stayed full for too long")]
    Stalled,
}

/// Gives each published message to all subscribers; clones are the same topic.
///
/// Publishing never waits for a subscriber. Messages of one publisher reach each
/// subscriber in their order.
pub struct Topic<M> {
    inner: Arc<Inner<M>>,
}

impl<M> Clone for Topic<M> {
    fn clone(&self) -> Topic<M> {
        Topic { inner: Arc::clone(&self.inner) }
    }
}

type Seat<M> = Arc<dyn Deliver<M>>;

struct Inner<M> {
    name: Box<str>,
    /// Replaced as a whole, so that publishers go through it without a lock.
    seats: Mutex<Arc<Vec<Seat<M>>>>,
    published: AtomicU64,
}

/// After so many deliveries a publisher lets others run.
const STRETCH: usize = 128;

impl<M: Send + Sync + 'static> Topic<M> {
    /// Without subscribers. The name stands for it in the reports of edges.
    pub fn new(name: &str) -> Topic<M> {
        let seats = Mutex::new(Arc::new(Vec::new()));
        Topic { inner: Arc::new(Inner { name: name.into(), seats, published: AtomicU64::new(0) }) }
    }

    /// Gives the message to all; tells how many have it, or will.
    pub async fn publish(&self, message: M) -> usize {
        self.inner.published.fetch_add(1, Ordering::Relaxed);
        let seats = Arc::clone(&lock(&self.inner.seats));
        let (mut reached, mut gone) = (0, false);
        for stretch in seats.chunks(STRETCH) {
            for seat in stretch {
                match seat.deliver(&message) {
                    Delivered::Taken => reached += 1,
                    Delivered::Lost => {}
                    Delivered::Behind => {
                        reached += 1;
                        let seat = Arc::clone(seat);
                        // Ends by itself: with the overflow, or the subscription.
                        tokio::spawn(async move { seat.catch_up().await });
                    }
                    Delivered::Gone => gone = true,
                }
            }
            tokio::task::coop::consume_budget().await;
        }
        if gone {
            self.inner.keep(|seat| !seat.is_over());
        }
        reached
    }

    /// Subscribes an actor. `convert` makes its message of a published one, or nothing
    /// where it is not for this subscriber.
    pub fn subscribe<N: Send + 'static>(
        &self,
        subscriber: &Address<N>,
        delivery: Delivery,
        convert: impl Fn(&M) -> Option<N> + Send + Sync + 'static,
    ) -> Subscription<M> {
        let (policy, overflow, patience) = match delivery {
            Delivery::Lossless { overflow, patience } => (Policy::Wait, overflow, patience),
            Delivery::Lossy(Policy::Wait) => (Policy::DropNewest, 0, Duration::ZERO),
            Delivery::Lossy(policy) => (policy, 0, Duration::ZERO),
        };
        let seat = Arc::new(Subscriber {
            edge: subscriber.edge(&self.inner.name, policy),
            convert,
            is_lossless: policy == Policy::Wait,
            overflow,
            patience,
            is_behind: AtomicBool::new(false),
            over: AtomicBool::new(false),
            late: Mutex::new(Late { queue: VecDeque::new(), end: None }),
        });
        let seat: Seat<M> = seat;
        let mut seats = lock(&self.inner.seats);
        Arc::make_mut(&mut seats).push(Arc::clone(&seat));
        drop(seats);
        Subscription { topic: self.clone(), seat }
    }

    /// How many subscribers there are.
    pub fn subscribers(&self) -> usize {
        lock(&self.inner.seats).len()
    }

    /// How many messages were published.
    pub fn published(&self) -> u64 {
        self.inner.published.load(Ordering::Relaxed)
    }
}

impl<M> Inner<M> {
    fn keep(&self, is_kept: impl Fn(&Seat<M>) -> bool) {
        let mut seats = lock(&self.seats);
        if !seats.iter().all(&is_kept) {
            *seats = Arc::new(seats.iter().filter(|seat| is_kept(seat)).cloned().collect());
        }
    }
}

/// An actor's part in a topic. Dropping it leaves the actor subscribed.
pub struct Subscription<M> {
    topic: Topic<M>,
    seat: Seat<M>,
}

impl<M: Send + Sync + 'static> Subscription<M> {
    /// Ends it; what waits beside the mailbox is dropped and counts as lost.
    pub fn unsubscribe(&self) {
        self.seat.finish(SubscriptionEnd::Unsubscribed);
        self.topic.inner.keep(|seat| !Arc::ptr_eq(seat, &self.seat));
    }

    /// Why it is over, when it is.
    pub fn end(&self) -> Option<SubscriptionEnd> {
        self.seat.end()
    }

    /// How many messages were lost to this subscriber.
    pub fn lost(&self) -> u64 {
        self.seat.lost()
    }

    /// How many wait beside its mailbox.
    pub fn waiting(&self) -> usize {
        self.seat.waiting()
    }
}

enum Delivered {
    Taken,
    Lost,
    /// Put beside the mailbox; somebody must see to it.
    Behind,
    Gone,
}

trait Deliver<M>: Send + Sync {
    fn deliver(&self, message: &M) -> Delivered;
    fn catch_up(self: Arc<Self>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
    fn finish(&self, end: SubscriptionEnd);
    fn is_over(&self) -> bool;
    fn end(&self) -> Option<SubscriptionEnd>;
    fn lost(&self) -> u64;
    fn waiting(&self) -> usize;
}

struct Subscriber<N, F> {
    edge: Edge<N>,
    convert: F,
    is_lossless: bool,
    overflow: usize,
    patience: Duration,
    /// Something waits beside the mailbox: all that follows goes there too.
    is_behind: AtomicBool,
    over: AtomicBool,
    late: Mutex<Late<N>>,
}

struct Late<N> {
    queue: VecDeque<N>,
    end: Option<(SubscriptionEnd, u64)>,
}

impl<N: Send + 'static, F: Send + Sync + 'static> Subscriber<N, F> {
    /// To be called with the lock on what is late.
    fn finish_with(&self, late: &mut Late<N>, end: SubscriptionEnd, lost: usize) -> VecDeque<N> {
        if late.end.is_none() {
            if end != SubscriptionEnd::Unsubscribed {
                tracing::warn!(subscriber = self.edge.address().path(), %end, "a subscription is over");
            }
            late.end = Some((end, (late.queue.len() + lost) as u64));
            self.over.store(true, Ordering::Release);
        }
        std::mem::take(&mut late.queue)
    }

    fn put_aside(&self, message: N) -> Delivered {
        let mut late = lock(&self.late);
        if late.end.is_some() {
            return Delivered::Gone;
        }
        if late.queue.len() >= self.overflow {
            let rest = self.finish_with(&mut late, SubscriptionEnd::Overflowed, 1);
            drop(late);
            drop((rest, message));
            return Delivered::Gone;
        }
        late.queue.push_back(message);
        if self.is_behind.swap(true, Ordering::AcqRel) { Delivered::Taken } else { Delivered::Behind }
    }

    /// The next that waits; where none does, the subscriber has caught up.
    fn next_late(&self) -> Option<N> {
        let mut late = lock(&self.late);
        let next = late.queue.pop_front();
        if next.is_none() {
            self.is_behind.store(false, Ordering::Release);
        }
        next
    }
}

impl<M, N, F> Deliver<M> for Subscriber<N, F>
where
    N: Send + 'static,
    F: Fn(&M) -> Option<N> + Send + Sync + 'static,
{
    fn deliver(&self, message: &M) -> Delivered {
        if self.over.load(Ordering::Acquire) {
            return Delivered::Gone;
        }
        let Some(message) = (self.convert)(message) else { return Delivered::Lost };
        if self.is_lossless && self.is_behind.load(Ordering::Acquire) {
            return self.put_aside(message);
        }
        match self.edge.try_offer(message) {
            Ok(true) => Delivered::Taken,
            Ok(false) => Delivered::Lost,
            Err(TellError::Full(message)) if self.is_lossless => self.put_aside(message),
            Err(TellError::Full(_)) => Delivered::Lost,
            Err(TellError::Stopped(_)) => {
                self.finish_with(&mut lock(&self.late), SubscriptionEnd::Stopped, 0);
                Delivered::Gone
            }
        }
    }

    fn catch_up(self: Arc<Self>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            while let Some(message) = self.next_late() {
                let end = match tokio::time::timeout(self.patience, self.edge.send(message)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => SubscriptionEnd::Stopped,
                    Err(_) => SubscriptionEnd::Stalled,
                };
                let rest = self.finish_with(&mut lock(&self.late), end, 1);
                drop(rest);
                return;
            }
        })
    }

    fn finish(&self, end: SubscriptionEnd) {
        let rest = self.finish_with(&mut lock(&self.late), end, 0);
        drop(rest);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn end(&self) -> Option<SubscriptionEnd> {
        lock(&self.late).end.map(|(end, _)| end)
    }

    fn lost(&self) -> u64 {
        let at_end = lock(&self.late).end.map_or(0, |(_, lost)| lost);
        let refused = if self.is_lossless { 0 } else { self.edge.refused() };
        self.edge.dropped() + refused + at_end
    }

    fn waiting(&self) -> usize {
        lock(&self.late).queue.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Semaphore;

    use super::super::kit::Kit;
    use super::super::{Actor, Context, Options, Outcome};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes a message for each permit.
    struct Slow {
        permits: Arc<Semaphore>,
        heard: Arc<Mutex<Vec<u32>>>,
    }

    impl Actor for Slow {
        type Message = u32;

        async fn handle(&mut self, number: u32, _: &mut Context<Slow>) -> Outcome {
            if let Ok(permit) = self.permits.acquire().await {
                permit.forget();
            }
            lock(&self.heard).push(number);
            Ok(())
        }
    }

    fn slow(kit: &Kit, name: &str) -> (Address<u32>, Arc<Semaphore>, Arc<Mutex<Vec<u32>>>) {
        let (permits, heard) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (p, h) = (Arc::clone(&permits), Arc::clone(&heard));
        let build = move || Slow { permits: Arc::clone(&p), heard: Arc::clone(&h) };
        let address = kit.system.spawn(name, Options::new().capacity(4), build).expect("a name of its own");
        (address, permits, heard)
    }

    #[test]
    fn a_stalled_subscriber_delays_nobody_and_misses_nothing() {
        Kit::run(1, async |kit| {
            let (slow, permits, heard) = slow(kit, "slow");
            let probe = kit.probe::<u32>("probe");
            let topic = Topic::new("news");
            let behind = topic.subscribe(&slow, Delivery::LOSSLESS, |n| Some(*n));
            topic.subscribe(probe.address(), Delivery::LOSSLESS, |n| Some(*n));
            for number in 0..100 {
                assert_eq!(topic.publish(number).await, 2);
            }
            kit.settle().await;
            assert_eq!(probe.heard().await, (0..100).collect::<Vec<_>>());
            assert!(behind.waiting() > 80 && lock(&heard).is_empty());
            permits.add_permits(1_000);
            kit.settle().await;
            topic.publish(100).await;
            kit.settle().await;
            assert_eq!(*lock(&heard), (0..=100).collect::<Vec<_>>());
            assert_eq!((behind.lost(), behind.end(), behind.waiting()), (0, None, 0));
        });
    }

    #[test]
    fn a_lossless_subscriber_that_falls_too_far_behind_is_cut_off_and_told_so() {
        Kit::run(2, async |kit| {
            let topic = Topic::new("news");
            let ((first, ..), (second, ..)) = (slow(kit, "first"), slow(kit, "second"));
            let small = Delivery::Lossless { overflow: 10, patience: 60 * SECOND };
            let overflowed = topic.subscribe(&first, small, |n| Some(*n));
            let short = Delivery::Lossless { overflow: 1_000, patience: SECOND };
            let stalled = topic.subscribe(&second, short, |n| Some(*n));
            for number in 0..50 {
                topic.publish(number).await;
            }
            assert_eq!(overflowed.end(), Some(SubscriptionEnd::Overflowed));
            assert!(overflowed.lost() >= 10);
            assert_eq!((stalled.end(), topic.subscribers()), (None, 1));
            kit.pass(2 * SECOND).await;
            assert_eq!(stalled.end(), Some(SubscriptionEnd::Stalled));
            assert_eq!((topic.publish(50).await, topic.subscribers()), (0, 0));
        });
    }

    #[test]
    fn losses_are_counted_for_each_subscriber() {
        Kit::run(3, async |kit| {
            let topic = Topic::new("news");
            let (slow, permits, heard) = slow(kit, "slow");
            let probe = kit.probe::<u32>("probe");
            let lossy = topic.subscribe(&slow, Delivery::Lossy(Policy::DropNewest), |n| Some(*n));
            let other = topic.subscribe(probe.address(), Delivery::Lossy(Policy::DropNewest), |n| Some(*n));
            for number in 0..50 {
                topic.publish(number).await;
            }
            permits.add_permits(1_000);
            kit.settle().await;
            let taken = lock(&heard).len() as u64;
            assert!((4..50).contains(&taken), "{taken}");
            assert_eq!((lossy.lost() + taken, other.lost()), (50, 0));
            assert_eq!(probe.heard().await.len(), 50);
        });
    }

    #[test]
    fn latest_wins_keeps_the_last() {
        Kit::run(4, async |kit| {
            let topic = Topic::new("load");
            let (slow, permits, heard) = slow(kit, "slow");
            topic.subscribe(&slow, Delivery::Lossy(Policy::LatestWins), |n| Some(*n));
            for number in 0..50 {
                topic.publish(number).await;
            }
            permits.add_permits(1_000);
            kit.settle().await;
            assert_eq!(lock(&heard).last(), Some(&49));
        });
    }

    #[test]
    fn who_stops_or_leaves_gets_nothing_more() {
        Kit::run(5, async |kit| {
            let topic = Topic::new("news");
            let (leaves, stops) = (kit.probe::<u32>("leaves"), kit.probe::<u32>("stops"));
            let leaving = topic.subscribe(leaves.address(), Delivery::LOSSLESS, |n| Some(*n));
            let stopping = topic.subscribe(stops.address(), Delivery::LOSSLESS, |n| (*n != 7).then_some(*n));
            assert_eq!((topic.publish(1).await, topic.publish(7).await), (2, 1));
            kit.settle().await;
            leaving.unsubscribe();
            stops.address().erased().stop_and_wait(SECOND).await.expect("it stops");
            assert_eq!((topic.publish(2).await, topic.subscribers(), topic.published()), (0, 0, 3));
            assert_eq!(leaving.end(), Some(SubscriptionEnd::Unsubscribed));
            assert_eq!(stopping.end(), Some(SubscriptionEnd::Stopped));
            assert_eq!(leaves.heard().await, [1, 7]);
        });
    }

    #[test]
    fn publishers_at_once_keep_their_own_order_over_an_overflow() {
        let turns = Arc::new(AtomicUsize::new(0));
        for seed in 0..20 {
            Kit::run(seed, async |kit| {
                let topic = Topic::new("news");
                let (slow, permits, heard) = slow(kit, "slow");
                topic.subscribe(&slow, Delivery::LOSSLESS, |n| Some(*n));
                let publishers: Vec<_> = (0..3_u32)
                    .map(|publisher| {
                        let (topic, turns) = (topic.clone(), Arc::clone(&turns));
                        tokio::spawn(async move {
                            for number in 0..40 {
                                topic.publish(publisher * 1_000 + number).await;
                                if turns.fetch_add(1, Ordering::Relaxed) % 3 == 0 {
                                    tokio::task::yield_now().await;
                                }
                            }
                        })
                    })
                    .collect();
                for _ in 0..120 {
                    permits.add_permits(1);
                    tokio::task::yield_now().await;
                }
                for publisher in publishers {
                    publisher.await.expect("no panic");
                }
                kit.settle().await;
                let heard = lock(&heard).clone();
                for publisher in 0..3 {
                    let own: Vec<u32> = heard.iter().copied().filter(|n| n / 1_000 == publisher).collect();
                    let sent: Vec<u32> = (0..40).map(|n| publisher * 1_000 + n).collect();
                    assert_eq!(own, sent, "seed {seed}");
                }
            });
        }
    }
}
