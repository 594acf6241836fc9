//! Files and directories that are not as they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nines_base::Rng;
use redb::{Database, TableDefinition};

use super::*;

fn refused(dir: &Path) -> Error {
    Embedded::open(dir, Config::default()).unwrap_err()
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(refused(dir.path()), Error::Locked(at) if at == dir.path()));
    drop(store);
    open(dir.path());
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let database = Database::open(dir.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    write.open_table(meta).unwrap().insert("format", 9).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = refused(dir.path());
    assert!(
        matches!(
            error,
            Error::NewerFormat {
                found: 9,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_file_whose_numbers_contradict_each_other_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let database = Database::open(dir.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    write.open_table(meta).unwrap().insert("compacted", 9).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = refused(dir.path());
    assert!(error.to_string().contains("its log ends at 0"), "{error}");
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    for content in [&b"not a database at all"[..], &[0; 100_000], &[0xff; 5000]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), content).unwrap();
        let error = refused(dir.path()).to_string();
        assert!(error.contains(FILE), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let database = Database::create(dir.path().join(FILE)).unwrap();
    let write = database.begin_write().unwrap();
    let other: TableDefinition<'_, u32, u32> = TableDefinition::new("other");
    write.open_table(other).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(matches!(refused(dir.path()), Error::Corrupt { .. }));
}

/// Cut or flipped anywhere: an error or a store, never a panic.
#[tokio::test]
async fn a_damaged_file_is_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..40u8 {
        store.put(format!("k/{n}"), vec![n; 400]).await.unwrap();
    }
    store.lease_grant(Duration::from_secs(60)).await.unwrap();
    drop(store);
    let whole = fs::read(dir.path().join(FILE)).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut rng = Rng::seeded(6);
    for round in 0..120 {
        let mut file = whole.clone();
        match round % 3 {
            0 => file.truncate(rng.below(used as u64) as usize),
            1 => file[rng.below(used as u64) as usize] ^= 1 << rng.below(8),
            _ => {
                let from = rng.below(used as u64) as usize / 512 * 512;
                file[from..(from + 512).min(used)].fill(rng.next_u64() as u8);
            }
        }
        check_damaged(&file).await;
    }
}

async fn check_damaged(file: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), file).unwrap();
    match Embedded::open(dir.path(), Config::default()) {
        Err(error) => assert!(error.to_string().contains(FILE), "{error}"),
        Ok(store) => {
            let whole = |kv: &KeyValue| kv.value.iter().all(|byte| *byte == kv.value[0]);
            assert!(
                everything(&store).await.iter().all(whole),
                "a damaged value was taken for true"
            );
            drop(store.put("after", "v").await);
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
    if nix::unistd::geteuid().is_root() {
        return; // root may write anywhere; the file in the way is checked in `dir`
    }
    let error = refused(&dir).to_string();
    assert!(error.contains("data") && error.contains("--data-dir"), "{error}");
}
