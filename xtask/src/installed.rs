//! The Debian package tried: built, looked into, installed into an empty root, upgraded, removed and purged; and the unit checked.
use crate::package::{build, text, unit, version};
use crate::run::{built, command, quiet};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

/// What must stand in the package.
const WANTED: &[(&str, &str)] = &[
    ("-rwxr-xr-x root/root", "./usr/bin/countersign"),
    ("-rw-r--r-- root/root", "./etc/countersign/server.toml"),
    ("-rw-r--r-- root/root", "./usr/lib/systemd/system/countersign.service"),
    ("-rw-r--r-- root/root", "./usr/lib/sysusers.d/countersign.conf"),
    ("-rw-r--r-- root/root", "./usr/share/doc/countersign/copyright"),
    ("-rw-r--r-- root/root", "./usr/share/doc/countersign/changelog.gz"),
    ("-rw-r--r-- root/root", "./usr/share/bash-completion/completions/countersign"),
];
/// What `systemd-analyze security` may count at most; 10 is no protection at all.
const EXPOSURE: f64 = 2.0;

/// Tries all of it; gives how many checks passed.
///
/// # Errors
/// The first that did not.
pub(crate) fn run() -> Result<u64, String> {
    let checks = Checks::default();
    let scratch = Scratch::new()?;
    let package = build(&built("countersign")?, &scratch.0, &version()?)?;
    let contents = quiet(command("dpkg-deb", &["--contents", text(&package)?]))?;
    for (kind, path) in WANTED {
        let there =
            contents.lines().any(|line| line.starts_with(kind) && line.ends_with(&format!(" {path}")));
        checks.held(there, || format!("the package has no {path} as {kind}:\n{contents}"))?;
    }
    let info = quiet(command("dpkg-deb", &["--field", text(&package)?]))?;
    for field in ["Package: countersign", "Depends: libc6 (>= 2.", "Installed-Size: "] {
        checks.held(info.contains(field), || format!("the package does not say {field}:\n{info}"))?;
    }
    lived(&checks, &package, &scratch.0)?;
    analysed(&checks, &scratch.0)?;
    Ok(checks.0.get())
}

/// Installs, changes the configuration, upgrades, removes and purges.
fn lived(checks: &Checks, package: &Path, scratch: &Path) -> Result<(), String> {
    let root = scratch.join("root");
    let admin = root.join("var/lib/dpkg");
    let trouble = |error: std::io::Error| format!("{}: {error}", root.display());
    for folder in ["info", "updates", "triggers"] {
        fs::create_dir_all(admin.join(folder)).map_err(trouble)?;
    }
    fs::write(admin.join("status"), "").map_err(trouble)?;
    let dpkg = |words: &[&str]| {
        let root = format!("--root={}", root.display());
        let free = [
            "--force-not-root",
            "--force-depends",
            "--force-script-chrootless",
            "--force-bad-path",
            "--force-confdef",
            "--force-confold",
        ];
        quiet(command("dpkg", &[&[root.as_str(), "--no-triggers"], &free[..], words].concat()))
    };
    dpkg(&["--install", text(package)?])?;
    let program = root.join("usr/bin/countersign");
    let file = root.join("etc/countersign/server.toml");
    let told = quiet(command(&program, &["--version"]))?;
    checks.held(told.contains(&version()?), || format!("the installed program says {told}"))?;
    let checked = quiet(command(&program, &["config", "check", "--config", text(&file)?]))?;
    checks.held(checked.contains("can be used"), || format!("the installed configuration: {checked}"))?;
    let mut changed = fs::read_to_string(&file).map_err(trouble)?;
    changed.push_str("# an operator's own line\n");
    fs::write(&file, &changed).map_err(trouble)?;
    let data = root.join("var/lib/countersign");
    fs::create_dir_all(&data).and_then(|()| fs::write(data.join("registry.db"), "rows")).map_err(trouble)?;
    let newer = build(&built("countersign")?, &scratch.join("newer"), &format!("{}+1", version()?))?;
    dpkg(&["--install", text(&newer)?])?;
    let now = fs::read_to_string(&file).map_err(trouble)?;
    checks.held(now == changed, || "an upgrade changed the configuration".to_owned())?;
    let status = fs::read_to_string(admin.join("status")).map_err(trouble)?;
    checks.held(status.contains("+1\n") && status.contains("Status: install ok installed"), || {
        status.clone()
    })?;
    dpkg(&["--remove", "countersign"])?;
    checks.held(!program.exists() && file.exists(), || {
        "a removed package leaves its configuration alone".to_owned()
    })?;
    dpkg(&["--purge", "countersign"])?;
    checks.held(!file.exists(), || "a purge takes the configuration".to_owned())?;
    checks.held(data.join("registry.db").exists(), || "a purge must not delete the data".to_owned())?;
    checks.held(!root.join("usr/lib/systemd/system/countersign.service").exists(), || {
        "the unit stayed".to_owned()
    })
}

/// Has systemd read the unit, where there is one.
fn analysed(checks: &Checks, scratch: &Path) -> Result<(), String> {
    if command("systemd-analyze", &["--version"]).output().is_err() {
        println!("no systemd-analyze here: the unit is not checked");
        return Ok(());
    }
    let file = scratch.join("countersign.service");
    // The program need not be where the unit says.
    let unit = unit()?.replace("/usr/bin/countersign", "/bin/true");
    fs::write(&file, unit).map_err(|error| format!("{}: {error}", file.display()))?;
    let verified = command("systemd-analyze", &["verify", text(&file)?]).output();
    let verified = verified.map_err(|error| format!("systemd-analyze: {error}"))?;
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    // It reads the machine's other units as well, and has opinions on those.
    let ours: Vec<&str> = told.lines().filter(|line| line.contains("countersign")).collect();
    checks.held(ours.is_empty(), || format!("systemd-analyze verify: {}", ours.join("\n")))?;
    let security =
        quiet(command("systemd-analyze", &["security", "--offline=true", "--no-pager", text(&file)?]))?;
    let exposure = security
        .lines()
        .find_map(|line| line.split("Overall exposure level for countersign.service:").nth(1))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .ok_or_else(|| format!("systemd-analyze security says no level: {security}"))?;
    checks.held(exposure <= EXPOSURE, || {
        format!("systemd-analyze security: {exposure}, wanted {EXPOSURE} at most")
    })
}

/// Counts the checks that held.
#[derive(Default)]
struct Checks(Cell<u64>);

impl Checks {
    fn held(&self, holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
        if !holds {
            return Err(format!("packages: {}", why()));
        }
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

/// A folder that goes afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("countersign-package-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the machine's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
