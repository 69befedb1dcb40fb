"""Every option of transformations on one drawn picture, with the rule that its result follows.

The chart has 600x400 pixels: a white border of 20, and within it four quarters in the colours below, the
first with a black square at its outer corner. `clear` is the same with its last quarter transparent."""

import io, os
import numpy
from PIL import Image

SIZE, BORDER = (600, 400), 20
RED, GREEN, BLUE, YELLOW = (200, 60, 50), (60, 150, 80), (50, 80, 180), (220, 190, 70)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def chart():
    picture = numpy.full((SIZE[1], SIZE[0], 3), 255, dtype=numpy.uint8)
    picture[20:200, 20:300], picture[20:200, 300:580] = RED, GREEN
    picture[200:380, 20:300], picture[200:380, 300:580] = BLUE, YELLOW
    picture[40:80, 40:80] = BLACK
    return Image.fromarray(picture)


def sources(folder):
    """Writes the pictures that the cases name, and returns their paths."""
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    chart().save(path("chart.png"))
    clear = numpy.dstack([numpy.asarray(chart()), numpy.full((SIZE[1], SIZE[0]), 255, dtype=numpy.uint8)])
    clear[200:380, 300:580, 3] = 0
    Image.fromarray(clear).save(path("clear.png"))
    exif = Image.Exif()
    exif[0x8298], exif[0x010F] = "(c) A. Person", "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    chart().save(path("tagged.jpg"), quality=95, subsampling=0, exif=exif)
    exif[0x0112] = 6
    chart().save(path("turned.jpg"), quality=95, subsampling=0, exif=exif)
    frames = [Image.new("RGB", (60, 40), color) for color in (RED, GREEN, BLUE)]
    frames[0].save(path("moving.gif"), save_all=True, append_images=frames[1:], duration=100, loop=0)
    rng = numpy.random.default_rng(7)
    noise = rng.integers(0, 256, (240, 320, 3), dtype=numpy.uint8)
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(path("noise.png"))
    Image.new("RGBA", (50, 30), (*BLACK, 255)).save(path("mark.png"))
    return {name.split(".")[0]: path(name) for name in sorted(os.listdir(folder))}


class Result:
    """What a case became."""

    def __init__(self, media, body):
        self.media, self.body = media, body

    @property
    def image(self):
        return Image.open(io.BytesIO(self.body))

    @property
    def size(self):
        return self.image.size

    def at(self, x, y):
        """Red, green, blue and alpha at fractions of the sides."""
        image = self.image.convert("RGBA")
        return image.getpixel((min(int(x * image.width), image.width - 1), min(int(y * image.height), image.height - 1)))

    def near(self, x, y, color, tolerance=6):
        found = self.at(x, y)
        wanted = color if len(color) == 4 else (*color, 255)
        # A transparent pixel has no colour.
        if wanted[3] == 0:
            return found[3] == 0
        return all(abs(a - b) <= tolerance for a, b in zip(found, wanted))

    def quarters(self, *colors, tolerance=6, inset=0.3):
        """The four quarters, row by row."""
        places = [(inset, inset), (1 - inset, inset), (inset, 1 - inset), (1 - inset, 1 - inset)]
        return all(self.near(x, y, color, tolerance) for (x, y), color in zip(places, colors))

    def exif(self):
        return self.image.getexif()

    def light(self):
        """The mean of all samples."""
        return float(numpy.asarray(self.image.convert("RGB"), dtype=float).mean())

    def spread(self):
        """How much neighbours differ: blur lessens it, sharpening raises it."""
        grey = numpy.asarray(self.image.convert("L"), dtype=float)
        return float(numpy.abs(numpy.diff(grey, axis=1)).mean())


def size(width, height):
    return lambda r: r.size == (width, height)


def both(*rules):
    return lambda r: all(rule(r) for rule in rules)


def whole(*colors, tolerance=6):
    return lambda r: r.quarters(*colors, tolerance=tolerance)


def media(kind):
    return lambda r: r.media == kind


ALL = (RED, GREEN, BLUE, YELLOW)
INNER = (560, 360)


def lighter(r):
    return r.light() > CHART_LIGHT + 5


def darker(r):
    return r.light() < CHART_LIGHT - 5


