//! `--help` in the user's language: the commands' structure stands in the code, their texts in the catalogue.
//!
//! For a command `a b` and an option `note`: `cmd-a-b` (one line), `cmd-a-b-more` (optional, further sentences),
//! `cmd-a-b-examples`, and `arg-a-b-note`, `arg-b-note` or `arg-note`, whichever is found first.

use clap::{Arg, ArgAction, Command};

use crate::ui::Lang;

const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}";

/// The command tree with all texts filled in.
pub(crate) fn localise(command: Command, lang: Lang) -> Command {
    fill(command, lang, "")
}

fn fill(command: Command, lang: Lang, path: &str) -> Command {
    let name = if path.is_empty() { String::new() } else { format!("-{path}") };
    let mut command = command
        .about(text(lang, &format!("cmd{name}")))
        .help_template(TEMPLATE.replace("{usage-heading}", &text(lang, "help-usage")))
        .subcommand_help_heading(text(lang, "help-commands"))
        .disable_help_subcommand(true);
    // Below the options, so that the short and the long form of help are the same.
    let more = lang.find(&format!("cmd{name}-more"), &[]);
    let examples = lang.find(&format!("cmd{name}-examples"), &[]).map(|examples| {
        let indented: Vec<_> = examples.lines().map(|line| format!("  {line}")).collect();
        format!("{}\n{}", text(lang, "help-examples"), indented.join("\n"))
    });
    let after: Vec<_> = more.into_iter().chain(examples).collect();
    command = command.after_help(after.join("\n\n"));
    command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help));
    if path.is_empty() {
        command = command.arg(Arg::new("version").short('V').long("version").action(ArgAction::Version));
    }
    command = command.mut_args(|argument| {
        let heading = match (argument.is_positional(), argument.is_global_set() || argument.get_id() == "help") {
            (true, _) => "help-arguments",
            (false, true) => "help-general",
            (false, false) => "help-options",
        };
        let help = argument_text(lang, path, &argument);
        argument.help(help).help_heading(text(lang, heading))
    });
    command.mut_subcommands(|sub| {
        let below = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path}-{}", sub.get_name()) };
        fill(sub, lang, &below)
    })
}

fn argument_text(lang: Lang, path: &str, argument: &Arg) -> String {
    let id = argument.get_id().as_str().replace('_', "-");
    let mut place = Some(path).filter(|path| !path.is_empty());
    while let Some(path) = place {
        if let Some(found) = lang.find(&format!("arg-{path}-{id}"), &[]) {
            return found;
        }
        place = path.split_once('-').map(|(_, rest)| rest);
    }
    text(lang, &format!("arg-{id}"))
}

fn text(lang: Lang, key: &str) -> String {
    lang.text(key, &[])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    fn each(command: &Command, path: &str, visit: &mut impl FnMut(&Command, &str)) {
        visit(command, path);
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            each(sub, &format!("{path} {}", sub.get_name()), visit);
        }
    }

    /// Every command, every option, in both languages; and every command that does something shows an example.
    #[test]
    fn help_is_complete_in_both_languages() {
        for lang in [Lang::De, Lang::En] {
            let mut command = localise(Cli::command(), lang);
            command.build();
            each(&command, "siegel", &mut |command, path| {
                let about = command.get_about().map(ToString::to_string).unwrap_or_default();
                assert!(!about.is_empty() && !about.starts_with('['), "{lang:?} {path}: {about}");
                if !command.has_subcommands() {
                    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(examples.contains(path), "{lang:?} {path}: no example");
                }
                for argument in command.get_arguments() {
                    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                    assert!(!help.is_empty() && !help.contains('['), "{lang:?} {path} {}: {help}", argument.get_id());
                }
            });
        }
    }

    #[test]
    fn the_arguments_fit_together() {
        localise(Cli::command(), Lang::En).debug_assert();
    }
}
