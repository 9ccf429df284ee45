//! What messages between actors cost, on threads as the engine has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::Run;
use super::reference::Samples;
use super::report::Better;
use super::timing::nanos_per_item;
use crate::actor::{
    Actor, Address, Backoff, Context, Delivery, Lifetime, Options, Outcome, Reply, Settings, Supervision,
    System, Topic, Window,
};
use crate::engine::{Error, ErrorKind};

/// As the engine's own runtime.
const THREADS: usize = 2;
/// Messages after which an actor says how far it is: fewer than a mailbox holds.
const BATCH: u64 = 512;
/// A topic's.
const SUBSCRIBERS: u64 = 64;
/// Nothing that is measured takes longer, unless something is lost.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn measure(run: &mut Run) -> Result<(), Error> {
    let table = Table::new()?;
    type Timed = fn(&Table, &Run) -> Result<Samples, Error>;
    let parts: [(&str, &str, Timed); 5] = [
        ("tell_ns", "messages told", Table::tell),
        ("ask_ns", "questions asked", Table::ask),
        ("publish_ns", "messages published", Table::publish),
        ("spawn_ns", "actors started and ended", Table::spawn),
        ("restart_us", "panics and fresh incarnations", Table::restart),
    ];
    let count = parts.len() as f64;
    for (index, (name, doing, timed)) in parts.into_iter().enumerate() {
        run.advance(index as f64 / count, doing);
        let samples = timed(&table, run)?;
        let actors = &mut run.report.actors;
        let place = match name {
            "tell_ns" => &mut actors.tell_ns,
            "ask_ns" => &mut actors.ask_ns,
            "publish_ns" => &mut actors.publish_ns,
            "spawn_ns" => &mut actors.spawn_ns,
            _ => &mut actors.restart_us,
        };
        *place = samples.median();
        let unit = if name.ends_with("_us") { "us" } else { "ns" };
        run.figure(&format!("actors.{name}"), unit, Better::Less, samples);
    }
    let (sent, handled) = (table.tally.sent(), table.tally.handled());
    run.report.actors.dropped = Some(sent.saturating_sub(handled));
    run.report.actors.restarts = Some(table.restarts());
    table.stop();
    Ok(())
}

/// What was sent, and what arrived.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    handled: AtomicU64,
    moved: Notify,
}

