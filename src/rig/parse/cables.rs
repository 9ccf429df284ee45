//! `[[cable]]`.

use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

use super::super::keys::{self, Carrier};
use super::super::model::{Cable, CableKind, Port, Rig};
use super::super::problem::quoted;
use super::CABLE_LIMIT;
use super::fields::{Fields, Problems, found, found_value, key_span};
use super::gain;
use super::names::{Named, Names, Sort};
use super::transform;

pub(super) fn read(root: &dyn TableLike, names: &Names<'_>, rig: &mut Rig, problems: &mut Problems<'_>) {
    let known: Vec<&str> = keys::CABLE.iter().map(|key| key.name).collect();
    let tables = tables(root, "cable", problems);
    if let Some((at, _)) = tables.get(CABLE_LIMIT) {
        problems.add(at, format!("a rig may have up to {CABLE_LIMIT} cables"), None);
    }
    for (at, table) in tables.into_iter().take(CABLE_LIMIT) {
        if !problems.has_room() {
            return;
        }
        let before = problems.list.len();
        let fields = Fields::read(table, at.clone(), "[[cable]]", &known, problems);
        let cable = cable(&fields, names, rig, problems);
        if let (Some(cable), true) = (cable, problems.list.len() == before) {
            rig.cables.push(cable);
            rig.origin.cables.push(at);
        }
    }
}

/// The tables of a section and where each begins, written as `[[cable]]` or as a list.
pub(super) fn tables<'a>(
    root: &'a dyn TableLike,
    section: &str,
    problems: &mut Problems<'_>,
) -> Vec<(Range<usize>, &'a dyn TableLike)> {
    let at = key_span(root, section).unwrap_or(0..0);
    let hint = || Some(format!("write [[{section}]], with two brackets, before each"));
    match root.get(section) {
        None | Some(Item::None) => Vec::new(),
        Some(Item::ArrayOfTables(list)) => list
            .iter()
            .map(|table| (table.span().unwrap_or_else(|| at.clone()), table as &dyn TableLike))
            .collect(),
        Some(Item::Value(Value::Array(list))) => {
            let mut tables = Vec::new();
            for value in list {
                let at = value.span().unwrap_or_else(|| at.clone());
                match value.as_inline_table() {
                    Some(table) => tables.push((at, table as &dyn TableLike)),
                    None => problems.add(
                        &at,
                        format!("a {section} must be a table, not {}", found_value(value)),
                        hint(),
                    ),
                }
            }
            tables
        }
        Some(item) => {
            problems.add(&at, format!("`{section}` must be a list of tables, not {}", found(item)), hint());
            Vec::new()
        }
    }
}

fn cable(fields: &Fields<'_>, names: &Names<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Option<Cable> {
    let from = end(fields, "from", names, problems);
    let to = end(fields, "to", names, problems);
    let carrier = match (from, to) {
        (Some(from), Some(to)) => carrier(fields, from, to, rig, problems),
        // Even with one end unknown the other tells what the keys may be.
        (Some(from), None) if matches!(from.sort, Sort::Midi | Sort::Generator) => Some(Carrier::Midi),
        (None, Some(to))
            if matches!(to.sort, Sort::Midi | Sort::Instrument | Sort::Clip | Sort::Generator) =>
        {
            Some(Carrier::Midi)
        }
        (None, None) => None,
        _ => Some(Carrier::Audio),
    };
    if let Some(carrier) = carrier {
        refuse_foreign_keys(fields, carrier, problems);
    }
    let transform = transform::read(fields, problems);
    let gain = gain(fields, problems);
    let kind = match carrier? {
        Carrier::Midi => CableKind::Midi(transform),
        _ => CableKind::Audio { gain, closes_loop: false },
    };
    Some(Cable { from: from?.port?, to: to?.port?, kind })
}

fn end<'n>(
    fields: &Fields<'_>,
    key: &str,
    names: &'n Names<'_>,
    problems: &mut Problems<'_>,
) -> Option<&'n Named> {
    if !fields.has(key) {
        let hint = Some(format!("every cable needs `from` and `to`: write {key} = \"NAME\""));
        problems.add(&fields.at, format!("this cable has no `{key}`"), hint);
        return None;
    }
    let name = fields.text(key, problems)?;
    let named = names.get(name);
    if named.is_none() {
        let end = if key == "from" { "from" } else { "to" };
        let hint = match names.nearest(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "it may name any [midi.…], [input.…], [output.…], [instrument.…], [stage.…], \
                     [clip.…] or [generator.…] of this rig, or `out`"
                .to_owned(),
        };
        let message = format!("a cable {end} nowhere: the rig has no {}", quoted(name));
        problems.add(&fields.value_at(key), message, Some(hint));
    }
    named
}

