//! Commands outside of configuration.

use super::grammar::{Grammar, Match, Misread, words};
use super::router::{MINUTE, Router};
use super::show;
use super::terminal::{After, Ask, Terminal, complaint};
use std::sync::OnceLock;
use std::time::Duration;

/// Each command: its pattern, and whether it needs privilege.
const COMMANDS: &[(&str, bool)] = &[
    ("enable [<0-15>]", false),
    ("disable", false),
    ("exit", false),
    ("logout", false),
    ("quit", false),
    ("terminal length <0-512>", false),
    ("terminal width <0-512>", false),
    ("terminal monitor", false),
    ("terminal no monitor", false),
    ("terminal history size <0-256>", false),
    ("configure [terminal]", true),
    ("configure terminal lock", true),
    ("configure terminal revert timer <1-120>", true),
    ("configure terminal revert timer idle <1-120>", true),
    ("configure confirm", true),
    ("configure revert now", true),
    ("configure revert timer <1-120>", true),
    ("configure revert timer idle <1-120>", true),
    ("configure replace S [list] [force] [revert trigger error] [{time|timer} <1-120>]", true),
    ("write [memory]", true),
    ("write terminal", true),
    ("write erase", true),
    ("erase startup-config", true),
    ("copy running-config startup-config", true),
    ("copy running-config S", true),
    ("copy S running-config", true),
    ("archive config", true),
    ("reload in <1-999> [L]", true),
    ("reload cancel", true),
    ("reload", true),
    ("clear ip arp [vrf S] A", true),
    ("clear arp-cache", true),
    ("ping [vrf S] [ip] A [source {IF|A}] [repeat <1-1000>] [timeout <0-3600>]", false),
    ("show running-config [all]", true),
    ("show running-config interface IF", true),
    ("show startup-config", true),
    ("show archive", true),
    ("show archive config rollback timer", true),
    ("show archive config differences [S] [S]", true),
    ("show configuration lock", true),
    ("show version", false),
    ("show inventory", false),
    ("show clock", false),
    ("show users", false),
    ("show privilege", false),
    ("show reload", true),
    ("show logging", true),
    ("show standby brief", false),
    ("show standby", false),
    ("show track [<1-1000>]", false),
    ("show track brief", false),
    ("show ip route [vrf S]", false),
    ("show ip route [vrf S] static", false),
    ("show ip route [vrf S] A [M]", false),
    ("show ip sla statistics [<1-2147483647>]", false),
    ("show ip interface brief", false),
    ("show ip arp [vrf S] [A]", false),
    ("show vrf", false),
    ("show file systems", true),
    ("dir [S]", true),
    ("more S", true),
    ("delete [/force] S", true),
];

fn grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| Grammar::new(COMMANDS.iter().map(|(pattern, _)| *pattern)))
}

fn user_grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| {
        Grammar::new(COMMANDS.iter().map(|(pattern, privileged)| if *privileged { "\u{0}" } else { *pattern }))
    })
}

/// Carries out a command.
pub fn command(terminal: &mut Terminal, router: &mut Router, line: &str) -> (String, After) {
    let (own, filter) = match line.split_once('|') {
        Some((own, filter))
            if words(own).first().is_some_and(|(_, word)| "show".starts_with(word) || "more".starts_with(word)) =>
        {
            (own, Some(filter.trim()))
        }
        _ => (line, None),
    };
    let grammar = if terminal.privileged { grammar() } else { user_grammar() };
    let column = terminal.prompt(router).chars().count();
    let said = match grammar.read(own, 0, false) {
        Ok(said) => said,
        Err(Misread::Invalid(at)) if words(own).first().is_some_and(|(start, _)| *start == at) => {
            return (unknown(own, column, at), After::Stay);
        }
        Err(misread) => return (complaint(&misread.into(), line, column), After::Stay),
    };
    let all: Vec<&str> = said.words.iter().map(String::as_str).collect();
    if matches!(all[0], "exit" | "logout" | "quit") {
        return (String::new(), After::Leave);
    }
    let output = run(terminal, router, &said, &all);
    let output = match filter {
        Some(filter) => filtered(&output, filter),
        None => output,
    };
    (output, After::Stay)
}

