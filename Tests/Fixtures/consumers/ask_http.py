"""Asks an HTTP server about addresses, over one connection, and prints a line with the address and the answer for each.

ask_http.py PORT haproxy|nginx|rspamd ADDRESS...
"""
import http.client
import json
import sys

port, server, addresses = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
for address in addresses:
    if server == "rspamd":
        connection.request("POST", "/checkv2", b"From: a@example.net\r\n\r\nHello\r\n", {"IP": address})
    elif server == "nginx":
        connection.request("GET", "/?address=" + address)
    else:
        connection.request("GET", "/", headers={"Address": address})
    answer = connection.getresponse().read().decode()
    if server == "rspamd":
        answer = "+".join(sorted(s.lower() for s in json.loads(answer)["symbols"] if s in ("BLACK", "BYPASS"))) or "none"
    print(address, answer.strip())
