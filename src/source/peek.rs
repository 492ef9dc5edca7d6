//! A look at the beginning of a stream.

use std::io::{self, Cursor, Read};

/// Any stream of bytes.
pub(super) type Bytes = Box<dyn Read + Send>;

/// So much is looked at: enough for any format to show, and for a hundred records.
const SAMPLE: usize = 1 << 16;

/// So many line ends are enough, where a pipe holds back what follows: rows that come slowly are
/// not waited for.
const LINES: usize = 4;

/// The beginning of a stream.
pub(super) struct Peeked {
    pub(super) sample: Vec<u8>,
    /// Whether that is all of it.
    pub(super) complete: bool,
}

impl Peeked {
    /// The stream from its beginning.
    pub(super) fn rejoin(self, rest: Bytes) -> Bytes {
        Box::new(Cursor::new(self.sample).chain(rest))
    }
}

/// Takes the beginning off a stream.
pub(super) fn peek(bytes: &mut Bytes) -> io::Result<Peeked> {
    let mut sample = vec![0; SAMPLE];
    let mut filled = 0;
    let mut complete = false;
    while filled < SAMPLE && !complete {
        match bytes.read(&mut sample[filled..]) {
            Ok(read) => {
                filled += read;
                complete = read == 0;
                if filled < SAMPLE && has_lines(&sample[..filled]) {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    sample.truncate(filled);
    Ok(Peeked { sample, complete })
}

fn has_lines(sample: &[u8]) -> bool {
    let ends = sample.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
    ends.count() >= LINES
}
