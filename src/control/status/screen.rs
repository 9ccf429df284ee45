//! The terminal: raw while the panel is up, and given back as it was.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};

use crossterm::cursor::{Hide, MoveTo, MoveUp, Show};
use crossterm::style::{Attribute, Color as TermColor, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{QueueableCommand, queue};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Size;
use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

use super::panel::Palette;

/// Rows are drawn anew at least this often, in paints: others may have written
/// over them.
const REFRESH_PAINTS: u32 = 50;
/// Lines that are printed again after a resize, at most.
const SAID_LINES: usize = 64;

/// The panel's place at the bottom of what has been printed. It is moved about
/// only relative to itself.
pub(super) struct Screen {
    palette: Palette,
    /// The rows on the screen, as written.
    rows: Vec<String>,
    /// What was printed above, as far back as a resize may need it.
    said: VecDeque<String>,
    size: Size,
    paints: u32,
}

impl Screen {
    /// The screen, where stderr is a terminal that can show one, and ours to use.
    pub(super) fn open() -> Option<Screen> {
        if !io::stderr().is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return None;
        }
        // From the background, touching the terminal would stop the process.
        if !is_foreground() {
            return None;
        }
        let size = read_size()?;
        restore_on_panic();
        terminal::enable_raw_mode().ok()?;
        let screen = Screen {
            palette: Palette::of_environment(),
            rows: Vec::new(),
            said: VecDeque::new(),
            size,
            paints: 0,
        };
        *owner() = Some(thread::current().id());
        emit(|out| out.queue(Hide).map(|_| ()));
        Some(screen)
    }

    pub(super) fn palette(&self) -> Palette {
        self.palette
    }

    /// The terminal's size in cells.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// The size may have changed.
    pub(super) fn resized(&mut self) {
        let Some(size) = read_size() else { return };
        let is_reflowed = size.width != self.size.width;
        self.size = size;
        if !is_reflowed {
            return;
        }
        // Terminals wrap what is there anew, each in its own way and time, so the
        // panel's place is lost: begin again, with what was said last.
        self.rows.clear();
        let room = usize::from(size.height) / 2;
        let messages = self.said.iter().skip(self.said.len().saturating_sub(room));
        emit(|out| {
            queue!(out, Clear(ClearType::All), MoveTo(0, 0))?;
            messages.into_iter().try_for_each(|message| queue!(out, Print(message), Print("\r\n")))
        });
    }

    /// Shows the panel, in place of the last one.
    pub(super) fn paint(&mut self, panel: &Buffer) {
        let rows = rows(panel);
        self.paints += 1;
        let whole = self.paints.is_multiple_of(REFRESH_PAINTS);
        let before = std::mem::take(&mut self.rows);
        emit(|out| {
            out.queue(BeginSynchronizedUpdate)?;
            if before.len() == rows.len() {
                move_to_top(out, before.len() as u16)?;
            } else {
                clear_panel(out, before.len() as u16)?;
            }
            for (index, row) in rows.iter().enumerate() {
                if index > 0 {
                    out.write_all(b"\r\n")?;
                }
                if whole || before.len() != rows.len() || before[index] != *row {
                    queue!(out, Print(row), Clear(ClearType::UntilNewLine))?;
                }
            }
            out.queue(EndSynchronizedUpdate)?;
            Ok(())
        });
        self.rows = rows;
    }

    /// Prints a message that stays, and the panel below it.
    pub(super) fn print_above(&mut self, message: &str) {
        let before = std::mem::take(&mut self.rows);
        self.said.extend(message.lines().map(str::to_owned));
        self.said.drain(..self.said.len().saturating_sub(SAID_LINES));
        emit(|out| {
            clear_panel(out, before.len() as u16)?;
            for line in message.lines() {
                queue!(out, Print(line), Print("\r\n"))?;
            }
            for (index, row) in before.iter().enumerate() {
                if index > 0 {
                    out.write_all(b"\r\n")?;
                }
                queue!(out, Print(row))?;
            }
            Ok(())
        });
        self.rows = before;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Not after a panic's message: it stands where the panel was.
        if owner().is_some() {
            let height = self.rows.len() as u16;
            emit(|out| clear_panel(out, height));
            restore();
        }
    }
}

/// Puts everything into one write, so that no half panel is seen. A terminal
/// that is gone is no reason to stop playing.
fn emit(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) {
    let mut bytes = Vec::new();
    if write(&mut bytes).is_ok() {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&bytes).and_then(|()| stderr.flush());
    }
}

