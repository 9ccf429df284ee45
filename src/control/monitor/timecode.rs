//! MIDI time code: where a tape, or what stands for one, is.
//!
//! Source: MIDI Time Code (MMA0001/RP004/RP008).

use std::fmt;

/// A place on a tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Timecode {
    hours: u8,
    minutes: u8,
    seconds: u8,
    frames: u8,
    rate: u8,
}

impl Timecode {
    /// From the bytes hh mm ss ff, whose first holds the rate too.
    fn new([hours, minutes, seconds, frames]: [u8; 4]) -> Timecode {
        Timecode { hours: hours & 0x1f, minutes, seconds, frames, rate: hours >> 5 & 3 }
    }

    /// Of a full message: `F0 7F device 01 01 hh mm ss ff F7`.
    pub(super) fn of_sysex(bytes: &[u8]) -> Option<Timecode> {
        match *bytes {
            [0xf0, 0x7f, _, 1, 1, hours, minutes, seconds, frames, 0xf7] => {
                Some(Timecode::new([hours, minutes, seconds, frames]))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timecode { hours, minutes, seconds, frames, rate } = *self;
        let rate = ["24", "25", "29.97 drop", "30"][usize::from(rate & 3)];
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}:{frames:02} at {rate} fps")
    }
}

/// Puts a time together from its eight quarter frames.
#[derive(Clone, Default, Debug)]
pub(super) struct QuarterFrames {
    bytes: [u8; 4],
    /// The piece that comes next; nothing is known before a piece 0.
    next: Option<u8>,
}

impl QuarterFrames {
    /// Takes the data byte of a quarter frame; gives the time where it was the
    /// last of eight in order. It is the time of the first of them.
    pub(super) fn take(&mut self, data: u8) -> Option<Timecode> {
        let (piece, nibble) = (data >> 4 & 7, data & 0x0f);
        if piece == 0 {
            self.next = Some(0);
        }
        if self.next != Some(piece) {
            self.next = None;
            return None;
        }
        // Frames come first, hours last, the low nibble before the high one.
        let place = &mut self.bytes[3 - usize::from(piece / 2)];
        *place = if piece % 2 == 0 { nibble } else { *place | nibble << 4 };
        self.next = (piece < 7).then_some(piece + 1);
        (piece == 7).then(|| Timecode::new(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_pieces_in_order_make_a_time_and_seven_none() {
        // 13:45:06:24 at 25 frames: the rate's bits stand above the hour's.
        let pieces = [0x08, 0x11, 0x26, 0x30, 0x4d, 0x52, 0x6d, 0x72];
        let mut frames = QuarterFrames::default();
        assert!(pieces[1..].iter().all(|&piece| frames.take(piece).is_none()));
        let times: Vec<_> = pieces.iter().filter_map(|&piece| frames.take(piece)).collect();
        assert_eq!(times.iter().map(ToString::to_string).collect::<Vec<_>>(), ["13:45:06:24 at 25 fps"]);
        // One lost in the middle.
        assert!([0x08, 0x11, 0x30, 0x4d, 0x52, 0x6d, 0x72].iter().all(|&p| frames.take(p).is_none()));
        let full = Timecode::of_sysex(&[0xf0, 0x7f, 0x7f, 1, 1, 0x61, 2, 3, 4, 0xf7]);
        assert_eq!(full.map(|time| time.to_string()).as_deref(), Some("01:02:03:04 at 30 fps"));
        assert_eq!(Timecode::of_sysex(&[0xf0, 0x7f, 0xf7]), None);
    }
}
