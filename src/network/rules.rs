//! Numbered rules on what a text says: each with its line, the key behind it and a remedy.
