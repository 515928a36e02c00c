//! Generator of customers, orders and activity. Everything follows from the plan
//! of the load: its seed and its day.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Utc};
use domain::rules::{ActivityFacts, CustomerFacts};
use domain::{
    ActivityContent, ActivityId, AddressChanges, Amount, AmountError, AttributeChanges,
    AttributeValue, Attributes, Change, Currency, CustomerChanges, CustomerId, DemoPlan, Email,
    IdError, Name, OrderContent, OrderId, OrderItem, OrderStatus, Phone, ProfileChanges,
    RenderError, TemplateError, Text, TextError, Timestamp, TimestampError,
};

use crate::catalog::ARTICLES;
use crate::people::Person;
use crate::random::Random;

/// Seed of new loads. Another version of the generator needs another seed, so
/// that it does not continue a load of this one.
pub const SEED: u64 = 1;

/// Number of customers.
pub const CUSTOMERS: usize = 5_000;

/// Number of orders.
pub const ORDERS: usize = 20_000;

/// Number of activities.
pub const ACTIVITIES: usize = 30_000;

/// Period of the data: two years, in days.
const DAYS: u64 = 730;

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

/// Relative number of orders and visits in each hour of the day.
const HOURS: [u64; 24] = [
    3, 2, 1, 1, 1, 2, 5, 9, 12, 14, 15, 16, 17, 15, 14, 15, 16, 18, 22, 26, 28, 24, 15, 7,
];

/// Relative number of orders in each month.
const MONTHS: [u64; 12] = [62, 58, 70, 82, 88, 94, 90, 72, 74, 78, 118, 126];

/// Relative number of orders on each day of the week, beginning with Monday.
const WEEKDAYS: [u64; 7] = [92, 88, 86, 90, 96, 112, 126];

/// Number of days that are tried for a time in season. More than enough: most
/// are accepted at once.
const TRIES: usize = 30;

/// Value that the generator made although the domain does not accept it.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// A text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// An amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A time.
    #[error(transparent)]
    Time(#[from] TimestampError),
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A template that cannot be prepared.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Rules.
    #[error("{0}")]
    Rules(String),
}

/// Made customer with all orders and activity.
#[derive(Debug, Clone, PartialEq)]
pub struct ShopCustomer {
    /// Id of the customer.
    pub id: CustomerId,
    /// Data of the customer.
    pub changes: CustomerChanges,
    /// Orders, the oldest first.
    pub orders: Vec<(OrderId, OrderContent)>,
    /// Activity, the oldest first.
    pub activities: Vec<(ActivityId, ActivityContent)>,
}

/// The demo shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Shop {
    /// All customers.
    pub customers: Vec<ShopCustomer>,
}

/// How a customer behaves.
struct Habits {
    /// First day of the customer, counted from the beginning of the period.
    first_day: u64,
    /// Day on which the customer stops, excluded.
    end_day: u64,
    /// Relative number of orders.
    orders: u64,
    /// Relative number of activities.
    activities: u64,
}

impl Shop {
    /// Makes the shop of this plan, with prices in this currency.
    ///
    /// # Errors
    /// [`Invalid`] for a value that the domain does not accept.
    pub fn new(plan: DemoPlan, currency: Currency) -> Result<Self, Invalid> {
        let mut customers = Vec::with_capacity(CUSTOMERS);
        let mut habits = Vec::with_capacity(CUSTOMERS);
        for number in 1..=CUSTOMERS {
            let mut random = Random::new(plan.seed, number as u64);
            let of_one = Habits::new(&mut random);
            let registered_at = time(plan, of_one.first_day, &mut random)?;
            customers.push(ShopCustomer {
                id: CustomerId::try_from(format!("demo-{number:04}"))?,
                changes: changes(&mut random, number, registered_at)?,
                orders: Vec::new(),
                activities: Vec::new(),
            });
            habits.push(of_one);
        }
        let mut shop = Self { customers };
        shop.add_orders(plan, currency, &habits)?;
        shop.add_activities(plan, &habits)?;
        Ok(shop)
    }

