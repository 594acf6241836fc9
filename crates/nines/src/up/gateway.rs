//! What the running gateway says of itself: where it listens (a listener with port 0 has a port only then) and how new
//! its configuration is.

use std::net::SocketAddr;
use std::time::Duration;

use nines_client::Rest;

use serde::Deserialize;

use super::Error;

#[derive(Debug, Deserialize)]
struct Effective {
    revision: u64,
    listening: Vec<Listener>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    address: SocketAddr,
}

/// How often a gateway that lags is asked again.
const AGAIN: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of all listeners, in the gateway's order.
pub(crate) async fn addresses(admin: SocketAddr) -> Result<Vec<SocketAddr>, Error> {
    let effective = effective(admin).await?;
    Ok(effective
        .listening
        .into_iter()
        .map(|listener| listener.address)
        .collect())
}

/// Waits until the gateway acts by everything that the control plane has taken in by now: instances that registered a
/// moment ago are then routed to. A gateway that hears of nothing that concerns it hears so every few seconds; whoever
/// lags longer is left to its checks.
pub(crate) async fn until_caught_up(admin: SocketAddr, control: SocketAddr) -> Result<(), Error> {
    let rest = Rest::new(&format!("http://{control}")).map_err(anyhow::Error::from)?;
    let newest = rest.status().await.map_err(anyhow::Error::from)?.revision;
    let caught_up = async {
        while effective(admin).await?.revision < newest {
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, caught_up).await.unwrap_or(Ok(()))
}

async fn effective(admin: SocketAddr) -> Result<Effective, Error> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(anyhow::Error::from)?;
    let response = http
        .get(format!("http://{admin}/config"))
        .send()
        .await
        .map_err(anyhow::Error::from)?;
    Ok(response.json().await.map_err(anyhow::Error::from)?)
}
