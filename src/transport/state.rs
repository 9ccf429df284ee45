use super::{Beats, Tempo};

/// What the transport does: a state of two questions, whether it rolls and
/// whether it is armed. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum State {
    /// It stands.
    #[default]
    Stopped,
    /// It stands, and will record when it is started.
    Armed,
    /// It plays.
    Rolling,
    /// It plays, and what it plays is a take.
    Recording,
}

/// What a transport is told. Real-time: yes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Order {
    /// Rolls from the beginning.
    Start,
    /// Stands still, and is no longer armed.
    Stop,
    /// Rolls on from where it stands.
    Continue,
    /// Arms, or disarms; while it rolls this begins or ends a take.
    Arm,
    /// Goes to a beat, and does what it did.
    Locate(Beats),
    /// Goes on at this tempo.
    Tempo(Tempo),
    /// A beat, tapped: several give the tempo.
    Tap,
}

impl State {
    /// All of them.
    pub const ALL: [State; 4] = [State::Stopped, State::Armed, State::Rolling, State::Recording];

    /// The state after an order. Real-time: yes.
    pub const fn after(self, order: Order) -> State {
        match (order, self) {
            (Order::Start | Order::Continue, State::Stopped | State::Rolling) => State::Rolling,
            (Order::Start | Order::Continue, State::Armed | State::Recording) => State::Recording,
            (Order::Stop, _) => State::Stopped,
            (Order::Arm, State::Stopped) => State::Armed,
            (Order::Arm, State::Armed) => State::Stopped,
            (Order::Arm, State::Rolling) => State::Recording,
            (Order::Arm, State::Recording) => State::Rolling,
            (Order::Locate(_) | Order::Tempo(_) | Order::Tap, state) => state,
        }
    }

    /// Whether musical time moves the song on. Real-time: yes.
    pub const fn is_rolling(self) -> bool {
        matches!(self, State::Rolling | State::Recording)
    }

    /// Its name, as shown and in JSON. Real-time: yes.
    pub const fn name(self) -> &'static str {
        match self {
            State::Stopped => "stopped",
            State::Armed => "armed",
            State::Rolling => "rolling",
            State::Recording => "recording",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_in_every_state_leads_where_it_should() {
        use State::{Armed, Recording, Rolling, Stopped};
        let orders = [
            (Order::Start, [Rolling, Recording, Rolling, Recording]),
            (Order::Continue, [Rolling, Recording, Rolling, Recording]),
            (Order::Stop, [Stopped; 4]),
            (Order::Arm, [Armed, Stopped, Recording, Rolling]),
            (Order::Locate(Beats::ONE), State::ALL),
            (Order::Tempo(Tempo::DEFAULT), State::ALL),
            (Order::Tap, State::ALL),
        ];
        for (order, after) in orders {
            assert_eq!(State::ALL.map(|state| state.after(order)), after, "{order:?}");
        }
        assert_eq!(State::ALL.map(State::is_rolling), [false, false, true, true]);
    }
}
