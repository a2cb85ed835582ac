//! The command line: arguments, dispatch, the only tokio runtime. Everything else is below.

pub mod approval;
pub mod checklist;
pub mod dates;
pub mod demo;
pub mod fees;
pub mod interrupt;
pub mod inventory;
pub mod journal;
pub mod manual;
pub mod migrate;
pub mod network;
pub mod operator;
pub mod quantities;
pub mod remote;
pub mod survey;
pub mod table;
pub mod ui;
mod wrap;

use crate::failure::{Failure, Kind};
use crate::model::bilingual::Bilingual;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use ui::Ui;

/// Heading of the options that every command has, below its own.
const GLOBAL: &str = "Options of every command";

/// Ferries a municipality's servers to the shared data center: replicated, checked, routed, priced.
#[derive(Debug, Parser)]
#[command(name = "traghetto", version, after_help = exit_codes(), max_term_width = 100)]
pub struct Cli {
    /// Folder that holds inventory, playbooks, checklists and templates.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR", default_value = ".", env = "TRAGHETTO_ROOT")]
    pub root: PathBuf,
    /// Where state is kept: `sqlite:PATH`, relative to the root.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "URL",
        default_value = "sqlite:.traghetto/state.db",
        env = "TRAGHETTO_STATE"
    )]
    pub state: String,
    /// Who is acting: an id of people.yaml (default: the person whose `login` is the login name).
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "PERSON", env = "TRAGHETTO_OPERATOR")]
    pub operator: Option<String>,
    /// Print JSON instead of tables.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// Language of documents.
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t = Lang::It)]
    pub lang: Lang,
    /// Print no status messages.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
    /// Print diagnostics (-vv for more).
    #[arg(short, long, global = true, help_heading = GLOBAL, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Use no colour.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub no_color: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Language of the documents for the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Italian.
    It,
    /// English.
    En,
}

/// The command families.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What is true: check, list and show the inventory, print its schemas.
    #[command(subcommand)]
    Inventory(inventory::Command),
    /// Connect to a tenant's servers and record what they are; compare with the inventory.
    Survey(survey::Args),
    /// Addressing, router files and host routes for the MPLS links.
    #[command(subcommand)]
    Network(network::Command),
    /// Run, sign and report checklists.
    #[command(subcommand)]
    Checklist(checklist::Command),
    /// Plan and run a tenant's migration.
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// What each tenant owes, who pays it, since when.
    #[command(subcommand)]
    Fees(fees::Command),
    /// Play the whole story on an embedded lab, on loopback.
    Demo(demo::Args),
    /// Print the completion script of a shell.
    Completions(manual::CompletionsArgs),
    /// Print the manual page, or write those of all commands.
    Man(manual::ManArgs),
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// `--root`.
    pub root: PathBuf,
    /// `--state`.
    pub state: String,
    /// `--operator`.
    pub operator: Option<String>,
    /// `--json`.
    pub json: bool,
    /// `--lang`.
    pub lang: Lang,
    /// The printer.
    pub ui: Ui,
}

impl Context {
    /// `text` in the language of documents.
    pub fn in_language<'a>(&self, text: &'a Bilingual) -> &'a str {
        match self.lang {
            Lang::It => &text.it,
            Lang::En => &text.en,
        }
    }
}

/// The list of exit codes under `--help`.
fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n    0  done\n");
    for kind in Kind::ALL {
        text.push_str(&format!("{:>5}  {}\n", kind.code(), kind.meaning()));
    }
    text
}

/// Runs the program and returns its exit code.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return ui::usage(&error),
    };
    let ui = Ui::new(cli.quiet, cli.no_color);
    start_diagnostics(cli.verbose);
    let context =
        Context { root: cli.root, state: cli.state, operator: cli.operator, json: cli.json, lang: cli.lang, ui };
    match dispatch(cli.command, &context) {
        Ok(()) => 0,
        Err(failure) => {
            context.ui.failure(&failure);
            failure.kind().code()
        }
    }
}

fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(Kind::Failed, error).hint("The system refused threads or files; free some and try again.")
    })?;
    runtime.block_on(async {
        match command {
            Command::Inventory(command) => inventory::run(command, context),
            Command::Survey(args) => survey::run(args, context).await,
            Command::Network(command) => network::run(command, context).await,
            Command::Checklist(command) => checklist::run(command, context).await,
            Command::Migrate(command) => migrate::run(command, context).await,
            Command::Fees(command) => fees::run(command, context).await,
            Command::Demo(args) => demo::run(args, context).await,
            Command::Completions(args) => manual::completions(&args, &mut Cli::command(), context),
            Command::Man(args) => manual::page(&args, Cli::command(), context),
        }
    })
}

/// Diagnostics go to stderr, off unless `-v` or `RUST_LOG` asks for them.
fn start_diagnostics(verbose: u8) {
    let level = match verbose {
        0 => "off",
        1 => "traghetto=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    // A second call, from a test in the same process, keeps the first subscriber.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
