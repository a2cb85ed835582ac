//! A chain of events as a file keeps it: read within bounds and proven, before anything is done with it.

use super::event::{self, Broken, Event, GENESIS, Line};
use super::store::{Store, StoreError};
use super::{Journal, JournalError, Lease};
use crate::model::TenantId;
use crate::untrusted::printable;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read, in bytes: a run of a checklist over a large town is far below it.
const LONGEST_LINE: u64 = 64 << 20;
/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 30;

/// Why a file of events is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// It is not there, or cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is a folder, a device or a pipe.
    #[error("{} is no plain file", path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
    },
    /// No whole event is in it.
    #[error("{} holds no event", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// What it holds is no chain of one tenant's events.
    #[error("the events in {} do not verify", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Broken,
    },
}

/// The events of one tenant from the first on, each proven to follow the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    tenant: TenantId,
    lines: Vec<Line>,
    torn: u64,
}

impl Chain {
    /// Reads `path` and proves the chain. What follows the last newline is half an event: it is left out.
    ///
    /// # Errors
    /// The file cannot be read, or is no chain.
    pub fn read(path: &Path) -> Result<Self, ChainError> {
        let unreadable = |source| ChainError::Unreadable { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ChainError::NoFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(unreadable)?;
        let broken = |source| ChainError::Broken { path: path.to_owned(), source };
        let (texts, torn) = texts(file.take(LARGEST_FILE)).map_err(unreadable)?.map_err(broken)?;
        if metadata.len() > LARGEST_FILE {
            let reason = format!("the file is larger than {LARGEST_FILE} bytes");
            return Err(broken(Broken { seq: texts.len() as u64 + 1, reason }));
        }
        let Some(first) = texts.first() else { return Err(ChainError::Empty { path: path.to_owned() }) };
        let tenant = tenant_of(first).map_err(broken)?;
        let lines = event::verify(&tenant, texts).map_err(broken)?;
        Ok(Self { tenant, lines, torn })
    }

    /// Whose events they are.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The events, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.lines.iter().map(|line| line.event.clone()).collect()
    }

    /// How many they are.
    pub fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// SHA-256 of the last line with its newline: it stands for the whole chain.
    pub fn head(&self) -> String {
        self.lines.last().map_or_else(|| GENESIS.to_owned(), Line::digest)
    }

