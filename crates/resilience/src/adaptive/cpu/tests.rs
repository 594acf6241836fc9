use nines_base::{Clock, ManualClock};
use tempfile::TempDir;

use super::*;

/// The files of a system with four processors, of which the process may use two.
struct System {
    root: TempDir,
    clock: Clock,
    hand: ManualClock,
    /// Busy ticks of each of the two, and microseconds of the group.
    busy: u64,
    used: u64,
    ticks: u64,
}

impl System {
    fn new() -> Self {
        let (clock, hand) = Clock::manual();
        let root = tempfile::tempdir().expect("a folder");
        let system = Self {
            root,
            clock,
            hand,
            busy: 0,
            used: 0,
            ticks: 0,
        };
        system.write("proc/self/status", "Name:\tx\nCpus_allowed_list:\t1-2\n");
        system.times();
        system
    }

    /// In the group `/a/b`, with these quotas of it and of the ones above.
    fn with_quotas(own: &str, above: &str, root: &str) -> Self {
        let system = Self::new();
        system.write("proc/self/cgroup", "0::/a/b\n");
        for (group, quota) in [("a/b/", own), ("a/", above), ("", root)] {
            if !quota.is_empty() {
                system.write(&format!("sys/fs/cgroup/{group}cpu.max"), quota);
            }
            system.write(&format!("sys/fs/cgroup/{group}cpu.stat"), "usage_usec 0\nuser_usec 0\n");
        }
        system
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn times(&self) {
        let (busy, idle) = (self.busy, self.ticks - self.busy);
        let cpu = |number: u8| format!("cpu{number} {busy} 0 0 {idle} 0 0 0 0 0 0\n");
        // The others are idle all the time.
        let other = |number: u8| format!("cpu{number} 0 0 0 {} 0 0 0 0 0 0\n", self.ticks);
        let text = [other(0), cpu(1), cpu(2), other(3)].concat();
        self.write("proc/stat", &format!("cpu  1 1 1 1\n{text}"));
    }

    fn meter(&self) -> Meter {
        Meter::under(self.root.path(), self.clock.now()).expect("a meter")
    }

    /// So much of the time of the two is busy, and the group uses so much of a processor.
    fn pass(&mut self, millis: u64, busy: f64, used: f64) {
        self.hand.advance(Duration::from_millis(millis));
        let ticks = millis / 10;
        self.ticks += ticks;
        self.busy += (ticks as f64 * busy).round() as u64;
        self.used += (millis as f64 * 1000.0 * used) as u64;
        self.times();
        if self.root.path().join("sys").exists() {
            for group in ["a/b/", "a/", ""] {
                self.write(
                    &format!("sys/fs/cgroup/{group}cpu.stat"),
                    &format!("usage_usec {}\n", self.used),
                );
            }
        }
    }

    #[track_caller]
    fn check(&self, meter: &mut Meter, expected: f64) {
        let load = meter.sample(self.clock.now()).expect("readable").expect("a load");
        assert!((load - expected).abs() < 0.005, "{load} is not {expected}");
    }
}

#[test]
fn a_plain_host_is_as_busy_as_the_processors_of_the_process() {
    let mut system = System::new();
    let mut meter = system.meter();
    assert_eq!(meter.sample(system.clock.now()).expect("readable"), None);
    system.pass(1000, 0.5, 0.0);
    system.check(&mut meter, 0.5);
    assert_eq!(meter.quota(), None);
}

#[test]
fn the_tightest_quota_of_all_groups_counts() {
    for (own, above, root, cpus) in [
        ("50000 100000", "max 100000", "", Some(0.5)),
        ("200000 100000", "150000 100000", "", Some(1.5)),
        ("max 100000", "max 100000", "", None),
        ("", "", "", None),
        // In a container's own namespace the group looks like the root.
        ("", "", "100000 100000", Some(1.0)),
    ] {
        let system = System::with_quotas(own, above, root);
        assert_eq!(system.meter().quota(), cpus, "{own}, {above}, {root}");
    }
    let mut system = System::with_quotas("50000 100000", "max 100000", "");
    let mut meter = system.meter();
    system.pass(1000, 0.1, 0.4);
    system.check(&mut meter, 0.8);
}

#[test]
fn the_shorter_one_of_quota_and_host_counts() {
    let mut system = System::with_quotas("50000 100000", "max 100000", "");
    let mut meter = system.meter();
    system.pass(1000, 0.95, 0.1);
    system.check(&mut meter, 0.95);
}

/// The kernel lets a group use a little more than its quota for a moment.
#[test]
fn more_than_all_is_all() {
    let mut system = System::with_quotas("50000 100000", "max 100000", "");
    let mut meter = system.meter();
    system.pass(1000, 0.1, 0.7);
    system.check(&mut meter, 1.0);
}

#[test]
fn samples_are_smoothed_over_a_second() {
    let mut system = System::new();
    let mut meter = system.meter();
    system.pass(1000, 0.0, 0.0);
    system.check(&mut meter, 0.0);
    system.pass(1000, 1.0, 0.0);
    system.check(&mut meter, 1.0 - (-1.0f64).exp());
    for _ in 0..40 {
        system.pass(250, 1.0, 0.0);
        meter.sample(system.clock.now()).expect("readable");
    }
    system.pass(250, 1.0, 0.0);
    system.check(&mut meter, 1.0);
}

#[test]
fn a_sample_too_soon_is_the_one_before() {
    let mut system = System::new();
    let mut meter = system.meter();
    system.pass(1000, 0.5, 0.0);
    system.check(&mut meter, 0.5);
    system.pass(40, 1.0, 0.0);
    system.check(&mut meter, 0.5);
}

#[test]
fn counters_that_step_back_say_nothing() {
    let mut system = System::new();
    let mut meter = system.meter();
    system.pass(1000, 0.5, 0.0);
    system.check(&mut meter, 0.5);
    (system.busy, system.ticks) = (0, 0);
    system.pass(1000, 1.0, 0.0);
    system.busy = 0;
    system.times();
    system.check(&mut meter, 0.5);
}

#[test]
fn version_1_and_no_groups_at_all_are_a_plain_host() {
    for membership in ["4:cpu,cpuacct:/a\n1:name=systemd:/\n", ""] {
        let system = System::new();
        system.write("proc/self/cgroup", membership);
        assert_eq!(system.meter().quota(), None);
    }
}

#[test]
fn what_cannot_be_read_is_named_with_the_way_out() {
    let empty = tempfile::tempdir().expect("a folder");
    let now = Clock::manual().0.now();
    let error = Meter::under(empty.path(), now).expect_err("no files");
    let text = error.to_string();
    assert!(
        text.contains("proc/self/status") && text.contains("leave `shed` out"),
        "{text}"
    );
    for (path, text) in [
        ("proc/stat", "cpu1 a b c d\n"),
        ("proc/self/status", "Name: x\n"),
        ("sys/fs/cgroup/a/b/cpu.max", "a lot\n"),
        ("sys/fs/cgroup/a/b/cpu.stat", "user_usec 5\n"),
    ] {
        let system = System::with_quotas("50000 100000", "max 100000", "");
        system.write(path, text);
        let error = Meter::under(system.root.path(), now).expect_err(path);
        assert!(
            matches!(&error, Error::Malformed { path: named } if named.ends_with(path)),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_goes_away_is_told_and_the_meter_goes_on_when_it_is_back() {
    let mut system = System::new();
    let mut meter = system.meter();
    system.pass(1000, 0.5, 0.0);
    let stat = system.root.path().join("proc/stat");
    fs::remove_file(&stat).expect("removed");
    assert!(meter.sample(system.clock.now()).is_err());
    system.times();
    system.check(&mut meter, 0.5);
}

/// The real files of the machine that runs the test.
#[test]
fn this_machine_has_a_load() {
    let (clock, hand) = Clock::manual();
    let mut meter = Meter::new(clock.now()).expect("Linux with /proc");
    let mut spun = 0u64;
    // Until the system's counters have moved.
    while meter.sample(clock.now()).expect("readable").is_none() {
        spun = std::hint::black_box(spun + 1);
        hand.advance(SHORTEST);
    }
    let load = meter.sample(clock.now()).expect("readable").expect("a load");
    assert!((0.0..=1.0).contains(&load), "{load}");
}
