//! The schema of the calls, written down a second time and apart from the program: the order of elements,
//! which must be there, and what may be in them. From the types that public clients of the SDK generated.

use roxmltree::Node;

const NAMESPACE: &str = "urn:converter";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What may be in an element.
#[derive(Clone, Copy)]
pub enum Of {
    Text,
    Flag,
    Int,
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A reference to an object of this type.
    Object(&'static str),
    /// Elements of this type.
    Type(&'static str),
    /// Elements of this type, which its `xsi:type` must name.
    Named(&'static str),
}

/// How often an element is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Must,
    May,
    Many,
}

type Field = (&'static str, Of, How);

use How::{Many, May, Must};
use Of::{Flag, Int, Named, Object, Text, Time, Type, Word};

const HANDLING: Of = Word(&["failIfActiveTask", "cancelActiveTask"]);

/// The elements of a type, in order.
fn fields(kind: &str) -> &'static [Field] {
    match kind {
        "ConverterComputerSpec" => &[("location", Named("ConverterComputerSpecLiveComputerLocation"), Must)],
        "ConverterComputerSpecLiveComputerLocation" => &[
            ("hostname", Text, Must),
            ("port", Int, May),
            ("username", Text, May),
            ("password", Text, May),
            ("osType", Word(&["windowsOs", "linuxOs", "otherOs", "solarisOs"]), Must),
            ("verifyPeer", Flag, May),
            ("sslThumbprint", Text, May),
        ],
        "ConverterTargetVmSpec" => &[
            ("name", Text, Must),
            ("location", Named("ConverterTargetVmSpecManagedVmLocation"), Must),
            ("productVersion", Text, May),
            ("hardwareVersion", Text, May),
        ],
        "ConverterTargetVmSpecManagedVmLocation" => &[
            ("vimConnect", Type("ConverterVimConnectionSpec"), Must),
            ("vmFolder", Object("Folder"), May),
            ("host", Object("HostSystem"), May),
            ("resourcePool", Object("ResourcePool"), May),
            ("computeResource", Object("ComputeResource"), May),
            ("vmFolderName", Text, May),
            ("hostName", Text, May),
            ("resourcePoolName", Text, May),
            ("computeResourceName", Text, May),
        ],
        "ConverterVimConnectionSpec" => &[
            ("hostname", Text, Must),
            ("port", Int, May),
            ("credentials", Named("ConverterVimConnectionSpecLoginVimCredentials"), Must),
            ("verifyPeer", Flag, May),
            ("sslThumbprint", Text, May),
        ],
        "ConverterVimConnectionSpecLoginVimCredentials" => &[("username", Text, Must), ("password", Text, Must)],
        "ConverterServerConversionConversionJobSpec" => &[
            ("name", Text, Must),
            ("description", Text, May),
            ("firstRun", Time, May),
            ("startSuspended", Flag, May),
            ("source", Type("ConverterComputerSpec"), Must),
            ("conversionParams", Type("ConverterConversionParams"), Must),
            ("p2vSourceModificationSpec", Type("ConverterServerConversionP2VSourceModificationSpec"), May),
            ("parentFolder", Object("ConverterServerConversionConversionFolder"), May),
            ("synchronizeImmediately", Flag, May),
            ("synchronizationStartTime", Time, May),
        ],
        "ConverterServerConversionP2VSourceModificationSpec" => {
            &[("uninstallAgent", Flag, May), ("shutdownSource", Flag, May)]
        }
        "ConverterConversionParams" => &[
            ("doClone", Flag, May),
            ("cloningParams", Type("ConverterCloningParams"), May),
            ("doReconfig", Flag, May),
            ("doInstallTools", Flag, May),
            ("doCustomize", Flag, May),
            ("doUninstallAgent", Flag, May),
            ("powerOnTargetVM", Flag, May),
            ("removeRestoreCheckpoints", Flag, May),
        ],
        "ConverterCloningParams" => &[
            ("target", Type("ConverterTargetVmSpec"), May),
            ("storageParams", Type("ConverterStorageParams"), May),
            ("networkParams", Type("ConverterNetworkParams"), May),
            ("nextBitmapId", Text, May),
            ("doSynchronize", Flag, May),
            ("doFinalize", Flag, May),
            ("servicesToSuspend", Text, Many),
            ("useProxyMode", Flag, May),
        ],
        "ConverterStorageParams" => &[
            ("cloningMode", Word(&["volumeBasedCloning", "diskBasedCloning"]), May),
            (
                "diskControllerType",
                Word(&["keepSource", "ide", "scsiBusLogic", "scsiLsiLogic", "scsiLsiLogicSAS", "ahci"]),
                May,
            ),
            ("targetDiskParams", Named("ConverterStorageParamsManagedTargetDiskParams"), Many),
            ("skipUnwantedFiles", Flag, May),
            ("vmxDatastoreName", Text, May),
            ("resizeRatio", Int, May),
            ("minVolumeSize", Int, May),
            ("optimizedPartitionAlignment", Flag, May),
        ],
        "ConverterStorageParamsManagedTargetDiskParams" => &[
            ("sourceDiskId", Text, May),
            ("volumesToClone", Type("ConverterStorageParamsVolumeCloningParams"), Many),
            ("diskType", Text, May),
            ("lvg", Flag, May),
            ("gpt", Flag, May),
            ("datastoreName", Text, May),
        ],
        "ConverterStorageParamsVolumeCloningParams" => &[
            ("sourceVolumeId", Text, May),
            ("resize", Flag, May),
            ("newCapacityInBytes", Int, May),
            ("newClusterSizeInBytes", Int, May),
        ],
        "ConverterNetworkParams" => &[
            ("preserveNicCount", Flag, May),
            ("preserveNicMapping", Flag, May),
            ("nic", Named("ConverterNetworkParamsManagedNicParams"), Many),
        ],
        "ConverterNetworkParamsManagedNicParams" => {
            &[("connected", Flag, May), ("networkName", Text, May), ("nicControllerType", Text, May)]
        }
        "ConverterServerConversionConversionParamsUpdateSpec" => &[
            ("doReconfig", Flag, May),
            ("doFinalize", Flag, May),
            ("synchronizationStartTime", Time, May),
            ("clearServicesToSuspend", Flag, May),
            ("servicesToSuspend", Text, Many),
            ("powerOnTargetVM", Flag, May),
            ("shutdownSource", Flag, May),
        ],
        "ConverterServerJobJobFilterSpec" => &[("owner", Text, May), ("state", Text, Many)],
        other => panic!("no type {other}"),
    }
}

/// The arguments of a method, after the object that it is called of.
pub fn method(name: &str) -> Option<(&'static str, &'static [Field])> {
    const QUERIES: &str = "ConverterQueryManager";
    const CONVERSIONS: &str = "ConverterServerConversionConversionManager";
    const JOB: &str = "ConverterServerConversionConversionJob";
    const DIAGNOSTICS: &str = "ConverterServerDiagnosticManager";
    const COLLECTOR: &str = "ConverterServerConversionConversionJobHistoryCollector";
    const SOURCE: Field = ("source", Type("ConverterComputerSpec"), Must);
    const PARAMS: Field = ("conversionParams", Type("ConverterConversionParams"), Must);
    const ONE_JOB: &[Field] = &[("conversionJob", Object(JOB), Must)];
    const KEY: Field = ("key", Text, Must);
    Some(match name {
        "ConverterRetrieveServiceContent" => ("ConverterServiceInstance", &[]),
        "ConverterLogin" => {
            ("ConverterSessionManager", &[("userName", Text, Must), ("password", Text, Must), ("locale", Text, May)])
        }
        "ConverterLogout" => ("ConverterSessionManager", &[]),
        "ConverterValidateAgentAvailability" | "ConverterQuery" => (QUERIES, &[SOURCE]),
        "ConverterValidateTargetAndGetDefaults" => {
            (QUERIES, &[SOURCE, ("target", Type("ConverterTargetVmSpec"), Must)])
        }
        "ConverterValidateParams" => (QUERIES, &[SOURCE, PARAMS]),
        "ConverterInstallAgent" => (
            "ConverterAgentManager",
            &[
                ("hostname", Text, Must),
                ("port", Int, May),
                ("username", Text, Must),
                ("password", Text, Must),
                ("postponeReboot", Flag, May),
            ],
        ),
        "ConverterServerConversionManagerCreateJob" => {
            (CONVERSIONS, &[("spec", Type("ConverterServerConversionConversionJobSpec"), Must)])
        }
        "ConverterServerConversionManagerGetJobInfo" | "ConverterServerConversionManagerGetJobSpec" => {
            (CONVERSIONS, ONE_JOB)
        }
        "ConverterServerConversionManagerDestroyJob" => {
            (CONVERSIONS, &[("job", Object(JOB), Must), ("activeTaskHandling", HANDLING, Must)])
        }
        "ConverterCreateCollectorForJobs" => {
            (CONVERSIONS, &[("filter", Type("ConverterServerJobJobFilterSpec"), Must)])
        }
        "ConverterReadNextConversionJobs" => (COLLECTOR, &[("maxCount", Int, Must)]),
        "ConverterDestroyCollector" => (COLLECTOR, &[]),
        "ConverterServerConversionJobUpdateConversionParams" => {
            (JOB, &[("newParams", Type("ConverterServerConversionConversionParamsUpdateSpec"), Must)])
        }
        "ConverterServerJobSuspend" | "ConverterServerJobStop" => (JOB, &[("activeTaskHandling", HANDLING, Must)]),
        "ConverterServerJobResume" => (JOB, &[]),
        "ConverterGetTaskInfo" => ("ConverterTaskManager", &[("task", Object("ConverterTask"), Must)]),
        "ConverterGenerateJobLogBundle" => (DIAGNOSTICS, &[("job", Object(JOB), Must)]),
        "ConverterRetrieveTaskLogBundle" => (DIAGNOSTICS, &[KEY, ("offset", Int, Must), ("maxPageSize", Int, Must)]),
        "ConverterDeleteTaskLogBundle" => (DIAGNOSTICS, &[KEY]),
        _ => return None,
    })
}

/// Whether a call is one; what is wrong with it.
pub fn check(call: Node<'_, '_>) -> Result<(), String> {
    let name = call.tag_name().name();
    let (of, arguments) = method(name).ok_or(format!("no method {name}"))?;
    let mut children = call.children().filter(Node::is_element);
    let this = children.next().ok_or(format!("{name} of nothing"))?;
    if this.tag_name().name() != "_this" || this.attribute("type") != Some(of) {
        return Err(format!("{name} of {:?}, not of {of}", this.attribute("type")));
    }
    elements(name, &children.collect::<Vec<_>>(), arguments)
}

fn elements(within: &str, nodes: &[Node<'_, '_>], wanted: &[Field]) -> Result<(), String> {
    let mut left = nodes;
    for (name, of, how) in wanted {
        let count = left.iter().take_while(|node| node.tag_name().name() == *name).count();
        let fits = match how {
            Must => count == 1,
            May => count <= 1,
            Many => true,
        };
        if !fits {
            return Err(format!("{within}: {count} times `{name}`"));
        }
        for node in &left[..count] {
            if node.tag_name().namespace() != Some(NAMESPACE) {
                return Err(format!("{within}: `{name}` is in the namespace {:?}", node.tag_name().namespace()));
            }
            value(&format!("{within}.{name}"), *node, *of)?;
        }
        left = &left[count..];
    }
    match left.first() {
        Some(node) => Err(format!("{within}: `{}` is unknown, twice, or at the wrong place", node.tag_name().name())),
        None => Ok(()),
    }
}

fn value(within: &str, node: Node<'_, '_>, of: Of) -> Result<(), String> {
    let inner: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    let text = node.text().unwrap_or_default();
    let wrong = || Err(format!("{within} cannot be `{text}`"));
    if !matches!(of, Type(_) | Named(_)) && !inner.is_empty() {
        return Err(format!("{within} has elements"));
    }
    match of {
        Text => Ok(()),
        Flag if matches!(text, "true" | "false") => Ok(()),
        Int if text.parse::<i64>().is_ok() => Ok(()),
        Time if text.parse::<jiff::Timestamp>().is_ok() => Ok(()),
        Word(words) if words.contains(&text) => Ok(()),
        Object(kind) if node.attribute("type") == Some(kind) && !text.is_empty() => Ok(()),
        Object(_) | Flag | Int | Time | Word(_) => wrong(),
        Type(kind) => elements(kind, &inner, fields(kind)),
        Named(kind) if node.attribute((XSI, "type")) == Some(kind) => elements(kind, &inner, fields(kind)),
        Named(kind) => Err(format!("{within} must name the type {kind}")),
    }
}
