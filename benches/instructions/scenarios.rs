//! The hot paths whose instructions are counted.

mod played;

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use antiphon::load::Load;
use antiphon::midi::codec::{Parsed, Parser};
use antiphon::midi::{Event, Message};
use antiphon::render::{
    Command, Feed, Origin, Outlet, Planar, Renderer, RendererHandle, RendererSettings, Score, Silence, Swap,
    TimeBase, Turn, inlet, log, outlet, renderer,
};
use antiphon::rig::{Deployment, Rig, parse};
use antiphon::rt::{guard, latest::latest, loan::loan, ring::ring, stream::stream};
use antiphon::stage::{Block, Context, Input, Kinds, Processor, Role, Settings, StreamFormat};
use antiphon::unit::{QUANTUM_FRAMES, SampleRate};

const RATE: SampleRate = SampleRate::DEFAULT;
/// Frames of a callback.
const BLOCK: usize = 64;
/// Callbacks that are counted together.
const BLOCKS: u64 = 64;
/// Callbacks before, until everything has settled.
const WARM_UP_BLOCKS: u64 = 256;
/// Callbacks of a second, in which the load strikes each of its voices once.
const SECOND_BLOCKS: u64 = 750;
/// Events of each callback where events are counted.
const EVENTS: u64 = 128;
const OPERATIONS: u64 = 1_000;

/// The scenario that has a bound of its own: instructions of a callback of 64 frames.
pub const LOAD: &str = "callback, 64 voices through a reverb";
/// What such a callback may cost at most.
pub const LOAD_AT_MOST: f64 = 600_000.0;

/// A hot path: what is counted, and by which unit.
pub struct Scenario {
    pub name: String,
    pub unit: &'static str,
    pub units: u64,
    /// Makes everything ready; what it gives is counted.
    pub prepare: Box<dyn FnOnce() -> Box<dyn FnMut()>>,
}

fn scenario<W: FnMut() + 'static>(
    name: impl Into<String>,
    unit: &'static str,
    units: u64,
    prepare: impl FnOnce() -> W + 'static,
) -> Scenario {
    Scenario { name: name.into(), unit, units, prepare: Box::new(move || Box::new(prepare())) }
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    let mut all = vec![
        scenario("callback, empty plan", "block", BLOCKS, || blocks(Playing::new("name = \"Empty\""))),
        scenario(LOAD, "block", SECOND_BLOCKS, load),
    ];
    for preset in ["init", "keys", "electric-piano", "strings"] {
        let keys = format!("kind = 'synth', preset = '{preset}', sustain = 0.7");
        all.push(instrument(format!("synth {preset}, 16 voices"), keys, 40..56));
    }
    all.push(instrument("synth kit, 16 drums".into(), "kind = 'synth', preset = 'kit'".into(), 35..51));
    all.push(instrument("pluck, 16 strings".into(), "kind = 'pluck', decay_seconds = 30".into(), 40..56));
    all.push(instrument("metronome".into(), "kind = 'metronome'".into(), 40..41));
    let stages = kinds();
    for kind in stages.iter().filter(|kind| kind.role() == Role::Stage) {
        let name = kind.name().to_owned();
        all.push(scenario(format!("stage {name}"), "block", BLOCKS, move || stage(&name)));
    }
    all.extend([
        scenario("dispatch, along a plain cable", "event", 16 * EVENTS, || cable("")),
        scenario("dispatch, along a cable with transforms", "event", 16 * EVENTS, || {
            cable(
                "transpose = 5\nvelocity = 'soft'\nscale = 'A minor'\nchannel = 3\nkeys = 'C-1..C7'\n\
                 only = ['notes', 'controllers']",
            )
        }),
        scenario("dispatch, written to the log", "event", 16 * EVENTS, logged),
        scenario("log, an input of two channels", "block", BLOCKS, logged_input),
        scenario("inbox, a storm from 8 live sources", "event", 8 * 16 * EVENTS, storm),
        scenario("plan swap, 32 stages", "swap", 1, plan_swap),
        scenario("scene change", "change", BLOCKS, scene_changes),
        scenario("ring, an event sent and received", "event", OPERATIONS, ring_events),
        scenario("stream, samples written and read", "block", OPERATIONS, stream_blocks),
        scenario("latest, published and read", "value", OPERATIONS, latest_values),
        scenario("loan, lent and given back", "parcel", OPERATIONS, loans),
        scenario("MIDI, decoded from the wire", "byte", wire().len() as u64, decode),
        scenario("MIDI, encoded", "message", OPERATIONS, encode),
    ]);
    all.extend(played::all());
    all
}

