//! Where an actor's messages wait: bounded, two lanes, many senders, one taker.
//!
//! A short lock and not a lock-free queue: the taker takes up to
//! [`Mailbox::batch`] messages at a time, so that it is locked once for many, and
//! dropping the oldest, replacing the last and granting room in order of arrival
//! are each one plain critical section. It outlives its actor's incarnations, and
//! with it what waits in it.

use std::collections::VecDeque;
use std::task::Waker;

use super::identity::Stamp;
use super::panic::catch;
use super::sync::{Mutex, lock};

/// A message on its way.
pub(super) struct Envelope<M> {
    pub(super) stamp: Stamp,
    /// The edge it came by; 0 for a plain address.
    pub(super) edge: u32,
    pub(super) message: M,
}

/// What to do where there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Give it back.
    Refuse,
    /// Drop the oldest that waits from the same edge; give it back where there is none.
    DropOldest,
}

/// Why a message came back.
pub(super) enum Refused<M> {
    Full(Envelope<M>),
    Closed(Envelope<M>),
}

/// What became of a message that was taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Taken {
    /// The actor sleeps: wake it.
    pub(super) wake: bool,
    /// One message of the same edge went for it.
    pub(super) displaced: bool,
}

pub(super) struct Mailbox<M> {
    state: Mutex<State<M>>,
    capacity: usize,
}

struct State<M> {
    queue: VecDeque<Envelope<M>>,
    urgent: VecDeque<Envelope<M>>,
    /// Senders that wait for room, in order of arrival.
    waiters: VecDeque<Waiter>,
    next_ticket: u64,
    /// Places kept for waiters that were told to come.
    reserved: usize,
    sleeping: bool,
    closed: bool,
}

struct Waiter {
    ticket: u64,
    waker: Waker,
    granted: bool,
}

/// The most messages an actor takes in hand at once.
pub(super) const BATCH: usize = 256;
/// Senders that are woken outside the lock.
const WOKEN: usize = 32;

