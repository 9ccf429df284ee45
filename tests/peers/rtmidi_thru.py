"""Sends by RtMidi on JACK and judges what comes back: ports `rtout:out` and `rtin:in`.

Waits until a probe comes back (where none does, its own input may be one of those that RtMidi opens and then
never reads on a busy machine: it says so, and is to be started again), then sends messages of all kinds and two SysEx, and prints
one JSON object.
"""

import json
import threading
import time

import rtmidi

received, changed = [], threading.Condition()


def take(event, _data):
    with changed:
        received.append(list(event[0]))
        changed.notify()


source = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="rtout")
source.open_virtual_port("out")
sink = rtmidi.MidiIn(rtapi=rtmidi.API_UNIX_JACK, name="rtin")
sink.ignore_types(sysex=False, timing=False, active_sense=False)
sink.set_callback(take)
sink.open_virtual_port("in")

limit = time.monotonic() + 8
while not received and time.monotonic() < limit:
    source.send_message([0xF6])
    time.sleep(0.05)
if not received:
    print(json.dumps({"deaf": True}))
    raise SystemExit
time.sleep(0.5)
with changed:
    received.clear()

messages = []
for number in range(100):
    key = number
    messages += [[0x90, key, 1 + number], [0xB3, 20, number], [0x80, key, 5], [0xE1, number, 64], [0xC2, number]]
messages += [[0xF0, 0x7D] + [n % 128 for n in range(2000)] + [0xF7], [0xF8], [0xF0, 0x7D, 1, 0xF7], [0xFC]]
for message in messages:
    source.send_message(message)
    time.sleep(0.001)
limit = time.monotonic() + 20
with changed:
    while len(received) < len(messages) and time.monotonic() < limit:
        changed.wait(0.1)
wrong = next((n for n, (s, r) in enumerate(zip(messages, received)) if s != r), None)
print(json.dumps({"sent": len(messages), "received": len(received), "first_wrong": wrong}))
