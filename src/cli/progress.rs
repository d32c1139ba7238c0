//! Progress on stderr: bars on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::collect::Progress;
use crate::ids::InstanceId;
use crate::report::visible;
use crate::snapshot::Outcome;

/// The way to show progress that fits stderr.
pub fn for_stderr(targets: usize) -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::with_draw_target(Some(targets as u64), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} instances  {wide_msg}")
        {
            bar.set_style(style);
        }
        Arc::new(Bar(bar))
    } else {
        Arc::new(Lines)
    }
}

struct Bar(ProgressBar);

impl Progress for Bar {
    fn step(&self, target: &InstanceId, step: &str) {
        self.0.set_message(visible(&format!("{target}: {step}")));
    }

    fn finished(&self, target: &InstanceId, outcome: &Outcome) {
        self.0.inc(1);
        if *outcome != Outcome::Finished {
            self.0.println(line(target, outcome));
        }
        if self.0.position() == self.0.length().unwrap_or_default() {
            self.0.finish_and_clear();
        }
    }
}

struct Lines;

impl Progress for Lines {
    fn step(&self, _: &InstanceId, _: &str) {}

    fn finished(&self, target: &InstanceId, outcome: &Outcome) {
        eprintln!("{}", line(target, outcome));
    }
}

fn line(target: &InstanceId, outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Finished => "collected".to_owned(),
        Outcome::Interrupted(trouble) => format!("not finished: {trouble}"),
        Outcome::Unreached(trouble) => format!("not reached: {trouble}"),
        Outcome::SameAs { target } => format!("the same instance as {target}"),
    };
    visible(&format!("{target}: {text}"))
}
