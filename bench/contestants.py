"""Safelight and its peers, each started on a folder of sources and asked in its own language."""

import http.client, json, os, resource, shutil, signal, subprocess, sys, threading, time
import machine
from pictures import FOLDER, WrongAnswer, read
from tool_server import ACCOUNT, HASH, ROOT, TOKEN, Server, free_port

# The quality that everybody is asked for. 80 is sharp's default for JPEG and WebP, 50 for AVIF.
QUALITY = {"jpeg": 80, "webp": 80, "avif": 50, "png": 100}
PEERS = os.path.join(FOLDER, "npm")
VENV = os.path.join(FOLDER, "venv", "bin")
SECONDS = 60


class Web:
    """Asks one server, over one connection for each thread."""

    def __init__(self, port):
        self.port, self.local = port, threading.local()

    def get(self, path):
        old = getattr(self.local, "connection", None)
        try:
            return self.ask(old or self.connect(), path)
        except (OSError, http.client.HTTPException) as error:
            # One that has rested may have been closed by the server.
            if old is None or isinstance(error, TimeoutError):
                raise WrongAnswer(f"{path}: {error!r}") from error
        try:
            return self.ask(self.connect(), path)
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswer(f"{path}: {error!r}") from error

    def connect(self):
        self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        return self.local.connection

    @staticmethod
    def ask(connection, path):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise WrongAnswer(f"{path}: {answer.status} {body[:200]!r}")
        return body


class Safelight:
    """Sources are uploaded, and asked for by their ids. `small` and so on are the setting `levels`, `on` and `off` that of
    `refine`."""

    formats = ("jpeg", "webp", "avif", "png")
    may_fail = False

    def __init__(self, levels, refine="on"):
        self.levels, self.refine, self.ids = levels, refine, {}
        self.name = "Safelight" if levels != "off" else "Safelight, levels off"

    def missing(self):
        return None

    def start(self, sources, before):
        self.sources = sources
        self.server = Server("--levels", self.levels, "--refine", self.refine, before=before)
        self.web = Web(self.server.port)
        status, answer = self.server.api("PATCH", "/config", json.dumps({"flexible_variants": True}))
        if status != 200:
            sys.exit(f"options are refused: {answer}")

    def prepare(self, names):
        """Uploads what is not there yet, and waits until what follows from it is done."""
        for name in names:
            if name not in self.ids:
                status, answer = self.server.upload(read(os.path.join(self.sources, name)))
                if status != 200:
                    sys.exit(f"an upload is refused: {answer['errors']}")
                self.ids[name] = answer["result"]["id"]
        self.settle()

    def path(self, name, box, format):
        sides = ",".join(f"{key}={side}" for key, side in zip(("width", "height"), box) if side)
        return f"/{HASH}/{self.ids[name]}/{sides},quality={QUALITY[format]},format={format}"

    def get(self, name, box, format):
        return self.web.get(self.path(name, box, format))

    def pids(self):
        return machine.family(self.server.process.pid)

    def cpu(self):
        return machine.cpu_seconds(self.server.process.pid)

    def settle(self):
        return machine.settle(self.server.process.pid)

    def fresh(self):
        """Nothing of what was prepared is in memory."""
        self.server.begin_again()

    def storage(self):
        status, _, body = self.server.request("GET", f"/safelight/v1/accounts/{ACCOUNT}/storage",
                                              headers={"Authorization": f"Bearer {TOKEN}"})
        return json.loads(body)["result"] if status == 200 else {}

    def stop(self):
        self.server.__exit__()


class Peer:
    """A server of somebody else. Those below say how it is started, and what its URLs are like."""

    formats = ("jpeg", "webp", "avif", "png")
    may_fail = True
    installed_by = None

    def missing(self):
        """Why it cannot run, or None."""
        name = self.installed_by or self.name
        if os.path.exists(os.path.join(FOLDER, f"installed-{name}")):
            return None
        try:
            return read(os.path.join(FOLDER, "absent", name)).decode(errors="replace").strip().split("\n")[-1]
        except OSError:
            return None if shutil.which(name) else "not installed"

    def start(self, sources, before):
        self.sources, self.port = sources, free_port()
        self.folder = os.path.join(sources, f".{self.name}")
        os.makedirs(self.folder, exist_ok=True)
        command, env = self.command()
        self.log_path = os.path.join(self.folder, "log")
        with open(self.log_path, "wb") as log:
            # In a session of its own like Safelight, since the kernel shares processors out by sessions.
            self.process = subprocess.Popen([*before, *command], env={**os.environ, **env}, stdout=log, stderr=log,
                                            start_new_session=True)
        self.web = Web(self.port)
        for _ in range(400):
            try:
                return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5).connect()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise WrongAnswer(f"{self.name} does not start: {read(self.log_path)[-500:]!r}")

    def prepare(self, names):
        pass

    def get(self, name, box, format):
        return self.web.get(self.path(name, box, format))

    def pids(self):
        return machine.family(self.process.pid)

    def cpu(self):
        return machine.cpu_seconds(self.process.pid)

    def settle(self):
        return 0.0

    def fresh(self):
        pass

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Sharp(Peer):
    name, installed_by = "sharp", "npm"

    def command(self):
        return ["node", os.path.join(ROOT, "bench", "peers", "sharp_server.mjs")], {
            "PORT": str(self.port), "SOURCES": self.sources, "PEERS": os.path.abspath(PEERS), "NODE_ENV": "production"}

    def path(self, name, box, format):
        return f"/{name}?w={box[0]}&h={box[1]}&format={format}&quality={QUALITY[format]}"

    def version(self):
        return version_of_package("sharp") + ", " + machine.output("node", "--version")


