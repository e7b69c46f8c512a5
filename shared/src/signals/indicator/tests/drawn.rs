//! Any course of looks, held against a restatement that scans all looks each time; and laws over any indicator.

use super::body::any_indicator;
use super::*;
use crate::signals::condition::Truth;
use crate::signals::condition::laws::past;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// One look at the object.
#[derive(Clone, Debug)]
struct Look {
    /// Days since the one before; 0 for another look on the same day.
    days: u8,
    used: Option<u8>,
    trend: Option<u8>,
    /// A value of an earlier day that arrives now: so many days ago.
    late: Option<(u8, Option<u8>)>,
    is_rebased: bool,
    is_released: bool,
}

fn look() -> impl Strategy<Value = Look> {
    let value = || prop_oneof![1 => Just(None), 3 => Just(Some(0)), 5 => Just(Some(10)), 1 => Just(Some(20))];
    let trend = prop_oneof![1 => Just(None), 1 => Just(Some(0)), 4 => Just(Some(1))];
    let late = option::weighted(0.1, (1..4_u8, value()));
    (0..3_u8, value(), trend, late, proptest::bool::weighted(0.2), proptest::bool::weighted(0.2)).prop_map(
        |(days, used, trend, late, is_rebased, is_released)| Look { days, used, trend, late, is_rebased, is_released },
    )
}

/// What a look came to, all told.
#[derive(Clone, Copy)]
struct Seen {
    day: i32,
    unless: Truth,
    held: Truth,
    is_rebased: bool,
}

/// The rules in other words: what usage led to follows what is seen, but for turns without behaviour.
#[derive(Default)]
struct Model {
    seen: Vec<Seen>,
    known: Option<bool>,
    /// What was followed; where it is not what is known, that is owed.
    followed: Option<bool>,
    waits: Option<By>,
    fired: Vec<i32>,
    is_firing: bool,
}

impl Model {
    fn truth(&self) -> Truth {
        let unless = self.seen.iter().rev().map(|seen| seen.unless).find(|truth| *truth != Truth::Unknown);
        if unless == Some(Truth::True) { Truth::False } else { self.seen.last().unwrap().held }
    }

    fn step(&mut self, seen: Seen, indicator: &Indicator) -> Vec<What> {
        self.seen.push(seen);
        let now = match self.truth() {
            Truth::Unknown => return Vec::new(),
            truth => truth == Truth::True,
        };
        if self.known.is_none() {
            let start = now && !indicator.takes_standing;
            (self.known, self.followed) = (Some(start), Some(start));
        }
        let was_owed = self.known != self.followed;
        let is_turn = self.known != Some(now);
        self.known = Some(now);
        let mut told = Vec::new();
        if is_turn && !was_owed && !seen.is_rebased {
            self.followed = Some(now);
            told.extend(self.follow(now, By::Behaviour));
        }
        if now && !seen.is_rebased {
            told.extend(self.fire(seen.day, indicator));
        }
        told
    }

    fn release(&mut self, indicator: &Indicator) -> Vec<What> {
        let now = match self.truth() {
            Truth::Unknown => return Vec::new(),
            truth => truth == Truth::True,
        };
        if self.known == self.followed || self.known != Some(now) {
            return Vec::new();
        }
        self.followed = self.known;
        let cleared = self.follow(now, By::Release);
        let day = self.seen.last().unwrap().day;
        cleared.into_iter().chain(now.then(|| self.fire(day, indicator)).flatten()).collect()
    }

    fn follow(&mut self, now: bool, by: By) -> Option<What> {
        self.waits = now.then_some(by);
        (!now && std::mem::take(&mut self.is_firing)).then_some(What::IndicatorCleared {})
    }

