//! Phrases with dates: `since March 2026`, `in 2025`.

use chrono::{Datelike, Days, Months, NaiveDate};
use domain::rules::Operator;

use super::quantities::{Bound, Readings};
use super::words::{TokenCursor, TokenKind};

const JOINTS: &[&str] = &["and", "to", "until", "-"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Range of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Period {
    first: NaiveDate,
    last: NaiveDate,
}

impl Period {
    fn of(day: NaiveDate) -> Self {
        Self {
            first: day,
            last: day,
        }
    }
}

/// Reads a time by dates: `since 1 March 2026`, `in 2025`, `between … and …`.
pub(super) fn dates(mut cursor: TokenCursor<'_>) -> Readings {
    let bound = bound(&mut cursor).map(|bound| (vec![bound], cursor.at));
    bound.into_iter().collect()
}

fn bound(cursor: &mut TokenCursor<'_>) -> Option<Bound> {
    let one = |operator, day: NaiveDate| Bound {
        operator,
        values: vec![day.to_string().into()],
    };
    Some(match () {
        () if cursor.take_any(&["since", "on or after"]) => {
            cursor.take_any(&["the start of", "the beginning of"]);
            one(Operator::AtLeast, period(cursor)?.first)
        }
        () if cursor.take("on or before") => one(Operator::AtMost, period(cursor)?.last),
        () if cursor.take("after") => one(Operator::Greater, period(cursor)?.last),
        () if cursor.take("before") => one(Operator::Less, period(cursor)?.first),
        () if cursor.take_any(&["between", "from"]) => range(cursor)?,
        () if cursor.take_any(&["in", "on", "during"]) => {
            let period = period(cursor)?;
            Bound::between(period.first.to_string(), period.last.to_string())
        }
        () => return None,
    })
}

fn range(cursor: &mut TokenCursor<'_>) -> Option<Bound> {
    let mut ahead = *cursor;
    let Some(from) = period(&mut ahead) else {
        return within_a_year(cursor);
    };
    let joined = ahead.take_any(JOINTS);
    let to = period(&mut ahead).filter(|_| joined)?;
    *cursor = ahead;
    Some(Bound::between(from.first.to_string(), to.last.to_string()))
}

/// Reads a range whose year is given only once: `January and March 2026`.
fn within_a_year(cursor: &mut TokenCursor<'_>) -> Option<Bound> {
    let (day, month) = (day(cursor), month(cursor)?);
    let joined = cursor.take_any(JOINTS);
    let to = period(cursor).filter(|_| joined)?;
    let from = NaiveDate::from_ymd_opt(to.last.year(), month, day.unwrap_or(1))?;
    // Both ends must be months or both must be days.
    let is_month = to.first.month() == to.last.month();
    let fits = is_month && day.is_some() == (to.first == to.last) && from <= to.first;
    fits.then(|| Bound::between(from.to_string(), to.last.to_string()))
}

/// Reads a day, a month or a year of the calendar.
fn period(cursor: &mut TokenCursor<'_>) -> Option<Period> {
    if let Some(TokenKind::Date(day)) = cursor.peek() {
        cursor.next();
        return Some(Period::of(*day));
    }
    cursor.take("the");
    let day = day(cursor);
    if day.is_some() {
        cursor.take("of");
    }
    match (day, month(cursor)) {
        (day, Some(month)) => month_and_year(cursor, day, month),
        (None, None) => whole(year(cursor)?, 1, 12),
        (Some(_), None) => None,
    }
}

/// Reads the words after a month: `March 2026`, `March 15, 2026`.
fn month_and_year(cursor: &mut TokenCursor<'_>, before: Option<u32>, month: u32) -> Option<Period> {
    let day = before.or_else(|| day(cursor));
    cursor.take(",");
    let year = year(cursor)?;
    match day {
        None => whole(year, month, 1),
        Some(day) => NaiveDate::from_ymd_opt(year, month, day).map(Period::of),
    }
}

/// Returns a period of whole months.
fn whole(year: i32, month: u32, months: u32) -> Option<Period> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let next = first.checked_add_months(Months::new(months))?;
    let last = next.checked_sub_days(Days::new(1))?;
    Some(Period { first, last })
}

fn day(cursor: &mut TokenCursor<'_>) -> Option<u32> {
    let Some(TokenKind::Number(text)) = cursor.peek() else {
        return None;
    };
    let day = text.parse().ok().filter(|day| (1..=31).contains(day))?;
    cursor.next();
    if cursor.is_joined() {
        cursor.take_any(&["st", "nd", "rd", "th"]);
    }
    Some(day)
}

fn month(cursor: &mut TokenCursor<'_>) -> Option<u32> {
    let word = cursor.word()?;
    let is_short =
        |month: &str| month.get(..3) == Some(word) || word == "sept" && month == "september";
    let index = MONTHS
        .iter()
        .position(|month| *month == word || is_short(month))?;
    cursor.next();
    u32::try_from(index + 1).ok()
}

/// Reads a year from 1900 to 2100.
fn year(cursor: &mut TokenCursor<'_>) -> Option<i32> {
    let Some(TokenKind::Number(text)) = cursor.peek() else {
        return None;
    };
    let year = text
        .parse()
        .ok()
        .filter(|year| (1900..=2100).contains(year))?;
    cursor.next();
    Some(year)
}
