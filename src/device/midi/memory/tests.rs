use super::*;

fn after(messages: &[&[u8]]) -> Memory {
    let mut memory = Memory::default();
    for bytes in messages {
        let mut whole = [0; 3];
        whole[..bytes.len()].copy_from_slice(bytes);
        memory.observe(Message::decode(whole).expect("a message"));
    }
    memory
}

fn released(memory: &mut Memory) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    memory.release(|bytes| list.push(bytes.to_vec()));
    list
}

fn said(memory: &Memory) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let count = memory.say_all(|bytes| list.push(bytes.to_vec()));
    assert_eq!(count, list.len() as u64);
    list
}

#[test]
fn what_is_down_goes_up_once() {
    let mut memory = after(&[
        &[0x90, 0, 1],
        &[0x90, 127, 9],
        &[0x9f, 60, 1],
        &[0x9f, 61, 1],
        &[0x8f, 61, 0],
        &[0x9f, 62, 1],
        &[0x9f, 62, 0],
        &[0xb3, 64, 127],
        &[0xb3, 66, 64],
        &[0xb4, 64, 127],
        &[0xb4, 64, 0],
    ]);
    assert_eq!(
        released(&mut memory),
        [[0x80, 0, 64], [0x80, 127, 64], [0xb3, 64, 0], [0xb3, 66, 0], [0x8f, 60, 64]]
    );
    assert_eq!(released(&mut memory), Vec::<Vec<u8>>::new());
}

#[test]
fn wheels_and_pressure_go_to_rest_and_settings_stay() {
    let mut memory = after(&[
        &[0xb0, 7, 80],
        &[0xb0, 1, 33],
        &[0xb0, 11, 100],
        &[0xd0, 5],
        &[0xe0, 0, 0],
        &[0x90, 60, 1],
        &[0xa0, 60, 9],
    ]);
    let rest: [&[u8]; 6] =
        [&[0xb0, 1, 0], &[0xb0, 11, 127], &[0xd0, 0], &[0xe0, 0, 64], &[0xa0, 60, 0], &[0x80, 60, 64]];
    assert_eq!(released(&mut memory), rest);
    // What the player held is not said again; what was set is.
    assert_eq!(said(&memory), [[0xb0, 7, 80], [0xb0, 11, 100]]);
}

#[test]
fn what_another_holds_stays_as_it_holds_it() {
    let mut memory = after(&[&[0x90, 60, 1], &[0x90, 64, 1], &[0xb0, 64, 127], &[0xe0, 0, 0], &[0xb0, 1, 9]]);
    let other = after(&[&[0x90, 60, 1], &[0xb0, 64, 127], &[0xe0, 0, 96]]);
    let mut list = Vec::new();
    memory.release_beside(&[&other], |bytes| list.push(bytes.to_vec()));
    assert_eq!(list, [[0xb0, 1, 0], [0xe0, 0, 96], [0x80, 64, 64]]);
}

#[test]
fn messages_that_end_all_leave_nothing_to_release() {
    assert!(released(&mut after(&[&[0x91, 5, 1], &[0xb1, 123, 0]])).is_empty());
    assert!(released(&mut after(&[&[0x91, 5, 1], &[0xb1, 120, 0]])).is_empty());
    assert!(released(&mut after(&[&[0x91, 5, 1], &[0xb1, 64, 127], &[0xff]])).is_empty());
    let reset = after(&[&[0x91, 5, 1], &[0xe1, 0, 0], &[0xb1, 64, 127], &[0xb1, 7, 3], &[0xb1, 121, 0]]);
    assert_eq!(released(&mut reset.clone()), [[0x81, 5, 64]]);
    assert_eq!(said(&reset), [[0xb1, 7, 3]]);
}

#[test]
fn the_last_word_reaches_only_channels_that_were_used() {
    let mut list = Vec::new();
    after(&[&[0x92, 5, 1], &[0xc7, 1]]).release_all(|bytes| list.push(bytes.to_vec()));
    assert_eq!(list, [[0x82, 5, 64], [0xb2, 64, 0], [0xb2, 123, 0], [0xb7, 64, 0], [0xb7, 123, 0]]);
}

