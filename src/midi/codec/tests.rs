use proptest::prelude::*;

use super::*;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Found {
    Message(Vec<u8>),
    Sysex(Vec<u8>),
}

/// Whole messages in the order in which they ended, after checking that the
/// stretches of each SysEx fit together.
#[derive(Default)]
struct Collector {
    found: Vec<Found>,
    sysex: Option<Vec<u8>>,
}

impl Collector {
    fn take(&mut self, parsed: Parsed<'_>) {
        match parsed {
            Parsed::Message(bytes) => {
                assert_eq!(bytes.len(), Message::length_of(bytes[0]), "{bytes:02x?}");
                assert!(bytes[1..].iter().all(|&byte| byte < 0x80), "{bytes:02x?}");
                assert!(self.sysex.is_none() || bytes[0] >= 0xf8, "{bytes:02x?} inside a SysEx");
                self.found.push(Found::Message(bytes.to_vec()));
            }
            Parsed::Sysex { bytes, first, last } => {
                assert!(!bytes.is_empty());
                assert_eq!(first, self.sysex.is_none());
                assert_eq!(first, bytes[0] == 0xf0);
                assert_eq!(last, bytes.ends_with(&[0xf7]));
                let sysex = self.sysex.get_or_insert_default();
                sysex.extend_from_slice(bytes);
                assert!(sysex.len() <= SYSEX_LIMIT_BYTES);
                if last {
                    self.found.extend(self.sysex.take().map(Found::Sysex));
                }
            }
        }
    }
}

fn parse(bytes: &[u8]) -> (Vec<Found>, Dropped) {
    let (mut parser, mut collector) = (Parser::new(), Collector::default());
    parser.feed(bytes, |parsed| collector.take(parsed));
    (collector.found, parser.dropped())
}

fn message(bytes: &[u8]) -> Found {
    Found::Message(bytes.to_vec())
}

#[test]
fn running_status_lasts_until_the_next_status() {
    let (found, dropped) = parse(&[0x91, 60, 1, 61, 2, 0xc1, 5, 6, 0xf3, 7, 8]);
    assert_eq!(
        found,
        [
            message(&[0x91, 60, 1]),
            message(&[0x91, 61, 2]),
            message(&[0xc1, 5]),
            message(&[0xc1, 6]),
            message(&[0xf3, 7])
        ]
    );
    // System common ends it: the 8 belongs to nothing.
    assert_eq!(dropped.stray_bytes, 1);
}

#[test]
fn realtime_stands_anywhere_and_disturbs_nothing() {
    let bytes = [0x90, 0xf8, 60, 0xfe, 1, 0xfd, 61, 2, 0xf0, 1, 0xfa, 2, 0xf9, 3, 0xff, 0xf7, 0xfc];
    let (found, dropped) = parse(&bytes);
    assert_eq!(
        found,
        [
            message(&[0xf8]),
            message(&[0xfe]),
            message(&[0x90, 60, 1]),
            message(&[0x90, 61, 2]),
            message(&[0xfa]),
            message(&[0xff]),
            Found::Sysex(vec![0xf0, 1, 2, 3, 0xf7]),
            message(&[0xfc]),
        ]
    );
    assert_eq!(dropped, Dropped { stray_bytes: 2, ..Dropped::default() });
}

#[test]
fn a_status_byte_ends_an_unfinished_sysex_and_counts_itself() {
    let (found, _) = parse(&[0xf0, 1, 2, 0x90, 60, 1, 0xf0, 3, 0xf0, 4, 0xf7]);
    assert_eq!(
        found,
        [
            Found::Sysex(vec![0xf0, 1, 2, 0xf7]),
            message(&[0x90, 60, 1]),
            Found::Sysex(vec![0xf0, 3, 0xf7]),
            Found::Sysex(vec![0xf0, 4, 0xf7]),
        ]
    );
}

#[test]
fn what_is_no_midi_is_dropped_and_counted() {
    let (found, dropped) = parse(&[1, 2, 0xf4, 0xf5, 3, 0xf7, 0x90, 60, 0x80, 60, 0, 0xf6]);
    assert_eq!(found, [message(&[0x80, 60, 0]), message(&[0xf6])]);
    assert_eq!(dropped, Dropped { stray_bytes: 6, cut_messages: 1, long_sysex: 0 });
}

#[test]
fn a_sysex_at_the_limit_passes_and_one_beyond_is_cut_there() {
    let mut dump = vec![0x11; SYSEX_LIMIT_BYTES];
    dump[0] = 0xf0;
    dump[SYSEX_LIMIT_BYTES - 1] = 0xf7;
    let (found, dropped) = parse(&dump);
    assert_eq!((found, dropped), (vec![Found::Sysex(dump.clone())], Dropped::default()));
    let mut longer = dump.clone();
    longer.insert(5, 0x11);
    longer.extend_from_slice(&[0x90, 60, 1]);
    let (found, dropped) = parse(&longer);
    assert_eq!(found, [Found::Sysex(dump), message(&[0x90, 60, 1])]);
    assert_eq!(dropped, Dropped { long_sysex: 1, ..Dropped::default() });
}

#[test]
fn an_interruption_ends_the_sysex() {
    let (mut parser, mut collector) = (Parser::new(), Collector::default());
    parser.feed(&[0xf0, 1], |parsed| collector.take(parsed));
    parser.interrupt(|parsed| collector.take(parsed));
    parser.interrupt(|parsed| collector.take(parsed));
    assert_eq!(collector.found, [Found::Sysex(vec![0xf0, 1, 0xf7])]);
    assert!(!parser.is_inside_sysex());
}

/// Bytes that are mostly MIDI, and some that are anything.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![0x00..0x80_u8, 0x80..0xf0_u8, 0xf0..=0xff_u8, Just(0xf0), Just(0xf7)];
    prop::collection::vec(byte, 0..300)
}

proptest! {
    /// However a stream is cut into reads, the same messages come out; `take`
    /// holds the contract of each.
    #[test]
    fn cuts_change_nothing(bytes in bytes(), cuts in prop::collection::vec(1..20_usize, 1..40)) {
        let (whole, dropped) = parse(&bytes);
        let (mut parser, mut collector) = (Parser::new(), Collector::default());
        let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*cuts.next().expect("a cycle")).min(rest.len()));
            parser.feed(piece, |parsed| collector.take(parsed));
            rest = after;
        }
        prop_assert_eq!(collector.found, whole);
        prop_assert_eq!(parser.dropped(), dropped);
    }

    /// Whole messages with their status pass verbatim.
    #[test]
    fn whole_messages_pass(list in prop::collection::vec((0x80..0xf0_u8, 0..0x80_u8, 0..0x80_u8), 0..50)) {
        let list: Vec<Vec<u8>> = list
            .into_iter()
            .map(|(status, a, b)| [status, a, b][..Message::length_of(status)].to_vec())
            .collect();
        let (found, dropped) = parse(&list.concat());
        prop_assert_eq!(found, list.into_iter().map(Found::Message).collect::<Vec<_>>());
        prop_assert_eq!(dropped, Dropped::default());
    }
}
