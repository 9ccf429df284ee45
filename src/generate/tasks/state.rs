use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::generate::{FailureKind, Stage};

/// Ended tasks that are remembered.
pub const REMEMBERED: usize = 100;
/// None that has ended is known for longer.
pub const KNOWN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where a task is. The last three are for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStanding {
    /// Under way.
    Running,
    /// There is music.
    Done,
    /// There is none.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// What is known of a task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its number; no other task of this folder has it.
    pub id: u64,
    /// The process that does it.
    pub owner: String,
    /// What was asked for, in words.
    pub description: String,
    /// Of whom.
    pub backend: String,
    /// Where it is.
    pub standing: TaskStanding,
    /// How far it got.
    pub stage: Stage,
    /// Whether somebody asked for its end.
    pub cancel_asked: bool,
    /// When it began, by the wall clock, in milliseconds since 1970: for display.
    pub begun_unix_ms: u64,
    /// When it ended, likewise.
    pub ended_unix_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<(FailureKind, String)>,
}

impl TaskRecord {
    /// Whether it runs, or ended so shortly before a time that it is still known.
    pub fn is_known(&self, unix_ms: u64) -> bool {
        let since = self.ended_unix_ms.map_or(0, |ended| unix_ms.saturating_sub(ended));
        u128::from(since) <= KNOWN.as_millis()
    }
}

/// What happens to tasks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskEvent {
    /// A process took one on.
    Begun {
        /// Its number.
        id: u64,
        /// The process.
        owner: String,
        /// What was asked for.
        description: String,
        /// Of whom.
        backend: String,
        /// When.
        unix_ms: u64,
    },
    /// It came to its next stage.
    Moved {
        /// Its number.
        id: u64,
        /// The stage.
        stage: Stage,
    },
    /// Somebody, perhaps in another process, wants its end.
    CancelAsked {
        /// Its number.
        id: u64,
    },
    /// It ended.
    Ended {
        /// Its number.
        id: u64,
        /// How.
        standing: TaskStanding,
        /// Why, where it failed.
        error: Option<(FailureKind, String)>,
        /// When.
        unix_ms: u64,
    },
    /// A process is gone that had not ended all of its tasks.
    OwnerGone {
        /// Which.
        owner: String,
        /// When that was found out.
        unix_ms: u64,
    },
}

/// All tasks of a folder: what their events come to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct TaskBoard {
    last: u64,
    tasks: BTreeMap<u64, TaskRecord>,
}

impl TaskBoard {
    /// The number of the next task.
    pub fn next(&self) -> u64 {
        self.last + 1
    }

    /// By number.
    pub fn get(&self, id: u64) -> Option<&TaskRecord> {
        self.tasks.get(&id)
    }

    /// All that are remembered, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks.values()
    }

    /// Those under way.
    pub fn running(&self) -> impl Iterator<Item = &TaskRecord> {
        self.all().filter(|task| task.standing == TaskStanding::Running)
    }

    /// Takes in what happened.
    pub fn take(&mut self, event: &TaskEvent) {
        match event {
            TaskEvent::Begun { id, owner, description, backend, unix_ms } => {
                self.last = self.last.max(*id);
                let task = TaskRecord {
                    id: *id,
                    owner: owner.clone(),
                    description: description.clone(),
                    backend: backend.clone(),
                    standing: TaskStanding::Running,
                    stage: Stage::Waiting,
                    cancel_asked: false,
                    begun_unix_ms: *unix_ms,
                    ended_unix_ms: None,
                    error: None,
                };
                self.tasks.insert(*id, task);
            }
            TaskEvent::Moved { id, stage } => self.change(*id, |task| task.stage = *stage),
            TaskEvent::CancelAsked { id } => self.change(*id, |task| task.cancel_asked = true),
            TaskEvent::Ended { id, standing, error, unix_ms } => {
                self.change(*id, |task| end(task, *standing, error.clone(), *unix_ms));
                self.forget(*unix_ms);
            }
            TaskEvent::OwnerGone { owner, unix_ms } => {
                let gone = (
                    FailureKind::Fault,
                    "the program that did it ended before it was done; ask for it again".to_owned(),
                );
                for task in self.tasks.values_mut() {
                    if task.owner == *owner && task.standing == TaskStanding::Running {
                        end(task, TaskStanding::Failed, Some(gone.clone()), *unix_ms);
                    }
                }
                self.forget(*unix_ms);
            }
        }
    }

    /// What has ended does not change any more.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut TaskRecord)) {
        if let Some(task) = self.tasks.get_mut(&id)
            && task.standing == TaskStanding::Running
        {
            change(task);
        }
    }

    fn forget(&mut self, unix_ms: u64) {
        self.tasks.retain(|_, task| task.is_known(unix_ms));
        let ended = |task: &TaskRecord| task.standing != TaskStanding::Running;
        let count = self.tasks.values().filter(|task| ended(task)).count();
        let old: Vec<u64> = self.all().filter(|task| ended(task)).map(|task| task.id).collect();
        for id in old.iter().take(count.saturating_sub(REMEMBERED)) {
            self.tasks.remove(id);
        }
    }
}

