//! Every value as one JSON object a line, sorted by object, id and field.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One value of one object, in the order in which its members are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportLine {
    /// `account` or `contact`.
    pub object: String,
    /// Whose.
    pub id: String,
    /// The field's name.
    pub field: String,
    /// The value, or null.
    pub value: Value,
    /// Why it is null.
    pub reason: Value,
    /// Where the window begins.
    pub from: Value,
    /// Where it ends.
    pub to: Value,
    /// The end of what was read.
    pub as_of: Value,
    /// Hours read over hours of the window.
    pub coverage: Value,
    /// Whether it can still change.
    #[serde(rename = "final")]
    pub is_final: Value,
}

/// Reads lines from the API's items.
///
/// # Errors
/// An item that is no such line.
pub fn lines(items: Vec<Value>) -> Result<Vec<ExportLine>, serde_json::Error> {
    let mut lines: Vec<ExportLine> = items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
    lines.sort_by(|a, b| (&a.object, &a.id, &a.field).cmp(&(&b.object, &b.id, &b.field)));
    Ok(lines)
}

/// The file's content.
///
/// # Errors
/// A line that can't be written as JSON.
pub fn render(lines: &[ExportLine]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_sorted_and_keep_their_members_order() {
        let item = |object: &str, id: &str, field: &str| {
            json!({"object": object, "id": id, "field": field, "value": 42, "reason": null, "from": "2026-05-31T00:00:00Z",
                "to": "2026-06-30T00:00:00Z", "as_of": "2026-06-30T12:00:00Z", "coverage": 1.0, "final": false, "more": 1})
        };
        let lines =
            lines(vec![item("contact", "C-1", "A"), item("account", "A-2", "B"), item("account", "A-2", "A")]).unwrap();
        let text = render(&lines).unwrap();
        let first = r#"{"object":"account","id":"A-2","field":"A","value":42,"reason":null,"from":"2026-05-31T00:00:00Z","to":"2026-06-30T00:00:00Z","as_of":"2026-06-30T12:00:00Z","coverage":1.0,"final":false}"#;
        assert_eq!(text.lines().next(), Some(first));
        assert_eq!(text.lines().count(), 3);
    }
}
