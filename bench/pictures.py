"""What is asked for, and what is made of the answers: sources, their copies, sizes, formats and scores."""

import os, shutil, struct, subprocess, sys
import tool_server

FOLDER = os.path.join(tool_server.TARGET, "bench")
SCORE = os.path.join(tool_server.TARGET, tool_server.PROFILE, "examples", "score")
SAMPLE = os.path.join(tool_server.TARGET, tool_server.PROFILE, "examples", "sample")
# Photographs of the corpus, where it is there: a telephone's of 12 megapixels, and a wallpaper of 15. The sides of every
# picture here are whole pixels in the sizes that are asked for; what programs do with broken ones differs, and a score
# would tell of nothing else.
LARGE = ["camera/jpg__tests__42_IndexError.jpg", "photo/plasma_SafeLanding_5120x2880.jpg"]
MIDDLE = ["photo/mate_nature_Dune.jpg"]
OWN_LARGE, OWN_MIDDLE = 4640, 1760


class WrongAnswer(Exception):
    """An answer that is not what was asked for."""


def own(width):
    """The project's own picture, painted that wide and kept for the next run; the path."""
    path = os.path.join(FOLDER, f"own-{width}.jpg")
    if not os.path.exists(path):
        os.makedirs(FOLDER, exist_ok=True)
        subprocess.run([SAMPLE, path + ".new", str(width)], check=True)
        os.rename(path + ".new", path)
    return path


def from_corpus(names):
    paths = [os.path.join(tool_server.CORPUS, name) for name in names]
    found = [path for path in paths if os.path.exists(path)]
    if len(found) < len(paths):
        print(f"skipped: {len(paths) - len(found)} photographs, which are not in {tool_server.CORPUS}", file=sys.stderr)
    return found


def large():
    """Paths of JPEGs of about 12 megapixels, the project's own first."""
    return [own(OWN_LARGE), *from_corpus(LARGE)]


def middle(folder, format):
    """Paths of pictures of about 2 megapixels in a format, made from JPEGs of that size by libvips."""
    paths = []
    for source in [own(OWN_MIDDLE), *from_corpus(MIDDLE)]:
        name = os.path.splitext(os.path.basename(source))[0]
        extension, how = {"jpeg": ("jpg", "Q=90"), "png": ("png", "compression=6"), "webp": ("webp", "Q=85"),
                          "avif": ("avif", "Q=65,effort=0")}[format]
        path = os.path.join(folder, f"{name}.{extension}")
        vips("copy", source, f"{path}[{how},strip]")
        paths.append(path)
    return paths


def copies(path, folder, count):
    """Names in `folder` of so many copies, which share no page of the cache."""
    start, extension = os.path.splitext(os.path.basename(path))
    names = [f"{start}-{number}{extension}" for number in range(count)]
    for name in names:
        if not os.path.exists(os.path.join(folder, name)):
            shutil.copyfile(path, os.path.join(folder, name))
    return names


def vips(*arguments):
    done = subprocess.run(["vips", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise WrongAnswer(f"vips {' '.join(arguments)}: {done.stderr.strip()}")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def format_and_size(body):
    """What a picture says of itself: its format, width and height."""
    if body[:3] == b"\xff\xd8\xff":
        return ("jpeg", *jpeg_size(body))
    if body[:8] == b"\x89PNG\r\n\x1a\n":
        return ("png", *struct.unpack(">II", body[16:24]))
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return ("webp", *webp_size(body))
    if body[4:8] == b"ftyp" and b"avif" in body[8:64]:
        at = body.index(b"ispe")
        return ("avif", *struct.unpack(">II", body[at + 8:at + 16]))
    raise WrongAnswer(f"no picture: {body[:100]!r}")


def jpeg_size(body):
    at = 2
    while at + 9 < len(body):
        kind, length = body[at + 1], struct.unpack(">H", body[at + 2:at + 4])[0]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", body[at + 5:at + 9])
            return width, height
        at += 2 + length
    raise WrongAnswer("a JPEG without a frame")


def webp_size(body):
    if body[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", body[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if body[12:16] == b"VP8L":
        bits = struct.unpack("<I", body[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    wide, high = body[24:27] + b"\0", body[27:30] + b"\0"
    return struct.unpack("<I", wide)[0] + 1, struct.unpack("<I", high)[0] + 1


def check(body, format, size):
    """Refuses an answer of another format or size. Programs round to either side."""
    found, *sides = format_and_size(body)
    if found != format or any(abs(side - wanted) > 1 for side, wanted in zip(sides, size)):
        raise WrongAnswer(f"{found} of {sides[0]}x{sides[1]} instead of {format} of {size[0]}x{size[1]}")


class Judge:
    """Scores of answers by SSIMULACRA2, beside a reduction of the whole original in linear light that libvips
    makes in floating point. libvips decodes the answers too."""

    def __init__(self, folder):
        self.folder, self.references = folder, {}

    def fitted(self, source, box):
        """Width and height of a source as shown, reduced to fit a box of which a side may be 0."""
        return self.reference(source, box)[1:]

    def reference(self, source, box, size=None):
        """The path of the reduction, once made, its width and height; of the very size, where it is given."""
        key = (source, box, size)
        if key not in self.references:
            path = os.path.join(self.folder, f"reference-{len(self.references)}.png")
            sides = f"{box[0] or 100000}x{box[1] or 100000}>" if size is None else f"{size[0]}x{size[1]}!"
            # None of the sources has a profile other than sRGB, which this would not heed.
            command = ["vipsthumbnail", source, "--linear", "--size", sides, "-o", f"{path}[strip]"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise WrongAnswer(f"no reference of {source}: {done.stderr}")
            self.references[key] = (path, *struct.unpack(">II", read(path)[16:24]))
        return self.references[key]

    def score(self, source, box, body):
        """Of 100. The reference gets the size of the answer, which may be a pixel off."""
        format, width, height = format_and_size(body)
        answer = os.path.join(self.folder, f"answer.{format}")
        with open(answer, "wb") as file:
            file.write(body)
        decoded = os.path.join(self.folder, "answer.decoded.png")
        vips("copy", answer, decoded + "[strip]")
        size = (width, height)
        reference, *_ = self.reference(source, box, None if size == self.fitted(source, box) else size)
        done = subprocess.run([SCORE], input=f"{reference}\t{decoded}\n", capture_output=True, text=True, check=True)
        return float(done.stdout)
