"""Rows in which pictures are made: cold views, first views, throughput from files, memory."""

import os, statistics, tempfile
import machine, pictures
from contestants import QUALITY, Safelight, peers
from machine import ON_SERVER_CORE
from rounds import (Field, absences, at_once, fastest, milliseconds, one_by_one, percentile, ratios, spread, table)

WIDE = (800, 0)
SQUARE = (512, 512)
TINY = (16, 16)
# Requests for throughput, for one of a view.
MORE = 3
# Whose fastest is the measure of cold views.
LIBRARIES = ("sharp", "oximg", "vipsthumbnail")
LABEL = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "png": "PNG"}


def workplace():
    """A folder for sources that go again."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("TOOLS_DATA"))


def ready(contestant, number, names, box, format):
    """Before a turn: the copies are there, and nobody's first request of all is timed."""
    contestant.prepare(names)
    if number == 0:
        contestant.get(names[-1], box, format)
        contestant.settle()


def views(field, judge, source, format, effort, ours):
    """One picture in one format: the tallies, with the bodies of the first answers and of those after a rest."""
    count = effort.requests_for(format)
    names = pictures.copies(source, field.sources, effort.rounds * count + 1)
    size = judge.fitted(source, WIDE)

    def turn(contestant, number, tally):
        ready(contestant, number, names, WIDE, format)
        mine = names[number * count:][:count]
        questions = [(name, WIDE, format) for name in mine]
        seconds, cpu, bodies = one_by_one(contestant, questions, rest=contestant is ours)
        for body in bodies:
            pictures.check(body, format, size)
        tally.rounds.append(seconds)
        tally.cpu.append(cpu / len(bodies))
        tally.bodies.setdefault("first", bodies[0])
        contestant.settle()
        if contestant is ours:
            tally.bodies.setdefault("later", contestant.get(*questions[0]))

    return field.interleave(effort.rounds, turn, format)


def lines_of(tallies, judge, source, name_of_ours):
    """A row for each contestant, and one for our answer after work in the background."""
    rows = []
    ours = tallies[name_of_ours]
    for name, tally in tallies.items():
        body = tally.bodies["first"]
        all = tally.all()
        ratio = "" if tally is ours else spread(ratios(ours.medians(), tally.medians()))
        rows.append([name, *(milliseconds(percentile(all, part)) for part in (0.5, 0.95, 0.99)),
                     milliseconds(statistics.median(tally.cpu)), *worth(judge, source, WIDE, body), ratio])
        later = tally.bodies.get("later")
        if later is not None:
            same = " (the same)" if later == body else ""
            rows.append([f"{name}, asked again later{same}", "", "", "", "", *worth(judge, source, WIDE, later), ""])
    return rows


def worth(judge, source, box, body):
    """Bytes and score of an answer."""
    return f"{len(body):,}", f"{judge.score(source, box, body):.1f}"


COLUMNS = ["", "p50 ms", "p95 ms", "p99 ms", "processor ms", "bytes", "score", "Safelight's time as a part of it"]


def picture_views(levels, formats, effort):
    """Tables for each large picture and format, and whom to compare with."""
    lines, ours = [], Safelight(levels)
    with workplace() as folder, Field([ours, *peers()], folder, ON_SERVER_CORE) as field:
        judge = pictures.Judge(folder)
        for source in pictures.large()[:effort.pictures]:
            size = pictures.format_and_size(pictures.read(source))
            for format in formats:
                tallies = views(field, judge, source, format, effort, ours)
                lines += ["", f"{os.path.basename(source)} ({size[1]}x{size[2]}, {os.path.getsize(source):,} bytes) to "
                          f"{LABEL[format]} at quality {QUALITY[format]}:", ""]
                lines += table(COLUMNS, lines_of(tallies, judge, source, ours.name))
                best = fastest(tallies, LIBRARIES)
                if best:
                    mine, its = tallies[ours.name], tallies[best]
                    lines += ["", f"Of the time of the fastest library, {best}: **{spread(ratios(mine.medians(), its.medians()))}**; of "
                              f"its processor time: {spread(ratios(mine.cpu, its.cpu))}."]
        stored = ours.storage()
        if stored.get("levels"):
            lines += ["", f"Levels take {stored['level_bytes'] / stored['original_bytes']:.1%} of the originals' bytes."]
    return lines + absences(field.absent)


def cold(effort):
    return ["## Cold view of a stored picture at 800 pixels", "",
            f"{effort.rounds} rounds of {effort.requests} requests ({effort.requests_for('avif')} for AVIF) one after another, each for "
            "another copy of the picture. Safelight comes to rest after each answer; its levels were made before. Files are in "
            "the page cache. Scores are SSIMULACRA2 beside a reduction in linear light by libvips. Asked for the same quality, "
            "programs mean different things by it.",
            *picture_views("small", ("jpeg", "webp", "avif"), effort)]


