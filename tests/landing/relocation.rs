//! A machine that was staged in an export moves to where it stays, in the simulator, which carries its files.

use super::stand::{STORE, clones, content, disk, estate, project, server, staging, untouched, vcsim};
use super::{connect, find};
use crate::support::vcenter::Vcenter;
use crate::support::vcsim::Vcsim;
use std::sync::Mutex;
use std::time::Duration;
use traghetto::landing::{Blueprint, Identity, LandingError, LandingZone as _, Port, Power, Purpose, Way};
use traghetto::model::Inventory;
use traghetto::model::project::LandingMachines;
use traghetto::model::vsphere::VsphereWay;
use traghetto::world::vsphere::{DatastoreFile, Deadlines};

struct Staged {
    vcsim: Vcsim,
    inventory: Inventory,
    way: Way,
    identity: Identity,
    blueprint: Blueprint,
}

fn deadlines() -> Deadlines {
    Deadlines { rest: Vcenter::deadlines().rest, ..Deadlines::default() }
}

impl Staged {
    /// A machine of two disks in service, from the export.
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(options: &[&str]) -> Self {
        let (vcsim, inventory) = (Vcsim::start(options), estate());
        std::fs::create_dir(vcsim.root().join("staging")).unwrap();
        let way = Self::command(&vcsim, &inventory, staging());
        let (tenant, server) = server(&inventory);
        way.prepare(tenant).await.unwrap();
        let identity = Identity::new(STORE, tenant, server, Purpose::Production);
        let blueprint = clones(&way, &identity, server, 2);
        way.create(&blueprint, &|_| ()).await.unwrap();
        way.power_on(&identity).await.unwrap();
        way.connect(&identity, Port::Production).await.unwrap();
        Self { vcsim, inventory, way, identity, blueprint }
    }

    /// As another command comes to the site.
    fn command(vcsim: &Vcsim, inventory: &Inventory, way: VsphereWay) -> Way {
        Way::within(&project(inventory, self::vcsim(vcsim.access(), way, 1)), vcsim.root(), deadlines())
    }

    fn moves(&self) -> usize {
        self.vcsim.requests().iter().filter(|request| request.contains("<RelocateVM_Task")).count()
    }

    #[track_caller]
    fn clones_are_there(&self) {
        let images: Vec<_> = self.blueprint.disks.iter().map(|disk| disk.image.clone()).collect();
        untouched(&images);
    }

    /// It is in service, and nothing of it is in the export.
    async fn has_moved(&self, power: Power) {
        let (name, standing) = (self.identity.name(), self.way.find(&self.identity).await.unwrap().unwrap());
        assert_eq!(standing.place, format!("[LocalDS_0] {name}/{name}.vmx"));
        assert_eq!((standing.power, standing.port, standing.connected), (Some(power), Some(Port::Production), true));
        assert!(!self.way.clone_folder(&self.identity).exists(), "its clones are left");
        let client = connect(&self.vcsim).await;
        let datacenter = client.datacenter(&find(&client, "DC0/vm").await).await.unwrap();
        for (number, file) in [(0, format!("{name}-flat.vmdk")), (1, format!("{name}_1-flat.vmdk"))] {
            let mut bytes = Vec::new();
            let file = DatastoreFile::new("LocalDS_0", &format!("{name}/{file}"));
            client.get_file(&datacenter, &file, &mut bytes).await.unwrap();
            assert!(bytes == content(number), "the bytes of disk {number} differ");
        }
    }
}

#[tokio::test]
async fn a_machine_moves_while_it_runs_and_its_clones_go() {
    let staged = Staged::new().await;
    let told = Mutex::new(Vec::new());
    let stays = staged.way.relocate(&staged.identity, &|percent| told.lock().unwrap().push(percent)).await.unwrap();
    assert_eq!((stays.datastore.as_deref(), stays.moved, stays.power), (Some("LocalDS_0"), true, Some(Power::On)));
    assert_eq!(told.lock().unwrap().last(), Some(&100));
    staged.has_moved(Power::On).await;
    let again = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap();
    assert_eq!((again.moved, staged.moves()), (false, 1), "the second time it moves again");
    // Found again with its clones gone, taken back, and removed.
    assert!(!staged.way.create(&staged.blueprint, &|_| ()).await.unwrap().made);
    staged.way.disconnect(&staged.identity).await.unwrap();
    staged.way.shut_down(&staged.identity).await.unwrap();
    assert_eq!(staged.way.find(&staged.identity).await.unwrap().unwrap().power, Some(Power::Off));
    staged.way.destroy(&staged.identity).await.unwrap();
    assert_eq!(staged.way.find(&staged.identity).await.unwrap(), None);
    crate::vsphere::schema::in_order(&staged.vcsim.requests());
}

#[tokio::test]
async fn without_the_licence_people_shut_it_down_and_it_moves_cold() {
    let staged = Staged::new().await;
    staged.vcsim.say("cold-only", "");
    let error = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap_err();
    assert!(matches!(error, LandingError::Hot { .. }) && error.waits_for_person(), "{error:?}");
    assert!(error.to_string().ends_with("to LocalDS_0 while it runs"), "{error}");
    assert!(error.hint().contains("shut the guest down, and give the same command again"), "{}", error.hint());
    let standing = staged.way.find(&staged.identity).await.unwrap().unwrap();
    assert_eq!((standing.power, standing.connected), (Some(Power::On), true), "it goes on as it was");
    staged.clones_are_there();
    staged.way.shut_down(&staged.identity).await.unwrap();
    let stays = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap();
    assert_eq!((stays.moved, stays.power), (true, Some(Power::Off)), "who shut it down turns it on");
    staged.has_moved(Power::Off).await;
}

