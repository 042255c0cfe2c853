//! The command line. The help texts are its documentation; `docs/configuration.md` is held against
//! them by a test.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::{Timestamp, tz::TimeZone};
use url::Url;

use crate::{
    commands::backfill::{Means, Step, parse_instant, parse_label, parse_step},
    commands::report::{Format, Month, time_zone},
    demo::{HelpDesk, Scenario},
    web::{Paths, external_url, route_prefix, telemetry_path},
};

/// What `--version` prints after the name.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("BUILD_REVISION"),
    ", rustc ",
    env!("BUILD_RUSTC"),
    ")"
);

/// Prometheus exporter for the contact rate: tickets handled by support divided by the users, or by
/// the files submitted.
#[derive(Debug, Parser)]
#[command(name = "contact-rate-exporter", version = VERSION, max_term_width = 100)]
pub struct Cli {
    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command.
    #[command(flatten)]
    pub flags: Flags,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Config file (see docs/configuration.md).
    #[arg(
        long = "config.file",
        value_name = "PATH",
        default_value = "contact-rate.yml",
        global = true
    )]
    pub config_file: PathBuf,

    /// Address to listen on, as `:10473`, `127.0.0.1:10473` or `[::1]:10473`. Without a host: every
    /// address of the machine. May be given several times.
    #[arg(
        long = "web.listen-address",
        value_name = "[HOST]:PORT",
        default_value = ":10473",
        value_parser = listen_address,
        global = true
    )]
    pub listen_addresses: Vec<String>,

    /// Path of the metrics, below the route prefix.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        global = true
    )]
    pub telemetry_path: String,

    /// Address under which people reach the exporter, behind a proxy say. Its path is the route
    /// prefix, unless that is given.
    #[arg(long = "web.external-url", value_name = "URL", value_parser = external_url, global = true)]
    pub external_url: Option<Url>,

    /// Prefix of every path, `/-/healthy` and `/-/ready` included [default: the path of
    /// --web.external-url]
    #[arg(long = "web.route-prefix", value_name = "PATH", value_parser = route_prefix, global = true)]
    pub route_prefix: Option<String>,

    /// Web config file: TLS, passwords, headers and a rate limit, in the format of Prometheus'
    /// exporter-toolkit (see docs/web-config.md). Plain HTTP for everybody without it.
    #[arg(long = "web.config.file", value_name = "PATH", global = true)]
    pub web_config_file: Option<PathBuf>,

    /// Take over the sockets that systemd listens on, instead of --web.listen-address.
    #[arg(long = "web.systemd-socket", global = true)]
    pub systemd_socket: bool,

    /// Allow `POST /-/reload`. SIGHUP always reloads.
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,

    /// Least level that is logged, on standard error.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    pub log_level: LogLevel,

    /// Form of the log lines.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    pub log_format: LogFormat,
}

impl Flags {
    /// Where things are on the web server.
    pub fn paths(&self) -> Paths {
        let of_url = self.external_url.as_ref().map_or("", Url::path);
        let prefix = match &self.route_prefix {
            Some(prefix) => prefix,
            None => of_url.trim_end_matches('/'),
        };
        Paths::new(prefix, &self.telemetry_path)
    }
}

/// What the program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the exporter (the default).
    Serve,
    /// Validate the config, read every source once, and say line by line what works and what does
    /// not, with the Help Scout calls per refresh and per hour. Exits with 1 if anything failed.
    Check,
    /// Run the exporter on an embedded Help Scout simulator and an embedded SQLite database: no
    /// account, no database server, no config file.
    Demo(DemoFlags),
    /// Print the contact rate by calendar month: tickets, population, rates with their confidence
    /// bounds, and why the number of tickets changed (see docs/report.md).
    Report(ReportFlags),
    /// Write past windows to an OpenMetrics file for `promtool tsdb create-blocks-from openmetrics`: the
    /// same series as on the metrics page, at every step (see docs/history.md).
    Backfill(BackfillFlags),
    /// Ask a running exporter on this machine whether it serves, at the first --web.listen-address, over
    /// HTTP or HTTPS, whichever it serves. Exits with 1 if it does not. For containers without a shell.
    Healthy,
    /// Write what an installation needs that is made from the flags.
    #[command(hide = true, subcommand)]
    Generate(Generate),
}

