"""Reads added lines for what an honest fix seldom says; what it finds is looked at by the proofs."""
