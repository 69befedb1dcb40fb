//! The face detector: a cascade of classifiers over windows of a grey picture.
//!
//! S. Wu, M. Kan, Z. He, S. Shan, X. Chen: Funnel-structured cascade for multi-view face detection with
//! alignment awareness, Neurocomputing 2017, with the numbers that its authors published as SeetaFace.
//! Windows of 40 pixels are taken from the picture at ever smaller scales. Boosted classifiers sort out
//! nearly all; networks score the rest, and move and scale the window onto the face.

use super::features::{Comparisons, Gradients, Grey, Part, Pool, WINDOW};
use super::model::{Boosted, Model, Network, Stage};

/// Columns and rows between windows.
const STEP: usize = 4;

/// From one scale of the picture to the next.
const SCALE: f32 = 0.8;

/// Boosted features between comparisons with the threshold.
const GROUP: usize = 10;

/// Windows that vary less have no face, in grey levels.
const LEAST_DEVIATION: f64 = 10.0;

/// Most windows that one classifier passes on, the best ones, so that time has a bound. Photographs
/// of crowds have some hundreds.
const MOST: usize = 2_000;

/// What a face has to score in the end.
const LEAST_SCORE: f64 = 2.0;

/// How much of two windows is shared when they are taken for one: between the stages, and in the end.
const SAME: (f32, f32) = (0.8, 0.3);

/// A window that may be a face.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    pub(super) part: Part,
    pub(super) score: f64,
}

/// Every face in a picture, best first.
pub(super) fn detect(picture: &Grey, model: &Model) -> Vec<Face> {
    if picture.width < WINDOW || picture.height < WINDOW {
        return Vec::new();
    }
    let pool = Pool::new();
    let mut found: Vec<Vec<Face>> = Vec::new();
    let last = model.levels.len().saturating_sub(1);
    for (index, level) in model.levels.iter().enumerate() {
        found = if index == 0 {
            let stages: Vec<&Stage> = level.iter().filter_map(|branch| branch.stages.first()).collect();
            scan(picture, &stages)
        } else {
            let mut made = Vec::new();
            for branch in level {
                let sources = branch.sources.iter().filter_map(|source| found.get(*source));
                let mut faces: Vec<Face> = sources.flatten().copied().collect();
                for (at, stage) in branch.stages.iter().enumerate() {
                    let Stage::Network(network) = stage else { continue };
                    refine(picture, network, &pool, &mut faces);
                    if at + 1 < branch.stages.len() {
                        faces = merged(faces, SAME.0);
                    } else if index == last {
                        faces = merged(faces, SAME.1);
                    }
                }
                made.push(faces);
            }
            made
        };
    }
    let mut faces = found.into_iter().next().unwrap_or_default();
    faces.retain(|face| face.score >= LEAST_SCORE);
    faces
}

/// Tries every window at every scale with each classifier.
fn scan(picture: &Grey, stages: &[&Stage]) -> Vec<Vec<Face>> {
    let mut found = vec![Vec::new(); stages.len()];
    let least = WINDOW as f32 / picture.width.min(picture.height) as f32;
    let whole = Part { x: 0, y: 0, width: picture.width as i64, height: picture.height as i64 };
    let mut scale = 1.0_f32;
    while scale >= least {
        let side = |side: usize| (side as f32 * scale) as usize;
        let (width, height) = (side(picture.width), side(picture.height));
        if width < WINDOW || height < WINDOW {
            break;
        }
        let scaled = if scale == 1.0 { picture.clone() } else { picture.scaled(whole, width, height) };
        let comparisons = Comparisons::new(&scaled);
        for y in (0..=height - WINDOW).step_by(STEP) {
            for x in (0..=width - WINDOW).step_by(STEP) {
                for (stage, found) in stages.iter().zip(&mut found) {
                    let Stage::Boosted(boosted) = stage else { continue };
                    let Some(score) = boosted_score(boosted, &comparisons, x, y) else { continue };
                    let back = |length: usize| (length as f32 / scale + 0.5) as i64;
                    let side = back(WINDOW);
                    let part = Part { x: back(x), y: back(y), width: side, height: side };
                    found.push(Face { part, score: f64::from(score) });
                }
            }
        }
        scale *= SCALE;
    }
    found.into_iter().map(|faces| merged(faces, SAME.0)).collect()
}

