//! What a platform tells at `/metrics`: of each program, if it is several.

use anyhow::Result;

use crate::world::Runs;
use crate::{NAMES, World};

/// What is told at an address.
pub(crate) async fn at(url: &str) -> Result<String> {
    // Whose certificate it is does not matter here.
    let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build()?;
    Ok(http.get(format!("{url}/metrics")).send().await?.error_for_status()?.text().await?)
}

/// The sum of some lines that are told at an address.
pub(crate) async fn sum(url: &str, of: impl Fn(&str) -> bool) -> Result<f64> {
    let text = at(url).await?;
    Ok(text.lines().filter(|line| of(line)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

impl World {
    /// Every number that the platform tells; of programs, one after the other.
    pub async fn metrics(&self) -> Result<String> {
        let programs = match &self.runs {
            Runs::Shared(lease) => lease.programs(),
            Runs::Programs(programs) => programs,
            Runs::Process(_) | Runs::Child(_) => return at(self.url()).await,
        };
        let mut all = String::new();
        for name in NAMES {
            all += &at(&programs.own_url(name)).await?;
        }
        Ok(all)
    }
}
