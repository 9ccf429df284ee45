//! Memory for unwinding. The language allocates while a panic unwinds; so that no
//! lock of the system's allocator is taken on a realtime thread, that comes from
//! arenas that stand ready.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// What one arena holds.
const ARENA_BYTES: usize = 64 * 1024;
/// An arena that has given away so much serves no further fault before it is empty.
const FULL_ENOUGH_BYTES: u64 = ARENA_BYTES as u64 / 2;
const ARENAS: usize = 8;
const PAGE_BYTES: usize = 4096;

#[repr(C, align(4096))]
struct Memory(UnsafeCell<[[u8; ARENA_BYTES]; ARENAS]>);

// SAFETY: each byte of it belongs to whoever was given it by `Arena::take`, which
// gives none twice before it is given back.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([[0; ARENA_BYTES]; ARENAS]));
static POOL: [Arena; ARENAS] = [const { Arena(AtomicU64::new(0)) }; ARENAS];

thread_local! {
    /// The arena that serves the fault of this thread, while it unwinds.
    static CLAIMED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How far an arena is given away, in the low half, and by how many it is used, in
/// the high half: faults under way and allocations that are not freed. At 0 users
/// it is empty again. Real-time: yes.
struct Arena(AtomicU64);

const USER: u64 = 1 << 32;
const BYTES: u64 = USER - 1;

impl Arena {
    /// One more fault uses it; `false` where it is full enough.
    fn claim(&self) -> bool {
        let join = |state: u64| match state {
            unused if unused < USER => Some(USER),
            used if used & BYTES < FULL_ENOUGH_BYTES => Some(used + USER),
            _ => None,
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, join).is_ok()
    }

    /// Bytes at this place of the arena, which is in use.
    fn take(&self, layout: Layout) -> Option<usize> {
        let begin = |state: u64| ((state & BYTES) as usize).next_multiple_of(layout.align());
        let take = |state: u64| {
            let end = begin(state).checked_add(layout.size())?;
            (end <= ARENA_BYTES).then_some((state & !BYTES) + USER + end as u64)
        };
        // An arena begins on a page: what asks for more than that is not served.
        if layout.align() > PAGE_BYTES {
            return None;
        }
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok().map(begin)
    }

    fn leave(&self) {
        self.0.fetch_sub(USER, Ordering::AcqRel);
    }
}

/// Fetches the arenas' pages, so that a fault need not. Real-time: no.
pub(super) fn prepare() {
    let start = MEMORY.0.get().cast::<u8>();
    for page in (0..ARENAS * ARENA_BYTES).step_by(PAGE_BYTES) {
        // SAFETY: inside the static, and nobody was given any of it yet: the first
        // fault comes after this.
        unsafe { start.add(page).write_volatile(0) };
    }
}

/// A fault begins on this thread: until [`end`] it is served by an arena.
pub(super) fn begin() {
    CLAIMED.with(|claimed| {
        if claimed.get().is_none() {
            claimed.set(POOL.iter().position(Arena::claim));
        }
    });
}

/// It is over.
pub(super) fn end() {
    if let Some(arena) = CLAIMED.with(Cell::take) {
        POOL[arena].leave();
    }
}

/// Memory for a fault of this thread; the system's where no arena has room.
pub(super) fn alloc(layout: Layout) -> *mut u8 {
    let served = CLAIMED.with(Cell::get).and_then(|arena| Some((arena, POOL[arena].take(layout)?)));
    match served {
        // SAFETY: `take` gave a place inside the arena, and the arena is inside the static.
        Some((arena, at)) => unsafe { MEMORY.0.get().cast::<u8>().add(arena * ARENA_BYTES + at) },
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is `System`'s.
        None => unsafe { System.alloc(layout) },
    }
}

/// Which arena a pointer came from, if any.
#[inline]
fn arena_of(pointer: *const u8) -> Option<usize> {
    let offset = (pointer as usize).wrapping_sub(MEMORY.0.get() as usize);
    (offset < ARENAS * ARENA_BYTES).then_some(offset / ARENA_BYTES)
}

/// Whether a pointer came from an arena.
#[inline]
pub(super) fn owns(pointer: *const u8) -> bool {
    arena_of(pointer).is_some()
}

/// Takes an arena's memory back, on whatever thread; `false` where it is none.
#[inline]
pub(super) fn take_back(pointer: *const u8) -> bool {
    let arena = arena_of(pointer);
    if let Some(arena) = arena {
        POOL[arena].leave();
    }
    arena.is_some()
}

/// What an unwinding freed, kept in the freed memory itself until the control
/// world frees it.
struct Grave {
    next: *mut Grave,
    layout: Layout,
}

static GRAVES: AtomicPtr<Grave> = AtomicPtr::new(ptr::null_mut());

/// Takes what an unwinding frees, to be freed by [`free_deferred`].
///
/// # Safety
/// `pointer` is of the system's allocator, with this layout, and is not used again.
pub(super) unsafe fn defer(pointer: *mut u8, layout: Layout) {
    let grave = pointer.cast::<Grave>();
    // What asks for no alignment has it all the same from every system's allocator.
    if layout.size() < size_of::<Grave>() || !grave.is_aligned() {
        // Too small to remember itself: a few bytes are leaked rather than freed here.
        return;
    }
    let mut next = GRAVES.load(Ordering::Relaxed);
    loop {
        // SAFETY: the memory is ours, large enough and aligned.
        unsafe { grave.write(Grave { next, layout }) };
        match GRAVES.compare_exchange_weak(next, grave, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(newer) => next = newer,
        }
    }
}

/// Frees what unwinding on realtime threads would have freed. Real-time: no.
pub fn free_deferred() {
    let mut grave = GRAVES.swap(ptr::null_mut(), Ordering::Acquire);
    while !grave.is_null() {
        // SAFETY: it was written by `defer`, and this list is ours alone now.
        let Grave { next, layout } = unsafe { grave.read() };
        // SAFETY: as `defer` was promised.
        unsafe { System.dealloc(grave.cast(), layout) };
        grave = next;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn bytes(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a layout")
    }

    #[test]
    fn an_arena_is_empty_again_when_the_last_user_leaves() {
        let arena = Arena(AtomicU64::new(0));
        assert!(arena.claim());
        assert_eq!(arena.take(bytes(3, 1)), Some(0));
        assert_eq!(arena.take(bytes(8, 8)), Some(8));
        assert_eq!(arena.take(bytes(1, 4_096)), Some(4_096));
        assert_eq!(arena.take(bytes(1, 8_192)), None, "more than a page");
        assert!(arena.claim(), "two faults may share it");
        assert_eq!(arena.take(bytes(ARENA_BYTES / 2, 1)), Some(4_097));
        assert!(!arena.claim(), "it is full enough");
        assert_eq!(arena.take(bytes(ARENA_BYTES / 2, 1)), None, "it is full");
        assert_eq!(arena.take(bytes(usize::MAX / 2, 1)), None);
        for _ in 0..6 {
            assert!(!arena.claim());
            arena.leave();
        }
        assert!(arena.claim());
        assert_eq!(arena.take(bytes(16, 16)), Some(0));
    }

    #[test]
    fn what_an_unwinding_frees_is_freed_later() {
        let layout = bytes(4_096, 16);
        for _ in 0..3 {
            // SAFETY: the layout is not empty; what is allocated is given away once.
            unsafe { defer(System.alloc(layout), layout) };
        }
        free_deferred();
        free_deferred();
        assert!(!owns(ptr::null()));
        assert!(owns(MEMORY.0.get().cast()));
    }
}
