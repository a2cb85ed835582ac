//! Units: `40ms`, `10Mbit`, `1MiB`. Times are seconds, sizes bytes, rates bits a second.

/// What a number measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// A count, a percentage.
    Plain,
    /// A time, in seconds.
    Time,
    /// A size, in bytes.
    Size,
    /// A rate, in bits a second.
    Rate,
    /// Whatever the other side measures, in its base unit: what a script printed.
    Any,
}

impl Dimension {
    pub(super) fn words(self) -> &'static str {
        match self {
            Dimension::Plain => "a number",
            Dimension::Time => "a time",
            Dimension::Size => "a size",
            Dimension::Rate => "a rate",
            Dimension::Any => "any number",
        }
    }

    /// What both may be together; none where they do not fit.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Dimension::Any, one) | (one, Dimension::Any) => Some(one),
            (one, other) => (one == other).then_some(one),
        }
    }
}

/// Units with what they measure and their base units. `m` alone is not one: metre, minute or mega.
pub(super) const UNITS: [(&str, Dimension, f64); 19] = [
    ("ms", Dimension::Time, 0.001),
    ("s", Dimension::Time, 1.0),
    ("min", Dimension::Time, 60.0),
    ("h", Dimension::Time, 3600.0),
    ("d", Dimension::Time, 86400.0),
    ("B", Dimension::Size, 1.0),
    ("kB", Dimension::Size, 1e3),
    ("MB", Dimension::Size, 1e6),
    ("GB", Dimension::Size, 1e9),
    ("TB", Dimension::Size, 1e12),
    ("KiB", Dimension::Size, 1024.0),
    ("MiB", Dimension::Size, 1_048_576.0),
    ("GiB", Dimension::Size, 1_073_741_824.0),
    ("TiB", Dimension::Size, 1_099_511_627_776.0),
    ("bit", Dimension::Rate, 1.0),
    ("kbit", Dimension::Rate, 1e3),
    ("Mbit", Dimension::Rate, 1e6),
    ("Gbit", Dimension::Rate, 1e9),
    ("%", Dimension::Plain, 1.0),
];

/// The unit of this name.
pub(super) fn unit(name: &str) -> Option<(Dimension, f64)> {
    UNITS.iter().find(|(known, ..)| *known == name).map(|(_, dimension, factor)| (*dimension, *factor))
}

/// What an attribute measures, and by what its number is multiplied to be in the base unit.
pub(super) fn of_attribute(name: &str) -> (Dimension, f64) {
    let last = name.rsplit('_').next().unwrap_or(name);
    match last {
        "ms" | "delay" => (Dimension::Time, 0.001),
        "seconds" | "skew" => (Dimension::Time, 1.0),
        "days" => (Dimension::Time, 86400.0),
        "bytes" => (Dimension::Size, 1.0),
        "bps" => (Dimension::Rate, 1.0),
        "mbit" => (Dimension::Rate, 1e6),
        "number" => (Dimension::Any, 1.0),
        _ => (Dimension::Plain, 1.0),
    }
}
