"""A small GitHub, on this machine: the comments of one pull request, and a private repository to fetch from.

In: a file with the comments, as a JSON list, what the token may do (`write` or `read`), and the folder of the repository. Out: the
port on standard output, and the file, rewritten with each comment made or edited. Each request goes to `<file>.log` as `METHOD path`.

What it refuses is what GitHub refuses: a missing token, a body over 65,536 characters, a token that may only read.
"""

import base64
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

FILE, RIGHTS, REPOSITORY = sys.argv[1:]
# The name that GitHub has for the token of a job.
ME = "github-actions[bot]"
TOKEN = "Bearer token-of-the-job"
# The same token, as git sends it.
BASIC = "Basic " + base64.b64encode(b"x-access-token:token-of-the-job").decode()
LONGEST = 65_536


class GitHub(BaseHTTPRequestHandler):
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def git(self, url, sent):
        """Serves the repository by git's own program, to whoever has the token."""
        if self.headers.get("Authorization", "").lower() != BASIC.lower():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        variables = {
            "GIT_PROJECT_ROOT": REPOSITORY,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": url.path.removeprefix("/acme/mesh.git"),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        said = subprocess.run(["git", "http-backend"], input=sent, env=os.environ | variables, stdout=subprocess.PIPE, check=True)
        head, _, body = said.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines()]
        self.send_response(next((int(value[:3]) for name, value in headers if name == "Status"), 200))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def handle_request(self):
        url = urlparse(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(FILE + ".log", "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path}\n")
        if url.path.startswith("/acme/mesh.git/"):
            return self.git(url, sent)
        if self.headers.get("Authorization") != TOKEN:
            return self.answer(401, {"message": "Bad credentials"})
        if url.path == "/graphql":
            return self.answer(200, {"data": {"viewer": {"login": ME}}})
        with open(FILE, encoding="utf-8") as file:
            comments = json.load(file)
        if self.command == "GET" and url.path == "/repos/acme/mesh/issues/7/comments":
            query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
            size = min(query.get("per_page", 30), 100)
            first = (query.get("page", 1) - 1) * size
            # In its place a proxy may answer something else.
            return self.answer(200, comments[first : first + size] if isinstance(comments, list) else comments)
        if RIGHTS != "write":
            return self.answer(403, {"message": "Resource not accessible by integration"})
        body = json.loads(sent)["body"]
        if len(body) > LONGEST:
            return self.answer(422, {"message": "body is too long (maximum is 65536 characters)"})
        if self.command == "POST" and url.path == "/repos/acme/mesh/issues/7/comments":
            comments.append({"id": 3_000_000_000 + len(comments), "user": {"login": ME}, "body": body})
            status = 201
        elif self.command == "PATCH":
            [found] = [it for it in comments if url.path == f"/repos/acme/mesh/issues/comments/{it['id']}"]
            found["body"] = body
            status = 200
        else:
            return self.answer(404, {"message": "Not Found"})
        with open(FILE, "w", encoding="utf-8") as file:
            json.dump(comments, file)
        return self.answer(status, {})

    do_GET = do_POST = do_PATCH = handle_request

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), GitHub)
print(server.server_port, flush=True)
server.serve_forever()