    /// Bytes of half an event at the end of the file, as a kill or a full disk leaves them.
    pub fn torn(&self) -> u64 {
        self.torn
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl<S: Store> Journal<S> {
    /// Takes in the events of `chain` that are not here yet, and says how many they were. What is here has to
    /// begin the chain. A kill leaves what was taken in; the same call goes on.
    ///
    /// # Errors
    /// There are other events here already; the lease was taken over; the journal cannot be written.
    pub async fn take_in(&self, lease: &Lease, chain: &Chain) -> Result<u64, JournalError> {
        let tenant = chain.tenant();
        let _turn = self.turn.lock().await;
        let mirror = self.lock_mirror(tenant).await?;
        let stored = self.reconcile(tenant, mirror.as_ref()).await?;
        let begins = stored.iter().zip(chain.lines()).take_while(|(ours, theirs)| ours.text == theirs.text).count();
        if begins < stored.len() {
            let (tenant, here) = (tenant.to_string(), stored.len() as u64);
            return Err(if begins == chain.lines().len() {
                JournalError::Ahead { tenant, here, there: chain.count() }
            } else {
                JournalError::OtherStory { tenant, seq: begins as u64 + 1 }
            });
        }
        let texts: Vec<String> = chain.lines()[begins..].iter().map(|line| line.text.clone()).collect();
        if texts.is_empty() {
            return Ok(0);
        }
        self.check_fence(lease.fence()).await?;
        let kept = mirror.as_ref().map(|mirror| mirror.append(&texts.join("\n"))).transpose()?;
        match self.store.append(tenant, begins as u64 + 1, &texts, Some(lease.fence())).await {
            Ok(()) => Ok(texts.len() as u64),
            Err(error) => {
                if let (Some(mirror), Some(length)) = (&mirror, kept) {
                    mirror.cut(length)?;
                }
                Err(match error {
                    StoreError::Conflict => JournalError::Busy { tenant: tenant.to_string() },
                    StoreError::Fenced => self.taken_over(Some(lease.fence())).await,
                    error => self.store_error(error),
                })
            }
        }
    }
}

/// The tenant that the first line names.
fn tenant_of(first: &str) -> Result<TenantId, Broken> {
    let broken = |reason: String| Broken { seq: 1, reason };
    let line = Line::parse(first.to_owned()).map_err(|error| broken(error.reason))?;
    let name = &line.event.tenant;
    name.parse().map_err(|_| broken(format!("`{}` is no tenant's id", printable(name))))
}

/// The lines, and the bytes after the last newline; or the first line that cannot be an event.
fn texts(input: impl Read) -> io::Result<Result<(Vec<String>, u64), Broken>> {
    let mut input = BufReader::new(input);
    let mut texts = Vec::new();
    loop {
        let seq = texts.len() as u64 + 1;
        let mut bytes = Vec::new();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)? as u64;
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            let reason = format!("the line is longer than {LONGEST_LINE} bytes");
            return Ok(if read == LONGEST_LINE { Err(Broken { seq, reason }) } else { Ok((texts, read)) });
        }
        match String::from_utf8(bytes) {
            Ok(text) => texts.push(text),
            Err(_) => return Ok(Err(Broken { seq, reason: "the line is not UTF-8".to_owned() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    fn chain(events: u64) -> String {
        let (cinto, mut last, mut text) = ("cinto-caomaggiore".parse().unwrap(), None, String::new());
        for number in 0..events {
            let next = Line::next(last.as_ref(), &Timestamp::UNIX_EPOCH, &cinto, "anna-veneto", "note", json!(number));
            text.push_str(&format!("{}\n", next.text));
            last = Some(next);
        }
        text
    }

    fn read(bytes: &[u8]) -> Result<Chain, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, bytes).unwrap();
        Chain::read(&path).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}").replace(&folder.path().display().to_string(), "DIR")
        })
    }

    #[test]
    fn a_whole_chain_is_read_and_half_an_event_is_left_out() {
        let whole = chain(3);
        let found = read(whole.as_bytes()).unwrap();
        assert_eq!((found.count(), found.torn(), found.tenant().as_str()), (3, 0, "cinto-caomaggiore"));
        assert_eq!(found.head(), found.events()[2].digest());
        let cut = &whole[..whole.len() - 1];
        let found = read(cut.as_bytes()).unwrap();
        assert_eq!((found.count(), found.torn()), (2, cut.lines().last().unwrap().len() as u64));
    }

    #[test]
    fn any_flipped_bit_before_the_last_line_is_found() {
        let whole = chain(3).into_bytes();
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        for at in 0..last {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 7);
            assert!(read(&bytes).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_no_chain_is_refused_with_its_line() {
        let one = chain(1);
        let other = one.replace("cinto-caomaggiore", "../../etc");
        let wrong: [(&[u8], &str); 6] = [
            (b"", "DIR/events.jsonl holds no event: "),
            (b"half a line", "DIR/events.jsonl holds no event: "),
            (b"{}\n", "do not verify: event 1: missing field `seq`"),
            (b"\xff\xfe\n", "do not verify: event 1: the line is not UTF-8"),
            (b"no json\n", "do not verify: event 1: expected"),
            (other.as_bytes(), "event 1: `../../etc` is no tenant's id"),
        ];
        for (bytes, what) in wrong {
            let told = read(bytes).unwrap_err();
            assert!(told.contains(what), "{told}");
        }
        let deep = format!("{one}{}\n", "[".repeat(1 << 20));
        assert!(read(deep.as_bytes()).unwrap_err().contains("event 2: "));
        assert!(matches!(Chain::read(Path::new("/dev/zero")), Err(ChainError::NoFile { .. })));
        assert!(matches!(Chain::read(Path::new("/nowhere")), Err(ChainError::Unreadable { .. })));
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let endless = io::repeat(b'a');
        let broken = texts(endless).unwrap().unwrap_err();
        assert_eq!(broken, Broken { seq: 1, reason: format!("the line is longer than {LONGEST_LINE} bytes") });
    }
}
