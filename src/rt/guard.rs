//! The fence around the audio callback: counts every allocation and free made
//! inside it, in every build, and sets the processor's flush-to-zero mode.
//!
//! Counting is one thread-local load per allocation elsewhere. In tests
//! [`make_fatal`] turns a violation into an abort with a message.

mod arena;
mod float;
mod panic;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use arena::free_deferred;
use float::FloatMode;
pub use panic::{Caught, Place, catch, quiet_panics, rehearse};

/// The system's allocator, with the fence's counters in front. Real-time: yes.
pub struct FencedAllocator;

#[global_allocator]
static ALLOCATOR: FencedAllocator = FencedAllocator;

#[derive(Clone, Copy, PartialEq, Eq)]
enum World {
    Control,
    Audio,
    /// Unwinding from a processor's panic, which the language cannot do
    /// without allocating: counted apart.
    Fault,
}

thread_local! {
    static WORLD: Cell<World> = const { Cell::new(World::Control) };
}

static VIOLATIONS: AtomicU64 = AtomicU64::new(0);
static FAULT_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static FATAL: AtomicBool = AtomicBool::new(false);

/// Counts an allocation or a free; says whether it belongs to an unwinding.
#[inline]
fn is_fault() -> bool {
    match WORLD.try_with(Cell::get) {
        Ok(World::Audio) => violated(),
        Ok(World::Fault) => {
            FAULT_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        Ok(World::Control) | Err(_) => {}
    }
    false
}

/// An arena takes its memory back wherever it is freed.
#[inline]
fn is_taken_back(pointer: *mut u8) -> bool {
    let is_taken = arena::take_back(pointer);
    if is_taken && is_audio_thread() {
        FAULT_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
    is_taken
}

#[cold]
#[allow(clippy::disallowed_macros)] // The last words before the abort.
fn violated() {
    VIOLATIONS.fetch_add(1, Ordering::Relaxed);
    if FATAL.load(Ordering::Relaxed) {
        // What follows allocates (the backtrace); it must not come here again.
        WORLD.with(|world| world.set(World::Control));
        eprintln!(
            "allocation or free inside the audio callback:\n{}",
            std::backtrace::Backtrace::force_capture()
        );
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator unchanged, but for those of an
// unwinding, which go to an arena, and for what came from one; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for FencedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_fault() {
            return arena::alloc(layout);
        }
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if is_taken_back(pointer) {
            return;
        }
        if is_fault() {
            // SAFETY: it came from no arena, so from the system, and is done with.
            return unsafe { arena::defer(pointer, layout) };
        }
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_fault() {
            let pointer = arena::alloc(layout);
            if !pointer.is_null() {
                // SAFETY: it is fresh, and as long as the layout says.
                unsafe { pointer.write_bytes(0, layout.size()) };
            }
            return pointer;
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !arena::owns(pointer) && WORLD.try_with(Cell::get) != Ok(World::Fault) {
            is_fault();
            // SAFETY: as above.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: the caller promises a size that is not 0 and makes a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: as above; both blocks hold what is copied, and are apart.
        unsafe {
            let fresh = self.alloc(wanted);
            if !fresh.is_null() {
                fresh.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            fresh
        }
    }
}

#[cfg(rtsan)]
unsafe extern "C" {
    fn __rtsan_realtime_enter();
    fn __rtsan_realtime_exit();
}

/// While it lives, this thread is in the audio world. Real-time: yes.
#[must_use = "the fence stands only while the guard lives"]
pub struct Guard {
    before: World,
    float_mode: FloatMode,
}

/// Puts up the fence on this thread and flushes denormals to zero; both end
/// with the guard. Real-time: yes.
pub fn enter() -> Guard {
    let before = WORLD.with(|world| world.replace(World::Audio));
    #[cfg(rtsan)]
    // SAFETY: enter and exit are paired by the guard's life.
    unsafe {
        __rtsan_realtime_enter();
    }
    Guard { before, float_mode: FloatMode::flush_to_zero() }
}

impl Drop for Guard {
    fn drop(&mut self) {
        #[cfg(rtsan)]
        // SAFETY: paired with `enter`.
        unsafe {
            __rtsan_realtime_exit();
        }
        self.float_mode.restore();
        // A panic that nobody caught in here goes on outside.
        arena::end();
        WORLD.with(|world| world.set(self.before));
    }
}

/// Whether this thread is inside the fence. Real-time: yes.
pub fn is_audio_thread() -> bool {
    WORLD.with(Cell::get) != World::Control
}

/// Allocations and frees inside the fence since the process started. Real-time: yes.
pub fn violations() -> u64 {
    VIOLATIONS.load(Ordering::Relaxed)
}

/// Allocations and frees made by unwinding from processors' panics. Real-time: yes.
pub fn fault_allocations() -> u64 {
    FAULT_ALLOCATIONS.load(Ordering::Relaxed)
}

/// From now on a violation ends the process with a backtrace: for tests. Real-time: yes.
pub fn make_fatal() {
    FATAL.store(true, Ordering::Relaxed);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_planted_violation_is_counted_and_only_inside() {
        quiet_panics();
        let before = violations();
        drop(std::hint::black_box(Box::new([1_u8; 64])));
        let guard = enter();
        let outside = violations();
        drop(std::hint::black_box(Box::new([1_u8; 64])));
        let inside = violations();
        drop(guard);
        drop(std::hint::black_box(Box::new([1_u8; 64])));
        assert!(outside >= before && inside >= outside + 2);
        assert!(!is_audio_thread());
    }

    #[test]
    fn a_panic_inside_is_caught_and_counted_apart() {
        quiet_panics();
        let guard = enter();
        let faults = fault_allocations();
        assert!(matches!(catch(|| 7), Ok(7)));
        let line = line!() + 1;
        let caught = catch(|| -> u8 { panic!("a stage broke") }).expect_err("it panicked");
        assert!(is_audio_thread());
        drop(guard);
        assert_eq!((caught.place.file(), caught.place.line()), ("src/rt/guard.rs", line));
        assert_eq!(caught.payload.downcast_ref(), Some(&"a stage broke"));
        assert!(fault_allocations() > faults);
        assert!(arena::owns((&raw const *caught.payload).cast()), "the payload came from an arena");
    }

    #[test]
    fn what_unwinding_frees_is_not_freed_in_the_callback() {
        quiet_panics();
        let kept = vec![1_u8; 4_096];
        let caught = {
            let _fence = enter();
            catch(move || -> u8 {
                let _freed_while_unwinding = kept;
                let what = 7;
                panic!("{what} things broke");
            })
        };
        let mut payload = caught.expect_err("it panicked").payload;
        let message = payload.downcast_mut::<String>().expect("a text with a number in it");
        message.push_str(", and this is said outside, where there is the system's memory again");
        assert!(message.starts_with("7 things broke, and"));
        assert!(!arena::owns(message.as_ptr()));
        drop(payload);
        free_deferred();
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[test]
    fn denormals_are_flushed_inside_and_kept_outside() {
        let tiny = std::hint::black_box(f32::MIN_POSITIVE);
        let guard = enter();
        let inside = std::hint::black_box(tiny) * std::hint::black_box(0.25);
        drop(guard);
        let outside = std::hint::black_box(tiny) * std::hint::black_box(0.25);
        assert_eq!(inside, 0.0);
        assert!(outside > 0.0);
    }
}
