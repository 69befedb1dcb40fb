"""Rows about what is stored: an upload beside a copy, and the start with a million images."""

import http.client, os, shutil, sqlite3, statistics, subprocess, time
import pictures
from cold import workplace
from contestants import Safelight
from machine import ON_SERVER_CORE
from rounds import milliseconds, percentile, ratios, spread, table
from tool_server import FIXTURES, PROGRAM, free_port

IMAGES = 1_000_000


def copied(source, target):
    """Seconds of dd with fsync, its process included."""
    began = time.perf_counter()
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True)
    took = time.perf_counter() - began
    os.unlink(target)
    return took


def uploaded(safelight, body):
    """Seconds until the answer, after which the work in the background is waited for."""
    began = time.perf_counter()
    status, answer = safelight.server.upload(body)
    took = time.perf_counter() - began
    if status != 200:
        raise pictures.WrongAnswer(f"an upload is refused: {answer['errors']}")
    safelight.settle()
    return took


def upload(effort):
    """A large file, the same by dd, and a small one, which shows what does not depend on the size."""
    source, least = pictures.own(pictures.OWN_LARGE), os.path.join(FIXTURES, "orientation-1.jpg")
    ours, theirs, small = [], [], []
    safelight = Safelight("small")
    with workplace() as folder:
        safelight.start(folder, ON_SERVER_CORE)
        try:
            target = os.path.join(safelight.server.folder.name, "copy")
            for _ in range(effort.rounds):
                turns = [(copied(source, target), uploaded(safelight, pictures.read(source)),
                          uploaded(safelight, pictures.read(least))) for _ in range(effort.requests)]
                for kept, times in zip((theirs, ours, small), zip(*turns)):
                    kept.append(times)
        finally:
            safelight.stop()
    rows = []
    sizes = [f"{os.path.getsize(path):,} bytes" for path in (source, least)]
    for name, runs in ((f"upload of {sizes[0]}", ours), (f"dd of {sizes[0]}", theirs), (f"upload of {sizes[1]}", small)):
        all = [seconds for run in runs for seconds in run]
        rows.append([name, *(milliseconds(percentile(all, part)) for part in (0.5, 0.95, 0.99))])
    ratio = ratios(*([statistics.median(run) for run in runs] for runs in (ours, theirs)))
    return ["## Upload until it is durable", "",
            f"{effort.rounds} rounds of {effort.requests}, alternating with a copy of the same file to the same disk by `dd conv=fsync`. "
            "An upload is answered once file, folders and row are synced, and a worker has looked at the header.", "",
            *table(["", "p50 ms", "p95 ms", "p99 ms"], rows), "", f"Of the time of the copy: **{spread(ratio)}**."]


def fill(path, count):
    """Makes so many images out of the only one of a catalog, in SQL, with fresh ids and blobs.

    Texts are not put into the index of searches, which no start reads."""
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
    known = [row[1] for row in database.execute("PRAGMA table_info(images)")]
    name = "lower(hex(randomblob(16)))"
    fresh = {"id": name, "blob": name, "uploaded_ms": "uploaded_ms + n", "number": "number + n"}
    chosen = ", ".join(fresh.get(column, column) for column in known)
    with database:
        database.execute(
            f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
            f"INSERT INTO images ({', '.join(known)}) SELECT {chosen} FROM numbers, (SELECT * FROM images LIMIT 1)", (count - 1,))
    found = database.execute("SELECT count(*) FROM images").fetchone()[0]
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    if found != count:
        raise pictures.WrongAnswer(f"{found} images instead of {count}")


def made_store(folder, count):
    """A data folder with so many images; its id of one that is really there."""
    safelight = Safelight("small")
    safelight.start(folder, ON_SERVER_CORE)
    try:
        safelight.sources = os.path.dirname(pictures.own(pictures.OWN_MIDDLE))
        name = os.path.basename(pictures.own(pictures.OWN_MIDDLE))
        safelight.prepare([name])
        safelight.get(name, (800, 0), "jpeg")
        safelight.settle()
        target = safelight.path(name, (800, 0), "jpeg")
        # A copy, since the folder goes with the server.
        data = os.path.join(folder, f"data-{count}")
        safelight.server.end()
        shutil.copytree(os.path.join(safelight.server.folder.name, "data"), data)
    finally:
        safelight.stop()
    if count > 1:
        fill(os.path.join(data, "catalog.sqlite"), count)
    return data, target


def started(data, target):
    """Seconds from the start of the program to the end of its first answer, a stored picture."""
    port = free_port()
    command = [*ON_SERVER_CORE, PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--log-level", "warn"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, start_new_session=True)
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", target)
                answer = connection.getresponse()
                body = answer.read()
                took = time.perf_counter() - began
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise pictures.WrongAnswer("the server does not start")
                time.sleep(0.0005)
        if answer.status != 200 or pictures.format_and_size(body)[0] != "jpeg":
            raise pictures.WrongAnswer(f"{answer.status} instead of a picture")
        return took
    finally:
        process.terminate()
        process.wait(30)


def start(effort):
    """Stores of one image and of very many, alternating."""
    with workplace() as folder:
        stores = [(count, *made_store(folder, count)) for count in (1, effort.images)]
        size = os.path.getsize(os.path.join(stores[1][1], "catalog.sqlite"))
        times = {count: [] for count, _, _ in stores}
        for _ in range(max(effort.rounds, 3)):
            for count, data, target in stores:
                times[count].append(started(data, target) * 1000)
    rows = [[f"{count:,}", spread(times[count], 1)] for count in times]
    return ["## Start with a full store", "",
            "From the start of `safelight serve` to the end of its first answer, a stored picture; files in the page cache. "
            f"The catalog of {effort.images:,} images is {size / 1e6:,.0f} MB; their texts are not in the index of searches.", "", *table(["images", "ms"], rows)]
