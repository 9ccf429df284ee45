//! What `play` shows while it plays: a panel on a terminal, lines elsewhere.
//!
//! Everything goes to stderr, so that stdout stays free for `--json`. The panel
//! is drawn below what was printed before, which stays in the terminal's
//! scrollback; nothing is asked of the terminal, so none can fail to answer.

mod keys;
mod lines;
mod meter;
mod panel;
mod screen;
mod view;

pub use view::{GearView, RecordView, SceneView, StatusView};

use std::io::{self, Write};

use lines::Lines;
use panel::Panel;
use screen::Screen;

/// What the musician asks for by a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusCommand {
    /// Space: end every note now.
    Panic,
    /// `+`: the master level up by 1 dB.
    Louder,
    /// `-`: the master level down by 1 dB.
    Softer,
    /// `n`: the next scene of the set list.
    NextScene,
    /// `b`: back to the scene before.
    PreviousScene,
    /// A digit or a letter that may be a scene's own.
    SceneKey(char),
    /// `a`: show the actors.
    Actors,
    /// `p`: roll from the beginning, or stop.
    StartOrStop,
    /// `c`: roll on from where it stands.
    Continue,
    /// `r`: arm or disarm.
    Arm,
    /// Left: a bar back.
    Back,
    /// Right: a bar on.
    Forward,
    /// `t`: tap the tempo.
    Tap,
    /// `q`, Escape or Ctrl-C: end cleanly.
    Quit,
}

/// Gives the terminal back from another thread than the display's, which may
/// never come back to do so itself.
pub fn abandon_terminal() {
    screen::abandon();
}

/// The status display, owned by the control world. The terminal is as it was
/// after [`Status::finish`], a drop, or a panic of the thread that made it.
/// Real-time: no.
pub struct Status {
    shown: Shown,
}

enum Shown {
    Panel(Box<(Screen, Panel)>),
    Lines(Box<Lines>),
    Nothing,
}

impl Status {
    /// Starts a panel where stderr is a terminal in the foreground that
    /// understands one, else plain lines.
    pub fn start() -> Status {
        let shown = match Screen::open() {
            Some(screen) => {
                let panel = Panel::new(screen.palette());
                Shown::Panel(Box::new((screen, panel)))
            }
            None => Shown::Lines(Box::default()),
        };
        Status { shown }
    }

    /// Shows nothing but what is said.
    pub fn quiet() -> Status {
        Status { shown: Shown::Nothing }
    }

    /// Whether there is a panel, and keys are read.
    pub fn is_live(&self) -> bool {
        matches!(self.shown, Shown::Panel(_))
    }

    /// Shows the state of things: some 20 to 30 times a second where it
    /// [`is_live`](Status::is_live); lines are only printed when there is something to say.
    pub fn update(&mut self, view: &StatusView) {
        match &mut self.shown {
            Shown::Panel(shown) => {
                let (screen, panel) = shown.as_mut();
                panel.update(view);
                screen.resized();
                let size = screen.size();
                screen.paint(&panel.draw(view, size));
            }
            Shown::Lines(lines) => {
                for line in lines.update(view) {
                    print_line(&line);
                }
            }
            Shown::Nothing => {}
        }
    }

    /// Prints a message above the panel, where it stays.
    pub fn say(&mut self, message: &str) {
        match &mut self.shown {
            Shown::Panel(shown) => shown.0.print_above(message),
            _ => print_line(message),
        }
    }

    /// The next key pressed, if any; never waits.
    pub fn poll(&mut self) -> Option<StatusCommand> {
        match &mut self.shown {
            Shown::Panel(shown) => keys::poll(&mut shown.0),
            _ => None,
        }
    }

    /// Takes the panel away and gives the terminal back.
    pub fn finish(self) {}
}

/// `eprintln!` would panic where whoever read stderr has gone (`2>&1 | head`);
/// that is no reason to stop playing.
fn print_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