#[test]
fn bank_and_program_come_first_and_a_bank_chosen_since_after_them() {
    let memory = after(&[
        &[0xb5, 10, 20],
        &[0xb5, 0, 1],
        &[0xb5, 32, 2],
        &[0xc5, 40],
        &[0xb5, 32, 3],
        &[0xb5, 7, 90],
        &[0xb5, 39, 5],
        &[0x95, 60, 1],
    ]);
    let again: [&[u8]; 8] = [
        &[0xb5, 0, 1],
        &[0xb5, 32, 2],
        &[0xc5, 40],
        &[0xb5, 0, 1],
        &[0xb5, 32, 3],
        &[0xb5, 7, 90],
        &[0xb5, 10, 20],
        &[0xb5, 39, 5],
    ];
    assert_eq!(said(&memory), again);
    // Said to a fresh memory, it says the same.
    let again: Vec<&[u8]> = again.to_vec();
    assert_eq!(said(&after(&again)), said(&memory));
}

#[test]
fn a_new_upper_byte_takes_the_lower_one_for_zero() {
    assert_eq!(said(&after(&[&[0xb0, 7, 1], &[0xb0, 39, 2], &[0xb0, 7, 3]])), [[0xb0, 7, 3]]);
}

#[test]
fn parameters_are_written_again_and_the_selection_stays_as_it_was() {
    let memory = after(&[
        &[0xb2, 101, 0],
        &[0xb2, 100, 0],
        &[0xb2, 6, 12],
        &[0xb2, 99, 1],
        &[0xb2, 98, 8],
        &[0xb2, 6, 64],
        &[0xb2, 38, 127],
        &[0xb2, 96, 0],
        &[0xb2, 101, 127],
        &[0xb2, 100, 127],
        &[0xb2, 6, 99],
    ]);
    assert_eq!(
        said(&memory),
        [
            [0xb2, 101, 0],
            [0xb2, 100, 0],
            [0xb2, 6, 12],
            [0xb2, 101, 127],
            [0xb2, 100, 127],
            [0xb2, 99, 1],
            [0xb2, 98, 8],
            [0xb2, 6, 65],
            [0xb2, 38, 0],
            [0xb2, 101, 127],
            [0xb2, 100, 127],
        ]
    );
    let mut selecting = after(&[&[0xb2, 101, 0], &[0xb2, 100, 1]]);
    assert_eq!(released(&mut selecting), [[0xb2, 101, 127], [0xb2, 100, 127]]);
}

#[test]
fn a_flood_of_parameters_forgets_the_oldest_only() {
    let mut memory = Memory::default();
    for number in 0..100_u8 {
        for bytes in [[0xb0, 99, 0], [0xb0, 98, number], [0xb0, 6, number]] {
            memory.observe(Message::decode(bytes).expect("a message"));
        }
    }
    let values: Vec<u8> = said(&memory).iter().filter(|bytes| bytes[1] == 6).map(|bytes| bytes[2]).collect();
    assert_eq!(values.len(), parameters::SLOTS);
    assert!((36..100).all(|number| values.contains(&number)));
}

#[test]
fn what_changes_while_it_is_said_is_said_as_it_is_then() {
    let mut memory = after(&[&[0xb0, 7, 1], &[0xb0, 10, 2]]);
    let mut progress = Progress::default();
    let mut list = Vec::new();
    assert!(memory.say_next(&mut progress, |bytes| list.push(bytes.to_vec())));
    memory.observe(Message::ControlChange { channel: 0, controller: 10, value: 9 });
    assert!(memory.say_next(&mut progress, |bytes| list.push(bytes.to_vec())));
    assert!(!memory.say_next(&mut progress, |bytes| list.push(bytes.to_vec())));
    assert_eq!(list, [[0xb0, 7, 1], [0xb0, 10, 9]]);
}
