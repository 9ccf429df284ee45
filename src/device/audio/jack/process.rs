use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::jack::{AudioIn, AudioOut, Client, Control, Port, ProcessHandler, ProcessScope};

use super::super::callback::{Callback, Edge};
use super::midi::{InPort, OutPort};
use super::transport::TransportEdge;
use super::{AudioPorts, Health};
use crate::render::{Planar, Renderer};
use crate::unit::Frame;

/// The most audio ports in one direction.
pub(super) const MAX_CHANNELS: usize = 64;

/// The process callback: MIDI in, audio, MIDI out, of one period.
pub(super) struct Process {
    callback: Callback,
    inputs: Vec<Port<AudioIn>>,
    outputs: Vec<Port<AudioOut>>,
    midi_inputs: Vec<InPort>,
    midi_outputs: Vec<OutPort>,
    transport: TransportEdge,
    health: Arc<Health>,
}

impl Process {
    pub(super) fn new(
        callback: Callback,
        audio: AudioPorts,
        (midi_inputs, midi_outputs): (Vec<InPort>, Vec<OutPort>),
        health: Arc<Health>,
    ) -> Process {
        let AudioPorts { inputs, outputs } = audio;
        let transport = TransportEdge::default();
        Process { callback, inputs, outputs, midi_inputs, midi_outputs, transport, health }
    }
}

impl ProcessHandler for Process {
    fn process(&mut self, client: &Client, scope: &ProcessScope) -> Control {
        self.health.calls.fetch_add(1, Relaxed);
        // A port's buffer is asked for once in a period: for an input with
        // several connections each asking mixes them anew.
        let mut inputs: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (place, port) in inputs.iter_mut().zip(&self.inputs) {
            *place = port.as_slice(scope);
        }
        let input_count = self.inputs.len().min(MAX_CHANNELS);
        let mut outputs: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
        let output_count = self.outputs.len().min(MAX_CHANNELS);
        for (place, port) in outputs.iter_mut().zip(&mut self.outputs) {
            *place = port.as_mut_slice(scope);
        }
        let mut ports = Planar { inputs: &inputs[..input_count], outputs: &mut outputs[..output_count] };
        let mut edge = MidiEdge {
            inputs: &mut self.midi_inputs,
            outputs: &mut self.midi_outputs,
            transport: &mut self.transport,
            client,
            scope,
        };
        self.callback.run_with(scope.n_frames() as usize, &mut ports, &mut edge);
        Control::Continue
    }
}

struct MidiEdge<'a> {
    inputs: &'a mut [InPort],
    outputs: &'a mut [OutPort],
    transport: &'a mut TransportEdge,
    client: &'a Client,
    scope: &'a ProcessScope,
}

impl Edge for MidiEdge<'_> {
    fn before(&mut self, renderer: &mut Renderer) {
        let (first, frames) = (renderer.frame(), self.scope.n_frames());
        self.transport.before(&self.client.transport(), frames, renderer);
        for port in self.inputs.iter_mut() {
            port.take(first, self.scope);
        }
    }

    fn after(&mut self, first: Frame, frames: usize, renderer: &Renderer) {
        self.transport.after(&self.client.transport(), renderer);
        for port in self.outputs.iter_mut() {
            port.give(first, frames, self.scope);
        }
    }

    fn absent(&mut self) {
        for port in self.outputs.iter_mut() {
            port.rest(self.scope);
        }
    }
}
