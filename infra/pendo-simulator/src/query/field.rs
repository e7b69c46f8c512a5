//! The fields of raw rows by number, so that a row need not become a map before somebody asks for all of it.

use crate::query::run::Run;
use crate::query::time;
use crate::row::{Kind, NONE, Period, Row};
use crate::value::{Name, Record, Value};
use crate::world::Origin;

/// A field that every usage row knows without looking into its further fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Visitor,
    Account,
    AccountList,
    App,
    Hour,
    Day,
    Week,
    Month,
    First,
    Last,
    Events,
    Minutes,
    Page,
    Feature,
    TrackType,
    Guide,
    Server,
    ServerName,
    RemoteIp,
    UserAgent,
    Country,
    Region,
    Latitude,
    Longitude,
    BrowserTime,
    ReceivedTime,
    GuideTimestamp,
    Clicks,
}

const FIELDS: [(&str, Field); 31] = [
    ("visitorId", Field::Visitor),
    ("accountId", Field::Account),
    ("accountIds", Field::AccountList),
    ("appId", Field::App),
    ("hour", Field::Hour),
    ("day", Field::Day),
    ("week", Field::Week),
    ("month", Field::Month),
    ("firstTime", Field::First),
    ("lastTime", Field::Last),
    ("numEvents", Field::Events),
    ("numMinutes", Field::Minutes),
    ("pageId", Field::Page),
    ("featureId", Field::Feature),
    ("trackTypeId", Field::TrackType),
    ("guideId", Field::Guide),
    ("server", Field::Server),
    ("serverName", Field::ServerName),
    ("remoteIp", Field::RemoteIp),
    ("userAgent", Field::UserAgent),
    ("country", Field::Country),
    ("region", Field::Region),
    ("latitude", Field::Latitude),
    ("longitude", Field::Longitude),
    ("browserTime", Field::BrowserTime),
    ("receivedTime", Field::ReceivedTime),
    ("guideTimestamp", Field::GuideTimestamp),
    ("rageClickCount", Field::Clicks),
    ("deadClickCount", Field::Clicks),
    ("errorClickCount", Field::Clicks),
    ("uTurnCount", Field::Clicks),
];

impl Field {
    /// The field of a name.
    pub(crate) fn of_name(name: &str) -> Option<Field> {
        FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Whether rows of a kind and bucket width have the field.
    pub(crate) fn is_on(self, kind: Kind, period: Period) -> bool {
        let single = kind.is_single();
        match self {
            Field::Visitor | Field::Account | Field::App | Field::RemoteIp | Field::UserAgent => true,
            Field::Country | Field::Region | Field::Latitude | Field::Longitude => true,
            Field::Hour => !single && period == Period::Hour,
            Field::Day => !single && period == Period::Day,
            Field::Week => !single && period != Period::Month,
            Field::Month => !single,
            Field::First | Field::Last | Field::Events | Field::Minutes | Field::Server => !single,
            Field::Page => matches!(kind, Kind::Event | Kind::Page),
            Field::Feature => kind == Kind::Feature,
            Field::TrackType => kind == Kind::Track,
            Field::Guide | Field::ServerName | Field::BrowserTime | Field::ReceivedTime | Field::AccountList => single,
            Field::GuideTimestamp => kind == Kind::Guide,
            Field::Clicks => matches!(kind, Kind::Event | Kind::Page | Kind::Feature),
        }
    }

    /// The field's value on a row.
    pub(crate) fn value(self, row: &Row, run: &Run<'_>) -> Value {
        if !self.is_on(row.kind, row.period) {
            return Value::Null;
        }
        let text = |number: u32| Value::Text(run.world.texts.text(number));
        let origin = |pick: fn(&Origin) -> u32| {
            run.world.origins.get(row.origin as usize).map_or(Value::Null, |origin| text(pick(origin)))
        };
        let degrees = |pick: fn(&Origin) -> f64| {
            run.world.origins.get(row.origin as usize).map_or(Value::Null, |origin| Value::Number(pick(origin)))
        };
        match self {
            Field::Visitor => text(row.visitor),
            Field::Account if row.account == NONE => Value::Null,
            Field::Account => text(row.account),
            Field::AccountList if row.account == NONE => Value::Null,
            Field::AccountList => Value::list(vec![text(row.account)]),
            Field::App => Value::int(row.app),
            Field::Hour | Field::Day => Value::int(row.hour),
            Field::Week => Value::int(time::start_of(Period::Week, row.hour, run.world.zone)),
            Field::Month => Value::int(time::start_of(Period::Month, row.hour, run.world.zone)),
            Field::First | Field::ReceivedTime | Field::GuideTimestamp => Value::int(row.first),
            Field::Last | Field::BrowserTime => Value::int(row.last),
            Field::Events => Value::Number(f64::from(row.events)),
            Field::Minutes => Value::Number(f64::from(row.minutes)),
            Field::Page | Field::Feature | Field::TrackType | Field::Guide => text(row.object),
            Field::Server | Field::ServerName => origin(|origin| origin.server),
            Field::RemoteIp => origin(|origin| origin.remote_ip),
            Field::UserAgent => origin(|origin| origin.user_agent),
            Field::Country => origin(|origin| origin.country),
            Field::Region => origin(|origin| origin.region),
            Field::Latitude => degrees(|origin| origin.latitude),
            Field::Longitude => degrees(|origin| origin.longitude),
            // A few clicks are dead ones.
            Field::Clicks => Value::Number(0.0),
        }
    }
}

/// A raw row with all its fields, as an ungrouped answer shows it.
pub(crate) fn record(row: &Row, run: &Run<'_>) -> Record {
    let mut record = Record::default();
    for (name, field) in FIELDS {
        if !field.is_on(row.kind, row.period) {
            continue;
        }
        let value = field.value(row, run);
        let is_absent = matches!(value, Value::Null) && matches!(field, Field::Account);
        if !is_absent {
            record.push(Name::from(name), value);
        }
    }
    if let Some(extra) = run.world.extra(row) {
        for (name, value) in extra.iter() {
            record.set(name, value.clone());
        }
    }
    if row.kind == Kind::Page && record.get("parameters").is_none() {
        record.set("parameters", Value::Null);
    }
    record
}
