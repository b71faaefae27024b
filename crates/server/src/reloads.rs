//! What a reload does and why one is refused, and the way to it for those who stand below what replaces the configuration.
use crate::config::Finding;
use countersign_store::fault::Fault;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::OnceLock;

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration contradicts itself.
    Config(Vec<Finding>),
    /// Something else is wrong with it; one text each.
    Setup(Vec<String>),
    /// A store failed.
    Fault(Fault),
}

/// A setting that a reload changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The setting, such as `limits.body_time`.
    pub setting: String,
    /// Its value before; `None` when it was not there.
    pub before: Option<String>,
    /// Its value from now on; `None` when it is gone.
    pub after: Option<String>,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The number of the configuration that is in force.
    pub generation: u64,
    /// What differs from the one before, in the order of the settings.
    pub changes: Vec<Change>,
}

/// Writes down what is about to change, and in whose name, before it is in force.
pub(crate) type Note = Box<dyn FnOnce(Reloaded) -> BoxFuture<'static, Result<(), Fault>> + Send>;

/// Reads the configuration anew and puts it in force.
type Reload = Box<dyn Fn(Note) -> BoxFuture<'static, Result<Reloaded, StartError>> + Send + Sync>;

/// The way to the next configuration, once the server runs and where there is something to read again.
#[derive(Default)]
pub(crate) struct Reloads(OnceLock<Reload>);

impl Reloads {
    /// Opens the way; only the first one counts.
    pub(crate) fn open(&self, reload: Reload) {
        let _ = self.0.set(reload);
    }

    /// Reads the configuration anew and puts it in force; `None` where there is no way. What is about to change is written down first.
    pub(crate) fn reload(&self, note: Note) -> Option<BoxFuture<'static, Result<Reloaded, StartError>>> {
        self.0.get().map(|reload| reload(note))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = match self {
            Self::Config(findings) => findings.iter().map(ToString::to_string).collect(),
            Self::Setup(texts) => texts.clone(),
            Self::Fault(fault) => vec![fault.to_string()],
        };
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for StartError {}
