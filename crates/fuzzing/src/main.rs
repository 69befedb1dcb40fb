//! Writes the seeds of every fuzz target: `seeds <to> <from>...`, a folder to write to and folders
//! of pictures besides the engine's own fixtures. Prints the name of each target that has seeds.

use safelight_fuzzing::{root, seeds, targets};
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let to = folders.next().ok_or("usage: seeds <to> <from>...")?;
    let mut from = vec![root().join("crates/pixels/tests/golden/inputs")];
    from.extend(folders);
    for (name, subject) in targets() {
        let folder = to.join(&name);
        std::fs::create_dir_all(&folder)?;
        let seeds = seeds(subject, &from)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
        if !seeds.is_empty() {
            println!("{name}");
        }
    }
    Ok(())
}
