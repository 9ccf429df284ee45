use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;
use crate::rt::reel::{Medium, Reading, Reel, Stereo, Tape};
use crate::unit::{QUANTUM_FRAMES, SampleRate};

const FRAMES: u64 = 400_000;
/// Far more than any machine needs.
const PATIENCE: Duration = Duration::from_secs(20);
/// What an engine's end may take: less than each of several disks for itself.
const END: Duration = Duration::from_secs(3);

/// A disk that answers at once, when it is let, not at all, or with a panic.
enum Disk {
    Quick,
    Gated(Mutex<Option<mpsc::Receiver<()>>>),
    Away,
    Broken,
}

enum Silence {
    Quick,
    Gated(mpsc::Receiver<()>),
    Broken,
}

impl Disk {
    /// One that answers once for each that is sent, which waits until it is asked.
    fn gated() -> (mpsc::SyncSender<()>, Disk) {
        let (open, gate) = mpsc::sync_channel(0);
        (open, Disk::Gated(Mutex::new(Some(gate))))
    }
}

impl Medium for Disk {
    fn open(&self) -> Result<Box<dyn Reading>, String> {
        let gone = || "it is gone".to_owned();
        Ok(Box::new(match self {
            Disk::Quick => Silence::Quick,
            Disk::Gated(gate) => Silence::Gated(lock(gate).take().ok_or_else(gone)?),
            Disk::Away => return Err("it is away".to_owned()),
            Disk::Broken => Silence::Broken,
        }))
    }
}

impl Reading for Silence {
    fn seek(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }

    fn read(&mut self, frames: usize, into: &mut Vec<Stereo>) -> Result<(), String> {
        match self {
            Silence::Quick => {}
            Silence::Gated(gate) => gate.recv().map_err(|_| "it is gone".to_owned())?,
            Silence::Broken => panic!("on purpose"),
        }
        into.extend(std::iter::repeat_n([0.0; 2], frames));
        Ok(())
    }
}

fn reel(disk: Disk) -> Reel {
    let opening = vec![[0.0; 2]; Tape::opening_frames(SampleRate::DEFAULT) as usize];
    let tape = Tape::new(opening, FRAMES, 0, Arc::new(disk)).expect("it is long");
    Reel::new(&tape, SampleRate::DEFAULT)
}

/// A clip from this disk, which is fetched from now on.
fn clip(streams: &Streams, name: &str, disk: Disk) -> Reel {
    let mut reel = reel(disk);
    streams.add(name, reel.take_feeding().expect("once"));
    reel
}

fn waits_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} never was");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Plays all of it, as fast as it is fetched.
fn play(reel: &mut Reel) {
    let lane = reel.start(0);
    let [mut left, mut right] = [[0.0; QUANTUM_FRAMES]; 2];
    let mut at = 0;
    while at + QUANTUM_FRAMES as u64 <= FRAMES {
        waits_for("enough", || {
            reel.tick();
            reel.judge(lane, at, u64::MAX, 0);
            reel.take_dry() == 0
        });
        reel.read(lane, at, &mut left, &mut right);
        at += QUANTUM_FRAMES as u64;
    }
}

#[test]
fn what_was_counted_outlives_who_counted_it() {
    let streams = Streams::default();
    let late = |reel: &mut Reel| {
        let lane = reel.start(0);
        reel.tick();
        // At a place for which nothing was fetched.
        reel.judge(lane, 200_000, u64::MAX, 0);
        let [mut left, mut right] = [[1.0; 32]; 2];
        reel.read(lane, 200_000, &mut left, &mut right);
    };
    for times in 1..=2 {
        let mut reel = clip(&streams, "tape", Disk::Quick);
        late(&mut reel);
        assert!(streams.fill().is_ok());
        let record = ClipRecord {
            clip: "tape".to_owned(),
            underruns: times,
            lost_frames: 32 * times,
            memory_bytes: 4_608_000,
        };
        assert_eq!(streams.records(), std::slice::from_ref(&record));
        assert_eq!((streams.take_late(), streams.take_late()), (vec!["tape".to_owned()], Vec::new()));
        drop(reel);
        assert!(streams.fill().is_ok() && lock(&streams.0.in_turn).is_empty());
        assert_eq!(streams.records(), [record]);
    }
}

