use std::collections::BTreeMap;

use crate::engine::doors;
use crate::engine::summary::{SCENES_KEPT, SceneRecord};
use crate::midi::Event;
use crate::render::Turn;
use crate::rig::{Deployment, Rig};
use crate::stage::{Shape, Value};

/// The scene that is played, and what comes next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SceneState {
    /// Its name.
    pub name: String,
    /// Its place in the set list, counted from 1, and how many there are; `None`
    /// for a scene that is not in it.
    pub place: Option<(usize, usize)>,
    /// The scene after it in the set list.
    pub next: Option<String>,
}

/// To which scene.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SceneTurn {
    /// The next of the set list; the last stays.
    Next,
    /// The one before; the first stays.
    Previous,
    /// The one of this name.
    To(String),
}

/// What the board knows of scenes and controls.
#[derive(Default)]
pub(super) struct Stand {
    /// The scenes of the rig, by id.
    names: BTreeMap<u32, String>,
    setlist: Vec<String>,
    /// Instruments, stages and inputs, by node.
    nodes: BTreeMap<u16, String>,
    now: Option<doors::Scene>,
    /// The scenes so far.
    history: Vec<SceneRecord>,
    /// What a control moved last, in words.
    moved: Option<String>,
}

impl Stand {
    pub(super) fn show_rig(&mut self, deployment: &Deployment) {
        let rig = deployment.rig();
        let id = |name: &String| Some((deployment.scene_id(name)?, name.clone()));
        self.names = rig.scenes.iter().filter_map(|scene| id(&scene.name)).collect();
        self.setlist = rig.setlist.iter().map(|scene| rig.scenes[*scene].name.clone()).collect();
        let actors = rig.actors.iter().map(|actor| &actor.name);
        let named = actors.chain(rig.inputs.iter().map(|input| &input.name));
        self.nodes = named.filter_map(|name| Some((deployment.node_of(name)?, name.clone()))).collect();
        self.moved = None;
    }

    pub(super) fn show(&mut self, scene: doors::Scene) {
        let Some(name) = self.names.get(&scene.id) else {
            // Of a rig that is on its way.
            self.now = Some(scene);
            return;
        };
        let is_new = self.history.last().is_none_or(|last| last.name != *name || last.frame != scene.frame);
        if is_new && self.history.len() < SCENES_KEPT {
            self.history.push(SceneRecord { name: name.clone(), frame: scene.frame });
        }
        self.now = Some(scene);
    }

    pub(super) fn show_moved(&mut self, rig: &Rig, node: u16, index: u16, value: f32) {
        let Some(actor) = self.nodes.get(&node) else { return };
        self.moved = Some(format!("{actor}.{}", described(rig, actor, index, value)));
    }

    pub(super) fn state(&self) -> Option<SceneState> {
        let now = self.now?;
        let name = self.names.get(&now.id)?.clone();
        let at = now.place.map(usize::from).filter(|at| *at < self.setlist.len());
        let next = at.map_or(0, |at| at + 1);
        Some(SceneState {
            place: at.filter(|at| self.setlist[*at] == name).map(|at| (at + 1, self.setlist.len())),
            next: self.setlist.get(next).cloned(),
            name,
        })
    }

    pub(super) fn moved(&self) -> Option<&str> {
        self.moved.as_deref()
    }

    pub(super) fn history(&self) -> &[SceneRecord] {
        &self.history
    }

    /// What the Renderer is to be told.
    pub(super) fn turn(&self, turn: &SceneTurn) -> Option<Turn> {
        match turn {
            SceneTurn::Next => Some(Turn::Next),
            SceneTurn::Previous => Some(Turn::Previous),
            SceneTurn::To(name) => {
                self.names.iter().find(|(_, known)| *known == name).map(|(id, _)| Turn::To(*id))
            }
        }
    }
}

/// `cutoff_hertz 1200 Hz`.
fn described(rig: &Rig, actor: &str, index: u16, value: f32) -> String {
    let actor = rig.actors.iter().find(|known| known.name == actor);
    let parameter = actor.and_then(|actor| actor.kind.parameters().get(usize::from(index)));
    let Some(parameter) = parameter.filter(|_| index != Event::GAIN) else {
        return format!("gain {value:.1} dB");
    };
    let shown = match (parameter.shape, parameter.shape.value_of(value)) {
        (Shape::Choice(words), Value::Choice(index)) => words.get(index).copied().unwrap_or("").to_owned(),
        (_, Value::Switch(on)) => on.to_string(),
        _ if value.abs() >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    };
    let unit = match parameter.unit {
        crate::stage::Unit::Ratio => "",
        unit => unit.symbol(),
    };
    format!("{} {shown} {unit}", parameter.name).trim_end().to_owned()
}
