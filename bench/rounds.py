"""Rounds in which everybody has a turn, what they took, and tables of it."""

import concurrent.futures, contextlib, statistics, time
from pictures import WrongAnswer


def percentile(values, part):
    """The smallest value that so large a part of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Tally:
    """What one contestant did: seconds of every request by round, and what else a row wants to keep."""

    def __init__(self):
        self.rounds, self.cpu, self.rates, self.decoding, self.bodies = [], [], [], [], {}

    def all(self):
        return [seconds for round in self.rounds for seconds in round]

    def medians(self):
        return [statistics.median(round) for round in self.rounds]


class Field:
    """Those who take part in a row, started on one folder of sources. Use it in a `with`.

    A peer that cannot be started, or gives a wrong answer, is left out of what follows, and `absent` says why."""

    def __init__(self, wanted, sources, before):
        self.sources, self.before = sources, before
        self.wanted, self.running, self.absent = wanted, [], {}

    def __enter__(self):
        for contestant in self.wanted:
            reason = contestant.missing()
            try:
                if reason is None:
                    contestant.start(self.sources, self.before)
                    self.running.append(contestant)
            except (OSError, WrongAnswer) as error:
                reason = str(error)
            if reason is not None:
                self.absent[contestant.name] = reason
        return self

    def __exit__(self, *_):
        # All are stopped, even when a second signal arrives meanwhile.
        with contextlib.ExitStack() as stack:
            for contestant in self.running:
                stack.callback(contestant.stop)

    def interleave(self, rounds, turn, format):
        """Calls `turn(contestant, round, tally)` in every round for everybody who knows the format, each round with
        another first; the tallies by name."""
        able = [contestant for contestant in self.running if format in contestant.formats]
        tallies = {contestant.name: Tally() for contestant in able}
        for number in range(rounds):
            first = number % max(1, len(able))
            for contestant in able[first:] + able[:first]:
                if contestant.name not in tallies:
                    continue
                try:
                    turn(contestant, number, tallies[contestant.name])
                except (OSError, WrongAnswer) as error:
                    if not contestant.may_fail:
                        raise
                    self.absent[contestant.name] = str(error)
                    del tallies[contestant.name]
        return tallies


def one_by_one(contestant, asked, rest=False):
    """Asks for each (name, box, format) alone. Seconds of each, processor seconds, and the bodies.

    With `rest`, what the contestant does on its own account after an answer is over before the next question."""
    seconds, bodies, cpu = [], [], 0.0
    for question in asked:
        before = contestant.cpu()
        began = time.perf_counter()
        body = contestant.get(*question)
        seconds.append(time.perf_counter() - began)
        cpu += contestant.cpu() - before
        bodies.append(body)
        if rest:
            contestant.settle()
    return seconds, cpu, bodies


def at_once(contestant, asked, workers):
    """Asks for all, so many at a time. Seconds of each, seconds of all, and the bodies."""
    def ask(question):
        began = time.perf_counter()
        body = contestant.get(*question)
        return time.perf_counter() - began, body

    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(ask, asked))
    took = time.perf_counter() - began
    return [seconds for seconds, _ in answers], took, [body for _, body in answers]


def spread(values, digits=2):
    """Median, and range over the rounds."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} to {max(values):.{digits}f}]"


def ratios(ours, theirs):
    """Round by round, since what else the machine did is the same in one."""
    return [a / b for a, b in zip(ours, theirs)]


def fastest(tallies, names):
    """The name, of those given, with the least median; None when none took part."""
    present = [name for name in names if name in tallies]
    return min(present, key=lambda name: statistics.median(tallies[name].all()), default=None)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f}"


def table(columns, rows):
    """Lines of a table in Markdown."""
    return ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns),
            *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]


def absences(absent):
    """Lines on who is missing from the tables above."""
    return [""] * bool(absent) + [f"- Absent: {name} ({reason})." for name, reason in sorted(absent.items())]
