//! Switching logs and traces on, once for a process.

use std::io::{self, IsTerminal as _};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line, for collectors.
    Json,
}

/// The section `[telemetry]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged, as `tracing`'s EnvFilter reads it; for our own crates. Libraries never log below `info`: their
    /// debug lines quote headers, and headers hold tokens.
    pub filter: String,
    /// Where traces go (OTLP over gRPC), for example `http://127.0.0.1:4317`; nowhere if empty.
    pub otlp_endpoint: String,
    /// The share of traces that are sent, 0-1. Decided by the trace's id alone: a client can't make us record.
    pub sample: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { format: LogFormat::Pretty, filter: "info".into(), otlp_endpoint: String::new(), sample: 0.1 }
    }
}

/// Why telemetry can't be switched on.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error("telemetry.filter is not a filter (try `info` or `siegel=debug,info`)")]
    Filter,
    /// The exporter can't be made.
    #[error("telemetry.otlp_endpoint can't be used")]
    Otlp(#[source] opentelemetry_otlp::ExporterBuildError),
    /// Somebody switched it on already.
    #[error("telemetry is on already")]
    Twice,
}

/// Logs and traces that are on. Keep it until the end and then [`Telemetry::shutdown`] it: the last spans are sent then.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Switches logs to stderr on, and traces if there is an endpoint. Call it inside the runtime. From here on a panic
    /// says where it happened and nothing of its text, which may hold anything (FAULTS F40).
    pub fn start(config: &TelemetryConfig, service: &'static str) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::builder().parse(&config.filter).map_err(|_| TelemetryError::Filter)?;
        let provider = provider(config, service)?;
        let traces =
            provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("siegel")));
        // Colours for people only: in a file or a journal they are noise.
        let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colours);
        let lines = match config.format {
            LogFormat::Pretty => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let lines = lines.with_filter(filter_fn(|line| quiet(line.target(), *line.level())));
        Registry::default().with(lines).with(traces).with(filter).try_init().map_err(|_| TelemetryError::Twice)?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(panic.place = place, "a panic");
        }));
        Ok(Self { provider })
    }

    /// Sends what is left.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider
            && provider.shutdown().is_err()
        {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

/// Libraries speak from `info` on. Not at all those of the store of secrets: they log what the server answers.
fn quiet(target: &str, level: Level) -> bool {
    if target.starts_with("vaultrs") || target.starts_with("rustify") {
        return false;
    }
    target.starts_with("siegel") || level <= Level::INFO
}

fn provider(config: &TelemetryConfig, service: &'static str) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    if config.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(&config.otlp_endpoint).build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter.map_err(TelemetryError::Otlp)?)
        .with_sampler(Sampler::TraceIdRatioBased(config.sample))
        .with_resource(Resource::builder().with_service_name(service).build())
        .build();
    Ok(Some(provider))
}
