//! How a page is written from a template: text of others is data, whatever is in it.

use super::statement::DocumentError;
use crate::untrusted;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};
use serde::Serialize;

/// `page` in `template`, its texts escaped for where they land.
///
/// # Errors
/// The template refused.
pub(super) fn rendered(template: &str, escape: AutoEscape, page: &impl Serialize) -> Result<String, DocumentError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Custom(_), Some(text)) => Ok(out.write_str(&untrusted::markdown(text))?),
        (AutoEscape::Custom(_), None) => Ok(out.write_str(&value.to_string())?),
        // What would hide or reorder text is shown, too.
        (AutoEscape::Html, Some(text)) => Ok(out.write_str(&untrusted::xml(&untrusted::printable(text)))?),
        _ => escape_formatter(out, state, value),
    });
    environment.add_template("page", template)?;
    Ok(environment.get_template("page")?.render(Value::from(Serde(page)))?)
}
