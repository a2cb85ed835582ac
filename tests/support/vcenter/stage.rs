//! A place for machines, and disks to import.

use super::Vcenter;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};
use traghetto::landing::vmdk::{Adapter, Options, RawFile, write_stream};
use traghetto::world::vsphere::{
    Client, Controller, DatastoreFile, Disk, Firmware, Home, Import, ImportedDisk, Machine, MachineSpec, Moref, Place,
    Trouble,
};

/// How long a thing may take.
pub const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a disk.
pub const DISK: u64 = 5 << 20;

async fn connect(vcenter: &Vcenter) -> Client {
    Client::connect(&vcenter.access(), vcenter.root(), Vcenter::deadlines()).await.unwrap()
}

/// A machine with so many disks to import.
pub fn spec(disks: usize) -> MachineSpec {
    MachineSpec {
        name: "web1".to_owned(),
        id: "cinto/web1".to_owned(),
        uuid: None,
        guest: "debian10_64Guest".to_owned(),
        cpus: 1,
        memory_mib: 512,
        firmware: Firmware::Bios,
        home: DatastoreFile::new("prod", "web1/web1.vmx"),
        controller: Controller::LsiSas1068,
        disks: vec![Disk { file: None, bytes: DISK }; disks],
        nics: Vec::new(),
        annotation: String::new(),
    }
}

/// A folder, a pool, and disks with different contents as streams.
pub struct Stage {
    pub vcenter: Vcenter,
    pub client: Client,
    pub folder: Moref,
    pub pool: Moref,
    pub spec: MachineSpec,
    pub disks: Vec<ImportedDisk>,
    pub contents: Vec<Vec<u8>>,
}

impl Stage {
    pub async fn new(count: usize) -> Self {
        let vcenter = Vcenter::start();
        let client = connect(&vcenter).await;
        let folder = client.find(&Place::read("SAD/vm").unwrap()).await.unwrap();
        let pool = client.find(&Place::read("SAD/host/Resources").unwrap()).await.unwrap();
        let (mut disks, mut contents) = (Vec::new(), Vec::new());
        for number in 0..count {
            let raw = vcenter.folder.path().join(format!("raw{number}"));
            let file = std::fs::File::create(&raw).unwrap();
            file.set_len(DISK).unwrap();
            // What does not compress, so that an upload takes several pieces.
            let mut state = number as u32 + 1;
            let noise: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .take(1 << 20)
            .collect();
            file.write_all_at(&noise, 1_000_000).unwrap();
            let vmdk = vcenter.folder.path().join(format!("disk{number}.vmdk"));
            let options = Options { name: "disk.vmdk", adapter: Adapter::LsiLogic, cid: 1, level: 1 };
            let mut out = std::fs::File::create(&vmdk).unwrap();
            write_stream(&RawFile::open(&raw).unwrap(), &mut out, &options, &mut |_| ()).unwrap();
            disks.push(ImportedDisk { vmdk });
            contents.push(std::fs::read(&raw).unwrap());
        }
        Self { vcenter, client, folder, pool, spec: spec(count), disks, contents }
    }

    pub fn home(&self) -> Home<'_> {
        Home { folder: &self.folder, pool: &self.pool, host: None }
    }

    pub async fn import(&self) -> Result<Machine, Trouble> {
        let import = Import { home: self.home(), spec: &self.spec, disks: &self.disks };
        self.client.ensure_imported(&import, &|_| ()).await
    }

    /// The machine is whole, alone, and has the bytes of our disks.
    #[track_caller]
    pub fn whole(&self, uploads: usize) {
        let state = self.vcenter.state();
        assert_eq!(state.wrong, [""; 0]);
        assert_eq!(state.machines(), ["web1"]);
        assert!(state.imported["web1"] == self.contents, "the bytes differ");
        assert_eq!(state.count("upload"), uploads);
        assert!(state.leases.is_empty());
    }

    /// Nothing is left.
    #[track_caller]
    pub fn clean(&self) {
        let state = self.vcenter.state();
        assert_eq!(state.wrong, [""; 0]);
        assert_eq!(state.machines(), [""; 0]);
        assert!(state.leases.is_empty() && state.collectors.is_empty());
    }

    /// Waits for what happens by itself.
    pub async fn until(mut is: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is() {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not happen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
