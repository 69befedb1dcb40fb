//! How the server process stands, by the names that Prometheus' own clients have for it.

use super::Text;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What the kernel says of this process; what it does not say is left out.
#[derive(Clone, Debug, Default)]
pub struct Process {
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    threads: Option<u64>,
    open_fds: Option<u64>,
}

impl Process {
    /// Asks. Blocks for as long as a few small files of the kernel take.
    pub fn read() -> Process {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        let kibibytes = |name| field(name).map(|kibibytes| kibibytes.saturating_mul(1024));
        Process {
            resident_bytes: kibibytes("VmRSS"),
            virtual_bytes: kibibytes("VmSize"),
            threads: field("Threads"),
            // One of them is of this look.
            open_fds: std::fs::read_dir("/proc/self/fd")
                .ok()
                .map(|open| (open.count() as u64).saturating_sub(1)),
        }
    }

    /// Writes it, with the moment of the start in milliseconds since 1970.
    pub fn write(&self, started_ms: i64, text: &mut Text) {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        text.counter(
            "process_cpu_seconds_total",
            "Processor time of the server, without its workers.",
            seconds,
        );
        let started = started_ms as f64 / 1e3;
        text.gauge("process_start_time_seconds", "When it was started, since 1970.", started);
        if let Some(most) = getrlimit(Resource::Nofile).current {
            text.gauge("process_max_fds", "Descriptors that it may have open.", most);
        }
        for (name, help, value) in [
            ("process_open_fds", "Descriptors that it has open.", self.open_fds),
            (
                "process_resident_memory_bytes",
                "Memory that it holds, without its workers.",
                self.resident_bytes,
            ),
            ("process_virtual_memory_bytes", "Memory that it has mapped.", self.virtual_bytes),
            ("process_threads", "Its threads.", self.threads),
        ] {
            if let Some(value) = value {
                text.gauge(name, help, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_everything_of_a_running_process() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{process:?}");
        assert!(process.virtual_bytes >= process.resident_bytes, "{process:?}");
        assert!(process.threads.is_some_and(|count| count > 0), "{process:?}");
        assert!(process.open_fds.is_some_and(|count| count > 2), "{process:?}");
        let mut text = Text::default();
        process.write(1_500, &mut text);
        let text = text.finish();
        assert!(text.contains("\nprocess_start_time_seconds 1.5\n"), "{text}");
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 7, "{text}");
    }
}