CHART_LIGHT = float(numpy.asarray(chart(), dtype=float).mean())
NOISE_SPREAD = {}

# Option, text, rule, source. A text given twice under one option would count twice.
CASES = [
    ("width", "width=300", both(size(300, 200), whole(*ALL)), "chart"),
    ("width", "w=150", size(150, 100), "chart"),
    ("width", "width=auto", size(600, 400), "chart"),
    ("width", "width=auto,fit=contain", size(1200, 800), "chart"),
    ("height", "height=100", both(size(150, 100), whole(*ALL)), "chart"),
    ("height", "h=200", size(300, 200), "chart"),
    ("fit", "w=500,h=500", size(500, 333), "chart"),
    ("fit", "fit=scale-down,w=900,h=900", size(600, 400), "chart"),
    ("fit", "fit=contain,w=900,h=900", both(size(900, 600), whole(*ALL)), "chart"),
    ("fit", "fit=cover,w=300,h=300", both(size(300, 300), whole(*ALL)), "chart"),
    ("fit", "fit=cover,w=900,h=900", size(900, 900), "chart"),
    ("fit", "fit=cover,w=300", size(300, 200), "chart"),
    ("fit", "fit=crop,w=300,h=300", size(300, 300), "chart"),
    ("fit", "fit=crop,w=900,h=900", size(600, 400), "chart"),
    ("fit", "fit=aspect-crop,w=900,h=900", size(400, 400), "chart"),
    ("fit", "fit=aspect-crop,w=300,h=150", size(300, 150), "chart"),
    ("fit", "fit=pad,w=300,h=300", both(size(300, 300), lambda r: r.near(0.5, 0.03, WHITE)), "chart"),
    ("fit", "fit=squeeze,w=300,h=300", both(size(300, 300), whole(*ALL)), "chart"),
    ("fit", "fit=scale-up,w=900,h=900", size(900, 600), "chart"),
    ("fit", "fit=scale-up,w=300,h=300", size(600, 400), "chart"),
    ("gravity", "fit=cover,w=200,h=400,gravity=left", lambda r: r.size == (200, 400) and r.near(0.9, 0.4, RED), "chart"),
    ("gravity", "fit=cover,w=200,h=400,gravity=right", lambda r: r.near(0.1, 0.4, GREEN), "chart"),
    ("gravity", "fit=cover,w=600,h=100,gravity=top", lambda r: r.near(0.3, 0.9, RED) and r.near(0.7, 0.9, GREEN), "chart"),
    ("gravity", "fit=cover,w=600,h=100,gravity=bottom", lambda r: r.near(0.3, 0.1, BLUE) and r.near(0.7, 0.1, YELLOW), "chart"),
    ("gravity", "fit=cover,w=100,h=100,gravity=0x0", lambda r: r.near(0.02, 0.02, WHITE), "chart"),
    ("gravity", "fit=crop,w=200,h=400,gravity=0.33x0.5", lambda r: r.near(0.5, 0.3, RED) and r.near(0.9, 0.3, GREEN), "chart"),
    ("gravity", "fit=cover,w=200,h=200,gravity=auto", size(200, 200), "chart"),
    ("gravity", "fit=cover,w=200,h=200,gravity=center", both(size(200, 200), whole(*ALL)), "chart"),
    ("gravity", "fit=cover,w=200,h=200,gravity=face", size(200, 200), "chart"),
    ("zoom", "fit=cover,w=200,h=200,gravity=face,zoom=1", both(size(200, 200), whole(*ALL)), "chart"),
    ("dpr", "width=100,dpr=2", size(200, 133), "chart"),
    ("dpr", "fit=contain,width=300,height=300,dpr=3", size(900, 600), "chart"),
    ("trim", "trim=20;20;20;20", both(size(*INNER), whole(*ALL), lambda r: r.near(0.005, 0.5, BLUE)), "chart"),
    ("trim", "trim.left=300,trim.width=100,trim.top=200,trim.height=50", both(size(100, 50), whole(*[YELLOW] * 4)), "chart"),
    ("trim", "trim=10;10;10;10,dpr=2", size(*INNER), "chart"),
    ("trim", "trim=border", both(size(*INNER), whole(*ALL)), "chart"),
    ("trim", "trim=border,width=280", size(280, 180), "chart"),
    ("trim", "trim=20;20;20;20,rotate=90", size(INNER[1], INNER[0]), "chart"),
    ("trim.border.color", "trim.border.color=white", size(*INNER), "chart"),
    ("trim.border.color", "trim.border.color=blue", size(*SIZE), "chart"),
    ("trim.border.tolerance", "trim.border.color=%23fafafa,trim.border.tolerance=9", size(*INNER), "chart"),
    ("trim.border.tolerance", "trim.border.color=%23fafafa,trim.border.tolerance=2", size(*SIZE), "chart"),
    ("trim.border.keep", "trim=border,trim.border.keep=5", size(570, 370), "chart"),
    ("flip", "flip=h", both(size(*SIZE), whole(GREEN, RED, YELLOW, BLUE)), "chart"),
    ("flip", "flip=v", whole(BLUE, YELLOW, RED, GREEN), "chart"),
    ("flip", "flip=hv", whole(YELLOW, BLUE, GREEN, RED), "chart"),
    ("rotate", "rotate=90", both(size(400, 600), whole(BLUE, RED, YELLOW, GREEN)), "chart"),
    ("rotate", "rotate=180", both(size(*SIZE), whole(YELLOW, BLUE, GREEN, RED)), "chart"),
    ("rotate", "rotate=270", both(size(400, 600), whole(GREEN, YELLOW, RED, BLUE)), "chart"),
    ("rotate", "flip=h,rotate=90", whole(YELLOW, GREEN, BLUE, RED), "chart"),
    ("rotate", "rotate=90,w=200,h=200", size(133, 200), "chart"),
    ("background", "background=%230000ff", whole(RED, GREEN, BLUE, (0, 0, 255)), "clear"),
    ("background", "background=rgb%280%2C255%2C0%29,fit=pad,w=300,h=300", lambda r: r.near(0.5, 0.03, (0, 255, 0)), "chart"),
    ("background", "format=png", whole(RED, GREEN, BLUE, (0, 0, 0, 0)), "clear"),
    ("background", "format=jpeg", whole(RED, GREEN, BLUE, WHITE, tolerance=12), "clear"),
    ("blur", "blur=20", lambda r: r.size == (640, 480) and r.spread() < 0.3 * NOISE_SPREAD["noise"], "noise"),
    ("blur", "blur=250", lambda r: r.spread() < 0.05 * NOISE_SPREAD["noise"], "noise"),
    ("sharpen", "sharpen=3", lambda r: r.size == (640, 480) and r.spread() > 1.1 * NOISE_SPREAD["noise"], "noise"),
    ("brightness", "brightness=1.5", both(size(*SIZE), lambda r: r.at(0.3, 0.7)[2] > BLUE[2] + 10), "chart"),
    ("brightness", "brightness=0.5", darker, "chart"),
    ("brightness", "brightness=0", whole(*ALL), "chart"),
    ("contrast", "contrast=0.3", lambda r: r.at(0.3, 0.7)[2] - r.at(0.3, 0.7)[0] < 0.7 * (BLUE[2] - BLUE[0]), "chart"),
    ("contrast", "contrast=2", lambda r: r.at(0.3, 0.7)[2] - r.at(0.3, 0.7)[0] > BLUE[2] - BLUE[0], "chart"),
    ("gamma", "gamma=2", lighter, "chart"),
    ("gamma", "gamma=0.5", darker, "chart"),
    ("saturation", "saturation=0", lambda r: max(r.at(0.3, 0.3)[:3]) - min(r.at(0.3, 0.3)[:3]) <= 3, "chart"),
    ("saturation", "saturation=2", lambda r: r.at(0.3, 0.7)[2] - r.at(0.3, 0.7)[0] > BLUE[2] - BLUE[0], "chart"),
    ("quality", "quality=10,format=jpeg", lambda r: len(r.body) < LENGTHS["noise"] / 2, "noise"),
    ("quality", "quality=100,format=jpeg", lambda r: len(r.body) > LENGTHS["noise"], "noise"),
    ("quality", "quality=100,format=webp", lambda r: b"VP8L" in r.body[:64], "noise"),
    ("quality", "q=low,format=webp", lambda r: r.media == "image/webp" and b"VP8 " in r.body[:64], "noise"),
    # 256 colours are too few for noise, and enough for what is left of it under a blur.
    ("quality", "quality=50,format=png", lambda r: r.image.mode == "RGB", "noise"),
    ("quality", "quality=50,format=png,blur=20", lambda r: r.image.mode == "P", "noise"),
    ("slow-connection-quality", "scq=10,format=jpeg", lambda r: r.media == "image/jpeg" and r.size == (640, 480), "noise"),
    ("format", "format=jpeg", both(media("image/jpeg"), lambda r: r.image.info.get("progressive") == 1), "chart"),
    ("format", "format=baseline-jpeg", both(media("image/jpeg"), lambda r: "progressive" not in r.image.info), "chart"),
    ("format", "format=jpeg,width=40", lambda r: "progressive" not in r.image.info, "chart"),
    ("format", "format=webp", both(media("image/webp"), lambda r: r.image.format == "WEBP"), "chart"),
    ("format", "format=avif", both(media("image/avif"), lambda r: r.image.format == "AVIF", whole(*ALL, tolerance=12)), "chart"),
    ("format", "format=png", both(lambda r: r.image.format == "PNG", whole(*ALL, tolerance=0)), "chart"),
    ("format", "format=gif", lambda r: r.image.format == "GIF", "chart"),
    ("format", "format=json", lambda r: r.media == "application/json" and b'"width":600' in r.body.replace(b" ", b""), "chart"),
    ("compression", "compression=fast", size(*SIZE), "chart"),
    ("anim", "format=gif", lambda r: getattr(r.image, "n_frames", 1) == 3, "moving"),
    ("anim", "format=webp", lambda r: getattr(r.image, "n_frames", 1) == 3, "moving"),
    ("anim", "anim=false,format=gif", lambda r: getattr(r.image, "n_frames", 1) == 1, "moving"),
    ("metadata", "format=jpeg", lambda r: dict(r.exif()) == {0x8298: "(c) A. Person"}, "tagged"),
    ("metadata", "format=jpeg,metadata=keep", lambda r: r.exif().get(0x010F) == "Maker" and 0x8825 in r.exif(), "tagged"),
    ("metadata", "format=jpeg,metadata=none", lambda r: not dict(r.exif()), "tagged"),
    ("metadata", "format=png,metadata=keep", lambda r: not dict(r.exif()), "tagged"),
    ("metadata", "format=jpeg,metadata=keep", lambda r: r.size == (400, 600) and r.exif().get(0x0112, 1) == 1, "turned"),
    ("upscale", "upscale=interpolate,fit=contain,w=900", size(900, 600), "chart"),
    ("onerror", "onerror=redirect", size(*SIZE), "chart"),
    ("draw", "fit=scale-down,draw=image:mark", lambda r: r.near(0.5, 0.5, BLACK), "chart"),
    ("draw", "fit=scale-down,draw=image:mark;right:0;bottom:0", lambda r: r.near(0.97, 0.97, BLACK) and r.near(0.5, 0.9, YELLOW, 255), "chart"),
    ("draw", "fit=scale-down,draw=image:mark;repeat:true", whole(*[BLACK] * 4), "chart"),
    ("draw", "fit=scale-down,draw=image:mark;opacity:0.5;left:100;top:100", lambda r: r.at(0.2, 0.28)[0] < RED[0] - 40, "chart"),
    ("draw", "fit=scale-down,width=300,draw=image:mark;width:0.5;fit:squeeze;height:10", lambda r: r.near(0.3, 0.5, BLACK), "chart"),
]

# Options that are refused, with a reason in the answer.
REFUSED = [
    ("segment", "segment=foreground"),
    ("upscale", "upscale=generate"),
    ("border", "border=3"),
    ("origin-auth", "origin-auth=share-publicly"),
    ("draw", "draw"),
    ("blur", "blur=251"),
    ("sharpen", "sharpen=11"),
    ("rotate", "rotate=45"),
    ("quality", "quality=0"),
    ("format", "format=mp4"),
]

# Bytes of a JPEG of `noise` at the default quality, filled in before the rules are asked.
LENGTHS = {}
