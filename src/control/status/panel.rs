//! The panel: what stands where, and in which colour.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::SceneView;
use super::StatusView;
use super::meter::Meter;
use super::view::{GearView, clock, milliseconds};
use crate::control::report::TransportReport;
use crate::unit::SILENCE_DECIBELS;

/// Where the bars begin, in dBFS; they end at 0.
const FLOOR_DECIBELS: f32 = -60.0;
/// From here on a level is worth a look, in dBFS.
const WARM_DECIBELS: f32 = -12.0;
/// From here on there is hardly any room left, in dBFS.
const HOT_DECIBELS: f32 = -3.0;
const METER_ROWS: usize = 4;
const MAX_METERS: usize = 16;
/// Wider than this is harder to read, not easier.
const MAX_WIDTH: u16 = 110;

/// What the terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Palette {
    pub(super) colors: bool,
    pub(super) unicode: bool,
}

impl Palette {
    /// By <https://no-color.org> and the locale.
    pub(super) fn of_environment() -> Palette {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_ascii_uppercase();
        let unicode = cfg!(not(unix)) || locale.contains("UTF-8") || locale.contains("UTF8");
        Palette { colors: set("NO_COLOR").is_none(), unicode }
    }

    fn color(self, color: Color) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new() }
    }

    fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }
}

/// Keeps what moves by itself: the meters.
pub(super) struct Panel {
    palette: Palette,
    meters: Vec<Meter>,
    load: Meter,
    seconds: f64,
}

impl Panel {
    pub(super) fn new(palette: Palette) -> Panel {
        Panel { palette, meters: Vec::new(), load: Meter::REST, seconds: 0.0 }
    }

    /// Moves the meters on to the time of `view`.
    pub(super) fn update(&mut self, view: &StatusView) {
        let elapsed = (view.seconds - self.seconds).max(0.0);
        self.seconds = view.seconds;
        self.meters.resize(view.peaks.len(), Meter::REST);
        for (meter, peak) in self.meters.iter_mut().zip(&view.peaks) {
            meter.update(*peak, elapsed, view.seconds);
        }
        self.load.update(view.load, elapsed, view.seconds);
    }

