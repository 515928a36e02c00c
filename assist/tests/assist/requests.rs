//! Share of requests that the builtin engine reads correctly.

use assist::builtin::{self, NotUnderstood, Understood};
use domain::rules::{CustomerFacts, Rules};

use crate::population::{now, population};
use crate::store::{FACTS, Request, requests};

/// Result of a request, compared with the expected rules.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    Right,
    Refused,
    Wrong,
}

/// Percentage of the requests expressible as rules that must be read correctly.
const SHARE: usize = 85;

type Read = Result<Understood, NotUnderstood>;

fn who<'p>(rules: &Rules, people: &'p [CustomerFacts]) -> Vec<&'p CustomerFacts> {
    let asked = rules.at(now());
    people.iter().filter(|facts| asked.matches(facts)).collect()
}

fn outcome(request: &Request, read: &Read, people: &[CustomerFacts]) -> Outcome {
    match (read, request.rules()) {
        (Err(_), _) => Outcome::Refused,
        (Ok(_), None) => Outcome::Wrong,
        (Ok(read), Some(meant)) => {
            let meant = who(&meant, people);
            assert!(
                !meant.is_empty(),
                "{:?} matches no customer",
                request.prompt
            );
            match who(&read.rules, people) == meant {
                true => Outcome::Right,
                false => Outcome::Wrong,
            }
        }
    }
}

#[test]
fn requests_are_read_correctly_or_rejected() {
    let requests = requests();
    let read: Vec<Read> = requests
        .iter()
        .map(|r| builtin::rules(&r.prompt, &FACTS))
        .collect();
    let mut all: Vec<Rules> = requests.iter().filter_map(Request::rules).collect();
    all.extend(read.iter().flatten().map(|read| read.rules.clone()));
    let people = population(&all);
    let (mut right, mut possible) = (0, 0);
    let mut wrong = Vec::new();
    for (request, read) in requests.iter().zip(&read) {
        let outcome = outcome(request, read, &people);
        if outcome == Outcome::Wrong {
            wrong.push((&request.prompt, read));
        }
        if request.rules().is_some() {
            possible += 1;
            right += usize::from(outcome == Outcome::Right);
            if outcome == Outcome::Refused {
                eprintln!("refused: {:?} {read:?}", request.prompt);
            }
        }
    }
    eprintln!("{right} of {possible} are correct");
    assert!(wrong.is_empty(), "wrong and confident: {wrong:#?}");
    assert!(possible >= 120, "there are enough requests");
    assert!(right * 100 >= possible * SHARE, "{right} of {possible}");
}

#[test]
fn words_that_are_not_understood_are_quoted() {
    for request in requests() {
        let Err(refused) = builtin::rules(&request.prompt, &FACTS) else {
            continue;
        };
        for word in &refused.words {
            assert!(
                request.prompt.contains(word),
                "{word:?} of {:?}",
                request.prompt
            );
        }
        assert!(!refused.reason.is_empty());
        assert!(
            !refused.words.is_empty() || request.prompt.is_empty(),
            "{:?}",
            request.prompt
        );
        let quoted = refused.words.join(" ");
        for word in request.refused.iter().flatten() {
            assert!(
                quoted.contains(word),
                "{:?}: {word:?} not in {quoted:?}",
                request.prompt
            );
        }
    }
}

#[test]
fn the_population_distinguishes_similar_rules() {
    let rules: Vec<Rules> = requests().iter().filter_map(Request::rules).collect();
    let people = population(&rules);
    for [one, other] in [
        ["visits = 2", "visits >= 2"],
        ["total_spend > 1000000", "total_spend >= 1000000"],
        ["days_since_last_order > 90", "days_since_last_order >= 90"],
        [
            "days_since_last_order > 90",
            "days_since_last_order > 90 OR last_order_at null",
        ],
        ["last_order_at < 2026-03-01", "last_order_at <= 2026-03-01"],
        ["tags contains \"vip\"", "tags contains \"gold\""],
    ] {
        let differ = who(&one.parse().unwrap(), &people) != who(&other.parse().unwrap(), &people);
        assert!(differ, "{one} and {other}");
    }
}
