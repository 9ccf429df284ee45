use super::*;
use crate::theory::Quality;

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

fn composed(name: &str, style: Style, bars: u32, seed: u64) -> Chart {
    compose(key(name), style, style.tempo(), bars, End::Open, &mut Random::new(seed))
}

const KEYS: [&str; 8] =
    ["C", "A minor", "Eb minor", "F#", "D dorian", "E phrygian", "F lydian", "G mixolydian"];

#[test]
fn it_has_as_many_bars_as_were_asked_for() {
    for style in Style::ALL {
        for name in KEYS {
            for bars in (1..=40).chain([63, 64, 100, 255, 256]) {
                let chart = composed(name, style, bars, u64::from(bars));
                assert_eq!(chart.length_bars(), bars, "{style} in {name}");
                assert!(chart.bars.iter().all(|bar| (1..=2).contains(&bar.len())), "{chart}");
                assert_eq!(Chart::from_json(&chart.to_json()).as_ref(), Ok(&chart));
            }
        }
    }
}

#[test]
fn it_begins_at_home_and_its_end_leads_there() {
    for style in Style::ALL {
        for name in KEYS {
            for seed in 0..60 {
                let bars = 1 + (seed * 7 % 33) as u32;
                let chart = composed(name, style, bars, seed);
                let numerals: Vec<Roman> =
                    chart.bars.iter().flatten().map(|chord| Roman::of(*chord, chart.key)).collect();
                assert_eq!(numerals[0].fifths, 0, "{chart}");
                let last_bar = chart.bars.last().expect("bars");
                assert_eq!(Roman::of(last_bar[0], chart.key).fifths, 0, "the last bar is home:\n{chart}");
                // What stands before the last tonic, and what leads back from the end, is a cadence.
                let tonic = numerals.len() - last_bar.len();
                let leads = |roman: Roman| {
                    // V, its substitute, the lowered seventh, and the fourth degree of a blues.
                    matches!(roman.fifths, 1 | -5 | -2)
                        || roman.fifths == -1 && style == Style::Blues
                        || roman.fifths == 0
                };
                assert!(tonic == 0 || leads(numerals[tonic - 1]), "{chart}");
                assert!(leads(*numerals.last().expect("chords")), "{chart}");
            }
        }
    }
}

#[test]
fn a_piece_that_ends_ends_at_home() {
    for style in Style::ALL {
        for name in KEYS {
            for seed in 0..40 {
                let bars = 1 + (seed * 7 % 33) as u32;
                let random = &mut Random::new(seed);
                let chart = compose(key(name), style, style.tempo(), bars, End::Closed, random);
                assert_eq!(chart.length_bars(), bars, "{chart}");
                let last = chart.bars.last().expect("bars");
                assert_eq!(last.len(), 1, "one chord, to ring:\n{chart}");
                assert_eq!(Roman::of(last[0], chart.key).fifths, 0, "{chart}");
            }
        }
    }
}

#[test]
fn the_same_seed_is_the_same_chart_and_another_is_another() {
    let of = |seed| composed("Bb", Style::Swing, 32, seed);
    assert_eq!(of(3), of(3));
    let different = (0..50).map(|seed| of(seed).to_json()).collect::<std::collections::BTreeSet<_>>();
    assert!(different.len() > 45, "{}", different.len());
}

#[test]
fn thirty_two_bars_are_a_a_b_a() {
    let chart = composed("F", Style::Swing, 32, 9);
    assert_eq!(chart.bars[..4], chart.bars[8..12]);
    assert_eq!(chart.bars[..4], chart.bars[24..28]);
    assert_ne!(chart.bars[..4], chart.bars[16..20]);
}

#[test]
fn a_blues_is_steedmans() {
    for (name, four) in [("C", Quality::Dominant7), ("A minor", Quality::Minor7)] {
        for seed in 0..20 {
            let chart = composed(name, Style::Blues, 24, seed);
            for chorus in chart.bars.chunks(12) {
                let at = |bar: usize| Roman::of(chorus[bar][0], chart.key);
                assert_eq!((at(0).fifths, at(4).fifths, at(10).fifths), (0, -1, 0), "{chart}");
                assert_eq!(at(4).quality.is_minor(), four == Quality::Minor7);
                assert!(Roman::of(chorus[11][1], chart.key).quality.is_dominant());
            }
        }
    }
}

/// Each substitution comes up, and only where its style has it.
#[test]
fn styles_differ_by_their_chords() {
    let share = |style: Style, name: &str, is: &dyn Fn(Roman) -> bool| {
        let (mut found, mut all) = (0, 0);
        for seed in 0..60 {
            let chart = composed(name, style, 16, seed);
            for chord in chart.bars.iter().flatten() {
                all += 1;
                found += usize::from(is(Roman::of(*chord, chart.key)));
            }
        }
        100 * found / all
    };
    let applied = |roman: Roman| roman.quality.is_dominant() && !matches!(roman.fifths, -2..=1);
    let substitute = |roman: Roman| roman.quality == Quality::Dominant7Sharp11;
    let triad = |roman: Roman| matches!(roman.quality, Quality::Major | Quality::Minor | Quality::Sus4);
    let passing = |roman: Roman| roman.quality == Quality::Diminished7;
    assert!(share(Style::Swing, "C", &applied) >= 5, "{}", share(Style::Swing, "C", &applied));
    assert!(share(Style::Bossa, "C", &substitute) >= 2);
    assert_eq!(share(Style::Pop, "C", &substitute), 0);
    assert!(share(Style::Pop, "C", &triad) >= 80);
    assert_eq!(share(Style::Swing, "C", &triad), 0);
    assert!(share(Style::Ballad, "C", &passing) >= 1);
    assert_eq!(share(Style::Swing, "D dorian", &applied), 0, "a mode keeps its colour");
}
