//! Fetches the key sets that accounts publish: with one deadline, a bound, no redirects, and not from inside our own network.
use crate::config::server::JwksSection;
use crate::outside::{Outside, Terms};
use countersign_guard::jwks::{Fetch, Fetched, MOST_BYTES};
use countersign_store::registry::Answer;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The whole fetch, from the name's look-up to the last byte: a request may be waiting for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// The client that fetches.
pub(crate) struct KeySets {
    /// Made at the first fetch: the machine's root certificates are a hundred files, and most installations fetch nothing.
    client: OnceCell<Fetching>,
    terms: Terms,
}

type Fetching = Outside<Empty<bytes::Bytes>>;

impl KeySets {
    pub(crate) fn new(section: &JwksSection) -> Self {
        let JwksSection { allow_private, allow_http, .. } = *section;
        let terms = Terms {
            what: "the key set",
            private: (allow_private, "[jwks] allow_private"),
            http: (allow_http, "[jwks] allow_http"),
        };
        Self { client: OnceCell::new(), terms }
    }

    /// The client; tried anew at the next fetch when it cannot be made.
    async fn client(&self) -> Result<&Fetching, String> {
        let terms = self.terms;
        let make = || async move {
            let made = tokio::task::spawn_blocking(move || terms.client(None, DEADLINE)).await;
            made.map_err(|lost| lost.to_string())?
        };
        self.client.get_or_try_init(make).await
    }

    async fn get(&self, url: &str) -> Result<Fetched, String> {
        let uri: Uri = url.parse().map_err(|_| "the address of the key set is no address".to_owned())?;
        self.terms.allow(&uri)?;
        let answer = self.client().await?.get(uri).await.map_err(|error| error.to_string())?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!(
                "wanted status 200, found {}; redirects are not followed",
                answer.status().as_u16()
            ));
        }
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| error.to_string())?;
        Ok(Fetched { body: body.to_bytes().to_vec(), headers: parts.headers })
    }
}

impl Fetch for KeySets {
    fn fetch<'a>(&'a self, url: &'a str) -> Answer<'a, Result<Fetched, String>> {
        Box::pin(async move {
            let fetched = tokio::time::timeout(DEADLINE, self.get(url)).await;
            fetched.unwrap_or_else(|_| Err("the key set did not arrive in time".to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    fn sets(allow_http: bool) -> KeySets {
        let dialects = Vec::new();
        KeySets::new(&JwksSection { allow_private: false, allow_http, dialects })
    }

    #[tokio::test]
    async fn plain_http_is_not_spoken_unless_it_is_allowed() {
        for url in ["http://caller.example/jwks", "HTTP://caller.example/jwks"] {
            let refused = sets(false).fetch(url).await.unwrap_err();
            assert!(refused.contains("[jwks] allow_http"), "{refused}");
        }
    }

    #[tokio::test]
    async fn nothing_on_this_machine_is_connected_to() {
        let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = trap.local_addr().unwrap().port();
        let caught = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&caught);
        tokio::spawn(async move {
            while trap.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let sets = sets(true);
        for host in
            ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "127.1", "2130706433", "0x7f.0.0.1"]
        {
            assert!(sets.fetch(&format!("http://{host}:{port}/jwks")).await.is_err(), "{host}");
        }
        assert!(sets.fetch("file:///etc/passwd").await.is_err());
        assert_eq!(caught.load(Ordering::SeqCst), 0);
    }
}
