//! The terminal as it was before the player made it its own.

/// What a dead player cannot put right any more. Real-time: no.
pub(super) struct Terminal {
    #[cfg(unix)]
    before: Option<(std::fs::File, libc::termios)>,
}

impl Terminal {
    /// Remembers how the terminal is set, where there is one.
    #[cfg(unix)]
    pub(super) fn remember() -> Terminal {
        use std::os::fd::AsRawFd;
        let Ok(file) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty") else {
            return Terminal { before: None };
        };
        // SAFETY: a struct of integers, which the call fills.
        let (settings, result) = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            let result = libc::tcgetattr(file.as_raw_fd(), &mut settings);
            (settings, result)
        };
        Terminal { before: (result == 0).then_some((file, settings)) }
    }

    #[cfg(not(unix))]
    pub(super) fn remember() -> Terminal {
        Terminal {}
    }

    /// Puts the settings back, shows the cursor and ends colours.
    #[cfg(unix)]
    pub(super) fn restore(&self) {
        use std::io::{IsTerminal, Write};
        use std::os::fd::AsRawFd;
        let Some((file, settings)) = &self.before else { return };
        let descriptor = file.as_raw_fd();
        // SAFETY: both only ask the kernel, about a descriptor that is open and this process.
        if unsafe { libc::tcgetpgrp(descriptor) != libc::getpgrp() } {
            // From the background, touching the terminal would stop the process.
            return;
        }
        // SAFETY: reads the settings that `remember` got from the same descriptor.
        unsafe { libc::tcsetattr(descriptor, libc::TCSANOW, settings) };
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            // End of a synchronised update, plain text, cursor, a line of its own.
            let _ = stderr.write_all(b"\x1b[?2026l\x1b[0m\x1b[?25h\r\n");
        }
    }

    #[cfg(not(unix))]
    pub(super) fn restore(&self) {}
}
