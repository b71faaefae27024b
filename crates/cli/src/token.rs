//! `countersign request -d access-token`: a token fetched by an assertion of the caller's key and bound to a key of this run alone.
use crate::exit::Failure;
use crate::proving::{self, SignerArgs};
use crate::session::told;
use crate::world;
use clap::Args;
use countersign_client::exchange::Exchange;
use countersign_client::http::Client;
use countersign_keys::{KeyKind, PrivateKey};
use std::sync::Arc;

/// The dialect of such tokens.
pub(crate) const DIALECT: &str = "access-token";

/// Where access tokens come from, and what they are to be good for.
#[derive(Args, Debug, Clone)]
pub(crate) struct TokenArgs {
    /// Dialect access-token: who gives the tokens out, such as `https://auth.example`.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Dialect access-token: the token endpoint, when it is not `/oauth2/token` of the issuer.
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// Dialect access-token: the scopes to ask for.
    #[arg(long, value_name = "TEXT")]
    scope: Option<String>,
    /// Dialect access-token: the resource to ask a token for.
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Dialect access-token: ask for a plain token, which whoever sees it can use.
    #[arg(long)]
    bearer: bool,
}

impl TokenArgs {
    /// A client that fetches its token with its first request.
    pub(crate) fn client(&self, signer: &SignerArgs) -> Result<Client, Failure> {
        let issuer = self.issuer.as_deref().ok_or_else(|| {
            Failure::usage(
                "access-token wants --issuer: who gives the tokens out, such as https://auth.example",
            )
        })?;
        let settings = [("audience".to_owned(), issuer.to_owned())].into();
        let signer = signer.signer(proving::load("client-assertion", &settings)?)?;
        let usual = || format!("{}/oauth2/token", issuer.trim_end_matches('/'));
        let endpoint = self.token_endpoint.clone().unwrap_or_else(usual);
        let mut exchange = Exchange::new(signer, &endpoint);
        if let Some(scope) = &self.scope {
            exchange = exchange.scope(scope);
        }
        if let Some(resource) = &self.resource {
            exchange = exchange.resource(resource);
        }
        if !self.bearer {
            let key = PrivateKey::generate(KeyKind::P256, 256).map_err(Failure::failed)?;
            exchange = exchange.bound(Arc::new(key));
        }
        Client::with_tokens(exchange, world::ambient()).map_err(|error| told(&error))
    }
}
