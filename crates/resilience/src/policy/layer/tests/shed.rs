use tokio::task::JoinSet;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_layer_meters_the_machine_that_it_runs_on() {
    let layer = layer("shed: {}").metering().expect("Linux tells the load");
    let probe = Probe::with_slots(1);
    assert!(layer.layer(probe).oneshot(Act::Succeed).await.is_ok());
}

/// Nobody else feeds the shedder: the calls do.
#[tokio::test(start_paused = true)]
async fn a_metering_layer_sheds_while_the_processors_are_busy() {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let ticks = |busy: u32, idle: u32| write("proc/stat", &format!("cpu0 {busy} 0 0 {idle} 0 0 0 0 0 0\n"));
    write("proc/self/status", "Cpus_allowed_list:\t0\n");
    ticks(0, 0);
    let meter = Meter::under(root.path(), now()).expect("a meter");
    let layer = layer("shed: {cpu: 0.9}").fed_by(Feeder::new(meter, now()));
    let callee = service_fn(async |()| {
        tokio::time::sleep(20 * MS).await;
        Ok::<_, Broken>(())
    });
    let calls = async |count: usize| {
        let calls = (0..count).map(|_| layer.layer(callee).oneshot(()));
        let results = calls.collect::<JoinSet<_>>().join_all().await;
        results.iter().filter(|result| result.is_ok()).count()
    };
    assert_eq!(calls(50).await, 50);
    tokio::time::advance(500 * MS).await;
    ticks(50, 0);
    let busy = calls(50).await;
    assert!(busy < 50, "{busy} calls came through");
    tokio::time::advance(2000 * MS).await;
    ticks(50, 250);
    assert_eq!(calls(50).await, 50);
}
