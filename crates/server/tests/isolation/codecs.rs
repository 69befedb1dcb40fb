//! Every codec behind the walls, with the project's own small files, sound and cut short, and with real
//! and hostile ones where they are at hand: the folder `../shared/corpus` beside the project. None of
//! them may need a call that the filter refuses.

use crate::{config, png, pool};
use bytes::Bytes;
use safelight::protocol::Base;
use safelight::renderer::{Demand, RenderError, Renderer, Urgency};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Side, Transform};
use safelight_pixels::Cost;
use std::io::Write;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

async fn to(pool: &Renderer, file: Bytes, format: OutputFormat) -> Result<Bytes, RenderError> {
    let small = Transform { width: Side::parse(64).ok(), ..Transform::default() };
    Ok(pool
        .render(Base::Original, vec![file], small, format, Demand::new(Urgency::Awaited, Cost::default()))
        .await?
        .bytes)
}

#[tokio::test]
async fn every_format_goes_in_and_out() {
    let pool = pool(&config());
    for format in OutputFormat::ALL {
        let made = to(&pool, png(70, 50), format).await;
        match format {
            OutputFormat::Svg => assert!(matches!(made, Err(RenderError::Refused { .. }))),
            OutputFormat::Json => assert!(made.expect("made").starts_with(b"{\"width\":64,")),
            _ => {
                let again = to(&pool, made.expect("made"), OutputFormat::Png).await;
                assert!(again.is_ok(), "{format:?} is read again");
            }
        }
    }
    let drawing = Bytes::from_static(b"<svg xmlns=\"http://www.w3.org/2000/svg\"><rect/></svg>");
    assert!(to(&pool, drawing, OutputFormat::Svg).await.is_ok());
    assert_eq!((pool.counters().signals, pool.counters().starts), (0, 1));
}

#[tokio::test]
async fn no_file_makes_a_codec_call_what_it_may_not() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = files(&package.join("../pixels/tests/golden/inputs"));
    let whole = own.iter().map(|path| read(path));
    let halves = whole.clone().map(|(path, file)| (path, file.slice(..file.len() / 2)));
    let (rendered, refused) = run(whole.chain(halves)).await;
    // Every format but SVG.
    let sound = own.len() * (OutputFormat::ALL.len() - 1);
    assert!(rendered >= sound, "the project's own files are sound: {rendered} of {sound} rendered");
    assert!(refused > own.len(), "{refused} refused");

    let corpus = package.join("../../../shared/corpus");
    if !corpus.is_dir() {
        // Not by a macro, whose output a passing test hides: nobody shall take this for the whole run.
        let less = writeln!(std::io::stderr(), "OWN FILES ONLY: there is no corpus at {}", corpus.display());
        return less.expect("a standard error");
    }
    let (rendered, refused) = run(files(&corpus).iter().map(|path| read(path))).await;
    assert!(rendered > 1000, "most files are sound: {rendered} rendered, {refused} refused");
}

fn read(path: &Path) -> (&Path, Bytes) {
    (path, std::fs::read(path).expect("a file").into())
}

/// Renders every file to every format; how often that worked and how often it was refused. Nothing
/// else may happen.
async fn run<'a>(files: impl Iterator<Item = (&'a Path, Bytes)>) -> (usize, usize) {
    let pool = pool(&config());
    let (mut rendered, mut refused) = (0, 0);
    for (path, file) in files {
        for format in OutputFormat::ALL {
            match to(&pool, file.clone(), format).await {
                Ok(_) => rendered += 1,
                Err(RenderError::Refused { .. }) => refused += 1,
                Err(error) => panic!("{} to {format:?}: {error}", path.display()),
            }
        }
    }
    let counters = pool.counters();
    assert_eq!((counters.signals, counters.failures, counters.timeouts), (0, 0, 0));
    (rendered, refused)
}
