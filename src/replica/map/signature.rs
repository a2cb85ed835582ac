//! What a volume holds, by the marks that formats leave at fixed places.
//!
//! Marks survive a change of use: a volume with marks of two formats is copied whole rather than
//! guessed at. A copy is never wrong.

use super::volume::Volume;
use super::{Stop, WholeReason};

/// What begins in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// ext2, ext3 or ext4.
    Ext,
    /// XFS.
    Xfs,
    /// NTFS.
    Ntfs,
    /// Linux swap.
    Swap,
    /// An LVM physical volume.
    Lvm,
    /// A known format that is copied whole.
    Other(&'static str, WholeReason),
    /// Nothing known.
    Unknown,
}

impl Content {
    /// Its name for the user.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ext => "ext2/3/4",
            Self::Xfs => "XFS",
            Self::Ntfs => "NTFS",
            Self::Swap => "swap",
            Self::Lvm => "LVM physical volume",
            Self::Other(name, _) => name,
            Self::Unknown => "unknown content",
        }
    }
}

/// A mark: bytes at a place from the start of the volume.
type Mark = (u64, &'static [u8], Content);

const fn other(name: &'static str, reason: WholeReason) -> Content {
    Content::Other(name, reason)
}

const HIBERNATED: Content = other("swap", WholeReason::Hibernated);
const MD: Content = other("Linux RAID", WholeReason::Member);
const FAT: Content = other("FAT", WholeReason::NotMapped);

/// Bytes that are read from the start: they hold every mark of [`MARKS`].
const HEAD: u64 = 132 << 10;

const MARKS: &[Mark] = &[
    (0x438, b"\x53\xEF", Content::Ext),
    (0, b"XFSB", Content::Xfs),
    (3, b"NTFS    ", Content::Ntfs),
    (0, b"LABELONE", Content::Lvm),
    (512, b"LABELONE", Content::Lvm),
    (1024, b"LABELONE", Content::Lvm),
    (1536, b"LABELONE", Content::Lvm),
    (0, b"LUKS\xBA\xBE", other("LUKS", WholeReason::Encrypted)),
    (3, b"-FVE-FS-", other("BitLocker", WholeReason::Encrypted)),
    (3, b"ReFS\0\0\0\0", other("ReFS", WholeReason::NotMapped)),
    (3, b"EXFAT   ", other("exFAT", WholeReason::NotMapped)),
    (54, b"FAT12   ", FAT),
    (54, b"FAT16   ", FAT),
    (82, b"FAT32   ", FAT),
    (0x10040, b"_BHRfS_M", other("btrfs", WholeReason::NotMapped)),
    (0x10034, b"ReIsEr", other("ReiserFS", WholeReason::NotMapped)),
    (0x8000, b"JFS1", other("JFS", WholeReason::NotMapped)),
    (1024, b"\x10\x20\xF5\xF2", other("F2FS", WholeReason::NotMapped)),
    (0x1018, b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA", other("bcache", WholeReason::Member)),
    (0x1018, b"\xC6\x85\x73\xF6\x66\xCE\x90\xA9", other("bcachefs", WholeReason::NotMapped)),
    (0, b"\xFC\x4E\x2B\xA9", MD),
    (4096, b"\xFC\x4E\x2B\xA9", MD),
    (0x20000, b"\x0C\xB1\xBA\x00\x00\x00\x00\x00", other("ZFS", WholeReason::Member)),
    (0x20000, b"\x00\x00\x00\x00\x00\xBA\xB1\x0C", other("ZFS", WholeReason::Member)),
];

/// Page sizes of the systems that made a swap area; its mark is at the end of the first page.
pub(super) const PAGES: [u64; 4] = [4096, 8192, 16384, 65536];

/// Marks of swap, and of what a hibernating system puts in their place.
const SWAP_MARKS: &[(&[u8], Content)] = &[
    (b"SWAPSPACE2", Content::Swap),
    (b"SWAP-SPACE", other("swap of an old kind", WholeReason::NotMapped)),
    (b"S1SUSPEND\0", HIBERNATED),
    (b"S2SUSPEND\0", HIBERNATED),
    (b"ULSUSPEND\0", HIBERNATED),
    (b"LINHIB0001", HIBERNATED),
];

/// What the volume holds.
pub(super) fn recognise(volume: &Volume<'_>) -> Result<Content, Stop> {
    let head = volume.read(0, HEAD.min(volume.length()) as usize)?;
    let at = |place: u64, mark: &[u8]| head.get(place as usize..).is_some_and(|rest| rest.starts_with(mark));
    let mut found: Vec<Content> = Vec::new();
    found.extend(MARKS.iter().filter(|(place, mark, _)| at(*place, mark)).map(|(_, _, content)| *content));
    for page in PAGES {
        found.extend(SWAP_MARKS.iter().filter(|(mark, _)| at(page - 10, mark)).map(|(_, content)| *content));
    }
    found.extend(array_member(volume)?);
    let first = found.first().copied().unwrap_or(Content::Unknown);
    let second = found.into_iter().find(|content| *content != first);
    Ok(match (first, second) {
        (one, None) => one,
        (one, Some(other)) => Content::Other("unclear content", WholeReason::Ambiguous(one.name(), other.name())),
    })
}

/// Marks that arrays keep near the end of their members.
fn array_member(volume: &Volume<'_>) -> Result<Option<Content>, Stop> {
    let length = volume.length();
    let marks: [(Option<u64>, &[u8], Content); 4] = [
        ((length / 65536 * 65536).checked_sub(65536), b"\xFC\x4E\x2B\xA9", MD),
        ((length / 512).checked_sub(16).map(|sector| sector / 8 * 8 * 512), b"\xFC\x4E\x2B\xA9", MD),
        (length.checked_sub(1024), b"Intel Raid ISM Cfg Sig.", other("Intel firmware RAID", WholeReason::Member)),
        (length.checked_sub(512), b"\xDE\x11\xDE\x11", other("DDF firmware RAID", WholeReason::Member)),
    ];
    for (place, mark, content) in marks {
        let Some(place) = place else { continue };
        if volume.read(place, mark.len().min((length - place) as usize))? == mark {
            return Ok(Some(content));
        }
    }
    Ok(None)
}
