//! The scenes of a rig as the Renderer's table.

use std::collections::BTreeMap;

use super::model::scenes::{Does, Moves, Scene, Trigger};
use super::model::{CableKind, Port, Rig};
use crate::midi::Event;
use crate::render::{self, Act, Listen, ParameterEntry, SceneEntry, SceneTable, Turn, Width};
use crate::unit::Decibels;

/// Ids of scenes by name: what of a deployment goes on from rig to rig.
#[derive(Clone, Default, Debug)]
pub(super) struct SceneIds {
    ids: BTreeMap<String, u32>,
    last: u32,
}

impl SceneIds {
    /// The scenes of another rig: those whose name stays keep their id.
    pub(super) fn take(&mut self, rig: &Rig) {
        let old = std::mem::take(&mut self.ids);
        for scene in &rig.scenes {
            let id = old.get(&scene.name).copied().unwrap_or_else(|| {
                self.last += 1;
                self.last
            });
            self.ids.insert(scene.name.clone(), id);
        }
    }

    pub(super) fn of(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    pub(super) fn name(&self, id: u32) -> Option<&str> {
        self.ids.iter().find(|(_, known)| **known == id).map(|(name, _)| name.as_str())
    }
}

/// Where a table has its parameters, by node and index.
pub(super) type Places = BTreeMap<(u16, u16), u16>;

/// Where a table has its parameters.
pub(super) fn places(table: &SceneTable) -> Places {
    let place = |(at, parameter): (usize, &ParameterEntry)| ((parameter.node, parameter.index), at as u16);
    table.parameters.iter().enumerate().map(place).collect()
}

/// Which parameters scenes name, in the order in which they do.
pub(super) fn named(rig: &Rig) -> Vec<(Port, u16)> {
    let mut named = Vec::new();
    for setting in rig.scenes.iter().flat_map(|scene| &scene.set) {
        let parameter = (setting.actor, setting.parameter);
        if !named.contains(&parameter) {
            named.push(parameter);
        }
    }
    named
}

/// Where a parameter stands in a scene: a scene is a state, so what it does not
/// mention stands where the rig says.
pub(super) fn value_in(rig: &Rig, scene: &Scene, (actor, parameter): (Port, u16)) -> f32 {
    let setting = scene.set.iter().find(|setting| (setting.actor, setting.parameter) == (actor, parameter));
    setting.map_or_else(|| rig.own_value(actor, parameter), |setting| setting.value)
}

/// The table of a rig whose actors stand at `node_of` and ports at `port_of`.
/// `continues`: for each control of the rig, which one of the table before it is;
/// `before`: where that table has its parameters, by node and index.
pub(super) fn table(
    rig: &Rig,
    ids: &SceneIds,
    node_of: impl Fn(Port) -> Option<u16>,
    port_of: impl Fn(usize) -> Option<u16>,
    continues: &[Option<u16>],
    before: &Places,
) -> SceneTable {
    let places: Vec<(Port, u16)> =
        named(rig).into_iter().filter(|(actor, _)| node_of(*actor).is_some()).collect();
    let entry = |(actor, parameter): (Port, u16)| {
        Some(ParameterEntry::new(node_of(actor)?, parameter, rig.own_value(actor, parameter)))
    };
    let mut parameters: Vec<ParameterEntry> = places.iter().copied().filter_map(entry).collect();
    let named = parameters.len();
    let mut triggers = Vec::new();
    let mut push = |trigger: &Trigger, act| {
        let port = trigger.from.map(|from| port_of(from).unwrap_or(u16::MAX));
        triggers.push(render::Trigger::new(trigger.listen, port, trigger.channels, act, trigger.consume));
    };
    let turn_to = |scene: &Scene| Some(Act::Turn(Turn::To(ids.of(&scene.name)?)));
    // What the command line fixed is not the rig's to change.
    let says_tempo = !rig.transport.is_fixed && rig.scenes.iter().any(|scene| scene.tempo.is_some());
    let mut scenes = Vec::new();
    for scene in &rig.scenes {
        let Some(id) = ids.of(&scene.name) else { continue };
        let values = places.iter().map(|place| value_in(rig, scene, *place)).collect();
        let tempo = says_tempo.then(|| scene.tempo.unwrap_or(rig.transport.tempo));
        scenes.push(SceneEntry { id, values, tempo, muted: muted(rig, scene) });
        scene.triggers.iter().for_each(|trigger| push(trigger, Act::Turn(Turn::To(id))));
    }
    let mut controls = Vec::new();
    for (index, control) in rig.controls.iter().enumerate() {
        let act = match &control.does {
            Does::NextScene => Some(Act::Turn(Turn::Next)),
            Does::PreviousScene => Some(Act::Turn(Turn::Previous)),
            Does::Panic => Some(Act::Panic),
            Does::Order(order) => Some(Act::Order(*order)),
            Does::Scene(scene) => rig.scenes.get(*scene).and_then(turn_to),
            Does::Moves(moves) => entry((moves.actor, moves.parameter)).map(|fresh| {
                let same = |known: &ParameterEntry| (known.node, known.index) == (fresh.node, fresh.index);
                let parameter = parameters.iter().position(same).unwrap_or_else(|| {
                    parameters.push(fresh);
                    parameters.len() - 1
                });
                let width = width(&control.triggers);
                let continues = continues.get(index).copied().flatten();
                controls.push(made(moves, parameter as u16, width, continues));
                Act::Control(controls.len() as u16 - 1)
            }),
        };
        if let Some(act) = act {
            control.triggers.iter().for_each(|trigger| push(trigger, act));
        }
    }
    for parameter in &mut parameters {
        parameter.continues = before.get(&(parameter.node, parameter.index)).copied();
    }
    triggers.sort_by_key(|trigger| trigger.listen.order());
    let setlist = rig.setlist.iter().map(|scene| *scene as u16).collect();
    let built = rig.first_scene().unwrap_or(0) as u16;
    SceneTable { scenes, setlist, built, parameters, named, triggers, controls }
}

fn made(moves: &Moves, parameter: u16, width: Width, continues: Option<u16>) -> render::Control {
    let Moves { range, curve, is_whole, pickup, .. } = *moves;
    let mut control = render::Control::new(parameter, width, range, curve);
    (control.is_whole, control.pickup, control.continues) = (is_whole, pickup, continues);
    control
}

fn width(triggers: &[Trigger]) -> Width {
    match triggers {
        [Trigger { listen: Listen::Controller(coarse), .. }, _] => Width::Pair { coarse: *coarse },
        [Trigger { listen: Listen::Bend | Listen::Registered(_), .. }] => Width::Fourteen,
        _ => Width::Seven,
    }
}

/// A bit for each MIDI cable that begins or ends at what a scene mutes.
fn muted(rig: &Rig, scene: &Scene) -> Vec<u64> {
    let cables = rig.cables.iter().filter(|cable| matches!(cable.kind, CableKind::Midi(_)));
    let mut bits = Vec::new();
    for (index, cable) in cables.enumerate() {
        bits.resize(index / 64 + 1, 0);
        if scene.mute.contains(&cable.to) || scene.mute.contains(&cable.from) {
            bits[index / 64] |= 1 << (index % 64);
        }
    }
    bits
}

/// For each control of a rig: which Renderer's control of the rig before it is.
pub(super) fn continued(old: &Rig, new: &Rig) -> Vec<Option<u16>> {
    let moves = |does: &Does| matches!(does, Does::Moves(_));
    let before: Vec<_> = old.controls.iter().filter(|control| moves(&control.does)).collect();
    let described = |rig: &Rig, control: &super::Control| {
        let Does::Moves(moves) = control.does else { return None };
        let from: Vec<_> = control
            .triggers
            .iter()
            .map(|t| (t.listen, t.channels, t.from.map(|at| rig.midi[at].name.clone())))
            .collect();
        Some((rig.port_name(moves.actor).to_owned(), moves.parameter, from))
    };
    let find = |control: &super::Control| {
        let wanted = described(new, control)?;
        before
            .iter()
            .position(|old_one| described(old, old_one).as_ref() == Some(&wanted))
            .map(|at| at as u16)
    };
    new.controls.iter().map(find).collect()
}

/// Where an actor's parameters stand when it is built: in the rig's first scene,
/// whatever is played, so that what is built depends on rigs only. The Renderer tells
/// it the rest.
pub(super) fn values_of(rig: &Rig, actor: Port) -> Vec<(u16, f32)> {
    let Some(scene) = rig.first_scene().map(|first| &rig.scenes[first]) else { return Vec::new() };
    let mine = scene.set.iter().filter(|setting| setting.actor == actor);
    mine.filter(|setting| setting.parameter != Event::GAIN)
        .map(|setting| (setting.parameter, setting.value))
        .collect()
}

/// The gain that an actor or an input is built with.
pub(super) fn gain_of(rig: &Rig, actor: Port) -> Decibels {
    let place = (actor, Event::GAIN);
    let scene = rig.first_scene().map(|first| &rig.scenes[first]);
    Decibels(scene.map_or_else(|| rig.own_value(actor, Event::GAIN), |scene| value_in(rig, scene, place)))
}
