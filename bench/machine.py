"""The machine: which core does what, what processes take of it, and how it is described."""

import os, platform, re, subprocess, threading, time

# Two cores are enough: one for the server of the moment, one for what asks it.
SERVER_CORE, CLIENT_CORE = 0, 1
ON_SERVER_CORE = ("taskset", "-c", str(SERVER_CORE))
ON_BOTH_CORES = ("taskset", "-c", f"{SERVER_CORE},{CLIENT_CORE}")


def pin_client():
    """Moves this process to its core. What it starts is there too, unless started otherwise."""
    os.sched_setaffinity(0, {CLIENT_CORE})


def family(pid):
    """The process and all that it has started, directly or not."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents.setdefault(int(file.read().rsplit(") ", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


def cpu_seconds(pid):
    """Processor time of a process and all that it has started. Render workers end after their share of pictures, so what
    children took that have been waited for counts too."""
    total = 0.0
    for member in family(pid):
        try:
            # The clock of another process, as clock_getcpuclockid(3) names it.
            total += time.clock_gettime(~member << 3 | 2)
            with open(f"/proc/{member}/stat") as file:
                fields = file.read().rsplit(") ", 1)[1].split()
            # cutime and cstime.
            total += sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass
    return total


def settle(pid, quiet=0.8, most=120):
    """Waits until the processes have done nothing for `quiet` seconds, so that no work in the background is
    counted for whoever comes next. Returns the processor seconds that went by."""
    began, deadline = cpu_seconds(pid), time.monotonic() + most
    last, since = began, time.monotonic()
    while time.monotonic() - since < quiet:
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not come to rest in {most} s")
        time.sleep(0.1)
        now = cpu_seconds(pid)
        # Timers that look for work take a little all the time.
        if now - last > 0.005:
            since = time.monotonic()
        last = now
    return last - began


def memory_now(pids):
    """Bytes of memory of the processes together; what they share counts once (PSS)."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE)[1]) * 1024
        except (OSError, TypeError):
            pass
    return total


class MemoryPeak(threading.Thread):
    """The most memory of the processes together, looked at again and again."""

    def __init__(self, pids):
        """`pids` is asked each time, since processes come and go."""
        super().__init__(daemon=True)
        self.pids, self.peak, self.looks, self.over = pids, 0, 0, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        while not self.over.wait(0.005):
            self.peak = max(self.peak, memory_now(self.pids()))
            self.looks += 1


def output(*command):
    """The first line that a command says, or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError as error:
        return str(error)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def described(root):
    """Lines on processor, kernel and program."""
    with open("/proc/cpuinfo") as file:
        text = file.read()
    field = lambda name: re.search(rf"^{name}\s*: (.*)$", text, re.MULTILINE)
    known = [match[1] for match in map(field, ("model name", "cpu family", "model", "stepping", "cpu MHz")) if match]
    model = known[0] + (" (family {}, model {}, stepping {}), {} MHz".format(*known[1:]) if len(known) == 5 else "")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 1048576
    busy = os.getloadavg()[0]
    return [f"Processor: {model}, {os.cpu_count()} cores, {memory:.0f} GiB of memory.",
            f"Kernel: {platform.system()} {platform.release()}; {platform.freedesktop_os_release()['PRETTY_NAME']}.",
            f"Safelight: {output('git', '-C', root, 'describe', '--always', '--dirty')}, {output('rustc', '--version')}.",
            f"Load of the machine when the run began: {busy:.2f}."]
