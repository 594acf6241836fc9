//! Where the running gateway listens, asked of itself: a listener with port 0 has a port only then.

use std::net::SocketAddr;

use serde::Deserialize;

use super::Error;

#[derive(Debug, Deserialize)]
struct Effective {
    listening: Vec<Listener>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    address: SocketAddr,
}

/// The addresses of all listeners, in the gateway's order.
pub(crate) async fn addresses(admin: SocketAddr) -> Result<Vec<SocketAddr>, Error> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(anyhow::Error::from)?;
    let response = http
        .get(format!("http://{admin}/config"))
        .send()
        .await
        .map_err(anyhow::Error::from)?;
    let effective: Effective = response.json().await.map_err(anyhow::Error::from)?;
    Ok(effective
        .listening
        .into_iter()
        .map(|listener| listener.address)
        .collect())
}
