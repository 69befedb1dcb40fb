//! Settings: file, environment and flags, parsed once into a `Config`.
