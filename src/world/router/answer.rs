//! What a router prints, read: prompts, refusals, questions, and the log lines between them. Pure.

use crate::model::router_access::RevertTimer;
use crate::untrusted::one_line;

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Host name as shown: IOS cuts it at 20 characters in configuration modes.
    pub host: String,
    /// The configuration mode, such as `config-if`; none outside.
    pub mode: Option<String>,
    /// `#`; else `>`.
    pub privileged: bool,
}

/// How many characters of a host name IOS shows in configuration modes.
const CUT: usize = 20;

impl Prompt {
    /// Reads `line` if all of it is a prompt.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(' ');
        let (body, privileged) = match line.strip_suffix('#') {
            Some(body) => (body, true),
            None => (line.strip_suffix('>')?, false),
        };
        let (host, mode) = match body.strip_suffix(')') {
            Some(rest) => {
                let (host, mode) = rest.split_once('(')?;
                (host, Some(mode.to_owned()))
            }
            None => (body, None),
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        let is_mode = |c: char| c.is_ascii_alphanumeric() || "-+._/ ".contains(c);
        let well = (1..=63).contains(&host.len())
            && host.chars().all(is_host)
            && mode.as_deref().is_none_or(|mode| !mode.is_empty() && mode.chars().all(is_mode));
        well.then(|| Self { host: host.to_owned(), mode, privileged })
    }

    /// Whether it may be a prompt of the router called `hostname`.
    pub fn is_of(&self, hostname: &str) -> bool {
        let cut: String = hostname.chars().take(CUT).collect();
        self.host == hostname || (self.mode.is_some() && self.host == cut)
    }

    /// It as the router shows it.
    pub fn text(&self) -> String {
        let mode = self.mode.as_ref().map(|mode| format!("({mode})")).unwrap_or_default();
        format!("{}{mode}{}", self.host, if self.privileged { '#' } else { '>' })
    }
}

/// What stands at the end of what a router has printed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// It is not at its end.
    More,
    /// It waits for a key before the next page.
    Page,
    /// It asks for a password.
    Password,
    /// It asks something else, in these words.
    Question(String),
    /// It is ready for the next command.
    Ready(Prompt),
}

/// Reads the end of `text`, printed by the router called `hostname` (none while nobody knows).
/// A prompt of another name does not count.
pub fn tail(text: &str, hostname: Option<&str>) -> Tail {
    let cleaned = without_logs(text);
    let last = cleaned.rsplit('\n').map(str::trim_end).find(|line| !line.is_empty()).unwrap_or_default();
    let is_last = text.trim_end().ends_with(last);
    if last.trim_start().starts_with("--More--") || last.ends_with("--More--") {
        return Tail::Page;
    }
    if is_last && last.trim().ends_with("assword:") {
        return Tail::Password;
    }
    if is_last && is_question(last) {
        return Tail::Question(one_line(last.as_bytes()));
    }
    match Prompt::read(last) {
        Some(prompt) if hostname.is_none_or(|name| prompt.is_of(name)) => Tail::Ready(prompt),
        _ => Tail::More,
    }
}

/// Whether a line waits for an answer: `[confirm]`, `[yes/no]:`, `[no]:`, `[startup-config]?`.
fn is_question(line: &str) -> bool {
    const ENDS: [&str; 8] = ["[confirm]", "[yes/no]:", "[yes/no]", "[no]:", "[yes]:", "]?", "[y/n]", "[y/n]:"];
    let line = line.trim_end();
    ENDS.iter().any(|end| line.ends_with(end))
}

/// The answer to a question about a line of the configuration, where it has only one: a translation that
/// is in use is taken away with what it translates at the moment. No other question is answered.
pub fn reply(question: &str) -> Option<&'static str> {
    question.contains("Static entry in use, do you want to delete child entries?").then_some("yes")
}

/// What `show archive config rollback timer` says (`Timer value: 5 min`, `User: netops`).
pub fn revert_timer(text: &str) -> Option<RevertTimer> {
    let after = |label: &str| text.lines().find_map(|line| line.split_once(label)).map(|(_, rest)| rest.trim());
    let minutes = after("Timer value:")?.split_whitespace().next()?.parse().ok()?;
    let user = after("User:").filter(|user| !user.is_empty()).map(|user| one_line(user.as_bytes()));
    Some(RevertTimer { minutes, user })
}

