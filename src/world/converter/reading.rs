//! What the server answers, read without side effects: no text of its makes us panic.

use super::fault::localized;
use super::names::{el, word};
use crate::model::converter::{FaultSeen, KeptDisk, KeptVolume, SeenService, SourceSeen, Standing, TaskSeen};
use crate::untrusted::one_line;
use crate::world::soap::{Element, Moref, Unreadable};
use jiff::Timestamp;

/// A job as its information says, without its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) job: Moref,
    pub(super) key: String,
    pub(super) standing: Standing,
    pub(super) task: Option<Moref>,
    pub(super) error: Option<FaultSeen>,
    pub(super) changed: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    pub(super) due: Option<Timestamp>,
}

impl Info {
    pub(super) fn read(info: &Element) -> Result<Self, Unreadable> {
        let standing = match info.must(el::STATE)?.text.trim() {
            word::ACTIVE => Standing::Active,
            word::SUSPENDED => Standing::Suspended,
            word::DEACTIVATED => Standing::Deactivated,
            other => Standing::Other(one_line(other.as_bytes())),
        };
        Ok(Self {
            job: info.must(el::JOB)?.moref().ok_or(Unreadable::Missing(el::JOB))?,
            key: one_line(info.must(el::KEY)?.text.as_bytes()),
            standing,
            task: info.get(el::ACTIVE_TASK).and_then(Element::moref),
            // It stays after a success; the count of errors in a row does not.
            error: info
                .get(el::MOST_RECENT_ERROR)
                .filter(|_| info.word(el::NUM_CONSECUTIVE_ERRORS) != "0")
                .map(localized),
            changed: time(info, el::LAST_MODIFIED_TIME)?.ok_or(Unreadable::Missing(el::LAST_MODIFIED_TIME))?,
            started: time(info, el::LAST_RUN_START_TIME)?,
            completed: time(info, el::LAST_RUN_COMPLETE_TIME)?,
            due: time(info, el::NEXT_RUN_START_TIME)?,
        })
    }
}

/// What we look at of a job's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) digest: Option<String>,
    pub(super) finalize: bool,
}

impl Settings {
    pub(super) fn read(spec: &Element) -> Self {
        let cloning = spec.get(el::CONVERSION_PARAMS).and_then(|params| params.get(el::CLONING_PARAMS));
        let digest = spec.word(el::DESCRIPTION).rsplit(' ').next().filter(|word| is_digest(word)).map(str::to_owned);
        Self {
            name: spec.word(el::NAME).to_owned(),
            digest,
            finalize: cloning.is_some_and(|cloning| cloning.flag(el::DO_FINALIZE)),
        }
    }
}

