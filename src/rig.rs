//! TOML to a validated rig, to the difference between two, to a plan.
