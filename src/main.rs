//! The `antiphon` program.

fn main() -> std::process::ExitCode {
    antiphon::control::run().into()
}
