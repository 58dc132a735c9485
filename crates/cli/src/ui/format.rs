//! Sizes, rates and times as people read them, in their language.

use std::time::Duration;

use chrono::{Local, TimeZone as _, Utc};

use super::Lang;

/// `7.9 MiB`, `7,9 MiB`: binary units, which is what programs count in.
pub(crate) fn bytes(lang: Lang, bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = if unit == 0 || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{} {}", decimal(lang, &text), UNITS[unit])
}

/// Bytes per second.
pub(crate) fn human_rate(lang: Lang, size: u64, took: Duration) -> String {
    let rate = size as f64 / took.as_secs_f64().max(0.001);
    format!("{}/s", bytes(lang, rate as u64))
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
pub(crate) fn duration(lang: Lang, took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..=9 => format!("{} s", decimal(lang, &format!("{:.1}", took.as_secs_f64()))),
        10..=119 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Day and time where the user is.
pub(crate) fn date(lang: Lang, time_ms: i64) -> String {
    let Some(time) = Utc.timestamp_millis_opt(time_ms).single() else { return "?".to_owned() };
    let time = time.with_timezone(&Local);
    match lang {
        Lang::De => time.format("%d.%m.%Y %H:%M").to_string(),
        Lang::En => time.format("%Y-%m-%d %H:%M").to_string(),
    }
}

fn decimal(lang: Lang, text: &str) -> String {
    match lang {
        Lang::De => text.replace('.', ","),
        Lang::En => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_rates_and_times_read_well() {
        assert_eq!(bytes(Lang::En, 0), "0 B");
        assert_eq!(bytes(Lang::En, 8 * 1024 * 1024), "8.0 MiB");
        assert_eq!(bytes(Lang::De, 1_500_000_000), "1,4 GiB");
        assert_eq!(bytes(Lang::En, u64::MAX), "16384 PiB");
        assert_eq!(human_rate(Lang::En, 100 * 1024 * 1024, Duration::from_secs(2)), "50.0 MiB/s");
        assert_eq!(duration(Lang::De, Duration::from_millis(420)), "0,4 s");
        assert_eq!(duration(Lang::En, Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(date(Lang::En, i64::MAX), "?");
        assert_eq!(date(Lang::De, 0).len(), "01.01.1970 00:00".len());
    }
}