/// A first word that is no command: one word alone may be the name of a host, which IOS looks up.
fn unknown(line: &str, column: usize, at: usize) -> String {
    if words(line).len() == 1 && !line.trim().contains(|sign: char| !sign.is_ascii_alphanumeric()) {
        return "% Bad IP address or host name\n% Unknown command or computer name, or unable to find computer address\n"
            .to_owned();
    }
    complaint(&super::config::Refusal::Invalid(at), line, column)
}

fn filtered(output: &str, filter: &str) -> String {
    let Some((how, what)) = filter.split_once(' ') else { return "% Incomplete command.\n".to_owned() };
    let what = what.trim();
    let (anchored, what) = match what.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, what),
    };
    let fits =
        |line: &str| what.split('|').any(|one| if anchored { line.starts_with(one) } else { line.contains(one) });
    let mut open = false;
    let kept = output.lines().filter(|line| match how.chars().next() {
        Some('i') => fits(line),
        Some('e') => !fits(line),
        Some('b') => {
            open = open || fits(line);
            open
        }
        Some('s') => {
            open = if line.starts_with(' ') { open } else { fits(line) };
            open
        }
        _ => false,
    });
    kept.map(|line| format!("{line}\n")).collect()
}

fn run(terminal: &mut Terminal, router: &mut Router, said: &Match, all: &[&str]) -> String {
    match all {
        ["enable", ..] => {
            match (terminal.privileged, &terminal.enable_secret) {
                (true, _) => {}
                (false, None) => return "% No password set\n".to_owned(),
                (false, Some(_)) => terminal.ask = Ask::EnablePassword(0),
            }
            String::new()
        }
        ["disable"] => {
            terminal.privileged = false;
            String::new()
        }
        ["terminal", rest @ ..] => {
            match rest {
                ["length", lines] => terminal.length = lines.parse().unwrap(),
                ["width", columns] => terminal.width = columns.parse().unwrap(),
                ["monitor"] => terminal.monitor = true,
                ["no", "monitor"] => terminal.monitor = false,
                _ => {}
            }
            String::new()
        }
        ["configure", rest @ ..] => configure(terminal, router, rest),
        ["write", "terminal"] => show::running(router),
        ["write", "erase"] | ["erase", ..] => {
            terminal.ask = Ask::Erase;
            String::new()
        }
        ["write", ..] => {
            router.save();
            "Building configuration...\n[OK]\n".to_owned()
        }
        ["copy", from, to] => copy(terminal, router, from, to),
        ["archive", "config"] => match router.archive_copy() {
            Some(_) => String::new(),
            None => "Archive feature not enabled\n".to_owned(),
        },
        ["reload", rest @ ..] => reload(terminal, router, rest),
        ["clear", ..] => String::new(),
        ["dir", ..] => router.archive.iter().map(|(name, _)| format!("  -rw-   4096   {name}\n")).collect(),
        ["more", file] => show::file(router, file).unwrap_or_else(|| no_file(file)),
        ["delete", .., file] => {
            router.files.remove(*file);
            router.archive.retain(|(name, _)| name != file);
            String::new()
        }
        ["ping", ..] => show::ping(router, said),
        ["show", rest @ ..] => show::command(terminal, router, said, rest),
        _ => String::new(),
    }
}

fn no_file(file: &str) -> String {
    format!("%Error opening {file} (No such file or directory)\n")
}

