//! The command line. It carries no secret: the key is in the directory.

use std::{net::SocketAddr, path::PathBuf};

use iroh::RelayUrl;

use crate::error::{Error, Result};

pub const USAGE: &str = "usage: sensocto-sidecar --dir DIR [--bind ADDRESS:PORT] [--relay none|iroh|URL] [--discovery none|local,dns]

Reads requests from stdin and writes answers and events to stdout, one JSON object a line. Started by sensocto.";

/// Which relay servers help where no direct path is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relay {
    None,
    Iroh,
    Own(RelayUrl),
}

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the key, the documents and the blobs are.
    pub dir: PathBuf,
    /// Port 0 means: the port of the last start, or any.
    pub bind: SocketAddr,
    pub relay: Relay,
    /// Finds peers in the local network, by mDNS.
    pub local: bool,
    /// Publishes and resolves addresses by Iroh's DNS.
    pub dns: bool,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { dir: PathBuf::new(), bind: SocketAddr::from(([0, 0, 0, 0], 0)), relay: Relay::None, local: false, dns: false };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or_else(|| Error::invalid(format!("{flag} needs a value")))?;
            match flag.as_str() {
                "--dir" => options.dir = PathBuf::from(value),
                "--bind" => options.bind = value.parse().map_err(|err| Error::invalid(format!("--bind {value}: {err}")))?,
                "--relay" => options.relay = parse_relay(&value)?,
                "--discovery" => options.discover(&value)?,
                _ => return Err(Error::invalid(format!("there is no option {flag}"))),
            }
        }
        if options.dir.as_os_str().is_empty() {
            return Err(Error::invalid("--dir is missing"));
        }
        Ok(options)
    }

    fn discover(&mut self, value: &str) -> Result<()> {
        for way in value.split(',') {
            match way {
                "none" => {}
                "local" => self.local = true,
                "dns" => self.dns = true,
                _ => return Err(Error::invalid(format!("--discovery {way}: it is none, local or dns"))),
            }
        }
        Ok(())
    }
}

fn parse_relay(value: &str) -> Result<Relay> {
    match value {
        "none" => Ok(Relay::None),
        "iroh" => Ok(Relay::Iroh),
        url => url.parse().map(Relay::Own).map_err(|err| Error::invalid(format!("--relay {url}: {err}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn defaults_reach_nobody_but_known_addresses() {
        let options = parse("--dir d").unwrap();
        assert_eq!((options.relay, options.local, options.dns), (Relay::None, false, false));
    }

    #[test]
    fn everything_can_be_set() {
        let options = parse("--dir d --bind 127.0.0.1:7 --relay https://relay.example.org --discovery local,dns").unwrap();
        assert_eq!(options.bind, SocketAddr::from(([127, 0, 0, 1], 7)));
        assert!(matches!(options.relay, Relay::Own(_)) && options.local && options.dns);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, says) in [
            ("", "--dir is missing"),
            ("--dir", "needs a value"),
            ("--dir d --bind x", "--bind x"),
            ("--dir d --relay :", "--relay :"),
            ("--dir d --discovery all", "all"),
            ("--x y", "--x"),
        ] {
            let message = parse(line).unwrap_err().to_string();
            assert!(message.contains(says), "{line:?}: {message}");
        }
    }
}
