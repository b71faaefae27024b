//! `[dialect.<name>]`: the settings of a dialect, named by its own file, or a dialect file of one's own.
use super::reader::Section;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the configuration says about a dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialectSection {
    /// A dialect file of one's own; `None`: the one that is built in.
    pub file: Option<PathBuf>,
    /// Settings over those of the file.
    pub settings: BTreeMap<String, String>,
}

impl DialectSection {
    pub(super) fn read(section: Section<'_>) -> Self {
        let file = section.maybe_text("file").map(PathBuf::from);
        Self { file, settings: section.rest().into_iter().collect() }
    }
}
