//! The descriptor of a VMDK: a text that says where the sectors lie and what controller they are for.

use super::layout::SECTOR;
use crate::untrusted::printable;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The longest descriptor that is read, in bytes: ours have about 500.
const LONGEST: usize = 10 << 10;
/// The first line, by which everybody knows one.
const TITLE: &str = "# Disk DescriptorFile";
/// The version of the virtual hardware where none is asked for: that of vSphere 6.5.
const HARDWARE: u8 = 13;

/// How the sectors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateType {
    /// A raw file beside the descriptor, on a datastore.
    Vmfs,
    /// Compressed grains behind the descriptor, in one file.
    StreamOptimized,
}

/// The controller that the disk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// LSI Logic, parallel or SAS.
    LsiLogic,
    /// VMware's own.
    Pvscsi,
    /// IDE.
    Ide,
}

/// What a BIOS is told of the disk's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Cylinders.
    pub cylinders: u64,
    /// Heads.
    pub heads: u64,
    /// Sectors of a track.
    pub sectors: u64,
}

/// A descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// How the sectors are stored.
    pub create_type: CreateType,
    /// Identifies the content; children of the disk name it.
    pub cid: u32,
    /// Size of the disk.
    pub sectors: u64,
    /// Name of the file with the sectors, in the descriptor's own folder.
    pub extent: String,
    /// The controller.
    pub adapter: Adapter,
    /// The disk's shape.
    pub geometry: Geometry,
    /// Version of the virtual hardware.
    pub hardware: u8,
    /// Whether holes take no space.
    pub thin: bool,
}

/// Why a text is no descriptor of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DescriptorError {
    /// It is too long.
    #[error("the descriptor is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not begin as it must.
    #[error("the first line is not `{TITLE}`")]
    NoTitle,
    /// A line that means nothing.
    #[error("line {line} of the descriptor means nothing: {text}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A key that is not there.
    #[error("the descriptor has no `{0}`")]
    Missing(&'static str),
    /// A key twice.
    #[error("the descriptor has `{0}` twice")]
    Twice(String),
    /// A value that cannot be.
    #[error("`{key}` of the descriptor cannot be `{value}`")]
    Value {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Not exactly one file with sectors.
    #[error("the descriptor has {0} extents; one is read")]
    Extents(usize),
    /// A name that would not stay in its folder, or in its quotes.
    #[error("`{0}` is no name for a file beside a descriptor")]
    Name(String),
    /// A size of zero, or one beyond what can be counted.
    #[error("a disk cannot have {0} sectors")]
    Size(u64),
}

impl Geometry {
    /// The shape that vSphere gives a SCSI disk of so many sectors.
    pub fn of(sectors: u64) -> Self {
        const GIB: u64 = (1 << 30) / SECTOR;
        let (heads, track) = match sectors {
            few if few < GIB => (64, 32),
            some if some < 2 * GIB => (128, 32),
            _ => (255, 63),
        };
        Self { cylinders: (sectors / (heads * track)).max(1), heads, sectors: track }
    }

    /// The shape of an IDE disk, which stops counting at 8 GB.
    fn of_ide(sectors: u64) -> Self {
        Self { cylinders: (sectors / (16 * 63)).clamp(1, 16_383), heads: 16, sectors: 63 }
    }
}

impl CreateType {
    fn name(self) -> &'static str {
        match self {
            CreateType::Vmfs => "vmfs",
            CreateType::StreamOptimized => "streamOptimized",
        }
    }

    /// What an extent says of its access and its format.
    fn extent(self) -> (&'static str, &'static str) {
        match self {
            CreateType::Vmfs => ("RW", "VMFS"),
            CreateType::StreamOptimized => ("RDONLY", "SPARSE"),
        }
    }
}

impl Adapter {
    fn name(self) -> &'static str {
        match self {
            Adapter::LsiLogic => "lsilogic",
            Adapter::Pvscsi => "pvscsi",
            Adapter::Ide => "ide",
        }
    }
}

