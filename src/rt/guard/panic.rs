use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::sync::Once;

use super::{WORLD, World, arena};

#[cfg(panic = "abort")]
compile_error!("a stage's panic is caught at its edge: build with panic = \"unwind\"");

thread_local! {
    /// Where this thread panicked last, inside the fence.
    static PLACE: Cell<Place> = const { Cell::new(Place::NONE) };
}

/// The end of a source path that is kept.
const FILE_BYTES: usize = 56;

/// A line of the source, as a panic names it. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place {
    file: [u8; FILE_BYTES],
    length: u8,
    line: u32,
}

impl Place {
    /// No place. Real-time: yes.
    pub const NONE: Place = Place { file: [0; FILE_BYTES], length: 0, line: 0 };

    /// A line of a file; of a long path the end is kept. Real-time: yes.
    pub fn new(path: &str, line: u32) -> Place {
        let mut start = path.len().saturating_sub(FILE_BYTES);
        while !path.is_char_boundary(start) {
            start += 1;
        }
        let kept = &path.as_bytes()[start..];
        let mut file = [0; FILE_BYTES];
        file[..kept.len()].copy_from_slice(kept);
        Place { file, length: kept.len() as u8, line }
    }

    /// The file, or the end of its path; empty for no place. Real-time: yes.
    pub fn file(&self) -> &str {
        std::str::from_utf8(&self.file[..usize::from(self.length)]).unwrap_or_default()
    }

    /// The line, counted from 1. Real-time: yes.
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A panic that was caught. Real-time: yes.
#[must_use = "dropping it frees the payload"]
pub struct Caught {
    /// What it carried. Freed in the control world.
    pub payload: Box<dyn Any + Send>,
    /// Where it was, where [`quiet_panics`] was called before.
    pub place: Place,
}

/// Runs `work`, and catches a panic in it. What the unwinding itself allocates is
/// counted as fault allocations and not as violations, and served from an arena,
/// where [`quiet_panics`] was called before. Real-time: yes.
///
/// # Errors
/// What it panicked with, and where.
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Caught> {
    let before = WORLD.with(Cell::get);
    // What a panicking processor leaves half done is never used again: it is
    // poisoned and sent back. So nothing broken is observed.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    // Also where `work` caught a panic of its own.
    if WORLD.with(|world| world.replace(before)) == World::Fault && before != World::Fault {
        arena::end();
    }
    outcome.map_err(|payload| Caught { payload, place: PLACE.with(|place| place.replace(Place::NONE)) })
}

/// From now on a panic inside the fence prints nothing (the fault is reported
/// by a notice), and only its place is kept; its unwinding is counted apart, and
/// served from an arena. Other panics are printed as before. Real-time: no.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        arena::prepare();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if WORLD.with(Cell::get) == World::Control {
                before(info);
                return;
            }
            WORLD.with(|world| world.set(World::Fault));
            arena::begin();
            let place = info.location().map_or(Place::NONE, |at| Place::new(at.file(), at.line()));
            PLACE.with(|cell| cell.set(place));
        }));
    });
}

/// Panics once inside the fence and catches it, so that what unwinding touches is
/// there when a stage needs it. To be called before a stream starts. Real-time: no.
pub fn rehearse() {
    quiet_panics();
    let caught = {
        let _fence = super::enter();
        // PANIC: it is the rehearsal, and caught in the same line.
        catch(|| -> () { panic!("a rehearsal") })
    };
    drop(caught);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_end_is_kept() {
        assert_eq!(Place::new("src/stage/delay.rs", 7).to_string(), "src/stage/delay.rs:7");
        let long = format!("/ä{}/end.rs", "ö".repeat(40));
        let place = Place::new(&long, 9);
        assert!(place.file().ends_with("ö/end.rs") && place.file().len() >= FILE_BYTES - 1);
        assert_eq!(Place::NONE.file(), "");
    }
}