fn kinds() -> Kinds {
    let mut kinds = Kinds::empty();
    antiphon::instrument::register(&mut kinds);
    antiphon::stage::register(&mut kinds);
    kinds
}

fn rig(text: &str) -> Rig {
    parse(text, &kinds()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A Renderer that plays a rig.
struct Playing {
    renderer: Box<Renderer>,
    handle: RendererHandle,
    deployment: Deployment,
}

impl Playing {
    fn new(text: &str) -> Playing {
        Playing::with(text, |_, _| {})
    }

    fn with(text: &str, extend: impl FnOnce(&Deployment, &mut Swap)) -> Playing {
        let (mut deployment, mut swap) = Deployment::first(rig(text), RATE, 1).expect("it can be built");
        deployment.settle();
        extend(&deployment, &mut swap);
        let (renderer, handle, _clock) = renderer(RendererSettings { rate: RATE, midi_latency_frames: 0 });
        let mut playing = Playing { renderer, handle, deployment };
        playing.lend(swap);
        playing
    }

    fn lend(&mut self, swap: Swap) {
        assert!(self.handle.swaps.lend(Box::new(swap)).is_ok(), "there is a credit");
    }

    fn callbacks(&mut self, count: u64) {
        for _ in 0..count {
            let _fence = guard::enter();
            self.renderer.render(BLOCK, &mut Silence { output_channels: 2 }, None);
        }
    }

    /// Callbacks that are not counted, until everything has settled.
    fn warm_up(&mut self) {
        self.callbacks(WARM_UP_BLOCKS);
        while self.handle.swaps.collect().is_some() {}
    }
}

/// Gives a MIDI port events that come again after so many frames.
fn feed(deployment: &Deployment, swap: &mut Swap, port: &str, events: Vec<Event>, repeat: u64) {
    let port = deployment.port_of(port).expect("a port of the rig");
    let score = Score::new(events.into(), Box::default()).repeating(repeat);
    let place = 64 + swap.sources.len() as u16;
    swap.sources.push((place, Some(Box::new(Feed { port, origin: Origin::Score(score) }))));
}

/// Callbacks in the steady state.
fn blocks(mut playing: Playing) -> impl FnMut() {
    playing.warm_up();
    move || playing.callbacks(BLOCKS)
}

/// What `antiphon bench rt` counts voices by.
fn load() -> impl FnMut() {
    let load = Load::new(64);
    let mut playing = Playing::with(&load.rig(), |deployment, swap| {
        for named in load.scores(4.0) {
            let performance = named.score.at(RATE, 0);
            let port = named.port.expect("it is named");
            feed(deployment, swap, &port, performance.events.to_vec(), u64::MAX / 2);
        }
    });
    playing.warm_up();
    assert_eq!(playing.handle.latest.read().voices, 64);
    move || playing.callbacks(SECOND_BLOCKS)
}

/// An instrument whose keys are all held down.
fn instrument(name: String, kind: String, keys: std::ops::Range<u8>) -> Scenario {
    scenario(name, "block", BLOCKS, move || {
        let text = format!(
            "midi.keys.in = '*'\ninstrument.lead = {{ {kind} }}\n\
             cable = [{{ from = 'keys', to = 'lead' }}, {{ from = 'lead', to = 'out' }}]"
        );
        let chord = keys.map(|key| Event::from_bytes(WARM_UP_BLOCKS * 60, 0, &[0x90, key, 80])).collect();
        blocks(Playing::with(&text, |deployment, swap| {
            feed(deployment, swap, "keys", chord, u64::MAX / 2);
        }))
    })
}

/// A stage that hears noise.
fn stage(name: &str) -> impl FnMut() + use<> {
    let kinds = kinds();
    let kind = kinds.get(name).expect("a kind");
    let format = StreamFormat { rate: RATE, seed: 1 };
    processor(kind.prepare(&Settings::new(), format).expect("defaults are valid"))
}

/// A processor that hears noise.
fn processor(mut processor: Box<dyn Processor>) -> impl FnMut() {
    let mut samples = noise(1);
    let noise: [f32; QUANTUM_FRAMES] = std::array::from_fn(|_| samples.next().unwrap_or_default());
    let mut frame = 0;
    let mut quanta = move |count: u64| {
        for _ in 0..count {
            let _fence = guard::enter();
            let (mut left, mut right) = ([0.0; QUANTUM_FRAMES], [0.0; QUANTUM_FRAMES]);
            let context = Context::at_rest(frame, RATE, &[]);
            let input = Input { main: [&noise; 2], late: None };
            processor.process(&context, input, &mut Block { left: &mut left, right: &mut right });
            black_box((left, right));
            frame += QUANTUM_FRAMES as u64;
        }
    };
    let quanta_of = |blocks: u64| blocks * (BLOCK / QUANTUM_FRAMES) as u64;
    quanta(quanta_of(WARM_UP_BLOCKS));
    move || quanta(quanta_of(BLOCKS))
}

/// Noise of half the full level.
fn noise(seed: u32) -> impl Iterator<Item = f32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state as i32 >> 8) as f32 / (1 << 25) as f32
    })
}

