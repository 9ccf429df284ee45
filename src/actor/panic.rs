//! Panics of actors: caught, told to the supervisor with their place, and not printed.

use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Once};

use super::fault::{Fault, FaultKind};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// From now on panics that [`catch`] will catch are not printed; others are, as before.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if CATCHING.try_with(Cell::get) != Ok(true) {
                before(info);
                return;
            }
            let place = info.location().map(|at| Arc::from(format!("{}:{}", at.file(), at.line())));
            // A panic while the place is borrowed cannot happen: nothing in here calls out.
            let _ = PLACE.try_with(|cell| cell.try_borrow_mut().map(|mut cell| *cell = place));
        }));
    });
}

/// Runs `work`; a panic in it comes back as a fault.
pub(super) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Fault> {
    let before = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work)).map_err(to_fault);
    CATCHING.set(before);
    result
}

fn to_fault(payload: Box<dyn Any + Send>) -> Fault {
    let message: Cow<'static, str> = if let Some(text) = payload.downcast_ref::<&'static str>() {
        Cow::Borrowed(text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Cow::Owned(text.clone())
    } else {
        Cow::Borrowed("it gave no reason")
    };
    let place = PLACE.try_with(|cell| cell.try_borrow_mut().ok().and_then(|mut cell| cell.take()));
    // A payload may panic in its own drop, and what it throws then may do so too: a leak is better.
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(worse);
    }
    Fault::new(FaultKind::PANIC, message).at(place.ok().flatten())
}