fn move_to_top(out: &mut Vec<u8>, height: u16) -> io::Result<()> {
    out.write_all(b"\r")?;
    if height > 1 {
        out.queue(MoveUp(height - 1))?;
    }
    Ok(())
}

fn clear_panel(out: &mut Vec<u8>, height: u16) -> io::Result<()> {
    move_to_top(out, height)?;
    out.queue(Clear(ClearType::FromCursorDown))?;
    Ok(())
}

/// Each row of the buffer as a terminal understands it, without the blanks at
/// its end.
fn rows(panel: &Buffer) -> Vec<String> {
    let width = usize::from(panel.area.width);
    panel.content.chunks(width.max(1)).map(row).collect()
}

fn row(cells: &[Cell]) -> String {
    let mut out = Vec::new();
    let used = cells.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
    let mut style = (Color::Reset, Modifier::empty());
    let mut column = 0;
    while column < used {
        let cell = &cells[column];
        let wanted = (cell.fg, cell.modifier);
        if wanted != style {
            // Writing into memory cannot fail.
            let _ = set_style(&mut out, wanted);
            style = wanted;
        }
        out.extend_from_slice(cell.symbol().as_bytes());
        // A wide character hides the cell after it.
        column += Span::raw(cell.symbol()).width().max(1);
    }
    if style != (Color::Reset, Modifier::empty()) {
        let _ = set_style(&mut out, (Color::Reset, Modifier::empty()));
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn set_style(out: &mut Vec<u8>, (color, modifier): (Color, Modifier)) -> io::Result<()> {
    out.queue(SetAttribute(Attribute::Reset))?;
    let color = match color {
        Color::Green => TermColor::Green,
        Color::Yellow => TermColor::Yellow,
        Color::Red => TermColor::Red,
        Color::Cyan => TermColor::Cyan,
        _ => TermColor::Reset,
    };
    if color != TermColor::Reset {
        out.queue(SetForegroundColor(color))?;
    }
    if modifier.contains(Modifier::BOLD) {
        out.queue(SetAttribute(Attribute::Bold))?;
    }
    if modifier.contains(Modifier::DIM) {
        out.queue(SetAttribute(Attribute::Dim))?;
    }
    Ok(())
}

fn read_size() -> Option<Size> {
    let (width, height) = terminal::size().ok()?;
    (width > 0 && height > 0).then_some(Size { width, height })
}

/// Whether the terminal listens to this process, rather than to the shell that
/// started it with `&`.
fn is_foreground() -> bool {
    #[cfg(unix)]
    {
        // SAFETY: both only ask the kernel, about this process and a descriptor number.
        unsafe { libc::tcgetpgrp(libc::STDERR_FILENO) == libc::getpgrp() }
    }
    #[cfg(not(unix))]
    true
}

/// The thread whose terminal is raw, if any.
fn owner() -> std::sync::MutexGuard<'static, Option<ThreadId>> {
    static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
    OWNER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore() {
    *owner() = None;
    emit(|out| queue!(out, ResetColor, Show));
    let _ = terminal::disable_raw_mode();
}

/// From any thread: puts the terminal right, where it is ours, and leaves the
/// panel's last picture where it stands.
pub(super) fn abandon() {
    if owner().is_some() {
        restore();
        emit(|out| out.write_all(b"\r\n"));
    }
}

/// A panic's message must be readable. One on another thread (a processor's,
/// caught on the audio thread) is none of the terminal's business.
fn restore_on_panic() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !crate::rt::guard::is_audio_thread() && *owner() == Some(thread::current().id()) {
                restore();
                emit(|out| out.write_all(b"\r\n"));
            }
            next(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn rows_carry_their_styles_and_no_blanks_at_the_end() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 3));
        buffer.set_string(0, 0, "ab", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buffer.set_string(2, 0, "c", Style::new());
        buffer.set_string(0, 1, "音楽 x", Style::new());
        let rows = rows(&buffer);
        assert_eq!(rows[1], "音楽 x", "a wide character takes its two cells");
        assert_eq!(rows[2], "");
        let plain: String =
            rows[0].split('\u{1b}').map(|part| part.split_once('m').map_or(part, |p| p.1)).collect();
        assert_eq!(plain, "abc");
        assert!(rows[0].contains("\u{1b}[1m"), "bold, {:?}", rows[0]);
    }
}
