//! One order's outcome: the certificate in force, and answers to the authority while another is on its way.
use crate::config::acme::Acme;
use crate::tls::acme::kept::Kept;
use crate::tls::acme::texts::Texts;
use crate::tls::certificate::Certificate;
use arc_swap::ArcSwapOption;
use countersign::time::Time;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The protocol in which the authority asks whether a name is ours
/// ([RFC 8737, section 3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// What was ordered: the certificate in force, and answers to the authority while an order is under way.
pub(crate) struct Issued {
    pub(crate) settings: Acme,
    pub(super) kept: Kept,
    current: ArcSwapOption<Certificate>,
    answers: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    /// Tokens of texts that are up.
    tokens: Mutex<Vec<String>>,
    wake: Notify,
}

impl Issued {
    /// What the data directory has of it.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub(super) fn open(data: &Path, acme: &Acme) -> Result<Self, String> {
        let kept = Kept::open(data, acme)?;
        let current = kept.certificate()?.map(Arc::new);
        Ok(Self {
            settings: acme.clone(),
            kept,
            current: ArcSwapOption::new(current),
            answers: Mutex::default(),
            tokens: Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// The certificate in force; `None` until the first one is there.
    pub(crate) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.current.load_full()
    }

    /// The answer to the authority for a name.
    pub(crate) fn answer(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&name.to_ascii_lowercase()).cloned()
    }

    pub(super) fn put_answer(&self, name: &str, answer: CertifiedKey) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_owned(), Arc::new(answer));
    }

    pub(super) fn put_text(&self, texts: &Texts, token: &str, text: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token.to_owned());
        texts.put(token, text);
    }

    pub(super) fn clear_answers(&self, texts: &Texts) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let tokens = std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner));
        texts.remove(&tokens);
    }

    /// Keeps and presents what was issued.
    pub(super) fn take(&self, pem: &[u8], now: Time) -> Result<Time, String> {
        let certificate = self.kept.parse(pem)?;
        if certificate.ends <= now {
            return Err("what the authority issued has ended already; is the clock right?".to_owned());
        }
        self.kept.keep_certificate(pem)?;
        let ends = certificate.ends;
        self.current.store(Some(Arc::new(certificate)));
        Ok(ends)
    }

    /// Sleeps, or until woken.
    pub(super) async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.wake.notified() => {}
        }
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}
