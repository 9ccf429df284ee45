use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::jack::{Client, ClientStatus, Control, Frames, NotificationHandler, PortId};
use crossbeam::channel::Sender;

use super::super::callback::Reins;
use super::super::error::FaultKind;
use super::Health;
use super::patchbay::Order;

/// What the server tells, on a thread of its own where nothing may be asked of
/// it: flags and orders, no work.
pub(super) struct Notify {
    pub(super) health: Arc<Health>,
    pub(super) rate_hertz: u32,
    pub(super) reins: Arc<Reins>,
    pub(super) orders: Sender<Order>,
}

impl NotificationHandler for Notify {
    unsafe fn shutdown(&mut self, _status: ClientStatus, _reason: &str) {
        self.reins.set_freewheeling(false);
        self.health.fault.set(FaultKind::ServerGone, "the JACK server ended, or threw the program out");
    }

    fn freewheel(&mut self, _: &Client, is_freewheel_enabled: bool) {
        self.reins.set_freewheeling(is_freewheel_enabled);
    }

    fn sample_rate(&mut self, _: &Client, rate: Frames) -> Control {
        if rate != self.rate_hertz {
            self.health.fault.set(
                FaultKind::RateChanged,
                format!("the JACK server changed its rate from {} to {rate} Hz", self.rate_hertz),
            );
        }
        Control::Continue
    }

    fn port_registration(&mut self, _: &Client, port: PortId, is_registered: bool) {
        if is_registered {
            // Where a storm of ports fills the channel, the next look finds them.
            let _ = self.orders.try_send(Order::Came(port));
        }
    }

    fn ports_connected(&mut self, _: &Client, _: PortId, _: PortId, _: bool) {
        let _ = self.orders.try_send(Order::Rewired);
    }

    fn xrun(&mut self, _: &Client) -> Control {
        self.health.xruns.fetch_add(1, Relaxed);
        Control::Continue
    }
}
