//! What the real parts say of themselves, for `siegel-admin doctor`: facts only, whoever asks judges them. Every question is one
//! that an administrator of the part may ask; nothing is changed but a bucket that is made and removed to try a zone out.
//!
//! ```text
//! postgres  the front and each server: who leads, who is in sync, roles, versions of schemas
//! kafka     brokers, topics and their copies, each service's user
//! vault     each node: sealed or not; each role: whether it signs in, and what it may
//! (S3 is asked where its requests are signed: zones::s3::inspect)
//! ```
//!
//! Each question has a deadline of its own, and nobody's credential is in an answer.

pub mod kafka;
pub mod postgres;
pub mod vault;

use std::error::Error;

/// How long a part may take to answer one question.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Why a part could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers there, or not in time.
    Away(String),
    /// Whoever answers shows a certificate that the CA of the parts file did not sign, or of another name, or of another time.
    Certificate(String),
    /// It does not take the user or the password.
    SignIn(String),
    /// It says something else.
    Other(String),
}

impl Failure {
    /// What was said.
    pub fn said(&self) -> &str {
        match self {
            Self::Away(said) | Self::Certificate(said) | Self::SignIn(said) | Self::Other(said) => said,
        }
    }

    /// By what the way there failed with.
    pub(crate) fn of_way(error: &(dyn Error + 'static)) -> Self {
        let last = causes(error).last().map_or_else(|| error.to_string(), ToString::to_string);
        let of_tls = |cause: &(dyn Error + 'static)| {
            let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
            cause.downcast_ref::<rustls::Error>().or(inner).is_some()
        };
        if causes(error).any(of_tls) || last.contains("certificate") {
            Self::Certificate(last)
        } else {
            Self::Away(last)
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// A part's clock beside ours: how far ahead of ours it was, and how exactly that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds ahead; negative if behind.
    pub ahead_ms: i64,
    /// It may be off by so much: the answer's way, and the unit in which the part says its time.
    pub within_ms: i64,
}

impl Skew {
    /// Of an answer that was asked for at `asked_ms` and came at `came_ms`, by our clock, and says `said_ms`, cut to `unit_ms`.
    pub fn of(asked_ms: i64, came_ms: i64, said_ms: i64, unit_ms: i64) -> Self {
        let half = |ms: i64| ms / 2;
        let middle = asked_ms + half(came_ms - asked_ms);
        Self { ahead_ms: said_ms + half(unit_ms) - middle, within_ms: half(came_ms - asked_ms) + half(unit_ms) + 1 }
    }

    /// How far it is off at the least.
    pub fn surely_ms(self) -> i64 {
        (self.ahead_ms.abs() - self.within_ms).max(0)
    }
}

/// The milliseconds of an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`), the one form that servers write.
pub(crate) fn http_date_ms(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = u8::try_from(MONTHS.iter().position(|name| *name == month)? + 1).ok()?;
    let year = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|number| number.parse::<u8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let date = time::Date::from_calendar_date(year, time::Month::try_from(month).ok()?, day).ok()?;
    Some(date.with_hms(hour, minute, second).ok()?.assume_utc().unix_timestamp() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_headers_are_read_and_nothing_else() {
        assert_eq!(http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        for bad in ["", "Sun, 06 Nov 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT"] {
            assert_eq!(http_date_ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_skew_counts_for_what_is_sure_of_it() {
        // Two seconds under way, and a clock that says whole seconds: nothing is sure below a second and a half.
        assert_eq!(Skew::of(10_000, 12_000, 11_000, 1_000).surely_ms(), 0);
        assert_eq!(Skew::of(10_000, 10_000, 15_000, 1).surely_ms(), 4_999);
        assert_eq!(Skew::of(10_000, 10_000, 5_000, 1).ahead_ms, -5_000);
    }
}
