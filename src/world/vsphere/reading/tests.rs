//! Answers, good and wild.

use super::super::wire::Moref;
use super::answer::{self, ServiceContent};
use super::objects::{self, Plug, TaskState};
use super::{Element, Fault, Unreadable, read_all};
use proptest::prelude::*;

const OPEN: &str = "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">";

fn envelope(body: &str) -> Element {
    let text = format!("{OPEN}<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>");
    Element::read(text.as_bytes()).unwrap()
}

/// What a fault of this type says, with this inside.
fn fault(kind: &str, inner: &str) -> Fault {
    let body = format!(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>A specified\n\u{202e}message</faultstring>\
         <detail><{kind}Fault xmlns=\"urn:vim25\" xsi:type=\"{kind}\">{inner}</{kind}Fault></detail></soapenv:Fault>"
    );
    Fault::of_answer(&envelope(&body)).unwrap()
}

#[test]
fn faults_are_told_apart() {
    let message = || "A specified message".to_owned();
    let other = |kind: &str| (kind.to_owned(), message());
    assert_eq!(fault("NotAuthenticated", ""), Fault::NotAuthenticated);
    assert_eq!(fault("InvalidLogin", ""), Fault::InvalidLogin);
    let inner = "<object type=\"Folder\">group-v3</object><privilegeId>VirtualMachine.Inventory.Create</privilegeId>";
    assert_eq!(
        fault("NoPermission", inner).to_string(),
        "the account has not the privilege VirtualMachine.Inventory.Create on group-v3"
    );
    let inner = "<name>web</name><object type=\"VirtualMachine\">vm-3</object>";
    assert_eq!(fault("DuplicateName", inner).to_string(), "the name web is taken by vm-3");
    assert_eq!(fault("FileNotFound", "<file>[ds] a</file>"), Fault::FileNotFound { file: "[ds] a".into() });
    let inner = "<requestedState>poweredOn</requestedState><existingState>poweredOff</existingState>";
    let (requested, existing) = ("poweredOn".into(), "poweredOff".into());
    assert_eq!(fault("InvalidPowerState", inner), Fault::InvalidPowerState { requested, existing });
    let inner = "<type>Datastore</type><name>staging</name>";
    assert_eq!(fault("ResourceInUse", inner).to_string(), "Datastore staging is in use");
    for kind in ["HostConnectFault", "HostNotConnected"] {
        let (kind, message) = other(kind);
        assert_eq!(fault(&kind, ""), Fault::HostConnect { kind, message });
    }
    let (kind, message) = other("InsufficientMemoryResourcesFault");
    assert_eq!(fault(&kind, ""), Fault::InsufficientResources { kind, message });
    let (kind, message) = other("NotSupported");
    assert_eq!(fault(&kind, ""), Fault::NotSupported { kind, message });
    let task = fault("TaskInProgress", "<task type=\"Task\">task-9</task>");
    assert!(task.is_transient() && task == Fault::TaskInProgress { task: "task-9".into() });
    let gone = fault("ManagedObjectNotFound", "<obj type=\"Task\">task-9</obj>");
    assert_eq!(gone, Fault::ManagedObjectNotFound { object: "task-9".into() });
    assert_eq!(fault("PlatformConfigFault", "").to_string(), "PlatformConfigFault: A specified message");
}

#[test]
fn a_fault_without_a_type_is_told_too() {
    let body = "<soapenv:Fault><faultcode>x</faultcode><faultstring>no \u{1b} such</faultstring></soapenv:Fault>";
    let text = format!("{OPEN}<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>");
    // A control character is no XML at all.
    assert!(matches!(Element::read(text.as_bytes()), Err(Unreadable::Xml(_))));
    let told = Fault::of_answer(&envelope(&body.replace('\u{1b}', "")));
    assert_eq!(told, Some(Fault::Other { kind: "x".into(), message: "no such".into() }));
    assert_eq!(Fault::of_answer(&envelope("<XResponse/>")), None);
    // By the name of its element alone.
    let body = "<soapenv:Fault><faultstring/><detail><NotAuthenticatedFault/></detail></soapenv:Fault>";
    assert_eq!(Fault::of_answer(&envelope(body)), Some(Fault::NotAuthenticated));
}

#[test]
fn a_task_says_how_it_ended() {
    let read = |inner: &str| {
        let body = format!("<R xmlns=\"urn:vim25\"><returnval>{inner}</returnval></R>");
        objects::task(&answer::one(answer::returned(envelope(&body)).unwrap()).unwrap())
    };
    let result =
        "<state>success</state><result type=\"VirtualMachine\" xsi:type=\"ManagedObjectReference\">vm-1</result>";
    assert_eq!(read(result), Ok(TaskState::Success(Some(Moref::new("VirtualMachine", "vm-1")))));
    assert_eq!(read("<state>queued</state>"), Ok(TaskState::Running));
    let failed = "<error><fault xsi:type=\"FileLocked\"><file>[a] b</file></fault><localizedMessage/></error>\
                  <state>error</state>";
    assert_eq!(read(failed), Ok(TaskState::Failed(Fault::FileLocked { file: "[a] b".into() })));
    assert_eq!(read("<state>error</state>"), Err(Unreadable::Missing("error")));
    assert!(matches!(read("<state>new</state>"), Err(Unreadable::Value { name: "state", .. })));
}

