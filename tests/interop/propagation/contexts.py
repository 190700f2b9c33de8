# SPDX-License-Identifier: Apache-2.0
"""Random contexts, as exchange_test.py describes them: with all that the formats allow, and some that none can send."""

NAMES = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
ODD_NAMES = ("é", "naïve", "two words", "a,b", "a;b", "a=b", "日本", "(x)", "a\"b", "\t")
KEYS = "abcxyz0189_-*/"
STATE_VALUES = "".join(chr(byte) for byte in range(0x20, 0x7F) if chr(byte) not in ",=")
FOREIGN = "éßñ\x80\x85\u00a0ЖשعहไΩ–€日本語\u3000\ufeff\ufffd😀\U0010ffff"
VALUES = "".join(map(chr, range(0x80))) + "%%++  \"\\,;=" + FOREIGN
LONGEST_STATE = 8000  # Python reads no more than 8,192 bytes
METADATA = ("", "", "", "flag", "key=value", "a=1;b;c=2", "k=")


def text(dice, alphabet, longest):
    length = dice.choice((0, 1, 2, dice.randint(0, longest)))
    return "".join(dice.choice(alphabet) for _ in range(length))


def state_key(dice, number):
    """Unlike any other, and as level 1 allows it, but for some that only level 2 does."""
    odd = dice.randrange(40)
    if odd == 0:
        return f"{number}_{text(dice, KEYS, 20)}"
    if odd == 1:
        return f"t{number}_@s@{text(dice, KEYS, 20)}"
    if odd < 8:
        return f"{number}_{text(dice, KEYS, 20)}@{dice.choice('abz')}{text(dice, KEYS, 13)}"
    return f"k{number}_{text(dice, KEYS, 250 if odd == 9 else 20)}"


def tracestate(dice):
    members = []
    for number in range(dice.choice((0, 1, 2, 5, 32))):
        value = text(dice, STATE_VALUES, 255 if dice.randrange(20) == 0 else 20) + dice.choice("!~az")
        members.append(f"{state_key(dice, number)}={value}")
    while sum(map(len, members)) + len(members) > LONGEST_STATE:
        members.pop()
    return ",".join(members)


def baggage(dice):
    entries = []
    for number in range(dice.choice((0, 1, 2, 6))):
        odd = dice.randrange(8) == 0
        name = (dice.choice(ODD_NAMES) if odd else text(dice, NAMES, 20)) + f"-{number}"
        entries.append([name, text(dice, VALUES, 60), dice.choice(METADATA)])
    return entries


def make(dice):
    """One in ten is baggage alone."""
    bare = dice.randrange(10) == 0
    return {
        "trace_id": "" if bare else f"{dice.randrange(1, 2 ** dice.choice((8, 64, 128))):032x}",
        "span_id": "" if bare else f"{dice.randrange(1, 2 ** dice.choice((8, 64))):016x}",
        "flags": 0 if bare else dice.randrange(4),
        "tracestate": "" if bare else tracestate(dice),
        "baggage": baggage(dice),
    }
