//! Rigs that are wrong are refused with every error at its place; rigs that
//! are right become what they say; nothing at all makes the parser panic.

use antiphon::rig::{self, CableKind, Port, Problem, Rig};
use antiphon::stage::{
    Kind, Kinds, Parameter, PrepareError, Processor, Role, Settings, Shape, StreamFormat, Unit, Value,
};
use antiphon::unit::SampleRate;
use proptest::prelude::*;

/// An instrument with one parameter of each shape.
struct Organ;

const ORGAN: &[Parameter] = &[
    Parameter {
        name: "cutoff_hertz",
        summary: "how bright",
        unit: Unit::Hertz,
        shape: Shape::Number { min: 20.0, max: 20_000.0 },
        default: Some(Value::Number(8_000.0)),
        example: Value::Number(1_200.0),
        live: true,
    },
    Parameter {
        name: "voices",
        summary: "how many notes at once",
        unit: Unit::Voices,
        shape: Shape::Integer { min: 1, max: 64 },
        default: Some(Value::Number(16.0)),
        example: Value::Number(8.0),
        live: false,
    },
    Parameter {
        name: "stop",
        summary: "which pipes",
        unit: Unit::None,
        shape: Shape::Choice(&["principal", "flute", "reed"]),
        default: Some(Value::Choice(0)),
        example: Value::Choice(2),
        live: false,
    },
    Parameter {
        name: "tremulant",
        summary: "whether it shakes",
        unit: Unit::None,
        shape: Shape::Switch,
        default: None,
        example: Value::Switch(true),
        live: true,
    },
];

impl Kind for Organ {
    fn name(&self) -> &'static str {
        "organ"
    }
    fn role(&self) -> Role {
        Role::Instrument
    }
    fn summary(&self) -> &'static str {
        "pipes"
    }
    fn parameters(&self) -> &'static [Parameter] {
        ORGAN
    }
    fn prepare(&self, _: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Err(PrepareError("never built here".into()))
    }
}

/// An instrument with a `gain` of its own.
struct Loud;

const LOUD: &[Parameter] = &[Parameter {
    name: "gain",
    summary: "more than other kinds have",
    unit: Unit::Decibels,
    shape: Shape::Number { min: 0.0, max: 40.0 },
    default: Some(Value::Number(0.0)),
    example: Value::Number(30.0),
    live: true,
}];

impl Kind for Loud {
    fn name(&self) -> &'static str {
        "loud"
    }
    fn role(&self) -> Role {
        Role::Instrument
    }
    fn summary(&self) -> &'static str {
        "a horn"
    }
    fn parameters(&self) -> &'static [Parameter] {
        LOUD
    }
    fn prepare(&self, _: &Settings, _: StreamFormat) -> Result<Box<dyn Processor>, PrepareError> {
        Err(PrepareError("never built here".into()))
    }
}

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    kinds.register(Organ);
    kinds.register(Loud);
    kinds
}

