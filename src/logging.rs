//! The log: to standard error, kept apart from the bar, and to a file where one is named.
//!
//! Set up once. Only this program's own events are let through: what libraries tell of their
//! requests may hold what must not be told.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
};

use json_subscriber::JsonLayer;
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt::{self, MakeWriter, time::SystemTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    cli::{GlobalArgs, LogFormat},
    config::Environment,
    error::AppError,
    private,
    report::Screen,
    shutdown,
};

/// Sets the log up for the whole process.
///
/// # Errors
/// [`AppError::LogFile`].
pub fn set_up(
    args: &GlobalArgs,
    env: &Environment,
    screen: &Screen,
    run_id: Option<&str>,
) -> Result<(), AppError> {
    let level = match (args.quiet, args.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::INFO,
        (false, 1) => tracing::Level::DEBUG,
        (false, _) => tracing::Level::TRACE,
    };
    let own = |level| {
        Targets::new()
            .with_target("bulk_unlock", level)
            .with_target(shutdown::ANSWERS, tracing::Level::INFO.max(level))
            .with_default(tracing::Level::ERROR)
    };
    let look = match args.log_format {
        Some(LogFormat::Json) => Look::Json { run_id },
        Some(LogFormat::Text) | None => Look::Text,
    };
    let colour = env.allows_colour() && io::stderr().is_terminal();
    let mut layers = vec![
        layer(ScreenWriter(screen.clone()), look, colour)
            .with_filter(own(level))
            .boxed(),
    ];
    let file = args.log_file.as_ref().map(|path| {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let opened = private::open(&mut options, path);
        opened.map_err(|source| AppError::LogFile {
            path: path.clone(),
            source,
        })
    });
    if let Some(file) = file.transpose()? {
        let level = level.max(tracing::Level::INFO);
        layers.push(
            layer(FileWriter(Arc::new(file)), look, false)
                .with_filter(own(level))
                .boxed(),
        );
    }
    // A second set-up in one process is a test's.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Ok(())
}

/// How lines look.
#[derive(Clone, Copy)]
enum Look<'a> {
    Text,
    /// All fields of an event and of what it happened in stand side by side.
    Json {
        run_id: Option<&'a str>,
    },
}

fn layer<W>(writer: W, look: Look<'_>, colour: bool) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let Look::Json { run_id } = look else {
        let layer = fmt::layer().with_writer(writer).with_target(false);
        return layer.with_ansi(colour).boxed();
    };
    let mut layer = JsonLayer::new(writer);
    layer
        .with_timer("timestamp", SystemTime)
        .with_level("level")
        .with_flattened_event()
        .with_top_level_flattened_span_list();
    if let Some(run_id) = run_id {
        layer.add_static_field("run_id", run_id.into());
    }
    layer.boxed()
}

/// Writes one event while no bar is drawn.
#[derive(Clone)]
struct ScreenWriter(Screen);

impl Write for ScreenWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for ScreenWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Appends one event.
#[derive(Clone)]
struct FileWriter(Arc<File>);

impl Write for FileWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        (&*self.0).write(event)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for FileWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
