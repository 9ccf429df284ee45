/// The thread's float control word before flush-to-zero was set.
pub(super) struct FloatMode(u64);

impl FloatMode {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(super) fn flush_to_zero() -> FloatMode {
        const FLUSH_AND_DENORMALS_ARE_ZERO: u32 = 0x8040;
        let before = read_mxcsr();
        write_mxcsr(before | FLUSH_AND_DENORMALS_ARE_ZERO);
        FloatMode(u64::from(before))
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(super) fn restore(&self) {
        write_mxcsr(self.0 as u32);
    }

    #[cfg(all(target_arch = "aarch64", not(miri)))]
    pub(super) fn flush_to_zero() -> FloatMode {
        const FLUSH_TO_ZERO: u64 = 1 << 24;
        let before: u64;
        // SAFETY: reads and writes this thread's float control register.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) before, options(nomem, nostack));
            std::arch::asm!("msr fpcr, {}", in(reg) before | FLUSH_TO_ZERO, options(nomem, nostack));
        }
        FloatMode(before)
    }

    #[cfg(all(target_arch = "aarch64", not(miri)))]
    pub(super) fn restore(&self) {
        // SAFETY: puts back what `flush_to_zero` read.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) self.0, options(nomem, nostack)) };
    }

    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    pub(super) fn flush_to_zero() -> FloatMode {
        FloatMode(0)
    }

    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    pub(super) fn restore(&self) {}
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn read_mxcsr() -> u32 {
    let mut word = 0_u32;
    // SAFETY: stores this thread's control word to a valid place.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut word, options(nostack)) };
    word
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn write_mxcsr(word: u32) {
    // SAFETY: `word` came from `read_mxcsr`, with the two flush bits set at most.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &word, options(nostack, readonly)) };
}
