//! Whose usage a row is. Each story has its numbers written out, and the second answer must agree with them too.

use crate::harness::{World, all_time, both_levels, field, said, used};
use crate::reference::Reference;
use chrono_tz::Tz;
use pendo_simulator::{Kind, RawRow};
use serde_json::{Value, json};

const ACCOUNTS: &str = "id,code\nA-1,k1\nA-2,k2\nA-3,k3\n";
const AT: &str = "2026-06-29T10:00:00Z";

fn row(visitor: &str, account: Option<&str>, events: u32) -> RawRow {
    used(Kind::Event, visitor, account, AT, events)
}

/// A subscription, a directory and a matching, with the number of events and visitors on both levels.
struct Story {
    world: World,
    accounts: String,
    contacts: String,
    matching: Value,
    visitors: Vec<(&'static str, Value)>,
    pendo_accounts: Vec<(&'static str, Value)>,
}

impl Story {
    async fn of(accounts: &str, contacts: &str, matching: Value, rows: &[RawRow]) -> Self {
        Self::with_people(accounts, contacts, matching, rows, &[], &[]).await
    }

    async fn with_people(
        accounts: &str,
        contacts: &str,
        matching: Value,
        rows: &[RawRow],
        visitors: &[(&'static str, Value)],
        pendo_accounts: &[(&'static str, Value)],
    ) -> Self {
        let world = World::empty().await;
        visitors.iter().for_each(|(id, metadata)| world.pendo().add_visitor(id, metadata));
        pendo_accounts.iter().for_each(|(id, metadata)| world.pendo().add_account(id, metadata));
        rows.iter().for_each(|row| world.pendo().inject(row.clone()));
        world.connect().await;
        world.upload("accounts", accounts).await;
        world.upload("contacts", contacts).await;
        world.matching(&matching).await;
        world.fields(&Self::fields()).await;
        let (visitors, pendo_accounts) = (visitors.to_vec(), pendo_accounts.to_vec());
        let story =
            Self { world, accounts: accounts.into(), contacts: contacts.into(), matching, visitors, pendo_accounts };
        story.agrees().await;
        story
    }

    fn fields() -> Vec<Value> {
        vec![
            field("Events", "account", "event", "count", &all_time()),
            field("Users", "account", "event", "distinct_visitors", &json!({"rolling_days": 7})),
            field("Events", "contact", "event", "count", &all_time()),
            field("First", "contact", "event", "first_used", &all_time()),
        ]
    }

    /// Every value and every class of events equals the second answer.
    async fn agrees(&self) {
        let lines = self.world.lines().await;
        let truth = self.world.pendo().truth();
        let reference = Reference::new(truth, &self.matching, Tz::UTC, self.world.stack.clock().now_ms())
            .with_directory(&self.accounts, &self.contacts)
            .with_people(&self.visitors, &self.pendo_accounts);
        for field in Self::fields() {
            for (id, expected) in reference.expected(&field) {
                let part = |name: &str| field[name].as_str().unwrap().to_owned();
                let line = &lines[&(part("object"), id, part("name"))];
                assert_eq!((&line["value"], line["reason"].as_str()), (&expected.value, expected.reason), "{line}");
            }
        }
        let by = &self.world.status().await["kinds"]["event"]["events_by"];
        for level in ["account", "contact"] {
            assert_eq!(by[level], json!(reference.classes(level, "event")), "{level}");
        }
    }

    async fn events(&self, id: &str) -> Value {
        let object = if id.starts_with('A') { "account" } else { "contact" };
        self.world.value(object, id, "Events").await
    }

    async fn classes(&self, level: &str) -> Value {
        self.world.status().await["kinds"]["event"]["events_by"][level].clone()
    }
}

#[tokio::test]
async fn a_visitor_that_fits_several_contacts_belongs_to_the_one_whose_account_the_row_is_linked_to() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,ann@x\nC-3,A-3,twin@x\nC-4,A-3,twin@x\n";
    let rows = [
        row("ann@x", Some("A-1"), 3),
        row("ann@x", Some("A-2"), 4),
        row("ann@x", Some("stranger"), 5),
        row("ann@x", Some("A-3"), 6),
        row("ann@x", None, 7),
        row("twin@x", Some("A-3"), 8),
    ];
    let story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    assert_eq!((story.events("C-1").await, story.events("C-2").await), (json!(3), json!(4)));
    assert_eq!((story.events("C-3").await, story.events("C-4").await), (json!("ambiguous"), json!("ambiguous")));
    assert_eq!(story.events("A-3").await, 14, "the account level asks for the account only");
    assert_eq!(story.classes("contact").await["ambiguous"], 26);
}

#[tokio::test]
async fn a_pendo_account_that_fits_several_accounts_is_ambiguous() {
    let accounts = "id,code\nA-1,same\nA-2,same\nA-3,other\n";
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,ann@x\nC-3,A-3,bob@x\n";
    let matching = json!({"contact": {"visitor": "visitorId", "object": "email"},
                          "account": {"account": "accountId", "object": "code"}});
    let rows = [row("ann@x", Some("same"), 3), row("bob@x", Some("other"), 4), row("bob@x", Some("same"), 5)];
    let story = Story::of(accounts, contacts, matching, &rows).await;
    assert_eq!((story.events("A-1").await, story.events("A-2").await), (json!("ambiguous"), json!("ambiguous")));
    assert_eq!(story.events("A-3").await, 4);
    assert_eq!(story.events("C-1").await, "ambiguous", "no account decides");
    assert_eq!(story.events("C-3").await, 9);
    assert_eq!(story.classes("account").await["ambiguous"], 8);
}

#[tokio::test]
async fn several_visitors_and_several_pendo_accounts_of_one_object_are_united() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\n";
    let rows = [
        row("ann@x", Some("A-1"), 1),
        row("ANN@x", Some("A-1"), 2),
        row(" Ann@X ", Some(" A-1"), 4),
        row("bob@x", Some("A-1 "), 8),
    ];
    let story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    assert_eq!((story.events("C-1").await, story.events("A-1").await), (json!(7), json!(15)));
    assert_eq!(story.world.value("account", "A-1", "Users").await, 4, "Pendo's visitors, contact or not");
}

#[tokio::test]
async fn a_visitor_in_two_accounts_counts_in_both_and_once_as_a_contact() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\n";
    let rows = [row("ann@x", Some("A-1"), 3), row("ann@x", Some("A-2"), 4), row("ann@x", Some("stranger"), 5)];
    let story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    assert_eq!((story.events("A-1").await, story.events("A-2").await), (json!(3), json!(4)));
    assert_eq!(story.events("C-1").await, 12, "in whatever Pendo account the row lies");
    assert_eq!(
        story.classes("account").await,
        json!({"matched": 7, "unmatched": 5, "ambiguous": 0, "without_id": 0, "excluded": 0, "erased": 0})
    );
}

#[tokio::test]
async fn usage_without_a_pendo_account_is_its_contacts_and_no_accounts() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\n";
    let rows = [row("ann@x", None, 3), row("ann@x", Some(""), 4), row("ann@x", Some("A-1"), 5)];
    let story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    assert_eq!((story.events("C-1").await, story.events("A-1").await), (json!(12), json!(5)));
    assert_eq!(story.classes("account").await["without_id"], 7);
}

#[tokio::test]
async fn anonymous_usage_belongs_to_nobody_and_is_counted_apart() {
    let contacts = "id,account_id,email\nC-1,A-1,_PENDO_T_abc\nC-2,A-1,ann@x\n";
    let rows = [row("_PENDO_T_abc", Some("A-1"), 3), row("ann@x", Some("A-1"), 4)];
    let story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    assert_eq!((story.events("C-1").await, story.events("A-1").await), (json!("unmatched"), json!(4)));
    assert_eq!(story.world.value("account", "A-1", "Users").await, 1);
    assert_eq!(story.world.status().await["kinds"]["event"]["anonymous_events"], 3);
}

#[tokio::test]
async fn visitors_and_accounts_match_by_their_metadata() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,bob@x\nC-3,A-2,\n";
    let matching = json!({"contact": {"visitor": "metadata.agent.email", "object": "email", "ignore_case": true},
                          "account": {"account": "metadata.custom.crm", "object": "id"}});
    let visitors = [
        ("u-1", json!({"agent": {"email": "Ann@X"}})),
        ("u-2", json!({"agent": {"email": "bob@x"}})),
        ("u-3", json!({"agent": {"email": "  "}})),
        ("u-4", json!({"agent": {}})),
    ];
    let pendo_accounts = [("777", json!({"custom": {"crm": "A-1"}})), ("888", json!({"custom": {}}))];
    let rows = [
        row("u-1", Some("777"), 3),
        row("u-3", Some("888"), 4),
        row("u-4", Some("777"), 5),
        row("u-5", Some("A-2"), 6),
    ];
    let story = Story::with_people(ACCOUNTS, contacts, matching, &rows, &visitors, &pendo_accounts).await;
    assert_eq!((story.events("C-1").await, story.events("A-1").await), (json!(3), json!(8)));
    assert_eq!(story.events("C-2").await, 0, "known to Pendo and never seen at work");
    assert_eq!(story.events("C-3").await, "unmatched", "an empty value matches nothing");
    assert_eq!(story.events("A-2").await, "unmatched", "the id is not what is compared");
    assert_eq!(story.classes("contact").await["without_id"], 15);
}

#[tokio::test]
async fn keys_are_trimmed_and_compared_exactly_unless_case_is_ignored() {
    let contacts = "id,account_id,email\nC-1,A-1, Ann@x \nC-2,A-1,bob@x\n";
    let matching = json!({"contact": {"visitor": "visitorId", "object": "email"},
                          "account": {"account": "accountId", "object": "id"}});
    let rows = [row("Ann@x", Some("A-1"), 3), row("ann@x", Some("A-1"), 4), row("BOB@x", Some("a-1"), 5)];
    let story = Story::of(ACCOUNTS, contacts, matching, &rows).await;
    assert_eq!((story.events("C-1").await, story.events("C-2").await), (json!(3), json!("unmatched")));
    assert_eq!(story.events("A-1").await, 7);
}

#[tokio::test]
async fn an_object_that_pendo_knows_has_zeros_and_one_that_it_does_not_has_none() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-1,idle@x\nC-3,A-2,nobody@x\n";
    let visitors = [("idle@x", json!({"agent": {}}))];
    let story =
        Story::with_people(ACCOUNTS, contacts, both_levels(), &[row("ann@x", Some("A-1"), 3)], &visitors, &[]).await;
    assert_eq!((story.events("C-2").await, story.events("C-3").await), (json!(0), json!("unmatched")));
    assert_eq!(story.world.value("contact", "C-2", "First").await, "never_used");
    assert_eq!(story.events("A-2").await, "unmatched");
    assert_eq!(said(&story.world.line("account", "A-2", "Users").await), "unmatched");
}

