"""Tells a verdict: Markdown, SARIF, job summaries and annotations."""
