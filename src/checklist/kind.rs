//! Types of what a probe reads.

/// Type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// A text.
    Text,
    /// Several texts.
    List,
}
