use std::sync::Once;

/// Looks for the JACK library; without one, any other call would panic.
/// Also silences what it prints. Real-time: no.
///
/// # Errors
/// Why it cannot be loaded.
pub(super) fn find() -> Result<(), String> {
    static SILENCE: Once = Once::new();
    match ::jack::jack_sys::library() {
        Ok(_) => {
            SILENCE.call_once(|| ::jack::set_logger(::jack::LoggerType::None));
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}
