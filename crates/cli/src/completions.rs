//! `countersign completions`: what a shell needs to complete this command.
use crate::exit::Done;
use crate::print::Out;
use clap::Command;
use clap_complete::Shell;

pub(crate) fn run(mut command: Command, shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "countersign", &mut script);
    Out::bytes(&script)
}
