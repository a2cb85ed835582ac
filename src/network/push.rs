//! A change on its way to routers: what is decided before, between and after its lines.
