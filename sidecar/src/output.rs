//! Lines to the other side. Answers wait until there is room; events do not: what does not fit is counted, and one
//! `lagged` event says so.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use crate::{
    error::{Context, Error, Result},
    protocol::{Answer, Event, Line},
};

/// How many lines wait for the reader.
const CAPACITY: usize = 1024;

/// Where lines go in; cheap to clone.
#[derive(Debug, Clone)]
pub struct Output {
    lines: mpsc::Sender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Output {
    /// Returns the way in, and what `write` empties.
    pub fn new() -> (Self, mpsc::Receiver<Line>) {
        let (lines, queue) = mpsc::channel(CAPACITY);
        (Self { lines, dropped: Arc::default() }, queue)
    }

    /// Answers a request. A reader that is gone ends the process elsewhere.
    pub async fn answer(&self, id: u64, result: Result<Answer>) {
        let line = match result {
            Ok(ok) => Line::Answer { id, ok: Box::new(ok) },
            Err(err) => Line::Failure { id, error: (&err).into() },
        };
        let _ = self.lines.send(line).await;
    }

    /// Tells of an event, unless the queue is full.
    pub fn event(&self, event: Event) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 && self.lines.try_send(Line::Event(Event::Lagged { dropped })).is_err() {
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        if self.lines.try_send(Line::Event(event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes lines until all senders are gone. Lines that wait together are written together.
pub async fn write(mut queue: mpsc::Receiver<Line>, mut to: impl AsyncWrite + Unpin) -> Result<()> {
    while let Some(line) = queue.recv().await {
        to.write_all(&encode(&line)?).await.context("write")?;
        while let Ok(line) = queue.try_recv() {
            to.write_all(&encode(&line)?).await.context("write")?;
        }
        to.flush().await.context("write")?;
    }
    Ok(())
}

fn encode(line: &Line) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line).map_err(|err| Error::Internal { what: "encode", cause: err.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dropped_events_are_counted_and_told_once() {
        let (output, mut queue) = Output::new();
        for _ in 0..CAPACITY + 7 {
            output.event(Event::Changed { doc: "d".into() });
        }
        let mut told = 0;
        while queue.try_recv().is_ok() {
            told += 1;
        }
        assert_eq!(told, CAPACITY);
        output.event(Event::Changed { doc: "d".into() });
        assert_eq!(queue.try_recv().unwrap(), Line::Event(Event::Lagged { dropped: 7 }));
        assert_eq!(queue.try_recv().unwrap(), Line::Event(Event::Changed { doc: "d".into() }));
    }
}
