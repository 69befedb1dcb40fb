#![no_main]
safelight_fuzz::target!();