#[tokio::test]
async fn a_move_that_a_killed_command_began_is_followed() {
    let staged = Staged::new().await;
    staged.vcsim.say("relocate-ms", "2000");
    let begun = staged.way.relocate(&staged.identity, &|_| ());
    assert!(tokio::time::timeout(Duration::from_millis(600), begun).await.is_err());
    staged.clones_are_there();
    let next = Staged::command(&staged.vcsim, &staged.inventory, staging());
    let told = Mutex::new(Vec::new());
    let stays = next.relocate(&staged.identity, &|percent| told.lock().unwrap().push(percent)).await.unwrap();
    assert!(stays.moved && told.lock().unwrap().iter().any(|percent| (1..100).contains(percent)));
    assert_eq!(staged.moves(), 1, "it was begun twice");
    staged.has_moved(Power::On).await;
}

#[tokio::test]
async fn a_machine_that_is_taken_back_while_it_moves_stays_where_it_was() {
    let staged = Staged::new().await;
    staged.vcsim.say("relocate-ms", "5000");
    let begun = staged.way.relocate(&staged.identity, &|_| ());
    assert!(tokio::time::timeout(Duration::from_millis(600), begun).await.is_err());
    staged.way.disconnect(&staged.identity).await.unwrap();
    let standing = staged.way.find(&staged.identity).await.unwrap().unwrap();
    assert!(!standing.connected && standing.place.starts_with("[staging] "), "{standing:?}");
    staged.clones_are_there();
    staged.way.shut_down(&staged.identity).await.unwrap();
    staged.way.destroy(&staged.identity).await.unwrap();
}

/// A CD of the export, say: the clones stay until it is gone.
#[tokio::test]
async fn where_something_is_left_behind_nothing_is_removed() {
    let staged = Staged::new().await;
    staged.vcsim.say("keep-behind", "");
    let left = staged.way.clone_folder(&staged.identity);
    std::fs::write(left.join("setup.iso"), "cd").unwrap();
    let error = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap_err();
    assert!(matches!(&error, LandingError::Behind { datastore, .. } if datastore == "staging"), "{error:?}");
    assert!(left.join("setup.iso").exists(), "what it uses was removed");
    assert_eq!(staged.way.find(&staged.identity).await.unwrap().unwrap().power, Some(Power::On));
}

/// Where machines are made where they stay, nothing of them is anybody's to move.
#[tokio::test]
async fn an_export_where_machines_stay_is_left_alone() {
    let staged = Staged::new().await;
    let mut machines = vcsim(staged.vcsim.access(), staging(), 1);
    if let LandingMachines::Vsphere(setting) = &mut machines {
        setting.datastore = "staging".to_owned();
    }
    let way = Way::within(&project(&staged.inventory, machines), staged.vcsim.root(), deadlines());
    assert!(!way.relocate(&staged.identity, &|_| ()).await.unwrap().moved);
    staged.clones_are_there();
    assert!(way.clone_file(&staged.identity, &disk(0)).exists());
}

/// Where people have put it, on a third datastore, is where they want it.
#[tokio::test]
async fn a_machine_that_people_placed_elsewhere_is_left_there() {
    let staged = Staged::with(&["-ds", "2"]).await;
    let mut machines = vcsim(staged.vcsim.access(), staging(), 1);
    if let LandingMachines::Vsphere(setting) = &mut machines {
        setting.datastore = "LocalDS_1".to_owned();
    }
    let people = Way::within(&project(&staged.inventory, machines), staged.vcsim.root(), deadlines());
    assert!(people.relocate(&staged.identity, &|_| ()).await.unwrap().moved);
    let stays = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap();
    assert_eq!((stays.datastore.as_deref(), stays.moved), (Some("LocalDS_1"), false));
    assert_eq!(staged.moves(), 1, "it was moved back");
}

/// By another spelling, a link or a mount the export may be the folder of the replicas.
#[tokio::test]
async fn a_replica_is_never_removed() {
    let staged = Staged::new().await;
    let folder = staged.way.clone_folder(&staged.identity);
    std::fs::write(folder.join("disk0.leaves"), "leaves of a replica").unwrap();
    let error = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap_err();
    assert!(matches!(error, LandingError::Replica { .. }), "{error:?}");
    assert!(folder.join("disk0.leaves").exists());
    let (tenant, server) = server(&staged.inventory);
    let test = Identity::new(STORE, tenant, server, Purpose::Test);
    let folder = staged.way.clone_folder(&test);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("disk0.leaves"), "leaves of a replica").unwrap();
    let error = staged.way.destroy(&test).await.unwrap_err();
    assert!(matches!(error, LandingError::Replica { .. }) && folder.join("disk0.leaves").exists(), "{error:?}");
}

#[tokio::test]
async fn one_that_is_gone_is_not_made_anew() {
    let staged = Staged::new().await;
    staged.way.destroy(&staged.identity).await.unwrap();
    let error = staged.way.relocate(&staged.identity, &|_| ()).await.unwrap_err();
    assert!(matches!(error, LandingError::Gone { .. }) && error.hint().contains("make none"), "{error:?}");
}
