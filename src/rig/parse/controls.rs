//! `[[control]]`.

use toml_edit::{Item, TableLike, Value};

use super::super::keys::{self, CONTROLLERS};
use super::super::model::Rig;
use super::super::model::scenes::{Control, Does, Moves, Trigger};
use super::super::problem::{nearest, quoted};
use super::cables::tables;
use super::fields::{Fields, Problems};
use super::names::Names;
use super::{CONTROL_LIMIT, parameters, scenes};
use crate::midi::registered::Parameter;
use crate::render::{Curve, Listen};
use crate::stage::Unit;
use crate::transport::Order;
use crate::unit::Key;

/// The keys that say what is heard: one of them stands in every control.
const HEARD: [&str; 7] = ["controller", "rpn", "nrpn", "bend", "pressure", "note", "program"];
const ACTIONS: [&str; 8] =
    ["next-scene", "previous-scene", "scene:NAME", "panic", "start", "stop", "continue", "tap"];

pub(super) fn read(root: &dyn TableLike, names: &Names<'_>, rig: &mut Rig, problems: &mut Problems<'_>) {
    let known: Vec<&str> = keys::CONTROL.iter().map(|key| key.name).collect();
    let tables = tables(root, "control", problems);
    if let Some((at, _)) = tables.get(CONTROL_LIMIT) {
        problems.add(at, format!("a rig may have up to {CONTROL_LIMIT} controls"), None);
    }
    for (at, table) in tables.into_iter().take(CONTROL_LIMIT) {
        if !problems.has_room() {
            return;
        }
        let fields = Fields::read(table, at, "[[control]]", &known, problems);
        if let Some(control) = control(&fields, names, rig, problems) {
            rig.controls.push(control);
        }
    }
}

fn control(
    fields: &Fields<'_>,
    names: &Names<'_>,
    rig: &Rig,
    problems: &mut Problems<'_>,
) -> Option<Control> {
    let make = scenes::triggers(fields, names, problems);
    let consume = fields.has("consume");
    let make = |listen| {
        let trigger = make(listen);
        // Unlike what brings on a scene, it passes where nothing is said.
        Trigger { consume: consume && trigger.consume, ..trigger }
    };
    let heard = heard(fields, problems);
    let does = does(fields, names, rig, problems);
    let triggers = heard?.into_iter().map(make).collect();
    Some(Control { triggers, does: does? })
}

/// What it hears.
fn heard(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<Vec<Listen>> {
    let given = HEARD.iter().filter(|key| fields.has(key)).count();
    if given != 1 {
        let message = match given {
            0 => "this control hears nothing",
            _ => "a control hears one thing; this one names several",
        };
        let hint = format!("give it one of: {}", HEARD.join(", "));
        problems.add(&fields.at, message, Some(hint));
        return None;
    }
    let on = |key: &str, listen, problems: &mut Problems<'_>| {
        if fields.switch(key, problems)? {
            return Some(vec![listen]);
        }
        problems.add(&fields.value_at(key), "this control hears nothing", None);
        None
    };
    if fields.has("bend") {
        return on("bend", Listen::Bend, problems);
    }
    if fields.has("pressure") {
        return on("pressure", Listen::Pressure, problems);
    }
    let number = |name: &str, problems: &mut Problems<'_>| {
        let key = keys::CONTROL.iter().find(|key| key.name == name)?;
        fields.integer(key, problems).and_then(|number| u16::try_from(number).ok())
    };
    if fields.has("program") {
        let program = u8::try_from(number("program", problems)?).ok()?;
        return Some(vec![Listen::Program(program)]);
    }
    if fields.has("rpn") {
        return Some(vec![Listen::Registered(Parameter::Registered(number("rpn", problems)?))]);
    }
    if fields.has("nrpn") {
        return Some(vec![Listen::Registered(Parameter::NonRegistered(number("nrpn", problems)?))]);
    }
    if fields.has("note") {
        return note(fields, problems).map(|key| vec![Listen::Note(key)]);
    }
    controllers(fields, problems)
}

