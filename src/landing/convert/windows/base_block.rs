//! The first block of a hive file: whether Windows closed it, before anything else is read.
//!
//! Format: the public specification of the Windows registry file format by M. Suhanov, sections
//! "Base block", "Old format" and "New format" of transaction logs.

/// Bytes of the block.
pub(super) const LENGTH: usize = 4096;
/// Bytes of a log that are looked at: its base block and the start of its first entry.
pub(super) const LOG_LENGTH: usize = 528;
/// The largest hive that is taken; Windows takes no SYSTEM larger than this.
pub(super) const LARGEST: u64 = 1 << 30;

/// What the first block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBlock {
    /// The number of the last write that began, which is the last that ended, too.
    pub sequence: u32,
    /// Bytes of the bins behind the block.
    pub bins: u32,
}

/// Why a hive is not taken.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Unclean {
    /// It is no hive, or a damaged one.
    #[error("it is no registry hive, or a damaged one: {0}")]
    NoHive(&'static str),
    /// Windows was writing it when the copy was made, or did not shut down.
    #[error(
        "it was not closed: write {begun} began and write {ended} was the last to end; what is missing is in its logs. \
         Shut the source down properly and make the final sync again, or start Windows once and shut it down"
    )]
    Open {
        /// The last write that began.
        begun: u32,
        /// The last that ended.
        ended: u32,
    },
    /// A log holds writes that the hive does not have.
    #[error(
        "its log {log} holds write {newer}, and the hive ends with write {ended}: Windows would put the log's over ours. \
         Shut the source down properly and make the final sync again, or start Windows once and shut it down"
    )]
    Log {
        /// The log's name.
        log: String,
        /// Its write.
        newer: u32,
        /// The hive's last write.
        ended: u32,
    },
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes)
}

impl BaseBlock {
    /// Reads the block at the start of a file of `length` bytes.
    ///
    /// # Errors
    /// It is no hive, a damaged one, or one that was not closed.
    pub fn read(start: &[u8], length: u64) -> Result<Self, Unclean> {
        let damaged = |what| Err(Unclean::NoHive(what));
        let field = |at| number(start, at).unwrap_or_default();
        if start.len() < LENGTH || !start.starts_with(b"regf") {
            return damaged("it does not begin with the block of one");
        }
        if field(508) != checksum(start) {
            return damaged("the checksum of its first block is wrong");
        }
        // hivex knows these versions, which are those of Windows NT 4 to 11.
        if field(20) != 1 || !(3..=6).contains(&field(24)) || field(28) != 0 {
            return damaged("it is of a version or kind that is not known");
        }
        let bins = field(40);
        if length > LARGEST || bins == 0 || !bins.is_multiple_of(4096) || u64::from(bins) + LENGTH as u64 > length {
            return damaged("it is shorter than its first block says, or larger than Windows takes");
        }
        let (begun, ended) = (field(4), field(8));
        if begun != ended {
            return Err(Unclean::Open { begun, ended });
        }
        Ok(Self { sequence: ended, bins })
    }

    /// Looks at the start of a log: one that Windows would replay is not left beside a hive that is changed.
    ///
    /// Logs stay after a proper shutdown, with writes that the hive has; those do no harm.
    ///
    /// # Errors
    /// It holds writes that the hive does not have.
    pub fn check_log(&self, log: &str, start: &[u8]) -> Result<(), Unclean> {
        if !start.starts_with(b"regf") {
            return Ok(());
        }
        // The first entry of the new format has a number of its own.
        let entry = start.get(512..516).is_some_and(|signature| signature == b"HvLE").then(|| number(start, 524));
        let newest = [number(start, 4), number(start, 8), entry.flatten()].into_iter().flatten().max();
        match newest {
            Some(newer) if newer > self.sequence => {
                Err(Unclean::Log { log: log.to_owned(), newer, ended: self.sequence })
            }
            _ => Ok(()),
        }
    }
}

/// Exclusive or of the words before the checksum; two results are never stored.
fn checksum(start: &[u8]) -> u32 {
    let words = start[..508].chunks_exact(4).filter_map(|word| number(word, 0));
    match words.fold(0, |sum, word| sum ^ word) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(begun: u32, ended: u32) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH];
        bytes[..4].copy_from_slice(b"regf");
        for (at, number) in [(4, begun), (8, ended), (20, 1), (24, 5), (40, 4096)] {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let sum = checksum(&bytes).to_le_bytes();
        bytes[508..512].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn a_closed_hive_is_taken() {
        assert_eq!(BaseBlock::read(&block(7, 7), 8192), Ok(BaseBlock { sequence: 7, bins: 4096 }));
    }

    #[test]
    fn an_open_or_damaged_one_is_not() {
        assert_eq!(BaseBlock::read(&block(8, 7), 8192), Err(Unclean::Open { begun: 8, ended: 7 }));
        assert!(matches!(BaseBlock::read(&block(7, 7), 8191), Err(Unclean::NoHive(_))));
        assert!(matches!(BaseBlock::read(&block(7, 7)[..4095], 8192), Err(Unclean::NoHive(_))));
        let mut flipped = block(7, 7);
        flipped[100] ^= 1;
        assert!(matches!(BaseBlock::read(&flipped, 8192), Err(Unclean::NoHive(_))));
    }

    #[test]
    fn only_a_log_with_newer_writes_counts() {
        let hive = BaseBlock::read(&block(7, 7), 8192).unwrap();
        assert_eq!(hive.check_log("LOG1", &block(7, 7)), Ok(()));
        assert_eq!(hive.check_log("LOG1", &[0; 512]), Ok(()));
        let newer = Unclean::Log { log: "LOG1".into(), newer: 8, ended: 7 };
        assert_eq!(hive.check_log("LOG1", &block(8, 7)), Err(newer.clone()));
        let mut entry = block(7, 7);
        entry[512..516].copy_from_slice(b"HvLE");
        entry[524..528].copy_from_slice(&8u32.to_le_bytes());
        assert_eq!(hive.check_log("LOG1", &entry), Err(newer));
    }
}
