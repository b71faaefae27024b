//! The programs that tests need besides Rust: installed when they are missing, or asked for in plain words.
use crate::run::{command, shown};
use std::path::Path;
use std::process::Stdio;

/// Program, how to see that it works, and the Debian package that has it.
const NEEDED: &[(&str, &[&str], &str)] = &[
    ("php", &["--version"], "php-cli"),
    ("openssl", &["version"], "openssl"),
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
    ("git", &["--version"], "git"),
];

/// The database that the benchmarks measure beside ours.
const DATABASE: &[(&str, &[&str], &str)] = &[("psql", &["--version"], "postgresql")];

/// What the real clients need.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn clients() -> Result<(), String> {
    install(NEEDED)
}

/// What the benchmarks need.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn database() -> Result<(), String> {
    install(DATABASE)
}

fn install(needed: &[(&str, &[&str], &str)]) -> Result<(), String> {
    let missing: Vec<_> = needed.iter().filter(|(program, test, _)| !works(program, test)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(.., package)| *package).collect();
    let ask = format!("install them yourself: apt-get install {}", packages.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("missing: {}; there is no apt-get here, so {ask}", packages.join(", ")));
    }
    let sudo = if works("id", &["-u"]) && is_root() { None } else { Some("sudo") };
    if let Some(sudo) = sudo
        && !works(sudo, &["-n", "true"])
    {
        return Err(format!(
            "missing: {}; neither root nor sudo without a password, so {ask}",
            packages.join(", ")
        ));
    }
    let apt = |arguments: &[&str]| {
        let mut words: Vec<&str> = sudo.into_iter().chain(["apt-get"]).collect();
        words.extend_from_slice(arguments);
        let (program, rest) = words.split_first().unwrap_or((&"apt-get", &[]));
        let mut apt = command(program, rest);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        shown(apt)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-qy", "--no-install-recommends"], packages.as_slice()].concat())?;
    match needed.iter().find(|(program, test, _)| !works(program, test)) {
        None => Ok(()),
        Some((program, _, package)) => Err(format!("{program} does not work after installing {package}")),
    }
}

/// Whether a program starts and ends well.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let ended = command(program, arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    crate::run::quiet(command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}
