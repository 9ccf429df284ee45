//! Seeing gear come and go without opening it.

use std::time::Duration;

use super::{MidiError, MidiPortInfo};

/// Where the system says nothing, it is asked this often.
#[cfg(not(target_os = "linux"))]
const ASK_INTERVAL: Duration = Duration::from_millis(200);

/// Keeps looking for gear. Real-time: no.
pub struct Lookout {
    #[cfg(target_os = "linux")]
    announced: super::alsa::Announced,
    known: Vec<MidiPortInfo>,
}

/// What came and went between two looks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Ports that were not there before.
    pub arrived: Vec<MidiPortInfo>,
    /// Ports that are no more.
    pub lost: Vec<MidiPortInfo>,
}

impl Lookout {
    /// Begins to look; the first [`look`](Lookout::look) sees all that is there.
    ///
    /// # Errors
    /// [`MidiError`] where the system has no MIDI.
    pub fn open() -> Result<Lookout, MidiError> {
        Ok(Lookout {
            #[cfg(target_os = "linux")]
            announced: super::alsa::Announced::open()?,
            known: Vec::new(),
        })
    }

    /// Waits until something changes, at most for `limit`; gives what did.
    ///
    /// # Errors
    /// [`MidiError`] where the system's MIDI went away.
    pub fn look(&mut self, limit: Duration) -> Result<Seen, MidiError> {
        #[cfg(target_os = "linux")]
        let now = self.announced.ports(if self.known.is_empty() { Duration::ZERO } else { limit })?;
        #[cfg(not(target_os = "linux"))]
        let now = {
            if !self.known.is_empty() {
                std::thread::sleep(limit.min(ASK_INTERVAL));
            }
            super::list()?
        };
        let seen = compare(&self.known, &now);
        self.known = now;
        Ok(seen)
    }
}

fn compare(before: &[MidiPortInfo], now: &[MidiPortInfo]) -> Seen {
    let without = |list: &[MidiPortInfo], other: &[MidiPortInfo]| {
        list.iter().filter(|port| !other.contains(port)).cloned().collect()
    };
    Seen { arrived: without(now, before), lost: without(before, now) }
}

#[cfg(test)]
mod tests {
    use super::super::{Direction, Identity};
    use super::*;

    fn port(name: &str, serial: &str) -> MidiPortInfo {
        let identity = Identity { name: name.into(), serial: Some(serial.into()), ..Identity::default() };
        MidiPortInfo { name: name.into(), direction: Direction::In, id: "24:0".into(), identity }
    }

    #[test]
    fn another_device_in_the_same_place_is_another() {
        let (a, b, c) = (port("Keys", "A"), port("Keys", "B"), port("Pads", "A"));
        let seen = compare(&[a.clone(), c.clone()], &[c, b.clone()]);
        assert_eq!(seen, Seen { arrived: vec![b], lost: vec![a] });
    }
}