impl Descriptor {
    /// Of a disk of `sectors`, which lie in the file `extent` beside it.
    ///
    /// # Errors
    /// The name is none, or the size.
    pub fn new(
        create_type: CreateType,
        extent: &str,
        sectors: u64,
        adapter: Adapter,
        cid: u32,
    ) -> Result<Self, DescriptorError> {
        let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '/' | '\\');
        if extent.is_empty() || extent.len() > 255 || extent.starts_with('.') || !extent.chars().all(is_plain) {
            return Err(DescriptorError::Name(printable(extent)));
        }
        if sectors == 0 || sectors > u64::MAX / SECTOR {
            return Err(DescriptorError::Size(sectors));
        }
        let geometry = if adapter == Adapter::Ide { Geometry::of_ide(sectors) } else { Geometry::of(sectors) };
        let extent = extent.to_owned();
        Ok(Self { create_type, cid, sectors, extent, adapter, geometry, hardware: HARDWARE, thin: true })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let (access, format) = self.create_type.extent();
        let mut text = format!(
            "{TITLE}\nversion=1\nencoding=\"UTF-8\"\nCID={:08x}\nparentCID=ffffffff\nisNativeSnapshot=\"no\"\n\
             createType=\"{}\"\n\n# Extent description\n{access} {} {format} \"{}\"\n\n# The Disk Data Base\n#DDB\n\n",
            self.cid,
            self.create_type.name(),
            self.sectors,
            self.extent
        );
        let mut entry = |key: &str, value: &str| {
            let _ = writeln!(text, "ddb.{key} = \"{value}\"");
        };
        entry("adapterType", self.adapter.name());
        entry("geometry.cylinders", &self.geometry.cylinders.to_string());
        entry("geometry.heads", &self.geometry.heads.to_string());
        entry("geometry.sectors", &self.geometry.sectors.to_string());
        if self.thin {
            entry("thinProvisioned", "1");
        }
        entry("virtualHWVersion", &self.hardware.to_string());
        text
    }

    /// Reads a descriptor of the two kinds that are written here.
    ///
    /// # Errors
    /// It is none, or says something that we never do.
    pub fn parse(text: &str) -> Result<Self, DescriptorError> {
        let lines = Lines::of(text)?;
        let create_type = lines.one_of("createType", &[CreateType::Vmfs, CreateType::StreamOptimized], |t| t.name())?;
        let adapter =
            lines.one_of("ddb.adapterType", &[Adapter::LsiLogic, Adapter::Pvscsi, Adapter::Ide], |a| a.name())?;
        let [extent] = lines.extents.as_slice() else { return Err(DescriptorError::Extents(lines.extents.len())) };
        let (sectors, name) = extent_of(extent, create_type)?;
        lines.one_of("version", &["1"], |v| v)?;
        lines.one_of("parentCID", &["ffffffff"], |v| v)?;
        let cid = lines.get("CID")?;
        let cid = u32::from_str_radix(cid, 16).map_err(|_| bad("CID", cid))?;
        let mut read = Self::new(create_type, name, sectors, adapter, cid)?;
        read.geometry = Geometry {
            cylinders: lines.number("ddb.geometry.cylinders")?,
            heads: lines.number("ddb.geometry.heads")?,
            sectors: lines.number("ddb.geometry.sectors")?,
        };
        read.hardware = lines.number("ddb.virtualHWVersion")?;
        read.thin = lines.values.get("ddb.thinProvisioned").is_some_and(|value| *value == "1");
        Ok(read)
    }
}

