//! What the console's calls work with, and where they are.
use crate::app::App;
use crate::surface::manage::state::Manage;
use std::sync::Arc;

/// Where the console's paths begin.
pub(crate) const UNDER: &str = "/console";
/// Where its calls are.
pub(crate) const CALLS: &str = "/console/api/v1";

/// What else answers on the listener that a call came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    /// The management API.
    pub(crate) manages: bool,
}

/// What the console's calls work with.
pub(crate) struct Console {
    /// The running server.
    pub(crate) app: Arc<App>,
    /// What changes are made with, as by the management API.
    pub(crate) manage: Arc<Manage>,
}
