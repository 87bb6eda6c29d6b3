//! x
mod claims;
pub mod interval;
mod services;
pub mod world;
