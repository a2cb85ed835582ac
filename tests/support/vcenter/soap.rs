//! What is asked over SOAP, and what it answers.

use super::http::{Reply, Request};
use super::{Effect, SECRET, State, actions, networks, properties};
use roxmltree::{Document, Node};
use std::sync::Mutex;

/// What a method does: the answer, or a fault.
pub type Told = Result<String, String>;

/// A fault of a type, with this inside.
pub fn fault(kind: &str, inner: &str) -> String {
    format!(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>said by the fake</faultstring><detail>\
         <{kind}Fault xsi:type=\"{kind}\">{inner}</{kind}Fault></detail></soapenv:Fault>"
    )
}

pub fn gone(object: &str) -> String {
    fault("ManagedObjectNotFound", &format!("<obj type=\"X\">{object}</obj>"))
}

pub fn reference(kind: &str, value: &str) -> String {
    format!("<returnval type=\"{kind}\">{value}</returnval>")
}

pub fn word(value: &str) -> String {
    format!("<val xsi:type=\"xsd:string\">{}</val>", traghetto::untrusted::xml(value))
}

pub fn is_logged_in(state: &State, request: &Request<'_>) -> bool {
    let cookie = request.header("cookie").unwrap_or_default();
    state.session.as_ref().is_some_and(|session| cookie == format!("vmware_soap_session=\"{session}\""))
}

pub fn answer(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    let Some(body) = request.body() else { return Reply::Cut };
    let body = String::from_utf8(body).unwrap();
    let document = Document::parse(&body).unwrap();
    let method = document.descendants().find(|node| node.tag_name().namespace() == Some("urn:vim25")).unwrap();
    let name = method.tag_name().name();
    let this = text(method, "_this");
    if name == "WaitForUpdatesEx" {
        return properties::wait(state, request, method, &this);
    }
    let mut state = state.lock().unwrap();
    state.tick();
    state.calls.push(name.to_owned());
    if let Some((status, body)) = &state.plan.garbage {
        return Reply::body(*status, body.clone());
    }
    if state.plan.expire_before.remove(name) {
        state.expire();
    }
    if state.plan.cut_before.remove(name) {
        return Reply::Cut;
    }
    if name == "Login" {
        return login(&mut state, request, method);
    }
    let allowed = name == "RetrieveServiceContent" || is_logged_in(&state, request);
    let told = if allowed { planned(&mut state, name, method, &this) } else { Err(fault("NotAuthenticated", "")) };
    if state.plan.cut_after.remove(name) {
        return Reply::Cut;
    }
    reply(name, told)
}

pub fn reply(name: &str, told: Told) -> Reply {
    let open = "<?xml version=\"1.0\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
                xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>";
    let (status, inner) = match told {
        Ok(inner) => (200, format!("<{name}Response xmlns=\"urn:vim25\">{inner}</{name}Response>")),
        Err(fault) => (500, fault),
    };
    Reply::body(status, format!("{open}{inner}</soapenv:Body></soapenv:Envelope>"))
}

fn login(state: &mut State, request: &Request<'_>, method: Node<'_, '_>) -> Reply {
    if request.header("cookie").is_some() {
        state.wrong.push("a login with a session".to_owned());
    }
    if text(method, "password") != state.password {
        return reply("Login", Err(fault("InvalidLogin", "")));
    }
    assert_eq!(text(method, "userName"), "traghetto@vsphere.local");
    let session = state.fresh(SECRET);
    state.session = Some(session.clone());
    let Reply::Body(status, body, _) = reply("Login", Ok("<returnval/>".to_owned())) else { return Reply::Cut };
    let cookie = format!("vmware_soap_session=\"{session}\"; Path=/; HttpOnly; Secure");
    Reply::Body(status, body, vec![("Set-Cookie", cookie)])
}

/// The fault that is planned, or what the method does.
fn planned(state: &mut State, name: &str, method: Node<'_, '_>, this: &str) -> Told {
    if let Some(found) = state.plan.faults.iter_mut().find(|(method, _, times)| method == name && *times > 0) {
        found.2 -= 1;
        return Err(found.1.clone());
    }
    match name {
        "RetrieveServiceContent" => Ok(content()),
        "Logout" => {
            state.expire();
            Ok(String::new())
        }
        "FindByInventoryPath" => Ok(properties::find(state, &text(method, "inventoryPath"))),
        "FindByUuid" => Ok(properties::find_by_uuid(state, &text(method, "uuid"))),
        "RetrievePropertiesEx" => properties::retrieve(state, method),
        "ContinueRetrievePropertiesEx" => properties::more(state, &text(method, "token")),
        "CreatePropertyCollector" => Ok(reference("PropertyCollector", &state.fresh("collector"))),
        "DestroyPropertyCollector" => state.collectors.remove(this).map(|_| String::new()).ok_or_else(|| gone(this)),
        "CreateFilter" => Ok(properties::watch(state, method, this)),
        "CreateFolder" => actions::container(state, "Folder", this, &text(method, "name")),
        "CreateResourcePool" => actions::container(state, "ResourcePool", this, &text(method, "name")),
        "AddVirtualSwitch" => networks::switch(state, &text(method, "vswitchName")),
        "AddPortGroup" => networks::port_group(state, method),
        "HttpNfcLeaseProgress" | "HttpNfcLeaseComplete" | "HttpNfcLeaseAbort" => actions::lease(state, name, this),
        "ImportVApp" => actions::import(state, method),
        "CreateNasDatastore" => actions::nas(state, method),
        "RemoveDatastore" => actions::remove_nas(state, &text(method, "datastore")),
        "UnregisterVM" => state.things.remove(this).map(|_| String::new()).ok_or_else(|| gone(this)),
        "ShutdownGuest" => {
            let effect = Effect::Power(this.to_owned(), "poweredOff");
            actions::task(state, name, effect, Ok(String::new())).map(|_| String::new())
        }
        name if name.ends_with("_Task") => actions::start(state, name, method, this),
        other => {
            state.wrong.push(format!("an unknown method: {other}"));
            Err(fault("MethodNotFound", ""))
        }
    }
}

fn content() -> String {
    let part = |name: &str, kind: &str, value: &str| format!("<{name} type=\"{kind}\">{value}</{name}>");
    let parts = [
        part("rootFolder", "Folder", "group-d1"),
        part("propertyCollector", "PropertyCollector", "propertyCollector"),
        "<about><fullName>fake</fullName><apiType>VirtualCenter</apiType><apiVersion>8.0.3.0</apiVersion></about>"
            .into(),
        part("sessionManager", "SessionManager", "SessionManager"),
        part("fileManager", "FileManager", "FileManager"),
        part("searchIndex", "SearchIndex", "SearchIndex"),
    ];
    format!("<returnval>{}</returnval>", parts.concat())
}

/// The text of the first element of a name below, wherever.
pub fn text(node: Node<'_, '_>, name: &str) -> String {
    let found = node.descendants().find(|one| one.tag_name().name() == name);
    found.and_then(|one| one.text()).unwrap_or_default().to_owned()
}
