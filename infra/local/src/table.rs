//! A table as text: columns as wide as they must be, long headings over several lines, no wider than a screen.

const GAP: &str = "  ";

/// Lays out rows under headings. Columns that would make it wider than `width` are left out; the first never is.
#[must_use]
pub fn render(headings: &[String], rows: &[Vec<String>], width: usize) -> String {
    let widths: Vec<usize> =
        headings.iter().enumerate().map(|(column, heading)| column_width(column, heading, rows)).collect();
    let shown = shown_columns(&widths, width);
    let wrapped: Vec<Vec<String>> =
        headings.iter().zip(&widths).map(|(heading, width)| wrap(heading, *width)).collect();
    let height = wrapped.iter().take(shown).map(Vec::len).max().unwrap_or_default();
    let mut lines = Vec::new();
    for line in 0..height {
        // Headings stand on the line above the rows, so shorter ones begin lower.
        let cells = wrapped.iter().map(|words| {
            (line + words.len()).checked_sub(height).and_then(|at| words.get(at)).map_or("", String::as_str)
        });
        lines.push(join(cells, &widths, shown));
    }
    lines.push(join(widths.iter().map(|width| "─".repeat(*width)), &widths, shown));
    for row in rows {
        lines.push(join(row.iter().map(String::as_str), &widths, shown));
    }
    let left_out = headings.len() - shown;
    if left_out > 0 {
        lines.push(format!("… and {left_out} more columns"));
    }
    lines.join("\n")
}

fn column_width(column: usize, heading: &str, rows: &[Vec<String>]) -> usize {
    let longest_word = heading.split(' ').map(letters).max().unwrap_or_default();
    let longest_cell =
        rows.iter().filter_map(|row| row.get(column)).map(|cell| letters(cell)).max().unwrap_or_default();
    longest_word.max(longest_cell)
}

fn shown_columns(widths: &[usize], width: usize) -> usize {
    let mut used = 0;
    let fits = widths.iter().take_while(|column| {
        used += **column + GAP.len();
        used <= width + GAP.len()
    });
    fits.count().max(1).min(widths.len())
}

fn wrap(heading: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in heading.split(' ') {
        match lines.last_mut() {
            Some(line) if letters(line) + 1 + letters(word) <= width => *line = format!("{line} {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The first column stands left, the others, which are mostly numbers, right.
fn join<T: AsRef<str>>(cells: impl Iterator<Item = T>, widths: &[usize], shown: usize) -> String {
    let padded = cells.zip(widths).take(shown).enumerate().map(|(column, (cell, width))| {
        let cell = cell.as_ref();
        let padding = " ".repeat(width.saturating_sub(letters(cell)));
        if column == 0 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
    });
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

/// A whole number with its thousands apart: `12,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Any number: a whole one with its thousands apart, another one to three places.
#[must_use]
pub fn number(number: &serde_json::Number) -> String {
    match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => grouped(whole),
        (None, Some(other)) => format!("{other:.3}"),
        (None, None) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn long_headings_wrap_and_numbers_stand_right() {
        let rows = [texts(&["Blue Harbor", "1,204", "7"]), texts(&["Élan", "9", "–"])];
        let shown = render(&texts(&["Account", "Events 30d", "Days since last used"]), &rows, 80);
        let expected = [
            "                      Days",
            "                     since",
            "             Events   last",
            "Account         30d   used",
            "───────────  ──────  ─────",
            "Blue Harbor   1,204      7",
            "Élan              9      –",
        ];
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_narrow_screen_leaves_columns_out_and_says_so() {
        let shown = render(&texts(&["Account", "A", "B"]), &[texts(&["x", "1", "2"])], 11);
        assert!(shown.ends_with("… and 1 more columns"), "{shown}");
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn shares_and_changes_have_three_places() {
        let shown = |value: serde_json::Value| number(value.as_number().unwrap());
        assert_eq!(shown(serde_json::json!(1_234_567)), "1,234,567");
        assert_eq!(shown(serde_json::json!(0.0)), "0.000");
        assert_eq!(shown(serde_json::json!(7.0 / 30.0)), "0.233");
        assert_eq!(shown(serde_json::json!(-0.5)), "-0.500");
    }
}