impl<M> Mailbox<M> {
    pub(super) fn new(capacity: usize) -> Mailbox<M> {
        let state = State {
            queue: VecDeque::new(),
            urgent: VecDeque::new(),
            waiters: VecDeque::new(),
            next_ticket: 0,
            reserved: 0,
            sleeping: false,
            closed: false,
        };
        Mailbox { state: Mutex::new(state), capacity: capacity.max(1) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many messages are taken in hand at a time: a quarter of the mailbox, so
    /// that a small one means what it says.
    pub(super) fn batch(&self) -> usize {
        (self.capacity / 4).clamp(1, BATCH)
    }

    /// Messages that wait: (ordinary, urgent).
    pub(super) fn depth(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.queue.len(), state.urgent.len())
    }

    pub(super) fn push(&self, envelope: Envelope<M>, full: Full) -> Result<Taken, Refused<M>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Refused::Closed(envelope));
        }
        let mut displaced = None;
        if state.queue.len() + state.reserved >= self.capacity {
            let edge = envelope.edge;
            let oldest = match full {
                Full::Refuse => None,
                Full::DropOldest => state.queue.iter().position(|e| e.edge == edge),
            };
            match oldest.and_then(|at| state.queue.remove(at)) {
                Some(old) => displaced = Some(old),
                None => return Err(Refused::Full(envelope)),
            }
        }
        state.queue.push_back(envelope);
        let wake = std::mem::take(&mut state.sleeping);
        drop(state);
        Ok(Taken { wake, displaced: discard(displaced) })
    }

    /// Puts a message where the last one of the same edge waits, or at the end.
    pub(super) fn replace(&self, envelope: Envelope<M>) -> Result<Taken, Refused<M>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Refused::Closed(envelope));
        }
        let waiting = state.queue.iter().rposition(|e| e.edge == envelope.edge);
        let displaced = match waiting {
            Some(at) => Some(std::mem::replace(&mut state.queue[at], envelope)),
            None if state.queue.len() + state.reserved >= self.capacity => {
                return Err(Refused::Full(envelope));
            }
            None => {
                state.queue.push_back(envelope);
                None
            }
        };
        let wake = std::mem::take(&mut state.sleeping);
        drop(state);
        Ok(Taken { wake, displaced: discard(displaced) })
    }

    /// Puts a message in the lane that is emptied first; it is as long as the mailbox.
    pub(super) fn push_urgent(&self, envelope: Envelope<M>) -> Result<Taken, Refused<M>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Refused::Closed(envelope));
        }
        if state.urgent.len() >= self.capacity {
            return Err(Refused::Full(envelope));
        }
        state.urgent.push_back(envelope);
        Ok(Taken { wake: std::mem::take(&mut state.sleeping), displaced: false })
    }

    /// Queues for room, or takes what was granted: see [`Wait`].
    pub(super) fn poll_push(
        &self,
        wait: &mut Wait,
        envelope: &mut Option<Envelope<M>>,
        waker: &Waker,
    ) -> Option<Result<Taken, Refused<M>>> {
        let mut state = lock(&self.state);
        if state.closed {
            self.leave(&mut state, wait);
            return envelope.take().map(|e| Err(Refused::Closed(e)));
        }
        let room = match wait.ticket {
            // Where there is room, all that wait have been told to come.
            None => state.queue.len() + state.reserved < self.capacity,
            Some(ticket) => match state.waiters.binary_search_by_key(&ticket, |w| w.ticket) {
                Ok(at) if state.waiters[at].granted => {
                    state.waiters.remove(at);
                    state.reserved -= 1;
                    wait.ticket = None;
                    true
                }
                Ok(at) => {
                    state.waiters[at].waker.clone_from(waker);
                    return None;
                }
                Err(_) => false,
            },
        };
        if room {
            let envelope = envelope.take()?;
            state.queue.push_back(envelope);
            return Some(Ok(Taken { wake: std::mem::take(&mut state.sleeping), displaced: false }));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiters.push_back(Waiter { ticket, waker: waker.clone(), granted: false });
        wait.ticket = Some(ticket);
        None
    }

    /// A sender that waited goes away; what was granted to it goes to the next.
    pub(super) fn give_up(&self, wait: &mut Wait) {
        if wait.ticket.is_some() {
            let mut state = lock(&self.state);
            self.leave(&mut state, wait);
        }
    }

    fn leave(&self, state: &mut State<M>, wait: &mut Wait) {
        let Some(ticket) = wait.ticket.take() else { return };
        let Ok(at) = state.waiters.binary_search_by_key(&ticket, |w| w.ticket) else { return };
        if let Some(gone) = state.waiters.remove(at)
            && gone.granted
        {
            state.reserved -= 1;
            grant(state, self.capacity, &mut |waker| waker.wake());
        }
    }

    /// Takes messages in hand, the urgent ones first; where there are none, the
    /// actor counts as asleep and the next sender wakes it.
    pub(super) fn take(&self, hand: &mut VecDeque<Envelope<M>>, front: &mut usize) -> bool {
        let mut state = lock(&self.state);
        if state.queue.is_empty() && state.urgent.is_empty() {
            state.sleeping = true;
            return false;
        }
        insert_urgent(&mut state, hand, front);
        let count = self.batch().saturating_sub(hand.len()).min(state.queue.len());
        if count == state.queue.len() && hand.is_empty() {
            std::mem::swap(hand, &mut state.queue);
        } else {
            hand.extend(state.queue.drain(..count));
        }
        if state.waiters.is_empty() {
            return true;
        }
        let mut woken = [const { None }; WOKEN];
        let mut next = 0;
        grant(&mut state, self.capacity, &mut |waker| {
            if let Some(place) = woken.get_mut(next) {
                *place = Some(waker);
                next += 1;
            } else {
                waker.wake();
            }
        });
        drop(state);
        woken.into_iter().flatten().for_each(Waker::wake);
        true
    }

    /// Takes only what is urgent: after the first `front` in hand, before the rest.
    pub(super) fn take_urgent(&self, hand: &mut VecDeque<Envelope<M>>, front: &mut usize) {
        insert_urgent(&mut lock(&self.state), hand, front);
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// Refuses everything from now on; senders that wait are told.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let waiters = std::mem::take(&mut state.waiters);
        state.reserved = 0;
        drop(state);
        waiters.into_iter().for_each(|waiter| waiter.waker.wake());
    }

    /// What is left after [`close`](Self::close), in order.
    pub(super) fn rest(&self) -> VecDeque<Envelope<M>> {
        let mut state = lock(&self.state);
        let mut rest = std::mem::take(&mut state.urgent);
        rest.append(&mut state.queue);
        rest
    }
}

fn insert_urgent<M>(state: &mut State<M>, hand: &mut VecDeque<Envelope<M>>, front: &mut usize) {
    for envelope in state.urgent.drain(..) {
        hand.insert(*front, envelope);
        *front += 1;
    }
}

/// Drops what was displaced, outside the lock: its drop may be anything, and it is not
/// its displacer's fault.
fn discard<M>(displaced: Option<Envelope<M>>) -> bool {
    displaced.map(|envelope| catch(|| drop(envelope))).is_some()
}

