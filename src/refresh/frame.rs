//! What a configuration counts, as a snapshot has it.

use crate::{
    config::{Config, PopulationKind},
    snapshot::{Frame, PopulationFrame, TargetFrame},
};

/// The frame of every snapshot made under `config`.
pub fn frame(config: &Config) -> Frame {
    Frame {
        segments: config
            .segments
            .iter()
            .map(|segment| segment.name.clone())
            .collect(),
        windows: config.windows.clone(),
        populations: config
            .populations
            .iter()
            .map(|population| PopulationFrame {
                name: population.name.clone(),
                per_window: population.kind == PopulationKind::Window,
            })
            .collect(),
        targets: config
            .targets
            .iter()
            .map(|target| TargetFrame {
                population: target.population,
                window: target.window,
                tickets: target.tickets,
                at_most: target.at_most,
            })
            .collect(),
    }
}
