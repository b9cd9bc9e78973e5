"""Tests that the judge plants beside the suite: canaries that must end as they must, and inverse twins."""
