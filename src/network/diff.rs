//! From a running configuration to the wanted one, step by step, and back.
