//! Every name of the Converter API: TO BE CONFIRMED AGAINST THE CUSTOMER'S SDK before field use.
//!
//! Sources, read in November 2026: the reference pages of the VMware vCenter Converter SDK 6.6.0
//! (managed objects ConverterServerConversionConversionManager, ConverterServerJobJob, ConverterTaskManager,
//! ConverterDiagnosticManager, ConverterQueryManager; data objects named below), and the types that public
//! clients generated from its WSDL with Axis 1.4, from which come the order of elements, which of them may
//! be absent, and the words of enumerations. The WSDL itself was not seen. What no source says is marked
//! `[?]`: the name of the cookie, the words for network cards, and which faults a failed task has.

/// Where the service is.
pub(super) const PATH: &str = "/converter/sdk";
/// The namespace of methods and types.
pub(super) const NAMESPACE: &str = "urn:converter";
/// The header of every request.
pub(super) const ACTION: &str = "urn:converter/1.0";
/// What a session calls itself by [?]; its value is a secret.
pub(super) const COOKIE: &str = "vmware_soap_session";

/// The object that is there before the others: its type and its name.
pub(super) const SERVICE: (&str, &str) = ("ConverterServiceInstance", "ServiceInstance");

/// Methods.
pub(super) mod method {
    pub(in crate::world::converter) const CONTENT: &str = "ConverterRetrieveServiceContent";
    pub(in crate::world::converter) const LOGIN: &str = "ConverterLogin";
    pub(in crate::world::converter) const LOGOUT: &str = "ConverterLogout";
    pub(in crate::world::converter) const AGENT: &str = "ConverterValidateAgentAvailability";
    /// Six arguments in the SDK of Java, eight in that of C#: the order here is that of Java.
    pub(in crate::world::converter) const INSTALL: &str = "ConverterInstallAgent";
    pub(in crate::world::converter) const QUERY: &str = "ConverterQuery";
    pub(in crate::world::converter) const DEFAULTS: &str = "ConverterValidateTargetAndGetDefaults";
    pub(in crate::world::converter) const PARAMS: &str = "ConverterValidateParams";
    pub(in crate::world::converter) const CREATE: &str = "ConverterServerConversionManagerCreateJob";
    pub(in crate::world::converter) const INFO: &str = "ConverterServerConversionManagerGetJobInfo";
    pub(in crate::world::converter) const SPEC: &str = "ConverterServerConversionManagerGetJobSpec";
    pub(in crate::world::converter) const DESTROY: &str = "ConverterServerConversionManagerDestroyJob";
    pub(in crate::world::converter) const COLLECT: &str = "ConverterCreateCollectorForJobs";
    pub(in crate::world::converter) const NEXT: &str = "ConverterReadNextConversionJobs";
    pub(in crate::world::converter) const DROP_COLLECTOR: &str = "ConverterDestroyCollector";
    pub(in crate::world::converter) const UPDATE: &str = "ConverterServerConversionJobUpdateConversionParams";
    pub(in crate::world::converter) const SUSPEND: &str = "ConverterServerJobSuspend";
    pub(in crate::world::converter) const RESUME: &str = "ConverterServerJobResume";
    pub(in crate::world::converter) const STOP: &str = "ConverterServerJobStop";
    pub(in crate::world::converter) const TASK: &str = "ConverterGetTaskInfo";
    pub(in crate::world::converter) const BUNDLE: &str = "ConverterGenerateJobLogBundle";
    pub(in crate::world::converter) const BUNDLE_PAGE: &str = "ConverterRetrieveTaskLogBundle";
    pub(in crate::world::converter) const BUNDLE_DELETE: &str = "ConverterDeleteTaskLogBundle";
}

/// Parts of the service.
pub(super) mod part {
    pub(in crate::world::converter) const SESSIONS: &str = "sessionManager";
    pub(in crate::world::converter) const QUERIES: &str = "queryManager";
    pub(in crate::world::converter) const AGENTS: &str = "agentManager";
    pub(in crate::world::converter) const CONVERSIONS: &str = "conversionManager";
    pub(in crate::world::converter) const TASKS: &str = "taskManager";
    pub(in crate::world::converter) const DIAGNOSTICS: &str = "diagnosticManager";
    pub(in crate::world::converter) const ABOUT: &str = "about";
}

