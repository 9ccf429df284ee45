//! Event sourcing: what happened, kept in order in an embedded database, and states made of it.
