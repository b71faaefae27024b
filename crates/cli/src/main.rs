//! `countersign`: keys, signed requests and sessions for callers; accounts, configuration and the server for operators.
mod account;
mod answer_keys;
mod apply;
mod asker;
mod audit;
mod captured;
mod companion;
mod completions;
mod configuration;
mod console;
mod demo;
mod dialect;
mod doctor;
mod exit;
mod explain;
mod health;
mod help;
mod import;
mod init;
mod installation;
mod key;
mod keyring;
mod limits;
mod manage;
mod member;
mod operator;
mod org;
mod owner;
mod pair;
mod plain;
mod print;
mod proving;
mod question;
mod quiet;
mod readiness;
mod registered;
mod reload;
mod request;
mod rotation;
mod serve;
mod session;
mod sidecar;
mod sign;
mod signing_key;
mod snippet;
mod step;
mod store;
mod terminal;
mod token;
mod used;
mod user;
mod verify;
mod world;

use clap::{CommandFactory, Parser, Subcommand};
use exit::{Done, Failure};
use print::Out;
use std::process::ExitCode;

/// Serves every piece of memory that the program asks for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Recognises the servers that call an HTTP API by the key pairs they hold.
#[derive(Parser, Debug)]
#[command(name = "countersign", version, disable_help_subcommand = true, propagate_version = true)]
#[command(after_help = "Exit codes: countersign help exit-codes")]
struct Cli {
    /// Print results as JSON; names in it stay.
    #[arg(long, global = true)]
    json: bool,
    /// Colours: at a terminal (unless NO_COLOR is set), always or never.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", hide_possible_values = true)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make, show and convert keys; register, rotate and revoke them at a server.
    #[command(subcommand)]
    Key(Box<key::KeyCommand>),
    /// Print the proof for a request: headers, a token, or a curl command.
    Sign(Box<sign::SignArgs>),
    /// Print a program that sends a first request: with curl and openssl, in Python, PHP, JavaScript, Go, Java or Rust.
    Snippet(Box<snippet::SnippetArgs>),
    /// Send a signed request.
    Request(Box<request::SendArgs>),
    /// Sign whatever passes: a proxy on this machine, for tools that cannot sign by themselves.
    Sidecar(Box<sidecar::SidecarArgs>),
    /// Judge a captured request here: exit code 0 when it holds, 3 when not.
    Verify(Box<verify::VerifyArgs>),
    /// Judge a captured request here, or ask the server about a refusal: every step, what likely went wrong, and how it is mended.
    Explain(Box<explain::ExplainArgs>),
    /// Send known requests through your own proxies and tell what they change, and what to set: exit code 3 when proofs fail by it.
    Doctor(Box<doctor::DoctorArgs>),
    /// Open a session and keep its tokens.
    Login(Box<session::LoginArgs>),
    /// End a session.
    Logout(Box<session::LogoutArgs>),
    /// Sign in to a server's web console with a key: a signature to paste, or a link to open.
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// Accounts: who is recognised.
    #[command(subcommand)]
    Account(Box<account::AccountCommand>),
    /// Organisations, members and join codes.
    #[command(subcommand)]
    Org(Box<org::OrgCommand>),
    /// Users that accounts may act for.
    #[command(subcommand)]
    User(user::UserCommand),
    /// API keys that some dialects want beside the proof.
    #[command(subcommand)]
    Companion(companion::CompanionCommand),
    /// Who runs the installation, and what each may do.
    #[command(subcommand)]
    Operator(operator::OperatorCommand),
    /// The server's own keys, which sign tokens and assertions.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeyCommand),
    /// What was done, when and by whom.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Who would pass if the routes that only watch or warn enforced, and why the others would not.
    Readiness(readiness::ReadinessArgs),
    /// Make a server's registry what a file describes.
    Apply(apply::ApplyArgs),
    /// Make an installation file of another system's keys: Kong, authorized_keys, JWK sets, Snowflake, Django.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Ways of signing: list, show, lint, test.
    #[command(subcommand)]
    Dialect(dialect::DialectCommand),
    /// Start the server.
    Serve(configuration::ConfigArgs),
    /// Ask a server whether it can judge (`/readyz`): exit code 5 when not.
    Health(health::HealthArgs),
    /// Have a running server take its configuration anew, as SIGHUP does; shows what changed, or what is wrong.
    Reload(reload::ReloadArgs),
    /// Make the data directory and the first operator, or a new key for an owner who lost the old one.
    Init(init::InitArgs),
    /// Start everything on this machine, show what is let in and what is refused, and why; then keep serving.
    Demo(demo::DemoArgs),
    /// The server's configuration: check, show, print the default.
    #[command(subcommand)]
    Config(configuration::ConfigCommand),
    /// The server's data: make a backup.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Print a shell's completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Show help for a command, or for `exit-codes`, `metrics` or `apis`.
    Help {
        /// A command, `exit-codes`, `metrics` or `apis`; of the last, `--json` gives the OpenAPI documents.
        topic: Vec<String>,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    match cli.color {
        // Left as it is: the stream's own look at terminals, NO_COLOR and CLICOLOR.
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let out = Out { json: cli.json };
    match run(&cli.command, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(cli.json, &typed()),
    }
}

/// Help and versions are shown as they are, and so is what is wrong with the arguments, unless a program reads it.
fn unparsed(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || std::env::args_os().all(|word| word != "--json") {
        error.exit();
    }
    let text = error.render().to_string();
    let text = text.trim().trim_start_matches("error: ");
    Failure::usage(text.lines().next().unwrap_or(text)).tell(true, &typed())
}

/// The command as it was typed, without its arguments.
fn typed() -> String {
    let mut command = Cli::command();
    let mut words = vec![command.get_name().to_owned()];
    for word in std::env::args_os().skip(1) {
        // Values of flags are no commands, unless they are called like one.
        let found = word.to_str().and_then(|word| command.find_subcommand(word)).cloned();
        if let Some(found) = found {
            words.push(found.get_name().to_owned());
            command = found;
        }
    }
    words.join(" ")
}

fn run(command: &Command, out: Out) -> Done {
    match command {
        Command::Key(command) => key::run(command, out),
        Command::Sign(args) => sign::run(args, out),
        Command::Snippet(args) => snippet::run(args, out),
        Command::Request(args) => request::run(args, out),
        Command::Sidecar(args) => sidecar::run(args, out),
        Command::Verify(args) => verify::verify(args, out),
        Command::Explain(args) => explain::run(args, out),
        Command::Doctor(args) => doctor::run(args, out),
        Command::Login(args) => session::login(args, out),
        Command::Logout(args) => session::logout(args, out),
        Command::Console(command) => console::run(command, out),
        Command::Account(command) => account::run(command, out),
        Command::Org(command) => org::run(command, out),
        Command::User(command) => user::run(command, out),
        Command::Companion(command) => companion::run(command, out),
        Command::Operator(command) => operator::run(command, out),
        Command::SigningKey(command) => signing_key::run(command, out),
        Command::Audit(command) => audit::run(command, out),
        Command::Readiness(args) => readiness::run(args, out),
        Command::Apply(args) => apply::run(args, out),
        Command::Import(command) => import::run(command, out),
        Command::Dialect(command) => dialect::run(command, out),
        Command::Serve(args) => serve::run(args),
        Command::Health(args) => health::run(args, out),
        Command::Reload(args) => reload::run(args, out),
        Command::Init(args) => init::run(args, out),
        Command::Demo(args) => demo::run(args, out),
        Command::Config(command) => configuration::run(command, out),
        Command::Store(command) => store::run(command, out),
        Command::Completions { shell } => completions::run(Cli::command(), *shell),
        Command::Help { topic } => help::run(Cli::command(), topic, out),
    }
}