fn parsed(text: &str) -> Rig {
    rig::parse(text, &kinds()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

fn refused(text: &str) -> Vec<Problem> {
    rig::parse(text, &kinds()).err().unwrap_or_else(|| panic!("this was taken:\n{text}"))
}

/// Ten lines; each case writes after them, from line 11.
const BASE: &str = "\
[midi.keys]
in = '*'
[midi.box]
out = 'Volca*'
[input.mic]
channels = [1]
[instrument.lead]
kind = 'organ'
[stage.echo]
kind = 'delay'
";

/// Line, column, and a part of the message.
type Said = (usize, usize, &'static str);

/// What follows the base, and what is said of it.
const BAD: &[(&str, &[Said])] = &[
    // Names and sections.
    ("[instrument.solo]\nkind = 'orgam'", &[(12, 8, "unknown kind `orgam`")]),
    ("[stage.solo]\nkind = 'organ'", &[(12, 8, "`organ` is an instrument, not a stage")]),
    ("[instrument.solo]\nkind = 'delay'", &[(12, 8, "`delay` is a stage, not an instrument")]),
    ("[stage.solo]", &[(11, 8, "[stage.solo] has no `kind`")]),
    ("[stage.solo]\nkind = 3", &[(12, 8, "`kind` must be a text")]),
    ("[stage.lead]\nkind = 'gain'", &[(11, 8, "the name `lead` is taken by [instrument.lead] in line 7")]),
    ("[instrument.out]\nkind = 'organ'", &[(11, 13, "the name `out` is taken")]),
    ("[output.mic]", &[(11, 9, "the name `mic` is taken by [input.mic] in line 5")]),
    ("[midi.keys]\nout = '*'", &[(11, 7, "`keys` is given twice")]),
    ("[stage.'a b']\nkind = 'gain'", &[(11, 8, "`a b` cannot be a name")]),
    ("[stage.'']\nkind = 'gain'", &[(11, 8, "`` cannot be a name")]),
    ("[stage.'../up']\nkind = 'gain'", &[(11, 8, "cannot be a name")]),
    ("[midi.out_1]\nin = '*'", &[(11, 7, "cannot be the name of a MIDI port")]),
    ("[instruments.solo]\nkind = 'organ'", &[(11, 2, "unknown section `instruments`")]),
    ("[tape.loop]", &[(11, 2, "unknown section `tape`")]),
    ("[[midi]]", &[(11, 3, "")]),
    ("[engine]\nrate = 7999", &[(12, 8, "`rate` must be from 8000 to 192000 Hz; 7999 is not")]),
    ("[engine]\nrate = 48000.0", &[(12, 8, "a whole number from 8000 to 192000 Hz, not 48000.0")]),
    ("[engine]\nblock = 0", &[(12, 9, "from 1 to 8192 frames")]),
    ("[engine]\nblok = 64", &[(12, 1, "unknown key `blok` in [engine]")]),
    ("[engine]\nlimiter = 'no'", &[(12, 11, "`limiter` must be true or false, not the text `no`")]),
    // MIDI ports and devices.
    ("[midi.new]", &[(11, 7, "has neither `in` nor `out`")]),
    ("[midi.a]\nvirtual = true\n[midi.a_in]\nin = '*'", &[(13, 7, "one of the two ports of `a`")]),
    ("[midi.new]\nin = '['", &[(12, 6, "`in` is not a pattern")]),
    ("[midi.new]\nin = ''", &[(12, 6, "`in` fits no port")]),
    ("[midi.new]\nin = 1", &[(12, 6, "`in` must be a text in quotes, not 1")]),
    ("[midi.new]\nin = '*'\nvirtaul = true", &[(13, 1, "unknown key `virtaul` in [midi.new]")]),
    ("[input.a]\nchannels = [1, 2, 3]", &[(12, 12, "one or two channels, not 3")]),
    ("[input.a]\nchannels = []", &[(12, 12, "one or two channels, not 0")]),
    ("[output.a]\nchannels = [1, 65]", &[(12, 16, "from 1 to 64; 65 is not")]),
    ("[output.a]\nchannels = [0]", &[(12, 13, "from 1 to 64; 0 is not")]),
    ("[output.a]\nchannels = [3, 3]", &[(12, 16, "channel 3 is listed twice")]),
    ("[output.a]\nchannels = 3", &[(12, 12, "`channels` must be a list")]),
    // Parameters.
    ("[instrument.a]\nkind = 'organ'\ncutoff = 3", &[(13, 1, "unknown key `cutoff` in [instrument.a]")]),
    ("[instrument.a]\nkind = 'organ'\ncutoff_hertz = 5", &[(13, 16, "from 20 to 20000 Hz; 5 is not")]),
    ("[instrument.a]\nkind = 'organ'\ncutoff_hertz = nan", &[(13, 16, "from 20 to 20000 Hz; NaN")]),
    ("[instrument.a]\nkind = 'organ'\ncutoff_hertz = inf", &[(13, 16, "from 20 to 20000 Hz; inf")]),
    (
        "[instrument.a]\nkind = 'organ'\nvoices = 2.5",
        &[(13, 10, "a whole number from 1 to 64 voices, not 2.5")],
    ),
    ("[instrument.a]\nkind = 'organ'\nvoices = '8'", &[(13, 10, "not the text `8`")]),
    ("[instrument.a]\nkind = 'organ'\nstop = 'flut'", &[(13, 8, "unknown stop `flut`")]),
    (
        "[instrument.a]\nkind = 'organ'\nstop = 1",
        &[(13, 8, "one of the words principal, flute, reed, not 1")],
    ),
    (
        "[instrument.a]\nkind = 'organ'\ntremulant = 1",
        &[(13, 13, "`tremulant` must be true or false, not 1")],
    ),
    ("[instrument.a]\nkind = 'organ'\nisolate = 1", &[(13, 11, "`isolate` must be true or false")]),
    ("[instrument.a]\nkind = 'organ'\ngain = 25", &[(13, 8, "`gain` must be from -120 to 24 dB; 25 is not")]),
    ("[instrument.a]\nkind = 'organ'\ngain = -inf", &[(13, 8, "-120 to 24 dB; -inf")]),
    // Ends of cables.
    ("[[cable]]\nfrom = 'lead'", &[(11, 1, "this cable has no `to`")]),
    ("[[cable]]", &[(11, 1, "this cable has no `from`"), (11, 1, "this cable has no `to`")]),
    ("[[cable]]\nfrom = 'led'\nto = 'out'", &[(12, 8, "a cable from nowhere: the rig has no `led`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'leda'", &[(13, 6, "a cable to nowhere: the rig has no `leda`")]),
    ("[[cable]]\nfrom = 'lead'\nto = 'box'", &[(13, 6, "audio cannot go into the MIDI port `box`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'echo'", &[(13, 6, "MIDI cannot go into the stage `echo`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'out'", &[(13, 6, "MIDI cannot go to the audio output `out`")]),
    ("[[cable]]\nfrom = 'mic'\nto = 'lead'", &[(13, 6, "audio cannot go into the instrument `lead`")]),
    ("[[cable]]\nfrom = 'out'\nto = 'echo'", &[(12, 8, "cannot come from the output `out`")]),
    ("[[cable]]\nfrom = 'lead'\nto = 'mic'", &[(13, 6, "cannot go into the input `mic`")]),
    ("[[cable]]\nfrom = 'box'\nto = 'lead'", &[(12, 8, "`box` has no `in`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'keys'", &[(13, 6, "`keys` has no `out`")]),
    ("[cable]\nfrom = 'keys'\nto = 'lead'", &[(11, 2, "`cable` must be a list of tables, not a table")]),
    // Keys of cables.
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\ngain = -3", &[(14, 1, "carries MIDI: it has no `gain`")]),
    (
        "[[cable]]\nfrom = 'lead'\nto = 'out'\ntranspose = 3",
        &[(14, 1, "carries audio: it has no `transpose`")],
    ),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkeys = 'B3..A0'", &[(14, 8, "`keys` is upside down")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkeys = 'C4'", &[(14, 8, "`keys` is not a range")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkeys = 'C4..H4'", &[(14, 8, "`H4` is not a key")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkeys = 60", &[(14, 8, "`keys` must be a range")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocities = '0..9'", &[(14, 14, "from 1 to 127; `0` is not")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocities = '9..1'", &[(14, 14, "upside down")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\ntranspose = 128", &[(14, 13, "from -127 to 127 semitones")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nchannel = 17", &[(14, 11, "from 1 to 16; 17 is not")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nfrom_channel = 0", &[(14, 16, "from 1 to 16; 0 is not")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nfrom_channel = [1, 17]", &[(14, 20, "from 1 to 16; 17 is not")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nfrom_channel = []", &[(14, 16, "nothing would pass")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocity = 'medium'", &[(14, 12, "unknown velocity `medium`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocity = 128", &[(14, 12, "from 1 to 127; 128 is not")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocity = [[9, 1], [9, 2]]", &[(14, 21, "do not rise")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocity = [[9]]", &[(14, 13, "must be a pair")]),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nonly = ['notes', 'clok']",
        &[(14, 18, "the text `clok` is none")],
    ),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nonly = []", &[(14, 8, "nothing would pass")]),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nonly = ['notes']\nwithout = ['notes']",
        &[(15, 11, "no message would pass")],
    ),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nwithout = 'notes'", &[(14, 11, "must be a list of sorts")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nnotes = ['C', 'H']", &[(14, 15, "the text `H` is not a note")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nnotes = []", &[(14, 9, "lists no note")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nnotes = [128]", &[(14, 10, "128 is not a note")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nscale = 'X minor'", &[(14, 9, "unknown scale `X minor`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nscale = 'C'", &[(14, 9, "unknown scale `C`")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nscale = ['C4']", &[(14, 10, "is no note of a scale")]),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkey_fade = 4", &[(14, 1, "this cable has no `keys`")]),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nvelocity_fade = 4",
        &[(14, 1, "this cable has no `velocities`")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nchannel_map = [[1, 17]]",
        &[(14, 16, "must be two MIDI channels")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nchannel_map = [[1, 2], [1, 3]]",
        &[(14, 24, "channel 1 is in `channel_map` twice")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\nchannel = 1\nchannel_map = [[1, 2]]",
        &[(15, 1, "both `channel` and `channel_map`")],
    ),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ to = 1 }]", &[(14, 16, "has no `from`")]),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 120 }]",
        &[(14, 25, "120 is no controller")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 1 }, { from = 1 }]",
        &[(14, 39, "has a rule already")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 1, range = [1] }]",
        &[(14, 36, "must be two values from 0 to 127")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 1, curve = 'odd' }]",
        &[(14, 36, "unknown curve `odd`")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 1, form = 1 }]",
        &[(14, 28, "unknown key `form`")],
    ),
    (
        "[[cable]]\nfrom = 'keys'\nto = 'lead'\ncontrollers = [{ from = 'bend', to = 'bend' }]",
        &[(14, 16, "lose its fineness")],
    ),
    ("[[cable]]\nfrom = 'keys'\nto = 'lead'\nkey = 'C4..C5'", &[(14, 1, "unknown key `key` in [[cable]]")]),
    // Loops.
    ("[stage.a]\nkind = 'gain'\n[[cable]]\nfrom = 'a'\nto = 'a'", &[(13, 1, "the loop a -> a has no delay")]),
    (
        "[stage.a]\nkind = 'gain'\n[stage.b]\nkind = 'gain'\n[[cable]]\nfrom = 'a'\nto = 'b'\n[[cable]]\nfrom = 'b'\nto = 'a'",
        &[(18, 1, "the loop a -> b -> a has no delay")],
    ),
    (
        "[engine]\nrate = 8000\n[stage.a]\nkind = 'delay'\nseconds = 0.003\n[[cable]]\nfrom = 'a'\nto = 'a'",
        &[(16, 1, "the loop a -> a has too short a delay: `a` delays 24 frames")],
    ),
    // Musical time.
    ("[transport]\ntempo = 500", &[(12, 9, "from 20 to 400 BPM")]),
    ("[transport]\nfollow = 'kyes'", &[(12, 10, "there is no MIDI port `kyes`")]),
    ("[transport]\nfollow = 'box'", &[(12, 10, "nothing comes in by `box`")]),
    ("[transport]\nfollow = 'lead'", &[(12, 10, "`lead` is no MIDI port")]),
    ("[transport]\nmap = [[1, 120], [1, 90]]", &[(12, 18, "bar 1 cannot stand here")]),
    ("[transport]\nmap = [[1, 120], [2, 19]]", &[(12, 18, "from 20 to 400 BPM")]),
    ("[transport]\nmap = [[1, 120, 3]]", &[(12, 8, "is no bar with a tempo")]),
    ("[transport]\njack = 'leed'", &[(12, 8, "unknown jack `leed`")]),
    ("[transport]\njack = 'follow'\nfollow = 'keys'", &[(12, 1, "two clocks cannot be followed")]),
    ("[midi.c]\nin = '*'\nclock = true", &[(13, 1, "nothing goes out there")]),
    // TOML itself, and more than one problem at once.
    ("[stage.a", &[(11, 9, "this is not TOML")]),
    ("x = = 3", &[(11, 5, "this is not TOML")]),
    (
        "[stage.a]\nkind = 'gian'\n[[cable]]\nfrom = 'a'\nto = 'oot'\n[engine]\nrate = 1",
        &[(12, 8, "unknown kind `gian`"), (15, 6, "the rig has no `oot`"), (17, 8, "from 8000 to 192000 Hz")],
    ),
];

#[test]
fn bad_rigs_are_refused_at_the_place() {
    for (text, expected) in BAD {
        let text = format!("{BASE}{text}\n");
        let problems = refused(&text);
        let found: Vec<_> = problems.iter().map(|p| (p.line, p.column, p.message.as_str())).collect();
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, (line, column, fragment)) in found.iter().zip(*expected) {
            assert!(
                (found.0, found.1) == (*line, *column) && found.2.contains(fragment),
                "{text}\nfound {found:?}, wanted {:?}",
                (line, column, fragment)
            );
        }
    }
}

#[test]
fn hints_name_the_nearest() {
    let hint = |text: &str| refused(&format!("{BASE}{text}"))[0].hint.clone().unwrap_or_default();
    assert!(hint("[stage.a]\nkind = 'dealy'").starts_with("did you mean `delay`?"));
    assert!(hint("[instrument.a]\nkind = 'orgna'").starts_with("did you mean `organ`?"));
    assert_eq!(hint("[stage.a]\nkind = 'delay'\nfeedbak = 0.1"), "did you mean `feedback`?");
    assert_eq!(hint("[[cable]]\nfrom = 'kyes'\nto = 'lead'"), "did you mean `keys`?");
    assert_eq!(hint("[[cable]]\nfrom = 'mic'\nto = 'otu'"), "did you mean `out`?");
    assert_eq!(hint("[instrumant.a]"), "did you mean `instrument`?");
}

#[test]
fn a_rig_becomes_what_it_says() {
    let rig = parsed(
        r#"
        name = "Two manuals"
        [engine]
        rate = 44100
        block = 64
        limiter = false
        midi_latency_frames = 0
        [output.out]
        channels = [3, 4]
        gain = -1
        [stage.room]
        kind = "delay"
        [midi.keys]
        in = "KeyStep*"
        [midi.both]
        virtual = true
        [instrument.lead]
        kind = "organ"
        gain = -6
        voices = 4
        stop = "reed"
        [[cable]]
        from = "keys"
        to = "lead"
        from_channel = [1, 16]
        keys = "A0..B3"
        velocities = "10..100"
        transpose = -12
        velocity = [[1, 127], [127, 1]]
        channel = 3
        [[cable]]
        from = "both"
        to = "both"
        velocity = 64
        [[cable]]
        from = "lead"
        to = "out"
        gain = -3.5
        "#,
    );
    assert_eq!((rig.name.as_str(), rig.engine.rate.map(SampleRate::hertz)), ("Two manuals", Some(44_100)));
    assert_eq!(
        (rig.engine.block_frames, rig.engine.midi_latency_frames, rig.engine.limiter, rig.engine.connect),
        (Some(64), Some(0), false, true)
    );
    assert_eq!((rig.outputs[0].channels.as_slice(), rig.outputs[0].gain.0), (&[2, 3][..], -1.0));
    // In the order of the file, not of the sections.
    assert_eq!(rig.actors.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["room", "lead"]);
    let lead = &rig.actors[1];
    assert_eq!((lead.gain.0, lead.settings.given(1)), (-6.0, Some(Value::Number(4.0))));
    assert_eq!(
        (lead.settings.choice(ORGAN, "stop"), lead.settings.number(ORGAN, "cutoff_hertz")),
        (2, 8_000.0)
    );
    assert!(rig.midi[1].is_source() && rig.midi[1].is_destination() && !rig.midi[0].is_destination());
    assert_eq!((rig.cables[0].from, rig.cables[0].to), (Port::Midi(0), Port::Actor(1)));
    let CableKind::Midi(transform) = &rig.cables[0].kind else { panic!("{:?}", rig.cables[0]) };
    assert_eq!((transform.from_channels, transform.keys), (0x8001, (21, 59)));
    assert_eq!((transform.velocities, transform.transpose, transform.channel), ((10, 100), -12, Some(2)));
    assert_eq!((transform.velocity.apply(1), transform.velocity.apply(127)), (127, 1));
    let CableKind::Midi(fixed) = &rig.cables[1].kind else { panic!("{:?}", rig.cables[1]) };
    assert_eq!(fixed.velocity.apply(3), 64);
    assert_eq!(rig.cables[2].to, Port::Output(0));
    assert!(matches!(rig.cables[2].kind, CableKind::Audio { gain, closes_loop: false } if gain.0 == -3.5));
    assert_eq!(rig.warnings.len(), 1, "{:?}", rig.warnings);
}

#[test]
fn a_delay_closes_its_loop_and_only_from_within() {
    let rig = parsed(
        r#"
        [input.mic]
        [stage.echo]
        kind = "delay"
        mix = 1.0
        [stage.dim]
        kind = "gain"
        [stage.dry]
        kind = "gain"
        cable = []
        "#
        .replace(
            "cable = []",
            &cables(&[("mic", "echo"), ("dry", "echo"), ("echo", "dim"), ("dim", "echo"), ("dim", "out")]),
        )
        .as_str(),
    );
    let closes: Vec<bool> =
        rig.cables.iter().map(|c| matches!(c.kind, CableKind::Audio { closes_loop: true, .. })).collect();
    assert_eq!(closes, [false, false, false, true, false]);
}

#[test]
fn a_loop_is_judged_again_at_the_rate_it_is_played_at() {
    let loop_of_three_milliseconds =
        "[engine]\nrate = 48000\n[stage.a]\nkind = 'delay'\nseconds = 0.003\n[[cable]]\nfrom = 'a'\nto = 'a'";
    let deployed = |hertz| {
        let rate = SampleRate::new(hertz).expect("a rate");
        rig::Deployment::first(parsed(loop_of_three_milliseconds), rate, 0)
    };
    assert!(deployed(48_000).is_ok());
    let error = deployed(8_000).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with("at 8000 Hz the loop a -> a has too short a delay"), "{error}");
}

#[test]
fn two_loops_through_one_delay_are_closed_and_one_beside_it_is_not() {
    let stages = "[stage.e]\nkind='delay'\n[stage.a]\nkind='gain'\n[stage.b]\nkind='gain'\n";
    let closed = [("e", "a"), ("a", "b"), ("b", "e"), ("a", "e"), ("b", "out")];
    assert!(rig::parse(&format!("{stages}{}", cables(&closed)), &kinds()).is_ok());
    let open = [("e", "a"), ("a", "b"), ("b", "a"), ("b", "e")];
    let problems = refused(&format!("{stages}{}", cables(&open)));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("the loop a -> b -> a has no delay"), "{problems:?}");
}

fn cables(ends: &[(&str, &str)]) -> String {
    ends.iter().map(|(from, to)| format!("[[cable]]\nfrom = '{from}'\nto = '{to}'\n")).collect()
}

#[test]
fn a_gain_is_the_actors_unless_its_kind_has_one() {
    let rig = parsed("[stage.a]\nkind = 'gain'\ngain = -20\n[instrument.b]\nkind = 'loud'\ngain = 30\n");
    assert_eq!((rig.actors[0].gain.0, rig.actors[1].gain.0), (-20.0, 0.0));
    assert_eq!(rig.actors[1].settings.number(LOUD, "gain"), 30.0);
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let warnings = |text: &str| parsed(text).warnings.into_iter().map(|w| w.message).collect::<Vec<_>>();
    assert_eq!(warnings(""), ["nothing is cabled to an output: this rig is silent"]);
    assert_eq!(
        warnings("[instrument.a]\nkind = 'organ'\n[[cable]]\nfrom = 'a'\nto = 'out'"),
        ["no MIDI is cabled to `a`: nobody plays it"]
    );
    assert!(warnings("[midi.a]\nvirtual = true\n[[cable]]\nfrom = 'a'\nto = 'a'").is_empty());
}

#[test]
fn sizes_are_bounded() {
    let many = |section: &str, rest: &str, count: usize| -> String {
        (0..count).map(|i| format!("[{section}.n{i}]\n{rest}\n")).collect()
    };
    let first = |text: &str| refused(text)[0].message.clone();
    assert!(rig::parse(&many("stage", "kind = 'gain'", rig::ACTOR_LIMIT), &kinds()).is_ok());
    assert!(
        first(&many("stage", "kind = 'gain'", 2_000)).contains("up to 128 instruments, stages and clips")
    );
    assert!(first(&many("midi", "in = '*'", 65)).contains("up to 64 MIDI ports"));
    let thru = "[midi.a]\nvirtual = true\n";
    let lots = cables(&[("a", "a")]).repeat(rig::CABLE_LIMIT);
    assert!(rig::parse(&format!("{thru}{lots}"), &kinds()).is_ok());
    assert!(first(&format!("{thru}{lots}{}", cables(&[("a", "a")]))).contains("up to 1024 cables"));
    assert!(first(&" ".repeat(rig::TEXT_LIMIT_BYTES + 1)).contains("too long"));
    assert!(refused(&many("x", "", 60_000)).len() <= 100);
    assert!(refused(&(0..60_000).map(|i| format!("x{i} = 1\n")).collect::<String>()).len() <= 100);
    for deep in ["[", "{a=", "[[a.", "a.", "[a.", "'''", "\"\\u"] {
        refused(&format!("name = {}", deep.repeat(40_000)));
        refused(&deep.repeat(40_000));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_at_the_place() {
    let problems = rig::parse_bytes(b"name = 'a'\n# \xff", &kinds()).expect_err("no UTF-8");
    assert_eq!((problems[0].line, problems[0].column), (2, 3));
}

/// Every parameter's example, default and ends are taken, and nothing beyond.
#[test]
fn every_parameter_takes_what_it_says() {
    for kind in kinds().iter() {
        let section = match kind.role() {
            Role::Instrument => "instrument",
            Role::Stage => "stage",
            Role::Clip => "clip",
        };
        for (index, parameter) in kind.parameters().iter().enumerate() {
            let rig = |value: String| {
                let text = format!("[{section}.a]\nkind = '{}'\n{} = {value}\n", kind.name(), parameter.name);
                rig::parse(&text, &kinds())
            };
            let written = |value: Value| match (value, parameter.shape) {
                (Value::Number(number), Shape::Integer { .. }) => format!("{}", number as i64),
                (Value::Number(number), _) => format!("{number:?}"),
                (Value::Choice(word), Shape::Choice(words)) => format!("'{}'", words[word]),
                (Value::Switch(on), _) => on.to_string(),
                (value, shape) => panic!("{}: {value:?} is no {shape:?}", parameter.name),
            };
            for value in parameter.default.into_iter().chain([parameter.example]) {
                let taken = rig(written(value)).unwrap_or_else(|p| panic!("{p:?}"));
                assert_eq!(taken.actors[0].settings.given(index), Some(value));
            }
            let (inside, outside, range) = match parameter.shape {
                Shape::Number { min, max } => (
                    vec![format!("{min:?}"), format!("{max:?}")],
                    vec![
                        format!("{:?}", min - 0.01),
                        format!("{:?}", max + 0.01),
                        "nan".into(),
                        "-inf".into(),
                    ],
                    format!("from {min} to {max}"),
                ),
                Shape::Integer { min, max } => (
                    vec![min.to_string(), max.to_string()],
                    vec![(min - 1).to_string(), (max + 1).to_string()],
                    format!("from {min} to {max}"),
                ),
                Shape::Choice(_) => (vec![], vec!["'no such'".into()], "unknown".into()),
                Shape::Switch => {
                    (vec!["true".into(), "false".into()], vec!["1".into()], "true or false".into())
                }
            };
            for value in inside {
                assert!(rig(value.clone()).is_ok(), "{} = {value}", parameter.name);
            }
            for value in outside {
                let problems = rig(value.clone()).expect_err(&value);
                assert!(problems[0].message.contains(&range), "{problems:?}");
            }
        }
    }
}

/// The same of the keys that are not a kind's.
#[test]
fn every_key_takes_its_example_and_default() {
    for (section, _, keys) in rig::keys::SECTIONS {
        for key in *keys {
            for sample in key.default.into_iter().chain([key.example]) {
                let line = format!("{} = {sample}\n", key.name);
                let text = match *section {
                    "cable" => {
                        let (from, to) = match key.carried_by {
                            rig::keys::Carrier::Audio => ("lead", "out"),
                            _ => ("keys", "lead"),
                        };
                        let ends = [("from", from), ("to", to)].into_iter().filter(|end| end.0 != key.name);
                        let ends: String = ends.map(|(end, name)| format!("{end} = '{name}'\n")).collect();
                        let beside = match key.name {
                            "key_fade" => "keys = 'C2..C4'\n",
                            "velocity_fade" => "velocities = '9..99'\n",
                            _ => "",
                        };
                        format!("{BASE}[[cable]]\n{ends}{beside}{line}")
                    }
                    "engine" | "transport" => format!("{BASE}[{section}]\n{line}"),
                    "midi" => {
                        let ends = match key.name {
                            "in" | "out" => "",
                            "clock" => "out = '*'",
                            _ => "in = '*'",
                        };
                        format!("{BASE}[midi.new]\n{line}{ends}")
                    }
                    "scene" if key.name == "name" => format!("{BASE}[[scene]]\n{line}"),
                    "scene" => format!("{BASE}[[scene]]\nname = 'x'\n{line}"),
                    "control" => {
                        let hears = ["controller", "rpn", "nrpn", "bend", "pressure", "note", "program"]
                            .contains(&key.name);
                        let heard = if hears { "" } else { "controller = 1\n" };
                        let does = match key.name {
                            "set" | "do" => "",
                            "range" | "curve" | "pickup" => "set = 'lead.cutoff_hertz'\n",
                            _ => "do = 'panic'\n",
                        };
                        format!("{BASE}[[control]]\n{heard}{does}{line}")
                    }
                    "continuation" => {
                        let kind = if key.name == "kind" { "" } else { "kind = 'continuation'\n" };
                        format!("{BASE}[generator.new]\n{kind}{line}")
                    }
                    "generator" if key.name != "kind" => {
                        format!("{BASE}[generator.new]\nkind = 'local'\n{line}")
                    }
                    other => format!("{BASE}[{other}.new]\n{line}"),
                };
                parsed(&text);
            }
        }
    }
}

/// What scenes and controls may not say, and where that is said.
#[test]
fn bad_scenes_and_controls_are_refused_at_the_place() {
    let scene = |lines: &str| format!("{BASE}[[scene]]\nname = 'verse'\n{lines}\n");
    let control = |lines: &str| format!("{BASE}[[control]]\n{lines}\n");
    let cases = [
        (scene("set = { 'led.cutoff_hertz' = 900 }"), "nobody called `led`", "did you mean `lead`?"),
        (scene("set = { 'lead.cutof' = 900 }"), "no parameter `cutof`", "did you mean `lead.cutoff_hertz`?"),
        (scene("set = { lead.cutoff_hertz = 9 }"), "must be from 20 to 20000 Hz; 9 is not", ""),
        (scene("set = { 'lead.voices' = 3 }"), "`voices` of `lead` cannot be changed", "cutoff_hertz"),
        (scene("set = { 'keys.gain' = 3 }"), "`keys` is [midi.keys]: it has no parameters", "instruments"),
        (scene("set = { lead = 3 }"), "`lead` names no parameter", "write \"lead.KEY\""),
        (scene("set = { 'lead.gain' = 3, lead.gain = 4 }"), "`lead.gain` is set twice", ""),
        (scene("mute = ['echo']"), "`echo` takes no notes", "effects ring out"),
        (scene("mute = 'lead'"), "`mute` must be a list of names", "write mute = [\"lead\"]"),
        (scene("program = 128"), "must be from 0 to 127; 128 is not", ""),
        (scene("controller = 63"), "must be from 64 to 119", ""),
        (scene("key = 'q'"), "`q` cannot bring on a scene", "digits can"),
        (scene("key = 'H9'"), "`key` must name a key", "such as \"C1\""),
        (scene("from = 'lead'"), "`lead` is no MIDI port", "[midi.NAME]"),
        (scene("[[scene]]\nname = 'verse'"), "there is a scene `verse` already", ""),
        (scene("key = '1'\n[[scene]]\nname = 'b'\nkey = '1'"), "the key `1` brings on the scene `verse`", ""),
        (format!("setlist = ['vers']\n{}", scene("")), "no scene `vers`", "did you mean `verse`?"),
        (format!("setlist = []\n{}", scene("")), "a set list has 1 to 1024 places", ""),
        (control("do = 'panic'"), "this control hears nothing", "controller, rpn"),
        (control("bend = true\nnote = 3\ndo = 'panic'"), "a control hears one thing", ""),
        (control("controller = 120\ndo = 'panic'"), "`controller` must be a number from 0 to 119", ""),
        (control("controller = [1, 1]\ndo = 'panic'"), "a pair has two different controllers", "[1, 33]"),
        (control("controller = 1\ndo = 'panik'"), "a control cannot do `panik`", "did you mean \"panic\"?"),
        (control("controller = 1\ndo = 'scene:x'"), "no scene `x`", "add a [[scene]]"),
        (control("controller = 1"), "this control does nothing", "next-scene"),
        (control("controller = 1\ndo = 'panic'\npickup = true"), "has no `pickup`", ""),
        (
            control("controller = 1\nset = 'lead.cutoff_hertz'\nrange = [0, 100]"),
            "`range` must be two different numbers from 20 to 20000 Hz",
            "",
        ),
        (
            control("controller = 1\nset = 'lead.gain'\ncurve = 'log'"),
            "a log curve cannot go from -120 to 24",
            "above 0",
        ),
    ];
    for (text, message, hint) in cases {
        let problems = refused(&text);
        let first = &problems[0];
        assert!(first.message.contains(message), "{message}: {problems:?}\n{text}");
        assert!(first.hint.as_deref().unwrap_or("").contains(hint), "{hint}: {problems:?}\n{text}");
        assert!(first.line > 0, "{problems:?}");
    }
    let scenes =
        |count: usize| -> String { (0..count).map(|i| format!("[[scene]]\nname = 's{i}'\n")).collect() };
    assert!(rig::parse(&scenes(rig::SCENE_LIMIT), &kinds()).is_ok());
    assert!(refused(&scenes(rig::SCENE_LIMIT + 1))[0].message.contains("up to 128 scenes"));
}

/// A rig in which everything that can be said is said.
const FULL: &str = r#"
name = "Everything"
setlist = ["one", "two", "one"]
[engine]
rate = 48000
block = 64
limiter = true
connect = false
midi_latency_frames = 0
[midi.keys]
in = "KeyStep*"
out = "{a,b}*"
[midi.own]
virtual = true
[input.mic]
channels = [1]
gain = -3.0
[output.cue]
channels = [3, 4]
[instrument.lead]
kind = "organ"
cutoff_hertz = 900.0
voices = 8
stop = "flute"
tremulant = true
[stage.echo]
kind = "delay"
seconds = 0.3
[[cable]]
from = "keys"
to = "lead"
from_channel = [1, 2]
keys = "A0..B3"
velocities = "1..127"
transpose = -12
velocity = [[1, 20], [127, 110]]
channel = 3
[[cable]]
from = "lead"
to = "echo"
gain = -6.0
[[cable]]
from = "echo"
to = "echo"
[[cable]]
from = "echo"
to = "cue"
[[scene]]
name = "one"
program = 0
key = ["1", "C1", 24]
controller = 80
from = "keys"
channel = 16
consume = false
tempo = 96.5
set = { "lead.cutoff_hertz" = 900, lead.gain = -3.0, "echo.mix" = 0.5, "mic.gain" = -60 }
mute = ["lead", "keys"]
[[scene]]
name = "two"
[scene.set]
"lead.tremulant" = true
[[control]]
from = "keys"
channel = 2
controller = [1, 33]
set = "lead.cutoff_hertz"
range = [8000, 200.5]
curve = "log"
pickup = true
[[control]]
nrpn = 1027
set = "lead.tremulant"
[[control]]
note = "C#1"
do = "scene:two"
consume = true
"#;

#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Copy(usize, usize, usize),
    Byte(usize, u8),
    Token(usize, &'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let tokens = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "=",
        "\"",
        "'''",
        "\n",
        ".",
        ",",
        "{",
        "}",
        "nan",
        "-inf",
        "1e999",
        "-1",
        "0x7f",
        "99999999999999999999",
        "out",
        "echo",
        "1979-05-27",
        "true",
        "..",
        "#",
        "\\",
        "ü",
        "\u{feff}",
    ]);
    let at = 0..FULL.len();
    prop_oneof![
        (at.clone(), 1..60_usize).prop_map(|(a, n)| Edit::Delete(a, n)),
        (at.clone(), 1..80_usize, at.clone()).prop_map(|(a, n, b)| Edit::Copy(a, n, b)),
        (at.clone(), any::<u8>()).prop_map(|(a, byte)| Edit::Byte(a, byte)),
        (at, tokens).prop_map(|(a, token)| Edit::Token(a, token)),
    ]
}

fn edited(edits: &[Edit]) -> Vec<u8> {
    let mut bytes = FULL.as_bytes().to_vec();
    for edit in edits {
        let end = bytes.len();
        match *edit {
            Edit::Delete(at, count) => drop(bytes.drain(at.min(end)..(at + count).min(end))),
            Edit::Copy(at, count, to) => {
                let part = bytes[at.min(end)..(at + count).min(end)].to_vec();
                let to = to.min(end);
                bytes.splice(to..to, part);
            }
            Edit::Byte(at, byte) if at < end => bytes[at] = byte,
            Edit::Byte(..) => {}
            Edit::Token(at, token) => {
                let at = at.min(end);
                bytes.splice(at..at, token.bytes());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    /// Whatever is done to a rig, it is taken or refused with places in it.
    #[test]
    fn no_rig_makes_the_parser_panic(edits in prop::collection::vec(edit(), 1..6)) {
        let bytes = edited(&edits);
        match rig::parse_bytes(&bytes, &kinds()) {
            Ok(rig) => prop_assert!(rig.outputs[0].name == "out" && rig.cables.len() <= 8),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                let lines = bytes.split(|b| *b == b'\n').count();
                for problem in &problems {
                    prop_assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{:?}", problem);
                    let shown = problem.show("rig.toml".as_ref(), rig::Severity::Error).to_string();
                    prop_assert!(shown.starts_with("rig.toml:"));
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = rig::parse_bytes(&bytes, &kinds());
    }
}

#[test]
fn the_rig_of_the_mutations_is_right_itself() {
    assert!(parsed(FULL).warnings.is_empty());
}

/// The rigs that come with the program, and that the README shows.
#[test]
fn the_rigs_we_give_are_right() {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/rigs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let rig = rig::load(&path, &kinds).unwrap_or_else(|error| panic!("{error}"));
        assert!(rig.warnings.is_empty() && !rig.name.is_empty(), "{}: {:?}", path.display(), rig.warnings);
        let format = StreamFormat { rate: SampleRate::DEFAULT, seed: 1 };
        for actor in &rig.actors {
            assert!(actor.kind.prepare(&actor.settings, format).is_ok(), "{}", actor.name);
        }
        count += 1;
    }
    assert!(count >= 5);
    assert!(
        rig::parse(antiphon::engine::BUILT_IN_RIG, &kinds)
            .is_ok_and(|rig| rig.midi[0].input.as_deref() == Some("*"))
    );
}