    /// Draws the panel, as high as it needs to be and the terminal allows.
    pub(super) fn draw(&self, view: &StatusView, terminal: Size) -> Buffer {
        // The last column stays free: some terminals wrap as soon as it is written.
        let width = terminal.width.saturating_sub(1).min(MAX_WIDTH);
        let mut lines = self.lines(view, usize::from(width));
        // One row stays for what is said. What is least needed goes first.
        let room = usize::from(terminal.height.saturating_sub(1));
        while lines.len() > room {
            let least = lines.iter().enumerate().max_by_key(|(_, (rank, _))| *rank).map_or(0, |(i, _)| i);
            lines.remove(least);
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, lines.len() as u16));
        for (y, (_, line)) in (0..).zip(&lines) {
            buffer.set_line(0, y, line, width);
        }
        buffer
    }

    /// The lines with their ranks: the higher, the sooner it may be left out.
    fn lines(&self, view: &StatusView, width: usize) -> Vec<(u8, Line<'static>)> {
        let mut lines = vec![
            (4, Line::default()),
            (2, self.title(view, width)),
            (3, self.fit(device(view).map(|text| vec![Span::styled(text, self.palette.dim())]), width)),
        ];
        lines.extend(self.meter_lines(width).into_iter().map(|line| (0, line)));
        lines.push((1, self.engine(view, width)));
        lines.push((2, self.transport(&view.transport, width)));
        lines.push((1, self.counters(view, width)));
        if let Some(scene) = &view.scene {
            lines.push((0, self.scene(scene, view.moved.as_deref(), width)));
        } else if let Some(moved) = &view.moved {
            lines.push((3, self.fit([vec![Span::raw(moved.clone())]], width)));
        }
        if !view.gear.is_empty() {
            lines.push((2, self.gear(&view.gear, width)));
        }
        lines.push((3, self.help(view.scene.is_some(), width)));
        lines
    }

    fn title(&self, view: &StatusView, width: usize) -> Line<'static> {
        let mut right = Vec::new();
        if let Some(recording) = &view.recording {
            let dot = self.palette.pick("●", "*");
            let red = self.palette.color(Color::Red).add_modifier(Modifier::BOLD);
            let text = match (recording.failed, recording.lost_frames) {
                (true, _) => "recording failed".to_owned(),
                (false, 0) => format!("{dot} rec {}", clock(recording.seconds)),
                (false, lost) => format!("{dot} rec {} ({lost} frames lost)", clock(recording.seconds)),
            };
            right.extend([Span::styled(text, red), Span::raw("   ")]);
        }
        right.push(Span::raw(clock(view.seconds)));
        let right_width: usize = right.iter().map(Span::width).sum();
        let mut line = Line::default();
        let name = if view.rig.is_empty() { "Antiphon" } else { &view.rig };
        let name_room = width.saturating_sub(right_width + 2);
        line.push_span(Span::styled(shortened(name, name_room), self.palette.bold()));
        let blank = width.saturating_sub(line.width() + right_width);
        line.push_span(Span::raw(" ".repeat(blank)));
        line.extend(right);
        line
    }

    /// One row for each channel; columns of four where there are many.
    fn meter_lines(&self, width: usize) -> Vec<Line<'static>> {
        let shown = &self.meters[..self.meters.len().min(MAX_METERS)];
        if shown.is_empty() {
            return Vec::new();
        }
        let columns = shown.len().div_ceil(METER_ROWS);
        let column_rows = shown.len().div_ceil(columns);
        let column_width = (width + 2) / columns;
        let mut lines: Vec<Line<'static>> = vec![Line::default(); column_rows];
        for (channel, meter) in shown.iter().enumerate() {
            let line = &mut lines[channel % column_rows];
            if channel >= column_rows {
                line.push_span(Span::raw("  "));
            }
            let label = match (shown.len(), channel) {
                (2, 0) => " L".to_owned(),
                (2, 1) => " R".to_owned(),
                _ => format!("{:2}", channel + 1),
            };
            self.meter(line, &label, meter, column_width.saturating_sub(2));
        }
        let hidden = self.meters.len() - shown.len();
        if hidden > 0 {
            lines.push(Line::styled(format!("and {hidden} more channels"), self.palette.dim()));
        }
        lines
    }

    fn meter(&self, line: &mut Line<'static>, label: &str, meter: &Meter, width: usize) {
        let number = if meter.hold_decibels <= SILENCE_DECIBELS {
            "    -".to_owned()
        } else {
            format!("{:5.1}", meter.hold_decibels)
        };
        // Label, bar, number, unit where there is room.
        let unit = if width >= 24 { " dB" } else { "" };
        let bar_width = width.saturating_sub(label.len() + 1 + 1 + number.len() + unit.len());
        line.push_span(Span::styled(format!("{label} "), self.palette.dim()));
        let position = |decibels: f32| {
            ((decibels - FLOOR_DECIBELS) / -FLOOR_DECIBELS).clamp(0.0, 1.0) * bar_width as f32
        };
        let hold = position(meter.hold_decibels);
        self.bar(line, bar_width, position(meter.level_decibels), (hold > 0.0).then_some(hold), &|cell| {
            let decibels = FLOOR_DECIBELS * (1.0 - (cell as f32 + 0.5) / bar_width as f32);
            self.zone(decibels, [WARM_DECIBELS, HOT_DECIBELS])
        });
        let style = if meter.clipped {
            self.palette.color(Color::Red).add_modifier(Modifier::BOLD)
        } else {
            self.zone(meter.hold_decibels, [WARM_DECIBELS, HOT_DECIBELS])
        };
        line.push_span(Span::styled(format!(" {number}{unit}"), style));
    }

    /// A bar `filled` cells long, eighths included, and a mark where the peak is held.
    fn bar(
        &self,
        line: &mut Line<'static>,
        width: usize,
        filled: f32,
        mark: Option<f32>,
        style: &dyn Fn(usize) -> Style,
    ) {
        const EIGHTHS: [&str; 8] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let mark = mark.map(|at| (at as usize).min(width.saturating_sub(1)));
        for cell in 0..width {
            let part = ((filled - cell as f32) * 8.0) as i32;
            let (symbol, style) = if part >= 8 {
                (self.palette.pick("█", "#"), style(cell))
            } else if mark == Some(cell) {
                (self.palette.pick("│", "|"), style(cell))
            } else if part > 0 && self.palette.unicode {
                (EIGHTHS[part as usize], style(cell))
            } else {
                (self.palette.pick("·", "."), self.palette.dim())
            };
            line.push_span(Span::styled(symbol, style));
        }
    }

    fn zone(&self, value: f32, [warm, hot]: [f32; 2]) -> Style {
        let color = match value {
            v if v >= hot => Color::Red,
            v if v >= warm => Color::Yellow,
            _ => Color::Green,
        };
        self.palette.color(color)
    }

    fn engine(&self, view: &StatusView, width: usize) -> Line<'static> {
        let style = self.zone(view.load, [0.5, 0.8]);
        let mut load = Line::styled("load ", self.palette.dim());
        let bar_width = if width >= 60 { 16 } else { 6 };
        self.bar(&mut load, bar_width, view.load.clamp(0.0, 1.0) * bar_width as f32, None, &|_| style);
        load.push_span(Span::styled(format!(" {:.0} %", (view.load * 100.0).min(999.0)), style));
        let mut master = vec![
            Span::styled("master ", self.palette.dim()),
            Span::raw(format!("{:+.1} dB", view.master_decibels)),
        ];
        if view.limited_frames > 0 {
            master.push(Span::styled(" limited", self.palette.color(Color::Yellow)));
        }
        let voices =
            vec![Span::styled("voices ", self.palette.dim()), Span::raw(format!("{:<4}", view.voices))];
        self.fit([load.spans, voices, master], width)
    }

    fn counters(&self, view: &StatusView, width: usize) -> Line<'static> {
        let counter = |name: &str, count: u64, color: Color| {
            let style =
                if count > 0 { self.palette.color(color).patch(self.palette.bold()) } else { Style::new() };
            vec![Span::styled(format!("{name} "), self.palette.dim()), Span::styled(count.to_string(), style)]
        };
        let mut counters = vec![
            counter("xruns", view.xruns, Color::Yellow),
            counter("late", view.late_events, Color::Yellow),
            counter("dropped", view.dropped_events, Color::Red),
            counter("faults", view.faults, Color::Red),
        ];
        if view.rt_violations > 0 {
            counters.push(counter("allocations", view.rt_violations, Color::Red));
        }
        self.fit(counters, width)
    }

    fn transport(&self, transport: &TransportReport, width: usize) -> Line<'static> {
        let TransportReport { state, counts_in, bar, beat, tempo_bpm, clock, .. } = transport;
        let style = match state.as_str() {
            "rolling" => self.palette.color(Color::Green),
            "armed" | "recording" => self.palette.color(Color::Red),
            _ => Style::new(),
        };
        let what = if *counts_in { "count-in" } else { state.as_str() };
        let mut items = vec![
            vec![Span::styled(format!("{what:<9}"), style), Span::raw(format!(" {bar}.{beat}"))],
            vec![Span::raw(format!("{tempo_bpm:.2}")), Span::styled(" BPM", self.palette.dim())],
        ];
        if !matches!(clock.as_str(), "free" | "") {
            let style = self.palette.color(if clock == "locked" { Color::Green } else { Color::Yellow });
            items.push(vec![Span::styled("clock ", self.palette.dim()), Span::styled(clock.clone(), style)]);
        }
        self.fit(items, width)
    }

    fn gear(&self, gear: &[GearView], width: usize) -> Line<'static> {
        let pieces = gear.iter().map(|piece| {
            let arrow = match (piece.is_output, self.palette.unicode) {
                (false, true) => "←",
                (false, false) => "<-",
                (true, true) => "→",
                (true, false) => "->",
            };
            let name = Span::styled(format!("{} {arrow} ", piece.name), self.palette.dim());
            let port = match &piece.port {
                Some(port) => Span::styled(port.clone(), self.palette.color(Color::Cyan)),
                None => Span::styled("waiting", self.palette.color(Color::Yellow)),
            };
            vec![name, port]
        });
        self.fit(pieces, width)
    }

    fn scene(&self, scene: &SceneView, moved: Option<&str>, width: usize) -> Line<'static> {
        let place = scene.place.map(|(place, of)| format!(" {place} of {of}"));
        let mut name = vec![
            Span::styled("scene ", self.palette.dim()),
            Span::styled(scene.name.clone(), self.palette.color(Color::Cyan).patch(self.palette.bold())),
        ];
        name.extend(place.map(Span::raw));
        let next = scene
            .next
            .as_ref()
            .map(|next| vec![Span::styled("next ", self.palette.dim()), Span::raw(next.clone())]);
        let moved = moved.map(|moved| vec![Span::raw(moved.to_owned())]);
        self.fit([Some(name), next, moved].into_iter().flatten(), width)
    }

    fn help(&self, has_scenes: bool, width: usize) -> Line<'static> {
        let scenes = has_scenes.then_some(("n b", "scene"));
        let keys = [
            ("Space", "panic"),
            ("p", "play"),
            ("c", "go on"),
            ("t", "tap"),
            ("r", "arm"),
            ("+ -", "level"),
            ("a", "actors"),
            ("q", "quit"),
        ];
        let items = scenes.into_iter().chain(keys).map(|(key, does)| {
            vec![Span::raw(format!("{key} ")), Span::styled(does.to_owned(), self.palette.dim())]
        });
        self.fit(items, width)
    }

    /// The items side by side, as many as there is room for; the first is cut if it must be.
    fn fit(&self, items: impl IntoIterator<Item = Vec<Span<'static>>>, width: usize) -> Line<'static> {
        let mut line = Line::default();
        let items: Vec<_> = items.into_iter().collect();
        let count = items.len();
        for (index, item) in items.into_iter().enumerate() {
            let gap = if index == 0 { 0 } else { 3 };
            let item_width: usize = item.iter().map(Span::width).sum();
            let last = index + 1 == count;
            let more = if last { 0 } else { 5 };
            if index > 0 && line.width() + gap + item_width + more > width {
                let rest = format!("   +{}", count - index);
                if line.width() + rest.len() <= width {
                    line.push_span(Span::styled(rest, self.palette.dim()));
                }
                break;
            }
            line.push_span(Span::raw(" ".repeat(gap)));
            line.extend(item);
        }
        line
    }
}

fn device(view: &StatusView) -> [String; 5] {
    [
        view.device_name(),
        format!("{} Hz", view.rate_hertz),
        format!("{} frames", view.block_frames),
        milliseconds(view.latency_seconds),
        view.scheduler.clone(),
    ]
}

fn shortened(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for character in text.chars() {
        out.push(character);
        if Span::raw(out.as_str()).width() > width {
            out.pop();
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests;
