//! One CA of our own, and a certificate for each part, by openssl as `infra/tls/openssl.cnf` says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::addresses::FRONT;
use super::render;
use super::site::{Site, file_of, write_private};

const TEMPLATE: &str = "infra/tls/openssl.cnf";
/// A part's certificate; it is renewed at a start within [`RENEWED_SECONDS`] of its end.
const DAYS: &str = "365";
const RENEWED_SECONDS: &str = "2592000";
const CA_DAYS: &str = "3650";

/// Certificate and key of a part.
pub(crate) struct Pair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes the CA, if there is none.
pub(crate) fn make_ca(site: &Site) -> Result<()> {
    let key = site.path("tls/ca.key");
    if key.is_file() && site.ca().is_file() {
        return Ok(());
    }
    let config = render::template(TEMPLATE, &[("name", "Siegel parts on this machine"), ("host", FRONT)])?;
    let config = write(site, "ca", &config)?;
    let mut openssl = request(&config);
    openssl.args(["-x509", "-extensions", "ca", "-days", CA_DAYS, "-keyout"]).arg(&key).arg("-out").arg(site.ca());
    run(&mut openssl).context("make a CA")
}

/// The certificate of a part at `host`; its common name is the part's name.
pub(crate) fn pair(site: &Site, name: &str, host: &str) -> Result<Pair> {
    let pair = Pair { cert: site.path(&format!("tls/{name}.crt")), key: site.path(&format!("tls/{name}.key")) };
    if pair.key.is_file() && lasts(&pair.cert) {
        return Ok(pair);
    }
    let config = write(site, name, &render::template(TEMPLATE, &[("name", name), ("host", host)])?)?;
    let mut openssl = request(&config);
    openssl.args(["-x509", "-extensions", "part", "-days", DAYS]);
    openssl.arg("-CA").arg(site.ca()).arg("-CAkey").arg(site.path("tls/ca.key"));
    openssl.arg("-keyout").arg(&pair.key).arg("-out").arg(&pair.cert);
    run(&mut openssl).with_context(|| format!("make a certificate for {name}"))?;
    Ok(pair)
}

/// CA, certificate and key in a directory of another user.
pub(crate) fn hand_over(site: &Site, pair: &Pair, to: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    for (from, name) in [(&site.ca(), "ca.crt"), (&pair.cert, "tls.crt"), (&pair.key, "tls.key")] {
        file_of(&to.join(name), &fs::read(from)?, owner)?;
    }
    Ok(())
}

fn lasts(cert: &Path) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-checkend", RENEWED_SECONDS, "-in"]).arg(cert);
    cert.is_file() && openssl.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|ended| ended.success())
}

fn write(site: &Site, name: &str, config: &str) -> Result<PathBuf> {
    let path = site.path(&format!("tls/{name}.cnf"));
    write_private(&path, config.as_bytes())?;
    Ok(path)
}

/// A new key on P-256, in PKCS#8, which every part reads.
fn request(config: &Path) -> Command {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-new",
        "-batch",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-config",
    ]);
    openssl.arg(config);
    openssl
}

fn run(openssl: &mut Command) -> Result<()> {
    let output = openssl.stdin(Stdio::null()).output().context("run openssl")?;
    if !output.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
