//! JSON as people can read it: a member a line, and a list on one line however long it is.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// The value as a document with a line end.
pub(crate) fn document(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, Readable::default());
    value
        .serialize(&mut serializer)
        .expect("numbers and texts are JSON");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    text + "\n"
}

#[derive(Default)]
struct Readable(PrettyFormatter<'static>);

impl Formatter for Readable {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn a_list_is_one_line() {
        let value = serde_json::json!({"a": [1, 2, 3], "b": {"c": [], "d": {}}, "e": ["x"]});
        let expected = "{\n  \"a\": [1, 2, 3],\n  \"b\": {\n    \"c\": [],\n    \"d\": {}\n  },\n  \"e\": [\"x\"]\n}\n";
        assert_eq!(document(&value), expected);
    }
}
