//! Who asks about registered keys: an operator by the management API, or the keys' owner, signed in at the console with one of them.
use crate::exit::{Exit, Failure};
use crate::keyring;
use crate::manage::{Api, ManageArgs, missing, segment, text};
use crate::member::at;
use crate::owner::Owner;
use crate::used::{Uses, instant};
use clap::Args;
use countersign_keys::KeyPair;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// As whom a command asks.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "As the owner of the keys")]
pub(crate) struct AskerArgs {
    /// A private key of the account, in place of an operator's: asks for the account itself at the server's console, and may what its
    /// owner may there. A file, `ssh-agent:FINGERPRINT`, or a `pkcs11:` URI.
    #[arg(id = "own_key", short = 'k', long = "key", value_name = "FILE|KEY")]
    own_key: Option<PathBuf>,
    /// The file with the private key's passphrase or the token's PIN.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The account's name or id, where the same key stands under several accounts.
    #[arg(id = "own_account", long = "as", value_name = "ACCOUNT", requires = "own_key")]
    own_account: Option<String>,
    #[command(flatten)]
    manage: ManageArgs,
}

/// Who asks, with the way to be answered.
pub(crate) enum Asker {
    Operator(Api),
    Owner(Box<Owner>),
}

impl AskerArgs {
    /// Whether an owner asks.
    pub(crate) fn is_owner(&self) -> bool {
        self.own_key.is_some()
    }

    /// As the owner of the account `named` where the command names one, or as the operator.
    pub(crate) async fn open(&self, named: Option<&str>) -> Result<Asker, Failure> {
        let Some(file) = &self.own_key else {
            if self.passphrase_file.is_some() {
                let text = "--passphrase-file: wanted the key that it is for, found none; name it with --key";
                return Err(Failure::usage(text));
            }
            return self.manage.api().map(Asker::Operator);
        };
        let key = keyring::key_pair(file, self.passphrase_file.as_deref())?;
        let account = self.own_account.as_deref().or(named);
        let owner = Owner::sign_in(&self.manage.console(), key, account).await?;
        Ok(Asker::Owner(Box::new(owner)))
    }
}

impl Asker {
    /// The keys of an account; an owner's own, whichever account is named.
    pub(crate) async fn keys(&mut self, account: &str) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Operator(api) => api.list(&format!("/accounts/{}/keys", segment(account))).await,
            Self::Owner(owner) => items(&owner.get("keys").await?),
        }
    }

    /// One key.
    pub(crate) async fn key(&mut self, id: &str) -> Result<Value, Failure> {
        match self {
            Self::Operator(api) => api.get(&format!("/keys/{}", segment(id))).await,
            Self::Owner(owner) => own(items(&owner.get("keys").await?)?, id),
        }
    }

    /// From where a key was used, and how much is known of that.
    pub(crate) async fn uses(&mut self, id: &str) -> Result<Uses, Failure> {
        let (key, uses, known) = match self {
            Self::Operator(api) => {
                // Whatever the key's own time is of, it was known before the uses were looked at.
                let key = api.get(&format!("/keys/{}", segment(id))).await?;
                let uses = api.get(&format!("/keys/{}/uses", segment(id))).await?;
                (key, items(&uses)?, uses)
            }
            Self::Owner(owner) => {
                let known = owner.get("keys").await?;
                let key = own(items(&known)?, id)?;
                let uses = at(&key, "uses").as_array().cloned().unwrap_or_default();
                (key, uses, known)
            }
        };
        let time =
            |name| instant(at(&known, name)).ok_or_else(|| text(&known, name).err().unwrap_or_else(unread));
        let last = uses.first().and_then(|one| instant(at(one, "at"))).max(instant(at(&key, "last_used")));
        let live = *at(&key, "live") == true;
        Ok(Uses { last, live, now: time("now")?, complete_until: time("complete_until")?, items: uses })
    }

    /// `activate`, `disable` or `revoke`.
    pub(crate) async fn change(&mut self, id: &str, action: &str) -> Result<Value, Failure> {
        match self {
            Self::Operator(api) => api.post(&format!("/keys/{}/{action}", segment(id)), &Value::Null).await,
            Self::Owner(owner) => {
                let action = if action == "activate" { "enable" } else { action };
                owner.post(&format!("keys/{}/{action}", segment(id)), &Value::Null).await
            }
        }
    }

    /// Goes on as the same owner by another of its keys. Where that one opens nothing, the first goes on.
    pub(crate) async fn turn_to(&mut self, key: Arc<dyn KeyPair>) {
        if let Self::Owner(owner) = self {
            owner.turn_to(key).await;
        }
    }

    /// Ends what was opened.
    pub(crate) async fn leave(self) {
        if let Self::Owner(owner) = self {
            owner.sign_out().await;
        }
    }
}

fn items(list: &Value) -> Result<Vec<Value>, Failure> {
    at(list, "items").as_array().cloned().ok_or_else(unread)
}

fn own(keys: Vec<Value>, id: &str) -> Result<Value, Failure> {
    let found = keys.into_iter().find(|key| *at(key, "id") == id);
    found.ok_or_else(|| missing("key of this account", id, "countersign key list"))
}

fn unread() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "the server's answer is none that this command knows; is it the same version?",
    )
}
