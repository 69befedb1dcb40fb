//! What happens to the pixels, in order.

mod blur;
mod canvas;
mod orient;
mod scale;

use crate::Fault;
use crate::frame::Frame;
use crate::plan::Plan;

type Step = fn(Frame, &Plan) -> Result<Frame, Fault>;

/// Scaling comes before turning, since it makes most pictures smaller; both orders give the same.
const STEPS: [Step; 4] = [scale::scale, orient::orient, blur::blur, canvas::place];

/// Runs every step.
pub(crate) fn run(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    STEPS.iter().try_fold(frame, |frame, step| step(frame, plan))
}
