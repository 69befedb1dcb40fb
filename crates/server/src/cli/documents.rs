//! `safelight completions` and `safelight man`: what shells and man(1) know of the commands, out of the same
//! definition as the commands.

use super::Arguments;
use super::output::Printer;
use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell that they are for
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Manual {
    /// Folder that a page for each command is written to; otherwise that of safelight itself is printed
    folder: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(self, out: &mut Printer) -> anyhow::Result<()> {
        Ok(out.bytes(&completions(self.shell))?)
    }
}

impl Manual {
    pub(super) fn run(self, out: &mut Printer) -> anyhow::Result<()> {
        match self.folder {
            None => {
                let mut page = Vec::new();
                Man::new(Arguments::command()).render(&mut page)?;
                Ok(out.bytes(&page)?)
            }
            Some(folder) => {
                let unwritten = || format!("the pages cannot be written to {}", folder.display());
                std::fs::create_dir_all(&folder).with_context(unwritten)?;
                clap_mangen::generate_to(Arguments::command(), &folder).with_context(unwritten)
            }
        }
    }
}

fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "safelight", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ROWS;
    use clap::{Command, ValueEnum};

    /// Names of a command and all below it, as their pages are called, with the flags of each.
    fn all(command: &Command, name: &str) -> Vec<(String, Vec<String>)> {
        let flags = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
        let below = command.get_subcommands().filter(|command| command.get_name() != "help");
        let below = below.flat_map(|command| all(command, &format!("{name}-{}", command.get_name())));
        std::iter::once((name.to_owned(), flags)).chain(below).collect()
    }

    #[test]
    fn every_command_and_flag_has_its_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut out = Vec::new();
        let manual = Manual { folder: Some(folder.path().to_owned()) };
        manual.run(&mut Printer::new(&mut out)).expect("written");
        let mut command = Arguments::command();
        command.build();
        let all = all(&command, "safelight");
        assert!(all.len() > 30, "{all:?}");
        for (name, flags) in &all {
            let page = std::fs::read_to_string(folder.path().join(format!("{name}.1"))).expect(name);
            for flag in flags {
                let shown = format!("\\-\\-{}", flag.replace('-', "\\-"));
                assert!(page.contains(&shown), "{name}: {flag}");
            }
        }
        let serve = std::fs::read_to_string(folder.path().join("safelight-serve.1")).expect("a page");
        assert!(ROWS.iter().all(|row| serve.contains(&row.name.replace('-', "\\-"))));
        Manual { folder: None }.run(&mut Printer::new(&mut out)).expect("printed");
        let page = String::from_utf8(out).expect("text");
        assert!(page.contains(".TH safelight 1") && page.contains("safelight\\-serve(1)"), "{page}");
    }

    #[test]
    fn every_command_and_flag_is_completed_in_every_shell() {
        let mut command = Arguments::command();
        command.build();
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell)).expect("text");
            for (name, flags) in all(&command, "safelight") {
                let last = name.rsplit('-').next().expect("a name");
                assert!(script.contains(last), "{shell}: {name}");
                for flag in flags {
                    assert!(script.contains(&flag), "{shell}: {name} --{flag}");
                }
            }
        }
    }
}
