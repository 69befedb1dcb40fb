"""A Safelight server of its own, with real workers, for the tools beside this file."""

import http.client, json, os, signal, socket, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
# `debug` serves to try the tools themselves out.
PROFILE = os.environ.get("TOOLS_PROFILE", "release")
PROGRAM = os.path.join(TARGET, PROFILE, "safelight")
CORPUS = os.path.join(ROOT, "..", "shared", "corpus")
FIXTURES = os.path.join(ROOT, "crates", "pixels", "tests", "golden", "inputs")
ACCOUNT, HASH, TOKEN = "0" * 32, "toolstoolstoolstools22", "tools-token-0123456789"


# Set once the tool is told to end.
ending = threading.Event()


def end(*_):
    """Leaves every `with` of the tool, and so no server behind."""
    ending.set()
    sys.exit("told to end")


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, end)


class NoAnswer(Exception):
    """The server gave no whole answer in time."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    """The processes that a process has started and not outlived."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            found = file.read().split()
    except OSError:
        found = []
    for entry in os.listdir("/proc"):
        # The kernel may lack the file above, and lists there only what this thread has started.
        try:
            with open(f"/proc/{entry}/stat") as file:
                if entry.isdigit() and file.read().rsplit(") ", 1)[1].split()[1] == str(pid):
                    found.append(entry)
        except OSError:
            pass
    return sorted(set(found))


def peak_bytes(pid):
    """The most memory that a process has held at once; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


class Server:
    """`safelight serve` on a throwaway data folder. Use it in a `with`."""

    def __init__(self, *flags, answer_seconds=90, before=()):
        """`before` goes before the command, as of a program that pins it to a core."""
        self.answer_seconds = answer_seconds
        self.local = threading.local()
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TOOLS_DATA"))
        self.log_path = os.path.join(self.folder.name, "log")
        self.port = free_port()
        if not os.path.exists(PROGRAM):
            sys.exit(f"{PROGRAM} is missing: build it first")
        self.command = [*before, PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", f"{self.folder.name}/data",
                        "--max-upload-bytes", "200000000", "--log-level", "warn", *flags]
        self.begin()

    def begin(self):
        env = {"SAFELIGHT_ACCOUNT_ID": ACCOUNT, "SAFELIGHT_ACCOUNT_HASH": HASH, "SAFELIGHT_API_TOKEN": TOKEN,
               "SAFELIGHT_SIGNING_KEY": "tools-key"}
        with open(self.log_path, "wb") as log:
            # What is sent to the tool's group must not end the server under the tool.
            self.process = subprocess.Popen(self.command, env=env, stdout=log, stderr=log, start_new_session=True)
        for _ in range(600):
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except NoAnswer:
                if self.process.poll() is not None:
                    break
            time.sleep(0.05)
        with open(self.log_path) as log:
            sys.exit(f"the server does not start: {log.read()[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        self.folder.cleanup()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def begin_again(self):
        """On the same data, with nothing left in memory."""
        self.end()
        self.begin()

    def alive(self):
        return self.process.poll() is None

    def request(self, method, path, body=None, headers=None):
        """Status, headers and body. NoAnswer when there is none in time."""
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            fresh = connection is None
            if fresh:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.answer_seconds)
                self.local.connection = connection
            try:
                connection.request(method, path, body, headers or {})
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.local.connection = None
                # A connection that has rested may be closed by either side; a new one may not.
                if fresh or isinstance(error, TimeoutError) or attempt == 2:
                    raise NoAnswer(f"{method} {path}: {error!r}") from error

    def get(self, path, accept="*/*"):
        return self.request("GET", path, headers={"Accept": accept})

    def api(self, method, path, body=None, kind="application/json"):
        """Status and the JSON of an answer of the management API."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        status, _, text = self.request(method, f"/client/v4/accounts/{ACCOUNT}/images/v1{path}", body, headers)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {"errors": [{"code": 0, "message": text[:200].decode("utf-8", "replace")}]}

    def upload(self, file):
        """Status and JSON. The image is public."""
        body = (b'--safelightb\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
                + file + b"\r\n--safelightb--\r\n")
        return self.api("POST", "", body, "multipart/form-data; boundary=safelightb")

    def delete(self, image):
        return self.api("DELETE", f"/{image}")

    def make_variant(self, name, options):
        status, answer = self.api("POST", "/variants", json.dumps({"id": name, "options": options}))
        if status != 200:
            sys.exit(f"the variant {name} is refused: {answer['errors']}")

    def deliver(self, image, variant, accept="*/*"):
        return self.get(f"/{HASH}/{image}/{variant}", accept)


def picture_files(corpus=True, fixtures=True):
    """Names from the root of each collection, and paths."""
    found = []
    for label, folder, wanted in (("corpus", CORPUS, corpus), ("fixtures", FIXTURES, fixtures)):
        if not wanted:
            continue
        if not os.path.isdir(folder):
            print(f"SKIPPED: there is no folder {os.path.relpath(folder, ROOT)}", file=sys.stderr)
            continue
        for place, _, names in os.walk(folder):
            for name in names:
                if not name.endswith((".tsv", ".icc", ".md")):
                    path = os.path.join(place, name)
                    found.append((f"{label}/{os.path.relpath(path, folder)}", path))
    return sorted(found)


def corpus_sizes():
    """Width and height of each file that the corpus' manifest knows."""
    sizes = {}
    manifest = os.path.join(CORPUS, "MANIFEST.tsv")
    if os.path.exists(manifest):
        with open(manifest) as file:
            for row in list(file)[1:]:
                name, _, size = row.split("\t")[:3]
                sides = size.split("x")
                if len(sides) == 2 and all(side.isdigit() for side in sides):
                    sizes[f"corpus/{name}"] = (int(sides[0]), int(sides[1]))
    return sizes
