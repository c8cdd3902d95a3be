#!/usr/bin/env python3
"""An HTTP proxy in front of a registry that does what networks and servers do at their worst.

usage: fault-proxy.py --upstream HOST:PORT --port-file FILE --log FILE [--listen ADDRESS] [--tls CERT KEY] [--client-ca FILE] [--tokens [USER:PASSWORD]] [--public]
                      [--token-uses N] [--token-life S] [--realm URL] [--service NAME] [--scope SCOPE]
                      [--latency MS] [--rate BYTES] [--cut PERCENT] [--seed N] [RULE]…

A RULE is PATTERN=ACTION[*COUNT]: the first rule with uses left whose PATTERN (a regular expression) is found in the
request's "METHOD PATH" acts on that request. Actions:
    status:CODE[:SECONDS]  answer CODE, with Retry-After
    redirect:URL           307 to URL + path (redirect-to:URL: to exactly URL)
    drop:N                 N bytes of the body, then a reset of the connection
    short:N                N bytes of the body, then its end (fewer than Content-Length says)
    shorter:N              an answer of N bytes that says so itself
    more:N                 N bytes more than there are
    corrupt:N              byte N of the blob changed
    replace:FILE           the contents of FILE as the answer
    norange                ignore Range
    badrange               answer another range than asked
    stall:SECONDS          wait in the middle of the body
    hold:FILE              wait in the middle of the body until FILE is there
    slow:RATE              RATE bytes a second
    header:NAME:VALUE      another header
    close                  no answer at all
    cut:N                  N bytes of what is sent go on to the registry, then both connections are reset
    keep:N                 the same, but the registry gets the N bytes as a request of their own: it keeps them
    stall-body             what is sent is never read
    lose                   the request goes on, its answer is lost
    location:URL           URL and the path in the place of the Location ("-": the path alone)

With --latency each connection and each request wait so long, as on a far network; --rate is the bytes a second that all
answers share; --cut breaks so many percent of the answers somewhere in the middle, the same ones for the same --seed.
With --tokens requests below /v2/ need a token, which /token gives out (to anybody, or to USER:PASSWORD only), good for
N requests; with --public only what changes something needs one. Each request is a line of the log:
METHOD PATH RANGE KIND-OF-AUTHORIZATION STATUS. Ends when its standard input does.
"""
import argparse
import base64
import fcntl
import http.client
import json
import os
import random
import re
import secrets
import socket
import ssl
import struct
import sys
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

lock = threading.Lock()
tokens = {}
moved = {}  # where an upload went on when nobody was told


class Rule:
    def __init__(self, text):
        pattern, action = re.fullmatch(r"(.*?)=([a-z].*)", text).groups()
        count = re.search(r"\*(\d+)$", action)
        self.left = int(count[1]) if count else 1 << 30
        self.pattern = re.compile(pattern)
        self.kind, _, self.value = (action[: count.start()] if count else action).partition(":")

    def number(self):
        return int(self.value)


def pick_rule(rules, path):
    with lock:
        for rule in rules:
            if rule.left > 0 and rule.pattern.search(path):
                rule.left -= 1
                return rule
    return None


