/// Where each key goes so that only those of a scale are left: to the nearest,
/// and of two as near to the lower. Real-time: yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scale([u8; 128]);

impl Scale {
    /// Scales by name, each as semitones above its root.
    pub const NAMED: &[(&str, &[u8])] = &[
        ("major", &[0, 2, 4, 5, 7, 9, 11]),
        ("minor", &[0, 2, 3, 5, 7, 8, 10]),
        ("harmonic-minor", &[0, 2, 3, 5, 7, 8, 11]),
        ("melodic-minor", &[0, 2, 3, 5, 7, 9, 11]),
        ("dorian", &[0, 2, 3, 5, 7, 9, 10]),
        ("phrygian", &[0, 1, 3, 5, 7, 8, 10]),
        ("lydian", &[0, 2, 4, 6, 7, 9, 11]),
        ("mixolydian", &[0, 2, 4, 5, 7, 9, 10]),
        ("locrian", &[0, 1, 3, 5, 6, 8, 10]),
        ("pentatonic", &[0, 2, 4, 7, 9]),
        ("minor-pentatonic", &[0, 3, 5, 7, 10]),
        ("blues", &[0, 3, 5, 6, 7, 10]),
        ("whole-tone", &[0, 2, 4, 6, 8, 10]),
    ];

    /// The scale of these pitch classes (bit 0 is C); all keys stay where none is
    /// given. Real-time: no.
    pub fn new(classes: u16) -> Scale {
        let is_in = |key: i16| (0..=127).contains(&key) && classes & (1 << (key % 12)) != 0;
        Scale(std::array::from_fn(|key| {
            let key = key as i16;
            let near = (0..12).flat_map(|distance| [key - distance, key + distance]).find(|key| is_in(*key));
            near.unwrap_or(key) as u8
        }))
    }

    /// Where a key goes. Real-time: yes.
    pub fn apply(&self, key: u8) -> u8 {
        self.0[usize::from(key & 0x7f)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_to_the_nearest_of_its_scale() {
        let c_major = Scale::new(0b1010_1011_0101);
        assert_eq!([60, 61, 62, 63, 66, 71].map(|key| c_major.apply(key)), [60, 60, 62, 62, 65, 71]);
        let only_b = Scale::new(1 << 11);
        assert_eq!([0, 11, 12, 127].map(|key| only_b.apply(key)), [11, 11, 11, 119]);
        assert_eq!(Scale::new(0).apply(61), 61);
        for (name, steps) in Scale::NAMED {
            let classes = steps.iter().fold(0_u16, |bits, step| bits | 1 << step);
            let scale = Scale::new(classes);
            for key in 0..=127_u8 {
                let to = scale.apply(key);
                assert!(classes & (1 << (to % 12)) != 0 && to.abs_diff(key) <= 11, "{name} {key} {to}");
            }
        }
    }
}