class Ipx(Peer):
    name, installed_by = "ipx", "npm"

    def command(self):
        return [os.path.join(PEERS, "node_modules", ".bin", "ipx"), "serve", "--dir", self.sources, "--port", str(self.port),
                "--host", "127.0.0.1"], {"NODE_ENV": "production"}

    def path(self, name, box, format):
        size = f"w_{box[0]}" if not box[1] else f"s_{box[0]}x{box[1]},fit_inside"
        # A quality makes a palette of a PNG.
        quality = f",q_{QUALITY[format]}" if format != "png" else ""
        return f"/{size},f_{format}{quality}/{name}"

    def version(self):
        return version_of_package("ipx") + " (with sharp " + version_of_package("ipx/node_modules/sharp") + ")"


class Thumbor(Peer):
    name = "thumbor"

    def command(self):
        config = os.path.join(self.folder, "thumbor.conf")
        with open(config, "w") as file:
            file.write(f"LOADER = 'thumbor.loaders.file_loader'\nFILE_LOADER_ROOT_PATH = {self.sources!r}\n"
                       "STORAGE = 'thumbor.storages.no_storage'\nRESULT_STORAGE = None\nALLOW_UNSAFE_URL = True\n"
                       "AUTO_WEBP = False\nMAX_WIDTH = 0\nMAX_HEIGHT = 0\n")
        return [os.path.join(VENV, "thumbor"), "--port", str(self.port), "--ip", "127.0.0.1", "--conf", config,
                "--log-level", "error"], {}

    def path(self, name, box, format):
        fit = "fit-in/" if box[1] else ""
        quality = f"quality({QUALITY[format]}):" if format != "png" else ""
        return f"/unsafe/{fit}{box[0]}x{box[1]}/filters:{quality}format({format})/{name}"

    def version(self):
        says = "import thumbor, PIL; print(thumbor.__version__, 'with Pillow', PIL.__version__)"
        return machine.output(os.path.join(VENV, "python"), "-c", says)


class Oximg(Peer):
    name = "oximg"
    # See its version.
    formats = ("jpeg", "webp", "png")

    def command(self):
        return [os.path.join(FOLDER, "oximg", "bin", "oximg")], {
            "PORT": str(self.port), "OXIMG_BIND": "127.0.0.1", "IMAGES_DIR": self.sources, "OXIMG_OPTIONS_PREFIX": "/image"}

    def path(self, name, box, format):
        sides = ",".join(f"{key}={side}" for key, side in zip(("width", "height"), box) if side)
        quality = f",quality={QUALITY[format]}" if format != "png" else ""
        return f"/image/{sides}{quality},format={format}/{name}"

    def version(self):
        number = read(os.path.join(ROOT, "bench", "peers", "oximg-version")).decode().strip()
        return f"{number}, without AVIF: for that it links SVT-AV1 from 4.1 on, and Debian 12 has 1.4"


class Nginx(Peer):
    """Its module image_filter answers in the format of the source."""

    name = "nginx"
    formats = ("jpeg",)

    def command(self):
        return ["nginx", "-c", configure_nginx(self.folder, self.port, self.sources)], {}

    def path(self, name, box, format):
        return f"/resized/{box[0] or '-'}x{box[1] or '-'}/{name}"

    def version(self):
        return machine.output("nginx", "-v").replace("nginx version: ", "")


class Vipsthumbnail(Peer):
    """A process for each picture; its time is from its start to its end."""

    name = "vipsthumbnail"

    def start(self, sources, before):
        self.sources, self.before = sources, before

    def get(self, name, box, format):
        extension = "jpg" if format == "jpeg" else format
        target = os.path.join(self.sources, f"made-{threading.get_ident()}.{extension}")
        how = {"jpeg": "Q=80,optimize_coding", "webp": "Q=80", "avif": "Q=50", "png": "compression=6"}[format]
        done = subprocess.run([*self.before, "vipsthumbnail", os.path.join(self.sources, name), "--size",
                               f"{box[0] or 100000}x{box[1] or 100000}>", "-o", f"{target}[{how},strip]"],
                              capture_output=True, text=True, start_new_session=True)
        if done.returncode:
            raise WrongAnswer(done.stderr.strip())
        return read(target)

    def pids(self):
        return machine.family(os.getpid())[1:]

    def cpu(self):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def stop(self):
        pass

    def version(self):
        return machine.output("vips", "--version")


def peers():
    return [Sharp(), Ipx(), Thumbor(), Oximg(), Vipsthumbnail(), Nginx()]


def version_of_package(name):
    with open(os.path.join(PEERS, "node_modules", name, "package.json")) as file:
        return json.load(file)["version"]


def configure_nginx(folder, port, root, key="none"):
    """Fills in bench/nginx.conf; the path."""
    text = read(os.path.join(ROOT, "bench", "nginx.conf")).decode()
    # Root gives way to a user who may not read the sources.
    user = "user root;" if os.geteuid() == 0 else ""
    for name, value in (("folder", folder), ("port", port), ("root", root), ("key", key), ("user", user)):
        text = text.replace(f"@{name}@", str(value))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(text)
    return path