#[test]
fn a_disk_that_is_away_is_told_of_once() {
    let streams = Streams::default();
    let _reel = clip(&streams, "tape", Disk::Away);
    let trouble = streams.fill().expect_err("it is away");
    assert_eq!((trouble.clip.as_str(), trouble.reason.as_str()), ("tape", "it is away"));
    (0..3 * REST_PASSES).for_each(|_| assert!(!streams.pass()));
    assert!(streams.take_troubles().is_empty());
}

#[test]
fn a_disk_that_hangs_breaks_or_is_away_takes_no_other_clip_with_it() {
    let streams = Streams::default();
    let fetcher = Fetcher::start(&streams).expect("a thread");
    let (open, gated) = Disk::gated();
    let stuck = clip(&streams, "stuck", gated);
    open.send(()).expect("it asks");
    // It asks again, and gets no answer from here on.
    let _broken = clip(&streams, "broken", Disk::Broken);
    let _away = clip(&streams, "away", Disk::Away);
    let mut troubles = Vec::new();
    waits_for("trouble", || {
        troubles.extend(streams.take_troubles().into_iter().map(|trouble| trouble.clip));
        troubles.len() == 2
    });
    troubles.sort();
    assert_eq!(troubles, ["away", "broken"]);
    play(&mut clip(&streams, "tape", Disk::Quick));
    waits_for("the end of its reader", || fetcher.readers() == 3);
    drop(stuck);
    drop(open);
    waits_for("the end of the stuck one", || fetcher.readers() == 2);
    assert!(streams.take_troubles().len() <= 1, "those that fail are not told of again");
    let names: Vec<String> = streams.records().into_iter().map(|record| record.clip).collect();
    assert_eq!(names, ["away", "broken", "stuck", "tape"]);
}

#[test]
fn a_clip_without_a_thread_is_told_of_and_gets_one_when_there_is() {
    let streams = Streams::default();
    let fetcher = Fetcher::start_with(&streams, 1).expect("a thread");
    let first = clip(&streams, "first", Disk::Quick);
    waits_for("a thread", || fetcher.readers() == 1);
    let mut second = clip(&streams, "second", Disk::Quick);
    let mut troubles = Vec::new();
    waits_for("trouble", || {
        troubles.append(&mut streams.take_troubles());
        !troubles.is_empty()
    });
    assert!(troubles[0].clip == "second" && troubles[0].reason.contains("no thread can be started"));
    drop(first);
    play(&mut second);
    assert!(streams.take_troubles().is_empty());
}

#[test]
fn an_engine_ends_though_disks_do_not_answer() {
    let streams = Streams::default();
    let fetcher = Fetcher::start(&streams).expect("a thread");
    let stuck: Vec<_> = (0..5)
        .map(|number| {
            let (open, gated) = Disk::gated();
            let reel = clip(&streams, &format!("tape {number}"), gated);
            open.send(()).expect("it asks");
            (open, reel)
        })
        .collect();
    let begun = Instant::now();
    drop(fetcher);
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
    // The threads that were left behind end with their disks.
    drop(stuck);
}

#[test]
fn an_engine_ends_at_once_where_disks_answer() {
    let streams = Streams::default();
    let fetcher = Fetcher::start(&streams).expect("a thread");
    let _reels: Vec<Reel> = (0..4).map(|_| clip(&streams, "tape", Disk::Quick)).collect();
    waits_for("threads", || fetcher.readers() == 4);
    let begun = Instant::now();
    drop(fetcher);
    assert!(begun.elapsed() < END, "{:?}", begun.elapsed());
    assert_eq!(Arc::strong_count(&streams.0), 1, "nobody is left");
}
