//! A rig and MIDI made in memory, rendered to a WAV faster than real time: the
//! same samples on every run, whatever the block.
//!
//! ```text
//! cargo run --release --example offline [OUT.wav]
//! ```

mod support;

const RIG: &str = r#"
[midi.keys]
in = "*"

[instrument.string]
kind = "pluck"

[stage.room]
kind = "reverb"
mix = 0.25

[[cable]]
from = "keys"
to = "string"

[[cable]]
from = "string"
to = "room"

[[cable]]
from = "room"
to = "out"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kinds = antiphon::engine::kinds();
    let rig = antiphon::rig::parse(RIG, &kinds).map_err(|problems| format!("{problems:?}"))?;
    support::render(rig, support::melody()?, std::env::args().nth(1).as_deref(), "offline.wav")
}
