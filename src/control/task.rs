//! `antiphon task`: what is being generated, by whichever engine.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::engine::generation;
use crate::engine::{Error, ErrorKind};
use crate::generate::tasks::{TaskRecord, TaskStanding, Tasks};
use crate::generate::{FailureKind, Stage};

/// How long an engine gets to hear that a task is not wanted any more.
const HEAR: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

/// `antiphon task`.
#[derive(Args, Debug)]
pub struct TaskArguments {
    /// The cache's folder, where engines write their tasks down; without it, that of ANTIPHON_CACHE_DIR, of the configuration, or the platform's
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The configuration that the engine has; without it, `config.toml` in the platform's folder
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: TaskCommand,
}

/// What can be done with them.
#[derive(Subcommand, Debug)]
enum TaskCommand {
    /// Shows what is being generated, and what ended in the last 7 days: the last 100
    List {
        /// Prints an array of tasks
        #[arg(long)]
        json: bool,
    },
    /// Shows one task
    Status {
        /// Its number
        id: u64,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Ends a task, whoever began it
    Cancel {
        /// Its number
        id: u64,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

/// A task as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: u64,
    state: TaskStanding,
    stage: Stage,
    description: &'a str,
    backend: &'a str,
    owner: &'a str,
    cancel_asked: bool,
    /// So far, or in all.
    seconds: f64,
    error: Option<Wrong<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    kind: FailureKind,
    message: &'a str,
}

impl<'a> From<&'a TaskRecord> for Shown<'a> {
    fn from(task: &'a TaskRecord) -> Shown<'a> {
        let end = task.ended_unix_ms.unwrap_or_else(now_unix_ms);
        Shown {
            id: task.id,
            state: task.standing,
            stage: task.stage,
            description: &task.description,
            backend: &task.backend,
            owner: &task.owner,
            cancel_asked: task.cancel_asked,
            seconds: end.saturating_sub(task.begun_unix_ms) as f64 / 1_000.0,
            error: task.error.as_ref().map(|(kind, message)| Wrong { kind: *kind, message }),
        }
    }
}

/// Shows or ends tasks.
///
/// # Errors
/// [`Error`] where there is no such task, or the tasks cannot be read.
pub(super) fn task(arguments: &TaskArguments) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Device, format!("the control thread cannot start: {e}")))?;
    let folder = super::cache::folder(arguments.cache_dir.as_deref(), arguments.config.as_deref())?;
    runtime.block_on(async {
        let (tasks, system) = generation::tasks(&folder).await?;
        let done = match &arguments.command {
            TaskCommand::List { json } => list(&tasks, *json).await,
            TaskCommand::Status { id, json } => status(&tasks, *id, *json).await,
            TaskCommand::Cancel { id, json } => cancel(&tasks, *id, *json).await,
        };
        tasks.close().await;
        system.stop().await;
        done
    })
}

async fn list(tasks: &Tasks, json: bool) -> Result<(), Error> {
    let all = tasks.list().await?;
    if json {
        super::print_json(&all.iter().map(Shown::from).collect::<Vec<_>>())?;
    } else if all.is_empty() {
        super::tell("nothing is being generated, and nothing was lately");
    } else {
        super::tell(&table(&all));
    }
    Ok(())
}

async fn status(tasks: &Tasks, id: u64, json: bool) -> Result<(), Error> {
    let task = known(tasks, id).await?;
    show(&task, json)
}

async fn cancel(tasks: &Tasks, id: u64, json: bool) -> Result<(), Error> {
    let task = known(tasks, id).await?;
    if task.standing != TaskStanding::Running {
        let message = format!("task {id} has ended already ({})", standing(task.standing));
        return Err(Error::new(ErrorKind::Usage, message));
    }
    tasks.ask_cancel(id).await?;
    let until = tokio::time::Instant::now() + HEAR;
    loop {
        let task = known(tasks, id).await?;
        if task.standing != TaskStanding::Running {
            return show(&task, json);
        }
        if tokio::time::Instant::now() > until {
            let message =
                format!("the engine that does task {id} does not answer; it ends the task when it does");
            return Err(Error::new(ErrorKind::Device, message));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn known(tasks: &Tasks, id: u64) -> Result<TaskRecord, Error> {
    let found = tasks.list().await?.into_iter().find(|task| task.id == id);
    found.ok_or_else(|| {
        Error::new(
            ErrorKind::Usage,
            format!("there is no task {id}; `antiphon task list` shows those that there are"),
        )
    })
}

fn show(task: &TaskRecord, json: bool) -> Result<(), Error> {
    if json {
        return super::print_json(&Shown::from(task));
    }
    super::tell(&line(task));
    Ok(())
}

fn table(tasks: &[TaskRecord]) -> String {
    tasks.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(task: &TaskRecord) -> String {
    const WORDS: usize = 48;
    let shown = Shown::from(task);
    let mut words: String = task.description.chars().filter(|c| !c.is_control()).take(WORDS).collect();
    if task.description.chars().count() > WORDS {
        words.push('…');
    }
    let state = match (task.standing, task.cancel_asked) {
        (TaskStanding::Running, true) => "ending".to_owned(),
        (TaskStanding::Running, false) => task.stage.name().to_owned(),
        (ended, _) => standing(ended).to_owned(),
    };
    let why = task.error.as_ref().map(|(_, why)| format!("  {why}")).unwrap_or_default();
    format!("{:>5}  {state:<10} {:>7.1} s  {:<8} {words}{why}", task.id, shown.seconds, task.backend)
}

fn standing(standing: TaskStanding) -> &'static str {
    match standing {
        TaskStanding::Running => "running",
        TaskStanding::Done => "done",
        TaskStanding::Failed => "failed",
        TaskStanding::Cancelled => "cancelled",
    }
}

/// Now, by the wall clock: for display.
fn now_unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
