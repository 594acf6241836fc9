//! How many requests in a time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::problem::quote;
use crate::validate::Rate;

/// How many requests in a time, for each value of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RateLimit {
    /// Whether it acts; as the policy if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// `tokenBucket` if absent.
    #[serde(default)]
    pub algorithm: RateAlgorithm,
    /// `100/s`, `6000/m`, `500/h`.
    pub rate: String,
    /// How many at once (of the bucket algorithms only), 1 to 10,000,000; what comes in a second if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// How long the leaky bucket may hold a request back; 0 s if absent: it refuses in place of waiting.
    #[serde(
        default,
        with = "nines_base::duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<crate::schema::Duration>")]
    pub max_wait: Option<Duration>,
    /// `clientIp`, `service`, `route` or `header:NAME`; `service` if absent: one limit for all requests.
    #[serde(default = "service")]
    pub key: String,
    /// How many keys are kept, of `clientIp` and `header:NAME`; where there is no room for a new one, the one that is
    /// nearest to a full quota goes. 100,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u32>,
    /// Other rates for single keys: by the address of a client, or by the header's value. Of windows in the limit's own
    /// unit of time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, RateOverride>,
}

impl RateLimit {
    /// The largest burst.
    pub const MAX_BURST: u32 = 10_000_000;

    /// How many at once: as written, else what comes in a second, from 1 to [`RateLimit::MAX_BURST`].
    pub fn burst_of(burst: Option<u32>, rate: Rate) -> NonZeroU32 {
        let a_second = u64::from(rate.count.get()) / rate.per.as_secs().max(1);
        let default = u32::try_from(a_second).unwrap_or(u32::MAX).min(Self::MAX_BURST);
        NonZeroU32::new(burst.unwrap_or(default)).unwrap_or(NonZeroU32::MIN)
    }
}

/// The rate of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateOverride {
    /// `100/s`, `6000/m`, `500/h`.
    pub rate: String,
    /// How many at once (of the bucket algorithms only), 1 to 10,000,000; what comes in a second if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// The limiting algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RateAlgorithm {
    /// A steady rate with bursts (GCRA).
    #[default]
    TokenBucket,
    /// A steady rate; a request ahead of its time waits for it, up to `maxWait`.
    LeakyBucket,
    /// Counts from the start of each period; up to twice the rate around its edge.
    FixedWindow,
    /// Counts this period and a share of the last one.
    SlidingWindow,
    /// Remembers the time of every request: exact, and so much memory. Not by `clientIp` or `header:NAME`.
    SlidingLog,
}

impl RateAlgorithm {
    /// Whether `burst` means something to it.
    pub fn has_burst(self) -> bool {
        matches!(self, RateAlgorithm::TokenBucket | RateAlgorithm::LeakyBucket)
    }

    /// The name as in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            RateAlgorithm::TokenBucket => "tokenBucket",
            RateAlgorithm::LeakyBucket => "leakyBucket",
            RateAlgorithm::FixedWindow => "fixedWindow",
            RateAlgorithm::SlidingWindow => "slidingWindow",
            RateAlgorithm::SlidingLog => "slidingLog",
        }
    }
}

/// What requests are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// One limit for all requests that the policy governs.
    Service,
    /// One for each route.
    Route,
    /// One for each client's address.
    ClientIp,
    /// One for each value of this header.
    Header(String),
}

impl RateKey {
    /// Whether requests on one route are told apart.
    pub fn is_keyed(&self) -> bool {
        matches!(self, RateKey::ClientIp | RateKey::Header(_))
    }

    /// What `clientIp` takes for one client: an IPv4 address, also where it is mapped into IPv6; of other IPv6 addresses
    /// the first 64 bits, because a client has all addresses behind them.
    pub fn client(address: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = address.to_canonical() else {
            return address.to_canonical();
        };
        let kept = v6.to_bits() & (u128::MAX << 64);
        IpAddr::V6(Ipv6Addr::from_bits(kept))
    }
}

impl FromStr for RateKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("header:")) {
            ("service", _) => Ok(RateKey::Service),
            ("route", _) => Ok(RateKey::Route),
            ("clientIp", _) => Ok(RateKey::ClientIp),
            (_, Some(name)) => {
                crate::validate::text::token(name, "header name").map_err(|error| error.to_string())?;
                Ok(RateKey::Header(name.to_ascii_lowercase()))
            }
            _ => Err(format!(
                "{} is not one of clientIp, service, route, header:NAME",
                quote(text)
            )),
        }
    }
}

fn service() -> String {
    "service".into()
}
