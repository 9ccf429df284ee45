"""A JACK client that stands for somebody at a keyboard before a microphone.

jack_keys.py TRAVEL_FRAMES COUNT

Waits for the ports of `antiphon-bench`, connects them, and strikes COUNT keys: a knock in the
microphone, and TRAVEL_FRAMES later the key as MIDI. The engine's sound goes into the same microphone.
"""

import math
import random
import sys
import time

import jack

travel, count = int(sys.argv[1]), int(sys.argv[2])
random.seed(5)
knock = [(1 if random.random() < 0.5 else -1) * 0.3 * math.exp(-n / 80) for n in range(400)]
silence = bytes(4 * 8192)

client = jack.Client("player")
air = client.outports.register("air")
keys = client.midi_outports.register("keys")
apart = client.samplerate * 7 // 10 + 37
state = {"frame": 0, "first": None}


@client.set_process_callback
def process(frames):
    begin = state["frame"]
    state["frame"] = begin + frames
    keys.clear_buffer()
    buffer = memoryview(air.get_buffer())
    buffer[:] = silence[: 4 * frames]
    if state["first"] is None:
        return
    samples = buffer.cast("B").cast("f")
    for number in range(count):
        strike = state["first"] + number * apart
        for offset, message in ((travel, 0x90), (travel + 3000, 0x80)):
            place = strike + offset - begin
            if 0 <= place < frames:
                keys.write_midi_event(place, [message, 48 + number, 90])
        for place in range(max(strike, begin), min(strike + len(knock), begin + frames)):
            samples[place - begin] = knock[place - strike]


with client:
    limit = time.monotonic() + 120
    wanted = {"antiphon-bench:midi_in", "antiphon-bench:in_1", "antiphon-bench:out_1"}
    while not wanted <= {port.name for port in client.get_ports("antiphon-bench")}:
        if time.monotonic() > limit:
            sys.exit("the bench did not come")
        time.sleep(0.05)
    client.connect(air, "antiphon-bench:in_1")
    client.connect(keys, "antiphon-bench:midi_in")
    client.connect("antiphon-bench:out_1", "antiphon-bench:in_1")
    # Its engine takes some periods to begin.
    time.sleep(1.5)
    state["first"] = state["frame"] + client.blocksize
    time.sleep((count + 2) * apart / client.samplerate)