fn is_digest(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The task of a job: what it does, or none if it is over.
pub(super) fn task(task: &Element) -> Result<Option<TaskSeen>, Unreadable> {
    let queued = match task.must(el::STATE)?.text.trim() {
        word::QUEUED => true,
        word::RUNNING => false,
        _ => return Ok(None),
    };
    Ok(Some(TaskSeen {
        queued,
        percent: task.number::<i64>(el::PROGRESS)?.map(|percent| u8::try_from(percent.clamp(0, 100)).unwrap_or(0)),
        incremental: task.flag(el::INCREMENTAL),
        rate: task.number::<u64>(el::TRANSFER_RATE)?,
    }))
}

/// How the agent was put there: its status, and its thumbprint.
pub(super) fn deployment(result: &Element) -> Result<(String, Option<String>), Unreadable> {
    let status = one_line(result.must(el::STATUS)?.text.as_bytes());
    let thumbprint = Some(result.word(el::SSL_THUMBPRINT)).filter(|text| !text.is_empty());
    Ok((status, thumbprint.map(|text| one_line(text.as_bytes()))))
}

/// A log bundle that the server made: its key, and its size in bytes.
pub(super) fn bundle(info: &Element) -> Result<(String, i64), Unreadable> {
    let size = info.number::<i64>(el::SIZE)?.ok_or(Unreadable::Missing(el::SIZE))?;
    let negative = |_| Unreadable::Value { name: el::SIZE, value: size.to_string() };
    u64::try_from(size).map_err(negative)?;
    Ok((info.must(el::KEY)?.text.clone(), size))
}

/// What the server says of a source.
pub(super) fn source(info: &Element) -> Result<SourceSeen, Unreadable> {
    let storage = info.must(el::HARDWARE_INFO)?.must(el::STORAGE_INFO)?;
    let system = info.must(el::OS_INFO)?;
    let volumes = storage.all(el::VOLUME).map(|volume| Ok((volume, kept(volume, system)?)));
    let volumes: Vec<(&Element, KeptVolume)> = volumes.collect::<Result<_, Unreadable>>()?;
    let disks = storage.all(el::DISK).map(|disk| {
        let id = disk.must(el::DISK_ID)?.text.trim();
        let on = |volume: &Element| volume.all(el::DISK_ID).next().is_some_and(|first| first.text.trim() == id);
        let mut own: Vec<KeptVolume> = volumes.iter().filter(|one| on(one.0)).map(|one| one.1.clone()).collect();
        own.sort_by_key(|volume| volume.partition.unwrap_or(u32::MAX));
        Ok(KeptDisk {
            id: id.to_owned(),
            bytes: disk.number(el::CAPACITY_IN_BYTES)?.unwrap_or(0),
            gpt: disk.flag(el::GPT),
            dynamic: disk.flag(el::LVG),
            volumes: own,
        })
    });
    let services = system.all(el::SERVICES).map(|service| {
        let name = service.must(el::SERVICE_NAME)?.text.trim().to_owned();
        Ok(SeenService { name, can_be_stopped: service.flag(el::CAN_BE_STOPPED) })
    });
    let services: Vec<SeenService> = services.collect::<Result<_, Unreadable>>()?;
    let can = |name: &str| system.get(el::CAPABILITIES).is_some_and(|capabilities| capabilities.flag(name));
    Ok(SourceSeen {
        disks: disks.collect::<Result<_, Unreadable>>()?,
        directory: services.iter().any(|service| service.name.eq_ignore_ascii_case(word::DIRECTORY_SERVICE)),
        services,
        can_synchronize: can(el::CAN_SYNCHRONIZE),
        can_stop_services: can(el::CAN_STOP_SERVICES),
    })
}

fn kept(volume: &Element, system: &Element) -> Result<KeptVolume, Unreadable> {
    let id = volume.must(el::VOLUME_ID)?.text.trim();
    let same = |seen: &&Element| seen.word(el::VOLUME_ID) == id;
    let mount = system.all(el::LOGICAL_VOLUME_INFO).find(same).map_or("", |seen| seen.word(el::MOUNT_POINT));
    Ok(KeptVolume {
        id: id.to_owned(),
        partition: volume.number(el::PARTITION_NUMBER)?,
        mount: one_line(mount.as_bytes()),
        filesystem: one_line(volume.word(el::FILE_SYSTEM).as_bytes()),
        bytes: volume.number(el::CAPACITY_IN_BYTES)?.unwrap_or(0),
        used: volume.number(el::SPACE_USED_IN_BYTES)?.unwrap_or(0),
    })
}

fn time(info: &Element, name: &'static str) -> Result<Option<Timestamp>, Unreadable> {
    let Some(child) = info.get(name) else { return Ok(None) };
    let bad = |_| Unreadable::Value { name, value: one_line(child.text.as_bytes()) };
    child.text.trim().parse().map(Some).map_err(bad)
}

/// Whether the target is possible: the server gives defaults only then, and else says why.
pub(super) fn defaults(returned: &[Element]) -> Result<(), String> {
    let Some(result) = returned.first() else { return Err("nothing is said of it".to_owned()) };
    if result.get(el::DEFAULT_CONVERSION_PARAMS).is_some() {
        return Ok(());
    }
    let mut words = String::new();
    result.all(el::INFO).for_each(|info| texts(info, &mut words));
    Err(one_line(words.as_bytes()))
}

/// All texts below an element.
fn texts(element: &Element, words: &mut String) {
    words.push_str(&element.text);
    words.push(' ');
    element.children.iter().for_each(|child| texts(child, words));
}
