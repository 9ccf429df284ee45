//! What can be played, but is hardly meant.

use super::super::model::generator::BEATS_PER_BAR;
use super::super::model::{Actor, CableKind, Port, Rig};
use super::super::problem::Problem;
use crate::instrument::zones::MPE;
use crate::stage::Role;

/// In the order of the file.
pub(super) fn of(rig: &Rig) -> Vec<Problem> {
    let mut warnings = Vec::new();
    if !rig.cables.iter().any(|cable| matches!(cable.to, Port::Output(_) | Port::Midi(_))) {
        let hint = Some("end with a cable to = \"out\"".to_owned());
        warnings.push(Problem::of_file("nothing is cabled to an output: this rig is silent", hint));
    }
    for (index, actor) in rig.actors.iter().enumerate() {
        let here = Port::Actor(index);
        let heard = rig.cables.iter().any(|cable| cable.from == here);
        let fed = rig.cables.iter().any(|cable| cable.to == here);
        let (message, hint) = match (fed, heard) {
            (true, true) => continue,
            (false, true) if actor.kind.sounds_alone() => continue,
            (_, false) => (format!("`{}` is cabled to nothing: nobody hears it", actor.name), "to = \"out\""),
            (false, true) => match actor.role() {
                Role::Instrument | Role::Clip => {
                    (format!("no MIDI is cabled to `{}`: nobody plays it", actor.name), "from a [midi.…]")
                }
                Role::Stage => (
                    format!("no audio is cabled to `{}`", actor.name),
                    "from an instrument, a stage or an input",
                ),
            },
        };
        warnings.push(rig.problem_at_actor(index, message, Some(format!("add a [[cable]] {hint}"))));
    }
    for (index, generator) in rig.generators.iter().enumerate() {
        if !rig.cables.iter().any(|cable| cable.from == Port::Generator(index)) {
            let message = format!("`{}` is cabled to nothing: nobody hears it", generator.name);
            let hint = "add a [[cable]] to an instrument";
            warnings.push(rig.problem_at_generator(index, message, Some(hint.into())));
        } else if rig.transport.beats_per_bar != BEATS_PER_BAR {
            let message =
                format!("`{}` plays in bars of {BEATS_PER_BAR} beats, and the rig does not", generator.name);
            let hint = "set `beats_per_bar` of [transport] to 4";
            warnings.push(rig.problem_at_generator(index, message, Some(hint.into())));
        }
    }
    for (index, cable) in rig.cables.iter().enumerate() {
        if let (Port::Actor(actor), CableKind::Midi(transform)) = (cable.to, &cable.kind)
            && let Some(actor) = rig.actors.get(actor)
            && hears_mpe(actor)
            && transform.moves_channels()
        {
            let message = format!("`{}` plays MPE, and this cable changes or drops channels", actor.name);
            let hint = "in MPE each note has a channel of its own: leave `from_channel`, `channel` and \
                        `channel_map` away, or `mpe`";
            warnings.push(rig.problem_at_cable(index, message, Some(hint.into())));
        }
    }
    warnings
}

/// Whether an instrument was told to play MPE.
fn hears_mpe(actor: &Actor) -> bool {
    let parameters = actor.kind.parameters();
    parameters.iter().any(|known| known.name == MPE.name) && actor.settings.choice(parameters, MPE.name) > 0
}
