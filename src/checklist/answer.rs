//! What goes into a host's script for a question, and what its answer means.

use super::batch::{self, Entry};
use super::expect::{Datum, Reading};
use super::judge::{Answer, NoAnswer};
use super::plan::{Inquiry, Question};

/// The item of a host's script that asks `inquiry`.
pub(super) fn entry(number: usize, inquiry: &Inquiry) -> Entry<'_> {
    let script = inquiry.question.script().map_or("", |(_, script)| script);
    Entry { number, script, timeout: inquiry.timeout, most_bytes: inquiry.most_bytes }
}

/// The attributes of a script's answer. A script that could not run, or was killed, has none.
pub(super) fn read(answer: Option<batch::Answer>, inquiry: &Inquiry) -> Result<Answer, NoAnswer> {
    let (limit, most) = (inquiry.timeout, inquiry.most_bytes);
    let said = |stderr: &[u8]| String::from_utf8_lossy(stderr).into_owned();
    let no = |reason: String| Err(NoAnswer { reason, unreachable: false });
    let Some((answer, exit)) = answer.and_then(|answer| answer.exit.map(|exit| (answer, exit))) else {
        return no("the host's answer broke off".to_owned());
    };
    if answer.stdout.len() > most {
        return no(format!("it printed more than {most} bytes"));
    }
    // Only a shell tells by its status how a script ended; on a Windows the numbers above 125 are as any other.
    let shell = matches!(inquiry.question, Question::Sh { .. });
    match exit {
        137 if answer.took >= limit => return no(format!("it did not end within {} s", limit.as_secs())),
        126 if !shell => return no(format!("the script broke off: {}", said(&answer.stderr))),
        _ if !shell => {}
        126 | 127 => return no(format!("a command is missing or may not be run: {}", said(&answer.stderr))),
        128.. => return no(format!("it was ended by signal {}", exit.saturating_sub(128))),
        _ => {}
    }
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut reading = Reading::default().with("exit", Datum::Number(f64::from(exit)));
    if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
        reading = reading.with("number", Datum::Number(number));
    }
    let reading = reading.with("lines", Datum::List(lines)).with("stdout", Datum::Text(text));
    Ok(Answer { reading, complaint: said(&answer.stderr), raw: answer.stdout, took: answer.took })
}
