//! The files of a mounted clone, as if its root were ours: no link in it leads out of it.
//!
//! Every path is resolved by the kernel below the root (`openat2` with `RESOLVE_IN_ROOT`): where the
//! clone's `/etc/fstab` is a link to `/etc/passwd`, the clone's own is meant, and never this host's.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The longest text that is read in bytes; a kernel's list of modules has some hundred thousand.
const LONGEST: u64 = 8 << 20;
/// Where SELinux keeps who may use a file.
const LABEL: &str = "security.selinux";

/// The root of a clone.
pub(super) struct Root {
    fd: OwnedFd,
}

impl Root {
    /// The root at a folder of this host.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { fd: rustix::fs::open(folder, flags, Mode::empty())? })
    }

    fn at(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        loop {
            // The kernel asks to repeat where a rename anywhere raced with `..`.
            match rustix::fs::openat2(&self.fd, path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
    }

    /// A regular file; none where there is none.
    fn regular(&self, path: &str, flags: OFlags) -> io::Result<Option<File>> {
        // Without waiting: a pipe has nobody at its other end.
        let file = match self.at(path, flags | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(file.metadata()?.is_file().then_some(file))
    }

    /// The text of a file; none where there is none. What is not UTF-8 is taken for Latin-1.
    pub(super) fn text(&self, path: &str) -> io::Result<Option<String>> {
        let Some(file) = self.regular(path, OFlags::RDONLY)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(io::Error::other("it is longer than any such file"));
        }
        Ok(Some(decoded(bytes)))
    }

    /// Whether a file, a folder or what a link leads to is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.at(path, OFlags::PATH, Mode::empty()).is_ok()
    }

    /// Which file a path means, for this host.
    pub(super) fn identity(&self, path: &str) -> Option<(u64, u64)> {
        let fd = self.at(path, OFlags::PATH, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(fd).ok()?;
        Some((stat.st_dev, stat.st_ino))
    }

    /// Where a folder of the clone is on this host, with no link on the way.
    pub(super) fn on_host(&self, path: &str) -> io::Result<PathBuf> {
        use std::os::fd::AsRawFd as _;
        let fd = self.at(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    /// The names in a folder, and which of them are links; none where it is not there.
    pub(super) fn names(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        let fd = match self.at(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut found = Vec::new();
        for entry in Dir::read_from(&fd)? {
            let entry = entry?;
            // A name that is no text is none that we look for.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name != "." && name != ".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => {
                        let stat = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
                        FileType::from_raw_mode(stat.st_mode)
                    }
                    kind => kind,
                };
                found.push((name.to_owned(), kind == FileType::Symlink));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Where a link points.
    pub(super) fn link(&self, path: &str) -> io::Result<String> {
        let (folder, name) = self.above(path)?;
        Ok(rustix::fs::readlinkat(folder, name, Vec::new())?.to_string_lossy().into_owned())
    }

    /// The folder of a path, and the name in it.
    fn above<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name == ".." {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok((self.at(folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?, name))
    }

    /// Writes a text into a file that is there, which keeps its owner, mode and label; or makes it.
    pub(super) fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let Some(mut file) = self.regular(path, OFlags::RDWR)? else { return self.make(path, text) };
        let mut before = Vec::new();
        (&file).take(LONGEST).read_to_end(&mut before)?;
        let latin = String::from_utf8(before).is_err();
        let bytes: Vec<u8> =
            if latin { text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect() } else { text.into() };
        file.set_len(0)?;
        io::Seek::rewind(&mut file)?;
        file.write_all(&bytes)?;
        file.sync_all()
    }

    fn make(&self, path: &str, text: &str) -> io::Result<()> {
        let parent = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !self.has(parent) {
            let (above, name) = self.above(parent)?;
            rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755))?;
        }
        let (folder, name) = self.above(path)?;
        // Never through a link: one that leads nowhere would be filled.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o644))?);
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        let mut label = vec![0u8; 256];
        if let Ok(length) = rustix::fs::fgetxattr(&folder, LABEL, &mut label[..]) {
            rustix::fs::fsetxattr(&file, LABEL, &label[..length], rustix::fs::XattrFlags::empty())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// Removes a file or a link.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let (folder, name) = self.above(path)?;
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
    }

    /// Renames a file or a link.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((folder, name), (new, other)) = (self.above(from)?, self.above(to)?);
        Ok(rustix::fs::renameat(folder, name, new, other)?)
    }
}

fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn clone() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("root/etc/network")).unwrap();
        std::fs::create_dir_all(dir.path().join("host/etc")).unwrap();
        let root = Root::open(&dir.path().join("root")).unwrap();
        (dir, root)
    }

    #[test]
    fn no_link_leads_out_of_the_clone() {
        let (dir, root) = clone();
        let host = dir.path().join("host/etc/fstab");
        std::fs::write(&host, "the host's").unwrap();
        let etc = dir.path().join("root/etc");
        symlink(&host, etc.join("absolute")).unwrap();
        symlink("../../host/etc/fstab", etc.join("relative")).unwrap();
        symlink(dir.path().join("host/etc"), etc.join("folder")).unwrap();
        symlink("/proc/self/root", etc.join("magic")).unwrap();
        for path in ["/etc/absolute", "/etc/relative", "/etc/folder/fstab", "/etc/../../host/etc/fstab"] {
            assert_eq!(root.text(path).unwrap(), None, "{path}");
            // A link that leads nowhere is not filled, and a folder that is elsewhere is not made.
            assert!(root.write(path, "ours").is_err(), "{path}");
        }
        assert!(root.write("/etc/magic/etc/x", "ours").is_err());
        for path in ["/etc/folder/fstab", "/etc/magic/etc/hostname"] {
            assert!(root.remove(path).is_err() && root.rename(path, "/etc/mine").is_err(), "{path}");
        }
        assert_eq!(std::fs::read_to_string(&host).unwrap(), "the host's");
        assert_eq!(std::fs::read_dir(dir.path().join("host/etc")).unwrap().count(), 1);
    }

    #[test]
    fn absolute_links_mean_the_clone_itself() {
        let (dir, root) = clone();
        let etc = dir.path().join("root/etc");
        std::fs::write(etc.join("real"), "before").unwrap();
        symlink("/etc/real", etc.join("link")).unwrap();
        assert_eq!(root.text("/etc/link").unwrap().as_deref(), Some("before"));
        root.write("/etc/link", "after").unwrap();
        assert_eq!(std::fs::read_to_string(etc.join("real")).unwrap(), "after");
        assert_eq!(root.link("/etc/link").unwrap(), "/etc/real");
        assert_eq!(root.on_host("/etc/network").unwrap(), std::fs::canonicalize(etc.join("network")).unwrap());
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let (dir, root) = clone();
        let pipe = dir.path().join("root/etc/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!((root.text("/etc/pipe").unwrap(), root.text("/etc").unwrap()), (None, None));
    }

    #[test]
    fn latin_text_stays_latin() {
        let (dir, root) = clone();
        let path = dir.path().join("root/etc/ifcfg");
        std::fs::write(&path, b"# citt\xe0\nHWADDR=x\n").unwrap();
        let text = root.text("/etc/ifcfg").unwrap().unwrap();
        assert_eq!(text, "# città\nHWADDR=x\n");
        root.write("/etc/ifcfg", &text.replace("HWADDR=x\n", "")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"# citt\xe0\n");
    }
}
