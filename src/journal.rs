//! What is kept: recordings and logs while playing, files rendered offline.

pub mod log;
mod recorder;
mod wav_out;
mod wav_series;

pub use recorder::{RecordError, RecordGap, RecordNews, RecordSummary, Recorder};
pub use wav_out::{BitDepth, BitDepthError, WavOut, WavOutError};
pub use wav_series::next_free;
