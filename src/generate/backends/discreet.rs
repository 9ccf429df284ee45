use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::generate::client::Secrets;
use crate::generate::{Backend, Draft, Drafted, Drafting, Failure, Progress, Request};

/// A backend of which no word gets out that holds a key: whatever a server or a program says is quoted in
/// failures and progress, and its types and charts are kept.
pub(in crate::generate) struct Discreet {
    backend: Arc<dyn Backend>,
    secrets: Secrets,
}

impl Discreet {
    pub fn new(backend: Arc<dyn Backend>, secrets: Secrets) -> Discreet {
        Discreet { backend, secrets }
    }

    async fn drafted(&self, request: &Request, drafting: Drafting<'_>) -> Result<Drafted, Failure> {
        let progress = drafting.progress;
        let said = |mut said: Progress| {
            said.words = self.secrets.redact(&said.words);
            progress(said);
        };
        let drafted = self.backend.draft(request, Drafting { progress: &said, ..drafting }).await;
        let (mut draft, tries) = drafted.map_err(|failure| self.secrets.clear(failure))?;
        let (Draft::Sound { content_type: words, .. } | Draft::Midi { chart: words, .. }) = &mut draft;
        *words = words.take().map(|words| self.secrets.redact(&words));
        Ok((draft, tries))
    }
}

impl Backend for Discreet {
    fn draft<'a>(
        &'a self,
        request: &'a Request,
        drafting: Drafting<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Drafted, Failure>> + Send + 'a>> {
        Box::pin(self.drafted(request, drafting))
    }

    fn remarks(&self, request: &Request) -> Vec<String> {
        self.backend.remarks(request)
    }

    fn in_flight(&self) -> usize {
        self.backend.in_flight()
    }
}
