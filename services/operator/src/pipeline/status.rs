//! What a pass says about a tenant: one condition per class and zone, and the phase that sums them up. Pure, and free
//! of time, so that a pass that changes nothing has nothing to write.

use std::collections::BTreeMap;

use siegel_crds::condition::reason;
use siegel_crds::{Condition, ConditionType, Phase, Resource, Status};

use super::plan::{Actual, Plan};
use super::validate::Refusal;
use super::{Seen, Target, ZoneFact};

/// What became of the steps: true if it was done. Steps that were not reached are absent.
pub type Outcomes = BTreeMap<Target, bool>;

/// A tenant's phase and conditions after a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The summary.
    pub phase: Phase,
    /// All conditions, in the order of their types.
    pub conditions: Vec<Condition>,
}

/// The verdict on a tenant that was not even planned for. One that was `open` stays so over a mere rule of a newer
/// version; a zone in the wrong place closes it, for that is a promise (C12).
pub fn refused(generation: i64, refusal: &Refusal, open: bool) -> Verdict {
    let condition = |kind, reason: &str, message: &str| Condition {
        kind,
        status: Status::False,
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
    };
    let conditions = vec![
        condition(ConditionType::Ready, reason::INCOMPLETE, "It can't be made as it was asked for."),
        condition(ConditionType::SpecValid, refusal.reason, &refusal.message),
    ];
    let stays_open = open && refusal.reason != reason::JURISDICTION;
    Verdict { phase: if stays_open { Phase::Ready } else { Phase::Failed }, conditions }
}

/// The verdict after a plan was applied.
pub fn judge(generation: i64, zones: &[ZoneFact], actual: &Actual, plan: &Plan, outcomes: &Outcomes) -> Verdict {
    let reason_of = |target: &Target| -> &'static str {
        if let Some(blocked) = plan.blocked.iter().find(|blocked| blocked.target == *target) {
            return blocked.reason;
        }
        match (actual.get(target), outcomes.get(target)) {
            (Some(Seen::Ours), _) | (_, Some(true)) => reason::IN_PLACE,
            (_, Some(false)) => reason::APPLY_FAILED,
            (_, None) => reason::MISSING,
        }
    };
    let condition = |kind, reason: &'static str, zone: Option<&ZoneFact>| Condition {
        kind,
        status: status_of(reason),
        reason: reason.to_owned(),
        message: sentence(reason, zone),
        observed_generation: generation,
    };

    let mut parts = vec![
        condition(ConditionType::SpecValid, reason::VALID, None),
        condition(ConditionType::DatabaseReady, reason_of(&Target::new(Resource::Database)), None),
        condition(ConditionType::SecretsReady, reason_of(&Target::new(Resource::TenantKey)), None),
    ];
    for (index, (zone, kind)) in
        zones.iter().zip([ConditionType::BucketReadyA, ConditionType::BucketReadyB]).enumerate()
    {
        parts.push(condition(kind, reason_of(&Target::bucket(index)), Some(zone)));
    }
    let open = reason_of(&Target::new(Resource::ReadyMark)) == reason::IN_PLACE;
    let whole = open && parts.iter().all(|part| part.status == Status::True);
    let summary = if whole { reason::ALL_IN_PLACE } else { reason::INCOMPLETE };
    parts.insert(0, condition(ConditionType::Ready, summary, None));

    let stuck = parts.iter().any(|part| [reason::FOREIGN, reason::KEY_LOST].contains(&part.reason.as_str()));
    // Once open, a tenant stays open while a zone is away or a bucket is being made anew: R08.
    let phase = match (open, stuck) {
        (true, _) => Phase::Ready,
        (false, true) => Phase::Failed,
        (false, false) => Phase::Provisioning,
    };
    Verdict { phase, conditions: parts }
}

fn status_of(reason: &str) -> Status {
    match reason {
        reason::IN_PLACE | reason::VALID | reason::ALL_IN_PLACE => Status::True,
        reason::UNREACHABLE => Status::Unknown,
        _ => Status::False,
    }
}

