"""Uploads by `url` with Cloudflare's Python SDK, from a web server of this script. Argument: its port."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import cloudflare
from check import ACCOUNT, ORIGIN, PICTURE, TOKEN, done, holds, same
from cloudflare import Cloudflare

PORT = int(sys.argv[1])


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/photo.jpg" else 404)
        self.send_header("Content-Length", str(len(PICTURE)))
        self.end_headers()
        self.wfile.write(PICTURE)

    def log_message(self, *_):
        pass


web = HTTPServer(("127.0.0.1", PORT), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()
v1 = Cloudflare(api_token=TOKEN, base_url=f"{ORIGIN}/client/v4", max_retries=0).images.v1
image = v1.create(account_id=ACCOUNT, url=f"http://127.0.0.1:{PORT}/photo.jpg", metadata={"a": {"b": "c"}})
same("by url", [image.filename, image.meta], ["photo.jpg", {"a": {"b": "c"}}])
same("the bytes", v1.blobs.get(image.id, account_id=ACCOUNT).read(), PICTURE)
try:
    v1.create(account_id=ACCOUNT, url=f"http://127.0.0.1:{PORT}/gone.jpg")
    holds("an error of the origin is refused", False)
except cloudflare.BadRequestError as error:
    same("an error of the origin: code", error.body["errors"][0]["code"], 5454)
done()
