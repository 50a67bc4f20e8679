import json

import pytest
from pyvorin_wire import render
from pyvorin_wire.diagnostic import Diagnostic, Severity, Span
from pyvorin_wire.errors import RecordError
from pyvorin_wire.jobs import JOB_EXIT, TRANSITIONS, JobState, may_become

from tests.wire.samples import diagnostic

SOURCE = {"rules.py": "def apply(rule: str, row):\n    return eval(rule)\n"}
TEXT = """\
error[PYV101]: `eval` builds code at run time
  --> rules.py:2:12
    2 |     return eval(rule)
      |            ^^^^ text comes from parameter `rule`
    1 | def apply(rule: str, row):
      |           ---- 3 different texts seen
   = result: `apply` not compiled
   = what it runs is not known before it runs
   = help: parse once, dispatch many
   = help (manual): use a table
       - return eval(rule)
       + return RULES[rule]()
   = more: pyvorin-thin explain PYV101
"""


def test_text():
    assert render.render_text([diagnostic()], SOURCE) == TEXT


def test_text_without_the_source_still_says_everything():
    text = render.render_text([diagnostic()], {})
    assert "rules.py:2:12" in text
    assert "text comes from parameter `rule`" in text


def test_colour_only_when_asked():
    assert "\x1b" not in render.render_text([diagnostic()], SOURCE)
    assert "\x1b[1;31m" in render.render_text([diagnostic()], SOURCE, colour=True)


def test_hidden_characters_are_shown():
    source = {"a.py": "x = '\u202e\x1b[31m'\n"}
    one = Diagnostic("PYV101", Severity.ERROR, "m\x07", Span("a.py", 1, 0, 1, 1))
    text = render.render_text([one], source)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\u202e" in text


def test_wide_characters_are_underlined_in_place():
    one = Diagnostic("PYV101", Severity.ERROR, "m", Span("a.py", 1, 6, 1, 7))
    lines = render.render_text([one], {"a.py": "s = '漢x'\n"}).splitlines()
    assert lines[3].index("^") == lines[2].index("x") + 1


def test_json_is_the_record():
    body = json.loads(render.render_json([diagnostic()]))
    assert Diagnostic.from_json(body["diagnostics"][0]) == diagnostic()


def test_sarif_has_rule_place_and_level():
    rules = {"PYV101": render.Rule("dynamic code", "https://example.org/PYV101")}
    text = render.render_sarif([diagnostic()], tool="pyvorin", version="1", rules=rules)
    run = json.loads(text)["runs"][0]
    assert run["tool"]["driver"]["rules"][0]["helpUri"].endswith("PYV101")
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 12, "endLine": 2, "endColumn": 16}
    assert run["results"][0]["level"] == "error"


def test_github_lines_cannot_be_forged():
    evil = Diagnostic("PYV101", Severity.WARNING, "a\n::error::b", Span("x,y:z.py", 1, 0, 1, 1))
    line = render.render_github([evil])
    assert line.count("\n") == 1
    assert line.startswith("::warning file=x%2Cy%3Az.py,line=1,col=1,title=PYV101::a%0A")


def test_a_diagnostic_of_the_wrong_shape_is_refused():
    with pytest.raises(RecordError):
        Diagnostic.from_json({**diagnostic().to_json(), "code": "E1"})


def test_terminal_job_states_end_and_have_an_exit_code():
    terminal = {state for state in JobState if state.is_terminal}
    assert set(JOB_EXIT) == terminal
    assert set(TRANSITIONS) == set(JobState)


def test_every_job_state_is_reached_and_reaches_an_end():
    reached, frontier = {JobState.QUEUED}, [JobState.QUEUED]
    while frontier:
        for state in TRANSITIONS[frontier.pop()] - reached:
            reached.add(state)
            frontier.append(state)
    assert reached == set(JobState)
    assert not may_become(JobState.COMPLETE, JobState.QUEUED)
    assert not may_become(JobState.QUEUED, JobState.SIGNING)
