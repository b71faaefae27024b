//! `countersign sign`: prints the proof for a request without sending it.
use crate::exit::{Done, Failure};
use crate::print::Out;
use crate::proving::{DialectArgs, RequestArgs, SignerArgs};
use crate::world;
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    dialect: DialectArgs,
    #[command(flatten)]
    signer: SignerArgs,
    #[command(flatten)]
    request: RequestArgs,
    /// The method.
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,
    /// The address, as the server knows itself; needed where the dialect signs it.
    #[arg(default_value = "")]
    url: String,
    /// Print the token alone.
    #[arg(long, conflicts_with_all = ["curl", "challenge"])]
    token: bool,
    /// Print a curl command that sends the request.
    #[arg(long, conflicts_with = "challenge")]
    curl: bool,
    /// Answer this challenge: prints the JSON body to send.
    #[arg(long, value_name = "CODE")]
    challenge: Option<String>,
}

pub(crate) fn run(args: &SignArgs, out: Out) -> Done {
    let dialect = args.dialect.load()?;
    let covered = dialect.covered();
    let signs_address = covered.path || covered.authority || covered.query;
    let url = match args.url.as_str() {
        "" if signs_address || args.curl => {
            return Err(Failure::usage(format!(
                "{} wants the address, such as https://api.example/v1/things, as the last argument",
                if args.curl { "--curl" } else { dialect.name() }
            )));
        }
        "" => "https://unsigned.invalid/",
        url => url,
    };
    let signer = args.signer.signer(dialect)?;
    if let Some(challenge) = &args.challenge {
        let body = signer.answer(challenge, world::now()).map_err(Failure::usage)?;
        return out.show(&json!({ "body": body }), || body.clone());
    }
    let (headers, body) = (args.request.header_map()?, args.request.body_bytes()?);
    let made = signer
        .make(&args.method, url, &headers, &body, world::now(), world::random())
        .map_err(Failure::usage)?;
    if args.token {
        let token = made.token.ok_or_else(|| {
            Failure::usage("this dialect has no token: its proof is in several headers; leave --token out")
        })?;
        return out.show(&json!({ "token": token }), || token.clone());
    }
    // A proof in the query makes another address.
    let signed = made.query.as_ref().map(|query| with_query(url, query));
    let url = signed.as_deref().unwrap_or(url);
    let added: Vec<(String, String)> = made
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    if args.curl {
        let command = curl(args, url, &added);
        return out.show(&json!({ "curl": command }), || command.clone());
    }
    let value = json!({ "headers": added, "token": made.token, "body": made.body, "url": signed });
    out.show(&value, || {
        let address = signed.as_ref().map(|url| format!("{url}\n")).unwrap_or_default();
        let headers: String = added.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let lines = address + &headers;
        // A proof in a form is the body that is to be sent.
        made.body.as_ref().map_or(lines.clone(), |body| format!("{lines}\n{body}\n"))
    })
}

/// An address with another query; a fragment never reaches a server.
fn with_query(url: &str, query: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    format!("{bare}?{query}")
}

fn curl(args: &SignArgs, url: &str, added: &[(String, String)]) -> String {
    let mut command = format!("curl -X {}", quoted(&args.method));
    for line in args
        .request
        .headers
        .iter()
        .cloned()
        .chain(added.iter().map(|(name, value)| format!("{name}: {value}")))
    {
        command.push_str(&format!(" -H {}", quoted(&line)));
    }
    if let Some(body) = &args.request.body {
        command.push_str(&format!(" --data-binary {}", quoted(body)));
    }
    // Curl would remove dot segments and read brackets as ranges; what was signed is this very text.
    format!("{command} --path-as-is --globoff {}", quoted(url))
}

/// A text as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn shell_words_stay_one_word() {
        assert_eq!(quoted("https://h/x"), "https://h/x");
        assert_eq!(quoted("it's $HOME; rm"), r"'it'\''s $HOME; rm'");
        assert_eq!(quoted(""), "''");
    }
}
