"""Asks databases questions that provably change nothing; it never writes, and never asks without every guard."""

from __future__ import annotations
