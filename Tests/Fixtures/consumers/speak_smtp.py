"""Speaks SMTP from addresses and prints a line with the address and the codes of the answers for each.

speak_smtp.py PORT ADDRESS... [-- COMMAND...]    the commands after the greeting, in a session from each address
"""
import socket
import sys

words = sys.argv[2:]
split = words.index("--") if "--" in words else len(words)
for address in words[:split]:
    server = "::1" if ":" in address else "127.0.0.1"
    with socket.create_connection((server, int(sys.argv[1])), timeout=10, source_address=(address, 0)) as connection:
        lines = connection.makefile("rw", newline="\n")
        codes = [lines.readline()[:3]]
        for command in words[split + 1 :]:
            lines.write(command + "\r\n")
            lines.flush()
            codes.append(lines.readline()[:3])
        print(address, *codes)
