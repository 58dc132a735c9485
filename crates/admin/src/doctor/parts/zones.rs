//! Both zones on S3: credentials, create-only writes, versions and locks, and whether both know the same buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use siegel_platform::clock::SystemClock;
use siegel_platform::inspect::Failure;
use siegel_platform::parts::{Parts, S3Part};
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secret;
use siegel_platform::zones::NAMES;
use siegel_platform::zones::s3::{BucketKeys, KeysError, S3Zone, Seen, Tried};

use super::super::Finding;
use super::{Told, count, failed};

const AWAY: &str = "start it. Tenants with `strict` are refused uploads until then, the others are healed afterwards: \
                    infra/runbooks/zone-lost.md";
const REFUSED: &str =
    "put admin_access and admin_secret of an account that may make buckets and users into the parts file";

/// Looks at both.
pub(super) async fn check(parts: &Parts, most: usize, clock: &SystemClock, told: &mut Vec<Told>) -> Vec<Finding> {
    let (mut found, mut buckets) = (Vec::new(), Vec::new());
    let looks = NAMES.map(|name| look(parts, name, most, clock));
    for (name, look) in NAMES.into_iter().zip(futures::future::join_all(looks).await) {
        let (lines, seen) = look;
        found.extend(lines);
        if let Some(seen) = seen {
            told.extend(seen.skew.map(|skew| Told { who: name.to_owned(), skew }));
            buckets.push((name, seen.buckets));
        }
    }
    found.extend(one_sided(&buckets));
    found
}

/// Their clocks alone.
pub(super) async fn ask_clocks(parts: &Parts, clock: &SystemClock, told: &mut Vec<Told>) {
    for name in NAMES {
        let Ok(zone) = open(parts, name) else { continue };
        if let Ok(Seen { skew: Some(skew), .. }) = zone.1.look(0, clock).await {
            told.push(Told { who: name.to_owned(), skew });
        }
    }
}

async fn look(parts: &Parts, name: &'static str, most: usize, clock: &SystemClock) -> (Vec<Finding>, Option<Seen>) {
    let (part, zone) = match open(parts, name) {
        Ok(opened) => opened,
        Err(finding) => return (vec![finding], None),
    };
    let what = format!("{} ({})", part.endpoint, part.jurisdiction);
    let seen = match zone.look(most, clock).await {
        Ok(seen) => seen,
        Err(failure) => return (vec![failed(name, &what, &failure, AWAY, REFUSED)], None),
    };
    let tried = zone.try_out(&SystemRng).await;
    (judge(name, &what, &seen, tried), Some(seen))
}

fn open<'a>(parts: &'a Parts, name: &'static str) -> Result<(&'a S3Part, Arc<S3Zone>), Finding> {
    let Some(part) = parts.s3.iter().find(|part| part.name == name) else {
        let next = format!("add [[s3]] with name = \"{name}\"");
        return Err(Finding::fail(name, "the parts file does not name it", next));
    };
    let zone = S3Zone::open(name, part, &parts.ca_file, Arc::new(Nobodys), Arc::new(SystemRng));
    zone.map(|zone| (part, zone)).map_err(|error| Finding::fail(name, error.to_string(), "mend the parts file"))
}

fn judge(name: &'static str, what: &str, seen: &Seen, tried: Result<Tried, Failure>) -> Vec<Finding> {
    let mut found = Vec::new();
    match tried {
        Err(failure) => found.push(failed(name, &format!("{what}: a bucket to try it out"), &failure, AWAY, REFUSED)),
        Ok(Tried { create_only: false, .. }) => {
            let next = "use an S3 that honours If-None-Match: * on PUT (Amazon, versitygw, MinIO): two writers of one name \
                        must not replace each other";
            found.push(Finding::fail(name, format!("{what} lets a second write replace the first"), next));
        }
        Ok(Tried { erases: false, .. }) => {
            let next = "let the account delete objects and buckets; the bucket siegel-doctor-… is left there";
            found.push(Finding::fail(name, format!("{what} does not erase what was deleted"), next));
        }
        Ok(_) => {
            let buckets = count(seen.buckets.len(), "bucket");
            found.push(Finding::ok(name, format!("{what} answers: writes create-only, erases; {buckets}")));
        }
    }
    for said in seen.unerasable.iter().take(5) {
        found.push(Finding::fail(name, said.clone(), "nothing in it can be erased in time until then"));
    }
    if seen.with_versions > 0 {
        let seen = format!("{} of versions", count(seen.with_versions, "bucket"));
        let next =
            "erasing deletes every version, so this costs room and time only; switch versioning off if you need it not";
        found.push(Finding::warn(name, format!("{seen} kept"), next));
    }
    found
}

/// Buckets that one zone knows and the other doesn't.
fn one_sided(zones: &[(&'static str, Vec<String>)]) -> Vec<Finding> {
    let [(one, of_one), (other, of_other)] = zones else { return Vec::new() };
    let sets = [of_one, of_other].map(|names| names.iter().collect::<BTreeSet<_>>());
    let lacks = |zone: &'static str, its: &BTreeSet<_>, others: &BTreeSet<_>| {
        let lacking = others.difference(its).count();
        (lacking > 0).then(|| {
            let next = "is its disk mounted? Provisioning makes them again and repair fills them; a bucket of a test or of another \
                        installation may stand in one zone alone";
            Finding::warn(zone, format!("it lacks {} that the other zone has", count(lacking, "bucket")), next)
        })
    };
    lacks(one, &sets[0], &sets[1]).into_iter().chain(lacks(other, &sets[1], &sets[0])).collect()
}

/// Nobody's credentials: only the administrator asks here.
struct Nobodys;

#[async_trait]
impl BucketKeys for Nobodys {
    async fn get(&self, _: &str) -> Result<Option<Secret>, KeysError> {
        Ok(None)
    }

    async fn put_new(&self, _: &str, _: &[u8]) -> Result<Secret, KeysError> {
        Err("no credentials are made here".into())
    }

    async fn put(&self, _: &str, _: &[u8]) -> Result<(), KeysError> {
        Err("no credentials are replaced here".into())
    }

    async fn delete(&self, _: &str) -> Result<(), KeysError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Health;
    use super::*;

    #[test]
    fn a_zone_that_replaces_or_keeps_is_a_failure_and_versions_are_none() {
        let worst =
            |seen: Seen, tried| judge("zone-a", "it", &seen, tried).iter().map(|line| line.health).max().unwrap();
        let well = Tried { create_only: true, erases: true };
        assert_eq!(worst(Seen::default(), Ok(well)), Health::Ok);
        assert_eq!(worst(Seen::default(), Ok(Tried { create_only: false, ..well })), Health::Fail);
        assert_eq!(worst(Seen::default(), Ok(Tried { erases: false, ..well })), Health::Fail);
        assert_eq!(worst(Seen { with_versions: 1, ..Seen::default() }, Ok(well)), Health::Warn);
        assert_eq!(worst(Seen { unerasable: vec!["locked".into()], ..Seen::default() }, Ok(well)), Health::Fail);
        let lines = one_sided(&[("zone-a", vec!["1".into()]), ("zone-b", vec!["1".into(), "2".into()])]);
        assert!(lines.len() == 1 && lines[0].check == "zone-a", "{lines:?}");
    }
}
