//! The program while it runs: started, watched, sent signals.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::world::{Ran, SignIn, World, finish};

/// So long is waited for what must happen, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run that has not ended yet; killed when dropped.
pub(crate) struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl World {
    /// `run users.csv` with these options, under way.
    pub(crate) fn start(&self, how: SignIn, options: &str) -> Running {
        let mut program = self.program();
        program
            .args(["run", "users.csv"])
            .args(self.sign_in(how))
            .args(options.split_whitespace());
        Running::of(program)
    }
}

impl Running {
    pub(crate) fn of(mut program: Command) -> Self {
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("runs");
        let stderr = child.stderr.take().expect("piped");
        Self::with(child, BufReader::new(stderr))
    }

    /// A child, and where what it says is read from.
    pub(crate) fn with(child: Child, stderr: impl BufRead + Send + 'static) -> Self {
        let said = Arc::<Mutex<String>>::default();
        let heard = Arc::clone(&said);
        let reader = thread::spawn(move || {
            for byte in stderr.bytes().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push(char::from(byte));
            }
        });
        Self {
            child,
            said,
            reader: Some(reader),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it has said this.
    pub(crate) async fn says(&self, text: &str) {
        until(&format!("it says `{text}`"), || self.said().contains(text)).await;
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.pid().to_string()]);
        assert_eq!(finish(kill).code, 0, "{name} is sent");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Ends it with SIGKILL, if it has not ended.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("ends");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let mut stdout = self.child.stdout.take();
        let (status, stdout) = tokio::task::block_in_place(|| {
            let stdout = stdout.as_mut().map(std::io::read_to_string);
            (self.child.wait().expect("ends"), stdout)
        });
        self.reader.take().map(JoinHandle::join);
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: stdout.transpose().expect("UTF-8").unwrap_or_default(),
            stderr: self.said(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until this holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
