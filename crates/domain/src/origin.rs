//! Where remote images may come from, and how long they may be kept.
