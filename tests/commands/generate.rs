//! Completions and man pages name every flag and command of the program.

use std::{collections::BTreeSet, fs};

use clap::CommandFactory as _;
use contact_rate_exporter::cli::Cli;

use crate::common::exporter::run;

/// The long flags of a command and of all below it, and the names of those that help texts show.
fn known() -> (BTreeSet<String>, BTreeSet<String>) {
    let mut program = Cli::command();
    program.build();
    let flags = |command: &clap::Command| -> Vec<String> {
        let long = command.get_arguments().filter_map(clap::Arg::get_long);
        long.map(|flag| format!("--{flag}")).collect()
    };
    // `help` is clap's own and has no page.
    let shown = || {
        let all = program.get_subcommands();
        all.filter(|each| !each.is_hide_set() && each.get_name() != "help")
    };
    let mut all: BTreeSet<String> = flags(&program).into_iter().collect();
    all.extend(shown().flat_map(flags));
    let names = shown().map(|each| each.get_name().to_owned()).collect();
    (all, names)
}

#[test]
fn completions_name_every_flag_and_command() {
    let (flags, commands) = known();
    assert!(
        flags.len() > 20 && commands.len() > 5,
        "{flags:?} {commands:?}"
    );
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(&["generate", "completions", shell], &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        for flag in &flags {
            // fish writes `-l long`.
            let name = flag.trim_start_matches("--");
            assert!(
                ended.output.contains(flag) || ended.output.contains(&format!("-l {name}")),
                "{shell}: {flag}"
            );
        }
        for command in &commands {
            assert!(ended.output.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn man_pages_name_every_flag_and_command() {
    let (flags, commands) = known();
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&["generate", "man", folder.path().to_str().unwrap()], &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert_eq!(ended.output, "");
    let mut pages = String::new();
    for command in &commands {
        let path = folder
            .path()
            .join(format!("contact-rate-exporter-{command}.1"));
        pages += &fs::read_to_string(path).unwrap();
    }
    let first = fs::read_to_string(folder.path().join("contact-rate-exporter.1")).unwrap();
    pages += &first;
    // roff writes a hyphen that is to be copied with a backslash.
    let pages = pages.replace("\\-", "-");
    for flag in &flags {
        assert!(pages.contains(flag.as_str()), "{flag}");
    }
    let first = first.replace("\\-", "-");
    for command in &commands {
        assert!(
            first.contains(&format!("contact-rate-exporter-{command}")),
            "{command}"
        );
    }
    // The hidden command is none for readers.
    assert!(!first.contains("generate"), "{first}");
}

#[test]
fn man_pages_need_their_folder() {
    let ended = run(&["generate", "man", "/nowhere/at/all"], &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("/nowhere/at/all"), "{}", ended.output);
}
