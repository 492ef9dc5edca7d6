//! Makes sure that what the CSV reader is given ends: every quote, every record, and every line,
//! with `\n`.
//!
//! The reader itself takes what it gets. A quote that nobody closes makes it swallow the rest of
//! the file without a word, and memory with it; it counts `\n` only, though files of old Macs end
//! lines with `\r`; and it takes a quote behind a blank for a letter. So the text passes through
//! here first. Lines stay what they are, one for one. Nothing here splits fields.

use std::io::{self, Read};

use memchr::memchr3;

use super::flaw::TableFlaw;

/// A record longer than this, in bytes, is no user. The reader holds one record at a time.
pub(super) const LONGEST_RECORD: usize = 1 << 20;

const BUFFER: usize = 1 << 16;

/// Where in a field the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Only blanks came since the field began.
    Start,
    /// In a field without quotes, or past whatever stood in quotes.
    Plain,
    /// In quotes, opened at this line.
    Quoted(u64),
    /// Right behind a quote that closes, unless another follows; opened at this line.
    Closed(u64),
}

/// The text, tidied.
pub(super) struct Tidy<R> {
    inner: R,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    delimiter: u8,
    state: State,
    /// The line of the next byte.
    line: u64,
    /// The line where the record began.
    record: u64,
    /// Bytes of the record so far.
    length: usize,
    after_return: bool,
    at_line_start: bool,
    flaw: Option<TableFlaw>,
}

impl<R: Read> Tidy<R> {
    /// Begins with the line of this number.
    pub(super) fn new(inner: R, delimiter: u8, line: u64) -> Self {
        Self {
            inner,
            buffer: vec![0; BUFFER].into(),
            from: 0,
            to: 0,
            delimiter,
            state: State::Start,
            line,
            record: line,
            length: 0,
            after_return: false,
            at_line_start: true,
            flaw: None,
        }
    }

    /// Tidies what is in the buffer. Returns the number of bytes written.
    fn tidy(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        while self.from < self.to && written < out.len() {
            let plain = self.plain_run(out.len() - written);
            if plain > 0 {
                let run = &self.buffer[self.from..self.from + plain];
                out[written..written + plain].copy_from_slice(run);
                written += plain;
                self.from += plain;
                (self.after_return, self.at_line_start) = (false, false);
                if let Err(flaw) = self.lengthen(plain) {
                    self.flaw = Some(flaw);
                    break;
                }
                continue;
            }
            let byte = self.buffer[self.from];
            self.from += 1;
            let skip = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if skip {
                continue;
            }
            let byte = if byte == b'\r' { b'\n' } else { byte };
            match self.step(byte) {
                Ok(false) => {}
                Ok(true) => {
                    out[written] = byte;
                    written += 1;
                    self.at_line_start = byte == b'\n';
                }
                Err(flaw) => {
                    self.flaw = Some(flaw);
                    break;
                }
            }
        }
        written
    }

    /// How many of the next bytes, up to this many, are handed on as they are: in a field without
    /// quotes all up to its end.
    fn plain_run(&self, most: usize) -> usize {
        if self.state != State::Plain {
            return 0;
        }
        let bytes = &self.buffer[self.from..self.to];
        let bytes = &bytes[..most.min(bytes.len())];
        memchr3(b'\n', b'\r', self.delimiter, bytes).unwrap_or(bytes.len())
    }

    /// Takes one byte. Returns whether it is handed on: blanks before a field are not.
    fn step(&mut self, byte: u8) -> Result<bool, TableFlaw> {
        let ends = byte == self.delimiter || byte == b'\n';
        match self.state {
            State::Quoted(opened) if byte == b'"' => self.state = State::Closed(opened),
            State::Quoted(_) => {}
            State::Closed(opened) if byte == b'"' => self.state = State::Quoted(opened),
            State::Closed(opened) if !ends && byte != b' ' && opened != self.line => {
                return Err(TableFlaw::StrayQuote {
                    line: opened,
                    closed: self.line,
                });
            }
            _ if ends => self.state = State::Start,
            State::Start if matches!(byte, b' ' | b'\t') => return Ok(false),
            State::Start if byte == b'"' => self.state = State::Quoted(self.line),
            State::Start | State::Closed(_) => self.state = State::Plain,
            State::Plain => {}
        }
        self.count(byte)?;
        Ok(true)
    }

    fn count(&mut self, byte: u8) -> Result<(), TableFlaw> {
        if byte == b'\n' {
            self.line += 1;
            if self.state == State::Start {
                self.record = self.line;
                self.length = 0;
                return Ok(());
            }
        }
        self.lengthen(1)
    }

    fn lengthen(&mut self, bytes: usize) -> Result<(), TableFlaw> {
        self.length += bytes;
        if self.length > LONGEST_RECORD {
            return Err(TableFlaw::LongRecord {
                line: self.record,
                limit: LONGEST_RECORD,
            });
        }
        Ok(())
    }

    /// The end: the last line gets its `\n`, if it has none.
    fn end(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let State::Quoted(line) = self.state {
            return Err(io::Error::other(TableFlaw::UnclosedQuote { line }));
        }
        if self.at_line_start || out.is_empty() {
            return Ok(0);
        }
        self.at_line_start = true;
        out[0] = b'\n';
        Ok(1)
    }
}

impl<R: Read> Read for Tidy<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(flaw) = self.flaw.take() {
                return Err(io::Error::other(flaw));
            }
            if self.from == self.to {
                self.to = self.inner.read(&mut self.buffer)?;
                self.from = 0;
                if self.to == 0 {
                    return self.end(out);
                }
            }
            // What stands before a flaw is handed on before it.
            match self.tidy(out) {
                0 if !out.is_empty() => {}
                written => return Ok(written),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{LONGEST_RECORD, Tidy};

    fn tidied(text: &[u8]) -> Result<String, String> {
        let mut out = String::new();
        let mut tidy = Tidy::new(text, b',', 1);
        match tidy.read_to_string(&mut out) {
            Ok(_) => Ok(out),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_line_end_is_one_and_blanks_before_a_field_go() {
        for (text, expected) in [
            ("a\r\nb\rc\nd", "a\nb\nc\nd\n"),
            ("a\r\r\n\n\rb", "a\n\n\n\nb\n"),
            ("a, \t\"b, c\" ,d", "a,\"b, c\" ,d\n"),
            ("\"a\r\nb\rc\"\r", "\"a\nb\nc\"\n"),
            ("5\" pipe,\"a\"\"b\"", "5\" pipe,\"a\"\"b\"\n"),
            ("\"Bob\" Smith,x", "\"Bob\" Smith,x\n"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(tidied(text.as_bytes()).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_end_is_refused_where_it_begins() {
        let long = format!("a\nb\n{}", "x".repeat(LONGEST_RECORD + 1));
        for (text, expected) in [
            ("a\nb,\"c\nd\n", "opened at line 2 and never closed"),
            ("\n\"", "opened at line 2 and never closed"),
            (
                "a\n\"b\n\"c\",d\n",
                "opened at line 2 and closed in mid-text at line 3",
            ),
            (&long, "begins at line 3"),
        ] {
            let error = tidied(text.as_bytes()).expect_err("refused");
            assert!(error.contains(expected), "{error}");
        }
    }
}
