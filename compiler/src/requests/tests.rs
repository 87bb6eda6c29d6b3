//! The algebra, held against the concrete test of a request.
//!
//! `worlds` makes small random patterns, clauses and requests whose names collide often; `patterns` checks single
//! patterns and their atoms, `laws` the sets, `examples` what a reader would try first.

mod examples;
mod laws;
mod patterns;
mod worlds;
