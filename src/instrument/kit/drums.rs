use crate::dsp::filter::Response;

/// Two sines whose pitch drops. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Tone {
    pub level: f32,
    /// Where the pitch comes to rest.
    pub hertz: f64,
    /// How far above that it begins, and how soon it is there.
    pub drop_octaves: f64,
    pub drop_seconds: f64,
    /// The second sine's pitch and level, relative to the first.
    pub ratio: f64,
    pub ratio_level: f32,
    /// Decay by 60 dB.
    pub seconds: f32,
}

/// Filtered noise. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Hiss {
    pub level: f32,
    pub response: Response,
    pub cutoff_hertz: f64,
    pub resonance: f32,
    /// Decay by 60 dB.
    pub seconds: f32,
    /// Short bursts before the decay is heard, as of several hands.
    pub bursts: u32,
}

/// Six squares out of tune, through a high-pass. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Metal {
    pub level: f32,
    /// The lowest of them.
    pub hertz: f64,
    pub cutoff_hertz: f64,
    /// Decay by 60 dB.
    pub seconds: f32,
}

/// What a drum is made of. Real-time: yes.
#[derive(Clone, Copy, Debug)]
pub struct Drum {
    pub tone: Tone,
    pub hiss: Hiss,
    pub metal: Metal,
    /// Drums of the same number (but 0) end one another.
    pub choke: u8,
    /// −1 (left) to 1, as the audience sees the kit.
    pub pan: f32,
    pub level_decibels: f32,
}

/// The keys of the General MIDI percussion map.
const FIRST: u8 = 35;
const LAST: u8 = 81;
/// The choke groups.
const HATS: u8 = 1;
const WHISTLES: u8 = 2;
const GUIROS: u8 = 3;
const CUICAS: u8 = 4;
const TRIANGLES: u8 = 5;

impl Drum {
    pub const SILENT: Drum = Drum {
        tone: Tone {
            level: 0.0,
            hertz: 100.0,
            drop_octaves: 0.0,
            drop_seconds: 0.1,
            ratio: 1.5,
            ratio_level: 0.0,
            seconds: 0.1,
        },
        hiss: Hiss {
            level: 0.0,
            response: Response::High,
            cutoff_hertz: 5_000.0,
            resonance: 0.0,
            seconds: 0.1,
            bursts: 0,
        },
        metal: Metal { level: 0.0, hertz: 300.0, cutoff_hertz: 6_000.0, seconds: 0.1 },
        choke: 0,
        pan: 0.0,
        level_decibels: -12.0,
    };

    const fn level(self, level_decibels: f32) -> Drum {
        Drum { level_decibels, ..self }
    }

    const fn choked(self, choke: u8) -> Drum {
        Drum { choke, ..self }
    }
}

const fn kick(hertz: f64, seconds: f32) -> Drum {
    Drum {
        tone: Tone { level: 1.0, hertz, drop_octaves: 2.4, drop_seconds: 0.11, seconds, ..Drum::SILENT.tone },
        hiss: Hiss {
            level: 0.25,
            response: Response::Band,
            cutoff_hertz: 2_800.0,
            seconds: 0.025,
            ..Drum::SILENT.hiss
        },
        level_decibels: -10.5,
        ..Drum::SILENT
    }
}

const fn snare(hertz: f64, noise_hertz: f64, seconds: f32) -> Drum {
    Drum {
        tone: Tone {
            level: 0.6,
            hertz,
            drop_octaves: 0.6,
            drop_seconds: 0.05,
            ratio: 1.78,
            ratio_level: 0.6,
            seconds: 0.16,
        },
        hiss: Hiss { level: 0.8, cutoff_hertz: noise_hertz, seconds, ..Drum::SILENT.hiss },
        level_decibels: -14.0,
        ..Drum::SILENT
    }
}

const fn tom(hertz: f64, pan: f32) -> Drum {
    Drum {
        tone: Tone {
            level: 1.0,
            hertz,
            drop_octaves: 0.7,
            drop_seconds: 0.18,
            ratio: 1.504,
            ratio_level: 0.2,
            seconds: 0.6,
        },
        hiss: Hiss {
            level: 0.12,
            response: Response::Band,
            cutoff_hertz: 1_200.0,
            seconds: 0.09,
            ..Drum::SILENT.hiss
        },
        pan,
        level_decibels: -14.0,
        ..Drum::SILENT
    }
}

const fn hat(seconds: f32) -> Drum {
    Drum {
        hiss: Hiss { level: 0.25, cutoff_hertz: 9_000.0, seconds, ..Drum::SILENT.hiss },
        metal: Metal { level: 0.14, hertz: 319.0, cutoff_hertz: 7_500.0, seconds },
        choke: HATS,
        pan: 0.25,
        level_decibels: -11.0,
        ..Drum::SILENT
    }
}

const fn cymbal(hertz: f64, cutoff_hertz: f64, seconds: f32, pan: f32) -> Drum {
    Drum {
        hiss: Hiss { level: 0.4, cutoff_hertz, seconds: 0.7 * seconds, ..Drum::SILENT.hiss },
        metal: Metal { level: 0.12, hertz, cutoff_hertz, seconds },
        pan,
        level_decibels: -12.0,
        ..Drum::SILENT
    }
}

