//! The client's limits, to the millisecond, over a wire whose server is a closure.

use std::sync::atomic::AtomicUsize;

use serde_json::json;
use tokio::time::{advance, sleep};

use super::http::{Raw, Trouble};
use super::*;
use crate::actor::kit::Kit;
use crate::actor::{Options, Phase};

type Served = Result<Raw, Trouble>;

/// A server: what it answers to its n-th request, and how long that takes.
struct Stub<F> {
    serve: F,
    begun: Instant,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    at: Mutex<Vec<Duration>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts one out also where the try is dropped.
struct Leaves<'a>(&'a Seen);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<F: Fn(usize) -> (Duration, Served) + Send + Sync> Wire for Stub<F> {
    fn post<'a>(
        &'a self,
        _: &'a Sent,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Raw, Trouble>> + Send + 'a>> {
        Box::pin(async move {
            let number = {
                let mut at = self.seen.at.lock().expect("no panic with it");
                at.push(self.begun.elapsed());
                at.len() - 1
            };
            let now = self.seen.now.fetch_add(1, Ordering::SeqCst) + 1;
            let _leaves = Leaves(&self.seen);
            self.seen.most.fetch_max(now, Ordering::SeqCst);
            let (takes, served) = (self.serve)(number);
            sleep(takes).await;
            served
        })
    }
}

fn client(
    limits: Limits,
    serve: impl Fn(usize) -> (Duration, Served) + Send + Sync + 'static,
) -> (Client, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let server =
        Server::new("model server", "http://model.test", Secret::new("hf_secret"), "KEY").expect("a server");
    let stub = Stub { serve, begun: Instant::now(), seen: Arc::clone(&seen) };
    (Client::over(server, limits, Box::new(stub)), seen)
}

fn status(status: u16) -> Served {
    Ok(Raw { status, ..Raw::default() })
}

fn at_once(served: Served) -> (Duration, Served) {
    (Duration::from_millis(1), served)
}

async fn post(client: &Client, within: Duration) -> Result<Answered, Failure> {
    post_of(client, Instant::now(), within).await
}

/// Posts for a request that came at a time.
async fn post_of(client: &Client, begun: Instant, within: Duration) -> Result<Answered, Failure> {
    let body = json!({});
    let url = client.server().below(["models", "m"]);
    let deadline = begun + within;
    client.post(Post { url, accept: "audio/*", body: &body, begun, deadline, progress: &|_| {} }).await
}

const LONG: Duration = Duration::from_secs(600);

fn millis(seen: &Seen) -> Vec<u128> {
    seen.at.lock().expect("no panic with it").iter().map(Duration::as_millis).collect()
}

