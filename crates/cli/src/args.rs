//! The command line. Texts are in the catalogue (`help.rs` puts them in), so an argument here is its name and its type.

use clap::{Parser, Subcommand};

use crate::cmd;
use crate::ctx::Ctx;
use crate::demo;
use crate::error::Result;

#[derive(Debug, Parser)]
#[command(name = "siegel", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[arg(long, short = 'p', global = true, env = "SIEGEL_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
    #[arg(long, global = true, value_name = "LANG", value_parser = ["de", "en"])]
    pub(crate) lang: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

macro_rules! commands {
    ($($(#[$attr:meta])* $name:ident($args:ty);)*) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command { $($(#[$attr])* $name($args)),* }

        impl Command {
            /// Does what was asked.
            pub(crate) async fn run(self, ctx: &Ctx) -> Result<()> {
                match self { $(Self::$name(args) => Box::pin(args.run(ctx)).await),* }
            }
        }
    };
}

commands! {
    Enrol(cmd::enrol::Args);
    Login(cmd::login::Args);
    Logout(cmd::logout::Args);
    Whoami(cmd::whoami::Args);
    Put(cmd::put::Args);
    Get(cmd::get::Args);
    Ls(cmd::ls::Args);
    Reply(cmd::reply::Args);
    Inbox(cmd::inbox::Args);
    Erase(cmd::erase::Args);
    Receipt(cmd::receipt::Args);
    Conversation(cmd::conversation::Args);
    Sender(cmd::sender::Args);
    Member(cmd::member::Args);
    Device(cmd::device::Args);
    Key(cmd::key::Args);
    Tenant(cmd::tenant::Args);
    Profile(cmd::profile::Args);
    Doctor(cmd::doctor::Args);
    Completion(cmd::completion::Args);
    Demo(demo::Args);
    #[command(hide = true)]
    Agent(cmd::agent::Args);
}