class Link:
    """What all answers share: a rate, and chance."""

    def __init__(self, rate, percent, seed):
        self.rate, self.percent, self.free_at = rate, percent, 0.0
        self.random = random.Random(seed)

    def carry(self, count):
        if not self.rate:
            return
        with lock:
            self.free_at = max(self.free_at, time.monotonic()) + count / self.rate
            wait = self.free_at - time.monotonic()
        if wait > 0.002:
            time.sleep(wait)

    def cut(self, length):
        """After how many bytes an answer of LENGTH breaks; None: it does not."""
        with lock:
            if length < 2 or self.random.random() * 100 >= self.percent:
                return None
            return self.random.randrange(1, length)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options = None
    rules = []
    link = None

    def setup(self):
        time.sleep(self.options.latency / 1000)  # SYN and its answer
        super().setup()

    def log_message(self, *args):
        pass

    def note(self, status):
        kind = (self.headers.get("Authorization") or "-").split(" ")[0]
        rng = self.headers.get("Range") or "-"
        with lock, open(self.options.log, "a") as f:
            f.write(f"{self.command} {self.path} {rng} {kind} {status}\n")

    def answer(self, status, headers, body=b""):
        self.note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_expect_100(self):
        return True  # whoever reads the body says so

    def begin_body(self):
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()

    def reject(self, *args):
        """Answer without a look at the body."""
        if self.headers.get("Expect"):
            self.close_connection = True
        else:
            for _ in self.body(int(self.headers.get("Content-Length") or 0)):
                pass
        self.answer(*args)

    def drain(self):
        """What is still in our own queue goes down with a connection that is reset: a break would not be where it should."""
        while int.from_bytes(fcntl.ioctl(self.connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder) > 0:
            time.sleep(0.002)

    def reset(self):
        self.wfile.flush()
        self.drain()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    # Tokens

    def give_token(self):
        o = self.options
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fields = parse_qs(body) if self.command == "POST" else parse_qs(urlsplit(self.path).query)
        if o.tokens:
            want = "Basic " + base64.b64encode(o.tokens.encode()).decode()
            identity = fields.get("refresh_token", [""])[0]
            good = (
                identity == "identity-" + o.tokens.split(":")[1]
                if self.command == "POST"
                else self.headers.get("Authorization") == want
            )
            if not good:
                return self.answer(401, {}, b'{"details":"incorrect username or password"}')
        scope = fields.get("scope", [""])[0]
        if fields.get("service", [""])[0] != o.service or not re.fullmatch(r"(repository:[^:]+:pull(,push)?)?", scope):
            return self.answer(400, {}, b"bad service or scope")
        token = secrets.token_hex(16)
        with lock:
            tokens[token] = [scope.split(":")[1] if scope else "", o.token_uses, time.monotonic() + o.token_life]
        name = "access_token" if self.command == "POST" else "token"
        return self.answer(200, {}, json.dumps({name: token, "expires_in": int(o.token_life)}).encode())

    def is_authorized(self):
        if self.options.tokens is None or not self.path.startswith("/v2/"):
            return True
        if self.options.public and self.command in ("GET", "HEAD"):
            return True
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with lock:
            repository, uses, until = tokens.get(token, ("", 0, 0))
            if uses <= 0 or time.monotonic() > until or not self.path.startswith(f"/v2/{repository}/" if repository else "/v2/"):
                return False
            tokens[token][1] -= 1
        return True

    def challenge(self):
        scheme = "https" if self.options.tls else "http"
        realm = self.options.realm or f"{scheme}://{self.headers['Host']}/token"
        value = f'Bearer realm="{realm}",service="{self.options.service}"'
        if self.options.scope:
            value += f',scope="{self.options.scope}"'
        self.reject(401, {"WWW-Authenticate": value}, b'{"errors":[{"code":"UNAUTHORIZED"}]}')

    # Forwarding

    def do_GET(self):
        time.sleep(self.options.latency / 1000)
        if self.path.startswith("/token"):
            return self.give_token()
        if not self.is_authorized():
            return self.challenge()
        rule = pick_rule(self.rules, f"{self.command} {self.path}")
        kind = rule.kind if rule else ""
        if kind == "close":
            self.note("closed")
            return self.reset()
        if kind == "stall-body":
            self.note("stalled")
            self.begin_body()
            while self.connection.recv(1):
                pass
            return self.reset()
        if kind == "status":
            status, _, after = rule.value.partition(":")
            return self.reject(int(status), {"Retry-After": after} if after else {}, b"<html>no</html>")
        if kind == "redirect":
            return self.reject(307, {"Location": rule.value + self.path})
        if kind == "redirect-to":
            return self.reject(307, {"Location": rule.value})
        if kind == "replace":
            with open(rule.value, "rb") as f:
                return self.answer(200, {}, f.read())
        return self.forward(rule, kind)

    do_HEAD = do_GET
    do_POST = do_GET
    do_PATCH = do_GET
    do_PUT = do_GET
    do_DELETE = do_GET

    # What is sent

    def body(self, limit):
        left = limit
        while left > 0:
            data = self.rfile.read(min(65536, left))
            if not data:
                raise ConnectionResetError
            left -= len(data)
            yield data

    def send_body(self, connection, path, headers, length, limit):
        """The request with a body of LENGTH bytes, of which LIMIT are sent."""
        headers["Content-Length"] = str(length)
        connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        self.begin_body()
        for data in self.body(limit):
            connection.send(data)

    def cut(self, connection, path, headers, length, rule):
        limit = min(length, rule.number())
        self.send_body(connection, path, headers, limit if rule.kind == "keep" else length, limit)
        if rule.kind == "keep":
            response = connection.getresponse()
            response.read()
            where = urlsplit(response.getheader("Location"))
            with lock:
                moved[self.path] = f"{where.path}?{where.query}"
        connection.close()
        self.note("cut")
        self.reset()

    def location(self, value, rule):
        where = urlsplit(value)
        path = where.path + ("?" + where.query if where.query else "")
        return ("" if rule.value == "-" else rule.value) + path

    def forward(self, rule, kind):
        passed = ("accept", "range", "if-range", "content-type", "content-range", "host")
        headers = {n: v for n, v in self.headers.items() if n.lower() in passed}
        if not self.options.tokens and self.headers.get("Authorization"):
            headers["Authorization"] = self.headers["Authorization"]
        if kind == "norange":
            headers.pop("Range", None)
        if kind == "badrange" and "Range" in headers:
            headers["Range"] = "bytes=1-"
        connection = http.client.HTTPConnection(self.options.upstream)
        if self.options.tls:
            headers["X-Forwarded-Proto"] = "https"
        length = int(self.headers.get("Content-Length") or 0)
        path = moved.get(self.path, self.path)
        if kind in ("cut", "keep"):
            return self.cut(connection, path, headers, length, rule)
        if self.command in ("POST", "PATCH", "PUT"):
            self.send_body(connection, path, headers, length, length)
        else:
            connection.request(self.command, path, headers=headers)
        response = connection.getresponse()
        if kind == "lose":
            response.read()
            self.note("lost")
            return self.reset()
        self.note(response.status)
        self.send_response(response.status)
        length = int(response.getheader("Content-Length") or 0)
        said = length
        if kind == "shorter":
            said = min(said, rule.number())
        if kind == "more":
            said += rule.number()
        for name, value in response.getheaders():
            if name.lower() == "location" and kind == "location":
                value = self.location(value, rule)
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if kind == "header":
            self.send_header(*rule.value.split(":", 1))
        self.send_header("Content-Length", str(said))
        self.end_headers()
        if self.command != "HEAD":
            self.copy(response, rule, kind, length)
        connection.close()

    def copy(self, response, rule, kind, length):
        limit = rule.number() if kind in ("drop", "short", "shorter") else length
        cut = self.link.cut(length) if self.options.cut and not kind else None
        if cut is not None:
            limit, kind = cut, "drop"
        done = 0
        while done < min(length, limit):
            data = bytearray(response.read(min(65536, limit - done)))
            if not data:
                break
            if kind == "corrupt" and done <= rule.number() < done + len(data):
                data[rule.number() - done] ^= 0xFF
            self.link.carry(len(data))
            self.wfile.write(data)
            done += len(data)
            if kind == "slow":
                time.sleep(len(data) / rule.number())
            while kind == "hold" and not os.path.exists(rule.value):
                time.sleep(0.02)
            if kind == "stall":
                time.sleep(rule.number())
                kind = ""
        if kind == "more":
            self.wfile.write(b"x" * rule.number())
        if kind == "drop":
            self.reset()
        if kind == "short":
            self.wfile.flush()
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--upstream", required=True)
    p.add_argument("--port-file", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--listen", default="127.0.0.1")
    p.add_argument("--tls", nargs=2)
    p.add_argument("--client-ca")
    p.add_argument("--tokens", nargs="?", const="")
    p.add_argument("--public", action="store_true")
    p.add_argument("--token-uses", type=int, default=1 << 30)
    p.add_argument("--token-life", type=float, default=300)
    p.add_argument("--realm")
    p.add_argument("--service", default="test service")
    p.add_argument("--scope")
    p.add_argument("--latency", type=float, default=0, metavar="MS")
    p.add_argument("--rate", type=float, default=0, metavar="BYTES")
    p.add_argument("--cut", type=float, default=0, metavar="PERCENT")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("rules", nargs="*")
    Handler.options = p.parse_args()
    Handler.link = Link(Handler.options.rate, Handler.options.cut, Handler.options.seed)
    Handler.rules = [Rule(r) for r in Handler.options.rules]
    server = Server((Handler.options.listen, 0), Handler)
    if Handler.options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*Handler.options.tls)
        if Handler.options.client_ca:
            context.load_verify_locations(Handler.options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(Handler.options.port_file + ".new", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(Handler.options.port_file + ".new", Handler.options.port_file)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
