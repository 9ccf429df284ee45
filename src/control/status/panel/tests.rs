use super::*;
use crate::control::status::RecordView;

const PALETTE: Palette = Palette { colors: true, unicode: true };

fn view() -> StatusView {
    let gear = |name: &str, port: Option<&str>, is_output| GearView {
        name: name.into(),
        port: port.map(Into::into),
        is_output,
    };
    StatusView {
        rig: "Two manuals".into(),
        driver: "alsa".into(),
        device: "Scarlett 2i2 USB".into(),
        rate_hertz: 48_000,
        block_frames: 64,
        latency_seconds: 0.004,
        scheduler: "SCHED_FIFO 70".into(),
        load: 0.25,
        peaks: vec![0.5, 0.1],
        voices: 12,
        xruns: 3,
        gear: vec![gear("keys", Some("KeyStep 37"), false), gear("expander", None, true)],
        transport: TransportReport {
            state: "rolling".into(),
            bar: 3,
            beat: 2,
            tempo_bpm: 120.5,
            clock: "locked".into(),
            ..TransportReport::default()
        },
        seconds: 3_723.4,
        recording: Some(RecordView { path: "take.wav".into(), seconds: 61.0, ..RecordView::default() }),
        ..StatusView::default()
    }
}

fn drawn(palette: Palette, view: &StatusView, width: u16, height: u16) -> Buffer {
    let mut panel = Panel::new(palette);
    panel.update(view);
    panel.draw(view, Size { width, height })
}

fn text(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width).max(1);
    buffer.content.chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
}

#[test]
fn at_eighty_columns_everything_is_there() {
    let rows = text(&drawn(PALETTE, &view(), 80, 24));
    let all = rows.join("\n");
    for part in [
        "Two manuals",
        "● rec 1:01   1:02:03",
        "alsa Scarlett 2i2 USB   48000 Hz   64 frames   4.0 ms   SCHED_FIFO 70",
        " -6.0 dB",
        "-20.0 dB",
        "████············ 25 %",
        "voices 12",
        "master +0.0 dB",
        "xruns 3   late 0   dropped 0   faults 0",
        "keys ← KeyStep 37   expander → waiting",
        "rolling   3.2   120.50 BPM   clock locked",
        "Space panic   p play   c go on   t tap   r arm   + - level   a actors   q quit",
    ] {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
    assert_eq!(rows.len(), 10);
}

#[test]
fn bars_are_as_long_as_the_level_and_coloured_by_zone() {
    let buffer = drawn(PALETTE, &StatusView { peaks: vec![1.0, 0.001], ..view() }, 80, 24);
    let width = buffer.area.width;
    let row = |y: u16| (0..width).map(|x| buffer[(x, y)].clone()).collect::<Vec<_>>();
    let full = row(3);
    let blocks: Vec<_> = full.iter().filter(|cell| cell.symbol() == "█").collect();
    assert_eq!(blocks.len(), 67, "79 columns without label and number");
    let count = |color| blocks.iter().filter(|cell| cell.fg == color).count();
    // 48 of 60 dB are green, 3 are red.
    assert_eq!((count(Color::Green), count(Color::Yellow), count(Color::Red)), (54, 10, 3));
    assert!(row(4).iter().all(|cell| cell.symbol() != "█"), "-60 dB is the floor");
}

#[test]
fn no_size_and_no_view_breaks_it() {
    let full = view();
    let many = StatusView { peaks: vec![0.3; 64], load: f32::INFINITY, ..view() };
    let wide = StatusView { rig: "音楽の長い名前".repeat(9), device: "装置".repeat(60), ..view() };
    let odd = StatusView { peaks: vec![f32::NAN, -1.0], load: f32::NAN, seconds: f64::NAN, ..view() };
    for view in [&full, &many, &wide, &odd, &StatusView::default()] {
        for width in 0..130 {
            for height in [0, 1, 2, 5, 9, 24] {
                let buffer = drawn(PALETTE, view, width, height);
                assert!(buffer.area.height < height.max(1) && buffer.area.width <= width);
            }
        }
    }
}

#[test]
fn a_low_terminal_keeps_the_meters_longest() {
    let rows = text(&drawn(PALETTE, &view(), 80, 4)).join("\n");
    assert!(rows.contains(" L ") && rows.contains(" R "), "{rows}");
    let rows = text(&drawn(PALETTE, &view(), 80, 6)).join("\n");
    assert!(rows.contains("xruns") && rows.contains("load"), "{rows}");
}

#[test]
fn many_channels_stand_in_columns() {
    let view = StatusView { peaks: vec![0.5; 20], ..view() };
    let rows = text(&drawn(PALETTE, &view, 100, 24));
    let labels = rows.iter().filter(|row| row.contains("-6.0")).count();
    assert_eq!(labels, 4);
    assert!(rows.iter().any(|row| row.contains("and 4 more channels")));
}

#[test]
fn what_should_be_zero_stands_out_and_no_color_means_none() {
    let is_loud = |palette| {
        let buffer = drawn(palette, &view(), 80, 24);
        let colored = buffer.content.iter().any(|cell| cell.fg != Color::Reset);
        let three =
            buffer.content.iter().find(|cell| cell.symbol() == "3" && cell.fg == Color::Yellow).is_some();
        (colored, three)
    };
    assert_eq!(is_loud(PALETTE), (true, true));
    assert_eq!(is_loud(Palette { colors: false, ..PALETTE }), (false, false));
}

#[test]
fn without_unicode_it_is_ascii() {
    let plain = Palette { colors: true, unicode: false };
    let rows = text(&drawn(plain, &view(), 80, 24));
    assert!(rows.iter().all(|row| row.is_ascii()), "{rows:?}");
}