/// What the cable carries, if its ends agree.
fn carrier(
    fields: &Fields<'_>,
    from: &Named,
    to: &Named,
    rig: &Rig,
    problems: &mut Problems<'_>,
) -> Option<Carrier> {
    let text = |key| fields.item(key).and_then(Item::as_str).unwrap_or("");
    let (source, destination) = (text("from"), text("to"));
    let mut refuse = |key: &str, message: String, hint: &str| {
        problems.add(&fields.value_at(key), message, Some(hint.to_owned()));
        None
    };
    if from.sort == Sort::Output {
        let hint = "an output is where sound ends; cable from what is cabled to it";
        return refuse("from", format!("a cable cannot come from the output `{source}`"), hint);
    }
    if to.sort == Sort::Input {
        let hint = "an input is where sound begins; cable from it";
        return refuse("to", format!("a cable cannot go into the input `{destination}`"), hint);
    }
    match (from.sort, to.sort) {
        (Sort::Midi | Sort::Generator, Sort::Midi | Sort::Instrument | Sort::Clip | Sort::Generator) => {
            let direction = |named: &Named, input: bool| match named.port {
                Some(Port::Midi(i)) if input => rig.midi[i].is_source(),
                Some(Port::Midi(i)) => rig.midi[i].is_destination(),
                _ => true,
            };
            if !direction(from, true) {
                let hint = "give it `in = \"PATTERN\"` to listen to";
                return refuse(
                    "from",
                    format!("MIDI port `{source}` has no `in`: nothing comes from it"),
                    hint,
                );
            }
            if to.sort == Sort::Midi && !direction(to, false) {
                let hint = "give it `out = \"PATTERN\"` to send to";
                let message = format!("MIDI port `{destination}` has no `out`: nothing can go to it");
                return refuse("to", message, hint);
            }
            if let Some(Port::Generator(index)) = to.port
                && !rig.generators[index].kind.listens()
            {
                let kind = rig.generators[index].kind.name();
                let message = format!("the generator `{destination}` of kind `{kind}` does not listen");
                return refuse("to", message, "cable from it: it plays by itself");
            }
            Some(Carrier::Midi)
        }
        (Sort::Midi | Sort::Generator, Sort::Stage) => {
            let hint = "stages take audio: cable MIDI into an instrument, and the instrument into the stage";
            refuse("to", format!("MIDI cannot go into the stage `{destination}`"), hint)
        }
        (Sort::Midi | Sort::Generator, _) => {
            let hint = "cable MIDI into an instrument, and the instrument to the output";
            refuse("to", format!("MIDI cannot go to the audio output `{destination}`"), hint)
        }
        (_, Sort::Midi) => {
            let hint = "only a [midi.…] with `in` can be cabled into a MIDI port";
            refuse("to", format!("audio cannot go into the MIDI port `{destination}`"), hint)
        }
        (_, Sort::Generator) => {
            let hint = "generators play, and some listen to MIDI; cable from it into an instrument";
            refuse("to", format!("audio cannot go into the generator `{destination}`"), hint)
        }
        (_, Sort::Clip) => {
            let hint = "a clip plays its own sound; cable audio into a stage";
            refuse("to", format!("audio cannot go into the clip `{destination}`"), hint)
        }
        (_, Sort::Instrument) => {
            let hint = "instruments take MIDI only; cable audio into a stage";
            refuse("to", format!("audio cannot go into the instrument `{destination}`"), hint)
        }
        _ => Some(Carrier::Audio),
    }
}

fn refuse_foreign_keys(fields: &Fields<'_>, carrier: Carrier, problems: &mut Problems<'_>) {
    for key in keys::CABLE {
        if key.carried_by == Carrier::Any || key.carried_by == carrier || !fields.has(key.name) {
            continue;
        }
        let (carries, hint) = match carrier {
            Carrier::Midi => ("MIDI", "on MIDI cables `velocity` changes how loud; gain is for audio"),
            _ => ("audio", "it is for cables from a [midi.…] or a [generator.…]; put it there"),
        };
        let message = format!("this cable carries {carries}: it has no `{}`", key.name);
        problems.add(fields.key_at(key.name), message, Some(hint.to_owned()));
    }
}
