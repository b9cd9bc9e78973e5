"""Agents: programs that find causes and write patches; nothing they say is believed."""
