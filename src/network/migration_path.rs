//! The temporary way that the copying itself takes, and its removal.
