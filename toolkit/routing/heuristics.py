"""The built-in guess whether a prompt is about code: certain words, or a fenced block.

The list is short on purpose: words that name programming and little else, and the handful (code, function, class,
implement) that a router of this kind is expected to know although they have other uses. Languages whose names are
everyday words (go, rust, swift, basic) are left out.
"""

from __future__ import annotations

CODE_KEYWORDS: tuple[str, ...] = (
    "code",
    "coding",
    "codebase",
    "function",
    "functions",
    "implement",
    "implementing",
    "implementation",
    "debug",
    "debugging",
    "debugger",
    "class",
    "classes",
    "subclass",
    "refactor",
    "refactoring",
    "bug",
    "bugs",
    "bugfix",
    "compile",
    "compiles",
    "compiler",
    "compiling",
    "syntax error",
    "stack trace",
    "stacktrace",
    "traceback",
    "segfault",
    "regex",
    "regexp",
    "algorithm",
    "unit test",
    "unit tests",
    "pytest",
    "api",
    "sql",
    "python",
    "javascript",
    "typescript",
    "java",
    "golang",
    "bash",
    "dockerfile",
)

FENCED = "fenced code"

# RE2's `\b` knows ASCII letters only and would find "code" in "décodé"; so a word's neighbours are spelled out.
_OUTSIDE = r"[^\pL\pM\pN_]"

CODE_PATTERN = (
    rf"(?i:(?:^|{_OUTSIDE})({'|'.join(CODE_KEYWORDS)})(?:{_OUTSIDE}|$))"  # whole words, any case
    r"|```|(?m:^ {0,3}~~~)"  # a fence
)
"""Matches a text about code; group 1 is the keyword, empty if a fence decided."""
