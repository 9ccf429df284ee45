//! Messages: in order per sender, none lost and none handled twice, whatever fails meanwhile;
//! and those that an ended actor leaves are accounted for to the last.

#![allow(clippy::unwrap_used)] // A test that cannot go on ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use antiphon::actor::kit::Kit;
use antiphon::actor::{
    Actor, Address, Backoff, Context, DeadReason, Fault, FaultKind, Options, Outcome, Policy, Reply,
    Settings, Supervision, System, TellError, Window,
};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Plain,
    Panic,
    Err,
    Wait,
}

struct Message {
    sender: usize,
    number: usize,
    what: What,
    reply: Option<Reply<usize>>,
}

type Handled = Arc<Mutex<Vec<(usize, usize)>>>;

/// Notes each message as it takes it, before anything can happen to it.
struct Taker(Handled);

impl Actor for Taker {
    type Message = Message;
    async fn handle(&mut self, message: Message, _: &mut Context<Taker>) -> Outcome {
        self.0.lock().unwrap().push((message.sender, message.number));
        match message.what {
            What::Plain => {}
            What::Panic => panic!("told to"),
            What::Err => return Err(Fault::new(FaultKind::FAILED, "told to")),
            What::Wait => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        if let Some(reply) = message.reply {
            let _ = reply.send(message.number);
        }
        Ok(())
    }
}

fn settings(seed: u64, permuted: bool, delay_millis: u64) -> Settings {
    let delay = Duration::from_millis(delay_millis);
    let supervision = Supervision {
        window: Window { restarts: u32::MAX, within: MINUTE },
        backoff: Backoff { first: delay, factor: 1.0, longest: delay, jitter: 0.0 },
        ..Supervision::default()
    };
    Settings { seed, permuted, supervision, ..Settings::default() }
}

fn taker(system: &System, capacity: usize) -> (Address<Message>, Handled) {
    let handled = Handled::default();
    let to = Arc::clone(&handled);
    let options = Options::new().capacity(capacity);
    (system.spawn("taker", options, move || Taker(Arc::clone(&to))).unwrap(), handled)
}

fn whats() -> impl Strategy<Value = What> {
    prop_oneof![6 => Just(What::Plain), 1 => Just(What::Panic), 1 => Just(What::Err), 2 => Just(What::Wait)]
}

fn numbers_of(handled: &Handled, sender: usize) -> Vec<usize> {
    handled.lock().unwrap().iter().filter(|(who, _)| *who == sender).map(|(_, number)| *number).collect()
}

/// Sends one after the other by an address or an edge; what came back as it was full is sent again.
async fn send_all(to: Address<Message>, sender: usize, whats: Vec<What>, by: u8) {
    let wait = to.edge("wait", Policy::Wait);
    let fail = to.edge("fail", Policy::Fail);
    for (number, what) in whats.into_iter().enumerate() {
        let mut message = Message { sender, number, what, reply: None };
        match by % 3 {
            0 => assert!(to.tell(message).await.is_ok()),
            1 => assert!(wait.send(message).await.is_ok()),
            _ => {
                while let Err(refused) = fail.offer(message) {
                    assert!(refused.retry_helps());
                    message = refused.into_message();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn all_arrive_once_and_in_the_order_of_their_sender(
        seed in any::<u64>(), capacity in 1_usize..40, delay in 0_u64..3,
        senders in prop::collection::vec((prop::collection::vec(whats(), 0..40), any::<u8>()), 1..5),
    ) {
        Kit::run_with(settings(seed, true, delay), async |kit| {
            let (to, handled) = taker(&kit.system, capacity);
            let tasks: Vec<_> = senders
                .iter()
                .cloned()
                .enumerate()
                .map(|(sender, (whats, by))| tokio::spawn(send_all(to.clone(), sender, whats, by)))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            kit.pass(MINUTE).await;
            for (sender, (whats, _)) in senders.iter().enumerate() {
                prop_assert_eq!(numbers_of(&handled, sender), (0..whats.len()).collect::<Vec<_>>());
            }
            let faults = senders.iter().flat_map(|(whats, _)| whats);
            let faults = faults.filter(|what| matches!(what, What::Panic | What::Err)).count() as u64;
            prop_assert_eq!(kit.system.snapshot()[0].faults, faults);
            prop_assert_eq!(kit.system.dead_letter_count(), 0);
            Ok(())
        })?;
    }

    #[test]
    fn what_an_actor_leaves_as_it_ends_adds_up(
        seed in any::<u64>(), capacity in 1_usize..20, end_millis in 0_u64..60, drains in any::<bool>(),
        kills in prop::collection::vec(0_u64..20, 0..3),
        senders in prop::collection::vec(prop::collection::vec(whats(), 0..30), 1..5),
    ) {
        Kit::run_with(settings(seed, true, 1), async |kit| {
            let (to, handled) = taker(&kit.system, capacity);
            let back = Arc::new(Mutex::new(0));
            let tasks: Vec<_> = senders
                .iter()
                .cloned()
                .enumerate()
                .map(|(sender, whats)| {
                    let (to, back) = (to.clone(), Arc::clone(&back));
                    tokio::spawn(async move {
                        for (number, what) in whats.into_iter().enumerate() {
                            let told = to.tell(Message { sender, number, what, reply: None }).await;
                            if let Err(TellError::Stopped(message)) = told {
                                assert_eq!(message.number, number);
                                *back.lock().unwrap() += 1;
                            }
                        }
                    })
                })
                .collect();
            for wait in kills {
                kit.pass(Duration::from_millis(wait)).await;
                to.erased().kill("a test");
            }
            kit.pass(Duration::from_millis(end_millis)).await;
            if drains { to.erased().drain() } else { to.erased().stop() }
            to.erased().ended(MINUTE).await.unwrap();
            for task in tasks {
                task.await.unwrap();
            }
            let sent: usize = senders.iter().map(Vec::len).sum();
            let (taken, back) = (handled.lock().unwrap().len(), *back.lock().unwrap());
            let dead = kit.system.dead_letters();
            let left = dead.iter().filter(|letter| letter.reason == DeadReason::Left).count();
            prop_assert_eq!(dead.len() - left, back);
            prop_assert_eq!(taken + back + left, sent);
            prop_assert!(!drains || left == 0, "who drains leaves nothing");
            for sender in 0..senders.len() {
                let numbers = numbers_of(&handled, sender);
                prop_assert_eq!(&numbers, &(0..numbers.len()).collect::<Vec<_>>());
            }
            Ok(())
        })?;
    }

    #[test]
    fn questions_given_up_midway_disturb_nobody(
        seed in any::<u64>(), capacity in 1_usize..6,
        asks in prop::collection::vec((whats(), 0_u64..40), 1..40),
    ) {
        Kit::run_with(settings(seed, true, 1), async |kit| {
            let (to, handled) = taker(&kit.system, capacity);
            let asked: Vec<_> = asks
                .iter()
                .copied()
                .enumerate()
                .map(|(number, (what, within))| {
                    let to = to.clone();
                    tokio::spawn(async move {
                        let within = Duration::from_millis(within);
                        let ask = |reply| Message { sender: 0, number, what, reply: Some(reply) };
                        to.ask_within(within, ask).await
                    })
                })
                .collect();
            send_all(to.clone(), 1, vec![What::Plain; 30], 0).await;
            let mut answers = Vec::new();
            for (number, task) in asked.into_iter().enumerate() {
                let answer = task.await.unwrap();
                prop_assert!(answer.is_err() || answer == Ok(number));
                answers.push(answer.is_ok());
            }
            kit.pass(MINUTE).await;
            let mut questions = numbers_of(&handled, 0);
            questions.sort_unstable();
            prop_assert!(questions.windows(2).all(|pair| pair[0] < pair[1]), "none twice");
            prop_assert!((0..answers.len()).all(|number| !answers[number] || questions.contains(&number)));
            prop_assert_eq!(numbers_of(&handled, 1), (0..30).collect::<Vec<_>>());
            // Nobody holds a place in the line still.
            for number in 0..capacity {
                let message = Message { sender: 2, number, what: What::Plain, reply: None };
                prop_assert!(to.try_tell(message).is_ok(), "room for {} of {}", number, capacity);
            }
            Ok(())
        })?;
    }

    #[test]
    fn urgent_ones_keep_their_order_and_come_before_the_rest(
        seed in any::<u64>(), batches in prop::collection::vec((0_usize..6, 0_usize..6), 1..12),
    ) {
        Kit::run_with(settings(seed, true, 0), async |kit| {
            let (to, handled) = taker(&kit.system, 1_000);
            let (mut ordinary, mut urgent) = (0, 0);
            for (plain, pressing) in batches {
                for _ in 0..plain {
                    let what = if ordinary % 7 == 5 { What::Panic } else { What::Wait };
                    let message = Message { sender: 0, number: ordinary, what, reply: None };
                    prop_assert!(to.try_tell(message).is_ok());
                    ordinary += 1;
                }
                for _ in 0..pressing {
                    let message = Message { sender: 1, number: urgent, what: What::Wait, reply: None };
                    prop_assert!(to.tell_urgent(message).is_ok());
                    urgent += 1;
                }
                let before = numbers_of(&handled, 0).len();
                kit.pass(Duration::from_millis(7)).await;
                let waiting = urgent - numbers_of(&handled, 1).len();
                let since = numbers_of(&handled, 0).len() - before;
                prop_assert!(waiting == 0 || since <= 1, "{} ordinary ones went before {}", since, waiting);
            }
            kit.pass(MINUTE).await;
            prop_assert_eq!(numbers_of(&handled, 0), (0..ordinary).collect::<Vec<_>>());
            prop_assert_eq!(numbers_of(&handled, 1), (0..urgent).collect::<Vec<_>>());
            Ok(())
        })?;
    }
}

#[test]
fn on_real_threads_too_nothing_is_lost_doubled_or_reordered() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        for capacity in [1, 7, 200] {
            let system = System::new(settings(0, false, 0));
            let (to, handled) = taker(&system, capacity);
            let tasks: Vec<_> = (0..4_usize)
                .map(|sender| {
                    let whats: Vec<What> = (0..1_000_usize)
                        .map(|number| if number % 97 == sender { What::Panic } else { What::Plain })
                        .collect();
                    tokio::spawn(send_all(to.clone(), sender, whats, sender as u8))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            to.erased().drain();
            to.erased().ended(MINUTE).await.unwrap();
            for sender in 0..4 {
                assert_eq!(
                    numbers_of(&handled, sender),
                    (0..1_000).collect::<Vec<_>>(),
                    "room for {capacity}"
                );
            }
            assert_eq!(system.dead_letter_count(), 0);
            assert!(system.stop().await.hung.is_empty());
        }
    });
}