/// Types that an element does not say by its name.
pub(super) mod kind {
    pub(in crate::world::converter) const LIVE: &str = "ConverterComputerSpecLiveComputerLocation";
    pub(in crate::world::converter) const MANAGED: &str = "ConverterTargetVmSpecManagedVmLocation";
    pub(in crate::world::converter) const VIM_LOGIN: &str = "ConverterVimConnectionSpecLoginVimCredentials";
    pub(in crate::world::converter) const DISK: &str = "ConverterStorageParamsManagedTargetDiskParams";
    pub(in crate::world::converter) const NIC: &str = "ConverterNetworkParamsManagedNicParams";
}

/// Words of enumerations.
pub(super) mod word {
    pub(in crate::world::converter) const WINDOWS: &str = "windowsOs";
    pub(in crate::world::converter) const BY_VOLUME: &str = "volumeBasedCloning";
    pub(in crate::world::converter) const LSI_SAS: &str = "scsiLsiLogicSAS";
    /// [?] No source lists these words; this one is that of vSphere.
    pub(in crate::world::converter) const E1000: &str = "e1000";
    pub(in crate::world::converter) const FAIL_IF_ACTIVE: &str = "failIfActiveTask";
    pub(in crate::world::converter) const CANCEL_ACTIVE: &str = "cancelActiveTask";
    pub(in crate::world::converter) const AVAILABLE: &str = "available";
    pub(in crate::world::converter) const REBOOT_REQUIRED: &str = "rebootRequired";
    pub(in crate::world::converter) const COMPLETED: &str = "completed";
    pub(in crate::world::converter) const ACTIVE: &str = "active";
    pub(in crate::world::converter) const SUSPENDED: &str = "suspended";
    pub(in crate::world::converter) const DEACTIVATED: &str = "deactivated";
    pub(in crate::world::converter) const QUEUED: &str = "queued";
    pub(in crate::world::converter) const RUNNING: &str = "running";
    /// The service of a domain controller, which is of Windows and not of Converter.
    pub(in crate::world::converter) const DIRECTORY_SERVICE: &str = "NTDS";
}

/// Faults that are told apart, without the ending that their elements may have.
pub(super) mod fault {
    pub(in crate::world::converter) const NOT_AUTHENTICATED: &str = "NotAuthenticated";
    pub(in crate::world::converter) const INVALID_LOGIN: &str = "InvalidLogin";
    pub(in crate::world::converter) const NO_PERMISSION: &str = "NoPermission";
    pub(in crate::world::converter) const DUPLICATE_NAME: &str = "DuplicateName";
    pub(in crate::world::converter) const INVALID_STATE: &str = "InvalidState";
    pub(in crate::world::converter) const NOT_FOUND: [&str; 2] = ["NotFound", "ManagedObjectNotFound"];
    /// Some calls give it as the cause of an InvalidArgument.
    pub(in crate::world::converter) const THUMBPRINT: [&str; 2] =
        ["ConverterSSLVerification", "ConverterSysinfoQueryBadThumbprint"];
    pub(in crate::world::converter) const ACTIVE_TASK: &str = "ConverterJobHasActiveTask";
    pub(in crate::world::converter) const PROPERTY: &str = "ConverterPropertyInfo";
    /// [?] What a call says that reaches no agent: anything of a connection.
    pub(in crate::world::converter) const NO_AGENT: [&str; 3] =
        ["ConverterAgentConnection", "ConverterSSLConnection", "HostConnect"];
}

