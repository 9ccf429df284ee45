//! What happens to a parcel.

use super::Renderer;
use crate::render::dispatch::Reach;
use crate::render::{Destination, FIRST_GENERATOR, Swap};

impl Renderer {
    pub(super) fn take_swaps(&mut self) {
        while self.waiting.len() < self.waiting.capacity() {
            let Some(swap) = self.swaps.borrow() else { break };
            self.waiting.push(swap);
        }
        let mut index = 0;
        while index < self.waiting.len() {
            if self.waiting[index].not_before.is_some_and(|frame| frame > self.frame) {
                index += 1;
                continue;
            }
            let mut swap = self.waiting.remove(index);
            if let Some(log) = &mut self.log {
                log.swap(self.frame, swap.serial);
            }
            self.exchange(&mut swap);
            self.swaps.give_back(swap);
        }
    }

    /// Exchanges what is in a parcel for what is here.
    fn exchange(&mut self, swap: &mut Swap) {
        let time = self.frame;
        let Renderer { plan, nodes, sinks, inbox, dispatch, buses, performers, taps, taken, .. } = self;
        if let Some(new) = &mut swap.plan {
            for edge in &mut new.edges {
                if let Some(old) = edge.continues.and_then(|old| plan.edges.get(usize::from(old))) {
                    edge.gain = old.gain;
                    if old.gain.target() != edge.target {
                        edge.gain.go(edge.target, self.ramp_frames);
                    }
                } else {
                    edge.gain.go(edge.target, self.ramp_frames);
                }
            }
            let kept = |index: usize| new.cables.iter().any(|c| c.continues == Some(index as u16));
            dispatch.lift_pedals(time, kept, inbox, &mut Reach { plan, nodes, sinks, performers });
        }
        for (place, feed) in &mut swap.sources {
            let port = inbox.port_of(*place);
            dispatch.end_source(*place, time, port, &mut Reach { plan, nodes, sinks, performers });
            inbox.exchange(*place, feed);
        }
        for (number, seat) in &mut swap.performers {
            let source = FIRST_GENERATOR.saturating_add(*number);
            let reach = &mut Reach { plan, nodes, sinks, performers };
            dispatch.end_source(source, time, Some(source), reach);
            dispatch.forget(Destination::Generator(*number), time, reach);
            performers.exchange(*number, seat);
        }
        for (number, segment) in &mut swap.segments {
            performers.supply(*number, segment);
        }
        for (number, tap) in &mut swap.taps {
            put(taps, *number, tap);
        }
        for (place, state) in &mut swap.states {
            dispatch.exchange_state(*place, state, time, &mut Reach { plan, nodes, sinks, performers });
        }
        for (place, sink) in &mut swap.sinks {
            dispatch.forget(Destination::Sink(*place), time, &mut Reach { plan, nodes, sinks, performers });
            put(sinks, *place, sink);
        }
        for (place, node) in &mut swap.nodes {
            dispatch.forget(Destination::Node(*place), time, &mut Reach { plan, nodes, sinks, performers });
            put(nodes, *place, node);
        }
        for (place, bus) in &mut swap.buses {
            put(buses, *place, bus);
        }
        if !(swap.nodes.is_empty() && swap.buses.is_empty()) {
            note(&mut taken.nodes, nodes);
            note(&mut taken.buses, buses);
        }
        for remains in &mut swap.remains {
            if let Some(Some(node)) = nodes.get_mut(usize::from(remains.node)) {
                node.give_remains(remains);
            }
        }
        for (place, processor) in &mut swap.revived {
            if !matches!(nodes.get(usize::from(*place)), Some(Some(node)) if node.has_failed()) {
                continue;
            }
            // Its notes are ended: no release shall come for what it never heard.
            dispatch.forget(Destination::Node(*place), time, &mut Reach { plan, nodes, sinks, performers });
            if let Some(Some(node)) = nodes.get_mut(usize::from(*place)) {
                node.revive(processor, time);
            }
            dispatch.scenes.remind(*place, time, &mut Reach { plan, nodes, sinks, performers });
        }
        if let Some(new) = &mut swap.plan {
            std::mem::swap(plan, new);
            self.time.exchange(time, &new.time, &plan.time, sinks);
            let is_fresh = |node| swap.nodes.iter().any(|(place, _)| *place == node);
            dispatch.scenes.renew(&new.scenes, is_fresh, time, &mut Reach { plan, nodes, sinks, performers });
        }
    }
}

fn put<T>(places: &mut [Option<Box<T>>], place: u16, object: &mut Option<Box<T>>) {
    if let Some(there) = places.get_mut(usize::from(place)) {
        std::mem::swap(there, object);
    }
}

/// Notes which places are taken.
fn note<T>(taken: &mut Vec<u16>, places: &[Option<Box<T>>]) {
    taken.clear();
    taken.extend((0..).zip(places).filter_map(|(place, there)| there.as_ref().map(|_| place)));
}
