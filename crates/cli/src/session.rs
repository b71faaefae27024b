//! `countersign login` and `logout`: sessions with a server that gives tokens for an answered challenge, kept in a file.
use crate::exit::{Done, Exit, Failure};
use crate::print::{Out, pairs};
use crate::proving::{self, SignerArgs};
use crate::world;
use clap::Args;
use countersign_client::exchange::NoToken;
use countersign_client::http::Client;
use countersign_client::http::no_answer::NoAnswer;
use countersign_client::keeper::{Keeper, NoSession};
use countersign_client::signer::RequestSigner;
use countersign_client::tokens::Tokens;
use countersign_keys::{sha256, write_key_file};
use etcetera::BaseStrategy;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The server, such as `https://api.example`.
    url: String,
    #[command(flatten)]
    signer: SignerArgs,
    #[command(flatten)]
    place: SessionArgs,
    /// The file with the code that lets a new caller join an organisation.
    #[arg(long, value_name = "FILE")]
    join_code_file: Option<PathBuf>,
    /// Print the access token alone.
    #[arg(long)]
    token: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LogoutArgs {
    /// The server, such as `https://api.example`.
    url: String,
    #[command(flatten)]
    signer: SignerArgs,
    #[command(flatten)]
    place: SessionArgs,
}

/// Where a session is opened and kept.
#[derive(Args, Debug, Clone)]
pub(crate) struct SessionArgs {
    /// The prefix of the session API's paths.
    #[arg(long, default_value = "/v1", value_name = "PATH")]
    session_prefix: String,
    /// The file that keeps the session's tokens (mode 0600); otherwise one in the user's cache directory.
    #[arg(long, value_name = "FILE")]
    session_file: Option<PathBuf>,
}

/// A kept session, locked: two commands that refresh at once would end it.
pub(crate) struct Kept {
    file: PathBuf,
    _lock: File,
}

pub(crate) fn login(args: &LoginArgs, out: Out) -> Done {
    let signer = args.signer.signer(proving::load("spacetime", &Default::default())?)?;
    let kept = Kept::open(&args.place, &args.url, &signer)?;
    let mut keeper = kept.keeper(signer, &args.place);
    if let Some(path) = &args.join_code_file {
        keeper = keeper.join_code(&world::read_secret(path)?);
    }
    let client = Client::in_session(keeper, &args.url, world::ambient()).map_err(|error| told(&error))?;
    let tokens = world::run(async { client.tokens().await.map_err(|error| told(&error)) })?;
    let tokens = tokens.ok_or_else(|| {
        Failure::failed("the server gave no session")
            .next("is it a server of the dialect spacetime? its operator sees the call in the log")
    })?;
    kept.save(&tokens)?;
    if args.token {
        return out.show(&json!({ "access_token": tokens.access() }), || tokens.access().to_owned());
    }
    let value = json!({
        "session_file": kept.file,
        "access_until": date(tokens.access_until()),
        "refresh_until": date(tokens.refresh_until()),
    });
    out.show(&value, || {
        pairs(&[
            ("session", kept.file.display().to_string()),
            ("access token until", date(tokens.access_until())),
            ("refresh token until", date(tokens.refresh_until())),
        ])
    })
}

pub(crate) fn logout(args: &LogoutArgs, out: Out) -> Done {
    let signer = args.signer.signer(proving::load("spacetime", &Default::default())?)?;
    let kept = Kept::open(&args.place, &args.url, &signer)?;
    if !kept.file.exists() {
        return Err(Failure::new(
            Exit::Missing,
            format!("there is no session to end: {} is not there", kept.file.display()),
        )
        .next("look whether server, name and key are those of the `countersign login`"));
    }
    let keeper = kept.keeper(signer, &args.place);
    let client = Client::in_session(keeper, &args.url, world::ambient()).map_err(|error| told(&error))?;
    let ended = world::run(async { client.logout().await.map_err(|error| told(&error)) });
    // Whatever the server said: these tokens are given up here.
    std::fs::remove_file(&kept.file)
        .map_err(|error| Failure::of_file(kept.file.display(), "removed", &error))?;
    ended?;
    out.show(&json!({ "ended": true }), || "The session is ended.\n".to_owned())
}

