//! A part of a month's points as bytes: the accounts whose hash ends alike, column by column, so that neighbours are alike.

use super::{Days, Points, Said, Told, Why};
use crate::fields::Outcome;
use crate::id::{FieldId, VisitorHash};
use crate::usage::pack::{PackError, Reader, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// More tellings in one part are damage.
const TELLINGS_MAX: usize = 1 << 24;

// What is said.
const UNMATCHED: u64 = 0;
const AMBIGUOUS: u64 = 1;
const NEVER_USED: u64 = 2;
const EXCLUDED: u64 = 3;
const TEXT: u64 = 4;
// From here on one number belongs to it, and from RATIO on two.
const COUNT: u64 = 5;
const INSTANT: u64 = 6;
const NUMBER: u64 = 7;
const RATIO: u64 = 8;
const CHANGE: u64 = 9;

/// In which of so many parts an account lies: with twice as many it lies in the same one, or in that many behind it.
#[must_use]
pub fn part_of(account: &str, parts: usize) -> usize {
    usize::try_from(VisitorHash::of(account).0 % parts.max(1) as u64).unwrap_or(0)
}

/// When, why and under which version something was told: few of them in a month.
type Occasion = (i64, Option<Why>, u64);

const fn occasion(told: &Told) -> Occasion {
    (told.at_s, told.why, told.version)
}

/// Packs points. Equal points have equal bytes.
#[must_use]
pub fn pack(points: &Points) -> Vec<u8> {
    let accounts: BTreeSet<&String> = points.keys().map(|(account, _)| account).collect();
    let fields: BTreeSet<&FieldId> = points.keys().map(|(_, field)| field).collect();
    let all =
        || points.values().flat_map(|days| days.iter().flat_map(|(day, told)| told.iter().map(move |t| (*day, t))));
    let occasions: BTreeSet<Occasion> = all().map(|(_, told)| occasion(told)).collect();
    let places =
        |occasions: &BTreeSet<Occasion>| -> BTreeMap<Occasion, u64> { occasions.iter().copied().zip(0..).collect() };
    let places = places(&occasions);
    let mut out = Writer::default();
    out.number(accounts.len() as u64);
    accounts.iter().for_each(|account| out.text(account));
    out.number(fields.len() as u64);
    fields.iter().for_each(|field| out.text(field.as_str()));
    out.number(occasions.len() as u64);
    let mut last = 0;
    for (at_s, why, version) in &occasions {
        out.signed(at_s.wrapping_sub(std::mem::replace(&mut last, *at_s)));
        out.number(why.map_or(0, |why| 1 + Why::ALL.iter().position(|one| *one == why).unwrap_or_default() as u64));
        out.number(*version);
    }
    out.number(points.len() as u64);
    let place = |ordered: Option<usize>| ordered.unwrap_or_default() as u64;
    for ((account, field), days) in points {
        out.number(place(accounts.iter().position(|one| *one == account)));
        out.number(place(fields.iter().position(|one| *one == field)));
        out.number(days.values().map(|told| told.len() as u64).sum());
    }
    let mut last = 0;
    out.signed_column(all().map(|(day, _)| i64::from(day) - std::mem::replace(&mut last, i64::from(day))));
    out.column(&all().map(|(_, told)| places.get(&occasion(told)).copied().unwrap_or_default()).collect::<Vec<_>>());
    let said: Vec<(u64, Option<u64>, Option<u64>)> = all().map(|(_, told)| numbers(&told.said)).collect();
    out.column(&said.iter().map(|(tag, ..)| *tag).collect::<Vec<_>>());
    out.column(&said.iter().filter_map(|(_, one, _)| *one).collect::<Vec<_>>());
    out.column(&said.iter().filter_map(|(.., other)| *other).collect::<Vec<_>>());
    for (_, told) in all() {
        if let Said::Of(Outcome::Text(text)) = &told.said {
            out.text(text);
        }
    }
    out.finish()
}

const fn numbers(said: &Said) -> (u64, Option<u64>, Option<u64>) {
    match said {
        Said::Unmatched => (UNMATCHED, None, None),
        Said::Ambiguous => (AMBIGUOUS, None, None),
        Said::Of(Outcome::NeverUsed) => (NEVER_USED, None, None),
        Said::Of(Outcome::Excluded) => (EXCLUDED, None, None),
        Said::Of(Outcome::Text(_)) => (TEXT, None, None),
        Said::Of(Outcome::Count(count)) => (COUNT, Some(*count), None),
        Said::Of(Outcome::Instant(ms)) => (INSTANT, Some(ms.cast_unsigned()), None),
        Said::Of(Outcome::Number(bits)) => (NUMBER, Some(*bits), None),
        Said::Of(Outcome::Ratio { numerator, denominator }) => (RATIO, Some(*numerator), Some(*denominator)),
        Said::Of(Outcome::Change { current, previous }) => (CHANGE, Some(*current), Some(*previous)),
    }
}

/// Reads what was packed.
///
/// # Errors
/// An unknown format, or damage.
pub fn unpack(body: &[u8]) -> Result<Points, PackError> {
    let mut input = Reader::open(body)?;
    let mut accounts = Vec::new();
    for _ in 0..input.count()? {
        accounts.push(input.text()?.to_owned());
    }
    let mut fields = Vec::new();
    for _ in 0..input.count()? {
        fields.push(FieldId::from_text(input.text()?));
    }
    let mut occasions: Vec<Occasion> = Vec::new();
    let mut last = 0i64;
    for _ in 0..input.count()? {
        last = last.wrapping_add(input.signed()?);
        let why = match input.number()? {
            0 => None,
            place => Some(at(&Why::ALL, place - 1, "reason")?),
        };
        occasions.push((last, why, input.number()?));
    }
    let mut series = Vec::new();
    let mut total = 0;
    for _ in 0..input.count()? {
        let (account, field) = (at(&accounts, input.number()?, "account")?, at(&fields, input.number()?, "field")?);
        let count = input.count()?;
        total += count;
        series.push(((account, field), count));
    }
    if total > TELLINGS_MAX {
        return Err(PackError::Damaged("tellings"));
    }
    let days = input.signed_column(total)?;
    let places = input.column(total)?;
    let tags = input.column(total)?;
    let mut ones = input.column(tags.iter().filter(|tag| **tag >= COUNT).count())?.into_iter();
    let mut others = input.column(tags.iter().filter(|tag| **tag >= RATIO).count())?.into_iter();
    let mut tellings = days.into_iter().zip(places).zip(tags);
    let mut points = Points::new();
    let mut day = 0i64;
    for (key, count) in series {
        let mut of_days = Days::new();
        for ((step, place), tag) in tellings.by_ref().take(count) {
            day = day.wrapping_add(step);
            let (at_s, why, version) = at(&occasions, place, "occasion")?;
            let said = match tag {
                TEXT => Said::Of(Outcome::Text(input.text()?.to_owned())),
                tag => said(tag, &mut ones, &mut others)?,
            };
            let day = i32::try_from(day).map_err(|_| PackError::Damaged("day"))?;
            of_days.entry(day).or_default().push(Told { at_s, why, version, said });
        }
        points.insert(key, of_days);
    }
    Ok(points)
}

fn said(
    tag: u64,
    ones: &mut impl Iterator<Item = u64>,
    others: &mut impl Iterator<Item = u64>,
) -> Result<Said, PackError> {
    let mut one = || ones.next().ok_or(PackError::Damaged("number"));
    let mut other = || others.next().ok_or(PackError::Damaged("number"));
    Ok(match tag {
        UNMATCHED => Said::Unmatched,
        AMBIGUOUS => Said::Ambiguous,
        NEVER_USED => Said::Of(Outcome::NeverUsed),
        EXCLUDED => Said::Of(Outcome::Excluded),
        COUNT => Said::Of(Outcome::Count(one()?)),
        INSTANT => Said::Of(Outcome::Instant(one()?.cast_signed())),
        NUMBER => Said::Of(Outcome::Number(one()?)),
        RATIO => Said::Of(Outcome::Ratio { numerator: one()?, denominator: other()? }),
        CHANGE => Said::Of(Outcome::Change { current: one()?, previous: other()? }),
        _ => return Err(PackError::Damaged("what is said")),
    })
}

fn at<T: Clone>(all: &[T], place: u64, what: &'static str) -> Result<T, PackError> {
    usize::try_from(place).ok().and_then(|place| all.get(place)).cloned().ok_or(PackError::Damaged(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn saids() -> impl Strategy<Value = Said> {
        prop_oneof![
            Just(Said::Unmatched),
            Just(Said::Ambiguous),
            Just(Said::Of(Outcome::NeverUsed)),
            (0..50_u64).prop_map(|count| Said::Of(Outcome::Count(count))),
            any::<u64>().prop_map(|count| Said::Of(Outcome::Count(count))),
            any::<i64>().prop_map(|ms| Said::Of(Outcome::Instant(ms))),
            "[a-zä]{0,9}".prop_map(|text| Said::Of(Outcome::Text(text))),
            any::<f64>().prop_map(|number| Said::Of(Outcome::number(number))),
            any::<(u64, u64)>()
                .prop_map(|(numerator, denominator)| Said::Of(Outcome::Ratio { numerator, denominator })),
            any::<(u64, u64)>().prop_map(|(current, previous)| Said::Of(Outcome::Change { current, previous })),
        ]
    }

    fn tellings() -> impl Strategy<Value = Told> {
        (any::<i64>(), prop::option::of(prop::sample::select(&Why::ALL[..])), 1..4_u64, saids())
            .prop_map(|(at_s, why, version, said)| Told { at_s, why, version, said })
    }

    fn points() -> impl Strategy<Value = Points> {
        let days = prop::collection::btree_map(-40_000..40_000_i32, prop::collection::vec(tellings(), 1..4), 1..9);
        let keys = ("[A-Z]-[0-9]{1,3}", "[a-f]{1,3}").prop_map(|(account, id)| (account, FieldId::from_text(&id)));
        prop::collection::btree_map(keys, days, 0..12)
    }

    proptest! {
        #[test]
        fn points_come_back_from_their_bytes(points in points()) {
            let body = pack(&points);
            prop_assert_eq!(&unpack(&body).unwrap(), &points);
            prop_assert_eq!(pack(&unpack(&body).unwrap()), body);
        }

        #[test]
        fn damage_never_panics(points in points(), at: prop::sample::Index, byte: u8) {
            let mut body = pack(&points);
            let end = at.index(body.len());
            prop_assert!(unpack(&body[..end]).is_err());
            body[end] = byte;
            drop(unpack(&body));
        }
    }

    #[test]
    fn an_account_of_twenty_fields_costs_few_bytes_a_month() {
        // Values that move a little each day, as rolling windows do; one day in ten is told a second time.
        let mut points = Points::new();
        for account in 0..64_u64 {
            for field in 0..20_u64 {
                let days = (20_000..20_031).map(|day| {
                    let step = VisitorHash::of(&format!("{account} {field} {day}")).0 % 7;
                    let said = Said::Of(Outcome::Count(100 * field + 10 * account + step));
                    let first = Told { at_s: i64::from(day) * 86_400, why: None, version: 1, said };
                    let again = Told { at_s: first.at_s + 86_400, why: Some(Why::LateData), ..first.clone() };
                    (day, if step == 0 { vec![first, again] } else { vec![first] })
                });
                points
                    .insert((format!("A-{account:04}"), FieldId::from_text(&format!("{field:032x}"))), days.collect());
            }
        }
        let bytes = pack(&points).len();
        println!("64 accounts of 20 fields in a month of 31 days: {bytes} bytes");
        assert!(bytes < 64_000, "more than a kilobyte an account: {bytes}");
    }

    #[test]
    fn twice_as_many_parts_split_each_in_two() {
        for account in (0..500).map(|n| format!("A-{n}")) {
            let (few, many) = (part_of(&account, 8), part_of(&account, 16));
            assert!(many == few || many == few + 8);
        }
    }
}