    fn add_orders(
        &mut self,
        plan: DemoPlan,
        currency: Currency,
        habits: &[Habits],
    ) -> Result<(), Invalid> {
        let mut random = Random::new(plan.seed, 1 << 32);
        let counts = shares(&mut random, ORDERS, habits.iter().map(|one| one.orders));
        let mut number = 0;
        for ((customer, habits), count) in self.customers.iter_mut().zip(habits).zip(counts) {
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                let day = habits.day_in_season(plan, &mut random);
                times.push(time(plan, day, &mut random)?.max(registered(customer)));
            }
            times.sort_unstable();
            for placed_at in times {
                number += 1;
                let id = OrderId::try_from(format!("demo-{number:05}"))?;
                let order = order(&mut random, plan, currency, placed_at)?;
                customer.orders.push((id, order));
            }
        }
        Ok(())
    }

    fn add_activities(&mut self, plan: DemoPlan, habits: &[Habits]) -> Result<(), Invalid> {
        let mut random = Random::new(plan.seed, 2 << 32);
        let weights = habits.iter().map(|one| one.activities);
        let counts = shares(&mut random, ACTIVITIES, weights);
        let mut number = 0;
        for ((customer, habits), count) in self.customers.iter_mut().zip(habits).zip(counts) {
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                // Recent activity is more frequent, since shops keep little of the old.
                let back = random.fraction().powi(2) * habits.length() as f64;
                let day = habits.end_day - 1 - (back as u64).min(habits.length() - 1);
                times.push(time(plan, day, &mut random)?.max(registered(customer)));
            }
            times.sort_unstable();
            for occurred_at in times {
                number += 1;
                let id = ActivityId::try_from(format!("demo-{number:05}"))?;
                let activity = activity(&mut random, occurred_at)?;
                customer.activities.push((id, activity));
            }
        }
        Ok(())
    }
}

impl Habits {
    fn new(random: &mut Random) -> Self {
        // The shop grows: of two days, the later one in a third of cases.
        let day = random.below(DAYS);
        let first_day = match random.chance(35) {
            true => day.max(random.below(DAYS)),
            false => day,
        };
        let end_day = match random.chance(38) {
            true => random.between(first_day, DAYS - 1) + 1,
            false => DAYS,
        };
        // Many buy once or never, and a few buy often.
        const BUYERS: [u64; 5] = [22, 36, 26, 12, 4];
        let frequency = [0, 1, 4, 10, 28][random.weighted(&BUYERS)];
        let tenure = 120 + 880 * (end_day - first_day) / DAYS;
        Self {
            first_day,
            end_day,
            orders: frequency * tenure,
            activities: (2 + frequency) * tenure,
        }
    }

    fn length(&self) -> u64 {
        self.end_day - self.first_day
    }

    /// Returns a day, more often one of a strong month or a weekend.
    fn day_in_season(&self, plan: DemoPlan, random: &mut Random) -> u64 {
        let mut day = self.first_day;
        for _ in 0..TRIES {
            day = self.first_day + random.below(self.length());
            let date = DateTime::<Utc>::from(plan.until) - chrono::Days::new(DAYS - day);
            let month = MONTHS[date.month0() as usize % MONTHS.len()];
            let weekday = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
            if random.below(126 * 126) < month * weekday {
                break;
            }
        }
        day
    }
}

/// Divides `count` at random, in proportion to the weights.
fn shares(random: &mut Random, count: usize, weights: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut sum = 0;
    let ends: Vec<u64> = weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    let mut counts = vec![0; ends.len()];
    for _ in 0..count {
        let point = random.below(sum);
        counts[ends.partition_point(|end| *end <= point)] += 1;
    }
    counts
}

/// Returns a time on a day of the period.
fn time(plan: DemoPlan, day: u64, random: &mut Random) -> Result<Timestamp, Invalid> {
    let midnight = plan.until.millis() - (DAYS - day) as i64 * DAY;
    let hour = random.weighted(&HOURS) as i64;
    let within = random.below(HOUR as u64) as i64;
    Ok(Timestamp::from_millis(midnight + hour * HOUR + within)?)
}

