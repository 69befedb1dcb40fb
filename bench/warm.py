"""Rows in which nothing is made: cached signed pictures beside nginx, and what a signature costs."""

import base64, hashlib, hmac, json, os, re, signal, statistics, subprocess, time, urllib.error, urllib.request
import machine, pictures
from cold import workplace
from contestants import Web, Safelight, configure_nginx
from machine import CLIENT_CORE, ON_SERVER_CORE
from rounds import ratios, spread, table
from tool_server import HASH, free_port

KEY = "tools-key"
BODIES = (10_000, 50_000)
CONNECTIONS = 32
DAY = 86_400


def upload(safelight, path, private):
    """The id of a picture that is private or public."""
    fields = f'--b\r\nContent-Disposition: form-data; name="requireSignedURLs"\r\n\r\n{json.dumps(private)}\r\n'
    body = (fields + '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n').encode()
    status, answer = safelight.server.api("POST", "", body + pictures.read(path) + b"\r\n--b--\r\n",
                                          "multipart/form-data; boundary=b")
    if status != 200:
        raise pictures.WrongAnswer(f"an upload is refused: {answer['errors']}")
    return answer["result"]["id"]


def signed(path):
    target = f"{path}?exp={int(time.time()) + DAY}"
    return f"{target}&sig={hmac.new(KEY.encode(), target.encode(), hashlib.sha256).hexdigest()}"


def nginx_signed(name):
    exp = int(time.time()) + DAY
    digest = hashlib.md5(f"{exp}/signed/{name} {KEY}".encode()).digest()
    return f"/signed/{name}?md5={base64.urlsafe_b64encode(digest).decode().rstrip('=')}&expires={exp}"


def variant_of(safelight, image, bytes):
    """The options whose JPEG of an image comes closest to so many bytes."""
    def length(width):
        return len(safelight.web.get(signed(options(image, width))))

    low, high = 50, 1600
    while high - low > 8:
        middle = (low + high) // 2
        low, high = (middle, high) if length(middle) < bytes else (low, middle)
    return options(image, low)


def options(image, width):
    return f"/{HASH}/{image}/width={width},quality=80,format=jpeg"


def load(port, path, seconds):
    """Requests answered, requests a second, and microseconds of the 99th percentile, by wrk."""
    done = subprocess.run(["taskset", "-c", str(CLIENT_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
                           f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise pictures.WrongAnswer(done)
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done).groups()
    scale = {"us": 1, "ms": 1000, "s": 1_000_000}[unit]
    return (int(re.search(r"(\d+) requests in", done)[1]), float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1]),
            float(value) * scale)


class Side:
    """One address under load, and the process behind it."""

    def __init__(self, name, pid, port, path):
        self.name, self.pid, self.port, self.path = name, pid, port, path
        self.rates, self.by_cpu, self.tails = [], [], []

    def run(self, seconds):
        machine.settle(self.pid, quiet=0.3)
        before = machine.cpu_seconds(self.pid)
        answered, rate, tail = load(self.port, self.path, seconds)
        self.by_cpu.append(answered / (machine.cpu_seconds(self.pid) - before))
        self.rates.append(rate)
        self.tails.append(tail)

    def row(self):
        return [self.name, spread(self.by_cpu, 0), f"{1e6 / statistics.median(self.by_cpu):.1f}", spread(self.rates, 0),
                f"{statistics.median(self.tails):.0f}"]


COLUMNS = ["", "requests a processor second", "processor µs a request", "requests/s", "p99 µs"]


def alternate(effort, sides):
    for number in range(effort.rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.run(effort.seconds)
    return table(COLUMNS, [side.row() for side in sides])


def start_nginx(folder):
    port = free_port()
    os.makedirs(os.path.join(folder, "www", "signed"))
    config = configure_nginx(folder, port, os.path.join(folder, "www"), KEY)
    process = subprocess.Popen([*ON_SERVER_CORE, "nginx", "-c", config], stderr=subprocess.DEVNULL,
                               start_new_session=True)
    return process, port


def warm(effort):
    lines = ["## Cached pictures by signed URL", "",
             f"The same bytes from both, {CONNECTIONS} connections that are kept, wrk on the other core, {effort.rounds} rounds of "
             f"{effort.seconds} s, alternating. nginx has `bench/nginx.conf`: sendfile, open_file_cache, no access log, one worker, "
             "`secure_link` (MD5). Safelight checks HMAC-SHA256, counts the delivery and writes its own headers."]
    safelight = Safelight("small")
    with workplace() as folder:
        safelight.start(folder, ON_SERVER_CORE)
        nginx, port = start_nginx(folder)
        try:
            image = upload(safelight, pictures.own(pictures.OWN_MIDDLE), True)
            safelight.settle()
            for wanted in BODIES:
                lines += beside_nginx(effort, safelight, image, wanted, nginx.pid, port, folder)
        finally:
            safelight.stop()
            nginx.send_signal(signal.SIGTERM)
            nginx.wait()
    return lines


def beside_nginx(effort, safelight, image, wanted, nginx_pid, port, folder):
    path = signed(variant_of(safelight, image, wanted))
    # What was made in a hurry is replaced now, and must not be during the rounds.
    safelight.settle()
    body = safelight.web.get(path)
    name = f"{wanted}.jpg"
    with open(os.path.join(folder, "www", "signed", name), "wb") as file:
        file.write(body)
    theirs = nginx_signed(name)
    if Web(port).get(theirs) != body:
        raise pictures.WrongAnswer("nginx does not serve the same bytes")
    for refused in (f"/signed/{name}", theirs.replace("md5=", "md5=x")):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{refused}")
        except urllib.error.HTTPError:
            continue
        raise pictures.WrongAnswer("nginx checks no signature")
    sides = [Side("Safelight", safelight.server.process.pid, safelight.server.port, path),
             Side("nginx with secure_link", nginx_pid, port, theirs)]
    lines = ["", f"{len(body):,} bytes:", "", *alternate(effort, sides), ""]
    if safelight.web.get(path) != body:
        raise pictures.WrongAnswer("the picture has changed during the rounds")
    ratio = spread(ratios(sides[0].by_cpu, sides[1].by_cpu))
    return [*lines, f"Safelight's requests a processor second as a part of nginx's: **{ratio}**."]


def signature(effort):
    """The same public picture with a signature, which is judged all the same, and without one."""
    lines = ["## The cost of a signature", "",
             f"One cached public picture of about {BODIES[0]:,} bytes with a signature, which is judged all the same, and without: "
             f"{effort.rounds} rounds of {effort.seconds} s, alternating."]
    safelight = Safelight("small")
    with workplace() as folder:
        safelight.start(folder, ON_SERVER_CORE)
        try:
            path = variant_of(safelight, upload(safelight, pictures.own(pictures.OWN_MIDDLE), False), BODIES[0])
            safelight.settle()
            safelight.web.get(path)
            pid, port = safelight.server.process.pid, safelight.server.port
            sides = [Side("signed", pid, port, signed(path)), Side("not signed", pid, port, path)]
            lines += ["", *alternate(effort, sides), ""]
        finally:
            safelight.stop()
    cost = [1e6 / a - 1e6 / b for a, b in zip(sides[0].by_cpu, sides[1].by_cpu)]
    return [*lines, f"A signature costs **{spread(cost)}** microseconds of processor time a request."]
