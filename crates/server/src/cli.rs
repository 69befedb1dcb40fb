//! The command line.

mod accounts;
mod client;
mod copy;
mod demo;
mod dev;
mod doctor;
mod documents;
mod health;
mod images;
mod import;
mod import_s3;
mod keys;
mod migrate;
mod output;
mod place;
mod probe;
mod probe_checks;
mod probe_made;
mod probe_verdict;
mod probe_web;
mod serve;
mod sign;
mod throwaway;
mod tokens;
mod upload;
mod variants;

use crate::clock::Clock;
use crate::settings::{Environment, documented_defaults};
use clap::{Parser, Subcommand};
use output::{OutputError, Printer};
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "safelight",
    version,
    about = "Private images on one's own machines, with Cloudflare Images' API and URLs"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Show on a throwaway server how private images work.
    Demo(demo::Demo),
    /// Run a throwaway server that lets anyone in, for trying clients against.
    Dev(dev::Dev),
    /// Print a configuration file with every setting at its default.
    Config,
    /// Say whether a server is ready, for health checks.
    Health(health::Health),
    /// Bring the catalog to this program's version.
    Migrate(migrate::Migrate),
    /// Print what a shell completes commands by.
    Completions(documents::Completions),
    /// Print the manual page, or write those of all commands.
    Man(documents::Manual),
    /// Copy a whole installation to another place: any catalog, any store.
    Copy(copy::Copy),
    /// Back up catalog and originals into a folder, also while the server runs.
    Backup(copy::Backup),
    /// Put a backup into an empty place.
    Restore(copy::Restore),
    /// Look over a stopped installation: rows, bytes, counters, indices, clocks, permissions.
    Doctor(doctor::Doctor),
    /// Upload files.
    Upload(upload::Upload),
    /// List, show, change, delete and download images.
    Images(images::Images),
    /// Bring images from URLs, from Cloudflare Images or from another Safelight.
    Import(import::Import),
    /// List, create and delete signing keys.
    Keys(keys::Keys),
    /// List, show, create, change and delete variants.
    Variants(variants::Variants),
    /// List, create and delete API tokens.
    Tokens(tokens::Tokens),
    /// List and create accounts (needs the token of an instance admin).
    Accounts(accounts::Accounts),
    /// Sign a delivery URL and print it.
    Sign(sign::Sign),
    /// Say whether a proxy or CDN in front of the server leaves alone what privacy rests on.
    Probe(probe::Probe),
    /// Say whether the signature of a delivery URL is valid, and why.
    Verify(sign::Verify),
}

/// What a command is given of the process it runs in.
struct Surroundings {
    environment: Environment,
    clock: Clock,
    /// What worker processes are started from.
    program: PathBuf,
    parallelism: usize,
}

/// Parses the arguments, runs the command and prints the error chain of a failure.
pub fn main() -> ExitCode {
    // A worker decodes hostile bytes: it has no business with flags, settings or a runtime.
    let mut given = std::env::args_os().skip(1);
    if given.next().is_some_and(|argument| argument == "render-worker") {
        return crate::worker::run(given.next().as_deref().and_then(OsStr::to_str));
    }
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) if error.downcast_ref::<OutputError>().is_some_and(OutputError::is_closed_pipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let surroundings = Surroundings {
        environment: Environment::new(std::env::vars_os()),
        clock: Clock::system(),
        program: own_program()?,
        parallelism: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let mut stdout = std::io::stdout();
    let out = &mut Printer::new(&mut stdout);
    let environment = &surroundings.environment;
    match command {
        Command::Serve(serve) => serve.run(&surroundings)?,
        Command::Demo(demo) => return demo.run(&surroundings),
        Command::Dev(dev) => dev.run(&surroundings, out)?,
        Command::Config => out.text(&documented_defaults())?,
        Command::Health(health) => health.run(&surroundings, out)?,
        Command::Migrate(migrate) => return migrate.run(&surroundings, out),
        Command::Completions(completions) => completions.run(out)?,
        Command::Man(manual) => manual.run(out)?,
        Command::Copy(copy) => copy.run(&surroundings, out)?,
        Command::Backup(backup) => backup.run(&surroundings, out)?,
        Command::Restore(restore) => restore.run(&surroundings, out)?,
        Command::Doctor(doctor) => return doctor.run(&surroundings, out),
        Command::Upload(upload) => upload.run(environment, out)?,
        Command::Images(images) => images.run(environment, out)?,
        Command::Import(import) => import.run(environment, out)?,
        Command::Keys(keys) => keys.run(environment, out)?,
        Command::Variants(variants) => variants.run(environment, out)?,
        Command::Tokens(tokens) => tokens.run(environment, out)?,
        Command::Accounts(accounts) => accounts.run(environment, out)?,
        Command::Sign(sign) => sign.run(environment, surroundings.clock.now(), out)?,
        Command::Probe(probe) => return probe.run(&surroundings, out),
        Command::Verify(verify) => return verify.run(environment, surroundings.clock.now(), out),
    }
    Ok(ExitCode::SUCCESS)
}

/// The running program. Linux names it by what runs, not by where it was found, so that workers
/// speak the same protocol even after the file was replaced by a newer one.
fn own_program() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() }
}

/// Tells people something beside the output; a closed standard error is no reason to stop.
fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        let parsed = |arguments: &[&str]| Arguments::try_parse_from(arguments).is_ok();
        assert!(parsed(&["safelight", "serve", "--listen", "127.0.0.1:0", "--max-upload-bytes", "5"]));
        for flag in ["--api-token", "--signing-key", "--token"] {
            assert!(!parsed(&["safelight", "dev", flag, "x"]), "{flag}");
            assert!(!parsed(&["safelight", "serve", flag, "x"]), "{flag}");
            assert!(!parsed(&["safelight", "sign", "/a/b/c", flag, "x"]), "{flag}");
        }
    }

    #[test]
    fn choices_that_exclude_each_other_are_refused() {
        for arguments in [
            &["safelight", "sign", "/a/b/c", "--no-expiry", "--expires-in", "1d"][..],
            &["safelight", "sign", "/a/b/c", "--no-expiry", "--window", "1h"],
            &["safelight", "sign", "/a/b/c", "--expires-at", "5", "--window", "1h"],
            &["safelight", "images", "update", "i", "--private", "--public"],
            &["safelight", "upload"],
        ] {
            assert!(Arguments::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }
}
