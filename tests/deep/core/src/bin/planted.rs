//! One planted fault for each net, to see that the net is up: what runs this
//! expects it to be caught.

use antiphon::rt::guard;
use std::cell::UnsafeCell;
use std::hint::black_box;

struct Unguarded(UnsafeCell<u64>);
// SAFETY: none; this is the fault.
unsafe impl Sync for Unguarded {}
static SHARED: Unguarded = Unguarded(UnsafeCell::new(0));

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("open") => {
            let _fence = guard::enter();
            let _ = black_box(std::fs::File::open("/dev/null"));
        }
        Some("race") => {
            // SAFETY: none; this is the fault.
            let add = || (0..10_000).for_each(|_| unsafe { *black_box(SHARED.0.get()) += 1 });
            let other = std::thread::spawn(add);
            add();
            let _ = other.join();
        }
        Some("stale") => {
            let samples = vec![1.0_f32; 64];
            let pointer = black_box(samples.as_ptr());
            drop(samples);
            // SAFETY: none; this is the fault.
            println!("{}", unsafe { *pointer.add(3) });
        }
        _ => std::process::exit(2),
    }
}
