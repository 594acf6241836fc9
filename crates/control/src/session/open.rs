//! Opening a session, or going on with one.

use std::collections::BTreeSet;
use std::time::Duration;

use nines_model::InstanceKey;
use nines_store::{LeaseId, Op, Store, Txn};
use nines_wire::proto;
use uuid::Uuid;

use super::{DEFAULT_TTL, Sessions};
use crate::error::{Error, Result};
use crate::keys;
use crate::registry::{self, Holder};

const MAX_CLIENT: usize = 256;
const MAX_SESSION: usize = 64;

/// A session that is kept alive from now on.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) holder: Holder,
    pub(super) ttl: Duration,
    pub(super) held: BTreeSet<InstanceKey>,
}

/// What a client says of itself, checked.
#[derive(Debug, Clone)]
pub(super) struct Hello {
    pub(super) session: Option<String>,
    pub(super) ttl: Duration,
    pub(super) client: String,
}

impl Hello {
    pub(super) fn read(hello: proto::Hello) -> Result<Self> {
        let ttl = match hello.ttl_ms {
            0 => DEFAULT_TTL,
            millis => Duration::from_millis(millis),
        };
        registry::check_ttl(ttl)?;
        if hello.client.len() > MAX_CLIENT || hello.client.chars().any(char::is_control) {
            let message = format!("say who you are in up to {MAX_CLIENT} printable bytes");
            return Err(Error::invalid("hello.client", message));
        }
        let sane = |session: &String| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=MAX_SESSION).contains(&session.len()) && session.bytes().all(plain)
        };
        Ok(Self {
            session: Some(hello.session).filter(sane),
            ttl,
            client: hello.client,
        })
    }
}

impl Sessions {
    /// Goes on with the session that the client names if it still lives, else opens a new one.
    pub(super) async fn open(&self, hello: &Hello) -> Result<Opened> {
        if let Some(session) = &hello.session
            && let Some(resumed) = self.resume(session).await?
        {
            return Ok(resumed);
        }
        self.open_new(hello).await
    }

    pub(super) async fn open_new(&self, hello: &Hello) -> Result<Opened> {
        let store = &self.0.store;
        let lease = store.lease_grant(hello.ttl).await?;
        let session = Uuid::new_v4().to_string();
        let record = Op::Put {
            key: keys::session(&session).into(),
            value: serde_json::json!({ "client": hello.client }).to_string().into(),
            lease: lease.id,
        };
        store.txn(Txn::of(vec![record])).await?;
        Ok(Opened {
            holder: Holder {
                session,
                lease: lease.id,
            },
            ttl: lease.ttl,
            held: BTreeSet::new(),
        })
    }

    async fn resume(&self, session: &str) -> Result<Option<Opened>> {
        let Some(record) = self.0.store.get(keys::session(session)).await? else {
            return Ok(None);
        };
        let Some(ttl) = self.keep_alive(record.lease).await? else {
            return Ok(None);
        };
        let mirror = self.0.registry.mirror();
        mirror.caught_up(record.mod_revision, registry::CATCH_UP).await?;
        Ok(Some(Opened {
            holder: Holder {
                session: session.into(),
                lease: record.lease,
            },
            ttl,
            held: mirror.read(|state| state.session(session).cloned().collect()),
        }))
    }

    /// `None` if the lease has ended.
    pub(super) async fn keep_alive(&self, lease: LeaseId) -> Result<Option<Duration>> {
        match self.0.store.lease_keep_alive(lease).await {
            Ok(lease) => Ok(Some(lease.ttl)),
            Err(nines_store::Error::LeaseNotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The client has said goodbye and holds nothing.
    pub(super) async fn close(&self, lease: LeaseId) {
        if let Err(error) = self.0.store.lease_revoke(lease).await {
            tracing::debug!(%error, "a session could not be closed; it runs out by itself");
        }
    }
}
