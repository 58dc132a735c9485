//! The command line of `siegel-admin`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use siegel_domain::TenantId;
use siegel_platform::host::PartsChoice;
use siegel_platform::peer::SERVICES;

/// What a provider does beside a running platform, on its state directory.
///
/// It may run while the server does. It never sees contents: nothing in it can open a record.
#[derive(Debug, Parser)]
#[command(
    name = "siegel-admin",
    version,
    after_help = "Examples:\n  siegel-admin --state ./state dealer add \"Medizintechnik Nord\"\n  siegel-admin --state ./state doctor\n  siegel-admin config default > siegel.toml\n  siegel-admin --state ./state clock status"
)]
pub struct Args {
    /// The server's state directory [default: ./siegel-state].
    #[arg(long, value_name = "DIR", env = "SIEGEL_STATE", global = true)]
    pub state: Option<PathBuf>,
    /// The key that seals the secrets file [default: <state>/secrets.key].
    #[arg(long, value_name = "FILE", env = "SIEGEL_KEY_FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The server's configuration, if it has one.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What the platform stands on: embedded, or the file that says where PostgreSQL, S3, Vault and Kafka are [default: the
    /// configuration's].
    #[arg(long, value_name = "FILE", env = "SIEGEL_PARTS", global = true)]
    pub parts: Option<PartsChoice>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What it can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Those who create tenants.
    Dealer {
        /// What to do.
        #[command(subcommand)]
        command: Dealer,
    },
    /// Look whether everything is as it should be; exit code 1 if something is not.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state doctor\n  siegel-admin --state /var/lib/siegel --config /etc/siegel/siegel.toml doctor --full --json"
    )]
    Doctor {
        /// Read every page of every database, which takes a while on large ones.
        #[arg(long)]
        full: bool,
    },
    /// The server's configuration.
    Config {
        /// What to do.
        #[command(subcommand)]
        command: Config,
    },
    /// Events that a consumer could not make sense of. They hold nothing up; the alarm on their count calls you.
    Dlq {
        /// What to do.
        #[command(subcommand)]
        command: Dlq,
    },
    /// Put new keys in the place of old ones, while everything runs.
    Rotate {
        /// What to do.
        #[command(subcommand)]
        command: Rotate,
    },
    /// Certificates for what is not a program of ours.
    Certificate {
        /// What to do.
        #[command(subcommand)]
        command: Certificate,
    },
    /// Whether the machine's clock is believed: nothing expires while it is not.
    Clock {
        /// What to do.
        #[command(subcommand)]
        command: Clock,
    },
}

/// `siegel-admin dealer`.
#[derive(Debug, Clone, Subcommand)]
pub enum Dealer {
    /// Add a dealer and print a one-time code for its first machine. The code is shown once and stored nowhere.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state dealer add\n  siegel-admin --state ./state dealer add \"Medizintechnik Nord\" --hours 24\n  CODE=$(siegel-admin --state ./state dealer add)      # the code alone goes to standard output\n\nThe dealer then runs: siegel enrol CODE"
    )]
    Add {
        /// The business' name, as the provider sees it. Not a person's.
        #[arg(value_name = "NAME", default_value = "Dealer")]
        name: String,
        /// Hours the code is good for, 1-720.
        #[arg(long, default_value_t = 72)]
        hours: u32,
        /// The address clients use [default: the configuration's, or the one the server last answered at].
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// The server stands behind a certificate that everybody trusts: the code carries no fingerprint of the own CA.
        #[arg(long)]
        public_certificate: bool,
    },
}

/// `siegel-admin config`.
#[derive(Debug, Clone, Subcommand)]
pub enum Config {
    /// Say everything that is wrong with a configuration, at once; exit code 1 if something is.
    #[command(after_help = "Example:\n  siegel-admin config check /etc/siegel/siegel.toml")]
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print a configuration with every setting at its default and what it means.
    #[command(after_help = "Example:\n  siegel-admin config default > siegel.toml")]
    Default,
}

