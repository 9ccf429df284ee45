use ::jack::{Transport, TransportBBT, TransportState};

use crate::render::{JackReport, JackRole, Renderer};
use crate::transport::{Beats, Tempo};
use crate::unit::Frame;

/// JACK's transport at the callback's edge: followed, or led. Real-time: yes.
#[derive(Default)]
pub(super) struct TransportEdge {
    /// How it stood in the period before, where it is followed.
    seen: Option<Seen>,
    /// Whether ours rolled, and how often its place had jumped, where it leads.
    led: Option<(bool, u32)>,
}

#[derive(Clone, Copy, PartialEq)]
struct Seen {
    is_rolling: bool,
    /// Where it is in the period that comes.
    next_place: u64,
    tempo: Option<Tempo>,
}

impl TransportEdge {
    /// Before a period of so many frames: tells the Renderer what has changed.
    pub(super) fn before(&mut self, transport: &Transport, frames: u32, renderer: &mut Renderer) {
        if renderer.time_plan().jack != JackRole::Follow {
            self.seen = None;
            return;
        }
        let Ok(now) = transport.query() else { return };
        let is_rolling = now.state == TransportState::Rolling;
        let place = u64::from(now.pos.frame());
        let counted = now.pos.bbt();
        let tempo = counted.and_then(|bbt| Tempo::new(bbt.bpm * 4.0 / f64::from(bbt.sig_denom)).ok());
        let next_place = place + if is_rolling { u64::from(frames) } else { 0 };
        let seen = Seen { is_rolling, next_place, tempo };
        let before = self.seen.replace(seen);
        let was_rolling = before.is_some_and(|before| before.is_rolling);
        let is_moved = before.is_none_or(|before| before.next_place != place);
        let is_told = before.is_some_and(|before| before.tempo == tempo);
        if is_rolling == was_rolling && !(is_rolling && is_moved) && is_told {
            return;
        }
        // What is counted may be of a frame before the period's first.
        let back = Frame::from(now.pos.bbt_offset().unwrap_or(0));
        let frame = renderer.frame().saturating_sub(if counted.is_some() { back } else { 0 });
        renderer.tell_jack(JackReport {
            frame,
            is_rolling,
            is_moved: is_rolling && (is_moved || !was_rolling),
            place,
            beats: counted.map(beats),
            tempo,
        });
    }

    /// After a period: takes JACK's transport along.
    pub(super) fn after(&mut self, transport: &Transport, renderer: &Renderer) {
        if renderer.time_plan().jack != JackRole::Lead {
            self.led = None;
            return;
        }
        let time = renderer.time();
        let now = (time.state.is_rolling(), time.grid.jumps());
        let before = self.led.replace(now);
        let was_rolling = before.is_some_and(|(was_rolling, _)| was_rolling);
        // Each of these only asks; JACK answers some periods later, or the next
        // change of ours asks again.
        if now.0 && before != Some(now) {
            let place = time.grid.frames_in(time.grid.beat_at(renderer.frame()));
            let _ = transport.locate(u32::try_from(place).unwrap_or(u32::MAX));
            let _ = transport.start();
        } else if was_rolling && !now.0 {
            let _ = transport.stop();
        }
    }
}

/// Beats from the beginning, in quarter notes.
fn beats(bbt: TransportBBT) -> Beats {
    let before = (bbt.bar as f64 - 1.0) * f64::from(bbt.sig_num);
    let within = bbt.beat as f64 - 1.0 + bbt.tick as f64 / bbt.ticks_per_beat;
    let quarters = (before + within) * 4.0 / f64::from(bbt.sig_denom);
    Beats((quarters.max(0.0) * 4_294_967_296.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_beats_and_ticks_are_quarter_notes() {
        let bbt = TransportBBT {
            bar: 3,
            beat: 4,
            tick: 480,
            sig_num: 6.0,
            sig_denom: 8.0,
            ticks_per_beat: 1_920.0,
            bpm: 180.0,
            bar_start_tick: 0.0,
        };
        assert_eq!(beats(bbt), Beats((15 << 31) + (1 << 29)));
    }
}
