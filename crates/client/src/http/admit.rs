//! Holds what comes back against the caller's wish that the server signs its answers.
use super::{Client, Credential};
use crate::answers::{Answers, Asked};
use crate::http::no_answer::NoAnswer;
use crate::offset::Lesson;
use countersign::answer::judge::Signed;
use countersign::time::Time;
use http::{HeaderMap, StatusCode};
use std::sync::PoisonError;

impl Client {
    /// The same client, which takes no answer that the server did not sign. Where sessions or tokens are opened and refreshed, TLS alone
    /// says who answers.
    #[must_use]
    pub fn wanting_signed(self, answers: Answers) -> Self {
        Self { answers: Some(answers), ..self }
    }

    /// Whether it takes signed answers alone, which must then be there whole.
    #[must_use]
    pub fn wants_signed(&self) -> bool {
        self.answers.is_some()
    }

    /// Judges an answer to a request that [`Client::prove`] proved; `None` for a client that takes any.
    ///
    /// # Errors
    /// [`NoAnswer::Unproved`] when it is not one that the server signed to this request.
    pub fn admit(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Signed>, NoAnswer> {
        let Some(answers) = &self.answers else { return Ok(None) };
        let dialect = match &self.credential {
            Credential::Signer(signer) => Some(signer.dialect()),
            Credential::Session { .. } | Credential::Token(_) => None,
        };
        answers
            .judge(asked, dialect, (status, headers, body), self.now())
            .map(Some)
            .map_err(NoAnswer::Unproved)
    }

    /// Corrects the clock by a refusal; whether there was something to correct.
    ///
    /// How old an answer may be is judged by this clock. Who wants signed answers must not be led by an unsigned one to a time at which
    /// old answers are new.
    pub(super) fn learn(
        &self,
        asked: Option<&Asked>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        local: Time,
    ) -> Result<bool, NoAnswer> {
        let known = self.offset();
        let learned = match (&self.answers, &self.credential) {
            (None, _) => known.learn(status, headers, body, local),
            (Some(answers), Credential::Signer(signer)) => {
                let told = asked.and_then(|asked| {
                    answers.told_now(asked, signer.dialect(), (status, headers, body), local)
                });
                known.learn_from(status, told, body, local)
            }
            (Some(_), Credential::Session { .. } | Credential::Token(_)) => return Ok(false),
        };
        let Lesson::Learned(offset) = learned.map_err(NoAnswer::Clock)? else { return Ok(false) };
        if known.explains(offset, local, self.ambient.now()) {
            return Ok(false);
        }
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
        Ok(true)
    }
}
