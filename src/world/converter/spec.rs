//! What a job is to be, as the server wants it: in the order of its schema.

use super::names::{el, kind, word};
use crate::model::converter::{Job, KeptDisk, SourceSeen};
use crate::world::soap::Xml;

/// Passwords and thumbprints that a call about one job carries.
pub(super) struct Keys {
    pub(super) source_password: String,
    pub(super) vcenter_password: String,
    /// SHA-1 of the agent's certificate, as Converter writes it.
    pub(super) source_thumbprint: Option<String>,
    /// SHA-1 of the vCenter's certificate, as Converter writes it.
    pub(super) vcenter_thumbprint: Option<String>,
}

/// The source: a machine that runs, with the agent on it.
pub(super) fn source(xml: &mut Xml, job: &Job, keys: &Keys) {
    xml.within(el::SOURCE, |xml| {
        xml.typed(el::LOCATION, kind::LIVE, |xml| {
            xml.text(el::HOSTNAME, &job.source.host);
            xml.number(el::PORT, job.source.port);
            xml.text(el::USERNAME, &job.source.user);
            xml.text(el::PASSWORD, &keys.source_password);
            xml.text(el::OS_TYPE, word::WINDOWS);
            xml.flag(el::VERIFY_PEER, true);
            xml.optional(el::SSL_THUMBPRINT, keys.source_thumbprint.as_deref());
        });
    });
}

/// The target: a new machine of a vCenter.
pub(super) fn target(xml: &mut Xml, job: &Job, keys: &Keys) {
    let target = &job.target;
    xml.within(el::TARGET, |xml| {
        xml.text(el::NAME, &target.name);
        xml.typed(el::LOCATION, kind::MANAGED, |xml| {
            xml.within(el::VIM_CONNECT, |xml| {
                xml.text(el::HOSTNAME, &target.vcenter);
                xml.number(el::PORT, target.port);
                xml.typed(el::CREDENTIALS, kind::VIM_LOGIN, |xml| {
                    xml.text(el::USERNAME, &target.user);
                    xml.text(el::PASSWORD, &keys.vcenter_password);
                });
                xml.flag(el::VERIFY_PEER, true);
                xml.optional(el::SSL_THUMBPRINT, keys.vcenter_thumbprint.as_deref());
            });
            xml.text(el::VM_FOLDER_NAME, &target.folder);
            xml.text(el::RESOURCE_POOL_NAME, &target.pool);
            xml.text(el::COMPUTE_RESOURCE_NAME, &target.cluster);
        });
        xml.text(el::HARDWARE_VERSION, &target.hardware);
    });
}

/// The whole job.
pub(super) fn job(xml: &mut Xml, job: &Job, seen: &SourceSeen, keys: &Keys) {
    xml.text(el::NAME, &job.name());
    xml.text(el::DESCRIPTION, &job.description());
    xml.flag(el::START_SUSPENDED, true);
    source(xml, job, keys);
    params(xml, job, seen, keys);
    xml.within(el::P2V_SOURCE_MODIFICATION_SPEC, |xml| {
        xml.flag(el::UNINSTALL_AGENT, job.aside.uninstall_agent);
        xml.flag(el::SHUTDOWN_SOURCE, job.aside.shutdown_source);
    });
    // Without a time, changes are carried when they are asked for.
    xml.flag(el::SYNCHRONIZE_IMMEDIATELY, false);
}

/// What is done with the source.
pub(super) fn params(xml: &mut Xml, job: &Job, seen: &SourceSeen, keys: &Keys) {
    xml.within(el::CONVERSION_PARAMS, |xml| {
        xml.flag(el::DO_CLONE, true);
        cloning(xml, job, seen, keys);
        xml.flag(el::DO_RECONFIG, true);
        xml.flag(el::DO_INSTALL_TOOLS, job.aside.install_tools);
        xml.flag(el::DO_CUSTOMIZE, job.aside.customize);
        xml.flag(el::DO_UNINSTALL_AGENT, job.aside.uninstall_agent);
        xml.flag(el::POWER_ON_TARGET_VM, job.aside.power_on_target);
        xml.flag(el::REMOVE_RESTORE_CHECKPOINTS, job.aside.remove_checkpoints);
    });
}

fn cloning(xml: &mut Xml, job: &Job, seen: &SourceSeen, keys: &Keys) {
    xml.within(el::CLONING_PARAMS, |xml| {
        target(xml, job, keys);
        xml.within(el::STORAGE_PARAMS, |xml| {
            xml.text(el::CLONING_MODE, word::BY_VOLUME);
            xml.text(el::DISK_CONTROLLER_TYPE, word::LSI_SAS);
            seen.disks.iter().for_each(|disk| kept(xml, disk, &job.target.datastore));
            xml.flag(el::SKIP_UNWANTED_FILES, job.aside.skip_unwanted_files);
            xml.text(el::VMX_DATASTORE_NAME, &job.target.datastore);
            xml.flag(el::OPTIMIZED_PARTITION_ALIGNMENT, job.aside.realign);
        });
        xml.within(el::NETWORK_PARAMS, |xml| {
            xml.flag(el::PRESERVE_NIC_COUNT, false);
            xml.flag(el::PRESERVE_NIC_MAPPING, false);
            for network in &job.target.networks {
                xml.typed(el::NIC, kind::NIC, |xml| {
                    xml.flag(el::CONNECTED, job.aside.connect_nics);
                    xml.text(el::NETWORK_NAME, network);
                    xml.text(el::NIC_CONTROLLER_TYPE, word::E1000);
                });
            }
        });
        xml.flag(el::DO_SYNCHRONIZE, true);
        // The last synchronisation is asked for, and never comes by itself.
        xml.flag(el::DO_FINALIZE, false);
        job.source.services_stopped.iter().for_each(|service| xml.text(el::SERVICES_TO_SUSPEND, service));
    });
}

fn kept(xml: &mut Xml, disk: &KeptDisk, datastore: &str) {
    xml.typed(el::TARGET_DISK_PARAMS, kind::DISK, |xml| {
        xml.text(el::SOURCE_DISK_ID, &disk.id);
        for volume in &disk.volumes {
            xml.within(el::VOLUMES_TO_CLONE, |xml| {
                xml.text(el::SOURCE_VOLUME_ID, &volume.id);
                xml.flag(el::RESIZE, false);
            });
        }
        xml.flag(el::GPT, disk.gpt);
        xml.text(el::DATASTORE_NAME, datastore);
    });
}
