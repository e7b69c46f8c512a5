//! Pendo's visitors: mostly e-mail addresses, some of them badly typed, and every kind that real subscriptions hold besides.

use std::sync::Arc;

use serde_json::json;

use crate::random::{Dice, mix};
use crate::value::Record;
use crate::world::World;

/// One visitor.
pub(crate) struct Visitor {
    pub(crate) id: u32,
    /// The metadata groups besides `auto`.
    pub(crate) metadata: Arc<Record>,
    /// Shown before there is any usage, because it was added by hand.
    pub(crate) by_hand: bool,
    pub(crate) do_not_process: bool,
    /// Accounts that are known without usage.
    pub(crate) accounts: Vec<u32>,
}

/// What sort of visitor a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Mail,
    Opaque,
    Anonymous,
    Hostile,
    Excluded,
    DoNotProcess,
}

/// For whom a visitor works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belongs {
    One(u32),
    Two(u32, u32),
    /// Rows carry an empty account id.
    Empty,
    /// Rows carry no account id.
    Absent,
}

const FIRST: [&str; 16] = [
    "ada", "bo", "cleo", "dara", "eli", "fenn", "gale", "hana", "ivo", "juno", "kit", "lux", "mika", "nour", "oz",
    "pim",
];
const LAST: [&str; 12] =
    ["ash", "brook", "cliff", "dell", "elm", "fern", "glen", "heath", "isle", "jade", "kelp", "larch"];
const ROLES: [&str; 5] = ["admin", "analyst", "manager", "viewer", "developer"];
const HOSTILE: [&str; 10] = [
    "quote\"inside",
    "back\\slash",
    "slash/inside",
    "j\u{fc}rgen.m\u{fc}ller",
    "\u{1F680}rocket",
    "'; drop table visitors; --",
    "a b\tc",
    "percent%2Fencoded",
    "<b>bold</b>",
    "comma,semi;colon",
];

/// The sort of the visitor with a number from 0.
pub(crate) fn sort(number: u32) -> Sort {
    match number {
        n if n % 12 == 5 => Sort::Anonymous,
        n if n % 50 == 7 => Sort::Hostile,
        n if n % 40 == 11 => Sort::Excluded,
        n if n % 60 == 13 => Sort::DoNotProcess,
        n if n % 14 == 3 => Sort::Opaque,
        _ => Sort::Mail,
    }
}

/// The accounts, by number, of a visitor.
pub(crate) fn belongs(seed: u64, number: u32, accounts: u32) -> Belongs {
    if accounts == 0 || number % 50 == 16 || (sort(number) == Sort::Anonymous && number.is_multiple_of(2)) {
        return Belongs::Absent;
    }
    if number % 50 == 41 {
        return Belongs::Empty;
    }
    // Squaring the draw gives a few large accounts and many small ones.
    let draw = mix(&[seed, 0xB0, u64::from(number)]) % 10_000;
    let first = u32::try_from(draw * draw * u64::from(accounts) / 100_000_000).unwrap_or(0);
    if number % 18 == 1 && accounts > 1 {
        Belongs::Two(first, (first + 1 + number % (accounts - 1)) % accounts)
    } else {
        Belongs::One(first)
    }
}

/// The address of a visitor, as the directory writes it.
pub(crate) fn mail(seed: u64, number: u32) -> String {
    let draw = mix(&[seed, 0xE0, u64::from(number)]);
    let first = FIRST[usize::try_from(draw % 16).unwrap_or(0)];
    let last = LAST[usize::try_from((draw >> 8) % 12).unwrap_or(0)];
    format!("{first}.{last}.{number}@example.test")
}

/// The id under which a visitor uses the product.
pub(crate) fn id(seed: u64, number: u32) -> String {
    let opaque = mix(&[seed, 0x1D, u64::from(number)]);
    match sort(number) {
        Sort::Anonymous => {
            format!("_PENDO_T_{}", crate::random::opaque_id(&[seed, 0xA0, u64::from(number)]).get(..11).unwrap_or("x"))
        }
        Sort::Opaque => format!("u-{opaque:016x}"),
        Sort::Excluded => format!("qa+{number}@internal.test"),
        Sort::Hostile => format!("{}-{number}", HOSTILE[(number / 50) as usize % HOSTILE.len()]),
        Sort::Mail | Sort::DoNotProcess => {
            let mail = mail(seed, number);
            match number % 20 {
                2 => mail.split('.').map(capital).collect::<Vec<_>>().join("."),
                4 if number % 40 == 4 => format!("{mail} "),
                9 if number % 40 == 9 => mail.to_uppercase(),
                _ => mail,
            }
        }
    }
}

/// The role of a visitor.
pub(crate) fn role(number: u32) -> &'static str {
    ROLES[(number as usize * 3 + 2) % ROLES.len()]
}

/// Makes a world's visitors.
pub(super) fn fill(world: &mut World, count: u32) {
    for number in 0..count {
        let mut dice = Dice::at(&[world.seed, 0x715, u64::from(number)]);
        let sort = sort(number);
        let id = id(world.seed, number);
        let metadata = match sort {
            Sort::Anonymous => json!({}),
            Sort::DoNotProcess => json!({"pendo": {"donotprocess": true}}),
            _ => json!({
                "agent": {"email": mail(world.seed, number), "role": role(number), "full_name": full_name(world.seed, number)},
                "custom": {"seat": dice.between(1, 900), "beta": number.is_multiple_of(4)},
            }),
        };
        let number = world.texts.number(&id);
        if sort == Sort::Excluded {
            world.exclude(&id);
        }
        let metadata = metadata.as_object().map(Record::from_json).unwrap_or_default();
        let do_not_process = sort == Sort::DoNotProcess;
        world.put_visitor(Visitor {
            id: number,
            metadata: Arc::new(metadata),
            by_hand: false,
            do_not_process,
            accounts: Vec::new(),
        });
    }
}

/// The display name of a visitor.
pub(crate) fn full_name(seed: u64, number: u32) -> String {
    mail(seed, number).split('.').take(2).map(capital).collect::<Vec<_>>().join(" ")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
