//! Rows from outside to inside and back.

use std::sync::Arc;

use crate::row::{Kind, NONE, Period, RawRow, Row};
use crate::value::{Record, Value};
use crate::world::{Account, Course, Origin, Visitor, World, hour, origin};

impl World {
    /// Takes in a row that was made by hand.
    pub(crate) fn inject(&mut self, raw: &RawRow) {
        let single = raw.kind.is_single();
        let (server, remote_ip, user_agent) = (&raw.server, &raw.remote_ip, &raw.user_agent);
        let made = Origin {
            server: self.texts.number(server),
            remote_ip: self.texts.number(remote_ip),
            user_agent: self.texts.number(user_agent),
            country: self.texts.number("US"),
            region: self.texts.number("NC"),
            latitude: 35.78,
            longitude: -78.64,
        };
        let origin = origin::put(self, made);
        let mut record = Record::from_json(&raw.details);
        if let Some(kind) = &raw.event_type {
            record.set("type", Value::text(kind));
        }
        for (name, json) in [("parameters", &raw.parameters), ("properties", &raw.properties)] {
            if let Some(json) = json {
                record.set(name, Value::from_json(json));
            }
        }
        let row = Row {
            kind: raw.kind,
            period: Period::Hour,
            object: self.texts.number(&raw.object_id),
            visitor: self.texts.number(&raw.visitor_id),
            account: raw.account_id.as_ref().map_or(NONE, |id| self.texts.number(id)),
            origin,
            extra: if record.is_empty() { NONE } else { hour::keep(self, record) },
            events: raw.events,
            minutes: raw.minutes,
            app: raw.app_id,
            hour: raw.hour_ms,
            first: raw.first_ms,
            last: if single { raw.browser_ms.unwrap_or(raw.first_ms) } else { raw.last_ms },
            arrives: raw.arrives_at_ms,
            early_events: 0,
            early_at: 0,
        };
        if raw.excluded {
            self.exclude(&raw.visitor_id);
        }
        self.meet(&row, raw.do_not_process);
        self.add_rows(vec![row]);
    }

    /// Usage makes its visitor and its account known.
    fn meet(&mut self, row: &Row, do_not_process: bool) {
        if self.visitor(&self.texts.text(row.visitor)).is_none() {
            let visitor = Visitor {
                id: row.visitor,
                metadata: Arc::default(),
                by_hand: false,
                do_not_process,
                accounts: Vec::new(),
            };
            self.put_visitor(visitor);
        }
        let account = self.texts.text(row.account);
        if row.account != NONE && !account.is_empty() && self.account(&account).is_none() {
            self.put_account(Account {
                id: row.account,
                metadata: Arc::default(),
                by_hand: false,
                course: Course::Steady,
            });
        }
    }

    /// Every row of some kinds that has arrived and was not erased, whatever is being reprocessed just now.
    pub(crate) fn truth(&self, kinds: &[Kind], now_ms: i64) -> Vec<RawRow> {
        let rows = kinds.iter().flat_map(|kind| self.rows(*kind));
        let seen = rows
            .filter(|row| !self.is_hidden(row))
            .filter_map(|row| row.seen_at(now_ms))
            .filter(|row| self.is_matched(row));
        seen.map(|row| self.raw(&row)).collect()
    }

    /// The outside of a row.
    pub(crate) fn raw(&self, row: &Row) -> RawRow {
        let single = row.kind.is_single();
        let record = self.extra(row).map_or_else(Record::default, |record| Record::clone(record));
        let json = |name: &str| record.get(name).map(Value::to_json);
        let mut details = serde_json::Map::new();
        for (name, value) in record.iter().filter(|(name, _)| !matches!(&***name, "type" | "parameters" | "properties"))
        {
            details.insert(name.to_string(), value.to_json());
        }
        let origin = self.origins.get(row.origin as usize);
        let text = |pick: fn(&Origin) -> u32| {
            origin.map_or_else(String::new, |origin| self.texts.str(pick(origin)).to_owned())
        };
        RawRow {
            kind: row.kind,
            object_id: self.texts.str(row.object).to_owned(),
            app_id: row.app,
            visitor_id: self.texts.str(row.visitor).to_owned(),
            account_id: (row.account != NONE).then(|| self.texts.str(row.account).to_owned()),
            hour_ms: row.hour,
            first_ms: row.first,
            last_ms: if single { row.first } else { row.last },
            events: row.events,
            minutes: row.minutes,
            browser_ms: single.then_some(row.last),
            event_type: record.get("type").and_then(Value::as_text).map(str::to_owned),
            server: text(|origin| origin.server),
            remote_ip: text(|origin| origin.remote_ip),
            user_agent: text(|origin| origin.user_agent),
            parameters: json("parameters"),
            properties: json("properties"),
            details,
            excluded: self.is_excluded(row),
            do_not_process: self.visitor_of(row).is_some_and(|visitor| visitor.do_not_process),
            arrives_at_ms: row.arrives,
        }
    }

    /// The further fields of a row.
    pub(crate) fn extra(&self, row: &Row) -> Option<&Arc<Record>> {
        self.extras.get(row.extra as usize)
    }
}
