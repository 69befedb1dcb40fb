"""The image engine by itself, asked line by line: the example `render` of safelight-pixels."""

import os, subprocess, sys
import tool_server


class Engine:
    """The engine in a process that is started again when it dies or takes too long."""

    def __init__(self, folder):
        self.out, self.process = os.path.join(folder, "out"), None

    def render(self, text, auto, path, *overlays):
        """Fields of the answer; `died` when there is none."""
        if self.process is None:
            program = os.path.join(tool_server.TARGET, tool_server.PROFILE, "examples", "render")
            if not os.path.exists(program):
                sys.exit(f"{program} is missing: build it first")
            self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.process.stdin.write("\t".join([self.out, text, auto, path, *overlays]) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            self.process.kill()
            self.process.wait()
            self.process = None
            return ["died"]
        return answer.rstrip("\n").split("\t")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()

    def body(self):
        with open(self.out, "rb") as file:
            return file.read()
