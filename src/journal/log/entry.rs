use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::render::{Account, Swap};
use crate::unit::{Frame, SampleRate};

use super::machine::{cpu, simd, unix_seconds};

/// What a segment begins with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the program.
    pub version: String,
    /// Whether it holds the last minutes of something longer: then it can be read,
    /// and not played.
    pub black_box: bool,
    /// Of a black box that is a ring: the room of each slot, in bytes; else 0.
    #[serde(default)]
    pub slot_bytes: u32,
    /// The number of the segment, from 0.
    pub segment: u64,
    /// When the segment was begun, in seconds since 1970.
    pub unix_seconds: u64,
    /// Frames per second.
    pub rate_hertz: u32,
    /// Channels of the recording.
    pub channels: u16,
    /// The seed of whatever is random.
    pub seed: u64,
    /// The vector instructions that the signal path was built for.
    pub simd: String,
    /// What the processor can do, by the words of its maker.
    pub cpu: String,
    /// Who stood where when the segment was begun.
    pub names: Names,
}

impl Header {
    /// Of a log that this program would write here.
    pub fn of_this_machine() -> Header {
        Header::new(SampleRate::DEFAULT)
    }

    /// Of a log that this program begins now.
    pub fn new(rate: SampleRate) -> Header {
        Header {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            black_box: false,
            slot_bytes: 0,
            segment: 0,
            unix_seconds: unix_seconds(),
            rate_hertz: rate.hertz(),
            channels: 2,
            seed: 0,
            simd: simd().to_owned(),
            cpu: cpu(),
            names: Names::default(),
        }
    }
}

/// The rig's words for numbers in records.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct Names {
    /// The rig's own name.
    pub rig: String,
    /// Actors and audio inputs, by their nodes.
    pub nodes: BTreeMap<u16, String>,
    /// The parameters of actors, by their nodes.
    pub parameters: BTreeMap<u16, Vec<String>>,
    /// MIDI ports, by their places.
    pub ports: BTreeMap<u16, String>,
    /// The ports that sources feed, by the sources' places.
    #[serde(default)]
    pub sources: BTreeMap<u16, u16>,
}

/// What the control world tells the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The program that wrote it.
    Build {
        /// CRC-32 of the program's file.
        executable_crc: u32,
        /// Its length in bytes.
        executable_bytes: u64,
    },
    /// A parcel is lent to the Renderer.
    Parcel(Parcel),
    /// All that happened before this frame stands before this entry.
    Progress {
        /// The frame.
        frame: Frame,
    },
    /// The log ends here: nothing is missing.
    End {
        /// Frames in all.
        frame: Frame,
    },
    /// Entries found no room.
    Lost {
        /// How many.
        entries: u64,
    },
    /// A rig plays.
    Names {
        /// When.
        frame: Frame,
        /// Who stands where.
        names: Names,
    },
    /// Another driver or device plays.
    Device {
        /// When.
        frame: Frame,
        /// The driver; `null` without a device.
        driver: String,
        /// The device.
        device: String,
        /// Frames of a callback.
        block_frames: u32,
    },
    /// Gear came or went.
    Gear {
        /// When.
        frame: Frame,
        /// Its role in the rig.
        role: String,
        /// Its own name.
        device: String,
        /// Whether the engine sends to it.
        is_output: bool,
        /// Whether it is there from now on.
        is_connected: bool,
    },
    /// The device missed periods.
    Xruns {
        /// When.
        frame: Frame,
        /// How many so far.
        count: u64,
    },
    /// An actor failed.
    Fault {
        /// The first frame that was not its own.
        frame: Frame,
        /// Who.
        actor: String,
        /// How.
        kind: String,
        /// Where in the source, if it panicked.
        place: Option<String>,
    },
}

