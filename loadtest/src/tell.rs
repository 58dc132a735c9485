//! Progress for whoever waits, on standard error: standard output holds the result alone.

/// A new measurement.
pub(crate) fn line(text: &str) {
    eprintln!("{text}");
}

/// A step of it.
pub(crate) fn step(text: &str) {
    line(&format!("    {text}"));
}
