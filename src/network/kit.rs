//! The cutover kit of a server: one ordered runbook for routers, firewall and machines, and its reverse.
