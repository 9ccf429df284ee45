use std::collections::HashSet;
use std::time::Duration;

use ::jack::{AsyncClient, Client, Error, PortFlags, PortId};
use crossbeam::channel::{Receiver, RecvTimeoutError};

use super::super::error::FaultLatch;
use super::super::{AudioRequest, StreamInfo};
use super::link::Watched;
use super::notify::Notify;
use super::process::Process;
use super::server::{AUDIO, MIDI};
use crate::device::pattern::NamePattern;

/// Ports that appear without a notice are found after this long.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What the patchbay's thread is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// This port appeared: see what there is to connect, and forget that there
    /// was one of its name before.
    Came(PortId),
    /// Ports were connected or disconnected: see whose.
    Rewired,
    /// Close the client.
    Stop,
}

/// One port of ours and the gear it belongs to.
pub(super) struct Wish {
    port: String,
    pattern: NamePattern,
    is_input: bool,
}

impl Wish {
    pub(super) fn from_gear(port: &str, pattern: &str) -> Wish {
        Wish { port: port.to_owned(), pattern: NamePattern::whole(pattern), is_input: true }
    }

    pub(super) fn to_gear(port: &str, pattern: &str) -> Wish {
        Wish { port: port.to_owned(), pattern: NamePattern::whole(pattern), is_input: false }
    }
}

/// Another program's or the machine's MIDI port.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Gear {
    name: String,
    aliases: Vec<String>,
    is_physical: bool,
}

/// What can be connected to now.
#[derive(Default, Debug)]
struct Offer {
    playback: Vec<String>,
    capture: Vec<String>,
    midi_sources: Vec<Gear>,
    midi_destinations: Vec<Gear>,
}

/// Connects our ports to what the rig names, when it appears, and again when
/// it comes back; what a person disconnects stays disconnected.
pub(super) struct Patchbay {
    client_name: String,
    connect: bool,
    device: Option<NamePattern>,
    output_channels: u16,
    input_channels: u16,
    wishes: Vec<Wish>,
    /// Pairs that were connected and whose ends both still exist.
    made: HashSet<(String, String)>,
    watched: Vec<Watched>,
}

impl Patchbay {
    pub(super) fn new(
        client_name: &str,
        info: &StreamInfo,
        request: &AudioRequest,
        wishes: Vec<Wish>,
        watched: Vec<Watched>,
    ) -> Patchbay {
        Patchbay {
            client_name: client_name.to_owned(),
            connect: request.connect,
            device: request.device.as_deref().map(NamePattern::whole),
            output_channels: info.output_channels,
            input_channels: info.input_channels,
            wishes,
            made: HashSet::new(),
            watched,
        }
    }