const GEAR: &str = "[midi.keys]\nin = '*'\n[midi.gear]\nout = '*'\n[[cable]]\nfrom = 'keys'\nto = 'gear'\n";

/// Strikes, their releases and controllers, so many in each block.
fn messages() -> Vec<Event> {
    let message = |number: u64| {
        let key = 24 + (number / 3 % 72) as u8;
        match number % 3 {
            0 => Message::NoteOn { channel: 0, key, velocity: 64 },
            1 => Message::NoteOff { channel: 0, key, velocity: 64 },
            _ => Message::ControlChange { channel: 0, controller: 1, value: key },
        }
    };
    (0..EVENTS).map(|number| Event::midi(number * BLOCK as u64 / EVENTS, 0, message(number))).collect()
}

/// A Renderer with gear, and the gear's end.
fn with_gear(text: &str, extend: impl FnOnce(&Deployment, &mut Swap)) -> (Playing, Outlet) {
    let (sink, gear) = outlet();
    let playing = Playing::with(text, |deployment, swap| {
        let port = deployment.port_of("gear").expect("a port of the rig");
        swap.sinks.push((port, Some(Box::new(sink))));
        extend(deployment, swap);
    });
    (playing, gear)
}

fn drain(gear: &mut Outlet) -> u64 {
    let mut chunk = [0; 256];
    std::iter::from_fn(|| gear.receive(&mut chunk)).count() as u64
}

/// Events along one cable to gear, with all that the callback does besides.
fn cable(keys: &str) -> impl FnMut() + use<> {
    let (mut playing, mut gear) = with_gear(&format!("{GEAR}{keys}\n"), |deployment, swap| {
        feed(deployment, swap, "keys", messages(), BLOCK as u64);
    });
    playing.callbacks(WARM_UP_BLOCKS / 8);
    assert!(drain(&mut gear) > EVENTS);
    move || playing.callbacks(16)
}

