//! The files that `[traces]` names, as they are now: a reload finds out whether another thing is in them.
use crate::config::traces::TracesSection;
use countersign_store::fault::Fault;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::path::Path;

/// What was in them.
#[derive(PartialEq)]
pub(super) struct Files {
    /// The headers of every export: our own, and those of the file.
    pub(super) headers: HeaderMap,
    authorities: Option<Vec<u8>>,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// [`Fault`] when one cannot be read.
    pub(super) fn read(section: &TracesSection) -> Result<Self, Fault> {
        let read = |file: &std::path::PathBuf| {
            let told =
                |error| Fault::caused(format!("[traces] ca_file: {} cannot be read", file.display()), error);
            std::fs::read(file).map_err(told)
        };
        Ok(Self {
            headers: headers(section.headers_file.as_deref())?,
            authorities: section.ca_file.as_ref().map(read).transpose()?,
        })
    }
}

fn headers(file: Option<&Path>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION"))));
    let Some(file) = file else { return Ok(headers) };
    let setting = "[traces] headers_file";
    let text = std::fs::read_to_string(file)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| Fault::caused(format!("{setting}: {} cannot be read", file.display()), error))?;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::try_from(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        });
        // The line itself is a secret.
        let (name, value) = read.ok_or_else(|| {
            let (file, line) = (file.display(), index + 1);
            Fault::new(format!(
                "{setting}: {file}:{line}: wanted a header such as \"Authorization: Bearer …\""
            ))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}