impl Kept {
    /// Locks the session of this caller at this server; waits while another command has it.
    pub(crate) fn open(place: &SessionArgs, server: &str, signer: &RequestSigner) -> Result<Self, Failure> {
        let file = match &place.session_file {
            Some(file) => file.clone(),
            None => {
                let thumbprint = signer.key().public_key().fingerprints().jwk_thumbprint;
                let parts =
                    [server.as_bytes(), b"\0", signer.identifier().as_bytes(), b"\0", thumbprint.as_bytes()];
                let name = countersign::base64::encode_hex(&sha256(&parts));
                let base = etcetera::choose_base_strategy().map_err(|_| {
                    Failure::usage("no home directory was found; name a file with --session-file")
                })?;
                let folder = base.cache_dir().join("countersign").join("sessions");
                std::fs::create_dir_all(&folder)
                    .map_err(|error| Failure::of_file(folder.display(), "made", &error))?;
                folder.join(format!("{}.json", name.get(..32).unwrap_or(&name)))
            }
        };
        let lock = file.with_extension("lock");
        let locked = File::create(&lock).and_then(|held| held.lock().map(|()| held));
        let held = locked.map_err(|error| Failure::of_file(lock.display(), "locked", &error))?;
        Ok(Self { file, _lock: held })
    }

    /// A keeper that goes on with the kept tokens; unreadable ones are as good as none.
    pub(crate) fn keeper(&self, signer: RequestSigner, place: &SessionArgs) -> Keeper {
        let keeper = Keeper::new(signer, &place.session_prefix);
        match std::fs::read(&self.file).ok().and_then(|bytes| Tokens::read(&bytes)) {
            Some(tokens) => keeper.resume(tokens),
            None => keeper,
        }
    }

    /// Keeps the tokens: a new file takes the place of the old one, so that a crash leaves one of the two.
    pub(crate) fn save(&self, tokens: &Tokens) -> Done {
        let text = zeroize::Zeroizing::new(serde_json::to_vec(tokens).map_err(Failure::ours)?);
        let fresh = self.file.with_extension("new");
        remove_leftover(&fresh)?;
        write_key_file(&fresh, &text).map_err(Failure::ours)?;
        std::fs::rename(&fresh, &self.file)
            .map_err(|error| Failure::of_file(self.file.display(), "written", &error))
    }
}

fn remove_leftover(path: &Path) -> Done {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::of_file(path.display(), "removed", &error))
        }
        _ => Ok(()),
    }
}

/// What a failed call means for the exit code.
pub(crate) fn told(error: &NoAnswer) -> Failure {
    let exit = match error {
        NoAnswer::Connection(_) => {
            return Failure::new(
                Exit::Unreachable,
                format!("no answer came: {error}; is the address right, and does the server run?"),
            );
        }
        NoAnswer::NoSession(NoSession::Refused { status, .. }) if status.is_client_error() => Exit::Refused,
        NoAnswer::NoSession(_) => Exit::Unreachable,
        NoAnswer::NoToken(NoToken::Refused { status, .. }) if status.is_client_error() => Exit::Refused,
        NoAnswer::NoToken(_) => Exit::Failed,
        NoAnswer::Unproved(_) => Exit::Refused,
        NoAnswer::Clock(_) => Exit::Failed,
        NoAnswer::NotSigned(_) | NoAnswer::Request(_) => Exit::Usage,
    };
    Failure::new(exit, error)
}

fn date(time: countersign::time::Time) -> String {
    jiff::Timestamp::from_millisecond(time.millis())
        .map_or_else(|_| time.to_string(), |date| date.to_string())
}
