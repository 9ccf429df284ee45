use super::ends::Ends;
use crate::engine::Error;
use crate::measure::Run;
use crate::measure::report::{Budget, Latency};

const PATH: &str = "latency.budget";

/// Adds up what the other parts found.
pub(super) fn measure(run: &mut Run, _: &Ends) -> Result<(), Error> {
    let budget = of(&run.report.latency);
    if budget == Budget::default() {
        run.missing(PATH, "neither the audio's nor the MIDI's round trip was measured");
        return Ok(());
    }
    run.report.latency.budget = Some(budget);
    Ok(())
}

fn of(latency: &Latency) -> Budget {
    let audio = &latency.audio;
    let key = latency.key_to_sound.as_ref();
    // On the way of a key the engine's MIDI thread counts too, where there is one.
    let on_its_way = key.and_then(|key| key.midi_ms);
    let midi_ms = on_its_way.or(latency.midi.round_trip_us.as_ref().map(|trips| trips.median * 1e-3));
    let (Some(rate_hertz), Some(block), Some(driver)) =
        (audio.rate_hertz, audio.block_frames, audio.driver.as_deref())
    else {
        return Budget { midi_ms, ..Budget::default() };
    };
    if audio.round_trip_frames.is_none() && key.is_none() {
        // A device was open, and nothing came back.
        return Budget { midi_ms, ..Budget::default() };
    }
    let ms = |frames: f64| frames * 1e3 / f64::from(rate_hertz);
    let block = f64::from(block);
    // A device that is opened anew may be in another place: what is summed is of one opening.
    let of_a_key = on_its_way.and(key).and_then(|key| key.sound_ms);
    let sound_ms = of_a_key.or(audio.round_trip_frames.map(ms));
    // As `antiphon play` has it where the rig says nothing: JACK's events have their frame.
    let midi_latency_frames = if driver == "jack" { 0.0 } else { block };
    Budget {
        midi_ms,
        midi_latency_ms: key.and_then(|key| key.midi_latency_ms).or(Some(ms(midi_latency_frames))),
        block_ms: Some(ms(block)),
        driver_ms: sound_ms.map(|sound| sound - ms(block)),
        engine_ms: audio.engine_frames.map(ms),
        engine_blocks: audio.engine_frames.map(|frames| frames / block),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::report::AudioLatency;

    #[test]
    fn the_parts_add_up_to_the_round_trip() {
        let mut latency = Latency {
            audio: AudioLatency {
                round_trip_frames: Some(1_200.0),
                engine_frames: Some(0.0),
                rate_hertz: Some(48_000),
                block_frames: Some(480),
                driver: Some("alsa".to_owned()),
                ..AudioLatency::default()
            },
            ..Latency::default()
        };
        let budget = of(&latency);
        assert_eq!((budget.block_ms, budget.driver_ms), (Some(10.0), Some(15.0)));
        assert_eq!((budget.midi_latency_ms, budget.engine_blocks), (Some(10.0), Some(0.0)));
        latency.audio.driver = Some("jack".to_owned());
        assert_eq!(of(&latency).midi_latency_ms, Some(0.0));
        assert_eq!(of(&Latency::default()), Budget::default());
    }
}
