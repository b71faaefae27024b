//! API keys: an access token for a program that cannot sign, and nothing that outlives it.
use crate::session::login::Opening;
use crate::session::reply::{No, Stop, Told, json};
use crate::session::{Asked, DIALECT, SessionApi};
use bytes::Bytes;
use countersign::base64::encode_hex;
use countersign::reason::Reason;
use countersign_keys::sha256;
use countersign_store::model::{Account, CompanionRecord};
use http::Response;

/// Where the API key stands.
const HEADER: &str = "apikey";
/// Bytes of an API key: ours have 43.
const LONGEST: usize = 1024;

impl SessionApi {
    /// Opens a session that lives as long as its one access token, while the API key is good.
    pub(crate) async fn api_key(&self, asked: &Asked<'_>) -> Result<Response<Bytes>, Stop> {
        let mut values = asked.request.headers().get_all(HEADER).iter();
        let secret = values.next().ok_or_else(|| No::refused(Reason::MissingCredentials))?;
        if values.next().is_some() {
            return Err(No::refused(Reason::AmbiguousCredentials).into());
        }
        if secret.len() > LONGEST {
            return Err(No::refused(Reason::TooLarge).into());
        }
        let (companion, account) =
            self.companion(secret.as_bytes()).ok_or_else(|| No::refused(Reason::UnknownCompanion))?;
        let namespace = self.namespace();
        let identifier = account.identifiers.iter().find(|own| own.namespace == namespace);
        let identifier = identifier.ok_or_else(|| No::refused(Reason::UnknownCompanion))?;
        let ends = asked.now + self.settings.windows.access;
        let opening =
            Opening { account: &account.id, identifier: &identifier.value, key: &companion.id, ends };
        let session = self.open_session(&opening, asked.now).await?;
        let mut response = json(&self.single(&session)?);
        let told = Told { reason: None, account: Some(account.name), key: Some(companion.id) };
        response.extensions_mut().insert(told);
        Ok(response)
    }

    /// The good companion key of an enabled account. Looked up by digest: how long that takes says nothing about a secret.
    fn companion(&self, secret: &[u8]) -> Option<(CompanionRecord, Account)> {
        let rows = self.directory().companions_by_digest(&encode_hex(&sha256(&[secret])));
        let row = rows.into_iter().find(|row| row.dialect == DIALECT && row.enabled)?;
        let account = self.directory().account(&row.account).filter(|account| account.enabled)?;
        Some((row, account))
    }
}
