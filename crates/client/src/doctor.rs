//! What stands between this machine and the platform: measured, not guessed. Used by `siegel doctor`.

use std::time::Duration;

use siegel_api::auth::ServerInfo;

use crate::enrol::server_info;
use crate::error::Result;
use crate::http::{Config, Http, Meter, Request, proxy_in_use, whole};
use crate::time::{Moment, now_ms};

/// Requests whose round trips are measured.
const PINGS: usize = 5;
/// The largest public document of the platform: what a download is measured with.
const DOCUMENT: &str = "GET /openapi.json";
const DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the platform says of itself.
    pub info: ServerInfo,
    /// This machine's clock minus the platform's, milliseconds, half a round trip taken off.
    pub clock_skew_ms: i64,
    /// The median round trip.
    pub round_trip: Duration,
    /// The proxy in between, by the environment.
    pub proxy: Option<String>,
    /// Bytes of a download and how long it took, if it worked.
    pub download: Option<(u64, Duration)>,
}

/// Asks the platform. Errors say what is wrong: unreachable, intercepted, not a platform.
pub async fn examine(mut config: Config) -> Result<Report> {
    // Someone is waiting for an answer about the line: no long bridges.
    config.bridge = config.bridge.min(Duration::from_secs(5));
    let http = Http::new(config)?;
    let (mut info, _) = server_info(&http).await?;
    let mut trips = Vec::with_capacity(PINGS);
    let mut clock_skew_ms = 0;
    for _ in 0..PINGS {
        let start = Moment::now();
        (info, _) = server_info(&http).await?;
        let trip = start.elapsed();
        if trips.iter().all(|other| trip < *other) {
            let half = i64::try_from(trip.as_millis() / 2).unwrap_or(0);
            clock_skew_ms = now_ms() - half - info.time_ms;
        }
        trips.push(trip);
    }
    trips.sort();
    Ok(Report {
        info,
        clock_skew_ms,
        round_trip: trips[PINGS / 2],
        proxy: proxy_in_use(),
        download: download(&http).await,
    })
}

async fn download(http: &Http) -> Option<(u64, Duration)> {
    let meter = Meter::default();
    let start = Moment::now();
    let response = http.send(&Request::new(DOCUMENT, &[], crate::http::Auth::None)).await.ok()?;
    let body = whole(DOCUMENT, response, DOCUMENT_BYTES).await.ok()?.ok()?;
    meter.add(body.len() as u64);
    Some((meter.bytes(), start.elapsed()))
}
