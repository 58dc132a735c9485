//! Bars with rates where someone watches, nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use siegel_client::Meter;

use super::Ui;

/// A bar for bytes on their way. It reads a counter that the SDK moves and ends when it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    watcher: Option<tokio::task::JoinHandle<()>>,
}

impl Bar {
    /// A bar over `total` bytes that follows `meter`.
    pub(crate) fn follow(ui: &Ui, what: &str, total: u64, meter: Meter) -> Self {
        if !ui.watched || ui.json {
            return Self { bar: ProgressBar::hidden(), watcher: None };
        }
        let bar = ProgressBar::new(total);
        let style = "  {msg:<28!} {bar:24} {percent:>3} %  {binary_bytes:>10}  {binary_bytes_per_sec:>12}  {eta}";
        bar.set_style(ProgressStyle::with_template(style).expect("a literal template").progress_chars("█▉▊▋▌▍▎▏ "));
        bar.set_message(what.to_owned());
        let watched = bar.clone();
        #[expect(clippy::disallowed_methods, reason = "a drawing task of a terminal program, ended by drop")]
        let watcher = tokio::spawn(async move {
            loop {
                watched.set_position(meter.bytes().min(total));
                siegel_client::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { bar, watcher: Some(watcher) }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        self.bar.finish_and_clear();
    }
}
