"""A client after the textbook's: one datagram there, one back."""

from socket import AF_INET, SOCK_DGRAM, socket

SERVER = ("192.168.69.1", 12000)

client = socket(AF_INET, SOCK_DGRAM)
sentence = input("Input lowercase sentence:")
client.sendto(sentence.encode(), SERVER)
reply, sender = client.recvfrom(2048)
print(reply.decode())
client.close()
