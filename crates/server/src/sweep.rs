//! Removes what no row names: orphans of crashes, and renditions over the quota. Safe to run twice.
