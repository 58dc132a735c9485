//! The runtime of a program, and its end. Dropping a runtime waits for every thread that reads or writes a file, and a disk
//! that hangs lets go of none: a process that was told to stop would stay until it is killed.

use std::io;
use std::time::Duration;

use tokio::runtime::Runtime;

/// How long threads get at the end. Whatever was acknowledged is done by then: requests and background work have ended.
const LEAVE: Duration = Duration::from_secs(2);

/// Runs a program on a runtime of its own, and leaves threads behind that hang.
pub fn run_to_end<T>(program: impl Future<Output = T>) -> io::Result<T> {
    leave_after(LEAVE, program)
}

fn leave_after<T>(patience: Duration, program: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let said = runtime.block_on(program);
    runtime.shutdown_timeout(patience);
    Ok(said)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_keep_the_process() {
        let (release, hang) = mpsc::channel::<()>();
        let (ended, end) = mpsc::channel();
        let process = std::thread::spawn(move || {
            let stuck = async {
                drop(tokio::task::spawn_blocking(move || hang.recv()));
                7
            };
            ended.send(leave_after(Duration::from_millis(10), stuck).unwrap()).unwrap();
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok(7), "the process waits for the thread");
        drop(release);
        process.join().unwrap();
    }
}
