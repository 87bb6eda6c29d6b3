"""From cases to verdicts: translate, configure, start Envoy, replay, collect."""

import collections
import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

import install
from certificates import Certificates
from configuration import Configuration
from replay import Link, replay
from tokens import Keys

DESTINATION = "10.244.0.10"


class Refused(Exception):
    """Envoy does not take a configuration; the message is its own."""


class Oracle:
    """A translator at hand and some versions of Envoy to ask.

    With `mutual_tls`, peers show certificates, and policies read them from there, as in a sidecar; it is slow."""

    def __init__(self, versions, mutual_tls=False):
        self.mutual_tls = mutual_tls
        self.versions = tuple(versions)
        self.envoys = {version: install.envoy(version) for version in versions}
        peer = "certificate" if mutual_tls else "filter-state"
        self.translator = subprocess.Popen([install.translator(), "-peer", peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.keys = Keys()
        self.folder = tempfile.TemporaryDirectory(prefix="envoy-oracle-")
        self.certificates = Certificates(self.folder.name)

    def close(self):
        self.translator.communicate()
        self.folder.cleanup()

    def answer(self, cases):
        """Yields the answer to each case, in order."""
        usable, answers = [], [{"id": case["id"]} for case in cases]
        for number, (case, filters) in enumerate(zip(cases, self._translate(cases))):
            if filters.get("refused"):
                answers[number]["refused"] = filters["refused"]
            if filters.get("error"):
                answers[number]["error"] = filters["error"]
            else:
                usable.append((number, case, filters))
        requests = {number: list(self._requests(number, case)) for number, case, _ in usable}
        for version, binary in self.envoys.items():
            for number, verdicts in self._ask(binary, usable, requests, answers).items():
                first = answers[number].setdefault("verdicts", verdicts)
                if verdicts != first:
                    answers[number].setdefault("others", {})[version] = verdicts
        return answers

    def _translate(self, cases):
        questions = []
        for case in cases:
            question = {key: value for key, value in case.items() if key != "requests"}
            question["objects"] = self.keys.put_into(case["objects"])
            questions.append(json.dumps(question).encode() + b"\n")

        def ask():
            # It says why it stopped where it did: the answers end there.
            with contextlib.suppress(BrokenPipeError):
                for question in questions:
                    self.translator.stdin.write(question)
                self.translator.stdin.flush()

        # Whoever asks and listens in turn waits for ever once questions and answers fill both pipes.
        asking = threading.Thread(target=ask)
        asking.start()
        for case in cases:
            line = self.translator.stdout.readline()
            if not line:
                raise RuntimeError(f"the translator stopped at the case {case['id']}")
            yield json.loads(line)
        asking.join()

    def _requests(self, number, case):
        issuer = next((rule.get("issuer") for each in case["objects"] if each.get("kind") == "RequestAuthentication"
                       for rule in (each.get("spec") or {}).get("jwtRules") or []), "https://issuer.invalid")
        raw = case.get("protocol", "http") == "tcp"
        for request in case["requests"]:
            peer = "spiffe://" + request["identity"] if request.get("identity") else None
            address = request.get("address") or "10.0.0.1"
            sni = request.get("sni")
            certificate = self.certificates.of(peer) if peer and self.mutual_tls else None
            secure = bool(certificate or sni and (self.mutual_tls or not raw))
            link = (address, request.get("destination") or DESTINATION, case.get("port", 80), sni, secure, certificate)
            if raw:
                yield (*link, None if certificate else peer, True), b"?"
            else:
                yield (*link, None, False), self._bytes(number, None if certificate else peer, address, request, issuer)

    def _bytes(self, number, peer, address, request, issuer):
        """Writes an HTTP/1.1 request, its path, host and headers exactly as given."""
        path = self._text(request.get("path") or "/", issuer)
        lines = [f"{request.get('method') or 'GET'} {path} HTTP/1.1"]
        if request.get("host") is not None:
            lines.append(f"host: {request['host']}")
        lines.append(f"x-oracle-case: {number}")
        if peer:
            lines.append(f"x-oracle-identity: {peer}")
        headers = request.get("headers") or []
        for name, value in headers:
            lines.append(f"{name}: {self._text(value, issuer)}")
        names = {name.lower() for name, _ in headers}
        remote = request.get("remoteAddress")
        if remote and remote != address and "x-forwarded-for" not in names:
            lines.append(f"x-forwarded-for: {remote}")
        if request.get("token") is not None:
            lines.append("authorization: Bearer " + self.keys.token(request["token"], issuer))
        if request.get("method") in ("POST", "PUT", "PATCH") and "content-length" not in names:
            lines.append("content-length: 0")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def _text(self, written, issuer):
        """Returns a text, with a token in it where one is asked for."""
        if not isinstance(written, dict):
            return written
        return written.get("prefix", "") + self.keys.token(written["token"], issuer) + written.get("suffix", "")

    def _ask(self, binary, usable, requests, answers):
        """Returns the verdicts of one Envoy by the case's number. Where it refuses a configuration, the culprits are
        found by halving: in a mesh, such a workload would keep what it had before."""
        if not usable:
            return {}
        configuration, taken = Configuration(self.mutual_tls), []
        for number, case, filters in usable:
            try:
                configuration.add(number, case, filters)
                taken.append((number, case, filters))
            except NotImplementedError as what:
                answers[number]["error"] = f"{what} cannot be replayed"
        try:
            with self._running(binary, configuration) as (plain, tls):
                jobs = collections.defaultdict(list)
                for number, _, _ in taken:
                    for at, (link, text) in enumerate(requests[number]):
                        jobs[Link(configuration.chain_of[number], *link)].append(((number, at), text))
                verdicts = replay(jobs, plain, tls, self.certificates.key_file)
        except Refused as reason:
            if len(taken) == 1:
                number = taken[0][0]
                answers[number].setdefault("nack", str(reason))
                return {number: ["nack"] * len(requests[number])}
            half = len(taken) // 2
            return (self._ask(binary, taken[:half], requests, answers)
                    | self._ask(binary, taken[half:], requests, answers))
        return {number: [verdicts[number, at] for at in range(len(requests[number]))] for number, _, _ in taken}

    @contextlib.contextmanager
    def _running(self, binary, configuration):
        with tempfile.TemporaryDirectory(dir=self.folder.name) as name:
            folder = pathlib.Path(name)
            plain, tls = str(folder / "plain"), str(folder / "tls")
            text = json.dumps(configuration.render(plain, tls, self.certificates))
            (folder / "envoy.json").write_text(text)
            envoy = subprocess.Popen(
                [binary, "-c", folder / "envoy.json", "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id",
                 "--disable-hot-restart", "--log-path", folder / "log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for(envoy, [plain] + [tls] * bool(configuration.secured), folder / "log")
                yield plain, tls
            finally:
                envoy.kill()
                envoy.wait()


def wait_for(envoy, paths, log):
    """Returns when Envoy answers at all the sockets; a configuration it does not take is a `Refused`."""
    deadline = time.monotonic() + 120
    for path in paths:
        while True:
            if envoy.poll() is not None:
                lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
                raise Refused(" ".join(lines)[:2000] or f"Envoy ended with {envoy.returncode}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
                break
            if time.monotonic() > deadline:
                raise TimeoutError("Envoy does not start")
            time.sleep(0.01)
