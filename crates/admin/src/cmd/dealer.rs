//! `siegel-admin dealer add`: the provider's own act, outside of any tenant. The code is shown once and stored nowhere.

use std::io::{IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use siegel_envelope::Digest;
use siegel_key_directory::admin::{NewDealer, add_dealer};
use siegel_platform::clock::SystemClock;
use siegel_platform::rng::SystemRng;

use crate::args::{Args, Dealer};
use crate::place::Place;
use crate::words::moment;

#[derive(Serialize)]
struct Added<'a> {
    dealer: String,
    code: &'a str,
    expires_ms: i64,
}

/// Does what was asked for.
pub async fn run(out: &mut impl Write, args: &Args, place: &Place, command: &Dealer) -> Result<ExitCode> {
    let Dealer::Add { name, hours, url, public_certificate } = command;
    place.require_started()?;
    let public_url = match url {
        Some(url) => url.clone(),
        None => place.public_url()?,
    };
    if public_url.ends_with('/') || !(public_url.starts_with("https://") || public_url.starts_with("http://")) {
        bail!("the address must start with https:// and not end with a slash; give it with --url");
    }
    let own_ca = public_url.starts_with("https://") && !public_certificate;
    let ca = if own_ca { Some(fingerprint(&place.file("ca").join("ca.pem"))?) } else { None };
    let beside = place.open().await?;
    let new = NewDealer { label: name, public_url: &public_url, ca, code_hours: *hours };
    let added = add_dealer(&beside.provider, &SystemClock::new(), &SystemRng, new).await.context("add the dealer")?;
    beside.close().await;

    if args.json {
        let shown = Added { dealer: added.dealer.to_string(), code: &added.code, expires_ms: added.expires.0 };
        serde_json::to_writer(&mut *out, &shown)?;
        return writeln!(out).map(|()| ExitCode::SUCCESS).map_err(Into::into);
    }
    // The code alone on standard output, so that it can be handed on; the sentences beside it.
    eprintln!("Dealer {} may enrol one machine until {}, with this code:", added.dealer, moment(added.expires));
    writeln!(out, "{}", *added.code)?;
    out.flush()?;
    eprintln!("It is shown once and stored nowhere. On the dealer's machine: siegel enrol CODE");
    if !std::io::stdout().is_terminal() {
        eprintln!("(It went to standard output, which is not a terminal: keep it out of logs.)");
    }
    Ok(ExitCode::SUCCESS)
}

/// BLAKE3-256 of the CA's certificate, which clients pin.
fn fingerprint(file: &Path) -> Result<Digest> {
    let certificate = CertificateDer::from_pem_file(file).with_context(|| {
        format!(
            "read {}: the server writes it at its first start. Behind a certificate that everybody trusts, say \
             --public-certificate",
            file.display()
        )
    })?;
    Ok(Digest::of(&certificate))
}