/// `siegel-admin dlq`.
#[derive(Debug, Clone, Subcommand)]
pub enum Dlq {
    /// List what lies there, the oldest of each tenant first.
    #[command(after_help = "Example:\n  siegel-admin --state ./state dlq list --json")]
    List,
    /// Show one event: ids and times, as all events hold.
    #[command(after_help = "Example:\n  siegel-admin --state ./state dlq show evt_…")]
    Show {
        /// Its id, as `list` shows it.
        event: String,
    },
    /// Have events handled anew, after an update that knows them. The running service does it within seconds; what it still
    /// does not understand lies here again.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state dlq redrive evt_…\n  siegel-admin --state ./state dlq redrive --all"
    )]
    Redrive {
        /// Its id, as `list` shows it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        event: Option<String>,
        /// Everything that lies there.
        #[arg(long)]
        all: bool,
    },
}

/// `siegel-admin rotate`.
#[derive(Debug, Clone, Subcommand)]
pub enum Rotate {
    /// A new version of tenants' keys. What lies under them opens as before, in every process: only the data key is sealed anew.
    /// The old version opens until it is destroyed with --trim, five minutes later at the earliest.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state rotate tenant-keys\n  siegel-admin --state ./state rotate tenant-keys --trim      # five minutes later\n  siegel-admin --state ./state rotate tenant-keys --tenant tnt_…"
    )]
    TenantKeys {
        /// Of this tenant alone.
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// Destroy what earlier rotations have replaced, and make no new version.
        #[arg(long)]
        trim: bool,
    },
    /// New passwords for the services' roles in PostgreSQL. Connections that stand stay; whoever opens a new one asks OpenBao for the
    /// new password. If it is interrupted, do it again.
    #[command(
        after_help = "Example:\n  siegel-admin --state ./state --parts /etc/siegel/parts.toml rotate postgres-passwords"
    )]
    PostgresPasswords,
    /// New credentials of tenants' buckets, in both zones. Requests under way end as they began; whoever is refused with the old ones
    /// asks OpenBao for the new ones. Old ones open nothing when this is done. If it is interrupted, do it again.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state --parts /etc/siegel/parts.toml rotate bucket-credentials\n  siegel-admin --state ./state --parts /etc/siegel/parts.toml rotate bucket-credentials --tenant tnt_…"
    )]
    BucketCredentials {
        /// Of this tenant alone.
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
    },
    /// New passwords for the services' users at Kafka, from then on in OpenBao and no more in the parts files. Connections that stand
    /// stay; events wait for those that are made anew, some seconds at most. If it is interrupted, do it again. The admin_user of
    /// the parts file needs ALTER on the cluster.
    #[command(
        after_help = "Examples:\n  siegel-admin --state ./state --parts /etc/siegel/admin.toml rotate kafka-passwords\n  siegel-admin --state ./state --parts /etc/siegel/admin.toml rotate kafka-passwords --service upload"
    )]
    KafkaPasswords {
        /// Of this service alone.
        #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(SERVICES))]
        service: Option<String>,
    },
}

/// `siegel-admin certificate`.
#[derive(Debug, Clone, Subcommand)]
pub enum Certificate {
    /// The certificate of the host in front of the programs, signed by the platform's own CA, which clients trust. Written with its
    /// key to one file that only you can read. It lives 90 days; asked again after 60, it is a new one: run this once a week and
    /// reload the front when the file has changed.
    #[command(
        after_help = "Examples:\n  siegel-admin --parts /etc/siegel/parts.toml certificate front --name siegel.example --out /etc/haproxy/siegel.pem\n  siegel-admin --state ./state certificate front --out ./front.pem"
    )]
    Front {
        /// A name or address that clients use, beside localhost; may be given several times.
        #[arg(long = "name", value_name = "HOST")]
        names: Vec<String>,
        /// The file: certificate, CA and key, as haproxy and nginx read them.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// `siegel-admin clock`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Clock {
    /// Show what the platform thinks of the clock.
    Status,
    /// Say that the machine's clock is right now, and let records expire again. Look at the time first: a record that
    /// falls due by it is erased for good.
    #[command(
        after_help = "Example:\n  siegel-admin --state ./state clock status && siegel-admin --state ./state clock confirm"
    )]
    Confirm,
}
