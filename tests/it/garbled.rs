//! Whatever Pendo sends instead of a good answer about one kind: the run ends, other kinds are served, nothing is published
//! that Pendo never was, what could not be read is said, and the next runs mend it.

use crate::harness::{World, all_time, field, two_accounts, used};
use pendo_simulator::{Faults, Kind, Trouble};
use serde_json::Value;

/// What a run made of a trouble that every question about pages met.
struct Seen {
    /// Page views that stood before, and that Pendo has.
    before: u64,
    truth: u64,
    /// What stands after the run, and why it could not be read.
    stands: u64,
    error: Option<String>,
}

async fn views(world: &World) -> u64 {
    world.value("account", "A-1", "page").await.as_u64().unwrap()
}

/// One run in trouble; then the trouble ends, and two ticks later all is right.
async fn under(trouble: Trouble) -> Seen {
    let world = two_accounts().await;
    for kind in [Kind::Page, Kind::Event] {
        for at in ["2026-06-30T09:10:00Z", "2026-06-28T09:10:00Z", "2026-05-30T09:10:00Z"] {
            world.pendo().inject(used(kind, "ann@x.test", Some("A-1"), at, 10));
        }
    }
    let count = |name: &str| field(name, "account", name, "count", &all_time());
    world.fields(&[count("page"), count("event")]).await;
    let before = views(&world).await;
    for kind in [Kind::Page, Kind::Event] {
        for visitor in ["ann@x.test", "bob@x.test", "cid@x.test"] {
            world.pendo().inject(used(kind, visitor, Some("A-1"), "2026-06-30T12:10:00Z", 3));
        }
    }
    world.advance(1);
    let only_body = Some("pageEvents".to_owned());
    world.pendo().set_faults(Faults { trouble_percent: 100, troubles: vec![trouble], only_body, ..Faults::default() });
    shared::sync::run(world.stack.context(), &world.workspace(), None).await.unwrap();
    world.pendo().set_faults(Faults::default());
    assert_eq!(world.value("account", "A-1", "event").await, 39, "{trouble:?} stops another kind");
    let kinds = world.status().await["kinds"].clone();
    assert_eq!(kinds["event"]["error"], Value::Null);
    let (stands, error) = (views(&world).await, kinds["page"]["error"].as_str().map(str::to_owned));
    world.tick().await;
    world.tick_after(1).await;
    let status = world.status().await;
    assert_eq!((views(&world).await, &status["is_complete"]), (39, &true.into()), "{trouble:?}: {status}");
    Seen { before, truth: 39, stands, error }
}

/// Nothing of it is taken, and it is said.
async fn is_refused(trouble: Trouble) {
    let seen = under(trouble).await;
    assert_eq!(seen.stands, seen.before, "{trouble:?}");
    assert!(seen.error.is_some(), "{trouble:?} is not told");
}

/// It is as good as any other answer.
async fn is_understood(trouble: Trouble) {
    let seen = under(trouble).await;
    assert_eq!((seen.stands, seen.error), (seen.truth, None), "{trouble:?}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_answer() {
    for trouble in [Trouble::Cut, Trouble::CutCleanly, Trouble::Reset] {
        is_refused(trouble).await;
    }
}

#[tokio::test]
async fn a_body_of_fewer_bytes_than_it_says_is_no_answer_and_of_more_is_cut() {
    is_refused(Trouble::TooShort).await;
    is_refused(Trouble::TooLong).await;
}

#[tokio::test]
async fn a_body_that_drips_is_waited_for() {
    is_understood(Trouble::Drip).await;
}

#[tokio::test]
async fn a_page_of_html_with_status_200_is_no_answer() {
    is_refused(Trouble::Html).await;
}

#[tokio::test]
async fn an_answer_that_unpacks_without_end_is_given_up() {
    is_refused(Trouble::Bomb).await;
}

#[tokio::test]
async fn a_refusal_of_our_own_question_is_told_with_pendos_words() {
    let seen = under(Trouble::BadRequest).await;
    assert_eq!(seen.stands, seen.before);
    assert!(seen.error.unwrap().contains("400: could not parse the filter"));
}

#[tokio::test]
async fn numbers_that_are_text_are_numbers() {
    is_understood(Trouble::NumbersAsText).await;
}

#[tokio::test]
async fn members_that_nobody_documents_are_passed_over() {
    is_understood(Trouble::UnknownFields).await;
}

#[tokio::test]
async fn rows_of_hours_that_nobody_asked_for_are_dropped() {
    is_understood(Trouble::Outside).await;
}

#[tokio::test]
async fn no_rows_and_null_for_rows_take_nothing_away() {
    for trouble in [Trouble::Empty, Trouble::NullResults] {
        let seen = under(trouble).await;
        // Pendo said so, in a good answer: what stands is served until three readings agree.
        assert_eq!(seen.stands, seen.before, "{trouble:?}");
    }
}

#[tokio::test]
async fn rows_without_a_member_that_they_need_are_no_answer() {
    is_refused(Trouble::MissingFields).await;
}
