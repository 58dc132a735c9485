//! When the own CA and the server's certificate end.

use siegel_domain::Timestamp;
use siegel_domain::time::DAY_MS;
use siegel_platform::clock::{Clock as _, SystemClock};
use siegel_platform::secrets::Secrets;
use siegel_platform::tls;

use super::Finding;
use crate::place::Place;
use crate::words::{duration, moment};

const CHECK: &str = "tls";
/// The server renews its certificate 30 days before the end; less than this and it does not.
const CERTIFICATE_MS: i64 = 25 * DAY_MS;
/// Every client pins the CA: a new one has to reach them all.
const CA_MS: i64 = 365 * DAY_MS;

/// Looks at both.
pub(super) async fn check(place: &Place, secrets: &Secrets) -> Vec<Finding> {
    if place.config.plain_http {
        return vec![Finding::warn(
            CHECK,
            "plain HTTP, as configured",
            "for trying out and behind a proxy on this machine only",
        )];
    }
    let now = SystemClock::new().now();
    match tls::ends(secrets).await {
        Err(error) => vec![Finding::fail(CHECK, error.to_string(), "restore the secrets from a backup")],
        Ok(None) => vec![Finding::warn(CHECK, "there is no certificate yet", "start the server with HTTPS once")],
        Ok(Some((ca, certificate))) => {
            let renew = "the server renews it by itself: is it running, and for longer than a day?";
            let replace = "plan a new CA: every client has pinned this one";
            vec![
                judge("the certificate", certificate, now, CERTIFICATE_MS, renew),
                judge("the CA", ca, now, CA_MS, replace),
            ]
        }
    }
}

fn judge(what: &str, ends: Timestamp, now: Timestamp, soon_ms: i64, next: &str) -> Finding {
    let left_ms = ends.ms_since(now);
    if left_ms <= 0 {
        Finding::fail(CHECK, format!("{what} ended on {}", moment(ends)), next)
    } else if left_ms < soon_ms {
        Finding::warn(CHECK, format!("{what} ends in {}", duration(left_ms)), next)
    } else {
        Finding::ok(CHECK, format!("{what} is good until {}", moment(ends)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn an_end_is_seen_before_it_comes() {
        let health = |days: i64| judge("it", Timestamp(days * DAY_MS), Timestamp(0), CERTIFICATE_MS, "x").health;
        assert_eq!(
            [health(-1), health(0), health(24), health(60)],
            [Health::Fail, Health::Fail, Health::Warn, Health::Ok]
        );
    }
}
