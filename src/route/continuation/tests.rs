use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::transport::{Grid, State as Transport, Tempo};

const RATE: SampleRate = SampleRate::DEFAULT;

fn clock(tempo: f64, transport: Transport) -> Time {
    let grid = Grid::new(Tempo::new(tempo).expect("a tempo"), RATE);
    Time { grid, state: transport, ..Time::at_rest(RATE) }
}

fn settings(bars: u32, order: usize) -> ContinuationSettings {
    ContinuationSettings { bars, pause: None, order }
}

fn on(key: u8) -> Message {
    Message::NoteOn { channel: 0, key, velocity: 80 }
}

fn off(key: u8) -> Message {
    Message::NoteOff { channel: 0, key, velocity: 64 }
}

type Played = Vec<(Frame, Message)>;

/// Plays events to it up to a frame, as the Renderer does, and gives what it plays.
fn play(continuation: &mut Continuation, clock: &Time, events: &[(Frame, Message)], until: Frame) -> Played {
    let mut played = Vec::new();
    let mut run = |continuation: &mut Continuation, before: Frame| {
        while let Some(frame) = continuation.next(0, clock).filter(|frame| *frame < before) {
            while let Some(message) = continuation.take(frame, clock) {
                played.push((frame, message));
            }
        }
    };
    for (frame, message) in events {
        run(continuation, *frame);
        continuation.hear(*frame, *message, clock);
    }
    run(continuation, until);
    played
}

fn strikes(played: &Played) -> Vec<(Frame, u8)> {
    let strike = |(frame, message): &(Frame, Message)| match message {
        Message::NoteOn { key, .. } => Some((*frame, *key)),
        _ => None,
    };
    played.iter().filter_map(strike).collect()
}

/// Notes that are struck together, by the rule that is documented.
fn chords(strikes: &[(Frame, u8)]) -> Vec<u128> {
    let mut chords: Vec<(Frame, u128)> = Vec::new();
    for (frame, key) in strikes {
        match chords.last_mut() {
            Some((first, chord)) if *frame <= *first + RATE.frames(CHORD_SECONDS) => *chord |= 1 << key,
            _ => chords.push((*frame, 1 << key)),
        }
    }
    chords.into_iter().map(|(_, chord)| chord).collect()
}

/// Keys, each so many frames long, one after the other.
fn melody(from: Frame, each: Frame, keys: &[u8]) -> Played {
    let note = |(index, key): (usize, &u8)| {
        let at = from + index as Frame * each;
        [(at, on(*key)), (at + each * 3 / 4, off(*key))]
    };
    keys.iter().enumerate().flat_map(note).collect()
}

/// Some bars of notes and chords at uneven distances, of few keys.
fn phrase(seed: u64, from: Frame, bar: Frame, bars: Frame) -> Played {
    let mut random = Random::new(seed);
    let mut events: Vec<(Frame, Message)> = Vec::new();
    let mut at = from + random.below(bar / 4);
    while at < from + bar * bars - bar / 8 {
        let length = bar / 16 + random.below(bar / 4);
        let first = random.below(6) as u8;
        for voice in 0..=random.below(5) as u8 / 3 {
            let key = 48 + first + 7 * voice;
            let struck = at + random.below(1_000) * u64::from(voice);
            events.extend([(struck, on(key)), (at + length * 7 / 8, off(key))]);
        }
        at += length;
    }
    events.sort_by_key(|(frame, message)| (*frame, matches!(message, Message::NoteOn { .. })));
    events
}

fn frames_in_bar(clock: &Time) -> Frame {
    clock.grid.frames_in(Beats(4 << 32))
}

