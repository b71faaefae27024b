//! guard: being built.
