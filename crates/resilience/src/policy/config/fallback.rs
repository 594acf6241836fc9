//! What to answer when the callee cannot.

use std::hash::Hash;
use std::time::Instant;

use http::{HeaderValue, StatusCode};
use nines_model::policy::{Fallback, FallbackService};

use crate::Invalid;
use crate::fallback::{Chain, Fallback as Source, LastGood, LastGoodConfig};
use crate::layer::fallback::Page;

/// The sources of answers, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FallbackConfig {
    /// The last good answer to the same request.
    pub last_good: Option<LastGoodConfig>,
    /// Another service.
    pub service: Option<FallbackService>,
    /// Always the same.
    pub fixed: Option<Page>,
}

impl FallbackConfig {
    /// Whether there is no source.
    pub fn is_empty(&self) -> bool {
        self.last_good.is_none() && self.service.is_none() && self.fixed.is_none()
    }
}

impl FallbackConfig {
    /// The sources for answers of type `V`: `page` makes one of the fixed page, `weigh` says how many bytes a key and an
    /// answer hold.
    pub fn chain<K, V>(
        &self,
        page: impl FnOnce(&Page) -> V,
        weigh: fn(&K, &V) -> usize,
        now: Instant,
    ) -> Result<Chain<K, V>, Invalid>
    where
        K: Hash + Eq + Clone,
        V: Clone,
    {
        let last_good = self.last_good.map(|config| LastGood::new(config, weigh, now));
        let last_good = last_good.transpose()?.map(Source::LastGood);
        let other = self.service.as_ref().map(|_| Source::Alternative);
        let fixed = self.fixed.as_ref().map(|fixed| Source::Static(page(fixed)));
        Ok(Chain::new(last_good.into_iter().chain(other).chain(fixed).collect()))
    }
}

impl TryFrom<Option<&Fallback>> for FallbackConfig {
    type Error = Invalid;

    fn try_from(fallback: Option<&Fallback>) -> Result<Self, Invalid> {
        let Some(fallback) = fallback else {
            return Ok(Self::default());
        };
        let last_good = fallback.stale_if_error.map(|stale| LastGoodConfig {
            max_age: stale.max_age,
            max_entries: stale.max_entries as usize,
            max_bytes: stale.max_bytes as usize,
            ..LastGoodConfig::default()
        });
        last_good.as_ref().map_or(Ok(()), LastGoodConfig::validate)?;
        Ok(Self {
            last_good,
            service: fallback.service.clone(),
            fixed: fallback.status.map(|status| fixed(status, fallback)).transpose()?,
        })
    }
}

fn fixed(status: u16, fallback: &Fallback) -> Result<Page, Invalid> {
    let good = StatusCode::from_u16(status)
        .ok()
        .filter(|status| status.as_u16() >= 200);
    let content_type = fallback.content_type.as_deref().map(|text| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_bad| Invalid::new("fallback.contentType", text, "a header value"))
    });
    Ok(Page {
        status: good.ok_or_else(|| Invalid::new("fallback.status", status, "200 to 599"))?,
        content_type: content_type.transpose()?,
        body: fallback.body.clone(),
    })
}
