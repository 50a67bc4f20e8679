"""Work for pure-Python modules of the standard library; what it reaches is what gets resumed."""

from __future__ import annotations

import ast
import base64
import calendar
import colorsys
import configparser
import copy
import datetime
import difflib
import fnmatch
import fractions
import html.parser
import io
import ipaddress
import json
import json.decoder
import json.encoder
import json.scanner
import posixpath
import pprint
import quopri
import random
import shlex
import statistics
import string
import textwrap
import urllib.parse
from collections import ChainMap, Counter, OrderedDict, UserDict
from collections.abc import Callable
from types import CodeType

_TEXT = "It was the best of times, it was the worst of times; it was the age of wisdom. " * 2
_MODULES = (
    *(ast, base64, calendar, colorsys, configparser, copy, datetime, difflib, fnmatch, fractions),
    *(html.parser, ipaddress, json.decoder, json.encoder, json.scanner, posixpath, pprint, quopri),
    *(random, shlex, statistics, string, textwrap, urllib.parse),
)
_FILES = {module.__file__ for module in _MODULES} | {Counter.__init__.__code__.co_filename}


def watched(code: CodeType) -> bool:
    return code.co_filename in _FILES


def _json_in_python() -> object:
    decoder = json.decoder.JSONDecoder()
    decoder.parse_string = json.decoder.py_scanstring  # type: ignore[attr-defined]
    scan = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    text = '{"a": [1, -2.5e3, true, null, "x\\u00e9\\n"], "b": {"c": []}}'
    return scan(text, 0)


def _configuration() -> object:
    parser = configparser.ConfigParser()
    parser.read_string("[a]\nx = 1\ny = %(x)s2\n[b]\nlong = one\n  two\n# comment\nflag = yes\n")
    return parser.get("a", "y"), parser.getboolean("b", "flag"), dict(parser["b"])


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def _tags() -> object:
    parser = _Tags()
    parser.feed('<p class="a" id=b>one &amp; <br/>two<!-- no --></p><a href=x>z</a>')
    parser.close()
    return parser.seen


def _deep_copy() -> object:
    tree: dict[str, object] = {"a": [1, (2, [3])], "d": datetime.date(2026, 1, 2)}
    tree["self"] = tree
    return copy.deepcopy(tree)["a"]


def _collections() -> object:
    counts = Counter("abracadabra") + Counter(a=1) - Counter(b=5)
    chain = ChainMap({"a": 1}, UserDict({"b": 2}))
    return counts.most_common(2), dict(chain), OrderedDict(a=1) == {"a": 1}


def _errors() -> object:
    wrong: list[Callable[[], object]] = [
        lambda: ipaddress.ip_address("1.2.3.400"),
        lambda: fractions.Fraction("1/0"),
        lambda: statistics.mean([]),
        lambda: string.Formatter().format("{0.x}", 1),
        lambda: shlex.split('"open'),
        lambda: datetime.date.fromisoformat("2026-13-01"),
        lambda: base64.b32decode("????"),
    ]
    messages = []
    for each in wrong:
        try:
            each()
        except Exception as error:
            messages.append(str(error))
    return messages


DRIVERS: list[Callable[[], object]] = [
    lambda: textwrap.wrap(_TEXT, 30, initial_indent="* "),
    lambda: textwrap.dedent("   a\n     b\n   c\n"),
    _json_in_python,
    lambda: "".join(json.encoder.JSONEncoder(indent=1).iterencode({"a": [1, 2.5, None], "é": {}})),
    lambda: list(difflib.unified_diff([*"abcdef"], [*"abxdeg"])),
    lambda: difflib.get_close_matches("appel", ["ape", "apple", "peach"]),
    lambda: fractions.Fraction(3, 7) ** 3 + fractions.Fraction("2.5") // 2 - 1,
    lambda: [statistics.stdev([1.5, 2.5, 2.5, 2.75]), statistics.quantiles(range(9), n=3)],
    lambda: [statistics.median_grouped([1, 2, 2, 3]), statistics.mode("aab")],
    lambda: shlex.split('a \'b c\' "d\\"e" f\\ g # no', comments=True),
    lambda: string.Formatter().format("{0:>{w}} {name!r} {1[k]}", 1, {"k": 2}, w=4, name="n"),
    lambda: string.Template("$a ${b} $$").safe_substitute(a=1),
    _configuration,
    _tags,
    lambda: urllib.parse.urljoin("http://a/b/c/d;p?q", "../g?y=%20#s"),
    lambda: urllib.parse.parse_qsl("a=1&b=%C3%A9&c=+x&d"),
    lambda: urllib.parse.quote("a b/é?"),
    lambda: [str(n) for n in ipaddress.ip_network("10.0.0.0/28").subnets(new_prefix=30)],
    lambda: ipaddress.ip_address("2001:db8::1:0:0:1").exploded,
    lambda: calendar.TextCalendar().formatmonth(2026, 2),
    lambda: [colorsys.rgb_to_hls(0.1, 0.5, 0.9), colorsys.hsv_to_rgb(0.6, 0.5, 0.4)],
    lambda: base64.b85decode(base64.b85encode(b"hello world!")),
    lambda: quopri.decode(io.BytesIO(b"a=3Db=\n c"), io.BytesIO()),
    lambda: posixpath.normpath("/a//./b/../c/../../d"),
    lambda: posixpath.relpath("/a/b/c", "/a/d"),
    lambda: fnmatch.translate("a[!b-d]*?.py"),
    lambda: pprint.pformat(
        {"a": list(range(12)), "b": {"c": "x" * 50, "d": ("y" * 40,)}}, width=40
    ),
    _deep_copy,
    _collections,
    lambda: ast.unparse(ast.parse("def f(a, *b, c=1):\n  return [x for x in a if x > c] or -b[0]")),
    lambda: ast.literal_eval("{'a': [1, -2, (3j,)]}"),
    lambda: random.Random(5).sample(range(50), 6),
    lambda: random.Random(6).choices("abc", [1, 2, 3], k=5),
    lambda: [random.Random(7).gauss(0, 1), random.Random(8).triangular(0, 1)],
    _errors,
]
