"""Watches an auction with sseclient-py over requests, coming back with Last-Event-ID whenever the stream breaks.

Usage: http_sse.py URL BIDS. Ends when a state shows so many bids. What is missed between two connections must come as changes, in
order and without a hole; exits with 0 when it does.
"""

import json
import sys
import time

import requests
import sseclient


def check(condition, *facts):
    if not condition:
        raise SystemExit(f"not as it should be: {facts!r}")


def connect(url, last):
    """A stream of events, from the first try on that is answered."""
    headers = {"Accept": "text/event-stream"}
    if last is not None:
        headers["Last-Event-ID"] = last
    while True:
        try:
            response = requests.get(url, stream=True, headers=headers, timeout=30)
        except requests.exceptions.ConnectionError:
            time.sleep(0.01)
            continue
        if response.status_code == 503:
            time.sleep(0.01)
            continue
        # The body of a stream never ends, so it is not read to be shown.
        check(response.status_code == 200, response.status_code)
        return sseclient.SSEClient(response)


def main():
    url, wanted = sys.argv[1], int(sys.argv[2])
    last, seq, is_first = None, None, True
    while True:
        try:
            for event in connect(url, last).events():
                data = json.loads(event.data)
                check(event.event in ("state", "change"), event.event, data)
                if event.event == "change":
                    check(data["seq"] == seq + 1, "a hole", seq, data)
                elif is_first:
                    print("watching", flush=True)
                    is_first = False
                else:
                    check(data["seq"] >= seq, "back in time", seq, data)
                last, seq = event.id, data["seq"]
                if event.event == "state" and data["bid_count"] >= wanted:
                    print(f"{data['bid_count']} bids, nothing missed")
                    return
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
            pass


main()
