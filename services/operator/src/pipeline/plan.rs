//! The difference between what a tenant should have and what it has, as steps in the order they are taken. Pure: the
//! reconcile worker applies it, `OperatorService.Plan` shows it, and the tests walk through every state there is.

use std::collections::BTreeMap;

use siegel_crds::condition::reason;
use siegel_crds::{Action, Resource};

use super::{Seen, Target};

/// What is there, target by target.
pub type Actual = BTreeMap<Target, Seen>;

/// What is to be done, and what can't be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In the order in which they are taken.
    pub steps: Vec<Change>,
    /// What has to be left alone for now, with the reason's word. Nothing that depends on it is among the steps.
    pub blocked: Vec<Blocked>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// Why, in a few words.
    pub reason: &'static str,
}

/// A target that is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What.
    pub target: Target,
    /// The word of the condition's reason.
    pub reason: &'static str,
}

/// Everything a tenant should have, in the order in which it is made: the mark that opens it to the services is last.
pub fn wanted(zones: usize) -> Vec<Target> {
    let buckets = (0..zones).map(Target::bucket);
    let before = std::iter::once(Target::new(Resource::TenantKey)).chain(buckets);
    before.chain([Target::new(Resource::Database), Target::new(Resource::ReadyMark)]).collect()
}

/// The steps from `actual` to everything that is wanted. What is not in `actual` counts as missing.
pub fn plan(wanted: &[Target], actual: &Actual) -> Plan {
    let seen = |target: &Target| actual.get(target).copied().unwrap_or(Seen::Missing);
    let was_ready = seen(&Target::new(Resource::ReadyMark)) == Seen::Ours;
    let mut plan = Plan::default();
    for target in wanted {
        let blocked = match seen(target) {
            Seen::Ours => continue,
            Seen::Foreign => Some(reason::FOREIGN),
            Seen::Unreachable => Some(reason::UNREACHABLE),
            // A new key over old data would hide that the old one is lost, and everything under it.
            Seen::Missing if target.resource == Resource::TenantKey && was_ready => Some(reason::KEY_LOST),
            Seen::Missing if target.resource == Resource::ReadyMark && !plan.blocked.is_empty() => {
                Some(reason::INCOMPLETE)
            }
            Seen::Missing => None,
        };
        match blocked {
            Some(reason) => plan.blocked.push(Blocked { target: target.clone(), reason }),
            None => plan.steps.push(Change { action: Action::Create, target: target.clone(), reason: why(was_ready) }),
        }
    }
    plan
}

const fn why(was_ready: bool) -> &'static str {
    if was_ready { "it has gone since the tenant became ready" } else { "it is not there yet" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen() -> impl Strategy<Value = Seen> {
        prop_oneof![
            3 => Just(Seen::Missing),
            3 => Just(Seen::Ours),
            1 => Just(Seen::Foreign),
            1 => Just(Seen::Unreachable),
        ]
    }

    fn world() -> impl Strategy<Value = Actual> {
        let targets = wanted(2);
        prop::collection::vec(seen(), targets.len()).prop_map(move |seen| targets.iter().cloned().zip(seen).collect())
    }

    proptest! {
        #[test]
        fn applying_a_plan_leaves_nothing_to_plan(mut world in world()) {
            let first = plan(&wanted(2), &world);
            for change in &first.steps {
                prop_assert_eq!(world.insert(change.target.clone(), Seen::Ours), Some(Seen::Missing));
            }
            let second = plan(&wanted(2), &world);
            prop_assert_eq!(second.steps, vec![]);
        }

        #[test]
        fn what_is_not_ours_is_never_touched(world in world()) {
            for change in plan(&wanted(2), &world).steps {
                prop_assert_eq!(world[&change.target], Seen::Missing);
                prop_assert_eq!(change.action, Action::Create);
            }
        }

        #[test]
        fn the_mark_comes_last_and_only_over_what_is_whole(world in world()) {
            let plan = plan(&wanted(2), &world);
            let mark = Target::new(Resource::ReadyMark);
            if let Some(at) = plan.steps.iter().position(|change| change.target == mark) {
                prop_assert_eq!(at + 1, plan.steps.len());
                prop_assert_eq!(plan.blocked, vec![]);
            }
        }

        #[test]
        fn stopping_after_any_step_and_starting_again_ends_the_same(world in world(), stop in 0usize..6) {
            let (mut calm, mut torn) = (world.clone(), world);
            for change in plan(&wanted(2), &calm).steps {
                calm.insert(change.target, Seen::Ours);
            }
            for change in plan(&wanted(2), &torn).steps.into_iter().take(stop) {
                torn.insert(change.target, Seen::Ours);
            }
            for change in plan(&wanted(2), &torn).steps {
                torn.insert(change.target, Seen::Ours);
            }
            prop_assert_eq!(calm, torn);
        }
    }

    fn show(actual: &[(Target, Seen)]) -> String {
        let plan = plan(&wanted(2), &actual.iter().cloned().collect());
        let name = |target: &Target| match target.zone {
            Some(zone) => format!("{}[{zone}]", target.resource.as_str()),
            None => target.resource.as_str().to_owned(),
        };
        let steps = plan.steps.iter().map(|s| format!("{} {}: {}", s.action.as_str(), name(&s.target), s.reason));
        let blocked = plan.blocked.iter().map(|b| format!("blocked {}: {}", name(&b.target), b.reason));
        steps.chain(blocked).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn plans_of_typical_states() {
        let all: Vec<_> = wanted(2).into_iter().map(|target| (target, Seen::Ours)).collect();
        let but = |target: Target, seen: Seen| {
            let mut world = all.clone();
            world.retain(|(other, _)| *other != target);
            world.push((target, seen));
            show(&world)
        };
        insta::assert_snapshot!("new", show(&[]));
        insta::assert_snapshot!("zone_b_away_at_birth", show(&[(Target::bucket(1), Seen::Unreachable)]));
        insta::assert_snapshot!("bucket_of_someone_else", show(&[(Target::bucket(0), Seen::Foreign)]));
        insta::assert_snapshot!("bucket_lost_later", but(Target::bucket(1), Seen::Missing));
        insta::assert_snapshot!("key_lost_later", but(Target::new(Resource::TenantKey), Seen::Missing));
        assert_eq!(show(&all), "");
    }
}
