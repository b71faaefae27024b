//! `countersign request`: a signed curl. Signs, sends, opens and refreshes sessions by itself, and says why it was refused.
use crate::answer_keys::{AnswerArgs, described, sentence};
use crate::exit::{Done, Exit, Failure};
use crate::member::at;
use crate::print::{Out, plain};
use crate::proving::{DialectArgs, RequestArgs, SignerArgs};
use crate::session::{Kept, SessionArgs, told};
use crate::sign::quoted;
use crate::token::{self, TokenArgs};
use crate::world;
use bytes::Bytes;
use clap::Args;
use countersign::reason::Reason;
use countersign_client::http::{Answer, Client};
use countersign_client::signer::RequestSigner;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Longest answer that is printed: what somebody reads or pipes; files come by other means.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// The method.
    method: String,
    /// The absolute address.
    url: String,
    #[command(flatten)]
    dialect: DialectArgs,
    #[command(flatten)]
    signer: SignerArgs,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    /// Where the session API is, when it is not the server of the request.
    #[arg(long, value_name = "URL")]
    session_server: Option<String>,
    /// Sign for this address: the public one, when a server behind a proxy is asked directly.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Print the answer's status and headers, too.
    #[arg(short, long)]
    include: bool,
    /// Write the answer's body into this new file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the signed request and send nothing.
    #[arg(long)]
    offline: bool,
}

pub(crate) fn run(args: &SendArgs, out: Out) -> Done {
    let dialect = args.dialect.load()?;
    let opens_session = dialect.opens_session();
    let wants_token = &**dialect.name() == token::DIALECT;
    let body = Bytes::from(args.request.body_bytes()?);
    let mut request =
        Request::builder().method(args.method.as_str()).uri(args.url.as_str()).body(body).map_err(
            |error| {
                Failure::usage(format!(
                    "wanted a method and an absolute address, found {} {}: {error}",
                    args.method, args.url
                ))
            },
        )?;
    *request.headers_mut() = args.request.header_map()?;
    if wants_token {
        if args.offline {
            return Err(Failure::usage("an access token is fetched at the server; there is none offline"));
        }
        let client = args.answer.held(args.token.client(&args.signer)?)?;
        let send = client.send_as(request, args.public_url.as_deref(), LONGEST_ANSWER);
        let answer = world::run(async { send.await.map_err(|error| told(&error)) })?;
        show(args, &answer, out)?;
        return ended(&answer);
    }
    let signer = args.signer.signer(dialect)?;
    if args.offline {
        return offline(args, request, &signer, opens_session, out);
    }
    let answer = if opens_session {
        in_session(args, request, signer)?
    } else {
        let client = Client::signing(signer, world::ambient()).map_err(|error| told(&error))?;
        let client = args.answer.held(client)?;
        let send = client.send_as(request, args.public_url.as_deref(), LONGEST_ANSWER);
        world::run(async { send.await.map_err(|error| told(&error)) })?
    };
    show(args, &answer, out)?;
    ended(&answer)
}

fn in_session(args: &SendArgs, request: Request<Bytes>, signer: RequestSigner) -> Result<Answer, Failure> {
    let server = match &args.session_server {
        Some(server) => server.clone(),
        None => {
            let target = countersign::incoming::Target::from_url(&args.url)
                .ok_or_else(|| Failure::usage(format!("wanted an absolute address, found {}", args.url)))?;
            format!("{}://{}", target.scheme, target.authority)
        }
    };
    let kept = Kept::open(&args.session, &server, &signer)?;
    let keeper = kept.keeper(signer, &args.session);
    let client = Client::in_session(keeper, &server, world::ambient()).map_err(|error| told(&error))?;
    let client = args.answer.held(client)?;
    world::run(async {
        let send = client.send_as(request, args.public_url.as_deref(), LONGEST_ANSWER);
        let answer = send.await.map_err(|error| told(&error))?;
        if let Some(tokens) = client.tokens().await.map_err(|error| told(&error))? {
            kept.save(&tokens)?;
        }
        Ok(answer)
    })
}