/// Tells waiters, in order, that there is room for them.
fn grant<M>(state: &mut State<M>, capacity: usize, wake: &mut dyn FnMut(Waker)) {
    let mut room = capacity.saturating_sub(state.queue.len() + state.reserved);
    for waiter in state.waiters.iter_mut().filter(|w| !w.granted) {
        if room == 0 {
            break;
        }
        room -= 1;
        state.reserved += 1;
        waiter.granted = true;
        wake(waiter.waker.clone());
    }
}

/// A sender's place among those that wait for room.
#[derive(Default)]
pub(super) struct Wait {
    ticket: Option<u64>,
}

#[cfg(all(test, loom))]
mod model {
    use std::sync::Arc;

    use loom::thread;

    use super::super::identity::{ActorId, Stamp};
    use super::super::sync::alarm::Alarm;
    use super::*;

    type Box8 = Arc<(Mailbox<u8>, Alarm)>;

    fn mailbox() -> Box8 {
        Arc::new((Mailbox::new(1), Alarm::new()))
    }

    fn envelope(message: u8) -> Envelope<u8> {
        Envelope { stamp: Stamp { sender: ActorId(1), sequence: 1, correlation: 1 }, edge: 0, message }
    }

    /// As an address does: whether it was taken in.
    fn tell(to: &Box8, message: u8) -> bool {
        let mut pushed = to.0.push(envelope(message), Full::Refuse);
        if let Err(Refused::Full(envelope)) = pushed {
            let (alarm, mut wait, mut envelope) = (Alarm::new(), Wait::default(), Some(envelope));
            pushed = loop {
                match to.0.poll_push(&mut wait, &mut envelope, &alarm.waker()) {
                    Some(pushed) => break pushed,
                    None => alarm.wait(),
                }
            };
        }
        match pushed {
            Ok(taken) => {
                if taken.wake {
                    to.1.waker().wake();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// As an actor's task does.
    fn take_all(from: &Box8, count: usize) -> Vec<u8> {
        let (mut taken, mut hand, mut front) = (Vec::new(), VecDeque::new(), 0);
        while taken.len() < count {
            if from.0.take(&mut hand, &mut front) {
                taken.extend(hand.drain(..).map(|envelope: Envelope<u8>| envelope.message));
            } else {
                from.1.wait();
            }
        }
        taken
    }

    #[test]
    fn no_interleaving_leaves_a_sender_or_the_taker_asleep() {
        loom::model(|| {
            let mailbox = mailbox();
            assert!(tell(&mailbox, 0));
            let senders = [1_u8, 2].map(|message| {
                let to = Arc::clone(&mailbox);
                thread::spawn(move || assert!(tell(&to, message)))
            });
            let mut taken = take_all(&mailbox, 3);
            taken.sort_unstable();
            assert_eq!(taken, [0, 1, 2]);
            senders.into_iter().for_each(|sender| sender.join().unwrap());
        });
    }

    #[test]
    fn room_granted_to_one_that_gives_up_goes_to_the_next() {
        loom::model(|| {
            let mailbox = mailbox();
            assert!(tell(&mailbox, 0));
            let fickle = {
                let to = Arc::clone(&mailbox);
                thread::spawn(move || {
                    let (alarm, mut wait, mut mine) = (Alarm::new(), Wait::default(), Some(envelope(1)));
                    let pushed = to.0.poll_push(&mut wait, &mut mine, &alarm.waker());
                    to.0.give_up(&mut wait);
                    if let Some(Ok(taken)) = &pushed
                        && taken.wake
                    {
                        to.1.waker().wake();
                    }
                    pushed.is_some()
                })
            };
            let steady = {
                let to = Arc::clone(&mailbox);
                thread::spawn(move || assert!(tell(&to, 2)))
            };
            let mut taken = take_all(&mailbox, 2);
            if fickle.join().unwrap() {
                taken.extend(take_all(&mailbox, 3 - taken.len()));
            }
            steady.join().unwrap();
            assert!(taken.contains(&0) && taken.contains(&2), "{taken:?}");
        });
    }

    #[test]
    fn what_is_sent_as_it_closes_is_taken_in_or_given_back() {
        loom::model(|| {
            let mailbox = mailbox();
            assert!(tell(&mailbox, 0));
            let senders = [1_u8, 2].map(|message| {
                let to = Arc::clone(&mailbox);
                thread::spawn(move || tell(&to, message))
            });
            let (mut hand, mut front) = (VecDeque::new(), 0);
            assert!(mailbox.0.take(&mut hand, &mut front));
            mailbox.0.close();
            let left = hand.len() + mailbox.0.rest().len();
            let sent = senders.into_iter().map(|sender| sender.join().unwrap());
            assert_eq!(left, 1 + sent.filter(|sent| *sent).count());
        });
    }
}
