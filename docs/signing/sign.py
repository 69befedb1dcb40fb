import hashlib
import hmac
import os
import sys


def sign(path, key, expires=None):
    """Signs a percent-encoded path; `expires` is in Unix seconds, and without it the link never expires."""
    text = path if expires is None else f"{path}?exp={expires}"
    sig = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{text}{'?' if expires is None else '&'}sig={sig}"


if __name__ == "__main__":
    print(sign(sys.argv[1], os.environ["SIGNING_KEY"], *sys.argv[2:]))