/// A skin or a piece of wood: a tone that is soon gone.
const fn block(hertz: f64, ratio: f64, seconds: f32, pan: f32) -> Drum {
    Drum {
        tone: Tone {
            level: 0.9,
            hertz,
            drop_octaves: 0.15,
            drop_seconds: 0.03,
            ratio,
            ratio_level: 0.35,
            seconds,
        },
        hiss: Hiss {
            level: 0.15,
            response: Response::Band,
            cutoff_hertz: 3_500.0,
            seconds: 0.015,
            ..Drum::SILENT.hiss
        },
        pan,
        level_decibels: -15.0,
        ..Drum::SILENT
    }
}

/// Struck metal with a pitch.
const fn bell(hertz: f64, ratio: f64, seconds: f32, pan: f32) -> Drum {
    Drum {
        tone: Tone { level: 0.6, hertz, ratio, ratio_level: 0.7, seconds, ..Drum::SILENT.tone },
        pan,
        level_decibels: -15.0,
        ..Drum::SILENT
    }
}

const fn shaker(cutoff_hertz: f64, seconds: f32, bursts: u32, pan: f32) -> Drum {
    Drum {
        hiss: Hiss { level: 0.7, response: Response::Band, cutoff_hertz, resonance: 0.15, seconds, bursts },
        pan,
        level_decibels: -12.0,
        ..Drum::SILENT
    }
}

/// The drum of a key; the nearest where the map has none.
///
/// Source: General MIDI System Level 1, table 3. Real-time: yes.
pub const fn drum(key: u8) -> Drum {
    let key = if key < FIRST {
        FIRST
    } else if key > LAST {
        LAST
    } else {
        key
    };
    match key {
        35 => kick(46.0, 0.55),
        36 => kick(54.0, 0.42),
        37 => block(1_700.0, 0.47, 0.045, -0.1),
        38 => snare(182.0, 2_600.0, 0.26),
        39 => shaker(1_250.0, 0.28, 3, 0.1).level(-1.0),
        40 => snare(225.0, 3_600.0, 0.2),
        41 => tom(72.0, -0.55),
        42 => hat(0.09),
        43 => tom(87.0, -0.4),
        44 => hat(0.06).level(-12.5),
        45 => tom(104.0, -0.2),
        46 => hat(0.7),
        47 => tom(126.0, 0.0),
        48 => tom(150.0, 0.2),
        49 => cymbal(395.0, 4_200.0, 2.6, -0.4),
        50 => tom(180.0, 0.4),
        51 => cymbal(520.0, 6_500.0, 1.8, 0.45).level(-16.0),
        52 => cymbal(310.0, 3_000.0, 1.8, 0.35),
        53 => bell(1_150.0, 2.41, 1.2, 0.45),
        54 => shaker(8_500.0, 0.22, 2, -0.2),
        55 => cymbal(450.0, 5_500.0, 1.0, -0.2),
        56 => bell(562.0, 1.504, 0.3, 0.15).level(-13.0),
        57 => cymbal(362.0, 4_000.0, 2.8, 0.5),
        58 => shaker(2_700.0, 0.9, 9, -0.3).level(-8.0),
        59 => cymbal(555.0, 7_200.0, 1.6, 0.5).level(-17.0),
        60 => block(420.0, 1.6, 0.16, 0.3),
        61 => block(300.0, 1.6, 0.2, 0.2),
        62 => block(340.0, 1.5, 0.1, -0.3),
        63 => block(330.0, 1.5, 0.3, -0.3),
        64 => block(220.0, 1.5, 0.35, -0.2),
        65 => block(480.0, 1.7, 0.35, 0.3),
        66 => block(350.0, 1.7, 0.4, 0.4),
        67 => bell(1_060.0, 1.51, 0.4, -0.4),
        68 => bell(790.0, 1.51, 0.45, -0.4),
        69 => shaker(6_500.0, 0.12, 2, -0.3),
        70 => shaker(7_500.0, 0.07, 0, -0.35),
        71 => bell(2_350.0, 1.02, 0.25, 0.2).choked(WHISTLES),
        72 => bell(2_250.0, 1.02, 0.8, 0.2).choked(WHISTLES),
        73 => shaker(3_300.0, 0.14, 6, 0.3).choked(GUIROS),
        74 => shaker(3_100.0, 0.5, 18, 0.3).choked(GUIROS),
        75 => block(2_500.0, 1.01, 0.09, 0.1),
        76 => block(1_150.0, 1.58, 0.08, -0.1),
        77 => block(820.0, 1.58, 0.1, 0.1),
        78 => block(560.0, 1.2, 0.15, 0.2).choked(CUICAS),
        79 => block(420.0, 1.2, 0.35, 0.2).choked(CUICAS),
        80 => bell(4_150.0, 1.31, 0.12, 0.3).choked(TRIANGLES),
        _ => bell(4_150.0, 1.31, 1.6, 0.3).choked(TRIANGLES),
    }
}
