//! A test that needs a process of its own: this program again, for one test.

use std::{env, process::Command};

/// Runs only the test `name` of `module` (its `module_path!()`), with its output shown.
pub fn command(module: &str, name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", &name_of(module, name), "--nocapture"]);
    command
}

/// A test's name without the program's.
pub fn name_of(module: &str, name: &str) -> String {
    match module.split_once("::") {
        Some((_, inside)) => format!("{inside}::{name}"),
        None => name.to_owned(),
    }
}
