//! Properties that must hold for every seed: several seeds at once, every failure told, each with the way to see it again.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds at once. More than a small machine has cores: a seed that waits between two attempts leaves its core to others.
const THREADS: usize = 6;

/// Seeds for which a property is checked.
#[derive(Debug, Clone)]
pub struct Seeds {
    variable: &'static str,
    range: Range<u64>,
    longest: Duration,
}

impl Seeds {
    /// The seeds that an environment variable asks for: `17` is one, `0..200` a range. Without it those of `default`, as
    /// many as `longest` allows.
    pub fn asked(variable: &'static str, default: Range<u64>, longest: Duration) -> Self {
        let number = |text: &str| {
            let text = text.trim();
            text.parse::<u64>().unwrap_or_else(|_| panic!("{variable} is a seed such as 17 or a range such as 0..200"))
        };
        let Ok(asked) = std::env::var(variable) else { return Self { variable, range: default, longest } };
        let range = match asked.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => number(&asked)..number(&asked).saturating_add(1),
        };
        Self { variable, range, longest: Duration::MAX }
    }

    /// Holds `property` against every seed; a panic counts as a failure of its seed.
    pub fn hold(&self, property: impl Fn(u64) -> Result<(), String> + Sync) {
        let started = Instant::now();
        let (next, done) = (AtomicU64::new(self.range.start), AtomicU64::new(0));
        let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
        let work = || {
            while started.elapsed() < self.longest {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= self.range.end {
                    break;
                }
                let checked =
                    catch_unwind(AssertUnwindSafe(|| property(seed))).unwrap_or_else(|panic| Err(told(&*panic)));
                done.fetch_add(1, Ordering::SeqCst);
                if let Err(broken) = checked {
                    eprintln!("seed {seed}: {broken}");
                    failed.lock().unwrap().push((seed, broken));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
        let (done, mut failed) = (done.into_inner(), failed.into_inner().unwrap());
        assert!(done > 0, "no seed was run");
        eprintln!("{done} seeds in {:.1?}", started.elapsed());
        failed.sort();
        if let Some((seed, broken)) = failed.first() {
            let seeds: Vec<String> = failed.iter().map(|(seed, _)| seed.to_string()).collect();
            let variable = self.variable;
            panic!(
                "{} of {done} seeds failed: {}\nthe first again: {variable}={seed} and the same test\nseed {seed}: {broken}",
                failed.len(),
                seeds.join(" "),
            );
        }
    }
}

/// What a panic says.
fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