/// Elements of requests and of answers.
pub(super) mod el {
    pub(in crate::world::converter) const ACTIVE_TASK: &str = "activeTask";
    pub(in crate::world::converter) const ACTIVE_TASK_HANDLING: &str = "activeTaskHandling";
    pub(in crate::world::converter) const CAN_BE_STOPPED: &str = "canBeStopped";
    pub(in crate::world::converter) const CAN_STOP_SERVICES: &str = "canStopServices";
    pub(in crate::world::converter) const CAN_SYNCHRONIZE: &str = "canSynchronize";
    pub(in crate::world::converter) const CAPABILITIES: &str = "capabilities";
    pub(in crate::world::converter) const CAPACITY_IN_BYTES: &str = "capacityInBytes";
    pub(in crate::world::converter) const CLONING_MODE: &str = "cloningMode";
    pub(in crate::world::converter) const CLONING_PARAMS: &str = "cloningParams";
    pub(in crate::world::converter) const COMPUTE_RESOURCE_NAME: &str = "computeResourceName";
    pub(in crate::world::converter) const CONNECTED: &str = "connected";
    pub(in crate::world::converter) const CONVERSION_JOB: &str = "conversionJob";
    pub(in crate::world::converter) const CONVERSION_PARAMS: &str = "conversionParams";
    pub(in crate::world::converter) const CREDENTIALS: &str = "credentials";
    pub(in crate::world::converter) const DATASTORE_NAME: &str = "datastoreName";
    pub(in crate::world::converter) const DEFAULT_CONVERSION_PARAMS: &str = "defaultConversionParams";
    pub(in crate::world::converter) const DESCRIPTION: &str = "description";
    pub(in crate::world::converter) const DISK: &str = "disk";
    pub(in crate::world::converter) const DISK_CONTROLLER_TYPE: &str = "diskControllerType";
    pub(in crate::world::converter) const DISK_ID: &str = "diskId";
    pub(in crate::world::converter) const DO_CLONE: &str = "doClone";
    pub(in crate::world::converter) const DO_CUSTOMIZE: &str = "doCustomize";
    pub(in crate::world::converter) const DO_FINALIZE: &str = "doFinalize";
    pub(in crate::world::converter) const DO_INSTALL_TOOLS: &str = "doInstallTools";
    pub(in crate::world::converter) const DO_RECONFIG: &str = "doReconfig";
    pub(in crate::world::converter) const DO_SYNCHRONIZE: &str = "doSynchronize";
    pub(in crate::world::converter) const DO_UNINSTALL_AGENT: &str = "doUninstallAgent";
    pub(in crate::world::converter) const FAULT: &str = "fault";
    pub(in crate::world::converter) const FAULT_CAUSE: &str = "faultCause";
    pub(in crate::world::converter) const FILE_SYSTEM: &str = "fileSystem";
    pub(in crate::world::converter) const FILTER: &str = "filter";
    pub(in crate::world::converter) const FULL_NAME: &str = "fullName";
    pub(in crate::world::converter) const GPT: &str = "gpt";
    pub(in crate::world::converter) const HARDWARE_INFO: &str = "hardwareInfo";
    pub(in crate::world::converter) const HARDWARE_VERSION: &str = "hardwareVersion";
    pub(in crate::world::converter) const HOSTNAME: &str = "hostname";
    pub(in crate::world::converter) const INCREMENTAL: &str = "incremental";
    pub(in crate::world::converter) const INFO: &str = "info";
    pub(in crate::world::converter) const JOB: &str = "job";
    pub(in crate::world::converter) const KEY: &str = "key";
    pub(in crate::world::converter) const LAST_MODIFIED_TIME: &str = "lastModifiedTime";
    pub(in crate::world::converter) const LAST_RUN_COMPLETE_TIME: &str = "lastRunCompleteTime";
    pub(in crate::world::converter) const LAST_RUN_START_TIME: &str = "lastRunStartTime";
    pub(in crate::world::converter) const LOCALIZED_MESSAGE: &str = "localizedMessage";
    pub(in crate::world::converter) const LOCATION: &str = "location";
    pub(in crate::world::converter) const LOGICAL_VOLUME_INFO: &str = "logicalVolumeInfo";
    pub(in crate::world::converter) const LVG: &str = "lvg";
    pub(in crate::world::converter) const MAX_COUNT: &str = "maxCount";
    pub(in crate::world::converter) const MAX_PAGE_SIZE: &str = "maxPageSize";
    pub(in crate::world::converter) const MOST_RECENT_ERROR: &str = "mostRecentError";
    pub(in crate::world::converter) const MOUNT_POINT: &str = "mountPoint";
    pub(in crate::world::converter) const NAME: &str = "name";
    pub(in crate::world::converter) const NETWORK_NAME: &str = "networkName";
    pub(in crate::world::converter) const NETWORK_PARAMS: &str = "networkParams";
    pub(in crate::world::converter) const NEW_PARAMS: &str = "newParams";
    pub(in crate::world::converter) const NEXT_RUN_START_TIME: &str = "nextRunStartTime";
    pub(in crate::world::converter) const NIC: &str = "nic";
    pub(in crate::world::converter) const NIC_CONTROLLER_TYPE: &str = "nicControllerType";
    pub(in crate::world::converter) const NUM_CONSECUTIVE_ERRORS: &str = "numConsecutiveErrors";
    pub(in crate::world::converter) const OFFSET: &str = "offset";
    pub(in crate::world::converter) const OPTIMIZED_PARTITION_ALIGNMENT: &str = "optimizedPartitionAlignment";
    pub(in crate::world::converter) const OS_INFO: &str = "osInfo";
    pub(in crate::world::converter) const OS_TYPE: &str = "osType";
    pub(in crate::world::converter) const P2V_SOURCE_MODIFICATION_SPEC: &str = "p2vSourceModificationSpec";
    pub(in crate::world::converter) const PARTITION_NUMBER: &str = "partitionNumber";
    pub(in crate::world::converter) const PASSWORD: &str = "password";
    pub(in crate::world::converter) const PORT: &str = "port";
    pub(in crate::world::converter) const POSTPONE_REBOOT: &str = "postponeReboot";
    pub(in crate::world::converter) const POWER_ON_TARGET_VM: &str = "powerOnTargetVM";
    pub(in crate::world::converter) const PRESERVE_NIC_COUNT: &str = "preserveNicCount";
    pub(in crate::world::converter) const PRESERVE_NIC_MAPPING: &str = "preserveNicMapping";
    pub(in crate::world::converter) const PROGRESS: &str = "progress";
    pub(in crate::world::converter) const REMOVE_RESTORE_CHECKPOINTS: &str = "removeRestoreCheckpoints";
    pub(in crate::world::converter) const RESIZE: &str = "resize";
    pub(in crate::world::converter) const RESOURCE_POOL_NAME: &str = "resourcePoolName";
    pub(in crate::world::converter) const SERVICES: &str = "services";
    pub(in crate::world::converter) const SERVICES_TO_SUSPEND: &str = "servicesToSuspend";
    pub(in crate::world::converter) const SERVICE_NAME: &str = "serviceName";
    pub(in crate::world::converter) const SHUTDOWN_SOURCE: &str = "shutdownSource";
    pub(in crate::world::converter) const SIZE: &str = "size";
    pub(in crate::world::converter) const SKIP_UNWANTED_FILES: &str = "skipUnwantedFiles";
    pub(in crate::world::converter) const SOURCE: &str = "source";
    pub(in crate::world::converter) const SOURCE_DISK_ID: &str = "sourceDiskId";
    pub(in crate::world::converter) const SOURCE_VOLUME_ID: &str = "sourceVolumeId";
    pub(in crate::world::converter) const SPACE_USED_IN_BYTES: &str = "spaceUsedInBytes";
    pub(in crate::world::converter) const SPEC: &str = "spec";
    pub(in crate::world::converter) const SSL_THUMBPRINT: &str = "sslThumbprint";
    pub(in crate::world::converter) const START_SUSPENDED: &str = "startSuspended";
    pub(in crate::world::converter) const STATE: &str = "state";
    pub(in crate::world::converter) const STATUS: &str = "status";
    pub(in crate::world::converter) const STORAGE_INFO: &str = "storageInfo";
    pub(in crate::world::converter) const STORAGE_PARAMS: &str = "storageParams";
    pub(in crate::world::converter) const SYNCHRONIZATION_START_TIME: &str = "synchronizationStartTime";
    pub(in crate::world::converter) const SYNCHRONIZE_IMMEDIATELY: &str = "synchronizeImmediately";
    pub(in crate::world::converter) const TARGET: &str = "target";
    pub(in crate::world::converter) const TARGET_DISK_PARAMS: &str = "targetDiskParams";
    pub(in crate::world::converter) const TASK: &str = "task";
    pub(in crate::world::converter) const THUMBPRINT: &str = "thumbprint";
    pub(in crate::world::converter) const TRANSFER_RATE: &str = "transferRate";
    pub(in crate::world::converter) const UNINSTALL_AGENT: &str = "uninstallAgent";
    pub(in crate::world::converter) const USERNAME: &str = "username";
    pub(in crate::world::converter) const USER_NAME: &str = "userName";
    pub(in crate::world::converter) const VERIFY_PEER: &str = "verifyPeer";
    pub(in crate::world::converter) const VIM_CONNECT: &str = "vimConnect";
    pub(in crate::world::converter) const VMX_DATASTORE_NAME: &str = "vmxDatastoreName";
    pub(in crate::world::converter) const VM_FOLDER_NAME: &str = "vmFolderName";
    pub(in crate::world::converter) const VOLUME: &str = "volume";
    pub(in crate::world::converter) const VOLUMES_TO_CLONE: &str = "volumesToClone";
    pub(in crate::world::converter) const VOLUME_ID: &str = "volumeId";
}
