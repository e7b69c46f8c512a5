//! Each rule, taken away, is seen to fail; with all of them nothing is found.

use super::explore::{Event, Found, Scenario};
use super::rules::{Rules, Without};
use super::size::pick;
use super::source::{BUSY, ONE_HOUR, State, TWO_HOURS};
use super::worker::Task::{Evaluate, House, Publish, Run, Store};
use super::worker::{At, Task};

/// All hours.
const ALL: u8 = u8::MAX;
/// More situations than any scenario here has.
const MANY: usize = 2_000_000;

const fn scenario(source: &'static [State], tasks: &'static [Task]) -> Scenario {
    Scenario { source, tasks, is_stored: true, definitions: 1, lost: 0 }
}

const fn losing(source: &'static [State], tasks: &'static [Task]) -> Scenario {
    Scenario { lost: 1, ..scenario(source, tasks) }
}

const fn first(source: &'static [State], states: usize) -> &'static [State] {
    source.split_at(states).0
}

/// Two runs store the same hour, and evaluate what the other one leaves.
const TWO_WRITERS: Scenario = losing(ONE_HOUR, &[Store(ALL), Store(ALL)]);
/// A pass over two hours, and a run over the newer one.
const PASS_AND_RUN: Scenario = losing(TWO_HOURS, &[Store(ALL), Store(1)]);
const RUN_AND_EVALUATION: Scenario = scenario(ONE_HOUR, &[Run(ALL), Evaluate]);
const RUN_AND_PUBLISHER: Scenario = losing(ONE_HOUR, &[Run(ALL), Publish]);
const RUN_AND_HOUSE: Scenario = losing(TWO_HOURS, &[Run(ALL), House]);
/// Somebody edits the definitions meanwhile.
const TWO_EVALUATIONS: Scenario = Scenario { definitions: 3, ..losing(first(ONE_HOUR, 1), &[Evaluate, Evaluate]) };
const EVALUATION_AND_HOUSE: Scenario = Scenario { definitions: 2, ..losing(TWO_HOURS, &[Evaluate, House]) };
const EDITED: Scenario = Scenario { definitions: 2, ..scenario(first(ONE_HOUR, 2), &[Store(ALL), Evaluate]) };
/// Nothing is stored yet.
const FROM_NOTHING: Scenario = Scenario { is_stored: false, ..scenario(ONE_HOUR, &[Store(ALL), Store(ALL)]) };
const THREE: Scenario = scenario(ONE_HOUR, &[Store(ALL), Evaluate, Publish]);
const TWO_PUBLISHERS: Scenario = losing(first(ONE_HOUR, 2), &[Publish, Publish, Store(ALL)]);
const THREE_WITH_HOUSE: Scenario = scenario(first(TWO_HOURS, 2), &[Store(ALL), Store(1), House]);
/// For random walks.
const AT_RANDOM: Scenario =
    Scenario { source: BUSY, tasks: &[Run(ALL), Run(1), House], is_stored: true, definitions: 3, lost: 3 };
const SEED: u64 = 20_260_630;
const STEPS: usize = 200;

fn tell(what: &str, found: &Found) {
    println!("{what}: {} situations or steps, {} ends", found.states, found.ends);
    if let Some((trouble, way)) = &found.trouble {
        println!("  {}, after {} steps:", trouble.0, way.len());
        way.iter().for_each(|line| println!("    {line}"));
    }
}

fn finds_nothing(scenarios: &[(&str, Scenario)], rules: Rules) -> usize {
    let found = scenarios.iter().map(|(name, scenario)| {
        let found = scenario.everywhere(rules, MANY);
        tell(name, &found);
        assert_eq!(found.trouble, None, "{name}");
        found.states
    });
    found.sum()
}

/// Takes a rule away; the trouble that is found must say so.
fn fails(without: Without, scenario: &Scenario, trouble: &str) {
    let found = scenario.everywhere(Rules(Some(without)), MANY);
    tell(&format!("{without:?}"), &found);
    let says = found.trouble.map(|(broken, _)| broken.0).unwrap_or_default();
    assert!(says.contains(trouble), "{without:?}: {says}");
}

#[test]
fn with_all_rules_nothing_is_found_in_any_order() {
    let scenarios = [
        ("two writers", TWO_WRITERS),
        ("a pass and a run", PASS_AND_RUN),
        ("a run and an evaluation", RUN_AND_EVALUATION),
        ("a run and a publisher", RUN_AND_PUBLISHER),
        ("a run and the house", RUN_AND_HOUSE),
        ("two evaluations", TWO_EVALUATIONS),
        ("an evaluation and the house", EVALUATION_AND_HOUSE),
        ("an edit", EDITED),
        ("two publishers and a writer", TWO_PUBLISHERS),
        ("from nothing", FROM_NOTHING),
        ("a writer, an evaluation and a publisher", THREE),
    ];
    let situations = finds_nothing(&scenarios, Rules::default());
    assert!(situations > 100_000, "{situations} situations are too few to mean anything");
}

/// Three million situations in the full setting. The small one takes two runs of an hour that changes once.
#[test]
fn with_all_rules_nothing_is_found_in_any_order_of_whole_runs() {
    let whole = [
        ("a run and a writer", losing(ONE_HOUR, &[Run(ALL), Store(ALL)])),
        ("two runs", scenario(ONE_HOUR, &[Run(ALL), Run(ALL)])),
        ("two writers and the house", scenario(TWO_HOURS, &[Store(ALL), Store(1), House])),
    ];
    let bounded = [("two runs of two states", scenario(first(ONE_HOUR, 2), &[Run(ALL), Run(ALL)]))];
    let (scenarios, at_least) = pick((&bounded[..], 50_000), (&whole[..], 3_000_000));
    let situations = finds_nothing(scenarios, Rules::default());
    assert!(situations > at_least, "{situations} situations are too few to mean anything");
}

#[test]
fn with_all_rules_nothing_is_found_by_three_workers_at_random() {
    let found = AT_RANDOM.at_random(Rules::default(), SEED, 3_000, STEPS);
    tell(&format!("seed {SEED}"), &found);
    assert_eq!((found.trouble, found.states), (None, 3_000 * STEPS));
}

#[test]
fn random_walks_find_each_missing_rule_too() {
    for without in Without::HARMFUL {
        let found = AT_RANDOM.at_random(Rules(Some(without)), SEED, 3_000, STEPS);
        assert!(found.trouble.is_some(), "{without:?}");
    }
}

#[test]
fn rule_1_with_a_reading_taken_after_the_fetch_older_rows_win() {
    fails(Without::ReadingBeforeFetch, &TWO_WRITERS, "replaced those of a fetch that began at");
}

#[test]
fn rule_2_sums_alone_accept_a_mixture_that_never_was() {
    fails(Without::ReadingsAgree, &TWO_WRITERS, "is stored, and Pendo has");
}

#[test]
fn rule_2_without_readings_for_unchanged_rows_an_hour_is_fetched_for_ever() {
    fails(Without::ReadingWithoutNewRows, &PASS_AND_RUN, "is fetched in every run, for ever");
}

#[test]
fn rule_3_without_its_entry_an_emptied_hour_gets_old_rows_back() {
    fails(Without::EmptyEntries, &TWO_WRITERS, "replaced those of a fetch that began at");
}

#[test]
fn rule_4_a_fetch_taken_whole_brings_the_overtaken_hour_back() {
    fails(Without::PartlyOvertaken, &PASS_AND_RUN, "reading 2 replaced 3");
}

#[test]
fn rule_5_the_same_change_put_again_undoes_what_came_between() {
    fails(Without::Redo, &RUN_AND_EVALUATION, "replaced those of a fetch that began at");
    fails(Without::Redo, &TWO_EVALUATIONS, "left the outbox and was never published");
}

#[test]
fn rule_6_with_the_own_head_read_last_values_go_back_to_older_definitions() {
    fails(Without::OwnHeadFirst, &TWO_EVALUATIONS, "a version that a head has seen went down");
}

#[test]
fn rule_6_with_another_head_read_before_the_own_one_values_go_back_to_older_rows() {
    fails(Without::OwnHeadBeforeOthers, &RUN_AND_EVALUATION, "a version that a head has seen went down");
}

#[test]
fn rule_7_a_visitor_indexed_after_the_move_is_never_found_when_that_worker_crashes() {
    let last_words = scenario(first(TWO_HOURS, 2), &[Store(ALL)]);
    fails(Without::IndexFirst, &last_words, "in the end home 0 has");
}

#[test]
fn rule_7_with_a_rows_version_that_rises_without_rows_two_homes_wake_each_other_for_ever() {
    fails(Without::RowsVersion, &TWO_WRITERS, "runs in peace never come to rest");
}

#[test]
fn rule_8_clearing_what_stands_loses_the_event_that_came_meanwhile() {
    fails(Without::PublishedOnly, &RUN_AND_PUBLISHER, "left the outbox and was never published");
}

#[test]
fn rule_9_a_sweep_that_leaves_the_head_alone_deletes_what_is_being_named() {
    fails(Without::SweptCounter, &RUN_AND_HOUSE, "which head 0 names, is missing");
}

#[test]
fn rule_9_a_redo_that_keeps_its_block_after_a_sweep_names_nothing() {
    fails(Without::PutAgain, &RUN_AND_HOUSE, "which head 0 names, is missing");
}

#[test]
fn rule_9_a_refused_worker_that_tidies_up_deletes_what_it_had_won() {
    fails(Without::LeaveItems, &PASS_AND_RUN, "which head 0 names, is missing");
}

#[test]
fn rule_9_a_missing_block_taken_as_empty_becomes_a_wrong_value() {
    fails(Without::MissingIsNotEmpty, &THREE_WITH_HOUSE, "is not due and has");
}

/// One run alone whose answer to the given move gets lost: the steps it took, and what came of it.
fn alone_without_answer(to: usize, rules: Rules) -> Option<(usize, super::table::Table)> {
    let one = losing(first(ONE_HOUR, 2), &[Run(ALL)]);
    let mut world = one.begin();
    world.table.time = 1;
    let (mut moves, mut steps) = (0, 0);
    while world.workers[0].at != At::Done {
        moves += usize::from(world.workers[0].is_moving());
        let is_lost = world.workers[0].is_moving() && moves == to && world.lost > 0;
        let event = if is_lost { Event::Lost(0) } else { Event::Step(0) };
        assert_eq!(one.happen(&mut world, event, rules), Ok(()));
        steps += 1;
    }
    (moves >= to).then_some((steps, world.table))
}

#[test]
fn rule_10_knows_a_success_by_its_token_and_else_the_redo_finds_nothing_left_to_do() {
    let blind = Rules(Some(Without::Token));
    let (steps, told) = alone_without_answer(0, Rules::default()).expect("a run moves");
    for to in 1..=3 {
        let (with, known) = alone_without_answer(to, Rules::default()).expect("a run moves three times");
        let (without, redone) = alone_without_answer(to, blind).expect("a run moves three times");
        println!("answer {to} lost: {steps} steps become {with}, without token {without}");
        assert_eq!((&known, &redone), (&told, &told), "no row, value or event twice");
        assert!(steps < with && with < without, "{steps} < {with} < {without}");
    }
}

#[test]
fn rule_10_is_an_economy_while_rules_5_and_9_stand() {
    let scenarios = [("two writers", TWO_WRITERS), ("a run and the house", RUN_AND_HOUSE)];
    let situations = finds_nothing(&scenarios, Rules(Some(Without::Token)));
    assert!(situations > 30_000, "{situations} situations are too few to mean anything");
}
