"""A mirror of the hub on this machine, that has one model: `tiny/bert`."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from contextlib import contextmanager
from pathlib import Path

_NAME = "tiny/bert"
_COMMIT = "0" * 40


class _Mirror(http.server.BaseHTTPRequestHandler):
    folder: Path
    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        files = sorted(each for each in self.folder.rglob("*") if each.is_file())
        names = {each.relative_to(self.folder).as_posix(): each.stat().st_size for each in files}
        if self.path.startswith(f"/api/models/{_NAME}/revision/"):
            siblings = [{"rfilename": name} for name in names]
            return self._send(json.dumps({"id": _NAME, "sha": _COMMIT, "siblings": siblings}).encode())
        if self.path.startswith(f"/api/models/{_NAME}/tree/"):
            tree = [{"type": "file", "path": name, "size": size, "oid": "0" * 40} for name, size in names.items()]
            return self._send(json.dumps(tree).encode())
        name = self.path.partition(f"/{_NAME}/resolve/")[2].partition("/")[2]
        if name and (self.folder / name).is_file():
            return self._send((self.folder / name).read_bytes())
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound" if _NAME in self.path else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    do_HEAD = do_GET

    def _send(self, body):
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


@contextmanager
def mirror_of(folder):
    """Serve a folder; gives the address and the list of paths that are asked for."""
    handler = type("TinyMirror", (_Mirror,), {"folder": Path(folder), "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
