//! Reads the flat JSON reports that the library writes.

use std::str::FromStr;

/// The text behind a key's first appearance.
pub(crate) fn member<'a>(json: &'a str, key: &str) -> &'a str {
    let quoted = format!("\"{key}\":");
    let start = json.find(&quoted).unwrap_or_else(|| panic!("libeml: the report lacks {key}")) + quoted.len();
    &json[start..]
}

/// The number or truth value behind a key's first appearance.
pub(crate) fn value<T: FromStr>(json: &str, key: &str) -> T {
    scalar(member(json, key)).parse().unwrap_or_else(|_| panic!("libeml: {key} of the report is not what it should be"))
}

/// The same, where JSON has null for numbers that are not finite.
pub(crate) fn float(json: &str, key: &str, unless_finite: f64) -> f64 {
    if scalar(member(json, key)) == "null" {
        unless_finite
    } else {
        value(json, key)
    }
}

fn scalar(text: &str) -> &str {
    &text[..text.find([',', ']', '}']).unwrap_or(text.len())]
}
