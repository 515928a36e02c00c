//! Summary of a campaign's figures.

use crate::figures::DeliveryRate;
use crate::money::{grouped, written};
use crate::{Bracket, CampaignResults};

/// Summarizes a campaign's results: "Reached 1,284 customers, 1,140 delivered (89%);
/// customers above ₹10,000.00 had 95% delivery." All numbers are figures of the campaign.
pub fn summary(figures: &CampaignResults) -> String {
    if figures.audience == 0 {
        return "No customers matched this campaign.".to_owned();
    }
    let mut parts = vec![reached(figures)];
    parts.extend(left(figures));
    parts.extend(figures.brackets.iter().filter_map(|b| bracket(b, figures)));
    let text = parts.join("; ");
    format!("{text}.")
}

fn reached(figures: &CampaignResults) -> String {
    let sent = number(figures.sent);
    let customers = match figures.sent {
        1 => "customer",
        _ => "customers",
    };
    match DeliveryRate::of(figures.delivered, figures.sent) {
        None => format!(
            "None of the {} customers were reached",
            number(figures.audience)
        ),
        Some(rate) => {
            let delivered = number(figures.delivered);
            let rate = rate.written().map(|rate| format!(" ({rate})"));
            let rate = rate.unwrap_or_default();
            format!("Reached {sent} {customers}, {delivered} delivered{rate}")
        }
    }
}

/// Describes the messages that were not delivered.
fn left(figures: &CampaignResults) -> Option<String> {
    let counts = [
        (figures.failed, "failed"),
        (figures.suppressed, "suppressed"),
        (figures.pending, "still pending"),
    ];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = some
        .map(|(count, word)| format!("{} {word}", number(*count)))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn bracket(bracket: &Bracket, figures: &CampaignResults) -> Option<String> {
    let money = |minor: i64| written(figures.currency, minor);
    let who = match (bracket.above, bracket.up_to) {
        (Some(above), None) => format!("above {}", money(above)),
        (None, Some(up_to)) => format!("up to {}", money(up_to)),
        (Some(above), Some(up_to)) => format!("above {} up to {}", money(above), money(up_to)),
        (None, None) => return None,
    };
    let rate = bracket.rate()?.written()?;
    Some(format!("customers {who} had {rate} delivery"))
}

fn number(count: u64) -> String {
    grouped(&count.to_string())
}
