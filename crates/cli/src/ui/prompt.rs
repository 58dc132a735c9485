//! Questions to the person at the terminal. In a script there is nobody to ask: the command says which option answers.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use siegel_client::password::{Lack, Password, Strength};
use zeroize::Zeroizing;

use super::{Args, Ui, complain};
use crate::error::{Failure, Result};

/// Longest password line that is read from standard input.
const LINE_BYTES: u64 = 4096;

impl Ui {
    /// Asks for a password without echo, or reads one line of standard input.
    pub(crate) fn secret(&self, key: &str, from_stdin: bool) -> Result<Zeroizing<String>> {
        if from_stdin {
            return stdin_line();
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage("prompt-needs-terminal"));
        }
        let prompt = format!("{} ", self.text(key, &[]));
        let text = rpassword::prompt_password(prompt).map_err(Failure::terminal)?;
        Ok(Zeroizing::new(text))
    }

    /// Asks for a new password, twice, until it keeps the rule; a script gets one try.
    pub(crate) fn new_password(&self, login_name: &str, from_stdin: bool) -> Result<Password> {
        if !from_stdin {
            self.note("password-rule", &[]);
        }
        loop {
            let text = self.secret("password-new", from_stdin)?;
            match Password::new(text.clone(), login_name) {
                Err(lacks) if from_stdin => {
                    return Err(Failure::usage("password-refused").with("lacks", self.lacks(&lacks)));
                }
                Err(lacks) => complain(&self.text("password-refused", &[("lacks", &self.lacks(&lacks))])),
                Ok(password) if from_stdin => return Ok(password),
                Ok(password) => {
                    let strength = match password.strength() {
                        Strength::Fair => "password-strength-fair",
                        Strength::Good => "password-strength-good",
                        Strength::Strong => "password-strength-strong",
                    };
                    complain(&self.text(strength, &[]));
                    if *self.secret("password-again", false)? == *text {
                        return Ok(password);
                    }
                    complain(&self.text("password-differs", &[]));
                }
            }
        }
    }

    fn lacks(&self, lacks: &[Lack]) -> String {
        let words: Vec<_> = lacks.iter().map(|lack| self.text(&format!("password-lack-{}", lack.key()), &[])).collect();
        words.join(", ")
    }

    /// A yes-or-no question; `assume` answers it in scripts.
    pub(crate) fn confirm(&self, key: &str, args: Args<'_>, assume: bool) -> Result<bool> {
        if assume {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage("confirm-needs-terminal"));
        }
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{} ", self.text(key, args));
        let _ = stderr.flush();
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map_err(Failure::terminal)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "j" | "ja" | "y" | "yes"))
    }
}

/// The first line of standard input, for `--password-stdin`.
fn stdin_line() -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(LINE_BYTES).read_line(&mut text).map_err(Failure::terminal)?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    if text.is_empty() { Err(Failure::usage("password-stdin-empty")) } else { Ok(text) }
}
