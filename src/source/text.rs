//! From bytes in any encoding to a stream of UTF-8.
//!
//! What is UTF-8 already passes unchanged, sound or not: whether a field in use is sound is seen
//! when it is used, with its position.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::{
    flaw::TableFlaw,
    peek::{Bytes, Peeked},
};

/// A stream of UTF-8, and what it was.
pub(super) struct Text {
    pub(super) bytes: Bytes,
    pub(super) encoding: &'static Encoding,
}

/// Text from bytes. A byte order mark says more than `named`; without either it is UTF-8.
pub(super) fn decode(
    mut peeked: Peeked,
    rest: Bytes,
    named: Option<&'static Encoding>,
) -> Result<Text, TableFlaw> {
    let sample = &mut peeked.sample;
    let mark = Encoding::for_bom(sample);
    if mark.is_none() && named.is_none() {
        refuse_what_is_not_utf8(sample)?;
    }
    let encoding = mark.map(|(encoding, _)| encoding).or(named);
    let encoding = encoding.unwrap_or(UTF_8);
    while let Some((_, length)) = Encoding::for_bom(sample).filter(|(bom, _)| *bom == encoding) {
        sample.drain(..length);
    }
    let whole = peeked.rejoin(rest);
    let bytes: Bytes = if encoding == UTF_8 {
        whole
    } else {
        let mut decoder = DecodeReaderBytesBuilder::new();
        let decoder = decoder.encoding(Some(encoding)).bom_sniffing(false);
        Box::new(decoder.build(whole))
    };
    Ok(Text { bytes, encoding })
}

fn refuse_what_is_not_utf8(sample: &[u8]) -> Result<(), TableFlaw> {
    if let Some(encoding) = utf16(sample) {
        let label = if encoding == UTF_16LE {
            "utf-16le"
        } else {
            "utf-16be"
        };
        return Err(TableFlaw::Utf16 { label });
    }
    let strange = |byte: &&u8| **byte < b' ' && !matches!(**byte, b'\t'..=b'\r' | 0x1a);
    if sample.iter().filter(strange).count() * 10 > sample.len() {
        return Err(TableFlaw::Foreign {
            what: "binary data",
            remedy: "save or export the list as .xlsx or CSV",
        });
    }
    Ok(())
}

/// UTF-16 shows by a NUL in nearly every other byte, as names and addresses are mostly ASCII.
fn utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.len() / 2;
    let nuls = |from: usize| {
        let every_other = sample.iter().skip(from).step_by(2);
        every_other.filter(|byte| **byte == 0).count()
    };
    match (nuls(0), nuls(1)) {
        (_, 0) | (0, _) if pairs < 2 => None,
        (even, odd) if odd * 2 > pairs && even * 10 < pairs => Some(UTF_16LE),
        (even, odd) if even * 2 > pairs && odd * 10 < pairs => Some(UTF_16BE),
        _ => None,
    }
}

/// With this DOS ends a file.
const DOS_END: char = '\u{1a}';

/// A field without what cannot be seen at its ends: blanks of all kinds, byte order marks.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c) || c == DOS_END)
}

/// Characters without width, as web pages and chat programs leave them in what is copied.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}')
}
