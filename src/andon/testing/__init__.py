"""Public doubles for tests of andon and of whatever is built on it; nothing in the product imports them."""
