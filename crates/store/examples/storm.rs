//! `storm DIR ROUND`: writes without end and says what was acknowledged, a line each; the crash test kills it.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use nines_store::{Config, Embedded, Op, Retention, Store, Txn};

const WRITERS: u64 = 8;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, dir, round] = &args[..] else {
        return Err("usage: storm DIR ROUND".into());
    };
    let retention = Retention {
        revisions: 200,
        bytes: 1 << 30,
    };
    let config = Config {
        retention,
        ..Config::default()
    };
    let store = Embedded::open(Path::new(dir), config)?;
    let writers = (0..WRITERS).map(|writer| storm(&store, round, writer));
    futures_util::future::try_join_all(writers).await?;
    Ok(())
}

async fn storm(store: &Embedded, round: &str, writer: u64) -> Result<(), Box<dyn Error>> {
    for n in 0.. {
        let key = format!("{round}/{writer}/{n}");
        let revision = store.put(key.clone(), vec![7; 256]).await?;
        say(&format!("put {key} {revision}\n"))?;
        if n % 8 == writer {
            let lease = store.lease_grant(Duration::from_secs(600)).await?.id;
            let put = Op::Put {
                key: format!("lease/{key}").into(),
                value: "v".into(),
                lease,
            };
            store.txn(Txn::of(vec![put])).await?;
            store.lease_revoke(lease).await?;
            say(&format!("revoked {}\n", lease.0))?;
        }
    }
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}
