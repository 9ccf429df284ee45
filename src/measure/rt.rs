//! What the callback takes under load.

pub mod load;
