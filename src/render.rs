//! The Renderer: plan, slots, inbox, fault edge.
