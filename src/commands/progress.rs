//! Shows that long work goes on: a bar on a terminal, a line now and then elsewhere. On standard
//! error, whose reader may go at any time.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// Least time between two lines.
const LINE: Duration = Duration::from_secs(15);

/// Whether the first line comes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Before anything is done: for work that takes minutes or days.
    AtOnce,
    /// When it takes longer than most people wait without a word.
    Late,
}

/// What people see of how far `command` is. A bar is gone when this is dropped, lines stay.
pub struct Progress {
    command: &'static str,
    bar: Option<ProgressBar>,
    next_line: Cell<Instant>,
}

impl Progress {
    /// Shows nothing yet.
    pub fn new(command: &'static str, begin: Begin) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {percent:>3} %  {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        let wait = match begin {
            Begin::AtOnce => Duration::ZERO,
            Begin::Late => LINE,
        };
        Self {
            command,
            bar,
            next_line: Cell::new(Instant::now() + wait),
        }
    }

    /// Shows that `done` of `total` is done, in words `text`. May be called often.
    pub fn show(&self, done: usize, total: usize, text: &str) {
        if let Some(bar) = &self.bar {
            let units = |count| u64::try_from(count).unwrap_or(u64::MAX);
            bar.set_length(units(total));
            bar.set_position(units(done));
            bar.set_message(text.to_owned());
            return;
        }
        let now = Instant::now();
        if now >= self.next_line.get() {
            self.next_line.set(now + LINE);
            // Whoever read it may be gone: that is no reason to stop.
            let _ = writeln!(io::stderr(), "{}: {text}", self.command);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
