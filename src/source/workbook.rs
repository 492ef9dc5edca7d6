//! Opening a workbook: whether it is one, and whether the library should be given it.
//!
//! The library holds every part but the sheets in memory, and of a sheet one tag or text at a
//! time. It trusts what a small file unpacks to; so that is looked at here first.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
};

use calamine::{Reader, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use super::{flaw::TableFlaw, tidy::LONGEST_RECORD};

/// A workbook that is open.
pub(super) type Workbook = Xlsx<BufReader<File>>;

/// All parts but the sheets, unpacked, in bytes: a million different texts are a third of it.
const LARGEST_PARTS: u64 = 256 << 20;

/// Opens the workbook. Returns its first visible sheet's name too.
pub(super) fn open(mut file: File) -> Result<(Workbook, String), TableFlaw> {
    let unread = |source| TableFlaw::Read { line: 1, source };
    let again = file.try_clone().map_err(unread)?;
    if is_container(&mut file).map_err(unread)? {
        return Err(if is_protected(file).map_err(unread)? {
            TableFlaw::Protected
        } else {
            other_document()
        });
    }
    check(file, LARGEST_PARTS)?;
    let workbook = Xlsx::new(BufReader::new(again)).map_err(|error| unreadable(0, error))?;
    let visible = |sheet: &&calamine::Sheet| {
        sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible
    };
    let sheet = workbook.sheets_metadata().iter().find(visible);
    let name = sheet.map(|sheet| sheet.name.clone());
    let name = name.ok_or_else(|| unreadable(0, "it has no visible sheet"))?;
    Ok((workbook, name))
}

/// What the library says after this row, 0 for none.
pub(super) fn unreadable(line: u64, reason: impl ToString) -> TableFlaw {
    TableFlaw::Workbook {
        line,
        reason: reason.to_string(),
    }
}

/// Whether it is the container that .xls and workbooks with a password come in.
fn is_container(file: &mut File) -> std::io::Result<bool> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == [0xd0, 0xcf, 0x11, 0xe0])
}

/// Whether the container holds what a password encrypts, by the name of that stream in it. The
/// library could tell, too, but for containers that are damaged.
fn is_protected(file: File) -> std::io::Result<bool> {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut file = file.take(LARGEST_PARTS);
    let mut window = Vec::new();
    loop {
        let read = file.by_ref().take(1 << 16).read_to_end(&mut window)?;
        if window.windows(name.len()).any(|bytes| bytes == name) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        window.drain(..window.len().saturating_sub(name.len()));
    }
}

const fn other_document() -> TableFlaw {
    TableFlaw::Foreign {
        what: "a document of another kind (.xls, .xlsb, .ods, .docx, …)",
        remedy: "open it in Excel or LibreOffice and save the list as .xlsx or CSV",
    }
}

/// Whether it is a workbook whose parts but the sheets unpack to no more than is allowed.
fn check(file: File, mut allowed: u64) -> Result<(), TableFlaw> {
    let archive = ZipArchive::new(BufReader::new(file));
    let mut archive = archive.map_err(|error| unreadable(0, error))?;
    let has = |name: &str| archive.index_for_name(name).is_some();
    if has("xl/workbook.bin") || has("mimetype") || has("word/document.xml") {
        return Err(other_document());
    }
    if !has("[Content_Types].xml") {
        return Err(TableFlaw::Foreign {
            what: "a zip archive",
            remedy: "unpack it and name the file of users in it",
        });
    }
    for index in 0..archive.len() {
        let part = archive.by_index(index);
        let part = part.map_err(|error| unreadable(0, error))?;
        let name = part
            .name()
            .map_err(|error| unreadable(0, error))?
            .into_owned();
        let is_sheet = name.contains("worksheets/");
        if name.ends_with(".xml") || name.ends_with(".rels") {
            let limit = if is_sheet { u64::MAX } else { allowed };
            let size =
                size(part, limit).map_err(|error| unreadable(0, format!("{name}: {error}")))?;
            allowed -= if is_sheet { 0 } else { size };
        }
    }
    Ok(())
}

/// The part's size unpacked, which its entry may misstate. An error past the limit, and where
/// one tag or text of it is longer than a record may be.
fn size(mut part: impl Read, limit: u64) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let (mut size, mut unbroken) = (0, 0);
    loop {
        let read = part.read(&mut buffer)?;
        if read == 0 {
            return Ok(size);
        }
        size += read as u64;
        let read = &buffer[..read];
        match read.iter().rposition(|byte| *byte == b'<') {
            Some(last) => unbroken = read.len() - last,
            None => unbroken += read.len(),
        }
        if size > limit || unbroken > LONGEST_RECORD {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, repeat},
    };

    use super::{LARGEST_PARTS, LONGEST_RECORD, check, size};

    #[test]
    fn a_workbook_unpacks_to_no_more_than_is_allowed() {
        let checked = |allowed| {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sources/cells.xlsx");
            check(File::open(file).expect("there"), allowed)
        };
        assert!(checked(LARGEST_PARTS).is_ok());
        assert!(checked(1_000).is_err(), "all parts together are larger");
    }

    #[test]
    fn parts_are_measured_and_neither_they_nor_a_text_in_them_may_be_large() {
        let tags = b"<a/><b/>";
        assert_eq!(size(&tags[..], 8).expect("small"), 8);
        assert!(size(&tags[..], 7).is_err(), "more than is allowed");
        let text = |length: usize| b"<a>".chain(repeat(b'x').take(length as u64));
        assert!(size(text(LONGEST_RECORD / 2), u64::MAX).is_ok());
        assert!(
            size(text(2 * LONGEST_RECORD), u64::MAX).is_err(),
            "one text"
        );
        let broken = text(LONGEST_RECORD / 2).chain(text(LONGEST_RECORD / 2));
        assert!(size(broken, u64::MAX).is_ok(), "many texts");
    }
}
