#!/usr/bin/env python3
"""Compares the runtime's chat templates with the reference: the PyPI package `jinja2`, set up as Hugging Face does.

Usage: compare_templates.py TEXT_DRIVER TEMPLATE_FILE...
The published templates render several conversations; the snippets below cover the language. Where Jinja prints text, the
runtime must print the same; where Jinja fails, the runtime must fail too; what the runtime knowingly leaves out must be
an error that gives the line. Prints each difference and a count; exits 0 if there is none, 1 if there are some, and 77
if the package is missing.
"""

import argparse
import json
import pathlib
import subprocess
import sys

try:
    import jinja2
    import jinja2.ext
    import jinja2.sandbox
except ImportError:
    print("unsupported: the Python package 'jinja2' is missing; install it with: python3 -m pip install jinja2")
    sys.exit(77)

TOOLS = [{"type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"北京\"}"}},
         {"type": "function", "function": {"name": "f", "arguments": "{}"}}]
CONVERSATIONS = [
    [],
    [{"role": "user", "content": "Hello!"}],
    [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "  你好 😀  "}],
    [{"role": "system", "content": "One."}, {"role": "system", "content": "Two."}, {"role": "user", "content": "Hi"},
     {"role": "assistant", "content": "<think>well</think>\n\nHi there"}, {"role": "user", "content": ""}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": None, "tool_calls": TOOLS},
     {"role": "tool", "content": "sunny"}, {"role": "tool", "content": "rain"}, {"role": "assistant", "content": "Both."}],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": "Let me see.", "tool_calls": TOOLS[:1]},
     {"role": "tool", "content": "sunny"}],
    [{"role": "user", "content": "q"}, {"role": "assistant", "content": "so", "prefix": True}],
]
VARIABLES = [{}, {"thinking": True}, {"thinking": False, "enable_thinking": True}]