fn end(task: &mut TaskRecord, standing: TaskStanding, error: Option<(FailureKind, String)>, unix_ms: u64) {
    task.standing = standing;
    task.error = error;
    task.ended_unix_ms = Some(unix_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(id: u64, owner: &str) -> TaskEvent {
        TaskEvent::Begun {
            id,
            owner: owner.to_owned(),
            description: "a blues".to_owned(),
            backend: "local".to_owned(),
            unix_ms: 1,
        }
    }

    fn ended(id: u64, standing: TaskStanding) -> TaskEvent {
        TaskEvent::Ended { id, standing, error: None, unix_ms: 2 }
    }

    #[test]
    fn a_task_ends_once() {
        let mut board = TaskBoard::default();
        board.take(&begun(1, "a"));
        board.take(&TaskEvent::Moved { id: 1, stage: Stage::Verifying });
        board.take(&ended(1, TaskStanding::Cancelled));
        let cancelled = board.clone();
        for late in [
            ended(1, TaskStanding::Done),
            TaskEvent::CancelAsked { id: 1 },
            TaskEvent::OwnerGone { owner: "a".to_owned(), unix_ms: 3 },
        ] {
            board.take(&late);
        }
        assert_eq!(board, cancelled);
        assert_eq!(
            board.get(1).map(|t| (t.standing, t.stage)),
            Some((TaskStanding::Cancelled, Stage::Verifying))
        );
    }

    #[test]
    fn what_a_dead_process_left_has_failed_and_says_so() {
        let mut board = TaskBoard::default();
        for (id, owner) in [(1, "a"), (2, "b"), (3, "a")] {
            board.take(&begun(id, owner));
        }
        board.take(&ended(3, TaskStanding::Done));
        board.take(&TaskEvent::OwnerGone { owner: "a".to_owned(), unix_ms: 9 });
        let standings: Vec<_> = board.all().map(|task| task.standing).collect();
        assert_eq!(standings, [TaskStanding::Failed, TaskStanding::Running, TaskStanding::Done]);
        assert!(
            board
                .get(1)
                .and_then(|t| t.error.as_ref())
                .is_some_and(|(_, why)| why.contains("ask for it again"))
        );
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_and_what_runs_is_not() {
        let mut board = TaskBoard::default();
        for id in 1..=3 {
            board.take(&begun(id, "a"));
        }
        board.take(&ended(1, TaskStanding::Failed));
        let just = 2 + KNOWN.as_millis() as u64;
        let end = |id, unix_ms| TaskEvent::Ended { id, standing: TaskStanding::Done, error: None, unix_ms };
        board.take(&end(2, just));
        assert_eq!(board.all().count(), 3);
        assert!(!board.get(1).is_some_and(|task| task.is_known(just + 1)));
        board.take(&end(2, just + 1));
        assert_eq!(board.all().map(|task| task.id).collect::<Vec<_>>(), [2, 3]);
        assert!(board.get(3).is_some_and(|task| task.is_known(u64::MAX)));
    }

    #[test]
    fn the_oldest_that_ended_are_forgotten_and_numbers_are_not_used_again() {
        let mut board = TaskBoard::default();
        board.take(&begun(1, "a"));
        for id in 2..=300 {
            assert_eq!(board.next(), id);
            board.take(&begun(id, "a"));
            board.take(&ended(id, TaskStanding::Done));
        }
        assert_eq!(board.all().count(), REMEMBERED + 1);
        assert_eq!(board.running().count(), 1);
        assert_eq!(board.next(), 301);
    }
}
