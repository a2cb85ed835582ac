//! Imports through leases that expire, lines that are cut and sessions that end: every one ends in
//! the whole machine, or in a clean message and a clean target.

use crate::support::vcenter::{DISK, LIMIT, Stage, UploadFault, Vcenter, fault};
use std::time::{Duration, Instant};
use traghetto::world::vsphere::{Client, Deadlines, Import, ImportedDisk, Trouble};

#[tokio::test]
async fn a_machine_is_imported_with_every_disk_in_its_place() {
    let stage = Stage::new(3).await;
    stage.vcenter.state().plan.named_host = true;
    let machine = stage.import().await.unwrap();
    stage.whole(3);
    assert_eq!(stage.import().await.unwrap(), machine);
    stage.whole(3);
    assert!(stage.client.state(&machine).await.unwrap().complete);
    stage.client.destroy_machine(&machine, LIMIT).await.unwrap();
    stage.clean();
}

#[tokio::test]
async fn a_lease_is_kept_alive_while_disks_are_slow() {
    let mut stage = Stage::new(1).await;
    // Most of a small disk fits into the buffers on the way.
    let deadlines = Deadlines { stall: Duration::from_secs(20), ..Vcenter::deadlines() };
    stage.client = Client::connect(&stage.vcenter.access(), stage.vcenter.root(), deadlines).await.unwrap();
    {
        let plan = &mut stage.vcenter.state().plan;
        plan.lease_time = Some(Duration::from_secs(1));
        plan.upload_pause = Duration::from_millis(50);
    }
    let began = Instant::now();
    stage.import().await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(2), "the upload was too quick to prove something");
    stage.whole(1);
    assert!(stage.vcenter.state().count("HttpNfcLeaseProgress") > 5);
}

#[tokio::test]
async fn an_import_begins_again_after_what_passes() {
    let cases =
        [UploadFault::CutAfter(0), UploadFault::CutAfter(100_000), UploadFault::Status(503), UploadFault::LeaseEnds];
    for uploads in cases {
        let stage = Stage::new(2).await;
        stage.vcenter.state().plan.uploads = vec![UploadFault::Fine, uploads];
        stage.import().await.unwrap();
        stage.whole(4);
    }
}

#[tokio::test]
async fn a_session_that_ends_takes_the_lease_with_it_and_the_import_begins_again() {
    for method in ["HttpNfcLeaseProgress", "HttpNfcLeaseComplete", "WaitForUpdatesEx"] {
        let stage = Stage::new(1).await;
        stage.vcenter.state().plan.expire_before.insert(method.to_owned());
        stage.import().await.unwrap();
        let uploads = stage.vcenter.state().count("upload");
        assert!(uploads <= 2);
        stage.whole(uploads);
    }
}

#[tokio::test]
async fn answers_that_are_lost_leave_no_half_machine() {
    for method in ["ImportVApp", "HttpNfcLeaseComplete", "ReconfigVM_Task"] {
        let stage = Stage::new(1).await;
        {
            let plan = &mut stage.vcenter.state().plan;
            plan.cut_after.insert(method.to_owned());
            // Nobody knows the lease whose answer was lost, and it holds its machine until it ends.
            plan.lease_time = Some(Duration::from_secs(2));
        }
        let mut imported = stage.import().await;
        if let Err(error) = &imported {
            assert!(error.is_transient(), "{method}: {error:?}");
            imported = stage.import().await;
        }
        let machine = imported.unwrap_or_else(|error| panic!("{method}: {error:?}"));
        assert!(stage.client.state(&machine).await.unwrap().complete, "{method}");
        let state = stage.vcenter.state();
        assert_eq!(state.machines(), ["web1"], "{method}");
        assert!(state.imported["web1"] == stage.contents);
    }
}

