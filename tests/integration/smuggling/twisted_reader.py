"""Twisted's HTTP server, which is Synapse's, as a witness of what was forwarded.

Standard input: one JSON object per line, {"bytes": base64}, a connection's bytes as a whole. Standard output, one line
each: {"read": [[method, target, base64 of the body], ...]}, the requests that Twisted's channel gives to an application.

It listens as well; the first line on standard output is {"port": n}. Requests that come there are answered as the recording
worker answers them, and told as {"request": [method, target, base64 of the body]} before the answer is sent.
"""

import base64
import json
import sys

from twisted.internet import reactor, stdio
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.protocols.basic import LineReceiver
from twisted.web import http


def tell(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Recording(http.Request):
    def process(self):
        body = self.content.read()
        seen = [self.method.decode("latin-1"), self.uri.decode("latin-1"), base64.b64encode(body).decode()]
        record = getattr(self.channel.factory, "record", None)
        if record is None:
            tell({"request": seen})
        else:
            record.append(seen)
        answer = b"%s %s %d" % (self.method, self.uri, len(body))
        self.setHeader(b"content-length", b"%d" % len(answer))
        self.write(answer)
        self.finish()


def read(data):
    factory = http.HTTPFactory(reactor=reactor)
    factory.record = []
    channel = http.HTTPChannel()
    channel.requestFactory = Recording
    channel.factory = factory
    channel.timeOut = None
    transport = StringTransportWithDisconnection()
    transport.protocol = channel
    channel.makeConnection(transport)
    channel.dataReceived(data)
    return factory.record


class Lines(LineReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 1 << 26

    def lineReceived(self, line):
        tell({"read": read(base64.b64decode(json.loads(line)["bytes"]))})

    def connectionLost(self, reason=None):
        if reactor.running:
            reactor.stop()


class Listening(http.HTTPChannel):
    requestFactory = Recording


site = http.HTTPFactory(reactor=reactor)
site.protocol = Listening
stdio.StandardIO(Lines())
listener = reactor.listenTCP(0, site, interface="127.0.0.1")
tell({"port": listener.getHost().port})
reactor.run()
