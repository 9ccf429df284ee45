use super::*;

fn channel() -> Channel {
    Channel::new(SampleRate::DEFAULT, 2.0)
}

fn settled_pitch(channel: &mut Channel) -> f32 {
    channel.snap();
    channel.pitch_semitones()
}

#[test]
fn the_wheel_reaches_its_range_and_the_range_can_be_set() {
    let mut channel = channel();
    channel.bend(16_383);
    assert_eq!(settled_pitch(&mut channel), 2.0);
    for (number, value) in [(101, 0), (100, 0), (6, 12), (38, 50)] {
        channel.control(0, number, value);
    }
    assert_eq!(settled_pitch(&mut channel), 12.5);
    channel.bend(0);
    assert_eq!(settled_pitch(&mut channel), -12.5);
    // Once an NRPN is chosen, data entry is not ours.
    channel.control(0, 99, 1);
    channel.control(0, 6, 3);
    assert_eq!(settled_pitch(&mut channel), -12.5);
    channel.control(0, 121, 0);
    assert_eq!(settled_pitch(&mut channel), 0.0);
}

#[test]
fn tuning_by_registered_parameters() {
    let mut channel = channel();
    for (number, value) in [(101, 0), (100, 2), (6, 63), (100, 1), (6, 96), (38, 0)] {
        channel.control(0, number, value);
    }
    assert_eq!(settled_pitch(&mut channel), -0.5);
}

#[test]
fn pan_has_constant_power_and_gains_arrive_in_10_ms() {
    let mut channel = channel();
    channel.control(0, 10, 127);
    channel.control(0, 7, 50);
    let (mut left, mut right) = ([0.0; 481], [0.0; 481]);
    channel.gains(&mut left, &mut right);
    assert_eq!((left[0], right[0]), (1.0, 1.0));
    assert_eq!(left[480], 0.0);
    assert!((right[480] - 0.25 * std::f32::consts::SQRT_2).abs() < 1e-6);
    for value in 0..=127_u8 {
        let [left, right] = pan_gains(centred(f32::from(value)));
        assert!((left * left + right * right - 2.0).abs() < 1e-5);
    }
}

#[test]
fn pedals_ask_only_when_they_move() {
    let mut channel = channel();
    assert_eq!(channel.control(0, 64, 0), Request::None);
    assert_eq!(channel.control(0, 64, 90), Request::None);
    assert!(channel.sustain());
    assert_eq!(channel.control(3, 66, 127), Request::SostenutoDown);
    assert_eq!(channel.control(0, 64, 10), Request::PedalUp);
    assert!(!channel.end_source(0));
    assert!(channel.end_source(3));
    assert_eq!(channel.control(0, 125, 0), Request::AllNotesOff);
}

#[test]
fn fine_parts_reach_between_the_coarse_ones() {
    let (mut coarse, mut fine) = (channel(), channel());
    for number in [1, 7, 10, 11] {
        coarse.control(0, number, 60);
        fine.control(0, number, 60);
        fine.control(0, number + 32, 64);
    }
    let measure = |channel: &mut Channel| {
        channel.snap();
        let (mut left, mut right) = ([0.0], [0.0]);
        channel.gains(&mut left, &mut right);
        (channel.modulation(), left[0], right[0])
    };
    let (low, between) = (measure(&mut coarse), measure(&mut fine));
    assert_eq!(between.0, 60.5 / 127.0);
    assert!(between.0 > low.0 && between.1 + between.2 > low.1 + low.2);
    // The next coarse part begins at its own value.
    for number in [1, 7, 10, 11] {
        fine.control(0, number, 60);
    }
    assert_eq!(measure(&mut fine), low);
}

#[test]
fn registered_parameter_six_asks_for_a_zone() {
    let mut channel = channel();
    channel.control(0, 101, 0);
    channel.control(0, 100, 6);
    assert_eq!(channel.control(0, 6, 15), Request::Zone(15));
    assert_eq!(settled_pitch(&mut channel), 0.0);
}