fn boosted_score(boosted: &Boosted, comparisons: &Comparisons, x: usize, y: usize) -> Option<f32> {
    let mut score = 0.0;
    for group in boosted.features.chunks(GROUP) {
        for feature in group {
            let value = comparisons.at(x + feature.x, y + feature.y);
            score += feature.weights.get(value).copied().unwrap_or(0.0);
        }
        if group.last().is_some_and(|last| score < last.threshold) {
            return None;
        }
    }
    (comparisons.deviation(x, y) > LEAST_DEVIATION).then_some(score)
}

/// Leaves the windows that the network takes for faces, moved onto them.
fn refine(picture: &Grey, network: &Network, pool: &Pool, faces: &mut Vec<Face>) {
    let mut inputs = Vec::new();
    faces.retain_mut(|face| {
        let part = face.part;
        // A window that has left the picture, or is hardly one, is no face.
        if part.x + part.width <= 0 || part.y + part.height <= 0 || part.width < 2 {
            return false;
        }
        if part.x >= picture.width as i64 || part.y >= picture.height as i64 {
            return false;
        }
        let gradients = Gradients::new(&picture.scaled(part, WINDOW, WINDOW));
        inputs.clear();
        for feature in &network.features {
            gradients.feature(pool, *feature, &mut inputs);
        }
        let [score, right, down, grown] = network_output(network, &inputs);
        if score <= network.threshold {
            return false;
        }
        let side = part.width as f32;
        let moved = |start: i64, by: f32, new: f32| {
            ((by * 2.0 - 1.0) * side + start.max(0) as f32 + (side - new) * 0.5 + 0.5).floor() as i64
        };
        let new = ((grown * 2.0 - 1.0) * side + side + 0.5).floor();
        let (x, y) = (moved(part.x, right, new), moved(part.y, down, new));
        *face = Face { part: Part { x, y, width: new as i64, height: new as i64 }, score: f64::from(score) };
        true
    });
}

/// Score, and how the window should move right and down and grow; all from 0 to 1, where a half
/// stands for no change.
fn network_output(network: &Network, inputs: &[f32]) -> [f32; 4] {
    let mut values = inputs.to_vec();
    for (index, layer) in network.layers.iter().enumerate() {
        let sums = layer.weights.chunks_exact(layer.inputs).zip(&layer.biases);
        let output = index + 1 == network.layers.len();
        values = sums
            .map(|(weights, bias)| {
                let sum =
                    weights.iter().zip(&values).map(|(weight, value)| weight * value).sum::<f32>() + bias;
                if output { 1.0 / (1.0 + (-sum).exp()) } else { sum.max(0.0) }
            })
            .collect();
    }
    values.try_into().unwrap_or([0.0; 4])
}

/// The best of windows that share more than `same`, with the scores of all of them.
fn merged(mut faces: Vec<Face>, same: f32) -> Vec<Face> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces.truncate(MOST);
    let mut kept: Vec<Face> = Vec::new();
    let mut gone = vec![false; faces.len()];
    for (index, face) in faces.iter().enumerate() {
        if gone.get(index).copied().unwrap_or(true) {
            continue;
        }
        let mut score = face.score;
        for (other, gone) in faces.iter().zip(&mut gone).skip(index + 1) {
            if !*gone && shared(face.part, other.part) > same {
                *gone = true;
                score += other.score;
            }
        }
        kept.push(Face { score, ..*face });
    }
    kept
}

/// The common part of two windows, as a share of what both cover.
fn shared(a: Part, b: Part) -> f32 {
    let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
    let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
    if width <= 0 || height <= 0 {
        return 0.0;
    }
    let common = (width * height) as f32;
    common / ((a.width * a.height) as f32 + (b.width * b.height) as f32 - common)
}

#[cfg(test)]
#[path = "cascade_tests.rs"]
pub(super) mod tests;
