//! Keys to commands.

use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::StatusCommand;
use super::screen::Screen;
use crate::rig::keys::SCENE_LETTERS;

/// The next key that means something, if one has been pressed; never waits.
pub(super) fn poll(screen: &mut Screen) -> Option<StatusCommand> {
    // An error means that there is no keyboard: the display goes on without.
    while event::poll(Duration::ZERO).unwrap_or(false) {
        match event::read().ok()? {
            Event::Key(key) => {
                if let Some(command) = command(key) {
                    return Some(command);
                }
            }
            Event::Resize(..) => screen.resized(),
            _ => {}
        }
    }
    None
}

fn command(key: KeyEvent) -> Option<StatusCommand> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            Some(StatusCommand::Quit)
        }
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(StatusCommand::Quit),
        KeyCode::Char(' ') => Some(StatusCommand::Panic),
        // The same key without Shift, on most keyboards.
        KeyCode::Char('+' | '=') => Some(StatusCommand::Louder),
        KeyCode::Char('n' | 'N') => Some(StatusCommand::NextScene),
        KeyCode::Char('b' | 'B') => Some(StatusCommand::PreviousScene),
        KeyCode::Char('a' | 'A') => Some(StatusCommand::Actors),
        KeyCode::Char('p' | 'P') => Some(StatusCommand::StartOrStop),
        KeyCode::Char('c' | 'C') => Some(StatusCommand::Continue),
        KeyCode::Char('r' | 'R') => Some(StatusCommand::Arm),
        KeyCode::Left => Some(StatusCommand::Back),
        KeyCode::Right => Some(StatusCommand::Forward),
        KeyCode::Char('t' | 'T') => Some(StatusCommand::Tap),
        KeyCode::Char('-' | '_') => Some(StatusCommand::Softer),
        KeyCode::Char(key) if key.is_ascii_digit() || SCENE_LETTERS.contains(key) => {
            Some(StatusCommand::SceneKey(key))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_panel_says() {
        let plain = |code| command(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(plain(KeyCode::Char(' ')), Some(StatusCommand::Panic));
        assert_eq!(plain(KeyCode::Char('+')), Some(StatusCommand::Louder));
        assert_eq!(plain(KeyCode::Char('-')), Some(StatusCommand::Softer));
        assert_eq!(plain(KeyCode::Char('a')), Some(StatusCommand::Actors));
        assert_eq!(plain(KeyCode::Char('q')), Some(StatusCommand::Quit));
        assert_eq!(plain(KeyCode::Char('p')), Some(StatusCommand::StartOrStop));
        assert_eq!(plain(KeyCode::Char('c')), Some(StatusCommand::Continue));
        assert_eq!(plain(KeyCode::Char('r')), Some(StatusCommand::Arm));
        assert_eq!(plain(KeyCode::Char('t')), Some(StatusCommand::Tap));
        assert_eq!(plain(KeyCode::Left), Some(StatusCommand::Back));
        assert_eq!(plain(KeyCode::Right), Some(StatusCommand::Forward));
        assert_eq!(plain(KeyCode::Char('#')), None);
        assert_eq!(plain(KeyCode::Char('n')), Some(StatusCommand::NextScene));
        for key in SCENE_LETTERS.chars().chain('0'..='9') {
            let meant = plain(KeyCode::Char(key));
            assert_eq!(meant, Some(StatusCommand::SceneKey(key)), "a scene may have it for its own");
        }
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(command(control), Some(StatusCommand::Quit));
        let released = KeyEvent::new_with_kind(KeyCode::Char(' '), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(command(released), None);
    }
}
