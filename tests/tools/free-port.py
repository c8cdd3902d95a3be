#!/usr/bin/env python3
"""Print a loopback TCP port that is free at the moment."""
import socket

s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