impl Tally {
    fn send(&self, messages: u64) {
        self.sent.fetch_add(messages, Ordering::Relaxed);
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn handle(&self, messages: u64) {
        self.handled.fetch_add(messages, Ordering::AcqRel);
        self.moved.notify_one();
    }

    fn handled(&self) -> u64 {
        self.handled.load(Ordering::Acquire)
    }

    /// Waits until all is handled that was sent; not for what is lost.
    async fn settle(&self) {
        let all = async {
            while self.handled() < self.sent() {
                self.moved.notified().await;
            }
        };
        // What is still missing then is counted as lost.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

enum Message {
    /// To be counted.
    Count,
    /// To be answered with the same number.
    Ask(u64, Reply<u64>),
    /// Kills who handles it.
    Panic,
}

/// Counts; tells the tally now and then.
struct Player {
    tally: Arc<Tally>,
    counted: u64,
    /// It tells of its end instead.
    is_brief: bool,
}

impl Actor for Player {
    type Message = Message;

    async fn handle(&mut self, message: Message, _: &mut Context<Player>) -> Outcome {
        match message {
            Message::Count => {
                self.counted += 1;
                if !self.is_brief && self.counted.is_multiple_of(BATCH) {
                    self.tally.handle(BATCH);
                }
            }
            Message::Ask(number, reply) => drop(reply.send(number)),
            // PANIC: on purpose; its supervisor catches it, and that is what is timed.
            Message::Panic => panic!("as told"),
        }
        Ok(())
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if self.is_brief {
            self.tally.handle(self.counted);
        }
    }
}

/// A system of actors on a runtime of its own.
struct Table {
    runtime: Runtime,
    system: Arc<System>,
    tally: Arc<Tally>,
    names: AtomicU64,
}

impl Table {
    fn new() -> Result<Table, Error> {
        let built = Builder::new_multi_thread().worker_threads(THREADS).enable_time().build();
        let runtime = built
            .map_err(|e| Error::new(ErrorKind::Device, format!("threads for actors cannot start: {e}")))?;
        // Whoever fails on purpose comes back at once, and however often.
        let supervision = Supervision {
            window: Window { restarts: u32::MAX, within: Duration::from_secs(1) },
            backoff: Backoff::NONE,
            ..Supervision::default()
        };
        let system = {
            let _runtime = runtime.enter();
            Arc::new(System::new(Settings { supervision, ..Settings::default() }))
        };
        Ok(Table { runtime, system, tally: Arc::default(), names: AtomicU64::new(0) })
    }

    /// An actor that goes on for good.
    fn player(&self) -> Result<Address<Message>, Error> {
        let tally = Arc::clone(&self.tally);
        let name = self.names.fetch_add(1, Ordering::Relaxed).to_string();
        let make = move || Player { tally: Arc::clone(&tally), counted: 0, is_brief: false };
        let _runtime = self.runtime.enter();
        let spawned = self.system.spawn(&name, Options::new(), make);
        spawned.map_err(|e| Error::new(ErrorKind::Device, e.to_string()))
    }

    /// On one of the runtime's threads, as everything else: the one that waits would
    /// be a third.
    fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Fails only where it panics, and then what it sent is counted as lost.
        let _ = self.runtime.block_on(self.runtime.spawn(work));
    }

    fn tell(&self, run: &Run) -> Result<Samples, Error> {
        let player = self.player()?;
        Ok(nanos_per_item(run, |items| {
            let items = items.next_multiple_of(BATCH);
            let (player, tally) = (player.clone(), Arc::clone(&self.tally));
            self.run(async move {
                tally.send(items);
                for _ in 0..items {
                    let _ = player.tell(Message::Count).await;
                }
                tally.settle().await;
            });
            items
        }))
    }

    fn ask(&self, run: &Run) -> Result<Samples, Error> {
        let player = self.player()?;
        Ok(nanos_per_item(run, |items| {
            let (player, tally) = (player.clone(), Arc::clone(&self.tally));
            self.run(async move {
                tally.send(items);
                let mut answered = 0;
                for number in 0..items {
                    let answer = player.ask(|reply| Message::Ask(number, reply)).await;
                    answered += u64::from(answer.is_ok_and(|answer| answer == number));
                }
                tally.handle(answered);
            });
            items
        }))
    }

    fn publish(&self, run: &Run) -> Result<Samples, Error> {
        let topic = Topic::new("measured");
        let mut subscriptions = Vec::new();
        for _ in 0..SUBSCRIBERS {
            let player = self.player()?;
            subscriptions.push(topic.subscribe(&player, Delivery::LOSSLESS, |(): &()| Some(Message::Count)));
        }
        let topic = Arc::new(topic);
        Ok(nanos_per_item(run, |items| {
            // No subscriber gets behind by more than a mailbox.
            let batches = items.div_ceil(BATCH * SUBSCRIBERS);
            let (topic, tally) = (Arc::clone(&topic), Arc::clone(&self.tally));
            self.run(async move {
                for _ in 0..batches {
                    tally.send(BATCH * SUBSCRIBERS);
                    for _ in 0..BATCH {
                        topic.publish(()).await;
                    }
                    tally.settle().await;
                }
            });
            batches * BATCH * SUBSCRIBERS
        }))
    }

    /// Each is started, counts one message, and ends.
    fn spawn(&self, run: &Run) -> Result<Samples, Error> {
        Ok(nanos_per_item(run, |items| {
            let first = self.names.fetch_add(items, Ordering::Relaxed);
            let (system, tally) = (Arc::clone(&self.system), Arc::clone(&self.tally));
            self.run(async move {
                for number in first..first + items {
                    tally.send(1);
                    let mine = Arc::clone(&tally);
                    let make = move || Player { tally: Arc::clone(&mine), counted: 0, is_brief: true };
                    let options = Options::new().lifetime(Lifetime::Temporary);
                    let Ok(player) = system.spawn(&number.to_string(), options, make) else { continue };
                    let _ = player.tell(Message::Count).await;
                    player.erased().drain();
                    if number % BATCH == 0 {
                        tally.settle().await;
                    }
                }
                tally.settle().await;
            });
            items
        }))
    }

    /// In microseconds, from the message that kills to the next one's answer.
    fn restart(&self, run: &Run) -> Result<Samples, Error> {
        let player = self.player()?;
        let nanos = nanos_per_item(run, |items| {
            let (player, tally) = (player.clone(), Arc::clone(&self.tally));
            self.run(async move {
                tally.send(items);
                let mut answered = 0;
                for number in 0..items {
                    let _ = player.tell(Message::Panic).await;
                    let answer = player.ask(|reply| Message::Ask(number, reply)).await;
                    answered += u64::from(answer.is_ok_and(|answer| answer == number));
                }
                tally.handle(answered);
            });
            items
        });
        Ok(nanos.map(|nanos| nanos / 1.0e3))
    }

    /// How often actors were started anew.
    fn restarts(&self) -> u64 {
        let roots = self.system.snapshot();
        let all = roots.iter().flat_map(|root| root.walk());
        all.map(|(_, actor)| u64::from(actor.restarts)).sum()
    }

    fn stop(self) {
        let Table { runtime, system, .. } = self;
        if let Some(system) = Arc::into_inner(system) {
            runtime.block_on(async move { drop(system.stop().await) });
        }
        runtime.shutdown_timeout(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Stop;

    #[test]
    fn all_that_is_sent_arrives_and_whoever_panics_is_back_each_time() {
        let stop = Stop::default();
        // Stopped already: one round each.
        stop.stop();
        let mut run = Run::new(super::super::Settings::default(), stop, &());
        measure(&mut run).expect("it measures");
        let actors = &run.report.actors;
        for figure in [actors.tell_ns, actors.ask_ns, actors.publish_ns, actors.spawn_ns, actors.restart_us] {
            assert!(figure.is_some_and(|time| time > 0.0), "{actors:?}");
        }
        assert_eq!(actors.dropped, Some(0));
        assert!(actors.restarts.is_some_and(|restarts| restarts >= 64), "{actors:?}");
        assert_eq!(run.report.figures.len(), 5);
    }

    #[test]
    fn what_does_not_arrive_is_counted_as_lost() {
        let tally = Tally::default();
        tally.send(3);
        tally.handle(2);
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(tally.settle());
        assert_eq!(tally.sent() - tally.handled(), 1);
    }
}