fn registered(customer: &ShopCustomer) -> Timestamp {
    let at = customer.changes.registered_at;
    at.or(None).unwrap_or(Timestamp::EPOCH)
}

fn changes(
    random: &mut Random,
    number: usize,
    registered_at: Timestamp,
) -> Result<CustomerChanges, Invalid> {
    let person = Person::new(random, number);
    // A few customers are incomplete, as in every shop: without a name, or without
    // any address.
    let has_name = !random.chance(2);
    let has_address = !random.chance(3);
    let name = has_name.then(|| Text::try_from(person.name)).transpose()?;
    let email = has_address.then(|| Email::try_from(person.email));
    let phone = person.phone.filter(|_| has_address).map(Phone::try_from);
    let tags = tags(random)?;
    let profile = ProfileChanges {
        name: set(name),
        email: set(email.transpose()?),
        phone: set(phone.transpose()?),
        attributes: Change::Set(attributes(random)?),
    };
    Ok(CustomerChanges {
        profile,
        addresses: AddressChanges::default(),
        city: Change::Set(Text::try_from(person.city.to_owned())?),
        country: Change::Set(Text::try_from(person.country.to_owned())?),
        tags: set((!tags.is_empty()).then_some(tags)),
        registered_at: Change::Set(registered_at),
        unsubscribed: set(random.chance(7).then_some(true)),
        consent: None,
        updated_at: None,
    })
}

fn set<T>(value: Option<T>) -> Change<T> {
    value.map_or(Change::Keep, Change::Set)
}

fn tags(random: &mut Random) -> Result<BTreeSet<Text<64>>, Invalid> {
    const TAGS: [(&str, u64); 5] = [
        ("newsletter", 46),
        ("app", 24),
        ("store-card", 16),
        ("gift-buyer", 9),
        ("trade", 3),
    ];
    let mut tags = BTreeSet::new();
    for (tag, percent) in TAGS {
        if random.chance(percent) {
            tags.insert(Text::try_from(tag.to_owned())?);
        }
    }
    Ok(tags)
}

fn attributes(random: &mut Random) -> Result<AttributeChanges, Invalid> {
    let tier = ["bronze", "silver", "gold"][random.weighted(&[68, 24, 8])];
    let article = random.pick(&ARTICLES);
    let mut attributes = vec![
        ("loyalty_tier", text(tier)?),
        ("favorite_category", text(article.category)?),
    ];
    if random.chance(40) {
        let size = random.between(36, 47) as i64;
        attributes.push(("shoe_size", AttributeValue::Integer(size)));
    }
    if random.chance(25) {
        let score = random.weighted(&[1, 1, 1, 1, 2, 3, 5, 9, 14, 12, 9]) as i64;
        attributes.push(("satisfaction", AttributeValue::Integer(score)));
    }
    let attributes = attributes.into_iter();
    let attributes =
        attributes.map(|(key, value)| Ok((Name::try_from(key.to_owned())?, Change::Set(value))));
    attributes.collect()
}

fn text(value: &str) -> Result<AttributeValue, Invalid> {
    Ok(AttributeValue::Text(Text::try_from(value.to_owned())?))
}

