use super::AudioPorts;
use crate::unit::{Frame, HostTime};

/// Plays the plan: a pure function of what came in by the doors. Real-time: yes.
pub struct Renderer {
    frame: Frame,
}

impl Renderer {
    /// Renders the next `frames` frames, any number of them. `entry` is when the
    /// callback began, by which events stamped in host time are placed; `None`
    /// offline.
    pub fn render(&mut self, frames: usize, ports: &mut dyn AudioPorts, entry: Option<HostTime>) {
        let _ = (entry, ports);
        self.frame += frames as u64;
    }

    /// The next frame to be rendered.
    pub fn frame(&self) -> Frame {
        self.frame
    }
}
