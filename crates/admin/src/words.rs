//! Times and sizes for people.

use siegel_domain::Timestamp;
use siegel_domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
use time::OffsetDateTime;

/// A moment, UTC, to the second: `2027-01-15 08:00:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    match OffsetDateTime::from_unix_timestamp(at.0.div_euclid(SECOND_MS)) {
        Ok(at) => format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
        Err(_) => "a time that no calendar has".to_owned(),
    }
}

/// A duration in its largest unit: `3 days`, `1 hour`.
pub(crate) fn duration(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    let units = [(DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute"), (SECOND_MS, "second")];
    for (unit_ms, name) in units {
        let count = ms / unit_ms.unsigned_abs();
        if count > 0 {
            return format!("{count} {name}{}", if count == 1 { "" } else { "s" });
        }
    }
    "less than a second".to_owned()
}

/// A size: `12.3 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| bytes.saturating_mul(10) / unit;
    let (tenths, name) = match bytes {
        0..0x10_0000 => return format!("{} KiB", bytes / 1024),
        0x10_0000..0x4000_0000 => (tenths(1 << 20), "MiB"),
        _ => (tenths(1 << 30), "GiB"),
    };
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_these() {
        assert_eq!(moment(Timestamp(1_800_000_000_000)), "2027-01-15 08:00:00 UTC");
        assert_eq!(moment(Timestamp(-1)), "1969-12-31 23:59:59 UTC");
        assert_eq!(moment(Timestamp(i64::MAX)), "a time that no calendar has");
        assert_eq!((duration(-DAY_MS), duration(3 * HOUR_MS + 1)), ("1 day".into(), "3 hours".into()));
        assert_eq!(duration(12), "less than a second");
        assert_eq!((size(2048), size(3 << 20), size(5 << 30)), ("2 KiB".into(), "3.0 MiB".into(), "5.0 GiB".into()));
    }
}