fn order(
    random: &mut Random,
    plan: DemoPlan,
    currency: Currency,
    placed_at: Timestamp,
) -> Result<OrderContent, Invalid> {
    let demand = ARTICLES.each_ref().map(|article| article.demand);
    let lines = 1 + random.weighted(&[52, 28, 14, 6]);
    let mut items = BTreeMap::new();
    for _ in 0..lines {
        let quantity = 1 + random.weighted(&[78, 17, 5]) as u32;
        *items.entry(random.weighted(&demand)).or_insert(0_u32) += quantity;
    }
    let mut amount = 0;
    let mut content = Vec::with_capacity(items.len());
    for (article, quantity) in items {
        let article = &ARTICLES[article];
        amount += article.price * i64::from(quantity);
        content.push(OrderItem {
            sku: Text::try_from(article.sku.to_owned())?,
            name: Some(Text::try_from(article.name.to_owned())?),
            quantity: std::num::NonZeroU32::MIN.saturating_add(quantity.saturating_sub(1)),
            unit_amount: Some(Amount::try_from(article.price)?),
        });
    }
    // It takes days until an order is cancelled, and weeks until it comes back.
    let age = plan.until.millis() - placed_at.millis();
    let status = match random.below(100) {
        0..4 if age > 2 * DAY => OrderStatus::Cancelled,
        4..9 if age > 14 * DAY => OrderStatus::Refunded,
        _ => OrderStatus::Placed,
    };
    Ok(OrderContent {
        amount: Amount::try_from(amount)?,
        refunded_amount: Amount::default(),
        currency,
        placed_at,
        status,
        items: content,
        updated_at: None,
    })
}

fn activity(random: &mut Random, occurred_at: Timestamp) -> Result<ActivityContent, Invalid> {
    const KINDS: [&str; 6] = [
        "visit",
        "product_viewed",
        "cart_filled",
        "email_opened",
        "wishlist_added",
        "review_written",
    ];
    let kind = KINDS[random.weighted(&[46, 21, 12, 14, 4, 3])];
    let article = random.pick(&ARTICLES);
    let properties = match kind {
        "visit" => vec![(
            "page",
            text(random.pick(&["/", "/sale", "/new", "/guides"]))?,
        )],
        "email_opened" => vec![(
            "email",
            text(random.pick(&["newsletter", "order", "offer"]))?,
        )],
        "review_written" => vec![
            ("sku", text(article.sku)?),
            (
                "stars",
                AttributeValue::Integer(random.between(2, 5) as i64),
            ),
        ],
        _ => vec![
            ("sku", text(article.sku)?),
            ("category", text(article.category)?),
        ],
    };
    let properties = properties.into_iter();
    let properties: Result<Attributes, TextError> = properties
        .map(|(key, value)| Ok((Name::try_from(key.to_owned())?, value)))
        .collect();
    Ok(ActivityContent {
        name: Name::try_from(kind.to_owned())?,
        occurred_at,
        properties: properties?,
        updated_at: None,
    })
}

impl ShopCustomer {
    /// Returns what rules see of the customer once everything is recorded.
    pub fn facts(&self) -> CustomerFacts {
        let changes = self.changes.clone();
        let attributes = changes.profile.attributes.or(None).unwrap_or_default();
        let attributes = attributes.into_iter().filter_map(|(key, change)| {
            let value = change.or(None)?;
            Some((String::from(key), value))
        });
        let counted = self.orders.iter().map(|(_, order)| order.figures());
        let counted: Vec<_> = counted.filter(|figures| figures.counts()).collect();
        let total_spend = counted.iter().map(|figures| figures.net_amount()).sum();
        let order_count = counted.len() as i64;
        CustomerFacts {
            name: changes.profile.name.or(None).map(String::from),
            email: changes.profile.email.or(None).map(String::from),
            phone: changes.profile.phone.or(None).map(String::from),
            city: changes.city.or(None).map(String::from),
            country: changes.country.or(None).map(String::from),
            tags: changes
                .tags
                .or(None)
                .unwrap_or_default()
                .into_iter()
                .map(String::from)
                .collect(),
            attributes: attributes.collect(),
            registered_at: changes.registered_at.or(None),
            unsubscribed: changes.unsubscribed.or(None).unwrap_or_default(),
            total_spend,
            order_count,
            average_order_value: average(total_spend, order_count),
            first_order_at: counted.iter().map(|figures| figures.placed_at).min(),
            last_order_at: counted.iter().map(|figures| figures.placed_at).max(),
            events: self.activity_facts(),
        }
    }

    fn activity_facts(&self) -> BTreeMap<String, ActivityFacts> {
        let mut facts: BTreeMap<String, ActivityFacts> = BTreeMap::new();
        for (_, activity) in &self.activities {
            let of_name = facts.entry(activity.name.as_str().to_owned()).or_default();
            of_name.count += 1;
            of_name.last_at = of_name.last_at.max(Some(activity.occurred_at));
        }
        facts
    }
}

