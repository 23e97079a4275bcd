//! Tickets of documents, as Iroh writes them.

use iroh::EndpointAddr;
use iroh_docs::{Capability, DocTicket, NamespaceId};

use crate::error::{Error, Result};

/// The longest text that is read as a ticket.
const MAX_TICKET: usize = 4096;
/// How many peers a ticket may name.
const MAX_PEERS: usize = 16;

pub fn parse(text: &str) -> Result<DocTicket> {
    if text.len() > MAX_TICKET {
        return Err(Error::TooLarge(format!("a ticket has at most {MAX_TICKET} characters")));
    }
    let ticket: DocTicket = text.trim().parse().map_err(|err| Error::invalid(format!("not a ticket: {err}")))?;
    if ticket.nodes.len() > MAX_PEERS {
        return Err(Error::invalid(format!("a ticket names at most {MAX_PEERS} peers")));
    }
    Ok(ticket)
}

/// Writes a ticket for a document that names an endpoint's present addresses.
pub fn format(capability: Capability, endpoint: EndpointAddr) -> String {
    DocTicket::new(capability, vec![endpoint]).to_string()
}

pub fn doc(ticket: &DocTicket) -> NamespaceId {
    ticket.capability.id()
}

pub fn writable(ticket: &DocTicket) -> bool {
    matches!(ticket.capability, Capability::Write(_))
}

#[cfg(test)]
mod tests {
    use iroh::SecretKey;
    use iroh_docs::NamespaceSecret;

    use super::*;

    #[test]
    fn a_ticket_survives_being_text() {
        let secret = NamespaceSecret::from_bytes(&[7; 32]);
        let address = EndpointAddr::new(SecretKey::from_bytes(&[9; 32]).public()).with_ip_addr(([127, 0, 0, 1], 5).into());
        for (capability, write) in [(Capability::Write(secret.clone()), true), (Capability::Read(secret.id()), false)] {
            let read = parse(&format(capability, address.clone())).unwrap();
            assert_eq!((doc(&read), writable(&read), &read.nodes[0]), (secret.id(), write, &address));
        }
    }

    #[test]
    fn what_is_no_ticket_is_refused() {
        for text in ["", "doc", "docaaaa", "\u{0}", &"x".repeat(MAX_TICKET + 1)] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