fn note(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<u8> {
    let item = fields.item("note")?;
    let number = item.as_integer().and_then(|number| u8::try_from(number).ok()).and_then(Key::new);
    let key = number.or_else(|| item.as_str().and_then(|text| text.parse().ok()));
    if key.is_none() {
        let hint = Some("a note such as \"C1\", or a number from 0 to 127".to_owned());
        problems.add(&fields.value_at("note"), "`note` must be a MIDI key", hint);
    }
    key.map(Key::number)
}

/// One controller, or a pair of which the first has the upper half.
fn controllers(fields: &Fields<'_>, problems: &mut Problems<'_>) -> Option<Vec<Listen>> {
    let number = |value: &Value| {
        let number = value.as_integer().filter(|number| (0..=CONTROLLERS).contains(number))?;
        u8::try_from(number).ok().map(Listen::Controller)
    };
    let heard = match fields.item("controller")? {
        Item::Value(Value::Array(list)) if list.len() == 2 => list.iter().map(number).collect(),
        Item::Value(value @ Value::Integer(_)) => number(value).map(|listen| vec![listen]),
        _ => None,
    };
    match heard {
        Some(pair) if pair.len() == 2 && pair[0] == pair[1] => {
            let hint = Some("the upper half first, such as [1, 33]".to_owned());
            problems.add(&fields.value_at("controller"), "a pair has two different controllers", hint);
            None
        }
        Some(heard) => Some(heard),
        None => {
            let message = format!("`controller` must be a number from 0 to {CONTROLLERS}, or a pair of them");
            problems.add(&fields.value_at("controller"), message, None);
            None
        }
    }
}

fn does(fields: &Fields<'_>, names: &Names<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Option<Does> {
    match (fields.has("set"), fields.has("do")) {
        (true, false) => moves(fields, names, rig, problems).map(Does::Moves),
        (false, true) => {
            for key in ["range", "curve", "pickup"].into_iter().filter(|key| fields.has(key)) {
                let hint = Some("it is for controls with `set`".to_owned());
                problems.add(fields.key_at(key), format!("a control with `do` has no `{key}`"), hint);
            }
            action(fields, rig, problems)
        }
        (given, _) => {
            let message =
                if given { "a control has `set` or `do`, not both" } else { "this control does nothing" };
            let hint = "write set = \"NAME.KEY\" to move a parameter, or do = \"next-scene\"";
            problems.add(&fields.at, message, Some(hint.to_owned()));
            None
        }
    }
}

fn action(fields: &Fields<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Option<Does> {
    let text = fields.text("do", problems)?;
    let at = fields.value_at("do");
    if let Some(name) = text.strip_prefix("scene:") {
        let scene = rig.scenes.iter().position(|scene| scene.name == name);
        if scene.is_none() {
            let message = format!("the rig has no scene {}", quoted(name));
            problems.add(&at, message, scenes::near(name, &rig.scenes));
        }
        return scene.map(Does::Scene);
    }
    Some(match text {
        "next-scene" => Does::NextScene,
        "previous-scene" => Does::PreviousScene,
        "panic" => Does::Panic,
        "start" => Does::Order(Order::Start),
        "stop" => Does::Order(Order::Stop),
        "continue" => Does::Order(Order::Continue),
        "tap" => Does::Order(Order::Tap),
        other => {
            let hint = match nearest(other, ACTIONS) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it may be: {}", ACTIONS.join(", ")),
            };
            problems.add(&at, format!("a control cannot do {}", quoted(other)), Some(hint));
            return None;
        }
    })
}

fn moves(fields: &Fields<'_>, names: &Names<'_>, rig: &Rig, problems: &mut Problems<'_>) -> Option<Moves> {
    let name = fields.text("set", problems)?;
    let at = fields.value_at("set");
    let Some(full) = name.split_once('.') else {
        let hint = Some("write \"NAME.KEY\", such as \"bass.cutoff_hertz\"".to_owned());
        problems.add(&at, format!("{} names no parameter", quoted(name)), hint);
        return None;
    };
    let meant = parameters::find(full, &at, names, rig, problems)?;
    let limits = meant.limits();
    let range = range(fields, limits, meant.unit().symbol(), problems)?;
    let words = keys::CURVES;
    let is_positive = range.0 > 0.0 && range.1 > 0.0;
    let curve = match fields.has("curve").then(|| fields.choice("curve", words, problems)) {
        Some(None) => return None,
        Some(Some(index)) if words.get(index) == Some(&"log") => {
            if !is_positive {
                let hint = Some("give it a range that lies above 0, or curve = \"linear\"".to_owned());
                let message = format!("a log curve cannot go from {} to {}", range.0, range.1);
                problems.add(&fields.value_at("curve"), message, hint);
                return None;
            }
            Curve::Log
        }
        Some(Some(_)) => Curve::Linear,
        None if meant.unit() == Unit::Hertz && is_positive => Curve::Log,
        None => Curve::Linear,
    };
    let pickup = fields.switch("pickup", problems).unwrap_or(false);
    Some(Moves {
        actor: meant.actor,
        parameter: meant.index,
        range: (range.0 as f32, range.1 as f32),
        curve,
        is_whole: meant.is_whole(),
        pickup,
    })
}

/// `range`, within the parameter's own.
fn range(
    fields: &Fields<'_>,
    (min, max): (f64, f64),
    unit: &str,
    problems: &mut Problems<'_>,
) -> Option<(f64, f64)> {
    let Some(item) = fields.item("range") else { return Some((min, max)) };
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|i| i as f64));
    let ends: Option<Vec<f64>> = item.as_array().and_then(|list| list.iter().map(number).collect());
    let Some([low, high]) = ends.as_deref() else {
        fields.wrong_type("range", "two numbers, such as [200, 8000]", None, problems);
        return None;
    };
    let inside = |value: &f64| (min..=max).contains(value);
    if !inside(low) || !inside(high) || low == high {
        let message = format!("`range` must be two different numbers from {min} to {max} {unit}");
        problems.add(&fields.value_at("range"), message.trim_end(), None);
        return None;
    }
    Some((*low, *high))
}
