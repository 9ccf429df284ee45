# 10,000 events of every kind as bytes in hex, 100 in a line; the same in each run. One in a hundred
# is a SysEx, with realtime bytes inside it.
function below(n) { state = (state * 1103515245 + 12345) % 2147483648; return int(state / 65536) % n }
function put(byte) { line = line sprintf("%02X ", byte) }
function realtime() { put(substr("248250251252254", 1 + 3 * below(5), 3) + 0) }
BEGIN {
    state = 7
    for (event = 1; event <= 10000; event++) {
        kind = below(12)
        channel = below(2)
        if (event % 100 == 50) {
            put(240)
            for (left = 20 + below(200); left > 0; left--) {
                put(below(128))
                if (below(20) == 0) realtime()
            }
            put(247)
        }
        else if (kind < 3) { put(144 + channel); put(36 + below(32)); put(below(128)) }
        else if (kind < 5) { put(128 + channel); put(36 + below(32)); put(below(128)) }
        else if (kind == 5) { put(176 + channel); put(below(120)); put(below(128)) }
        else if (kind == 6) { put(224 + channel); put(below(128)); put(below(128)) }
        else if (kind == 7) { put(160 + channel); put(36 + below(32)); put(below(128)) }
        else if (kind == 8) { put(208 + channel); put(below(128)) }
        else if (kind == 9) { put(192 + channel); put(below(128)) }
        else if (kind == 10) { put(242); put(below(128)); put(below(128)) }
        else realtime()
        if (event % 100 == 0) { print line; line = "" }
    }
}
