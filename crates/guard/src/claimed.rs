//! Whom a refused proof names, for reports while a route does not enforce yet: a claim, which nobody proved.
use crate::guard::Guard;
use crate::policy::{Found, Policy};
use countersign::ask::{KeyQuery, Who};
use countersign::incoming::Incoming;
use countersign::read::Scratch;

impl Guard {
    /// The name of the registered account that a proof names. Anybody can write a name: this is no recognition, and may only be
    /// told together with that. `None` when there is no proof, it cannot be read, or names nobody.
    #[must_use]
    pub fn claimed(&self, policy: &Policy, incoming: &Incoming<'_>) -> Option<Box<str>> {
        let Found::One(dialect) = policy.find(incoming) else { return None };
        let mut scratch = Scratch::default();
        let proof = dialect.read(incoming, &policy.limits, &mut scratch, &mut ()).ok().flatten()?;
        let query: KeyQuery<'_> = proof.wants();
        // Sessions are asked of a store; their tokens are ours, and reports can do without them.
        if matches!(query.who, Who::Session(_)) {
            return None;
        }
        Some(self.directory.answer(&query).caller?.name.clone())
    }
}
