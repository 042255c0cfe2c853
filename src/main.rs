//! The program: reads the command line, starts logging, runs the command, and turns its outcome
//! into an exit code: 0 for a clean stop, 1 when something failed, 2 for a bad flag or config.

use std::{
    fmt,
    future::Future,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{CommandFactory as _, Parser as _};
use contact_rate_exporter::{
    app::{self, App, ConfigSource, WebOptions},
    chain::chain,
    cli::{BackfillFlags, Cli, Command, DemoFlags, Flags, Generate, ReportFlags},
    commands::{backfill, check, generate, healthy, report},
    config::{self, Config},
    demo::{self, Demo},
    log,
    signals::{Requests, Signals},
};
use jiff::Timestamp;
use tokio::runtime::Runtime;

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    App(#[from] app::Error),
    #[error(transparent)]
    Backfill(#[from] backfill::Error),
    #[error("cannot run the demo")]
    Demo(#[from] demo::Error),
    #[error(transparent)]
    Generate(#[from] generate::Error),
    #[error(transparent)]
    Healthy(#[from] healthy::Error),
    #[error("a signal ended it before it was done")]
    Interrupted,
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
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
            Self::App(error) => error.is_config(),
            Self::Report(error) => error.is_usage(),
            Self::Backfill(error) => error.is_usage(),
            Self::Demo(_)
            | Self::Generate(_)
            | Self::Healthy(_)
            | Self::Interrupted
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Signals(_) => false,
        };
        ExitCode::from(if usage { 2 } else { 1 })
    }
}

fn main() -> ExitCode {
    // Before anything else: until the handlers are there, a SIGHUP ends the process.
    let outcome = start().and_then(|(runtime, signals)| {
        let outcome = run(&runtime, signals);
        // Without waiting for what cannot be cancelled: a look-up of a name can take half a
        // minute, a read from a hung mount for ever.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|failure| {
        complain(&chain(&failure));
        failure.exit_code()
    })
}

fn start() -> Result<(Runtime, Signals), Failure> {
    // Two threads: one may render a page while the other answers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let signals = {
        let _within = runtime.enter();
        Signals::install().map_err(Failure::Signals)?
    };
    Ok((runtime, signals))
}

fn run(runtime: &Runtime, signals: Signals) -> Result<ExitCode, Failure> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return told(&message),
    };
    log::start(cli.flags.log_level, cli.flags.log_format);
    let flags = cli.flags;
    let command = cli.command.unwrap_or(Command::Serve);
    let is_daemon = matches!(command, Command::Serve | Command::Demo(_));
    // Before anything runs that might look at the environment meanwhile.
    let inherited = (flags.systemd_socket && is_daemon)
        .then(app::inherited)
        .transpose()?;
    let requests = Requests::default();
    runtime.spawn({
        let heard = signals.forward(requests.clone(), is_daemon);
        async move {
            heard.await;
            complain("a second signal ended it at once");
            std::process::exit(1);
        }
    });
    runtime.block_on(async {
        match command {
            Command::Serve => {
                let path = flags.config_file.clone();
                let source: ConfigSource = Arc::new(move || config::load(&path));
                serve(source, &flags, inherited, requests, |_, _| Ok(())).await
            }
            Command::Demo(demo) => run_demo(&demo, &flags, inherited, requests).await,
            Command::Check => finished(Box::pin(check_sources(&flags)), &requests).await,
            Command::Report(of_report) => {
                let report = report_months(of_report, flags.config_file);
                finished(Box::pin(report), &requests).await
            }
            Command::Backfill(backfill) => {
                finished(Box::pin(fill_past(backfill, &flags)), &requests).await
            }
            Command::Healthy => finished(Box::pin(ask_health(&flags)), &requests).await,
            Command::Generate(what) => write_generated(&what),
        }
    })
}

/// Prints a help text, the version, or what is wrong with the command line.
fn told(message: &clap::Error) -> Result<ExitCode, Failure> {
    let printed = message.print().and_then(|()| io::stdout().flush());
    if message.use_stderr() {
        return Ok(ExitCode::from(2));
    }
    written(printed)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever closed the other end wants to read no more, as `head` does; anything else that kept the
/// text from being written is a failure.
fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Says on standard error why it ends. Unlike `eprintln!`, this does not panic when nobody reads.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "contact-rate-exporter: {text}");
}

/// Prints a line on standard output. Unlike `println!`, this does not panic when nobody reads or
/// the disk is full.
fn print_line(text: &dyn fmt::Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    written(writeln!(output, "{text}").and_then(|()| output.flush()))
}

