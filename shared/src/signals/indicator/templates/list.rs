//! The templates.

use super::{Chosen, Parameter, Takes, Template, put};
use serde_json::{Value, json};

const USED: Parameter = Parameter {
    name: "used",
    about: "The field that says how much of the limit is used, in the unit of the limit.",
    takes: Takes::Field,
};
const LIMIT: Parameter =
    Parameter { name: "limit", about: "The column that says how much the plan allows.", takes: Takes::Column };

/// Every template.
pub const TEMPLATES: [Template; 7] = [
    Template {
        name: "seat_saturation",
        title: "Seat saturation",
        about: "Most of the seats that were bought have been in use for days on end; use it where more seats can be sold.",
        needs: "A field that counts active people, such as distinct visitors of the last 30 days, and a column with the seats \
                that were bought.",
        parameters: &[
            Parameter { name: "seats_used", about: "The field that counts the seats in use.", takes: Takes::Field },
            Parameter { name: "seats", about: "The column with the seats that were bought.", takes: Takes::Column },
            Parameter {
                name: "at_percent",
                about: "From how many percent of the seats on.",
                takes: Takes::Number { least: 1.0, most: 1000.0, default: 80.0 },
            },
            Parameter {
                name: "for_days",
                about: "For how many days in a row, so that a busy day alone is none.",
                takes: Takes::Days { most: 366, default: 14 },
            },
        ],
        make: |chosen| {
            let mut body = share_of_limit(chosen, "seats_used", "seats");
            put(&mut body, "for_days", chosen.get("for_days"));
            body
        },
    },
    Template {
        name: "limit_approach",
        title: "Limit approach",
        about: "Use comes near a limit of the plan; use it to talk about the next plan before anybody is held up.",
        needs: "A field that measures what the plan limits, and a column with the limit.",
        parameters: &[
            USED,
            LIMIT,
            Parameter {
                name: "at_percent",
                about: "From how many percent of the limit on.",
                takes: Takes::Number { least: 1.0, most: 100.0, default: 80.0 },
            },
        ],
        make: |chosen| share_of_limit(chosen, "used", "limit"),
    },
    Template {
        name: "limit_breach",
        title: "Limit breach",
        about: "Use has reached a limit of the plan or is over it; use it where more use than was bought goes on.",
        needs: "A field that measures what the plan limits, and a column with the limit.",
        parameters: &[
            USED,
            LIMIT,
            Parameter {
                name: "at_percent",
                about: "From how many percent of the limit on.",
                takes: Takes::Number { least: 100.0, most: 1000.0, default: 100.0 },
            },
        ],
        make: |chosen| share_of_limit(chosen, "used", "limit"),
    },
    Template {
        name: "gate_hit",
        title: "Gate hit",
        about: "People try a feature that their plan has not; use it where such attempts are tracked.",
        needs: "A field that counts attempts on the feature, such as views of the page that offers the upgrade, and a column \
                with the plan.",
        parameters: &[
            Parameter { name: "attempts", about: "The field that counts the attempts.", takes: Takes::Field },
            Parameter { name: "plan", about: "The column with the plan.", takes: Takes::Column },
            Parameter { name: "plans_with_it", about: "The plans that have the feature.", takes: Takes::Texts },
            Parameter {
                name: "at_least",
                about: "From how many attempts on.",
                takes: Takes::Number { least: 1.0, most: 1e9, default: 1.0 },
            },
        ],
        make: |chosen| {
            json!({"condition": {"all": [
                {"field": chosen.get("attempts"), "is": "at_least", "value": chosen.get("at_least")},
                {"column": chosen.get("plan"), "is": "not_in", "values": chosen.get("plans_with_it")},
            ]}})
        },
    },
    Template {
        name: "usage_growth",
        title: "Usage growth",
        about: "Use grows in two periods one after the other; use it where those who use more come to buy more.",
        needs: "A field of the function change, over a window as long as `days`: its values are shares, 0.2 for 20 % more than \
                in the window before.",
        parameters: &[
            Parameter { name: "trend", about: "The field that says by how much use changed.", takes: Takes::Field },
            Parameter {
                name: "at_least_percent",
                about: "By how many percent use must grow in each of the two periods.",
                takes: Takes::Number { least: 1.0, most: 10_000.0, default: 20.0 },
            },
            Parameter {
                name: "days",
                about: "How long a period is: the days of the field's window.",
                takes: Takes::Days { most: 366, default: 30 },
            },
        ],
        make: |chosen| {
            let (trend, percent) = (chosen.get("trend"), chosen.number("at_least_percent"));
            let now = json!({"field": trend, "is": "at_least", "value": percent / 100.0});
            let mut then = now.clone();
            put(&mut then, "days_ago", chosen.get("days"));
            json!({
                "condition": {"all": [now, then]},
                "strength": {"field": trend, "from": percent / 100.0, "to": (percent + 80.0) / 100.0},
            })
        },
    },
    Template {
        name: "power_user_concentration",
        title: "Power-user concentration",
        about: "A few people do most of the work; use it to find accounts in which more could be won over, and which hang on few.",
        needs: "A field that says which share of use its top users have, 0 to 1.",
        parameters: &[
            Parameter { name: "concentration", about: "The field that says the share.", takes: Takes::Field },
            Parameter {
                name: "at_least",
                about: "From which share on.",
                takes: Takes::Number { least: 0.01, most: 0.99, default: 0.5 },
            },
        ],
        make: |chosen| {
            let (field, at_least) = (chosen.get("concentration"), chosen.get("at_least"));
            json!({
                "condition": {"field": field, "is": "at_least", "value": at_least},
                "strength": {"field": field, "from": at_least, "to": 1.0},
            })
        },
    },
    Template {
        name: "multi_user_adoption",
        title: "Multi-user adoption",
        about: "What one or two people tried has caught on with others; use it for trials and for teams that begin.",
        needs: "A field that counts the people who use something.",
        parameters: &[
            Parameter { name: "users", about: "The field that counts the people.", takes: Takes::Field },
            Parameter {
                name: "at_least",
                about: "From how many people on.",
                takes: Takes::Number { least: 1.0, most: 1e9, default: 3.0 },
            },
            Parameter {
                name: "within_days",
                about: "Within how many days it must have come to that.",
                takes: Takes::Days { most: 366, default: 30 },
            },
        ],
        make: |chosen| {
            json!({"condition": {"field": chosen.get("users"), "is": "at_least", "value": chosen.get("at_least"),
                "crossed_within_days": chosen.get("within_days")}})
        },
    },
];

/// So much of a limit, where there is one. The strength is 100 at forty points of percent above.
fn share_of_limit(chosen: &Chosen, used: &str, limit: &str) -> Value {
    let (used, limit, percent) = (chosen.get(used), chosen.get(limit), chosen.number("at_percent"));
    json!({
        "condition": {"all": [
            // Nothing is all of nothing.
            {"column": limit, "is": "above", "value": 0},
            {"field": used, "is": "at_least", "other": {"column": limit}, "times": percent / 100.0},
        ]},
        "strength": {"field": used, "other": {"column": limit}, "from": percent / 100.0, "to": (percent + 40.0) / 100.0},
    })
}
