//! `countersign snippet`: prints a program in the caller's own language that sends a first request.
use crate::exit::{Done, Failure};
use crate::print::Out;
use crate::proving::{DialectArgs, SignerArgs};
use base64ct::{Base64, Encoding};
use clap::Args;
use clap::builder::PossibleValuesParser;
use countersign::incoming::Target;
use countersign_dialects::fill::Filling;
use countersign_dialects::language::Language;
use countersign_dialects::snippet::Snippet;
use serde_json::json;

#[derive(Args, Debug)]
pub(crate) struct SnippetArgs {
    #[command(flatten)]
    dialect: DialectArgs,
    #[command(flatten)]
    signer: SignerArgs,
    /// The language.
    #[arg(short, long, value_name = "LANGUAGE", value_parser = PossibleValuesParser::new(Language::ALL.map(Language::name)))]
    language: String,
    /// Where the session API is, when it is not the server of the request.
    #[arg(long, value_name = "URL")]
    session_server: Option<String>,
    /// The prefix of the session API's paths.
    #[arg(long, value_name = "PATH", default_value = "/v1")]
    session_prefix: String,
    /// The absolute address to ask.
    url: String,
}

pub(crate) fn run(args: &SnippetArgs, out: Out) -> Done {
    let wrong = || Failure::usage(format!("wanted an http or https address, found {:?}", args.url));
    let target = Target::from_url(&args.url).ok_or_else(wrong)?;
    let dialect = args.dialect.load()?;
    let language = Language::named(&args.language)
        .ok_or_else(|| Failure::usage(format!("there is no language {:?}", args.language)))?;
    let snippet = Snippet::find(dialect.name(), language).ok_or_else(|| {
        Failure::usage(format!(
            "no snippets are shipped for the dialect {}; `countersign sign --curl` prints a command",
            dialect.name()
        ))
    })?;
    if let Some(name) = crate::keyring::elsewhere(&args.signer.key) {
        return Err(Failure::usage(format!(
            "these programs read the private key from a file, and {name} is in none; `countersign sidecar` signs for programs that cannot"
        )));
    }
    let (settings, signer) = (dialect.settings().clone(), args.signer.signer(dialect)?);
    let public = signer.key().public_key();
    let raw = public.ed25519_bytes().map(|bytes| Base64::encode_string(&bytes));
    let origin = format!("{}://{}", target.scheme, target.authority);
    let (key_file, companion_file) =
        (shown(&args.signer.key), args.signer.api_key_file.as_deref().map(shown));
    let values = Filling {
        url: &args.url,
        identifier: &args.signer.identifier,
        acting_as: args.signer.acting_as.as_deref(),
        key_file: &key_file,
        key_base64: raw.as_deref(),
        companion_file: companion_file.as_deref().unwrap_or("api-key.txt"),
        session: (
            args.session_server.as_deref().unwrap_or(&origin),
            args.session_prefix.trim_end_matches('/'),
        ),
        settings: &settings,
    };
    let text = snippet.filled(&values).map_err(|unfilled| match unfilled.place.as_str() {
        "acting_as" => Failure::usage("this dialect names a user to act for: say whom with --acting-as USER"),
        "key_base64" => Failure::usage("--key: wanted an Ed25519 key for this dialect, found another kind"),
        _ => Failure::ours(unfilled),
    })?;
    let value = json!({
        "dialect": snippet.dialect,
        "language": language.name(),
        "title": language.title(),
        "file_name": language.file_name(),
        "text": text,
    });
    out.show(&value, || text.clone())
}

fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}
