//! What is read beside the refreshes of a configuration.

use super::{
    background::{ReasonsTask, Task},
    weeks::Weeks,
};
use crate::config::Config;

/// The tasks of a configuration.
pub fn tasks(config: &Config) -> Vec<Box<dyn Task>> {
    let mut tasks: Vec<Box<dyn Task>> = Vec::new();
    if let Some(reasons) = ReasonsTask::new(config) {
        tasks.push(Box::new(reasons));
    }
    if let Some(weeks) = Weeks::of(config) {
        tasks.push(Box::new(weeks));
    }
    tasks
}