#[test]
fn the_first_chord_stands_on_the_bar_line_after_the_call_and_the_last_note_ends_on_one() {
    for (tempo, transport) in [
        (120.0, Transport::Rolling),
        (120.0, Transport::Stopped),
        (97.3, Transport::Rolling),
        (61.7, Transport::Recording),
        (233.1, Transport::Stopped),
    ] {
        let clock = clock(tempo, transport);
        let line = |bar: u64| clock.grid.frame_of(Beats((bar * 4) << 32));
        let mut continuation = Continuation::new(settings(4, 3), RATE, 7);
        let call = phrase(1, 0, frames_in_bar(&clock), 4);
        let played = play(&mut continuation, &clock, &call, line(20));
        let first = played.first().expect("it answers");
        assert_eq!(first.0, line(4), "at {tempo}");
        assert!(matches!(first.1, Message::NoteOn { .. }));
        assert!(played.last().is_some_and(|(frame, _)| *frame <= line(8)), "at {tempo}");
        let mut sounding = BTreeSet::new();
        for (frame, message) in &played {
            match *message {
                Message::NoteOn { key, .. } => assert!(sounding.insert(key), "{key} twice at {frame}"),
                Message::NoteOff { key, .. } => assert!(sounding.remove(&key), "{key} at {frame}"),
                other => panic!("{other:?}"),
            }
        }
        assert!(sounding.is_empty());
        assert_eq!(continuation.count().played(), strikes(&played).len() as u64);
        assert_eq!(continuation.count().heard(), strikes(&call).len() as u64);
        assert_eq!(continuation.count().answers(), 1, "it waits for the next call");
    }
}

/// What was heard of up to so many chords, phrase by phrase.
fn grams(phrases: &[Vec<u128>], length: usize) -> BTreeSet<Vec<u128>> {
    phrases.iter().flat_map(|phrase| phrase.windows(length)).map(<[u128]>::to_vec).collect()
}

#[test]
fn every_run_of_an_answer_was_heard_or_is_a_recorded_back_off() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let (mut backed_off, mut in_full) = (0, 0);
    for seed in 0..1_000 {
        let order = 1 + seed as usize % 5;
        let mut continuation = Continuation::new(settings(4, order), RATE, seed);
        let mut phrases: Vec<Vec<u128>> = Vec::new();
        for call in 0..2 {
            let from = call * 8 * bar;
            let events = phrase(seed * 2 + call, from, bar, 4);
            phrases.push(chords(&strikes(&events)));
            let played = play(&mut continuation, &clock, &events, from + 8 * bar + 1);
            let answer = chords(&strikes(&played));
            assert!(!answer.is_empty());
            let count = continuation.count();
            let recorded: BTreeMap<usize, usize> = count
                .back_offs()
                .filter(|back| u64::from(back.answer) == call + 1)
                .map(|back| (usize::from(back.chord), usize::from(back.order)))
                .collect();
            let said: Vec<u128> = phrases.last().into_iter().flatten().copied().collect();
            let whole: Vec<u128> = said.iter().chain(&answer).copied().collect();
            for number in 1..=answer.len() {
                let end = said.len() + number;
                let used = recorded.get(&number).copied().unwrap_or(order);
                let was_heard = |length: usize| {
                    length <= end && grams(&phrases, length).contains(&whole[end - length..end])
                };
                assert!(was_heard(used + 1), "{seed}: chord {number} of answer {call}");
                if used < order {
                    backed_off += 1;
                    // And no more was of use: nothing was ever heard after more of it.
                    let goes_on = grams(&phrases, used + 2)
                        .iter()
                        .any(|gram| end > used + 1 && gram[..=used] == whole[end - used - 2..end - 1]);
                    assert!(!goes_on, "{seed}: chord {number} of answer {call} had more to go by");
                } else {
                    in_full += 1;
                }
            }
            assert!(recorded.keys().all(|number| *number <= answer.len()));
        }
        let count = continuation.count();
        let drawn: Vec<u64> = count.drawn_by_order().collect();
        assert_eq!(drawn[..order].iter().sum::<u64>(), count.backed_off());
        assert_eq!(count.back_offs().count() as u64, count.backed_off());
    }
    println!("{in_full} chords with the whole context, {backed_off} with less");
    assert!(backed_off > 1_000 && in_full > 1_000);
}

