//! The shortest way to a sound: a rig in text, the system's audio device, and a
//! few notes. Plays on the null clock, unheard, where there is no device.
//!
//! ```text
//! cargo run --release --example beep
//! ```

mod support;

const RIG: &str = r#"
[midi.keys]
in = "*"

[instrument.beep]
kind = "synth"
preset = "square-lead"
gain = -12

[[cable]]
from = "keys"
to = "beep"

[[cable]]
from = "beep"
to = "out"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kinds = antiphon::engine::kinds();
    let rig = antiphon::rig::parse(RIG, &kinds).map_err(|problems| format!("{problems:?}"))?;
    support::play(rig, support::melody()?)
}
