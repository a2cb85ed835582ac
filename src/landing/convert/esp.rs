//! The system partition of UEFI, through mtools: it needs no kernel that knows FAT.

use super::error::ConvertError;
use super::program::Program;
use std::collections::BTreeSet;
use std::path::Path;

/// A FAT filesystem in an image.
pub(super) struct Fat {
    /// The image and the offset, as mtools writes it.
    image: String,
}

impl Fat {
    pub(super) fn at(image: &Path, offset: u64) -> Self {
        Self { image: format!("{}@@{offset}", image.display()) }
    }

    fn program(&self, name: &str, what: &str) -> Program {
        // Its own settings only; and a partition table need not fit the geometry.
        Program::new(name, what).env("MTOOLSRC", "/dev/null").env("MTOOLS_SKIP_CHECK", "1").arg("-i").arg(&self.image)
    }

    /// Its files, such as `/EFI/debian/grubx64.efi`.
    pub(super) fn files(&self) -> Result<BTreeSet<String>, ConvertError> {
        let program = self.program("mdir", "reading the system partition of UEFI");
        let printed = program.args(["-b", "-/", "::/"]).run()?;
        let text = String::from_utf8_lossy(&printed).into_owned();
        let file = |line: &str| line.strip_prefix("::").filter(|path| !path.ends_with('/')).map(str::to_owned);
        Ok(text.lines().filter_map(file).collect())
    }

    /// Copies a file of it into its folder `/EFI/BOOT`, by way of a file of ours.
    pub(super) fn copy(&self, from: &str, to: &str, scratch: &Path) -> Result<(), ConvertError> {
        let what = "writing the system partition of UEFI";
        let part = scratch.join("copy.efi");
        self.program("mcopy", what).args(["-n", "-o"]).arg(format!("::{from}")).arg(&part).run()?;
        let folder = to.rsplit_once('/').map_or("", |(folder, _)| folder);
        // It is there, or it is made: the copy says whether it is.
        self.program("mmd", what).args(["-D", "s"]).arg(format!("::{folder}")).ended()?;
        let copied = self.program("mcopy", what).args(["-D", "s"]).arg(&part).arg(format!("::{to}")).run();
        std::fs::remove_file(&part).map_err(|error| ConvertError::File { path: part.clone(), error })?;
        copied?;
        Ok(())
    }
}
