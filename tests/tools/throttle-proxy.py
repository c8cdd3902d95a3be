#!/usr/bin/env python3
"""A TCP proxy that is as slow as told: throttle-proxy.py LISTEN_PORT TARGET_PORT CONTROL_FILE

CONTROL_FILE holds the bytes a second of each connection towards the client (0: no limit); it is read again for
each connection. Pieces are of varying length and the pauses between them vary, so that threads meet differently
every time. Ends with its parent (standard input).
"""
import os
import random
import selectors
import socket
import sys
import threading
import time


def pump(source, sink, rate):
    try:
        while True:
            data = source.recv(random.randint(1, 1 << 16) if rate else 1 << 16)
            if not data:
                break
            sink.sendall(data)
            if rate:
                time.sleep(len(data) / rate * random.uniform(0.5, 1.5))
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, port, control):
    with open(control) as f:
        rate = int(f.read() or 0)
    try:
        server = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    threading.Thread(target=pump, args=(client, server, 0), daemon=True).start()
    pump(server, client, rate)


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    picker = selectors.DefaultSelector()
    picker.register(listener, selectors.EVENT_READ)
    picker.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in picker.select():
            if key.fileobj is not listener:
                if not os.read(0, 1):
                    os._exit(0)
                continue
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, int(sys.argv[2]), sys.argv[3]), daemon=True).start()


if __name__ == "__main__":
    main()