def first(effort):
    return ["## First view ever, without levels", "", "As above, with `levels = off`.",
            *picture_views("off", ("jpeg",), effort)]


def resize(effort):
    """Same format in and out, so many at a time as the harness of imgproxy has users."""
    lines = ["## Throughput of pictures of 2 megapixels from files, to fit 512x512 in their own format", "",
             f"{effort.rounds} rounds of {effort.requests * MORE} requests ({effort.requests_for('avif') * MORE} for AVIF), 2 at a "
             "time, each for another copy; `levels = off`, and `refine = off`, since work in the background would count against us."]
    ours = Safelight("off", refine="off")
    with workplace() as folder, Field([ours, *peers()], folder, ON_SERVER_CORE) as field:
        judge = pictures.Judge(folder)
        for format in ("jpeg", "png", "webp", "avif"):
            for source in pictures.middle(folder, format)[:effort.pictures]:
                lines += throughput(field, judge, source, format, effort, ours)
    return lines + absences(field.absent)


def throughput(field, judge, source, format, effort, ours):
    count = effort.requests_for(format) * MORE
    names = pictures.copies(source, field.sources, effort.rounds * count + 1)
    size = judge.fitted(source, SQUARE)

    def turn(contestant, number, tally):
        ready(contestant, number, names, SQUARE, format)
        before = contestant.cpu()
        questions = [(name, SQUARE, format) for name in names[number * count:][:count]]
        seconds, took, bodies = at_once(contestant, questions, 2)
        for body in bodies:
            pictures.check(body, format, size)
        tally.rounds.append(seconds)
        tally.rates.append(count / took)
        tally.cpu.append((contestant.cpu() - before) / count)
        tally.bodies.setdefault("first", bodies[0])
        contestant.settle()
        if contestant is ours:
            before = contestant.cpu()
            at_once(contestant, [(name, TINY, format) for name, _, _ in questions], 2)
            tally.decoding.append((contestant.cpu() - before) / count)
            contestant.settle()

    tallies = field.interleave(effort.rounds, turn, format)
    rows = []
    for name, tally in tallies.items():
        body = tally.bodies["first"]
        ratio = "" if name == ours.name else spread(ratios(tallies[ours.name].rates, tally.rates))
        rows.append([name, spread(tally.rates, 1), milliseconds(percentile(tally.all(), 0.95)),
                     milliseconds(statistics.median(tally.cpu)), *worth(judge, source, SQUARE, body), ratio])
    columns = ["", "pictures/s", "p95 ms", "processor ms", "bytes", "score", "Safelight's rate as a multiple"]
    lines = ["", f"{LABEL[format]}, {os.path.basename(source)} ({os.path.getsize(source):,} bytes):", "", *table(columns, rows)]
    return lines + decoding(tallies[ours.name])


def decoding(tally):
    """How much of our time goes into decoding, as a reduction to nearly nothing tells."""
    return ["", f"To fit {TINY[0]}x{TINY[1]} instead, which is hardly more than decoding, Safelight takes "
            f"{milliseconds(statistics.median(tally.decoding))} ms of processor time: "
            f"{spread(ratios(tally.decoding, tally.cpu))} of the above."]


AT_ONCE = 16


def memory(effort):
    """Each contestant alone, fresh for each round, on both cores."""
    rounds = min(effort.rounds, 3)
    lines = ["## Peak memory of 16 cold views at once", "",
             f"{rounds} rounds, each with a fresh program and 16 copies of one picture of 12 megapixels, to 800 pixels as JPEG; "
             "both cores, every setting at its default. Memory is PSS summed over all processes, looked at every few milliseconds. "
             "Safelight has its levels in one row, and has none in the other."]
    source = pictures.own(pictures.OWN_LARGE)
    tallies, absent = {}, {}
    for _ in range(rounds):
        for contestant in [Safelight("small"), Safelight("off"), *peers()]:
            with workplace() as folder:
                names = pictures.copies(source, folder, AT_ONCE)
                with Field([contestant], folder, machine.ON_BOTH_CORES) as field:
                    one_memory(field, names, tallies)
                absent.update(field.absent)
    rows = [[name, spread([idle / 1e6 for idle, _, _ in runs], 0), spread([peak / 1e6 for _, peak, _ in runs], 0),
             spread([took for _, _, took in runs])] for name, runs in tallies.items()]
    return [*lines, "", *table(["", "idle, MB", "peak, MB", "seconds for all 16"], rows), *absences(absent)]


def one_memory(field, names, tallies):
    def turn(contestant, number, _):
        contestant.prepare(names)
        contestant.fresh()
        idle = machine.memory_now(contestant.pids())
        with machine.MemoryPeak(contestant.pids) as watch:
            _, took, bodies = at_once(contestant, [(name, WIDE, "jpeg") for name in names], AT_ONCE)
        for body in bodies:
            pictures.format_and_size(body)
        tallies.setdefault(contestant.name, []).append((idle, watch.peak, took))

    field.interleave(1, turn, "jpeg")
