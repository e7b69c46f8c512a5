//! What a user agent says: browser, version, operating system.

/// Reads a user agent's browser, version and system.
pub(crate) fn read(agent: &str) -> (&'static str, String, &'static str) {
    let marks = [("Edg/", "Microsoft Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Version/", "Safari")];
    let found = marks.into_iter().find_map(|(mark, name)| agent.split_once(mark).map(|(_, rest)| (name, rest)));
    let (browser, rest) = found.unwrap_or(("Unknown", ""));
    let version = rest.split([' ', ')']).next().unwrap_or("").to_owned();
    let systems = [
        ("iPhone", "iOS"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac OS X"),
        ("Linux", "Linux"),
    ];
    let system = systems.into_iter().find(|(mark, _)| agent.contains(mark)).map_or("Unknown", |(_, name)| name);
    (browser, version, system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_is_not_taken_for_chrome() {
        let agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.1.0";
        assert_eq!(read(agent), ("Microsoft Edge", "126.0.1.0".to_owned(), "Windows"));
    }
}