/// The same, each written to the log too.
fn logged() -> impl FnMut() {
    let (mut playing, mut gear) = with_gear(GEAR, |deployment, swap| {
        feed(deployment, swap, "keys", messages(), BLOCK as u64);
    });
    let (log, reader) = log(4 << 20, false);
    playing.renderer.keep_log(Box::new(log));
    playing.callbacks(WARM_UP_BLOCKS / 8);
    drain(&mut gear);
    move || {
        playing.callbacks(16);
        assert_eq!(reader.lost(), 0);
    }
}

/// A device's input, each sample written to the log.
fn logged_input() -> impl FnMut() {
    let mut playing = Playing::new("[input.mic]\nchannels = [1, 2]\n[[cable]]\nfrom = 'mic'\nto = 'out'\n");
    let (log, reader) = log(4 << 20, true);
    playing.renderer.keep_log(Box::new(log));
    let (left, right): (Vec<f32>, Vec<f32>) = noise(1).zip(noise(2)).take(BLOCK).unzip();
    let mut out = [[0.0; BLOCK]; 2];
    let mut callbacks = move |count: u64| {
        for _ in 0..count {
            let _fence = guard::enter();
            let [out_left, out_right] = &mut out;
            let mut ports = Planar { inputs: &[&left, &right], outputs: &mut [out_left, out_right] };
            playing.renderer.render(BLOCK, &mut ports, None);
        }
        assert_eq!(reader.lost(), 0);
        black_box(&out);
    };
    callbacks(WARM_UP_BLOCKS);
    move || callbacks(BLOCKS)
}

/// Events of live sources, which wait in the inbox for their frames.
fn storm() -> impl FnMut() {
    let inlets = Rc::new(RefCell::new(Vec::new()));
    let (mut playing, mut gear) = with_gear(GEAR, |deployment, swap| {
        let port = deployment.port_of("keys").expect("a port of the rig");
        for place in 0..8 {
            let (inlet, source) = inlet(TimeBase::Frames);
            swap.sources.push((place, Some(Box::new(Feed { port, origin: Origin::Live(source) }))));
            inlets.borrow_mut().push(inlet);
        }
    });
    playing.callbacks(4);
    let begin = playing.renderer.frame();
    for event in 0..16 * EVENTS {
        for (inlet, controller) in inlets.borrow_mut().iter_mut().zip(1..) {
            inlet.message(begin + event * BLOCK as u64 / EVENTS, &[0xb0, controller, (event % 128) as u8]);
        }
    }
    assert_eq!(drain(&mut gear), 0);
    // Gear has less room than there is to say, and what it has no room for is counted.
    move || {
        for _ in 0..16 {
            playing.callbacks(1);
        }
        black_box(&gear);
    }
}

/// Stages side by side, whose cables have this gain.
fn wide_rig(gain: f32) -> String {
    let stage = |number: u32| {
        format!(
            "[stage.s{number}]\nkind = 'gain'\n[[cable]]\nfrom = 's{number}'\nto = 'out'\ngain = {gain:.1}\n"
        )
    };
    (0..32).map(stage).collect()
}

/// The callback that takes a new plan.
fn plan_swap() -> impl FnMut() {
    let mut playing = Playing::new(&wide_rig(-6.0));
    playing.warm_up();
    let change = playing.deployment.change(rig(&wide_rig(-9.0))).expect("it can be built");
    for command in change.commands {
        assert!(playing.handle.commands.send(command).is_ok());
    }
    playing.lend(change.swap);
    move || playing.callbacks(1)
}

