//! Holds what comes back against the caller's wish that the server signs its answers.
use super::{Client, Credential};
use crate::answers::{Answers, Asked};
use crate::http::no_answer::NoAnswer;
use countersign::answer::judge::Signed;
use http::{HeaderMap, StatusCode};

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
}