fn configure(terminal: &mut Terminal, router: &mut Router, rest: &[&str]) -> String {
    match rest {
        [] => {
            terminal.ask = Ask::ConfigureFrom;
            String::new()
        }
        ["terminal"] => open(terminal, router, String::new()),
        ["terminal", "lock"] => {
            let said = open(terminal, router, String::new());
            if terminal.configuring {
                router.lock = Some(terminal.id);
            }
            said
        }
        ["terminal", "revert", "timer", idle @ .., minutes] => {
            if let Some(locked) = locked(terminal, router) {
                return locked;
            }
            let idle = !idle.is_empty();
            match router.begin_revert(minutes.parse().unwrap(), idle, &terminal.user) {
                Ok(said) => open(terminal, router, said + "\n"),
                Err(said) => format!("{said}\n"),
            }
        }
        ["confirm"] => match router.revert.take() {
            Some(_) => String::new(),
            None => NOTHING_PENDING.to_owned(),
        },
        ["revert", "now"] => router.revert_now().unwrap_or_else(|| NOTHING_PENDING.to_owned()),
        ["revert", "timer", idle @ .., minutes] => {
            let now = router.now;
            let Some(revert) = &mut router.revert else { return NOTHING_PENDING.to_owned() };
            let wait = MINUTE * minutes.parse::<u32>().unwrap();
            (revert.due, revert.idle, revert.set) = (now + wait, (!idle.is_empty()).then_some(wait), now);
            (revert.minutes, revert.warned) = (minutes.parse().unwrap(), false);
            String::new()
        }
        ["replace", file, options @ ..] => {
            let timer =
                options.iter().position(|word| word.starts_with("time")).map(|at| options[at + 1].parse().unwrap());
            if options.contains(&"force") {
                return replace(terminal, router, file, timer);
            }
            terminal.ask = Ask::Replace((*file).to_owned(), timer);
            "This will apply all necessary additions and deletions\nto replace the current running configuration with \
             the\ncontents of the specified configuration file, which is\nassumed to be a complete configuration, not a \
             partial\n"
                .to_owned()
        }
        _ => String::new(),
    }
}

const NOTHING_PENDING: &str = "%No Rollback Confirmed Change pending\n";

fn locked(terminal: &Terminal, router: &Router) -> Option<String> {
    router.lock.filter(|holder| *holder != terminal.id).map(|holder| {
        format!("Configuration mode is locked by process '{holder}' user 'unknown' from terminal '{holder}'. Please try later.\n")
    })
}

fn open(terminal: &mut Terminal, router: &Router, said: String) -> String {
    if let Some(locked) = locked(terminal, router) {
        return locked;
    }
    terminal.configuring = true;
    terminal.levels.clear();
    format!("{said}Enter configuration commands, one per line.  End with CNTL/Z.\n")
}

fn replace(terminal: &Terminal, router: &mut Router, file: &str, timer: Option<u64>) -> String {
    let saved = router.archive.iter().find(|(name, _)| name == file).map(|(_, config)| config.clone());
    let saved = saved.or_else(|| router.startup.clone().filter(|_| file == "nvram:startup-config"));
    let wanted = match (saved, router.files.get(file)) {
        (Some(config), _) => config,
        (None, None) => return no_file(file),
        (None, Some(text)) if !text.lines().any(|line| line.starts_with("hostname ")) => {
            return "%The input file is not a valid config file.\n".to_owned();
        }
        (None, Some(text)) => Router::boot(text).running,
    };
    if timer.is_some() && router.archive_setting("path").is_none() {
        return "%Please turn config archive on\n".to_owned();
    }
    if router.replace_fails {
        return "\nTotal number of passes: 5\nRollback aborted after 5 passes\n\
                The following commands are failed to apply to the IOS image.\n********\nno negotiation auto\n********\n"
            .to_owned();
    }
    let mut said = String::new();
    if let Some(minutes) = timer {
        match router.begin_revert(minutes, false, &terminal.user) {
            Ok(text) => said = text,
            Err(text) => return format!("{text}\n"),
        }
    }
    router.running = wanted;
    router.changed = router.startup.as_ref() != Some(&router.running);
    format!("{said}\nTotal number of passes: 1\nRollback Done\n\n")
}

