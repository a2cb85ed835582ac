//! traghetto dies at every boundary between two requests, and the same commands are given again.

use super::cut::Cut;
use super::stand::{STORE, clones, life, untouched};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use traghetto::landing::{Identity, LandingZone as _, Port, Power, Purpose, Way};
use traghetto::model::project::{LandingMachines, Project};
use traghetto::model::server::Server;
use traghetto::model::tenant::Tenant;
use traghetto::world::vsphere::Deadlines;

/// A landing site whose server can be asked by others, too.
pub struct Scene<'a> {
    pub project: Project,
    pub root: &'a Path,
    pub tenant: &'a Tenant,
    pub server: &'a Server,
    pub deadlines: Deadlines,
    pub disks: usize,
    /// The names of all machines of the tenant.
    pub machines: &'a dyn Fn() -> Vec<String>,
}

/// So many boundaries are passed over in a usual run, which still meets every step of the life.
pub const STEP: usize = 5;

/// Every boundary takes minutes, and is part of `make proof`.
pub fn proof() -> bool {
    let wanted = std::env::var_os("TRAGHETTO_PROOF").is_some();
    if !wanted {
        println!("a kill at every boundary is part of `make proof`; every fifth is part of every test run");
    }
    wanted
}

impl Scene<'_> {
    /// The same way through another port.
    fn through(&self, port: u16) -> Way {
        let mut project = self.project.clone();
        if let LandingMachines::Vsphere(setting) = &mut project.landing.machines {
            setting.access.port = port;
        }
        Way::within(&project, self.root, self.deadlines)
    }

    fn port(&self) -> u16 {
        let LandingMachines::Vsphere(setting) = &self.project.landing.machines else { panic!("no vSphere") };
        setting.access.port
    }

    /// Lives until so many records were sent; how many were, and whether it was over.
    fn live(&self, end: usize) -> (usize, bool) {
        let cut = Cut::after(self.port(), end);
        let way = Arc::new(self.through(cut.port));
        let runtime = runtime();
        let over = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cut.ended.notified() => false,
                lived = life(&way, self.tenant, self.server, self.disks) => {
                    lived.unwrap();
                    true
                }
            }
        });
        // As a kill would: what runs in the background ends with it.
        runtime.shutdown_background();
        (cut.records(), over)
    }

    /// Every `step`-th boundary, from the first to the last; how many there are.
    pub fn boundaries(&self, step: usize) -> usize {
        let (all, over) = self.live(usize::MAX);
        assert!(over && (self.machines)().is_empty());
        let whole = self.through(self.port());
        for end in (1..all).step_by(step) {
            self.live(end);
            runtime().block_on(self.again(&whole, end));
        }
        all
    }

    /// The same commands once more, looked at between.
    async fn again(&self, way: &Way, end: usize) {
        let identity = Identity::new(STORE, self.tenant, self.server, Purpose::Production);
        let name = identity.name();
        let before = (self.machines)();
        assert!(before.is_empty() || before == [name.as_str()], "{before:?} after {end}");
        way.prepare(self.tenant).await.unwrap();
        let blueprint = clones(way, &identity, self.server, self.disks);
        let images: Vec<PathBuf> = blueprint.disks.iter().map(|disk| disk.image.clone()).collect();
        way.create(&blueprint, &|_| ()).await.unwrap_or_else(|error| panic!("{error:?} after {end}"));
        untouched(&images);
        assert_eq!((self.machines)(), [name.as_str()], "after {end}");
        way.power_on(&identity).await.unwrap();
        way.connect(&identity, Port::Production).await.unwrap();
        let standing = way.find(&identity).await.unwrap().unwrap();
        assert_eq!(standing.power, Some(Power::On), "after {end}");
        assert!(standing.complete && standing.connected && standing.port == Some(Port::Production), "{standing:?}");
        let stays = way.relocate(&identity, &|_| ()).await.unwrap_or_else(|error| panic!("{error:?} after {end}"));
        assert_eq!(stays.power, Some(Power::On), "after {end}");
        way.destroy(&identity).await.unwrap_or_else(|error| panic!("{error:?} after {end}"));
        assert_eq!(way.find(&identity).await.unwrap(), None);
        assert_eq!((self.machines)(), [""; 0], "after {end}");
        assert!(!way.clone_folder(&identity).exists(), "after {end}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
