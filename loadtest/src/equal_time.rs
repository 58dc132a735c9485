//! equal-time: whether the time of a login's first answer tells if there is such a name. Known and unknown names are asked in
//! turns, over one line, in changing order. Reported are the ratio of the pairs and how often the unknown one took longer
//! (the rank statistic of Mann and Whitney: 0.5 if nothing can be told apart). That the *work* is the same is a test of
//! the key directory; this looks at what is left: caches, branches, the database's pages.

use anyhow::{Context as _, Result, ensure};
use siegel_client::api::auth::LoginStart;
use siegel_client::password::Password;
use siegel_client::profile::ProfileDir;
use siegel_client::time::Moment;
use siegel_client::{Enrolment, Session, rng};
use siegel_crypto::login::ClientLogin;
use siegel_domain::{DeviceId, Principal, Role};
use zeroize::Zeroizing;

use crate::data::{self, Place};
use crate::outcome::{Outcome, Ratio, Target};
use crate::server::Transport;
use crate::settings::Settings;
use crate::tell;
use crate::world::{PASSWORD, World};

/// Tries of one name before the platform slows it down, less one for warming up.
const TRIES: usize = 4;
/// Names for each pair that is asked for: enough that the median of a noisy machine stays within the bound.
const NAMES: usize = 5;
/// The median of one kind may be this many times the other's.
const BOUND: f64 = 1.1;

/// One line: unknown beside known names.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Outcome>> {
    tell::line("equal-time: first answer to an unknown / to a known name");
    let dir = data::scratch(Place::Disk)?;
    let world = World::start(dir.path(), dir.path(), Transport::Tls).await?;
    let members = members(&world.owner, dir.path(), settings.pairs * NAMES).await?;
    let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build()?;
    let url = format!("{}/v1/auth/login/start", world.owner.profile().url);
    let ask = async |login: &str, device: DeviceId| -> Result<f64> {
        let (_, request) = ClientLogin::start(b"a guess", &mut rng::system()).context("a first message")?;
        let body = serde_json::to_vec(&LoginStart { login: login.to_owned(), device, request: request.into() })?;
        let sending = http.post(&url).header("content-type", "application/json").body(body);
        let start = Moment::now();
        let answer = sending.send().await?;
        let good = answer.status().is_success();
        answer.bytes().await?;
        let took = start.elapsed().as_secs_f64();
        ensure!(good, "a try was refused");
        Ok(took)
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (at, (login, device)) in members.iter().enumerate() {
        let nobody = format!("nobody-{at}@{}", login.split('@').nth(1).unwrap_or_default());
        ask(login, *device).await?;
        ask(&nobody, *device).await?;
        for round in 0..TRIES {
            // Who comes first changes, so that neither profits from what the other left warm.
            if round % 2 == 0 {
                known.push(ask(login, *device).await?);
                unknown.push(ask(&nobody, *device).await?);
            } else {
                unknown.push(ask(&nobody, *device).await?);
                known.push(ask(login, *device).await?);
            }
        }
    }
    Ok(vec![outcome(&known, &unknown)])
}

fn outcome(known: &[f64], unknown: &[f64]) -> Outcome {
    let pairs = Ratio::of(known.iter().zip(unknown).map(|(known, unknown)| unknown / known).collect());
    // Faster tells as much as slower.
    let ratio = Ratio { median: pairs.median.max(1.0 / pairs.median), ..pairs };
    let ms = |figures: &[f64]| Ratio::of(figures.to_vec()).median * 1e3;
    let note = format!(
        "known {:.2} ms, unknown {:.2} ms, {} pairs; the unknown one is slower with probability {:.2}",
        ms(known),
        ms(unknown),
        known.len(),
        slower(known, unknown),
    );
    let what = "first answer of a login, unknown name";
    Outcome::new("equal-time", what, "a known name", ratio, Target::AtMost(BOUND)).note(note)
}

/// How likely one of `b` is larger than one of `a`; ties count half.
fn slower(a: &[f64], b: &[f64]) -> f64 {
    let wins = |b: &f64| a.iter().map(|a| f64::from(u8::from(b > a)) + f64::from(u8::from(b == a)) / 2.0).sum::<f64>();
    b.iter().map(wins).sum::<f64>() / (a.len() * b.len()) as f64
}

/// Members of the centre with their devices; each can be guessed at a few times.
async fn members(owner: &Session, dir: &std::path::Path, count: usize) -> Result<Vec<(String, DeviceId)>> {
    let handle = &owner.profile().tenant()?.handle;
    let mut members = Vec::new();
    for at in 0..count {
        let name = format!("person-{at}");
        let profile = ProfileDir::at(dir.join(&name));
        let password = Password::new(Zeroizing::new(PASSWORD.to_owned()), &name);
        let password = password.map_err(|lacks| anyhow::anyhow!("the password lacks {lacks:?}"))?;
        let invitation = owner.invite_member(&name, Role::Member, None).await?;
        Enrolment::begin(&invitation.code, None, None).await?.member(&profile, &name, &password).await?;
        let Principal::Member(id) = invitation.principal else { anyhow::bail!("not a member's code") };
        owner.confirm_member(id).await?;
        members.push((format!("{name}@{handle}"), profile.load()?.device));
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    #[test]
    fn what_can_not_be_told_apart_is_slower_half_of_the_time() {
        assert_eq!(slower(&[1.0, 2.0], &[1.0, 2.0]), 0.5);
        assert_eq!(slower(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
    }

    #[test]
    fn faster_tells_as_much_as_slower() {
        let verdict = |unknown| outcome(&[1.0, 1.0], &[unknown, unknown]).verdict;
        assert_eq!(verdict(1.05), Verdict::Met);
        assert_eq!(verdict(1.3), Verdict::Missed);
        assert_eq!(verdict(0.7), Verdict::Missed);
    }
}