fn copy(terminal: &mut Terminal, router: &mut Router, from: &str, to: &str) -> String {
    if from == "running-config" {
        terminal.ask = Ask::Destination(to.to_owned());
        return String::new();
    }
    if to != "running-config" {
        return "%Error: only copies of configurations are made here\n".to_owned();
    }
    match router.files.get(from).cloned() {
        Some(text) => {
            let refused = super::config::load(router, &text);
            let size = text.len();
            refused.into_iter().map(|line| line + "\n").collect::<String>()
                + &format!("{size} bytes copied in 0.101 secs\n")
        }
        None => no_file(from),
    }
}

fn reload(terminal: &mut Terminal, router: &mut Router, rest: &[&str]) -> String {
    match rest {
        ["cancel"] => match router.reload.take() {
            Some(_) => "\n\n***\n*** --- SHUTDOWN ABORTED ---\n***\n".to_owned(),
            None => "%No reload is currently scheduled.\n".to_owned(),
        },
        ["in", minutes, ..] => ask_before_reload(terminal, router, minutes.parse().unwrap()),
        _ => ask_before_reload(terminal, router, 0),
    }
}

fn ask_before_reload(terminal: &mut Terminal, router: &Router, minutes: u64) -> String {
    if router.changed {
        terminal.ask = Ask::SaveFirst(minutes);
        return String::new();
    }
    terminal.ask = Ask::Reload(minutes);
    announced(router, minutes)
}

fn announced(router: &Router, minutes: u64) -> String {
    if minutes == 0 {
        return String::new();
    }
    format!("Reload scheduled in {minutes} minutes by the console, at {} (reason unspecified)\n", router.stamp())
}

/// An answer to a question.
pub fn answer(terminal: &mut Terminal, router: &mut Router, question: Ask, said: &str) -> String {
    match question {
        Ask::EnablePassword(tries) => {
            if terminal.enable_secret.as_deref() == Some(said) {
                terminal.privileged = true;
                return String::new();
            }
            if tries < 2 {
                terminal.ask = Ask::EnablePassword(tries + 1);
                return String::new();
            }
            "% Bad secrets\n\n".to_owned()
        }
        Ask::Destination(to) => {
            let to = if said.is_empty() { to } else { said.to_owned() };
            if to == "startup-config" {
                router.save();
                return "Building configuration...\n[OK]\n".to_owned();
            }
            let text = router.running.text();
            let size = text.len();
            router.files.insert(to, text);
            format!("{size} bytes copied in 0.101 secs\n")
        }
        Ask::ConfigureFrom if said.is_empty() || "terminal".starts_with(said) => open(terminal, router, String::new()),
        Ask::ConfigureFrom => "?Must be \"terminal\", \"memory\" or \"network\"\n".to_owned(),
        Ask::SaveFirst(minutes) => match said.to_ascii_lowercase().as_str() {
            "yes" | "y" => {
                router.save();
                terminal.ask = Ask::Reload(minutes);
                "Building configuration...\n[OK]\n".to_owned() + &announced(router, minutes)
            }
            "no" | "n" => {
                terminal.ask = Ask::Reload(minutes);
                announced(router, minutes)
            }
            _ => {
                terminal.ask = Ask::SaveFirst(minutes);
                "% Please answer 'yes' or 'no'.\n".to_owned()
            }
        },
        Ask::Reload(minutes) if said.is_empty() || said.eq_ignore_ascii_case("y") => {
            router.reload = Some(router.now + Duration::from_secs(60 * minutes));
            String::new()
        }
        Ask::Erase if said.is_empty() || said.eq_ignore_ascii_case("y") => {
            router.startup = None;
            router.changed = true;
            "[OK]\nErase of nvram: complete\n".to_owned()
        }
        Ask::Replace(file, timer) => {
            if said.eq_ignore_ascii_case("y") || said.eq_ignore_ascii_case("yes") {
                return replace(terminal, router, &file, timer);
            }
            String::new()
        }
        Ask::Reload(_) | Ask::Erase | Ask::ChildEntries(_) | Ask::Command => String::new(),
    }
}