/// How a parcel is made again.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
pub struct Parcel {
    /// Its number.
    pub serial: u64,
    /// What cannot be seen of it.
    pub account: Option<AccountEntry>,
    /// Places of sources, and the ports that they feed; without one, the place is emptied.
    pub sources: Vec<(u16, Option<u16>)>,
    /// Places of sinks, and whether one stands there.
    pub sinks: Vec<(u16, bool)>,
    /// Nodes that are asked for the remains of their processors.
    pub remains: Vec<u16>,
    /// Nodes that get fresh processors.
    pub revived: Vec<u16>,
    /// Those of its nodes that workers play.
    pub isolated: Vec<u16>,
}

/// A tempo and its changes: bits of `f64`s in beats a minute.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TempoEntry {
    /// At the beginning.
    pub tempo: u64,
    /// From beats on, in their smallest parts.
    pub changes: Vec<(u64, u64)>,
}

/// [`Account`], as it is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountEntry {
    /// The first step to a rig.
    Rig {
        /// Its text.
        text: String,
        /// The tempo at which it is played whatever it says.
        tempo: Option<TempoEntry>,
        /// The folder of its file, where it has clips.
        #[serde(default)]
        folder: Option<PathBuf>,
        /// Its clips, and the digests of what they play.
        #[serde(default)]
        clips: Vec<(String, u64)>,
    },
    /// The next step to it.
    Settle,
    /// A fresh processor.
    Revival {
        /// The rig that says how it is built, counted from 1.
        rigs: u32,
        /// Parameters that are not as it says: the bits of an `f32` by index.
        values: Vec<(u16, u32)>,
    },
}

impl From<&Account> for AccountEntry {
    fn from(account: &Account) -> AccountEntry {
        match account {
            Account::Rig { text, tempo, sounds } => AccountEntry::Rig {
                folder: sounds.folder.clone().filter(|_| !sounds.clips.is_empty()),
                clips: sounds.clips.clone(),
                text: text.to_string(),
                tempo: tempo.as_ref().map(|(tempo, course)| TempoEntry {
                    tempo: tempo.beats_per_minute().to_bits(),
                    changes: course
                        .changes()
                        .iter()
                        .map(|change| (change.beat.0, change.tempo.beats_per_minute().to_bits()))
                        .collect(),
                }),
            },
            Account::Settle => AccountEntry::Settle,
            Account::Revival { rigs, values } => AccountEntry::Revival {
                rigs: *rigs,
                values: values.iter().map(|(index, value)| (*index, value.to_bits())).collect(),
            },
        }
    }
}

impl Parcel {
    /// Tells who feeds what once it is exchanged.
    pub fn seat(&self, names: &mut Names) {
        for (place, port) in &self.sources {
            match port {
                Some(port) => names.sources.insert(*place, *port),
                None => names.sources.remove(place),
            };
        }
    }

    /// What there is to say of a parcel, of which workers play these nodes.
    pub fn of(swap: &Swap, isolated: Vec<u16>) -> Parcel {
        Parcel {
            serial: swap.serial,
            account: swap.account.as_deref().map(AccountEntry::from),
            sources: swap
                .sources
                .iter()
                .map(|(place, feed)| (*place, feed.as_ref().map(|feed| feed.port)))
                .collect(),
            sinks: swap.sinks.iter().map(|(place, sink)| (*place, sink.is_some())).collect(),
            remains: swap.remains.iter().map(|remains| remains.node).collect(),
            revived: swap.revived.iter().map(|(node, _)| *node).collect(),
            isolated,
        }
    }
}

impl Entry {
    /// When it happened, where that is known.
    pub fn frame(&self) -> Option<Frame> {
        match self {
            Entry::Progress { frame }
            | Entry::End { frame }
            | Entry::Names { frame, .. }
            | Entry::Device { frame, .. }
            | Entry::Gear { frame, .. }
            | Entry::Xruns { frame, .. }
            | Entry::Fault { frame, .. } => Some(*frame),
            Entry::Build { .. } | Entry::Parcel(_) | Entry::Lost { .. } => None,
        }
    }
}
