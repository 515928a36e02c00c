//! Lengths of time and dates: `more than 3 months ago`, `since March 2026`.

use chrono::{Days, Months, NaiveDate};
use domain::rules::Operator;

use super::numbers::number;
use super::quantities::{Bound, Readings, comparisons};
use super::words::{Cursor, Kind};

/// What is counted in, in days.
const UNITS: [(&[&str], i64); 5] = [
    (&["day", "days"], 1),
    (&["week", "weeks", "wk", "wks"], 7),
    (&["fortnight", "fortnights"], 14),
    (&["month", "months"], 30),
    (&["year", "years", "yr", "yrs"], 365),
];

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

fn unit(cursor: &mut Cursor<'_>) -> Option<i64> {
    let word = cursor.word()?;
    let (_, days) = UNITS.iter().find(|(words, _)| words.contains(&word))?;
    cursor.next();
    Some(*days)
}

/// `90 days`, `three months`, `a year`, in days.
pub(super) fn span(cursor: &mut Cursor<'_>) -> Option<(i64, bool)> {
    let mut ahead = *cursor;
    let count = match number(&mut ahead) {
        Some(number) => number.whole()?,
        None => {
            let is_one = ahead.take_any(&["a", "an"]);
            is_one.then_some(1)?
        }
    };
    let days = count.checked_mul(unit(&mut ahead)?)?;
    *cursor = ahead;
    Some((days, false))
}

/// `in the last 30 days`, `within the past week`, in days.
pub(super) fn within(mut cursor: Cursor<'_>) -> Option<(i64, usize)> {
    cursor.take_any(&["in", "within", "over", "during", "for", "from", "since"]);
    let the = cursor.take("the");
    if !cursor.take_any(&["last", "past", "previous"]) {
        return None;
    }
    // "last month" is one of the calendar, "the last month" ends today.
    let (days, _) = match span(&mut cursor) {
        Some(span) => span,
        None => (unit(&mut cursor).filter(|_| the)?, false),
    };
    Some((days, cursor.at))
}

/// How recently: in the last so many days, or less than so many ago.
pub(super) fn recently(cursor: Cursor<'_>) -> Readings {
    let mut readings = Vec::new();
    if let Some((days, end)) = within(cursor) {
        readings.push((vec![Bound::one(Operator::AtMost, days)], end));
    }
    let is_recent = |bounds: &Vec<Bound>| {
        let recent = |bound: &Bound| matches!(bound.operator, Operator::Less | Operator::AtMost);
        bounds.iter().all(recent)
    };
    readings.extend(
        ago(cursor)
            .into_iter()
            .filter(|(bounds, _)| is_recent(bounds)),
    );
    readings
}

/// How long ago, compared: `more than 90 days ago`, `30 to 60 days ago`.
pub(super) fn ago(cursor: Cursor<'_>) -> Readings {
    let mut readings = lengths(cursor);
    readings.retain_mut(|(_, end)| {
        let mut after = cursor.from(*end);
        let is_ago = after.take_any(&["ago", "back"]);
        *end = after.at;
        is_ago
    });
    readings
}

/// Lengths of time, compared, in days. In `30 to 60 days` and `90+ days` the
/// unit comes last.
pub(super) fn lengths(cursor: Cursor<'_>) -> Readings {
    let mut readings = comparisons(cursor, &span);
    for unit in UNITS.iter().map(|(_, days)| *days) {
        let of_unit = |cursor: &mut Cursor<'_>| {
            let count = number(cursor)?.whole()?.checked_mul(unit)?;
            Some((count, false))
        };
        let shared = comparisons(cursor, &of_unit)
            .into_iter()
            .filter_map(|(bounds, end)| {
                let mut after = cursor.from(end);
                let is_shared =
                    |bound: &Bound| matches!(bound.operator, Operator::Between | Operator::AtLeast);
                let fits = bounds.iter().all(is_shared);
                (fits && self::unit(&mut after)? == unit).then_some((bounds, after.at))
            });
        readings.extend(shared);
    }
    readings
}

