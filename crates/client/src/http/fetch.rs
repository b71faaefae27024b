//! Fetches an access token over a connection.
use super::Client;
use super::no_answer::NoAnswer;
use crate::exchange::Exchange;
use crate::keeper::LONGEST_ANSWER;
use http::header::CONTENT_TYPE;

/// How the token endpoint wants its bodies.
const FORM: &str = "application/x-www-form-urlencoded";

impl Client {
    /// Fetches a token: a second time where the endpoint wants a nonce of its own, or this machine's clock was off. Nobody signs what the
    /// endpoint answers, so that a client which wants signed answers keeps its clock.
    pub(super) async fn fetch(&self, exchange: &mut Exchange) -> Result<(), NoAnswer> {
        // A nonce, a correction of the clock, and the token.
        for _ in 0..3 {
            let local = self.ambient.now();
            let random = [self.ambient.random(), self.ambient.random()];
            let ask = exchange.ask(self.now(), random).map_err(NoAnswer::NoToken)?;
            let mut request = self.http.post(&ask.url).header(CONTENT_TYPE, FORM).body(ask.body.to_string());
            if let Some(dpop) = ask.dpop {
                request = request.header("dpop", dpop);
            }
            let request = request.build().map_err(NoAnswer::Connection)?;
            let answer = self.once(request, LONGEST_ANSWER).await?;
            let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
            if self.learn(None, status, headers, body, local)? {
                continue;
            }
            if !exchange.answered(status, headers, body, self.now()).map_err(NoAnswer::NoToken)? {
                return Ok(());
            }
        }
        let what = "the token endpoint wants another proof each time; check both clocks";
        Err(NoAnswer::Request(what.to_owned()))
    }
}
