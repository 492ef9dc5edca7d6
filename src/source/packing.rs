//! Whether a source is packed, told by its first bytes and never by its name, and unpacking it.
//!
//! Nothing here knows what the unpacked bytes mean, beyond telling text from what is not.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek},
};

use flate2::read::MultiGzDecoder;

use super::{
    flaw::TableFlaw,
    peek::{Bytes, Peeked, peek},
};

/// How a source is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, in one or several members.
    Gzip,
    /// Zstandard, in one or several frames.
    Zstd,
    /// An Excel workbook (.xlsx), of which the first visible sheet is read.
    Workbook,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "packed with gzip",
            Self::Zstd => "packed with Zstandard",
            Self::Workbook => "an Excel workbook",
        })
    }
}

/// What was read from, unpacked.
pub(super) enum Unpacked {
    /// Text, if its first bytes do not deceive: these, and the rest.
    Text(Peeked, Bytes),
    /// A workbook, as a file that can be read from any place.
    Workbook(File),
}

/// More layers than this are not peeled off.
const LAYERS: usize = 3;

/// A workbook of more bytes than this is no list of users: a sheet holds a million rows.
const LARGEST_WORKBOOK: u64 = 1 << 30;

/// Peels off the layers. `file` is the same source, where it is a regular file that was opened at
/// its beginning: a workbook in it need not be copied.
pub(super) fn unpack(
    mut bytes: Bytes,
    mut file: Option<File>,
) -> Result<(Unpacked, Vec<Packing>), TableFlaw> {
    let mut layers = Vec::new();
    while layers.len() <= LAYERS {
        let peeked = peek(&mut bytes).map_err(|error| unreadable(0, layers.last(), error))?;
        let packing = packing_of(&peeked.sample)?;
        let Some(packing) = packing else {
            return Ok((Unpacked::Text(peeked, bytes), layers));
        };
        let whole = peeked.rejoin(bytes);
        layers.push(packing);
        bytes = match packing {
            Packing::Gzip => Box::new(MultiGzDecoder::new(whole)),
            Packing::Zstd => {
                let decoder = zstd::Decoder::new(whole);
                Box::new(decoder.map_err(|error| unreadable(0, layers.last(), error))?)
            }
            Packing::Workbook => {
                let file = file.take().map_or_else(|| spool(whole), rewound);
                let outer = layers.iter().rev().nth(1);
                let file = file.map_err(|error| unreadable(0, outer, error))?;
                return Ok((Unpacked::Workbook(file), layers));
            }
        };
        file = None;
    }
    Err(TableFlaw::PackedTooOften(LAYERS))
}

/// What an error of the stream means after this line, in this layer.
pub(super) fn unreadable(line: u64, packing: Option<&Packing>, source: io::Error) -> TableFlaw {
    match packing {
        Some(&packing) => TableFlaw::Packed {
            packing,
            line,
            source,
        },
        None => TableFlaw::Read {
            line: line + 1,
            source,
        },
    }
}

fn rewound(mut file: File) -> io::Result<File> {
    file.rewind()?;
    Ok(file)
}

/// A copy in a file without a name, which vanishes when it is closed.
fn spool(bytes: Bytes) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    if io::copy(&mut bytes.take(LARGEST_WORKBOOK), &mut file)? == LARGEST_WORKBOOK {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    rewound(file)
}

const SAVE: &str = "save or export it as .xlsx or CSV";
const EXPORT: &str = "export the list as CSV";
const UNPACK: &str = "unpack it and name the file of users in it";

/// First bytes of what is often mistaken for a table.
const FOREIGN: [(&[u8], &str, &str); 18] = [
    (b"%PDF", "a PDF", SAVE),
    (b"{\\rtf", "a text document (RTF)", SAVE),
    (b"<!DOCTYPE", "a web page", SAVE),
    (b"<!doctype", "a web page", SAVE),
    (b"<html", "a web page", SAVE),
    (b"<HTML", "a web page", SAVE),
    (b"<table", "a web page", SAVE),
    (b"<?xml", "XML", SAVE),
    (b"[{", "JSON", EXPORT),
    (b"{\"", "JSON", EXPORT),
    (
        b"dn: ",
        "LDIF",
        "export with csvde instead of ldifde, or with Export-Csv",
    ),
    (
        b"version: 1",
        "LDIF",
        "export with csvde instead of ldifde, or with Export-Csv",
    ),
    (b"BZh", "packed with bzip2", UNPACK),
    (b"\xfd7zXZ\0", "packed with xz", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"\0\0\xfe\xff", "UTF-32", "save it as UTF-8"),
    (b"\xff\xfe\0\0", "UTF-32", "save it as UTF-8"),
];

fn packing_of(sample: &[u8]) -> Result<Option<Packing>, TableFlaw> {
    let text = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let foreign = FOREIGN.iter().find(|(magic, ..)| text.starts_with(magic));
    if let Some((_, what, remedy)) = foreign {
        return Err(TableFlaw::Foreign { what, remedy });
    }
    if sample.get(257..262) == Some(b"ustar") {
        let (what, remedy) = ("a tar archive", UNPACK);
        return Err(TableFlaw::Foreign { what, remedy });
    }
    Ok(match sample {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        // A zip archive, and the container of .xls and of workbooks with a password: which of
        // them it is, and whether a workbook at all, is seen when it is opened.
        [b'P', b'K', 3..=8, 4..=8, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => Some(Packing::Workbook),
        _ => None,
    })
}
