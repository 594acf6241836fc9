//! Heads on their way: copied once from the buffer they came in to the buffer they leave from, edited in passing.
//!
//! Fields that stay are copied in runs, line ends included, so a head of which nothing but the first line changes costs
//! a few copies however many fields it has.

use std::net::{IpAddr, SocketAddr};

use crate::config::Forwarding;
use crate::filter::{HeaderEdits, RequestPlan};
use crate::h1::{Body, Field, Form, Name, RequestHead, ResponseHead, Version, write};

/// What a request's new head is made of.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) head: &'a RequestHead,
    /// Begins with the head.
    pub(crate) bytes: &'a [u8],
    pub(crate) plan: &'a RequestPlan,
    /// Bytes of the path that the rule's prefix covers.
    pub(crate) prefix: usize,
    pub(crate) forwarding: &'a Forwarding,
    pub(crate) peer: SocketAddr,
    pub(crate) id: &'a [u8],
    /// Milliseconds that are left.
    pub(crate) timeout_ms: Option<u64>,
    /// From 1.
    pub(crate) attempt: u32,
}

/// What a response's new head is made of.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) head: &'a ResponseHead,
    /// Begins with the head.
    pub(crate) bytes: &'a [u8],
    pub(crate) edits: &'a HeaderEdits,
    pub(crate) forwarding: &'a Forwarding,
    pub(crate) id: &'a [u8],
    /// The body goes out in chunks.
    pub(crate) chunked: bool,
    /// The connection ends with this answer.
    pub(crate) close: bool,
    /// The client's version, which decides how the end of the connection is told.
    pub(crate) version: Version,
}

/// Writes the request's head for the endpoint.
pub(crate) fn request(from: &Outgoing<'_>, out: &mut Vec<u8>) {
    request_line(from, out);
    let keeps_host = from.plan.host.is_none() && from.head.form == Form::Origin && !from.head.authority.is_empty();
    if !keeps_host {
        let own = from.head.authority.of(from.bytes);
        let host = from.plan.host.as_ref().map_or(own, |host| host.as_bytes());
        write::field(out, b"host", host);
    }
    copy(
        &from.head.fields,
        from.bytes,
        out,
        |field| match field.id {
            Name::Other => false,
            Name::Host => !keeps_host,
            Name::Expect => !from.head.expect_continue,
            id => replaces(id, from.forwarding),
        },
        &from.plan.headers,
    );
    request_framing(from.head, out);
    forwarded(from, out);
    if let Some(timeout) = from.timeout_ms {
        out.extend_from_slice(b"x-nines-timeout-ms: ");
        write::decimal(out, timeout);
        out.extend_from_slice(b"\r\n");
    }
    if from.attempt > 1 {
        out.extend_from_slice(b"x-nines-attempt: ");
        write::decimal(out, u64::from(from.attempt));
        out.extend_from_slice(b"\r\n");
    }
    additions(&from.plan.headers, out);
    out.extend_from_slice(b"\r\n");
}

