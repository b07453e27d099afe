"""A program that has its own way with SIGINT, and asks the server something afterwards."""

import signal
import socket
import sys

signal.signal(signal.SIGINT, lambda number, frame: print("interrupted", flush=True))
print("started", flush=True)
# A signal doesn't end this wait (PEP 475).
sentence = sys.stdin.readline().strip()

client = socket.create_connection(("192.168.69.1", 12000))
client.send(sentence.encode())
print(client.recv(1024).decode(), flush=True)
sys.exit(5)