#[tokio::test]
async fn an_import_that_cannot_be_leaves_a_clean_target() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.uploads = vec![UploadFault::Stall; 3];
    let error = stage.import().await.unwrap_err();
    assert!(matches!(error, Trouble::Deadline { .. }), "{error:?}");
    stage.clean();
    assert_eq!(stage.vcenter.state().count("upload"), 3);
    // What no repetition makes better is tried once.
    stage.vcenter.state().plan.uploads = vec![UploadFault::Status(403)];
    let error = stage.import().await.unwrap_err();
    assert!(matches!(error, Trouble::Status { status: 403, .. }), "{error:?}");
    stage.clean();
    let privilege = "<privilegeId>VApp.Import</privilegeId><object type=\"ResourcePool\">resgroup-8</object>";
    stage.vcenter.state().plan.faults.push(("ImportVApp".to_owned(), fault("NoPermission", privilege), 1));
    let error = stage.import().await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("VApp.Import on resgroup-8"));
    assert_eq!(stage.vcenter.state().count("upload"), 4);
    stage.clean();
    // Hosts that keep a half are cleaned by hand of ours.
    {
        let plan = &mut stage.vcenter.state().plan;
        plan.keeps_halves = true;
        plan.uploads = vec![UploadFault::Status(403)];
    }
    stage.import().await.unwrap_err();
    stage.clean();
}

#[tokio::test]
async fn disks_that_are_none_are_not_sent() {
    let mut stage = Stage::new(1).await;
    std::fs::write(stage.vcenter.folder.path().join("other"), [0; 4096]).unwrap();
    let good = stage.disks.clone();
    let other = ImportedDisk { vmdk: stage.vcenter.folder.path().join("other") };
    let none = ImportedDisk { vmdk: stage.vcenter.folder.path().join("none") };
    for (disks, part) in [(vec![other], "no stream-optimised"), (vec![], "0 disks are given"), (vec![none], "none")] {
        stage.disks = disks;
        let error = stage.import().await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    (stage.disks, stage.spec.disks[0].bytes) = (good, DISK + 512);
    let error = stage.import().await.unwrap_err();
    assert!(error.to_string().contains("10240 sectors"), "{error}");
    assert_eq!(stage.vcenter.state().count("ImportVApp"), 0);
}

#[tokio::test]
async fn an_import_that_is_given_up_is_aborted() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.upload_pause = Duration::from_millis(300);
    assert!(tokio::time::timeout(Duration::from_millis(1500), stage.import()).await.is_err());
    assert_eq!(stage.vcenter.state().machines(), ["web1"]);
    Stage::until(|| stage.vcenter.state().machines().is_empty()).await;
    Stage::until(|| stage.vcenter.state().leases.is_empty()).await;
}

#[tokio::test]
async fn a_half_machine_of_before_is_not_taken_for_a_whole_one() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.keeps_halves = true;
    stage.vcenter.state().plan.upload_pause = Duration::from_millis(300);
    {
        // Killed in the middle: nobody aborts, and the host keeps the half.
        let import = Import { home: stage.home(), spec: &stage.spec, disks: &stage.disks };
        let begun = stage.client.ensure_imported(&import, &|_| ());
        assert!(tokio::time::timeout(Duration::from_millis(1500), Box::pin(begun)).await.is_err());
    }
    let half = {
        let mut state = stage.vcenter.state();
        state.plan.upload_pause = Duration::ZERO;
        let half = state.things.iter().find(|(_, thing)| thing.kind == "VirtualMachine");
        half.map(|(id, _)| id.clone()).unwrap()
    };
    let machine = loop {
        // The one that was given up is being aborted meanwhile.
        match stage.import().await {
            Ok(machine) => break machine,
            Err(error) => assert!(error.fault().is_some(), "{error:?}"),
        }
    };
    assert_ne!(machine.object.value, half);
    assert!(stage.client.state(&machine).await.unwrap().complete);
    assert!(stage.vcenter.state().imported["web1"] == stage.contents);
}
