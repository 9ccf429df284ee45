/// Keeps the ALSA library from printing to stderr whatever device it failed to
/// open: the errors come back to us anyway.
#[cfg(target_os = "linux")]
pub(super) fn silence_alsa() {
    unsafe extern "C" {
        fn snd_lib_error_set_handler(handler: Option<unsafe extern "C" fn()>) -> libc::c_int;
    }
    unsafe extern "C" fn say_nothing() {}
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler takes no notice of its arguments, which in the C
        // calling conventions of Linux the caller puts and removes. It is set
        // once, before this program opens a device.
        unsafe {
            snd_lib_error_set_handler(Some(say_nothing));
        }
    });
}

#[cfg(not(target_os = "linux"))]
pub(super) fn silence_alsa() {}
