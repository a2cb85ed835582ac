//! A landing site of the 21 invented tenants, and clones to land.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use traghetto::landing::{
    Blueprint, BlueprintDisk, Found, Identity, LandingError, LandingZone, Port, Purpose, Way, blueprint,
};
use traghetto::model::project::{LandingMachines, Project};
use traghetto::model::server::Server;
use traghetto::model::tenant::Tenant;
use traghetto::model::vsphere::{PortGroupNames, Staging, Switch, VcenterAccess, VsphereLanding, VsphereWay};
use traghetto::model::{DiskId, Inventory};

/// The id of the state store.
pub const STORE: &str = "0f3a";
/// Bytes of a disk.
pub const DISK: u64 = 2 << 20;

/// The 21 tenants.
pub fn estate() -> Inventory {
    traghetto::inventory::load(&crate::support::project().join("tests/fixtures/estate-21")).unwrap()
}

/// The project with its machines there.
pub fn project(inventory: &Inventory, machines: LandingMachines) -> Project {
    let mut project = inventory.project.clone();
    project.landing.machines = machines;
    project
}

/// In the simulator: `hosts` of its cluster with a distributed switch, or its host alone with standard ones.
pub fn vcsim(access: VcenterAccess, way: VsphereWay, hosts: usize) -> LandingMachines {
    let clustered = hosts > 0;
    let cluster = (0..hosts).map(|number| format!("DC0_C0/DC0_C0_H{number}")).collect();
    let standard = Switch::Standard { uplinked: "vSwitch0".to_owned(), isolated: "prova".to_owned() };
    LandingMachines::Vsphere(Box::new(VsphereLanding {
        access,
        datacenter: "DC0".to_owned(),
        pool: if clustered { "DC0_C0/Resources" } else { "DC0_H0/Resources" }.to_owned(),
        folder: None,
        hosts: if clustered { cluster } else { vec!["DC0_H0/DC0_H0".to_owned()] },
        switch: if clustered { Switch::Distributed("DVS0".to_owned()) } else { standard },
        port_groups: PortGroupNames::default(),
        way,
        datastore: "LocalDS_0".to_owned(),
    }))
}

/// An export of ours; the simulator looks for a folder of the datastore's name.
pub fn staging() -> VsphereWay {
    VsphereWay::Nfs(Staging {
        datastore: "staging".to_owned(),
        nfs_host: "10.0.0.9".to_owned(),
        nfs_path: "/srv/landing".to_owned(),
        directory: "staging".into(),
    })
}

/// A tenant with a server of two disks.
pub fn server(inventory: &Inventory) -> (&Tenant, &Server) {
    let tenant = inventory.tenants.values().next().unwrap();
    (tenant, &tenant.servers.known().unwrap()[0])
}

pub fn disk(number: usize) -> DiskId {
    format!("disk{number}").parse().unwrap()
}

/// The content of a disk, of `seed`: an end, a middle that does not compress, and holes.
pub fn content(seed: u32) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(DISK).unwrap()];
    let mut state = seed + 1;
    for byte in &mut bytes[500_000..600_000] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    *bytes.last_mut().unwrap() = 0xaa;
    bytes
}

/// Puts the clones of a machine where they belong, as a sparse copy would, if they are not there.
pub fn clones(way: &impl LandingZone, identity: &Identity, server: &Server, count: usize) -> Blueprint {
    std::fs::create_dir_all(way.clone_folder(identity)).unwrap();
    let disks = (0..count).map(|number| {
        let image = way.clone_file(identity, &disk(number));
        if !image.exists() {
            write(&image, &content(u32::try_from(number).unwrap()));
        }
        BlueprintDisk { id: disk(number), image, bytes: DISK }
    });
    blueprint(identity.clone(), server, &Found::default(), disks.collect())
}

fn write(image: &Path, bytes: &[u8]) {
    let file = std::fs::File::create(image).unwrap();
    file.set_len(DISK).unwrap();
    for (at, part) in bytes.chunks(4096).enumerate().filter(|(_, part)| part.iter().any(|byte| *byte != 0)) {
        file.write_all_at(part, at as u64 * 4096).unwrap();
    }
}

/// The clones are as they were written.
#[track_caller]
pub fn untouched(images: &[PathBuf]) {
    for (number, image) in images.iter().enumerate() {
        let found = std::fs::read(image).unwrap();
        assert!(found == content(u32::try_from(number).unwrap()), "{} changed", image.display());
    }
}

/// QEMU does this, and is content.
#[track_caller]
pub fn qemu_img(args: &[&str]) {
    let output = std::process::Command::new("qemu-img").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the engine asks of a way, from the first to the last.
pub async fn life(way: &Way, tenant: &Tenant, server: &Server, count: usize) -> Result<(), LandingError> {
    let identity = Identity::new(STORE, tenant, server, Purpose::Production);
    way.prepare(tenant).await?;
    way.create(&clones(way, &identity, server, count), &|_| ()).await?;
    way.connect(&identity, Port::Test).await?;
    way.power_on(&identity).await?;
    way.connect(&identity, Port::Production).await?;
    way.relocate(&identity, &|_| ()).await?;
    way.power_off(&identity).await?;
    way.destroy(&identity).await
}