#[tokio::test(start_paused = true)]
async fn three_tries_with_growing_gaps_and_no_more() {
    for number in 0..20 {
        let (client, seen) = client(Limits::default(), |_| at_once(status(503)));
        client.0.calls.store(number, Ordering::Relaxed);
        let failure = post(&client, LONG).await.expect_err("always 503");
        assert_eq!((failure.kind, failure.tries), (FailureKind::Unavailable, 3));
        assert!(
            failure.message.contains("model.test answered 503") && failure.message.contains("tried 3 times")
        );
        let at = millis(&seen);
        let (first, second) = (at[1] - at[0], at[2] - at[1]);
        assert!(at.len() == 3 && (400..=605).contains(&first) && (800..=1_210).contains(&second), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for_is_the_least_gap_and_the_next_is_longer() {
    let (client, seen) = client(Limits::default(), |number| {
        let body = if number == 0 { br#"{"estimated_time": 7.5}"#.to_vec() } else { Vec::new() };
        let retry_after = (number == 1).then(|| Duration::from_secs(2));
        at_once(Ok(Raw { status: if number == 1 { 429 } else { 503 }, body, retry_after, ..Raw::default() }))
    });
    let failure = post(&client, LONG).await.expect_err("always 503");
    assert_eq!(failure.tries, 3);
    let at = millis(&seen);
    assert!(at[1] - at[0] >= 7_500 && at[2] - at[1] > at[1] - at[0], "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_more_time_than_there_is_ends_at_once() {
    let raw = Raw { status: 503, retry_after: Some(Duration::from_secs(300)), ..Raw::default() };
    let (client, _) = client(Limits::default(), move |_| at_once(Ok(raw.clone())));
    let begun = Instant::now();
    let failure = post(&client, LONG).await.expect_err("it asks for 300 s");
    assert_eq!((failure.tries, failure.wait.as_secs(), begun.elapsed().as_secs()), (1, 300, 0));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_succeed_is_not_tried_again_and_does_not_open_the_breaker() {
    let (client, seen) = client(Limits::default(), |_| at_once(status(401)));
    for _ in 0..7 {
        let failure = post(&client, LONG).await.expect_err("401");
        assert_eq!((failure.kind, failure.tries), (FailureKind::Refused, 1));
        assert!(failure.message.ends_with("check the key in KEY"), "{failure}");
    }
    assert_eq!((millis(&seen).len(), client.breaker()), (7, BreakerState::Closed));
}

#[tokio::test(start_paused = true)]
async fn never_more_than_ten_in_flight_and_twenty_then_ten_a_second() {
    let (client, seen) = client(Limits::default(), |_| (Duration::from_millis(300), status(200)));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { post(&client, LONG).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("no panic").expect("served").1, 1);
    }
    assert_eq!(seen.most.load(Ordering::SeqCst), 10);
    let at = millis(&seen);
    assert_eq!(at.len(), 100);
    // In any stretch no more than the burst and what the time brings.
    for (index, from) in at.iter().enumerate() {
        for (count, to) in (1..).zip(&at[index..]) {
            assert!(count <= 20 + (to - from) / 100 + 1, "{count} in {} ms", to - from);
        }
    }
    assert_eq!((client.0.bulkhead.in_flight(), client.0.bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_try_takes_a_token() {
    let burst = NonZeroU32::new(2).expect("2");
    let rate = Rate { every: Duration::from_secs(10), burst };
    let (client, seen) = client(Limits { rate, ..Limits::default() }, |_| at_once(status(500)));
    post(&client, LONG).await.expect_err("500");
    let at = millis(&seen);
    assert!(at.len() == 3 && at[2] >= 10_000, "the third had to wait for a token: {at:?}");
}

#[tokio::test(start_paused = true)]
async fn five_failed_tries_open_the_breaker_and_one_trial_closes_it() {
    let (client, seen) = client(Limits::default(), |number| {
        if number < 5 { at_once(status(500)) } else { (Duration::from_secs(5), status(200)) }
    });
    assert_eq!(post(&client, LONG).await.expect_err("500").tries, 3);
    // The fifth failure is the second try of the second call: it is not told again, and waits for nothing.
    let failure = post(&client, LONG).await.expect_err("500");
    assert_eq!((failure.kind, failure.tries, millis(&seen).len()), (FailureKind::Busy, 2, 5));
    let begun = Instant::now();
    let failure = post(&client, LONG).await.expect_err("open");
    assert_eq!((failure.kind, failure.tries, begun.elapsed()), (FailureKind::Busy, 0, Duration::ZERO));
    assert!(
        failure.wait > Duration::from_secs(29) && failure.message.contains("asked again in 30 s"),
        "{failure}"
    );
    advance(Duration::from_secs(31)).await;
    let trial = tokio::spawn({
        let client = client.clone();
        async move { post(&client, LONG).await }
    });
    sleep(Duration::from_secs(1)).await;
    let beside = post(&client, LONG).await.expect_err("the trial is under way");
    assert_eq!((beside.kind, beside.wait), (FailureKind::Busy, Duration::from_secs(1)));
    assert!(trial.await.expect("no panic").is_ok());
    assert_eq!((client.breaker(), millis(&seen).len()), (BreakerState::Closed, 6));
    assert!(post(&client, LONG).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_queue_does_not_run_into_a_server_that_has_failed() {
    let (client, seen) =
        client(Limits::default(), |_| (Duration::from_secs(1), Err(Trouble::Broken("reset".to_owned()))));
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { post(&client, LONG).await.expect_err("reset").kind })
        })
        .collect();
    let begun = Instant::now();
    for call in calls {
        let kind = call.await.expect("no panic");
        assert!(matches!(kind, FailureKind::Busy | FailureKind::Network));
    }
    // Ten were under way when it opened; the other 190 were told so at once.
    assert_eq!((millis(&seen).len(), begun.elapsed().as_secs()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn all_of_it_ends_at_the_deadline() {
    let (client, seen) = client(Limits::default(), |_| (LONG, status(200)));
    let begun = Instant::now();
    let failure = post(&client, LONG).await.expect_err("it hangs");
    assert_eq!((failure.kind, failure.tries, begun.elapsed().as_secs()), (FailureKind::Timeout, 2, 120));
    assert!(failure.message.contains("has not answered within 120 s"), "{failure}");
    assert!(failure.message.ends_with("(tried 2 times)"), "{failure}");
    // Three quarters of the time, and what is left of it.
    assert!((90_400..=90_605).contains(&millis(&seen)[1]), "{:?}", millis(&seen));
    let failure = post(&client, Duration::from_secs(2)).await.expect_err("it hangs");
    // A moment before whoever waits for it goes away.
    let ends = begun.elapsed().as_millis();
    assert!(failure.kind == FailureKind::Timeout && (121_949..=121_952).contains(&ends), "{ends}");
    // Five times, by whoever had little patience: that is the server's failure too.
    for _ in 0..3 {
        let _ = tokio::time::timeout(Duration::from_secs(2), post(&client, Duration::from_secs(2))).await;
    }
    assert_eq!(client.breaker(), BreakerState::Open);
    assert_eq!(seen.now.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_tried_again_and_the_error_comes_at_the_deadline() {
    let (client, seen) = client(Limits::default(), |number| match number {
        0 | 1 => (LONG, status(200)),
        _ => (Duration::from_millis(500), status(200)),
    });
    let begun = Instant::now();
    let failure = post(&client, Duration::from_secs(5)).await.expect_err("it hangs");
    assert_eq!((failure.kind, failure.tries, millis(&seen).len()), (FailureKind::Timeout, 2, 2));
    assert!((4_949..=4_952).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    client.0.breaker.check().expect("one request is not five");
    // The second server of two that one name stands for.
    let (client, _) = self::client(Limits::default(), |number| match number {
        0 => (LONG, status(200)),
        _ => (Duration::from_millis(500), status(200)),
    });
    assert_eq!(post(&client, Duration::from_secs(5)).await.expect("the second").1, 2);
}

/// Of more than it can serve in time those that came last are cut off early: by us, not by the server.
#[tokio::test(start_paused = true)]
async fn a_queue_of_our_own_does_not_speak_against_a_healthy_server() {
    for is_ours in [false, true] {
        let limits = Limits { in_flight: if is_ours { 6 } else { 100 }, ..Limits::default() };
        let (client, seen) = client(limits, |_| (Duration::from_secs(3), status(200)));
        // Either the client's own places are short, or those of whoever calls it.
        let outside = Bulkhead::new(if is_ours { 60 } else { 6 }, 60);
        let calls: Vec<_> = (0..60)
            .map(|_| {
                let (client, outside) = (client.clone(), outside.clone());
                tokio::spawn(async move {
                    let begun = Instant::now();
                    let within = Duration::from_secs(25);
                    let place = outside.enter(if is_ours { LONG } else { within }).await;
                    if place.is_err() {
                        return Err(Failure::new(FailureKind::Timeout, "no place was free in time"));
                    }
                    post_of(&client, begun, within).await
                })
            })
            .collect();
        let (mut served, mut late) = (0, Vec::new());
        for call in calls {
            match call.await.expect("no panic") {
                Ok(_) => served += 1,
                Err(failure) => late.push(failure),
            }
        }
        // Eight rounds of six fit; the ninth is cut off after a second.
        assert_eq!((served, late.len(), client.breaker()), (48, 12, BreakerState::Closed), "{late:?}");
        assert!(
            late.iter()
                .all(|failure| failure.kind != FailureKind::Busy || !failure.message.contains("often"))
        );
        let turned =
            late.iter().filter(|failure| failure.message.contains("since its turn came, 24 s after"));
        assert!(turned.count() >= 6 && (54..=60).contains(&millis(&seen).len()), "{late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_that_wait_are_refused() {
    let limits = Limits { waiting: 3, ..Limits::default() };
    let (client, _) = client(limits, |_| (Duration::from_secs(1), status(200)));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { post(&client, LONG).await.map_err(|failure| failure.kind) })
        })
        .collect();
    let mut served = 0;
    for call in calls {
        match call.await.expect("no panic") {
            Ok(_) => served += 1,
            Err(kind) => assert_eq!(kind, FailureKind::Busy),
        }
    }
    assert_eq!(served, 13);
}

#[test]
fn the_actor_ends_what_nobody_waits_for_and_a_kill_fails_what_is_under_way_once() {
    Kit::run(3, async |kit| {
        let (client, seen) = client(Limits::default(), |_| (Duration::from_secs(60), status(200)));
        let actor = kit.system.spawn("model", Options::new(), client.actor()).expect("spawned");
        kit.settle().await;
        // Dropped by its caller.
        assert!(tokio::time::timeout(Duration::from_secs(2), post(&client, LONG)).await.is_err());
        kit.settle().await;
        assert_eq!((seen.now.load(Ordering::SeqCst), millis(&seen).len()), (0, 1));
        // Killed under way.
        let call = tokio::spawn({
            let client = client.clone();
            async move { post(&client, LONG).await }
        });
        kit.pass(Duration::from_secs(2)).await;
        actor.erased().kill("a test");
        let failure = call.await.expect("no panic").expect_err("killed");
        assert_eq!(failure.kind, FailureKind::Fault);
        kit.pass(Duration::from_secs(1)).await;
        assert_eq!((seen.now.load(Ordering::SeqCst), actor.erased().phase()), (0, Phase::Running));
        assert!(post(&client, LONG).await.is_ok(), "started anew");
    });
}

#[tokio::test(start_paused = true)]
async fn further_tries_are_said() {
    let (client, _) = client(Limits::default(), |number| at_once(status(if number < 2 { 500 } else { 200 })));
    let (heard, body) = (Mutex::new(Vec::new()), json!({}));
    let progress = |said: Progress| heard.lock().expect("no panic with it").push(said.words);
    let url = client.server().below([]);
    let begun = Instant::now();
    let post = Post { url, accept: "*/*", body: &body, begun, deadline: begun + LONG, progress: &progress };
    assert_eq!(client.post(post).await.expect("the third").1, 3);
    assert_eq!(heard.into_inner().expect("no panic with it"), ["try 2 of 3", "try 3 of 3"]);
}