#[tokio::test]
async fn a_contact_that_moves_takes_its_values_along_and_account_values_stay() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\n";
    let rows = [row("ann@x", Some("A-1"), 3), row("ann@x", Some("A-2"), 4)];
    let mut story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    story.world.pendo().clear_requests();
    story.contacts = "id,account_id,email\nC-1,A-3,ann@x\n".to_owned();
    story.world.upload("contacts", "id,account_id\nC-1,A-3\n").await;
    story.agrees().await;
    assert_eq!(story.events("C-1").await, 7);
    assert_eq!((story.events("A-1").await, story.events("A-2").await), (json!(3), json!(4)));
    assert_eq!(story.world.pendo().requests().len(), 0, "no call to Pendo");
}

#[tokio::test]
async fn deleting_a_contact_changes_no_account_value() {
    let contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-1,bob@x\n";
    let rows = [row("ann@x", Some("A-1"), 3), row("bob@x", Some("A-1"), 4)];
    let mut story = Story::of(ACCOUNTS, contacts, both_levels(), &rows).await;
    story.contacts = "id,account_id,email\nC-2,A-1,bob@x\n".to_owned();
    story.world.delete("/v1/directory/contacts?id=C-1").await.expect(200);
    story.world.idle().await;
    story.agrees().await;
    assert_eq!(story.events("A-1").await, 7);
    assert_eq!(story.world.value("account", "A-1", "Users").await, 2);
}

#[tokio::test]
async fn a_changed_rule_or_a_new_contact_shows_without_a_sync() {
    let rows = [row("ann@x", Some("A-1"), 3), row("k2", Some("k2"), 4)];
    let mut story = Story::of(ACCOUNTS, "id,account_id,email\nC-1,A-1,ann@x\n", both_levels(), &rows).await;
    story.contacts = "id,account_id,email\nC-1,A-1,ann@x\nC-2,A-2,k2\n".to_owned();
    story.world.upload("contacts", "id,account_id,email\nC-2,A-2,k2\n").await;
    story.agrees().await;
    assert_eq!(story.events("C-2").await, 4);
    story.matching["account"]["object"] = json!("code");
    story.world.matching(&story.matching).await;
    assert_eq!((story.events("A-1").await, story.events("A-2").await), (json!("unmatched"), json!(4)));
}
