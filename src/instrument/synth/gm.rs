use super::presets::preset;

/// The wire channel that plays drums in General MIDI: 10 to people.
pub const DRUM_CHANNEL: usize = 9;

/// The preset of each General MIDI family of eight programs.
///
/// Source: General MIDI System Level 1, table 1.
const FAMILIES: [&str; 16] = [
    "keys",
    "bell",
    "organ",
    "pluck-synth",
    "round-bass",
    "strings",
    "choir",
    "brass",
    "reed",
    "flute",
    "lead",
    "warm-pad",
    "sweep-pad",
    "koto",
    "mallet",
    "wind",
];

/// Programs that their family's preset would not do justice to, 0 to 127.
const EXCEPTIONS: [(u8, u8, &str); 11] = [
    (4, 5, "electric-piano"),
    (11, 13, "mallet"),
    (15, 15, "koto"),
    (38, 39, "acid-bass"),
    (45, 46, "pluck-synth"),
    (47, 47, "mallet"),
    (48, 51, "strings"),
    (55, 55, "brass"),
    (80, 80, "square-lead"),
    (91, 91, "choir"),
    (98, 98, "bell"),
];

const PROGRAMS: [u8; 128] = {
    let mut programs = [0; 128];
    let mut program = 0;
    while program < 128 {
        let mut name = FAMILIES[program / 8];
        let mut i = 0;
        while i < EXCEPTIONS.len() {
            let (first, last, preset) = EXCEPTIONS[i];
            if program >= first as usize && program <= last as usize {
                name = preset;
            }
            i += 1;
        }
        programs[program] = match preset(name) {
            Some(place) => place as u8,
            // PANIC: at compile time, if a table above names no preset.
            None => panic!("no such preset"),
        };
        program += 1;
    }
    programs
};

/// The place among the presets of a General MIDI program, 0 to 127. Real-time: yes.
pub fn preset_of_program(program: u8) -> usize {
    usize::from(PROGRAMS[usize::from(program & 0x7f)])
}

#[cfg(test)]
mod tests {
    use super::super::presets::PRESETS;
    use super::*;

    #[test]
    fn programs_get_a_preset_of_their_family() {
        let name = |program| PRESETS[preset_of_program(program)].name;
        assert_eq!(name(0), "keys");
        assert_eq!(name(4), "electric-piano");
        assert_eq!(name(19), "organ");
        assert_eq!(name(33), "round-bass");
        assert_eq!(name(48), "strings");
        assert_eq!(name(52), "choir");
        assert_eq!(name(127), "wind");
        assert!((0..128).all(|program| name(program) != "init"));
    }
}
