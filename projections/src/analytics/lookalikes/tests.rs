//! Properties of the distance and of the selection of lookalikes.

use bson::DateTime;
use domain::Timestamp;
use proptest::prelude::*;

use super::nearest::Nearest;
use super::profile::{Clock, Feature, Profile};
use super::scale::{Moments, Scale};

/// Days since the last order in the store.
const IDLE_DAYS: i64 = 10_000;

fn clock() -> Clock {
    let now = Timestamp::from_millis(IDLE_DAYS * 86_400_000).unwrap();
    Clock::new(now, Some(DateTime::from_millis(0)))
}

fn profile(values: [Option<i64>; 4]) -> Profile {
    Profile::new(values, clock())
}

fn scale_of(members: Moments, all: &Moments) -> Option<Scale> {
    Scale::new(members, all, clock())
}

fn values() -> impl Strategy<Value = [Option<i64>; 4]> {
    let days = prop::option::of(IDLE_DAYS..IDLE_DAYS + 400);
    (days, 0..20i64, 0..5_000_000i64, 0..300i64).prop_map(|(days, orders, spend, activities)| {
        [days, Some(orders), Some(spend), Some(activities)]
    })
}

fn profiles(max: usize) -> impl Strategy<Value = Vec<Profile>> {
    prop::collection::vec(values().prop_map(profile), 1..max)
}

fn moments<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Moments {
    let mut moments = Moments::default();
    for profile in profiles {
        moments.add(profile);
    }
    moments
}

fn nearest(scale: &Scale, profiles: &[(usize, &Profile)], limit: usize) -> Vec<(String, f64)> {
    let mut nearest = Nearest::new(limit);
    for (index, profile) in profiles {
        let id = format!("c-{index:03}");
        nearest.offer(scale.distance(profile), &id, (*profile).clone());
    }
    let found = nearest.into_vec().into_iter();
    found.map(|found| (found.id, found.distance)).collect()
}

proptest! {
    #[test]
    fn customers_equal_to_the_mean_have_distance_zero(member in values(), others in profiles(20)) {
        let member = profile(member);
        let all = moments(others.iter().chain([&member; 3]));
        let scale = scale_of(moments([&member; 3]), &all).unwrap();
        prop_assert_eq!(scale.distance(&member), 0.0);
        for other in &others {
            let varies = |f| other.scaled(f) != member.scaled(f);
            let differs = Feature::ALL.into_iter().any(varies);
            prop_assert_eq!(scale.distance(other) > 0.0, differs);
        }
    }

    #[test]
    fn order_does_not_matter(members in profiles(20), others in profiles(40), limit in 0..30usize) {
        let outside: Vec<_> = others.iter().enumerate().collect();
        let backwards: Vec<_> = outside.iter().rev().copied().collect();
        let all = moments(members.iter().chain(&others));
        let scale = scale_of(moments(&members), &all).unwrap();
        let reversed = moments(others.iter().rev().chain(members.iter().rev()));
        let reversed = scale_of(moments(members.iter().rev()), &reversed).unwrap();
        let found = nearest(&scale, &outside, limit);
        prop_assert_eq!(&found, &nearest(&reversed, &backwards, limit));
        let mut all = nearest(&scale, &outside, others.len());
        prop_assert!(all.is_sorted_by_key(|(_, distance)| *distance));
        all.truncate(limit);
        prop_assert_eq!(found, all);
    }

    #[test]
    fn the_mean_of_equal_customers_is_their_value(member in values()) {
        let member = profile(member);
        let members = moments([&member; 7]);
        for feature in Feature::ALL {
            let (value, typical) = (member.value(feature), members.typical(feature, clock()));
            prop_assert_eq!(value.is_some(), typical.is_some());
            if let (Some(value), Some(typical)) = (value, typical) {
                let off = (typical - value as f64).abs();
                prop_assert!(off <= 1e-6 * (1.0 + typical), "{feature:?}: {value} {typical}");
            }
        }
    }
}

#[test]
fn a_feature_equal_for_all_customers_is_left_out() {
    let one = profile([None, Some(0), Some(0), Some(5)]);
    let other = profile([None, Some(0), Some(0), Some(9)]);
    let scale = scale_of(moments([&one]), &moments([&one, &other])).unwrap();
    let differences = Feature::ALL.map(|feature| scale.difference(&other, feature));
    assert_eq!(differences[..3], [None; 3]);
    // Each of two values is one standard deviation from their mean, so they are two
    // apart.
    assert!((differences[3].unwrap() - 2.0).abs() < 1e-9);
    assert!((scale.distance(&other) - 2.0).abs() < 1e-9);
    let alone = scale_of(moments([&one]), &moments([&one])).unwrap();
    assert_eq!(alone.distance(&one), 0.0);
    assert!(scale_of(moments([]), &moments([&one])).is_none());
}

#[test]
fn the_most_similar_feature_comes_first_with_a_signed_difference() {
    let member = profile([Some(IDLE_DAYS + 10), Some(4), Some(40_000), Some(3)]);
    let near = profile([Some(IDLE_DAYS + 10), Some(3), Some(90_000), Some(0)]);
    let all = moments([&member, &near, &profile([None, Some(9), Some(1), Some(90)])]);
    let scale = scale_of(moments([&member]), &all).unwrap();
    let all = scale.differences(&near);
    assert_eq!((all[0].feature, all[0].difference), (Feature::Recency, 0.0));
    let signs = all
        .iter()
        .map(|likeness| (likeness.feature, likeness.difference.signum()));
    let signs: std::collections::BTreeMap<_, _> = signs.collect();
    assert_eq!(signs[&Feature::Frequency], -1.0);
    assert_eq!(signs[&Feature::Spend], 1.0);
    assert_eq!(signs[&Feature::Activity], -1.0);
    assert!(all.is_sorted_by_key(|likeness| likeness.difference.abs()));
}
