//! One order from beginning to end ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555)), shown to be ours by TLS-ALPN-01 or HTTP-01.
use crate::config::acme::Challenge;
use crate::tls::acme::issued::{Issued, PROTOCOL};
use crate::tls::acme::texts::{Texts, UNDER};
use crate::tls::certificate::provider;
use instant_acme::{
    Account, AccountBuilder, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long an authority may take to look, and to issue.
const PATIENCE: Duration = Duration::from_secs(120);

/// Orders a certificate; gives its key and chain as PEM.
pub(super) async fn obtain(issued: &Issued, texts: &Texts) -> Result<Zeroizing<Vec<u8>>, String> {
    let account = account(issued).await?;
    let names: Vec<Identifier> = issued.settings.domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(told)?;
    prove(issued, texts, &mut order).await?;
    let patience = RetryPolicy::new().timeout(PATIENCE);
    if order.poll_ready(&patience).await.map_err(told)? != OrderStatus::Ready {
        return Err(why(issued.settings.challenge, &mut order).await);
    }
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let mut wanted =
        CertificateParams::new(issued.settings.domains.clone()).map_err(|error| error.to_string())?;
    wanted.distinguished_name = DistinguishedName::new();
    let request = wanted.serialize_request(&key).map_err(|error| error.to_string())?;
    order.finalize_csr(request.der()).await.map_err(told)?;
    let chain = order.poll_certificate(&patience).await.map_err(told)?;
    let mut pem = Zeroizing::new(key.serialize_pem().into_bytes());
    pem.extend_from_slice(chain.as_bytes());
    Ok(pem)
}

/// The account with the authority, made at the first order.
async fn account(issued: &Issued) -> Result<Account, String> {
    let builder = || -> Result<AccountBuilder, String> {
        match &issued.settings.ca_file {
            Some(file) => {
                Account::builder_with_root(file).map_err(|error| format!("{}: {error}", file.display()))
            }
            None => Account::builder().map_err(told),
        }
    };
    if let Some(json) = issued.kept.account()? {
        let known = serde_json::from_slice(&json).map_err(|error| format!("account.json: {error}"))?;
        return builder()?.from_credentials(known).await.map_err(told);
    }
    let contact: Vec<&str> = issued.settings.contact.iter().map(String::as_str).collect();
    // Whoever names an authority in the configuration agrees to its terms; the documents say so.
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let directory = issued.settings.directory.clone();
    let (account, known) = builder()?.create(&new, directory, None).await.map_err(told)?;
    let json = Zeroizing::new(serde_json::to_vec(&known).map_err(|error| error.to_string())?);
    issued.kept.keep_account(&json)?;
    Ok(account)
}

/// Puts the answers up and asks the authority to look.
async fn prove(issued: &Issued, texts: &Texts, order: &mut Order) -> Result<(), String> {
    let mut authorizations = order.authorizations();
    // As many as the order has names, and those are bounded by the configuration.
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(told)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => return Err(format!("an authorization is {other:?}")),
        }
        let name = authorization.identifier().to_string();
        let wanted = issued.settings.challenge;
        let challenge = authorization.challenge(match wanted {
            Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
            Challenge::Http => ChallengeType::Http01,
        });
        let mut challenge =
            challenge.ok_or_else(|| format!("the authority does not take {} for {name}", wanted.name()))?;
        let text = challenge.key_authorization();
        match wanted {
            Challenge::TlsAlpn => issued.put_answer(&name, answer(&name, text.digest().as_ref())?),
            Challenge::Http => issued.put_text(texts, &challenge.token, text.as_str()),
        }
        challenge.set_ready().await.map_err(told)?;
    }
    Ok(())
}

/// The certificate that answers the authority: self-made, with the digest it waits for.
fn answer(name: &str, digest: &[u8]) -> Result<CertifiedKey, String> {
    if digest.len() != 32 {
        return Err(format!("wanted a digest of 32 bytes for {name}, found {}", digest.len()));
    }
    let make = || {
        let mut wanted = CertificateParams::new(vec![name.to_owned()])?;
        wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        Ok::<_, rcgen::Error>((wanted.self_signed(&key)?, key))
    };
    let (made, key) = make().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(str::to_owned)?;
    let key = provider().key_provider.load_private_key(key).map_err(|error| error.to_string())?;
    // Both were made here. Comparing them would fail: the library knows no critical extension of this kind.
    Ok(CertifiedKey::new(vec![made.der().clone()], key))
}

/// What the authority says against an order.
async fn why(challenge: Challenge, order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problem {
            let what = match challenge {
                Challenge::TlsAlpn => format!("{} on port 443", String::from_utf8_lossy(PROTOCOL)),
                Challenge::Http => format!("{UNDER} on port 80"),
            };
            return format!(
                "the authority asked {} for {what} and says: {problem}",
                authorization.identifier()
            );
        }
    }
    "the authority refused the order and does not say why".to_owned()
}

/// An error with its causes.
fn told(error: Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