fn offline(
    args: &SendArgs,
    mut request: Request<Bytes>,
    signer: &RequestSigner,
    opens_session: bool,
    out: Out,
) -> Done {
    if opens_session {
        return Err(Failure::usage(
            "this dialect needs a session, which is opened at the server; `countersign sign --challenge CODE` answers a challenge offline",
        ));
    }
    let url = args.public_url.as_deref().unwrap_or(&args.url);
    signer.sign(&mut request, url, world::now(), world::random()).map_err(Failure::usage)?;
    let headers = listed(request.headers());
    let value = json!({ "method": args.method, "url": args.url, "headers": headers });
    out.show(&value, || {
        let mut text = format!("curl -X {}", quoted(&args.method));
        for (name, value) in &headers {
            text.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
        }
        if let Some(body) = &args.request.body {
            text.push_str(&format!(" \\\n  --data-binary {}", quoted(body)));
        }
        format!("{text} \\\n  --path-as-is --globoff {}\n", quoted(&args.url))
    })
}

fn show(args: &SendArgs, answer: &Answer, out: Out) -> Done {
    let response = &answer.response;
    if answer.tries > 1 && answer.offset.ahead() != countersign::time::Span::ZERO {
        Out::note(&format!(
            "note: the server's clock is {} ahead of this machine's; the request was signed anew by it",
            answer.offset.ahead()
        ));
    }
    if let Some(signed) = answer.signed.as_ref().filter(|_| !out.json) {
        Out::note(&sentence(signed));
    }
    if let Some(path) = &args.output {
        crate::pair::write_new(path, response.body())?;
    }
    if out.json {
        let body = String::from_utf8_lossy(response.body());
        let parsed: Value = serde_json::from_str(&body).unwrap_or_else(|_| Value::from(body.as_ref()));
        let mut value = json!({
            "status": response.status().as_u16(),
            "headers": listed(response.headers()),
            "body": parsed,
            "tries": answer.tries,
        });
        if let Some(signed) = &answer.signed {
            crate::member::put(&mut value, "signed", described(signed));
        }
        return out.show(&value, String::new);
    }
    if args.include {
        let headers: String =
            listed(response.headers()).iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        Out::line(&format!("{}\n{headers}\n", response.status()))?;
    }
    if args.output.is_some() { Ok(()) } else { Out::bytes(response.body()) }
}

fn ended(answer: &Answer) -> Done {
    let response = &answer.response;
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        let (message, next) = refusal(status, response.headers(), response.body());
        return Err(Failure::new(Exit::Refused, message).next(next));
    }
    if status.is_server_error() {
        let next = "try again; where it stays so, the server's log has the cause";
        return Err(Failure::new(Exit::Unreachable, format!("the server failed with {status}")).next(next));
    }
    Ok(())
}

/// Why, as far as the server tells, and what to do next.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut text = format!("refused with {status}");
    let mut next = "check the name after --as, the key and the dialect, or judge the request here with `countersign explain`";
    if let Some(code) = at(&problem, "code").as_str() {
        let same: Vec<&Reason> = Reason::ALL.iter().filter(|reason| reason.outward() == code).collect();
        text.push_str(&format!(" ({})", plain(code)));
        match same.as_slice() {
            [one] => {
                text.push_str(&format!(": {}", one.text()));
                next = one.hint();
            }
            _ => text.push_str("; the server does not tell strangers more"),
        }
    }
    let id = headers.get("countersign-reject").and_then(|value| value.to_str().ok());
    let id = id.map_or_else(String::new, |id| {
        format!("; the operator finds the reason in the log under {}", plain(id))
    });
    (text, format!("{next}{id}"))
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), plain(&String::from_utf8_lossy(value.as_bytes()))))
        .collect()
}
