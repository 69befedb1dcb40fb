//! `safelight copy`, `backup` and `restore`: everything from one place to another.

use super::output::{Printer, harmless};
use super::{Surroundings, note, place};
use crate::bootstrap::{own_folder, require_store};
use crate::catalog::{Derived, StoredTotal};
use crate::config::Config;
use crate::copy::{Copied, Purpose, Step, copy, is_backup};
use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{BinaryBytes, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Between two lines where there is no terminal.
const LINES: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct Copy {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    to: To,
    /// Leave behind renditions and levels, which are made again when they are asked for
    #[arg(long)]
    originals_only: bool,
}

#[derive(Args)]
struct From {
    /// What is copied: a data folder, or the configuration file of a server
    #[arg(long, value_name = "PLACE")]
    from: PathBuf,
    /// File of variables for it (NAME=value), in the place of the environment
    #[arg(long, value_name = "FILE")]
    from_env: Option<PathBuf>,
}

#[derive(Args)]
struct To {
    /// An empty place: a data folder that is made, or a configuration file
    #[arg(long, value_name = "PLACE")]
    to: PathBuf,
    /// File of variables for it (NAME=value), in the place of the environment
    #[arg(long, value_name = "FILE")]
    to_env: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Backup {
    #[command(flatten)]
    from: From,
    /// New folder, or one with an older backup of the same catalog, to which what is new is added
    folder: PathBuf,
}

#[derive(Args)]
pub(super) struct Restore {
    /// Folder with a backup
    folder: PathBuf,
    #[command(flatten)]
    to: To,
}

impl Copy {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<()> {
        let derived = if self.originals_only { Derived::LeftBehind } else { Derived::Copied };
        let (from, to) = (self.from.settings(surroundings)?, self.to.settings(surroundings)?);
        run(&from, &to, Purpose::Move(derived), out)
    }
}

impl Backup {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<()> {
        let from = self.from.settings(surroundings)?;
        ensure!(!self.folder.is_file(), "{} is a file: a backup is a folder", self.folder.display());
        let to = place::settings(surroundings, &self.folder, None)?;
        run(&from, &to, Purpose::Backup, out)
    }
}

impl Restore {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<()> {
        ensure!(is_backup(&self.folder), "{} is no finished backup of safelight", self.folder.display());
        let from = place::settings(surroundings, &self.folder, None)?;
        let to = self.to.settings(surroundings)?;
        run(&from, &to, Purpose::Move(Derived::Copied), out)
    }
}

impl From {
    fn settings(&self, surroundings: &Surroundings) -> anyhow::Result<Config> {
        place::settings(surroundings, &self.from, self.from_env.as_deref())
    }
}

impl To {
    fn settings(&self, surroundings: &Surroundings) -> anyhow::Result<Config> {
        place::settings(surroundings, &self.to, self.to_env.as_deref())
    }
}

fn run(from: &Config, to: &Config, purpose: Purpose, out: &mut Printer) -> anyhow::Result<()> {
    ensure!(from.data != to.data, "both places have the data folder {}", from.data.display());
    require_store(from)?;
    // A server that runs would change what is being moved; a backup is of one moment anyway.
    let stopped = matches!(purpose, Purpose::Move(_)) && from.data.exists();
    let _source = stopped.then(|| own_folder(&from.data)).transpose().context("stop the server first")?;
    let _target = own_folder(&to.data)?;
    let progress = Arc::new(Progress::new());
    let told = {
        let progress = Arc::clone(&progress);
        Arc::new(move |step| progress.take(step))
    };
    let copied = Runtime::new()?.block_on(copy(from, to, purpose, told));
    progress.bar.finish_and_clear();
    say(&copied?, out)
}

fn say(copied: &Copied, out: &mut Printer) -> anyhow::Result<()> {
    let Copied { rows, written, kept, deleted, remade, lost } = copied;
    out.line(&format!("{rows} rows, {written} files written and read back, {kept} there before"))?;
    if *deleted > 0 {
        out.line(&format!("{deleted} images were deleted meanwhile, and left out"))?;
    }
    if *remade > 0 {
        out.line(&format!("{remade} renditions and levels were missing or damaged: they are made again"))?;
    }
    lost.iter().for_each(|lost| note(&harmless(lost)));
    ensure!(lost.is_empty(), "{} originals were missing or damaged; all else was copied", lost.len());
    Ok(())
}

/// A bar on a terminal, and now and then a line elsewhere.
struct Progress {
    bar: ProgressBar,
    total: Mutex<StoredTotal>,
    images: AtomicU64,
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    fn new() -> Progress {
        let bar = ProgressBar::no_length();
        // Only a template that does not parse is refused, and then the plain bar is good enough.
        let template = "{msg} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let last_line = (!std::io::stderr().is_terminal()).then(|| Mutex::new(Instant::now()));
        Progress { bar, total: Mutex::default(), images: AtomicU64::new(0), last_line }
    }

    fn take(&self, step: Step) {
        let message = match step {
            Step::Read(rows) => format!("{rows} rows read"),
            Step::Put(rows) => format!("{rows} rows written"),
            Step::Total(total) => {
                *self.total.lock().unwrap_or_else(PoisonError::into_inner) = total;
                self.bar.set_length(total.bytes);
                return;
            }
            Step::Stored { bytes, is_image } => {
                self.bar.inc(bytes);
                let images =
                    self.images.fetch_add(u64::from(is_image), Ordering::Relaxed) + u64::from(is_image);
                let total = *self.total.lock().unwrap_or_else(PoisonError::into_inner);
                format!("{images}/{} images", total.images)
            }
        };
        if let Some(last) = &self.last_line {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= LINES {
                *last = Instant::now();
                let (done, rate) = (self.bar.position(), self.bar.per_sec());
                let left = self.bar.eta().as_secs();
                note(&format!("{message}, {}, {rate:.0} bytes/s, {left} s left", BinaryBytes(done)));
            }
        }
        self.bar.set_message(message);
    }
}
