//! What commands print.

use serde_json::Value;
use std::io::{ErrorKind, Write};
use thiserror::Error;

/// Prints a command's output line by line.
pub(super) struct Printer<'a> {
    out: &'a mut dyn Write,
}

/// Output that could not be written.
#[derive(Debug, Error)]
#[error("the output cannot be written")]
pub(super) struct OutputError(#[from] std::io::Error);

impl OutputError {
    /// Whether the reader went away (`| head`), which is no failure.
    pub(super) fn is_closed_pipe(&self) -> bool {
        self.0.kind() == ErrorKind::BrokenPipe
    }
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Printer<'a> {
        Printer { out }
    }

    /// Text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), OutputError> {
        self.bytes(text.as_bytes())
    }

    /// Bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.out.write_all(bytes)?;
        Ok(self.out.flush()?)
    }

    /// One line. Control characters, which names chosen by others may hold, do not reach the
    /// terminal.
    pub(super) fn line(&mut self, text: &str) -> Result<(), OutputError> {
        self.text(&format!("{}\n", harmless(text)))
    }

    /// An indented JSON document.
    pub(super) fn json(&mut self, value: &Value) -> Result<(), OutputError> {
        self.text(&format!("{value:#}\n"))
    }

    /// Columns as wide as their widest cell, under a heading.
    pub(super) fn table<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: &[[String; N]],
    ) -> Result<(), OutputError> {
        let mut widths = heading.map(|cell| cell.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in std::iter::once(&heading.map(str::to_owned)).chain(rows) {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            self.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// The text of a field for a table; `-` if it is null or missing.
pub(super) fn cell(value: &Value, field: &str) -> String {
    match value.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Text without control characters.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_do_not_pass() {
        let mut out = Vec::new();
        let rows = [["a\u{1b}[2J".to_owned(), "x".to_owned()], ["画像画像画像".to_owned(), "y".to_owned()]];
        Printer::new(&mut out).table(["ID", "NAME"], &rows).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(text, "ID      NAME\na\u{FFFD}[2J   x\n画像画像画像  y\n");
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let closed = OutputError(ErrorKind::BrokenPipe.into());
        assert!(closed.is_closed_pipe());
        assert!(!OutputError(ErrorKind::StorageFull.into()).is_closed_pipe());
    }
}
