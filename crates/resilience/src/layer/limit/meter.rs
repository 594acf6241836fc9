//! Which limit a request counts in.

use std::hash::Hash;
use std::time::Instant;

use crate::layer::{Key, KeyBy};
use crate::limit::{Granted, Keyed, Limited, Limiter, hash};

/// Counts requests.
pub trait Meter<Req> {
    /// Counts one request. `key` reads what callers are told apart by.
    fn check<'a>(
        &self,
        request: &'a Req,
        key: impl FnOnce(&KeyBy) -> Option<Key<'a>>,
        now: Instant,
    ) -> Result<Granted, Limited>;
}

/// All requests count in one limit.
#[derive(Debug)]
pub struct Single(pub Limiter);

/// Each client, or each value of a header, has its own.
#[derive(Debug)]
pub struct ByInspect {
    pub keyed: Keyed,
    pub(super) by: KeyBy,
}

/// Each key that a function reads has its own.
#[derive(Debug)]
pub struct ByFunction<F> {
    pub keyed: Keyed,
    pub(super) key: F,
}

impl<Req> Meter<Req> for Single {
    fn check<'a>(
        &self,
        _request: &'a Req,
        _key: impl FnOnce(&KeyBy) -> Option<Key<'a>>,
        now: Instant,
    ) -> Result<Granted, Limited> {
        self.0.check(now)
    }
}

impl<Req> Meter<Req> for ByInspect {
    fn check<'a>(
        &self,
        _request: &'a Req,
        key: impl FnOnce(&KeyBy) -> Option<Key<'a>>,
        now: Instant,
    ) -> Result<Granted, Limited> {
        self.keyed.check(hash(key(&self.by)), now)
    }
}

impl<Req, F, K> Meter<Req> for ByFunction<F>
where
    F: Fn(&Req) -> Option<K>,
    K: Hash,
{
    fn check<'a>(
        &self,
        request: &'a Req,
        _key: impl FnOnce(&KeyBy) -> Option<Key<'a>>,
        now: Instant,
    ) -> Result<Granted, Limited> {
        self.keyed.check(hash((self.key)(request)), now)
    }
}
