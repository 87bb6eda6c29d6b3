//! x
mod claims;
pub mod fields;
pub mod interval;
pub mod lookup;
mod services;
pub mod settings;
pub mod statements;
pub mod units;
pub mod waivers;
pub mod world;
