use super::file::Kind;

/// Where a kind's server is and what it is asked for where nobody says it, and who may say it.
pub(super) struct Place {
    pub what: &'static str,
    pub url: &'static str,
    pub model: &'static str,
    pub url_variable: &'static str,
    pub key_variable: &'static str,
}

impl Place {
    pub fn of(kind: Kind) -> Option<&'static Place> {
        match kind {
            Kind::Hf => Some(&HF),
            Kind::Chat => Some(&CHAT),
            Kind::Local | Kind::Program => None,
        }
    }
}

/// What Hugging Face's own servers are reached by.
pub(super) const HF: Place = Place {
    what: "model server",
    url: "https://router.huggingface.co/hf-inference",
    model: "facebook/musicgen-small",
    url_variable: "ANTIPHON_MODEL_URL",
    key_variable: "ANTIPHON_MODEL_KEY",
};
/// A chat server of this machine's own, where nobody says another (Ollama's port).
pub(super) const CHAT: Place = Place {
    what: "chat server",
    url: "http://127.0.0.1:11434/v1",
    model: "llama3.2",
    url_variable: "ANTIPHON_CHAT_URL",
    key_variable: "ANTIPHON_CHAT_KEY",
};