/// For how long nothing happened: `in 3 months`, `for at least 90 days`, `in
/// the last year`. A length alone is exceeded.
pub(super) fn silence(mut cursor: Cursor<'_>) -> Readings {
    let mut readings = Vec::new();
    if let Some((days, end)) = within(cursor) {
        readings.push((vec![Bound::one(Operator::Greater, days)], end));
    }
    // "since 3 months" is said in India.
    if cursor.take_any(&["in", "for", "since"]) {
        let mut after = cursor;
        if let Some((days, _)) = span(&mut after) {
            readings.push((vec![Bound::one(Operator::Greater, days)], after.at));
        }
        let is_long = |(bounds, _): &(Vec<Bound>, usize)| {
            let operators = [Operator::Greater, Operator::AtLeast];
            bounds
                .iter()
                .all(|bound| operators.contains(&bound.operator))
        };
        readings.extend(lengths(cursor).into_iter().filter(is_long));
    }
    readings
}

/// Days from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Period {
    first: NaiveDate,
    last: NaiveDate,
}

/// When, by dates: `since 1 March 2026`, `in 2025`, `between … and …`.
pub(super) fn dates(mut cursor: Cursor<'_>) -> Readings {
    let one = |operator, day: NaiveDate| Bound {
        operator,
        values: vec![day.to_string().into()],
    };
    let both =
        |from: Period, to: Period| Bound::between(from.first.to_string(), to.last.to_string());
    let mut read = || -> Option<Bound> {
        Some(match () {
            () if cursor.take_any(&["since", "on or after"]) => {
                cursor.take_any(&["the start of", "the beginning of"]);
                one(Operator::AtLeast, period(&mut cursor)?.first)
            }
            () if cursor.take("on or before") => one(Operator::AtMost, period(&mut cursor)?.last),
            () if cursor.take("after") => one(Operator::Greater, period(&mut cursor)?.last),
            () if cursor.take("before") => one(Operator::Less, period(&mut cursor)?.first),
            () if cursor.take_any(&["between", "from"]) => {
                let from = period(&mut cursor)?;
                let joined = cursor.take_any(&["and", "to", "until", "-"]);
                both(from, period(&mut cursor).filter(|_| joined)?)
            }
            () if cursor.take_any(&["in", "on", "during"]) => {
                let period = period(&mut cursor)?;
                both(period, period)
            }
            () => return None,
        })
    };
    let bound = read();
    bound
        .map(|bound| (vec![bound], cursor.at))
        .into_iter()
        .collect()
}

/// A day, a month or a year of the calendar.
fn period(cursor: &mut Cursor<'_>) -> Option<Period> {
    if let Some(Kind::Date(day)) = cursor.peek() {
        cursor.next();
        return Some(Period {
            first: *day,
            last: *day,
        });
    }
    cursor.take("the");
    let day = day(cursor);
    if day.is_some() {
        cursor.take("of");
    }
    let Some(month) = month(cursor) else {
        let year = year(cursor).filter(|_| day.is_none())?;
        return whole(year, 1, 12);
    };
    let day = day.or_else(|| {
        let mut ahead = *cursor;
        let day = self::day(&mut ahead)?;
        *cursor = ahead;
        Some(day)
    });
    cursor.take(",");
    let year = year(cursor)?;
    match day {
        None => whole(year, month, 1),
        Some(day) => {
            let date = NaiveDate::from_ymd_opt(year, month, day)?;
            Some(Period {
                first: date,
                last: date,
            })
        }
    }
}

/// So many whole months.
fn whole(year: i32, month: u32, months: u32) -> Option<Period> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let next = first.checked_add_months(Months::new(months))?;
    let last = next.checked_sub_days(Days::new(1))?;
    Some(Period { first, last })
}

fn day(cursor: &mut Cursor<'_>) -> Option<u32> {
    let Some(Kind::Number(text)) = cursor.peek() else {
        return None;
    };
    let day = text.parse().ok().filter(|day| (1..=31).contains(day))?;
    cursor.next();
    if cursor.is_joined() {
        cursor.take_any(&["st", "nd", "rd", "th"]);
    }
    Some(day)
}

fn month(cursor: &mut Cursor<'_>) -> Option<u32> {
    let word = cursor.word()?;
    let is_short =
        |month: &str| month.get(..3) == Some(word) || word == "sept" && month == "september";
    let index = MONTHS
        .iter()
        .position(|month| *month == word || is_short(month))?;
    cursor.next();
    u32::try_from(index + 1).ok()
}

/// Four digits of our time.
fn year(cursor: &mut Cursor<'_>) -> Option<i32> {
    let Some(Kind::Number(text)) = cursor.peek() else {
        return None;
    };
    let year = text
        .parse()
        .ok()
        .filter(|year| (1900..=2100).contains(year))?;
    cursor.next();
    Some(year)
}
