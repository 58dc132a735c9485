//! Telling the story: a heading for each act, facts under it, and at the end what it amounts to.

use std::time::Duration;

use serde_json::{Value, json};
use siegel_client::time::Moment;

use crate::ui::{Args, Ui, duration};

/// The teller. Keeps what was told for `--json`.
pub(crate) struct Teller {
    ui: Ui,
    started: Moment,
    act: Moment,
    acts: Vec<Value>,
}

impl Teller {
    pub(crate) fn new(ui: &Ui) -> Self {
        Self { ui: ui.clone(), started: Moment::now(), act: Moment::now(), acts: Vec::new() }
    }

    pub(crate) fn ui(&self) -> &Ui {
        &self.ui
    }

    /// Begins an act. `promises` are the ids it plays (MISSION), for those who look them up.
    pub(crate) fn step(&mut self, key: &'static str, promises: &str) {
        self.act = Moment::now();
        self.acts.push(json!({ "act": key, "promises": promises }));
        if self.shown() {
            let number = self.acts.len();
            let title = self.ui.text(key, &[]);
            self.ui.line(&format!("\n{number:>2}. {title}  [{promises}]"));
        }
    }

    /// A fact of this act.
    pub(crate) fn fact(&self, key: &str, args: Args<'_>) {
        if self.shown() {
            for line in self.ui.text(key, args).lines() {
                self.ui.line(&format!("    {line}"));
            }
        }
    }

    /// A number for scripts, beside the act.
    pub(crate) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(act) = self.acts.last_mut() {
            act[name] = value.into();
        }
    }

    /// The act went well.
    pub(crate) fn done(&mut self) {
        let took = self.act.elapsed();
        self.figure("seconds", took.as_secs_f64());
        if self.shown() && took > Duration::from_millis(1500) {
            self.ui.line(&format!("    ({})", duration(self.ui.lang, took)));
        }
    }

    /// The act that is on.
    pub(crate) fn current(&self) -> usize {
        self.acts.len()
    }

    /// How long it has been going on.
    pub(crate) fn took(&self) -> Duration {
        self.started.elapsed()
    }

    /// All of it, for scripts.
    pub(crate) fn value(&self, good: bool) -> Value {
        json!({ "ok": good, "seconds": self.took().as_secs_f64(), "acts": self.acts })
    }

    fn shown(&self) -> bool {
        !self.ui.json && !self.ui.quiet
    }
}
