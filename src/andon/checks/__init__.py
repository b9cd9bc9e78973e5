"""Loads checks and asks them; a check that cannot be asked is an error, never taken for a failing or a good one."""

from __future__ import annotations

from andon.checks.asking import ask, ask_sql
from andon.checks.evidence import population, record_evidence
from andon.checks.functions import check
from andon.checks.header import load_check_text
from andon.checks.load import load_checks
from andon.checks.newer import newer_than
from andon.checks.report import as_json, exit_code, junit, render
from andon.checks.sweep import ask_all

__all__ = [
    "as_json",
    "ask",
    "ask_all",
    "ask_sql",
    "check",
    "exit_code",
    "junit",
    "load_check_text",
    "load_checks",
    "newer_than",
    "population",
    "record_evidence",
    "render",
]