    /// Looks after the connections until told to stop, then closes the client.
    pub(super) fn serve(
        mut self,
        client: AsyncClient<Notify, Process>,
        orders: &Receiver<Order>,
        fault: &FaultLatch,
    ) {
        loop {
            if self.connect && !fault.is_set() {
                self.look(client.as_client());
            }
            if !fault.is_set() {
                self.watch(client.as_client());
            }
            match orders.recv_timeout(LOOK_INTERVAL) {
                Ok(Order::Came(port)) => self.forget(client.as_client(), port),
                Ok(Order::Rewired) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // Of a dead server this may fail; the client is closed either way.
        drop(client.deactivate());
    }

    /// Sees who is connected to our MIDI ports, whoever did it.
    fn watch(&mut self, client: &Client) {
        for watched in &mut self.watched {
            if let Some(port) = client.port_by_name(&watched.port) {
                watched.see(port.get_connections());
            }
        }
    }

    /// Between two looks a port may go and come back.
    fn forget(&mut self, client: &Client, port: PortId) {
        let name = client.port_by_id(port).and_then(|port| port.name().ok());
        if let Some(name) = name.filter(|name| !is_of(name, &self.client_name)) {
            self.made.retain(|(source, destination)| *source != name && *destination != name);
        }
    }

    fn look(&mut self, client: &Client) {
        let offer = Offer::of(client, &self.client_name);
        let wanted = self.wanted(&offer);
        self.made.retain(|pair| wanted.contains(pair));
        for pair in wanted {
            if self.made.contains(&pair) {
                continue;
            }
            match client.connect_ports_by_name(&pair.0, &pair.1) {
                Ok(()) | Err(Error::PortAlreadyConnected(..)) => {
                    self.made.insert(pair);
                }
                // One end went away in between: the next look tells.
                Err(_) => {}
            }
        }
    }

    /// The pairs (source, destination) that the rig asks for.
    fn wanted(&self, offer: &Offer) -> Vec<(String, String)> {
        let own = |port: &str| format!("{}:{port}", self.client_name);
        let is_device =
            |name: &&String| self.device.as_ref().is_none_or(|pattern| pattern.matches_part(name));
        let mut pairs = Vec::new();
        for (channel, port) in (1..=self.output_channels).zip(offer.playback.iter().filter(is_device)) {
            pairs.push((own(&format!("out_{channel}")), port.clone()));
        }
        for (channel, port) in (1..=self.input_channels).zip(offer.capture.iter().filter(is_device)) {
            pairs.push((port.clone(), own(&format!("in_{channel}"))));
        }
        for wish in &self.wishes {
            let gear = if wish.is_input { &offer.midi_sources } else { &offer.midi_destinations };
            for gear in gear.iter().filter(|gear| gear.is_meant_by(&wish.pattern)) {
                let ours = own(&wish.port);
                pairs.push(if wish.is_input { (gear.name.clone(), ours) } else { (ours, gear.name.clone()) });
            }
        }
        pairs
    }
}

impl Gear {
    /// By its whole name, the part after the client's, or an alias. "Any" means
    /// any that a person could touch: not another program, which could loop.
    fn is_meant_by(&self, pattern: &NamePattern) -> bool {
        if pattern.is_any() {
            return self.is_physical && !self.names().any(|name| name.contains("Midi Through"));
        }
        self.names().any(|name| {
            let port = name.split_once(':').map(|(_client, port)| port);
            pattern.matches(name) || port.is_some_and(|port| pattern.matches(port))
        })
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

impl Offer {
    fn of(client: &Client, own_name: &str) -> Offer {
        let audio = |flags| client.ports(None, Some(AUDIO), PortFlags::IS_PHYSICAL | flags);
        let midi = |flags| {
            let physical = client.ports(None, Some(MIDI), PortFlags::IS_PHYSICAL | flags);
            let all = client.ports(None, Some(MIDI), flags);
            let foreign = all.into_iter().filter(|name| !is_of(name, own_name));
            let gear = foreign.map(|name| {
                let port = client.port_by_name(&name);
                let aliases = port.and_then(|port| port.aliases().ok()).unwrap_or_default();
                let is_physical = physical.contains(&name);
                Gear { name, aliases, is_physical }
            });
            gear.collect()
        };
        Offer {
            playback: audio(PortFlags::IS_INPUT),
            capture: audio(PortFlags::IS_OUTPUT),
            midi_sources: midi(PortFlags::IS_OUTPUT),
            midi_destinations: midi(PortFlags::IS_INPUT),
        }
    }
}

fn is_of(port: &str, client: &str) -> bool {
    port.strip_prefix(client).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::SampleRate;

    fn gear(name: &str, alias: &str, is_physical: bool) -> Gear {
        Gear { name: name.into(), aliases: vec![alias.into()], is_physical }
    }

    fn patchbay(device: Option<&str>, wishes: Vec<Wish>) -> Patchbay {
        let info = StreamInfo {
            driver: "jack",
            device: "antiphon".into(),
            rate: SampleRate::DEFAULT,
            device_rate: SampleRate::DEFAULT,
            block_frames: 64,
            latency_frames: 64,
            output_channels: 2,
            input_channels: 1,
        };
        let request = AudioRequest { device: device.map(str::to_owned), ..AudioRequest::default() };
        Patchbay::new("antiphon-01", &info, &request, wishes, Vec::new())
    }

    #[test]
    fn audio_goes_to_the_physical_ports_of_the_device_in_order() {
        let offer = Offer {
            playback: ["hdmi:l", "hdmi:r", "card:l", "card:r", "card:3"].map(String::from).to_vec(),
            capture: ["card:mic", "card:mic2"].map(String::from).to_vec(),
            ..Offer::default()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            patchbay(Some("CARD"), Vec::new()).wanted(&offer),
            [
                pair("antiphon-01:out_1", "card:l"),
                pair("antiphon-01:out_2", "card:r"),
                pair("card:mic", "antiphon-01:in_1")
            ]
        );
        assert_eq!(patchbay(None, Vec::new()).wanted(&offer)[0].1, "hdmi:l");
    }

    #[test]
    fn gear_is_found_by_port_name_alias_or_whole_name_and_any_means_physical() {
        let offer = Offer {
            midi_sources: vec![
                gear("system:midi_capture_1", "alsa_pcm:KeyStep-37/midi_1", true),
                gear("a2j:Launchpad [20] (capture): one", "", true),
                gear("a2j:Midi Through [14]", "", true),
                gear("seq:out", "", false),
            ],
            midi_destinations: vec![gear("system:midi_playback_1", "Volca Keys", true)],
            ..Offer::default()
        };
        let sources = |pattern: &str| -> Vec<String> {
            let patchbay = patchbay(None, vec![Wish::from_gear("keys", pattern)]);
            patchbay.wanted(&offer).into_iter().map(|pair| pair.0).collect()
        };
        assert_eq!(sources("keystep*"), ["system:midi_capture_1"]);
        assert_eq!(sources("launchpad*"), ["a2j:Launchpad [20] (capture): one"]);
        assert_eq!(sources("seq:*"), ["seq:out"]);
        assert_eq!(sources("*"), ["system:midi_capture_1", "a2j:Launchpad [20] (capture): one"]);
        let thru = patchbay(None, vec![Wish::to_gear("expander", "volca*")]);
        assert_eq!(
            thru.wanted(&offer),
            [("antiphon-01:expander".to_owned(), "system:midi_playback_1".to_owned())]
        );
    }

    #[test]
    fn a_client_whose_name_begins_like_ours_is_foreign() {
        assert!(is_of("antiphon:keys", "antiphon") && !is_of("antiphon-01:keys", "antiphon"));
    }
}
