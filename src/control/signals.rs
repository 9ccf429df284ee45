use crate::engine::{Error, ErrorKind};

/// Signals of the system that mean one thing.
pub(super) struct Signals {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
    /// Without signals there is Ctrl-C.
    #[cfg(not(unix))]
    is_stop: bool,
}

impl Signals {
    /// Ctrl-C, and what a service manager sends: end.
    pub(super) fn stop() -> Result<Signals, Error> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::SignalKind;
            Signals::listen(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
        }
        #[cfg(not(unix))]
        Ok(Signals { is_stop: true })
    }

    /// SIGUSR1: show the actors.
    pub(super) fn show_actors() -> Result<Signals, Error> {
        #[cfg(unix)]
        return Signals::listen(&[tokio::signal::unix::SignalKind::user_defined1()]);
        #[cfg(not(unix))]
        Ok(Signals { is_stop: false })
    }

    #[cfg(unix)]
    fn listen(kinds: &[tokio::signal::unix::SignalKind]) -> Result<Signals, Error> {
        let listen = |kind: &tokio::signal::unix::SignalKind| {
            tokio::signal::unix::signal(*kind)
                .map_err(|e| Error::new(ErrorKind::Device, format!("signals cannot be heard: {e}")))
        };
        Ok(Signals { signals: kinds.iter().map(listen).collect::<Result<_, _>>()? })
    }

    /// Waits for one of them.
    #[cfg(unix)]
    pub(super) async fn came(&mut self) {
        std::future::poll_fn(|context| {
            let ready = self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// Waits for one of them.
    #[cfg(not(unix))]
    pub(super) async fn came(&mut self) {
        if !self.is_stop || tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
