//! The program: reads the command line, starts logging, runs the command, and turns its outcome
//! into an exit code: 0 for a clean stop, 1 when something failed, 2 for a bad flag or config.

use std::{
    fmt,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser as _;
use contact_rate_exporter::{
    app::{self, App, ConfigSource, WebOptions},
    chain::chain,
    cli::{BackfillFlags, Cli, Command, DemoFlags, Flags, ReportFlags},
    commands::backfill,
    commands::check,
    commands::report,
    config,
    demo::{self, Demo},
    log,
    signals::{Signal, Signals},
    web::WebConfig,
};
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    App(#[from] app::Error),
    #[error(transparent)]
    Backfill(#[from] backfill::Error),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("cannot run the demo")]
    Demo(#[from] demo::Error),
    #[error(transparent)]
    Report(#[from] report::Error),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        let usage = match self {
            Self::Config(_) => true,
            Self::App(error) => error.is_config(),
            Self::Report(error) => error.is_usage(),
            Self::Backfill(error) => error.is_usage(),
            Self::Demo(_) | Self::Runtime(_) | Self::Signals(_) => false,
        };
        ExitCode::from(if usage { 2 } else { 1 })
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.flags.log_level, cli.flags.log_format);
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("contact-rate-exporter: {}", chain(&failure));
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let flags = cli.flags;
    let command = cli.command.unwrap_or(Command::Serve);
    let serves = matches!(command, Command::Serve | Command::Demo(_));
    // Before there are threads.
    let inherited = (flags.systemd_socket && serves)
        .then(app::inherited)
        .transpose()?;
    // Two threads: one may render a page while the other answers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve => {
                let path = flags.config_file.clone();
                let source: ConfigSource = Box::new(move || config::load(&path));
                let signals = Signals::install().map_err(Failure::Signals)?;
                serve(source, &flags, inherited, signals, |_, _| {}).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Check => check_sources(&flags).await,
            Command::Demo(demo) => {
                run_demo(&demo, &flags, inherited).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Report(flags_of_report) => {
                report_months(flags_of_report, flags.config_file).await?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Backfill(backfill) => {
                fill_past(backfill, &flags).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // Without waiting for what cannot be cancelled: looking up a name can take half a minute.
    runtime.shutdown_background();
    outcome
}

/// Runs the daemon on sockets that it has from its supervisor, or on those of its flags. `introduce` is
/// told scheme and first address.
async fn serve(
    source: ConfigSource,
    flags: &Flags,
    inherited: Option<Vec<TcpListener>>,
    mut signals: Signals,
    introduce: impl FnOnce(&str, SocketAddr),
) -> Result<(), Failure> {
    let web = WebOptions {
        paths: flags.paths(),
        enable_lifecycle: flags.enable_lifecycle,
        web_config_file: flags.web_config_file.clone(),
    };
    let app = App::build(source, web)?;
    let listeners = match inherited {
        Some(inherited) => app::adopt(inherited)?,
        None => app::listen(&flags.listen_addresses).await?,
    };
    if let Some(address) = listeners.first().and_then(|first| first.local_addr().ok()) {
        introduce(if app.has_tls() { "https" } else { "http" }, address);
    }
    let (sender, receiver) = mpsc::channel(1);
    let forward = async {
        loop {
            if sender.send(signals.next().await).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        result = app.run(listeners, receiver) => result?,
        () = forward => {}
    }
    Ok(())
}

async fn check_sources(flags: &Flags) -> Result<ExitCode, Failure> {
    let path = &flags.config_file;
    let config = config::load(path)?;
    WebConfig::load(flags.web_config_file.as_deref()).map_err(app::Error::from)?;
    let report = check::check(config, &path.display().to_string()).await?;
    print_line(&report);
    Ok(if report.all_works() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Unlike `println!`, this does not panic when whoever read the output is gone.
fn print_line(text: &dyn fmt::Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

async fn run_demo(
    options: &DemoFlags,
    flags: &Flags,
    inherited: Option<Vec<TcpListener>>,
) -> Result<(), Failure> {
    let mut signals = Signals::install().map_err(Failure::Signals)?;
    let prepare = Demo::prepare(options.scenario, options.seed, Timestamp::now());
    let demo = tokio::select! {
        demo = prepare => demo?,
        // Stopped in good order, it takes its files away.
        () = stopped(&mut signals) => return Ok(()),
    };
    let config = demo.config().clone();
    let source: ConfigSource = Box::new(move || Ok(config.clone()));
    let paths = flags.paths();
    let introduction = demo.introduction(&paths.landing(), &paths.metrics());
    let exporter = serve(source, flags, inherited, signals, |scheme, address| {
        print_line(&introduction.at(scheme, address));
    });
    tokio::select! {
        result = exporter => result,
        () = demo.run(std::future::pending()) => Ok(()),
    }
}

async fn report_months(flags: ReportFlags, path: PathBuf) -> Result<(), Failure> {
    let config = config::load(&path)?;
    let options = report::Options {
        from: flags.from,
        to: flags.to,
        segment: flags.segment,
        population: flags.population,
        zone: flags.time_zone,
        include_current: flags.include_current,
    };
    let months = report::read(&config, &options, Timestamp::now(), report::progress()).await?;
    let output = flags.output.as_deref();
    let text = months.render(flags.format, report::colours(output))?;
    report::write(&text, output)?;
    Ok(())
}

async fn stopped(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

async fn fill_past(flags: BackfillFlags, general: &Flags) -> Result<(), Failure> {
    let config = config::load(&general.config_file)?;
    let options = backfill::Options {
        from: flags.from,
        to: flags.to,
        step: flags.step,
        output: flags.output,
        cache_dir: flags.cache_dir,
        means: flags.means,
        labels: flags.labels,
        dry_run: flags.dry_run,
    };
    let outcome = backfill::backfill(&config, &options, Timestamp::now()).await?;
    print_line(&outcome);
    Ok(())
}
