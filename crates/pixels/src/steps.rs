//! What happens to the pixels, in order.

mod blur;
mod canvas;
mod composite;
mod light;
mod orient;
mod scale;
mod sharpen;
mod taps;
mod tone;
mod trim;

pub(crate) use canvas::flatten;
pub(crate) use composite::{Place, blend, with_opacity};
pub(crate) use orient::turned;
pub(crate) use scale::resample;
pub(crate) use trim::cut;

use crate::Fault;
use crate::frame::Frame;
use crate::plan::Plan;

type Step = fn(Frame, &Plan) -> Result<Frame, Fault>;

/// Scaling comes before turning, since it makes most pictures smaller; both orders give the same.
/// Padding comes before the blur, which it takes part in.
const STEPS: [Step; 8] = [
    trim::trim,
    scale::scale,
    orient::orient,
    tone::tone,
    sharpen::sharpen,
    canvas::pad,
    blur::blur,
    canvas::back,
];

/// Runs every step, up to what is drawn on top.
pub(crate) fn run(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    STEPS.iter().try_fold(frame, |frame, step| step(frame, plan))
}