fn sentence(reason: &'static str, zone: Option<&ZoneFact>) -> String {
    let zone = zone.map(|zone| zone.name.as_str());
    match (reason, zone) {
        (reason::VALID, _) => "It keeps every rule, and the zones suit it.".into(),
        (reason::ALL_IN_PLACE, _) => "Everything is there.".into(),
        (reason::INCOMPLETE, _) => "Something is not as it should be; the other conditions say what.".into(),
        (reason::IN_PLACE, Some(zone)) => format!("The bucket in {zone} is there."),
        (reason::IN_PLACE, None) => "It is there.".into(),
        (reason::UNREACHABLE, Some(zone)) => format!("Zone {zone} does not answer."),
        (reason::UNREACHABLE, None) => "It can't be seen at the moment.".into(),
        (reason::FOREIGN, Some(zone)) => {
            format!(
                "In {zone} something lies in the bucket's place that is not marked as this tenant's; it is left alone."
            )
        }
        (reason::FOREIGN, None) => "Something lies in its place that is not marked as this tenant's.".into(),
        (reason::KEY_LOST, _) => {
            "The tenant's key is gone from the secrets: restore them from a backup. No new one is made.".into()
        }
        (reason::APPLY_FAILED, Some(zone)) => format!("The bucket in {zone} could not be made; it is tried again."),
        (reason::APPLY_FAILED, None) => "It could not be made; it is tried again.".into(),
        (_, Some(zone)) => format!("The bucket in {zone} is not there yet."),
        (_, None) => "It is not there yet.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{plan, wanted};
    use super::*;

    fn zones() -> Vec<ZoneFact> {
        ["a", "b"].map(|name| ZoneFact { name: name.into(), jurisdiction: "EU".into() }).into()
    }

    fn judged(actual: &[(Target, Seen)], done: bool) -> Verdict {
        let actual: Actual = actual.iter().cloned().collect();
        let plan = plan(&wanted(2), &actual);
        let outcomes = plan.steps.iter().map(|change| (change.target.clone(), done)).collect();
        judge(3, &zones(), &actual, &plan, &outcomes)
    }

    fn whole() -> Vec<(Target, Seen)> {
        wanted(2).into_iter().map(|target| (target, Seen::Ours)).collect()
    }

    #[test]
    fn the_pass_that_made_everything_says_what_the_next_one_says() {
        let first = judged(&[], true);
        assert_eq!(first.phase, Phase::Ready);
        assert_eq!(first, judged(&whole(), true), "or the second pass would write");
    }

    #[test]
    fn a_zone_that_goes_away_closes_no_tenant() {
        let mut world = whole();
        world.retain(|(target, _)| *target != Target::bucket(1));
        world.push((Target::bucket(1), Seen::Unreachable));
        let verdict = judged(&world, true);
        assert_eq!(verdict.phase, Phase::Ready);
        let of = |kind| verdict.conditions.iter().find(|c| c.kind == kind).unwrap().status;
        assert_eq!(of(ConditionType::BucketReadyB), Status::Unknown);
        assert_eq!(of(ConditionType::BucketReadyA), Status::True);
        assert_eq!(of(ConditionType::Ready), Status::False);
    }

    #[test]
    fn phases_of_what_is_not_ready() {
        assert_eq!(judged(&[], false).phase, Phase::Provisioning);
        assert_eq!(judged(&[(Target::bucket(0), Seen::Foreign)], true).phase, Phase::Failed);
        let refusal = Refusal { reason: reason::JURISDICTION, message: "zone b lies in US".into() };
        assert_eq!(refused(1, &refusal, false).phase, Phase::Failed);
        assert_eq!(refused(1, &refusal, true).phase, Phase::Failed);
        assert_eq!(refused(1, &Refusal { reason: reason::INVALID, ..refusal }, true).phase, Phase::Ready);
    }
}
