//! That a server took a new configuration: nothing of it is kept here but who asked and what changed.
use crate::draft::Draft;

impl Draft<'_> {
    /// Notes that a server takes a new configuration, by its number there; `changed` says what of it is new.
    pub fn reload_configuration(&mut self, generation: u64, changed: &str) {
        self.note("configuration.reload", &generation.to_string(), changed);
    }
}
