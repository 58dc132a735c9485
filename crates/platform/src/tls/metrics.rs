//! When certificates end, at `/metrics`: as a moment, so that the distance to it is right however seldom we look.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use siegel_domain::Timestamp;

use super::{InsideTls, Tls};
use crate::metrics::{Metrics, Name};

/// The certificates of a process. Clones share the numbers.
#[derive(Debug, Clone)]
pub struct CertificateMetrics(Family<Name, Gauge>);

impl CertificateMetrics {
    /// Registers them; once a process.
    pub fn new(metrics: &Metrics) -> Self {
        let help = "When a certificate ends, in seconds of Unix time: of the public address, inside, and the CA's own";
        Self(metrics.register("certificate_end_timestamp_seconds", help, Family::default()))
    }

    /// Shows those in use now. Neither is there if a process speaks plain HTTP behind a front of others.
    pub fn show(&self, public: Option<&Tls>, inside: Option<&InsideTls>) {
        if let Some(tls) = public {
            self.set("public", tls.expires());
            self.set("ca", tls.ca_expires());
        }
        if let Some(tls) = inside {
            self.set("inside", tls.expires());
            self.set("ca", tls.ca_expires());
        }
    }

    fn set(&self, name: &'static str, end: Timestamp) {
        self.0.get_or_create(&Name { name }).set(end.0 / 1_000);
    }
}