# Each renders with: messages, n = 3, x = 2.5, s = "Hello, Wörld", t = "  a b  c ", l, d, empty, nothing = none.
SNIPPETS = [
    # White space and tags.
    "a\n{% if true %}\n  b\n{% endif %}\nc\n", "  {% if true %}x{% endif %}  \n  {{ 1 }}\n", "a  {%- if true -%}  b  {%- endif -%}  c",
    "{%+ if true %}x{%+ endif +%}\n y", "a {# note #}\nb {#- c -#}  d", "  {# only #}\n{#-#}x", "{{- 'a' -}}  {{+ 'b' }}", "x\r\ny\rz\r\n",
    "{% raw %}{{ not }} {% this %}{% endraw %}\n z", "  {%- raw -%}  q  {%- endraw -%}  r", "a\n\n", "{{ 'a' }}\n{{ 'b' }}\n\n", "{ {% set z=1 %} } {{ '}}' }} {% if '%}' %}ok{% endif %}",
    "\t{% set q = 1 %}\t\n|{{ q }}", "a\n  {%- set q = 1 %}\n  b", "{% set q = 1 -%}\n\n  c", "{#a#}{#b#}\n\nc", "#}{# {{ #}%}", "{{ '{%' }}{{\"a'b\"}}",
    # Literals.
    "{{ 1 }} {{ -1 }} {{ 1.0 }} {{ 2.5e3 }} {{ 1e20 }} {{ 1e-7 }} {{ 0.1 + 0.2 }} {{ 100000000000000000.0 }} {{ 1.5e300 * 1e10 }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }} {{ [] }} {{ {} }} {{ () }} {{ [1,] }} {{ {'a': 1,} }}", "{{ 'a' 'b' \"c\" }}",
    r"{{ 'a\nb\t\\ \' \x41 \u4e2d \U0001f600 \q \101 \0' }}", "{{ [1, 'a', none, true, 1.5, {'k': ['v']}] }}", r"""{{ ["it's", 'say "x"', 'both \' and "', 'é\n\x07\u200b'] }}""",
    "{{ [undefined_name] }} {{ undefined_name }}", "{{ 9223372036854775807 }}",
    # Operators.
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}",
    "{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 10 - 2 - 3 }} {{ 2 * 3 % 4 }}", "{{ 'a' + 'b' ~ 1 ~ none ~ 2.0 }} {{ 1 ~ 2 + 3 }}",
    "{{ 'ab' * 3 }} {{ 2 * [1, 2] }} {{ 'a' * -1 }}|", "{{ [1] + [2, 3] }}", "{{ 1 + 'a' }}", "{{ 'a' + none }}", "{{ 'a' + missing }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ '1' == 1 }} {{ 'a' < 'b' }} {{ [1] == [1] }} {{ {'a': 1} == {'a': 1} }} {{ none == none }} {{ 1 != 2 }}",
    "{{ 'ell' in s }} {{ 'x' not in s }} {{ 1 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 'k' in missing }} {{ 3 in [] }}", "{{ 1 in 'abc' }}", "{{ 1 < 'a' }}", "{{ 'a' in none }}",
    "{{ 0 or 'a' }} {{ 1 and 'b' }} {{ '' or none }} {{ not '' }} {{ not 1 }} {{ not not 1 }} {{ true and not false or false }}",
    "{{ 'y' if n > 2 else 'n' }} {{ 'y' if false }}| {{ 1 if false else 2 if false else 3 }} {{ ('a' if true else 'b') + 'c' }} {{ 'a' if missing is defined else 'b' }}",
    "{{ -n }} {{ +n }} {{ - -n }} {{ -x|abs }} {{ -'a' }}", "{{ -missing }}", "{{ true + true }} {{ 3 - true }}",
    # Access.
    "{{ d.a }} {{ d['a'] }} {{ d.b.c }} {{ d.b['c'][0] }} {{ d.missing }}| {{ d['missing'] }}| {{ l[0] }} {{ l[-1] }} {{ l[99] }}| {{ s[0] }} {{ s[-1] }} {{ s[8] }} {{ l.0 }}",
    "{{ d.missing.x }}", "{{ missing.x }}", "{{ missing['x'] }}", "{{ nothing.x }}| {{ nothing['x'] }}| {{ n.x }}| {{ n[0] }}|", "{{ messages[0].role }} {{ messages[0]['content'] }} {{ messages|length }}",
    "{{ l[1:] }} {{ l[:-1] }} {{ l[::2] }} {{ l[::-1] }} {{ l[3:1] }} {{ l[-2:] }} {{ l[5:0:-2] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[7:9] }} {{ l[none:2] }} {{ [][1:] }}", "{{ l[::0] }}", "{{ n[1:] }}", "{{ missing[1:] }}",
    "{{ d.items()|list }} {{ d.keys()|list }} {{ d.values()|list }} {{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 9) }}",
    # Statements.
    "{% if n == 1 %}one{% elif n == 3 %}three{% else %}other{% endif %}", "{% if [] %}a{% elif {} %}b{% elif '' %}c{% elif 0 %}d{% elif 0.0 %}e{% elif none %}f{% elif missing %}g{% else %}h{% endif %}",
    "{% for i in l %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ ',' if not loop.last }}{% if loop.first %}F{% endif %}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.index0 }} {% endfor %}",
    "{% for i in l if i is odd %}{{ loop.index }}{{ i }}{% else %}none{% endfor %} {% for i in [] %}x{% else %}empty{% endfor %}", "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }};{% endfor %}", "{% for (a, b) in d.items() %}{{ a }}={{ b }};{% endfor %}",
    "{% for k in d %}{{ k }} {% endfor %}{% for c in 'añb' %}[{{ c }}]{% endfor %}{% for i in missing %}x{% endfor %}", "{% for i in n %}x{% endfor %}", "{% for i in nothing %}x{% endfor %}", "{% for a, b in [[1]] %}x{% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in l %}{{ loop.previtem }}-{{ loop.nextitem }};{% endfor %}",
    "{% set v = 1 %}{% for i in [1] %}{% set v = 2 %}{{ v }}{% endfor %}{{ v }} {% if true %}{% set v = 3 %}{% endif %}{{ v }}", "{% for i in [1, 2] %}{{ w }}{% set w = i %}{{ w }}{% endfor %}{{ w }}",
    "{% set ns = namespace(a=1, b='x') %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set q %}a{{ n }}\n{% endset %}[{{ q }}]",
    "{% set n.a = 1 %}", "{% set missing.a = 1 %}", "{% for i in l %}{% for j in 'ab' %}{{ loop.index }}{{ j }}{% endfor %}{{ loop.index }}{% endfor %}", "{{ (1, 2) }}", "{{ 1, 2 }}",
    "{% set f = false %}{% if not f %}{{ f }}{% endif %}", "{% set a = [1, 2] %}{% set b = a + [3] %}{{ a }}{{ b }}",
    # Filters.
    "{{ t|trim }}| {{ 'AbC'|upper|lower|length }} {{ () }} {{ (1,) }} {{ [(1, 2)] }}", "{{ 'aBc'|upper }} {{ 'aBc'|lower }} {{ 'aBC'|capitalize }} {{ none|string }} {{ 1|string ~ 2 }}", "{{ s|length }} {{ l|count }} {{ d|length }} {{ missing|length }}", "{{ n|length }}",
    "{{ missing|default('x') }} {{ ''|default('x') }} {{ ''|default('x', true) }} {{ none|d('x') }} {{ missing|d }}| {{ 0|d(5, boolean=true) }}", "{{ l|first }} {{ l|last }} {{ []|first }}| {{ 'ab'|first }}",
    "{{ l|join(', ') }} {{ ['a', 'b']|join }} {{ 'abc'|join('-') }} {{ [1, none, 'x']|join('|') }} {{ messages|join(',', attribute='role') }}", "{{ 'abc'|list }} {{ d|list }} {{ l|reverse|list }} {{ 'añb'|reverse }}",
    "{{ '12'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.9|int }} {{ -3.9|int }} {{ ' 5 '|int }} {{ '2.5'|float }} {{ 'q'|float }} {{ n|float }} {{ '3.7'|int }} {{ true|int }}", "{{ -3|abs }} {{ (-2.5)|abs }}",
    "{{ 'aXbXc'|replace('X', '-') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'ab'|replace('', '.') }}", "{{ d|items|list }}", "{{ d|tojson }} {{ l|tojson }} {{ s|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ '<&>\"\\\\/\\n\\x01é'|tojson }}",
    "{{ d|tojson(indent=2) }}", "{{ []|tojson(indent=2) }}{{ {}|tojson(2) }}", "{{ missing|tojson }}", "{{ l|map('string')|join }} {{ messages|map(attribute='role')|list }} {{ ['a']|map('upper')|list }}",
    "{{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ [0, 1, '']|select|list }} {{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ messages|rejectattr('role', 'eq', 'user')|list }} {{ [d, {}]|selectattr('a')|list|length }}",
    "{{ 'a' + 'b'|upper }} {{ ('a' + 'b')|upper }} {{ 1 + 2|string|length }} {{ -1|abs }} {{ 'x'|safe }}", "{{ missing|trim }}| {{ none|trim }} {{ 5|trim }}", "{{ 1|nosuchfilter }}",
    # Tests.
    "{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ none is none }} {{ n is none }} {{ missing is none }} {{ n is not none }}",
    "{{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is number }} {{ true is number }} {{ 'a' is string }} {{ d is mapping }} {{ l is sequence }} {{ 'a' is sequence }} {{ d is sequence }} {{ 1 is sequence }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ missing is iterable }} {{ missing is sequence }}",
    "{{ true is true }} {{ 1 is true }} {{ false is false }} {{ true is boolean }} {{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto(1) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is in [1] }} {{ 3 is gt(2) }}",
    "{{ n is not odd and n is defined }} {{ not n is odd }} {{ n is odd or missing.x }} {{ 'a' if n is odd else 'b' }} {{ (n is odd) == true }}", "{{ n is nosuchtest }}", "{{ n is odd is true }}",
    # Methods and functions.
    "{{ 'a,b,,c'.split(',') }} {{ t.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ t.split(none, 1) }} {{ t.rsplit(none, 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ 'x'.split('x') }} {{ 'a</think>b'.split('</think>')[-1] }} {{ 'a-b'.split(sep='-') }} {{ 'a b'.split(maxsplit=0) }}",
    "{{ 'a'.split('') }}", "{{ t.strip() }}|{{ t.lstrip() }}|{{ t.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ '日a日'.strip('日') }}|{{ '\\n a\\u3000\\x1f'.strip() }}|{{ 'abc'.rstrip('cb') }}|{{ 'abc'.lstrip('ba') }}",
    "{{ s.startswith('He') }} {{ s.endswith('ld') }} {{ s.startswith('x') }} {{ s.startswith(('x', 'H')) }}", "{{ 'aXb'.replace('X', 'Y') }} {{ 'aaa'.replace('a', '', 1) }}", "{{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ 'aB cd'.title() }} {{ 'aB'.capitalize() }}",
    "{{ s.find('o') }} {{ s.find('ld') }} {{ s.find('zz') }} {{ 'aaaa'.count('aa') }} {{ 'é'.count('') }} {{ ', '.join(['a', 'b']) }} {{ ''.join('xyz') }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }}", "{{ ','.join([1]) }}", "{{ n.split() }}", "{{ none.split() }}", "{{ missing.split() }}", "{{ 'a'.nosuchmethod() }}",
    "{{ range(3)|list }} {{ range(1, 4)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }}", "{{ range(1, 2, 0) }}", "{{ dict(a=1, b=2) }}", "{{ raise_exception('no!') }}", "{{ nosuchfunction() }}", "{{ 'a'() }}", "{% generation %}g{{ n }}{% endgeneration %}",
    # Syntax errors.
    "{{ }}", "{{ 1 + }}", "{{ (1 }}", "{{ 1) }}", "{{ [1 }}", "{% if %}x{% endif %}", "{% if true %}x", "{% endif %}", "{% else %}", "{% for in l %}{% endfor %}", "{% for x of l %}{% endfor %}", "{% set %}", "{% set 1 = 2 %}", "{{ 'abc }}", "{{ 1", "{% if true", "{# open",
    "{% raw %} open", "{{ a b }}", "{{ 1 is }}", "{{ l[1:2:3:4] }}", "{{ {'a' 1} }}", "{{ f(a=1, 2) }}", "{% nosuchstatement %}", "{% if true %}{% endfor %}", "{% set none = 1 %}", "{{ @ }}", "{% for i in l %}{% else %}{% elif %}{% endfor %}", "{% break %}", "{{ x y }}", "{%  %}", "{{ a.1b }}", "{{ . }}", "{{ a| }}", "{{ 'a' | upper( }}",
]
# Jinja renders these; the runtime leaves them out, and says so.
UNSUPPORTED = [
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}", "{% filter upper %}a{% endfilter %}", "{% with a = 1 %}{{ a }}{% endwith %}", "{{ s|upper }}", "{{ 'é'.title() }}", "{{ '%s' % 1 }}", "{{ l|sort }}", "{{ 2 ** 100 }}", "{{ 99999999999999999999 }}",
    "{{ d.items }}", "{{ {1: 2} }}", "{{ 'a'.format() }}", "{{ f(*l) }}", "{{ 0x10 }}", "{{ lipsum() }}", "{% for i in l recursive %}{% endfor %}", "{{ 'a' is upper }}", "{{ [namespace()] }}", "{% for i in l %}{{ loop.cycle(1, 2) }}{% endfor %}", "{{ '\\N{DASH}' }}", "{{ 'a'|indent }}", "{{ l|sum }}", "{{ 1_000 }}", "{{ l[] }}",
]
CONTEXT = {"n": 3, "x": 2.5, "s": "Hello, Wörld", "t": "  a b  c ", "l": [1, 2, 3, 4], "d": {"b": {"c": [7]}, "a": 1, "ü": "ß\n"}, "empty": [], "nothing": None}