/// The lines of a descriptor, by what they are.
struct Lines<'a> {
    values: BTreeMap<&'a str, &'a str>,
    extents: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Result<Self, DescriptorError> {
        if text.len() > LONGEST {
            return Err(DescriptorError::TooLong);
        }
        // In a stream the descriptor is filled up with zeros.
        let mut lines = text.trim_end_matches('\0').lines().map(str::trim).enumerate();
        if lines.next().is_none_or(|(_, first)| first != TITLE) {
            return Err(DescriptorError::NoTitle);
        }
        let (mut values, mut extents) = (BTreeMap::new(), Vec::new());
        for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with("RW ") || line.starts_with("RDONLY ") {
                extents.push(line);
                continue;
            }
            let nothing = || DescriptorError::Line { line: at + 1, text: printable(line) };
            let (key, value) = line.split_once('=').ok_or_else(nothing)?;
            let (key, value) = (key.trim(), value.trim());
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"').ok_or_else(nothing)?,
                None => value,
            };
            if values.insert(key, value).is_some() {
                return Err(DescriptorError::Twice(printable(key)));
            }
        }
        Ok(Self { values, extents })
    }

    fn get(&self, key: &'static str) -> Result<&'a str, DescriptorError> {
        self.values.get(key).copied().ok_or(DescriptorError::Missing(key))
    }

    fn number<T: std::str::FromStr>(&self, key: &'static str) -> Result<T, DescriptorError> {
        let value = self.get(key)?;
        value.parse().map_err(|_| bad(key, value))
    }

    fn one_of<T: Copy>(
        &self,
        key: &'static str,
        known: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, DescriptorError> {
        let value = self.get(key)?;
        known.iter().copied().find(|one| name(*one) == value).ok_or_else(|| bad(key, value))
    }
}

fn bad(key: &'static str, value: &str) -> DescriptorError {
    DescriptorError::Value { key, value: printable(value) }
}

/// Sectors and file name of `RW 2048 VMFS "disk-flat.vmdk"`.
fn extent_of(line: &str, create_type: CreateType) -> Result<(u64, &str), DescriptorError> {
    let (access, format) = create_type.extent();
    let read = || {
        let (sectors, rest) = line.strip_prefix(access)?.strip_prefix(' ')?.split_once(' ')?;
        let name = rest.strip_prefix(format)?.strip_prefix(" \"")?.strip_suffix('"')?;
        Some((sectors.parse().ok()?, name))
    };
    read().ok_or_else(|| bad("extent", line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_descriptor_reads_as_vsphere_writes_it() {
        let written = Descriptor::new(CreateType::Vmfs, "web-flat.vmdk", 4_194_304, Adapter::LsiLogic, 0xfe01).unwrap();
        assert_eq!(
            written.text(),
            "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=0000fe01\nparentCID=ffffffff\n\
             isNativeSnapshot=\"no\"\ncreateType=\"vmfs\"\n\n# Extent description\nRW 4194304 VMFS \"web-flat.vmdk\"\n\n\
             # The Disk Data Base\n#DDB\n\nddb.adapterType = \"lsilogic\"\nddb.geometry.cylinders = \"261\"\n\
             ddb.geometry.heads = \"255\"\nddb.geometry.sectors = \"63\"\nddb.thinProvisioned = \"1\"\n\
             ddb.virtualHWVersion = \"13\"\n"
        );
    }

    #[test]
    fn the_shape_follows_the_size() {
        assert_eq!(Geometry::of(1), Geometry { cylinders: 1, heads: 64, sectors: 32 });
        assert_eq!(Geometry::of(2_097_152), Geometry { cylinders: 512, heads: 128, sectors: 32 });
        assert_eq!(Geometry::of(4_294_967_296), Geometry { cylinders: 267_349, heads: 255, sectors: 63 });
    }

    #[test]
    fn what_we_never_write_is_refused() {
        let good = Descriptor::new(CreateType::Vmfs, "a-flat.vmdk", 8, Adapter::Pvscsi, 7).unwrap().text();
        let changed = |from: &str, to: &str| Descriptor::parse(&good.replacen(from, to, 1)).unwrap_err();
        assert_eq!(changed("# Disk", "# disk"), DescriptorError::NoTitle);
        assert_eq!(changed("CID=00000007", ""), DescriptorError::Missing("CID"));
        assert_eq!(changed("version=1", "version=1\nversion=1"), DescriptorError::Twice("version".into()));
        assert_eq!(changed("RW 8", "# 8"), DescriptorError::Extents(0));
        let traversal = changed("a-flat", "../a-flat");
        assert_eq!(traversal, DescriptorError::Name("../a-flat.vmdk".into()));
        assert_eq!(changed("RW 8", "RW 0"), DescriptorError::Size(0));
        let value = |key, value: &str| DescriptorError::Value { key, value: value.into() };
        assert_eq!(changed("ffffffff", "00000001"), value("parentCID", "00000001"));
        assert_eq!(changed("pvscsi", "sata"), value("ddb.adapterType", "sata"));
        assert_eq!(changed("VMFS", "FLAT"), value("extent", "RW 8 FLAT \"a-flat.vmdk\""));
        assert_eq!(changed("#DDB", "DDB"), DescriptorError::Line { line: 13, text: "DDB".into() });
        assert!(Descriptor::new(CreateType::Vmfs, "a\"\nRW 1", 8, Adapter::Pvscsi, 7).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            sectors in 1..u64::MAX / SECTOR, cid: u32, name in "[^\\x00-\\x1f\"/\\\\.\u{7f}-\u{9f}][a-z à]{0,20}",
            stream: bool, pvscsi: bool,
        ) {
            let create_type = if stream { CreateType::StreamOptimized } else { CreateType::Vmfs };
            let adapter = if pvscsi { Adapter::Pvscsi } else { Adapter::LsiLogic };
            let written = Descriptor::new(create_type, &name, sectors, adapter, cid).unwrap();
            prop_assert_eq!(Descriptor::parse(&written.text()), Ok(written));
        }

        #[test]
        fn no_text_is_too_wild(text: String) {
            let _ = Descriptor::parse(&text);
            let _ = Descriptor::parse(&format!("{TITLE}\n{text}"));
        }
    }
}
