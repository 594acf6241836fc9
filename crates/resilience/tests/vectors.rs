//! The policy vectors, played through the cores on a clock of their own and through the composed layer on tokio's.

mod vectors {
    pub(crate) mod cores;
    pub(crate) mod layer;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nines_resilience::policy::Counts;
use nines_resilience::policy::vector::{File, Seen, Shadow, Vector, check, check_shadow};

/// What a runner saw of a vector.
pub(crate) struct Played {
    /// Every call, with the place of its step.
    pub(crate) seen: Vec<(usize, Seen)>,
    pub(crate) shadow: Shadow,
}

#[test]
fn the_cores_keep_the_vectors() {
    let mistakes = play(vectors::cores::play, Duration::ZERO);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// Timers of tokio round up to a millisecond; a call may wait for three of them.
#[test]
fn the_layer_keeps_the_vectors() {
    let mistakes = play(vectors::layer::play, Duration::from_millis(3));
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_name_is_there_once() {
    let names: Vec<String> = all().into_iter().map(|vector| vector.name).collect();
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    assert!(names.len() >= 25, "{} vectors", names.len());
}

fn play(runner: impl Fn(&Vector) -> Played, late: Duration) -> Vec<String> {
    let mut mistakes = Vec::new();
    for vector in all() {
        let played = runner(&vector);
        let found = check(&vector, &played.seen, late)
            .into_iter()
            .map(|mistake| mistake.to_string());
        let shadow = check_shadow(&vector.shadow, &played.shadow).err();
        mistakes.extend(found.chain(shadow).map(|message| format!("{}: {message}", vector.name)));
    }
    mistakes
}

fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a text");
        let name = path.display().to_string();
        File::read(&text, &name).unwrap_or_else(|bad| panic!("{bad}")).vectors
    };
    files.iter().flat_map(|path| read(path)).collect()
}

/// What was counted in shadow mode, as vectors write it.
pub(crate) fn shadow(counts: &Counts) -> Shadow {
    let counted = counts.get();
    let causes = counted.shadow.iter().map(|(cause, count)| (cause.to_string(), *count));
    let retries = (counted.shadow_retries > 0).then(|| ("retry".to_owned(), counted.shadow_retries));
    causes.chain(retries).collect()
}
