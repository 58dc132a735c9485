//! The real parts: what `siegel_platform::inspect` sees of them, judged, and said with what to do next. A part that is away costs
//! its own lines and no other's; all parts are asked at once, each question with a deadline.

mod clocks;
mod kafka;
mod postgres;
mod vault;
mod zones;

use std::path::Path;

use siegel_platform::clock::SystemClock;
use siegel_platform::inspect::Failure;
use siegel_platform::parts::Parts;

use super::Finding;
pub(crate) use clocks::Told;

/// How many tenants' databases, buckets and keys are looked at, unless all are asked for: each costs some milliseconds.
const SOME: usize = 100;

/// Looks at all parts that the file names.
pub(super) async fn check(file: &Path, full: bool) -> Vec<Finding> {
    let parts = match read(file) {
        Ok(parts) => parts,
        Err(finding) => return vec![finding],
    };
    let (most, clock) = (if full { usize::MAX } else { SOME }, &SystemClock::new());
    let (mut told_by_pg, mut told_by_zones, mut told_by_vault) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = permissions(file);
    let (postgres, zones, (vault, kafka)) = tokio::join!(
        postgres::check(&parts, most, clock, &mut told_by_pg),
        zones::check(&parts, most, clock, &mut told_by_zones),
        async { tokio::join!(vault::check(&parts, most, clock, &mut told_by_vault), kafka::check(file, &parts)) },
    );
    found.extend(postgres);
    found.extend(zones);
    found.extend(vault);
    found.extend(kafka);
    let told: Vec<_> = [told_by_pg, told_by_zones, told_by_vault].into_iter().flatten().collect();
    found.extend(clocks::check(&told));
    found
}

/// What the parts' clocks say, for whoever wants to know whether the machine's is right.
pub(crate) async fn clocks(file: &Path) -> Vec<Told> {
    let (mut told, mut of_zones, mut of_vault) = (Vec::new(), Vec::new(), Vec::new());
    if let Ok(parts) = read(file) {
        let clock = &SystemClock::new();
        tokio::join!(
            postgres::ask_clock(&parts, clock, &mut told),
            zones::ask_clocks(&parts, clock, &mut of_zones),
            vault::ask_clocks(&parts, clock, &mut of_vault),
        );
    }
    told.extend(of_zones);
    told.extend(of_vault);
    told
}

fn read(file: &Path) -> Result<Parts, Finding> {
    Parts::read(file).map_err(|error| {
        let next = "mend the file; docs/operations.md has every key with an example";
        Finding::fail("parts", format!("{}: {error}", file.display()), next)
    })
}

fn permissions(file: &Path) -> Vec<Finding> {
    let shown = file.display();
    vec![match super::files::others_may(file) {
        Some(mode) => {
            let seen = format!("{shown} holds credentials and can be read by other users (mode {mode:o})");
            Finding::fail("parts", seen, format!("chmod 600 {shown}"))
        }
        None => Finding::ok("parts", format!("{shown}, for its owner only")),
    }]
}

/// The line of a part that could not be asked.
fn failed(check: &'static str, what: &str, failure: &Failure, away: &str, sign_in: &str) -> Finding {
    let said = failure.said();
    match failure {
        Failure::Away(_) => Finding::fail(check, format!("{what} does not answer: {said}"), away),
        Failure::Certificate(_) => {
            let next = "its certificate has to be signed by the CA in ca_file, be made for this name or address, and not \
                        have ended: infra/runbooks/certificate.md";
            Finding::fail(check, format!("{what} shows a certificate that is not accepted: {said}"), next)
        }
        Failure::SignIn(_) => Finding::fail(check, format!("{what} refuses us: {said}"), sign_in),
        Failure::Other(_) => {
            Finding::fail(check, format!("{what}: {said}"), "look into its log; the rest of this report may say why")
        }
    }
}

/// `1 tenant`, `3 tenants`.
fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}