    fn fire(&mut self, day: i32, indicator: &Indicator) -> Option<What> {
        let cool_down = i32::try_from(indicator.cool_down_days).unwrap();
        if self.is_firing || self.fired.iter().any(|fired| day - fired < cool_down) {
            return None;
        }
        let by = self.waits.take()?;
        self.is_firing = true;
        self.fired.push(day);
        Some(What::IndicatorFired { strength: 100, by })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]
    #[test]
    fn any_course_is_as_it_is_restated(
        looks in vec(look(), 1..50),
        (for_days, cool_down, takes_standing, has_unless) in (1..4_u32, 0..8_u32, any::<bool>(), any::<bool>()),
    ) {
        let mut body = json!({"for_days": for_days, "cool_down_days": cool_down, "takes_standing": takes_standing});
        if has_unless {
            body["unless"] = json!({"field": "trend", "is": "equals", "value": 0});
        }
        let indicator = indicator(body);
        let (mut object, mut model) = (Object::new(), Model::default());
        for look in looks {
            object.day += i32::from(look.days);
            object.is_rebased = look.is_rebased;
            object.note("used", look.used.map(f64::from)).note("trend", look.trend.map(f64::from));
            if let Some((ago, used)) = look.late {
                object.past.note(field("used"), object.day - i32::from(ago), used.map_or(Known::nothing(Gap::NotSeen), |used| Known::Number(used.into())));
            }
            let on = |ago: i32| object.past.at(&field("used"), object.day - ago).number().map(|used| used >= 10.0);
            let each: Vec<Option<bool>> = (0..i32::try_from(for_days).unwrap()).map(on).collect();
            let held = if each.contains(&Some(false)) {
                Truth::False
            } else if each.contains(&None) {
                Truth::Unknown
            } else {
                Truth::True
            };
            let unless = match look.trend {
                _ if !has_unless => Truth::False,
                None => Truth::Unknown,
                Some(trend) => (trend == 0).into(),
            };
            let is_rebased = look.is_rebased;
            let expected = model.step(Seen { day: object.day, unless, held, is_rebased }, &indicator);
            let changes = object.step(&indicator);
            prop_assert_eq!(changes.iter().map(|change| change.what.clone()).collect::<Vec<_>>(), expected);
            prop_assert!(changes.len() <= 1 && (changes.is_empty() || !is_rebased));
            prop_assert!(changes.iter().all(|change| !change.because.is_empty()));
            if look.is_released {
                let expected = model.release(&indicator);
                let released = object.release(&indicator);
                prop_assert_eq!(released.iter().map(|change| change.what.clone()).collect::<Vec<_>>(), expected);
            }
            let memory = &object.memory;
            prop_assert_eq!(memory.is_firing, model.is_firing);
            prop_assert_eq!(memory.fired_on, model.fired.last().copied().filter(|_| model.is_firing));
            prop_assert_eq!(memory.last_fired, model.fired.last().copied());
            prop_assert_eq!(memory.times, u32::try_from(model.fired.len()).unwrap());
            prop_assert_eq!(memory.edge.owed.map(|owed| owed.rose), model.known.filter(|_| model.known != model.followed));
            prop_assert_eq!(memory.waits, model.waits);
        }
    }
}

proptest! {
    // Whoever loads just these facts of these days steps as whoever loads everything.
    #[test]
    fn its_facts_are_all_that_it_looks_at(indicator in any_indicator(), past in past(), rose in any::<bool>()) {
        let mut cut = Past { columns: past.columns.clone(), ..Past::default() };
        cut.columns.retain(|name, _| indicator.facts().contains_key(&Fact::Column(name.clone())));
        for (fact, back) in indicator.facts() {
            for (day, known) in past.days.get(&fact).into_iter().flatten() {
                if (TODAY - i32::try_from(back).unwrap()..=TODAY).contains(day) {
                    cut.note(fact.clone(), *day, known.clone());
                }
            }
        }
        let on = |past: &Past| {
            let mut memory = Memory::default();
            memory.edge.known = Some(!rose);
            memory.is_firing = !rose;
            let changes = indicator.step(&mut memory, &Sight { past, day: TODAY, at_ms: 0, is_rebased: false });
            (changes, memory)
        };
        prop_assert_eq!(on(&cut), on(&past));
    }

    #[test]
    fn a_replay_looks_at_no_day_to_come(indicator in any_indicator(), past in past(), end in TODAY - 12..TODAY) {
        let mut cut = past.clone();
        cut.days.values_mut().for_each(|days| days.retain(|day, _| *day <= end));
        let whole = indicator.replay(&past, TODAY - 14..=TODAY);
        let until: Vec<(i32, Change)> = whole.into_iter().filter(|(day, _)| *day <= end).collect();
        prop_assert_eq!(indicator.replay(&cut, TODAY - 14..=end), until);
    }

    #[test]
    fn firing_and_clearing_take_turns(indicator in any_indicator(), past in past()) {
        let replayed = indicator.replay(&past, TODAY - 14..=TODAY);
        let told: Vec<char> = replayed.iter().map(|(_, change)| told(std::slice::from_ref(change))).collect();
        // Who stands there at the first look never fired, so clearing is never first.
        prop_assert!(told.iter().enumerate().all(|(at, told)| *told == ['F', 'C'][at % 2]), "{:?}", told);
        let fired: Vec<i32> = replayed.iter().zip(&told).filter(|(_, told)| **told == 'F').map(|((day, _), _)| *day).collect();
        let cool_down = i32::try_from(indicator.cool_down_days).unwrap();
        prop_assert!(fired.windows(2).all(|pair| pair[1] - pair[0] >= cool_down.max(1)));
    }
}
