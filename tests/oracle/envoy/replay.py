"""Sends requests to Envoy, byte for byte as a case has them, and reads off who answered.

Requests that can share a connection do: those of one filter chain, source, destination and server name. Many connections
are open at once, one request in flight on each; a proxy that reads two requests in one go may treat them otherwise."""

import collections
import functools
import ipaddress
import select
import socket
import ssl
import struct

from configuration import TLV_PRINCIPAL

OPEN_AT_ONCE = 24
REQUESTS_PER_CONNECTION = 2000
SECONDS_WITHOUT_ANSWER = 20
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

Link = collections.namedtuple("Link", "chain source destination port sni secure certificate peer raw")


def proxy_header(link):
    """The PROXY protocol's second version: addresses, ports, and the peer of a TCP connection as a TLV."""
    source, destination = ipaddress.ip_address(link.source), ipaddress.ip_address(link.destination)
    if source.version != destination.version:
        # A header has addresses of one family; what was IPv4 stays so in the sets that policies match.
        destination = ipaddress.ip_address("fd00::1" if source.version == 6 else "10.244.0.10")
    peer = link.peer.encode() if link.peer else b""
    tlv = bytes([TLV_PRINCIPAL]) + struct.pack("!H", len(peer)) + peer if peer else b""
    body = source.packed + destination.packed + struct.pack("!HH", link.chain, link.port) + tlv
    family = 0x11 if source.version == 4 else 0x21
    return SIGNATURE + bytes([0x21, family]) + struct.pack("!H", len(body)) + body


@functools.lru_cache(maxsize=4096)
def client_hello(sni):
    """The first bytes of a TLS connection: enough for the server name to be seen."""
    sent = ssl.MemoryBIO()
    client = client_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=sni)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


@functools.lru_cache(maxsize=4096)
def client_context(certificate=None, key=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def http_verdict(answer):
    """Tells who answered, from one whole response without a body."""
    status = answer[9:12]
    if status == b"200":
        return "allow"
    head, _, rest = answer.partition(b"x-oracle-details: ")
    details = rest.partition(b"\r\n")[0]
    if details.startswith(b"rbac_access_denied"):
        return "deny"
    if details.startswith(b"jwt_authn_access_denied"):
        return "unauthenticated"
    return "rejected"


def replay(jobs, plain, tls, key):
    """Answers every job, a pair of a link and its numbered requests, with a dictionary from number to verdict."""
    verdicts = {}
    waiting = collections.deque()
    for link, requests in jobs.items():
        if link.secure:
            secured(link, requests, tls, key, verdicts)
        elif link.raw:
            # Each TCP request is a connection of its own.
            waiting.extend((link, [request]) for request in requests)
        else:
            waiting.extend((link, requests[start:start + REQUESTS_PER_CONNECTION])
                           for start in range(0, len(requests), REQUESTS_PER_CONNECTION))
    poll = select.epoll()
    open_now = {}
    while waiting or open_now:
        while waiting and len(open_now) < OPEN_AT_ONCE:
            connection = Connection(*waiting.popleft(), plain, tls)
            open_now[connection.fileno] = connection
            poll.register(connection.fileno, select.EPOLLIN | select.EPOLLHUP)
        events = poll.poll(SECONDS_WITHOUT_ANSWER)
        if not events:
            raise TimeoutError("no answer from Envoy")
        for fileno, _ in events:
            connection = open_now[fileno]
            if connection.advance(verdicts):
                continue
            poll.unregister(fileno)
            del open_now[fileno]
            connection.socket.close()
            if connection.left():
                waiting.append((connection.link, connection.left()))
    poll.close()
    return verdicts


class Connection:
    """One connection to Envoy and the requests still to go through it."""

    def __init__(self, link, requests, plain, tls):
        self.link, self.requests, self.at, self.received = link, requests, 0, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(tls if link.sni else plain)
        self.fileno = self.socket.fileno()
        self.recv, self.send = self.socket.recv, self.socket.sendall
        first = requests[0][1]
        if link.raw and link.sni:
            first = client_hello(link.sni)
        try:
            self.send(proxy_header(link) + first)
        except BrokenPipeError:
            pass  # Read below as a connection that was closed.

    def left(self):
        return self.requests[self.at:]

    def advance(self, verdicts):
        """Reads what came; false when this connection is of no more use."""
        try:
            data = self.recv(65536)
        except ConnectionResetError:
            data = b""
        number = self.requests[self.at][0]
        if self.link.raw:
            verdicts[number] = "allow" if data else "deny"
            self.at += 1
            return False
        self.received += data
        if not data:
            # Closed without an answer: the request itself is at fault, or Envoy is no more, which the next one will show.
            verdicts[number] = "rejected"
            self.at += 1
            return False
        if not self.received.endswith(b"\r\n\r\n"):
            return True
        answer, self.received = self.received, b""
        verdicts[number] = http_verdict(answer)
        self.at += 1
        if self.at == len(self.requests) or b"\r\nconnection: close" in answer:
            return False
        self.send(self.requests[self.at][1])
        return True


def secured(link, requests, tls, key, verdicts):
    """The same over TLS, one request after the other: only what depends on a server name or a certificate comes here."""
    connection = None
    for number, request in requests:
        if connection is None:
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(SECONDS_WITHOUT_ANSWER)
            plain.connect(tls)
            plain.sendall(proxy_header(link))
            connection = client_context(link.certificate, key).wrap_socket(plain, server_hostname=link.sni)
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"?" if link.raw else b"\r\n\r\n"):
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                break
            answer += data
        if link.raw:
            verdicts[number] = "allow" if answer else "deny"
        else:
            verdicts[number] = http_verdict(answer) if answer else "rejected"
        if link.raw or not answer or b"\r\nconnection: close" in answer:
            connection.close()
            connection = None
    if connection:
        connection.close()
