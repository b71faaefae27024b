//! The README's tour, run as it stands: every block that is marked ```` ```sh tour ````.
use crate::run::{command, root, shown, target};

/// Runs the tour in one shell, with a home of its own.
///
/// # Errors
/// When there is no tour, or a command of it fails.
pub(crate) fn run() -> Result<u64, String> {
    let readme =
        std::fs::read_to_string(root().join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    let blocks = blocks(&readme);
    if blocks.is_empty() {
        return Err("README.md has no block marked ```sh tour".to_owned());
    }
    let target = target()?;
    let home = target.join("tour");
    if home.exists() {
        std::fs::remove_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    }
    std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    // The tour says `countersign`; that is the program of this build, and what it starts ends with the shell.
    let program = target.join("debug");
    let path =
        format!("{}:{}", program.display(), std::env::var_os("PATH").unwrap_or_default().to_string_lossy());
    let script = format!(
        "trap 'jobs -p | xargs -r kill 2>/dev/null; wait' EXIT\ncd {}\n{}\n",
        quoted(&root().display().to_string()),
        blocks.join("\n")
    );
    let mut shell = command("bash", &["-euo", "pipefail", "-c", &script]);
    shell
        .env("PATH", path)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"));
    shell.env("COUNTERSIGN_DATA", home.join("data/countersign")).env("TOUR", &home);
    shown(shell)?;
    u64::try_from(blocks.len()).map_err(|error| error.to_string())
}

fn blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in readme.lines() {
        match &mut open {
            Some(lines) if line.trim_end() == "```" => {
                blocks.push(lines.join("\n"));
                open = None;
            }
            Some(lines) => lines.push(line),
            None if line.trim_end() == "```sh tour" => open = Some(Vec::new()),
            None => {}
        }
    }
    blocks
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_the_tour() {
        let readme =
            "a\n```sh\nno\n```\n```sh tour\nyes\nagain\n```\n```toml\nx\n```\n```sh tour\nlast\n```\n";
        assert_eq!(blocks(readme), ["yes\nagain", "last"]);
        assert_eq!(quoted("a'b"), "'a'\\''b'");
    }
}