/// A command that has an end, unless a signal comes first.
async fn finished(
    command: impl Future<Output = Result<ExitCode, Failure>>,
    requests: &Requests,
) -> Result<ExitCode, Failure> {
    tokio::select! {
        outcome = command => outcome,
        () = requests.stopped() => Err(Failure::Interrupted),
    }
}

/// Reads the config where nobody waits for a file system that does not answer.
async fn load(path: PathBuf) -> Result<Config, Failure> {
    let source: ConfigSource = Arc::new(move || config::load(&path));
    Ok(app::read(&source).await?)
}

/// Runs the daemon on sockets that it has from its supervisor, or on those of its flags. `introduce` is
/// told scheme and first address.
async fn serve(
    source: ConfigSource,
    flags: &Flags,
    inherited: Option<Vec<TcpListener>>,
    requests: Requests,
    introduce: impl FnOnce(&str, SocketAddr) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let web = WebOptions {
        paths: flags.paths(),
        enable_lifecycle: flags.enable_lifecycle,
    };
    let started = async {
        let config = app::read(&source).await?;
        let web_config = app::read_web_config(flags.web_config_file.clone()).await?;
        let app = App::build(config, Arc::clone(&source), web_config, web)?;
        let listeners = match inherited {
            Some(inherited) => app::adopt(inherited)?,
            None => app::listen(&flags.listen_addresses).await?,
        };
        Ok::<_, Failure>((app, listeners))
    };
    let (app, listeners) = tokio::select! {
        started = started => started?,
        // Before it began there is nothing to end.
        () = requests.stopped() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(address) = listeners.first().and_then(|first| first.local_addr().ok()) {
        introduce(if app.has_tls() { "https" } else { "http" }, address)?;
    }
    app.run(listeners, requests).await?;
    Ok(ExitCode::SUCCESS)
}

async fn check_sources(flags: &Flags) -> Result<ExitCode, Failure> {
    let path = &flags.config_file;
    let config = load(path.clone()).await?;
    app::read_web_config(flags.web_config_file.clone()).await?;
    let report = check::check(config, &path.display().to_string()).await?;
    print_line(&report)?;
    Ok(if report.all_works() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn run_demo(
    options: &DemoFlags,
    flags: &Flags,
    inherited: Option<Vec<TcpListener>>,
    requests: Requests,
) -> Result<ExitCode, Failure> {
    let prepare = Demo::prepare(
        options.helpdesk,
        options.scenario,
        options.seed,
        Timestamp::now(),
    );
    let demo = tokio::select! {
        demo = prepare => demo?,
        // Stopped in good order, it takes its files away.
        () = requests.stopped() => return Ok(ExitCode::SUCCESS),
    };
    let config = demo.config().clone();
    let source: ConfigSource = Arc::new(move || Ok(config.clone()));
    let paths = flags.paths();
    let introduction = demo.introduction(&paths.landing(), &paths.metrics());
    let exporter = serve(source, flags, inherited, requests, |scheme, address| {
        print_line(&introduction.at(scheme, address))
    });
    tokio::select! {
        result = exporter => result,
        () = demo.run(std::future::pending()) => Ok(ExitCode::SUCCESS),
    }
}

async fn report_months(flags: ReportFlags, path: PathBuf) -> Result<ExitCode, Failure> {
    let config = load(path).await?;
    let options = report::Options {
        from: flags.from,
        to: flags.to,
        segment: flags.segment,
        population: flags.population,
        zone: flags.time_zone.unwrap_or_else(|| config.time_zone.clone()),
        include_current: flags.include_current,
    };
    let months = report::read(&config, &options, Timestamp::now(), report::progress()).await?;
    let output = flags.output.as_deref();
    let text = months.render(flags.format, report::colours(output))?;
    report::write(&text, output)?;
    // What there is has been written; what there is not makes a failure.
    months.whole()?;
    Ok(ExitCode::SUCCESS)
}

async fn fill_past(flags: BackfillFlags, general: &Flags) -> Result<ExitCode, Failure> {
    let config = load(general.config_file.clone()).await?;
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
    print_line(&outcome)?;
    Ok(ExitCode::SUCCESS)
}

async fn ask_health(flags: &Flags) -> Result<ExitCode, Failure> {
    let address = flags.listen_addresses.first().map_or("", String::as_str);
    healthy::ask(address, &flags.paths().healthy()).await?;
    Ok(ExitCode::SUCCESS)
}

fn write_generated(what: &Generate) -> Result<ExitCode, Failure> {
    match what {
        Generate::Completions { shell } => {
            let script = generate::completions(Cli::command(), *shell);
            written(io::stdout().write_all(&script))?;
        }
        Generate::Man { folder } => generate::man_pages(Cli::command(), folder)?,
    }
    Ok(ExitCode::SUCCESS)
}
