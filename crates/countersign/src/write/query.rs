//! Parameters that a proof adds to the query, each of which may stand there once.
use super::{CannotSign, Knowledge};
use crate::form::make::{Make, Pair, Template};
use crate::form::oauth;
use crate::percent;

/// Adds the parameters of which `take` says yes to a query.
pub(super) fn add_parameters(
    make: &Make,
    know: &Knowledge<'_, '_>,
    query: &mut String,
    take: &dyn Fn(&Template) -> bool,
) -> Result<(), CannotSign> {
    for Pair { name, template, .. } in make.query.iter().filter(|pair| take(&pair.template)) {
        // An escape that cannot be read names nothing that a server could take for it.
        let is_it = |part: &str| {
            let spelt = part.split_once('=').map_or(part, |(name, _)| name);
            percent::decode(spelt.as_bytes()).is_some_and(|found| found == **name)
        };
        if query.split('&').any(is_it) {
            return Err(CannotSign::Doubled(name.to_string()));
        }
        let mut value = String::new();
        know.fill(template, &mut value)?;
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&oauth::escaped(name));
        query.push('=');
        query.push_str(&oauth::escaped(&value));
    }
    Ok(())
}
