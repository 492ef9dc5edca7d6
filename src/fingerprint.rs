//! SHA-256 of what a run read and wrote, so that an auditor can tell whether it is still that.

use std::{fs::File, io::Read, path::Path};

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

/// Read at once, so that a long file takes no more memory than a short one.
const PIECE: usize = 256 * 1024;

/// The fingerprint of a file, as 64 hexadecimal digits; `None` for what is no file, such as a pipe.
///
/// # Errors
/// What the operating system says.
pub fn of_file(path: &Path) -> std::io::Result<Option<String>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let (mut context, mut piece) = (Context::new(&SHA256), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Some(hex(&context.finish()))),
            read => context.update(&piece[..read]),
        }
    }
}

/// The fingerprint of a text.
#[must_use]
pub fn of_text(text: &str) -> String {
    hex(&digest(&SHA256, text.as_bytes()))
}

fn hex(digest: &Digest) -> String {
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PIECE, of_file, of_text};

    #[test]
    fn it_is_what_sha256sum_prints() {
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_text("abc"), abc);
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "abc").expect("written");
        assert_eq!(of_file(file.path()).expect("read").as_deref(), Some(abc));
        let long = "x".repeat(PIECE + 1);
        std::fs::write(file.path(), &long).expect("written");
        assert_eq!(of_file(file.path()).expect("read"), Some(of_text(&long)));
    }

    #[test]
    fn what_is_no_file_has_none() {
        assert_eq!(of_file(Path::new("/dev/null")).expect("there"), None);
        assert!(of_file(Path::new("/nowhere")).is_err());
    }
}