/// How often each chord came after the longest end of a context that goes on, counted anew
/// in the phrases themselves.
fn enumerated(phrases: &[Vec<u128>], context: &[u128], order: usize) -> BTreeMap<u128, u32> {
    for length in (0..=order.min(context.len())).rev() {
        let end = &context[context.len() - length..];
        let mut after = BTreeMap::new();
        for run in phrases.iter().flat_map(|phrase| phrase.windows(length + 1)) {
            if run[..length] == *end {
                *after.entry(run[length]).or_insert(0) += 1;
            }
        }
        if !after.is_empty() {
            return after;
        }
    }
    BTreeMap::new()
}

/// The quantile of χ² that chance exceeds once in 10,000 (Wilson and Hilferty, 1931).
fn critical(freedom: usize) -> f64 {
    let (k, z) = (freedom as f64, 3.719);
    let inner = 1.0 - 2.0 / (9.0 * k) + z * (2.0 / (9.0 * k)).sqrt();
    k * inner * inner * inner
}

#[test]
fn what_it_draws_is_distributed_as_the_enumerated_model_says() {
    const TRIALS: u64 = 4_000;
    const PLACES: usize = 8;
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let corpora: [(usize, &[u8]); 4] = [
        (1, &[0, 1, 0, 2, 1, 0, 0, 1, 2, 2, 0, 1, 1, 0, 2, 0]),
        (2, &[0, 1, 2, 0, 1, 1, 0, 1, 2, 1, 0, 0, 1, 2, 0, 1]),
        (3, &[0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 1, 2, 0, 1, 2]),
        (3, &[0, 1, 0, 1, 2, 0, 1, 0, 0, 1, 0, 1, 0, 2, 1, 3]),
    ];
    for (order, keys) in corpora {
        let keys: Vec<u8> = keys.iter().map(|key| 60 + key).collect();
        let call = melody(0, bar / 8, &keys);
        let phrases = [keys.iter().map(|key| 1 << key).collect::<Vec<u128>>()];
        let mut counts = vec![BTreeMap::<u128, u64>::new(); PLACES];
        for seed in 0..TRIALS {
            let mut continuation = Continuation::remembering(settings(2, order), RATE, seed, 64);
            let played = play(&mut continuation, &clock, &call, 4 * bar);
            for (place, chord) in counts.iter_mut().zip(chords(&strikes(&played))) {
                *place.entry(chord).or_default() += 1;
            }
        }
        // The exact probability of each context, one chord after the other.
        let mut contexts = BTreeMap::from([(phrases[0].clone(), 1.0)]);
        for (place, counts) in counts.iter().enumerate() {
            let mut chances: BTreeMap<u128, f64> = BTreeMap::new();
            let mut next: BTreeMap<Vec<u128>, f64> = BTreeMap::new();
            for (context, chance) in &contexts {
                let after = enumerated(&phrases, context, order);
                let total: u32 = after.values().sum();
                for (chord, weight) in after {
                    let chance = chance * f64::from(weight) / f64::from(total);
                    *chances.entry(chord).or_default() += chance;
                    let mut longer = context.clone();
                    longer.push(chord);
                    *next.entry(longer[longer.len() - order..].to_vec()).or_default() += chance;
                }
            }
            contexts = next;
            assert!(counts.keys().all(|chord| chances.contains_key(chord)), "order {order}, place {place}");
            let square: f64 = chances
                .iter()
                .map(|(chord, chance)| {
                    let expected = chance * TRIALS as f64;
                    let off = counts.get(chord).copied().unwrap_or(0) as f64 - expected;
                    off * off / expected
                })
                .sum();
            let freedom = chances.len() - 1;
            let limit = if freedom == 0 { 1e-6 } else { critical(freedom) };
            println!("order {order}, place {place}: χ² {square:.2} of {freedom}, limit {limit:.2}");
            assert!(square <= limit, "order {order}, place {place}: {square} of {freedom}");
        }
    }
}

