//! The recent past: which subjects changed at which revision, in bounded space.

use std::collections::VecDeque;

use nines_model::Revision;

use super::Subject;

/// A ring of changes. Whoever has seen everything up to a revision not below the floor can learn from it what
/// changed since; the values themselves are read from the state, so that only the newest are ever sent.
#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<(Revision, Vec<Subject>)>,
    subjects: usize,
    floor: Revision,
    capacity: usize,
}

impl Log {
    /// An empty log that knows everything after `floor`, of at most `capacity` subjects.
    pub(super) fn new(floor: Revision, capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            subjects: 0,
            floor,
            capacity,
        }
    }

    /// Takes in what changed at a revision, and drops the oldest entries beyond the capacity.
    pub(super) fn push(&mut self, revision: Revision, subjects: Vec<Subject>) {
        if subjects.is_empty() {
            return;
        }
        self.subjects += subjects.len();
        self.entries.push_back((revision, subjects));
        while self.subjects > self.capacity {
            let Some((dropped, subjects)) = self.entries.pop_front() else {
                break;
            };
            self.subjects -= subjects.len();
            self.floor = dropped;
        }
    }

    /// Every subject that changed after `position`, oldest first, perhaps more than once. `None` if that is too long ago.
    pub(super) fn since(&self, position: Revision) -> Option<impl Iterator<Item = &Subject>> {
        if position < self.floor {
            return None;
        }
        let start = self.entries.partition_point(|(revision, _)| *revision <= position);
        Some(self.entries.range(start..).flat_map(|(_, subjects)| subjects))
    }

    /// Everything after this revision is known.
    pub(super) fn floor(&self) -> Revision {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nines_model::ConfigKey;

    fn subject(name: &str) -> Subject {
        Subject::Config(ConfigKey::new("a", name))
    }

    fn names(log: &Log, position: Revision) -> Option<String> {
        let name = |subject: &Subject| match subject {
            Subject::Config(key) => key.name.clone(),
            _ => "?".into(),
        };
        log.since(position).map(|subjects| subjects.map(name).collect())
    }

    #[test]
    fn tells_what_changed_since_and_when_it_does_not_know() {
        let mut log = Log::new(10, 3);
        log.push(11, vec![subject("a"), subject("b")]);
        log.push(12, vec![]);
        log.push(14, vec![subject("c")]);
        let table = [
            (9, None),
            (10, Some("abc")),
            (11, Some("c")),
            (13, Some("c")),
            (14, Some("")),
            (99, Some("")),
        ];
        for (position, expected) in table {
            assert_eq!(names(&log, position).as_deref(), expected, "since {position}");
        }
        log.push(15, vec![subject("d")]);
        assert_eq!(log.floor(), 11);
        assert_eq!(names(&log, 10), None);
        assert_eq!(names(&log, 11).as_deref(), Some("cd"));
    }

    #[test]
    fn one_change_larger_than_the_log_leaves_it_empty_but_honest() {
        let mut log = Log::new(0, 2);
        log.push(5, vec![subject("a"), subject("b"), subject("c")]);
        assert_eq!(names(&log, 4), None);
        assert_eq!(names(&log, 5).as_deref(), Some(""));
    }
}
