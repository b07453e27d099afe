"""A client after the textbook's: one connection, one sentence there, one back."""

from socket import AF_INET, SOCK_STREAM, socket

SERVER = ("192.168.69.1", 12000)

client = socket(AF_INET, SOCK_STREAM)
client.connect(SERVER)
sentence = input("Input lowercase sentence:")
client.send(sentence.encode())
reply = client.recv(1024)
print("From Server:", reply.decode())
client.close()
