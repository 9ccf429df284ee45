//! The cache of what was generated: one for all, in memory and in files.
