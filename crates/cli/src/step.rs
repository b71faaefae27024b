//! What is to be done about an error: whatever a command passes on of the crates below has an answer here, or does not compile.
use countersign::dialect::file::DialectError;
use countersign_client::http::no_answer::NoAnswer;
use countersign_client::keeper::NoSession;
use countersign_client::signer::NotSigned;
use countersign_custody::NoKey;
use countersign_keys::KeyError;
use countersign_server::config::ConfigErrors;
use countersign_server::server::StartError;
use countersign_store::audit::ChainBreak;
use countersign_store::denied::Denied;
use countersign_store::fault::Fault;
use http::StatusCode;
use std::fmt::Display;
use std::io::ErrorKind;

/// What can be told as a failure, with what to do next.
pub(crate) trait Step: Display {
    /// What to do next; of a sentence that says so itself, behind its last semicolon, nothing.
    fn step(&self) -> Option<String>;
}

impl Step for &str {
    fn step(&self) -> Option<String> {
        None
    }
}

impl Step for String {
    fn step(&self) -> Option<String> {
        None
    }
}

impl<E: Step> Step for &E {
    fn step(&self) -> Option<String> {
        (**self).step()
    }
}

impl Step for Fault {
    fn step(&self) -> Option<String> {
        otherwise(
            self,
            "look whether the store is there and this user may use it; `countersign config show --origin` tells which is meant",
        )
    }
}

impl Step for Denied {
    fn step(&self) -> Option<String> {
        otherwise(self, "change what stands in the way, or ask for something else")
    }
}

impl Step for ChainBreak {
    fn step(&self) -> Option<String> {
        otherwise(self, "stop who can write to the store, and compare with a backup")
    }
}

impl Step for KeyError {
    fn step(&self) -> Option<String> {
        otherwise(
            self,
            "`countersign key show FILE` tells what a file holds, `countersign key new FILE` makes a pair",
        )
    }
}

impl Step for NoKey {
    fn step(&self) -> Option<String> {
        otherwise(
            self,
            "see what the agent or the token has, such as with `ssh-add -l` or `pkcs11-tool --list-objects`",
        )
    }
}

impl Step for DialectError {
    fn step(&self) -> Option<String> {
        otherwise(
            self,
            "`countersign dialect show` tells what a dialect takes, `countersign dialect lint` what is wrong with a file",
        )
    }
}

impl Step for NotSigned {
    fn step(&self) -> Option<String> {
        otherwise(self, "`countersign dialect show` tells what the dialect signs, and with which keys")
    }
}

impl Step for ConfigErrors {
    fn step(&self) -> Option<String> {
        otherwise(self, "`countersign config default` shows every setting")
    }
}

impl Step for StartError {
    fn step(&self) -> Option<String> {
        match self {
            Self::Fault(fault) => fault.step(),
            Self::Config(_) | Self::Setup(_) => {
                otherwise(self, "mend the configuration, and look again with `countersign config check`")
            }
        }
    }
}

impl Step for NoAnswer {
    fn step(&self) -> Option<String> {
        let next = match self {
            Self::NotSigned(error) => return error.step(),
            Self::Connection(_) => "look whether the address is right and the server runs",
            Self::Clock(_) => "set this machine's clock; `date -u` shows it",
            Self::Request(_) => "write the address as https://api.example/path, and headers as NAME: VALUE",
            Self::NoSession(NoSession::Refused { status, .. }) if status.is_server_error() => {
                "try again; where it stays so, the server's log says why"
            }
            Self::NoSession(
                NoSession::Refused { status: StatusCode::NOT_FOUND, .. } | NoSession::Strange { .. },
            ) => {
                "look whether the address is that of a session API, and whether --session-prefix is its prefix"
            }
            Self::NoSession(_) => {
                "look whether the name after --as is registered with this key; the operator finds the reason in the log"
            }
            Self::Unproved(_) => {
                "take nothing from this answer; look whether the route signs answers (`sign_answers`), and whether these are the server's keys"
            }
            Self::NoToken(_) => {
                "look whether the address is the token endpoint's and the client is registered with this key; the operator finds the reason \
                 in the log"
            }
        };
        otherwise(self, next)
    }
}

impl Step for reqwest::Error {
    fn step(&self) -> Option<String> {
        otherwise(
            self,
            "look whether this machine has certificates of authorities, and whether the proxy settings are addresses",
        )
    }
}

impl Step for http::Error {
    fn step(&self) -> Option<String> {
        otherwise(self, "write the address as https://api.example/path, and headers as NAME: VALUE")
    }
}

impl Step for std::io::Error {
    fn step(&self) -> Option<String> {
        let next = match self.kind() {
            ErrorKind::NotFound => "look for a mistyped name; names are relative to the folder you are in",
            ErrorKind::PermissionDenied => "`ls -l` shows who may; run the command as that user",
            ErrorKind::StorageFull => "make room on the disk; `df -h` shows it",
            _ => "look whether the place is there and can be written to, and run the same command again",
        };
        Some(next.to_owned())
    }
}

/// This step, unless the sentence says one itself.
fn otherwise(told: &impl Display, next: &str) -> Option<String> {
    let told = told.to_string();
    (!told.contains("; ")).then(|| next.to_owned())
}