/// What is made from the flags.
#[derive(Clone, Debug, Subcommand)]
pub enum Generate {
    /// Print the completions of a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write one man page per command.
    Man {
        /// An existing folder to write to.
        folder: PathBuf,
    },
}

/// Flags of `backfill`.
#[derive(Clone, Debug, Args)]
pub struct BackfillFlags {
    /// First instant: a date (its midnight in UTC) or an instant, as in RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub from: Timestamp,
    /// Last instant; not within the last 3 hours.
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub to: Timestamp,
    /// Time from one instant to the next.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_step)]
    pub step: Step,
    /// File to write. It appears whole or not at all.
    #[arg(long, value_name = "FILE", default_value = "history.om")]
    pub output: PathBuf,
    /// Mean times do not add up as counts do: read every window for itself, or leave them out where
    /// that takes calls of its own.
    #[arg(long, value_name = "WHAT", default_value = "skip")]
    pub means: Means,
    /// Label added to every sample, such as the job and instance that Prometheus adds when it scrapes.
    /// May be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    pub labels: Vec<(String, String)>,
    /// Folder for backfill.cache, the file in which answers are kept, so that an interrupted run can go
    /// on [default: a file beside the output, with its name and .cache behind it]
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: Option<PathBuf>,
    /// Only say how many calls there are to make and how long they take. Makes none.
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoFlags {
    /// Where tickets are counted.
    #[arg(long, value_name = "NAME", default_value = "helpscout")]
    pub helpdesk: HelpDesk,
    /// The story that the data tell.
    #[arg(long, value_name = "NAME", default_value = "incident")]
    pub scenario: Scenario,
    /// Seed of the data: the same seed at the same instant gives the same data.
    #[arg(long, value_name = "NUMBER", default_value_t = crate::demo::DEFAULT_SEED)]
    pub seed: u64,
}

/// Flags of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportFlags {
    /// First month; the thirteenth before the running one when left out.
    #[arg(long, value_name = "YYYY-MM")]
    pub from: Option<Month>,
    /// Last month; the one before the running one when left out.
    #[arg(long, value_name = "YYYY-MM")]
    pub to: Option<Month>,
    /// Segment whose tickets are counted.
    #[arg(long, value_name = "NAME", default_value = "all")]
    pub segment: String,
    /// Population that tickets are divided by; when left out, the first window population of the
    /// config, else its first.
    #[arg(long, value_name = "NAME")]
    pub population: Option<String>,
    /// Time zone whose midnights begin and end the months, as Europe/Paris [default: `time_zone` of
    /// the config]
    #[arg(long, value_name = "NAME", value_parser = time_zone)]
    pub time_zone: Option<TimeZone>,
    /// How the report is written.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// File to write the report to, whole or not at all; standard output when left out.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show the running month too, as far as it has gone by.
    #[arg(long)]
    pub include_current: bool,
}

/// Least level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything, each refresh included.
    Debug,
    /// Starts, stops, reloads, and changes of a source's state.
    Info,
    /// Failures.
    Warn,
    /// What the program cannot go on with.
    Error,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

fn listen_address(text: &str) -> Result<String, String> {
    let expected = || "expected [HOST]:PORT, as :10473, 127.0.0.1:10473 or [::1]:10473".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.contains(['[', ']', ':', '/', ' ']);
    let is_port = port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if is_port && (is_host || bracketed && text.parse::<SocketAddr>().is_ok()) {
        Ok(text.to_owned())
    } else {
        Err(expected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_hosts_and_ports() {
        for good in [":0", ":10473", "127.0.0.1:80", "[::1]:0", "localhost:65535"] {
            assert_eq!(listen_address(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            ":",
            "10473",
            ":65536",
            ":-1",
            ":+1",
            "::1:80",
            "[::1]",
            "[x]:80",
            "[:80",
            "a b:80",
            "http://localhost:80",
            "localhost:http",
        ] {
            assert!(listen_address(bad).is_err(), "{bad:?}");
        }
    }
}
