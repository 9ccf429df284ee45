//! Musical time: the tempo map.
