use super::*;
use proptest::prelude::*;

fn answer(body: &str) -> Vec<u8> {
    format!("<s:Envelope {NAMESPACES}><s:Header/><s:Body>{body}</s:Body></s:Envelope>").into_bytes()
}

/// A fault as Windows 2008 R2 words it, in Italian.
fn fault(subcode: &str, code: &str) -> Vec<u8> {
    answer(&format!(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:{subcode}</s:Value></s:Subcode></s:Code>\
         <s:Reason><s:Text xml:lang=\"it\">L'operazione non è riuscita.</s:Text></s:Reason><s:Detail>\
         <f:WSManFault xmlns:f=\"http://schemas.microsoft.com/wbem/wsman/1/wsmanfault\" Code=\"{code}\" \
         Machine=\"SRV\"><f:Message>Messaggio\n  di WinRM.</f:Message></f:WSManFault></s:Detail></s:Fault>"
    ))
}

#[test]
fn requests_are_well_formed_and_quote_what_they_carry() {
    let hostile = "\"</rsp:Command><evil/>&\u{0}";
    let request = Request::Command { shell: hostile, program: hostile, arguments: &["-a", hostile] };
    let text = request.envelope("http://h:5985/wsman?a=1&b=2", "0-1", Duration::from_secs(20));
    let document = roxmltree::Document::parse(&text).unwrap();
    let texts = |name| {
        let found = document.descendants().filter(|node| node.tag_name().name() == name);
        found.map(|node| node.text().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("Command"), ["\"</rsp:Command><evil/>&"]);
    assert_eq!(texts("Arguments"), ["-a", "\"</rsp:Command><evil/>&"]);
    assert_eq!(texts("Selector"), ["\"</rsp:Command><evil/>&"]);
    assert_eq!(texts("Action"), [format!("{SHELL}/Command")]);
    assert_eq!(texts("OperationTimeout"), ["PT20S"]);
    assert!(texts("evil").is_empty());
}

#[test]
fn the_largest_request_fits_into_an_envelope_of_2008_r2() {
    let bytes = vec![0xff; INPUT_PART];
    let shell = "5E8D0CB1-3F2B-4F58-8C5B-0123456789AB";
    let send = Request::Send { shell, command: shell, bytes: &bytes, end: true };
    assert!(send.envelope(&"h".repeat(300), shell, Duration::from_secs(60)).len() < LARGEST_ENVELOPE / 2);
}

#[test]
fn ids_are_read_as_old_and_new_systems_give_them() {
    let old = answer(
        "<x:ResourceCreated xmlns:x=\"http://schemas.xmlsoap.org/ws/2004/09/transfer\"><a:ReferenceParameters>\
         <w:SelectorSet><w:Selector Name=\"ShellId\">5E8D-AB</w:Selector></w:SelectorSet></a:ReferenceParameters>\
         </x:ResourceCreated>",
    );
    assert_eq!(shell_id(&old).unwrap(), "5E8D-AB");
    assert_eq!(shell_id(&answer("<rsp:Shell><rsp:ShellId>A-1</rsp:ShellId></rsp:Shell>")).unwrap(), "A-1");
    assert!(shell_id(&answer("<rsp:Shell><rsp:ShellId>a b\"</rsp:ShellId></rsp:Shell>")).is_err());
    assert_eq!(command_id(&answer("<rsp:CommandId>C-1</rsp:CommandId>")).unwrap(), "C-1");
}

#[test]
fn streams_and_status_of_our_process_only() {
    let body = |id: &str, code: &str| {
        format!(
            "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\" CommandId=\"{id}\">YWI=</rsp:Stream><rsp:Stream \
             Name=\"stdout\" CommandId=\"{id}\">Y\n2Q=</rsp:Stream><rsp:Stream Name=\"stderr\" CommandId=\"{id}\">ZQ==\
             </rsp:Stream><rsp:Stream Name=\"stdout\" CommandId=\"{id}\" End=\"true\"/><rsp:CommandState \
             CommandId=\"{id}\" State=\"{SHELL}/CommandState/Done\"><rsp:ExitCode>{code}</rsp:ExitCode>\
             </rsp:CommandState></rsp:ReceiveResponse>"
        )
    };
    let ours = received(&answer(&body("c1", "3")), "C1").unwrap();
    assert_eq!(ours, Received { stdout: b"abcd".to_vec(), stderr: b"e".to_vec(), exit: Some(3) });
    assert_eq!(received(&answer(&body("c2", "3")), "C1").unwrap(), Received::default());
    assert_eq!(received(&answer(&body("c1", "-1073741510")), "C1").unwrap().exit, Some(3_221_225_786));
    assert!(received(&answer(&body("c1", "yes")), "C1").is_err());
}

#[test]
fn faults_are_told_by_their_codes() {
    let of = |subcode, code| shell_id(&fault(subcode, code)).unwrap_err();
    let words = || "Messaggio di WinRM.".to_owned();
    assert_eq!(of("TimedOut", "2150858793"), Fault::TimedOut);
    assert_eq!(of("QuotaLimit", "2150859174"), Fault::Quota(words()));
    assert_eq!(of("AccessDenied", "5"), Fault::AccessDenied(words()));
    assert_eq!(of("InvalidSelectors", "2150858843"), Fault::ShellGone(words()));
    assert_eq!(of("EncodingLimit", "2150858747"), Fault::TooLarge(words()));
    assert_eq!(of("InternalError", "995"), Fault::Other { code: "995".into(), text: words() });
}

#[test]
fn the_host_says_who_it_is() {
    let named = answer(
        "<i:IdentifyResponse xmlns:i=\"urn:i\"><i:ProductVendor>Microsoft Corporation</i:ProductVendor>\
         <i:ProductVersion>OS: 6.1.7601 SP: 1.0 Stack: 2.0</i:ProductVersion></i:IdentifyResponse>",
    );
    assert_eq!(identity(&named).unwrap().version, "OS: 6.1.7601 SP: 1.0 Stack: 2.0");
    assert!(identity(&answer("")).is_err());
}

#[test]
fn a_document_that_defines_entities_is_refused() {
    let bomb = b"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><s:Envelope xmlns:s=\"s\"><s:Body>&a;</s:Body></s:Envelope>";
    assert_eq!(shell_id(bomb), Err(Fault::Malformed("it is not XML")));
    let deep = answer(&("<a:b>".repeat(20_000) + &"</a:b>".repeat(20_000)));
    assert!(shell_id(&deep).is_err(), "no stack overflow");
}

proptest! {
    #[test]
    fn no_answer_panics(text in "\\PC{0,300}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for answer in [text.as_bytes(), &bytes, &answer(&text)] {
            let _ = (shell_id(answer), command_id(answer), received(answer, "C"), identity(answer));
        }
    }

    #[test]
    fn no_damaged_fault_panics(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        let mut bytes = fault("QuotaLimit", "2150859174");
        let place = at.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
        let _ = (shell_id(&bytes), received(&bytes, "C"));
    }
}