/// Writes the response's head for the client.
pub(crate) fn response(from: &Incoming<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    write::decimal(out, u64::from(from.head.status));
    out.push(b' ');
    out.extend_from_slice(from.head.reason.of(from.bytes));
    out.extend_from_slice(b"\r\n");
    let own_id = from.forwarding.request_id;
    copy(
        &from.head.fields,
        from.bytes,
        out,
        |field| match field.id {
            Name::XRequestId => own_id,
            _ => false,
        },
        from.edits,
    );
    if from.chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if from.head.switching {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    } else if from.close {
        out.extend_from_slice(b"connection: close\r\n");
    } else if from.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    if own_id {
        write::field(out, b"x-request-id", from.id);
    }
    via(from.forwarding, from.head.version, out);
    additions(from.edits, out);
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim (1xx) response's head for the client.
pub(crate) fn interim(head: &ResponseHead, bytes: &[u8], out: &mut Vec<u8>) {
    write::status_line(out, head.status);
    copy(&head.fields, bytes, out, |_| false, &HeaderEdits::default());
    out.extend_from_slice(b"\r\n");
}

fn request_line(from: &Outgoing<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(from.head.method_name.of(from.bytes));
    out.push(b' ');
    let path = from.head.path(from.bytes);
    match &from.plan.path {
        Some(rewrite) if from.head.form != Form::Asterisk => {
            for piece in rewrite.apply(path, from.prefix) {
                out.extend_from_slice(piece);
            }
        }
        _ => out.extend_from_slice(path),
    }
    if let Some(query) = from.head.query {
        out.push(b'?');
        out.extend_from_slice(query.of(from.bytes));
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

fn request_framing(head: &RequestHead, out: &mut Vec<u8>) {
    if head.body == Body::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if head.upgrade.is_some() {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    } else if head.te_trailers {
        out.extend_from_slice(b"connection: te\r\nte: trailers\r\n");
    }
}

/// Whether the client's field of that name gives way to ours, or must not be believed.
fn replaces(id: Name, forwarding: &Forwarding) -> bool {
    match id {
        Name::XNinesTimeoutMs | Name::XNinesAttempt => true,
        Name::XRequestId => forwarding.request_id || !forwarding.trust_client,
        Name::XForwardedFor | Name::XForwardedProto | Name::XForwardedHost | Name::XForwardedPort | Name::Forwarded => {
            !forwarding.trust_client
        }
        Name::XNines => !forwarding.trust_client,
        _ => false,
    }
}

/// Who asked, how and for what. A trusted client's own words are continued: lists get one more member, the first host
/// and protocol stay.
fn forwarded(from: &Outgoing<'_>, out: &mut Vec<u8>) {
    let forwarding = from.forwarding;
    let host = from.head.authority.of(from.bytes);
    let told = |id| forwarding.trust_client && from.head.fields.iter().any(|field| field.id == id);
    if forwarding.x_forwarded {
        out.extend_from_slice(b"x-forwarded-for: ");
        address(from.peer.ip(), out);
        out.extend_from_slice(b"\r\n");
        if !told(Name::XForwardedProto) {
            out.extend_from_slice(b"x-forwarded-proto: http\r\n");
        }
        if !told(Name::XForwardedHost) && !host.is_empty() {
            write::field(out, b"x-forwarded-host", host);
        }
    }
    if forwarding.forwarded {
        standard_forwarded(from.peer.ip(), host, out);
    }
    via(forwarding, from.head.version, out);
    if forwarding.request_id {
        write::field(out, b"x-request-id", from.id);
    }
}

/// RFC 7239 section 4; an IPv6 address stands in brackets and quotes (section 6).
fn standard_forwarded(ip: IpAddr, host: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"forwarded: for=");
    match ip.to_canonical() {
        IpAddr::V4(_) => address(ip, out),
        IpAddr::V6(_) => {
            out.extend_from_slice(b"\"[");
            address(ip, out);
            out.extend_from_slice(b"]\"");
        }
    }
    out.extend_from_slice(b";proto=http");
    if !host.is_empty() {
        out.extend_from_slice(b";host=\"");
        out.extend_from_slice(host);
        out.push(b'"');
    }
    out.extend_from_slice(b"\r\n");
}

fn via(forwarding: &Forwarding, version: Version, out: &mut Vec<u8>) {
    let Some(name) = &forwarding.via else { return };
    out.extend_from_slice(match version {
        Version::Http10 => b"via: 1.0 ",
        Version::Http11 => b"via: 1.1 ",
    });
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn address(ip: IpAddr, out: &mut Vec<u8>) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            for (i, octet) in ip.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                write::decimal(out, u64::from(octet));
            }
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// Copies the fields that stay.
fn copy(fields: &[Field], bytes: &[u8], out: &mut Vec<u8>, replaced: impl Fn(&Field) -> bool, edits: &HeaderEdits) {
    let edited = !edits.is_empty();
    let mut run: Option<(u32, u32)> = None;
    for field in fields {
        let goes = field.hop || replaced(field) || (edited && edits.drops(field.name.of(bytes)));
        if goes {
            flush_run(&mut run, bytes, out);
        } else {
            // The line ends with CRLF behind optional whitespace, which ends no run: it is copied with the next line.
            let start = run.map_or(field.name.start, |(start, _)| start);
            run = Some((start, field.value.end));
        }
    }
    flush_run(&mut run, bytes, out);
}

fn flush_run(run: &mut Option<(u32, u32)>, bytes: &[u8], out: &mut Vec<u8>) {
    if let Some((start, end)) = run.take() {
        out.extend_from_slice(&bytes[start as usize..end as usize]);
        out.extend_from_slice(b"\r\n");
    }
}

fn additions(edits: &HeaderEdits, out: &mut Vec<u8>) {
    for (name, value) in edits.additions() {
        write::field(out, name.as_bytes(), value.as_bytes());
    }
}

#[cfg(test)]
mod tests;