class Generation(jinja2.ext.Extension):
    """Hugging Face's tag for what an assistant says; it prints its contents."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        return jinja2.nodes.Scope(parser.parse_statements(["name:endgeneration"], drop_needle=True), lineno=line)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    env.globals["raise_exception"] = raise_exception
    return env


def reference(env, request):
    try:
        return env.from_string(request["template"]).render(
            {"tools": None, "documents": None, "bos_token": "<bos>", "eos_token": "<eos>", "messages": request["messages"],
             "add_generation_prompt": request["add_generation_prompt"], **request["variables"]})
    except Exception as error:  # whatever Jinja or Python raises is a failure of the template
        return error


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver", help="the text-driver binary")
    parser.add_argument("templates", nargs="*", type=pathlib.Path, help="chat templates")
    arguments = parser.parse_args()

    requests = []
    for file in arguments.templates:
        for conversation in CONVERSATIONS:
            for variables in VARIABLES:
                for prompt in (False, True):
                    requests.append((file.read_text(), conversation, variables, prompt))
    published = len(requests)
    requests += [(snippet, CONVERSATIONS[3], CONTEXT, True) for snippet in SNIPPETS + UNSUPPORTED]
    requests = [dict(zip(("template", "messages", "variables", "add_generation_prompt"), r)) for r in requests]
    done = subprocess.run([arguments.driver, "template"], input="".join(json.dumps(r) + "\n" for r in requests),
                          capture_output=True, text=True, encoding="utf-8", check=False)
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    if done.returncode != 0 or len(answers) != len(requests):
        sys.exit(f"FAIL {arguments.driver} answered {len(answers)} of {len(requests)} requests, exit code {done.returncode}: {done.stderr}")

    env = environment()
    failures = rendered = 0
    for i, (request, answer) in enumerate(zip(requests, answers)):
        if i >= published + len(SNIPPETS):
            expected = "an error with a line number"
            same = "error" in answer and answer["error"].startswith("t:1: ")
        else:
            expected = reference(env, request)
            rendered += isinstance(expected, str)
            same = answer.get("text") == expected if isinstance(expected, str) else answer.get("error", "").startswith("t:")
        if not same:
            failures += 1
            print(f"FAIL {request['template'][:300]!r}\n  runtime   {answer}\n  reference {expected!r}")
    print(f"jinja2 {jinja2.__version__}: {len(requests)} cases ({rendered} rendered), {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
