//! One generation of the configuration, put together over the parts that outlive it.
use crate::config::Config;
use crate::config::listener::Surface;
use crate::dialects::{Dialects, legacy_assertion};
use crate::identity::Identity;
use crate::key_sets::KeySets;
use crate::routes::{Routes, limits};
#[cfg(test)]
use crate::shared::Parts;
use crate::shared::Shared;
use crate::surface::path::KEY_SET;
use crate::traces::Tracer;
use crate::upstream::Upstreams;
use countersign::time::Span;
use countersign_guard::clock::draw;
use countersign_guard::guard::Guard;
use countersign_guard::jwks::{Jwks, Times};
use countersign_guard::nonces::Nonces;
use countersign_guard::policy::Policy;
use countersign_guard::session::challenges::Challenges;
use countersign_guard::session::{SessionApi, SessionParts};
use countersign_guard::token::{TokenApi, TokenParts};
use countersign_keys::Remembered;
use countersign_store::fault::Fault;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// Everything that surfaces share while one configuration is in force. A request keeps the one it began with; what does not
/// depend on the configuration is reached through it as well ([`Shared`]).
pub struct App {
    /// Counts configurations: 1 at the start, one more for each reload. What is remembered under one counts under no other.
    pub generation: u64,
    /// The configuration.
    pub config: Config,
    /// Judges. Each generation has its own, so that it remembers nothing that an older configuration decided.
    pub guard: Arc<Guard>,
    /// The dialects by name.
    pub dialects: Dialects,
    /// The routes.
    pub routes: Routes,
    /// How the upstream learns who was recognised.
    pub identity: Identity,
    /// What an operator proves itself by.
    pub operators: Option<Policy>,
    /// Opens and refreshes sessions.
    pub session: SessionApi,
    /// Gives out tokens; `None` without an issuer.
    pub token: Option<TokenApi>,
    pub(crate) upstreams: Upstreams,
    /// Tells traces; nobody does while they are off.
    pub(crate) tracer: Option<Arc<Tracer>>,
    /// Accounts' own key sets; they stay over a reload that does not touch how they are fetched.
    jwks: Arc<Jwks>,
    shared: Arc<Shared>,
}

impl App {
    /// The first generation, with everything below it.
    #[cfg(test)]
    pub(crate) async fn build(config: Config, dialects: Dialects, parts: Parts) -> Result<Self, Fault> {
        Self::over(Arc::new(Shared::open(parts, &config).await?), config, dialects, None)
    }

    /// The generation after `before`, or the first one. Nothing that is in force changes by this.
    ///
    /// # Errors
    /// [`Fault`] when the parts do not fit together.
    pub(crate) fn over(
        shared: Arc<Shared>,
        config: Config,
        dialects: Dialects,
        before: Option<&Self>,
    ) -> Result<Self, Fault> {
        let mut guard = Guard::new(
            Arc::clone(&shared.directory),
            Arc::clone(&shared.once),
            Arc::clone(&shared.sessions),
            Arc::clone(&shared.clock),
        )
        .with_signing(Arc::clone(&shared.signing))
        .with_decoys(shared.decoys);
        let as_before =
            |before: &&Self| before.config.jwks == config.jwks && before.config.keys == config.keys;
        let jwks = match before.filter(as_before) {
            Some(before) => Arc::clone(&before.jwks),
            None => {
                let sets = Arc::new(KeySets::new(&config.jwks));
                Arc::new(Jwks::new(sets, Times::default(), config.keys.policy(), &config.jwks.dialects))
            }
        };
        guard = guard.with_jwks(Arc::clone(&jwks)).with_dpop_window(span(config.token.dpop_window));
        if config.token.dpop_nonces {
            let nonces = Nonces::new(shared.nonce.clone(), span(config.token.dpop_nonce_life), true);
            guard = guard.with_nonces(Arc::new(nonces));
        }
        if config.limits.remembered_tokens > 0 {
            let memory = Remembered::new(draw(&*shared.entropy), config.limits.remembered_tokens);
            guard = guard.with_remembered(Arc::new(memory));
        }
        if let Some(lanes) = &shared.lanes {
            guard = guard.with_batcher(Arc::clone(&lanes.batcher));
        }
        let routes = Routes::new(&config, &dialects).map_err(Fault::new)?;
        for name in routes.admitted() {
            if shared.directory.account_by_name(&name).is_none() && shared.directory.account(&name).is_none()
            {
                tracing::warn!(account = name, "a route admits an account that is not there");
            }
        }
        let operator = dialects.get("operator").cloned();
        let operators =
            operator.map(|dialect| Policy { limits: limits(&config, None), ..Policy::of(vec![dialect]) });
        shared.signs_for(
            config
                .session
                .refresh
                .max(config.session.access)
                .max(config.identity.assertion_life)
                .max(config.token.access),
        );
        let identity = Identity::new(&config.identity, Some(Arc::clone(&shared.signing)))?;
        let guard = Arc::new(guard);
        let challenges: Arc<dyn Challenges> = shared.challenges.clone();
        let session = SessionParts {
            guard: Arc::clone(&guard),
            registrar: Arc::clone(&shared.registrar),
            signing: Arc::clone(&shared.signing),
            challenges,
            once: Arc::clone(&shared.answered),
            entropy: Arc::clone(&shared.entropy),
        };
        let settings = config.session.settings(&config.keys, routes.admitted(), routes.organisations());
        let session = SessionApi::new(session, settings)
            .map_err(|error| Fault::caused("the session API cannot be set up", error))?;
        let token = token(&shared, &config, &dialects, &guard)?;
        let upstreams = Upstreams::start(&config, before.map(|before| &before.upstreams))?;
        let traced = before.and_then(|before| before.tracer.as_ref());
        let tracer = Tracer::start(&config.traces, &shared.entropy, &shared.exporters, traced)?;
        Ok(Self {
            generation: before.map_or(1, |before| before.generation + 1),
            config,
            guard,
            dialects,
            routes,
            identity,
            operators,
            session,
            token,
            upstreams,
            tracer,
            jwks,
            shared,
        })
    }

    /// What does not depend on the configuration.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The token endpoint of a configuration; `None` without an issuer.
fn token(
    shared: &Shared,
    config: &Config,
    dialects: &Dialects,
    guard: &Arc<Guard>,
) -> Result<Option<TokenApi>, Fault> {
    let published = config.listeners.iter().any(|listener| listener.has(Surface::Jwks));
    let Some(settings) = config.token.settings(&config.server, published.then_some(KEY_SET)) else {
        return Ok(None);
    };
    let Some(assertion) = dialects.get("client-assertion").cloned() else { return Ok(None) };
    let legacy = legacy_assertion(config, &settings.address(&settings.paths.token));
    let parts = TokenParts {
        guard: Arc::clone(guard),
        signing: Arc::clone(&shared.signing),
        entropy: Arc::clone(&shared.entropy),
        refresh: shared.refresh.clone(),
        assertion,
        legacy: Arc::new(legacy.map_err(Fault::new)?),
        limits: limits(config, None),
    };
    let token = TokenApi::new(parts, settings);
    token.map(Some).map_err(|error| Fault::caused("the token endpoint cannot be set up", error))
}

fn span(length: Duration) -> Span {
    Span::from_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