#[test]
fn a_memory_that_forgets_is_one_that_never_heard() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    for order in [1, 3, ORDER_MAX] {
        let mut continuation = Continuation::remembering(settings(1, order), RATE, 3, 64);
        for call in 0..60 {
            let events = phrase(call, call * 2 * bar, bar, 1);
            play(&mut continuation, &clock, &events, (call + 1) * 2 * bar);
            let memory = &continuation.ear.memory;
            let phrases = memory.phrases();
            assert!(phrases.iter().map(Vec::len).sum::<usize>() <= 64);
            let mut runs: BTreeMap<&[u128], u32> = BTreeMap::new();
            for length in 1..=order + 1 {
                for run in phrases.iter().flat_map(|phrase| phrase.windows(length)) {
                    *runs.entry(run).or_default() += 1;
                }
            }
            // Of a phrase that is half forgotten, runs are counted by where they begin.
            assert_eq!(memory.trie().len(), runs.len());
            assert!(runs.iter().all(|(run, count)| memory.trie().count(run) == *count));
        }
        assert!(continuation.count().forgotten() > 100);
    }
}

#[test]
fn a_pause_ends_a_call_on_the_next_bar_line_unless_it_goes_on() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let pausing = ContinuationSettings { pause: Some(Beats(1 << 32)), ..settings(4, 2) };
    let mut continuation = Continuation::new(pausing, RATE, 1);
    let played = play(&mut continuation, &clock, &melody(0, bar / 8, &[60, 62, 64, 65, 67]), 4 * bar);
    let strikes_of = |played: &Played| strikes(played).iter().map(|(frame, _)| *frame).collect::<Vec<_>>();
    assert_eq!(strikes_of(&played).first(), Some(&bar), "half a bar, a beat of pause");
    assert!(played.iter().all(|(frame, _)| *frame <= 2 * bar), "as long as the call");
    let mut continuation = Continuation::new(pausing, RATE, 1);
    let mut call = melody(0, bar / 8, &[60, 62, 64, 65]);
    call.extend(melody(bar * 7 / 8, bar / 8, &[67, 65, 64]));
    let played = play(&mut continuation, &clock, &call, 6 * bar);
    assert_eq!(strikes_of(&played).first(), Some(&(2 * bar)), "it went on before the line");
    let mut held = Continuation::new(pausing, RATE, 1);
    let played = play(&mut held, &clock, &[(0, on(60)), (3 * bar, off(60))], 9 * bar);
    assert_eq!(strikes_of(&played).first(), Some(&(4 * bar)), "a key that is held is no pause");
}

#[test]
fn bars_are_counted_from_the_first_note_where_nothing_rolls() {
    let still = clock(120.0, Transport::Stopped);
    let bar = frames_in_bar(&still);
    let call = |from| melody(from, bar / 4, &[60, 62, 64, 65]);
    let first = |played: &Played| played.first().map(|(frame, _)| *frame);
    let mut continuation = Continuation::new(settings(1, 2), RATE, 1);
    let at = 10 * bar + 12_345;
    assert_eq!(first(&play(&mut continuation, &still, &call(at), at + 2 * bar + 1)), Some(at + bar));
    let next = at + 2 * bar + bar / 3;
    let played = play(&mut continuation, &still, &call(next), next + 3 * bar);
    assert_eq!(first(&played), Some(at + 3 * bar), "the count goes on");
    let later = at + 30 * bar + 7;
    let played = play(&mut continuation, &still, &call(later), later + 3 * bar);
    assert_eq!(first(&played), Some(later + bar), "it begins anew");
    let mut rested = Continuation::new(settings(1, 2), RATE, 1);
    assert_eq!(first(&play(&mut rested, &still, &call(bar / 2), 3 * bar)), Some(bar), "the engine's own bar");
}

