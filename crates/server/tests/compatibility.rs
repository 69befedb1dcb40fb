//! `docs/compatibility.md` tells the truth: rows, counts, the tests it names, and the codes of the API.

// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rows of the table of features.
const FEATURES: u32 = 120;

/// Fewest characters of a reason.
const REASON: usize = 10;

/// Folders whose tests make requests, below the tests of this package.
const BY_REQUEST: [&str; 3] = ["api/", "clients/", "e2e/"];

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document() -> String {
    read(&package().join("../../docs/compatibility.md"))
}

/// One row of a table.
struct Row {
    /// The first two cells.
    key: [String; 2],
    status: String,
    /// `file::test`.
    tests: Vec<String>,
    reason: String,
}

/// The rows below a heading. A line of the table that is no row ends the test.
fn rows(document: &str, heading: &str) -> Vec<Row> {
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let part = rest.split("\n## ").next().expect("a part");
    // The first two lines are the head of the table.
    part.lines().filter(|line| line.starts_with('|')).skip(2).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", first, second, _, status, last, ""] = cells[..] else { panic!("five cells: {line}") };
    let mut row = Row {
        key: [first.to_owned(), second.to_owned()],
        status: status.to_owned(),
        tests: Vec::new(),
        reason: String::new(),
    };
    for (n, piece) in last.split('`').enumerate() {
        match piece {
            test if n % 2 == 1 && test.contains(".rs::") => row.tests.push(test.to_owned()),
            text => row.reason.push_str(text.trim()),
        }
    }
    row
}

/// The text of a test function, from its name to its end.
fn test(name: &str) -> String {
    let (file, function) = name.split_once("::").expect("file::test");
    assert!(BY_REQUEST.iter().any(|folder| file.starts_with(folder)), "{name}: no test by request");
    let source = read(&package().join("tests").join(file));
    let begins = ["fn ", "async fn "].into_iter().find_map(|start| {
        let attribute = if start == "fn " { "#[test]" } else { "#[tokio::test]" };
        source.find(&format!("\n{attribute}\n{start}{function}() {{\n"))
    });
    let body = &source[begins.unwrap_or_else(|| panic!("{name}: no such test"))..];
    body.split("\n}\n").next().expect("an end").to_owned()
}

/// Names, numbers and paths in Rust, without comments and texts.
fn words(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join(" \" ") + "\n")
        .collect();
    let breaks = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    code.split(breaks).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Checks what all rows have in common, and the sentence of their counts.
fn check(document: &str, rows: &[Row], of: &str) {
    let mut counts = BTreeMap::new();
    for row in rows {
        let name = row.key.join(" ");
        let has_reason = row.reason.len() >= REASON;
        let good = match row.status.as_str() {
            "done" => !row.tests.is_empty(),
            "different on purpose" => has_reason && !row.tests.is_empty(),
            "not done" => has_reason && row.tests.is_empty(),
            other => panic!("{name}: unknown status {other}"),
        };
        assert!(good, "{name}: tests for what is done, and a reason for what is not: {}", row.reason);
        row.tests.iter().for_each(|name| drop(test(name)));
        *counts.entry(row.status.as_str()).or_insert(0) += 1;
    }
    let count = |status| counts.get(status).copied().unwrap_or(0);
    let sentence = format!(
        "\nOf {} {of}, {} are done, {} are different on purpose, and {} are not done.\n",
        rows.len(),
        count("done"),
        count("different on purpose"),
        count("not done")
    );
    let top = document.split("\n## ").next().expect("a beginning");
    assert!(top.contains(&sentence), "the page must say: {sentence}");
}

#[test]
fn every_feature_is_there_once_and_proved() {
    let document = document();
    let rows = rows(&document, "Features");
    let numbers: Vec<String> = rows.iter().map(|row| row.key[0].clone()).collect();
    assert_eq!(numbers, (1..=FEATURES).map(|number| number.to_string()).collect::<Vec<_>>());
    check(&document, &rows, "features");
}

#[test]
fn every_status_and_code_is_asked_for_by_a_request() {
    let document = document();
    let rows = rows(&document, "Statuses and codes");
    let keys: BTreeSet<_> = rows.iter().map(|row| &row.key).collect();
    assert_eq!(keys.len(), rows.len(), "a row is there twice");
    check(&document, &rows, "statuses with their codes");
    for row in rows.iter().filter(|row| row.status != "not done") {
        // A test that expects both has both in its text.
        let asked = row.tests.iter().any(|name| {
            let words = words(&test(name));
            row.key.iter().all(|number| words.contains(number))
        });
        assert!(asked, "{}: no named test has both numbers", row.key.join(" "));
    }
}

/// Codes as they stand in the sources, each with its status where that stands before it.
fn codes_of_the_api() -> BTreeSet<(Option<String>, String)> {
    let names: BTreeMap<String, u16> = (100..600)
        .filter_map(|code| StatusCode::from_u16(code).ok()?.canonical_reason().map(|name| (name, code)))
        .map(|(name, code)| (format!("StatusCode::{}", name.to_uppercase().replace(' ', "_")), code))
        .collect();
    let status = |word: &str| match names.get(word) {
        Some(code) => Some(code.to_string()),
        None => word.parse::<u16>().ok().filter(|code| (400..600).contains(code)).map(|_| word.to_owned()),
    };
    let is_code = |word: &str| {
        word.parse::<u32>().is_ok_and(|n| matches!(n, 5400..5600 | 7000..7100 | 9400..9600 | 10_000))
    };
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(package().join("src/http")).expect("a folder") {
        let source = read(&entry.expect("an entry").path());
        for pair in words(source.split("#[cfg(test)]").next().expect("code")).windows(2) {
            if is_code(&pair[1]) {
                found.insert((status(&pair[0]), pair[1].clone()));
            }
        }
    }
    found
}

#[test]
fn every_code_of_the_api_is_in_the_table() {
    let rows = rows(&document(), "Statuses and codes");
    let found = codes_of_the_api();
    assert!(found.len() > 40, "the sources look otherwise: mend this test: {found:?}");
    for (status, code) in found {
        let listed = rows
            .iter()
            .any(|row| row.key[1] == code && status.as_ref().is_none_or(|status| *status == row.key[0]));
        assert!(listed, "{status:?} {code} is not in the table");
    }
}