/// Callbacks in each of which the scene changes.
fn scene_changes() -> impl FnMut() {
    let text = format!(
        "{GEAR}[instrument.lead]\nkind = 'synth'\n[stage.volume]\nkind = 'gain'\n\
         [[cable]]\nfrom = 'keys'\nto = 'lead'\n[[cable]]\nfrom = 'lead'\nto = 'volume'\n\
         [[cable]]\nfrom = 'volume'\nto = 'out'\n\
         [[scene]]\nname = 'first'\nmute = ['gear']\n\
         [[scene]]\nname = 'second'\nset = {{ 'volume.gain' = -20.0, 'lead.cutoff_hertz' = 900 }}\n"
    );
    let mut playing = Playing::new(&text);
    playing.warm_up();
    let mut turn = move |count: u64| {
        for number in 0..count {
            let turn = if number % 2 == 0 { Turn::Next } else { Turn::Previous };
            assert!(playing.handle.commands.send(Command::Scene(turn)).is_ok());
            playing.callbacks(1);
            while playing.handle.notices.receive().is_some() {}
        }
    };
    turn(4);
    move || turn(BLOCKS)
}

fn event() -> Event {
    Event::midi(0, 0, Message::NoteOn { channel: 0, key: 60, velocity: 100 })
}

fn ring_events() -> impl FnMut() {
    let (mut sender, mut receiver) = ring(1_024);
    move || {
        for _ in 0..OPERATIONS {
            let _ = sender.send(black_box(event()));
            black_box(receiver.receive());
        }
    }
}

fn stream_blocks() -> impl FnMut() {
    let (mut writer, mut reader) = stream::<f32>(8 * BLOCK);
    let (samples, mut out) = ([0.25_f32; 2 * BLOCK], [0.0_f32; 2 * BLOCK]);
    move || {
        for _ in 0..OPERATIONS {
            writer.write(black_box(&samples));
            reader.read(black_box(&mut out));
        }
    }
}

fn latest_values() -> impl FnMut() {
    let (mut publisher, mut newest) = latest([0_u64; 8]);
    move || {
        for number in 0..OPERATIONS {
            publisher.publish([number; 8]);
            black_box(newest.read());
        }
    }
}

fn loans() -> impl FnMut() {
    let (mut lender, mut borrower) = loan::<[u64; 8]>(4);
    let mut parcel = Some(Box::new([0_u64; 8]));
    move || {
        for _ in 0..OPERATIONS {
            assert!(lender.lend(parcel.take().expect("it is back")).is_ok());
            let lent = borrower.borrow().expect("it was lent");
            borrower.give_back(black_box(lent));
            parcel = lender.collect();
        }
    }
}

/// All kinds of messages, running status and realtime bytes among them.
fn wire() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..1_024 {
        let (channel, seven) = ((number % 16) as u8, (number * 37 % 128) as u8);
        match number % 8 {
            0 => bytes.extend_from_slice(&[0x90 | channel, seven, 100, seven ^ 1, 99]),
            1 => bytes.extend_from_slice(&[0x80 | channel, seven, 0]),
            2 => bytes.extend_from_slice(&[0xb0 | channel, seven % 120, seven]),
            3 => bytes.extend_from_slice(&[0xe0 | channel, seven, 64]),
            4 => bytes.extend_from_slice(&[0xc0 | channel, seven, 0xf8]),
            5 => bytes.extend_from_slice(&[0xd0 | channel, seven]),
            6 => bytes.extend_from_slice(&[0xf8, 0xfe]),
            _ => bytes.extend_from_slice(&[0xf0, 0x41, seven, 1, 0xf8, 2, 3, 4, 0xf7]),
        }
    }
    bytes
}

fn decode() -> impl FnMut() {
    let bytes = wire();
    move || {
        let (mut parser, mut found) = (Parser::new(), 0);
        parser.feed(black_box(&bytes), |parsed| {
            found += match parsed {
                Parsed::Message(bytes) => Event::from_bytes(0, 0, bytes).message().map_or(0, |_| 1),
                Parsed::Sysex { bytes, .. } => bytes.len(),
            };
        });
        assert!(black_box(found) > 0);
    }
}

fn encode() -> impl FnMut() {
    let messages: Vec<Message> = messages().iter().filter_map(Event::message).collect();
    move || {
        for message in messages.iter().cycle().take(OPERATIONS as usize) {
            black_box(black_box(message).encode());
        }
    }
}