#[test]
fn a_note_shortly_before_a_line_belongs_to_the_bar_that_begins_there() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let mut continuation = Continuation::new(settings(2, 2), RATE, 1);
    let keys = [60, 62, 64, 65, 67, 69, 71, 72];
    let played = play(&mut continuation, &clock, &melody(4 * bar - 1_000, bar / 4, &keys), 8 * bar - 2_000);
    assert_eq!(played.first().map(|(frame, _)| *frame), Some(6 * bar));
    // And so over the end of an answer: it is the next call.
    let next = melody(8 * bar - 1_000, bar / 4, &keys);
    let played = play(&mut continuation, &clock, &next, 10 * bar + 1);
    assert_eq!(strikes(&played).last().map(|(frame, _)| *frame), Some(10 * bar));
    assert_eq!(continuation.count().answers(), 2);
}

#[test]
fn what_is_played_over_an_answer_is_learned_and_does_not_stop_it() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let call = melody(0, bar / 4, &[60, 62, 64, 65]);
    let over = melody(bar + bar / 8, bar / 4, &[40, 41, 42]);
    let heard = |events: &[(Frame, Message)]| {
        let mut continuation = Continuation::new(settings(1, 2), RATE, 5);
        let played = play(&mut continuation, &clock, events, 2 * bar + 1);
        (strikes(&played).len(), continuation.ear.memory.phrases())
    };
    let (alone, phrases) = heard(&call);
    assert_eq!((alone, phrases.len()), (4, 1));
    let (together, phrases) = heard(&[call, over].concat());
    assert_eq!(together, alone);
    assert_eq!(phrases[1], [1 << 40, 1 << 41, 1 << 42]);
}

#[test]
fn a_stop_or_a_jump_ends_what_sounds_and_the_call_but_not_what_was_learned() {
    let rolling = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&rolling);
    let stopped = Time { state: Transport::Stopped, ..rolling };
    let mut located = rolling;
    let now = bar + bar * 3 / 8;
    located.grid.locate(now, Beats(40 << 32));
    for after in [stopped, located] {
        let mut continuation = Continuation::new(settings(1, 2), RATE, 5);
        let played = play(&mut continuation, &rolling, &melody(0, bar / 4, &[60, 62, 64, 65]), now);
        assert_eq!(strikes(&played).len(), 2);
        // Two strikes, one release so far.
        assert_eq!(played.len(), 3);
        assert_eq!(continuation.next(now, &after), Some(now));
        let end = continuation.take(now, &after);
        assert!(matches!(end, Some(Message::NoteOff { .. })), "{end:?}");
        assert_eq!((continuation.take(now, &after), continuation.next(now, &after)), (None, None));
        assert_eq!(continuation.ear.memory.phrases().len(), 1);
    }
}

#[test]
fn chords_and_the_time_between_are_as_they_were_played() {
    let clock = clock(120.0, Transport::Rolling);
    let bar = frames_in_bar(&clock);
    let strike = |at, key, velocity| (at, Message::NoteOn { channel: 2, key, velocity });
    let release = |at, key| (at, Message::NoteOff { channel: 2, key, velocity: 0 });
    let call = [
        strike(0, 60, 90),
        strike(700, 64, 70),
        strike(1_440, 67, 50),
        release(20_000, 64),
        release(21_000, 60),
        strike(30_100, 72, 33),
        release(30_200, 67),
        release(40_000, 72),
    ];
    // Of a model of one phrase of two chords, the second can only be followed by either.
    for seed in 0..20 {
        let mut continuation = Continuation::new(settings(1, 1), RATE, seed);
        let played = play(&mut continuation, &clock, &call, 2 * bar + 1);
        let from = played.iter().position(|(_, message)| matches!(message, Message::NoteOn { key: 60, .. }));
        let Some(from) = from else { continue };
        let at = played[from].0;
        let next: Played = played[from..].iter().take(4).map(|(frame, m)| (frame - at, *m)).collect();
        assert_eq!(next[..3], call[..3]);
        assert!(at + 30_100 > 2 * bar - 2_000 || strikes(&played).contains(&(at + 30_100, 72)));
    }
}
