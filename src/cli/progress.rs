//! Progress on stderr: bars on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::collect::Progress;
use crate::ids::InstanceId;
use crate::report::visible;
use crate::snapshot::Outcome;

/// The way to show progress that fits stderr.
/// `done` is what is said of a target that went well.
pub fn for_stderr(targets: usize, done: &'static str) -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::with_draw_target(Some(targets as u64), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} instances  {wide_msg}")
        {
            bar.set_style(style);
        }
        Arc::new(Bar(bar, done))
    } else {
        Arc::new(Lines(done))
    }
}

struct Bar(ProgressBar, &'static str);

impl Progress for Bar {
    fn step(&self, target: &InstanceId, step: &str) {
        self.0.set_message(visible(&format!("{target}: {step}")));
    }

    fn finished(&self, target: &InstanceId, outcome: &Outcome) {
        self.0.inc(1);
        if *outcome != Outcome::Finished {
            self.0.println(line(target, outcome, self.1));
        }
        if self.0.position() == self.0.length().unwrap_or_default() {
            self.0.finish_and_clear();
        }
    }
}

struct Lines(&'static str);

impl Progress for Lines {
    fn step(&self, _: &InstanceId, _: &str) {}

    fn finished(&self, target: &InstanceId, outcome: &Outcome) {
        eprintln!("{}", line(target, outcome, self.0));
    }
}

fn line(target: &InstanceId, outcome: &Outcome, done: &str) -> String {
    let text = match outcome {
        Outcome::Finished => done.to_owned(),
        Outcome::Interrupted(trouble) => format!("not finished: {trouble}"),
        Outcome::Unreached(trouble) => format!("not reached: {trouble}"),
        Outcome::SameAs { target } => format!("the same instance as {target}"),
    };
    visible(&format!("{target}: {text}"))
}