/// The text without log messages (`*Nov 27 21:00:01: %SYS-5-CONFIG_I: …`), which a router prints
/// wherever its cursor is, and without what moves a cursor.
pub fn without_logs(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (said, end) = line.strip_suffix('\n').map_or((line, ""), |said| (said, "\n"));
        match log_message(said) {
            None => {
                kept.push_str(said);
                kept.push_str(end);
            }
            Some(0) => {}
            Some(at) => {
                kept.push_str(&said[..at]);
                kept.push_str(end);
            }
        }
    }
    kept
}

/// Where a log message begins in a line, if it holds one: with its time, or after the prompt before it.
fn log_message(line: &str) -> Option<usize> {
    line.match_indices('%').find(|(at, _)| is_mnemonic(&line[at + 1..]))?;
    let mut after_prompt = line.char_indices().filter(|(_, c)| matches!(c, '#' | '>')).map(|(at, _)| at + 1);
    Some(after_prompt.rfind(|at| Prompt::read(&line[..*at]).is_some()).unwrap_or(0))
}

/// `FACILITY-5-MNEMONIC:`, perhaps with subfacilities (`PLATFORM-IOSD-3-X:`).
fn is_mnemonic(text: &str) -> bool {
    let Some((name, _)) = text.split_once(':') else { return false };
    let parts: Vec<&str> = name.split('-').collect();
    let word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    parts.len() >= 3
        && parts.iter().all(word)
        && parts.iter().any(|part| matches!(part.as_bytes(), [b'0'..=b'7']))
        && parts.first().is_some_and(|part| part.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// Words by which a router refuses without a percent sign at the beginning of a line.
const REFUSALS: [&str; 13] = [
    "Invalid input detected",
    "Incomplete command",
    "Ambiguous command",
    "Unknown command",
    "Command authorization failed",
    "Authorization failed",
    "overlaps with",
    "Bad mask",
    "Invalid next hop",
    "Rollback aborted",
    "The input file is not a valid config file",
    "turn config archive on",
    "startup-config file open failed",
];

/// Words of lines that begin with `%` although the router took what was typed. Each tells of something
/// that goes with it; whether it led where it should is seen by comparing the whole configuration.
const NOTICES: [&str; 4] = [
    // `vrf forwarding` on an interface with addresses, and `no vrf definition`.
    "address(es) removed due to",
    "from all interfaces in VRF",
    // `no interface`.
    "Not all config may be removed and may reappear after reactivating",
    // `ip address` with a /31.
    "Warning: use /31 mask on non point-to-point interface cautiously",
];

/// The words with which a router refuses, in what it answered to a command; none if it took it.
///
/// Every line that begins with `%` counts, known or not, but for a few notices: a line that a router
/// has something to say about is not one to go on after. Log messages are no answer.
pub fn refusal(answer: &str) -> Option<String> {
    let cleaned = without_logs(answer);
    let mut said = cleaned.lines().map(str::trim).filter(|line| !line.is_empty());
    let notice = |line: &str| NOTICES.iter().any(|words| line.contains(words));
    let refused = |line: &str| line.starts_with('%') || REFUSALS.iter().any(|words| line.contains(words));
    said.find(|line| refused(line) && !notice(line)).map(|line| one_line(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_read_and_told_from_text() {
        let prompt = Prompt::read("unione-ponte-lungo-c(config-if)#").unwrap();
        assert_eq!((prompt.mode.as_deref(), prompt.privileged), (Some("config-if"), true));
        assert!(prompt.is_of("unione-ponte-lungo-cpe-a") && !prompt.is_of("unione-ponte-lungo"));
        assert!(Prompt::read("cinto-cpe-a>").unwrap().is_of("cinto-cpe-a"));
        assert!(!Prompt::read("unione-ponte-lungo-c#").unwrap().is_of("unione-ponte-lungo-cpe-a"), "cut outside");
        for text in ["", "#", "two words#", "a(b", "hash # in a text", "()#", "<secret:x>", "a(config-if)(x)#"] {
            assert_eq!(Prompt::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_an_answer_is_found_between_log_lines() {
        let ready = |text: &str| matches!(tail(text, Some("r1")), Tail::Ready(_));
        assert!(ready("show clock\r\n12:00\r\nr1#"));
        assert!(ready("end\r\nr1#\r\n*Nov 27 21:00:00.001 CET: %SYS-5-CONFIG_I: Configured from console\r\n"));
        assert!(ready("end\r\nr1#*Nov 27 21:00:00.001: %LINK-3-UPDOWN: Interface Gi0, changed state to up\r\n"));
        assert!(ready("x\r\n000042: *Nov 27 21:00:00.001: %TRACK-6-STATE: 10 ip sla\r\nr1(config)#"));
        assert!(!ready("show run\r\nhostname r2\r\nr2#") && !ready("descr\r\n description r1#x"));
        assert_eq!(tail("x\r\n --More-- ", Some("r1")), Tail::Page);
        assert_eq!(tail("enable\r\nPassword: ", Some("r1")), Tail::Password);
        assert_eq!(tail("reload\r\nProceed? [confirm]", Some("r1")), Tail::Question("Proceed? [confirm]".into()));
        let asks = "no ip nat\r\nStatic entry in use, do you want to delete child entries? [no]: ";
        let Tail::Question(question) = tail(asks, Some("r1")) else { panic!("no question") };
        assert_eq!((reply(&question), reply("Proceed with reload? [confirm]")), (Some("yes"), None));
        assert!(matches!(tail("copy\r\nDestination filename [startup-config]? ", Some("r1")), Tail::Question(_)));
    }

    #[test]
    fn a_revert_timer_says_who_began_it() {
        let text = "Time configured(or reconfigured): 22:50:48 UTC\r\nTimer type: absolute timer\r\nTimer value: 2 min\r\nUser: chris\r\n";
        let timer = |minutes, user: Option<&str>| Some(RevertTimer { minutes, user: user.map(str::to_owned) });
        assert_eq!(revert_timer(text), timer(2, Some("chris")));
        assert_eq!(revert_timer("Timer value: 5 min\r\nUser: \r\n"), timer(5, None));
        assert_eq!(revert_timer("nothing of the kind"), None);
    }

    #[test]
    fn refusals_are_found_and_log_lines_are_none() {
        let refusals = [
            "        ^\r\n% Invalid input detected at '^' marker.\r\n",
            "% Incomplete command.\r\n",
            "% Ambiguous command:  \"sh\"\r\n",
            "%Error parsing filename\r\n",
            "% 10.0.0.0 overlaps with GigabitEthernet0\r\n",
            "Bad mask /33 for address 10.0.0.0\r\n",
            "%Invalid next hop address (it's this router)\r\n",
            "Rollback aborted after 5 passes\r\n",
            "%The input file is not a valid config file.\r\n",
            "%Please turn config archive on before using Rollback Confirmed Change\r\n",
            "%No Rollback Confirmed Change pending\r\n",
            "Command authorization failed.\r\n",
            "% Something that no list knows\r\n",
        ];
        for answer in refusals {
            assert!(refusal(answer).is_some(), "{answer}");
        }
        let taken = [
            "",
            "Enter configuration commands, one per line.  End with CNTL/Z.\r\n",
            "*Nov 27 21:00:00.001: %SYS-5-CONFIG_I: Configured from console by vty0\r\n",
            "%HSRP-5-STATECHANGE: GigabitEthernet0/0/1 Grp 10 state Standby -> Active\r\n",
            "Building configuration...\r\n[OK]\r\n",
            "% Interface GigabitEthernet0/0/1 IPv4 disabled and address(es) removed due to enabling VRF CINTO\r\n",
            "% IPv4 and IPv6 addresses from all interfaces in VRF CINTO have been removed\r\n",
            "% Not all config may be removed and may reappear after reactivating the sub-interface\r\n",
        ];
        for answer in taken {
            assert_eq!(refusal(answer), None, "{answer}");
        }
    }
}
