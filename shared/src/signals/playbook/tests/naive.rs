//! A playbook's rules told once more, without edges: a condition has a value, and what made it so.

use super::*;

/// What made a condition what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Start,
    Behaviour,
    HeldBack,
}

/// A condition with the value that was last known.
#[derive(Clone, Copy, Debug)]
struct Track(Option<bool>, Cause);

impl Track {
    /// Whether it came to hold by behaviour.
    fn see(&mut self, truth: Truth, is_rebased: bool, starts_low: bool) -> bool {
        if self.0.is_none() && starts_low {
            self.0 = Some(false);
        }
        let Some(now) = (truth != U).then_some(truth == T) else { return false };
        let Some(before) = self.0.replace(now) else { return false };
        if before == now {
            return false;
        }
        self.1 = if is_rebased { Cause::HeldBack } else { Cause::Behaviour };
        now && !is_rebased
    }

    fn is_owed(self) -> bool {
        self.0 == Some(true) && self.1 == Cause::HeldBack
    }

    fn forgive(&mut self) {
        if self.is_owed() {
            self.1 = Cause::Start;
        }
    }
}

/// An entry: when, until when, met when, and whether it is told.
#[derive(Clone, Debug)]
struct Time {
    on: i32,
    out: Option<i32>,
    met: Option<i32>,
    told: bool,
}

/// What is to happen, and what is known for that.
pub(super) struct Naive {
    entry: Track,
    exit: Track,
    objective: Track,
    waits_to_cool: bool,
    times: Vec<Time>,
}

const NEW: Track = Track(None, Cause::Start);

impl Naive {
    pub(super) fn new() -> Self {
        Self { entry: NEW, exit: NEW, objective: NEW, waits_to_cool: false, times: Vec::new() }
    }

    /// Whether something of entry, exit and objective would have moved.
    pub(super) fn owes(&self) -> [bool; 3] {
        [self.entry, self.exit, self.objective].map(Track::is_owed)
    }

    pub(super) fn is_in(&self) -> bool {
        self.times.last().is_some_and(|time| time.out.is_none())
    }

    fn waits_for_objective(&self, day: i32) -> Vec<usize> {
        let is_in_time = |time: &Time| time.out.is_none_or(|out| day - out <= 30);
        (0..self.times.len()).filter(|at| self.times[*at].met.is_none() && is_in_time(&self.times[*at])).collect()
    }

    /// Whether it can enter; when not yet, `None`.
    fn can_enter(&self, rule: &Playbook, day: i32) -> Option<bool> {
        match self.times.last() {
            None => Some(true),
            Some(_) if self.is_in() || rule.re_entry == ReEntry::Never => Some(false),
            Some(last) if day - last.out.unwrap() >= rule.cool_down_days.cast_signed() => Some(true),
            Some(_) => None,
        }
    }

    pub(super) fn begin(
        &mut self,
        rule: &Playbook,
        day: i32,
        truths: [Truth; 3],
        word: &str,
        held_out: bool,
        told: &mut Vec<String>,
    ) {
        let number = self.times.len() + 1;
        let met = rule.objective.is_some() && truths[2] == T;
        self.waits_to_cool = false;
        self.entry.forgive();
        if rule.exit.is_some() && truths[1] != U {
            self.exit = Track(Some(truths[1] == T), Cause::Start);
        }
        self.times.push(Time { on: day, out: None, met: met.then_some(day), told: !held_out });
        if held_out {
            told.push(format!("held {number}"));
            return;
        }
        told.push(format!("in {number}{word}"));
        if met {
            told.push(format!("met {number}"));
        }
    }

    fn meet(&mut self, day: i32, told: &mut Vec<String>) {
        for at in self.waits_for_objective(day) {
            self.times[at].met = Some(day);
            if self.times[at].told {
                told.push(format!("met {}", at + 1));
            }
        }
    }

    pub(super) fn leave(&mut self, day: i32, word: &str, told: &mut Vec<String>) {
        let number = self.times.len();
        let last = self.times.last_mut().unwrap();
        last.out = Some(day);
        if last.told {
            told.push(format!("out {number}{word}"));
        }
    }

    /// Nothing is owed to those whom it would not move.
    pub(super) fn forgive(&mut self, rule: &Playbook, day: i32) {
        if self.can_enter(rule, day) == Some(false) {
            self.entry.forgive();
            self.waits_to_cool = false;
        }
        if !self.is_in() {
            self.exit.forgive();
        }
        if self.waits_for_objective(day).is_empty() {
            self.objective.forgive();
        }
    }

    pub(super) fn look(
        &mut self,
        rule: &Playbook,
        day: i32,
        truths: [Truth; 3],
        is_rebased: bool,
        may_enter: bool,
        lot: bool,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let (is_in, waits) = (self.is_in(), !self.waits_for_objective(day).is_empty());
        let mut rose = [false; 2];
        match rule.entry {
            Some(_) => rose[0] = self.entry.see(truths[0], is_rebased, rule.takes_standing),
            None => (self.entry, self.waits_to_cool) = (NEW, false),
        }
        match rule.exit {
            Some(_) => rose[1] = self.exit.see(truths[1], is_rebased, is_in),
            None => self.exit = NEW,
        }
        match rule.objective {
            Some(_) => drop(self.objective.see(truths[2], is_rebased, waits)),
            None => self.objective = NEW,
        }
        self.waits_to_cool &= self.entry.0 == Some(true);
        if !is_rebased {
            if rule.objective.is_some() && truths[2] == T && !self.objective.is_owed() {
                self.meet(day, &mut told);
            }
            let is_over = |on: i32| rule.exit_after_days.is_some_and(|days| day - on >= days.cast_signed());
            if is_in && (rose[1] || is_over(self.times.last().unwrap().on)) {
                self.leave(day, "", &mut told);
            }
            let is_cooled = self.waits_to_cool && truths[0] == T;
            match self.can_enter(rule, day) {
                Some(true) if (rose[0] || is_cooled) && may_enter => self.begin(rule, day, truths, "", lot, &mut told),
                Some(true) if rose[0] || is_cooled => (self.entry.1, self.waits_to_cool) = (Cause::HeldBack, false),
                None if rose[0] => self.waits_to_cool = true,
                _ => {}
            }
        }
        self.forgive(rule, day);
        told
    }

    pub(super) fn release(&mut self, rule: &Playbook, day: i32, truths: [Truth; 3], lot: bool) -> Vec<String> {
        let mut told = Vec::new();
        if rule.objective.is_some() && self.objective.is_owed() && truths[2] == T {
            self.objective.forgive();
            self.meet(day, &mut told);
        }
        if rule.exit.is_some() && self.exit.is_owed() && truths[1] == T {
            self.exit.forgive();
            if self.is_in() {
                self.leave(day, " released", &mut told);
            }
        }
        let is_due = rule.entry.is_some() && self.entry.is_owed() && truths[0] == T;
        if is_due && self.can_enter(rule, day) == Some(true) {
            self.begin(rule, day, truths, " released", lot, &mut told);
        }
        self.forgive(rule, day);
        told
    }
}
