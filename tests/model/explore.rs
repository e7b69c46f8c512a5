//! Looks for trouble: everywhere, breadth first, or at random with a seed.

use super::invariants::{Broken, alone, check_end, check_named, check_state};
use super::mix::{Dice, Quick, hash};
use super::rules::Rules;
use super::source::State;
use super::table::Table;
use super::worker::{At, Surroundings, Task, Worker};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// Who works on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) source: &'static [State],
    pub(crate) tasks: &'static [Task],
    /// Whether the first state is stored before anything begins.
    pub(crate) is_stored: bool,
    /// The last version of the definitions; they begin with 1.
    pub(crate) definitions: u8,
    /// How many answers to moves may get lost.
    pub(crate) lost: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Pendo goes on to its next state.
    Pendo,
    /// Somebody changes the definitions.
    Define,
    /// A worker takes a step.
    Step(usize),
    /// A worker moves a head and never learns that it did.
    Lost(usize),
}

/// A whole situation.
#[derive(Clone, Debug, Hash)]
pub(crate) struct World {
    pub(crate) table: Table,
    pub(crate) workers: Vec<Worker>,
    pub(crate) lost: u8,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Different situations, or steps of random walks.
    pub(crate) states: usize,
    /// Different tables from which runs in peace were tried.
    pub(crate) ends: usize,
    /// The first trouble, with the way there, told.
    pub(crate) trouble: Option<(Broken, Vec<String>)>,
}

impl Scenario {
    /// The situation in which it begins.
    pub(crate) fn begin(&self) -> World {
        let mut table = Table { definitions: 1, ..Table::default() };
        if self.is_stored {
            let all_rules = Rules::default();
            let stored = alone(&mut table, self.source, all_rules, Worker::new(0xe0, Task::Run(u8::MAX)));
            assert!(stored.is_ok(), "{stored:?}");
        }
        let workers = (1..).zip(self.tasks).map(|(id, task)| Worker::new(id, *task)).collect();
        World { table, workers, lost: self.lost }
    }

    /// What can happen next.
    pub(crate) fn events(&self, world: &World) -> Vec<Event> {
        let mut events = Vec::new();
        for (at, worker) in world.workers.iter().enumerate().filter(|(_, worker)| worker.at != At::Done) {
            events.push(Event::Step(at));
            if world.lost > 0 && worker.is_moving() {
                events.push(Event::Lost(at));
            }
        }
        if world.table.time + 1 < self.source.len() {
            events.push(Event::Pendo);
        }
        if world.table.definitions < self.definitions {
            events.push(Event::Define);
        }
        events
    }

    /// Lets it happen.
    pub(crate) fn happen(&self, world: &mut World, event: Event, rules: Rules) -> Result<(), Broken> {
        match event {
            Event::Pendo => world.table.time += 1,
            Event::Define => world.table.definitions += 1,
            Event::Step(at) | Event::Lost(at) => {
                let is_lost = matches!(event, Event::Lost(_));
                world.lost -= u8::from(is_lost);
                let table = &mut world.table;
                world.workers[at].step(&mut Surroundings { table, source: self.source, rules, is_lost })?;
            }
        }
        check_named(&world.table)
    }

    /// Every order of everything, breadth first: what it finds is as short as can be. A worker that crashes is one that is
    /// not scheduled any more, so from each table a run in peace must mend all.
    pub(crate) fn everywhere(&self, rules: Rules, states_max: usize) -> Found {
        let first = self.begin();
        let mut ways: HashMap<u64, Option<(u64, Event)>, Quick> = HashMap::default();
        let mut ends: HashSet<u64, Quick> = HashSet::default();
        ways.insert(hash(&first), None);
        let mut open = VecDeque::from([first]);
        while let Some(world) = open.pop_front() {
            let from = hash(&world);
            for event in self.events(&world) {
                let mut next = world.clone();
                let mut outcome = self.happen(&mut next, event, rules);
                if outcome.is_ok() && ends.insert(hash(&next.table)) {
                    let end = check_end(&next.table, self.source, rules, self.definitions);
                    outcome = end.and_then(|()| check_state(&next.table, self.source, rules));
                }
                if let Err(trouble) = outcome {
                    let mut way = vec![event];
                    let mut at = from;
                    while let Some(Some((before, event))) = ways.get(&at) {
                        way.push(*event);
                        at = *before;
                    }
                    way.reverse();
                    let trouble = Some((trouble, self.tell(&way, rules)));
                    return Found { states: ways.len(), ends: ends.len(), trouble };
                }
                if let Entry::Vacant(unseen) = ways.entry(hash(&next)) {
                    unseen.insert(Some((from, event)));
                    open.push_back(next);
                }
            }
            assert!(ways.len() < states_max, "more than {states_max} situations: make the scenario smaller");
        }
        Found { states: ways.len(), ends: ends.len(), trouble: None }
    }

    /// Random walks. Workers sleep long, crash now and then, and begin anew when they are done.
    pub(crate) fn at_random(&self, rules: Rules, seed: u64, walks: usize, steps: usize) -> Found {
        let mut found = Found { states: 0, ends: 0, trouble: None };
        for walk in 0..walks {
            let mut dice = Dice(seed.wrapping_add(walk as u64));
            let mut world = self.begin();
            let mut way = Vec::new();
            let mut outcome = Ok(());
            let (mut born, mut asleep) = (world.workers.len() as u8, usize::MAX);
            while outcome.is_ok() && way.len() < steps {
                let unlucky = dice.below(world.workers.len() * 80);
                for (at, worker) in world.workers.iter_mut().enumerate() {
                    if at == unlucky || worker.at == At::Done {
                        born += 1;
                        *worker = Worker::new(born, worker.task);
                    }
                }
                if dice.below(25) == 0 {
                    asleep = dice.below(world.workers.len() + 1);
                }
                let is_rare = dice.below(8) == 0;
                let mut events = self.events(&world);
                events.retain(|event| match event {
                    Event::Step(at) | Event::Lost(at) => *at != asleep,
                    Event::Pendo | Event::Define => is_rare,
                });
                let event = events[dice.below(events.len())];
                way.push(event);
                outcome = self.happen(&mut world, event, rules);
                outcome = outcome.and_then(|()| check_state(&world.table, self.source, rules));
            }
            found.states += way.len();
            found.ends += 1;
            let end = outcome.and_then(|()| check_end(&world.table, self.source, rules, self.definitions));
            if let Err(trouble) = end {
                found.trouble = Some((trouble, vec![format!("walk {walk} of seed {seed}, step {}", way.len())]));
                return found;
            }
        }
        found
    }

    fn tell(&self, way: &[Event], rules: Rules) -> Vec<String> {
        let mut world = self.begin();
        let told = way.iter().map(|event| {
            let line = match event {
                Event::Step(at) => format!("{at}: {}", world.workers[*at].tell(rules)),
                Event::Lost(at) => format!("{at}: {}, and the answer is lost", world.workers[*at].tell(rules)),
                other => format!("{other:?}"),
            };
            let _found = self.happen(&mut world, *event, rules);
            line
        });
        told.collect()
    }
}
