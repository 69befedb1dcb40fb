//! Reads what `strace -f -y -o <file>` wrote: which files and folders were synced, and when.

use std::path::{Path, PathBuf};

/// The calls to ask `strace` for.
pub(crate) const CALLS: &str = "trace=openat,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat";

/// One finished system call that succeeded.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `fsync` and the like.
    pub(crate) name: String,
    /// Everything between the parentheses.
    pub(crate) arguments: String,
    /// Line of the trace on which it began; a call that waits has one line more, for its end.
    pub(crate) began: usize,
    /// Line on which it returned.
    pub(crate) ended: usize,
}

/// A whole trace, in the order in which the calls returned.
#[derive(Debug)]
pub(crate) struct Trace(Vec<Call>);

impl Trace {
    /// Reads a trace. Calls that failed or never returned are left out.
    pub(crate) fn read(file: &Path) -> Trace {
        let text = std::fs::read_to_string(file).expect("strace wrote its output");
        Trace::parse(&text)
    }

    fn parse(text: &str) -> Trace {
        let mut waiting: Vec<(&str, usize, String)> = Vec::new();
        let mut calls = Vec::new();
        for (line, content) in text.lines().enumerate() {
            let Some((thread, content)) = content.split_once(' ') else { continue };
            let content = content.trim_start();
            if let Some(start) = content.strip_suffix("<unfinished ...>") {
                waiting.push((thread, line, start.to_owned()));
            } else if let Some(resumed) = content.strip_prefix("<... ") {
                let Some(place) = waiting.iter().position(|(waits, _, _)| *waits == thread) else { continue };
                let (_, began, start) = waiting.remove(place);
                let rest = resumed.split_once(" resumed>").map_or("", |(_, rest)| rest);
                calls.extend(call(&format!("{start}{rest}"), began, line));
            } else {
                calls.extend(call(content, line, line));
            }
        }
        Trace(calls)
    }

    /// The first write or send that begins with a text, after a line.
    pub(crate) fn marker(&self, text: &str, after: usize) -> &Call {
        let quoted = format!("\"{text}");
        let found = self.0.iter().find(|call| {
            let writes = call.name.starts_with("write") || call.name.starts_with("send");
            writes && call.began >= after && call.arguments.contains(&quoted)
        });
        found.unwrap_or_else(|| panic!("the trace has no write of {text}"))
    }

    /// The calls of these names that mention a text and both began and returned between two lines.
    pub(crate) fn between(&self, names: &[&str], text: &str, after: usize, before: usize) -> Vec<&Call> {
        let wanted = |call: &&Call| {
            names.contains(&call.name.as_str())
                && call.arguments.contains(text)
                && call.began > after
                && call.ended < before
        };
        self.0.iter().filter(wanted).collect()
    }

    /// The syncs of exactly this file or folder, of its name at the time, between two lines.
    pub(crate) fn syncs(&self, file: &Path, after: usize, before: usize) -> Vec<&Call> {
        let named = format!("<{}>", file.display());
        self.between(&["fsync", "fdatasync"], &named, after, before)
    }

    /// The last of the renames and links that made `file`, with the path that it had before.
    pub(crate) fn placed(&self, file: &Path, after: usize, before: usize) -> Option<(&Call, PathBuf)> {
        let names = ["rename", "renameat", "renameat2", "link", "linkat"];
        let target = file.display().to_string();
        self.between(&names, &target, after, before).into_iter().rev().find_map(|call| {
            let paths: Vec<&str> = call.arguments.split('"').skip(1).step_by(2).collect();
            match paths.as_slice() {
                [from, to] if *to == target => Some((call, PathBuf::from(from))),
                _ => None,
            }
        })
    }
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let succeeded = result.trim_start().starts_with(|first: char| first.is_ascii_digit());
    let arguments = arguments.trim_end().strip_suffix(')')?.to_owned();
    succeeded.then(|| Call { name: name.to_owned(), arguments, began, ended })
}

#[test]
fn calls_are_read_with_their_begin_and_end() {
    let trace = Trace::parse(
        "10 openat(AT_FDCWD</>, \"/d/f#1\", O_RDWR) = 9</d/f#1>\n\
         10 fsync(9</d/f#1> <unfinished ...>\n\
         11 write(1<pipe:[5]>, \"DONE\\n\", 5) = 5\n\
         10 <... fsync resumed>)              = 0\n\
         10 rename(\"/d/f#1\", \"/d/f\")         = 0\n\
         10 fsync(9</d>)                      = -1 EIO (Input/output error)\n\
         10 fdatasync(8</d/wal>)              = 0\n",
    );
    let done = trace.marker("DONE", 0).began;
    assert_eq!(trace.syncs(Path::new("/d/f#1"), 0, done).len(), 0, "it returned after the marker");
    let sync = trace.syncs(Path::new("/d/f#1"), 0, 9);
    assert_eq!((sync[0].began, sync[0].ended), (1, 3));
    let (placed, from) = trace.placed(Path::new("/d/f"), 0, 9).expect("a rename");
    assert_eq!((placed.ended, from.as_path()), (4, Path::new("/d/f#1")));
    assert_eq!(trace.syncs(Path::new("/d"), 0, 9).len(), 0, "it failed");
    assert_eq!(trace.syncs(Path::new("/d/wal"), 0, 9).len(), 1);
}
