use std::sync::Arc;

use tokio::time::Instant;

use super::Watch;
use crate::generate::{
    Audio, Backend, Draft, Drafting, Failure, FailureKind, Form, Identity, Perform, Product, Progress,
    Request, Stage, verify,
};

/// A piece ends in this, where something still rings.
const FADE_SECONDS: f64 = 0.3;

/// The backends that there are, by name.
pub trait Backends: Send + Sync {
    /// The one of that name.
    ///
    /// # Errors
    /// [`Failure`] where there is none, or its configuration is wrong: what to do.
    fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Failure>;

    /// What that is which a request for this model goes to. Costs little: it is asked for also where the
    /// music is kept already.
    ///
    /// # Errors
    /// As [`backend`](Self::backend).
    fn identity(&self, name: &str, model: Option<&str>) -> Result<Identity, Failure>;
}

/// When a request came, and when it must be done.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub begun: Instant,
    pub deadline: Instant,
}

/// Where a request becomes a product: drafted, performed, verified.
pub struct Kitchen {
    backends: Arc<dyn Backends>,
    perform: Arc<dyn Perform>,
}

impl Kitchen {
    pub(super) fn new(backends: Arc<dyn Backends>, perform: Arc<dyn Perform>) -> Kitchen {
        Kitchen { backends, perform }
    }

    pub(super) fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Failure> {
        self.backends.backend(name)
    }

    pub(super) fn identity(&self, request: &Request) -> Result<Identity, Failure> {
        self.backends.identity(&request.backend, request.model.as_deref())
    }

    /// From a request to what was verified.
    pub(super) async fn make(
        &self,
        request: &Request,
        backend: &dyn Backend,
        span: Span,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        watch(Progress::at(Stage::Drafting));
        let drafting = Drafting { progress: &**watch, begun: span.begun, deadline: span.deadline };
        let (draft, tries) = backend.draft(request, drafting).await?;
        let made = match draft {
            Draft::Sound { bytes, content_type } => self.sound(request, bytes, content_type, watch).await,
            Draft::Midi { bytes, chart, tempo } => self.midi(request, bytes, chart, tempo, watch).await,
        };
        let mut made = made.map_err(|failure| failure.after(tries))?;
        made.tries = tries;
        made.warnings.extend(backend.remarks(request));
        Ok(made)
    }

    async fn sound(
        &self,
        request: &Request,
        bytes: Vec<u8>,
        content_type: Option<String>,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        if request.form == Form::Midi {
            let message = format!("`{}` gives sound and no MIDI; ask for a WAV", request.backend);
            return Err(Failure::new(FailureKind::Usage, message));
        }
        watch(Progress::at(Stage::Verifying));
        let verified = verify::file(bytes, content_type, request).await?;
        Ok(Product {
            audio: Some(Arc::new(verified.audio)),
            fingerprint: verified.measures.fingerprint,
            warnings: verified.warnings,
            ..Product::default()
        })
    }

    async fn midi(
        &self,
        request: &Request,
        bytes: Vec<u8>,
        chart: Option<String>,
        tempo: f64,
        watch: &Watch,
    ) -> Result<Product, Failure> {
        let mut warnings = verify::midi(&bytes, request)?;
        let midi: Arc<[u8]> = bytes.into();
        let (mut audio, mut fingerprint) = (None, None);
        if request.form == Form::Audio {
            watch(Progress::at(Stage::Performing));
            let mut played = self.performed(request, Arc::clone(&midi), tempo).await?;
            if !request.is_loop() {
                // What still rings where the length ends dies away.
                played.fade_out((played.seconds() / 8.0).min(FADE_SECONDS));
            }
            watch(Progress::at(Stage::Verifying));
            let verified = verify::audio(played, request).await?;
            warnings.extend(verified.warnings);
            fingerprint = verified.measures.fingerprint;
            audio = Some(Arc::new(verified.audio));
        }
        Ok(Product {
            audio,
            midi: Some(midi),
            chart: chart.map(Into::into),
            tempo: Some(tempo),
            fingerprint,
            warnings,
            ..Product::default()
        })
    }

    /// The MIDI as sound, on a thread that may compute for long.
    async fn performed(&self, request: &Request, midi: Arc<[u8]>, tempo: f64) -> Result<Audio, Failure> {
        let perform = Arc::clone(&self.perform);
        let rate = request.rate;
        let frames = rate.frames(request.length.seconds(tempo));
        let played = tokio::task::spawn_blocking(move || perform.perform(&midi, rate, Some(frames))).await;
        played.unwrap_or_else(|error| {
            Err(Failure::new(FailureKind::Fault, format!("the music could not be played to sound: {error}")))
        })
    }
}
