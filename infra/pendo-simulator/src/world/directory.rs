//! A customer-success directory that fits the world: most accounts and visitors are in it, some are not, and some of it is untidy.

use std::io::Write;

use crate::options::Options;
use crate::random::Dice;
use crate::world::account;
use crate::world::visitor::{self, Belongs, Sort};

/// The two lists of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DirectoryList {
    /// `id,name,plan,arr,licensed_seats,nps`
    Accounts,
    /// `id,account_id,email,name,role,nps`
    Contacts,
}

/// Writes a list as CSV.
///
/// # Errors
/// When the output does not take it.
pub fn print_directory(options: &Options, list: DirectoryList, out: impl Write) -> std::io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    match list {
        DirectoryList::Accounts => print_accounts(options, &mut csv)?,
        DirectoryList::Contacts => print_contacts(options, &mut csv)?,
    }
    csv.flush()
}

fn print_accounts(options: &Options, csv: &mut csv::Writer<impl Write>) -> std::io::Result<()> {
    csv.write_record(["id", "name", "plan", "arr", "licensed_seats", "nps"])?;
    for number in 0..options.accounts {
        let Some(id) = account::crm_id(number) else { continue };
        let mut dice = Dice::at(&[options.seed, 0xD1, u64::from(number)]);
        let arr = dice.between(4, 400) * 500;
        let seats = dice.between(5, 60);
        let nps = if dice.chance(300_000) { String::new() } else { (i64::from(dice.between(0, 160)) - 60).to_string() };
        csv.write_record([
            id,
            account::name(number),
            account::plan(number).to_owned(),
            arr.to_string(),
            seats.to_string(),
            nps,
        ])?;
    }
    csv.write_record(["A-900", "Never Signed In Ltd", "basic", "1000", "5", ""])?;
    Ok(())
}

fn print_contacts(options: &Options, csv: &mut csv::Writer<impl Write>) -> std::io::Result<()> {
    csv.write_record(["id", "account_id", "email", "name", "role", "nps"])?;
    let mut next = 1;
    for number in 0..options.visitors {
        let is_listed = matches!(visitor::sort(number), Sort::Mail | Sort::Opaque | Sort::Hostile | Sort::DoNotProcess)
            && number % 40 != 8;
        let accounts = match visitor::belongs(options.seed, number, options.accounts) {
            Belongs::One(first) => vec![first],
            Belongs::Two(first, second) => vec![first, second],
            Belongs::Empty | Belongs::Absent => vec![number % options.accounts.max(1)],
        };
        let mut dice = Dice::at(&[options.seed, 0xC0, u64::from(number)]);
        for place in accounts.into_iter().filter(|_| is_listed) {
            let Some(account_id) = account::crm_id(place) else { continue };
            let mail = visitor::mail(options.seed, number);
            let mail = if number % 23 == 6 { mail.to_uppercase() } else { mail };
            let nps = if dice.chance(600_000) { String::new() } else { dice.between(0, 10).to_string() };
            csv.write_record([
                format!("C-{next:04}"),
                account_id,
                mail,
                visitor::full_name(options.seed, number),
                visitor::role(number).to_owned(),
                nps,
            ])?;
            next += 1;
        }
    }
    for (mail, name) in [("never.used@example.test", "Never Used"), ("also.never@example.test", "Also Never")] {
        csv.write_record([
            format!("C-{next:04}"),
            "A-001".to_owned(),
            mail.to_owned(),
            name.to_owned(),
            "viewer".to_owned(),
            String::new(),
        ])?;
        next += 1;
    }
    Ok(())
}
