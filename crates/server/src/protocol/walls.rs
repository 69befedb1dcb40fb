//! What the kernel holds a worker behind.

use std::fmt;

/// The walls around one worker process, as it found them after it had put them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walls {
    /// The filter of system calls: everything that decoding does not need is refused.
    pub seccomp: Wall,
    /// No files, no network, no signals to others.
    pub landlock: Wall,
}

/// How far one wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// All of it.
    Whole,
    /// As much as this kernel knows of it.
    Partial,
    /// Nothing of it: this kernel has no such thing, or has it switched off.
    Missing,
}

impl Wall {
    /// Every state.
    pub const ALL: [Wall; 3] = [Wall::Whole, Wall::Partial, Wall::Missing];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Wall::Whole => "whole",
            Wall::Partial => "partial",
            Wall::Missing => "missing",
        }
    }

    /// The state of that word.
    pub fn parse(text: &str) -> Option<Wall> {
        Wall::ALL.into_iter().find(|wall| wall.as_str() == text)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