#[test]
fn devices_are_read_with_what_is_behind_them() {
    let hardware = Element::read(
        format!(
            "{OPEN}<VirtualDevice xsi:type=\"VirtualDisk\"><key>2000</key><backing \
             xsi:type=\"VirtualDiskFlatVer2BackingInfo\"><fileName>[ds 1] a b/c.vmdk</fileName></backing>\
             <controllerKey>1000</controllerKey><unitNumber>0</unitNumber></VirtualDevice>\
             <VirtualDevice xsi:type=\"VirtualE1000e\"><key>4000</key><backing><port><switchUuid>50 0b</switchUuid>\
             <portgroupKey>dvportgroup-9</portgroupKey></port></backing><connectable><startConnected>true\
             </startConnected><connected>false</connected></connectable><macAddress>00:50</macAddress></VirtualDevice>\
             </soapenv:Envelope>"
        )
        .as_bytes(),
    );
    let devices = objects::devices(&hardware.unwrap()).unwrap();
    let file = devices[0].file.clone().unwrap();
    assert_eq!((file.datastore.as_str(), file.path.as_str()), ("ds 1", "a b/c.vmdk"));
    assert_eq!((devices[0].controller, devices[0].unit), (Some(1000), Some(0)));
    assert_eq!(devices[1].connected, (false, true));
    assert_eq!(devices[1].plug, Plug::Distributed { key: "dvportgroup-9".into(), switch: "50 0b".into() });
}

#[test]
fn a_distributed_port_group_is_closed_only_if_it_says_so() {
    let read = |inner: &str| {
        let text = format!("<a>{inner}</a>");
        objects::port_setting(&Element::read(text.as_bytes()).unwrap()).unwrap()
    };
    let order =
        |inner: &str| format!("<uplinkTeamingPolicy><uplinkPortOrder>{inner}</uplinkPortOrder></uplinkTeamingPolicy>");
    let vlan = "<vlan><vlanId>7</vlanId></vlan>";
    assert_eq!(read(&format!("{vlan}{}", order("<inherited>false</inherited>"))), (Some(7), false));
    assert_eq!(read(vlan), (Some(7), true));
    assert_eq!(read(&order("<inherited>true</inherited>")), (None, true));
    assert_eq!(read(&order("<activeUplinkPort>u1</activeUplinkPort>")), (None, true));
    assert_eq!(read(&order("<standbyUplinkPort>u1</standbyUplinkPort>")), (None, true));
}

#[test]
fn a_version_is_compared_as_numbers() {
    let known = |version: &str| {
        let part = |name: &str| format!("<{name} type=\"X\">x</{name}>");
        let parts: String =
            ["rootFolder", "propertyCollector", "sessionManager", "searchIndex", "fileManager"].map(part).concat();
        let text = format!("<c>{parts}<about><apiVersion>{version}</apiVersion></about></c>");
        ServiceContent::read(&Element::read(text.as_bytes()).unwrap()).unwrap().is_known()
    };
    assert_eq!(["6.5", "6.7.3", "7.0", "8.0.3.0", "10.0"].map(known), [true; 5]);
    assert_eq!(["6.0", "5.5", "", "x"].map(known), [false; 4]);
}

#[test]
fn a_bomb_does_not_go_off() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert!(Element::read(deep.as_bytes()).is_err());
    let entities = "<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>";
    assert!(matches!(Element::read(entities.as_bytes()), Err(Unreadable::Xml(_))));
    let wide = format!("<a>{}</a>", "<b/>".repeat(1_100_000));
    assert!(Element::read(wide.as_bytes()).is_err());
}

/// The names that the readers look for.
const NAMES: [&str; 32] = [
    "Body",
    "Fault",
    "detail",
    "returnval",
    "objects",
    "obj",
    "propSet",
    "name",
    "val",
    "version",
    "filterSet",
    "objectSet",
    "changeSet",
    "op",
    "state",
    "error",
    "fault",
    "info",
    "entity",
    "deviceUrl",
    "importKey",
    "url",
    "VirtualDevice",
    "key",
    "backing",
    "port",
    "unitNumber",
    "vlan",
    "vlanId",
    "nas",
    "about",
    "OptionValue",
];

/// Trees with these names.
fn tree() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&NAMES[..]);
    let leaf =
        (name.clone(), "[ -~&&[^<&]]{0,12}").prop_map(|(name, text)| format!("<{name} type=\"Task\">{text}</{name}>"));
    leaf.prop_recursive(6, 60, 6, move |inner| {
        let kind = prop::sample::select(vec!["Task", "VirtualDisk", "NoPermission", "DuplicateName", ""]);
        let children = prop::collection::vec(inner, 0..6);
        (name.clone(), kind, children)
            .prop_map(|(name, kind, children)| format!("<{name} type=\"{kind}\">{}</{name}>", children.concat()))
    })
}

proptest! {
    #[test]
    fn no_bytes_are_too_wild(bytes: Vec<u8>) {
        if let Ok(element) = Element::read(&bytes) {
            read_all(&element);
        }
    }

    #[test]
    fn no_tree_is_too_wild(text in tree()) {
        let element = Element::read(text.as_bytes()).unwrap();
        for child in element.children.clone() {
            read_all(&child);
        }
        read_all(&element);
        let envelope = Element { name: "Envelope".into(), children: vec![element], ..Element::default() };
        read_all(&envelope);
        let _ = answer::returned(envelope);
    }
}
