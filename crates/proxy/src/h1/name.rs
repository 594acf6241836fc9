//! The field names that the proxy acts on.

/// A field name as one byte. Everything the proxy does not act on is [`Name::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Name {
    Other,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    Expect,
    Upgrade,
    Te,
    Trailer,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    Http2Settings,
    Cookie,
    Date,
    Forwarded,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XForwardedPort,
    Via,
    XRequestId,
    XNinesTimeoutMs,
    XNinesAttempt,
    /// Any other `x-nines-` field.
    XNines,
    GrpcTimeout,
    Traceparent,
}

impl Name {
    /// Looks a name up; names are case-insensitive (RFC 9110 section 5.1).
    #[inline]
    pub fn of(name: &[u8]) -> Name {
        candidates(name.len())
            .iter()
            .find(|(text, _)| name.eq_ignore_ascii_case(text.as_bytes()))
            .map_or_else(|| Name::in_our_space(name), |&(_, id)| id)
    }

    /// Whether the field concerns this connection only and is never forwarded (RFC 9110 section 7.6.1). Proxy
    /// credentials and `HTTP2-Settings` (RFC 7540 section 3.2.1) count too: nobody behind a gateway may need them.
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Name::Connection
                | Name::TransferEncoding
                | Name::Upgrade
                | Name::Te
                | Name::KeepAlive
                | Name::ProxyConnection
                | Name::ProxyAuthenticate
                | Name::ProxyAuthorization
                | Name::Http2Settings
        )
    }

    fn in_our_space(name: &[u8]) -> Name {
        match name.get(..8) {
            Some(prefix) if prefix.eq_ignore_ascii_case(b"x-nines-") => Name::XNines,
            _ => Name::Other,
        }
    }
}

/// The known names of one length: most names of real traffic meet an empty list or fail on their first byte.
fn candidates(len: usize) -> &'static [(&'static str, Name)] {
    match len {
        2 => &[("te", Name::Te)],
        3 => &[("via", Name::Via)],
        4 => &[("host", Name::Host), ("date", Name::Date)],
        6 => &[("cookie", Name::Cookie), ("expect", Name::Expect)],
        7 => &[("upgrade", Name::Upgrade), ("trailer", Name::Trailer)],
        9 => &[("forwarded", Name::Forwarded)],
        10 => &[("connection", Name::Connection), ("keep-alive", Name::KeepAlive)],
        11 => &[("traceparent", Name::Traceparent)],
        12 => &[("x-request-id", Name::XRequestId), ("grpc-timeout", Name::GrpcTimeout)],
        14 => &[
            ("content-length", Name::ContentLength),
            ("http2-settings", Name::Http2Settings),
        ],
        15 => &[
            ("x-forwarded-for", Name::XForwardedFor),
            ("x-nines-attempt", Name::XNinesAttempt),
        ],
        16 => &[
            ("x-forwarded-host", Name::XForwardedHost),
            ("x-forwarded-port", Name::XForwardedPort),
            ("proxy-connection", Name::ProxyConnection),
        ],
        17 => &[
            ("transfer-encoding", Name::TransferEncoding),
            ("x-forwarded-proto", Name::XForwardedProto),
        ],
        18 => &[
            ("proxy-authenticate", Name::ProxyAuthenticate),
            ("x-nines-timeout-ms", Name::XNinesTimeoutMs),
        ],
        19 => &[("proxy-authorization", Name::ProxyAuthorization)],
        _ => &[],
    }
}
