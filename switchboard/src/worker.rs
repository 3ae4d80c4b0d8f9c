//! A thread that does one piece of work after the other.

use std::sync::mpsc::{SendError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::{fmt, io};

/// Does what it is sent, in that order, on a thread of its own. Whoever drops it waits for the work under way: then all
/// that the work owns is gone too, such as a connection to a database's file.
pub(crate) struct Worker<W> {
    // Dropped in this order: without a sender the thread ends.
    work: Sender<W>,
    _thread: Joined,
}

impl<W> fmt::Debug for Worker<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Worker")
    }
}

impl<W: Send + 'static> Worker<W> {
    /// Starts the thread.
    pub(crate) fn start(name: &str, mut perform: impl FnMut(W) + Send + 'static) -> io::Result<Self> {
        let (work, pieces) = channel();
        let run = move || pieces.into_iter().for_each(&mut perform);
        let thread = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { work, _thread: Joined(Some(thread)) })
    }

    /// Sends a piece of work. Fails if the thread has ended by a panic.
    pub(crate) fn send(&self, work: W) -> Result<(), SendError<W>> {
        self.work.send(work)
    }
}

/// A thread whose end is waited for.
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        // A panic has been told by then.
        let _ = self.0.take().map(JoinHandle::join);
    }
}