/// Returns the average as the view `customers` rounds it, half up.
fn average(total: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| total / count + i64::from(total % count * 2 >= count))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plan(day: &str) -> DemoPlan {
        DemoPlan {
            seed: SEED,
            until: Timestamp::try_from(format!("{day}T00:00:00Z").as_str()).unwrap(),
        }
    }

    fn shop(day: &str) -> Shop {
        Shop::new(plan(day), Currency::try_from("EUR").unwrap()).unwrap()
    }

    fn orders(shop: &Shop) -> impl Iterator<Item = &OrderContent> {
        let customers = shop.customers.iter();
        customers.flat_map(|customer| customer.orders.iter().map(|(_, order)| order))
    }

    #[test]
    fn the_same_plan_gives_the_same_shop() {
        let (one, same) = (shop("2026-11-23"), shop("2026-11-23"));
        assert!(one == same);
        assert!(one != shop("2026-11-24"));
    }

    #[test]
    fn the_shop_has_its_fixed_size_and_unique_ids() {
        let shop = shop("2026-11-23");
        assert_eq!(shop.customers.len(), CUSTOMERS);
        assert_eq!(orders(&shop).count(), ORDERS);
        let activities: usize = shop.customers.iter().map(|c| c.activities.len()).sum();
        assert_eq!(activities, ACTIVITIES);
        let ids: HashSet<&str> = shop.customers.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids.len(), CUSTOMERS);
    }

    #[test]
    fn no_address_can_belong_to_anyone() {
        let mut addresses = HashSet::new();
        for customer in shop("2026-11-23").customers {
            let facts = customer.facts();
            if let Some(email) = facts.email {
                assert!(email.ends_with(".example"), "{email}");
                assert!(addresses.insert(email));
            }
            if let Some(phone) = facts.phone {
                let is_fictional =
                    phone.starts_with("+120255501") || phone.starts_with("+447700900");
                assert!(is_fictional, "{phone}");
            }
        }
        assert!(addresses.len() > CUSTOMERS * 9 / 10);
    }

    #[test]
    fn everything_happens_within_two_years_before_the_day_of_the_load() {
        let until = plan("2026-11-23").until;
        let from = Timestamp::from_millis(until.millis() - DAYS as i64 * DAY).unwrap();
        for customer in shop("2026-11-23").customers {
            let registered = registered(&customer);
            assert!((from..until).contains(&registered));
            let placed = customer.orders.iter().map(|(_, order)| order.placed_at);
            let occurred = customer.activities.iter().map(|(_, done)| done.occurred_at);
            for at in placed.chain(occurred) {
                assert!(registered <= at && at < until, "{at}");
            }
        }
    }

    #[test]
    fn the_shop_looks_like_one() {
        let shop = shop("2026-11-23");
        let share = |count: usize, of: usize| count * 100 / of;
        let repeat = shop.customers.iter().filter(|c| c.orders.len() > 1).count();
        assert!((30..=75).contains(&share(repeat, CUSTOMERS)), "{repeat}");
        let with = |status| orders(&shop).filter(|o| o.status == status).count();
        for status in [OrderStatus::Cancelled, OrderStatus::Refunded] {
            let count = with(status);
            assert!(
                (2..=7).contains(&share(count, ORDERS)),
                "{status:?} {count}"
            );
        }
        let unsubscribed = shop.customers.iter().filter(|c| c.facts().unsubscribed);
        let unsubscribed = unsubscribed.count();
        assert!(
            (4..=10).contains(&share(unsubscribed, CUSTOMERS)),
            "{unsubscribed}"
        );
        let in_month = |month: u32| {
            let month_of = |order: &&OrderContent| DateTime::<Utc>::from(order.placed_at).month();
            orders(&shop)
                .filter(|order| month_of(order) == month)
                .count()
        };
        assert!(in_month(12) > in_month(2), "December is the strong month");
    }
}
