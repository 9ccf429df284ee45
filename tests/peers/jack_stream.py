"""A JACK client that sends numbered messages at frames of its own and judges what comes back.

jack_stream.py COUNT SPACING_FRAMES [freewheel]

Waits until its ports `peer:out` and `peer:in` are connected, sends COUNT messages of all
kinds, one about every SPACING_FRAMES, and prints one JSON object.
"""

import json
import sys
import threading

import jack

count, spacing = int(sys.argv[1]), int(sys.argv[2])
freewheel = "freewheel" in sys.argv[3:]


def message(number):
    """Every kind in turn; a release follows its strike; all within one bar of each other differ."""
    channel, turn = number // 8 % 16, number // 8
    key, seven = turn % 128, turn * 37 % 128
    return [
        lambda: [0x90 | channel, key, seven or 1],
        lambda: [0x80 | channel, key, seven],
        lambda: [0xB0 | channel, turn % 120, seven],
        lambda: [0xE0 | channel, turn % 128, turn // 128 % 128],
        lambda: [0xC0 | channel, seven],
        lambda: [0xA0 | channel, key, seven],
        lambda: [0xD0 | channel, seven],
        lambda: common(turn, seven),
    ][number % 8]()


def common(turn, seven):
    return [
        [0xF8],
        [0xF0, 0x7D, turn % 128, turn // 128 % 128] + [seven] * (turn % 600) + [0xF7],
        [0xF2, seven, turn % 128],
        [0xFE],
    ][turn % 4]


sent, received = [], []
client = jack.Client("peer")
outport = client.midi_outports.register("out")
inport = client.midi_inports.register("in")
begun, done = threading.Event(), threading.Event()
state = {"frame": 0, "first": None, "idle": 0}


@client.set_process_callback
def process(frames):
    begin = state["frame"]
    state["frame"] = begin + frames
    outport.clear_buffer()
    events = list(inport.incoming_midi_events())
    received.extend((begin + offset, bytes(data)) for offset, data in events)
    if not begun.is_set():
        return
    if state["first"] is None:
        state["first"] = begin
    while len(sent) < count:
        number = len(sent)
        frame = state["first"] + number * spacing + number * 7919 % max(spacing - 8, 1)
        if frame >= begin + frames:
            break
        data = bytes(message(number))
        outport.write_midi_event(frame - begin, data)
        sent.append((frame, data))
    state["idle"] = 0 if events or len(sent) < count else state["idle"] + 1
    if len(received) >= count or state["idle"] > 400:
        done.set()


with client:
    waiting = threading.Event()
    while not (outport.connections and inport.connections):
        waiting.wait(0.02)
    received.clear()
    if freewheel:
        client.set_freewheel(True)
    begun.set()
    finished = done.wait(240)
    if freewheel:
        client.set_freewheel(False)

pairs = list(zip(sent, received))
wrong = next((n for n, (s, r) in enumerate(pairs) if s[1] != r[1]), None)
print(json.dumps({
    "finished": finished,
    "sent": len(sent),
    "received": len(received),
    "first_wrong": wrong,
    "wrong": None if wrong is None else [sent[wrong][1].hex(), received[wrong][1].hex()],
    "offsets": sorted({r[0] - s[0] for s, r in pairs})[:8],
}))
